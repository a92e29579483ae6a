//===- ScalarBodies.h - What an operation does to one element ---*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The records' `scalar` expressions as arith and math operations. Between
// operations an element is stored as its storage type (bool and ui8: i8);
// inside a body it is its compute type (bool: i1, f16 and bf16: f32).
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LOWERING_SCALARBODIES_H
#define STEPWELL_LOWERING_SCALARBODIES_H

#include "mlir/IR/Builders.h"

#include <optional>

namespace stepwell {

/// The alternatives of a record's `scalar`.
enum class ElementKind { Float, Integer, Unsigned, Bool };

/// Of an element type of the array dialect.
ElementKind elementKind(mlir::Type arrayElement);
mlir::Type storageType(mlir::Type arrayElement);
mlir::Type computeType(mlir::Type arrayElement);

/// From storage to compute type, and back.
mlir::Value load(mlir::OpBuilder &, mlir::Location, mlir::Value stored,
                 mlir::Type arrayElement);
mlir::Value store(mlir::OpBuilder &, mlir::Location, mlir::Value computed,
                  mlir::Type arrayElement);

/// array.cast of one element, from and to compute types. Float to integer
/// truncates and saturates at 32 or 64 bits (narrower types keep the low bits),
/// NaN becomes 0.
mlir::Value convertElement(mlir::OpBuilder &, mlir::Location, mlir::Value value,
                           mlir::Type from, mlir::Type to);

/// Whether `operation` ("array.add") is elementwise.
bool isElementwise(llvm::StringRef operation);
/// The result as its compute type, from operands as theirs. Null when the
/// operation does not accept these element types. `from` is the last operand's,
/// both are the array dialect's.
mlir::Value buildScalarBody(mlir::OpBuilder &, mlir::Location,
                            llvm::StringRef operation,
                            mlir::ValueRange operands, mlir::Type from,
                            mlir::Type to);

} // namespace stepwell

#endif // STEPWELL_LOWERING_SCALARBODIES_H
