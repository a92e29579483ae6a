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
#include "Windows.h"

#include "stepwell/Array/Array.h"
#include "stepwell/Array/Decomposition.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;
using namespace stepwell;
using utils::IteratorType;

namespace {

/// Queries in a block: several vectors on every target, and each element of a
/// key or a value that is packed for a product is used as often.
constexpr int64_t kQueries = 64;
/// Keys in a block: scores of f32 take half of a first-level cache.
constexpr int64_t kKeys = 128;
/// Elements that a block of queries and its results have at most: they lie on
/// the stack.
constexpr int64_t kHeadElements = 1 << 15;

/// Tiles of the operands of one attention.
class Attention {
public:
  Attention(OpBuilder &b, Location loc, ValueRange operands, Type element,
            Type maskElement, bool causal, double scale)
      : b(b), loc(loc), s(b, loc), query(operands[0]), key(operands[1]),
        value(operands[2]), mask(operands.size() > 3 ? operands[3] : Value()),
        element(element), wide(computeType(element)), maskElement(maskElement),
        causal(causal), scale(scale) {
    head = tensorType(query).getDimSize(3);
    width = tensorType(value).getDimSize(3);
    queries = kQueries;
    while (queries > 8 && queries * (head + width) > kHeadElements)
      queries /= 2;
  }

  Value run(RankedTensorType type) {
    SmallVector<OpFoldResult> sizes = s.of(query);
    OpFoldResult heads = sizes[1], length = sizes[2];
    sizes[3] = s.constant(width);
    OpFoldResult blocks =
        s.div(s.add(length, s.constant(queries - 1)), s.constant(queries));
    OpFoldResult count = s.mul(s.mul(sizes[0], heads), blocks);
    Shape shape = Shape::get(s, type, sizes);
    Value init =
        emptyTensor(b, loc, shape.type, shape.sizes, storageType(element));
    keys = s.of(key, 2);
    auto forall = scf::ForallOp::create(b, loc, ArrayRef<OpFoldResult>{count},
                                        init, /*mapping=*/{});
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(forall.getBody());
    OpFoldResult at = forall.getInductionVars()[0];
    OpFoldResult block = remainder(at, blocks);
    at = divide(at, blocks);
    place = {divide(at, heads), remainder(at, heads)};
    first = s.mul(block, s.constant(queries));
    here = piece(length, first, queries);
    Value out = forall.getRegionIterArgs()[0];
    OpFoldResult one = s.constant(1);
    SmallVector<OpFoldResult> offsets{place[0], place[1], first, s.constant(0)},
        extents{one, one, here, s.constant(width)}, steps(4, one);
    Value rows = window(out, first, here);
    rows = attend(rows);
    b.setInsertionPointToStart(forall.getTerminator().getBody());
    tensor::ParallelInsertSliceOp::create(b, loc, rows, out, offsets, extents,
                                          steps);
    return forall.getResult(0);
  }

private:
  using Body = llvm::function_ref<Value(OpBuilder &, Location, ValueRange)>;

  OpFoldResult divide(OpFoldResult x, OpFoldResult by) {
    if (isConstantIntValue(by, 1))
      return x;
    return arith::DivUIOp::create(b, loc, s.value(x), s.value(by)).getResult();
  }
  OpFoldResult remainder(OpFoldResult x, OpFoldResult by) {
    if (isConstantIntValue(by, 1))
      return s.constant(0);
    return arith::RemUIOp::create(b, loc, s.value(x), s.value(by)).getResult();
  }

  /// How many of `total` lie in the block of `size` that begins at `begin`.
  OpFoldResult piece(OpFoldResult total, OpFoldResult begin, int64_t size) {
    if (auto known = getConstantIntValue(total)) {
      if (*known % size == 0)
        return s.constant(size);
      if (*known < size)
        return total;
    }
    return arith::MinSIOp::create(b, loc, s.value(s.constant(size)),
                                  s.value(s.sub(total, begin)))
        .getResult();
  }

  /// Rows [begin, begin + count) of this block's head, as a matrix.
  Value window(Value tensor, OpFoldResult begin, OpFoldResult count,
               OpFoldResult column = {}, OpFoldResult columns = {}) {
    OpFoldResult one = s.constant(1);
    if (!columns) {
      column = s.constant(0);
      columns = s.of(tensor, 3);
    }
    SmallVector<OpFoldResult> offsets{place[0], place[1], begin, column},
        sizes{one, one, count, columns}, steps(4, one);
    auto type = RankedTensorType::get(
        {getConstantIntValue(count).value_or(ShapedType::kDynamic),
         getConstantIntValue(columns).value_or(ShapedType::kDynamic)},
        elementOf(tensor));
    return tensor::ExtractSliceOp::create(b, loc, type, tensor, offsets, sizes,
                                          steps);
  }

  /// Memory of its own: equal empty tensors would become one.
  Value buffer(ArrayRef<int64_t> sizes) {
    return bufferization::AllocTensorOp::create(
        b, loc, RankedTensorType::get(sizes, wide), ValueRange());
  }
  /// The first elements of a buffer of known size.
  Value scratch(ArrayRef<int64_t> most, ArrayRef<OpFoldResult> sizes) {
    return part(buffer(most), sizes);
  }
  Value part(Value whole, ArrayRef<OpFoldResult> sizes) {
    SmallVector<OpFoldResult> zeros(sizes.size(), s.constant(0)),
        ones(sizes.size(), s.constant(1));
    return tensor::ExtractSliceOp::create(b, loc, whole, zeros,
                                          llvm::to_vector(sizes), ones);
  }

  TypedAttr lowest() {
    return b.getFloatAttr(
        wide, llvm::APFloat::getInf(cast<FloatType>(wide).getFloatSemantics(),
                                    /*Negative=*/true));
  }
  Value constant(TypedAttr value) {
    return arith::ConstantOp::create(b, loc, value);
  }
  Value fill(TypedAttr with, Value to) {
    return linalg::FillOp::create(b, loc, constant(with), to).getResult(0);
  }

  /// One result, read through `maps`, the last of which is the result's.
  Value generic(ValueRange inputs, Value to, ArrayRef<AffineMap> maps,
                ArrayRef<IteratorType> iterators, Body body) {
    return linalg::GenericOp::create(
               b, loc, to.getType(), inputs, to, maps, iterators,
               [&](OpBuilder &b, Location loc, ValueRange args) {
                 linalg::YieldOp::create(b, loc, body(b, loc, args));
               })
        .getResult(0);
  }

  AffineMap map(unsigned loops, ArrayRef<unsigned> dims) {
    SmallVector<AffineExpr> exprs;
    for (unsigned dim : dims)
      exprs.push_back(b.getAffineDimExpr(dim));
    return AffineMap::get(loops, 0, exprs, b.getContext());
  }

  Value load(OpBuilder &b, Location loc, Value stored) {
    return loadElement(b, loc, stored, element);
  }

  /// f16 and bf16 are widened block by block.
  Value widened(Value matrix, Value to) {
    if (element == wide)
      return matrix;
    return generic(matrix, to, {map(2, {0, 1}), map(2, {0, 1})}, parallel(2),
                   [&](OpBuilder &b, Location loc, ValueRange args) {
                     return load(b, loc, args[0]);
                   });
  }

  Value attend(Value rows) {
    constexpr auto kParallel = IteratorType::parallel,
                   kReduction = IteratorType::reduction;
    AffineMap identity = map(1, {0}), square = map(2, {0, 1}),
              turned = map(2, {1, 0}), byRow = map(2, {0}),
              byColumn = map(2, {1});
    // Queries as columns, scaled.
    OpFoldResult heads = s.constant(head);
    Value number = constant(b.getFloatAttr(wide, scale));
    Value columns = scratch({head, queries}, {heads, here});
    columns = generic(
        window(query, first, here), columns, {turned, square}, parallel(2),
        [&](OpBuilder &b, Location loc, ValueRange args) {
          return arith::MulFOp::create(b, loc, load(b, loc, args[0]), number);
        });
    Value sums = rows;
    if (element != wide)
      sums = scratch({queries, width}, {here, s.constant(width)});
    Value allScores = buffer({kKeys, queries});
    Value before = scratch({queries}, here), factor = scratch({queries}, here);
    Value wideKeys, wideValues;
    if (element != wide) {
      wideKeys = buffer({kKeys, head});
      wideValues = buffer({kKeys, width});
    }
    TypedAttr zero = b.getFloatAttr(wide, 0);
    // A finite start: where all scores are -inf, the distances to it are, too.
    const llvm::fltSemantics &format =
        cast<FloatType>(wide).getFloatSemantics();
    TypedAttr smallest = b.getFloatAttr(
        wide, llvm::APFloat::getLargest(format, /*Negative=*/true));
    SmallVector<Value> state{fill(zero, sums),
                             fill(smallest, scratch({queries}, here)),
                             fill(zero, scratch({queries}, here))};

    // Later keys are left out as a whole.
    OpFoldResult end = keys;
    if (causal)
      end = arith::MinSIOp::create(b, loc, s.value(keys),
                                   s.value(s.add(first, here)))
                .getResult();
    auto loop = scf::ForOp::create(
        b, loc, s.value(s.constant(0)), s.value(end),
        s.value(s.constant(kKeys)), state,
        [&](OpBuilder &, Location, Value from, ValueRange carried) {
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToEnd(from.getParentBlock());
          Value sums = carried[0], most = carried[1], weights = carried[2];
          OpFoldResult many = piece(end, from, kKeys);
          auto narrow = [&](Value tensor, Value wideTile, int64_t columns) {
            Value tile = window(tensor, from, many);
            if (wideTile)
              tile = widened(tile, part(wideTile, {many, s.constant(columns)}));
            return tile;
          };
          Value scores = fill(zero, part(allScores, {many, here}));
          scores = linalg::MatmulOp::create(
                       b, loc, scores.getType(),
                       ValueRange{narrow(key, wideKeys, head), columns}, scores)
                       .getResult(0);
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
          sums =
              generic(ValueRange{scores, narrow(value, wideValues, width)},
                      sums, {map(3, {2, 0}), map(3, {2, 1}), map(3, {0, 1})},
                      {kParallel, kParallel, kReduction},
                      [](OpBuilder &b, Location loc, ValueRange args) {
                        Value product =
                            arith::MulFOp::create(b, loc, args[0], args[1]);
                        return arith::AddFOp::create(b, loc, args[2], product);
                      });
          scf::YieldOp::create(b, loc, ValueRange{sums, most, weights});
        });
    // A query that sees no key has no weights.
    return generic(
        ValueRange{loop.getResult(0), loop.getResult(2)},
        element == wide ? loop.getResult(0) : rows, {square, byRow, square},
        parallel(2), [&](OpBuilder &b, Location loc, ValueRange args) {
          Value zeroValue = arith::ConstantOp::create(b, loc, zero);
          Value one =
              arith::ConstantOp::create(b, loc, b.getFloatAttr(wide, 1));
          Value none = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ,
                                             args[1], zeroValue);
          Value total = arith::SelectOp::create(b, loc, none, one, args[1]);
          Value mean = arith::DivFOp::create(b, loc, args[0], total);
          return storeElement(b, loc, mean, element);
        });
  }

  Value weight(OpBuilder &b, Location loc, Value score, Value most) {
    Value distance = arith::SubFOp::create(b, loc, score, most);
    return math::ExpOp::create(b, loc, distance);
  }

  Value masked(Value scores, OpFoldResult from, OpFoldResult many) {
    AffineMap square = map(2, {0, 1}), turned = map(2, {1, 0});
    if (mask) {
      Value tile = window(mask, first, here, from, many);
      return generic(
          ValueRange{scores, tile}, scores, {square, turned, square},
          parallel(2), [&](OpBuilder &b, Location loc, ValueRange args) {
            Value given = loadElement(b, loc, args[1], maskElement);
            if (!maskElement.isInteger(1))
              return arith::AddFOp::create(b, loc, args[0], given).getResult();
            Value out = arith::ConstantOp::create(b, loc, lowest());
            return arith::SelectOp::create(b, loc, given, args[0], out)
                .getResult();
          });
    }
    if (!causal)
      return scores;
    // Blocks below the diagonal are seen as a whole.
    Value last = s.value(s.sub(s.add(from, many), s.constant(1)));
    Value crosses = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt,
                                          last, s.value(first));
    auto branch = scf::IfOp::create(b, loc, scores.getType(), crosses,
                                    /*withElse=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, loc, scores);
    b.setInsertionPointToStart(branch.thenBlock());
    Value ahead = s.value(s.sub(first, from));
    Value cut =
        generic(scores, scores, {square, square}, parallel(2),
                [&](OpBuilder &b, Location loc, ValueRange args) {
                  Value key = linalg::IndexOp::create(b, loc, 0);
                  Value query = linalg::IndexOp::create(b, loc, 1);
                  Value limit = arith::AddIOp::create(b, loc, query, ahead);
                  Value later = arith::CmpIOp::create(
                      b, loc, arith::CmpIPredicate::sgt, key, limit);
                  Value out = arith::ConstantOp::create(b, loc, lowest());
                  return arith::SelectOp::create(b, loc, later, out, args[0]);
                });
    scf::YieldOp::create(b, loc, cut);
    return branch.getResult(0);
  }

  OpBuilder &b;
  Location loc;
  SizeBuilder s;
  Value query, key, value, mask;
  Type element, wide, maskElement;
  bool causal;
  double scale;
  int64_t head, width, queries;
  OpFoldResult keys;
  // Of the block that is being built: its head, first query, and how many.
  SmallVector<OpFoldResult, 2> place;
  OpFoldResult first, here;
};

template <typename Op> struct AttentionPattern : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    if (!array::hasTiles(op))
      return op.emitError("attention in tiles needs heads of known size");
    Attention attention(b, op.getLoc(), adaptor.getOperands(),
                        elementOf(op.getResult()),
                        elementOf(op->getOperands().back()),
                        std::is_same_v<Op, array::CausalAttentionOp>,
                        op.getScale().convertToDouble());
    b.replaceOp(op, attention.run(tensorType(op.getResult())));
    return success();
  }
};

} // namespace

void stepwell::populateAttentionPatterns(const TypeConverter &converter,
                                         RewritePatternSet &patterns) {
  patterns.add<AttentionPattern<array::AttentionOp>,
               AttentionPattern<array::CausalAttentionOp>,
               AttentionPattern<array::MaskedAttentionOp>,
               AttentionPattern<array::BiasedAttentionOp>>(
      converter, patterns.getContext());
}
