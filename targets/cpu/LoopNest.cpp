//===- LoopNest.cpp - Loops over strided buffers ----------------------------
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LoopNest.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace stepwell::cpu;

//===----------------------------------------------------------------------===//
// IndexBuilder
//===----------------------------------------------------------------------===//

Value IndexBuilder::value(OpFoldResult x) const {
  return getValueOrCreateConstantIndexOp(builder, loc, x);
}

OpFoldResult IndexBuilder::add(OpFoldResult a, OpFoldResult b) const {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return constant(*x + *y);
  if (x && *x == 0)
    return b;
  if (y && *y == 0)
    return a;
  return arith::AddIOp::create(builder, loc, value(a), value(b)).getResult();
}

OpFoldResult IndexBuilder::sub(OpFoldResult a, OpFoldResult b) const {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return constant(*x - *y);
  if (y && *y == 0)
    return a;
  return arith::SubIOp::create(builder, loc, value(a), value(b)).getResult();
}

OpFoldResult IndexBuilder::mul(OpFoldResult a, OpFoldResult b) const {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return constant(*x * *y);
  if ((x && *x == 0) || (y && *y == 0))
    return constant(0);
  if (x && *x == 1)
    return b;
  if (y && *y == 1)
    return a;
  return arith::MulIOp::create(builder, loc, value(a), value(b)).getResult();
}

OpFoldResult IndexBuilder::min(OpFoldResult a, OpFoldResult b) const {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return constant(std::min(*x, *y));
  return arith::MinSIOp::create(builder, loc, value(a), value(b)).getResult();
}

OpFoldResult IndexBuilder::roundDown(OpFoldResult x, int64_t step) const {
  if (auto known = getConstantIntValue(x))
    return constant(*known - *known % step);
  // Steps are powers of two.
  return arith::AndIOp::create(builder, loc, value(x), value(constant(-step)))
      .getResult();
}

//===----------------------------------------------------------------------===//
// LoopNest
//===----------------------------------------------------------------------===//

Type stepwell::cpu::vectorOf(Type element, unsigned width) {
  return width ? VectorType::get({int64_t(width)}, element) : element;
}

/// Adds `expression`, linear in the loops, times `stride` to the access.
static LogicalResult addLinear(const IndexBuilder &index, Access &access,
                               AffineExpr expression, OpFoldResult stride) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression)) {
    access.offset = index.add(
        access.offset, index.mul(stride, index.constant(constant.getValue())));
    return success();
  }
  if (auto dim = dyn_cast<AffineDimExpr>(expression)) {
    OpFoldResult &sum = access.strides[dim.getPosition()];
    sum = index.add(sum, stride);
    return success();
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expression);
  if (!binary)
    return failure();
  if (binary.getKind() == AffineExprKind::Add)
    return success(
        succeeded(addLinear(index, access, binary.getLHS(), stride)) &&
        succeeded(addLinear(index, access, binary.getRHS(), stride)));
  auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (binary.getKind() != AffineExprKind::Mul || !factor)
    return failure();
  return addLinear(index, access, binary.getLHS(),
                   index.mul(stride, index.constant(factor.getValue())));
}

FailureOr<LoopNest> LoopNest::create(OpBuilder &builder, linalg::LinalgOp op) {
  LoopNest nest(builder, op);
  IndexBuilder index = nest.index();
  unsigned loops = op.getNumLoops();
  nest.ranges.resize(loops);
  nest.counters.resize(loops);
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    Access access;
    access.strides.assign(loops, index.constant(0));
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type) {
      if (isa<ShapedType>(operand.get().getType()))
        return failure();
      access.scalar = operand.get();
      access.element = operand.get().getType();
      nest.accesses.push_back(access);
      continue;
    }
    auto parts = memref::ExtractStridedMetadataOp::create(builder, nest.loc,
                                                          operand.get());
    access.base = parts.getBaseBuffer();
    access.element = type.getElementType();
    access.offset = parts.getConstifiedMixedOffset();
    SmallVector<OpFoldResult> strides = parts.getConstifiedMixedStrides();
    SmallVector<OpFoldResult> sizes = parts.getConstifiedMixedSizes();
    for (auto [dim, result] : llvm::enumerate(map.getResults())) {
      if (failed(addLinear(index, access, result, strides[dim])))
        return failure();
      if (auto loop = dyn_cast<AffineDimExpr>(result)) {
        OpFoldResult &range = nest.ranges[loop.getPosition()];
        if (!range ||
            (!getConstantIntValue(range) && getConstantIntValue(sizes[dim])))
          range = sizes[dim];
      }
    }
    nest.accesses.push_back(access);
  }
  if (llvm::is_contained(nest.ranges, OpFoldResult()))
    return failure();
  for (Access &access : nest.accesses)
    access.steps = access.strides;
  // A loop that runs once moves nothing.
  for (auto [loop, range] : llvm::enumerate(nest.ranges))
    if (isConstantIntValue(range, 1))
      for (Access &access : nest.accesses)
        access.strides[loop] = index.constant(0);
  return nest;
}

SmallVector<Value> LoopNest::range(
    OpFoldResult begin, OpFoldResult end, int64_t step, ValueRange init,
    llvm::function_ref<SmallVector<Value>(Value, ValueRange)> inner) {
  auto first = getConstantIntValue(begin), last = getConstantIntValue(end);
  if (first && last && *first >= *last)
    return SmallVector<Value>(init);
  if (first && last && *first + step >= *last)
    return inner(index().value(begin), init);
  auto loop =
      scf::ForOp::create(builder, loc, index().value(begin), index().value(end),
                         index().value(index().constant(step)), init);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> results =
      inner(loop.getInductionVar(), loop.getRegionIterArgs());
  // Without values the terminator is there already.
  if (!init.empty())
    scf::YieldOp::create(builder, loc, results);
  return SmallVector<Value>(loop.getResults());
}

SmallVector<Value> LoopNest::loop(ArrayRef<unsigned> dims, ValueRange init,
                                  Inner inner) {
  if (dims.empty())
    return inner(init);
  unsigned dim = dims.front();
  return range(index().constant(0), ranges[dim], 1, init,
               [&](Value counter, ValueRange carried) {
                 SmallVector<OpFoldResult> saved;
                 for (Access &access : accesses) {
                   saved.push_back(access.offset);
                   if (access.base)
                     access.offset =
                         index().add(access.offset,
                                     index().mul(counter, access.strides[dim]));
                 }
                 counters[dim] = counter;
                 SmallVector<Value> results =
                     loop(dims.drop_front(), carried, inner);
                 for (auto [access, offset] : llvm::zip(accesses, saved))
                   access.offset = offset;
                 return results;
               });
}

void LoopNest::loop(ArrayRef<unsigned> dims, llvm::function_ref<void()> inner) {
  loop(dims, ValueRange(), [&](ValueRange) {
    inner();
    return SmallVector<Value>();
  });
}

OpFoldResult LoopNest::rangeAround(unsigned dim, ArrayRef<unsigned> inside) {
  OpFoldResult range = ranges[dim];
  if (getConstantIntValue(range))
    return range;
  Value none = index().value(index().constant(0));
  for (unsigned each : inside)
    if (!getConstantIntValue(ranges[each])) {
      Value empty =
          arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                index().value(ranges[each]), none);
      range = arith::SelectOp::create(builder, loc, empty, none,
                                      index().value(range))
                  .getResult();
    }
  return range;
}

SmallVector<Value>
LoopNest::when(Value condition, ValueRange otherwise,
               llvm::function_ref<SmallVector<Value>()> inner) {
  auto branch = scf::IfOp::create(builder, loc, otherwise.getTypes(), condition,
                                  /*withElseRegion=*/!otherwise.empty());
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(branch.thenBlock());
  SmallVector<Value> results = inner();
  if (otherwise.empty())
    return {};
  scf::YieldOp::create(builder, loc, results);
  builder.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(builder, loc, otherwise);
  return SmallVector<Value>(branch.getResults());
}

Row LoopNest::row(unsigned operand, unsigned loop, unsigned width,
                  bool stored) {
  const Access &access = accesses[operand];
  std::optional<int64_t> stride = access.stride(loop);
  Row row{Row::Splat, access.scalar, access.element, {}};
  if (access.base) {
    // Along a loop of size 1 what is stored has no stride either, but is a
    // place.
    bool still = stride && *stride == 0;
    bool splat = still && !stored;
    if (!splat)
      row.kind = still || (stride && *stride == 1) ? Row::Unit : Row::Strided;
    OpFoldResult step = still ? index().constant(1) : access.strides[loop];
    OpFoldResult size = still ? index().constant(1) : ranges[loop];
    int64_t staticStep =
        getConstantIntValue(step).value_or(ShapedType::kDynamic);
    int64_t staticSize =
        getConstantIntValue(size).value_or(ShapedType::kDynamic);
    int64_t staticOffset =
        getConstantIntValue(access.offset).value_or(ShapedType::kDynamic);
    auto type = MemRefType::get(
        {staticSize}, access.element,
        StridedLayoutAttr::get(builder.getContext(), staticOffset,
                               {staticStep}),
        cast<MemRefType>(access.base.getType()).getMemorySpace());
    row.value = memref::ReinterpretCastOp::create(
        builder, loc, type, access.base, access.offset, {size}, {step});
    if (splat)
      row.value = memref::LoadOp::create(builder, loc, row.value,
                                         index().value(index().constant(0)));
  }
  if (row.kind == Row::Splat && width)
    row.vector = vector::BroadcastOp::create(
        builder, loc, vectorOf(row.element, width), row.value);
  return row;
}

Value LoopNest::mask(Value at, OpFoldResult end, unsigned width) {
  Value left = index().value(index().sub(end, at));
  return vector::CreateMaskOp::create(
      builder, loc, vectorOf(builder.getI1Type(), width), left);
}

Value LoopNest::load(const Row &row, Value at, unsigned width, Value mask,
                     Value end) {
  if (row.kind == Row::Splat) {
    if (!width)
      return row.value;
    auto type = cast<VectorType>(vectorOf(row.element, width));
    if (row.vector.getType() == type)
      return row.vector;
    return vector::BroadcastOp::create(builder, loc, type, row.value);
  }
  if (!width)
    return memref::LoadOp::create(builder, loc, row.value, at);
  auto type = cast<VectorType>(vectorOf(row.element, width));
  bool narrow = row.element.getIntOrFloatBitWidth() < 32 && !narrowMasks;
  if (row.kind == Row::Unit && !mask)
    return vector::LoadOp::create(builder, loc, type, row.value, at);
  if (row.kind == Row::Unit && !narrow) {
    // A divisor that nobody looks at must not trap.
    TypedAttr one = isa<FloatType>(row.element)
                        ? TypedAttr(builder.getFloatAttr(row.element, 1.0))
                        : TypedAttr(builder.getIntegerAttr(row.element, 1));
    Value ones = arith::ConstantOp::create(builder, loc, type,
                                           DenseElementsAttr::get(type, one));
    return vector::MaskedLoadOp::create(builder, loc, type, row.value, at, mask,
                                        ones);
  }
  // Element by element; beyond the end, the last one again.
  SmallVector<Value> elements;
  for (unsigned lane = 0; lane < width; ++lane) {
    OpFoldResult place = index().add(at, index().constant(lane));
    if (mask)
      place = index().min(place, index().sub(end, index().constant(1)));
    elements.push_back(
        memref::LoadOp::create(builder, loc, row.value, index().value(place)));
  }
  return vector::FromElementsOp::create(builder, loc, type, elements);
}

void LoopNest::store(const Row &row, Value value, Value at, unsigned width,
                     Value mask) {
  if (!width) {
    memref::StoreOp::create(builder, loc, value, row.value, at);
  } else if (row.kind == Row::Unit && mask) {
    vector::MaskedStoreOp::create(builder, loc, row.value, at, mask, value);
  } else if (row.kind == Row::Unit) {
    vector::StoreOp::create(builder, loc, value, row.value, at);
  } else {
    assert(!mask && "strided rests are stored element by element");
    for (unsigned lane = 0; lane < width; ++lane) {
      Value element = vector::ExtractOp::create(builder, loc, value, lane);
      Value place = index().value(index().add(at, index().constant(lane)));
      memref::StoreOp::create(builder, loc, element, row.value, place);
    }
  }
}

void LoopNest::storeHere(unsigned operand, Value value) {
  const Access &access = accesses[operand];
  int64_t offset =
      getConstantIntValue(access.offset).value_or(ShapedType::kDynamic);
  auto type =
      MemRefType::get({}, access.element,
                      StridedLayoutAttr::get(builder.getContext(), offset, {}));
  Value place = memref::ReinterpretCastOp::create(
      builder, loc, type, access.base, access.offset, ArrayRef<OpFoldResult>(),
      ArrayRef<OpFoldResult>());
  memref::StoreOp::create(builder, loc, value, place, ValueRange());
}

unsigned LoopNest::unitStrides(unsigned loop) const {
  unsigned count = 0, inputs = op.getNumDpsInputs();
  for (auto [i, access] : llvm::enumerate(accesses))
    if (access.base && access.stride(loop) == 1)
      count += i < inputs ? 1 : 2;
  return count;
}
