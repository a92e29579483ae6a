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

/// Whether the chip converts f16 itself: x86-64-v3 brought F16C.
static bool convertsF16(const Target &target, const TargetOptions &options) {
  return target.name() != "cpu" || options.chip == "x86-64-v3" ||
         options.chip == "x86-64-v4" ||
         StringRef(options.features).contains("+f16c");
}

/// Whether multiply-add is an instruction of the chip: x86-64-v3 brought it.
static bool hasFMA(const Target &target, const TargetOptions &options) {
  // Vulkan lets its Fma round twice.
  if (target.name() == "spirv")
    return false;
  return target.name() != "cpu" ||
         (options.chip != "x86-64" && options.chip != "x86-64-v2") ||
         StringRef(options.features).contains("+fma");
}

void stepwell::buildDescent(OpPassManager &pm, const Target &target,
                            const TargetOptions &options) {
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
  composites.tiles = target.name() == "cpu";
  pm.addPass(createDecomposeCompositesPass(composites));
  pm.addPass(createTidyProgramPass());
  ConvertArrayToLinalgPassOptions convert;
  convert.rows = convert.divisors = target.name() == "cpu";
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
                                    hasFMA(target, options) ? "" : "fma=false",
                                    [](const Twine &) { return failure(); });
  ExpandSmallFloatsPassOptions smallFloats;
  smallFloats.f16 = !convertsF16(target, options);
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
