//===- Program.h - A tensor program, without MLIR ---------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the dispatcher hands to the compiler: operations that print as the
// canonical MLIR text of docs/kernel-key.md. Eager operations are Programs of a
// few nodes, a captured function is one Program of many. A node may have blocks
// (a call, a branch, a loop, the request for a derivative), which are Programs
// again: a block sees nothing but its inputs.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_EAGER_PROGRAM_H
#define STEPWELL_EAGER_PROGRAM_H

#include "stepwell/Semantics/Types.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stepwell {

struct OpRow; // one generated row per record: OpTable.h

enum class Layout : uint8_t { Contiguous, Rows, Strided };

struct ProgramInput {
  TensorType type;
  Layout layout = Layout::Contiguous;
  bool scalar = false;    // one word by value (rank 0)
  bool shapeOnly = false; // null pointer, sizes only
  bool mayAlias = false;
  std::string name; // for exported programs; no part of a key
  /// Of a scalar: the value that it always has.
  std::optional<double> number = std::nullopt;
};

/// Index of a value: inputs first, then node results in order.
using ValueId = int32_t;

class Program;

struct ProgramNode {
  const OpRow *op = nullptr;
  Attributes attributes; // in the order of the record
  std::vector<ValueId> operands;
  std::vector<TensorType> results;
  /// In the order of the record; null for a block that may be left out.
  std::vector<std::shared_ptr<const Program>> regions;
  int32_t location = -1; // index into Program::locations; not printed

  const Program *region(size_t index) const {
    return index < regions.size() ? regions[index].get() : nullptr;
  }
};

struct ProgramOutput {
  ValueId value;
  Layout layout = Layout::Contiguous;
  int into = -1; // the input that the result is written into, or -1
  std::string name;
};

class Program {
public:
  std::vector<ProgramInput> inputs;
  std::vector<ProgramNode> nodes;
  std::vector<ProgramOutput> outputs;
  std::vector<std::string> locations; // "file:line"

  const TensorType &type(ValueId) const;
  /// The canonical text: a module with one func.func @main. Names are left out
  /// unless they are asked for.
  std::string print(bool withNames = false) const;
  /// Reads what `print` wrote. Anything else, also sizes that are too large, is
  /// a ValueError that names the line.
  static Program read(std::string_view text);
};

/// The types of what the block takes, for operands of these types; those of the
/// results come first where the block reads them, too. Error: the operands are
/// too few, or none that such an operation has.
ErrorOr<std::vector<TensorType>>
regionInputs(const ProgramNode &, size_t region,
             std::span<const TensorType> operands);
/// The types of the results of a node with blocks, which know theirs.
ErrorOr<std::vector<TensorType>>
regionResults(const ProgramNode &, std::span<const TensorType> operands);
/// The types of what a Program takes and gives.
std::vector<TensorType> inputTypes(const Program &);
std::vector<TensorType> resultTypes(const Program &);
/// Whether a node, or one in its blocks, fulfils `test`.
bool anyNode(const Program &,
             const std::function<bool(const ProgramNode &)> &test);

} // namespace stepwell

#endif // STEPWELL_EAGER_PROGRAM_H
