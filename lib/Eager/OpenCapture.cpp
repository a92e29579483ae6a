//===- OpenCapture.cpp - Shapes of the values of an open capture ----------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A capture goes by the sizes of one call; OpenTrace.h says what an open one
// keeps beside them.
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Capture.h"

#include <algorithm>

using namespace stepwell;

Capture::GivenShape::GivenShape(OpenShape shape) : capture(current()) {
  if (capture && capture->open)
    before = std::exchange(capture->given, std::move(shape));
  else
    capture = nullptr;
}
Capture::GivenShape::~GivenShape() {
  if (capture)
    capture->given = std::move(before);
}

const OpenShape &Capture::shapeOf(Id id) const {
  return id < 0 ? inputShapes[-id - 1] : shapes[id];
}

OpenShape Capture::shapeOf(const TensorImpl &tensor) {
  if (tensor.traced && tensor.traced->capture == id) {
    auto found = viewShapes.find(tensor.traced.get());
    if (found != viewShapes.end()) {
      open->settle(found->second.second);
      return found->second.second;
    }
  }
  OpenShape shape;
  if (madeInside(tensor) && tensor.buffer)
    shape = shapeOf(find(tensor).value);
  else if (int argument = argumentIndex(tensor); argument >= 0)
    shape = open->argument(argument);
  else
    shape = fixedShape(tensor.sizes);
  open->settle(shape);
  return shape;
}

OpenShape Capture::resultShape(const Program &body,
                               std::vector<OpenShape> values, size_t result) {
  for (const ProgramNode &node : body.nodes) {
    std::vector<OpenShape> operands;
    for (ValueId operand : node.operands)
      operands.push_back(values[operand]);
    for (size_t i = 0; i < node.results.size(); ++i)
      values.push_back(node.isCall() ? resultShape(*node.body, operands, i)
                       : node.op ? open->resultOf(node.op->results[i], operands,
                                                  node.attributes,
                                                  node.results[i].dims)
                                 : operands[node.wrt[i]]);
  }
  return values[body.outputs[result].value];
}

OpenShape Capture::resultShape(const ProgramNode &node, size_t result) {
  std::vector<OpenShape> operands;
  for (Id operand : node.operands) {
    operands.push_back(shapeOf(operand));
    open->settle(operands.back());
  }
  if (node.isCall())
    return resultShape(*node.body, std::move(operands), result);
  if (!node.op) // a derivative
    return operands[node.wrt[result]];
  // Sizes that a kernel of this operation is to know.
  for (size_t i = 0; i < operands.size(); ++i) {
    Dims known = rules::classSizes(node.op->results[0].shape, i,
                                   typeOf(node.operands[i]).dims);
    for (int d = 0; d < known.size(); ++d)
      if (known[d] != kDynamic && !operands[i][d].known()) {
        OpenShape one{operands[i][d]};
        open->fix(one);
        operands[i][d] = one[0];
      }
  }
  return open->resultOf(node.op->results[result], operands, node.attributes,
                        node.results[result].dims);
}

/// The sizes of `from` where those of the call are those of `to`, but for
/// dimensions of size 1 in one of the two.
static std::optional<OpenShape> withOnes(const OpenShape &from,
                                         const Dims &hints, const Dims &to) {
  std::vector<int> dims = rules::reshapedFrom(hints, to);
  if (dims.size() != static_cast<size_t>(to.size()))
    return std::nullopt;
  OpenShape result;
  for (int dim : dims)
    result.push_back(dim < 0 ? OpenSize(1) : from[dim]);
  return result;
}

OpenShape Capture::shapeOfView(const TensorImpl &view, const Tensor &parent,
                               const std::optional<ViewOp> &op) {
  OpenShape shape = shapeOf(*parent);
  if (!op)
    return shape;
  if (op->kind == ViewOp::Kind::Permute) {
    OpenShape permuted;
    for (int64_t dim : op->dims)
      permuted.push_back(shape[dim]);
    return permuted;
  }
  bool resizes = op->kind != ViewOp::Kind::Strided;
  if (resizes && given && given->size() == static_cast<size_t>(view.rank())) {
    OpenShape result = *given;
    OpenSize count = 1, rest = 1;
    for (const OpenSize &size : shape)
      count = count * size;
    int offset = view.rank() - parent->rank(), left = -1;
    for (int i = 0; i < view.rank(); ++i) {
      if (!result[i].is(-1))
        rest = rest * result[i];
      else if (op->kind == ViewOp::Kind::Expand)
        result[i] = shape[i - offset];
      else
        left = i;
    }
    if (left >= 0) {
      std::optional<OpenShape> same =
          withOnes(shape, parent->sizes, view.sizes);
      result[left] =
          same ? (*same)[left]
          : rest.is(1)
              ? count
              : OpenSize::open(count.postfix() + " " + rest.postfix() + " //");
    }
    open->settle(result);
    return result;
  }
  // Inside the library a reshape only adds or leaves out dimensions of size 1.
  if (op->kind == ViewOp::Kind::Reshape)
    if (std::optional<OpenShape> same =
            withOnes(shape, parent->sizes, view.sizes))
      return *same;
  open->fix(shape);
  if (op->kind == ViewOp::Kind::Expand)
    open->fixAll();
  return fixedShape(view.sizes);
}

std::optional<Capture::Id> Capture::valueLike(const OpenShape &shape) {
  std::string key = shapeKey(shape);
  if (auto found = likes.find(key); found != likes.end())
    return found->second;
  for (size_t i = 0; i < arguments.size(); ++i)
    if (shapeKey(open->argument(i)) == key)
      return read(*arguments[i]);
  return std::nullopt;
}

Capture::Id Capture::openView(Id parent, const TracedView &step,
                              const TensorType &result) {
  bool reshapes = step.op->kind == ViewOp::Kind::Reshape;
  OpenShape &shape = viewShapes[&step].second;
  OpenShape from = shapeOf(parent);
  open->settle(from);
  open->settle(shape);
  if (shapeKey(from) == shapeKey(shape))
    return parent;
  auto isOpen = [](const OpenSize &size) { return !size.known(); };
  auto left = std::count_if(shape.begin(), shape.end(), isOpen);
  // Sizes of the input by their dimension; one more is what is left.
  Dims sizes = open->dims(shape);
  for (int i = 0; reshapes && i < sizes.size(); ++i)
    for (size_t d = 0; sizes[i] == kDynamic && d < from.size(); ++d)
      if (from[d].postfix() == shape[i].postfix())
        sizes[i] = -1 - static_cast<int64_t>(d);
  auto unknown = std::count(sizes.begin(), sizes.end(), kDynamic);
  bool isNone =
      std::find(result.dims.begin(), result.dims.end(), 0) != result.dims.end();
  if (reshapes ? unknown > 1 || (unknown && isNone) : left > 0) {
    if (std::optional<Id> like = valueLike(shape)) {
      return reshapes
                 ? appendOp("reshape_like", {parent, *like}, {}, result, &shape)
                 : appendOp("broadcast_like", {parent, *like}, {Dims(), true},
                            result, &shape);
    }
    open->fix(shape);
    sizes = open->dims(shape);
    left = 0;
  }
  if (left == 0 || !reshapes)
    return appendOp(reshapes ? "reshape" : "broadcast", {parent}, {sizes},
                    result);
  // As many elements, whatever the sizes are.
  OpenSize before = 1, after = 1;
  for (const OpenSize &size : from)
    before = before * size;
  for (const OpenSize &size : shape)
    after = after * size;
  if (before.postfix() != after.postfix())
    open->require(rules::compare(before, "==", after).postfix(), true);
  return appendOp("reshape", {parent}, {sizes}, result, &shape);
}

void Capture::openTypes() {
  std::vector<TensorType> types;
  for (size_t i = 0; i < program.inputs.size(); ++i)
    types.push_back(program.inputs[i].type);
  inferTypes(program, types);
}
