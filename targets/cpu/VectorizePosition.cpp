//===- VectorizePosition.cpp - Where the best element lies ------------------
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Vectorize.h"

#include "llvm/ADT/APInt.h"

using namespace mlir;
using namespace stepwell::cpu;

std::optional<PositionBody> stepwell::cpu::findPosition(linalg::LinalgOp op) {
  Block *block = op.getBlock();
  if (op.getNumDpsInits() != 2 || op.getNumReductionLoops() == 0)
    return std::nullopt;
  Operation *yield = block->getTerminator();
  auto kept = yield->getOperand(0).getDefiningOp<arith::SelectOp>();
  auto where = yield->getOperand(1).getDefiningOp<arith::SelectOp>();
  unsigned inputs = op.getNumDpsInputs();
  Value best = block->getArgument(inputs), at = block->getArgument(inputs + 1);
  if (!kept || !where || kept.getCondition() != where.getCondition() ||
      kept.getFalseValue() != best || where.getFalseValue() != at ||
      !at.hasOneUse() || !isa<IntegerType>(at.getType()) ||
      op.getMatchingIndexingMap(op.getDpsInitOperand(0)) !=
          op.getMatchingIndexingMap(op.getDpsInitOperand(1)))
    return std::nullopt;
  return PositionBody{kept.getCondition(), kept.getTrueValue(), best,
                      where.getTrueValue()};
}

namespace {

/// Rows of vectors, each lane with the best of what it saw and the step that it
/// saw it in. Steps are as wide as the elements, or 32 bits: rows are cut to
/// what they can count.
class Position {
public:
  Position(LoopNest &nest, const PositionBody &parts,
           const VectorOptions &options)
      : nest(nest), body(nest), parts(parts), inputs(nest.op.getNumDpsInputs()),
        element(parts.value.getType()) {
    unsigned bits = std::max(32u, element.getIntOrFloatBitWidth());
    stepType = nest.builder.getIntegerType(bits);
    width = options.vectorBits / bits;
    for (auto [dim, kind] : llvm::enumerate(nest.op.getIteratorTypesArray()))
      (kind == utils::IteratorType::parallel ? parallel : reduced)
          .push_back(dim);
    // Along the rows if they are packed, else across them if those are. Of
    // several dimensions the last: of equal elements the first in order wins.
    loop = reduced.back();
    along = isUnit(loop) ||
            llvm::none_of(parallel, [&](unsigned dim) { return isUnit(dim); });
    llvm::erase(reduced, loop);
    if (along)
      return;
    for (unsigned dim : parallel)
      if (isUnit(dim))
        lanes = dim;
    llvm::erase(parallel, lanes);
  }

  void run() {
    nest.loop(parallel, [&] {
      nest.loop(reduced, [&] {
        IndexBuilder index = nest.index();
        nest.range(index.constant(0), nest.ranges[loop], kSteps, {},
                   [&](Value from, ValueRange) {
                     OpFoldResult to =
                         index.min(index.add(from, index.constant(kSteps)),
                                   nest.ranges[loop]);
                     along ? alongRow(from, to) : acrossRows(from, to);
                     return SmallVector<Value>();
                   });
      });
    });
  }

private:
  struct Best {
    Value value, step;
  };

  bool isUnit(unsigned dim) {
    for (unsigned i = 0; i < inputs; ++i)
      if (nest.accesses[i].base && nest.accesses[i].stride(dim) == 1)
        return true;
    return false;
  }

  Value splat(Value value, unsigned count) {
    return count ? vector::BroadcastOp::create(nest.builder, nest.loc,
                                               vectorOf(value.getType(), count),
                                               value)
                 : value;
  }

  /// Whether `value` beats `best`.
  Value better(Value value, Value best, unsigned count) {
    IRMapping known;
    known.map(parts.value, value);
    known.map(parts.best, best);
    return body.slice(parts.better, known, count, loop, {});
  }

  Value load(ArrayRef<Row> rows, unsigned along, Value at, unsigned count,
             Value mask = {}) {
    IRMapping known;
    Value end = mask ? nest.index().value(nest.ranges[along]) : Value();
    for (auto [row, argument] :
         llvm::zip(rows, nest.op.getBlock()->getArguments()))
      if (!argument.use_empty())
        known.map(argument, nest.load(row, at, count, mask, end));
    return body.slice(parts.value, known, count, along, at);
  }

  SmallVector<Row> inputRows(unsigned dim) {
    SmallVector<Row> rows;
    for (unsigned i = 0; i < inputs; ++i)
      rows.push_back(nest.op.getBlock()->getArgument(i).use_empty()
                         ? Row()
                         : nest.row(i, dim, width));
    return rows;
  }

  Best update(Best old, Value value, Value step, unsigned count,
              Value mask = {}) {
    Value wins = better(value, old.value, count);
    if (mask)
      wins = arith::AndIOp::create(nest.builder, nest.loc, wins, mask);
    return pick(wins, {value, step}, old);
  }

  Best pick(Value condition, Best yes, Best no) {
    auto select = [&](Value a, Value b) -> Value {
      return arith::SelectOp::create(nest.builder, nest.loc, condition, a, b);
    };
    return {select(yes.value, no.value), select(yes.step, no.step)};
  }

  Value toSteps(Value index) {
    return arith::IndexCastOp::create(nest.builder, nest.loc, stepType, index);
  }

  //===--------------------------------------------------------------------===//
  // Along a row
  //===--------------------------------------------------------------------===//

  /// The better of two; of equal ones the one that comes first.
  Best join(Best a, Best b) {
    OpBuilder &builder = nest.builder;
    Location loc = nest.loc;
    Value second = better(b.value, a.value, 0);
    Value first = better(a.value, b.value, 0);
    Value earlier = arith::CmpIOp::create(
        builder, loc, arith::CmpIPredicate::slt, b.step, a.step);
    Value no = arith::ConstantIntOp::create(builder, loc, 0, 1);
    earlier = arith::SelectOp::create(builder, loc, first, no, earlier);
    Value takes = arith::OrIOp::create(builder, loc, second, earlier);
    return pick(takes, b, a);
  }

  void alongRow(Value from, OpFoldResult end) {
    OpBuilder &b = nest.builder;
    Location loc = nest.loc;
    IndexBuilder index = nest.index();
    SmallVector<Row> rows = inputRows(loop);
    auto known = getConstantIntValue(end);
    unsigned chains = 4;
    while (known && chains > 1 && *known < int64_t(chains) * width)
      chains /= 2;
    int64_t stride = int64_t(chains) * width;
    // Every lane starts with an element of the row: the first.
    Value zero = index.value(index.constant(0));
    Value start = load(rows, loop, from, 0);
    Value first = splat(start, width), none = splat(toSteps(zero), width);
    SmallVector<Value> state;
    for (unsigned chain = 0; chain < chains; ++chain)
      state.append({first, none});
    Value laneNumbers = arith::ConstantOp::create(
        b, loc, laneAttribute(cast<VectorType>(none.getType())));
    auto step = [&](Value at, unsigned count, ValueRange carried,
                    Value mask = {}) {
      SmallVector<Value> next(carried);
      for (unsigned chain = 0; chain < count; ++chain) {
        Value place =
            index.value(index.add(at, index.constant(int64_t(chain) * width)));
        Value steps = arith::AddIOp::create(
            b, loc, splat(toSteps(index.value(index.sub(place, from))), width),
            laneNumbers);
        Best found =
            update({next[2 * chain], next[2 * chain + 1]},
                   load(rows, loop, place, width, mask), steps, width, mask);
        next[2 * chain] = found.value;
        next[2 * chain + 1] = found.step;
      }
      return next;
    };
    OpFoldResult whole = index.roundDown(end, stride);
    OpFoldResult singles = index.roundDown(end, width);
    state = nest.range(index.constant(0), whole, stride, state,
                       [&](Value at, ValueRange carried) {
                         return step(at, chains, carried);
                       });
    state = nest.range(
        whole, singles, width, state,
        [&](Value at, ValueRange carried) { return step(at, 1, carried); });
    auto tail = getConstantIntValue(singles);
    if (!tail || !known || *tail < *known) {
      Value at = index.value(singles);
      Value some = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, at,
                                         index.value(end));
      state = nest.when(some, state, [&] {
        return step(at, 1, state, nest.mask(at, end, width));
      });
    }
    // Chains, then lanes.
    std::optional<Best> best;
    auto reduceLanes = [&](Value value, Value step) {
      for (unsigned lane = 0; lane < width; ++lane) {
        Best own{vector::ExtractOp::create(b, loc, value, lane),
                 vector::ExtractOp::create(b, loc, step, lane)};
        best = best ? join(*best, own) : own;
      }
    };
    Best joined{state[0], state[1]};
    for (unsigned chain = 1; chain < chains; ++chain)
      joined = joinVectors(joined, {state[2 * chain], state[2 * chain + 1]});
    reduceLanes(joined.value, joined.step);
    // The body itself, where the winner is, against what other rows had.
    Value at = arith::AddIOp::create(
        b, loc, from,
        arith::IndexCastOp::create(b, loc, b.getIndexType(), best->step));
    SmallVector<Value> arguments(nest.op.getBlock()->getNumArguments());
    for (unsigned i = 0; i < inputs; ++i)
      if (!nest.op.getBlock()->getArgument(i).use_empty())
        arguments[i] = nest.load(rows[i], at, 0);
    for (unsigned i = inputs; i < inputs + 2; ++i)
      arguments[i] = nest.load(nest.row(i, loop, 0, /*stored=*/true), zero, 0);
    SmallVector<Value> results = body.emit(arguments, 0, loop, at);
    for (auto [i, result] : llvm::enumerate(results))
      nest.storeHere(inputs + i, result);
  }

  Best joinVectors(Best a, Best b) {
    OpBuilder &builder = nest.builder;
    Location loc = nest.loc;
    Value second = better(b.value, a.value, width);
    Value first = better(a.value, b.value, width);
    Value earlier = arith::CmpIOp::create(
        builder, loc, arith::CmpIPredicate::slt, b.step, a.step);
    Value ones = arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(cast<VectorType>(first.getType()), true));
    Value worse = arith::XOrIOp::create(builder, loc, first, ones);
    earlier = arith::AndIOp::create(builder, loc, worse, earlier);
    return pick(arith::OrIOp::create(builder, loc, second, earlier), b, a);
  }

  DenseIntElementsAttr laneAttribute(VectorType type) {
    SmallVector<APInt> lanes;
    for (unsigned lane = 0; lane < width; ++lane)
      lanes.push_back(APInt(stepType.getIntOrFloatBitWidth(), lane));
    return DenseIntElementsAttr::get(type, lanes);
  }

  //===--------------------------------------------------------------------===//
  // Across rows
  //===--------------------------------------------------------------------===//

  /// Strips of results stay in registers while the rows go by.
  void acrossRows(Value from, OpFoldResult to) {
    IndexBuilder index = nest.index();
    OpFoldResult begin = index.constant(0), end = nest.ranges[lanes];
    for (unsigned count : {4u, 1u}) {
      OpFoldResult stop = index.roundDown(end, int64_t(count) * width);
      nest.range(begin, stop, int64_t(count) * width, {},
                 [&](Value at, ValueRange) {
                   strip(at, count, width, from, to);
                   return SmallVector<Value>();
                 });
      begin = stop;
    }
    nest.range(begin, end, 1, {}, [&](Value at, ValueRange) {
      strip(at, 1, 0, from, to);
      return SmallVector<Value>();
    });
  }

  void strip(Value at, unsigned count, unsigned size, Value from,
             OpFoldResult to) {
    OpBuilder &b = nest.builder;
    Location loc = nest.loc;
    IndexBuilder index = nest.index();
    auto place = [&](unsigned i) {
      return index.value(
          index.add(at, index.constant(int64_t(i) * std::max(1u, size))));
    };
    auto atRow = [&](Value row, auto inner) {
      SmallVector<OpFoldResult> saved;
      for (Access &access : nest.accesses) {
        saved.push_back(access.offset);
        if (access.base)
          access.offset =
              index.add(access.offset, index.mul(row, access.strides[loop]));
      }
      inner();
      for (auto [access, offset] : llvm::zip(nest.accesses, saved))
        access.offset = offset;
    };
    SmallVector<Value> state;
    atRow(from, [&] {
      SmallVector<Row> rows = inputRows(lanes);
      for (unsigned i = 0; i < count; ++i)
        state.append(
            {load(rows, lanes, place(i), size), splat(toSteps(from), size)});
    });
    Value second = index.value(index.add(from, index.constant(1)));
    state =
        nest.range(second, to, 1, state, [&](Value row, ValueRange carried) {
          SmallVector<Value> next(carried);
          Value step = splat(toSteps(index.value(index.sub(row, from))), size);
          atRow(row, [&] {
            SmallVector<Row> rows = inputRows(lanes);
            for (unsigned i = 0; i < count; ++i) {
              Best found =
                  update({next[2 * i], next[2 * i + 1]},
                         load(rows, lanes, place(i), size), step, size);
              next[2 * i] = found.value;
              next[2 * i + 1] = found.step;
            }
          });
          return next;
        });
    Row best = nest.row(inputs, lanes, 0, /*stored=*/true),
        where = nest.row(inputs + 1, lanes, 0, /*stored=*/true);
    for (unsigned i = 0; i < count; ++i) {
      Value old = nest.load(best, place(i), size),
            oldAt = nest.load(where, place(i), size);
      Value wins = better(state[2 * i], old, size);
      IRMapping known;
      Value row = arith::IndexCastOp::create(
          b, loc, vectorOf(b.getIndexType(), size), state[2 * i + 1]);
      row = arith::AddIOp::create(b, loc, row, splat(from, size));
      for (auto index : nest.op.getBlock()->getOps<linalg::IndexOp>())
        if (index.getDim() == loop)
          known.map(index.getResult(), row);
      Value position = body.slice(parts.position, known, size, lanes, place(i));
      Best found = pick(wins, {state[2 * i], position}, {old, oldAt});
      nest.store(best, found.value, place(i), size);
      nest.store(where, found.step, place(i), size);
    }
  }

  static constexpr int64_t kSteps = int64_t(1) << 30;
  LoopNest &nest;
  BodyEmitter body;
  const PositionBody &parts;
  unsigned inputs;
  Type element, stepType;
  unsigned width = 0, loop = 0, lanes = 0;
  bool along = true;
  SmallVector<unsigned> parallel, reduced;
};

} // namespace

void stepwell::cpu::vectorizePosition(LoopNest &nest, const PositionBody &parts,
                                      const VectorOptions &options) {
  Position(nest, parts, options).run();
}
