//===- ExpandMath.cpp - Functions as arithmetic ---------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Transforms/Passes.h"

#include "Formula.h"
#include "stepwell/Registration.h"

#include "mlir/Transforms/WalkPatternRewriteDriver.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_EXPANDMATHPASS
#include "stepwell/Transforms/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

template <typename Op, Float (*formula)(Float)>
struct Expand : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    Type element = getElementTypeOrSelf(op.getType());
    if (!element.isF32() && !element.isF64())
      return failure();
    FormulaScope scope(rewriter, op.getLoc(), op.getType());
    rewriter.replaceOp(op, formula(Float(scope, op.getOperand())).value);
    return success();
  }
};

struct ExpandMath : stepwell::impl::ExpandMathPassBase<ExpandMath> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns
        .add<Expand<math::ExpOp, expandExp>, Expand<math::Exp2Op, expandExp2>,
             Expand<math::LogOp, expandLog>>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace

static RegisterPieces passes([] { registerExpandMathPass(); });
