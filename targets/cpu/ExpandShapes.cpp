//===- ExpandShapes.cpp - More dimensions over the same memory ------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's expansion of strided metadata derives the strides of a group from
// its static sizes, and crashes where two of them are unknown.
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/CPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CPUEXPANDSHAPESPASS
#include "stepwell/Targets/CPU/Passes.h.inc"
} // namespace stepwell

namespace {

struct CPUExpandShapes
    : stepwell::impl::CPUExpandShapesPassBase<CPUExpandShapes> {
  void runOnOperation() override {
    SmallVector<memref::ExpandShapeOp> work;
    getOperation()->walk([&](memref::ExpandShapeOp op) {
      bool unknown = false;
      for (ReassociationIndices group : op.getReassociationIndices())
        unknown |= llvm::count_if(group, [&](int64_t dim) {
                     return op.getResultType().isDynamicDim(dim);
                   }) > 1;
      if (unknown)
        work.push_back(op);
    });
    for (memref::ExpandShapeOp op : work)
      expand(op);
  }

  static void expand(memref::ExpandShapeOp op) {
    OpBuilder b(op);
    Location loc = op.getLoc();
    MemRefType type = op.getResultType();
    auto source = memref::ExtractStridedMetadataOp::create(b, loc, op.getSrc());
    SmallVector<int64_t> known;
    int64_t knownOffset;
    (void)type.getStridesAndOffset(known, knownOffset);
    SmallVector<OpFoldResult> sizes = op.getMixedOutputShape(),
                              strides(type.getRank());
    for (auto [i, group] : llvm::enumerate(op.getReassociationIndices())) {
      Value stride = source.getStrides()[i];
      for (int64_t dim : llvm::reverse(group)) {
        strides[dim] = ShapedType::isDynamic(known[dim])
                           ? OpFoldResult(stride)
                           : b.getIndexAttr(known[dim]);
        Value size = getValueOrCreateConstantIndexOp(b, loc, sizes[dim]);
        stride = arith::MulIOp::create(b, loc, stride, size);
      }
    }
    OpFoldResult offset = ShapedType::isDynamic(knownOffset)
                              ? OpFoldResult(source.getOffset())
                              : b.getIndexAttr(knownOffset);
    Value cast = memref::ReinterpretCastOp::create(
        b, loc, type, source.getBaseBuffer(), offset, sizes, strides);
    op.replaceAllUsesWith(cast);
    op.erase();
  }
};

} // namespace
