//===- Array.h - The array dialect ------------------------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_ARRAY_H
#define STEPWELL_ARRAY_ARRAY_H

#include "stepwell/Semantics/Types.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "stepwell/Array/ArrayDialect.h.inc"

#define GET_OP_CLASSES
#include "stepwell/Array/ArrayOps.h.inc"

namespace stepwell::array {

/// The element type of lib/Semantics, or nothing if the dialect has no such
/// element.
std::optional<DType> toDType(mlir::Type element);
mlir::Type fromDType(mlir::MLIRContext *context, DType dtype);

/// Nothing for what is no tensor of this dialect, or has more than kMaxRank
/// dimensions.
std::optional<TensorType> toTensorType(mlir::Type type);
mlir::RankedTensorType fromTensorType(mlir::MLIRContext *context,
                                      const TensorType &type);

/// Builds `name` with inferred result types; null after an error, reported at
/// `loc`.
mlir::Operation *
createInferred(mlir::OpBuilder &builder, mlir::Location loc,
               llvm::StringRef name, mlir::ValueRange operands,
               llvm::ArrayRef<mlir::NamedAttribute> attributes = {});

/// A 0-d `array.constant` of that element type.
mlir::Value createNumber(mlir::OpBuilder &builder, mlir::Location loc,
                         double value, mlir::Type element);

} // namespace stepwell::array

#endif // STEPWELL_ARRAY_ARRAY_H
