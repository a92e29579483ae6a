//===- PlantFailure.cpp - A compiler bug on demand ------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Compiler/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/ErrorHandling.h"

#include <csignal>

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_PLANTFAILUREPASS
#include "stepwell/Compiler/Passes.h.inc"
} // namespace stepwell

namespace {
struct PlantFailure : stepwell::impl::PlantFailurePassBase<PlantFailure> {
  using PlantFailurePassBase::PlantFailurePassBase;
  void runOnOperation() override {
    if (kind == "fatal")
      llvm::report_fatal_error("planted fatal error");
    if (kind == "crash")
      std::raise(SIGSEGV);
    Operation *last = getOperation();
    getOperation().walk([&](Operation *op) {
      if (!op->hasTrait<OpTrait::IsTerminator>() && !isa<func::FuncOp>(op) &&
          !isa<ModuleOp>(op))
        last = op;
    });
    last->emitError("planted error");
    signalPassFailure();
  }
};
} // namespace
