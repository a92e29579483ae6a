//===- OpenShapes.cpp - Sizes along a block -------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Array/OpenShapes.h"

#include "stepwell/Array/Array.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace stepwell;
using rules::OpenShape;
using rules::OpenSize;
using Shapes = SmallVector<OpenShape>;

LogicalResult array::OpenShapes::run(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(readOperation(&op)))
      return failure();
  return success();
}

LogicalResult array::OpenShapes::readOperation(Operation *op) {
  Shapes operands, results;
  for (Value operand : op->getOperands())
    operands.push_back(get(operand));
  rules::SizeConditions needed;
  if (isa<tensor::CastOp>(op)) {
    results.push_back(operands[0]);
  } else if (op->getNumRegions()) {
    FailureOr<Shapes> made = readControlFlow(op, operands);
    if (failed(made))
      return failure();
    results = std::move(*made);
  } else if (op->getNumOperands() == 0 && op->getNumResults() == 1 &&
             cast<RankedTensorType>(op->getResult(0).getType())
                 .hasStaticShape()) {
    ArrayRef<int64_t> sizes =
        cast<RankedTensorType>(op->getResult(0).getType()).getShape();
    results.emplace_back(sizes.begin(), sizes.end());
  } else {
    ShapeInference inference = shapeInference(op);
    for (rules::ShapeRule rule : inference.rules) {
      std::optional<OpenShape> shape = rules::openShape(
          rule, {operands.data(), operands.size()}, inference.named(), needed);
      if (shape)
        results.push_back(std::move(*shape));
    }
  }
  if (results.size() != op->getNumResults())
    return op->emitError("the sizes of the results of '")
           << op->getName() << "' do not follow from its operands";
  for (const rules::SizeCondition &condition : needed)
    require(condition);
  for (auto [result, shape] : llvm::zip_equal(op->getResults(), results))
    shapes[result] = asTyped(shape, result.getType());
  return success();
}

FailureOr<Shapes> array::OpenShapes::runBlock(Region &region,
                                              ArrayRef<OpenShape> arguments) {
  Block &block = region.front();
  for (auto [argument, shape] :
       llvm::zip_equal(block.getArguments(), arguments))
    shapes[argument] = asTyped(shape, argument.getType());
  if (failed(run(block)))
    return failure();
  return llvm::map_to_vector(block.getTerminator()->getOperands(),
                             [&](Value value) { return get(value); });
}

FailureOr<Shapes>
array::OpenShapes::readControlFlow(Operation *op,
                                   ArrayRef<OpenShape> operands) {
  if (auto cond = dyn_cast<CondOp>(op)) {
    FailureOr<Shapes> then = runBlock(cond.getThen(), operands.drop_front()),
                      otherwise =
                          runBlock(cond.getOtherwise(), operands.drop_front());
    if (failed(then) || failed(otherwise))
      return failure();
    for (auto [found, expected] : llvm::zip_equal(*otherwise, *then))
      equal(found, expected);
    return then;
  }
  if (auto loop = dyn_cast<WhileOp>(op)) {
    FailureOr<Shapes> before = runBlock(loop.getBefore(), operands),
                      next = runBlock(loop.getBody(), operands);
    if (failed(before) || failed(next))
      return failure();
    Shapes carried(operands.take_front(next->size()));
    for (auto [found, expected] : llvm::zip_equal(*next, carried))
      equal(found, expected);
    return carried;
  }
  if (auto scan = dyn_cast<ScanOp>(op)) {
    size_t carried = scan.getInits().size(), inputs = scan.getInputs().size();
    Shapes arguments(operands);
    OpenSize count = operands[carried][0];
    for (OpenShape &input : MutableArrayRef(arguments).slice(carried, inputs)) {
      require({input[0], "==", count, 0});
      input.erase(input.begin());
    }
    FailureOr<Shapes> results = runBlock(scan.getBody(), arguments);
    if (failed(results))
      return failure();
    for (auto [i, shape] : llvm::enumerate(*results)) {
      if (i < carried) {
        equal(shape, operands[i]);
        shape = operands[i];
      } else {
        shape.insert(shape.begin(), count);
      }
    }
    return results;
  }
  return Shapes();
}

void array::OpenShapes::equal(const OpenShape &found,
                              const OpenShape &expected) {
  for (size_t i = 0; i < found.size() && i < expected.size(); ++i)
    if (found[i].postfix() != expected[i].postfix())
      require({found[i], "==", expected[i], static_cast<int64_t>(i)});
}

OpenShape array::OpenShapes::asTyped(const OpenShape &shape, Type type) {
  OpenShape typed;
  for (auto [i, size] :
       llvm::enumerate(cast<RankedTensorType>(type).getShape())) {
    if (ShapedType::isDynamic(size)) {
      typed.push_back(OpenSize::open(shape[i].postfix()));
      continue;
    }
    if (!shape[i].is(size))
      require({shape[i], "==", size, static_cast<int64_t>(i)});
    typed.emplace_back(size);
  }
  return typed;
}
