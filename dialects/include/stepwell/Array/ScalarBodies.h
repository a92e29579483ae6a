//===- ScalarBodies.h - What an operation does to one element ---*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Built from the `scalar` expressions of the records, for the elementwise
// lowering.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_SCALARBODIES_H
#define STEPWELL_ARRAY_SCALARBODIES_H

#include "mlir/IR/Builders.h"

namespace stepwell::array {

/// On a math operation in f64: its result is rounded to f32 in the end, so that
/// a relative error of 2^-45 is small.
inline constexpr llvm::StringLiteral kForF32Attr = "stepwell.for_f32";

/// Whether the operation has a scalar body: one element of each operand makes
/// one element of the result.
bool isElementwise(mlir::Operation *op);

/// Whether this operand of elementwise `op` is an integer by which it divides.
bool mustNotBeZero(mlir::Operation *op, unsigned operand);

/// Builds the body of elementwise `op` on `elements`, one per operand: signless
/// values (bool is i1, ui8 is i8), or vectors of them. Returns the element of
/// the result, or null if `op` is not elementwise or does not accept the kind
/// of element that it has.
mlir::Value buildScalarBody(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::Operation *op, mlir::ValueRange elements);

} // namespace stepwell::array

#endif // STEPWELL_ARRAY_SCALARBODIES_H
