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

/// What a reduction keeps of its input: the loops, and the sizes of the result.
struct ReductionLoops {
  SmallVector<IteratorType> iterators;
  AffineMap map; // of the results that lost their dimensions
  SmallVector<int64_t> shape;
  SmallVector<Value> sizes, keptSizes;

  ReductionLoops(OpBuilder &b, Location loc, Value input,
                 ArrayRef<int64_t> dims) {
    RankedTensorType from = tensorType(input);
    iterators = parallel(from.getRank());
    keptSizes.resize(from.getRank());
    SmallVector<AffineExpr> exprs;
    for (int64_t i = 0; i < from.getRank(); ++i) {
      if (llvm::is_contained(dims, i)) {
        iterators[i] = IteratorType::reduction;
        continue;
      }
      exprs.push_back(b.getAffineDimExpr(i));
      shape.push_back(from.getDimSize(i));
      if (from.isDynamicDim(i))
        keptSizes[i] = dimOf(b, loc, input, i);
      sizes.push_back(keptSizes[i]);
    }
    map = AffineMap::get(from.getRank(), 0, exprs, b.getContext());
  }
};

/// The largest or the smallest value of an element type.
TypedAttr bound(OpBuilder &b, Type element, bool isUnsigned, bool largest) {
  if (auto type = dyn_cast<FloatType>(element))
    return b.getFloatAttr(type,
                          APFloat::getInf(type.getFloatSemantics(), !largest));
  unsigned bits = element.getIntOrFloatBitWidth();
  if (largest)
    return b.getIntegerAttr(element, isUnsigned
                                         ? APInt::getMaxValue(bits)
                                         : APInt::getSignedMaxValue(bits));
  return b.getIntegerAttr(element, isUnsigned ? APInt::getMinValue(bits)
                                              : APInt::getSignedMinValue(bits));
}

/// What two elements become, and what is there before the first. Bool is
/// reduced as it is stored, a byte.
struct Combiner {
  TypedAttr start;
  std::function<Value(OpBuilder &, Location, Value, Value)> combine;
};

template <typename FloatOp, typename IntOp, typename UnsignedOp = IntOp>
Value combineWith(OpBuilder &b, Location loc, Value x, Value y,
                  bool isUnsigned) {
  if (isa<FloatType>(x.getType()))
    return FloatOp::create(b, loc, x, y);
  if (isUnsigned)
    return UnsignedOp::create(b, loc, x, y);
  return IntOp::create(b, loc, x, y);
}

/// `element` is what the dialect says, `compute` what the accumulator is.
Combiner combinerOf(Operation *op, OpBuilder &b, Type element, Type compute) {
  bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
  auto number = [&](double value) -> TypedAttr {
    if (auto type = dyn_cast<FloatType>(compute))
      return b.getFloatAttr(type, value);
    return b.getIntegerAttr(compute, static_cast<int64_t>(value));
  };
  auto with = [&](auto combine) {
    return [combine, isUnsigned](OpBuilder &b, Location loc, Value x, Value y) {
      return combine(b, loc, x, y, isUnsigned);
    };
  };
  using namespace arith;
  if (isa<array::SumOp>(op))
    return {number(0), with(combineWith<AddFOp, AddIOp>)};
  if (isa<array::ProdOp>(op))
    return {number(1), with(combineWith<MulFOp, MulIOp>)};
  if (isa<array::AllOp>(op))
    return {number(1), with(combineWith<MinimumFOp, MinUIOp>)};
  if (isa<array::AnyOp>(op))
    return {number(0), with(combineWith<AddFOp, OrIOp>)};
  if (isa<array::AmaxOp>(op))
    return {bound(b, compute, isUnsigned, /*largest=*/false),
            with(combineWith<MaximumFOp, MaxSIOp, MaxUIOp>)};
  assert(isa<array::AminOp>(op) && "a reduction without a combiner");
  if (element.isInteger(1))
    return {number(1), with(combineWith<MinimumFOp, MinUIOp>)};
  return {bound(b, compute, isUnsigned, /*largest=*/true),
          with(combineWith<MinimumFOp, MinSIOp, MinUIOp>)};
}

template <typename Op> struct ReductionPattern : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Type element = tensorType(op.getInput()).getElementType();
    constexpr bool arithmetic =
        std::is_same_v<Op, array::SumOp> || std::is_same_v<Op, array::ProdOp>;
    if (arithmetic && element.isInteger(1))
      return op.emitError("bool is reduced as i64: cast it before");
    constexpr bool logical =
        std::is_same_v<Op, array::AllOp> || std::is_same_v<Op, array::AnyOp>;
    if (logical && !element.isInteger(1))
      return op.emitError("reduces bool: cast the input before");

    constexpr bool least =
        std::is_same_v<Op, array::AllOp> || std::is_same_v<Op, array::AminOp>;

    ReductionLoops loops(b, loc, input, op.getDims());
    Type compute =
        element.isInteger(1) ? storageType(element) : computeType(element);
    Combiner combiner = combinerOf(op, b, element, compute);
    auto reduced = RankedTensorType::get(loops.shape, element);
    Value start = arith::ConstantOp::create(b, loc, combiner.start);
    Value init = filled(b, loc, reduced, loops.sizes, start);
    AffineMap maps[] = {b.getMultiDimIdentityMap(loops.iterators.size()),
                        loops.map};
    Value result =
        linalg::GenericOp::create(
            b, loc, init.getType(), input, init, maps, loops.iterators,
            [&](OpBuilder &b, Location loc, ValueRange args) {
              // The least of 1 and any bytes is 0 or 1.
              Value value = least && element.isInteger(1)
                                ? args[0]
                                : loadCompared(b, loc, args[0], element);
              linalg::YieldOp::create(b, loc,
                                      combiner.combine(b, loc, args[1], value));
            })
            .getResult(0);
    result = roundAccumulator(b, loc, result, reduced, loops.sizes);
    if (op.getKeepdim())
      result = keepDims(b, loc, result, tensorType(op.getResult()),
                        op.getDims(), loops.keptSizes);
    b.replaceOp(op, result);
    return success();
  }
};

/// argmax and argmin: the best element so far, and where it lies.
template <typename Op> struct PositionPattern : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Type element = tensorType(op.getInput()).getElementType();
    bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
    constexpr bool largest = std::is_same_v<Op, array::ArgmaxOp>;
    ReductionLoops loops(b, loc, input, op.getDims());
    Type compute =
        element.isInteger(1) ? storageType(element) : computeType(element);
    Type i64 = b.getI64Type();
    auto best = RankedTensorType::get(loops.shape, compute);
    auto place = RankedTensorType::get(loops.shape, i64);
    Value worst = arith::ConstantOp::create(
        b, loc, bound(b, compute, isUnsigned, !largest));
    Value zero = arith::ConstantIntOp::create(b, loc, 0, 64);
    SmallVector<Value> inits{filled(b, loc, best, loops.sizes, worst),
                             filled(b, loc, place, loops.sizes, zero)};
    // Sizes that count a position: all reduced ones but the first.
    SmallVector<Value> extents;
    for (int64_t dim : op.getDims())
      extents.push_back(dimOf(b, loc, input, dim));
    AffineMap maps[] = {b.getMultiDimIdentityMap(loops.iterators.size()),
                        loops.map, loops.map};
    auto generic = linalg::GenericOp::create(
        b, loc, TypeRange{inits[0].getType(), inits[1].getType()}, input, inits,
        maps, loops.iterators,
        [&](OpBuilder &b, Location loc, ValueRange args) {
          Value value = loadCompared(b, loc, args[0], element);
          Value at;
          for (auto [dim, extent] : llvm::zip(op.getDims(), extents)) {
            Value index = linalg::IndexOp::create(b, loc, dim);
            at = at ? arith::AddIOp::create(
                          b, loc, arith::MulIOp::create(b, loc, at, extent),
                          index)
                          .getResult()
                    : index;
          }
          Value position =
              at ? arith::IndexCastOp::create(b, loc, i64, at).getResult()
                 : zero;
          Value better = isBetter(b, loc, value, args[1], isUnsigned);
          Value kept = arith::SelectOp::create(b, loc, better, value, args[1]);
          Value where =
              arith::SelectOp::create(b, loc, better, position, args[2]);
          linalg::YieldOp::create(b, loc, ValueRange{kept, where});
        });
    Value result = generic.getResult(1);
    if (op.getKeepdim())
      result = keepDims(b, loc, result, tensorType(op.getResult()),
                        op.getDims(), loops.keptSizes);
    b.replaceOp(op, result);
    return success();
  }

  /// The first of equal ones stays; a NaN beats every number.
  static Value isBetter(OpBuilder &b, Location loc, Value value, Value best,
                        bool isUnsigned) {
    constexpr bool largest = std::is_same_v<Op, array::ArgmaxOp>;
    if (!isa<FloatType>(value.getType())) {
      using arith::CmpIPredicate;
      CmpIPredicate predicate =
          isUnsigned ? (largest ? CmpIPredicate::ugt : CmpIPredicate::ult)
                     : (largest ? CmpIPredicate::sgt : CmpIPredicate::slt);
      return arith::CmpIOp::create(b, loc, predicate, value, best);
    }
    using arith::CmpFPredicate;
    Value beats = arith::CmpFOp::create(
        b, loc, largest ? CmpFPredicate::OGT : CmpFPredicate::OLT, value, best);
    Value isNaN =
        arith::CmpFOp::create(b, loc, CmpFPredicate::UNO, value, value);
    Value number =
        arith::CmpFOp::create(b, loc, CmpFPredicate::ORD, best, best);
    Value firstNaN = arith::AndIOp::create(b, loc, isNaN, number);
    return arith::OrIOp::create(b, loc, beats, firstNaN);
  }
};

struct CountPattern : OpConversionPattern<array::CountOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::CountOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value count = arith::ConstantIndexOp::create(b, loc, 1);
    for (int64_t dim : op.getDims())
      count = arith::MulIOp::create(b, loc, count,
                                    dimOf(b, loc, adaptor.getInput(), dim));
    Type element = elementOf(op);
    Value number = arith::IndexCastOp::create(b, loc, b.getI64Type(), count);
    Value value = fromInteger(b, loc, number, element);
    auto type = RankedTensorType::get({}, value.getType());
    b.replaceOpWithNewOp<tensor::FromElementsOp>(op, type, value);
    return success();
  }
};

} // namespace

void stepwell::populateReductionPatterns(const TypeConverter &converter,
                                         RewritePatternSet &patterns) {
  patterns.add<ReductionPattern<array::AllOp>, ReductionPattern<array::AmaxOp>,
               ReductionPattern<array::AminOp>, ReductionPattern<array::AnyOp>,
               ReductionPattern<array::ProdOp>, ReductionPattern<array::SumOp>,
               PositionPattern<array::ArgmaxOp>,
               PositionPattern<array::ArgminOp>, CountPattern>(
      converter, patterns.getContext());
}
