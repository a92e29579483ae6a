//===- PatternSupport.h - What lowering patterns share ----------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LOWERING_PATTERNSUPPORT_H
#define STEPWELL_LOWERING_PATTERNSUPPORT_H

#include "Elements.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/BuiltinTypes.h"

namespace stepwell {

inline mlir::Type elementOf(mlir::Value value) {
  return mlir::getElementTypeOrSelf(value.getType());
}
inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

/// A tensor whose dynamic sizes are `sizes`, in order; null entries stand for
/// static ones.
mlir::Value emptyTensor(mlir::OpBuilder &, mlir::Location,
                        mlir::RankedTensorType type,
                        mlir::ArrayRef<mlir::Value> sizes, mlir::Type element);

mlir::Value dimOf(mlir::OpBuilder &, mlir::Location, mlir::Value tensor,
                  int64_t dim);

/// The dynamic sizes of a result that has the sizes of `like`; null entries
/// where `type` knows the size.
mlir::SmallVector<mlir::Value> sizesLike(mlir::OpBuilder &, mlir::Location,
                                         mlir::RankedTensorType type,
                                         mlir::Value like);

/// How an operand is read in loops over `result`, both aligned at the last
/// dimension: a dimension of size 1 stays at 0 while the result's moves.
mlir::AffineMap broadcastMap(mlir::RankedTensorType operand,
                             mlir::RankedTensorType result);

mlir::SmallVector<mlir::utils::IteratorType> parallel(int64_t rank);

/// Reads `input` through `map` and stores it in the order of `type`.
mlir::Value moveElements(mlir::OpBuilder &, mlir::Location, mlir::Value input,
                         mlir::AffineMap map, mlir::RankedTensorType type,
                         mlir::ArrayRef<mlir::Value> sizes);

/// A tensor with every element `value`, which has the tensor's element type.
mlir::Value filled(mlir::OpBuilder &, mlir::Location,
                   mlir::RankedTensorType type,
                   mlir::ArrayRef<mlir::Value> sizes, mlir::Value value);

/// A tensor of zeros to accumulate in: f32 for f16 and bf16.
mlir::Value zeros(mlir::OpBuilder &, mlir::Location, mlir::RankedTensorType,
                  mlir::ArrayRef<mlir::Value> sizes);

/// From the accumulator's element type to the stored one.
mlir::Value roundAccumulator(mlir::OpBuilder &, mlir::Location,
                             mlir::Value value, mlir::RankedTensorType type,
                             mlir::ArrayRef<mlir::Value> sizes);

/// An i64 as an element, in its storage type.
mlir::Value fromInteger(mlir::OpBuilder &, mlir::Location, mlir::Value number,
                        mlir::Type element);

/// A tensor that nested loops of `sizes` pass on: `body` returns what the next
/// iteration gets.
mlir::Value carryLoops(
    mlir::OpBuilder &, mlir::Location, mlir::ArrayRef<mlir::Value> sizes,
    mlir::Value init,
    llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location,
                                   mlir::ValueRange at, mlir::Value carried)>
        body);

/// Makes the program fail with STEPWELL_INDEX_OUT_OF_RANGE where `bad` is set;
/// the rest is i64. What follows runs all the same.
void createIndexCheck(mlir::OpBuilder &, mlir::Location, mlir::Value bad,
                      mlir::Value index, mlir::Value size, mlir::Value dim);

/// The same with STEPWELL_DIVISION_BY_ZERO.
void createDivisorCheck(mlir::OpBuilder &, mlir::Location, mlir::Value bad);

} // namespace stepwell

#endif // STEPWELL_LOWERING_PATTERNSUPPORT_H
