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

using namespace stepwell;

static thread_local Capture *currentCapture = nullptr;
Capture *Capture::current() { return currentCapture; }
std::string (*Capture::location)() = nullptr;

static uint64_t captureCount = 0;

Capture::Capture(std::vector<Tensor> arguments)
    : id(++captureCount), arguments(std::move(arguments)),
      outer(currentCapture) {
  currentCapture = this;
}

Capture::~Capture() {
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
  currentCapture = outer;
}

SuspendCapture::SuspendCapture()
    : suspended(std::exchange(currentCapture, nullptr)) {}
SuspendCapture::~SuspendCapture() { currentCapture = suspended; }

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
  inputs.push_back(std::move(source));
  return -static_cast<Id>(inputs.size());
}

Capture::Id Capture::addNode(ProgramNode node) {
  Id first = static_cast<Id>(types.size());
  types.insert(types.end(), node.results.begin(), node.results.end());
  node.location = here();
  program.nodes.push_back(std::move(node));
  return first;
}

Tensor Capture::fresh(Id value, const TensorType &type) {
  Ref<Buffer> buffer(new Buffer);
  Geometry geometry{type.dims, packedStrides(type.dims), 0};
  known[buffer.get()].push_back({geometry, value, -1, false, buffer, 0});
  return makeTensor(buffer, type.dtype, geometry);
}

int Capture::argumentIndex(const TensorImpl &tensor) const {
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i]->buffer == tensor.buffer &&
        static_cast<const Geometry &>(*arguments[i]) == tensor)
      return static_cast<int>(i);
  return -1;
}

Capture::Known &Capture::find(const TensorImpl &tensor) {
  std::vector<Known> &entries = known[tensor.buffer.get()];
  for (Known &entry : entries)
    if (entry.geometry == tensor)
      return entry;
  if (!tensor.buffer || !tensor.buffer->memory)
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
      source.argument = argumentIndex(*old.leaf);
      source.captured = old.leaf;
    }
  oldHistories.push_back({same, tensor.node, tensor.output});
  ProgramInput input;
  input.type = tensor.type();
  Id value = addInput(input, source);
  entries.push_back({tensor, value, static_cast<int>(inputs.size()) - 1, false,
                     tensor.buffer, tensor.buffer->version});
  return entries.back();
}

/// A slice with positive steps, of what is flipped first.
static SliceOf forward(SliceOf slice, const Dims &sizes, Dims &flipped) {
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

Capture::Id Capture::view(Id parent, const TracedView &step, DType dtype,
                          const Dims &sizes) {
  const Dims &parentSizes = step.parent->sizes;
  const ViewOp &op = *step.op;
  auto append = [&](const char *name, Id operand, Attributes attributes,
                    const Dims &result) {
    ProgramNode node;
    node.op = findOp(name);
    node.attributes = std::move(attributes);
    node.operands = {operand};
    node.results = {{dtype, result}};
    return addNode(std::move(node));
  };
  switch (op.kind) {
  case ViewOp::Kind::Permute:
    return append("transpose", parent, {op.dims}, sizes);
  case ViewOp::Kind::Reshape:
    return parentSizes == sizes ? parent
                                : append("reshape", parent, {op.dims}, sizes);
  case ViewOp::Kind::Expand:
    return parentSizes == sizes ? parent
                                : append("broadcast", parent, {op.dims}, sizes);
  case ViewOp::Kind::Strided:
    break;
  }
  if (!op.slice)
    refuseHere(
        "this view is no slice and cannot be captured; index with tensors "
        "instead",
        step.where);
  Dims flipped;
  SliceOf slice = forward(*op.slice, parentSizes, flipped);
  Id value = parent;
  if (!flipped.empty())
    value = append("flip", value, {flipped}, parentSizes);
  if (!(slice.sizes == parentSizes &&
        slice.steps == Dims::filled(parentSizes.size(), 1)))
    value = append("slice", value, {slice.starts, slice.sizes, slice.steps},
                   slice.sizes);
  if (!(slice.sizes == sizes))
    value = append("reshape", value, {sizes}, sizes);
  return value;
}

Capture::Id Capture::read(const TensorImpl &tensor) {
  if (tensor.traced && tensor.traced->capture == id) {
    const TracedView &step = *tensor.traced;
    Id parent = read(*step.parent);
    return step.op ? view(parent, step, tensor.dtype, tensor.sizes) : parent;
  }
  return find(tensor).value;
}

Tensor Capture::alias(const TensorImpl &source) {
  return fresh(read(source), source.type());
}

Tensor Capture::constant(DType dtype, const Dims &sizes, const Scalar &value) {
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
  bool isSlice = !op || op->kind != ViewOp::Kind::Strided || op->slice;
  if (!isSlice && location)
    step->where = location();
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

void Capture::write(TensorImpl &target, const Tensor &value) {
  if (target.traced && target.traced->capture == id) {
    const TracedView &step = *target.traced;
    if (!step.op)
      return write(*step.parent, value);
    GradModeGuard guard(false);
    if (step.op->kind == ViewOp::Kind::Permute) {
      Dims inverse = step.op->dims;
      for (int i = 0; i < inverse.size(); ++i)
        inverse[step.op->dims[i]] = i;
      return write(*step.parent, permute(value, inverse));
    }
    const Dims &sizes = step.parent->sizes;
    if (step.op->kind == ViewOp::Kind::Reshape)
      return write(*step.parent, reshape(value, sizes));
    if (step.op->slice) {
      Dims flipped;
      SliceOf slice = forward(*step.op->slice, sizes, flipped);
      Tensor whole = alias(*step.parent);
      if (!flipped.empty())
        whole = callOp("flip", {{whole}}, {flipped});
      whole = callOp("insert_slice", {{whole}, {reshape(value, slice.sizes)}},
                     {slice.starts, slice.steps});
      if (!flipped.empty())
        whole = callOp("flip", {{whole}}, {flipped});
      return write(*step.parent, whole);
    }
    refuseHere("writing through this view cannot be captured; compute a new "
               "tensor instead, for example with where()");
  }
  Id id = read(*value);
  Known &entry = find(target);
  entry.value = id;
  entry.mutated = true;
  ++target.buffer->version;
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
      ids.push_back(read(*arguments[i].tensor));
    } else {
      input.scalar = true;
      // One input for equal numbers, so that equal expressions are seen as
      // such.
      size_t at = 0;
      while (at < inputs.size() && !(program.inputs[at].scalar &&
                                     program.inputs[at].type == input.type &&
                                     inputs[at].scalar == arguments[i].scalar))
        ++at;
      if (at == inputs.size())
        addInput(input, {-1, false, {}, arguments[i].scalar});
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
    tensors.push_back(fresh(ids[piece.outputs[i].value], results[i]));
  return tensors;
}

//===--- The end ----------------------------------------------------------===//

/// Which arguments share memory, and whether they are one tensor: a capture of
/// the same pattern read the same memory through the same arguments.
static std::vector<int> sharing(std::span<const Tensor> arguments) {
  std::vector<int> pattern;
  std::unordered_map<const Buffer *, int> known;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!known[arguments[i]->buffer.get()]++)
      continue;
    for (size_t j = 0; j < i; ++j) {
      if (!mayOverlap(*arguments[i], *arguments[j]))
        continue;
      bool same = static_cast<const Geometry &>(*arguments[i]) == *arguments[j];
      pattern.insert(pattern.end(), {static_cast<int>(i), static_cast<int>(j),
                                     static_cast<int>(same)});
    }
  }
  return pattern;
}

Executable Capture::finish(std::span<const Tensor> results) {
  Executable executable;
  executable.sharing = sharing(arguments);
  std::vector<ProgramOutput> outputs;
  auto addOutput = [&](Id value) {
    outputs.push_back({value});
    return static_cast<int>(outputs.size()) - 1;
  };
  for (const Tensor &result : results) {
    Executable::Result out;
    bool outside = result->buffer->memory &&
                   !(result->traced && result->traced->capture == id);
    if (outside) {
      out.argument = argumentIndex(*result);
      if (out.argument < 0)
        out.existing = result;
    } else {
      out.output = addOutput(read(*result));
      executable.differentiable |= requiresGrad(*result);
    }
    executable.results.push_back(std::move(out));
  }
  for (const OldGrad &old : oldGrads) {
    executable.guards.push_back(
        {argumentIndex(*old.leaf), old.leaf, static_cast<bool>(old.grad)});
    if (old.leaf->grad == old.grad)
      continue;
    Executable::GradEffect effect;
    effect.argument = argumentIndex(*old.leaf);
    effect.leaf = old.leaf;
    if (old.leaf->grad)
      effect.output = addOutput(read(*old.leaf->grad));
    executable.gradients.push_back(std::move(effect));
  }
  std::vector<ProgramOutput> writes;
  for (auto &[buffer, entries] : known)
    for (const Known &entry : entries) {
      if (!entry.mutated || entry.input < 0)
        continue;
      if (entries.size() > 1)
        refuseHere("the captured function writes to memory that it also reads "
                   "through another view");
      writes.push_back({entry.value, Layout::Contiguous, entry.input});
    }
  // In the order of the inputs, so that equal functions have equal keys.
  std::sort(writes.begin(), writes.end(),
            [](const ProgramOutput &a, const ProgramOutput &b) {
              return a.into < b.into;
            });
  // A counter or a running mean may change beside a differentiable result.
  auto isTracked = [&](const ProgramOutput &write) {
    const Executable::Input &input = inputs[write.into];
    return input.gradient ||
           requiresGrad(input.argument >= 0 ? *arguments[input.argument]
                                            : *input.captured);
  };
  executable.differentiable &=
      executable.gradients.empty() &&
      std::none_of(writes.begin(), writes.end(), isTracked);
  for (const ProgramOutput &write : writes) {
    if (executable.differentiable) {
      executable.updates.push_back({write.into, addOutput(write.value)});
    } else {
      executable.mutated.push_back(write.into);
      outputs.push_back(write);
    }
  }

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
  for (ProgramOutput &output : outputs)
    if (output.into >= 0)
      output.into = place[output.into];
  for (int &input : executable.mutated)
    input = place[input];
  for (Executable::Update &update : executable.updates)
    update.input = place[update.input];
  auto final = [&](Id id) { return id < 0 ? place[-id - 1] : id + count; };
  for (ProgramNode &node : program.nodes)
    for (ValueId &operand : node.operands)
      operand = final(operand);
  for (ProgramOutput &output : outputs)
    output.value = final(output.value);
  program.outputs = std::move(outputs);
  executable.call = Ref<Template>(new Template);
  for (const ProgramInput &input : program.inputs)
    executable.call->inputs.push_back({input.type.dtype, input.scalar});
  executable.call->program = std::make_shared<Program>(std::move(program));
  const Program &whole = *executable.call->program;
  for (const ProgramOutput &output : whole.outputs)
    executable.call->results.push_back(whole.type(output.value).dtype);
  return executable;
}

static std::vector<Argument> gather(Executable &executable,
                                    std::span<const Tensor> arguments) {
  std::vector<Argument> gathered;
  for (const Executable::Input &input : executable.inputs) {
    if (input.argument >= static_cast<int>(arguments.size()))
      fail(Error::Kind::Runtime, "the program takes more arguments than " +
                                     std::to_string(arguments.size()));
    Tensor tensor =
        input.argument >= 0 ? arguments[input.argument] : input.captured;
    if (!tensor)
      gathered.push_back({{}, input.scalar});
    else
      gathered.push_back({input.gradient ? tensor->grad : tensor});
  }
  return gathered;
}

std::vector<Tensor> stepwell::run(Executable &executable,
                                  std::span<const Tensor> arguments) {
  std::vector<Argument> gathered = gather(executable, arguments);
  const Program &program = *executable.call->program;
  // The kernel knows these types: others would make it read beyond the end.
  for (size_t i = 0; i < gathered.size(); ++i)
    if (const Tensor &tensor = gathered[i].tensor;
        tensor && !(tensor->type() == program.inputs[i].type))
      fail(Error::Kind::Runtime,
           "input " + std::to_string(i) + " is " + toString(tensor->type()) +
               ", the program takes " + toString(program.inputs[i].type));
  for (int input : executable.mutated)
    checkNotReadOnly(*gathered[input].tensor->buffer);
  std::vector<Tensor> outputs, updated;
  for (const Executable::Update &update : executable.updates)
    updated.push_back(gathered[update.input].tensor);
  if (program.outputs.empty()) {
    // Nothing to compute.
  } else if (executable.differentiable &&
             (gradEnabled() || Capture::current())) {
    for (const Executable::Update &update : executable.updates) {
      Tensor &input = gathered[update.input].tensor;
      input = packedCopy(input);
    }
    outputs = callTemplate(*executable.call, gathered);
  } else {
    for (const ProgramOutput &output : program.outputs)
      if (output.into < 0) {
        const TensorType &type = program.type(output.value);
        outputs.push_back(empty(type.dtype, type.dims));
      }
    launch(*executable.call, gathered, outputs);
  }
  for (int input : executable.mutated)
    ++gathered[input].tensor->buffer->version;
  GradModeGuard guard(false); // what was written had no gradient
  for (size_t i = 0; i < updated.size(); ++i)
    copyInto(updated[i], outputs[executable.updates[i].output]);
  for (const Executable::GradEffect &effect : executable.gradients) {
    const Tensor &leaf =
        effect.argument >= 0 ? arguments[effect.argument] : effect.leaf;
    leaf->grad = effect.output >= 0 ? outputs[effect.output] : Tensor();
  }
  std::vector<Tensor> results;
  for (const Executable::Result &result : executable.results)
    results.push_back(result.output >= 0     ? outputs[result.output]
                      : result.argument >= 0 ? arguments[result.argument]
                                             : result.existing);
  return results;
}

void stepwell::dump(const Executable &executable,
                    const std::string &dumpFolder) {
  std::vector<ProgramInput> inputs(executable.inputs.size());
  compileForDump(instantiate(*executable.call, std::move(inputs)), dumpFolder);
}

bool stepwell::accepts(const Executable &executable,
                       std::span<const Tensor> arguments) {
  if (sharing(arguments) != executable.sharing)
    return false;
  for (const Executable::GradGuard &guard : executable.guards) {
    const Tensor &leaf =
        guard.argument >= 0 ? arguments[guard.argument] : guard.leaf;
    if (static_cast<bool>(leaf->grad) != guard.present)
      return false;
  }
  const Program &program = *executable.call->program;
  for (size_t i = 0; i < executable.inputs.size(); ++i) {
    const Executable::Input &input = executable.inputs[i];
    if (input.captured && !input.gradient &&
        (!(input.captured->type() == program.inputs[i].type) ||
         requiresGrad(*input.captured) != input.requiresGrad))
      return false;
  }
  return true;
}
