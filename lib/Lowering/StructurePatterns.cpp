//===- StructurePatterns.cpp - Elements moved or made ---------------------===//
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

struct ConstantPattern : OpConversionPattern<array::ConstantOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::ConstantOp op, OpAdaptor,
                                ConversionPatternRewriter &b) const override {
    TypedAttr value = op.getValue();
    Type element = elementOf(op), storage = storageType(element);
    if (storage != element) {
      auto dense = dyn_cast<DenseIntElementsAttr>(value);
      if (!dense)
        return op.emitError("expected dense elements");
      value = dense.mapValues(
          storage, [&](const APInt &bits) { return bits.zextOrTrunc(8); });
    }
    b.replaceOpWithNewOp<arith::ConstantOp>(op, value.getType(), value);
    return success();
  }
};

struct TransposePattern : OpConversionPattern<array::TransposeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::TransposeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    RankedTensorType type = tensorType(op.getResult());
    SmallVector<AffineExpr> exprs(type.getRank());
    SmallVector<Value> sizes(type.getRank());
    for (auto [i, from] : llvm::enumerate(op.getPermutation())) {
      exprs[from] = b.getAffineDimExpr(i);
      if (type.isDynamicDim(i))
        sizes[i] = dimOf(b, loc, input, from);
    }
    auto map = AffineMap::get(type.getRank(), 0, exprs, b.getContext());
    b.replaceOp(op, moveElements(b, loc, input, map, type, sizes));
    return success();
  }
};

struct BroadcastLikePattern : OpConversionPattern<array::BroadcastLikeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::BroadcastLikeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput(), like = adaptor.getLike();
    RankedTensorType type = tensorType(op.getResult());
    RankedTensorType from = tensorType(input);
    int64_t rank = type.getRank();
    SmallVector<Value> sizes = sizesLike(b, loc, type, like);
    AffineMap map;
    if (op.getKeepdim()) {
      map = broadcastMap(from, type);
    } else {
      SmallVector<AffineExpr> exprs;
      for (int64_t i = 0; i < rank; ++i)
        if (!llvm::is_contained(op.getDims(), i)) {
          bool stays =
              from.getDimSize(exprs.size()) == 1 && type.getDimSize(i) != 1;
          exprs.push_back(stays ? b.getAffineConstantExpr(0)
                                : b.getAffineDimExpr(i));
        }
      map = AffineMap::get(rank, 0, exprs, b.getContext());
    }
    b.replaceOp(op, moveElements(b, loc, input, map, type, sizes));
    return success();
  }
};

} // namespace

void stepwell::populateStructurePatterns(const TypeConverter &converter,
                                         RewritePatternSet &patterns) {
  patterns.add<ConstantPattern, TransposePattern, BroadcastLikePattern>(
      converter, patterns.getContext());
}
