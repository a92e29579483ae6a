//===- Types.cpp - Element types and how they are spelt -------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Semantics/Types.h"

#include <type_traits>

namespace stepwell {

namespace {
struct DTypeFacts {
  std::string_view name, mlirName, titleName, safetensorsName;
  const char *format;
};
} // namespace

static const DTypeFacts &facts(DType dtype) {
  static constexpr DTypeFacts table[] = {
#define STEPWELL_DTYPE(E, NAME, MLIR, C, NPY, FORMAT, SAFE, TITLE)             \
  {NAME, MLIR, TITLE, SAFE, FORMAT},
#include "stepwell/Semantics/DTypes.def"
  };
  return table[static_cast<int>(dtype)];
}

std::string_view name(DType dtype) { return facts(dtype).name; }
std::string_view mlirName(DType dtype) { return facts(dtype).mlirName; }
std::string_view titleName(DType dtype) { return facts(dtype).titleName; }
std::string_view safetensorsName(DType dtype) {
  return facts(dtype).safetensorsName;
}
const char *bufferFormat(DType dtype) { return facts(dtype).format; }

bool isSigned(DType dtype) {
  static constexpr bool table[] = {
#define STEPWELL_INTEGER(E, NAME, MLIR, C, ...) std::is_signed_v<C>,
#define STEPWELL_FLOAT(...) true,
#include "stepwell/Semantics/DTypes.def"
  };
  return table[static_cast<int>(dtype)];
}

int digits(DType dtype) {
  static constexpr int8_t table[] = {
#define STEPWELL_INTEGER(E, NAME, MLIR, C, NPY, FORMAT, SAFE, TITLE, BITS,     \
                         SIGNEDNESS)                                           \
  BITS - std::is_signed_v<C>,
#define STEPWELL_FLOAT(E, NAME, MLIR, C, NPY, FORMAT, SAFE, TITLE, DIGITS,     \
                       CLASS)                                                  \
  DIGITS,
#include "stepwell/Semantics/DTypes.def"
  };
  return table[static_cast<int>(dtype)];
}

std::string toString(const Dims &dims) {
  std::string text = "(";
  for (int i = 0; i < dims.size(); ++i) {
    if (i)
      text += ", ";
    text += dims[i] == kDynamic ? "?" : std::to_string(dims[i]);
  }
  if (dims.size() == 1)
    text += ",";
  return text + ")";
}

std::string toString(const TensorType &type) {
  return std::string(name(type.dtype)) + " " + toString(type.dims);
}

} // namespace stepwell
