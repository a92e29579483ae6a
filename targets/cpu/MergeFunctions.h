//===- MergeFunctions.h - One function for what is computed again -*- C++ -*-
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_TARGETS_CPU_MERGEFUNCTIONS_H
#define STEPWELL_LIB_TARGETS_CPU_MERGEFUNCTIONS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace stepwell::cpu {

/// Leaves one of the module's private functions that do the same: the layers of
/// a network have equal tasks.
void mergeEqualFunctions(mlir::ModuleOp module);

/// Moves long rare cases into functions, one for all that do the same: most of
/// the code of `sin` is for arguments that nobody has.
void outlineRareCases(mlir::ModuleOp module);

} // namespace stepwell::cpu

#endif // STEPWELL_LIB_TARGETS_CPU_MERGEFUNCTIONS_H
