//===- NVVMTarget.cpp - PTX, for the driver to finish ---------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/GPU/Passes.h"
#include "stepwell/Targets/Target.h"
#include "stepwell/Transforms/Passes.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Target/LLVM/NVVM/Target.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;
using namespace stepwell;

namespace {

constexpr llvm::StringLiteral kManifestComment = "// stepwell ";

class NVVMTarget : public Target {
public:
  StringRef name() const override { return "nvvm"; }

  std::string describe() const override {
    return "PTX text for NVIDIA GPUs. Chips sm_70 (the default) to sm_121; "
           "features select the\nPTX version (\"+ptx80\"). The driver "
           "assembles it: no toolkit is needed. The first line\nof the text is "
           "the manifest of docs/abi.md, as a comment.";
  }

  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<gpu::GPUDialect, NVVM::NVVMDialect>();
    NVVM::registerNVVMTargetInterfaceExternalModels(registry);
    // The conversion asks each dialect that is loaded for its patterns.
    arith::registerConvertArithToLLVMInterface(registry);
    cf::registerConvertControlFlowToLLVMInterface(registry);
    registerConvertFuncToLLVMInterface(registry);
    registerConvertMathToLLVMInterface(registry);
    registerConvertMemRefToLLVMInterface(registry);
    registerConvertNVVMToLLVMInterface(registry);
    registerBuiltinDialectTranslation(registry);
    registerGPUDialectTranslation(registry);
    registerLLVMDialectTranslation(registry);
    registerNVVMDialectTranslation(registry);
  }

  void buildPipeline(OpPassManager &pm,
                     const TargetOptions &options) const override {
    pm.addPass(createFormKernelsPass());
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
    GpuNVVMAttachTargetOptions attach;
    attach.chip = options.chip.empty() ? "sm_70" : options.chip;
    attach.features = options.features; // none: the PTX version the chip needs
    attach.optLevel = 3;
    pm.addPass(createGpuNVVMAttachTarget(attach));
    OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
    kernels.addPass(createPointerArgumentsPass());
    kernels.addPass(createSCFToControlFlowPass());
    // Before the GPU's own conversion, which would call libdevice.
    kernels.addPass(createConvertMathToLLVMPass());
    kernels.addPass(createKeepIntrinsicsPass());
    kernels.addPass(createConvertGpuOpsToNVVMOps());
    kernels.addPass(createReconcileUnrealizedCastsPass());
    kernels.addPass(createSignedOffsetsPass());
    kernels.addPass(createCanonicalizerPass());
    kernels.addPass(createCSEPass());
  }

  LogicalResult emit(ModuleOp module, const TargetOptions &options,
                     SmallVectorImpl<char> &object) const override {
    auto manifest = module->getAttrOfType<StringAttr>(kManifestAttr);
    auto kernels = module.getOps<gpu::GPUModuleOp>();
    if (!manifest || !llvm::hasSingleElement(kernels))
      return module.emitError("expected one gpu.module and its manifest");
    gpu::GPUModuleOp kernel = *kernels.begin();
    ArrayAttr targets = kernel.getTargetsAttr();
    if (!targets || targets.size() != 1)
      return kernel.emitError("expected one target on the gpu.module");
    if (failed(checkChip(kernel, cast<NVVM::NVVMTargetAttr>(targets[0]))))
      return failure();
    std::string llvmText;
    auto keepText = [&](llvm::Module &optimized) {
      llvm::raw_string_ostream(llvmText) << optimized;
    };
    gpu::TargetOptions how("", {}, "", "", gpu::CompilationTarget::Assembly, {},
                           {}, {}, keepText);
    std::optional<SmallVector<char, 0>> text =
        cast<gpu::TargetAttrInterface>(targets[0])
            .serializeToObject(kernel, how);
    if (!text)
      return kernel.emitError("no PTX could be written for this module");
    if (options.emission == TargetOptions::Emission::LLVMText) {
      object.append(llvmText.begin(), llvmText.end());
      return success();
    }
    // Some callers get a string with its terminator.
    StringRef ptx = StringRef(text->data(), text->size()).rtrim('\0');
    if (failed(checkComplete(kernel, ptx)))
      return failure();
    std::string head = (kManifestComment + manifest.getValue() + "\n").str();
    object.append(head.begin(), head.end());
    object.append(ptx.begin(), ptx.end());
    return success();
  }

private:
  /// LLVM would end the process.
  static LogicalResult checkChip(gpu::GPUModuleOp kernel,
                                 NVVM::NVVMTargetAttr target) {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    std::string error;
    llvm::Triple triple(target.getTriple());
    const llvm::Target *found =
        llvm::TargetRegistry::lookupTarget(triple, error);
    if (!found)
      return kernel.emitError(error);
    std::unique_ptr<llvm::MCSubtargetInfo> info(
        found->createMCSubtargetInfo(triple, "", ""));
    if (!info || !info->isCPUStringValid(target.getChip()))
      return kernel.emitError("no NVIDIA chip is called '")
             << target.getChip() << "': sm_70 to sm_121";
    return success();
  }

  /// Nothing is linked to a kernel later: a name that it only declares would be
  /// found out by the user's driver.
  static LogicalResult checkComplete(gpu::GPUModuleOp kernel, StringRef ptx) {
    size_t at = ptx.find(".extern .func");
    if (at == StringRef::npos)
      return success();
    StringRef line = ptx.substr(at).split(';').first;
    return kernel.emitError("the PTX calls a function that it does not have: ")
           << line.trim();
  }
};

RegisterTarget<NVVMTarget> registerNVVM;

} // namespace
