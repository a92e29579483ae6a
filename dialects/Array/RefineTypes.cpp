//===- RefineTypes.cpp - Result types that are those of inference ---------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Array/Array.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace stepwell;

/// The sizes that either type knows.
static RankedTensorType uniteSizes(RankedTensorType a, RankedTensorType b) {
  SmallVector<int64_t> shape(a.getShape());
  for (auto [size, other] : llvm::zip(shape, b.getShape()))
    if (ShapedType::isDynamic(size))
      size = other;
  return a.clone(shape);
}

static LogicalResult refine(Operation *op) {
  auto infer = dyn_cast<InferTypeOpInterface>(op);
  if (!infer)
    return success();
  SmallVector<Type> types;
  if (failed(infer.inferReturnTypes(
          op->getContext(), op->getLoc(), op->getOperands(),
          op->getDiscardableAttrDictionary(), op->getPropertiesStorage(),
          op->getRegions(), types)))
    return failure();
  OpBuilder builder(op->getContext());
  builder.setInsertionPointAfter(op);
  for (auto [result, type] : llvm::zip_equal(op->getResults(), types)) {
    auto written = cast<RankedTensorType>(result.getType());
    auto inferred = cast<RankedTensorType>(type);
    if (written == inferred)
      continue;
    // A size that both know was one when the operation was verified, and may be
    // two now that its operands know more.
    if (failed(verifyCompatibleShape(written, inferred)))
      return op->emitOpError() << "infers the type " << inferred
                               << ", which is not compatible with " << written;
    auto united = uniteSizes(inferred, written);
    auto castTo = [&](Value value, Type type) -> Value {
      if (value.getType() == type)
        return value;
      return tensor::CastOp::create(builder, op->getLoc(), type, value);
    };
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : result.getUses())
      uses.push_back(&use);
    result.setType(inferred);
    Value known = castTo(result, united), seen;
    for (OpOperand *use : uses) {
      // A block's types are those that its operation says.
      bool ours =
          isa_and_nonnull<array::ArrayDialect>(use->getOwner()->getDialect()) &&
          isa<InferTypeOpInterface>(use->getOwner());
      if (!ours && !seen)
        seen = castTo(known, written);
      use->set(ours ? known : seen);
    }
  }
  return success();
}

LogicalResult array::refineTypes(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (isa_and_nonnull<ArrayDialect>(op.getDialect()) && failed(refine(&op)))
      return failure();
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        if (failed(refineTypes(inner)))
          return failure();
  }
  return success();
}

LogicalResult array::refineTypes(Operation *root) {
  WalkResult refined = root->walk([](FunctionOpInterface function) {
    for (Block &block : function.getFunctionBody())
      if (failed(refineTypes(block)))
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return failure(refined.wasInterrupted());
}
