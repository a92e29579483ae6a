//===- Bufferize.cpp - Tensors to buffers ---------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Lowering/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/Bufferize.h"
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
/// Uninitialised memory belongs to the one operand that asks for it. Where an
/// operation has two results of one type, both would else be written into one
/// place: the analysis sees no conflict between values that nobody reads.
void separateEmptyTensors(IRRewriter &rewriter, Operation *root) {
  SmallVector<tensor::EmptyOp> shared;
  root->walk([&](tensor::EmptyOp empty) {
    if (!empty->hasOneUse())
      shared.push_back(empty);
  });
  for (tensor::EmptyOp empty : shared) {
    rewriter.setInsertionPoint(empty);
    for (OpOperand &use : llvm::make_early_inc_range(empty->getUses()))
      if (!empty->hasOneUse())
        use.set(rewriter.clone(*empty)->getResult(0));
  }
}

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

/// A place that is written again and again, slice by slice, would be one set of
/// aliases, of which the analysis looks at all pairs for each member: it is cut
/// into pieces, each of which owns the memory that the one before leaves.
void cutLongChains(IRRewriter &rewriter, Operation *root) {
  constexpr unsigned kLongest = 16;
  DenseMap<Value, unsigned> depth;
  SmallVector<tensor::InsertSliceOp> ends;
  root->walk([&](tensor::InsertSliceOp op) {
    unsigned here = depth.lookup(op.getDest()) + 1;
    if (here == kLongest) {
      ends.push_back(op);
      here = 0;
    }
    depth[op.getResult()] = here;
  });
  for (tensor::InsertSliceOp op : ends) {
    rewriter.setInsertionPointAfter(op);
    RankedTensorType type = op.getType();
    auto buffer = bufferization::ToBufferOp::create(
        rewriter, op.getLoc(),
        MemRefType::get(type.getShape(), type.getElementType()),
        op.getResult());
    auto tensor = bufferization::ToTensorOp::create(
        rewriter, op.getLoc(), type, buffer.getResult(), /*restrict=*/true,
        /*writable=*/true);
    rewriter.replaceAllUsesExcept(op.getResult(), tensor.getResult(), buffer);
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

/// Whether the value may lie in a buffer that was there before: it is no result
/// that was made in a place of its own.
bool mayBeArgument(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<DestinationStyleOpInterface, bufferization::AllocTensorOp>(op))
      return false;
    if (!isa<tensor::CastOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp,
             tensor::ExtractSliceOp>(op))
      break;
    value = op->getOperand(0);
  }
  return true;
}

/// Results are made in memory of their own and copied to where they are wanted
/// at the end, after a copy of each that may lie in what is overwritten then.
/// Nothing can be in the way of anything so.
void copyResultsAtTheEnd(IRRewriter &rewriter, Operation *root) {
  using bufferization::MaterializeInDestinationOp;
  SmallVector<MaterializeInDestinationOp> inTensors, inBuffers;
  root->walk([&](Operation *op) {
    if (auto place = dyn_cast<bufferization::ToTensorOp>(op))
      place.setWritable(false);
    if (auto result = dyn_cast<MaterializeInDestinationOp>(op))
      (isa<TensorType>(result.getDest().getType()) ? inTensors : inBuffers)
          .push_back(result);
  });
  for (MaterializeInDestinationOp result : inTensors)
    rewriter.replaceOp(result, result.getSource());
  for (MaterializeInDestinationOp result : inBuffers) {
    Value source = result.getSource();
    if (!mayBeArgument(source))
      continue;
    // All of them are in one block, the entry's: before the first.
    rewriter.setInsertionPoint(inBuffers.front());
    result.getSourceMutable().set(bufferization::AllocTensorOp::create(
        rewriter, result.getLoc(), cast<RankedTensorType>(source.getType()),
        ValueRange{}, source));
  }
}

struct Bufferize : stepwell::impl::BufferizePassBase<Bufferize> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    separateEmptyTensors(rewriter, getOperation());
    fillForEachUse(rewriter, getOperation());
    overwriteTemporaries(rewriter, getOperation());
    cutLongChains(rewriter, getOperation());
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
    auto placeResults = [&] {
      return success(succeeded(bufferization::eliminateEmptyTensors(
                         rewriter, getOperation())) &&
                     succeeded(bufferization::insertTensorCopies(
                         getOperation(), options, state)));
    };
    if (failed(quietly(placeResults))) {
      copyResultsAtTheEnd(rewriter, getOperation());
      if (failed(placeResults()))
        return signalPassFailure();
    }
    if (failed(bufferization::bufferizeOp(getOperation(), options, state)))
      signalPassFailure();
  }

private:
  LogicalResult quietly(function_ref<LogicalResult()> attempt) {
    ScopedDiagnosticHandler quiet(&getContext(),
                                  [](Diagnostic &) { return success(); });
    return attempt();
  }
};
} // namespace
