//===- LowerContractions.cpp - Sums of products over windows --------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A convolution is a product of matrices: k runs over the elements of a window,
// n over the windows, and only packing B has to know it. Per panel of columns,
// B is copied into a buffer on the stack that stays in the first-level cache; A
// is read in place, one scalar at a time, which works for any strides. C's old
// value is added after the loop over k.
//===----------------------------------------------------------------------===//
#include "Contractions.h"
#include "LoopNest.h"

#include "stepwell/Targets/CPU/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CPULOWERCONTRACTIONSPASS
#include "stepwell/Targets/CPU/Passes.h.inc"
} // namespace stepwell

using namespace stepwell::cpu;

namespace {

class Contraction {
public:
  /// `stores`: there are no old sums to add to.
  Contraction(LoopNest &nest, const Roles &roles, unsigned vectorBits, bool fma,
              bool stores)
      : nest(nest), builder(nest.builder), loc(nest.loc), roles(roles),
        fma(fma), stores(stores) {
    element = nest.accesses[2].element;
    if (isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32)
      element = builder.getF32Type();
    lanes = vectorBits / element.getIntOrFloatBitWidth();
    rows = vectorBits == 512 ? 14 : 6;
    // A panel leaves room in the first-level cache for rows of A.
    depth = vectorBits == 512 ? 1024 : 288;
    if (element.getIntOrFloatBitWidth() > 32)
      depth /= 2;
    // Equal tiles waste less than full ones and a small rest.
    if (auto known = getConstantIntValue(nest.ranges[roles.m])) {
      int64_t tiles = (*known + rows - 1) / rows;
      rows = std::max<int64_t>(1, (*known + tiles - 1) /
                                      std::max<int64_t>(1, tiles));
    }
    if (auto known = getConstantIntValue(nest.ranges[roles.n]))
      if (*known <= lanes)
        vectors = 1;
    // Pieces of k hold whole channels, as many each, if windows are small
    // enough.
    taps = 1;
    for (unsigned part : ArrayRef(roles.kParts).drop_front())
      taps *= getConstantIntValue(nest.ranges[part]).value_or(depth + 1);
    int64_t whole = taps <= depth ? taps : 1;
    depth -= depth % whole;
    if (auto known = getConstantIntValue(nest.ranges[roles.k])) {
      int64_t channels = (*known + whole - 1) / whole;
      int64_t most = depth / whole;
      int64_t pieces = std::max<int64_t>((channels + most - 1) / most, 1);
      depth = std::max<int64_t>((channels + pieces - 1) / pieces, 1) * whole;
    }
    columns = lanes * vectors;
  }

  void run() {
    auto function = nest.op->getParentOfType<func::FuncOp>();
    OpBuilder entry = OpBuilder::atBlockBegin(&function.getBody().front());
    auto stack = [&](int64_t size) -> Value {
      auto type = MemRefType::get({size}, element);
      return memref::AllocaOp::create(entry, loc, type,
                                      entry.getI64IntegerAttr(64));
    };
    panel = stack(depth * columns);
    tile = stack(rows * columns);
    turns = memref::AllocaOp::create(
        entry, loc, MemRefType::get({2 * vectors}, builder.getIndexType()));
    places = memref::AllocaOp::create(
        entry, loc, MemRefType::get({columns}, builder.getIndexType()));
    nest.loop(roles.outer, [&] { build(); });
  }

private:
  using Rows = SmallVector<Value>;

  IndexBuilder index() { return nest.index(); }
  OpFoldResult size(unsigned loop) { return nest.ranges[loop]; }
  Type vectorType() { return vectorOf(element, lanes); }

  void forRange(OpFoldResult begin, OpFoldResult end, int64_t step,
                llvm::function_ref<void(Value)> inner) {
    nest.range(begin, end, step, {}, [&](Value at, ValueRange) {
      inner(at);
      return SmallVector<Value>();
    });
  }

  Value compare(arith::CmpIPredicate predicate, OpFoldResult a,
                OpFoldResult b) {
    return arith::CmpIOp::create(builder, loc, predicate, index().value(a),
                                 index().value(b));
  }

  /// A one-dimensional window into an operand, displaced along some loops.
  Value window(unsigned operand, OpFoldResult offset, OpFoldResult step) {
    const Access &access = nest.accesses[operand];
    auto fixed = [](OpFoldResult x) {
      return getConstantIntValue(x).value_or(ShapedType::kDynamic);
    };
    auto type =
        MemRefType::get({ShapedType::kDynamic}, access.element,
                        StridedLayoutAttr::get(builder.getContext(),
                                               fixed(offset), {fixed(step)}));
    // The size is never looked at; any will do.
    OpFoldResult some = index().value(index().constant(1));
    return memref::ReinterpretCastOp::create(builder, loc, type, access.base,
                                             offset, {some}, {step});
  }

  OpFoldResult offset(unsigned operand,
                      ArrayRef<std::pair<unsigned, OpFoldResult>> moves) {
    OpFoldResult at = nest.accesses[operand].offset;
    for (auto [loop, count] : moves)
      at = index().add(
          at, index().mul(count, nest.accesses[operand].strides[loop]));
    return at;
  }

  /// An input's element, or a vector of them, in the type of the sums.
  Value widen(Value value, unsigned operand) {
    Type from = nest.accesses[operand].element;
    if (from == element)
      return value;
    Type to = element;
    if (auto vector = dyn_cast<VectorType>(value.getType()))
      to = vector.clone(element);
    Operation *user = nullptr;
    for (Operation *candidate :
         nest.op.getBlock()->getArgument(operand).getUsers())
      user = candidate;
    if (isa<arith::ExtSIOp>(user))
      return arith::ExtSIOp::create(builder, loc, to, value);
    if (isa<arith::ExtUIOp>(user))
      return arith::ExtUIOp::create(builder, loc, to, value);
    if (isa<arith::SIToFPOp>(user))
      return arith::SIToFPOp::create(builder, loc, to, value);
    if (isa<arith::UIToFPOp>(user))
      return arith::UIToFPOp::create(builder, loc, to, value);
    return arith::ExtFOp::create(builder, loc, to, value);
  }

  Value multiplyAdd(Value a, Value b, Value sum) {
    if (!isa<FloatType>(element)) {
      Value product = arith::MulIOp::create(builder, loc, a, b);
      return arith::AddIOp::create(builder, loc, product, sum);
    }
    if (fma)
      return vector::FMAOp::create(builder, loc, a, b, sum);
    Value product = arith::MulFOp::create(builder, loc, a, b);
    return arith::AddFOp::create(builder, loc, product, sum);
  }

  /// Pieces of k inside keep what they add to near; outside they keep A near,
  /// where it is larger than the second-level cache.
  void build() {
    auto m = getConstantIntValue(size(roles.m)),
         k = getConstantIntValue(size(roles.k));
    bool sumsStay =
        m && k &&
        *m * *k * element.getIntOrFloatBitWidth() / 8 <= kSecondLevel / 2;
    auto forPieces = [&](llvm::function_ref<void(Value, OpFoldResult)> inner) {
      forRange(index().constant(0), size(roles.k), depth, [&](Value at) {
        if (stores && !(k && *k <= depth))
          isFirst = compare(arith::CmpIPredicate::eq, at, index().constant(0));
        inner(at, index().min(index().constant(depth),
                              index().sub(size(roles.k), at)));
      });
    };
    auto forColumns = [&](llvm::function_ref<void(Value)> inner) {
      forRange(index().constant(0), size(roles.n), columns, inner);
    };
    if (sumsStay)
      forColumns([&](Value n) {
        forPieces(
            [&](Value at, OpFoldResult deep) { buildPanel(at, deep, n); });
      });
    else
      forPieces([&](Value at, OpFoldResult deep) {
        forColumns([&](Value n) { buildPanel(at, deep, n); });
      });
  }

  void buildPanel(Value k, OpFoldResult deep, Value n) {
    OpFoldResult wide =
        index().min(index().constant(columns), index().sub(size(roles.n), n));
    packWindows(k, deep, n, wide);
    forRange(index().constant(0), size(roles.m), rows, [&](Value m) {
      SmallVector<Value> sums = multiplyTile(m, k, deep);
      storeTile(m, n, wide, sums);
    });
  }

  //===--- Windows --------------------------------------------------------===//

  /// The counters of the loops that `at` stands for.
  SmallVector<Value> takeApart(ArrayRef<unsigned> parts, Value at) {
    SmallVector<Value> counters(parts.size());
    for (unsigned i = parts.size(); i-- > 1;) {
      Value range = index().value(size(parts[i]));
      counters[i] = arith::RemUIOp::create(builder, loc, at, range);
      at = arith::DivUIOp::create(builder, loc, at, range);
    }
    counters[0] = at;
    return counters;
  }

  /// The next counters, without a division; beyond the last the first loop goes
  /// on.
  SmallVector<Value> countOn(ArrayRef<unsigned> parts, ValueRange counters) {
    SmallVector<Value> next(counters);
    Value zero = index().value(index().constant(0));
    Value one = index().value(index().constant(1)), step = one;
    for (unsigned i = parts.size(); i-- > 0;) {
      next[i] = arith::AddIOp::create(builder, loc, next[i], step);
      if (i == 0)
        break;
      Value full = compare(arith::CmpIPredicate::eq, next[i], size(parts[i]));
      next[i] = arith::SelectOp::create(builder, loc, full, zero, next[i]);
      step = arith::SelectOp::create(builder, loc, full, one, zero);
    }
    return next;
  }

  /// How far B has moved at these counters.
  OpFoldResult moved(ArrayRef<unsigned> parts, ValueRange counters) {
    OpFoldResult sum = index().constant(0);
    for (auto [loop, counter] : llvm::zip(parts, counters))
      sum = index().add(
          sum, index().mul(counter, nest.accesses[roles.b].strides[loop]));
    return sum;
  }

  /// From a column to the next one in the same row of windows, if the step is
  /// one that vectors can be loaded with.
  std::optional<int64_t> columnStep() {
    auto step = nest.accesses[roles.b].stride(roles.nParts.back());
    return step && (*step == 1 || (*step == 2 && lanes > 1)) ? step
                                                             : std::nullopt;
  }

  /// Writes down where the window of each column begins; columns beyond the
  /// last are the last again. Returns whether the columns of every vector turn
  /// at most once into another row, which lies further on: then all between the
  /// first and the last may be read. `turns` has, for each vector, where its
  /// first column would be, seen from the second row, and the lane of the turn.
  Value placeColumns(Value n, OpFoldResult wide) {
    Value zero = index().value(index().constant(0));
    Value yes = arith::ConstantIntOp::create(builder, loc, 1, 1);
    OpFoldResult step = index().constant(columnStep().value_or(1));
    SmallVector<Value> state = takeApart(roles.nParts, n);
    unsigned counters = state.size();
    state.append({zero, zero, yes});
    OpFoldResult last = index().sub(wide, index().constant(1));
    state = nest.range(
        index().constant(0), index().constant(columns), 1, state,
        [&](Value j, ValueRange carried) {
          ValueRange at = carried.take_front(counters);
          Value before = carried[counters], turned = carried[counters + 1];
          Value good = carried[counters + 2];
          Value place = index().value(moved(roles.nParts, at));
          memref::StoreOp::create(builder, loc, place, places, j);
          Value lane = arith::AndIOp::create(
              builder, loc, j, index().value(index().constant(lanes - 1)));
          Value first =
              compare(arith::CmpIPredicate::eq, lane, index().constant(0));
          Value expected = index().value(index().add(before, step));
          Value differs = arith::CmpIOp::create(
              builder, loc, arith::CmpIPredicate::ne, place, expected);
          Value turns = arith::OrIOp::create(builder, loc, first, differs);
          // A vector's first column is a turn at no lane.
          nest.when(turns, {}, [&] {
            Value start =
                index().value(index().sub(place, index().mul(lane, step)));
            Value at = arith::SelectOp::create(
                builder, loc, first, index().value(index().constant(lanes)),
                lane);
            Value vector = index().value(
                index().sub(j, lane)); // two entries for `lanes` columns
            Value entry = arith::DivUIOp::create(
                builder, loc, vector,
                index().value(index().constant(lanes / 2)));
            memref::StoreOp::create(builder, loc, start, this->turns, entry);
            memref::StoreOp::create(
                builder, loc, at, this->turns,
                index().value(index().add(entry, index().constant(1))));
            return SmallVector<Value>();
          });
          Value one = index().value(index().constant(1));
          turned = index().value(index().add(
              turned, arith::SelectOp::create(builder, loc, differs, one, zero)
                          .getResult()));
          turned = arith::SelectOp::create(builder, loc, first, zero, turned);
          Value fits =
              compare(arith::CmpIPredicate::sle, turned, index().constant(1));
          Value forward = arith::CmpIOp::create(
              builder, loc, arith::CmpIPredicate::sge, place, expected);
          forward = arith::OrIOp::create(builder, loc, first, forward);
          good = arith::AndIOp::create(builder, loc, good, fits);
          good = arith::AndIOp::create(builder, loc, good, forward);
          SmallVector<Value> next = countOn(roles.nParts, at);
          Value more = compare(arith::CmpIPredicate::slt, j, last);
          for (auto [counter, old] : llvm::zip(next, at))
            counter = arith::SelectOp::create(builder, loc, more, counter, old);
          next.append({place, turned, good});
          return next;
        });
    return state.back();
  }

  /// A vector of elements `columnStep()` apart.
  Value loadColumns(Value from, Value at) {
    const Access &b = nest.accesses[roles.b];
    auto type = cast<VectorType>(vectorOf(b.element, lanes));
    Value low = vector::LoadOp::create(builder, loc, type, from, at);
    if (columnStep() == 1)
      return low;
    // The second begins one early, so that it ends with the last element.
    Value middle = index().value(index().add(at, index().constant(lanes - 1)));
    Value high = vector::LoadOp::create(builder, loc, type, from, middle);
    SmallVector<int64_t> pick;
    for (int64_t i = 0; i < lanes; ++i)
      pick.push_back(2 * i < lanes ? 2 * i : 2 * i + 1);
    return vector::ShuffleOp::create(builder, loc, low, high, pick);
  }

  /// Where each row of a panel comes from and goes to, channel by channel: the
  /// taps of a window are written out, so nothing counts through them.
  void forChannels(Value k, OpFoldResult deep,
                   llvm::function_ref<void(Value, OpFoldResult)> pack) {
    const Access &b = nest.accesses[roles.b];
    ArrayRef<unsigned> parts = roles.kParts;
    OpFoldResult whole = index().constant(taps);
    auto divide = [&](OpFoldResult x) -> OpFoldResult {
      if (taps == 1)
        return x;
      if (auto known = getConstantIntValue(x))
        return index().constant(*known / taps);
      return arith::DivUIOp::create(builder, loc, index().value(x),
                                    index().value(whole))
          .getResult();
    };
    OpFoldResult first = divide(k);
    forRange(index().constant(0), divide(deep), 1, [&](Value channel) {
      OpFoldResult start =
          index().add(b.offset, index().mul(index().add(first, channel),
                                            b.strides[parts[0]]));
      OpFoldResult to =
          index().mul(index().mul(channel, whole), index().constant(columns));
      for (int64_t tap = 0; tap < taps; ++tap) {
        OpFoldResult from = start;
        int64_t rest = tap;
        for (unsigned part : llvm::reverse(parts.drop_front())) {
          int64_t range = *getConstantIntValue(size(part));
          from = index().add(from, index().mul(index().constant(rest % range),
                                               b.strides[part]));
          rest /= range;
        }
        pack(window(roles.b, from, index().constant(1)),
             index().add(to, index().constant(tap * columns)));
      }
    });
  }

  void packWindows(Value k, OpFoldResult deep, Value n, OpFoldResult wide) {
    const Access &b = nest.accesses[roles.b];
    Value smooth = placeColumns(n, wide);
    if (!columnStep())
      smooth = arith::ConstantIntOp::create(builder, loc, 0, 1);
    auto place = [&](Value j) -> Value {
      return memref::LoadOp::create(builder, loc, places, j);
    };
    auto forRows =
        [&](llvm::function_ref<void(Value from, OpFoldResult to)> pack) {
          if (taps <= kUnrolledTaps && depth % taps == 0)
            return forChannels(k, deep, pack);
          nest.range(index().constant(0), deep, 1, takeApart(roles.kParts, k),
                     [&](Value i, ValueRange at) {
                       OpFoldResult start =
                           index().add(b.offset, moved(roles.kParts, at));
                       pack(window(roles.b, start, index().constant(1)),
                            index().mul(i, index().constant(columns)));
                       return countOn(roles.kParts, at);
                     });
        };
    auto branch = scf::IfOp::create(builder, loc, TypeRange(), smooth,
                                    /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(branch.thenBlock());
    SmallVector<Value> starts, seconds, firsts;
    Type lane = builder.getI32Type();
    SmallVector<int32_t> numbers;
    for (int64_t i = 0; i < lanes; ++i)
      numbers.push_back(i);
    auto laneType = cast<VectorType>(vectorOf(lane, lanes));
    Value iota = arith::ConstantOp::create(
        builder, loc, laneType,
        DenseElementsAttr::get(laneType, ArrayRef(numbers)));
    for (unsigned v = 0; v < vectors; ++v) {
      auto entry = [&](int64_t i) -> Value {
        return memref::LoadOp::create(
            builder, loc, turns, index().value(index().constant(2 * v + i)));
      };
      starts.push_back(place(index().value(index().constant(v * lanes))));
      seconds.push_back(entry(0));
      Value turn = arith::IndexCastOp::create(builder, loc, lane, entry(1));
      turn = vector::BroadcastOp::create(builder, loc, laneType, turn);
      firsts.push_back(arith::CmpIOp::create(
          builder, loc, arith::CmpIPredicate::slt, iota, turn));
    }
    forRows([&](Value from, OpFoldResult to) {
      for (unsigned v = 0; v < vectors; ++v) {
        Value value = arith::SelectOp::create(builder, loc, firsts[v],
                                              loadColumns(from, starts[v]),
                                              loadColumns(from, seconds[v]));
        OpFoldResult lane = index().add(to, index().constant(v * lanes));
        vector::StoreOp::create(builder, loc, widen(value, roles.b), panel,
                                index().value(lane));
      }
    });
    builder.setInsertionPointToStart(branch.elseBlock());
    forRows([&](Value from, OpFoldResult to) {
      forRange(index().constant(0), index().constant(columns), 1, [&](Value j) {
        Value value = memref::LoadOp::create(builder, loc, from, place(j));
        memref::StoreOp::create(builder, loc, widen(value, roles.b), panel,
                                index().value(index().add(to, j)));
      });
    });
  }

  //===--- Tiles ----------------------------------------------------------===//

  /// rows * vectors sums over `deep` steps of k. Rows beyond the last are the
  /// last row again.
  SmallVector<Value> multiplyTile(Value m, Value k, OpFoldResult deep) {
    auto known = getConstantIntValue(size(roles.m));
    bool whole = known && *known % rows == 0;
    Rows from;
    OpFoldResult last = index().sub(size(roles.m), index().constant(1));
    for (unsigned i = 0; i < rows; ++i) {
      OpFoldResult row = index().add(m, index().constant(i));
      if (!whole)
        row = index().min(row, last);
      from.push_back(window(roles.a,
                            offset(roles.a, {{roles.m, row}, {roles.k, k}}),
                            nest.accesses[roles.a].strides[roles.k]));
    }
    Value zero = arith::ConstantOp::create(builder, loc, vectorType(),
                                           builder.getZeroAttr(vectorType()));
    SmallVector<Value> init(rows * vectors, zero);
    return nest.range(
        index().constant(0), deep, 1, init, [&](Value i, ValueRange carried) {
          SmallVector<Value> sums(carried), columnsOfB;
          OpFoldResult at = index().mul(i, index().constant(columns));
          for (unsigned v = 0; v < vectors; ++v)
            columnsOfB.push_back(vector::LoadOp::create(
                builder, loc, cast<VectorType>(vectorType()), panel,
                index().value(index().add(at, index().constant(v * lanes)))));
          for (unsigned r = 0; r < rows; ++r) {
            Value a = widen(memref::LoadOp::create(builder, loc, from[r], i),
                            roles.a);
            Value splat =
                vector::BroadcastOp::create(builder, loc, vectorType(), a);
            for (unsigned v = 0; v < vectors; ++v) {
              Value &sum = sums[r * vectors + v];
              sum = multiplyAdd(splat, columnsOfB[v], sum);
            }
          }
          return sums;
        });
  }

  /// `sum`, and what `load` finds unless this is the first piece of k.
  Value addToOld(Value sum, llvm::function_ref<Value()> load) {
    if (!stores)
      return addTo(load(), sum);
    if (!isFirst)
      return narrowed(sum);
    auto branch =
        scf::IfOp::create(builder, loc, narrowed(sum).getType(), isFirst,
                          /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(builder, loc, narrowed(sum));
    builder.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(builder, loc, addTo(load(), sum));
    return branch.getResult(0);
  }

  Value narrowed(Value sum) {
    Type to = nest.accesses[2].element;
    if (to == element)
      return sum;
    if (auto vector = dyn_cast<VectorType>(sum.getType()))
      to = vector.clone(to);
    return arith::TruncFOp::create(builder, loc, to, sum);
  }

  Value addTo(Value old, Value sum) {
    bool narrow = nest.accesses[2].element != element;
    if (narrow)
      old = arith::ExtFOp::create(builder, loc, sum.getType(), old);
    Value total = isa<FloatType>(element)
                      ? Value(arith::AddFOp::create(builder, loc, old, sum))
                      : Value(arith::AddIOp::create(builder, loc, old, sum));
    return narrowed(total);
  }

  void storeTile(Value m, Value n, OpFoldResult wide, ArrayRef<Value> sums) {
    const Access &c = nest.accesses[2];
    auto knownRows = getConstantIntValue(size(roles.m));
    auto knownColumns = getConstantIntValue(size(roles.n));
    bool always = knownRows && *knownRows % rows == 0 && knownColumns &&
                  *knownColumns % columns == 0;
    if (c.stride(roles.n) != 1)
      return storePart(m, n, wide, sums);
    if (always)
      return storeWhole(m, n, sums);
    Value whole = arith::AndIOp::create(
        builder, loc,
        compare(arith::CmpIPredicate::eq, wide, index().constant(columns)),
        compare(arith::CmpIPredicate::sle,
                index().add(m, index().constant(rows)), size(roles.m)));
    auto branch = scf::IfOp::create(builder, loc, TypeRange(), whole,
                                    /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(branch.thenBlock());
    storeWhole(m, n, sums);
    builder.setInsertionPointToStart(branch.elseBlock());
    storePart(m, n, wide, sums);
  }

  void storeWhole(Value m, Value n, ArrayRef<Value> sums) {
    auto type = cast<VectorType>(vectorOf(nest.accesses[2].element, lanes));
    for (unsigned r = 0; r < rows; ++r) {
      Value row =
          window(2,
                 offset(2, {{roles.m, index().add(m, index().constant(r))},
                            {roles.n, n}}),
                 index().constant(1));
      for (unsigned v = 0; v < vectors; ++v) {
        Value at = index().value(index().constant(v * lanes));
        Value total = addToOld(sums[r * vectors + v], [&]() -> Value {
          return vector::LoadOp::create(builder, loc, type, row, at);
        });
        vector::StoreOp::create(builder, loc, total, row, at);
      }
    }
  }

  /// Through a buffer on the stack, so that there is little code for it.
  void storePart(Value m, Value n, OpFoldResult wide, ArrayRef<Value> sums) {
    for (auto [i, sum] : llvm::enumerate(sums))
      vector::StoreOp::create(builder, loc, sum, tile,
                              index().value(index().constant(i * lanes)));
    OpFoldResult high =
        index().min(index().constant(rows), index().sub(size(roles.m), m));
    forRange(index().constant(0), high, 1, [&](Value r) {
      Value row =
          window(2, offset(2, {{roles.m, index().add(m, r)}, {roles.n, n}}),
                 nest.accesses[2].strides[roles.n]);
      OpFoldResult from = index().mul(r, index().constant(columns));
      OpFoldResult begin = index().constant(0);
      if (nest.accesses[2].stride(roles.n) == 1) {
        OpFoldResult whole = index().roundDown(wide, lanes);
        auto type = cast<VectorType>(vectorOf(nest.accesses[2].element, lanes));
        forRange(begin, whole, lanes, [&](Value j) {
          Value sum = vector::LoadOp::create(
              builder, loc, cast<VectorType>(vectorType()), tile,
              index().value(index().add(from, j)));
          Value total = addToOld(sum, [&]() -> Value {
            return vector::LoadOp::create(builder, loc, type, row, j);
          });
          vector::StoreOp::create(builder, loc, total, row, j);
        });
        begin = whole;
      }
      forRange(begin, wide, 1, [&](Value j) {
        Value sum = memref::LoadOp::create(builder, loc, tile,
                                           index().value(index().add(from, j)));
        Value total = addToOld(sum, [&]() -> Value {
          return memref::LoadOp::create(builder, loc, row, j);
        });
        memref::StoreOp::create(builder, loc, total, row, j);
      });
    });
  }

  LoopNest &nest;
  OpBuilder &builder;
  Location loc;
  const Roles &roles;
  bool fma, stores;
  Value isFirst; // whether the piece of k is the first one
  Type element;  // of the sums
  int64_t lanes, rows, vectors = 2, columns, depth;
  /// Of a window, where its size is known; more than `depth` otherwise.
  int64_t taps;
  static constexpr int64_t kSecondLevel = 512 << 10;
  /// Code for so many is worth having.
  static constexpr int64_t kUnrolledTaps = 9;
  Value panel, tile, places, turns;
};

struct CPULowerContractions
    : stepwell::impl::CPULowerContractionsPassBase<CPULowerContractions> {
  using CPULowerContractionsPassBase::CPULowerContractionsPassBase;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (op.hasPureBufferSemantics() && isProductSum(op))
        ops.push_back(op);
    });
    for (linalg::LinalgOp op : ops)
      lower(op);
  }

  void lower(linalg::LinalgOp op) {
    OpBuilder builder(op);
    FailureOr<LoopNest> nest = LoopNest::create(builder, op);
    std::optional<Roles> roles;
    if (succeeded(nest))
      roles = findWindowRoles(*nest);
    bool stores = bool(op->removeAttr(kStoresAttr));
    if (stores && !roles) {
      Value result = op.getDpsInits()[0];
      Value zero = arith::ConstantOp::create(
          builder, op.getLoc(),
          builder.getZeroAttr(getElementTypeOrSelf(result)));
      linalg::FillOp::create(builder, op.getLoc(), zero, result);
    }
    if (failed(nest))
      return;
    if (roles)
      Contraction(*nest, *roles, vectorBits, fma, stores).run();
    else if (!lowerLoneWindows(*nest, vectorBits, fma))
      return;
    op->erase();
  }
};

} // namespace
