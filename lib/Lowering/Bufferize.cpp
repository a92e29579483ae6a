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

/// Whether nothing looks at `value` after `op`, which does.
bool isLastUser(Operation *op, Value value) {
  return llvm::all_of(value.getUses(), [&](OpOperand &use) {
    Operation *user = op->getBlock()->findAncestorOpInBlock(*use.getOwner());
    return user && (user == op || user->isBeforeInBlock(op) ||
                    isa<tensor::DimOp>(user));
  });
}

/// The operand whose memory can take the result: a temporary that `op` is the
/// last to read, element by element.
OpOperand *findReusable(linalg::GenericOp op, OpOperand &init) {
  if (!init.get().getDefiningOp<tensor::EmptyOp>() ||
      !op.getMatchingBlockArgument(&init).use_empty())
    return nullptr;
  AffineMap map = op.getMatchingIndexingMap(&init);
  for (OpOperand *input : op.getDpsInputOperands()) {
    Value value = input->get();
    auto maker = value.getDefiningOp<linalg::GenericOp>();
    if (!maker || value.getType() != init.get().getType() ||
        maker->getBlock() != op->getBlock() ||
        op.getMatchingIndexingMap(input) != map ||
        llvm::count(op->getOperands(), value) != 1 || !isLastUser(op, value))
      continue;
    Value place = maker.getDpsInits()[cast<OpResult>(value).getResultNumber()];
    // What a product adds to is as new.
    if (auto fill = place.getDefiningOp<linalg::FillOp>();
        fill && fill->hasOneUse())
      place = fill.getDpsInits()[0];
    if (place.getDefiningOp<tensor::EmptyOp>())
      return input;
  }
  return nullptr;
}

/// An elementwise operation writes over the temporary that it reads, which then
/// is where the result is wanted.
void overwriteTemporaries(IRRewriter &rewriter, Operation *root) {
  SmallVector<linalg::GenericOp> ops;
  root->walk([&](linalg::GenericOp op) {
    if (op.hasPureTensorSemantics() && op.getNumDpsInits() == 1 &&
        op.getNumParallelLoops() == op.getNumLoops())
      ops.push_back(op);
  });
  for (linalg::GenericOp op : ops) {
    OpOperand &init = op.getDpsInitsMutable()[0];
    OpOperand *input = findReusable(op, init);
    if (!input)
      continue;
    unsigned number = input->getOperandNumber();
    SmallVector<Value> inputs(op.getDpsInputs());
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    Value place = inputs[number];
    inputs.erase(inputs.begin() + number);
    maps.erase(maps.begin() + number);
    rewriter.setInsertionPoint(op);
    auto made = linalg::GenericOp::create(rewriter, op.getLoc(),
                                          op.getResultTypes(), inputs, place,
                                          maps, op.getIteratorTypesArray());
    made.getRegion().takeBody(op.getRegion());
    Block &body = made.getRegion().front();
    body.getArgument(number).replaceAllUsesWith(body.getArguments().back());
    body.eraseArgument(number);
    rewriter.replaceOp(op, made);
  }
}

struct Bufferize : stepwell::impl::BufferizePassBase<Bufferize> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    fillForEachUse(rewriter, getOperation());
    overwriteTemporaries(rewriter, getOperation());
    if (failed(bufferization::eliminateEmptyTensors(rewriter, getOperation())))
      return signalPassFailure();
    bufferization::OneShotBufferizationOptions options;
    // Iterations that run at the same time write parts of their own.
    options.checkParallelRegions = false;
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
