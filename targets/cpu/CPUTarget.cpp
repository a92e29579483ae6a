//===- CPUTarget.cpp - The CPU as a target ----------------------------------
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Emission.h"

#include "stepwell/Registration.h"
#include "stepwell/Targets/CPU/Passes.h"
#include "stepwell/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace stepwell;

namespace {

class CPUTarget : public Target {
public:
  StringRef name() const override { return "cpu"; }

  std::string describe() const override {
    return "cpu: native objects through LLVM. Chips are LLVM's CPU names "
           "(x86-64-v2, x86-64-v3, x86-64-v4, ...); none means this machine.\n"
           "Emits a relocatable ELF object without undefined symbols, assembly "
           "or LLVM IR.";
  }

  TargetInfo info(const TargetOptions &options) const override {
    StringRef chip = options.chip, features = options.features;
    TargetInfo info;
    // x86-64-v3 brought both instructions.
    info.convertsF16 = chip == "x86-64-v3" || chip == "x86-64-v4" ||
                       features.contains("+f16c");
    info.fusesMultiplyAdd =
        (chip != "x86-64" && chip != "x86-64-v2") || features.contains("+fma");
    info.runsForall = info.reportsErrors = true;
    return info;
  }

  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<linalg::LinalgDialect>();
    registerBuiltinDialectTranslation(registry);
    registerLLVMDialectTranslation(registry);
  }

  /// An unknown CPU is reported by emit().
  static cpu::Machine machineOf(const TargetOptions &options) {
    std::string ignored;
    return cpu::describeMachine(options, ignored).value_or(cpu::Machine());
  }

  void buildBufferPipeline(OpPassManager &pm,
                           const TargetOptions &options) const override {
    cpu::Machine machine = machineOf(options);
    CPULowerProductsPassOptions products;
    products.vectorBits = machine.vectorBits;
    products.registers = machine.registers;
    products.fma = machine.fma;
    products.threads = options.threads;
    products.bf16Tiles = machine.bf16Tiles;
    pm.addPass(createCPULowerProductsPass(products));
    pm.addNestedPass<func::FuncOp>(createForallToParallelLoopPass());
    pm.addPass(createCPUCheckWhileReadingPass());
    pm.addPass(createCPUFuseLoopsPass());
    pm.addPass(createCPUSplitReductionsPass());
  }

  void buildPipeline(OpPassManager &pm,
                     const TargetOptions &options) const override {
    cpu::Machine machine = machineOf(options);
    CPUEmitEntryPassOptions entry;
    entry.companions = options.options.lookup("companion") != "needed";
    pm.addPass(createCPUEmitEntryPass(entry));
    if (options.threads)
      pm.addPass(createCPUOutlineParallelPass());
    CPULowerContractionsPassOptions contract;
    contract.vectorBits = machine.vectorBits;
    contract.fma = machine.fma;
    pm.addPass(createCPULowerContractionsPass(contract));
    CPUVectorizeLinalgPassOptions vectorize;
    vectorize.vectorBits = machine.vectorBits;
    vectorize.narrowMasks = machine.narrowMasks;
    pm.addPass(createCPUVectorizeLinalgPass(vectorize));
    pm.addPass(createCPUExpandShapesPass());
    pm.addPass(createCPULowerViewsPass());
    pm.addPass(createCPUSkipEmptyLoopsPass());
    pm.addPass(createCPULowerLoopsPass());
    pm.addPass(createCPULowerToLLVMPass());
    pm.addPass(createSignedOffsetsPass());
  }

  LogicalResult emit(ModuleOp module, const TargetOptions &options,
                     SmallVectorImpl<char> &object) const override {
    return cpu::emitObject(module, options, object);
  }
};

/// The whole way to LLVM, for stepwell-opt.
struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  Option<std::string> chip{*this, "chip", llvm::cl::desc("The CPU's name.")};
  Option<bool> threads{*this, "threads",
                       llvm::cl::desc("Whether kernels call parallel_for."),
                       llvm::cl::init(true)};
};

void registerPassesAndPipeline() {
  registerCPUPasses();
  PassPipelineRegistration<PipelineOptions>(
      "cpu-pipeline", "From linalg on memrefs to the LLVM dialect for a CPU",
      [](OpPassManager &pm, const PipelineOptions &given) {
        TargetOptions options;
        options.chip = given.chip;
        options.threads = given.threads;
        CPUTarget().buildPipeline(pm, options);
      });
}

RegisterTarget<CPUTarget> registerCPU;
RegisterPieces registerPieces(registerPassesAndPipeline);

} // namespace
