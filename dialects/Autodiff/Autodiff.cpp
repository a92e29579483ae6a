//===- Autodiff.cpp - Requests for derivatives ----------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Autodiff/Autodiff.h"
#include "stepwell/Registration.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace stepwell::autodiff;

#include "stepwell/Autodiff/AutodiffDialect.cpp.inc"

void AutodiffDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "stepwell/Autodiff/AutodiffOps.cpp.inc"
      >();
}

ValueRange VJPOp::getInputs() {
  return ValueRange(getValues()).take_front(getBody().getNumArguments());
}
ValueRange VJPOp::getSaved() {
  return ValueRange(getValues())
      .drop_front(getBody().getNumArguments())
      .drop_back(getCotangents().size());
}
ValueRange VJPOp::getCotangentValues() {
  return ValueRange(getValues()).take_back(getCotangents().size());
}

/// Strictly ascending and below `count`.
static LogicalResult verifyIndices(VJPOp op, StringRef name,
                                   ArrayRef<int64_t> indices, int64_t count,
                                   StringRef what) {
  int64_t previous = -1;
  for (int64_t index : indices) {
    if (index <= previous)
      return op.emitOpError("'") << name << "' must ascend";
    if (index >= count)
      return op.emitOpError("'")
             << name << "' lists " << index << ", but the body has " << count
             << " " << what;
    previous = index;
  }
  return success();
}

LogicalResult VJPOp::verify() {
  Block &block = getBody().front();
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield)
    return emitOpError("the body must end with 'autodiff.yield'");
  size_t inputs = block.getNumArguments(), results = yield.getNumOperands();
  if (failed(verifyIndices(*this, "cotangents", getCotangents(), results,
                           "results")) ||
      failed(verifyIndices(*this, "wrt", getWrt(), inputs, "inputs")))
    return failure();
  size_t expected = inputs + results + getCotangents().size();
  if (getValues().size() != expected)
    return emitOpError("has ")
           << getValues().size() << " operands, expected " << expected << ": "
           << inputs << " inputs, " << results << " results of the body and "
           << getCotangents().size() << " cotangents";
  auto check = [&](StringRef what, size_t index, Type type,
                   Type wanted) -> LogicalResult {
    if (type == wanted)
      return success();
    return emitOpError() << what << " " << index << " has type " << type
                         << ", expected " << wanted;
  };
  for (size_t i = 0; i < inputs; ++i)
    if (failed(check("input", i, getValues()[i].getType(),
                     block.getArgument(i).getType())))
      return failure();
  for (size_t i = 0; i < results; ++i)
    if (failed(check("result of the body", i, getSaved()[i].getType(),
                     yield.getOperand(i).getType())))
      return failure();
  for (auto [i, index] : llvm::enumerate(getCotangents()))
    if (failed(check("cotangent", i, getCotangentValues()[i].getType(),
                     yield.getOperand(index).getType())))
      return failure();
  if (getNumResults() != getWrt().size())
    return emitOpError("has ")
           << getNumResults() << " results, expected one for each of the "
           << getWrt().size() << " inputs in 'wrt'";
  for (auto [i, index] : llvm::enumerate(getWrt()))
    if (failed(check("gradient", i, getResult(i).getType(),
                     block.getArgument(index).getType())))
      return failure();
  return success();
}

#define GET_OP_CLASSES
#include "stepwell/Autodiff/AutodiffOps.cpp.inc"

static stepwell::RegisterPieces registration([](DialectRegistry &registry) {
  registry.insert<AutodiffDialect>();
});
