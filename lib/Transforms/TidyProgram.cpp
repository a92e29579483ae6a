//===- TidyProgram.cpp - Nothing twice in a Program -----------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_TIDYPROGRAMPASS
#include "stepwell/Transforms/Passes.h.inc"
} // namespace stepwell

namespace {

struct TidyProgram : stepwell::impl::TidyProgramPassBase<TidyProgram> {
  TidyProgram() { fill(); }
  TidyProgram(const stepwell::TidyProgramPassOptions &options)
      : TidyProgramPassBase(options) {
    fill();
  }
  TidyProgram(const TidyProgram &other) : TidyProgramPassBase(other) { fill(); }

  void runOnOperation() override {
    if (hasSeveral(getOperation()) &&
        failed(runPipeline(pipeline, getOperation())))
      signalPassFailure();
  }

private:
  void fill() {
    pipeline.addPass(createCanonicalizerPass());
    pipeline.addPass(createCSEPass());
  }

  bool hasSeveral(ModuleOp module) {
    for (auto function : module.getOps<func::FuncOp>())
      for (Block &block : function.getBody())
        if (block.getOperations().size() > few)
          return true;
    return false;
  }

  OpPassManager pipeline{ModuleOp::getOperationName()};
};

} // namespace
