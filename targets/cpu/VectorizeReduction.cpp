//===- VectorizeReduction.cpp - Loops with reductions -----------------------
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Vectorize.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace stepwell::cpu;

static bool canCombine(Operation *op) {
  return isa<arith::AddFOp, arith::AddIOp, arith::MulFOp, arith::MulIOp,
             arith::MaximumFOp, arith::MaxNumFOp, arith::MinimumFOp,
             arith::MinNumFOp, arith::MaxSIOp, arith::MaxUIOp, arith::MinSIOp,
             arith::MinUIOp, arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op);
}

SmallVector<Operation *> stepwell::cpu::findCombiners(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  SmallVector<Operation *> combiners;
  for (auto [old, result] : llvm::zip(op.getRegionOutputArgs(),
                                      body->getTerminator()->getOperands())) {
    Operation *combiner = result.getDefiningOp();
    if (!combiner || !canCombine(combiner) || !old.hasOneUse() ||
        !result.hasOneUse() || *old.user_begin() != combiner)
      return {};
    combiners.push_back(combiner);
  }
  return combiners;
}

namespace {

/// Vectors added up plainly before the lost bits are taken into account.
constexpr unsigned kBlock = 16;

class Reduction {
public:
  Reduction(LoopNest &nest, ArrayRef<Operation *> combiners,
            const VectorOptions &options)
      : nest(nest), body(nest), combiners(combiners),
        inputs(nest.op.getNumDpsInputs()) {
    SmallVector<utils::IteratorType> kinds = nest.op.getIteratorTypesArray();
    width = std::max(1u, BodyEmitter::vectorWidth(nest.op, options.vectorBits));
    chooseLoop(kinds);
    for (auto [dim, kind] : llvm::enumerate(kinds))
      if (dim != loop)
        (kind == utils::IteratorType::parallel ? parallel : reduced)
            .push_back(dim);
    inner = kinds[loop] != utils::IteratorType::parallel;
    auto known = getConstantIntValue(nest.ranges[loop]);
    while (known && width > 1 && *known * 2 <= width)
      width /= 2;
    unsigned work = BodyEmitter::size(nest.op) * combiners.size();
    chains = work <= 2 ? 8 : work <= 6 ? 4 : 2;
    if (known && inner)
      while (chains > 1 && *known < int64_t(chains) * width)
        chains /= 2;
    narrow = options.narrowMasks;
    lost = inner ? SmallVector<Row>() : lostRows();
  }

  void run() {
    nest.loop(parallel, [&] { inner ? reduceAlong() : reduceAcross(); });
  }

private:
  /// The results are few: the inputs decide.
  void chooseLoop(ArrayRef<utils::IteratorType> kinds) {
    loop = kinds.size() - 1;
    int best = -1;
    for (unsigned dim = kinds.size(); dim-- > 0;) {
      int score = 0;
      for (unsigned i = 0; i < inputs; ++i)
        if (nest.accesses[i].base)
          score += 2 * (nest.accesses[i].stride(dim) == 1);
      // A vector that is never full is worse than one that is gathered.
      auto known = getConstantIntValue(nest.ranges[dim]);
      bool isShort = known && *known * 4 <= int64_t(width) * 3 &&
                     kinds[dim] == utils::IteratorType::reduction;
      if (isShort || (score == 0 && known == 1))
        score = -1;
      if (score > best) {
        best = score;
        loop = dim;
      }
    }
  }

  Type element(unsigned output) {
    return nest.accesses[inputs + output].element;
  }

  /// The lost bits of sums of floats are worth keeping.
  bool keepsLostBits(unsigned output) {
    return isa<arith::AddFOp>(combiners[output]);
  }

  /// The largest of floats is slow where a NaN has to win every time. Vectors
  /// are only compared; whether there was a NaN is kept apart.
  bool isExtremum(unsigned output) {
    return isa<arith::MaximumFOp, arith::MinimumFOp>(combiners[output]);
  }

  Value combine(unsigned output, Value a, Value b) {
    // Where NaNs are passed over, a result is none: one instruction.
    if (isa<arith::MaxNumFOp>(combiners[output]) &&
        isa<VectorType>(a.getType())) {
      Value larger = arith::CmpFOp::create(nest.builder, nest.loc,
                                           arith::CmpFPredicate::OGT, b, a);
      return arith::SelectOp::create(nest.builder, nest.loc, larger, b, a);
    }
    if (!isExtremum(output) || !isa<VectorType>(a.getType()))
      return body.clone(combiners[output], {a, b});
    auto predicate = isa<arith::MaximumFOp>(combiners[output])
                         ? arith::CmpFPredicate::OGT
                         : arith::CmpFPredicate::OLT;
    Value first =
        arith::CmpFOp::create(nest.builder, nest.loc, predicate, a, b);
    return arith::SelectOp::create(nest.builder, nest.loc, first, a, b);
  }

  /// As many bits as the elements have, so that a compare makes them.
  VectorType flagType(unsigned output, unsigned lanes) {
    unsigned bits = element(output).getIntOrFloatBitWidth();
    return cast<VectorType>(vectorOf(nest.builder.getIntegerType(bits), lanes));
  }

  /// `flags`, set where one of the values is a NaN; compared two by two.
  Value flagNaNs(Value flags, ArrayRef<Value> values, Value mask = {}) {
    OpBuilder &b = nest.builder;
    for (unsigned i = 0; i < values.size(); i += 2) {
      Value isNaN = arith::CmpFOp::create(
          b, nest.loc, arith::CmpFPredicate::UNO, values[i],
          values[std::min<unsigned>(i + 1, values.size() - 1)]);
      if (mask)
        isNaN = arith::AndIOp::create(b, nest.loc, isNaN, mask);
      Value bits = arith::ExtSIOp::create(b, nest.loc, flags.getType(), isNaN);
      flags = arith::OrIOp::create(b, nest.loc, flags, bits);
    }
    return flags;
  }

  /// `value`, or NaN where a flag is set.
  Value applyFlags(unsigned output, Value value, Value flags) {
    OpBuilder &b = nest.builder;
    auto type = cast<FloatType>(element(output));
    TypedAttr nan =
        b.getFloatAttr(type, APFloat::getQNaN(type.getFloatSemantics()));
    if (auto vector = dyn_cast<VectorType>(value.getType()))
      nan = DenseElementsAttr::get(vector, Attribute(nan));
    Value nans = arith::ConstantOp::create(b, nest.loc, value.getType(), nan);
    Value none = arith::ConstantOp::create(b, nest.loc, flags.getType(),
                                           b.getZeroAttr(flags.getType()));
    Value clean = arith::CmpIOp::create(b, nest.loc, arith::CmpIPredicate::eq,
                                        flags, none);
    return arith::SelectOp::create(b, nest.loc, clean, value, nans);
  }

  Value noFlags(unsigned output, unsigned lanes) {
    VectorType type = flagType(output, lanes);
    return arith::ConstantOp::create(nest.builder, nest.loc, type,
                                     nest.builder.getZeroAttr(type));
  }

  Value neutral(unsigned output, unsigned lanes) {
    Type type = vectorOf(element(output), lanes);
    TypedAttr attribute = *arith::getNeutralElement(combiners[output]);
    // The NaN that upstream begins with would stay: vectors are compared.
    if (auto number = dyn_cast<FloatType>(element(output));
        number && isa<arith::MaxNumFOp>(combiners[output]))
      attribute = FloatAttr::get(
          number, APFloat::getInf(number.getFloatSemantics(), true));
    if (lanes)
      attribute =
          DenseElementsAttr::get(cast<VectorType>(type), Attribute(attribute));
    return arith::ConstantOp::create(nest.builder, nest.loc, type, attribute);
  }

  /// What is to be joined with the results, one value per output.
  SmallVector<Value> contributions(ArrayRef<Row> rows, Value at, unsigned lanes,
                                   Value mask = {}) {
    Block *block = nest.op.getBlock();
    SmallVector<Value> arguments(block->getNumArguments());
    Value end = mask ? nest.index().value(nest.ranges[loop]) : Value();
    for (unsigned i = 0; i < inputs; ++i)
      if (!block->getArgument(i).use_empty())
        arguments[i] = nest.load(rows[i], at, lanes, mask, end);
    // A combiner's old value stands for nothing yet.
    SmallVector<Value> found;
    body.emit(arguments, lanes, loop, at, combiners);
    for (auto [i, combiner] : llvm::enumerate(combiners)) {
      Value old = block->getArgument(inputs + i);
      Value fresh = combiner->getOperand(combiner->getOperand(0) == old);
      found.push_back(body.resolve(fresh, lanes));
    }
    return found;
  }

  SmallVector<Row> inputRows() {
    SmallVector<Row> rows;
    for (unsigned i = 0; i < inputs; ++i)
      rows.push_back(nest.op.getBlock()->getArgument(i).use_empty()
                         ? Row()
                         : nest.row(i, loop, width));
    return rows;
  }

  SmallVector<Value> select(Value mask, ArrayRef<Value> yes,
                            ArrayRef<Value> no) {
    SmallVector<Value> results;
    for (auto [a, b] : llvm::zip(yes, no))
      results.push_back(
          arith::SelectOp::create(nest.builder, nest.loc, mask, a, b));
    return results;
  }

  //===--------------------------------------------------------------------===//
  // The vectors run along a reduced dimension.
  //===--------------------------------------------------------------------===//

  // What is carried, per output: `chains` partial results, and flags for an
  // extremum; for sums of floats instead a sum and the bits that it lost.
  SmallVector<Value> initialState() {
    SmallVector<Value> state;
    for (unsigned i = 0; i < combiners.size(); ++i) {
      state.append(keepsLostBits(i) ? 2 : chains,
                   keepsLostBits(i) ? zeros(i) : neutral(i, width));
      if (isExtremum(i))
        state.push_back(noFlags(i, width));
    }
    return state;
  }

  /// How many vectors of one output a step carries.
  unsigned slots(unsigned output) { return chains + isExtremum(output); }

  Value zeros(unsigned output) {
    Type type = vectorOf(element(output), width);
    return arith::ConstantOp::create(nest.builder, nest.loc, type,
                                     nest.builder.getZeroAttr(type));
  }

  /// What a step carries of every output, taken from the state or new.
  SmallVector<Value> open(ArrayRef<Value> state) {
    SmallVector<Value> partial;
    unsigned next = 0;
    for (unsigned i = 0; i < combiners.size(); ++i) {
      if (keepsLostBits(i)) {
        partial.append(chains, neutral(i, width));
        next += 2;
      } else {
        partial.append(state.begin() + next, state.begin() + next + slots(i));
        next += slots(i);
      }
    }
    return partial;
  }

  /// Puts partial results back into the state.
  SmallVector<Value> close(ArrayRef<Value> state, ArrayRef<Value> partial) {
    SmallVector<Value> result;
    unsigned next = 0;
    for (unsigned i = 0; i < combiners.size(); ++i) {
      ArrayRef<Value> own = partial.take_front(slots(i));
      partial = partial.drop_front(slots(i));
      if (!keepsLostBits(i)) {
        llvm::append_range(result, own);
        next += slots(i);
        continue;
      }
      Value sum = state[next], lost = state[next + 1];
      next += 2;
      addExactly(sum, lost, tree(i, own));
      result.append({sum, lost});
    }
    return result;
  }

  Value tree(unsigned output, ArrayRef<Value> values) {
    SmallVector<Value> level(values);
    while (level.size() > 1) {
      SmallVector<Value> next;
      for (unsigned i = 0; i + 1 < level.size(); i += 2)
        next.push_back(combine(output, level[i], level[i + 1]));
      if (level.size() % 2)
        next.push_back(level.back());
      level = next;
    }
    return level.front();
  }

  /// sum + lost += value, without error in the first place (Knuth's two-sum).
  void addExactly(Value &sum, Value &lost, Value value) {
    OpBuilder &b = nest.builder;
    Location loc = nest.loc;
    Value total = arith::AddFOp::create(b, loc, sum, value);
    Value part = arith::SubFOp::create(b, loc, total, sum);
    Value left = arith::SubFOp::create(b, loc, total, part);
    Value e1 = arith::SubFOp::create(b, loc, sum, left);
    Value e2 = arith::SubFOp::create(b, loc, value, part);
    Value error = arith::AddFOp::create(b, loc, e1, e2);
    lost = arith::AddFOp::create(b, loc, lost, error);
    sum = total;
  }

  /// One step of `count` vectors from `at`, the i-th into the i-th chain.
  SmallVector<Value> step(ArrayRef<Row> rows, Value at, unsigned count,
                          ArrayRef<Value> partial, Value mask = {}) {
    SmallVector<Value> result(partial);
    SmallVector<SmallVector<Value>> seen(combiners.size());
    for (unsigned chain = 0; chain < count; ++chain) {
      Value place = nest.index().value(
          nest.index().add(at, nest.index().constant(int64_t(chain) * width)));
      SmallVector<Value> fresh = contributions(rows, place, width, mask);
      unsigned first = 0;
      for (unsigned i = 0; i < combiners.size(); ++i) {
        Value &slot = result[first + chain];
        Value joined = combine(i, slot, fresh[i]);
        slot = mask ? select(mask, {joined}, {slot}).front() : joined;
        seen[i].push_back(fresh[i]);
        first += slots(i);
      }
    }
    unsigned first = 0;
    for (unsigned i = 0; i < combiners.size(); ++i) {
      if (isExtremum(i))
        result[first + chains] =
            flagNaNs(result[first + chains], seen[i], mask);
      first += slots(i);
    }
    return result;
  }

  SmallVector<Value> row(ArrayRef<Value> state) {
    SmallVector<Row> rows = inputRows();
    IndexBuilder index = nest.index();
    OpFoldResult zero = index.constant(0), end = nest.ranges[loop];
    int64_t stride = int64_t(chains) * width;
    OpFoldResult whole = index.roundDown(end, stride);
    bool blocks = llvm::any_of(llvm::seq<unsigned>(0, combiners.size()),
                               [&](unsigned i) { return keepsLostBits(i); });
    auto steps = [&](OpFoldResult from, OpFoldResult to,
                     ArrayRef<Value> partial) {
      return nest.range(
          from, to, stride, partial, [&](Value at, ValueRange carried) {
            return step(rows, at, chains, SmallVector<Value>(carried));
          });
    };
    SmallVector<Value> current(state);
    if (!blocks) {
      current = close(current, steps(zero, whole, open(current)));
    } else {
      current = nest.range(
          zero, whole, stride * kBlock, current,
          [&](Value from, ValueRange carried) {
            SmallVector<Value> outer(carried);
            OpFoldResult to = index.min(
                index.add(from, index.constant(stride * kBlock)), whole);
            return close(outer, steps(from, to, open(outer)));
          });
    }
    // The rest: single vectors, then a part of one.
    OpFoldResult singles = index.roundDown(end, width);
    auto first = getConstantIntValue(whole), last = getConstantIntValue(end);
    if (first && last && *first == *last)
      return current;
    SmallVector<Value> partial = open(current);
    partial = nest.range(
        whole, singles, width, partial, [&](Value at, ValueRange carried) {
          return step(rows, at, 1, SmallVector<Value>(carried));
        });
    auto tail = getConstantIntValue(singles);
    if (!tail || !last || *tail < *last) {
      Value at = index.value(singles);
      Value some = arith::CmpIOp::create(nest.builder, nest.loc,
                                         arith::CmpIPredicate::slt, at,
                                         index.value(end));
      partial = nest.when(some, partial, [&] {
        return step(rows, at, 1, partial, nest.mask(at, end, width));
      });
    }
    return close(current, partial);
  }

  /// The lanes of a vector, joined pairwise.
  Value horizontal(unsigned output, Value vector) {
    for (int64_t half = width / 2; half >= 1; half /= 2) {
      SmallVector<int64_t> low, high;
      for (int64_t lane = 0; lane < half; ++lane) {
        low.push_back(lane);
        high.push_back(half + lane);
      }
      Value a = vector::ShuffleOp::create(nest.builder, nest.loc, vector,
                                          vector, low);
      Value b = vector::ShuffleOp::create(nest.builder, nest.loc, vector,
                                          vector, high);
      vector = combine(output, a, b);
    }
    return vector::ExtractOp::create(nest.builder, nest.loc, vector, 0);
  }

  /// An infinite sum lost nothing that can be told.
  Value settle(Value sum, Value lost) {
    Value known = arith::CmpFOp::create(nest.builder, nest.loc,
                                        arith::CmpFPredicate::ORD, lost, lost);
    Value total = arith::AddFOp::create(nest.builder, nest.loc, sum, lost);
    return arith::SelectOp::create(nest.builder, nest.loc, known, total, sum);
  }

  void reduceAlong() {
    SmallVector<OpFoldResult> ranges = nest.ranges;
    if (!reduced.empty()) {
      SmallVector<unsigned> inside(ArrayRef(reduced).drop_front());
      inside.push_back(loop);
      nest.ranges[reduced[0]] = nest.rangeAround(reduced[0], inside);
    }
    SmallVector<Value> state =
        nest.loop(reduced, initialState(), [&](ValueRange carried) {
          return row(SmallVector<Value>(carried));
        });
    nest.ranges = ranges;
    unsigned next = 0;
    for (unsigned i = 0; i < combiners.size(); ++i) {
      Value result;
      if (keepsLostBits(i)) {
        result = horizontal(i, settle(state[next], state[next + 1]));
        next += 2;
      } else {
        result =
            horizontal(i, tree(i, ArrayRef<Value>(state).slice(next, chains)));
        next += slots(i);
        if (isExtremum(i))
          result = applyFlags(i, result,
                              vector::ReductionOp::create(
                                  nest.builder, nest.loc,
                                  vector::CombiningKind::OR, state[next - 1]));
      }
      Row out = nest.row(inputs + i, loop, 0);
      nest.storeHere(inputs + i, combine(i, out.value, result));
    }
  }

  //===--------------------------------------------------------------------===//
  // The vectors run along a dimension that stays.
  //===--------------------------------------------------------------------===//

  /// Elements whose lost bits stay on the stack while their rows go by.
  static constexpr int64_t kStrip = 1024;

  /// What walks along the results: as many as a strip has.
  struct Strip {
    OpFoldResult begin, end;
    SmallVector<Row> lost; // per output; without a value where nothing is kept
  };

  bool anyLost(const Strip &strip) {
    return llvm::any_of(strip.lost,
                        [](const Row &row) { return bool(row.value); });
  }

  /// One vector of results, with several rows joined to it.
  void join(const Strip &strip, ArrayRef<Row> outs,
            ArrayRef<SmallVector<Row>> rows, ArrayRef<Value> counters, Value at,
            unsigned lanes, Value mask = {}) {
    IndexBuilder index = nest.index();
    Value end = mask ? index.value(nest.ranges[loop]) : Value();
    SmallVector<SmallVector<Value>> seen(outs.size());
    for (auto [row, counter] : llvm::zip(rows, counters)) {
      nest.counters[reduced.back()] = counter;
      SmallVector<Value> fresh = contributions(row, at, lanes, mask);
      for (auto [values, value] : llvm::zip(seen, fresh))
        values.push_back(value);
    }
    for (auto [i, out] : llvm::enumerate(outs)) {
      Value old = nest.load(out, at, lanes, mask, end);
      if (strip.lost[i].value) {
        Value place = index.value(index.sub(at, strip.begin));
        Value lost = nest.load(strip.lost[i], place, lanes);
        addExactly(old, lost, tree(i, seen[i]));
        nest.store(strip.lost[i], lost, place, lanes);
      } else {
        Value result = old;
        for (Value value : seen[i])
          result = combine(i, result, value);
        seen[i].push_back(old);
        if (lanes && isExtremum(i))
          result = applyFlags(i, result, flagNaNs(noFlags(i, lanes), seen[i]));
        old = result;
      }
      nest.store(out, old, at, lanes, mask);
    }
  }

  SmallVector<Row> outputRows() {
    SmallVector<Row> outs;
    for (unsigned i = 0; i < combiners.size(); ++i)
      outs.push_back(nest.row(inputs + i, loop, 0, /*stored=*/true));
    return outs;
  }

  /// Calls `inner` for every vector of the strip.
  void
  walk(const Strip &strip, ArrayRef<Row> outs,
       llvm::function_ref<void(Value at, unsigned lanes, Value mask)> inner) {
    IndexBuilder index = nest.index();
    bool scalarRest = width == 1;
    for (auto [i, out] : llvm::enumerate(outs))
      scalarRest |= out.kind != Row::Unit ||
                    (element(i).getIntOrFloatBitWidth() < 32 && !narrow);
    OpFoldResult begin = strip.begin, end = strip.end;
    auto steps = [&](OpFoldResult to, unsigned lanes) {
      nest.range(begin, to, std::max(1u, lanes), {}, [&](Value at, ValueRange) {
        inner(at, lanes, {});
        return SmallVector<Value>();
      });
      begin = to;
    };
    if (width > 1)
      steps(index.roundDown(end, width), width);
    auto first = getConstantIntValue(begin), last = getConstantIntValue(end);
    if (first && last && *first >= *last)
      return;
    if (scalarRest)
      return steps(end, 0);
    Value at = index.value(begin);
    Value some =
        arith::CmpIOp::create(nest.builder, nest.loc, arith::CmpIPredicate::slt,
                              at, index.value(end));
    nest.when(some, {}, [&] {
      inner(at, width, nest.mask(at, end, width));
      return SmallVector<Value>();
    });
  }

  /// Joins `count` rows from `from` on with the results. The results stay in
  /// the cache meanwhile, and memory is read in order.
  void pass(const Strip &strip, Value from, unsigned count) {
    IndexBuilder index = nest.index();
    unsigned dim = reduced.back();
    SmallVector<SmallVector<Row>> rows;
    SmallVector<Value> counters;
    for (unsigned i = 0; i < count; ++i) {
      SmallVector<OpFoldResult> saved;
      counters.push_back(
          index.value(index.add(from, index.constant(int64_t(i)))));
      for (Access &access : nest.accesses) {
        saved.push_back(access.offset);
        if (access.base)
          access.offset = index.add(
              access.offset, index.mul(counters.back(), access.strides[dim]));
      }
      rows.push_back(inputRows());
      for (auto [access, offset] : llvm::zip(nest.accesses, saved))
        access.offset = offset;
    }
    SmallVector<Row> outs = outputRows();
    walk(strip, outs, [&](Value at, unsigned lanes, Value mask) {
      join(strip, outs, rows, counters, at, lanes, mask);
    });
  }

  /// Memory on the stack for what sums lose, unless they are known to be short.
  SmallVector<Row> lostRows() {
    SmallVector<Row> rows(combiners.size());
    int64_t known = 1;
    for (unsigned dim : reduced)
      if (auto range = getConstantIntValue(nest.ranges[dim]);
          range && *range <= kShort)
        known *= *range;
      else
        known = kShort + 1;
    if (known <= kShort)
      return rows;
    auto function = nest.op->getParentOfType<func::FuncOp>();
    OpBuilder top = OpBuilder::atBlockBegin(&function.getBody().front());
    auto length = getConstantIntValue(nest.ranges[loop]);
    int64_t size = llvm::alignTo(std::min(length.value_or(kStrip), kStrip),
                                 std::max(1u, width));
    for (unsigned i = 0; i < combiners.size(); ++i) {
      if (!keepsLostBits(i))
        continue;
      Value memory = memref::AllocaOp::create(
          top, nest.loc, MemRefType::get({size}, element(i)),
          top.getI64IntegerAttr(64));
      rows[i] = Row{Row::Unit, memory, element(i), {}};
    }
    return rows;
  }

  void reduceAcross() {
    Strip all{nest.index().constant(0), nest.ranges[loop], lost};
    if (!anyLost(all))
      return reduceStrip(all);
    nest.range(all.begin, all.end, kStrip, {}, [&](Value from, ValueRange) {
      IndexBuilder index = nest.index();
      OpFoldResult begin = getConstantIntValue(from)
                               ? index.constant(*getConstantIntValue(from))
                               : OpFoldResult(from);
      Strip strip{begin,
                  index.min(index.add(begin, index.constant(kStrip)), all.end),
                  lost};
      // Whole vectors: what lies beyond the end is scratch.
      auto clear = [&](Value at, unsigned lanes) {
        for (auto [i, row] : llvm::enumerate(strip.lost)) {
          if (!row.value)
            continue;
          Type type = vectorOf(element(i), lanes);
          Value zero = arith::ConstantOp::create(
              nest.builder, nest.loc, type, nest.builder.getZeroAttr(type));
          nest.store(row, zero, at, lanes);
        }
      };
      OpFoldResult size = index.sub(strip.end, strip.begin);
      nest.range(index.constant(0), size, width, {}, [&](Value at, ValueRange) {
        clear(at, width);
        return SmallVector<Value>();
      });
      reduceStrip(strip);
      SmallVector<Row> outs = outputRows();
      walk(strip, outs, [&](Value at, unsigned lanes, Value mask) {
        Value end = mask ? index.value(nest.ranges[loop]) : Value();
        for (auto [i, row] : llvm::enumerate(strip.lost)) {
          if (!row.value)
            continue;
          Value place = index.value(index.sub(at, strip.begin));
          Value sum = nest.load(outs[i], at, lanes, mask, end);
          nest.store(outs[i], settle(sum, nest.load(row, place, lanes)), at,
                     lanes, mask);
        }
      });
      return SmallVector<Value>();
    });
  }

  void reduceStrip(const Strip &strip) {
    IndexBuilder index = nest.index();
    nest.loop(ArrayRef<unsigned>(reduced).drop_back(), [&] {
      OpFoldResult rows = nest.ranges[reduced.back()];
      OpFoldResult whole = index.roundDown(rows, chains);
      auto passes = [&](OpFoldResult from, OpFoldResult to, unsigned count) {
        nest.range(from, to, count, {}, [&](Value at, ValueRange) {
          pass(strip, at, count);
          return SmallVector<Value>();
        });
      };
      passes(index.constant(0), whole, chains);
      if (chains > 1)
        passes(whole, rows, 1);
    });
  }

  /// Sums of fewer values lose less than is worth an extra row.
  static constexpr int64_t kShort = 64;
  LoopNest &nest;
  BodyEmitter body;
  ArrayRef<Operation *> combiners;
  unsigned inputs, loop = 0, width = 0, chains = 1;
  bool inner = false, narrow = false;
  SmallVector<unsigned> parallel, reduced;
  SmallVector<Row> lost;
};

} // namespace

/// A loop along which inputs of unknown strides might be packed, as a
/// transposed matrix is.
static std::optional<unsigned> findMaybePacked(LoopNest &nest) {
  std::optional<unsigned> found;
  for (unsigned i = 0; i < unsigned(nest.op.getNumDpsInputs()); ++i) {
    const Access &access = nest.accesses[i];
    for (unsigned loop = 0; access.base && loop < nest.ranges.size(); ++loop) {
      if (access.stride(loop) == 1)
        return std::nullopt;
      if (!found && !access.stride(loop) && loop + 1 < nest.ranges.size())
        found = loop;
    }
  }
  return found;
}

void stepwell::cpu::vectorizeReduction(LoopNest &nest,
                                       ArrayRef<Operation *> combiners,
                                       const VectorOptions &options) {
  std::optional<unsigned> loop = findMaybePacked(nest);
  if (!loop) {
    Reduction(nest, combiners, options).run();
    return;
  }
  IndexBuilder index = nest.index();
  Value one = index.value(index.constant(1)), packed;
  SmallVector<Access> general = nest.accesses;
  for (unsigned i = 0; i < unsigned(nest.op.getNumDpsInputs()); ++i) {
    Access &access = nest.accesses[i];
    if (!access.base || access.stride(*loop))
      continue;
    Value isOne =
        arith::CmpIOp::create(nest.builder, nest.loc, arith::CmpIPredicate::eq,
                              index.value(access.strides[*loop]), one);
    packed = packed
                 ? arith::AndIOp::create(nest.builder, nest.loc, packed, isOne)
                       .getResult()
                 : isOne;
    access.strides[*loop] = index.constant(1);
  }
  auto branch = scf::IfOp::create(nest.builder, nest.loc, packed,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(nest.builder);
  nest.builder.setInsertionPointToStart(branch.thenBlock());
  Reduction(nest, combiners, options).run();
  nest.accesses = general;
  nest.builder.setInsertionPointToStart(branch.elseBlock());
  Reduction(nest, combiners, options).run();
}
