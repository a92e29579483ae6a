//===- AttentionGradientPatterns.cpp - Attention's derivative in tiles ----===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block of keys at a time meets the queries block by block; their scores are
// computed again. No more than two tiles of scores exist, kept as
// (query, key): keys and values are turned once for all queries. The sums for a
// block of keys stay near, those for the queries are visited once per block of
// keys. A thread has whole heads: nothing is added up across threads.
//===----------------------------------------------------------------------===//
#include "ArrayPatterns.h"
#include "AttentionTiles.h"

#include "stepwell/Array/Array.h"
#include "stepwell/Array/Decomposition.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;
using namespace stepwell;

namespace {

/// One derivative.
class AttentionGradient : AttentionTiles {
public:
  AttentionGradient(OpBuilder &b, Location loc, ValueRange operands,
                    Type element, AttentionMask mask, double scale,
                    const TargetInfo &info)
      : AttentionTiles(b, loc, element, mask), query(operands[0]),
        key(operands[1]), value(operands[2]), gradient(operands[3]),
        largest(operands[4]), norm(operands[5]), delta(operands[6]),
        scale(scale) {
    head = tensorType(query).getDimSize(3);
    width = tensorType(value).getDimSize(3);
    block = info.keyBlock;
    while (block > 8 && block * (head + width) > info.blockElements)
      block /= 2;
    queries = std::min(info.queryBlock, block);
  }

  /// The gradients whose types are given, of the query, the key and the value,
  /// and null for the others.
  SmallVector<Value> run(ArrayRef<RankedTensorType> types) {
    SmallVector<Size> counts = s.of(query);
    length = counts[2];
    keys = s.of(key, 2);
    const int64_t widths[] = {head, head, width};
    const Size lengths[] = {length, keys, keys};
    // f16 and bf16 are summed up in f32, and rounded at the end.
    SmallVector<Value> inits;
    SmallVector<Shape> shapes;
    for (auto [i, type] : llvm::enumerate(types)) {
      if (!type)
        continue;
      wanted.push_back(i);
      SmallVector<Size> sizes{counts[0], counts[1], lengths[i],
                              s.constant(widths[i])};
      shapes.push_back(Shape::get(s, type, sizes));
      inits.push_back(zeros(b, loc, shapes.back().type, shapes.back().sizes));
    }
    auto forall = scf::ForallOp::create(
        b, loc, ArrayRef<Size>{s.mul(counts[0], counts[1])}, inits,
        /*mapping=*/{});
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(forall.getBody());
      Size at = forall.getInductionVars()[0];
      place = {divide(at, counts[1]), remainder(at, counts[1])};
      SmallVector<Value> rows;
      Size zero = s.constant(0);
      for (auto [i, out] : llvm::zip(wanted, forall.getRegionIterArgs()))
        rows.push_back(window(out, zero, lengths[i]));
      rows = differentiate(rows);
      b.setInsertionPointToStart(forall.getTerminator().getBody());
      for (auto [i, some, out] :
           llvm::zip(wanted, rows, forall.getRegionIterArgs()))
        insertWindow(some, out, zero, lengths[i]);
    }
    SmallVector<Value> results(types.size());
    for (auto [i, sum, shape] : llvm::zip(wanted, forall.getResults(), shapes))
      results[i] = roundAccumulator(b, loc, sum, types[i], shape.sizes);
    return results;
  }

private:
  using Build = llvm::function_ref<SmallVector<Value>(Size, ValueRange)>;

  /// A loop over blocks that passes `state` on.
  SmallVector<Value> loop(Size begin, Size end, int64_t step, ValueRange state,
                          Build body) {
    auto made = scf::ForOp::create(
        b, loc, s.value(begin), s.value(end), s.value(s.constant(step)), state,
        [&](OpBuilder &, Location, Value at, ValueRange carried) {
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToEnd(at.getParentBlock());
          scf::YieldOp::create(b, loc, body(at, carried));
        });
    return made.getResults();
  }

  Value put(Value rows, Value into, Size begin, Size count) {
    Size one = s.constant(1);
    SmallVector<Size> offsets{begin, s.constant(0)},
        sizes{count, s.of(into, 1)}, steps(2, one);
    return tensor::InsertSliceOp::create(b, loc, rows, into, offsets, sizes,
                                         steps);
  }

  /// Rows of an operand, in the type that is computed in.
  Value rowsOf(Value tensor, Value wideRows, Size begin, Size count) {
    Value rows = window(tensor, begin, count);
    if (!wideRows)
      return rows;
    return widened(rows, part(wideRows, {count, s.of(tensor, 3)}));
  }

  /// Keys or values as columns, scaled.
  Value columnsOf(Value tensor, Value to, Size from, Size many) {
    Value by = number(scale);
    return generic(
        window(tensor, from, many), part(to, {s.of(tensor, 3), many}),
        {map(2, {1, 0}), map(2, {0, 1})}, parallel(2),
        [&](OpBuilder &b, Location loc, ValueRange args) {
          return arith::MulFOp::create(b, loc, load(b, loc, args[0]), by);
        });
  }

  /// What is wanted of this head. `outs` are the places for it.
  SmallVector<Value> differentiate(ValueRange outs) {
    Value allScores = buffer({queries, block});
    Value keyColumns = buffer({head, block}), allD, valueColumns;
    bool hasD = wanted.front() != OfValue;
    if (hasD) {
      allD = buffer({queries, block});
      valueColumns = buffer({width, block});
    }
    Value wideQueries, wideGradients, wideKeys;
    if (element != wide) {
      if (hasD)
        deltas = buffer({queries});
      wideQueries = buffer({queries, head});
      wideGradients = buffer({queries, width});
      if (wanted.front() == OfQuery)
        wideKeys = buffer({block, head});
    }
    Size zero = s.constant(0);
    return loop(zero, keys, block, outs, [&](Size from, ValueRange outs) {
      Size many = piece(keys, from, block);
      // Scaled like this, the gradients of the scores are, too.
      Value turnedKeys = columnsOf(key, keyColumns, from, many);
      Value turnedValues, someKeys;
      if (hasD)
        turnedValues = columnsOf(value, valueColumns, from, many);
      if (wanted.front() == OfQuery)
        someKeys = rowsOf(key, wideKeys, from, many);
      // Earlier queries do not see this block.
      Size begin = zero;
      if (mask.causal)
        begin = s.mul(divide(from, s.constant(queries)), s.constant(queries));
      SmallVector<Value> sums;
      for (auto [which, out] : llvm::zip(wanted, outs))
        sums.push_back(which == OfQuery
                           ? out
                           : part(out, {from, zero}, {many, s.of(out, 1)}));
      sums = loop(
          begin, length, queries, sums, [&](Size first, ValueRange carried) {
            Size here = piece(length, first, queries);
            Value some = rowsOf(query, wideQueries, first, here);
            Value g = rowsOf(gradient, wideGradients, first, here);
            Value weights = part(allScores, {here, many});
            weights = addProduct(some, turnedKeys, fillZero(weights));
            weights = weigh(weights, first, here, from, many);
            Value d;
            if (hasD) {
              d = part(allD, {here, many});
              d = addProduct(g, turnedValues, fillZero(d));
              d = scoreGradient(d, weights, rowSums(d, weights, first, here));
            }
            SmallVector<Value> sums(carried);
            for (auto [which, sum] : llvm::zip(wanted, sums)) {
              if (which == OfValue) {
                sum = addProduct(weights, g, sum, /*transposed=*/true);
              } else if (which == OfKey) {
                sum = addProduct(d, some, sum, /*transposed=*/true);
              } else {
                Value rows = part(sum, {first, zero}, {here, s.constant(head)});
                sum = put(addProduct(d, someKeys, rows), sum, first, here);
              }
            }
            return sums;
          });
      for (auto [which, sum, out] : llvm::zip(wanted, sums, outs))
        if (which != OfQuery)
          sum = put(sum, out, from, many);
      return sums;
    });
  }

  /// exp(scores - largest) * norm, with the mask.
  Value weigh(Value scores, Size first, Size here, Size from, Size many) {
    AffineMap square = map(2, {0, 1}), byRow = map(2, {0});
    if (mask.causal)
      scores = cutCausal(scores, Order::QueryKey, first, from, many);
    SmallVector<Value> inputs{scores, window(largest, first, here),
                              window(norm, first, here)};
    SmallVector<AffineMap> maps{square, byRow, byRow};
    if (mask.tensor) {
      auto [tile, read] = maskWindow(Order::QueryKey, first, here, from, many);
      inputs.push_back(tile);
      maps.push_back(read);
    }
    maps.push_back(square);
    return generic(inputs, scores, maps, parallel(2),
                   [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
                     Value score = args[0];
                     if (mask.tensor)
                       score = maskedScore(b, loc, score, args[3]);
                     Value made = weight(b, loc, score, args[1]);
                     return arith::MulFOp::create(b, loc, made, args[2]);
                   });
  }

  /// What each query's `d` is compared with, as far as it is not yet scaled:
  /// its mean by weight. `delta` is that as well, but it comes from a result
  /// that was rounded to f16 or bf16; where `d` is the same for all keys, as
  /// for keys that are equal, only the rounding would be left. Where one block
  /// holds all keys, the mean is known here.
  Value rowSums(Value d, Value weights, Size first, Size here) {
    Value given = window(delta, first, here);
    if (element == wide)
      return given;
    Value to = part(deltas, here);
    Value all =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ule, s.value(keys),
                              s.value(s.constant(block)));
    auto branch = [&](auto build) {
      return [&, build](OpBuilder &, Location) {
        OpBuilder::InsertionGuard guard(b);
        Value made = build();
        scf::YieldOp::create(b, loc, made);
      };
    };
    AffineMap square = map(2, {0, 1}), byRow = map(2, {0}), row = map(1, {0});
    auto chosen = scf::IfOp::create(
        b, loc, all, branch([&] {
          return generic(
              ValueRange{d, weights}, fillZero(to), {square, square, byRow},
              {utils::IteratorType::parallel, utils::IteratorType::reduction},
              [](OpBuilder &b, Location loc, ValueRange args) -> Value {
                Value product = arith::MulFOp::create(b, loc, args[0], args[1]);
                return arith::AddFOp::create(b, loc, args[2], product);
              });
        }),
        branch([&]() -> Value {
          // A product with 1 would be folded, and the branches end in two
          // places.
          if (scale == 1.0)
            return bufferization::MaterializeInDestinationOp::create(b, loc,
                                                                     given, to)
                .getResult();
          Value by = number(scale);
          return generic(given, to, {row, row}, parallel(1),
                         [&](OpBuilder &b, Location loc, ValueRange args) {
                           return arith::MulFOp::create(b, loc, args[0], by);
                         });
        }));
    return chosen.getResult(0);
  }

  /// weights * (d - delta * scale): `d` is scaled already.
  Value scoreGradient(Value d, Value weights, Value sums) {
    AffineMap square = map(2, {0, 1});
    Value by = number(element == wide ? scale : 1.0);
    return generic(ValueRange{d, weights, sums}, d,
                   {square, square, map(2, {0}), square}, parallel(2),
                   [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
                     Value sum = arith::MulFOp::create(b, loc, args[2], by);
                     Value less = arith::SubFOp::create(b, loc, args[0], sum);
                     return arith::MulFOp::create(b, loc, args[1], less);
                   });
  }

  Value query, key, value, gradient, largest, norm, delta;
  Value deltas; // a buffer
  double scale;
  int64_t head, width, block, queries;
  Size length, keys;
  enum Operand { OfQuery, OfKey, OfValue };
  SmallVector<unsigned, 3> wanted;
};

template <typename Op> struct GradientPattern : OpConversionPattern<Op> {
  GradientPattern(const TypeConverter &converter, MLIRContext *context,
                  const TargetInfo &info)
      : OpConversionPattern<Op>(converter, context), info(info) {}
  TargetInfo info;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    if (!array::hasTiles(op))
      return op.emitError("attention in tiles needs heads of known size");
    ValueRange operands = adaptor.getOperands();
    AttentionMask mask;
    mask.causal = std::is_same_v<Op, array::CausalAttentionGradientOp>;
    if (operands.size() > 7) {
      mask.tensor = operands[7];
      mask.element = elementOf(op->getOperand(7));
    }
    AttentionGradient derivative(b, op.getLoc(), operands,
                                 elementOf(op.getOfQuery()), mask,
                                 op.getScale().convertToDouble(), info);
    SmallVector<RankedTensorType> types(3);
    for (unsigned i = 0; i < types.size(); ++i)
      if (!op->getResult(i).use_empty())
        types[i] = tensorType(op->getResult(i));
    SmallVector<Value> results = derivative.run(types);
    results.resize(op->getNumResults());
    b.replaceOp(op, results);
    return success();
  }
};

} // namespace

void stepwell::populateAttentionGradientPatterns(const TypeConverter &converter,
                                                 RewritePatternSet &patterns,
                                                 const TargetInfo &info) {
  patterns.add<GradientPattern<array::AttentionGradientOp>,
               GradientPattern<array::CausalAttentionGradientOp>,
               GradientPattern<array::MaskedAttentionGradientOp>,
               GradientPattern<array::BiasedAttentionGradientOp>>(
      converter, patterns.getContext(), info);
}
