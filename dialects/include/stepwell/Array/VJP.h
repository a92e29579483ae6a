//===- VJP.h - The derivative rule of each operation ------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Built from the `vjp` expressions of the records, for lib/Differentiation.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_VJP_H
#define STEPWELL_ARRAY_VJP_H

#include "mlir/IR/Builders.h"

namespace stepwell::array {

enum class Differentiability {
  Unknown,           // no operation of this dialect
  NonDifferentiable, // the derivative is zero or does not exist, and the record
                     // says so
  Differentiable,
  Composite // has no rule of its own: decompose it (Decomposition.h)
};
Differentiability differentiability(mlir::Operation *op);

/// Whether the record says that only the derivative reads the result, and that
/// it has none itself.
bool isAuxiliary(mlir::OpResult result);

/// Whether the record says that of this operand only the sizes are used.
bool readsSizesOnly(mlir::OpOperand &operand);

/// The gradient of operand `index` of `op`, given the cotangent `g` of its
/// result, as if nothing was broadcast: its shape is that of the result. Null
/// if this operand has none, or, with `failed` set, after an error that has
/// been reported.
mlir::Value buildVJP(mlir::OpBuilder &builder, mlir::Operation *op,
                     unsigned index, mlir::Value g, bool &failed);

/// `value` summed over the dimensions in which `type` has size 1, or none, and
/// `value` has not.
mlir::Value sumToType(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Value value, mlir::RankedTensorType type);

} // namespace stepwell::array

#endif // STEPWELL_ARRAY_VJP_H
