//===- Promotion.cpp - Which element type an operation computes in --------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Semantics/Promotion.h"

#include <algorithm>
#include <optional>

namespace stepwell {

/// bool < integer < float.
static int kind(DType dtype) {
  return isFloat(dtype) ? 2 : isInteger(dtype) ? 1 : 0;
}

DType promoteTypes(DType a, DType b) {
  if (a == b)
    return a;
  if (kind(a) != kind(b))
    return kind(a) > kind(b) ? a : b;
  // Two halves that do not contain each other.
  if ((a == DType::F16 && b == DType::BF16) ||
      (a == DType::BF16 && b == DType::F16))
    return DType::F32;
  // uint8 and int8 fit in int16; every other integer already holds uint8.
  if (std::min(a, b) == DType::U8)
    return std::max(std::max(a, b), DType::I16);
  return std::max(a, b);
}

DType commonType(std::span<const PromotionOperand> operands) {
  using Category = PromotionOperand::Category;
  std::optional<DType> common;
  for (Category category :
       {Category::Tensor, Category::ZeroDim, Category::Scalar}) {
    std::optional<DType> here;
    for (const PromotionOperand &operand : operands)
      if (operand.category == category)
        here = here ? promoteTypes(*here, operand.dtype) : operand.dtype;
    if (here && (!common || kind(*here) > kind(*common)))
      // A higher kind in a later category replaces; a bool of an earlier one
      // never matters.
      common = here;
  }
  return common.value_or(DType::F32);
}

DType applyPromotion(Promotion promotion,
                     std::span<const PromotionOperand> operands) {
  DType common = commonType(operands);
  switch (promotion) {
  case Promotion::None:
  case Promotion::Common:
    return common;
  case Promotion::ToFloat:
    return isFloat(common) ? common : DType::F32;
  case Promotion::ToBool:
    return DType::Bool;
  case Promotion::SumToInt64:
    return isFloat(common) ? common : DType::I64;
  }
  return common;
}

} // namespace stepwell
