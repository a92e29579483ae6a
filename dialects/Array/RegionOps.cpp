//===- RegionOps.cpp - Calls, branches and loops --------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Array/Array.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace stepwell::array;

static YieldOp yieldOf(Region &region) {
  return region.hasOneBlock() && !region.front().empty()
             ? dyn_cast<YieldOp>(region.front().back())
             : YieldOp();
}

/// The types of the block's arguments and of what it yields.
static LogicalResult verifyBlock(Operation *op, StringRef name, Region &region,
                                 TypeRange arguments, TypeRange results) {
  YieldOp yield = yieldOf(region);
  if (!yield)
    return op->emitOpError("'")
           << name << "' must be one block that ends with 'array.yield'";
  if (region.getArgumentTypes() != arguments)
    return op->emitOpError("'")
           << name << "' takes (" << region.getArgumentTypes()
           << "), expected (" << arguments << ")";
  if (results.empty() || yield.getOperandTypes() == results)
    return success();
  return op->emitOpError("'") << name << "' yields (" << yield.getOperandTypes()
                              << "), expected (" << results << ")";
}

LogicalResult CallOp::verify() {
  if (getNumResults() == 0)
    return emitOpError("has no result");
  if (failed(verifyBlock(*this, "body", getBody(), getInputs().getTypes(),
                         getResultTypes())))
    return failure();
  if (getVjp().empty())
    return getWrt().empty()
               ? success()
               : emitOpError("'wrt' lists inputs, but there is no 'vjp'");
  auto isFloat = [](Type type) {
    return isa<FloatType>(getElementTypeOrSelf(type));
  };
  SmallVector<Type> arguments(getInputs().getTypes());
  llvm::append_range(arguments, getResultTypes());
  llvm::copy_if(getResultTypes(), std::back_inserter(arguments), isFloat);
  if (failed(verifyBlock(*this, "vjp", getVjp(), arguments, {})))
    return failure();
  YieldOp yield = yieldOf(getVjp());
  if (yield.getNumOperands() != getWrt().size())
    return emitOpError("'vjp' yields ")
           << yield.getNumOperands()
           << " gradients, expected one for each of the " << getWrt().size()
           << " inputs in 'wrt'";
  int64_t previous = -1;
  for (auto [index, gradient] : llvm::zip(getWrt(), yield.getOperands())) {
    if (index <= previous || index >= static_cast<int64_t>(getInputs().size()))
      return emitOpError("'wrt' must list inputs, in ascending order");
    previous = index;
    Type input = getInputs()[index].getType();
    if (!isFloat(input))
      return emitOpError("input ")
             << index << " in 'wrt' has type " << input << ", and no gradient";
    if (getElementTypeOrSelf(gradient) != getElementTypeOrSelf(input))
      return emitOpError("the gradient of input ")
             << index << " has type " << gradient.getType()
             << ", expected elements of " << input;
  }
  return success();
}

LogicalResult CondOp::verify() {
  if (getNumResults() == 0)
    return emitOpError("has no result");
  TypeRange inputs = getInputs().getTypes();
  if (failed(verifyBlock(*this, "then", getThen(), inputs, getResultTypes())))
    return failure();
  return verifyBlock(*this, "else", getOtherwise(), inputs, getResultTypes());
}

/// The results that a loop carries begin as its first operands.
static LogicalResult verifyCarried(Operation *op, TypeRange inits) {
  if (op->getNumResults() < inits.size())
    return op->emitOpError("carries ") << inits.size() << " values and has "
                                       << op->getNumResults() << " results";
  for (auto [i, init] : llvm::enumerate(inits))
    if (op->getResult(i).getType() != init)
      return op->emitOpError("result ")
             << i << " has type " << op->getResult(i).getType()
             << ", but begins as " << init;
  return success();
}

LogicalResult WhileOp::verify() {
  if (getInits().empty())
    return emitOpError("carries no value");
  if (failed(verifyCarried(*this, getInits().getTypes())))
    return failure();
  if (getNumResults() != getInits().size())
    return emitOpError("carries ") << getInits().size() << " values and has "
                                   << getNumResults() << " results";
  TypeRange values = getOperandTypes();
  Type truth = RankedTensorType::get({}, IntegerType::get(getContext(), 1));
  if (failed(verifyBlock(*this, "before", getBefore(), values, truth)))
    return failure();
  return verifyBlock(*this, "body", getBody(), values, getResultTypes());
}

LogicalResult ScanOp::verify() {
  if (getInputs().empty())
    return emitOpError("goes over no tensor");
  if (getNumResults() == 0)
    return emitOpError("has no result");
  if (failed(verifyCarried(*this, getInits().getTypes())))
    return failure();
  SmallVector<Type> arguments(getInits().getTypes());
  int64_t count = ShapedType::kDynamic;
  auto agrees = [&](int64_t size) {
    if (ShapedType::isDynamic(count))
      count = size;
    return ShapedType::isDynamic(size) || size == count;
  };
  for (Value input : getInputs()) {
    auto type = cast<RankedTensorType>(input.getType());
    if (type.getRank() == 0)
      return emitOpError("goes over a tensor that has no dimension");
    if (!agrees(type.getDimSize(0)))
      return emitOpError("goes over ")
             << count << " and over " << type.getDimSize(0) << " pieces";
    arguments.push_back(RankedTensorType::get(type.getShape().drop_front(),
                                              type.getElementType()));
  }
  llvm::append_range(arguments, getReads().getTypes());
  SmallVector<Type> yielded(getInits().getTypes());
  for (Value result : getResults().drop_front(getInits().size())) {
    auto type = cast<RankedTensorType>(result.getType());
    if (type.getRank() == 0)
      return emitOpError("stacks pieces in a tensor that has no dimension");
    if (!agrees(type.getDimSize(0)))
      return emitOpError("stacks ")
             << type.getDimSize(0) << " pieces, expected " << count;
    yielded.push_back(RankedTensorType::get(type.getShape().drop_front(),
                                            type.getElementType()));
  }
  return verifyBlock(*this, "body", getBody(), arguments, yielded);
}
