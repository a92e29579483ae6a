//===- Batching.cpp - A block for a batch of inputs -----------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Batching.h"

#include "stepwell/Array/Array.h"
#include "stepwell/Array/Batching.h"
#include "stepwell/Array/Decomposition.h"
#include "stepwell/Interfaces/Batchable.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace stepwell;

namespace {

/// One block. What depends on no batched input is computed once.
class BlockBatcher {
public:
  explicit BlockBatcher(OpBuilder &builder) : b(builder) {}

  void map(Value value, Value becomes, bool batched) {
    values.map(value, becomes);
    if (batched)
      withBatch.insert(value);
  }
  LogicalResult append(Block &block) {
    // A composite that gives way to its parts is followed by them.
    for (Operation &op : llvm::make_early_inc_range(block.without_terminator()))
      if (failed(append(&op)))
        return failure();
    return success();
  }
  /// With a batch, whatever it was.
  FailureOr<Value> result(Value value, Value sample);

private:
  LogicalResult append(Operation *op);
  LogicalResult appendParts(Operation *op);

  OpBuilder &b;
  IRMapping values;
  DenseSet<Value> withBatch;
};

} // namespace

/// What an operation gives is what others give.
LogicalResult BlockBatcher::appendParts(Operation *op) {
  if (auto call = dyn_cast<array::CallOp>(op)) {
    Block &body = call.getBody().front();
    for (auto [argument, input] :
         llvm::zip(body.getArguments(), call.getInputs()))
      map(argument, values.lookup(input), withBatch.contains(input));
    if (failed(append(body)))
      return failure();
    for (auto [result, value] :
         llvm::zip(call.getResults(), body.getTerminator()->getOperands()))
      map(result, values.lookup(value), withBatch.contains(value));
    return success();
  }
  // The parts are built beside the operation, and taken away again.
  OpBuilder beside(op);
  Operation *before = op->getPrevNode();
  FailureOr<SmallVector<Value>> results = array::buildDecomposition(beside, op);
  SmallVector<Operation *> parts;
  for (Operation *part = before ? before->getNextNode()
                                : &op->getBlock()->front();
       part != op; part = part->getNextNode())
    parts.push_back(part);
  LogicalResult appended = success();
  for (Operation *part : parts)
    if (succeeded(results) && succeeded(appended))
      appended = append(part);
  if (succeeded(results) && succeeded(appended))
    for (auto [result, value] : llvm::zip(op->getResults(), *results))
      map(result, values.lookup(value), withBatch.contains(value));
  for (Operation *part : llvm::reverse(parts))
    part->erase();
  return failed(results) ? failure() : appended;
}

LogicalResult BlockBatcher::append(Operation *op) {
  SmallVector<Value> operands;
  SmallVector<bool> batched;
  for (Value operand : op->getOperands()) {
    operands.push_back(values.lookupOrDefault(operand));
    batched.push_back(withBatch.contains(operand));
  }
  if (!llvm::is_contained(batched, true)) {
    b.clone(*op, values);
    return success();
  }
  SmallVector<Value> results;
  if (auto cast = dyn_cast<tensor::CastOp>(op)) {
    auto type = mlir::cast<RankedTensorType>(cast.getType());
    SmallVector<int64_t> shape{
        mlir::cast<RankedTensorType>(operands[0].getType()).getDimSize(0)};
    llvm::append_range(shape, type.getShape());
    results.push_back(tensor::CastOp::create(b, op->getLoc(), type.clone(shape),
                                             operands[0]));
  } else if (auto batchable = dyn_cast<BatchableOpInterface>(op)) {
    FailureOr<SmallVector<Value>> made =
        batchable.buildBatched(b, operands, batched);
    if (failed(made))
      return failure();
    results = *made;
  } else if (isa<array::CallOp>(op) || array::isComposite(op)) {
    return appendParts(op);
  } else {
    return op->emitOpError("cannot be computed for a batch");
  }
  for (auto [result, value] : llvm::zip_equal(op->getResults(), results))
    map(result, value, true);
  return success();
}

FailureOr<Value> BlockBatcher::result(Value value, Value sample) {
  Value becomes = values.lookupOrDefault(value);
  if (withBatch.contains(value))
    return becomes;
  Value spread = array::spreadOverBatch(b, value.getLoc(), becomes, sample);
  if (!spread)
    return failure();
  return spread;
}

FailureOr<SmallVector<Value>> stepwell::buildBatch(OpBuilder &builder,
                                                   Block &block,
                                                   ValueRange inputs,
                                                   ArrayRef<bool> batched) {
  BlockBatcher batcher(builder);
  Value sample;
  for (auto [argument, input, has] :
       llvm::zip_equal(block.getArguments(), inputs, batched)) {
    batcher.map(argument, input, has);
    if (has && !sample)
      sample = input;
  }
  if (failed(batcher.append(block)))
    return failure();
  SmallVector<Value> results;
  for (Value value : block.getTerminator()->getOperands()) {
    FailureOr<Value> result = batcher.result(value, sample);
    if (failed(result))
      return failure();
    results.push_back(*result);
  }
  return results;
}
