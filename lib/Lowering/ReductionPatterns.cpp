//===- ReductionPatterns.cpp - Many elements to one -----------------------===//
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

/// `reduced` with a dimension of size 1 at each of `dims`.
Value keepDims(OpBuilder &b, Location loc, Value reduced, RankedTensorType type,
               ArrayRef<int64_t> dims, ArrayRef<Value> sizes) {
  SmallVector<OpFoldResult> outputSizes;
  for (auto [i, size] : llvm::enumerate(type.getShape()))
    outputSizes.push_back(ShapedType::isDynamic(size) ? OpFoldResult(sizes[i])
                                                      : b.getIndexAttr(size));
  // Each kept dimension takes the ones before it along, the last takes the
  // rest.
  SmallVector<ReassociationIndices> groups;
  ReassociationIndices group;
  for (int64_t i = 0; i < type.getRank(); ++i) {
    group.push_back(i);
    if (!llvm::is_contained(dims, i)) {
      groups.push_back(group);
      group.clear();
    }
  }
  if (!groups.empty())
    groups.back().append(group);
  auto stored = type.clone(elementOf(reduced));
  return tensor::ExpandShapeOp::create(b, loc, stored, reduced, groups,
                                       outputSizes);
}

struct SumPattern : OpConversionPattern<array::SumOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::SumOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    RankedTensorType from = tensorType(op.getInput());
    Type element = from.getElementType();
    if (element.isInteger(1))
      return op.emitError("bool is summed as i64: cast it before");

    auto iterators = parallel(from.getRank());
    SmallVector<AffineExpr> exprs;
    SmallVector<int64_t> shape;
    SmallVector<Value> sizes, keptSizes(from.getRank());
    for (int64_t i = 0; i < from.getRank(); ++i) {
      if (llvm::is_contained(op.getDims(), i)) {
        iterators[i] = IteratorType::reduction;
        continue;
      }
      exprs.push_back(b.getAffineDimExpr(i));
      shape.push_back(from.getDimSize(i));
      if (from.isDynamicDim(i))
        keptSizes[i] = dimOf(b, loc, input, i);
      sizes.push_back(keptSizes[i]);
    }
    auto reduced = RankedTensorType::get(shape, element);
    AffineMap maps[] = {
        b.getMultiDimIdentityMap(from.getRank()),
        AffineMap::get(from.getRank(), 0, exprs, b.getContext())};
    Value init = zeros(b, loc, reduced, sizes);
    Value sum =
        linalg::GenericOp::create(
            b, loc, init.getType(), input, init, maps, iterators,
            [&](OpBuilder &b, Location loc, ValueRange args) {
              Value value = loadElement(b, loc, args[0], element);
              Value total =
                  isa<FloatType>(value.getType())
                      ? Value(arith::AddFOp::create(b, loc, args[1], value))
                      : Value(arith::AddIOp::create(b, loc, args[1], value));
              linalg::YieldOp::create(b, loc, total);
            })
            .getResult(0);
    sum = roundAccumulator(b, loc, sum, reduced, sizes);
    if (op.getKeepdim())
      sum = keepDims(b, loc, sum, tensorType(op.getResult()), op.getDims(),
                     keptSizes);
    b.replaceOp(op, sum);
    return success();
  }
};

} // namespace

void stepwell::populateReductionPatterns(const TypeConverter &converter,
                                         RewritePatternSet &patterns) {
  patterns.add<SumPattern>(converter, patterns.getContext());
}
