//===- Residuals.cpp - What a way back keeps of a Program -----------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A minimum cut: residuals part the values that the derivative reads from those
// that only much work can make. Values that are there anyway, the inputs and
// outputs, cost nothing; a residual costs its bytes.
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Residuals.h"

#include "stepwell/Eager/OpAttributes.h"
#include "stepwell/Semantics/Checked.h"

#include <algorithm>

using namespace stepwell;

namespace {

/// Whether the mask of a record names operand `i`; its last operand may stand
/// for many.
bool names(uint32_t mask, const OpRow &op, size_t i) {
  return !op.operands.empty() &&
         mask >> std::min(i, op.operands.size() - 1) & 1;
}

/// The values of a Program, and which of them its derivative reads.
class Reads {
public:
  Reads(const Program &program, const std::vector<int> &wrt);

  const Program &program;
  size_t inputs;
  /// By value.
  std::vector<const TensorType *> types;
  std::vector<bool> values; // the derivative reads it
  std::vector<bool> sizes;  // it reads its sizes
  std::vector<int> outputs; // the first output that it is, or -1

  /// The node that makes a value that is no input.
  const ProgramNode &maker(size_t value) const {
    return program.nodes[makers[value - inputs]];
  }
  ValueId firstOf(size_t node) const { return firsts[node]; }
  bool isFixed(size_t value) const {
    const Dims &dims = types[value]->dims;
    return std::find(dims.begin(), dims.end(), kDynamic) == dims.end();
  }

private:
  bool dependsOnActive(const ProgramNode &) const;
  void read(ValueId value);
  void noteNode(const ProgramNode &, ValueId firstResult);
  void noteRules(const OpRow &, std::span<const ValueId> operands,
                 ValueId firstResult);
  void noteRule(const ProgramNode &, ValueId firstResult);

  std::vector<size_t> makers;  // by value less the inputs
  std::vector<ValueId> firsts; // by node
  /// They depend on `wrt`; they have a gradient, or a rule reads them and the
  /// derivative of the derivative may give them one.
  std::vector<bool> active, live;
};

Reads::Reads(const Program &program, const std::vector<int> &wrt)
    : program(program), inputs(program.inputs.size()) {
  for (const ProgramInput &input : program.inputs)
    types.push_back(&input.type);
  for (size_t n = 0; n < program.nodes.size(); ++n) {
    firsts.push_back(static_cast<ValueId>(types.size()));
    for (const TensorType &result : program.nodes[n].results) {
      types.push_back(&result);
      makers.push_back(n);
    }
  }
  values.resize(types.size());
  sizes.resize(types.size());
  active.resize(types.size());
  live.resize(types.size());
  outputs.resize(types.size(), -1);
  for (size_t i = program.outputs.size(); i-- > 0;)
    outputs[program.outputs[i].value] = static_cast<int>(i);
  for (int input : wrt)
    active[input] = isFloat(types[input]->dtype);
  for (size_t n = 0; n < program.nodes.size(); ++n) {
    const ProgramNode &node = program.nodes[n];
    if (node.op->nonDifferentiable || !dependsOnActive(node))
      continue;
    uint32_t auxiliary = node.op->auxiliary;
    for (size_t i = 0; i < node.results.size(); ++i)
      active[firsts[n] + i] =
          isFloat(node.results[i].dtype) && !(auxiliary >> i & 1);
  }
  for (const ProgramOutput &output : program.outputs)
    live[output.value] = true;
  for (size_t n = program.nodes.size(); n-- > 0;) {
    const ProgramNode &node = program.nodes[n];
    for (size_t i = 0; i < node.results.size(); ++i)
      if (size_t result = firsts[n] + i; live[result] && active[result]) {
        noteNode(node, firsts[n]);
        break;
      }
  }
}

bool Reads::dependsOnActive(const ProgramNode &node) const {
  return std::any_of(node.operands.begin(), node.operands.end(),
                     [&](ValueId operand) { return active[operand]; });
}

void Reads::read(ValueId value) { values[value] = live[value] = true; }

void Reads::noteNode(const ProgramNode &node, ValueId firstResult) {
  for (ValueId operand : node.operands)
    if (active[operand]) // its gradient is stretched to its sizes
      sizes[operand] = true;
  if (!node.op->gradients.empty())
    return noteRules(*node.op, node.operands, firstResult);
  for (ValueId operand : node.operands)
    live[operand] = true;
  if (node.op->form == OpForm::Call && node.region(1))
    return noteRule(node, firstResult);
  std::for_each(node.operands.begin(), node.operands.end(),
                [&](ValueId operand) { read(operand); });
}

void Reads::noteRules(const OpRow &op, std::span<const ValueId> operands,
                      ValueId firstResult) {
  for (size_t i = 0; i < operands.size(); ++i) {
    const GradientRow &row = op.gradients[std::min(i, op.gradients.size() - 1)];
    if (!active[operands[i]] || !row.exists)
      continue;
    live[operands[i]] = true;
    for (size_t j = 0; j < operands.size(); ++j) {
      if (names(row.operands, op, j))
        read(operands[j]);
      if (names(row.operandShapes, op, j))
        sizes[operands[j]] = true;
    }
    for (size_t j = 0; j < op.results.size(); ++j) {
      ValueId result = firstResult + static_cast<ValueId>(j);
      if (row.results >> j & 1)
        read(result);
      if (row.resultShapes >> j & 1)
        sizes[result] = true;
    }
  }
}

void Reads::noteRule(const ProgramNode &node, ValueId firstResult) {
  size_t operands = node.operands.size(), results = node.results.size();
  auto note = [&](size_t value) {
    if (value < operands)
      read(node.operands[value]);
    else if (value < operands + results)
      read(firstResult + static_cast<ValueId>(value - operands));
  };
  for (const ProgramNode &each : node.region(1)->nodes)
    for (ValueId operand : each.operands)
      note(operand);
  for (const ProgramOutput &output : node.region(1)->outputs)
    note(output.value);
  for (size_t i = 0; i < results; ++i) // where one has no gradient, zeros stand
    sizes[firstResult + i] = true;
}

/// Whether a node's results are computed again rather than kept.
bool isCheap(const ProgramNode &node) {
  if (node.op->form == OpForm::Call)
    return !attributes::Call::of(node.attributes).lowering &&
           std::all_of(node.region(0)->nodes.begin(),
                       node.region(0)->nodes.end(), isCheap);
  return node.op->cheap;
}

/// A node's operands, but for those of which only the sizes are used.
template <typename Visit>
void forEachRead(const ProgramNode &node, Visit visit) {
  for (size_t i = 0; i < node.operands.size(); ++i)
    if (!names(node.op->shapeOnly, *node.op, i))
      visit(node.operands[i]);
}

//===--- The cut ----------------------------------------------------------===//

/// A network whose every value is an arc, from where it is made to where it is
/// used.
class Network {
public:
  explicit Network(size_t vertices) : arcs(vertices) {}

  void connect(uint32_t from, uint32_t to, int64_t capacity) {
    arcs[from].push_back(static_cast<uint32_t>(ends.size()));
    ends.push_back({to, capacity});
    arcs[to].push_back(static_cast<uint32_t>(ends.size()));
    ends.push_back({from, 0});
  }

  /// Sends what can flow from one vertex to the other.
  void saturate(uint32_t from, uint32_t to) {
    while (findPath(from, to)) {
      int64_t most = kUnbounded;
      for (uint32_t at = to; at != from; at = ends[path[at] ^ 1].to)
        most = std::min(most, ends[path[at]].capacity);
      for (uint32_t at = to; at != from; at = ends[path[at] ^ 1].to) {
        ends[path[at]].capacity -= most;
        ends[path[at] ^ 1].capacity += most;
      }
    }
  }

  /// The vertices from which something could still flow there.
  std::vector<bool> reaching(uint32_t to) const {
    std::vector<bool> found(arcs.size());
    std::vector<uint32_t> waiting{to};
    found[to] = true;
    while (!waiting.empty()) {
      uint32_t at = waiting.back();
      waiting.pop_back();
      for (uint32_t arc : arcs[at])
        if (uint32_t from = ends[arc].to;
            ends[arc ^ 1].capacity > 0 && !found[from]) {
          found[from] = true;
          waiting.push_back(from);
        }
    }
    return found;
  }

  static constexpr int64_t kUnbounded = INT64_MAX / 4;

private:
  bool findPath(uint32_t from, uint32_t to) {
    path.resize(arcs.size());
    seen.resize(arcs.size());
    ++round;
    std::vector<uint32_t> waiting{from};
    seen[from] = round;
    for (size_t next = 0; next < waiting.size(); ++next)
      for (uint32_t arc : arcs[waiting[next]])
        if (uint32_t end = ends[arc].to;
            ends[arc].capacity > 0 && seen[end] != round) {
          seen[end] = round;
          path[end] = arc;
          if (end == to)
            return true;
          waiting.push_back(end);
        }
    return false;
  }

  struct End {
    uint32_t to;
    int64_t capacity;
  };
  std::vector<std::vector<uint32_t>> arcs; // by vertex, the other way beside
  std::vector<End> ends;
  std::vector<uint32_t> path; // the arc by which a vertex was found
  std::vector<uint64_t> seen;
  uint64_t round = 0;
};

/// What keeping a value costs. Sizes that a call decides count as middling
/// ones.
int64_t costOf(const TensorType &type) {
  constexpr int64_t kMiddling = 64, kMost = int64_t(1) << 40;
  Checked bytes = byteWidth(type.dtype);
  for (int64_t size : type.dims)
    bytes *= size == kDynamic ? kMiddling : size;
  return bytes ? std::clamp<int64_t>(*bytes, 1, kMost) : kMost;
}

} // namespace

std::vector<ValueId> stepwell::chooseResiduals(const Program &program,
                                               const std::vector<int> &wrt) {
  Reads reads(program, wrt);
  // Only what must be read, or computed for that, takes part.
  std::vector<bool> wanted = reads.values;
  for (size_t n = program.nodes.size(); n-- > 0;) {
    const ProgramNode &node = program.nodes[n];
    bool any = false;
    for (size_t i = 0; i < node.results.size(); ++i)
      any = any || wanted[reads.firstOf(n) + i];
    if (any && isCheap(node))
      forEachRead(node, [&](ValueId operand) { wanted[operand] = true; });
  }
  size_t count = reads.types.size();
  auto made = [](size_t value) { return static_cast<uint32_t>(2 * value); };
  auto used = [](size_t value) { return static_cast<uint32_t>(2 * value + 1); };
  auto derivative = static_cast<uint32_t>(2 * count);
  Network network(2 * count + 1);
  std::vector<size_t> sources;
  for (size_t value = reads.inputs; value < count; ++value) {
    if (!wanted[value] || reads.outputs[value] >= 0)
      continue;
    network.connect(made(value), used(value), costOf(*reads.types[value]));
    if (reads.values[value])
      network.connect(used(value), derivative, Network::kUnbounded);
    const ProgramNode &node = reads.maker(value);
    if (!isCheap(node))
      sources.push_back(value);
    else
      forEachRead(node, [&](ValueId operand) {
        network.connect(used(operand), made(value), Network::kUnbounded);
      });
  }
  for (size_t source : sources)
    network.saturate(made(source), derivative);
  // Of equal cuts the one next to the derivative: least is computed again.
  std::vector<bool> reaching = network.reaching(derivative);
  std::vector<ValueId> residuals;
  for (size_t value = reads.inputs; value < count; ++value)
    if (reaching[used(value)] && !reaching[made(value)] &&
        reads.outputs[value] < 0)
      residuals.push_back(static_cast<ValueId>(value));
  return residuals;
}

Needs stepwell::readBack(const Program &program, const std::vector<int> &wrt) {
  Reads reads(program, wrt);
  std::vector<bool> read = reads.values;
  Needs needs;
  needs.inputs.assign(program.inputs.size(), Need::Shape);
  needs.results.assign(program.outputs.size(), Need::Shape);
  for (size_t value = reads.types.size(); value-- > 0;) {
    bool hasSizes = reads.isFixed(value) || value < reads.inputs ||
                    reads.outputs[value] >= 0;
    // Sizes that follow from others while the kernel runs follow from tensors.
    if (!read[value] && (!reads.sizes[value] || hasSizes))
      continue;
    if (value < reads.inputs)
      needs.inputs[value] = Need::Values;
    else if (int output = reads.outputs[value]; output >= 0)
      needs.results[output] = Need::Values;
    else {
      const ProgramNode &node = reads.maker(value);
      for (ValueId operand : node.operands)
        reads.sizes[operand] = true;
      forEachRead(node, [&](ValueId operand) { read[operand] = true; });
    }
  }
  return needs;
}
