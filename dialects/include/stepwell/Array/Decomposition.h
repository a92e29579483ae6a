//===- Decomposition.h - Composite operations in terms of others -*- C++ -*-==//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Built from the `decomposition` expressions of the records.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_DECOMPOSITION_H
#define STEPWELL_ARRAY_DECOMPOSITION_H

#include "mlir/IR/Builders.h"

namespace stepwell::array {

/// Whether the record of `op` has a decomposition.
bool isComposite(mlir::Operation *op);

/// Whether `op` is an attention, or its derivative, that a lowering in tiles
/// takes: its heads have known sizes that leave room for a few queries on the
/// stack.
bool hasTiles(mlir::Operation *op);

/// The results of `op`, computed by other operations at the builder. Fails
/// after an error that has been reported.
mlir::FailureOr<mlir::SmallVector<mlir::Value>>
buildDecomposition(mlir::OpBuilder &builder, mlir::Operation *op);

} // namespace stepwell::array

#endif // STEPWELL_ARRAY_DECOMPOSITION_H
