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
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CONVERTARRAYTOLINALGPASS
#include "stepwell/Lowering/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

/// What moves tensors about and came before (array::refineTypes, control flow)
/// does so with elements as they are stored.
struct RetypePattern : ConversionPattern {
  RetypePattern(const TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, ArrayRef<Value> operands,
                                ConversionPatternRewriter &b) const override {
    if (!movesTensors(op))
      return failure();
    SmallVector<Type> types;
    if (failed(getTypeConverter()->convertTypes(op->getResultTypes(), types)))
      return failure();
    OperationState state(op->getLoc(), op->getName(), operands, types,
                         llvm::to_vector(op->getDiscardableAttrs()));
    state.propertiesAttr = op->getPropertiesAsAttribute();
    b.replaceOp(op, b.create(state));
    return success();
  }
  static bool movesTensors(Operation *op) {
    return isa<tensor::CastOp, tensor::DimOp, tensor::ExtractSliceOp,
               tensor::InsertSliceOp, bufferization::AllocTensorOp,
               bufferization::MaterializeInDestinationOp>(op);
  }
};

/// The truth value that a branch or loop goes by.
struct ExtractPattern : OpConversionPattern<tensor::ExtractOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(tensor::ExtractOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    if (!op.getType().isInteger(1))
      return failure();
    Value stored = tensor::ExtractOp::create(
        b, op.getLoc(), adaptor.getTensor(), adaptor.getIndices());
    b.replaceOp(op, loadElement(b, op.getLoc(), stored, op.getType()));
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
    patterns.add<RetypePattern, ExtractPattern>(converter, context);

    ConversionTarget target(*context);
    target.addIllegalDialect<array::ArrayDialect>();
    target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp op) {
      return converter.isSignatureLegal(op.getFunctionType()) &&
             converter.isLegal(&op.getBody());
    });
    scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns,
                                                         target);
    target.markUnknownOpDynamicallyLegal([&](Operation *op) {
      return !(isa<func::ReturnOp, tensor::ExtractOp>(op) ||
               RetypePattern::movesTensors(op)) ||
             converter.isLegal(op);
    });
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
