//===- Export.cpp - A captured function that stands alone -----------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Export.h"

#include "stepwell/Eager/OpAttributes.h"
#include "stepwell/Eager/Ops.h"

#include <algorithm>

using namespace stepwell;

std::vector<ClosedOver> stepwell::closedOver(const Executable &executable) {
  std::vector<ClosedOver> found;
  for (size_t i = 0; i < executable.inputs.size(); ++i) {
    const Executable::Input &input = executable.inputs[i];
    if (input.argument >= 0)
      continue;
    if (input.captured)
      found.push_back({input.captured});
    else
      found.push_back(
          {full(executable.call->inputs[i].dtype, {}, input.scalar), true});
  }
  return found;
}

/// Whether a function in the program brings a lowering.
static bool hasLowering(const Program &program) {
  return anyNode(program, [](const ProgramNode &node) {
    return node.op->form == OpForm::Call &&
           attributes::Call::of(node.attributes).lowering;
  });
}

/// The program, in which functions are what their bodies say.
static Program withoutLowerings(Program program) {
  for (ProgramNode &node : program.nodes) {
    if (node.op->form == OpForm::Call) {
      auto call = attributes::Call::of(node.attributes);
      call.lowering.reset();
      node.attributes = call;
    }
    for (std::shared_ptr<const Program> &region : node.regions)
      if (region && hasLowering(*region))
        region = std::make_shared<Program>(withoutLowerings(*region));
  }
  return program;
}

Program stepwell::exportProgram(const Executable &executable,
                                std::span<const Tensor> arguments,
                                const ExportNames &names) {
  const Program &captured = *executable.call->program;
  bool readsGradients = std::any_of(
      executable.inputs.begin(), executable.inputs.end(),
      [](const Executable::Input &input) { return input.gradient; });
  if (readsGradients || !executable.gradients.empty())
    fail(Error::Kind::Runtime,
         "cannot export a function that reads or changes the .grad of a "
         "tensor, by backward() for example: an exported program only returns "
         "results; return autograd.grad(...) instead");
  Program program;
  for (size_t i = 0; i < arguments.size(); ++i) {
    ProgramInput input;
    input.type = executable.argumentTypes.empty() ? arguments[i]->type()
                                                  : executable.argumentTypes[i];
    input.name = names.arguments[i];
    program.inputs.push_back(std::move(input));
  }
  // Where each of the capture's inputs is now.
  std::vector<ValueId> moved;
  for (size_t i = 0, other = 0; i < captured.inputs.size(); ++i) {
    const Executable::Input &source = executable.inputs[i];
    if (source.argument >= 0) {
      moved.push_back(source.argument);
      continue;
    }
    moved.push_back(static_cast<ValueId>(program.inputs.size()));
    ProgramInput input = captured.inputs[i];
    input.name = names.closedOver[other++];
    program.inputs.push_back(std::move(input));
  }
  std::vector<int> written = executable.mutated;
  for (const Executable::Update &update : executable.updates)
    written.push_back(update.input);
  if (!written.empty())
    fail(Error::Kind::Runtime,
         "cannot export a function that writes to '" +
             program.inputs[moved[written.front()]].name +
             "': an exported program only returns results (a module that "
             "updates its buffers while training is exported after .eval())");

  ValueId before = static_cast<ValueId>(captured.inputs.size());
  ValueId shift = static_cast<ValueId>(program.inputs.size()) - before;
  auto move = [&](ValueId value) {
    return value < before ? moved[value] : value + shift;
  };
  program.nodes = captured.nodes;
  for (ProgramNode &node : program.nodes)
    for (ValueId &operand : node.operands)
      operand = move(operand);
  for (size_t i = 0; i < captured.outputs.size(); ++i) {
    ProgramOutput output = captured.outputs[i];
    output.value = move(output.value);
    output.name = names.results[i];
    program.outputs.push_back(std::move(output));
  }
  program.locations = captured.locations;
  return withoutLowerings(std::move(program));
}

static Scalar readNumber(const Tensor &tensor) {
  switch (tensor->dtype) {
  case DType::Bool:
    return *static_cast<const uint8_t *>(tensor->data()) != 0;
  case DType::I32:
    return int64_t{*static_cast<const int32_t *>(tensor->data())};
  case DType::I64:
    return *static_cast<const int64_t *>(tensor->data());
  case DType::F32:
    return double{*static_cast<const float *>(tensor->data())};
  case DType::F64:
    return *static_cast<const double *>(tensor->data());
  case DType::U8:
    return int64_t{*static_cast<const uint8_t *>(tensor->data())};
  case DType::I8:
    return int64_t{*static_cast<const int8_t *>(tensor->data())};
  case DType::I16:
    return int64_t{*static_cast<const int16_t *>(tensor->data())};
  case DType::F16:
  case DType::BF16: // They travel as float32.
    break;
  }
  fail(Error::Kind::Value,
       "no number has the type " + std::string(name(tensor->dtype)));
}

Executable stepwell::bindProgram(Program program,
                                 const std::map<std::string, Tensor> &bound) {
  if (hasLowering(program))
    fail(Error::Kind::Value, "the program brings a lowering, which could read "
                             "and write any memory");
  Executable executable;
  int arguments = 0;
  for (const ProgramInput &input : program.inputs) {
    Executable::Input source;
    auto found = bound.find(input.name);
    // Said of eager kernels only, whose arguments the dispatcher knows.
    if (input.shapeOnly || input.mayAlias || input.layout != Layout::Contiguous)
      fail(Error::Kind::Value, "input '" + input.name +
                                   "' has a layout, or is "
                                   "read for its shape only");
    if (found == bound.end()) {
      if (input.scalar)
        fail(Error::Kind::Value,
             "there is no value for the number '" + input.name + "'");
      source.argument = arguments++;
    } else {
      const Tensor &tensor = found->second;
      if (tensor->type() != input.type)
        fail(Error::Kind::Value,
             "tensor '" + input.name + "' is " + toString(tensor->type()) +
                 ", the program takes " + toString(input.type));
      if (input.scalar)
        source.scalar = readNumber(tensor);
      else
        source.captured = tensor;
    }
    executable.inputs.push_back(std::move(source));
  }
  for (size_t i = 0; i < program.outputs.size(); ++i) {
    if (program.outputs[i].into >= 0 ||
        program.outputs[i].layout != Layout::Contiguous)
      fail(Error::Kind::Value,
           "result " + std::to_string(i) + " is written into an argument");
    Executable::Result result;
    result.output = static_cast<int>(i);
    result.self = result.requiresGrad = true;
    executable.results.push_back(std::move(result));
  }
  executable.differentiable = true;
  executable.call = programTemplate(std::move(program));
  return executable;
}
