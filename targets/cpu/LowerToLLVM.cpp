//===- LowerToLLVM.cpp - The last conversion ---------------------------------
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/CPU/Passes.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/LoweringOptions.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CPULOWERTOLLVMPASS
#include "stepwell/Targets/CPU/Passes.h.inc"
} // namespace stepwell

namespace {

bool isBF16(Type type) { return getElementTypeOrSelf(type).isBF16(); }

bool needsExpansion(Operation *op) {
  if (isa<arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(op))
    return true;
  if (auto extend = dyn_cast<arith::ExtFOp>(op))
    return isBF16(extend.getIn().getType());
  if (auto truncate = dyn_cast<arith::TruncFOp>(op))
    return isBF16(truncate.getType());
  return false;
}

/// Conversions are integer arithmetic by now, and all else only moves bf16
/// about. As an LLVM type it would not be safe there: inserting one into a
/// vector calls `__truncsfbf2`.
struct BF16Constant : ConvertOpToLLVMPattern<arith::ConstantOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(arith::ConstantOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (!isBF16(op.getType()))
      return failure();
    Attribute bits;
    if (auto number = dyn_cast<FloatAttr>(op.getValue()))
      bits = rewriter.getIntegerAttr(rewriter.getI16Type(),
                                     number.getValue().bitcastToAPInt());
    else if (auto elements = dyn_cast<DenseElementsAttr>(op.getValue()))
      bits = elements.bitcast(rewriter.getI16Type());
    else
      return failure();
    rewriter.replaceOpWithNewOp<LLVM::ConstantOp>(
        op, getTypeConverter()->convertType(op.getType()), bits);
    return success();
  }
};

/// Upstream makes fmuladd of it, which the code generator splits again unless
/// it may fuse what it likes.
struct VectorFMA : ConvertOpToLLVMPattern<vector::FMAOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(vector::FMAOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (op.getVectorType().getRank() != 1)
      return failure();
    rewriter.replaceOpWithNewOp<LLVM::FMAOp>(
        op, adaptor.getLhs(), adaptor.getRhs(), adaptor.getAcc());
    return success();
  }
};

struct CPULowerToLLVM : stepwell::impl::CPULowerToLLVMPassBase<CPULowerToLLVM> {
  /// Made once for all the modules that the pass sees.
  struct Conversion {
    Conversion(MLIRContext *context)
        : options(context), converter(context, options) {}
    LowerToLLVMOptions options;
    LLVMTypeConverter converter;
    FrozenRewritePatternSet patterns;
  };
  std::shared_ptr<Conversion> conversion;

  LogicalResult initialize(MLIRContext *context) override {
    conversion = std::make_shared<Conversion>(context);
    LLVMTypeConverter &converter = conversion->converter;
    Type i16 = IntegerType::get(context, 16);
    converter.addConversion([=](BFloat16Type) { return i16; });
    converter.addConversion(
        [&converter, i16](VectorType type) -> std::optional<Type> {
          if (!isBF16(type))
            return std::nullopt;
          return converter.convertType(type.clone(i16));
        });
    RewritePatternSet patterns(context);
    patterns.add<BF16Constant, VectorFMA>(converter, /*benefit=*/2);
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    populateFuncToLLVMConversionPatterns(converter, patterns);
    index::populateIndexToLLVMConversionPatterns(converter, patterns);
    populateMathToLLVMConversionPatterns(converter, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
    ub::populateUBToLLVMConversionPatterns(converter, patterns);
    vector::populateVectorMaskMaterializationPatterns(
        patterns, /*force32BitVectorIndices=*/true);
    vector::populateVectorStepLoweringPatterns(patterns);
    vector::populateVectorBroadcastLoweringPatterns(patterns);
    populateVectorToLLVMConversionPatterns(converter, patterns,
                                           /*reassociateFPReductions=*/false,
                                           /*force32BitVectorIndices=*/true);
    conversion->patterns = std::move(patterns);
    return success();
  }

  void runOnOperation() override {
    if (failed(expand()) || failed(convert()))
      signalPassFailure();
  }

  LogicalResult expand() {
    MLIRContext *context = &getContext();
    if (!getOperation()
             .walk([](Operation *op) {
               return needsExpansion(op) ? WalkResult::interrupt()
                                         : WalkResult::advance();
             })
             .wasInterrupted())
      return success();
    RewritePatternSet patterns(context);
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    arith::populateExpandBFloat16Patterns(patterns);
    ConversionTarget target(*context);
    target.markUnknownOpDynamicallyLegal(
        [](Operation *op) { return !needsExpansion(op); });
    return applyPartialConversion(getOperation(), target, std::move(patterns));
  }

  LogicalResult convert() {
    LLVMConversionTarget target(getContext());
    target.addLegalOp<ModuleOp>();
    if (failed(applyPartialConversion(getOperation(), target,
                                      conversion->patterns)))
      return failure();
    SmallVector<UnrealizedConversionCastOp> casts, left;
    getOperation().walk(
        [&](UnrealizedConversionCastOp op) { casts.push_back(op); });
    reconcileUnrealizedCasts(casts, &left);
    for (UnrealizedConversionCastOp cast : left)
      if (!cast->use_empty())
        return cast->emitError("no conversion to LLVM for a use of this value");
      else
        cast->erase();
    forwardFields();
    return success();
  }

  /// Every access took a descriptor apart that the function has put together:
  /// more than half of what LLVM would have to read.
  void forwardFields() {
    getOperation().walk([](LLVM::ExtractValueOp op) {
      OpFoldResult field = op.fold(LLVM::ExtractValueOp::FoldAdaptor({}, op));
      auto value = dyn_cast_if_present<Value>(field);
      if (!value)
        return;
      op.getResult().replaceAllUsesWith(value);
      op.erase();
    });
    getOperation().walk<WalkOrder::PostOrder, ReverseIterator>(
        [](Operation *op) {
          if (isa<LLVM::InsertValueOp, LLVM::ExtractValueOp, LLVM::PoisonOp>(
                  op) &&
              op->use_empty())
            op->erase();
        });
  }
};

} // namespace
