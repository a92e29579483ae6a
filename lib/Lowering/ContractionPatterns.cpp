//===- ContractionPatterns.cpp - Sums of products -------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ArrayPatterns.h"
#include "PatternSupport.h"

#include "stepwell/Array/Array.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;
using namespace stepwell;
using utils::IteratorType;

namespace {

struct MatmulPattern : OpConversionPattern<array::MatmulOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(array::MatmulOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value lhs = adaptor.getInput(), rhs = adaptor.getOther();
    RankedTensorType type = tensorType(op.getResult());
    Type element = type.getElementType();
    if (element.isInteger(1))
      return op.emitError("a matrix product of bool is not defined");
    int64_t rank = type.getRank();

    SmallVector<Value> sizes(rank);
    auto take = [&](Value operand, int64_t dim, int64_t resultDim) {
      if (type.isDynamicDim(resultDim) && !sizes[resultDim] &&
          tensorType(operand).getDimSize(dim) != 1)
        sizes[resultDim] = dimOf(b, loc, operand, dim);
    };
    for (Value operand : {lhs, rhs}) {
      int64_t operandRank = tensorType(operand).getRank();
      for (int64_t i = 0; i < operandRank - 2; ++i)
        take(operand, i, rank - operandRank + i);
    }
    // A row or column count of 1 does not broadcast.
    if (type.isDynamicDim(rank - 2))
      sizes[rank - 2] = dimOf(b, loc, lhs, tensorType(lhs).getRank() - 2);
    if (type.isDynamicDim(rank - 1))
      sizes[rank - 1] = dimOf(b, loc, rhs, tensorType(rhs).getRank() - 1);

    Value init = zeros(b, loc, type, sizes);
    Value result;
    if (rank == 2) {
      result = linalg::MatmulOp::create(b, loc, init.getType(),
                                        ValueRange{lhs, rhs}, init)
                   .getResult(0);
    } else if (rank == 3 && sameBatch(lhs, rhs, type)) {
      result = linalg::BatchMatmulOp::create(b, loc, init.getType(),
                                             ValueRange{lhs, rhs}, init)
                   .getResult(0);
    } else {
      result = contraction(b, loc, lhs, rhs, init, element);
    }
    b.replaceOp(op, roundAccumulator(b, loc, result, type, sizes));
    return success();
  }

private:
  static bool sameBatch(Value lhs, Value rhs, RankedTensorType type) {
    return llvm::all_of(ArrayRef{lhs, rhs}, [&](Value operand) {
      RankedTensorType from = tensorType(operand);
      return from.getRank() == 3 &&
             (from.getDimSize(0) != 1 || type.getDimSize(0) == 1);
    });
  }

  /// Loops: the batch dimensions, m, n, k.
  static Value contraction(OpBuilder &b, Location loc, Value lhs, Value rhs,
                           Value init, Type element) {
    RankedTensorType type = tensorType(init);
    int64_t rank = type.getRank();
    AffineExpr m = b.getAffineDimExpr(rank - 2),
               n = b.getAffineDimExpr(rank - 1), k = b.getAffineDimExpr(rank);
    auto operandMap = [&](Value operand, AffineExpr row, AffineExpr column) {
      RankedTensorType from = tensorType(operand);
      int64_t offset = rank - from.getRank();
      SmallVector<AffineExpr> exprs;
      for (int64_t i = 0; i < from.getRank() - 2; ++i) {
        bool stays =
            from.getDimSize(i) == 1 && type.getDimSize(i + offset) != 1;
        exprs.push_back(stays ? b.getAffineConstantExpr(0)
                              : b.getAffineDimExpr(i + offset));
      }
      exprs.append({row, column});
      return AffineMap::get(rank + 1, 0, exprs, b.getContext());
    };
    AffineMap maps[] = {operandMap(lhs, m, k), operandMap(rhs, k, n),
                        b.getMultiDimIdentityMap(rank + 1).dropResult(rank)};
    auto iterators = parallel(rank);
    iterators.push_back(IteratorType::reduction);
    return linalg::GenericOp::create(
               b, loc, type, ValueRange{lhs, rhs}, init, maps, iterators,
               [&](OpBuilder &b, Location loc, ValueRange args) {
                 Value x = loadElement(b, loc, args[0], element);
                 Value y = loadElement(b, loc, args[1], element);
                 Value sum;
                 if (isa<FloatType>(x.getType())) {
                   Value product = arith::MulFOp::create(b, loc, x, y);
                   sum = arith::AddFOp::create(b, loc, args[2], product);
                 } else {
                   Value product = arith::MulIOp::create(b, loc, x, y);
                   sum = arith::AddIOp::create(b, loc, args[2], product);
                 }
                 linalg::YieldOp::create(b, loc, sum);
               })
        .getResult(0);
  }
};

} // namespace

void stepwell::populateContractionPatterns(const TypeConverter &converter,
                                           RewritePatternSet &patterns) {
  patterns.add<MatmulPattern>(converter, patterns.getContext());
}
