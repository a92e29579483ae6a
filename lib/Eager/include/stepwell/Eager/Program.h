//===- Program.h - A tensor program, without MLIR ---------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the dispatcher hands to the compiler: straight-line array operations
// that print as the canonical MLIR text of docs/kernel-key.md. Eager operations
// are Programs of a few nodes, a captured function is one Program of many.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_EAGER_PROGRAM_H
#define STEPWELL_EAGER_PROGRAM_H

#include "stepwell/Semantics/Types.h"

#include <memory>
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
  /// Null for a derivative request and for a call of a function.
  const OpRow *op = nullptr;
  Attributes attributes;
  std::vector<ValueId> operands;
  std::vector<TensorType> results;
  /// The derivative request autodiff.vjp: operands are the body's inputs, the
  /// body's results (saved), then one cotangent per entry of `cotangents`;
  /// results follow `wrt`.
  std::shared_ptr<const Program> body;
  std::vector<int> wrt;        // which inputs of the body
  std::vector<int> cotangents; // which results of the body have one
  /// The call of a function, array.call: `body` is what it computes, `rule`, if
  /// there is one, its derivative by the inputs `wrt`, of the inputs, the
  /// results and the cotangents of those of a float type.
  std::string callee;
  std::shared_ptr<const Program> rule;
  std::string lowering; // a module that is compiled in place of the body
  bool isCall() const { return !callee.empty(); }
  int32_t location = -1; // index into Program::locations; not printed
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

} // namespace stepwell

#endif // STEPWELL_EAGER_PROGRAM_H
