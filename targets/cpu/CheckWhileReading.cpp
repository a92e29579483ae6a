//===- CheckWhileReading.cpp - Indices that are checked where they are used
//-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/CPU/Passes.h"
#include "stepwell/Targets/Target.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CPUCHECKWHILEREADINGPASS
#include "stepwell/Targets/CPU/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

/// The smallest and the largest element of a buffer, and what follows from
/// them.
struct Range {
  linalg::GenericOp op;
  Value indices, least, largest;
  /// The loads of the two, the check, and what it needs of them, in order.
  SmallVector<Operation *> check;
  /// What the largest must be below; the smallest must not be below 0.
  Value limit;
};

/// An element of a buffer, perhaps widened.
BlockArgument narrow(Value value) {
  Operation *maker = value.getDefiningOp();
  if (isa_and_nonnull<arith::ExtSIOp, arith::ExtUIOp>(maker))
    value = maker->getOperand(0);
  return dyn_cast<BlockArgument>(value);
}

/// The one load of what `op` writes there.
memref::LoadOp onlyLoad(Value buffer, Operation *op) {
  memref::LoadOp found;
  for (Operation *user : buffer.getUsers()) {
    if (user == op || isa<linalg::FillOp>(user))
      continue;
    auto load = dyn_cast<memref::LoadOp>(user);
    if (!load || found || load->getBlock() != op->getBlock() ||
        !op->isBeforeInBlock(load))
      return {};
    found = load;
  }
  return found;
}

/// What `value` is compared with, if that is one thing.
Value comparedWith(Value value, arith::CmpIPredicate predicate) {
  Value limit;
  for (Operation *user : value.getUsers()) {
    auto compare = dyn_cast<arith::CmpIOp>(user);
    if (!compare)
      continue;
    if (limit || compare.getPredicate() != predicate ||
        compare.getLhs() != value)
      return {};
    limit = compare.getRhs();
  }
  return limit;
}

std::optional<Range> findRange(linalg::GenericOp op) {
  if (!op.hasPureBufferSemantics() || op.getNumDpsInputs() != 1 ||
      op.getNumDpsInits() != 2 ||
      op.getNumReductionLoops() != op.getNumLoops() ||
      !op.getMatchingIndexingMap(op.getDpsInputOperand(0)).isIdentity())
    return std::nullopt;
  Range range{
      op, op.getDpsInputs()[0], op.getDpsInits()[0], op.getDpsInits()[1], {},
      {}};
  auto yield = cast<linalg::YieldOp>(op.getBlock()->getTerminator());
  auto least = yield.getOperand(0).getDefiningOp<arith::MinSIOp>();
  auto largest = yield.getOperand(1).getDefiningOp<arith::MaxSIOp>();
  Block *body = op.getBlock();
  if (!least || !largest || least.getLhs() != body->getArgument(1) ||
      largest.getLhs() != body->getArgument(2) ||
      narrow(least.getRhs()) != body->getArgument(0) ||
      narrow(largest.getRhs()) != body->getArgument(0))
    return std::nullopt;
  memref::LoadOp loads[2];
  for (auto [load, buffer] : llvm::zip(loads, op.getDpsInits())) {
    if (!buffer.getDefiningOp<memref::AllocOp>())
      return std::nullopt;
    load = onlyLoad(buffer, op);
    if (!load)
      return std::nullopt;
  }
  // Two checks of the same indices may share the two numbers.
  Value lowest = comparedWith(loads[0], arith::CmpIPredicate::slt);
  range.limit = comparedWith(loads[1], arith::CmpIPredicate::sge);
  if (!lowest || !isConstantIntValue(OpFoldResult(lowest), 0) || !range.limit)
    return std::nullopt;
  // Nothing but the check may want the two.
  DenseSet<Operation *> needed{loads[0], loads[1]};
  for (Operation *at = op->getNextNode(); at; at = at->getNextNode()) {
    bool follows = needed.contains(at);
    at->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        follows |=
            operand.getDefiningOp() && needed.contains(operand.getDefiningOp());
    });
    if (!follows)
      continue;
    auto branch = dyn_cast<scf::IfOp>(at);
    if (!needed.contains(at) && !isMemoryEffectFree(at) &&
        !(branch && branch->getNumResults() == 0))
      return std::nullopt;
    needed.insert(at);
    range.check.push_back(at);
  }
  return range;
}

bool isSameNumber(Value size, Value limit) {
  if (auto cast = limit.getDefiningOp<arith::IndexCastOp>())
    return cast.getIn() == size;
  auto known = getConstantIntValue(OpFoldResult(size));
  return known && known == getConstantIntValue(OpFoldResult(limit));
}

/// What reads where the range's elements say, if they fit, and only then.
struct Read {
  linalg::GenericOp op;
  scf::IfOp branch;
  Value index;
};

std::optional<Read> findRead(linalg::GenericOp op, const Range &range) {
  if (!op.hasPureBufferSemantics() ||
      op.getNumParallelLoops() != op.getNumLoops())
    return std::nullopt;
  for (OpOperand *input : op.getDpsInputOperands()) {
    // Every element is looked at.
    AffineMap map = op.getMatchingIndexingMap(input);
    if (input->get() != range.indices || !map.isPermutation())
      continue;
    BlockArgument element = op.getMatchingBlockArgument(input);
    for (auto branch : op.getBlock()->getOps<scf::IfOp>()) {
      auto fits = branch.getCondition().getDefiningOp<arith::CmpIOp>();
      if (!fits || fits.getPredicate() != arith::CmpIPredicate::ult ||
          !branch.elseBlock() || !isSameNumber(fits.getRhs(), range.limit))
        continue;
      auto at = fits.getLhs().getDefiningOp<arith::IndexCastOp>();
      if (at && at.getIn().getType().isInteger(64) &&
          narrow(at.getIn()) == element)
        return Read{op, branch, at.getIn()};
    }
  }
  return std::nullopt;
}

/// The buffer behind views; null for one that may be part of another.
Value rootOf(Value buffer) {
  while (auto view = buffer.getDefiningOp<ViewLikeOpInterface>())
    buffer = view.getViewSource();
  return isa<BlockArgument>(buffer) || buffer.getDefiningOp<memref::AllocOp>()
             ? buffer
             : Value();
}

/// Whether what lies between the two, and the read, leave the indices alone.
bool areKept(const Range &range, const Read &read) {
  Value indices = rootOf(range.indices);
  auto writesOthers = [&](linalg::LinalgOp op) {
    return llvm::all_of(op.getDpsInits(), [&](Value out) {
      Value root = rootOf(out);
      return root && root != indices;
    });
  };
  if (!indices || !writesOthers(read.op))
    return false;
  for (Operation *at = range.op->getNextNode(); at != read.op;
       at = at->getNextNode()) {
    auto linalg = dyn_cast<linalg::LinalgOp>(at);
    if (linalg ? !writesOthers(linalg)
               : !isMemoryEffectFree(at) && !isa<memref::AllocOp>(at) &&
                     !llvm::is_contained(range.check, at))
      return false;
  }
  return true;
}

void join(const Range &range, Read read) {
  OpBuilder b = OpBuilder::atBlockBegin(read.branch.elseBlock());
  Location loc = read.op.getLoc();
  using arith::AtomicRMWKind;
  memref::AtomicRMWOp::create(b, loc, AtomicRMWKind::mins, read.index,
                              range.least, ValueRange());
  memref::AtomicRMWOp::create(b, loc, AtomicRMWKind::maxs, read.index,
                              range.largest, ValueRange());
  Operation *last = read.op;
  for (Operation *check : range.check) {
    if (check->isBeforeInBlock(read.op))
      check->moveAfter(last);
    last = check;
  }
  linalg::GenericOp(range.op).erase();
}

struct CPUCheckWhileReading
    : stepwell::impl::CPUCheckWhileReadingPassBase<CPUCheckWhileReading> {
  using CPUCheckWhileReadingPassBase::CPUCheckWhileReadingPassBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(kEntryAttr))
        run(function.getBody().front());
  }

  static void run(Block &block) {
    for (auto op : llvm::to_vector(block.getOps<linalg::GenericOp>())) {
      std::optional<Range> range = findRange(op);
      if (!range)
        continue;
      for (Operation *at = op->getNextNode(); at; at = at->getNextNode()) {
        auto next = dyn_cast<linalg::GenericOp>(at);
        std::optional<Read> read = next ? findRead(next, *range) : std::nullopt;
        if (!read)
          continue;
        if (areKept(*range, *read))
          join(*range, *read);
        break;
      }
    }
  }
};

} // namespace
