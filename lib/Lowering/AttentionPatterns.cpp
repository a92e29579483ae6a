//===- AttentionPatterns.cpp - Attention in tiles -------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block of queries at a time meets the keys block by block, with the largest
// score so far, the sum of the weights and the weighted values, both relative
// to it. No more than one tile of scores exists. It is kept as (key, query), so
// that queries are the lanes of vectors in all that is done for each of them.
//===----------------------------------------------------------------------===//
#include "ArrayPatterns.h"
#include "AttentionTiles.h"

#include "stepwell/Array/Array.h"
#include "stepwell/Array/Decomposition.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;
using namespace stepwell;
using utils::IteratorType;

namespace {

/// One attention.
class Attention : AttentionTiles {
public:
  Attention(OpBuilder &b, Location loc, ValueRange operands, Type element,
            AttentionMask mask, double scale, const TargetInfo &info)
      : AttentionTiles(b, loc, element, mask), query(operands[0]),
        key(operands[1]), value(operands[2]), scale(scale),
        keyBlock(info.keyBlock) {
    head = tensorType(query).getDimSize(3);
    width = tensorType(value).getDimSize(3);
    queries = info.queryBlock;
    while (queries > 8 && queries * (head + width) > info.blockElements)
      queries /= 2;
  }

  /// The result and, where their types are given, the largest scores and the
  /// inverse sums of weights.
  SmallVector<Value> run(ArrayRef<RankedTensorType> types) {
    SmallVector<Size> sizes = s.of(query);
    Size heads = sizes[1], length = sizes[2];
    sizes[3] = s.constant(width);
    Size blocks =
        s.div(s.add(length, s.constant(queries - 1)), s.constant(queries));
    Size count = s.mul(s.mul(sizes[0], heads), blocks);
    SmallVector<Value> inits;
    for (RankedTensorType type : types) {
      Shape shape =
          Shape::get(s, type, ArrayRef(sizes).take_front(type.getRank()));
      Type stored = inits.empty() ? storageType(element) : wide;
      inits.push_back(emptyTensor(b, loc, shape.type, shape.sizes, stored));
    }
    keys = s.of(key, 2);
    auto forall = scf::ForallOp::create(b, loc, ArrayRef<Size>{count}, inits,
                                        /*mapping=*/{});
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(forall.getBody());
    Size at = forall.getInductionVars()[0];
    Size block = remainder(at, blocks);
    at = divide(at, blocks);
    place = {divide(at, heads), remainder(at, heads)};
    first = s.mul(block, s.constant(queries));
    here = piece(length, first, queries);
    SmallVector<Value> windows;
    for (Value out : forall.getRegionIterArgs())
      windows.push_back(window(out, first, here));
    SmallVector<Value> rows = attend(windows);
    b.setInsertionPointToStart(forall.getTerminator().getBody());
    for (auto [some, out] : llvm::zip(rows, forall.getRegionIterArgs()))
      insertWindow(some, out, first, here);
    return forall.getResults();
  }

private:
  SmallVector<Value> attend(ArrayRef<Value> rows) {
    constexpr auto kParallel = IteratorType::parallel,
                   kReduction = IteratorType::reduction;
    AffineMap identity = map(1, {0}), square = map(2, {0, 1}),
              turned = map(2, {1, 0}), byRow = map(2, {0}),
              byColumn = map(2, {1});
    // Queries as columns, scaled.
    Size heads = s.constant(head);
    Value by = number(scale);
    Value columns = scratch({head, queries}, {heads, here});
    columns = generic(
        window(query, first, here), columns, {turned, square}, parallel(2),
        [&](OpBuilder &b, Location loc, ValueRange args) {
          return arith::MulFOp::create(b, loc, load(b, loc, args[0]), by);
        });
    bool keeps = rows.size() > 1;
    Value sums = rows[0];
    if (element != wide)
      sums = scratch({queries, width}, {here, s.constant(width)});
    Value allScores = buffer({keyBlock, queries});
    Value before = scratch({queries}, here), factor = scratch({queries}, here);
    Value wideKeys, wideValues;
    if (element != wide) {
      wideKeys = buffer({keyBlock, head});
      wideValues = buffer({keyBlock, width});
    }
    // A finite start: where all scores are -inf, the distances to it are, too.
    const llvm::fltSemantics &format =
        cast<FloatType>(wide).getFloatSemantics();
    TypedAttr smallest = b.getFloatAttr(
        wide, llvm::APFloat::getLargest(format, /*Negative=*/true));
    SmallVector<Value> state{
        fillZero(sums),
        fill(smallest, keeps ? rows[1] : scratch({queries}, here)),
        fillZero(keeps ? rows[2] : scratch({queries}, here))};

    // Later keys are left out as a whole.
    Size end = keys;
    if (mask.causal)
      end = arith::MinSIOp::create(b, loc, s.value(keys),
                                   s.value(s.add(first, here)))
                .getResult();
    auto loop = scf::ForOp::create(
        b, loc, s.value(s.constant(0)), s.value(end),
        s.value(s.constant(keyBlock)), state,
        [&](OpBuilder &, Location, Value from, ValueRange carried) {
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToEnd(from.getParentBlock());
          Value sums = carried[0], most = carried[1], weights = carried[2];
          Size many = piece(end, from, keyBlock);
          auto narrow = [&](Value tensor, Value wideTile, int64_t columns) {
            Value tile = window(tensor, from, many);
            if (wideTile)
              tile = widened(tile, part(wideTile, {many, s.constant(columns)}));
            return tile;
          };
          Value scores = fillZero(part(allScores, {many, here}));
          scores = addProduct(narrow(key, wideKeys, head), columns, scores);
          scores = masked(scores, from, many);

          Value old = linalg::CopyOp::create(b, loc, most, before).getResult(0);
          most = generic(
              scores, most, {square, byColumn}, {kReduction, kParallel},
              [](OpBuilder &b, Location loc, ValueRange args) {
                // A NaN goes on through its weight.
                return arith::MaxNumFOp::create(b, loc, args[1], args[0]);
              });
          Value rescale = generic(
              ValueRange{old, most}, factor, {identity, identity, identity},
              {kParallel}, [&](OpBuilder &b, Location loc, ValueRange args) {
                return weight(b, loc, args[0], args[1]);
              });
          scores = generic(ValueRange{scores, most}, scores,
                           {square, byColumn, square}, parallel(2),
                           [&](OpBuilder &b, Location loc, ValueRange args) {
                             return weight(b, loc, args[0], args[1]);
                           });
          auto times = [](OpBuilder &b, Location loc, ValueRange args) {
            return arith::MulFOp::create(b, loc, args[0], args[1]).getResult();
          };
          weights = generic(ValueRange{weights, rescale}, weights,
                            {identity, identity, identity}, {kParallel}, times);
          weights = generic(
              scores, weights, {square, byColumn}, {kReduction, kParallel},
              [](OpBuilder &b, Location loc, ValueRange args) {
                return arith::AddFOp::create(b, loc, args[1], args[0]);
              });
          sums = generic(ValueRange{sums, rescale}, sums,
                         {square, byRow, square}, parallel(2), times);
          sums = addProduct(scores, narrow(value, wideValues, width), sums,
                            /*transposed=*/true);
          scf::YieldOp::create(b, loc, ValueRange{sums, most, weights});
        });
    // A query that sees no key has no weights.
    Value norm = generic(
        loop.getResult(2), loop.getResult(2), {identity, identity}, {kParallel},
        [&](OpBuilder &b, Location loc, ValueRange args) {
          Type type = args[0].getType();
          Value zero =
              arith::ConstantOp::create(b, loc, b.getFloatAttr(type, 0));
          Value one =
              arith::ConstantOp::create(b, loc, b.getFloatAttr(type, 1));
          Value none = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ,
                                             args[0], zero);
          Value inverse = arith::DivFOp::create(b, loc, one, args[0]);
          return arith::SelectOp::create(b, loc, none, zero, inverse)
              .getResult();
        });
    Value mean = generic(
        ValueRange{loop.getResult(0), norm},
        element == wide ? loop.getResult(0) : rows[0], {square, byRow, square},
        parallel(2), [&](OpBuilder &b, Location loc, ValueRange args) {
          Value mean = arith::MulFOp::create(b, loc, args[0], args[1]);
          return storeElement(b, loc, mean, element);
        });
    return {mean, loop.getResult(1), norm};
  }

  Value masked(Value scores, Size from, Size many) {
    if (mask.causal)
      return cutCausal(scores, Order::KeyQuery, first, from, many);
    if (!mask.tensor)
      return scores;
    auto [tile, read] = maskWindow(Order::KeyQuery, first, here, from, many);
    AffineMap square = map(2, {0, 1});
    return generic(ValueRange{scores, tile}, scores, {square, read, square},
                   parallel(2),
                   [&](OpBuilder &b, Location loc, ValueRange args) {
                     return maskedScore(b, loc, args[0], args[1]);
                   });
  }

  Value query, key, value;
  double scale;
  int64_t head, width, queries, keyBlock;
  Size keys;
  // Of the block that is being built: its first query, and how many.
  Size first, here;
};

template <typename Op> struct AttentionPattern : OpConversionPattern<Op> {
  AttentionPattern(const TypeConverter &converter, MLIRContext *context,
                   const TargetInfo &info)
      : OpConversionPattern<Op>(converter, context), info(info) {}
  TargetInfo info;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    if (!array::hasTiles(op))
      return op.emitError("attention in tiles needs heads of known size");
    ValueRange operands = adaptor.getOperands();
    AttentionMask mask;
    mask.causal = std::is_same_v<Op, array::CausalAttentionOp>;
    if (operands.size() > 3) {
      mask.tensor = operands[3];
      mask.element = elementOf(op->getOperand(3));
    }
    Attention attention(b, op.getLoc(), operands, elementOf(op.getResult()),
                        mask, op.getScale().convertToDouble(), info);
    SmallVector<RankedTensorType> types{tensorType(op.getResult())};
    if (!op.getLargest().use_empty() || !op.getNorm().use_empty()) {
      types.push_back(tensorType(op.getLargest()));
      types.push_back(tensorType(op.getNorm()));
    }
    SmallVector<Value> results = attention.run(types);
    results.resize(3);
    b.replaceOp(op, results);
    return success();
  }
};

} // namespace

void stepwell::populateAttentionPatterns(const TypeConverter &converter,
                                         RewritePatternSet &patterns,
                                         const TargetInfo &info) {
  patterns.add<AttentionPattern<array::AttentionOp>,
               AttentionPattern<array::CausalAttentionOp>,
               AttentionPattern<array::MaskedAttentionOp>,
               AttentionPattern<array::BiasedAttentionOp>>(
      converter, patterns.getContext(), info);
}
