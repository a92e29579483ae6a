//===- KeepIntrinsics.cpp - Functions with an instruction stay ------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/GPU/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_KEEPINTRINSICSPASS
#include "stepwell/Targets/GPU/Passes.h.inc"
} // namespace stepwell

namespace {

struct KeepIntrinsics : stepwell::impl::KeepIntrinsicsPassBase<KeepIntrinsics> {
  void runOnOperation() override {
    getOperation()->walk([](Operation *op) {
      if (!isa<LLVM::SqrtOp, LLVM::FAbsOp, LLVM::FFloorOp, LLVM::FCeilOp,
               LLVM::RoundEvenOp, LLVM::CopySignOp>(op))
        return;
      OpBuilder builder(op);
      // "llvm.intr.sqrt" in MLIR, "llvm.sqrt" in LLVM.
      std::string name = "llvm." + op->getName().stripDialect().substr(5).str();
      auto call = LLVM::CallIntrinsicOp::create(
          builder, op->getLoc(), op->getResult(0).getType(),
          builder.getStringAttr(name), op->getOperands());
      op->replaceAllUsesWith(call);
      op->erase();
    });
  }
};

} // namespace
