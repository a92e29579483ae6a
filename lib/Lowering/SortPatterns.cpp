//===- SortPatterns.cpp - Elements in order -------------------------------===//
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
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;
using namespace stepwell;

namespace {

/// Digits of a radix sort: what their counters take stays in the first cache.
constexpr int64_t kDigitBits = 8, kBuckets = 1 << kDigitBits;
/// So many elements are kept in order one by one; for more, all are sorted.
constexpr int64_t kFewest = 32;

/// A builder with the few operations that sorting takes.
struct Writer {
  OpBuilder &b;
  Location loc;

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value word(int64_t value) {
    return arith::ConstantIntOp::create(b, loc, value, 64);
  }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return arith::MulIOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubIOp::create(b, loc, x, y); }
  Value min(Value x, Value y) { return arith::MinSIOp::create(b, loc, x, y); }
  Value max(Value x, Value y) { return arith::MaxSIOp::create(b, loc, x, y); }
  Value toWord(Value x) {
    return arith::IndexCastUIOp::create(b, loc, b.getI64Type(), x);
  }
  Value toIndex(Value x) {
    return arith::IndexCastUIOp::create(b, loc, b.getIndexType(), x);
  }
  Value read(Value tensor, ValueRange at) {
    return tensor::ExtractOp::create(b, loc, tensor, at);
  }
  Value write(Value tensor, Value value, ValueRange at) {
    return tensor::InsertOp::create(b, loc, value, tensor, at);
  }
  /// Tensors that go round `body` for every index in [0, end).
  SmallVector<Value>
  loop(Value end, ValueRange init,
       llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
    auto made = scf::ForOp::create(b, loc, index(0), end, index(1), init);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(made.getBody());
    scf::YieldOp::create(
        b, loc, body(made.getInductionVar(), made.getRegionIterArgs()));
    return made.getResults();
  }
  SmallVector<Value> choose(Value condition,
                            llvm::function_ref<SmallVector<Value>()> yes,
                            llvm::function_ref<SmallVector<Value>()> no) {
    auto branch = [](llvm::function_ref<SmallVector<Value>()> make) {
      return [make](OpBuilder &b, Location loc) {
        scf::YieldOp::create(b, loc, make());
      };
    };
    return scf::IfOp::create(b, loc, condition, branch(yes), branch(no))
        .getResults();
  }
};

/// Elements as unsigned numbers in the same order, NaN last, descending ones
/// turned round.
class Keys {
public:
  Keys(Type element, bool descending)
      : element(element), descending(descending),
        bits(storageType(element).getIntOrFloatBitWidth()) {}

  unsigned width() const { return bits; }

  Value make(Writer &w, Value stored) const {
    OpBuilder &b = w.b;
    Location loc = w.loc;
    Type type = b.getIntegerType(bits);
    auto constant = [&](APInt value) -> Value {
      return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, value));
    };
    Value sign = constant(APInt::getSignMask(bits));
    Value ones = constant(APInt::getAllOnes(bits));
    Value key = stored;
    if (auto number = dyn_cast<FloatType>(element)) {
      Value raw = arith::BitcastOp::create(b, loc, type, stored);
      Value size = arith::AndIOp::create(
          b, loc, raw, constant(APInt::getSignedMaxValue(bits)));
      Value negative =
          arith::ShRSIOp::create(b, loc, raw, constant(APInt(bits, bits - 1)));
      key = arith::XOrIOp::create(b, loc, raw,
                                  arith::OrIOp::create(b, loc, negative, sign));
      using arith::CmpIPredicate;
      Value none = constant(APInt::getZero(bits));
      Value isZero =
          arith::CmpIOp::create(b, loc, CmpIPredicate::eq, size, none);
      key = arith::SelectOp::create(b, loc, isZero, sign, key);
      Value infinity = constant(
          APFloat::getInf(number.getFloatSemantics()).bitcastToAPInt());
      Value isNaN =
          arith::CmpIOp::create(b, loc, CmpIPredicate::ugt, size, infinity);
      key = arith::SelectOp::create(b, loc, isNaN, ones, key);
    } else if (element.isInteger(1)) {
      key = loadCompared(b, loc, stored, element);
    } else if (!element.isUnsignedInteger()) {
      key = arith::XOrIOp::create(b, loc, stored, sign);
    }
    if (descending)
      key = arith::XOrIOp::create(b, loc, key, ones);
    if (bits < 64)
      key = arith::ExtUIOp::create(b, loc, b.getI64Type(), key);
    return key;
  }

private:
  Type element;
  bool descending;
  unsigned bits;
};

/// A key and a position: one word if both fit, else two.
class Items {
public:
  explicit Items(const Keys &keys) : keys(keys), packed(keys.width() <= 32) {}

  unsigned words() const { return packed ? 1 : 2; }

  SmallVector<Value> make(Writer &w, Value stored, Value at) const {
    Value key = keys.make(w, stored), position = w.toWord(at);
    if (!packed)
      return {key, position};
    key = arith::ShLIOp::create(w.b, w.loc, key, w.word(32));
    return {arith::OrIOp::create(w.b, w.loc, key, position)};
  }

  Value position(Writer &w, ValueRange item) const {
    if (!packed)
      return item[1];
    return arith::AndIOp::create(w.b, w.loc, item[0], w.word(0xffffffff));
  }

  unsigned passes() const { return keys.width() / kDigitBits; }

  Value digit(Writer &w, ValueRange item, Value pass) const {
    Value shift = w.add(w.mul(w.toWord(pass), w.word(kDigitBits)),
                        w.word(packed ? 32 : 0));
    Value digit = arith::ShRUIOp::create(w.b, w.loc, item[0], shift);
    return w.toIndex(
        arith::AndIOp::create(w.b, w.loc, digit, w.word(kBuckets - 1)));
  }

  /// Whether `a` comes before `b`: of equal keys the one that was first.
  Value before(Writer &w, ValueRange a, ValueRange b) const {
    using arith::CmpIPredicate;
    auto compare = [&](CmpIPredicate how, unsigned word) -> Value {
      return arith::CmpIOp::create(w.b, w.loc, how, a[word], b[word]);
    };
    Value less = compare(CmpIPredicate::ult, 0);
    if (packed)
      return less;
    Value tie = arith::AndIOp::create(w.b, w.loc, compare(CmpIPredicate::eq, 0),
                                      compare(CmpIPredicate::ult, 1));
    return arith::OrIOp::create(w.b, w.loc, less, tie);
  }

  /// The number by which items of a row are compared, so that signed ones are
  /// in order; equal ones go by their position if words do not hold it.
  Value compared(Writer &w, ValueRange item) const {
    return arith::XOrIOp::create(w.b, w.loc, item[0], w.word(INT64_MIN));
  }
  bool canTie() const { return !packed; }

private:
  Keys keys;
  bool packed;
};

/// Rows of `input` in order: the first `count` of each, and where they were.
class RowSort {
public:
  RowSort(Writer &w, Value input, Type element, bool descending,
          std::optional<int64_t> count, const TargetInfo &info)
      : w(w), info(info), input(input), element(element),
        items(Keys(element, descending)), count(count),
        inserts(count && *count <= kFewest) {
    rows = dimOf(w.b, w.loc, input, 0);
    length = dimOf(w.b, w.loc, input, 1);
    kept = count ? w.index(*count) : length;
  }

  std::pair<Value, Value> run() {
    OpBuilder &b = w.b;
    Location loc = w.loc;
    int64_t columns = count.value_or(tensorType(input).getDimSize(1));
    auto result = RankedTensorType::get(
        {tensorType(input).getDimSize(0), columns}, storageType(element));
    SmallVector<Value> sizes{rows, kept};
    Value groups = w.max(w.min(rows, w.index(info.sortGroups)), w.index(1));
    Value share = arith::CeilDivSIOp::create(b, loc, rows, groups);
    share = w.max(share, w.index(1));
    groups = arith::CeilDivSIOp::create(b, loc, rows, share);
    SmallVector<Value> inits{
        emptyTensor(b, loc, result, sizes, storageType(element)),
        emptyTensor(b, loc, result, sizes, b.getI64Type())};
    Value taken = inserts ? kept : length;
    int64_t fixed = inserts ? *count : tensorType(input).getDimSize(1);
    auto scratch = [&](ArrayRef<int64_t> shape, ArrayRef<Value> sizes) {
      inits.push_back(emptyTensor(b, loc,
                                  RankedTensorType::get(shape, b.getI64Type()),
                                  sizes, b.getI64Type()));
    };
    // Items before and after a pass lie in planes of one tensor.
    scratch({ShapedType::kDynamic, items.words() * (inserts ? 1 : 2), fixed},
            {groups, {}, taken});
    if (!inserts) {
      scratch({ShapedType::kDynamic, items.passes() * kBuckets}, {groups, {}});
      // The ranks of a short row.
      scratch({ShapedType::kDynamic, shortRow()}, {groups, {}});
    }
    auto forall = scf::ForallOp::create(b, loc, ArrayRef<OpFoldResult>{groups},
                                        inits, /*mapping=*/{});
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(forall.getBody());
    Value group = forall.getInductionVars()[0];
    Value begin = w.mul(group, share);
    Value size = w.min(share, w.sub(rows, begin));
    // The group's part of everything.
    SmallVector<Value> parts;
    SmallVector<std::pair<SmallVector<OpFoldResult>, SmallVector<OpFoldResult>>>
        windows;
    OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
    for (auto [i, whole] : llvm::enumerate(forall.getRegionIterArgs())) {
      int64_t rank = tensorType(whole).getRank();
      SmallVector<OpFoldResult> offsets(rank, zero),
          sizes = tensor::getMixedSizes(b, loc, inits[i]);
      offsets[0] = i < 2 ? begin : group;
      sizes[0] = i < 2 ? OpFoldResult(size) : one;
      windows.push_back({offsets, sizes});
      parts.push_back(tensor::ExtractSliceOp::create(
          b, loc, whole, offsets, sizes, SmallVector<OpFoldResult>(rank, one)));
    }
    parts = w.loop(size, parts, [&](Value row, ValueRange carried) {
      SmallVector<Value> tensors(carried);
      Value from = w.add(begin, row);
      if (inserts) {
        insertRow(from, row, tensors);
        return tensors;
      }
      Value isShort = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sle,
                                            length, w.index(shortRow()));
      auto with =
          [&](void (RowSort::*sort)(Value, Value, SmallVectorImpl<Value> &)) {
            SmallVector<Value> results = tensors;
            (this->*sort)(from, row, results);
            return results;
          };
      if (int64_t known = tensorType(input).getDimSize(1);
          !ShapedType::isDynamic(known))
        return with(known <= shortRow() ? &RowSort::rankRow
                                        : &RowSort::sortRow);
      return w.choose(
          isShort, [&] { return with(&RowSort::rankRow); },
          [&] { return with(&RowSort::sortRow); });
    });
    b.setInsertionPointToStart(forall.getTerminator().getBody());
    for (auto [i, part] : llvm::enumerate(parts))
      tensor::ParallelInsertSliceOp::create(
          b, loc, part, forall.getRegionIterArgs()[i], windows[i].first,
          windows[i].second,
          SmallVector<OpFoldResult>(windows[i].first.size(), one));
    return {forall.getResult(0), forall.getResult(1)};
  }

private:
  /// Up to which length ranks are quicker than counting digits: comparing a key
  /// and its position takes several operations where they are two words.
  int64_t shortRow() const {
    return items.canTie() ? info.rankedRowOfPairs : info.rankedRow;
  }

  SmallVector<Value> place(Value first, unsigned word, Value at) {
    return {w.index(0), w.add(first, w.index(word)), at};
  }

  /// Where a digit of a pass is counted.
  SmallVector<Value> counter(Value pass, Value digit) {
    return {w.index(0), w.add(w.mul(pass, w.index(kBuckets)), digit)};
  }

  /// Items lie word by word in planes, from `first` on.
  SmallVector<Value> readItem(Value tensor, Value first, Value at) {
    SmallVector<Value> item;
    for (unsigned word = 0; word < items.words(); ++word)
      item.push_back(w.read(tensor, place(first, word, at)));
    return item;
  }

  Value writeItem(Value tensor, Value first, ValueRange item, Value at) {
    for (auto [word, value] : llvm::enumerate(item))
      tensor = w.write(tensor, value, place(first, word, at));
    return tensor;
  }

  /// The results of a row, from its items in order.
  void finish(Value from, Value row, SmallVectorImpl<Value> &tensors,
              Value ordered) {
    SmallVector<Value> results = w.loop(
        kept, ArrayRef(tensors).take_front(2), [&](Value at, ValueRange out) {
          Value where = items.position(w, readItem(tensors[2], ordered, at));
          Value value = w.read(input, {from, w.toIndex(where)});
          return SmallVector<Value>{w.write(out[0], value, {row, at}),
                                    w.write(out[1], where, {row, at})};
        });
    tensors[0] = results[0];
    tensors[1] = results[1];
  }

  /// A radix sort from the lowest digit on; each pass keeps the order of the
  /// one before. A digit that all items share takes no pass.
  void sortRow(Value from, Value row, SmallVectorImpl<Value> &tensors) {
    OpBuilder &b = w.b;
    Location loc = w.loc;
    Value &scratch = tensors[2], &counters = tensors[3];
    int64_t passes = items.passes();
    counters = w.loop(
        w.index(passes * kBuckets), counters, [&](Value at, ValueRange t) {
          return SmallVector<Value>{w.write(t[0], w.word(0), {w.index(0), at})};
        })[0];
    // Items, and how often each digit occurs at each place.
    SmallVector<Value> state =
        w.loop(length, {scratch, counters}, [&](Value at, ValueRange t) {
          SmallVector<Value> item =
              items.make(w, w.read(input, {from, at}), at);
          Value counts = t[1];
          for (int64_t pass = 0; pass < passes; ++pass) {
            SmallVector<Value> digit =
                counter(w.index(pass), items.digit(w, item, w.index(pass)));
            Value old = w.read(counts, digit);
            counts = w.write(counts, w.add(old, w.word(1)), digit);
          }
          return SmallVector<Value>{writeItem(t[0], w.index(0), item, at),
                                    counts};
        });
    // A loop over the passes: written out, chains of loops take bufferization
    // time that doubles with each.
    Value zero = w.index(0);
    state = w.loop(
        w.index(passes), {state[0], state[1], zero},
        [&](Value pass, ValueRange t) {
          // Where each bucket starts, and how many the fullest holds.
          SmallVector<Value> starts =
              w.loop(w.index(kBuckets), {t[1], w.word(0), w.word(0)},
                     [&](Value at, ValueRange t) {
                       Value many = w.read(t[0], counter(pass, at));
                       return SmallVector<Value>{
                           w.write(t[0], t[1], counter(pass, at)),
                           w.add(t[1], many), w.max(t[2], many)};
                     });
          Value here = t[2];
          Value there = w.sub(w.index(items.words()), here);
          Value shared = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                               starts[1], starts[2]);
          // No items go round then: the scratch stays as it is.
          Value many = arith::SelectOp::create(b, loc, shared, zero, length);
          SmallVector<Value> moved =
              w.loop(many, {t[0], starts[0]}, [&](Value at, ValueRange t) {
                SmallVector<Value> item = readItem(t[0], here, at);
                SmallVector<Value> digit =
                    counter(pass, items.digit(w, item, pass));
                Value next = w.read(t[1], digit);
                return SmallVector<Value>{
                    writeItem(t[0], there, item, w.toIndex(next)),
                    w.write(t[1], w.add(next, w.word(1)), digit)};
              });
          return SmallVector<Value>{
              moved[0], moved[1],
              arith::SelectOp::create(b, loc, shared, here, there)};
        });
    scratch = state[0];
    counters = state[1];
    finish(from, row, tensors, state[2]);
  }

  /// Each element goes to the place that as many others come before.
  void rankRow(Value from, Value row, SmallVectorImpl<Value> &tensors) {
    OpBuilder &b = w.b;
    Location loc = w.loc;
    Value &keys = tensors[2], &ranks = tensors[4], zero = w.index(0);
    keys = w.loop(length, keys, [&](Value at, ValueRange t) {
      SmallVector<Value> item = items.make(w, w.read(input, {from, at}), at);
      return SmallVector<Value>{
          w.write(t[0], items.compared(w, item), place(zero, 0, at))};
    })[0];
    // The row as a tensor of its own.
    int64_t known = tensorType(input).getDimSize(1);
    OpFoldResult size = ShapedType::isDynamic(known)
                            ? OpFoldResult(length)
                            : OpFoldResult(b.getIndexAttr(known));
    OpFoldResult none = b.getIndexAttr(0), one = b.getIndexAttr(1);
    SmallVector<OpFoldResult> offsets{none, none}, sizes{one, size},
        ones{one, one};
    auto type = RankedTensorType::get({known}, b.getI64Type());
    Value mine = tensor::ExtractSliceOp::create(
        b, loc, type, keys, SmallVector<OpFoldResult>(3, none),
        SmallVector<OpFoldResult>{one, one, size},
        SmallVector<OpFoldResult>(3, one));
    Value counts = tensor::ExtractSliceOp::create(b, loc, type, ranks, offsets,
                                                  sizes, ones);
    counts = linalg::FillOp::create(b, loc, w.word(0), counts).getResult(0);
    AffineExpr other = b.getAffineDimExpr(0), own = b.getAffineDimExpr(1);
    auto map = [&](AffineExpr expr) {
      return AffineMap::get(2, 0, expr, b.getContext());
    };
    using utils::IteratorType;
    counts =
        linalg::GenericOp::create(
            b, loc, type, ValueRange{mine, mine}, counts,
            ArrayRef<AffineMap>{map(other), map(own), map(own)},
            ArrayRef{IteratorType::reduction, IteratorType::parallel},
            [&](OpBuilder &b, Location loc, ValueRange args) {
              Value first = comesFirst(b, loc, args[0], args[1]);
              Value many =
                  arith::ExtUIOp::create(b, loc, b.getI64Type(), first);
              linalg::YieldOp::create(
                  b, loc,
                  arith::AddIOp::create(b, loc, args[2], many).getResult());
            })
            .getResult(0);
    ranks = tensor::InsertSliceOp::create(b, loc, counts, ranks, offsets, sizes,
                                          ones);
    SmallVector<Value> results = w.loop(
        length, ArrayRef(tensors).take_front(2), [&](Value at, ValueRange out) {
          Value place = w.toIndex(w.read(ranks, {zero, at}));
          Value value = w.read(input, {from, at});
          auto put = [&] {
            return SmallVector<Value>{
                w.write(out[0], value, {row, place}),
                w.write(out[1], w.toWord(at), {row, place})};
          };
          if (!count)
            return put();
          Value isKept = arith::CmpIOp::create(
              b, loc, arith::CmpIPredicate::slt, place, kept);
          return w.choose(isKept, put, [&] { return SmallVector<Value>(out); });
        });
    tensors[0] = results[0];
    tensors[1] = results[1];
  }

  /// Whether the element of the outer loop comes before that of the inner one.
  Value comesFirst(OpBuilder &b, Location loc, Value other, Value own) {
    using arith::CmpIPredicate;
    Value less = arith::CmpIOp::create(b, loc, CmpIPredicate::slt, other, own);
    if (!items.canTie())
      return less;
    Value equal = arith::CmpIOp::create(b, loc, CmpIPredicate::eq, other, own);
    Value earlier = arith::CmpIOp::create(b, loc, CmpIPredicate::ult,
                                          linalg::IndexOp::create(b, loc, 0),
                                          linalg::IndexOp::create(b, loc, 1));
    Value tie = arith::AndIOp::create(b, loc, equal, earlier);
    return arith::OrIOp::create(b, loc, less, tie);
  }

  /// The best so far stay in order; few elements get past the last of them.
  void insertRow(Value from, Value row, SmallVectorImpl<Value> &tensors) {
    OpBuilder &b = w.b;
    Location loc = w.loc;
    if (count == 0)
      return;
    SmallVector<Value> state{tensors[2]};
    state.append(items.words(), w.word(0));
    // The last one kept goes along: most elements are compared with it alone.
    tensors[2] = w.loop(length, state, [&](Value at, ValueRange state) {
      SmallVector<Value> item = items.make(w, w.read(input, {from, at}), at);
      Value early =
          arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, at, kept);
      Value wins = arith::OrIOp::create(
          b, loc, early, items.before(w, item, state.drop_front()));
      return w.choose(
          wins, [&] { return pushIn(state[0], item, at, early); },
          [&] { return SmallVector<Value>(state); });
    })[0];
    finish(from, row, tensors, w.index(0));
  }

  /// From the place where the item belongs on, everyone moves up by one; gives
  /// the last one, too.
  SmallVector<Value> pushIn(Value tensor, ArrayRef<Value> item, Value at,
                            Value early) {
    OpBuilder &b = w.b;
    Location loc = w.loc;
    SmallVector<Value> init{tensor};
    llvm::append_range(init, item);
    SmallVector<Value> state =
        w.loop(w.min(at, kept), init, [&](Value at, ValueRange state) {
          ValueRange hand = state.drop_front();
          SmallVector<Value> old = readItem(state[0], w.index(0), at);
          Value moves = items.before(w, hand, old);
          SmallVector<Value> put, left;
          for (auto [mine, there] : llvm::zip(hand, old)) {
            put.push_back(arith::SelectOp::create(b, loc, moves, mine, there));
            left.push_back(arith::SelectOp::create(b, loc, moves, there, mine));
          }
          SmallVector<Value> next{writeItem(state[0], w.index(0), put, at)};
          llvm::append_range(next, left);
          return next;
        });
    // The one left over has a place of its own as long as there are some.
    Value grown = w.choose(
        early,
        [&] {
          return SmallVector<Value>{writeItem(
              state[0], w.index(0), ArrayRef(state).drop_front(), at)};
        },
        [&] { return SmallVector<Value>{state[0]}; })[0];
    SmallVector<Value> next{grown};
    llvm::append_range(
        next, readItem(grown, w.index(0),
                       w.sub(w.min(w.add(at, w.index(1)), kept), w.index(1))));
    return next;
  }

  Writer &w;
  const TargetInfo &info;
  Value input;
  Type element;
  Items items;
  std::optional<int64_t> count;
  bool inserts;
  Value rows, length, kept;
};

template <typename Op> struct OrderPattern : OpConversionPattern<Op> {
  OrderPattern(const TypeConverter &converter, MLIRContext *context,
               const TargetInfo &info)
      : OpConversionPattern<Op>(converter, context), info(info) {}
  TargetInfo info;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    RankedTensorType type = tensorType(input);
    int64_t rank = type.getRank(), dim = op.getDim();
    Writer w{b, loc};
    // Rows: the dimension last, the others as one.
    SmallVector<Value> sizes(rank), all;
    SmallVector<int64_t> shape;
    for (int64_t i = 0; i < rank; ++i)
      all.push_back(dimOf(b, loc, input, i));
    // Where there is nothing there are no rows to slice.
    if (llvm::is_contained(tensorType(op.getResult(0)).getShape(), 0)) {
      SmallVector<Value> none;
      for (Value result : op.getResults()) {
        RankedTensorType wanted = tensorType(result);
        none.push_back(emptyTensor(b, loc, wanted, all,
                                   storageType(wanted.getElementType())));
      }
      b.replaceOp(op, none);
      return success();
    }
    SmallVector<int64_t> order;
    for (int64_t i = 0; i < rank; ++i)
      if (i != dim)
        order.push_back(i);
    order.push_back(dim);
    bool moves = dim != rank - 1;
    if (moves) {
      SmallVector<AffineExpr> exprs(rank);
      for (auto [place, from] : llvm::enumerate(order)) {
        exprs[from] = b.getAffineDimExpr(place);
        shape.push_back(type.getDimSize(from));
        sizes[place] = all[from];
      }
      input = moveElements(
          b, loc, input, AffineMap::get(rank, 0, exprs, b.getContext()),
          RankedTensorType::get(shape, elementOf(input)), sizes);
    }
    SmallVector<ReassociationIndices> groups;
    if (rank > 2) {
      groups.emplace_back(llvm::to_vector(llvm::seq<int64_t>(0, rank - 1)));
      groups.push_back({rank - 1});
      input = tensor::CollapseShapeOp::create(b, loc, input, groups);
    } else if (rank == 1) {
      groups.push_back({0, 1});
      auto flat =
          RankedTensorType::get({1, type.getDimSize(0)}, elementOf(input));
      input = tensor::ExpandShapeOp::create(
          b, loc, flat, input, groups,
          {b.getIndexAttr(1), tensor::getMixedSize(b, loc, input, 0)});
    }
    bool descending;
    std::optional<int64_t> count;
    if constexpr (std::is_same_v<Op, array::SortOp>) {
      descending = op.getDescending();
    } else {
      descending = op.getLargest();
      count = op.getK();
    }
    auto [values, indices] =
        RowSort(w, input, elementOf(op.getInput()), descending, count, info)
            .run();
    SmallVector<Value> sorted{values, indices}, results;
    for (auto [made, result] : llvm::zip(sorted, op.getResults())) {
      RankedTensorType wanted = tensorType(result).clone(elementOf(made));
      Value back = made;
      if (rank == 1)
        back = tensor::CollapseShapeOp::create(b, loc, wanted, back, groups);
      if (rank > 2) {
        SmallVector<int64_t> moved;
        SmallVector<OpFoldResult> extents;
        for (int64_t from : order) {
          moved.push_back(wanted.getDimSize(from));
          extents.push_back(wanted.isDynamicDim(from)
                                ? OpFoldResult(all[from])
                                : b.getIndexAttr(wanted.getDimSize(from)));
        }
        back = tensor::ExpandShapeOp::create(b, loc, wanted.clone(moved), back,
                                             groups, extents);
      }
      if (moves) {
        SmallVector<AffineExpr> exprs;
        for (int64_t from : order)
          exprs.push_back(b.getAffineDimExpr(from));
        back = moveElements(b, loc, back,
                            AffineMap::get(rank, 0, exprs, b.getContext()),
                            wanted, all);
      }
      results.push_back(back);
    }
    b.replaceOp(op, results);
    return success();
  }
};

} // namespace

void stepwell::populateSortPatterns(const TypeConverter &converter,
                                    RewritePatternSet &patterns,
                                    const TargetInfo &info) {
  patterns.add<OrderPattern<array::SortOp>, OrderPattern<array::TopkOp>>(
      converter, patterns.getContext(), info);
}
