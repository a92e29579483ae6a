//===- GridSize.cpp - The number of blocks, without a device library ------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/GPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_GRIDSIZEPASS
#include "stepwell/Targets/GPU/Passes.h.inc"
} // namespace stepwell

namespace {

struct GridSize : stepwell::impl::GridSizePassBase<GridSize> {
  void runOnOperation() override {
    SmallVector<gpu::GridDimOp> dims;
    getOperation()->walk([&](gpu::GridDimOp op) { dims.push_back(op); });
    for (gpu::GridDimOp op : dims) {
      OpBuilder builder(op);
      Location loc = op.getLoc();
      // Code object 5 and later: hidden_block_count_x, _y, _z are the first
      // hidden arguments. They lie in constant memory.
      auto pointer = LLVM::LLVMPointerType::get(&getContext(), 4);
      Value arguments =
          LLVM::CallIntrinsicOp::create(
              builder, loc, pointer,
              builder.getStringAttr("llvm.amdgcn.implicitarg.ptr"),
              ValueRange{})
              .getResult(0);
      Value place = LLVM::GEPOp::create(
          builder, loc, pointer, builder.getI32Type(), arguments,
          ArrayRef<LLVM::GEPArg>{int32_t(op.getDimension())});
      Value count =
          LLVM::LoadOp::create(builder, loc, builder.getI32Type(), place);
      Value index = arith::IndexCastUIOp::create(builder, loc,
                                                 builder.getIndexType(), count);
      op.replaceAllUsesWith(index);
      op.erase();
    }
  }
};

} // namespace
