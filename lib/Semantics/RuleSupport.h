//===- RuleSupport.h - What shape rules share -------------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_SEMANTICS_RULESUPPORT_H
#define STEPWELL_LIB_SEMANTICS_RULESUPPORT_H

#include "stepwell/Semantics/Rules.h"

#include <optional>
#include <string>

namespace stepwell::rules {

inline Error valueError(std::string message) {
  return {Error::Kind::Value, std::move(message)};
}
inline Error typeError(std::string message) {
  return {Error::Kind::Type, std::move(message)};
}
inline Error indexError(std::string message) {
  return {Error::Kind::Index, std::move(message)};
}

inline std::string number(int64_t value) {
  return value == kDynamic ? "?" : std::to_string(value);
}

inline std::string shapes(Operands operands) {
  std::string text;
  for (size_t i = 0; i < operands.size(); ++i) {
    if (i)
      text += i + 1 == operands.size() ? " and " : ", ";
    text += toString(operands[i].dims);
  }
  return text;
}

/// `dims` as a bit mask; each must lie in [0, rank) and occur once.
inline ErrorOr<uint32_t> dimMask(const Dims &dims, int rank) {
  uint32_t mask = 0;
  for (int64_t dim : dims) {
    if (dim < 0 || dim >= rank)
      return indexError("dimension " + number(dim) +
                        " is out of range for a tensor of rank " +
                        number(rank));
    if (mask & (1u << dim))
      return valueError("dimension " + number(dim) + " appears more than once");
    mask |= 1u << dim;
  }
  return mask;
}

/// What is wrong with a dimension, if anything is.
inline std::optional<Error> checkDim(int64_t dim, const Dims &dims) {
  if (dim >= 0 && dim < dims.size())
    return std::nullopt;
  return indexError("dimension " + number(dim) +
                    " is out of range for a tensor of rank " +
                    number(dims.size()));
}

/// Whether two sizes may be the same.
inline bool mayEqual(int64_t a, int64_t b) {
  return a == b || a == kDynamic || b == kDynamic;
}

} // namespace stepwell::rules

#endif // STEPWELL_LIB_SEMANTICS_RULESUPPORT_H
