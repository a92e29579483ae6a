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

/// Makes the program fail where a divisor is 0, unless nothing is divided.
void checkDivisor(OpBuilder &b, Location loc, Value divisor, Value result) {
  auto none = RankedTensorType::get({}, b.getI8Type());
  int64_t rank = tensorType(divisor).getRank();
  Value no = arith::ConstantIntOp::create(b, loc, 0, 8);
  AffineMap maps[] = {b.getMultiDimIdentityMap(rank),
                      AffineMap::get(rank, 0, {}, b.getContext())};
  SmallVector<IteratorType> iterators(rank, IteratorType::reduction);
  auto zeros = linalg::GenericOp::create(
      b, loc, TypeRange{none}, divisor, filled(b, loc, none, {}, no), maps,
      iterators, [&](OpBuilder &b, Location loc, ValueRange args) {
        Value zero = arith::ConstantIntOp::create(b, loc, args[0].getType(), 0);
        Value is = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                         args[0], zero);
        is = arith::ExtUIOp::create(b, loc, args[1].getType(), is);
        Value any = arith::OrIOp::create(b, loc, args[1], is);
        linalg::YieldOp::create(b, loc, any);
      });
  Value found = tensor::ExtractOp::create(b, loc, zeros.getResult(0));
  Value bad =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, found, no);
  RankedTensorType type = tensorType(result);
  Value nothing = arith::ConstantIndexOp::create(b, loc, 0);
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (type.isDynamicDim(i))
      bad = arith::AndIOp::create(
          b, loc, bad,
          arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne,
                                dimOf(b, loc, result, i), nothing));
  if (!llvm::is_contained(type.getShape(), 0))
    createDivisorCheck(b, loc, bad);
}

/// Any operation with a `scalar` in its record.
struct ElementwisePattern : ConversionPattern {
  ElementwisePattern(const TypeConverter &converter, MLIRContext *context,
                     bool checks)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), 1, context),
        checks(checks) {}

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
    if (checks)
      for (auto [i, operand] : llvm::enumerate(operands))
        if (array::mustNotBeZero(op, i))
          checkDivisor(b, loc, operand, init);
    b.replaceOp(op, generic);
    return success();
  }

  bool checks;
};

} // namespace

void stepwell::populateElementwisePatterns(const TypeConverter &converter,
                                           RewritePatternSet &patterns,
                                           const TargetInfo &info) {
  patterns.add<ElementwisePattern>(converter, patterns.getContext(),
                                   info.reportsErrors);
}
