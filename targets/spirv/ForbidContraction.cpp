//===- ForbidContraction.cpp - Each operation rounds by itself ------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/GPU/Passes.h"

#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_FORBIDCONTRACTIONPASS
#include "stepwell/Targets/GPU/Passes.h.inc"
} // namespace stepwell

namespace {

struct ForbidContraction
    : stepwell::impl::ForbidContractionPassBase<ForbidContraction> {
  void runOnOperation() override {
    getOperation()->walk([](Operation *op) {
      if (isa<spirv::FAddOp, spirv::FSubOp, spirv::FMulOp, spirv::FDivOp,
              spirv::FNegateOp>(op))
        op->setAttr("no_contraction", UnitAttr::get(op->getContext()));
    });
  }
};

} // namespace
