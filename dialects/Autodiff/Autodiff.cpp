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
static LogicalResult verifyIndices(Operation *op, StringRef name,
                                   ArrayRef<int64_t> indices, int64_t count,
                                   StringRef what) {
  int64_t previous = -1;
  for (int64_t index : indices) {
    if (index <= previous)
      return op->emitOpError("'") << name << "' must ascend";
    if (index >= count)
      return op->emitOpError("'")
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

/// The type with a dimension of any size in front is another type.
static bool isBatchOf(Type type, Type element) {
  auto batch = cast<RankedTensorType>(type);
  auto one = cast<RankedTensorType>(element);
  return batch.getRank() == one.getRank() + 1 &&
         batch.getElementType() == one.getElementType() &&
         batch.getShape().drop_front() == one.getShape();
}

LogicalResult VMapOp::verify() {
  Block &block = getBody().front();
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield)
    return emitOpError("the body must end with 'autodiff.yield'");
  size_t inputs = block.getNumArguments();
  if (getInputs().size() != inputs)
    return emitOpError("has ")
           << getInputs().size() << " operands, expected one for each of the "
           << inputs << " inputs of the body";
  if (getBatched().empty())
    return emitOpError("needs an operand with a batch");
  if (failed(verifyIndices(*this, "batched", getBatched(), inputs, "inputs")))
    return failure();
  int64_t size = ShapedType::kDynamic;
  auto checkSize = [&](Type type) {
    int64_t own = cast<RankedTensorType>(type).getDimSize(0);
    bool fits = ShapedType::isDynamic(own) || ShapedType::isDynamic(size) ||
                own == size;
    if (!ShapedType::isDynamic(own))
      size = own;
    return fits;
  };
  for (size_t i = 0; i < inputs; ++i) {
    Type given = getInputs()[i].getType(), own = block.getArgument(i).getType();
    bool batched = llvm::is_contained(getBatched(), int64_t(i));
    if (batched ? !isBatchOf(given, own) : given != own)
      return emitOpError("input ")
             << i << " has type " << given << ", expected "
             << (batched ? "a batch of " : "") << own;
    if (batched && !checkSize(given))
      return emitOpError("input ") << i << " has a batch of another size";
  }
  if (getNumResults() != yield.getNumOperands())
    return emitOpError("has ")
           << getNumResults() << " results, expected one for each of the "
           << yield.getNumOperands() << " of the body";
  for (auto [i, result] : llvm::enumerate(getResults())) {
    Type own = yield.getOperand(i).getType();
    if (!isBatchOf(result.getType(), own))
      return emitOpError("result ") << i << " has type " << result.getType()
                                    << ", expected a batch of " << own;
    if (!checkSize(result.getType()))
      return emitOpError("result ") << i << " has a batch of another size";
  }
  return success();
}

#define GET_OP_CLASSES
#include "stepwell/Autodiff/AutodiffOps.cpp.inc"

static stepwell::RegisterPieces registration([](DialectRegistry &registry) {
  registry.insert<AutodiffDialect>();
});
