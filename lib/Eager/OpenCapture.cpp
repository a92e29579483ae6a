//===- OpenCapture.cpp - Shapes of the values of an open capture ----------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A capture goes by the sizes of one call; OpenTrace.h says what an open one
// keeps beside them.
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Capture.h"
#include "stepwell/Eager/OpAttributes.h"

#include "stepwell/Eager/Ops.h"

#include <algorithm>

using namespace stepwell;

Capture::GivenShape::GivenShape(OpenShape shape,
                                std::optional<OpenView::Slice> slice)
    : capture(current()) {
  if (capture && capture->open)
    before = std::exchange(capture->given,
                           OpenView{{}, std::move(shape), std::move(slice)});
  else
    capture = nullptr;
}
Capture::GivenShape::~GivenShape() {
  if (capture)
    capture->given = std::move(before);
}

/// The whole of a tensor but for one dimension.
static Capture::OpenView::Slice sliceAlong(const OpenShape &shape, size_t dim,
                                           OpenSize start, OpenSize count) {
  Capture::OpenView::Slice slice{OpenShape(shape.size(), 0), shape};
  if (dim < shape.size()) {
    slice.starts[dim] = std::move(start);
    slice.sizes[dim] = std::move(count);
  }
  return slice;
}

Capture::GivenSlice::GivenSlice(const TensorImpl &tensor, int64_t dim,
                                OpenSize start, OpenSize count)
    : GivenShape({}, sliceAlong(openShapeOf(tensor), dim, std::move(start),
                                std::move(count))) {}

OpenShape Capture::openShapeOf(const TensorImpl &tensor) {
  Capture *capture = current();
  return capture && capture->open ? capture->shapeOf(tensor) : OpenShape();
}

Capture::OpenView Capture::openViewOf(const TensorImpl &view) {
  Capture *capture = current();
  if (!capture || !capture->open)
    return {};
  return capture->openViews[view.traced.get()].second;
}

OpenShape Capture::givenShape(int rank) {
  if (!given || given->shape.size() != static_cast<size_t>(rank))
    return {};
  OpenShape shape = given->shape;
  open->settle(shape);
  return shape;
}

const OpenShape &Capture::shapeOf(Id id) const {
  return id < 0 ? inputShapes[-id - 1] : shapes[id];
}

OpenShape Capture::shapeOf(const TensorImpl &tensor) {
  if (tensor.traced && tensor.traced->capture == id) {
    auto found = openViews.find(tensor.traced.get());
    if (found != openViews.end()) {
      open->settle(found->second.second.shape);
      return found->second.second.shape;
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
      values.push_back(node.op->form == OpForm::Plain
                           ? open->resultOf(*node.op, i, operands,
                                            node.attributes,
                                            node.results[i].dims)
                           : regionShape(node, operands, i));
  }
  return values[body.outputs[result].value];
}

OpenShape Capture::regionShape(const ProgramNode &node,
                               std::vector<OpenShape> operands, size_t result) {
  switch (node.op->form) {
  case OpForm::Plain:
    break;
  case OpForm::Call:
    return resultShape(*node.region(0), std::move(operands), result);
  case OpForm::Cond:
    operands.erase(operands.begin());
    return resultShape(*node.region(0), std::move(operands), result);
  case OpForm::VJP:
    return operands[attributes::VJP::of(node.attributes).wrt[result]];
  case OpForm::VMap: {
    OpenSize count = 1;
    for (int64_t index : attributes::VMap::of(node.attributes).batched) {
      OpenShape &batched = operands[index];
      count = batched[0];
      batched.erase(batched.begin());
    }
    OpenShape element =
        resultShape(*node.region(0), std::move(operands), result);
    element.insert(element.begin(), count);
    return element;
  }
  case OpForm::While:
    return operands[result];
  case OpForm::Scan: {
    auto sizes = attributes::Scan::of(node.attributes).operandSegmentSizes;
    auto carried = static_cast<size_t>(sizes[0]);
    if (result < carried)
      return operands[result];
    OpenSize count = operands[carried][0];
    for (size_t i = 0; i < static_cast<size_t>(sizes[1]); ++i)
      operands[carried + i].erase(operands[carried + i].begin());
    OpenShape piece = resultShape(*node.region(0), std::move(operands), result);
    piece.insert(piece.begin(), count);
    return piece;
  }
  }
  return {};
}

OpenShape Capture::resultShape(const ProgramNode &node, size_t result) {
  std::vector<OpenShape> operands;
  for (Id operand : node.operands) {
    operands.push_back(shapeOf(operand));
    open->settle(operands.back());
  }
  if (node.op->form != OpForm::Plain)
    return regionShape(node, std::move(operands), result);
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
  return open->resultOf(*node.op, result, operands, node.attributes,
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

/// A slice of what is whole along open dimensions: others are for the sizes of
/// the call.
static Capture::OpenView::Slice sliceOf(OpenTrace &open, OpenShape &shape,
                                        const Dims &sizes,
                                        const SliceOf &slice) {
  Capture::OpenView::Slice made;
  for (int i = 0; i < sizes.size(); ++i) {
    bool isBackwards = slice.steps[i] == -1;
    bool isWhole = slice.sizes[i] == sizes[i] &&
                   (isBackwards || (slice.steps[i] == 1)) &&
                   slice.starts[i] == (isBackwards ? sizes[i] - 1 : 0);
    if (!isWhole) {
      OpenShape one{shape[i]};
      open.fix(one);
      shape[i] = one[0];
    }
    made.starts.push_back(isWhole && isBackwards ? shape[i] - 1
                                                 : slice.starts[i]);
    made.sizes.push_back(isWhole ? shape[i] : OpenSize(slice.sizes[i]));
  }
  return made;
}

Capture::OpenView Capture::viewOf(const TensorImpl &view, const Tensor &parent,
                                  const std::optional<ViewOp> &op) {
  OpenView made{shapeOf(*parent), {}};
  OpenShape &from = made.parent, &shape = made.shape;
  if (!op) {
    shape = from;
    return made;
  }
  bool isGiven =
      given && given->shape.size() == static_cast<size_t>(view.rank());
  switch (op->kind) {
  case ViewOp::Kind::Permute:
    for (int64_t dim : op->dims)
      shape.push_back(from[dim]);
    return made;
  case ViewOp::Kind::Strided:
    if (!op->slice) {
      open->fix(from);
      shape = fixedShape(view.sizes);
      return made;
    }
    if (given && given->slice && given->slice->sizes.size() == from.size())
      made.slice = given->slice;
    else
      made.slice = sliceOf(*open, from, parent->sizes, *op->slice);
    open->fixNumbers(made.slice->starts);
    open->settle(made.slice->sizes);
    if (std::optional<OpenShape> same =
            withOnes(made.slice->sizes, op->slice->sizes, view.sizes))
      shape = *same;
    else
      shape = fixedShape(view.sizes); // of a view without elements
    return made;
  case ViewOp::Kind::Reshape:
  case ViewOp::Kind::Expand:
    break;
  }
  if (isGiven) {
    shape = given->shape;
    OpenSize count = 1, rest = 1;
    for (const OpenSize &size : from)
      count = count * size;
    int offset = view.rank() - parent->rank(), left = -1;
    for (int i = 0; i < view.rank(); ++i) {
      if (!shape[i].is(-1))
        rest = rest * shape[i];
      else if (op->kind == ViewOp::Kind::Expand)
        shape[i] = from[i - offset];
      else
        left = i;
    }
    if (left >= 0) {
      std::optional<OpenShape> same = withOnes(from, parent->sizes, view.sizes);
      shape[left] = same ? (*same)[left] : rules::floorDivide(count, rest);
    }
    open->settle(shape);
    return made;
  }
  // Inside the library a reshape only adds or leaves out dimensions of size 1.
  if (op->kind == ViewOp::Kind::Reshape)
    if (std::optional<OpenShape> same =
            withOnes(from, parent->sizes, view.sizes)) {
      shape = *same;
      return made;
    }
  open->fix(from);
  if (op->kind == ViewOp::Kind::Expand)
    open->fixAll();
  shape = fixedShape(view.sizes);
  return made;
}

Capture::Id Capture::valueLike(const OpenShape &shape) {
  std::string key = shapeKey(shape);
  if (auto found = likes.find(key); found != likes.end())
    return found->second;
  for (size_t i = 0; i < arguments.size(); ++i)
    if (shapeKey(open->argument(i)) == key)
      return read(*arguments[i]);
  // From the sizes of arguments, as the program's operands have them.
  std::vector<Id> operands;
  std::vector<OpenSize> values;
  std::unordered_map<int, size_t> first; // of the operands: the first size
  size_t count = 0;
  for (int64_t value : open->valuesOf(shape)) {
    auto [argument, dim] = open->place(value);
    auto [place, isNew] = first.try_emplace(argument, count);
    if (isNew) {
      operands.push_back(read(*arguments[argument]));
      count += open->argument(argument).size();
    }
    values.resize(std::max<size_t>(values.size(), value + 1), 0);
    values[value] = OpenSize::open("v" + std::to_string(place->second + dim));
  }
  std::string sizes;
  for (const OpenSize &size : shape)
    sizes +=
        (sizes.empty() ? "" : ", ") + open->rewritten(size, values).postfix();
  TensorType type{DType::Bool, {}};
  for (const OpenSize &size : shape)
    type.dims.push_back(open->hint(size));
  return appendOp("empty", std::move(operands), {DType::Bool, sizes}, type,
                  &shape);
}

Capture::Id Capture::openBroadcast(Id from, OpenShape shape,
                                   const TensorType &result) {
  OpenShape before = shapeOf(from);
  open->settle(before);
  open->settle(shape);
  if (shapeKey(before) == shapeKey(shape))
    return from;
  Dims sizes = open->dims(shape);
  if (std::find(sizes.begin(), sizes.end(), kDynamic) == sizes.end())
    return appendOp("broadcast", {from}, {sizes}, result);
  return appendOp("broadcast_like", {from, valueLike(shape)}, {Dims(), true},
                  result, &shape);
}

Capture::Id Capture::openReshape(Id parent, OpenShape shape,
                                 const TensorType &result) {
  OpenShape from = shapeOf(parent);
  open->settle(from);
  open->settle(shape);
  if (shapeKey(from) == shapeKey(shape))
    return parent;
  auto isOpen = [](const OpenSize &size) { return !size.known(); };
  auto left = std::count_if(shape.begin(), shape.end(), isOpen);
  // Sizes of the input by their dimension; one more is what is left.
  Dims sizes = open->dims(shape);
  for (int i = 0; i < sizes.size(); ++i)
    for (size_t d = 0; sizes[i] == kDynamic && d < from.size(); ++d)
      if (from[d].postfix() == shape[i].postfix())
        sizes[i] = -1 - static_cast<int64_t>(d);
  auto unknown = std::count(sizes.begin(), sizes.end(), kDynamic);
  bool isNone =
      std::find(result.dims.begin(), result.dims.end(), 0) != result.dims.end();
  if (left == 0)
    return appendOp("reshape", {parent}, {sizes}, result);
  // As many elements, whatever the sizes are.
  OpenSize before = 1, after = 1;
  for (const OpenSize &size : from)
    before = before * size;
  for (const OpenSize &size : shape)
    after = after * size;
  if (before.postfix() != after.postfix())
    open->require(rules::compare(before, "==", after).postfix(), true);
  if (unknown > 1 || (unknown && isNone))
    return appendOp("reshape_like", {parent, valueLike(shape)}, {}, result,
                    &shape);
  return appendOp("reshape", {parent}, {sizes}, result, &shape);
}

Capture::OpenView::Slice Capture::forwardSlice(const TracedView &step,
                                               const Dims &flipped) {
  const auto &[parent, shape, given] = openViews[&step].second;
  OpenView::Slice slice = *given;
  open->settle(slice.sizes);
  OpenShape from = parent;
  open->settle(from);
  for (int64_t dim : flipped)
    slice.starts[dim] = from[dim] - 1 - slice.starts[dim];
  for (size_t i = 0; i < slice.starts.size(); ++i)
    if (slice.sizes[i].is(0))
      slice.starts[i] = 0;
  // Where it begins may be fixed by now.
  Dims starts = open->dims(slice.starts);
  for (int i = 0; i < starts.size(); ++i)
    if (starts[i] != kDynamic)
      slice.starts[i] = starts[i];
  return slice;
}

void Capture::openStep(const TracedView &view, Executable::Result::Step &step) {
  const OpenView &sizes = openViews[&view].second;
  if (view.op->kind == ViewOp::Kind::Permute)
    return;
  if (view.op->kind == ViewOp::Kind::Strided && !view.op->slice)
    return open->fixAll();
  auto expressions = [&](const OpenShape &shape) {
    std::vector<HostExpression> made;
    for (const OpenSize &size : shape)
      made.push_back(open->expression(size));
    return made;
  };
  step.isOpen = true;
  step.shape = expressions(sizes.shape);
  if (!sizes.slice)
    return;
  step.starts = expressions(sizes.slice->starts);
  step.sizes = expressions(sizes.slice->sizes);
}

bool Capture::areKnown(const OpenShape &shape) {
  return std::all_of(shape.begin(), shape.end(),
                     [](const OpenSize &size) { return bool(size.known()); });
}

Capture::Id Capture::openSlice(Id value, const TracedView &step,
                               const TensorType &result) {
  const Dims &sizes = step.parent->sizes;
  Dims flipped;
  SliceOf hints = forward(*step.op->slice, sizes, flipped);
  OpenView::Slice slice = forwardSlice(step, flipped);
  OpenShape from = openViews[&step].second.parent;
  open->settle(from);
  TensorType type{result.dtype, hints.sizes};
  if (!flipped.empty())
    value = appendOp("flip", {value}, {flipped}, {result.dtype, sizes});
  if (!isWhole(hints, sizes) || shapeKey(slice.sizes) != shapeKey(from)) {
    if (areKnown(slice.starts) && areKnown(slice.sizes))
      value =
          appendOp("slice", {value},
                   {open->dims(slice.starts), hints.sizes, hints.steps}, type);
    else
      value = appendOp("slice_like",
                       {value, valueLike(slice.starts), valueLike(slice.sizes)},
                       {hints.steps}, type, &slice.sizes);
  }
  return openReshape(value, openViews[&step].second.shape, result);
}

Capture::Id Capture::openInsert(const std::function<Id()> &around, Id part,
                                const TracedView &step) {
  const Dims &sizes = step.parent->sizes;
  TensorType type = step.parent->type();
  Dims flipped;
  SliceOf hints = forward(*step.op->slice, sizes, flipped);
  OpenView::Slice slice = forwardSlice(step, flipped);
  OpenShape whole = openViews[&step].second.parent;
  open->settle(whole);
  auto flip = [&](Id value) {
    return flipped.empty() ? value : appendOp("flip", {value}, {flipped}, type);
  };
  part = openReshape(part, slice.sizes, {type.dtype, hints.sizes});
  if (isWhole(hints, sizes) && shapeKey(slice.sizes) == shapeKey(whole))
    return flip(part);
  Id before = flip(around());
  return flip(areKnown(slice.starts) && areKnown(slice.sizes)
                  ? appendOp("insert_slice", {before, part},
                             {open->dims(slice.starts), hints.steps}, type)
                  : appendOp("insert_slice_at",
                             {before, part, valueLike(slice.starts)},
                             {hints.steps}, type));
}

Tensor Capture::iota(DType dtype, int64_t count) {
  TensorType type{dtype, {count}};
  OpenShape shape = open ? givenShape(1) : OpenShape();
  if (!shape.empty() && !shape[0].known())
    return fresh(
        appendOp("iota", {valueLike(shape)}, {dtype, int64_t{0}}, type), type,
        {1});
  // Known when the program is made: a constant.
  Tensor numbers;
  {
    SuspendCapture eager;
    numbers = stepwell::iota(dtype, count);
  }
  return alias(*numbers, {1});
}

void Capture::openTypes() {
  std::vector<TensorType> types;
  for (size_t i = 0; i < program.inputs.size(); ++i)
    types.push_back(program.inputs[i].type);
  inferTypes(program, types);
}
