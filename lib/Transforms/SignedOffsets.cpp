//===- SignedOffsets.cpp - Strides may be negative ------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Transforms/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_SIGNEDOFFSETSPASS
#include "stepwell/Transforms/Passes.h.inc"
} // namespace stepwell

namespace {

struct SignedOffsets : stepwell::impl::SignedOffsetsPassBase<SignedOffsets> {
  void runOnOperation() override {
    getOperation()->walk([](LLVM::GEPOp op) {
      op.setNoWrapFlags(op.getNoWrapFlags() & ~LLVM::GEPNoWrapFlags::nuw);
    });
  }
};

} // namespace
