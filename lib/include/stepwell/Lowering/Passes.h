//===- Passes.h - From array operations to buffers --------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LOWERING_PASSES_H
#define STEPWELL_LOWERING_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>
#include <string>

namespace stepwell {

/// Attributes on the arguments and results of a program's entry;
/// docs/kernel-key.md.
inline constexpr llvm::StringLiteral kLayoutAttr = "stepwell.layout";
inline constexpr llvm::StringLiteral kScalarAttr = "stepwell.scalar";
inline constexpr llvm::StringLiteral kNumberAttr = "stepwell.number";
inline constexpr llvm::StringLiteral kShapeOnlyAttr = "stepwell.shape_only";
inline constexpr llvm::StringLiteral kMayAliasAttr = "stepwell.may_alias";
inline constexpr llvm::StringLiteral kIntoAttr = "stepwell.into";

#define GEN_PASS_DECL
#include "stepwell/Lowering/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "stepwell/Lowering/Passes.h.inc"

} // namespace stepwell

#endif // STEPWELL_LOWERING_PASSES_H
