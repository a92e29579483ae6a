//===- Executable.cpp - Calls of a captured function ----------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Capture.h"
#include "stepwell/Eager/Ops.h"
#include "stepwell/Eager/Plan.h"

#include <algorithm>
#include <unordered_set>

using namespace stepwell;

bool Executable::isPure() const {
  return mutated.empty() && updates.empty() && gradients.empty() &&
         guards.empty() && flags.empty() && !hooked &&
         std::all_of(results.begin(), results.end(), [](const Result &result) {
           return result.same >= 0 ||
                  (result.output >= 0 && result.self && result.order.empty());
         });
}

static std::vector<Argument> gather(Executable &executable,
                                    std::span<const Tensor> arguments,
                                    std::span<const Scalar> numbers) {
  std::vector<Argument> gathered;
  gathered.reserve(executable.inputs.size());
  for (const Executable::Input &input : executable.inputs) {
    if (input.argument >= static_cast<int>(arguments.size()) ||
        input.number >= static_cast<int>(numbers.size()))
      fail(Error::Kind::Runtime,
           "the program takes more arguments than " +
               std::to_string(arguments.size() + numbers.size()));
    Tensor tensor =
        input.argument >= 0 ? arguments[input.argument] : input.captured;
    if (!tensor)
      gathered.push_back(
          {{}, input.number >= 0 ? numbers[input.number] : input.scalar});
    else
      gathered.push_back({input.gradient ? tensor->grad : tensor});
  }
  return gathered;
}

/// The sizes of a call's tensors, then its numbers: what expressions read.
static std::vector<Scalar> valuesOf(std::span<const Tensor> arguments,
                                    std::span<const Scalar> numbers) {
  std::vector<Scalar> values;
  for (const Tensor &argument : arguments)
    for (int64_t size : argument->sizes)
      values.push_back(size);
  values.insert(values.end(), numbers.begin(), numbers.end());
  return values;
}

bool Executable::serves(std::span<const Tensor> arguments,
                        std::span<const Scalar> numbers) const {
  if (hostGuards.empty())
    return true;
  std::vector<Scalar> values = valuesOf(arguments, numbers);
  return std::all_of(
      hostGuards.begin(), hostGuards.end(), [&](const HostGuard &guard) {
        std::optional<Scalar> value = guard.expression.evaluate(values);
        return value && isSameNumber(*value, guard.expected);
      });
}

/// The step of a view whose sizes are open, for the sizes of a call.
static Tensor viewAgain(const Tensor &tensor,
                        const Executable::Result::Step &step,
                        std::span<const Scalar> values) {
  auto compute = [&](const std::vector<HostExpression> &sizes) {
    Dims dims;
    for (const HostExpression &size : sizes) {
      std::optional<Scalar> value = size.evaluate(values);
      if (!value || value->index() != 1)
        fail(Error::Kind::Runtime, "a size of a result cannot be computed");
      dims.push_back(std::get<int64_t>(*value));
    }
    return dims;
  };
  Dims shape = compute(step.shape);
  if (step.op.kind == ViewOp::Kind::Reshape)
    return reshape(tensor, shape, true);
  if (step.op.kind == ViewOp::Kind::Expand)
    return expand(tensor, shape);
  SliceOf slice{compute(step.starts), compute(step.sizes),
                step.op.slice->steps};
  return viewBySlice(tensor, slice, shape);
}

/// The view at the end of these steps.
static Tensor replay(Tensor tensor,
                     const std::vector<Executable::Result::Step> &steps,
                     std::span<const Scalar> values) {
  for (const Executable::Result::Step &step : steps) {
    const ViewOp &op = step.op;
    if (step.isOpen) {
      tensor = viewAgain(tensor, step, values);
      continue;
    }
    switch (op.kind) {
    case ViewOp::Kind::Permute:
      tensor = permute(tensor, op.dims);
      break;
    case ViewOp::Kind::Reshape:
      tensor = reshape(tensor, op.dims, true);
      break;
    case ViewOp::Kind::Expand:
      tensor = expand(tensor, op.dims);
      break;
    case ViewOp::Kind::Strided: {
      Geometry geometry = step.view;
      geometry.offset += tensor->offset;
      tensor = viewAgain(tensor, geometry, op);
      break;
    }
    }
  }
  return tensor;
}

/// Whether a type has the sizes of another that are known.
static bool fits(const TensorType &given, const TensorType &type) {
  if (given.dtype != type.dtype || given.rank() != type.rank())
    return false;
  for (int i = 0; i < type.rank(); ++i)
    if (type.dims[i] != kDynamic && type.dims[i] != given.dims[i])
      return false;
  return true;
}

/// Launches the program, most often on arguments that lie as the last ones did.
static std::vector<Tensor> compute(Executable &executable,
                                   std::span<const Argument> arguments) {
  std::vector<Tensor> outputs;
  if (Ref<CallPlan> plan = executable.plan) {
    CallMatch match(plan->key);
    if (match.add(executable.call.get(), arguments, -1) && match.complete()) {
      ++kernelStats().memoryHits;
      outputs.reserve(plan->results.size());
      for (const CallPlan::Result &result : plan->results)
        outputs.push_back(
            makeTensor(result.bytes, result.dtype, result.geometry));
      plan->launch.run(*executable.call, arguments, outputs);
      return outputs;
    }
  }
  Ref<CallPlan> plan(new CallPlan);
  const Program &program = *executable.call->program;
  std::vector<TensorType> types;
  if (executable.call->open) {
    for (size_t i = 0; i < arguments.size(); ++i)
      types.push_back(arguments[i].tensor ? arguments[i].tensor->type()
                                          : program.inputs[i].type);
    types = inferResults(*executable.call, types);
  }
  for (size_t i = 0; i < program.outputs.size(); ++i)
    if (const ProgramOutput &output = program.outputs[i]; output.into < 0) {
      const TensorType &type =
          types.empty() ? program.type(output.value) : types[i];
      outputs.push_back(empty(type.dtype, type.dims));
      plan->results.push_back(
          {type.dtype, *outputs.back(), checkedBytes(type.dtype, type.dims)});
    }
  LongKey key;
  key.add(executable.call.get(), arguments, -1);
  plan->key = std::move(key.words);
  plan->launch = launch(*executable.call, arguments, outputs);
  executable.plan = plan;
  return outputs;
}

/// A function that makes new tensors, and does nothing else: its call is that
/// of an operation, whose plan is known the second time.
static std::vector<Tensor> runPure(const Executable &executable,
                                   std::span<const Argument> gathered) {
  GradModeGuard guard(gradEnabled() &&
                      (executable.differentiable || executable.call->open ||
                       Capture::current()));
  std::vector<Tensor> outputs = callTemplate(*executable.call, gathered);
  bool inOrder = executable.results.size() == outputs.size();
  for (size_t i = 0; i < executable.results.size(); ++i) {
    const Executable::Result &result = executable.results[i];
    inOrder &= result.output == static_cast<int>(i) &&
               (result.requiresGrad || !outputs[i]->node);
  }
  if (inOrder)
    return outputs;
  std::vector<Tensor> results;
  for (const Executable::Result &result : executable.results) {
    if (result.same >= 0) {
      results.push_back(results[result.same]);
      continue;
    }
    const Tensor &output = outputs[result.output];
    results.push_back(!result.requiresGrad && requiresGrad(*output)
                          ? detach(output)
                          : output);
  }
  return results;
}

std::vector<Tensor> stepwell::run(Executable &executable,
                                  std::span<const Tensor> arguments,
                                  std::span<const Scalar> numbers) {
  for (auto [argument, flag] : executable.flags)
    arguments[argument]->requiresGrad = flag;
  std::vector<Argument> gathered = gather(executable, arguments, numbers);
  const Program &program = *executable.call->program;
  // The kernel knows these types: others would make it read beyond the end.
  for (size_t i = 0; i < gathered.size(); ++i)
    if (const Tensor &tensor = gathered[i].tensor;
        tensor && !fits(tensor->type(), program.inputs[i].type))
      fail(Error::Kind::Runtime,
           "input " + std::to_string(i) + " is " + toString(tensor->type()) +
               ", the program takes " + toString(program.inputs[i].type));
  GradModeGuard mode(gradEnabled() || executable.enablesGrad);
  if (executable.isPure() && !program.outputs.empty())
    return runPure(executable, gathered);
  for (int input : executable.mutated)
    checkNotReadOnly(*gathered[input].tensor->buffer);
  std::vector<Tensor> outputs, updated;
  for (const Executable::Update &update : executable.updates)
    updated.push_back(gathered[update.input].tensor);
  if (program.outputs.empty()) {
    // Nothing to compute.
  } else if (Capture::current() ||
             (executable.differentiable && gradEnabled())) {
    // The tape keeps what was there before.
    for (Argument &argument : gathered)
      if (std::any_of(updated.begin(), updated.end(), [&](const Tensor &each) {
            return argument.tensor && argument.tensor->buffer == each->buffer;
          }))
        argument.tensor = packedCopy(argument.tensor);
    outputs = callTemplate(*executable.call, gathered);
    for (const Tensor &output : outputs)
      if (executable.hooked && output->node)
        output->node->refusal =
            "a compiled function registered a hook on a tensor or module "
            "inside "
            "of it, which a backward() outside would not call; call backward() "
            "inside, or register it on what the function returns";
  } else {
    outputs = compute(executable, gathered);
  }
  for (size_t i = 0; i < executable.mutated.size(); ++i)
    if (executable.counted[i])
      ++gathered[executable.mutated[i]].tensor->buffer->version;
  for (size_t i = 0; i < updated.size(); ++i) {
    const Executable::Update &update = executable.updates[i];
    GradModeGuard guard(gradEnabled() && update.recorded);
    copyInto(update.counted ? updated[i] : detach(updated[i], true),
             outputs[update.output]);
  }
  for (const Executable::GradEffect &effect : executable.gradients) {
    const Tensor &leaf =
        effect.argument >= 0 ? arguments[effect.argument] : effect.leaf;
    leaf->grad = effect.output >= 0 ? detach(outputs[effect.output]) : Tensor();
  }
  std::vector<Scalar> values;
  if (!executable.argumentTypes.empty())
    values = valuesOf(arguments, {});
  std::vector<Tensor> results, bases(outputs.size());
  for (const Executable::Result &result : executable.results) {
    if (result.same >= 0) {
      results.push_back(results[result.same]);
      continue;
    }
    GradModeGuard guard(gradEnabled() && result.requiresGrad);
    Tensor root =
        result.argument >= 0 ? arguments[result.argument] : result.existing;
    if (result.output >= 0) {
      Tensor &base = bases[result.output];
      if (!base) {
        base = outputs[result.output];
        if (!result.order.empty()) {
          Dims inverse = result.order;
          for (int i = 0; i < inverse.size(); ++i)
            inverse[result.order[i]] = i;
          GradModeGuard any(true);
          base = permute(base, inverse);
        }
      }
      root = base;
      if (!result.requiresGrad && requiresGrad(*root))
        root = detach(root);
    }
    if (!result.self && result.steps.empty())
      root = detach(root);
    results.push_back(replay(root, result.steps, values));
  }
  return results;
}

/// The inputs of a Template as a Program has them.
static std::vector<ProgramInput> inputsOf(const Template &t,
                                          std::vector<TensorType> types) {
  std::vector<ProgramInput> inputs;
  for (size_t i = 0; i < types.size(); ++i) {
    ProgramInput &input = inputs.emplace_back(ProgramInput{types[i]});
    input.scalar = t.inputs[i].scalar;
    input.shapeOnly = t.inputs[i].need == Need::Shape;
    input.number = t.inputs[i].number;
  }
  return inputs;
}

void stepwell::dump(const Executable &executable,
                    const std::string &dumpFolder) {
  std::vector<TensorType> types;
  std::vector<int> wrt, cotangents;
  for (size_t i = 0; i < executable.inputs.size(); ++i) {
    types.push_back(executable.call->program->inputs[i].type);
    if (executable.inputs[i].requiresGrad && isFloat(types[i].dtype))
      wrt.push_back(static_cast<int>(i));
  }
  bool recorded = executable.differentiable && gradEnabled();
  Template &call =
      recorded ? keepingTemplate(*executable.call, wrt) : *executable.call;
  compileForDump(instantiate(call, inputsOf(call, types)), dumpFolder);
  if (!recorded)
    return;
  for (const Executable::Result &result : executable.results)
    if (result.output >= 0 && result.requiresGrad &&
        std::find(cotangents.begin(), cotangents.end(), result.output) ==
            cotangents.end())
      cotangents.push_back(result.output);
  std::sort(cotangents.begin(), cotangents.end());
  std::erase_if(wrt,
                [&](int input) { return !call.reaches(input, cotangents); });
  if (wrt.empty() || cotangents.empty())
    return;
  Ref<Template> derivative = derivativeTemplate(call, wrt, cotangents);
  std::vector<TensorType> results = inferResults(call, types);
  types.insert(types.end(), results.begin(), results.end());
  for (int result : cotangents)
    types.push_back(results[result]);
  compileForDump(instantiate(*derivative, inputsOf(*derivative, types)),
                 dumpFolder + "/gradient");
}

/// Whether the same indices are the same steps in memory.
static bool sameLayout(const TensorImpl &tensor, const Dims &strides) {
  for (int i = 0; i < tensor.sizes.size(); ++i) {
    if (tensor.sizes[i] == 0)
      return true;
    if (tensor.sizes[i] != 1 && tensor.strides[i] != strides[i])
      return false;
  }
  return true;
}

/// Whether each argument has memory of its own, and none of `others`.
static bool apart(std::span<const Tensor> arguments,
                  const std::vector<const Buffer *> &others) {
  constexpr size_t kFew = 8;
  if (arguments.size() > kFew) {
    std::unordered_set<const Buffer *> taken;
    for (const Tensor &argument : arguments)
      if (!taken.insert(argument->buffer.get()).second)
        return false;
    return std::none_of(others.begin(), others.end(), [&](const Buffer *each) {
      return taken.count(each) != 0;
    });
  }
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Buffer *buffer = arguments[i]->buffer.get();
    for (size_t j = 0; j < i; ++j)
      if (arguments[j]->buffer.get() == buffer)
        return false;
    for (const Buffer *other : others)
      if (other == buffer)
        return false;
  }
  return true;
}

/// Whether memory is shared as it was when the function was captured.
static bool sharesAlike(const Executable &executable,
                        std::span<const Tensor> arguments) {
  bool asBefore = true;
  for (size_t i = 0; i < executable.watched.size(); ++i)
    asBefore &= executable.watched[i]->buffer.get() == executable.memory[i];
  if (asBefore && apart(arguments, executable.memory))
    return executable.sharing == executable.sharingOutside;
  return sharing(arguments, executable.watched) == executable.sharing;
}

bool stepwell::accepts(const Executable &executable,
                       std::span<const Tensor> arguments) {
  bool isOpen = !executable.isPacked.empty();
  for (size_t i = 0; i < arguments.size(); ++i)
    if (isOpen && executable.isPacked[i]
            ? !arguments[i]->contiguous()
            : !sameLayout(*arguments[i], executable.layouts[i]))
      return false;
  if (!sharesAlike(executable, arguments))
    return false;
  for (const Executable::GradGuard &guard : executable.guards) {
    const Tensor &leaf =
        guard.argument >= 0 ? arguments[guard.argument] : guard.leaf;
    if (static_cast<bool>(leaf->grad) != guard.present ||
        isComputed(*leaf) != guard.computed)
      return false;
  }
  const Program &program = *executable.call->program;
  for (size_t i = 0; i < executable.inputs.size(); ++i) {
    const Executable::Input &input = executable.inputs[i];
    if (input.captured && !input.gradient &&
        (!fits(input.captured->type(), program.inputs[i].type) ||
         !sameLayout(*input.captured, input.strides) ||
         requiresGrad(*input.captured) != input.requiresGrad))
      return false;
  }
  return true;
}
