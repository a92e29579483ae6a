//===- SkipEmptyLoops.cpp - Loops whose bodies would do nothing -----------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/CPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CPUSKIPEMPTYLOOPSPASS
#include "stepwell/Targets/CPU/Passes.h.inc"
} // namespace stepwell

namespace {

bool writesNothing(Operation *op) {
  return op->getNumRegions() == 0 &&
         (isMemoryEffectFree(op) || hasSingleEffect<MemoryEffects::Read>(op));
}

/// Says ahead of a loop whether its body writes nothing, because the loops in
/// there do not run once.
class Foresight {
public:
  explicit Foresight(LoopLikeOpInterface loop) : loop(loop), builder(loop) {}

  /// Whether that can be said at all.
  bool covers(Block &block) {
    bool any = false;
    for (Operation &op : block.without_terminator()) {
      if (writesNothing(&op))
        continue;
      if (!covers(&op))
        return false;
      any = true;
    }
    return any;
  }

  Value isEmpty(Block &block) {
    Value all;
    for (Operation &op : block.without_terminator())
      if (!writesNothing(&op)) {
        Value each = isEmpty(&op);
        all = all ? arith::AndIOp::create(builder, op.getLoc(), all, each)
                        .getResult()
                  : each;
      }
    return all;
  }

  /// Whether an empty body leaves what the loop carries as it was.
  static bool carriesOn(scf::ForOp loop) {
    return llvm::all_of(
        llvm::zip(loop.getYieldedValues(), loop.getRegionIterArgs()),
        [](auto pair) {
          auto [value, carried] = pair;
          if (value == carried)
            return true;
          auto inner = value.template getDefiningOp<scf::ForOp>();
          return inner &&
                 inner.getInitArgs()[cast<OpResult>(value).getResultNumber()] ==
                     carried;
        });
  }

private:
  bool covers(Operation *op) {
    if (auto inner = dyn_cast<scf::ForOp>(op))
      return hasKnownRange(inner) || coversBody(inner);
    auto branch = dyn_cast<scf::IfOp>(op);
    return branch && branch.getNumResults() == 0 &&
           branch.elseBlock() == nullptr && isKnown(branch.getCondition());
  }

  Value isEmpty(Operation *op) {
    Location loc = op->getLoc();
    if (auto branch = dyn_cast<scf::IfOp>(op)) {
      Value yes = arith::ConstantIntOp::create(builder, loc, 1, 1);
      return arith::XOrIOp::create(builder, loc, ahead(branch.getCondition()),
                                   yes);
    }
    auto inner = cast<scf::ForOp>(op);
    Value body = coversBody(inner) ? isEmpty(*inner.getBody()) : Value();
    if (!hasKnownRange(inner))
      return body;
    Value none = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sge,
                                       ahead(inner.getLowerBound()),
                                       ahead(inner.getUpperBound()));
    return body ? arith::OrIOp::create(builder, loc, none, body).getResult()
                : none;
  }

  bool coversBody(scf::ForOp inner) {
    return carriesOn(inner) && covers(*inner.getBody());
  }

  /// A range that is known to the compiler is no news.
  bool hasKnownRange(scf::ForOp inner) {
    return !(getConstantIntValue(inner.getLowerBound()) &&
             getConstantIntValue(inner.getUpperBound())) &&
           isKnown(inner.getLowerBound()) && isKnown(inner.getUpperBound());
  }

  /// Whether the value is the same each time, and can be had before.
  bool isKnown(Value value, int depth = 0) {
    if (loop.isDefinedOutsideOfLoop(value))
      return true;
    Operation *op = value.getDefiningOp();
    return op && depth < kDepth && op->getNumRegions() == 0 && isPure(op) &&
           llvm::all_of(
               op->getOperands(),
               [&](Value operand) { return isKnown(operand, depth + 1); });
  }

  Value ahead(Value value) {
    if (loop.isDefinedOutsideOfLoop(value))
      return value;
    if (!moved.contains(value)) {
      Operation *op = value.getDefiningOp();
      for (Value operand : op->getOperands())
        if (Value made = ahead(operand); made != operand)
          moved.map(operand, made);
      builder.clone(*op, moved);
    }
    return moved.lookup(value);
  }

  static constexpr int kDepth = 8;
  LoopLikeOpInterface loop;
  OpBuilder builder;
  IRMapping moved;
};

struct CPUSkipEmptyLoops
    : stepwell::impl::CPUSkipEmptyLoopsPassBase<CPUSkipEmptyLoops> {
  void runOnOperation() override {
    SmallVector<LoopLikeOpInterface> loops;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isa<scf::ForOp, scf::ParallelOp>(op))
        loops.push_back(cast<LoopLikeOpInterface>(op));
    });
    for (LoopLikeOpInterface loop : loops)
      if (auto each = dyn_cast<scf::ForOp>(*loop)) {
        if (Foresight::carriesOn(each))
          skip(each, each.getLowerBoundMutable().get(),
               each.getUpperBoundMutable(), *each.getBody());
      } else if (auto shared = cast<scf::ParallelOp>(*loop);
                 shared.getNumResults() == 0) {
        skip(shared, shared.getLowerBound().front(),
             shared.getUpperBoundMutable().slice(0, 1)[0], *shared.getBody());
      }
  }

  /// Ends a loop at its begin where it has nothing to do.
  static void skip(LoopLikeOpInterface loop, Value begin, OpOperand &end,
                   Block &body) {
    Foresight foresight(loop);
    if (getConstantIntValue(end.get()) || !foresight.covers(body))
      return;
    OpBuilder builder(loop);
    Value empty = foresight.isEmpty(body);
    end.set(arith::SelectOp::create(builder, loop.getLoc(), empty, begin,
                                    end.get()));
  }
};

} // namespace
