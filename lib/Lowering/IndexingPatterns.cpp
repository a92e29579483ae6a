//===- IndexingPatterns.cpp - Elements chosen by other tensors ------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ArrayPatterns.h"
#include "PatternSupport.h"

#include "stepwell/Array/Array.h"
#include "stepwell/Lowering/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;
using namespace stepwell;
using utils::IteratorType;

namespace {

/// An index's element as i64. `element` is what the dialect says.
Value wideIndex(OpBuilder &b, Location loc, Value stored, Type element) {
  Type i64 = b.getI64Type();
  if (stored.getType() == i64)
    return stored;
  if (element.isUnsignedInteger())
    return arith::ExtUIOp::create(b, loc, i64, stored);
  return arith::ExtSIOp::create(b, loc, i64, stored);
}

/// Reports an index that does not lie in [lowest, size): stepwell-lower-checks
/// makes an error of it. Returns whether there is one.
Value checkIndices(OpBuilder &b, Location loc, Value indices, Type element,
                   Value lowest, Value size, int64_t dim) {
  Type i64 = b.getI64Type();
  int64_t rank = tensorType(indices).getRank();
  auto none = RankedTensorType::get({}, i64);
  auto start = [&](int64_t value) {
    Value constant = arith::ConstantIntOp::create(b, loc, value, 64);
    return filled(b, loc, none, {}, constant);
  };
  Value inits[] = {start(INT64_MAX), start(INT64_MIN)};
  AffineMap scalar = AffineMap::get(rank, 0, {}, b.getContext());
  AffineMap maps[] = {b.getMultiDimIdentityMap(rank), scalar, scalar};
  SmallVector<IteratorType> iterators(rank, IteratorType::reduction);
  auto range = linalg::GenericOp::create(
      b, loc, TypeRange{none, none}, indices, inits, maps, iterators,
      [&](OpBuilder &b, Location loc, ValueRange args) {
        Value index = wideIndex(b, loc, args[0], element);
        Value least = arith::MinSIOp::create(b, loc, args[1], index);
        Value largest = arith::MaxSIOp::create(b, loc, args[2], index);
        linalg::YieldOp::create(b, loc, ValueRange{least, largest});
      });
  Value least = tensor::ExtractOp::create(b, loc, range.getResult(0));
  Value largest = tensor::ExtractOp::create(b, loc, range.getResult(1));
  using arith::CmpIPredicate;
  Value below =
      arith::CmpIOp::create(b, loc, CmpIPredicate::slt, least, lowest);
  Value beyond =
      arith::CmpIOp::create(b, loc, CmpIPredicate::sge, largest, size);
  Value bad = arith::OrIOp::create(b, loc, below, beyond);
  Value found = arith::SelectOp::create(b, loc, below, least, largest);
  Value where = arith::ConstantIntOp::create(b, loc, dim, 64);
  createIndexCheck(b, loc, bad, found, size, where);
  return bad;
}
/// The same for [0, size) of a dimension.
Value checkIndices(OpBuilder &b, Location loc, Value indices, Type element,
                   Value size, int64_t dim) {
  Value zero = arith::ConstantIntOp::create(b, loc, 0, 64);
  Value extent = arith::IndexCastOp::create(b, loc, b.getI64Type(), size);
  return checkIndices(b, loc, indices, element, zero, extent, dim);
}

/// `index` as a position, and whether it lies in [0, size).
std::pair<Value, Value> position(OpBuilder &b, Location loc, Value index,
                                 Value size) {
  Value at = arith::IndexCastOp::create(b, loc, b.getIndexType(), index);
  // A negative one is very large without its sign.
  Value fits =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, at, size);
  return {at, fits};
}

/// The element there, or 0 where there is none: the caller gets an error then.
Value readAt(OpBuilder &b, Location loc, Value tensor, ValueRange at,
             Value fits) {
  Type element = elementOf(tensor);
  auto branch = scf::IfOp::create(b, loc, element, fits, /*withElse=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  Value found = tensor::ExtractOp::create(b, loc, tensor, at);
  scf::YieldOp::create(b, loc, found);
  b.setInsertionPointToStart(branch.elseBlock());
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
  scf::YieldOp::create(b, loc, zero);
  return branch.getResult(0);
}

/// gather, index_select and pick: loops over the result, whose body reads the
/// input where `index` says.
template <typename Op> struct ReadPattern : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput(), index = adaptor.getIndex();
    Type indexElement = elementOf(op.getIndex());
    int64_t dim = op.getDim();
    RankedTensorType type = tensorType(op.getResult());
    int64_t rank = type.getRank(), indexRank = tensorType(index).getRank(),
            inputRank = tensorType(input).getRank();
    constexpr bool gathers = std::is_same_v<Op, array::GatherOp>;
    constexpr bool picks = std::is_same_v<Op, array::PickOp>;
    Value size = dimOf(b, loc, input, dim);
    checkIndices(b, loc, index, indexElement, size, dim);

    // Dimension `dim` of the input, in the result: as many as the index has,
    // but gather keeps the others' places.
    int64_t first = gathers || picks ? 0 : dim;
    SmallVector<AffineExpr> exprs;
    for (int64_t i = 0; i < indexRank; ++i)
      exprs.push_back(b.getAffineDimExpr(first + i));
    SmallVector<Value> sizes(rank);
    for (int64_t i = 0; i < rank; ++i) {
      if (!type.isDynamicDim(i))
        continue;
      if (gathers || picks)
        sizes[i] = dimOf(b, loc, index, i);
      else if (i >= dim && i < dim + indexRank)
        sizes[i] = dimOf(b, loc, index, i - dim);
      else
        sizes[i] = dimOf(b, loc, input, i < dim ? i : i - indexRank + 1);
    }
    Value init =
        emptyTensor(b, loc, type, sizes, storageType(type.getElementType()));
    AffineMap maps[] = {AffineMap::get(rank, 0, exprs, b.getContext()),
                        b.getMultiDimIdentityMap(rank)};
    b.replaceOpWithNewOp<linalg::GenericOp>(
        op, init.getType(), index, init, maps, parallel(rank),
        [&](OpBuilder &b, Location loc, ValueRange args) {
          Value wide = wideIndex(b, loc, args[0], indexElement);
          auto [at, fits] = position(b, loc, wide, size);
          SmallVector<Value> place;
          for (int64_t i = 0; i < inputRank; ++i) {
            int64_t from = i;
            if (i > dim && !gathers)
              from = picks ? i - 1 : i - 1 + indexRank;
            place.push_back(
                i == dim ? at : Value(linalg::IndexOp::create(b, loc, from)));
          }
          linalg::YieldOp::create(b, loc, readAt(b, loc, input, place, fits));
        });
    return success();
  }
};

/// scatter_add, index_add and index_copy: one element after the other, because
/// indices may be equal.
template <typename Op> struct WritePattern : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput(), index = adaptor.getIndex(),
          source = adaptor.getOperands()[2];
    Type indexElement = elementOf(op.getIndex());
    Type element = elementOf(op.getInput());
    int64_t dim = op.getDim();
    constexpr bool scatters = std::is_same_v<Op, array::ScatterAddOp>;
    constexpr bool adds = !std::is_same_v<Op, array::IndexCopyOp>;
    int64_t indexRank = tensorType(index).getRank();
    int64_t inputRank = tensorType(input).getRank();
    Value size = dimOf(b, loc, input, dim);
    Value bad = checkIndices(b, loc, index, indexElement, size, dim);

    SmallVector<Value> extents;
    int64_t loops = tensorType(scatters ? index : source).getRank();
    for (int64_t i = 0; i < loops; ++i)
      extents.push_back(dimOf(b, loc, scatters ? index : source, i));
    // An error leaves memory that is written in place as it was.
    if (!extents.empty()) {
      Value none = arith::ConstantIndexOp::create(b, loc, 0);
      extents[0] = arith::SelectOp::create(b, loc, bad, none, extents[0]);
    }
    Value result = carryLoops(
        b, loc, extents, input,
        [&](OpBuilder &b, Location loc, ValueRange loop, Value out) {
          SmallVector<Value> indexPlace(scatters ? loop
                                                 : loop.slice(dim, indexRank));
          Value stored = tensor::ExtractOp::create(b, loc, index, indexPlace);
          Value wide = wideIndex(b, loc, stored, indexElement);
          auto [at, fits] = position(b, loc, wide, size);
          SmallVector<Value> place;
          for (int64_t i = 0; i < inputRank; ++i) {
            int64_t from = i <= dim || scatters ? i : i - 1 + indexRank;
            place.push_back(i == dim ? at : loop[from]);
          }
          auto branch =
              scf::IfOp::create(b, loc, out.getType(), fits, /*withElse=*/true);
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(branch.thenBlock());
          Value value = tensor::ExtractOp::create(b, loc, source, loop);
          if (adds) {
            Value old = tensor::ExtractOp::create(b, loc, out, place);
            value = add(b, loc, old, value, element);
          }
          Value next = tensor::InsertOp::create(b, loc, value, out, place);
          scf::YieldOp::create(b, loc, next);
          b.setInsertionPointToStart(branch.elseBlock());
          scf::YieldOp::create(b, loc, out);
          return branch.getResult(0);
        });
    b.replaceOp(op, result);
    return success();
  }

  static Value add(OpBuilder &b, Location loc, Value old, Value value,
                   Type element) {
    Value x = loadElement(b, loc, old, element);
    Value y = loadElement(b, loc, value, element);
    Value sum;
    if (element.isInteger(1))
      sum = arith::OrIOp::create(b, loc, x, y);
    else if (isa<FloatType>(x.getType()))
      sum = arith::AddFOp::create(b, loc, x, y);
    else
      sum = arith::AddIOp::create(b, loc, x, y);
    return storeElement(b, loc, sum, element);
  }
};

struct WrapIndexPattern : OpConversionPattern<array::WrapIndexOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::WrapIndexOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    RankedTensorType type = tensorType(op.getResult());
    Type element = type.getElementType(), stored = elementOf(input);
    Value number = tensor::ExtractOp::create(b, loc, adaptor.getSize());
    Value size = wideIndex(b, loc, number, element);
    Value zero = arith::ConstantIntOp::create(b, loc, 0, 64);
    Value lowest = arith::SubIOp::create(b, loc, zero, size);
    checkIndices(b, loc, input, element, lowest, size, op.getDim());

    int64_t rank = type.getRank();
    Value init =
        emptyTensor(b, loc, type, sizesLike(b, loc, type, input), stored);
    AffineMap identity = b.getMultiDimIdentityMap(rank);
    b.replaceOpWithNewOp<linalg::GenericOp>(
        op, init.getType(), input, init, ArrayRef{identity, identity},
        parallel(rank), [&](OpBuilder &b, Location loc, ValueRange args) {
          Value index = wideIndex(b, loc, args[0], element);
          Value below = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                              index, zero);
          Value fromEnd = arith::AddIOp::create(b, loc, index, size);
          Value wrapped =
              arith::SelectOp::create(b, loc, below, fromEnd, index);
          if (wrapped.getType() != stored)
            wrapped = arith::TruncIOp::create(b, loc, stored, wrapped);
          linalg::YieldOp::create(b, loc, wrapped);
        });
    return success();
  }
};

struct OneHotPattern : OpConversionPattern<array::OneHotOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::OneHotOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Type element = elementOf(op.getInput());
    if (!isa<IntegerType>(element) || element.isInteger(1))
      return op.emitError("class numbers are integers");
    RankedTensorType type = tensorType(op.getResult());
    int64_t rank = type.getRank();
    SmallVector<Value> sizes(rank);
    for (int64_t i = 0; i + 1 < rank; ++i)
      if (type.isDynamicDim(i))
        sizes[i] = dimOf(b, loc, input, i);
    Value init = emptyTensor(b, loc, type, sizes, type.getElementType());
    AffineMap identity = b.getMultiDimIdentityMap(rank);
    AffineMap maps[] = {identity.dropResult(rank - 1), identity};
    b.replaceOpWithNewOp<linalg::GenericOp>(
        op, init.getType(), input, init, maps, parallel(rank),
        [&](OpBuilder &b, Location loc, ValueRange args) {
          Value wanted = wideIndex(b, loc, args[0], element);
          Value at = linalg::IndexOp::create(b, loc, rank - 1);
          Value here = arith::IndexCastOp::create(b, loc, b.getI64Type(), at);
          Value hit = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                            wanted, here);
          linalg::YieldOp::create(
              b, loc,
              arith::ExtUIOp::create(b, loc, b.getI64Type(), hit).getResult());
        });
    return success();
  }
};

} // namespace

void stepwell::populateIndexingPatterns(const TypeConverter &converter,
                                        RewritePatternSet &patterns) {
  patterns
      .add<WrapIndexPattern, OneHotPattern, ReadPattern<array::GatherOp>,
           ReadPattern<array::IndexSelectOp>, ReadPattern<array::PickOp>,
           WritePattern<array::IndexAddOp>, WritePattern<array::IndexCopyOp>,
           WritePattern<array::ScatterAddOp>>(converter, patterns.getContext());
}
