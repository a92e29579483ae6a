//===- ElementwisePatterns.cpp - Whatever has a scalar body ---------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ArrayPatterns.h"
#include "PatternSupport.h"

#include "stepwell/Array/Array.h"
#include "stepwell/Array/ScalarBodies.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;
using namespace stepwell;
using utils::IteratorType;

namespace {

/// Any operation with a `scalar` in its record.
struct ElementwisePattern : ConversionPattern {
  ElementwisePattern(const TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, ArrayRef<Value> operands,
                                ConversionPatternRewriter &b) const override {
    if (!array::isElementwise(op))
      return failure();
    Location loc = op->getLoc();
    RankedTensorType type = tensorType(op->getResult(0));
    int64_t rank = type.getRank();

    SmallVector<AffineMap> maps;
    SmallVector<Value> sizes(rank);
    for (Value operand : operands) {
      RankedTensorType from = tensorType(operand);
      maps.push_back(broadcastMap(from, type));
      int64_t offset = rank - from.getRank();
      for (int64_t i = 0; i < from.getRank(); ++i)
        if (!sizes[i + offset] && from.getDimSize(i) != 1 &&
            type.isDynamicDim(i + offset))
          sizes[i + offset] = dimOf(b, loc, operand, i);
    }
    maps.push_back(b.getMultiDimIdentityMap(rank));

    Type to = type.getElementType();
    Value init = emptyTensor(b, loc, type, sizes, storageType(to));
    // A cast converts what is stored; everything else computes in the compute
    // type.
    bool isCast = isa<array::CastOp>(op);
    bool accepted = true;
    auto generic = linalg::GenericOp::create(
        b, loc, init.getType(), operands, init, maps, parallel(rank),
        [&](OpBuilder &b, Location loc, ValueRange args) {
          SmallVector<Value> elements;
          for (auto [arg, operand] :
               llvm::zip(args, op->getOperands())) { // the init is left out
            Type element = elementOf(operand);
            bool asStored = isCast && isa<FloatType>(element);
            elements.push_back(asStored ? arg
                                        : loadElement(b, loc, arg, element));
          }
          Value result = array::buildScalarBody(b, loc, op, elements);
          accepted = bool(result);
          linalg::YieldOp::create(b, loc,
                                  accepted ? storeElement(b, loc, result, to)
                                           : args.back());
        });
    if (!accepted)
      return op->emitError("not defined for elements of type ")
             << elementOf(op->getOperands().back());
    b.replaceOp(op, generic);
    return success();
  }
};

} // namespace

void stepwell::populateElementwisePatterns(const TypeConverter &converter,
                                           RewritePatternSet &patterns) {
  patterns.add<ElementwisePattern>(converter, patterns.getContext());
}
