//===- Rules.h - Shape and element type rules, by name ----------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A record names one shape rule and one dtype rule per result; ODS type
// inference and the eager dispatcher both call the function of that name. Sizes
// may be kDynamic.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_SEMANTICS_RULES_H
#define STEPWELL_SEMANTICS_RULES_H

#include "stepwell/Semantics/Types.h"

#include <span>

namespace stepwell::rules {

using Operands = std::span<const TensorType>;

/// The attributes of an operation, by the names that its record gives them.
class NamedAttributes {
public:
  NamedAttributes() = default;
  NamedAttributes(std::span<const std::string_view> names,
                  const Attributes &values)
      : names(names), values(values.data()) {}

  /// Null if the operation has none of this name.
  template <typename T> const T *find(std::string_view name) const {
    for (size_t i = 0; i < names.size(); ++i)
      if (names[i] == name)
        return std::get_if<T>(values + i);
    return nullptr;
  }
  /// One that each operation has whose record names the rule.
  template <typename T> const T &get(std::string_view name) const {
    const T *value = find<T>(name);
    assert(value && "a rule reads an attribute that the record lacks");
    return *value;
  }

private:
  std::span<const std::string_view> names;
  const Attribute *values = nullptr;
};

using ShapeRule = ErrorOr<Dims> (*)(Operands, const NamedAttributes &);
using DTypeRule = ErrorOr<DType> (*)(Operands, const NamedAttributes &);

//===--- Shape rules ------------------------------------------------------===//

/// NumPy broadcasting: aligned at the last dimension, 1 stretches, a dynamic
/// size equals every size but 1.
ErrorOr<Dims> broadcast(Operands, const NamedAttributes &);
/// The shape of the first operand, to which the others broadcast.
ErrorOr<Dims> broadcastToFirst(Operands, const NamedAttributes &);
/// The shape of the first operand; the others are numbers.
ErrorOr<Dims> withNumbers(Operands, const NamedAttributes &);
/// Attributes: dims, keepdim.
ErrorOr<Dims> reduce(Operands, const NamedAttributes &);
/// (..., m, k) x (..., k, n), batch dimensions broadcast; both of rank 2 or
/// more.
ErrorOr<Dims> matmul(Operands, const NamedAttributes &);
ErrorOr<Dims> linear(Operands, const NamedAttributes &);
/// The batch dimensions, the input's free ones, the other's. Attributes:
/// input_batch, other_batch, input_contract, other_contract.
ErrorOr<Dims> dotGeneral(Operands, const NamedAttributes &);
/// Attributes: permutation.
ErrorOr<Dims> permute(Operands, const NamedAttributes &);
/// The shape of the last operand, to which the first must broadcast.
/// Attributes: dims, keepdim; with keepdim false the first operand lacks the
/// dimensions dims.
ErrorOr<Dims> broadcastLike(Operands, const NamedAttributes &);
/// The shape of the last operand, whatever the others have.
ErrorOr<Dims> like(Operands, const NamedAttributes &);
/// As reduce; every reduced dimension has an element, unless the attribute
/// empty is set.
ErrorOr<Dims> reduceSome(Operands, const NamedAttributes &);
/// The shape of the input, of which `dims` are reduced in between; what else is
/// given lies along those. Attributes: dims.
ErrorOr<Dims> reduceKeeping(Operands, const NamedAttributes &);
/// One number, of operands that broadcast. Attributes: dims, if any.
ErrorOr<Dims> scalar(Operands, const NamedAttributes &);
/// The shape of the input. Attributes: dim.
ErrorOr<Dims> along(Operands, const NamedAttributes &);
/// The shape of the input. Attributes: dim.
ErrorOr<Dims> iota(Operands, const NamedAttributes &);
/// Attributes: sizes.
ErrorOr<Dims> broadcastTo(Operands, const NamedAttributes &);
/// Attributes: sizes. A size of -1 - d is the input's along dimension d; one
/// may be open, and is what the others leave.
ErrorOr<Dims> reshape(Operands, const NamedAttributes &);
/// Which dimension of the input each of `sizes` is, -1 for those of size 1;
/// nothing if the two differ in more than dimensions of size 1.
std::vector<int> reshapedFrom(const Dims &input, const Dims &sizes);
/// The shape of the last operand.
ErrorOr<Dims> reshapeLike(Operands, const NamedAttributes &);
/// Attributes: dims.
ErrorOr<Dims> flip(Operands, const NamedAttributes &);
/// Attributes: low, high.
ErrorOr<Dims> pad(Operands, const NamedAttributes &);
/// Attributes: dtype, sizes: expressions over the sizes of all operands
/// (HostExpression.h).
ErrorOr<Dims> empty(Operands, const NamedAttributes &);
/// Attributes: starts, sizes, steps.
ErrorOr<Dims> slice(Operands, const NamedAttributes &);
/// Attributes: starts, steps.
ErrorOr<Dims> insertSlice(Operands, const NamedAttributes &);
/// The shape of the last operand; that of the second says where the slice
/// begins. Attributes: steps.
ErrorOr<Dims> sliceLike(Operands, const NamedAttributes &);
/// The last operand's shape says where the second lies. Attributes: steps.
ErrorOr<Dims> insertSliceAt(Operands, const NamedAttributes &);
/// Attributes: dim.
ErrorOr<Dims> concat(Operands, const NamedAttributes &);

// Of an input, an index and perhaps what is written. Attributes: dim.
ErrorOr<Dims> gather(Operands, const NamedAttributes &);
ErrorOr<Dims> scatter(Operands, const NamedAttributes &);
ErrorOr<Dims> indexSelect(Operands, const NamedAttributes &);
ErrorOr<Dims> indexWrite(Operands, const NamedAttributes &);
ErrorOr<Dims> pick(Operands, const NamedAttributes &);
/// As pick along dimension 1; no attribute says so.
ErrorOr<Dims> classes(Operands, const NamedAttributes &);
/// Attributes: num_classes.
ErrorOr<Dims> oneHot(Operands, const NamedAttributes &);
/// (b, h, l, e), (b, h, s, e) and (b, h, s, v) to (b, h, l, v); a fourth
/// operand is (b, h, l, s), in which all but s may be 1.
ErrorOr<Dims> attention(Operands, const NamedAttributes &);
/// Of attention: (b, h, l).
ErrorOr<Dims> attentionRows(Operands, const NamedAttributes &);
/// Of attention's query, key, value and the gradient of its result, three
/// tensors (b, h, l), and a mask: the shapes of the gradients of each, that of
/// the mask before it is summed to its shape.
ErrorOr<Dims> attentionQuery(Operands, const NamedAttributes &);
ErrorOr<Dims> attentionKey(Operands, const NamedAttributes &);
ErrorOr<Dims> attentionValue(Operands, const NamedAttributes &);
ErrorOr<Dims> attentionMask(Operands, const NamedAttributes &);
/// dim: as the input, fewer than 2^32 elements along it.
ErrorOr<Dims> sorted(Operands, const NamedAttributes &);
/// dim, k: the input with k elements along dim.
ErrorOr<Dims> topk(Operands, const NamedAttributes &);

// WindowRules.cpp. Attributes: stride, padding, dilation, groups.

/// (n, c, h, w) and a weight of (o, c / groups, kh, kw) to (n, o, oh, ow).
ErrorOr<Dims> conv2d(Operands, const NamedAttributes &);
/// The gradient of the result, the weight, and an operand with the input's
/// shape, which is the result's.
ErrorOr<Dims> conv2dInputGradient(Operands, const NamedAttributes &);
/// The input, the gradient of the result, and an operand with the weight's
/// shape, which is the result's.
ErrorOr<Dims> conv2dWeightGradient(Operands, const NamedAttributes &);

// Attributes: kernel_size, stride, padding, dilation, ceil_mode.

/// (n, c, h, w) to (n, c, oh, ow): as many windows as fit.
ErrorOr<Dims> maxPool2d(Operands, const NamedAttributes &);
/// The gradient of the pool's result, the indices, and an operand with the
/// input's shape, which is the result's.
ErrorOr<Dims> maxPool2dGradient(Operands, const NamedAttributes &);
/// The pool's input, and the indices, whose shape is the result's.
ErrorOr<Dims> maxPool2dGather(Operands, const NamedAttributes &);

// Attributes: kernel_size, stride, padding, ceil_mode, count_include_pad,
// divisor.

ErrorOr<Dims> avgPool2d(Operands, const NamedAttributes &);
/// The gradient of the pool's result, and an operand with the input's shape,
/// which is the result's.
ErrorOr<Dims> avgPool2dGradient(Operands, const NamedAttributes &);

//===--- Element type rules -----------------------------------------------===//

/// All operands have one element type, and so has the result.
ErrorOr<DType> same(Operands, const NamedAttributes &);
/// The same, and it is not bool.
ErrorOr<DType> numbers(Operands, const NamedAttributes &);
/// The same, and it is of floats: what numbers an integer cannot express.
ErrorOr<DType> inexact(Operands, const NamedAttributes &);
/// All operands have one element type; the result is bool.
ErrorOr<DType> boolean(Operands, const NamedAttributes &);
/// The first operand is bool, all others have one element type, and so has the
/// result.
ErrorOr<DType> select(Operands, const NamedAttributes &);
/// The element type of the first operand, whatever the others have.
ErrorOr<DType> first(Operands, const NamedAttributes &);
/// The element type that the first two operands have.
ErrorOr<DType> firstTwo(Operands, const NamedAttributes &);
/// Of an input, integer indices and perhaps what is written into the input.
ErrorOr<DType> indexed(Operands, const NamedAttributes &);
/// Of operands that all have one integer type.
ErrorOr<DType> indices(Operands, const NamedAttributes &);
/// As indexed, of an input that is of a float type.
ErrorOr<DType> floatIndexed(Operands, const NamedAttributes &);
/// Attributes: dtype, the element type of the result.
ErrorOr<DType> fromAttribute(Operands, const NamedAttributes &);
/// All operands have one element type; the result is int64.
ErrorOr<DType> int64(Operands, const NamedAttributes &);
/// All operands have one element type, a float, and so has the result.
ErrorOr<DType> floats(Operands, const NamedAttributes &);
/// The same, but for the last operand, which is bool.
ErrorOr<DType> floatsAndMask(Operands, const NamedAttributes &);
/// What sums of the first operand's elements are kept in: f32 for f16 and bf16.
ErrorOr<DType> wideFirst(Operands, const NamedAttributes &);
/// Of attentionQuery: floats of one type, sums, and a mask, also bool.
ErrorOr<DType> attentionTypes(Operands, const NamedAttributes &);
/// The second operand is int64; the result is as the first.
ErrorOr<DType> firstAtPositions(Operands, const NamedAttributes &);

//===--- Classes of shapes ------------------------------------------------===//

/// The sizes of an operand that a kernel is compiled for (docs/kernel-key.md);
/// kDynamic where it serves every size.
Dims classSizes(ShapeRule, size_t operand, const Dims &sizes);
/// The same, and it must be a float type.
ErrorOr<DType> floatAttribute(Operands, const NamedAttributes &);
/// Attributes: bits, 32 or 64, of the result's integers.
ErrorOr<DType> bits(Operands, const NamedAttributes &);

} // namespace stepwell::rules

#endif // STEPWELL_SEMANTICS_RULES_H
