//===- Descent.cpp - The way down, step by step ---------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Compiler/Compiler.h"
#include "stepwell/Compiler/Passes.h"
#include "stepwell/Differentiation/Passes.h"
#include "stepwell/Lowering/Passes.h"
#include "stepwell/Registration.h"
#include "stepwell/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Linalg/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/IR/TensorInferTypeOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace stepwell;

void stepwell::registerDescentDialects(DialectRegistry &registry) {
  registerAllDialects(registry);
  registry.insert<arith::ArithDialect, bufferization::BufferizationDialect,
                  func::FuncDialect, linalg::LinalgDialect, LLVM::LLVMDialect,
                  math::MathDialect, memref::MemRefDialect, scf::SCFDialect,
                  tensor::TensorDialect, vector::VectorDialect>();
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerSubsetOpInterfaceExternalModels(registry);
  scf::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerInferTypeOpInterfaceExternalModels(registry);
  tensor::registerSubsetOpInterfaceExternalModels(registry);
  for (const Target *target : allTargets())
    target->registerDialects(registry);
}

void stepwell::buildDescent(OpPassManager &pm, const Target &target,
                            const TargetOptions &options) {
  const TargetInfo info = target.info(options);
  auto tidy = [&] {
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
  };
  // What the program says: derivatives, then nothing but linalg.
  pm.addPass(createCheckProgramPass());
  pm.addPass(createFulfilRequestsPass());
  // An entry that anyone may call is made of a program that anyone wrote.
  bool checks = options.options.lookup("checks") == "1";
  pm.addPass(createInlineCallsPass({/*lowerings=*/!checks}));
  if (checks)
    pm.addPass(createRequireSizesPass());
  DecomposeCompositesPassOptions composites;
  composites.runsForall = info.runsForall;
  pm.addPass(createDecomposeCompositesPass(composites));
  pm.addPass(createTidyProgramPass());
  pm.addPass(createLowerControlFlowPass());
  ConvertArrayToLinalgPassOptions convert;
  convert.runsForall = info.runsForall;
  convert.reportsErrors = info.reportsErrors;
  convert.queryBlock = info.queryBlock;
  convert.keyBlock = info.keyBlock;
  convert.blockElements = info.blockElements;
  convert.sortGroups = info.sortGroups;
  convert.rankedRow = info.rankedRow;
  convert.rankedRowOfPairs = info.rankedRowOfPairs;
  pm.addPass(createConvertArrayToLinalgPass(convert));
  if (auto plant = options.options.find("plant");
      plant != options.options.end())
    pm.addPass(createPlantFailurePass({plant->second}));

  LowerEntryPassOptions entry;
  entry.entryName = options.entryName;
  pm.addPass(createLowerEntryPass(entry));
  pm.addPass(createLowerChecksPass());
  pm.addNestedPass<func::FuncOp>(createFuseElementwisePass());
  tidy();

  // Arithmetic in one form for every target.
  if (const PassInfo *expandMath = PassInfo::lookup("expand-math"))
    (void)expandMath->addToPipeline(pm,
                                    info.fusesMultiplyAdd ? "" : "fma=false",
                                    [](const Twine &) { return failure(); });
  ExpandSmallFloatsPassOptions smallFloats;
  smallFloats.f16 = !info.convertsF16;
  pm.addPass(createExpandSmallFloatsPass(smallFloats));

  // Memory.
  pm.addPass(createBufferizePass());
  tidy();
  target.buildBufferPipeline(pm, options);
  pm.addPass(createPlanWorkspacePass());
  // One loop over the arguments, a constant and the return.
  pm.addPass(createTidyProgramPass({/*few=*/3}));
  target.buildPipeline(pm, options);
}

static RegisterPieces passes(registerCompilerPasses);
