//===- Indexing.cpp - Tensors joined, and chosen by tensors ---------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Capture.h"
#include "stepwell/Eager/OpAttributes.h"
#include "stepwell/Eager/Ops.h"
#include "stepwell/Semantics/Promotion.h"

#include <algorithm>

using namespace stepwell;

//===--- Joining ----------------------------------------------------------===//

namespace {
struct CatNode : Node {
  using Node::Node;
  int64_t dim;
  std::vector<TensorType> inputs;
  std::vector<OpenShape> open; // of the inputs
  std::string name() const override { return "cat"; }
  std::vector<Tensor> apply(std::vector<Tensor> gradients) override {
    std::vector<Tensor> out(edges.size());
    int64_t start = 0;
    OpenShape openStart(1, 0);
    for (size_t i = 0; i < inputs.size(); ++i) {
      int64_t size = inputs[i].dims[dim];
      if (edges[i]) {
        std::optional<Capture::GivenSlice> given;
        if (!open.empty())
          given.emplace(*gradients[0], dim, openStart[0], open[i][dim]);
        out[i] =
            cast(slice(gradients[0], dim, start, size, 1), inputs[i].dtype);
      }
      start += size;
      if (!open.empty())
        openStart[0] = openStart[0] + open[i][dim];
    }
    return out;
  }
};

/// By one kernel that writes row by row; part by part, the pieces of a row are
/// written far apart in time. Null where that is not the case.
Tensor catRows(const std::vector<Tensor> &parts, DType dtype, const Dims &sizes,
               int64_t dim) {
  constexpr size_t kMostParts = 4; // each number of them is a kernel
  int64_t rows = 1;
  for (int64_t i = 0; i < dim; ++i)
    rows *= sizes[i];
  if (rows < 2 || parts.size() < 2 || parts.size() > kMostParts)
    return {};
  std::vector<Argument> flat;
  for (const Tensor &part : parts) {
    if (part->dtype != dtype || !part->contiguous() || !part->numel())
      return {};
    flat.push_back({reshape(part, {rows, part->numel() / rows}, true)});
  }
  Tensor made = callOp(*findOp("concat"), std::move(flat),
                       attributes::Concat{.dim = 1})[0];
  // The result itself and no view of it, which would be one made without
  // gradients.
  made->sizes = sizes;
  made->strides = packedStrides(sizes);
  return made;
}
} // namespace

Tensor stepwell::cat(std::vector<Tensor> tensors, int64_t dim) {
  if (tensors.empty())
    fail(Error::Kind::Value, "expected a non-empty list of Tensors");
  // PyTorch: a one-dimensional tensor of nothing fits everywhere.
  std::vector<Tensor> parts, empties;
  for (const Tensor &tensor : tensors)
    (tensor->rank() != 1 || tensor->numel() ? parts : empties)
        .push_back(tensor);
  if (parts.empty()) {
    parts.swap(empties);
    dim = 0;
  }
  std::vector<TensorType> types;
  // But its element type counts.
  DType dtype = tensors[0]->dtype;
  for (const Tensor &tensor : tensors)
    dtype = promoteTypes(dtype, tensor->dtype);
  for (const Tensor &part : parts) {
    if (!part->rank())
      fail(Error::Kind::Runtime,
           "zero-dimensional tensor cannot be concatenated");
    types.push_back(part->type());
  }
  dim = wrapDim(dim, parts[0]->rank());
  const OpRow &op = *findOp("concat");
  Attributes attributes = attributes::Concat{.dim = dim};
  ErrorOr<Dims> sizes = op.results[0].shape(types, op.named(attributes));
  if (!sizes)
    fail(Error::Kind::Runtime, "cat: " + sizes.error().message);

  bool wanted = false;
  Ref<CatNode> node;
  if (gradEnabled() && isFloat(dtype)) {
    // It adds no element, and the result follows it on the tape.
    Dims nothing = parts[0]->sizes;
    nothing[dim] = 0;
    for (const Tensor &empty : empties)
      if (requiresGrad(*empty)) {
        parts.push_back(reshape(empty, nothing, true));
        types.push_back(parts.back()->type());
      }
    for (const Tensor &part : parts)
      wanted |= requiresGrad(*part);
  }
  if (wanted) {
    std::vector<Edge> edges;
    for (const Tensor &part : parts)
      edges.push_back(isFloat(part->dtype) ? edgeOf(part) : Edge());
    node = Ref<CatNode>(new CatNode(std::move(edges)));
    node->dim = dim;
    node->inputs = types;
    if (Capture *capture = Capture::current(); capture && capture->openTrace())
      for (const Tensor &part : parts)
        node->open.push_back(capture->shapeOf(*part));
  }
  Tensor result;
  Capture *capture = Capture::current();
  // With their places on the tape, which nothing below records.
  if (capture)
    for (Tensor &part : parts)
      part = capture->alias(*part, packedStrides(part->sizes));
  {
    GradModeGuard guard(false);
    if (capture) {
      std::vector<Argument> arguments;
      for (const Tensor &part : parts)
        arguments.push_back({cast(part, dtype)});
      result = callOp(op, std::move(arguments), attributes)[0];
    } else {
      result = catRows(parts, dtype, *sizes, dim);
    }
    if (!result) {
      result = empty(dtype, *sizes);
      int64_t start = 0;
      for (const Tensor &part : parts) {
        int64_t size = part->sizes[dim];
        copyInto(slice(result, dim, start, size, 1), part);
        start += size;
      }
    }
  }
  if (node) {
    node->outputs = {result->type()};
    result->node = Ref<Node>(node.get());
    result->output = 0;
  }
  return result;
}

Tensor stepwell::iota(DType dtype, int64_t count) {
  if (Capture *capture = Capture::current())
    return capture->iota(dtype, count);
  Tensor numbers = empty(dtype, {count});
  return count ? callOp("iota", {{numbers}},
                        attributes::Iota{.dtype = dtype, .dim = 0})
               : numbers;
}

//===--- Choosing ---------------------------------------------------------===//

std::vector<Tensor> stepwell::nonzero(const Tensor &tensor) {
  GradModeGuard guard(false);
  if (Capture::current())
    Capture::refuseHere(
        "how many elements are not zero is not known while a function is "
        "captured; use where() instead of a mask as an index");
  Tensor mask = cast(contiguous(tensor), DType::Bool);
  int64_t total = tensor->numel();
  Tensor flat = cast(reshape(mask, {total}), DType::I64);
  Tensor sum = callOp("sum", {{flat}}, attributes::Sum{.dims = {0}});
  int64_t count = *static_cast<const int64_t *>(sum->data());
  Tensor places = full(DType::I64, {count + 1}, int64_t{0});
  if (total) {
    // Element i that is not zero is the running sum's number, counted from 1;
    // the others all go to the end.
    Tensor number = callOp("cumsum", {{flat}}, attributes::Cumsum{.dim = 0});
    Tensor order = callOp("sub", {{number}, {{}, int64_t{1}}});
    Tensor target =
        callOp("where", {{reshape(mask, {total})}, {order}, {{}, count}});
    places =
        callOp("index_copy", {{places}, {target}, {iota(DType::I64, total)}},
               attributes::IndexCopy{.dim = 0});
  }
  Tensor rest = slice(places, 0, 0, count, 1);
  // PyTorch takes a number for a vector of one.
  std::vector<Tensor> coordinates(std::max(tensor->rank(), 1));
  if (!tensor->rank()) {
    coordinates[0] = contiguous(rest);
    return coordinates;
  }
  for (int dim = tensor->rank() - 1; dim >= 0; --dim) {
    Argument size{{}, tensor->sizes[dim]};
    coordinates[dim] =
        dim ? callOp("remainder", {{rest}, size}) : contiguous(rest);
    if (dim)
      rest = callOp("floor_divide", {{rest}, size});
  }
  return coordinates;
}

namespace {

/// A tensor whose chosen dimensions are one, and where in that one to look.
struct Flattened {
  Tensor tensor, index;
  int64_t dim; // of `tensor`
  Dims permutation;
  bool isView = true;
};

Flattened flatten(const Tensor &tensor, std::vector<Tensor> &indices) {
  GradModeGuard guard(gradEnabled());
  // The kernels that follow are given the sizes as numbers.
  if (Capture *capture = Capture::current(); capture && capture->openTrace())
    for (int i = 0; i < tensor->rank(); ++i)
      if (OpenShape one{capture->shapeOf(*tensor)[i]}; indices[i])
        capture->openTrace()->fix(one);
  Dims chosen, front, back;
  Dims common;
  for (int i = 0; i < tensor->rank(); ++i) {
    if (!indices[i])
      continue;
    chosen.push_back(i);
    if (isFloat(indices[i]->dtype))
      fail(Error::Kind::Index, "tensors used as indices must be long, int, "
                               "byte or bool tensors");
    indices[i] = cast(indices[i], DType::I64);
    // An eager call finds the index again (explain), a captured one cannot.
    if (Capture::current())
      indices[i] = callOp("wrap_index", {{indices[i]}, {{}, tensor->sizes[i]}},
                          {int64_t{i}});
    TensorType pair[] = {{DType::I64, common}, indices[i]->type()};
    ErrorOr<Dims> both = rules::broadcast(pair, {});
    if (!both)
      fail(Error::Kind::Index,
           "shape mismatch: indexing tensors could not be broadcast "
           "together with shapes " +
               toString(common) + ", " + toString(indices[i]->sizes));
    common = *both;
  }
  // The chosen dimensions stay where they are if nothing lies between them.
  bool adjacent = chosen[chosen.size() - 1] - chosen[0] + 1 == chosen.size();
  Flattened flat;
  flat.dim = adjacent ? chosen[0] : 0;
  for (int i = 0; i < tensor->rank(); ++i)
    if (!indices[i])
      (adjacent && i < chosen[0] ? front : back).push_back(i);
  Dims sizes;
  for (int64_t dim : front) {
    flat.permutation.push_back(dim);
    sizes.push_back(tensor->sizes[dim]);
  }
  int64_t extent = 1;
  for (int64_t dim : chosen) {
    flat.permutation.push_back(dim);
    extent *= tensor->sizes[dim];
  }
  sizes.push_back(extent);
  for (int64_t dim : back) {
    flat.permutation.push_back(dim);
    sizes.push_back(tensor->sizes[dim]);
  }
  Argument linear{{}, int64_t{0}};
  for (int64_t dim : chosen)
    linear = {callOp("linear_index",
                     {linear, {indices[dim]}, {{}, tensor->sizes[dim]}})};
  flat.index = expand(linear.tensor, common);
  Tensor moved = adjacent ? tensor : permute(tensor, flat.permutation);
  flat.tensor = moved;
  if (chosen.size() > 1)
    flat.tensor = reshape(moved, sizes);
  flat.isView = flat.tensor->buffer == tensor->buffer;
  return flat;
}

/// The error that PyTorch gives, found again among the indices.
[[noreturn]] void explain(const EagerError &error, const Tensor &tensor,
                          const std::vector<Tensor> &indices) {
  for (int dim = 0; dim < tensor->rank(); ++dim) {
    if (!indices[dim])
      continue;
    Tensor index = contiguous(indices[dim]);
    const auto *at = static_cast<const int64_t *>(index->data());
    int64_t size = tensor->sizes[dim];
    for (int64_t i = 0; i < index->numel(); ++i)
      if (at[i] < -size || at[i] >= size)
        fail(Error::Kind::Index, "index " + std::to_string(at[i]) +
                                     " is out of bounds for dimension " +
                                     std::to_string(dim) + " with size " +
                                     std::to_string(size));
  }
  throw error;
}

} // namespace

/// Whether the indices leave every dimension whole.
static bool chooseNothing(const std::vector<Tensor> &indices) {
  return std::none_of(indices.begin(), indices.end(),
                      [](const Tensor &index) { return bool(index); });
}

Tensor stepwell::indexWith(const Tensor &tensor, std::vector<Tensor> indices) {
  if (chooseNothing(indices))
    return tensor;
  Flattened flat = flatten(tensor, indices);
  try {
    return callOp("index_select", {{flat.tensor}, {flat.index}},
                  attributes::IndexSelect{.dim = flat.dim});
  } catch (const EagerError &error) {
    if (error.kind != Error::Kind::Index || Capture::current())
      throw;
    explain(error, tensor, indices);
  }
}

void stepwell::indexPut(const Tensor &target, std::vector<Tensor> indices,
                        Tensor value, bool accumulate) {
  if (chooseNothing(indices)) {
    if (mayOverlap(*value, *target))
      value = clone(value);
    if (!accumulate)
      return copyInto(target, value);
    Argument arguments[] = {{target}, {cast(value, target->dtype)}};
    callSingle(*findOp("add"), arguments, {}, true);
    return;
  }
  Flattened flat = flatten(target, indices);
  Dims sizes;
  for (int i = 0; i < flat.tensor->rank(); ++i) {
    if (i != flat.dim) {
      sizes.push_back(flat.tensor->sizes[i]);
      continue;
    }
    for (int64_t size : flat.index->sizes)
      sizes.push_back(size);
  }
  while (value->rank() > sizes.size() && value->sizes[0] == 1)
    value = squeeze(value, 0);
  Tensor source = cast(expand(value, sizes), target->dtype);
  if (mayOverlap(*source, *target))
    source = clone(source);
  const OpRow &op = *findOp(accumulate ? "index_add" : "index_copy");
  std::vector<Argument> arguments{{flat.tensor}, {flat.index}, {source}};
  Attributes attributes =
      accumulate ? Attributes(attributes::IndexAdd{.dim = flat.dim})
                 : attributes::IndexCopy{.dim = flat.dim};
  try {
    if (flat.isView) {
      callOp(op, arguments, attributes, true);
      return;
    }
    checkWritable(target, arguments);
    Tensor written = callOp(op, arguments, attributes)[0];
    Dims permuted;
    for (int64_t dim : flat.permutation)
      permuted.push_back(target->sizes[dim]);
    Dims inverse = flat.permutation;
    for (int i = 0; i < inverse.size(); ++i)
      inverse[flat.permutation[i]] = i;
    copyInto(target, permute(reshape(written, permuted), inverse));
  } catch (const EagerError &error) {
    if (error.kind != Error::Kind::Index || Capture::current())
      throw;
    explain(error, target, indices);
  }
}
