//===- Bufferize.cpp - Tensors to buffers ---------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Lowering/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_BUFFERIZEPASS
#include "stepwell/Lowering/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {
/// To fill once more costs less than to copy what somebody else also starts
/// from.
void fillForEachUse(IRRewriter &rewriter, Operation *root) {
  SmallVector<linalg::FillOp> fills;
  root->walk([&](linalg::FillOp fill) {
    if (fill.hasPureTensorSemantics() &&
        fill.getDpsInits()[0].getDefiningOp<tensor::EmptyOp>())
      fills.push_back(fill);
  });
  for (linalg::FillOp fill : fills) {
    Operation *empty = fill.getDpsInits()[0].getDefiningOp();
    for (OpOperand &use :
         llvm::make_early_inc_range(fill.getResult(0).getUses())) {
      auto writer = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
      if (!writer || !writer.isDpsInit(&use) || fill->hasOneUse())
        continue;
      rewriter.setInsertionPoint(fill);
      Operation *own = rewriter.clone(*empty);
      Operation *filled = rewriter.clone(*fill);
      cast<linalg::FillOp>(filled).getDpsInitsMutable()[0].set(
          own->getResult(0));
      use.set(filled->getResult(0));
    }
  }
}

struct Bufferize : stepwell::impl::BufferizePassBase<Bufferize> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    fillForEachUse(rewriter, getOperation());
    if (failed(bufferization::eliminateEmptyTensors(rewriter, getOperation())))
      return signalPassFailure();
    bufferization::OneShotBufferizationOptions options;
    options.memCpyFn = [](OpBuilder &builder, Location loc, Value from,
                          Value to) -> LogicalResult {
      if (from != to)
        linalg::CopyOp::create(builder, loc, from, to);
      return success();
    };
    bufferization::BufferizationState state;
    if (failed(
            bufferization::runOneShotBufferize(getOperation(), options, state)))
      return signalPassFailure();
  }
};
} // namespace
