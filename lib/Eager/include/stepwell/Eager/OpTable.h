//===- OpTable.h - What the dispatcher knows of each operation --*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One row per record of dialects/Array/*.td, generated. No MLIR here.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_EAGER_OPTABLE_H
#define STEPWELL_EAGER_OPTABLE_H

#include "stepwell/Semantics/Promotion.h"
#include "stepwell/Semantics/Rules.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

namespace stepwell {

/// Which alternative of Attribute holds the value. List and Segments are lists
/// of any length, the latter says how many of the operands each name has. Unit
/// is true or absent. Elements (array.constant's value) has none: a dispatcher
/// cannot build such an operation.
enum class AttributeKind : uint8_t {
  I64,
  F64,
  Bool,
  Dims,
  DType,
  String,
  List,
  Segments,
  Unit,
  Elements
};

/// What an operation is made of: Plain ones have shape and dtype rules, the
/// others have blocks, named as the class in C++ is.
enum class OpForm : uint8_t { Plain, Call, Cond, Scan, VJP, VMap, While };

struct OperandRow {
  std::string_view name;
  bool variadic;
};

struct AttributeRow {
  std::string_view name;
  AttributeKind kind;
  Attribute defaultValue; // monostate: must be given, unless it is optional
  bool optional = false;
};

struct ResultRow {
  std::string_view name;
  rules::ShapeRule shape;
  rules::DTypeRule dtype;
};

/// What the gradient of one operand reads, as bit masks: bit i is operand or
/// result i. Types (element type, rank, which sizes are 1) are always known and
/// never counted.
struct GradientRow {
  bool exists; // false: this operand has no gradient (an index, say)
  bool
      isCotangent; // the gradient is `g` itself (summed to the operand's shape)
  uint32_t operands;      // values
  uint32_t operandShapes; // sizes only
  uint32_t results;
  uint32_t resultShapes;
  /// What the gradient is differentiable in; a mask of what is equal to a
  /// maximum is not.
  uint32_t smoothOperands;
  uint32_t smoothResults;
  bool smoothCotangent;
};

/// What else the dispatcher must know of an operation: the record's `dispatch`
/// (dialects/Array/ArrayBase.td says what each means).
enum class OpTrait : uint8_t {
  Reduces,
  NeedsElements,
  GivesPosition,
  RankOfIndex,
  Permutes,
  MultipliesMatrices,
  ByPosition,
  InPlace
};
constexpr uint32_t traitMask(std::initializer_list<OpTrait> traits) {
  uint32_t mask = 0;
  for (OpTrait trait : traits)
    mask |= 1u << static_cast<int>(trait);
  return mask;
}

/// The operation for a call that is given some of the operands.
struct PartialRow {
  uint32_t operands; // bit mask
  std::string_view mnemonic;
};

struct OpRow {
  std::string_view dialect, mnemonic, summary, description;
  OpForm form = OpForm::Plain;
  std::vector<OperandRow> operands;
  /// Bit mask: operands of which only the sizes are used.
  uint32_t shapeOnly = 0;
  std::vector<AttributeRow> attributes;
  /// Of one with blocks: a single row, which stands for any number of results.
  std::vector<ResultRow> results;
  std::vector<std::string_view> regions;
  /// Bit mask: results that only the derivative reads, and that have none.
  uint32_t auxiliary = 0;
  /// To compute the results again costs about what reading them does.
  bool cheap = false;
  Promotion promotion = Promotion::None;
  /// Bit mask: operands that the promotion leaves alone.
  uint32_t unpromoted = 0;
  /// Values of a number that are made constants of the program.
  std::vector<double> constants = {};
  /// Bit masks: operands that a caller may give as a number; those of which an
  /// integer type must hold the number; and those that must not be negative
  /// where the result is an integer.
  uint32_t numbers = 0, heldNumbers = 0, naturalNumbers = 0;
  /// Bit mask: operands whose elements are looked at even where the result has
  /// none.
  uint32_t checked = 0;
  /// Why elements of type bool are refused; empty: there is no kernel.
  std::string_view boolRefusal = {};
  bool elementwise = false;
  /// Elementwise only, of the last operand: 1 floats, 2 signed integers, 4
  /// uint8, 8 bool.
  uint8_t elementKinds = 0;
  bool nonDifferentiable = false;
  /// One per operand; none if nonDifferentiable.
  std::vector<GradientRow> gradients = {};
  /// PyTorch-style schemas, "add(input, other)", and operator slots, "__add__".
  std::vector<std::string_view> python = {}, slots = {};
  uint32_t traits = 0;
  std::vector<PartialRow> partial = {};
  /// Those of `attributes`.
  std::vector<std::string_view> attributeNames = {};

  bool is(OpTrait trait) const { return traits >> static_cast<int>(trait) & 1; }
  /// Attributes in the record's order, by name.
  rules::NamedAttributes named(const Attributes &attributes) const {
    return {attributeNames, attributes};
  }

  /// Whether an elementwise operation has a formula for elements of this type.
  bool accepts(DType dtype) const {
    return elementKinds & (isFloat(dtype)         ? 1
                           : dtype == DType::U8   ? 4
                           : dtype == DType::Bool ? 8
                                                  : 2);
  }
  /// The value, where a kernel of its own is worth it.
  std::optional<double> constant(double value) const {
    for (double each : constants)
      if (each == value)
        return each;
    return std::nullopt;
  }
  /// Whether a bit mask of operands has one of a call's, of which there are
  /// more than names where the last is variadic.
  bool has(uint32_t mask, size_t operand) const {
    return mask >> std::min(operand, operands.size() - 1) & 1;
  }
  /// Whether the dispatcher casts this operand to the type it computes in.
  bool promotes(size_t operand) const {
    return promotion != Promotion::None && !has(unpromoted, operand);
  }
};

/// All rows, in the order of their mnemonics.
std::span<const OpRow> opTable();
/// Null if there is no such operation. The pointer stays valid for good.
/// Mnemonics are unique among all dialects.
const OpRow *findOp(std::string_view mnemonic);

} // namespace stepwell

#endif // STEPWELL_EAGER_OPTABLE_H
