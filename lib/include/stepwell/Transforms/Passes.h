//===- Passes.h - Target-independent transformations ------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_TRANSFORMS_PASSES_H
#define STEPWELL_TRANSFORMS_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"

namespace stepwell {
namespace array {
class ArrayDialect;
}

#define GEN_PASS_DECL
#include "stepwell/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "stepwell/Transforms/Passes.h.inc"

} // namespace stepwell

#endif // STEPWELL_TRANSFORMS_PASSES_H
