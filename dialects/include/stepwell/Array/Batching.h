//===- Batching.h - Operations over a batch at once -------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Built from the `batch` fields of the records: the operations of the dialect
// have BatchableOpInterface by these functions.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_BATCHING_H
#define STEPWELL_ARRAY_BATCHING_H

#include "mlir/IR/Builders.h"

namespace stepwell::array {

/// Whether the record says how; composites without that are batched by parts.
bool isBatchable(mlir::OperationName name);

/// BatchableOpInterface::buildBatched of an operation of the dialect.
mlir::FailureOr<mlir::SmallVector<mlir::Value>>
buildBatched(mlir::Operation *op, mlir::OpBuilder &builder,
             mlir::ValueRange operands, mlir::ArrayRef<bool> batched);

/// A value without a batch for every element of that of `sample`; null after an
/// error that has been reported.
mlir::Value spreadOverBatch(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::Value value, mlir::Value sample);

} // namespace stepwell::array

#endif // STEPWELL_ARRAY_BATCHING_H
