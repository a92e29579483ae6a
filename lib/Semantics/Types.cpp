//===- Types.cpp - Element types and how they are spelt -------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Semantics/Types.h"

namespace stepwell {

namespace {
struct DTypeFacts {
  std::string_view name, mlirName;
};
} // namespace

static const DTypeFacts &facts(DType dtype) {
  static constexpr DTypeFacts table[kNumDTypes] = {
      {"bool", "i1"},     {"uint8", "ui8"},     {"int8", "i8"},
      {"int16", "i16"},   {"int32", "i32"},     {"int64", "i64"},
      {"float16", "f16"}, {"bfloat16", "bf16"}, {"float32", "f32"},
      {"float64", "f64"},
  };
  return table[static_cast<int>(dtype)];
}

std::string_view name(DType dtype) { return facts(dtype).name; }
std::string_view mlirName(DType dtype) { return facts(dtype).mlirName; }

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
