//===- ConvertArrayToLinalg.cpp - Array operations to linalg --------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Lowering/Passes.h"

#include "ArrayPatterns.h"
#include "Elements.h"
#include "stepwell/Array/Array.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CONVERTARRAYTOLINALGPASS
#include "stepwell/Lowering/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

/// Types that know more or fewer sizes than others (array::refineTypes).
struct CastPattern : OpConversionPattern<tensor::CastOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(tensor::CastOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    b.replaceOpWithNewOp<tensor::CastOp>(
        op, getTypeConverter()->convertType(op.getType()), adaptor.getSource());
    return success();
  }
};

struct ConvertArrayToLinalg
    : stepwell::impl::ConvertArrayToLinalgPassBase<ConvertArrayToLinalg> {
  using ConvertArrayToLinalgPassBase::ConvertArrayToLinalgPassBase;

  TargetInfo targetInfo() const {
    TargetInfo info;
    info.runsForall = runsForall;
    info.reportsErrors = reportsErrors;
    info.queryBlock = queryBlock;
    info.keyBlock = keyBlock;
    info.blockElements = blockElements;
    info.sortGroups = sortGroups;
    info.rankedRow = rankedRow;
    info.rankedRowOfPairs = rankedRowOfPairs;
    return info;
  }

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    if (failed(array::refineTypes(getOperation())))
      return signalPassFailure();
    TypeConverter converter;
    converter.addConversion([](Type type) { return type; });
    converter.addConversion([](RankedTensorType type) -> Type {
      return type.clone(storageType(type.getElementType()));
    });

    RewritePatternSet patterns(context);
    for (auto populate : {populateContractionPatterns,
                          populateConvolutionPatterns, populateIndexingPatterns,
                          populatePoolingPatterns, populateRandomPatterns,
                          populateReductionPatterns, populateScanPatterns})
      populate(converter, patterns);
    const TargetInfo info = targetInfo();
    for (auto populate :
         {populateAttentionPatterns, populateAttentionGradientPatterns,
          populateElementwisePatterns, populateSortPatterns,
          populateStructurePatterns})
      populate(converter, patterns, info);
    populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns,
                                                                   converter);
    populateReturnOpTypeConversionPattern(patterns, converter);
    patterns.add<CastPattern>(converter, context);

    ConversionTarget target(*context);
    target.addIllegalDialect<array::ArrayDialect>();
    target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp op) {
      return converter.isSignatureLegal(op.getFunctionType()) &&
             converter.isLegal(&op.getBody());
    });
    target.addDynamicallyLegalOp<tensor::CastOp>([&](tensor::CastOp op) {
      return converter.isLegal(op.getOperation());
    });
    target.markUnknownOpDynamicallyLegal([&](Operation *op) {
      return !isa<func::ReturnOp>(op) || converter.isLegal(op);
    });
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
