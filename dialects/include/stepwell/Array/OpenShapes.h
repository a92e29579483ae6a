//===- OpenShapes.h - Sizes along a block -----------------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sizes of a block's values as expressions in those of its arguments
// (stepwell/Semantics/OpenSizes.h), and what must hold for them.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_OPENSHAPES_H
#define STEPWELL_ARRAY_OPENSHAPES_H

#include "stepwell/Semantics/OpenSizes.h"

#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

#include <functional>

namespace stepwell::array {

class OpenShapes {
public:
  using Require = std::function<void(const rules::SizeCondition &)>;
  /// `require` is told every condition, maybe more than once.
  explicit OpenShapes(Require require) : require(std::move(require)) {}

  void set(mlir::Value value, rules::OpenShape shape) {
    shapes[value] = std::move(shape);
  }
  rules::OpenShape get(mlir::Value value) const { return shapes.lookup(value); }

  /// The values of the block, whose arguments are known. An operation whose
  /// sizes do not follow from its operands is an error. Blocks inside of blocks
  /// count as if they ran: what a branch needs is required, taken or not.
  llvm::LogicalResult run(mlir::Block &block);
  /// The same for one operation, whose operands are known.
  llvm::LogicalResult readOperation(mlir::Operation *op);

private:
  /// The block of an operation of the dialect; what it yields.
  llvm::FailureOr<llvm::SmallVector<rules::OpenShape>>
  runBlock(mlir::Region &region, llvm::ArrayRef<rules::OpenShape> arguments);
  llvm::FailureOr<llvm::SmallVector<rules::OpenShape>>
  readControlFlow(mlir::Operation *op,
                  llvm::ArrayRef<rules::OpenShape> operands);
  void equal(const rules::OpenShape &found, const rules::OpenShape &expected);
  /// A size is known where the type knows it: kernels are made from types.
  rules::OpenShape asTyped(const rules::OpenShape &shape, mlir::Type type);

  llvm::DenseMap<mlir::Value, rules::OpenShape> shapes;
  Require require;
};

} // namespace stepwell::array

#endif // STEPWELL_ARRAY_OPENSHAPES_H
