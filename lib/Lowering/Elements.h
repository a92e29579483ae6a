//===- Elements.h - Element types on the way down ---------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Between operations an element of the array dialect is stored as its storage
// type (bool and ui8: i8); inside a body it is its compute type (bool: i1, f16
// and bf16: f32).
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LOWERING_ELEMENTS_H
#define STEPWELL_LOWERING_ELEMENTS_H

#include "mlir/IR/Builders.h"

namespace stepwell {

mlir::Type storageType(mlir::Type element);
mlir::Type computeType(mlir::Type element);

/// From storage to compute type.
mlir::Value loadElement(mlir::OpBuilder &, mlir::Location, mlir::Value stored,
                        mlir::Type element);
/// The same for what is only compared: bool is a byte, 0 or 1, as it is stored.
/// Memory that others wrote may hold any byte for true.
mlir::Value loadCompared(mlir::OpBuilder &, mlir::Location, mlir::Value stored,
                         mlir::Type element);
/// From compute to storage type; a value that already has it stays.
mlir::Value storeElement(mlir::OpBuilder &, mlir::Location,
                         mlir::Value computed, mlir::Type element);

} // namespace stepwell

#endif // STEPWELL_LOWERING_ELEMENTS_H
