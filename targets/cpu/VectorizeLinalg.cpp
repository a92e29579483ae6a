//===- VectorizeLinalg.cpp - From linalg on buffers to loops ----------------
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "MergeFunctions.h"
#include "Vectorize.h"

#include "stepwell/Targets/CPU/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CPUVECTORIZELINALGPASS
#include "stepwell/Targets/CPU/Passes.h.inc"
} // namespace stepwell

using namespace stepwell::cpu;

namespace {

struct CPUVectorizeLinalg
    : stepwell::impl::CPUVectorizeLinalgPassBase<CPUVectorizeLinalg> {
  using CPUVectorizeLinalgPassBase::CPUVectorizeLinalgPassBase;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](memref::CopyOp copy) {
      OpBuilder builder(copy);
      linalg::CopyOp::create(builder, copy.getLoc(), copy.getSource(),
                             copy.getTarget());
      copy.erase();
    });
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops)
      if (failed(lower(op)))
        return signalPassFailure();
    outlineRareCases(getOperation());
  }

  LogicalResult lower(linalg::LinalgOp op) {
    if (!op.hasPureBufferSemantics())
      return op->emitError("still has tensors; buffers are expected here");
    if (SmallVector<linalg::LinalgOp> made; readRows(op, made)) {
      op->erase();
      return success(llvm::all_of(
          made, [&](linalg::LinalgOp copy) { return succeeded(lower(copy)); }));
    }
    if (vectorize(op)) {
      op->erase();
      return success();
    }
    IRRewriter rewriter(op);
    if (failed(linalg::linalgOpToLoops(rewriter, op)))
      return op->emitError("cannot be turned into loops");
    rewriter.eraseOp(op);
    return success();
  }

  bool vectorize(linalg::LinalgOp op) {
    bool reduces = op.getNumReductionLoops() != 0;
    if (op.getNumLoops() == 0 ||
        !BodyEmitter::isVectorizable(op, /*reads=*/!reduces))
      return false;
    if (op.getNumParallelLoops() + op.getNumReductionLoops() !=
        op.getNumLoops())
      return false;
    SmallVector<Operation *> combiners;
    std::optional<PositionBody> position;
    if (reduces) {
      combiners = findCombiners(op);
      if (combiners.empty())
        position = findPosition(op);
      if (combiners.empty() && !position)
        return false;
    }
    OpBuilder builder(op);
    FailureOr<LoopNest> nest = LoopNest::create(builder, op);
    if (failed(nest))
      return false;
    VectorOptions options{vectorBits, narrowMasks, unroll};
    nest->narrowMasks = narrowMasks;
    if (position)
      vectorizePosition(*nest, *position, options);
    else if (reduces)
      vectorizeReduction(*nest, combiners, options);
    else
      vectorizeElementwise(*nest, options);
    return true;
  }
};

} // namespace
