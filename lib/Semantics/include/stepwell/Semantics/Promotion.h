//===- Promotion.h - Which element type an operation computes in -*- C++
//-*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// PyTorch's promotion: operands fall into tensors with dimensions, 0-d tensors
// and Python scalars; a later category only matters when its kind (bool <
// integer < float) is higher.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_SEMANTICS_PROMOTION_H
#define STEPWELL_SEMANTICS_PROMOTION_H

#include "stepwell/Semantics/Types.h"

#include <span>

namespace stepwell {

/// What a record says in its `promotion` field.
enum class Promotion : uint8_t {
  None,      // operands are taken as they are
  Common,    // all operands to their common type
  ToFloat,   // as Common, then bool and integers to the default float type
             // (float32)
  ToBool,    // whether it is not zero
  SumToInt64 // bool and integers to int64 (sums and products)
};

struct PromotionOperand {
  enum class Category : uint8_t { Tensor, ZeroDim, Scalar } category;
  DType dtype; // of a Python scalar: Bool, I64 or F32 (the default float type)
};

/// The least type that both convert to, by PyTorch's table.
DType promoteTypes(DType, DType);
/// The type that an operation on these operands computes in.
DType commonType(std::span<const PromotionOperand>);
DType applyPromotion(Promotion, std::span<const PromotionOperand>);

} // namespace stepwell

#endif // STEPWELL_SEMANTICS_PROMOTION_H
