//===- Capture.cpp - A function run once to become one Program ------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Capture.h"

#include "stepwell/Eager/Ops.h"
#include "stepwell/Eager/Plan.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <cstring>
#include <numeric>

using namespace stepwell;

std::string (*Capture::location)() = nullptr;

static uint64_t captureCount = 0;

Capture::Capture(std::vector<Tensor> arguments, std::unique_ptr<OpenTrace> open)
    : id(++captureCount), arguments(std::move(arguments)),
      open(std::move(open)), since(tapePosition()), outer(threadState.capture) {
  for (const Tensor &argument : this->arguments)
    flags.push_back(argument->requiresGrad);
  threadState.capture = this;
  ++running;
}

Capture::~Capture() {
  --running;
  // What the trace left on tensors from outside was never true of them.
  for (OldGrad &old : oldGrads)
    old.leaf->grad = old.grad;
  for (OldHistory &old : oldHistories) {
    old.tensor->node = old.node;
    old.tensor->output = old.output;
  }
  for (auto &[buffer, entries] : known)
    for (Known &entry : entries)
      if (entry.input >= 0 && entry.mutated)
        buffer->version = entry.version;
  threadState.capture = outer;
}

SuspendCapture::SuspendCapture()
    : suspended(std::exchange(threadState.capture, nullptr)) {}
SuspendCapture::~SuspendCapture() { threadState.capture = suspended; }

void Capture::refuseHere(const std::string &what, std::string where) {
  if (where.empty() && location)
    where = location();
  fail(Error::Kind::Runtime, (where.empty() ? "" : where + ": ") + what);
}

//===--- Values -----------------------------------------------------------===//

int32_t Capture::here() {
  std::string where = location ? location() : "";
  if (where.empty())
    return -1;
  if (program.locations.empty() || program.locations.back() != where)
    program.locations.push_back(where);
  return static_cast<int32_t>(program.locations.size()) - 1;
}

Capture::Id Capture::addInput(ProgramInput type, Executable::Input source) {
  program.inputs.push_back(type);
  if (open)
    inputShapes.push_back(source.argument >= 0 ? open->argument(source.argument)
                                               : fixedShape(type.type.dims));
  inputs.push_back(std::move(source));
  origins.resize(inputs.size());
  Id id = -static_cast<Id>(inputs.size());
  if (open)
    likes.try_emplace(shapeKey(inputShapes.back()), id);
  return id;
}

Capture::Id Capture::addNode(ProgramNode node, const OpenShape *shape) {
  Id first = static_cast<Id>(types.size());
  if (open)
    for (size_t i = 0; i < node.results.size(); ++i) {
      shapes.push_back(shape ? *shape : resultShape(node, i));
      likes.try_emplace(shapeKey(shapes.back()), first + static_cast<Id>(i));
    }
  types.insert(types.end(), node.results.begin(), node.results.end());
  bool derived = !node.op->nonDifferentiable &&
                 std::any_of(node.operands.begin(), node.operands.end(),
                             [&](Id operand) { return isActive(operand); });
  for (const TensorType &result : node.results)
    active.push_back(derived && isFloat(result.dtype));
  node.location = here();
  program.nodes.push_back(std::move(node));
  return first;
}

Capture::Id Capture::appendOp(const char *name, std::vector<Id> operands,
                              Attributes attributes, const TensorType &result,
                              const OpenShape *shape) {
  ProgramNode node;
  node.op = findOp(name);
  node.attributes = std::move(attributes);
  node.operands = std::move(operands);
  node.results = {result};
  return addNode(std::move(node), shape);
}

const TensorType &Capture::typeOf(Id id) const {
  return id < 0 ? program.inputs[-id - 1].type : types[id];
}

bool Capture::isActive(Id id) const {
  return id < 0 ? inputs[-id - 1].requiresGrad &&
                      isFloat(program.inputs[-id - 1].type.dtype)
                : active[id];
}

Capture::Id Capture::detach(Id value) {
  if (!isActive(value))
    return value;
  auto [cut, isNew] = cuts.try_emplace(value);
  if (isNew)
    cut->second = appendOp("detach", {value}, {}, typeOf(value));
  return cut->second;
}

bool Capture::followsTape(const TensorImpl &tensor) {
  if (!requiresGrad(tensor))
    return false;
  // It says that it requires a gradient, and has no place on the tape.
  auto leadsNowhere = [](const TensorImpl &each) {
    return each.made == ViewMade::WithoutGrad && !each.node &&
           !each.requiresGrad;
  };
  if (leadsNowhere(tensor))
    return false;
  const Capture *capture = current();
  if (!capture)
    return true;
  auto isLeaf = [](const TensorImpl &each) {
    return each.requiresGrad && !isComputed(each);
  };
  // A view of a leaf that the function made ends there, too.
  const TensorImpl *at = &tensor;
  for (; at->traced && at->traced->capture == capture->id;
       at = at->traced->parent.get())
    if (isLeaf(*at) || leadsNowhere(*at))
      return false;
  return !isLeaf(*at) || !capture->madeInside(*at);
}

bool Capture::madeInside(const TensorImpl &tensor) const {
  return !tensor.hasMemory() || (tensor.traced && tensor.traced->capture == id);
}

Tensor Capture::fresh(Id value, const TensorType &type, const Dims &strides) {
  Ref<Buffer> buffer(new Buffer);
  Geometry geometry{type.dims, strides, 0};
  known[buffer.get()].push_back({geometry, value, -1, false, buffer, 0});
  return makeTensor(buffer, type.dtype, geometry);
}

int Capture::argumentIndex(const TensorImpl &tensor, bool itself) const {
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].get() == &tensor)
      return static_cast<int>(i);
  if (itself)
    return -1;
  // One that has a place on the tape is no other tensor.
  if (requiresGrad(tensor))
    return -1;
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i]->buffer == tensor.buffer && !requiresGrad(*arguments[i]) &&
        static_cast<const Geometry &>(*arguments[i]) == tensor)
      return static_cast<int>(i);
  return -1;
}

Capture::Known &Capture::find(const TensorImpl &tensor) {
  noteOutside(tensor);
  std::vector<Known> &entries = known[tensor.buffer.get()];
  for (Known &entry : entries)
    if (entry.geometry == tensor)
      return entry;
  Id value = inputOf(tensor);
  entries.push_back({tensor, value, static_cast<int>(inputs.size()) - 1, false,
                     tensor.buffer, tensor.buffer->version});
  entries.back().bears = origins.back();
  return entries.back();
}

void Capture::noteOutside(const TensorImpl &tensor) {
  // What only the tape holds has no object of Python's; a gradient is another
  // tensor in each call.
  if (!tensor.wrapper || !tensor.hasMemory() || madeInside(tensor) ||
      argumentIndex(tensor, true) >= 0)
    return;
  Tensor same(const_cast<TensorImpl *>(&tensor));
  if (std::find(outside.begin(), outside.end(), same) == outside.end() &&
      std::none_of(oldGrads.begin(), oldGrads.end(),
                   [&](const OldGrad &old) { return old.grad == same; }))
    outside.push_back(same);
}

Capture::Id Capture::inputOf(const TensorImpl &tensor) {
  if (!tensor.hasMemory())
    refuseHere("a value of another captured function was used");
  Executable::Input source;
  source.argument = argumentIndex(tensor);
  Tensor same(const_cast<TensorImpl *>(&tensor));
  if (source.argument < 0)
    source.captured = same;
  source.requiresGrad = requiresGrad(tensor);
  for (const OldGrad &old : oldGrads)
    if (old.grad == same) {
      source.gradient = true;
      source.argument = argumentIndex(*old.leaf, true);
      source.captured = old.leaf;
    }
  source.strides = tensor.strides;
  oldHistories.push_back({same, tensor.node, tensor.output});
  if (const Tensor &base = tensor.base)
    oldHistories.push_back({base, base->node, base->output});
  ProgramInput input;
  input.type = tensor.type();
  Id value = addInput(input, source);
  if (source.requiresGrad)
    origins.back() = edgeOf(same);
  return value;
}

Capture::Id Capture::readPlace(const TensorImpl &tensor) {
  Known &entry = find(tensor);
  if (entry.input < 0 || !gradEnabled() || !isFloat(tensor.dtype) ||
      !followsTape(tensor))
    return entry.value;
  Edge edge = edgeOf(Tensor(const_cast<TensorImpl *>(&tensor)));
  if (!edge || (edge.node && edge.node->sequence >= since) ||
      edge == entry.bears)
    return entry.value;
  return appendOp("with_gradient_of", {entry.value, placeOf(tensor)}, {},
                  typeOf(entry.value));
}

Capture::Id Capture::placeOf(const TensorImpl &tensor) {
  auto [place, isNew] = places.try_emplace(&tensor);
  if (isNew)
    place->second = inputOf(tensor);
  return place->second;
}

void Capture::noteHistory(Known &entry, const Tensor &tensor) {
  const Executable::Input &input = inputs[entry.input];
  bool first = tensor == (input.argument >= 0 ? arguments[input.argument]
                                              : input.captured);
  int target = first || input.gradient ? entry.input : -placeOf(*tensor) - 1;
  if (entry.target >= 0 && entry.target != target)
    refuseHere("the captured function writes what has a gradient to the same "
               "memory through two tensors");
  entry.target = target;
}

SliceOf Capture::forward(SliceOf slice, const Dims &sizes, Dims &flipped) {
  for (int i = 0; i < sizes.size(); ++i) {
    if (slice.sizes[i] == 0)
      slice.starts[i] = 0;
    if (slice.sizes[i] <= 1) {
      slice.steps[i] = 1;
    } else if (slice.steps[i] < 0) {
      flipped.push_back(i);
      slice.starts[i] = sizes[i] - 1 - slice.starts[i];
      slice.steps[i] = -slice.steps[i];
    }
  }
  return slice;
}

bool Capture::isWhole(const SliceOf &slice, const Dims &sizes) {
  return slice.sizes == sizes && slice.steps == Dims::filled(sizes.size(), 1);
}

Capture::Id Capture::positions(const ViewOp &op) {
  const Geometry &view = op.packed;
  Tensor numbers;
  {
    SuspendCapture eager;
    numbers = empty(DType::I64, {view.numel()});
    auto *at = static_cast<int64_t *>(numbers->data());
    int rank = view.sizes.size();
    for (int64_t i = 0, count = view.numel(); i < count; ++i) {
      int64_t rest = i, position = view.offset;
      for (int d = rank - 1; d >= 0; --d) {
        position += rest % view.sizes[d] * view.strides[d];
        rest /= view.sizes[d];
      }
      at[i] = position;
    }
  }
  return find(*numbers).value;
}

Capture::Id Capture::view(Id parent, const TracedView &step, DType dtype,
                          const Dims &sizes) {
  const Dims &parentSizes = step.parent->sizes;
  const ViewOp &op = *step.op;
  if (open) {
    const OpenView &view = openViews[&step].second;
    if (op.kind == ViewOp::Kind::Reshape)
      return openReshape(parent, view.shape, {dtype, sizes});
    if (op.kind == ViewOp::Kind::Expand)
      return openBroadcast(parent, view.shape, {dtype, sizes});
    if (op.slice)
      return openSlice(parent, step, {dtype, sizes});
  }
  switch (op.kind) {
  case ViewOp::Kind::Permute:
    return appendOp("transpose", {parent}, {op.dims}, {dtype, sizes});
  case ViewOp::Kind::Reshape:
    return parentSizes == sizes
               ? parent
               : appendOp("reshape", {parent}, {op.dims}, {dtype, sizes});
  case ViewOp::Kind::Expand:
    return parentSizes == sizes
               ? parent
               : appendOp("broadcast", {parent}, {op.dims}, {dtype, sizes});
  case ViewOp::Kind::Strided:
    break;
  }
  if (!op.slice) {
    Dims flat{step.parent->numel()}, count{Geometry{sizes, {}, 0}.numel()};
    Id all = appendOp("reshape", {parent}, {flat}, {dtype, flat});
    Id chosen = appendOp("index_select", {all, positions(op)}, {int64_t{0}},
                         {dtype, count});
    return appendOp("reshape", {chosen}, {sizes}, {dtype, sizes});
  }
  Dims flipped;
  SliceOf slice = forward(*op.slice, parentSizes, flipped);
  Id value = parent;
  if (!flipped.empty())
    value = appendOp("flip", {value}, {flipped}, {dtype, parentSizes});
  if (!isWhole(slice, parentSizes))
    value = appendOp("slice", {value}, {slice.starts, slice.sizes, slice.steps},
                     {dtype, slice.sizes});
  if (!(slice.sizes == sizes))
    value = appendOp("reshape", {value}, {sizes}, {dtype, sizes});
  return value;
}

Capture::Id Capture::insert(const TracedView &step, Id part, bool recorded) {
  // What lies around the part has no derivative where the tape has none.
  auto around = [&] {
    GradModeGuard mode(recorded || gradEnabled());
    Id value = read(*step.parent);
    return recorded && !followsTape(*step.parent) ? detach(value) : value;
  };
  const Dims &sizes = step.parent->sizes;
  const ViewOp &op = *step.op;
  TensorType type = step.parent->type();
  auto reshaped = [&](Id value, const Dims &to) {
    if (open && to == sizes)
      return openReshape(value, openViews[&step].second.parent, type);
    return typeOf(value).dims == to
               ? value
               : appendOp("reshape", {value}, {to}, {type.dtype, to});
  };
  switch (op.kind) {
  case ViewOp::Kind::Permute: {
    Dims inverse = op.dims;
    for (int i = 0; i < inverse.size(); ++i)
      inverse[op.dims[i]] = i;
    return appendOp("transpose", {part}, {inverse}, type);
  }
  case ViewOp::Kind::Expand:
    if (Geometry{typeOf(part).dims, {}, 0}.numel() != step.parent->numel())
      refuseHere("writing into a part of an expanded tensor cannot be "
                 "captured; clone() it before");
    [[fallthrough]];
  case ViewOp::Kind::Reshape:
    return reshaped(part, sizes);
  case ViewOp::Kind::Strided:
    break;
  }
  if (!op.slice) {
    Dims flat{step.parent->numel()},
        count{Geometry{typeOf(part).dims, {}, 0}.numel()};
    Id all = appendOp(
        "index_copy",
        {reshaped(around(), flat), positions(op), reshaped(part, count)},
        {int64_t{0}}, {type.dtype, flat});
    return reshaped(all, sizes);
  }
  if (open)
    return openInsert(around, part, step);
  Dims flipped;
  SliceOf slice = forward(*op.slice, sizes, flipped);
  auto flip = [&](Id value) {
    return flipped.empty() ? value : appendOp("flip", {value}, {flipped}, type);
  };
  part = reshaped(part, slice.sizes);
  if (isWhole(slice, sizes))
    return flip(part);
  return flip(appendOp("insert_slice", {flip(around()), part},
                       {slice.starts, slice.steps}, type));
}

void Capture::checkHistory(const TensorImpl &tensor, const TracedView &step) {
  if (diverged.count(&step) && followsTape(tensor))
    refuseHere("a detached tensor that was written to with a gradient cannot "
               "be captured; clone() it after detach()");
}

Capture::Id Capture::read(const TensorImpl &tensor) {
  // Chains may be long.
  std::vector<const TensorImpl *> views;
  const TensorImpl *at = &tensor;
  for (; at->traced && at->traced->capture == id; at = at->traced->parent.get())
    if (at->traced->op)
      views.push_back(at);
    else if (gradEnabled())
      checkHistory(tensor, *at->traced);
  Id value = readPlace(*at);
  for (; !views.empty(); views.pop_back()) {
    const TensorImpl &each = *views.back();
    // As long as nobody writes, a view is taken once.
    Taken &last = taken[each.traced.get()];
    if (!last.view || last.parent != value)
      last = {each.traced, value,
              view(value, *each.traced, each.dtype, each.sizes)};
    value = last.value;
  }
  return value;
}

Capture::Id Capture::readInCall(const TensorImpl &tensor) {
  // Of what an outer tape keeps for its sizes there is no memory.
  if (!tensor.buffer)
    return read(*constant(tensor.dtype, tensor.sizes, int64_t{0}));
  Id value = read(tensor);
  return gradEnabled() && !followsTape(tensor) ? detach(value) : value;
}

Tensor Capture::alias(const TensorImpl &source, const Dims &strides) {
  return fresh(readInCall(source), source.type(), strides);
}

Tensor Capture::constant(DType dtype, const Dims &sizes, const Scalar &value) {
  if (open && !sizes.empty()) {
    OpenShape shape = givenShape(sizes.size());
    if (!shape.empty()) {
      Id one = read(*constant(dtype, {}, value));
      return fresh(openBroadcast(one, shape, {dtype, sizes}), {dtype, sizes},
                   packedStrides(sizes));
    }
    if (Geometry{sizes, {}, 0}.numel() > 1)
      open->fixAll();
  }
  TemplateInput input{scalarCarrier(dtype), true};
  Ref<Template> full = opTemplate(findOp("full"), {sizes}, std::span(&input, 1),
                                  input.dtype, std::span(&dtype, 1));
  Argument argument{{}, value};
  TensorType type{dtype, sizes};
  return append(*full, std::span(&argument, 1), std::span(&type, 1))[0];
}

void Capture::noteView(TensorImpl &view, const Tensor &parent,
                       std::optional<ViewOp> op) {
  Ref<TracedView> step(new TracedView);
  step->capture = id;
  step->parent = parent;
  if (op && op->kind == ViewOp::Kind::Strided && !op->slice && location)
    step->where = location();
  if (open)
    openViews[step.get()] = {step, viewOf(view, parent, op)};
  step->op = std::move(op);
  view.traced = step;
}

void Capture::noteGrad(const Tensor &leaf) {
  // What retain_grad() keeps of a captured value is gone with the capture.
  if (!leaf->buffer->memory)
    return;
  for (const OldGrad &old : oldGrads)
    if (old.leaf == leaf)
      return;
  oldGrads.push_back({leaf, leaf->grad});
}

bool Capture::wasComputed(const TensorImpl &tensor) const {
  // The first entry is from before the first write.
  auto node = [&](const TensorImpl *at) {
    for (const OldHistory &old : oldHistories)
      if (old.tensor.get() == at)
        return static_cast<bool>(old.node);
    return static_cast<bool>(at->node);
  };
  return node(&tensor) || (tensor.base && node(tensor.base.get()));
}

Tensor Capture::rootOf(const Tensor &tensor,
                       std::vector<const TracedView *> *steps) {
  Tensor root = tensor;
  while (root->traced && root->traced->capture == id) {
    if (steps)
      steps->push_back(root->traced.get());
    root = root->traced->parent;
  }
  if (steps)
    std::reverse(steps->begin(), steps->end());
  return root;
}

void Capture::write(TensorImpl &target, const Tensor &value, bool recorded) {
  std::vector<const TracedView *> steps;
  Tensor root = rootOf(Tensor(&target), &steps);
  Id part = read(*value);
  for (size_t i = steps.size(); i-- > 0;) {
    if (recorded && !steps[i]->op)
      diverged.insert(steps[i]);
    recorded &= steps[i]->op.has_value();
    if (steps[i]->op)
      part = insert(*steps[i], part, recorded);
  }
  if (selfOverlaps(*root))
    refuseHere("writing into a part of an expanded tensor cannot be captured; "
               "clone() it before");
  Known &entry = find(*root);
  Edge bears;
  if (!recorded && followsTape(*root) && isFloat(root->dtype)) {
    GradModeGuard any(true);
    part = appendOp("with_gradient_of", {part, readPlace(*root)}, {},
                    typeOf(part));
    bears = edgeOf(root);
  }
  entry.bears = bears;
  if (recorded && entry.input >= 0)
    noteHistory(entry, root);
  entry.value = part;
  entry.mutated = true;
  entry.counted |= !target.untracked;
  if (!target.untracked)
    ++root->buffer->version;
}

bool stepwell::isSameNumber(const Scalar &a, const Scalar &b) {
  const double *x = std::get_if<double>(&a), *y = std::get_if<double>(&b);
  return x && y ? std::memcmp(x, y, sizeof *x) == 0 : a == b;
}

static bool sameNumber(const Executable::Input &input,
                       const Argument &argument) {
  if (input.number >= 0 || argument.number >= 0)
    return input.number == argument.number;
  return isSameNumber(input.scalar, argument.scalar);
}

std::vector<Tensor> Capture::append(const Template &t,
                                    std::span<const Argument> arguments,
                                    std::span<const TensorType> results) {
  std::vector<ProgramInput> types;
  std::vector<Id> ids;
  for (size_t i = 0; i < arguments.size(); ++i) {
    ProgramInput input;
    input.type.dtype = t.inputs[i].dtype;
    if (arguments[i].tensor) {
      input.type.dims = arguments[i].tensor->sizes;
      ids.push_back(readInCall(*arguments[i].tensor));
    } else {
      input.scalar = true;
      // One input for equal numbers, so that equal expressions are seen as
      // such.
      size_t at = 0;
      while (at < inputs.size() && !(program.inputs[at].scalar &&
                                     program.inputs[at].type == input.type &&
                                     sameNumber(inputs[at], arguments[i])))
        ++at;
      if (at == inputs.size())
        addInput(input, {.scalar = arguments[i].scalar,
                         .number = arguments[i].number});
      if (t.inputs[i].number)
        program.inputs[at].number = t.inputs[i].number;
      ids.push_back(-static_cast<Id>(at) - 1);
    }
    types.push_back(input);
  }
  Program piece = instantiate(t, std::move(types));
  for (ProgramNode &node : piece.nodes) {
    for (ValueId &operand : node.operands)
      operand = ids[operand];
    Id first = addNode(node);
    for (size_t i = 0; i < node.results.size(); ++i)
      ids.push_back(first + static_cast<Id>(i));
  }
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < results.size(); ++i)
    tensors.push_back(fresh(ids[piece.outputs[i].value], results[i],
                            stridesOfResult(t, arguments, results[i])));
  return tensors;
}

//===--- The end ----------------------------------------------------------===//

/// The dimensions of a dense tensor from the outermost to the innermost; none
/// if it is row-major.
static Dims orderOf(const Geometry &geometry) {
  if (geometry.contiguous())
    return {};
  std::vector<int64_t> order(geometry.sizes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return geometry.strides[a] > geometry.strides[b];
  });
  return Dims(order.begin(), order.end());
}

void Capture::addResult(Executable &executable, std::span<const Tensor> results,
                        size_t which, std::vector<ProgramOutput> &outputs) {
  const Tensor &result = results[which];
  Executable::Result &out = executable.results.emplace_back();
  for (size_t i = 0; i < which; ++i)
    if (results[i] == result) {
      out.same = static_cast<int>(i);
      return;
    }
  std::vector<const TracedView *> steps;
  Tensor root = rootOf(result, &steps);
  out.self = root == result;
  for (size_t i = 0; i < steps.size(); ++i) {
    checkHistory(*result, *steps[i]);
    if (!steps[i]->op)
      continue;
    Geometry view = i + 1 < steps.size() ? *steps[i + 1]->parent : *result;
    view.offset -= steps[i]->parent->offset;
    out.steps.push_back({*steps[i]->op, view});
    if (open)
      openStep(*steps[i], out.steps.back());
  }
  WayBack way;
  if (followsTape(*result) && edgeOf(result)) {
    way = wayBack(result, since);
    out.requiresGrad = !way.released;
  }
  if (root->hasMemory()) {
    for (size_t i = 0; i < arguments.size() && out.argument < 0; ++i)
      if (arguments[i] == root)
        out.argument = static_cast<int>(i);
    if (out.argument < 0)
      out.existing = root;
    return;
  }
  executable.differentiable |= out.requiresGrad;
  executable.hooked |= out.requiresGrad && way.watched;
  Id value = read(*root);
  // Each call of a function says how its results lie.
  out.order = open && !open->keepsLayouts() ? Dims() : orderOf(*root);
  auto [place, isNew] = baseOutputs.try_emplace(root->buffer.get(), 0);
  if (isNew) {
    place->second = static_cast<int>(outputs.size());
    if (!out.order.empty()) {
      Dims sizes;
      for (int64_t dim : out.order)
        sizes.push_back(root->sizes[dim]);
      value = appendOp("transpose", {value}, {out.order}, {root->dtype, sizes});
    }
    outputs.push_back({value});
  }
  out.output = place->second;
  if (out.requiresGrad)
    noteWay(out.output, way);
}

void Capture::noteWay(size_t output, const WayBack &way) {
  if (reached.size() <= output)
    reached.resize(output + 1);
  std::vector<bool> &inputs = reached[output];
  inputs.resize(origins.size());
  for (const Edge &edge : way.leaves)
    for (size_t i = 0; i < origins.size(); ++i)
      if (origins[i] && origins[i] == edge)
        inputs[i] = true;
  for (const auto &[edge, op] : way.underivable)
    for (size_t i = 0; i < origins.size(); ++i)
      if (origins[i] && origins[i] == edge) {
        underivable.resize(std::max(underivable.size(), output + 1));
        underivable[output].resize(origins.size());
        underivable[output][i] = op;
      }
}

/// How arguments and watched tensors lie over each other: a capture of the same
/// pattern read the same memory through the same tensors.
std::vector<int64_t> stepwell::sharing(std::span<const Tensor> arguments,
                                       std::span<const Tensor> watched) {
  std::vector<int64_t> pattern;
  std::unordered_map<const Buffer *, std::vector<size_t>> known;
  auto at = [&](size_t i) -> const TensorImpl & {
    return i < arguments.size() ? *arguments[i]
                                : *watched[i - arguments.size()];
  };
  for (size_t i = 0; i < arguments.size() + watched.size(); ++i) {
    std::vector<size_t> &others = known[at(i).buffer.get()];
    for (size_t j : others) {
      if (!mayOverlap(at(i), at(j)))
        continue;
      pattern.insert(pattern.end(),
                     {static_cast<int64_t>(i), static_cast<int64_t>(j),
                      at(i).offset - at(j).offset, &at(i) == &at(j)});
      for (const TensorImpl *each : {&at(i), &at(j)})
        pattern.insert(pattern.end(), each->strides.begin(),
                       each->strides.end());
    }
    others.push_back(i);
  }
  return pattern;
}

/// Whether two inputs over one buffer may share an element.
static bool overlap(const Geometry &a, const Geometry &b) {
  Tensor both[2];
  Ref<Buffer> buffer(new Buffer);
  both[0] = makeTensor(buffer, DType::U8, a);
  both[1] = makeTensor(buffer, DType::U8, b);
  return mayOverlap(*both[0], *both[1]);
}

/// A derivative that nobody asks for needs nothing that cuts it.
void Capture::dropCuts() {
  const OpRow *cuts[] = {findOp("detach"), findOp("with_gradient_of")};
  std::vector<Id> moved(types.size());
  auto now = [&](Id id) { return id < 0 ? id : moved[id]; };
  std::vector<ProgramNode> kept;
  Id from = 0, to = 0;
  for (ProgramNode &node : program.nodes) {
    for (ValueId &operand : node.operands)
      operand = now(operand);
    size_t count = node.results.size();
    if (node.op == cuts[0] || node.op == cuts[1]) {
      moved[from++] = node.operands[0];
      continue;
    }
    for (size_t i = 0; i < count; ++i)
      moved[from++] = to++;
    kept.push_back(std::move(node));
  }
  program.nodes = std::move(kept);
  for (ProgramOutput &output : program.outputs)
    output.value = now(output.value);
}

Executable Capture::finish(std::span<const Tensor> results) {
  Executable executable;
  std::vector<ProgramOutput> outputs;
  auto addOutput = [&](Id value) {
    outputs.push_back({value});
    return static_cast<int>(outputs.size()) - 1;
  };
  for (size_t i = 0; i < results.size(); ++i)
    addResult(executable, results, i, outputs);
  for (const OldGrad &old : oldGrads) {
    executable.guards.push_back({argumentIndex(*old.leaf, true), old.leaf,
                                 static_cast<bool>(old.grad),
                                 wasComputed(*old.leaf)});
    if (old.leaf->grad == old.grad)
      continue;
    Executable::GradEffect effect;
    effect.argument = argumentIndex(*old.leaf, true);
    effect.leaf = old.leaf;
    if (old.leaf->grad)
      effect.output = addOutput(read(*old.leaf->grad));
    executable.gradients.push_back(std::move(effect));
  }
  struct Write {
    Id value;
    int input;
    bool recorded, counted;
    WayBack way;
  };
  std::vector<Write> writes;
  for (auto &[buffer, entries] : known)
    for (const Known &entry : entries) {
      if (!entry.mutated || entry.input < 0)
        continue;
      int into = entry.target >= 0 ? entry.target : entry.input;
      const Executable::Input &input = inputs[into];
      Tensor target = input.gradient        ? Tensor()
                      : input.argument >= 0 ? arguments[input.argument]
                                            : input.captured;
      for (const Known &other : entries)
        if (&other != &entry && overlap(other.geometry, entry.geometry))
          refuseHere("the captured function writes to memory that it also "
                     "reads through another view");
      Write write{entry.value, into, false, entry.counted, {}};
      // A history that the function gave to what was there before.
      if (target)
        refreshHistory(*target);
      if (target && target->node && target->node->sequence >= since) {
        WayBack way = wayBack(target, since);
        write.recorded = !way.released;
        executable.hooked |= write.recorded && way.watched;
        write.way = std::move(way);
      }
      executable.differentiable |= write.recorded;
      writes.push_back(write);
    }
  // In the order of the inputs, so that equal functions have equal keys.
  std::sort(writes.begin(), writes.end(),
            [](const Write &a, const Write &b) { return a.input < b.input; });
  for (const Write &write : writes) {
    if (executable.differentiable) {
      executable.updates.push_back(
          {write.input, addOutput(write.value), write.recorded, write.counted});
      if (write.recorded)
        noteWay(outputs.size() - 1, write.way);
    } else {
      executable.mutated.push_back(write.input);
      executable.counted.push_back(write.counted);
      outputs.push_back({write.value, Layout::Contiguous, write.input});
    }
  }
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i]->requiresGrad != flags[i])
      executable.flags.emplace_back(i, arguments[i]->requiresGrad);
    executable.layouts.push_back(arguments[i]->strides);
    if (open)
      executable.isPacked.push_back(!areKnown(open->argument(i)));
  }
  program.outputs = std::move(outputs);
  executable.enablesGrad = !gradEnabled();
  if (!executable.differentiable && !open)
    dropCuts();

  if (open)
    for (size_t i = 0; i < inputs.size(); ++i)
      program.inputs[i].type.dims = open->dims(inputShapes[i]);

  // Arguments first, as they were given; then tensors, then numbers.
  Id count = static_cast<Id>(inputs.size());
  std::vector<Id> order;
  for (Id i = 0; i < count; ++i)
    order.push_back(i);
  auto rank = [&](Id i) {
    const Executable::Input &input = inputs[i];
    return input.argument >= 0 ? input.argument
                               : INT_MAX - (input.captured ? 1 : 0);
  };
  std::sort(order.begin(), order.end(), [&](Id a, Id b) {
    return std::pair(rank(a), a) < std::pair(rank(b), b);
  });
  std::vector<Id> place(inputs.size());
  std::vector<ProgramInput> orderedTypes;
  for (Id i = 0; i < count; ++i) {
    place[order[i]] = i;
    orderedTypes.push_back(program.inputs[order[i]]);
    executable.inputs.push_back(inputs[order[i]]);
  }
  program.inputs = std::move(orderedTypes);
  for (int &input : executable.mutated)
    input = place[input];
  for (Executable::Update &update : executable.updates)
    update.input = place[update.input];
  auto final = [&](Id id) { return id < 0 ? place[-id - 1] : id + count; };
  for (ProgramNode &node : program.nodes)
    for (ValueId &operand : node.operands)
      operand = final(operand);
  for (ProgramOutput &output : program.outputs) {
    output.value = final(output.value);
    if (output.into >= 0)
      output.into = place[output.into];
  }
  if (open)
    openTypes();
  executable.call = programTemplate(std::move(program));
  if (open) {
    executable.hostGuards = open->takeGuards();
    for (size_t i = 0; i < arguments.size(); ++i)
      executable.argumentTypes.push_back(
          {arguments[i]->dtype, open->dims(open->argument(i))});
  }
  for (size_t i = 0; i < reached.size(); ++i)
    for (size_t j = 0; j < reached[i].size(); ++j)
      if (reached[i][j])
        executable.call->reached[i][place[j]] = true;
  if (!underivable.empty()) {
    std::vector<const OpRow *> none(inputs.size());
    executable.call->underivable.assign(executable.call->results.size(), none);
    for (size_t i = 0; i < underivable.size(); ++i)
      for (size_t j = 0; j < underivable[i].size(); ++j)
        executable.call->underivable[i][place[j]] = underivable[i][j];
  }

  for (const Executable::Input &input : executable.inputs)
    if (input.argument < 0 && input.captured && !input.gradient)
      executable.watched.push_back(input.captured);
  for (const Executable::Result &result : executable.results)
    if (result.existing)
      executable.watched.push_back(result.existing);
  for (const Tensor &tensor : outside)
    if (std::find(executable.watched.begin(), executable.watched.end(),
                  tensor) == executable.watched.end())
      executable.watched.push_back(tensor);
  for (const Tensor &tensor : executable.watched)
    executable.memory.push_back(tensor->buffer.get());
  executable.onceOnly = onceOnly;
  executable.sharing = stepwell::sharing(arguments, executable.watched);
  executable.sharingOutside = stepwell::sharing({}, executable.watched);
  return executable;
}
