//===- VectorizeReduction.cpp - Loops with reductions -----------------------
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Vectorize.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"

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

  Value combine(unsigned output, Value a, Value b) {
    return body.clone(combiners[output], {a, b});
  }

  Value neutral(unsigned output, unsigned lanes) {
    Type type = vectorOf(element(output), lanes);
    TypedAttr attribute = *arith::getNeutralElement(combiners[output]);
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

  // What is carried, per output: `chains` partial results; for sums of floats
  // instead a sum and the bits that it lost.
  SmallVector<Value> initialState() {
    SmallVector<Value> state;
    for (unsigned i = 0; i < combiners.size(); ++i)
      state.append(keepsLostBits(i) ? 2 : chains,
                   keepsLostBits(i) ? zeros(i) : neutral(i, width));
    return state;
  }

  Value zeros(unsigned output) {
    Type type = vectorOf(element(output), width);
    return arith::ConstantOp::create(nest.builder, nest.loc, type,
                                     nest.builder.getZeroAttr(type));
  }

  /// The first `chains` vectors of every output, taken from the state or new.
  SmallVector<Value> open(ArrayRef<Value> state) {
    SmallVector<Value> partial;
    unsigned next = 0;
    for (unsigned i = 0; i < combiners.size(); ++i) {
      if (keepsLostBits(i)) {
        partial.append(chains, neutral(i, width));
        next += 2;
      } else {
        partial.append(state.begin() + next, state.begin() + next + chains);
        next += chains;
      }
    }
    return partial;
  }

  /// Puts partial results back into the state.
  SmallVector<Value> close(ArrayRef<Value> state, ArrayRef<Value> partial) {
    SmallVector<Value> result;
    unsigned next = 0;
    for (unsigned i = 0; i < combiners.size(); ++i) {
      ArrayRef<Value> own = partial.slice(i * chains, chains);
      if (!keepsLostBits(i)) {
        llvm::append_range(result, own);
        next += chains;
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
    for (unsigned chain = 0; chain < count; ++chain) {
      Value place = nest.index().value(
          nest.index().add(at, nest.index().constant(int64_t(chain) * width)));
      SmallVector<Value> fresh = contributions(rows, place, width, mask);
      for (unsigned i = 0; i < combiners.size(); ++i) {
        Value &slot = result[i * chains + chain];
        Value joined = combine(i, slot, fresh[i]);
        slot = mask ? select(mask, {joined}, {slot}).front() : joined;
      }
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
    SmallVector<Value> state =
        nest.loop(reduced, initialState(), [&](ValueRange carried) {
          return row(SmallVector<Value>(carried));
        });
    unsigned next = 0;
    for (unsigned i = 0; i < combiners.size(); ++i) {
      Value result;
      if (keepsLostBits(i)) {
        result = horizontal(i, settle(state[next], state[next + 1]));
        next += 2;
      } else {
        result =
            horizontal(i, tree(i, ArrayRef<Value>(state).slice(next, chains)));
        next += chains;
      }
      Row out = nest.row(inputs + i, loop, 0);
      nest.storeHere(inputs + i, combine(i, out.value, result));
    }
  }

  //===--------------------------------------------------------------------===//
  // The vectors run along a dimension that stays.
  //===--------------------------------------------------------------------===//

  /// One vector of results, with several rows joined to it.
  void join(ArrayRef<Row> outs, ArrayRef<SmallVector<Row>> rows,
            ArrayRef<Value> counters, Value at, unsigned lanes,
            Value mask = {}) {
    Value end = mask ? nest.index().value(nest.ranges[loop]) : Value();
    SmallVector<Value> partial;
    for (const Row &out : outs)
      partial.push_back(nest.load(out, at, lanes, mask, end));
    for (auto [row, counter] : llvm::zip(rows, counters)) {
      nest.counters[reduced.back()] = counter;
      SmallVector<Value> fresh = contributions(row, at, lanes, mask);
      for (auto [i, slot] : llvm::enumerate(partial))
        slot = combine(i, slot, fresh[i]);
    }
    for (auto [out, result] : llvm::zip(outs, partial))
      nest.store(out, result, at, lanes, mask);
  }

  /// Joins `count` rows from `from` on with the results. The results stay in
  /// the cache meanwhile, and memory is read in order.
  void pass(Value from, unsigned count) {
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
    SmallVector<Row> outs;
    bool scalarRest = width == 1;
    for (unsigned i = 0; i < combiners.size(); ++i) {
      outs.push_back(nest.row(inputs + i, loop, 0));
      scalarRest |= outs.back().kind != Row::Unit ||
                    (element(i).getIntOrFloatBitWidth() < 32 && !narrow);
    }
    OpFoldResult begin = index.constant(0), end = nest.ranges[loop];
    auto joinRange = [&](OpFoldResult to, unsigned lanes) {
      nest.range(begin, to, std::max(1u, lanes), {}, [&](Value at, ValueRange) {
        join(outs, rows, counters, at, lanes);
        return SmallVector<Value>();
      });
      begin = to;
    };
    if (width > 1)
      joinRange(index.roundDown(end, width), width);
    auto first = getConstantIntValue(begin), last = getConstantIntValue(end);
    if (first && last && *first >= *last)
      return;
    if (scalarRest)
      return joinRange(end, 0);
    Value at = index.value(begin);
    Value some =
        arith::CmpIOp::create(nest.builder, nest.loc, arith::CmpIPredicate::slt,
                              at, index.value(end));
    nest.when(some, {}, [&] {
      join(outs, rows, counters, at, width, nest.mask(at, end, width));
      return SmallVector<Value>();
    });
  }

  void reduceAcross() {
    IndexBuilder index = nest.index();
    nest.loop(ArrayRef<unsigned>(reduced).drop_back(), [&] {
      OpFoldResult rows = nest.ranges[reduced.back()];
      OpFoldResult whole = index.roundDown(rows, chains);
      auto passes = [&](OpFoldResult from, OpFoldResult to, unsigned count) {
        nest.range(from, to, count, {}, [&](Value at, ValueRange) {
          pass(at, count);
          return SmallVector<Value>();
        });
      };
      passes(index.constant(0), whole, chains);
      if (chains > 1)
        passes(whole, rows, 1);
    });
  }

  LoopNest &nest;
  BodyEmitter body;
  ArrayRef<Operation *> combiners;
  unsigned inputs, loop = 0, width = 0, chains = 1;
  bool inner = false, narrow = false;
  SmallVector<unsigned> parallel, reduced;
};

} // namespace

void stepwell::cpu::vectorizeReduction(LoopNest &nest,
                                       ArrayRef<Operation *> combiners,
                                       const VectorOptions &options) {
  Reduction(nest, combiners, options).run();
}
