//===- Rules.cpp - Shape and element type rules, by name ------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RuleSupport.h"

#include <algorithm>

namespace stepwell::rules {

/// One dimension of a broadcast, or nothing if the two sizes do not fit.
static std::optional<int64_t> broadcastDim(int64_t a, int64_t b) {
  if (a == b || b == 1)
    return a;
  if (a == 1)
    return b;
  // A dynamic size equals every size but 1: the other one says more.
  if (a == kDynamic)
    return b;
  if (b == kDynamic)
    return a;
  return std::nullopt;
}

static std::optional<Dims> broadcastDims(const Dims &a, const Dims &b) {
  Dims result = a.size() >= b.size() ? a : b;
  const Dims &other = a.size() >= b.size() ? b : a;
  int offset = result.size() - other.size();
  for (int i = 0; i < other.size(); ++i) {
    std::optional<int64_t> size = broadcastDim(result[offset + i], other[i]);
    if (!size)
      return std::nullopt;
    result[offset + i] = *size;
  }
  return result;
}

//===--- Shape rules ------------------------------------------------------===//

ErrorOr<Dims> broadcast(Operands operands, const NamedAttributes &) {
  Dims result;
  for (const TensorType &operand : operands) {
    std::optional<Dims> dims = broadcastDims(result, operand.dims);
    if (!dims)
      return valueError("shapes " + shapes(operands) +
                        " do not broadcast: aligned at the last dimension, "
                        "sizes must be equal or 1");
    result = *dims;
  }
  return result;
}

ErrorOr<Dims> broadcastToFirst(Operands operands, const NamedAttributes &) {
  const Dims &first = operands[0].dims;
  for (const TensorType &operand : operands.subspan(1)) {
    const Dims &dims = operand.dims;
    int offset = first.size() - dims.size();
    bool fits = offset >= 0;
    for (int i = 0; fits && i < dims.size(); ++i)
      fits = dims[i] == 1 || mayEqual(dims[i], first[offset + i]);
    if (!fits)
      return valueError("shape " + toString(dims) +
                        " does not broadcast to that of the input, " +
                        toString(first));
  }
  return first;
}

ErrorOr<Dims> withNumbers(Operands operands, const NamedAttributes &) {
  for (const TensorType &operand : operands.subspan(1))
    if (operand.dims.size())
      return valueError("expected numbers after the first operand, the shapes "
                        "are " +
                        shapes(operands));
  return operands[0].dims;
}

static ErrorOr<Dims> reduceDims(const Dims &input, const Dims &dims,
                                bool keepdim) {
  ErrorOr<uint32_t> mask = dimMask(dims, input.size());
  if (!mask)
    return mask.error();
  Dims result;
  for (int i = 0; i < input.size(); ++i) {
    if (!(*mask & (1u << i)))
      result.push_back(input[i]);
    else if (keepdim)
      result.push_back(1);
  }
  return result;
}

ErrorOr<Dims> reduce(Operands operands, const NamedAttributes &attributes) {
  return reduceDims(operands[0].dims, attributes.get<Dims>("dims"),
                    attributes.get<bool>("keepdim"));
}

ErrorOr<Dims> reduceSome(Operands operands, const NamedAttributes &attributes) {
  ErrorOr<Dims> result = reduce(operands, attributes);
  const bool *empty = attributes.find<bool>("empty");
  if (result && !(empty && *empty))
    for (int64_t dim : attributes.get<Dims>("dims"))
      if (operands[0].dims[dim] == 0)
        return indexError("expected at least one element along dimension " +
                          number(dim) + " of the shape " +
                          toString(operands[0].dims));
  return result;
}

ErrorOr<Dims> reduceKeeping(Operands operands,
                            const NamedAttributes &attributes) {
  const Dims &input = operands[0].dims, &dims = attributes.get<Dims>("dims");
  ErrorOr<Dims> reduced = reduceDims(input, dims, true);
  if (!reduced)
    return reduced.error();
  // A scale and a shift lie along the reduced dimensions, which are the last.
  for (const TensorType &other : operands.subspan(1)) {
    int offset = input.size() - other.dims.size();
    bool fits = other.dims.size() == dims.size();
    for (int i = 0; fits && i < other.dims.size(); ++i)
      fits = input[i + offset] == other.dims[i] ||
             input[i + offset] == kDynamic || other.dims[i] == kDynamic;
    if (!fits)
      return valueError("expected a scale and a shift with the input's last " +
                        number(dims.size()) + " sizes, the shapes are " +
                        shapes(operands));
  }
  return input;
}

ErrorOr<Dims> scalar(Operands operands, const NamedAttributes &attributes) {
  if (const Dims *dims = attributes.find<Dims>("dims"))
    if (auto mask = dimMask(*dims, operands[0].dims.size()); !mask)
      return mask.error();
  if (operands.size() > 1)
    if (ErrorOr<Dims> dims = broadcast(operands, {}); !dims)
      return dims.error();
  return Dims();
}

ErrorOr<Dims> along(Operands operands, const NamedAttributes &attributes) {
  if (std::optional<Error> error =
          checkDim(attributes.get<int64_t>("dim"), operands[0].dims))
    return *error;
  return operands[0].dims;
}

ErrorOr<Dims> matmul(Operands operands, const NamedAttributes &) {
  const Dims &a = operands[0].dims, &b = operands[1].dims;
  if (a.size() < 2 || b.size() < 2)
    return valueError(
        "matrices need two or more dimensions, the operands have shapes " +
        shapes(operands));
  int64_t m = a[a.size() - 2], k = a[a.size() - 1], otherK = b[b.size() - 2],
          n = b[b.size() - 1];
  if (k != otherK && k != kDynamic && otherK != kDynamic)
    return valueError(
        "shapes " + shapes(operands) + " do not multiply: " + number(k) +
        " columns on the left, " + number(otherK) + " rows on the right");
  std::optional<Dims> batch =
      broadcastDims(Dims(a.begin(), a.end() - 2), Dims(b.begin(), b.end() - 2));
  if (!batch)
    return valueError("the leading dimensions of " + shapes(operands) +
                      " do not broadcast");
  batch->push_back(m);
  batch->push_back(n);
  return *batch;
}

ErrorOr<Dims> linear(Operands operands, const NamedAttributes &) {
  const Dims &input = operands[0].dims, &weight = operands[1].dims,
             &bias = operands[2].dims;
  auto differ = [](int64_t a, int64_t b) {
    return a != b && a != kDynamic && b != kDynamic;
  };
  if (input.size() < 2 || weight.size() != 2 || bias.size() != 1 ||
      differ(input[input.size() - 1], weight[1]) || differ(bias[0], weight[0]))
    return valueError("an input (..., m, in), a weight (out, in) and a bias "
                      "(out) are needed, not " +
                      shapes(operands));
  Dims result(input.begin(), input.end() - 1);
  result.push_back(weight[0]);
  return result;
}

ErrorOr<Dims> dotGeneral(Operands operands, const NamedAttributes &attributes) {
  const Dims *batch[] = {&attributes.get<Dims>("input_batch"),
                         &attributes.get<Dims>("other_batch")};
  const Dims *contract[] = {&attributes.get<Dims>("input_contract"),
                            &attributes.get<Dims>("other_contract")};
  Dims free;
  for (int side = 0; side < 2; ++side) {
    const Dims &dims = operands[side].dims;
    ErrorOr<uint32_t> stay = dimMask(*batch[side], dims.size());
    if (!stay)
      return stay.error();
    ErrorOr<uint32_t> summed = dimMask(*contract[side], dims.size());
    if (!summed)
      return summed.error();
    if (*stay & *summed)
      return valueError("a dimension of shape " + toString(dims) +
                        " is both a batch dimension and summed over");
    for (int i = 0; i < dims.size(); ++i) {
      if ((*stay | *summed) & (1u << i))
        continue;
      if (free.size() + batch[0]->size() == kMaxRank)
        return valueError("the result would have more than " +
                          number(kMaxRank) + " dimensions");
      free.push_back(dims[i]);
    }
  }
  Dims result;
  for (auto &pairs : {batch, contract}) {
    if (pairs[0]->size() != pairs[1]->size())
      return valueError("dimensions " + toString(*pairs[0]) + " and " +
                        toString(*pairs[1]) + " do not form pairs");
    for (int i = 0; i < pairs[0]->size(); ++i) {
      int64_t a = operands[0].dims[(*pairs[0])[i]],
              b = operands[1].dims[(*pairs[1])[i]];
      if (!mayEqual(a, b))
        return valueError("dimension " + number((*pairs[0])[i]) + " of shape " +
                          toString(operands[0].dims) + " and dimension " +
                          number((*pairs[1])[i]) + " of shape " +
                          toString(operands[1].dims) + " differ in size");
      if (pairs == batch)
        result.push_back(a == kDynamic ? b : a);
    }
  }
  for (int64_t size : free)
    result.push_back(size);
  return result;
}

ErrorOr<Dims> permute(Operands operands, const NamedAttributes &attributes) {
  const Dims &permutation = attributes.get<Dims>("permutation");
  const Dims &input = operands[0].dims;
  if (permutation.size() != input.size())
    return valueError("permutation " + toString(permutation) + " has " +
                      number(permutation.size()) +
                      " dimensions, the input of shape " + toString(input) +
                      " has " + number(input.size()));
  ErrorOr<uint32_t> mask = dimMask(permutation, input.size());
  if (!mask)
    return mask.error();
  Dims result;
  for (int64_t dim : permutation)
    result.push_back(input[dim]);
  return result;
}

ErrorOr<Dims> broadcastLike(Operands operands,
                            const NamedAttributes &attributes) {
  const Dims &dims = attributes.get<Dims>("dims");
  bool keepdim = attributes.get<bool>("keepdim");
  const Dims &input = operands.front().dims, &like = operands.back().dims;
  ErrorOr<uint32_t> mask = dimMask(dims, like.size());
  if (!mask)
    return mask.error();
  Dims aligned = input;
  if (!keepdim && !dims.empty()) {
    if (input.size() + dims.size() != like.size())
      return valueError("the input of shape " + toString(input) +
                        " does not have the dimensions of " + toString(like) +
                        " without " + toString(dims));
    aligned = Dims();
    int next = 0;
    for (int i = 0; i < like.size(); ++i)
      aligned.push_back(*mask & (1u << i) ? 1 : input[next++]);
  }
  if (aligned.size() > like.size())
    return valueError("shape " + toString(input) + " does not broadcast to " +
                      toString(like));
  int offset = like.size() - aligned.size();
  Dims result = like;
  for (int i = 0; i < aligned.size(); ++i) {
    int64_t from = aligned[i], to = like[offset + i];
    bool unknown = from == kDynamic || to == kDynamic;
    if (from != to && from != 1 && (to == 1 || !unknown))
      return valueError("shape " + toString(input) + " does not broadcast to " +
                        toString(like));
    // A dynamic size is not 1: where `like` does not say its size, the input
    // may.
    if (to == kDynamic && from != 1)
      result[offset + i] = from;
  }
  return result;
}

ErrorOr<Dims> like(Operands operands, const NamedAttributes &) {
  return operands.back().dims;
}

//===--- Element type rules -----------------------------------------------===//

ErrorOr<DType> same(Operands operands, const NamedAttributes &) {
  for (const TensorType &operand : operands)
    if (operand.dtype != operands[0].dtype)
      return Error{Error::Kind::Runtime,
                   "the operands must have one element type, not " +
                       std::string(name(operands[0].dtype)) + " and " +
                       std::string(name(operand.dtype))};
  return operands[0].dtype;
}

ErrorOr<DType> numbers(Operands operands, const NamedAttributes &attributes) {
  ErrorOr<DType> dtype = same(operands, attributes);
  if (dtype && *dtype == DType::Bool)
    return Error{Error::Kind::Unsupported,
                 "not defined for elements of type bool"};
  return dtype;
}

ErrorOr<DType> inexact(Operands operands, const NamedAttributes &attributes) {
  ErrorOr<DType> dtype = same(operands, attributes);
  if (dtype && !isFloat(*dtype))
    return Error{Error::Kind::Runtime,
                 "the elements must be of a floating point type, not " +
                     std::string(name(*dtype))};
  return dtype;
}

ErrorOr<DType> boolean(Operands operands, const NamedAttributes &attributes) {
  ErrorOr<DType> dtype = same(operands, attributes);
  if (!dtype)
    return dtype;
  return DType::Bool;
}

ErrorOr<DType> select(Operands operands, const NamedAttributes &attributes) {
  if (operands[0].dtype != DType::Bool)
    return Error{Error::Kind::Runtime,
                 "the condition must be bool, not " +
                     std::string(name(operands[0].dtype))};
  return same(operands.subspan(1), attributes);
}

ErrorOr<DType> first(Operands operands, const NamedAttributes &) {
  return operands[0].dtype;
}

ErrorOr<DType> firstTwo(Operands operands, const NamedAttributes &attributes) {
  return same(operands.first(2), attributes);
}

ErrorOr<DType> int64(Operands operands, const NamedAttributes &attributes) {
  ErrorOr<DType> dtype = same(operands, attributes);
  return dtype ? DType::I64 : dtype;
}

ErrorOr<DType> indices(Operands operands, const NamedAttributes &attributes) {
  if (!isInteger(operands[0].dtype))
    return typeError("indices must be integers, not " +
                     std::string(name(operands[0].dtype)));
  return same(operands, attributes);
}

ErrorOr<DType> indexed(Operands operands, const NamedAttributes &) {
  if (!isInteger(operands[1].dtype))
    return typeError("indices must be integers, not " +
                     std::string(name(operands[1].dtype)));
  if (operands.size() > 2 && operands[2].dtype != operands[0].dtype)
    return Error{Error::Kind::Runtime,
                 "the input and what is written into it must have one "
                 "element type, not " +
                     std::string(name(operands[0].dtype)) + " and " +
                     std::string(name(operands[2].dtype))};
  return operands[0].dtype;
}

ErrorOr<DType> floatIndexed(Operands operands,
                            const NamedAttributes &attributes) {
  if (!isFloat(operands[0].dtype))
    return typeError("the input must be of a float type, not " +
                     std::string(name(operands[0].dtype)));
  return indexed(operands, attributes);
}

ErrorOr<DType> fromAttribute(Operands, const NamedAttributes &attributes) {
  return attributes.get<DType>("dtype");
}

ErrorOr<DType> floatAttribute(Operands, const NamedAttributes &attributes) {
  DType dtype = attributes.get<DType>("dtype");
  if (!isFloat(dtype))
    return typeError("the result must be of a float type, not " +
                     std::string(name(dtype)));
  return dtype;
}

ErrorOr<DType> bits(Operands, const NamedAttributes &attributes) {
  int64_t count = attributes.get<int64_t>("bits");
  if (count != 32 && count != 64)
    return valueError("there are 32 or 64 random bits for an element, not " +
                      number(count));
  return count == 32 ? DType::I32 : DType::I64;
}

} // namespace stepwell::rules
