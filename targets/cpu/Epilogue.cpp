//===- Epilogue.cpp - What is done to a matrix product at once ------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Epilogue.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace stepwell::cpu;

//===----------------------------------------------------------------------===//
// Finding it
//===----------------------------------------------------------------------===//

/// The buffer behind views; null where it may be a part of another one.
static Value rootOf(Value value) {
  while (auto view = value.getDefiningOp<ViewLikeOpInterface>())
    value = view.getViewSource();
  Operation *maker = value.getDefiningOp();
  bool apart = !maker || isa<memref::AllocOp, memref::GetGlobalOp>(maker);
  return apart ? value : Value();
}

/// What an operation reads or writes, by roots; false where that is not known.
static bool touches(linalg::LinalgOp op, DenseSet<Value> &read,
                    DenseSet<Value> &written) {
  if (!op.hasPureBufferSemantics())
    return false;
  for (Operation &inner : op.getBlock()->without_terminator())
    if (!isMemoryEffectFree(&inner))
      return false;
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    Value root = rootOf(operand.get());
    if (!root)
      return false;
    (op.isDpsInit(&operand) ? written : read).insert(root);
  }
  return true;
}

linalg::GenericOp stepwell::cpu::findEpilogue(linalg::LinalgOp product) {
  DenseSet<Value> read, written;
  Value result = product.getDpsInits()[0];
  if (!touches(product, read, written) ||
      !product.getIndexingMapsArray().back().isProjectedPermutation())
    return {};
  Value root = *written.begin();
  for (Operation *op = product->getNextNode(); op; op = op->getNextNode()) {
    auto linalg = dyn_cast<linalg::LinalgOp>(op);
    if (!linalg) {
      if (isMemoryEffectFree(op) || isa<memref::AllocOp>(op))
        continue;
      return {};
    }
    DenseSet<Value> reads, writes;
    if (!touches(linalg, reads, writes))
      return {};
    auto overwrites = [&](Value operand) { return writes.contains(operand); };
    if (llvm::any_of(read, overwrites))
      return {};
    if (!reads.contains(root) && !writes.contains(root))
      continue;
    auto consumer = dyn_cast<linalg::GenericOp>(op);
    if (!consumer || consumer.getNumParallelLoops() != consumer.getNumLoops())
      return {};
    // Element by element, and nowhere else.
    bool found = false;
    for (OpOperand &operand : consumer->getOpOperands()) {
      if (!isa<MemRefType>(operand.get().getType()))
        continue;
      AffineMap map = consumer.getMatchingIndexingMap(&operand);
      if (!map.isProjectedPermutation(/*allowZeroInResults=*/true))
        return {};
      if (rootOf(operand.get()) != root)
        continue;
      if (operand.get() != result || !map.isPermutation())
        return {};
      found |= consumer.payloadUsesValueFromOperand(&operand);
    }
    return found ? consumer : linalg::GenericOp();
  }
  return {};
}

SmallVector<unsigned> stepwell::cpu::outerLoops(const LoopNest &nest,
                                                const Roles &roles) {
  SmallVector<unsigned> loops;
  auto kinds = nest.op.getIteratorTypesArray();
  for (unsigned loop : roles.outer)
    if (kinds[loop] == utils::IteratorType::parallel)
      loops.push_back(loop);
  return loops;
}

//===----------------------------------------------------------------------===//
// Moving it
//===----------------------------------------------------------------------===//

namespace {

class Outlining {
public:
  Outlining(CodeBuilder &code, ModuleOp module, const LoopNest &nest,
            const Roles &roles, linalg::GenericOp consumer)
      : code(code), module(module), nest(nest), roles(roles),
        consumer(consumer) {}

  Epilogue run() {
    capture();
    SmallVector<Value> values;
    for (Value value : captured)
      values.push_back(code.asStored(value));
    rangesAt = values.size();
    SmallVector<unsigned> outer = outerLoops(nest, roles);
    for (unsigned loop : outer)
      values.push_back(word(nest.ranges[loop]));
    values.push_back(word(nest.ranges[roles.m]));
    Epilogue made;
    made.environment = code.environment(values);

    std::string name;
    for (unsigned i = 0; name.empty() || module.lookupSymbol(name); ++i)
      name = "stepwell.gemm.epilogue" + std::to_string(i);
    SmallVector<Type> arguments{code.pointer};
    arguments.append(5, code.i64);
    SmallVector<Type> types(ValueRange(values).getTypes());
    made.function =
        code.function(module, name, arguments, [&](ValueRange given) {
          build(code.values(given[0], types), outer, given.drop_front());
        });
    return made;
  }

private:
  Value word(OpFoldResult size) {
    if (auto known = getConstantIntValue(size))
      return code.number(*known);
    return arith::IndexCastOp::create(code.builder, code.loc, code.i64,
                                      cast<Value>(size));
  }

  void capture() {
    llvm::SetVector<Value> used(consumer->operand_begin(),
                                consumer->operand_end());
    getUsedValuesDefinedAbove(consumer->getRegions(), used);
    for (Value value : used)
      if (value.getDefiningOp<arith::ConstantOp>())
        constants.push_back(value);
      else
        captured.push_back(value);
  }

  void build(SmallVector<Value> given, ArrayRef<unsigned> outer,
             ValueRange bounds) {
    IRMapping mapping;
    for (auto [value, stored] : llvm::zip(captured, given))
      mapping.map(value, code.asGiven(stored, value.getType()));
    for (Value value : constants)
      code.builder.clone(*value.getDefiningOp(), mapping);
    Value first = bounds[0], m = bounds[1], mEnd = bounds[2], n = bounds[3],
          columns = code.sub(bounds[4], n);
    SmallVector<std::pair<Value, Value>> pieces(nest.ranges.size());
    pieces[roles.n] = {n, columns};
    bool alone = llvm::all_of(outer, [&](unsigned loop) {
      return isConstantIntValue(nest.ranges[loop], 1);
    });
    Value zero = code.number(0), one = code.number(1);
    if (alone) {
      pieces[roles.m] = {m, code.sub(mEnd, m)};
      for (unsigned loop : outer)
        pieces[loop] = {zero, one};
      return clonePiece(mapping, pieces);
    }
    // From one matrix into the next.
    Value rows = code.max(given.back(), one);
    code.range(code.div(m, rows), code.ceilDiv(mEnd, rows), 1, [&](Value t) {
      Value base = code.mul(t, rows);
      Value begin = code.max(code.sub(m, base), zero);
      Value end = code.min(code.sub(mEnd, base), rows);
      pieces[roles.m] = {begin, code.sub(end, begin)};
      Value at = code.add(first, t);
      for (size_t i = outer.size(); i-- > 0;) {
        Value range = given[rangesAt + i];
        pieces[outer[i]] = {i ? code.rem(at, range) : at, one};
        if (i)
          at = code.div(at, range);
      }
      clonePiece(mapping, pieces);
    });
  }

  /// The product's loop that each loop of the consumer stands for.
  SmallVector<unsigned> productLoops() {
    AffineMap made = nest.op.getIndexingMapsArray().back();
    SmallVector<unsigned> loops(consumer.getNumLoops());
    for (OpOperand &operand : consumer->getOpOperands()) {
      if (operand.get() != nest.op.getDpsInits()[0])
        continue;
      AffineMap map = consumer.getMatchingIndexingMap(&operand);
      for (auto [of, by] : llvm::zip(made.getResults(), map.getResults()))
        loops[cast<AffineDimExpr>(by).getPosition()] =
            cast<AffineDimExpr>(of).getPosition();
    }
    return loops;
  }

  void clonePiece(IRMapping mapping, ArrayRef<std::pair<Value, Value>> pieces) {
    OpBuilder &b = code.builder;
    SmallVector<unsigned> loops = productLoops();
    SmallVector<Value> operands;
    DenseMap<std::pair<Value, AffineMap>, Value> windows;
    for (OpOperand &operand : consumer->getOpOperands()) {
      Value whole = mapping.lookupOrDefault(operand.get());
      auto type = dyn_cast<MemRefType>(whole.getType());
      if (!type || !type.getRank()) {
        operands.push_back(whole);
        continue;
      }
      AffineMap map = consumer.getMatchingIndexingMap(&operand);
      Value &window = windows[{whole, map}];
      if (!window) {
        SmallVector<OpFoldResult> offsets, sizes;
        for (AffineExpr result : map.getResults()) {
          auto loop = dyn_cast<AffineDimExpr>(result);
          offsets.push_back(
              loop ? indexOf(b, pieces[loops[loop.getPosition()]].first)
                   : b.getIndexAttr(0));
          sizes.push_back(
              loop ? indexOf(b, pieces[loops[loop.getPosition()]].second)
                   : b.getIndexAttr(1));
        }
        SmallVector<OpFoldResult> strides(sizes.size(), b.getIndexAttr(1));
        window = memref::SubViewOp::create(b, code.loc, whole, offsets, sizes,
                                           strides);
      }
      operands.push_back(window);
    }
    auto piece = cast<linalg::GenericOp>(b.clone(*consumer, mapping));
    piece->setOperands(operands);
    for (auto counter : llvm::make_early_inc_range(
             piece.getBody()->getOps<linalg::IndexOp>())) {
      OpBuilder inside(counter->getContext());
      inside.setInsertionPointAfter(counter);
      Value begin = getValueOrCreateConstantIndexOp(
          inside, code.loc,
          indexOf(inside, pieces[loops[counter.getDim()]].first));
      Value whole = arith::AddIOp::create(inside, code.loc, counter, begin);
      counter.getResult().replaceAllUsesExcept(whole, whole.getDefiningOp());
    }
  }

  OpFoldResult indexOf(OpBuilder &b, Value count) {
    if (auto known = CodeBuilder::known(count))
      return b.getIndexAttr(*known);
    return arith::IndexCastOp::create(b, code.loc, b.getIndexType(), count)
        .getResult();
  }

  CodeBuilder &code;
  ModuleOp module;
  const LoopNest &nest;
  const Roles &roles;
  linalg::GenericOp consumer;
  SmallVector<Value> captured, constants;
  size_t rangesAt = 0;
};

} // namespace

Epilogue stepwell::cpu::outlineEpilogue(CodeBuilder &code, ModuleOp module,
                                        const LoopNest &nest,
                                        const Roles &roles,
                                        linalg::GenericOp consumer) {
  return Outlining(code, module, nest, roles, consumer).run();
}
