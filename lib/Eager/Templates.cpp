//===- Templates.cpp - Calls without shapes, and their Programs -----------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/OpAttributes.h"
#include "stepwell/Eager/Plan.h"
#include "stepwell/Eager/Residuals.h"

#include <algorithm>

using namespace stepwell;

//===--- Identity ---------------------------------------------------------===//

namespace {
/// Bytes that tell two requests apart.
struct Bytes {
  std::string text;
  template <typename T> void raw(const T &value) {
    text.append(reinterpret_cast<const char *>(&value), sizeof value);
  }
  void attribute(const Attribute &value) {
    raw(static_cast<uint8_t>(value.index()));
    std::visit(
        [&](const auto &v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, Dims>) {
            raw(v.size());
            for (int64_t size : v)
              raw(size);
          } else if constexpr (std::is_same_v<T, std::string>) {
            raw(v.size());
            text += v;
          } else if constexpr (std::is_same_v<T, std::vector<int64_t>>) {
            raw(v.size());
            for (int64_t each : v)
              raw(each);
          } else if constexpr (!std::is_same_v<T, std::monostate>) {
            raw(v);
          }
        },
        value);
  }
};
} // namespace

Ref<Template> stepwell::opTemplate(const OpRow *op,
                                   const Attributes &attributes,
                                   std::span<const TemplateInput> inputs,
                                   DType compute,
                                   std::span<const DType> results) {
  static auto &table = *new std::unordered_map<std::string, Ref<Template>>;
  Bytes bytes;
  bytes.text.reserve(64);
  bytes.raw(op);
  bytes.raw(compute);
  for (DType result : results)
    bytes.raw(result);
  bytes.text += '/';
  for (const TemplateInput &input : inputs) {
    bytes.raw(input.dtype);
    bytes.text += input.scalar ? 's' : input.need == Need::Shape ? 'n' : 't';
    if (input.number)
      bytes.raw(*input.number);
  }
  for (const Attribute &attribute : attributes)
    bytes.attribute(attribute);
  Ref<Template> &entry = table[bytes.text];
  if (!entry) {
    entry = Ref<Template>(new Template);
    entry->op = op;
    entry->attributes = attributes;
    entry->inputs.assign(inputs.begin(), inputs.end());
    entry->compute = compute;
    entry->results.assign(results.begin(), results.end());
    entry->elementwise = !op || op->elementwise;
    if (op)
      for (size_t i = 0; i < inputs.size(); ++i)
        if (op->has(op->shapeOnly, i))
          entry->inputs[i].need = Need::Shape;
  }
  return entry;
}

Template::Template() = default;
Template::~Template() = default;

void Template::destroy(Template *t) {
  if (!t->body)
    delete t;
  else if (--t->body->references == 0)
    destroy(t->body);
}

/// Whether a derivative goes through a node from its results to an operand.
static bool passes(const ProgramNode &node, size_t operand) {
  if (node.op->form == OpForm::Call && node.region(1)) {
    auto wrt = attributes::Call::of(node.attributes).wrt;
    return std::find(wrt.begin(), wrt.end(), static_cast<int64_t>(operand)) !=
           wrt.end();
  }
  if (node.op->form != OpForm::Plain)
    return true;
  if (node.op->nonDifferentiable)
    return false;
  const std::vector<GradientRow> &rows = node.op->gradients;
  return rows.empty() || rows[std::min(operand, rows.size() - 1)].exists;
}

/// Whether each value is made of the elements of others at its own place.
static bool isElementwise(const Program &program) {
  return std::all_of(
      program.nodes.begin(), program.nodes.end(), [](const ProgramNode &node) {
        if (node.op->form == OpForm::Call)
          return !attributes::Call::of(node.attributes).lowering &&
                 isElementwise(*node.region(0)) &&
                 (!node.region(1) || isElementwise(*node.region(1)));
        return node.op->elementwise;
      });
}

Ref<Template> stepwell::programTemplate(Program given) {
  Ref<Template> t(new Template);
  t->program = std::make_shared<Program>(std::move(given));
  const Program &program = *t->program;
  std::vector<DType> dtypes;
  for (const ProgramInput &input : program.inputs) {
    t->inputs.push_back(
        {input.type.dtype, input.scalar, Need::Values, input.number});
    dtypes.push_back(input.type.dtype);
  }
  size_t count = program.inputs.size();
  std::vector<size_t> makers, firsts;
  for (size_t n = 0; n < program.nodes.size(); ++n) {
    size_t first = dtypes.size();
    for (const TensorType &result : program.nodes[n].results) {
      dtypes.push_back(result.dtype);
      makers.push_back(n);
      firsts.push_back(first);
    }
  }
  for (const ProgramOutput &output : program.outputs) {
    t->results.push_back(dtypes[output.value]);
    std::vector<bool> seen(dtypes.size());
    std::vector<ValueId> waiting{output.value};
    while (!waiting.empty()) {
      size_t value = waiting.back();
      waiting.pop_back();
      if (seen[value] || !isFloat(dtypes[value]))
        continue;
      seen[value] = true;
      if (value < count)
        continue;
      const ProgramNode &node = program.nodes[makers[value - count]];
      if (node.op && node.op->auxiliary >> (value - firsts[value - count]) & 1)
        continue;
      for (size_t i = 0; i < node.operands.size(); ++i)
        if (passes(node, i))
          waiting.push_back(node.operands[i]);
    }
    seen.resize(count);
    t->reached.push_back(std::move(seen));
  }
  t->open = std::any_of(
      program.inputs.begin(), program.inputs.end(), [](const auto &input) {
        const Dims &dims = input.type.dims;
        return std::find(dims.begin(), dims.end(), kDynamic) != dims.end();
      });
  t->elementwise = t->open && isElementwise(program);
  return t;
}

Ref<Template> stepwell::derivativeTemplate(Template &body, std::vector<int> wrt,
                                           std::vector<int> cotangents) {
  Bytes bytes;
  for (int input : wrt)
    bytes.raw(input);
  bytes.text += '/';
  for (int result : cotangents)
    bytes.raw(result);
  std::unique_ptr<Template> &entry = body.derivatives[bytes.text];
  if (!entry) {
    entry = std::make_unique<Template>();
    entry->elementwise = body.elementwise;
    Needs needs = derivativeNeeds(body, wrt);
    for (size_t i = 0; i < body.inputs.size(); ++i) {
      TemplateInput input = body.inputs[i];
      if (!input.scalar)
        input.need = needs.inputs[i];
      entry->inputs.push_back(input);
    }
    for (size_t i = 0; i < body.results.size(); ++i)
      entry->inputs.push_back({body.results[i], false, needs.results[i]});
    for (int result : cotangents)
      entry->inputs.push_back({body.results[result]});
    for (int input : wrt)
      entry->results.push_back(body.inputs[input].dtype);
    entry->body = &body;
    entry->wrt = std::move(wrt);
    entry->cotangents = std::move(cotangents);
  }
  if (entry->references == 0)
    ++body.references;
  return Ref<Template>(entry.get());
}

/// What is known of a captured function's derivative by these inputs.
static Template::Reverse &reverseOf(Template &t, const std::vector<int> &wrt) {
  for (Template::Reverse &reverse : t.reverses)
    if (reverse.wrt == wrt)
      return reverse;
  constexpr size_t kMost = 16; // calls differ in which arguments require one
  if (t.reverses.size() == kMost)
    t.reverses.erase(t.reverses.begin());
  return t.reverses.emplace_back(Template::Reverse{wrt});
}

Template &stepwell::keepingTemplate(Template &t, const std::vector<int> &wrt) {
  std::optional<Ref<Template>> &known = reverseOf(t, wrt).keeping;
  if (known)
    return *known ? **known : t;
  known.emplace();
  std::vector<ValueId> residuals = chooseResiduals(*t.program, wrt);
  if (residuals.empty())
    return t;
  Program program = *t.program;
  for (ValueId value : residuals)
    program.outputs.push_back({value});
  Ref<Template> keeping = programTemplate(std::move(program));
  keeping->residuals = residuals.size();
  keeping->function = t.function;
  std::copy(t.reached.begin(), t.reached.end(), keeping->reached.begin());
  keeping->underivable = t.underivable;
  if (!t.underivable.empty())
    keeping->underivable.resize(keeping->results.size(),
                                std::vector<const OpRow *>(t.inputs.size()));
  known = keeping;
  return *keeping;
}

Needs stepwell::derivativeNeeds(Template &t, const std::vector<int> &wrt) {
  if (t.program) {
    std::optional<Needs> &known = reverseOf(t, wrt).needs;
    if (!known)
      known = readBack(*t.program, wrt);
    return *known;
  }
  Needs needs;
  needs.inputs.assign(t.inputs.size(), Need::Shape);
  needs.results.assign(t.results.size(), Need::Shape);
  if (t.body) {
    // Several operations: whatever the call reads or makes may be read again.
    for (size_t i = 0; i < t.inputs.size(); ++i)
      needs.inputs[i] = t.inputs[i].need;
    needs.results.assign(t.results.size(), Need::Values);
    return needs;
  }
  if (!t.op || t.op->gradients.empty())
    return needs;
  for (int operand : wrt) {
    const GradientRow &row =
        t.op->gradients[std::min<size_t>(operand, t.op->gradients.size() - 1)];
    for (size_t i = 0; i < needs.inputs.size(); ++i)
      if (t.op->has(row.operands, i))
        needs.inputs[i] = Need::Values;
    for (size_t i = 0; i < needs.results.size(); ++i)
      if (row.results >> i & 1)
        needs.results[i] = Need::Values;
  }
  // A result that is cast afterwards is not the value that the rule means.
  if (!t.results.empty() && t.results[0] != t.compute &&
      t.op->promotion != Promotion::None)
    for (size_t i = 0; i < needs.results.size(); ++i)
      if (needs.results[i] == Need::Values)
        needs.inputs.assign(needs.inputs.size(), Need::Values);
  return needs;
}

std::string Template::describe() const {
  if (body)
    return "gradient of " + body->describe();
  if (program)
    return function.empty() ? "captured function" : function;
  return op ? std::string(op->mnemonic) : "copy";
}

//===--- Shapes -----------------------------------------------------------===//

static std::vector<TensorType>
operandTypes(const Template &t, std::span<const TensorType> inputs) {
  std::vector<TensorType> types(inputs.begin(), inputs.end());
  for (size_t i = 0; t.op && i < types.size(); ++i)
    if (t.op->promotes(i))
      types[i].dtype = t.compute;
  return types;
}

/// Refuses a result whose elements cannot be counted, as far as its sizes are
/// known.
static void checkCount(DType dtype, Dims sizes) {
  for (int64_t &size : sizes)
    if (size == kDynamic)
      size = 1;
  checkedBytes(dtype, sizes);
}

static Dims resultDims(const OpRow &op, size_t result, rules::Operands operands,
                       const Attributes &attributes, DType dtype) {
  ErrorOr<Dims> dims = op.results[result].shape(operands, op.named(attributes));
  if (!dims) // PyTorch's class for shapes that do not fit is RuntimeError.
    fail(dims.error().kind == Error::Kind::Value ? Error::Kind::Runtime
                                                 : dims.error().kind,
         std::string(op.mnemonic) + ": " + dims.error().message);
  checkRank(*dims);
  checkCount(dtype, *dims);
  return *dims;
}

std::vector<TensorType>
stepwell::inferResults(const Template &t, std::span<const TensorType> inputs) {
  std::vector<TensorType> results;
  if (t.body) {
    for (int input : t.wrt)
      results.push_back(inputs[input]);
    return results;
  }
  if (t.program) {
    std::optional<Program> typed;
    if (t.open)
      inferTypes(typed.emplace(*t.program), inputs);
    const Program &program = typed ? *typed : *t.program;
    for (const ProgramOutput &output : program.outputs)
      results.push_back(program.type(output.value));
    return results;
  }
  if (!t.op)
    return {{t.results[0], inputs[inputs.size() - 1].dims}};
  std::vector<TensorType> operands = operandTypes(t, inputs);
  for (size_t i = 0; i < t.op->results.size(); ++i)
    results.push_back({t.results[i], resultDims(*t.op, i, operands,
                                                t.attributes, t.results[i])});
  return results;
}

static std::vector<TensorType>
checkedTypes(const ProgramNode &node,
             const ErrorOr<std::vector<TensorType>> &types) {
  if (!types)
    fail(Error::Kind::Runtime, std::string(node.op->mnemonic) + ": expected " +
                                   types.error().message);
  return *types;
}

/// The types in the blocks of a node, and of its results. A call's rule reads
/// those, too.
static void inferRegions(ProgramNode &node,
                         std::span<const TensorType> operands) {
  for (size_t i = 0; i < node.regions.size(); ++i) {
    if (!node.regions[i])
      continue;
    if (i && node.op->form == OpForm::Call)
      node.results = checkedTypes(node, regionResults(node, operands));
    auto region = std::make_shared<Program>(*node.regions[i]);
    inferTypes(*region, checkedTypes(node, regionInputs(node, i, operands)));
    node.regions[i] = std::move(region);
  }
  node.results = checkedTypes(node, regionResults(node, operands));
}

void stepwell::inferTypes(Program &program,
                          std::span<const TensorType> inputs) {
  std::vector<TensorType> types(inputs.begin(), inputs.end());
  for (size_t i = 0; i < inputs.size(); ++i)
    program.inputs[i].type = inputs[i];
  for (ProgramNode &node : program.nodes) {
    std::vector<TensorType> operands;
    for (ValueId operand : node.operands)
      operands.push_back(types[operand]);
    if (node.op->form != OpForm::Plain)
      inferRegions(node, operands);
    else
      for (size_t i = 0; i < node.results.size(); ++i)
        node.results[i].dims = resultDims(
            *node.op, i, operands, node.attributes, node.results[i].dtype);
    types.insert(types.end(), node.results.begin(), node.results.end());
  }
}

//===--- Programs ---------------------------------------------------------===//

static ValueId addNode(Program &program, ProgramNode node, ValueId &next) {
  ValueId first = next;
  next += static_cast<ValueId>(node.results.size());
  program.nodes.push_back(std::move(node));
  return first;
}

static ValueId cast(Program &program, ValueId value, DType to, ValueId &next) {
  TensorType type = program.type(value);
  if (type.dtype == to)
    return value;
  type.dtype = to;
  ProgramNode node;
  node.op = findOp("cast");
  if (!node.op)
    fail(Error::Kind::Runtime, "this build has no operation 'cast'");
  node.attributes = attributes::Cast{.dtype = to};
  node.operands = {value};
  node.results = {type};
  return addNode(program, std::move(node), next);
}

Program stepwell::instantiate(const Template &t,
                              std::vector<ProgramInput> inputs) {
  Program program;
  if (t.program) {
    program = *t.program;
    if (t.open) {
      std::vector<TensorType> types;
      for (const ProgramInput &input : inputs)
        types.push_back(input.type);
      inferTypes(program, types);
    }
    for (size_t i = 0; i < inputs.size(); ++i)
      program.inputs[i].layout = inputs[i].layout;
    for (ProgramOutput &output : program.outputs)
      if (output.into >= 0)
        output.layout = inputs[output.into].layout;
    return program;
  }
  program.inputs = std::move(inputs);
  ValueId next = static_cast<ValueId>(program.inputs.size());
  std::vector<TensorType> types;
  for (const ProgramInput &input : program.inputs)
    types.push_back(input.type);

  if (t.body) {
    ProgramNode node;
    std::vector<ProgramInput> bodyInputs(
        program.inputs.begin(), program.inputs.begin() + t.body->inputs.size());
    for (ProgramInput &input : bodyInputs)
      input = {input.type};
    node.op = findOp("vjp");
    node.regions = {
        std::make_shared<Program>(instantiate(*t.body, bodyInputs))};
    node.attributes = attributes::VJP{
        .cotangents = {t.cotangents.begin(), t.cotangents.end()},
        .wrt = {t.wrt.begin(), t.wrt.end()}};
    for (ValueId i = 0; i < next; ++i)
      node.operands.push_back(i);
    for (int input : t.wrt)
      node.results.push_back(types[input]);
    ValueId first = addNode(program, std::move(node), next);
    for (size_t i = 0; i < t.wrt.size(); ++i)
      program.outputs.push_back({first + static_cast<ValueId>(i)});
    return program;
  }

  if (!t.op) { // A copy: into argument 0 if there are two.
    ValueId source = static_cast<ValueId>(types.size()) - 1;
    program.outputs.push_back({cast(program, source, t.results[0], next)});
    return program;
  }

  ProgramNode node;
  node.op = t.op;
  node.attributes = t.attributes;
  std::vector<TensorType> results = inferResults(t, types);
  for (size_t i = 0; i < types.size(); ++i) {
    ValueId value = static_cast<ValueId>(i);
    if (t.op->promotes(i))
      value = cast(program, value, t.compute, next);
    node.operands.push_back(value);
  }
  std::vector<TensorType> operands;
  for (ValueId value : node.operands)
    operands.push_back(program.type(value));
  for (size_t i = 0; i < results.size(); ++i) {
    ErrorOr<DType> dtype =
        t.op->results[i].dtype(operands, t.op->named(t.attributes));
    if (!dtype)
      fail(dtype.error().kind,
           std::string(t.op->mnemonic) + ": " + dtype.error().message);
    node.results.push_back({*dtype, results[i].dims});
  }
  ValueId first = addNode(program, std::move(node), next);
  for (size_t i = 0; i < results.size(); ++i)
    program.outputs.push_back(
        {cast(program, first + static_cast<ValueId>(i), t.results[i], next)});
  return program;
}
