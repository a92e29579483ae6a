//===- Batching.h - A block for a batch of inputs ---------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_DIFFERENTIATION_BATCHING_H
#define STEPWELL_LIB_DIFFERENTIATION_BATCHING_H

#include "mlir/IR/Builders.h"

namespace stepwell {

/// Builds what `block` computes for every element of a batch. `inputs` stand
/// for its arguments; those for which `batched` is set have the batch as one
/// more dimension in front. Gives what the terminator's operands become, all
/// with a batch. Operations are asked by BatchableOpInterface, or batched by
/// what they are made of; failure has been reported.
mlir::FailureOr<mlir::SmallVector<mlir::Value>>
buildBatch(mlir::OpBuilder &builder, mlir::Block &block,
           mlir::ValueRange inputs, mlir::ArrayRef<bool> batched);

} // namespace stepwell

#endif // STEPWELL_LIB_DIFFERENTIATION_BATCHING_H
