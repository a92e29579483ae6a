//===- Batching.cpp - Operations over a batch at once ---------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The records say how (the field `batch`); what they call a rule is here.
//===----------------------------------------------------------------------===//
#include "stepwell/Array/Batching.h"
#include "stepwell/Array/Array.h"
#include "stepwell/Array/Decomposition.h"
#include "stepwell/Semantics/OpenSizes.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace stepwell;
using namespace stepwell::array;

namespace {
enum class Batching { Elementwise, Shift, Fold, Rule };
struct BatchingRow {
  StringRef name;
  Batching kind;
  std::initializer_list<StringRef> dims; // attributes that number dimensions
};
} // namespace

#include "stepwell/Array/ArrayBatching.inc"

static const BatchingRow *lookup(OperationName name) {
  static const llvm::StringMap<const BatchingRow *> rows = [] {
    llvm::StringMap<const BatchingRow *> map;
    for (const BatchingRow &row : kBatching)
      map[row.name] = &row;
    return map;
  }();
  return rows.lookup(name.getStringRef());
}

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Null after an error.
static Value make(OpBuilder &b, Location loc, StringRef name, ValueRange of,
                  ArrayRef<NamedAttribute> attributes = {}) {
  if (llvm::is_contained(of, Value()))
    return {};
  Operation *made = createInferred(b, loc, name, of, attributes);
  return made ? made->getResult(0) : Value();
}

/// A batched value of this rank, with dimensions of size 1 after the batch, so
/// that it broadcasts as it did without one.
static Value alignedBatch(OpBuilder &b, Location loc, Value value,
                          int64_t rank) {
  int64_t own = value ? typeOf(value).getRank() - 1 : rank;
  if (own >= rank)
    return value;
  SmallVector<int64_t> sizes{-1};
  sizes.append(rank - own, 1);
  for (int64_t i = 0; i < own; ++i)
    sizes.push_back(-1 - (1 + i));
  return make(b, loc, "array.reshape", value,
              b.getNamedAttr("sizes", b.getDenseI64ArrayAttr(sizes)));
}

Value array::spreadOverBatch(OpBuilder &b, Location loc, Value value,
                             Value sample) {
  RankedTensorType type = typeOf(value), with = typeOf(sample);
  if (type.hasStaticShape() && !with.isDynamicDim(0)) {
    SmallVector<int64_t> sizes{with.getDimSize(0)};
    llvm::append_range(sizes, type.getShape());
    return make(b, loc, "array.broadcast", value,
                b.getNamedAttr("sizes", b.getDenseI64ArrayAttr(sizes)));
  }
  // What has both shapes: a bool of each element beside one of the value.
  NamedAttribute flag = b.getNamedAttr("dtype", TypeAttr::get(b.getI1Type()));
  SmallVector<int64_t> others =
      llvm::to_vector(llvm::seq<int64_t>(1, with.getRank()));
  Value flags = make(b, loc, "array.cast", sample, flag);
  flags = make(b, loc, "array.any", flags,
               b.getNamedAttr("dims", b.getDenseI64ArrayAttr(others)));
  flags = alignedBatch(b, loc, flags, type.getRank());
  Value beside = make(b, loc, "array.cast", value, flag);
  Value like = make(b, loc, "array.logical_or", ValueRange{flags, beside});
  return make(b, loc, "array.broadcast_like", ValueRange{value, like});
}

namespace {

/// Builds one operation for a batch.
class Batcher {
public:
  using Results = FailureOr<SmallVector<Value>>;

  Batcher(OpBuilder &b, Operation *op, ValueRange operands,
          ArrayRef<bool> batched)
      : b(b), op(op), loc(op->getLoc()), operands(operands), batched(batched) {
    for (auto [operand, has] : llvm::zip(operands, batched))
      if (has && !sample)
        sample = operand;
  }
  Results run();

private:
  int64_t rankOf(unsigned operand) const {
    return typeOf(op->getOperand(operand)).getRank();
  }
  int64_t batchSize() const { return typeOf(sample).getDimSize(0); }

  //===--- What is built
  //---------------------------------------------------===//

  Value make(StringRef name, ValueRange of,
             ArrayRef<NamedAttribute> attributes = {}) {
    return ::make(b, loc, name, of, attributes);
  }
  NamedAttribute named(StringRef name, ArrayRef<int64_t> numbers) {
    return b.getNamedAttr(name, b.getDenseI64ArrayAttr(numbers));
  }
  NamedAttribute named(StringRef name, int64_t number) {
    return b.getNamedAttr(name, b.getI64IntegerAttr(number));
  }
  Value reshape(Value value, ArrayRef<int64_t> sizes) {
    return value ? make("array.reshape", value, named("sizes", sizes))
                 : Value();
  }
  Value transpose(Value value, ArrayRef<int64_t> order) {
    return value ? make("array.transpose", value, named("permutation", order))
                 : Value();
  }
  /// Dimension `from` moves to the place `to`; the others keep their order.
  Value move(Value value, int64_t from, int64_t to) {
    if (!value || from == to)
      return value;
    SmallVector<int64_t> order;
    for (int64_t i = 0; i < typeOf(value).getRank(); ++i)
      if (i != from)
        order.push_back(i);
    order.insert(order.begin() + to, from);
    return transpose(value, order);
  }
  /// The operation again, on other operands and with other attributes.
  Results again(ValueRange of, ArrayRef<NamedAttribute> changed = {}) {
    if (llvm::is_contained(of, Value()))
      return failure();
    NamedAttrList attributes(op->getAttrs());
    for (NamedAttribute each : changed)
      attributes.set(each.getName(), each.getValue());
    Operation *made = createInferred(b, loc, op->getName().getStringRef(), of,
                                     attributes.getAttrs());
    if (!made)
      return failure();
    return SmallVector<Value>(made->getResults());
  }
  Results all(ArrayRef<Value> values) {
    if (llvm::is_contained(values, Value()))
      return failure();
    return SmallVector<Value>(values);
  }

  //===--- Operands
  //--------------------------------------------------------===//

  Value aligned(Value value, int64_t rank) {
    return alignedBatch(b, loc, value, rank);
  }
  Value spread(Value value) {
    return value ? spreadOverBatch(b, loc, value, sample) : Value();
  }
  Value withBatch(unsigned operand) {
    return batched[operand] ? operands[operand] : spread(operands[operand]);
  }
  SmallVector<Value> allWithBatch() {
    SmallVector<Value> values;
    for (unsigned i = 0; i < operands.size(); ++i)
      values.push_back(withBatch(i));
    return values;
  }
  static SmallVector<int64_t> shifted(ArrayRef<int64_t> dims) {
    SmallVector<int64_t> up;
    for (int64_t dim : dims)
      up.push_back(dim + 1);
    return up;
  }
  static SmallVector<int64_t> after(int64_t first, ArrayRef<int64_t> rest) {
    SmallVector<int64_t> numbers{first};
    llvm::append_range(numbers, rest);
    return numbers;
  }
  /// The size of the batch where an attribute must name it.
  FailureOr<int64_t> knownBatch() {
    if (!ShapedType::isDynamic(batchSize()))
      return batchSize();
    return op->emitOpError("needs a batch whose size is known");
  }

  //===--- The batch as a part of a dimension
  //------------------------------===//

  /// Dimension `dim + 1` of the value has dimension 0 in front of it: both
  /// become dimension `dim`.
  Value fold(Value value, int64_t dim) {
    if (!value)
      return {};
    value = move(value, 0, dim);
    SmallVector<int64_t> sizes;
    for (int64_t i = 0; i < typeOf(value).getRank(); ++i)
      if (i == dim)
        sizes.push_back(ShapedType::kDynamic);
      else if (i != dim + 1)
        sizes.push_back(-1 - i);
    return reshape(value, sizes);
  }
  /// The reverse, for a value of a type that it had without the batch.
  Value unfold(Value value, int64_t dim, RankedTensorType type) {
    if (!value)
      return {};
    SmallVector<int64_t> sizes;
    for (int64_t i = 0; i < type.getRank(); ++i) {
      if (i != dim) {
        sizes.push_back(-1 - i);
        continue;
      }
      bool known = !ShapedType::isDynamic(batchSize());
      sizes.push_back(known ? batchSize() : ShapedType::kDynamic);
      sizes.push_back(known ? ShapedType::kDynamic : type.getDimSize(dim));
    }
    if (llvm::count(sizes, ShapedType::kDynamic) > 1) {
      op->emitOpError("needs a batch whose size is known");
      return {};
    }
    return move(reshape(value, sizes), dim, 0);
  }
  Results folded();

  //===--- Rules
  //-----------------------------------------------------------===//

  Results rule(TransposeOp);
  Results rule(BroadcastLikeOp);
  Results rule(ReshapeOp);
  Results rule(PadOp);
  Results rule(SliceOp);
  Results rule(InsertSliceOp);
  Results rule(EmptyOp);
  Results rule(SliceLikeOp);
  Results rule(InsertSliceAtOp);
  /// What has the sizes of an operand after a 0: where a slice begins.
  Value startsAfterBatch(unsigned operand);
  Results rule(CountOp);
  Results rule(MatmulOp);
  Results rule(DotGeneralOp);
  Results rule(Conv2DOp);
  Results rule(Conv2DInputGradientOp);
  Results rule(Conv2DWeightGradientOp);
  Results rule(WrapIndexOp);
  /// A value stretched to sizes.
  Results stretched(ArrayRef<int64_t> sizes);
  template <typename Op> Results byIndex(Op index);
  Results random();

  OpBuilder &b;
  Operation *op;
  Location loc;
  ValueRange operands;
  ArrayRef<bool> batched;
  Value sample; // one that has the batch
};

} // namespace

Batcher::Results Batcher::folded() {
  SmallVector<Value> values;
  int64_t first = typeOf(op->getOperand(0)).getDimSize(0);
  for (unsigned i = 0; i < operands.size(); ++i) {
    // One slice for all, as a mask of attention has it, stays one.
    RankedTensorType type = typeOf(op->getOperand(i));
    bool one = i && type.getDimSize(0) == 1 && first != 1;
    if (one && !batched[i]) {
      values.push_back(operands[i]);
      continue;
    }
    Value value = withBatch(i);
    if (value && one) {
      SmallVector<int64_t> sizes(typeOf(value).getShape());
      sizes[1] = first;
      if (llvm::any_of(sizes, ShapedType::isDynamic))
        return op->emitOpError("needs a batch whose size is known");
      value = make("array.broadcast", value, named("sizes", sizes));
    }
    values.push_back(fold(value, 0));
  }
  Results made = again(values);
  if (failed(made))
    return failure();
  SmallVector<Value> results;
  for (auto [value, result] : llvm::zip(*made, op->getResults()))
    results.push_back(unfold(value, 0, typeOf(result)));
  return all(results);
}

Batcher::Results Batcher::rule(TransposeOp transpose) {
  return again(operands, named("permutation",
                               after(0, shifted(transpose.getPermutation()))));
}

Batcher::Results Batcher::stretched(ArrayRef<int64_t> sizes) {
  Value value = aligned(operands[0], sizes.size());
  if (!value)
    return failure();
  if (!ShapedType::isDynamic(batchSize()))
    return all(make("array.broadcast", value,
                    named("sizes", after(batchSize(), sizes))));
  Value no = createNumber(b, loc, 0, b.getI1Type());
  Value like = spread(make("array.full", no, named("sizes", sizes)));
  return like ? all(make("array.broadcast_like", ValueRange{value, like}))
              : Results(failure());
}

Batcher::Results Batcher::rule(BroadcastLikeOp broadcast) {
  Value input = withBatch(0), like = withBatch(1);
  if (!input || !like)
    return failure();
  if (broadcast.getKeepdim())
    input = aligned(input, rankOf(1));
  return again(ValueRange{input, like},
               named("dims", shifted(broadcast.getDims())));
}

Batcher::Results Batcher::rule(ReshapeOp reshape) {
  SmallVector<int64_t> sizes{-1};
  for (int64_t size : reshape.getSizes())
    sizes.push_back(size < 0 && !ShapedType::isDynamic(size) ? size - 1 : size);
  return again(operands, named("sizes", sizes));
}

Batcher::Results Batcher::rule(PadOp pad) {
  return again(operands, {named("low", after(0, pad.getLow())),
                          named("high", after(0, pad.getHigh()))});
}

Batcher::Results Batcher::rule(SliceOp slice) {
  FailureOr<int64_t> size = knownBatch();
  if (failed(size))
    return failure();
  return again(operands, {named("starts", after(0, slice.getStarts())),
                          named("sizes", after(*size, slice.getSizes())),
                          named("steps", after(1, slice.getSteps()))});
}

Batcher::Results Batcher::rule(InsertSliceOp insert) {
  return again(allWithBatch(), {named("starts", after(0, insert.getStarts())),
                                named("steps", after(1, insert.getSteps()))});
}

Batcher::Results Batcher::rule(EmptyOp empty) {
  rules::OpenShape words; // where each is now
  int64_t next = 0, batch = -1;
  for (unsigned i = 0; i < operands.size(); ++i) {
    if (batched[i]) {
      batch = batch < 0 ? next : batch;
      ++next;
    }
    for (int64_t d = 0; d < rankOf(i); ++d)
      words.push_back(rules::OpenSize::open("v" + std::to_string(next++)));
  }
  std::string sizes = "v" + std::to_string(batch);
  ErrorOr<std::vector<HostExpression>> given =
      parseSizes(empty.getSizes().str(), words.size());
  if (!given)
    return op->emitOpError(given.error().message);
  for (const HostExpression &size : *given)
    sizes += ", " + rules::evaluate(size, words).postfix();
  return again(operands, b.getNamedAttr("sizes", b.getStringAttr(sizes)));
}

Value Batcher::startsAfterBatch(unsigned operand) {
  std::string sizes = "0";
  for (int64_t d = 0; d < rankOf(operand); ++d)
    sizes += ", v" + std::to_string(d + (batched[operand] ? 1 : 0));
  return make("array.empty", operands[operand],
              {b.getNamedAttr("dtype", TypeAttr::get(b.getI1Type())),
               b.getNamedAttr("sizes", b.getStringAttr(sizes))});
}

Batcher::Results Batcher::rule(SliceLikeOp slice) {
  return again({withBatch(0), startsAfterBatch(1), withBatch(2)},
               named("steps", after(1, slice.getSteps())));
}

Batcher::Results Batcher::rule(InsertSliceAtOp insert) {
  return again({withBatch(0), withBatch(1), startsAfterBatch(2)},
               named("steps", after(1, insert.getSteps())));
}

Batcher::Results Batcher::rule(CountOp count) {
  Results made = again(operands, named("dims", shifted(count.getDims())));
  return failed(made) ? made : all(spread(made->front()));
}

Batcher::Results Batcher::rule(MatmulOp) {
  int64_t rank = std::max(rankOf(0), rankOf(1));
  SmallVector<Value> values;
  for (unsigned i = 0; i < 2; ++i)
    values.push_back(batched[i] ? aligned(operands[i], rank) : operands[i]);
  return again(values);
}

Batcher::Results Batcher::rule(DotGeneralOp dot) {
  SmallVector<int64_t> batch[2] = {SmallVector<int64_t>(dot.getInputBatch()),
                                   SmallVector<int64_t>(dot.getOtherBatch())};
  SmallVector<int64_t> contract[2] = {
      SmallVector<int64_t>(dot.getInputContract()),
      SmallVector<int64_t>(dot.getOtherContract())};
  bool both = batched[0] && batched[1];
  for (unsigned i = 0; i < 2; ++i)
    if (batched[i]) {
      batch[i] = both ? after(0, shifted(batch[i])) : shifted(batch[i]);
      contract[i] = shifted(contract[i]);
    }
  Results made = again(operands, {named("input_batch", batch[0]),
                                  named("other_batch", batch[1]),
                                  named("input_contract", contract[0]),
                                  named("other_contract", contract[1])});
  if (failed(made) || both)
    return made;
  // The batch is the first dimension of its operand that is not paired.
  int64_t place = batch[0].size();
  if (batched[1])
    place += rankOf(0) - batch[0].size() - contract[0].size();
  return all(move(made->front(), place, 0));
}

Batcher::Results Batcher::rule(Conv2DOp conv) {
  RankedTensorType type = typeOf(conv.getResult());
  if (!batched[1]) {
    Results made = again({fold(operands[0], 0), operands[1]});
    return failed(made) ? made : all(unfold(made->front(), 0, type));
  }
  FailureOr<int64_t> size = knownBatch();
  if (failed(size))
    return failure();
  // A group for each element of the batch.
  Results made = again({fold(withBatch(0), 1), fold(operands[1], 0)},
                       named("groups", *size * conv.getGroups()));
  return failed(made) ? made : all(unfold(made->front(), 1, type));
}

Batcher::Results Batcher::rule(Conv2DInputGradientOp conv) {
  RankedTensorType type = typeOf(conv.getResult());
  Value gradient = withBatch(0), like = withBatch(2);
  if (!batched[1]) {
    Results made = again({fold(gradient, 0), operands[1], fold(like, 0)});
    return failed(made) ? made : all(unfold(made->front(), 0, type));
  }
  FailureOr<int64_t> size = knownBatch();
  if (failed(size))
    return failure();
  Results made = again({fold(gradient, 1), fold(operands[1], 0), fold(like, 1)},
                       named("groups", *size * conv.getGroups()));
  return failed(made) ? made : all(unfold(made->front(), 1, type));
}

Batcher::Results Batcher::rule(Conv2DWeightGradientOp conv) {
  FailureOr<int64_t> size = knownBatch();
  if (failed(size))
    return failure();
  Results made = again(
      {fold(withBatch(0), 1), fold(withBatch(1), 1), fold(withBatch(2), 0)},
      named("groups", *size * conv.getGroups()));
  return failed(made) ? made
                      : all(unfold(made->front(), 0, typeOf(conv.getResult())));
}

Batcher::Results Batcher::rule(WrapIndexOp) {
  if (batched[1])
    return op->emitOpError("has one size for a whole batch");
  return again(operands);
}

/// index_select, index_add and index_copy: one index for all shifts the
/// dimension; else slices of all elements of the batch lie in one dimension.
template <typename Op> Batcher::Results Batcher::byIndex(Op indexed) {
  int64_t dim = indexed.getDim();
  constexpr bool reads = std::is_same_v<Op, IndexSelectOp>;
  if (!batched[1]) {
    SmallVector<Value> values{withBatch(0), operands[1]};
    if (!reads)
      values.push_back(withBatch(2));
    return again(values, named("dim", dim + 1));
  }
  FailureOr<int64_t> size = knownBatch();
  if (failed(size))
    return failure();
  int64_t slices = typeOf(op->getOperand(0)).getDimSize(dim);
  if (ShapedType::isDynamic(slices))
    return op->emitOpError("needs to know how many slices there are where each "
                           "element of a batch has an index of its own");
  Type element = typeOf(operands[1]).getElementType();
  int64_t ranks = rankOf(1);
  // In range before the slices of the others come in front.
  Value index = make("array.wrap_index",
                     {operands[1], createNumber(b, loc, slices, element)},
                     named("dim", dim));
  if (!index)
    return failure();
  Value first = make("array.iota", index,
                     {b.getNamedAttr("dtype", TypeAttr::get(element)),
                      named("dim", int64_t(0))});
  if (first)
    first = make("array.mul", {first, createNumber(b, loc, slices, element)});
  index = first ? make("array.add", {index, first}) : Value();
  // (batch, slices, rest)
  Value input = fold(move(withBatch(0), 1 + dim, 1), 0);
  if (!index || !input)
    return failure();
  auto place = [&](Value value, bool back) {
    // The index's dimensions stand where `dim` was.
    for (int64_t i = 0; value && i < ranks; ++i) {
      int64_t inside = 1 + dim + (back ? ranks - 1 : i);
      int64_t front = 1 + (back ? 0 : i);
      value = back ? move(value, front, inside) : move(value, inside, front);
    }
    return value;
  };
  SmallVector<Value> values{input, index};
  if (!reads)
    values.push_back(place(withBatch(2), false));
  Results made = again(values, named("dim", int64_t(0)));
  if (failed(made))
    return made;
  if (reads)
    return all(place(made->front(), true));
  SmallVector<int64_t> sizes{*size, slices};
  for (int64_t i = 1; i < rankOf(0); ++i)
    sizes.push_back(-1 - i);
  return all(move(reshape(made->front(), sizes), 1, 1 + dim));
}

/// Every element of the batch draws numbers of its own, of one stream.
Batcher::Results Batcher::random() {
  for (bool each : batched.drop_back())
    if (each)
      return op->emitOpError("has one key and offset for a whole batch");
  return again(operands);
}

Batcher::Results Batcher::run() {
  const BatchingRow *row = lookup(op->getName());
  if (!row)
    return op->emitOpError("cannot be computed for a batch");
  switch (row->kind) {
  case Batching::Elementwise: {
    int64_t rank = typeOf(op->getResult(0)).getRank();
    SmallVector<Value> values;
    for (auto [operand, has] : llvm::zip(operands, batched))
      values.push_back(has ? aligned(operand, rank) : operand);
    return again(values);
  }
  case Batching::Shift: {
    SmallVector<NamedAttribute> changed;
    for (StringRef name : row->dims) {
      mlir::Attribute dims = op->getAttr(name);
      if (auto dim = dyn_cast_or_null<IntegerAttr>(dims))
        changed.push_back(named(name, dim.getInt() + 1));
      else if (auto list = dyn_cast_or_null<DenseI64ArrayAttr>(dims))
        changed.push_back(named(name, shifted(list.asArrayRef())));
    }
    return again(allWithBatch(), changed);
  }
  case Batching::Fold:
    return folded();
  case Batching::Rule:
    break;
  }
  return llvm::TypeSwitch<Operation *, Results>(op)
      .Case<TransposeOp, BroadcastLikeOp, ReshapeOp, PadOp, SliceOp,
            InsertSliceOp, EmptyOp, SliceLikeOp, InsertSliceAtOp, CountOp,
            MatmulOp, DotGeneralOp, Conv2DOp, Conv2DInputGradientOp,
            Conv2DWeightGradientOp, WrapIndexOp>(
          [&](auto each) { return rule(each); })
      .Case<BroadcastOp, FullOp>(
          [&](auto each) { return stretched(each.getSizes()); })
      .Case<IndexSelectOp, IndexAddOp, IndexCopyOp>(
          [&](auto each) { return byIndex(each); })
      .Case<RandomBitsOp, RandomUniformOp, RandomNormalOp, RandomIntegersOp>(
          [&](auto) { return random(); })
      .Default([&](Operation *) {
        return op->emitOpError("cannot be computed for a batch");
      });
}

//===----------------------------------------------------------------------===//
// The interface
//===----------------------------------------------------------------------===//

bool array::isBatchable(OperationName name) { return lookup(name); }

FailureOr<SmallVector<Value>> array::buildBatched(Operation *op,
                                                  OpBuilder &builder,
                                                  ValueRange operands,
                                                  ArrayRef<bool> batched) {
  return Batcher(builder, op, operands, batched).run();
}
