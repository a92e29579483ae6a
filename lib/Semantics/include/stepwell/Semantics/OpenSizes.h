//===- OpenSizes.h - What sizes must be when a program runs -----*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A shape rule (Rules.h) takes a size that is not known for one that fits. Here
// the same rules say what it takes to fit: conditions over the words of the
// launch ABI, in the postfix language of docs/abi.md, and the sizes of the
// result in terms of those words.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_SEMANTICS_OPENSIZES_H
#define STEPWELL_SEMANTICS_OPENSIZES_H

#include "stepwell/Semantics/HostExpression.h"
#include "stepwell/Semantics/Rules.h"

namespace stepwell::rules {

/// A number, or an expression in postfix.
class OpenSize {
public:
  OpenSize(int64_t value) : value(value), code(std::to_string(value)) {}
  /// A size that the program's types do not know.
  static OpenSize open(std::string code) {
    OpenSize size(0);
    size.value.reset();
    size.code = std::move(code);
    return size;
  }

  /// Only what the types know, too: kernels are made for those.
  std::optional<int64_t> known() const { return value; }
  bool is(int64_t number) const { return value == number; }
  const std::string &postfix() const { return code; }

private:
  std::optional<int64_t> value;
  std::string code;
};

OpenSize operator+(const OpenSize &, const OpenSize &);
OpenSize operator-(const OpenSize &, const OpenSize &);
OpenSize operator*(const OpenSize &, const OpenSize &);
/// Toward zero.
OpenSize operator/(const OpenSize &, const OpenSize &);
/// Python's // and %.
OpenSize floorDivide(const OpenSize &, const OpenSize &);
OpenSize modulo(const OpenSize &, const OpenSize &);
/// `condition ? yes : no`.
OpenSize choose(const OpenSize &condition, const OpenSize &yes,
                const OpenSize &no);
/// `relation` is a word of the postfix language; 0 or 1.
OpenSize compare(const OpenSize &, const char *relation, const OpenSize &);

using OpenShape = std::vector<OpenSize>;

/// An expression of sizes (parseSizes), where its values are these. Appends
/// what is divided by.
OpenSize evaluate(const HostExpression &, const OpenShape &values,
                  std::vector<OpenSize> *divisors = nullptr);

/// `found relation expected`, or the call fails.
struct SizeCondition {
  OpenSize found;
  const char *relation; // "==", "!=", "<=" or ">="
  OpenSize expected;
  int64_t dim; // of the result or operand; what a message says
};
using SizeConditions = std::vector<SizeCondition>;

/// The shape that `rule` gives, as a function of the operands'; appends what
/// must hold for it. Nothing if the rule has no such form.
std::optional<OpenShape> openShape(ShapeRule rule,
                                   std::span<const OpenShape> operands,
                                   const NamedAttributes &attributes,
                                   SizeConditions &conditions);

} // namespace stepwell::rules

#endif // STEPWELL_SEMANTICS_OPENSIZES_H
