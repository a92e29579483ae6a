//===- Calls.cpp - A traced function as one call --------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Capture.h"
#include "stepwell/Eager/OpAttributes.h"

#include <algorithm>

using namespace stepwell;

namespace {

/// What a function and its rule read: the inputs of the call.
struct Inputs {
  std::vector<Executable::Input> sources;
  std::vector<ProgramInput> types;

  /// Where an input is; it is added if it is not there.
  ValueId place(const Executable::Input &source, const ProgramInput &type) {
    for (size_t i = 0; i < sources.size(); ++i)
      if (same(sources[i], source) && types[i].type == type.type &&
          types[i].number == type.number)
        return static_cast<ValueId>(i);
    sources.push_back(source);
    types.push_back(type);
    return static_cast<ValueId>(sources.size()) - 1;
  }

private:
  static bool same(const Executable::Input &a, const Executable::Input &b) {
    if (a.argument >= 0 || b.argument >= 0)
      return a.argument == b.argument;
    if (a.captured || b.captured)
      return a.captured == b.captured;
    return a.number == b.number &&
           (a.number >= 0 || isSameNumber(a.scalar, b.scalar));
  }
};

/// The Program with other inputs: `places` says which each of its own is.
Program withInputs(Program program, const std::vector<ValueId> &places,
                   std::span<const TensorType> inputs) {
  auto before = static_cast<ValueId>(program.inputs.size());
  auto now = [&](ValueId value) {
    return value < before
               ? places[value]
               : value - before + static_cast<ValueId>(inputs.size());
  };
  for (ProgramNode &node : program.nodes)
    for (ValueId &operand : node.operands)
      operand = now(operand);
  for (ProgramOutput &output : program.outputs)
    output.value = now(output.value);
  program.inputs.clear();
  for (const TensorType &type : inputs)
    program.inputs.push_back({type});
  return program;
}

} // namespace

void stepwell::makeCall(Executable &function, const std::string &callee,
                        const Rule *rule, const LoweredCall *lowered) {
  const Program &body = *function.call->program;
  Inputs inputs;
  if (lowered) {
    inputs.sources = lowered->inputs;
    inputs.types = lowered->types;
  }
  std::vector<ValueId> own;
  for (size_t i = 0; i < body.inputs.size(); ++i)
    own.push_back(inputs.place(function.inputs[i], body.inputs[i]));
  size_t arguments = rule ? rule->arguments : 0;
  // Those of the rule: inputs of the call, or (from -1 down) its results and
  // then their cotangents.
  std::vector<ValueId> rulePlaces;
  std::vector<std::pair<int, int>> gradients; // of which input, which output
  if (rule) {
    const Program &program = *rule->executable.call->program;
    for (size_t i = 0; i < rule->executable.inputs.size(); ++i) {
      const Executable::Input &source = rule->executable.inputs[i];
      if (source.captured)
        fail(Error::Kind::Runtime,
             callee + ": a derivative rule reads a tensor that is none of its "
                      "parameters");
      if (source.argument >= static_cast<int>(arguments))
        rulePlaces.push_back(-1 -
                             (source.argument - static_cast<int>(arguments)));
      else
        rulePlaces.push_back(inputs.place(source, program.inputs[i]));
    }
    for (size_t i = 0; i < rule->of.size(); ++i) {
      int argument = rule->of[i];
      Executable::Input source;
      source.argument = argument;
      gradients.emplace_back(inputs.place(source, {rule->types[argument]}),
                             rule->executable.results[i].output);
    }
    std::sort(gradients.begin(), gradients.end());
  }
  std::vector<TensorType> types, results;
  for (const ProgramInput &input : inputs.types)
    types.push_back(input.type);
  for (const ProgramOutput &output : body.outputs)
    results.push_back(body.type(output.value));

  Program whole;
  whole.inputs = inputs.types;
  whole.locations = body.locations;
  ProgramNode call;
  call.op = findOp("call");
  attributes::Call named{.callee = callee};
  if (lowered)
    named.lowering = lowered->text;
  call.location = whole.locations.empty() ? -1 : 0;
  call.results = results;
  auto count = static_cast<ValueId>(types.size());
  for (ValueId i = 0; i < count; ++i)
    call.operands.push_back(i);
  call.regions = {std::make_shared<Program>(withInputs(body, own, types)),
                  nullptr};
  if (rule) {
    std::vector<TensorType> read = types;
    read.insert(read.end(), results.begin(), results.end());
    for (const TensorType &result : results)
      if (isFloat(result.dtype))
        read.push_back(result);
    for (ValueId &place : rulePlaces)
      if (place < 0)
        place = count - place - 1;
    Program program =
        withInputs(*rule->executable.call->program, rulePlaces, read);
    std::vector<ProgramOutput> outputs;
    for (auto [input, output] : gradients) {
      named.wrt.push_back(input);
      outputs.push_back(program.outputs[output]);
    }
    program.outputs = std::move(outputs);
    call.regions[1] = std::make_shared<Program>(std::move(program));
  }
  call.attributes = named;
  whole.nodes.push_back(std::move(call));
  for (size_t i = 0; i < results.size(); ++i)
    whole.outputs.push_back({count + static_cast<ValueId>(i)});
  inferTypes(whole, types);
  function.call = programTemplate(std::move(whole));
  function.call->function = callee;
  function.inputs = std::move(inputs.sources);
}
