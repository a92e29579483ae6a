//===- HostExpression.h - Numbers that each call computes -------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A function that is traced once serves calls of other sizes and with other
// numbers. What it made of those on the host, `n // 2` or `0.5 * delta`, is an
// expression that each call evaluates again: words in postfix, separated by
// spaces, where `v3` is the fourth of the call's values.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_SEMANTICS_HOSTEXPRESSION_H
#define STEPWELL_SEMANTICS_HOSTEXPRESSION_H

#include "stepwell/Semantics/Types.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stepwell {

class HostExpression {
public:
  enum class Word : uint8_t {
    Value,
    Constant,
    Add,
    Subtract,
    Multiply,
    Divide,      // of integers, toward zero: of OpenSizes.h
    TrueDivide,  // Python's /
    FloorDivide, // Python's //
    Modulo,      // Python's %
    Power,       // Python's **
    Negate,
    Absolute,
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Choose
  };
  struct Step {
    Word word;
    Scalar operand = int64_t{0}; // the constant, or which value
  };

  HostExpression() = default;
  /// A ValueError for what is no such expression of `numValues` values.
  static ErrorOr<HostExpression> parse(std::string_view postfix,
                                       size_t numValues);

  const std::vector<Step> &words() const { return steps; }

  /// In postfix, with a text in the place of each value.
  std::string postfix(std::span<const std::string> values) const;

  /// With Python's rules for integers and floats. Nothing where Python raises,
  /// and for integers beyond 64 bits.
  std::optional<Scalar> evaluate(std::span<const Scalar> values) const;
  /// The value that it is, if it is nothing else; or -1.
  int64_t asValue() const {
    return steps.size() == 1 && steps[0].word == Word::Value
               ? std::get<int64_t>(steps[0].operand)
               : -1;
  }

private:
  static std::optional<Scalar> apply(Word, const Scalar &, const Scalar &);
  std::vector<Step> steps;
};

/// A number as an expression has it.
std::string numberText(const Scalar &);

/// Of sizes: expressions in integers, one after each comma.
ErrorOr<std::vector<HostExpression>> parseSizes(std::string_view text,
                                                size_t numValues);

} // namespace stepwell

#endif // STEPWELL_SEMANTICS_HOSTEXPRESSION_H
