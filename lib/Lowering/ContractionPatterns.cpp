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

Value multiply(OpBuilder &b, Location loc, ValueRange args, Type element) {
  Value x = loadElement(b, loc, args[0], element);
  Value y = loadElement(b, loc, args[1], element);
  if (isa<FloatType>(x.getType()))
    return arith::MulFOp::create(b, loc, x, y);
  return arith::MulIOp::create(b, loc, x, y);
}

/// The body of a contraction: the old sum and a product.
void addProduct(OpBuilder &b, Location loc, ValueRange args, Type element) {
  Value product = multiply(b, loc, args, element);
  Value sum = isa<FloatType>(product.getType())
                  ? Value(arith::AddFOp::create(b, loc, args[2], product))
                  : Value(arith::AddIOp::create(b, loc, args[2], product));
  linalg::YieldOp::create(b, loc, sum);
}

struct MatmulPattern : OpConversionPattern<array::MatmulOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(array::MatmulOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value lhs = adaptor.getInput(), rhs = adaptor.getOther();
    RankedTensorType type = tensorType(op.getResult());
    Type element = type.getElementType();
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
    // No named operation: a transposed operand is to become a map, not a copy.
    Value result = contraction(b, loc, lhs, rhs, init, element);
    b.replaceOp(op, roundAccumulator(b, loc, result, type, sizes));
    return success();
  }

private:
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
                 addProduct(b, loc, args, element);
               })
        .getResult(0);
  }
};

/// One loop of a contraction: the dimensions of each operand that it runs over,
/// several where they lie side by side and are merged.
struct ContractionLoop {
  SmallVector<int64_t> dims[2];
};

bool sideBySide(ArrayRef<int64_t> dims) {
  for (size_t i = 1; i < dims.size(); ++i)
    if (dims[i] != dims[i - 1] + 1)
      return false;
  return true;
}

/// The loops over pairs of dimensions, one list per operand, or over dimensions
/// of one operand, the other list being empty.
void addLoops(ArrayRef<int64_t> ofInput, ArrayRef<int64_t> ofOther, bool merge,
              SmallVectorImpl<ContractionLoop> &loops) {
  size_t count = std::max(ofInput.size(), ofOther.size());
  if (!count)
    return;
  if (merge && sideBySide(ofInput) && sideBySide(ofOther)) {
    loops.push_back({{llvm::to_vector(ofInput), llvm::to_vector(ofOther)}});
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    ContractionLoop &loop = loops.emplace_back();
    if (!ofInput.empty())
      loop.dims[0] = {ofInput[i]};
    if (!ofOther.empty())
      loop.dims[1] = {ofOther[i]};
  }
}

/// An operand with one dimension per loop, and how the loops read it.
std::pair<Value, AffineMap> mergeDims(OpBuilder &b, Location loc, Value operand,
                                      ArrayRef<ContractionLoop> loops,
                                      int side) {
  SmallVector<int64_t> order;
  for (auto [i, loop] : llvm::enumerate(loops))
    if (!loop.dims[side].empty())
      order.push_back(static_cast<int64_t>(i));
  llvm::sort(order, [&](int64_t x, int64_t y) {
    return loops[x].dims[side].front() < loops[y].dims[side].front();
  });
  SmallVector<ReassociationIndices> parts;
  SmallVector<AffineExpr> exprs;
  for (int64_t loop : order) {
    ArrayRef<int64_t> dims = loops[loop].dims[side];
    parts.emplace_back(dims.begin(), dims.end());
    exprs.push_back(b.getAffineDimExpr(loop));
  }
  if (static_cast<int64_t>(parts.size()) != tensorType(operand).getRank())
    operand = tensor::CollapseShapeOp::create(b, loc, operand, parts);
  return {operand, AffineMap::get(loops.size(), 0, exprs, b.getContext())};
}

/// Loops over the batch, the free dimensions of both and the contracted ones;
/// those that lie side by side are merged, nothing is transposed.
struct DotGeneralPattern : OpConversionPattern<array::DotGeneralOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(array::DotGeneralOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value inputs[] = {adaptor.getInput(), adaptor.getOther()};
    ArrayRef<int64_t> batch[] = {op.getInputBatch(), op.getOtherBatch()};
    ArrayRef<int64_t> contract[] = {op.getInputContract(),
                                    op.getOtherContract()};
    RankedTensorType type = tensorType(op.getResult());
    Type element = type.getElementType();

    // Where each dimension of the result comes from.
    SmallVector<Value> sizes;
    auto addSize = [&](int side, int64_t dim) {
      bool dynamic = type.isDynamicDim(sizes.size());
      sizes.push_back(dynamic ? dimOf(b, loc, inputs[side], dim) : Value());
    };
    for (int64_t dim : batch[0])
      addSize(0, dim);
    SmallVector<int64_t> free[2];
    for (int side : {0, 1})
      for (int64_t dim = 0; dim < tensorType(inputs[side]).getRank(); ++dim)
        if (!llvm::is_contained(batch[side], dim) &&
            !llvm::is_contained(contract[side], dim)) {
          free[side].push_back(dim);
          addSize(side, dim);
        }

    // A merged dimension is taken apart again only where one size at most has
    // to be found out.
    SmallVector<ContractionLoop> loops;
    SmallVector<ReassociationIndices> parts;
    int64_t at = 0;
    auto addGroup = [&](ArrayRef<int64_t> ofInput, ArrayRef<int64_t> ofOther) {
      size_t count = std::max(ofInput.size(), ofOther.size()),
             first = loops.size();
      bool merge = llvm::count_if(type.getShape().slice(at, count),
                                  ShapedType::isDynamic) < 2;
      addLoops(ofInput, ofOther, merge, loops);
      for (size_t i = first; i < loops.size(); ++i) {
        ReassociationIndices &part = parts.emplace_back();
        for (size_t j = 0; j < count / (loops.size() - first); ++j)
          part.push_back(at++);
      }
    };
    addGroup(batch[0], batch[1]);
    addGroup(free[0], {});
    addGroup({}, free[1]);
    auto rank = static_cast<int64_t>(loops.size());
    // The order of the sum is free: let the input's dimensions be in theirs.
    SmallVector<std::pair<int64_t, int64_t>> pairs;
    for (auto [x, y] : llvm::zip_equal(contract[0], contract[1]))
      pairs.emplace_back(x, y);
    llvm::sort(pairs);
    SmallVector<int64_t> ofInput, ofOther;
    for (auto [x, y] : pairs) {
      ofInput.push_back(x);
      ofOther.push_back(y);
    }
    addLoops(ofInput, ofOther, /*merge=*/true, loops);

    auto [lhs, lhsMap] = mergeDims(b, loc, inputs[0], loops, 0);
    auto [rhs, rhsMap] = mergeDims(b, loc, inputs[1], loops, 1);
    SmallVector<int64_t> shape;
    SmallVector<Value> mergedSizes;
    for (auto [i, part] : llvm::enumerate(parts)) {
      int64_t size = 1;
      Value total;
      for (int64_t dim : part) {
        bool known = !type.isDynamicDim(dim) && !ShapedType::isDynamic(size);
        size = known ? size * type.getDimSize(dim) : ShapedType::kDynamic;
      }
      if (ShapedType::isDynamic(size))
        for (int64_t dim : part) {
          Value one = sizes[dim] ? sizes[dim]
                                 : Value(arith::ConstantIndexOp::create(
                                       b, loc, type.getDimSize(dim)));
          total =
              total ? Value(arith::MulIOp::create(b, loc, total, one)) : one;
        }
      shape.push_back(size);
      mergedSizes.push_back(total);
    }

    auto merged = RankedTensorType::get(shape, element);
    // Without a sum there is nothing to accumulate in.
    bool sums = !ofInput.empty();
    Value init =
        sums ? zeros(b, loc, merged, mergedSizes)
             : emptyTensor(b, loc, merged, mergedSizes, storageType(element));
    auto count = static_cast<int64_t>(loops.size());
    AffineMap maps[] = {lhsMap, rhsMap,
                        b.getMultiDimIdentityMap(count).dropResults(
                            llvm::to_vector(llvm::seq<int64_t>(rank, count)))};
    auto iterators = parallel(rank);
    iterators.resize(count, IteratorType::reduction);
    Value product =
        linalg::GenericOp::create(
            b, loc, init.getType(), ValueRange{lhs, rhs}, init, maps, iterators,
            [&](OpBuilder &b, Location loc, ValueRange args) {
              if (sums)
                return addProduct(b, loc, args, element);
              Value product = multiply(b, loc, args, element);
              linalg::YieldOp::create(b, loc,
                                      storeElement(b, loc, product, element));
            })
            .getResult(0);
    product = roundAccumulator(b, loc, product, merged, mergedSizes);
    if (rank != type.getRank()) {
      SmallVector<OpFoldResult> outputSizes;
      for (auto [i, size] : llvm::enumerate(type.getShape()))
        outputSizes.push_back(ShapedType::isDynamic(size)
                                  ? OpFoldResult(sizes[i])
                                  : b.getIndexAttr(size));
      auto stored = RankedTensorType::get(type.getShape(), elementOf(product));
      product = tensor::ExpandShapeOp::create(b, loc, stored, product, parts,
                                              outputSizes);
    }
    b.replaceOp(op, product);
    return success();
  }
};

} // namespace

void stepwell::populateContractionPatterns(const TypeConverter &converter,
                                           RewritePatternSet &patterns) {
  patterns.add<DotGeneralPattern, MatmulPattern>(converter,
                                                 patterns.getContext());
}
