//===- LowerLoops.cpp - Loops and branches as blocks ----------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/CPU/Passes.h"

#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Rewrite/PatternApplicator.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CPULOWERLOOPSPASS
#include "stepwell/Targets/CPU/Passes.h.inc"
} // namespace stepwell

namespace {

struct CPULowerLoops : stepwell::impl::CPULowerLoopsPassBase<CPULowerLoops> {
  FrozenRewritePatternSet patterns;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet all(context);
    populateSCFToControlFlowConversionPatterns(all);
    patterns = std::move(all);
    return success();
  }

  void runOnOperation() override {
    PatternApplicator applicator(patterns);
    applicator.applyDefaultCostModel();
    PatternRewriter rewriter(&getContext());
    // A parallel loop becomes one that is not.
    for (SmallVector<Operation *> ops = find(); !ops.empty(); ops = find())
      for (Operation *op : ops) {
        rewriter.setInsertionPoint(op);
        if (failed(applicator.matchAndRewrite(op, rewriter))) {
          op->emitError("no blocks can be made of this");
          return signalPassFailure();
        }
      }
  }

private:
  /// The last first: each moves what follows in its block into a new one, which
  /// so is no more than what lies before the next.
  SmallVector<Operation *> find() {
    SmallVector<Operation *> ops;
    getOperation()->walk<WalkOrder::PreOrder, ReverseIterator>(
        [&](Operation *op) {
          if (isa_and_nonnull<scf::SCFDialect>(op->getDialect()) &&
              op->getNumRegions())
            ops.push_back(op);
        });
    return ops;
  }
};

} // namespace
