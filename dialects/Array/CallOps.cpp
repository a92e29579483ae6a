//===- CallOps.cpp - Functions that are called by name --------------------===//
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
static LogicalResult verifyBlock(CallOp op, StringRef name, Region &region,
                                 TypeRange arguments, TypeRange results) {
  YieldOp yield = yieldOf(region);
  if (!yield)
    return op.emitOpError("'")
           << name << "' must be one block that ends with 'array.yield'";
  if (region.getArgumentTypes() != arguments)
    return op.emitOpError("'")
           << name << "' takes (" << region.getArgumentTypes()
           << "), expected (" << arguments << ")";
  if (results.empty() || yield.getOperandTypes() == results)
    return success();
  return op.emitOpError("'") << name << "' yields (" << yield.getOperandTypes()
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
