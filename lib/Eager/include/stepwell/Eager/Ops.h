//===- Ops.h - Calls, copies and views --------------------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the Python layer calls. Each function records on the tape and, under
// capture, appends to the Program instead of computing.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_EAGER_OPS_H
#define STEPWELL_EAGER_OPS_H

#include "stepwell/Eager/Autograd.h"

namespace stepwell {

/// Promotes, infers, computes. With `into`, argument 0 is overwritten by the
/// result.
std::vector<Tensor> callOp(const OpRow &, std::span<const Argument>,
                           const Attributes &, bool into = false);
/// The same for an operation with one result.
Tensor callSingle(const OpRow &, std::span<const Argument>,
                  const Attributes & = {}, bool into = false);
/// By name, for calls that the library makes itself.
Tensor callOp(std::string_view mnemonic, std::initializer_list<Argument>,
              const Attributes & = {});
/// The strides that a new tensor for this result of a call gets.
Dims stridesOfResult(const Template &, std::span<const Argument>,
                     const TensorType &);
/// Computes and records a Template.
std::vector<Tensor> callTemplate(Template &, std::span<const Argument>,
                                 int into = -1);

//===--- Copies -----------------------------------------------------------===//

Tensor full(DType, const Dims &sizes, const Scalar &);
Tensor clone(const Tensor &);      // with its strides, where it is dense
Tensor packedCopy(const Tensor &); // row-major
Tensor contiguous(const Tensor &);
Tensor cast(const Tensor &, DType);
void copyInto(const Tensor &target, const Tensor &source);
void fillInto(const Tensor &target, const Scalar &);
/// Sums over the dimensions that were broadcast from `sizes`.
Tensor sumTo(const Tensor &, const Dims &sizes);
/// The same memory without a history. `untracked`: `.data`.
Tensor detach(const Tensor &, bool untracked = false);

//===--- Views ------------------------------------------------------------===//

Tensor permute(const Tensor &, Dims permutation);
Tensor transpose(const Tensor &, int64_t, int64_t);
/// A view where the strides allow it, a copy otherwise; `mustView` makes that
/// an error.
Tensor reshape(const Tensor &, Dims sizes, bool mustView = false);
Tensor expand(const Tensor &, Dims sizes);
/// Sizes, strides and offset relative to the tensor's own: slices, selections,
/// diagonals.
Tensor stridedView(const Tensor &, const Geometry &,
                   const SliceOf *slice = nullptr);
/// A slice, with the sizes `shape`, which are those of the slice but for some
/// of 1.
Tensor viewBySlice(const Tensor &, const SliceOf &, const Dims &shape);
/// A strided view that was made of a tensor like this one before.
Tensor viewAgain(const Tensor &, const Geometry &, const ViewOp &);
Tensor slice(const Tensor &, int64_t dim, int64_t start, int64_t count,
             int64_t step);
Tensor select(const Tensor &, int64_t dim, int64_t index);
Tensor unsqueeze(const Tensor &, int64_t dim);
Tensor squeeze(const Tensor &, std::optional<int64_t> dim);
Tensor diagonal(const Tensor &, int64_t offset, int64_t dim1, int64_t dim2);

/// Says that a view, just made, is one of those that a function returned
/// together: the tape refuses writes into it.
Tensor oneOfSeveral(const Tensor &view);

/// A view whose geometry is said of a row-major tensor that starts at 0.
Tensor viewOfPacked(const Tensor &, Geometry packed,
                    std::optional<SliceOf> = std::nullopt);

/// A view's geometry, said of a row-major base instead.
Geometry repack(const Geometry &view, const Geometry &base);

/// Python's negative axes; `what` is the range's length.
int64_t wrapDim(int64_t dim, int64_t rank);

//===--- Joining and indexing ---------------------------------------------===//

/// One after the other along a dimension; element types are promoted.
Tensor cat(std::vector<Tensor>, int64_t dim);
/// 0, 1, 2, ...
Tensor iota(DType, int64_t count);
/// The coordinates of the elements that are not zero, one tensor per dimension.
std::vector<Tensor> nonzero(const Tensor &);
/// Indexing by integer tensors, as NumPy does it: one per dimension, null for
/// all of a dimension.
Tensor indexWith(const Tensor &, std::vector<Tensor> indices);
/// Writes there; with `accumulate`, adds.
void indexPut(const Tensor &target, std::vector<Tensor> indices, Tensor value,
              bool accumulate);

} // namespace stepwell

#endif // STEPWELL_EAGER_OPS_H
