//===- ROCDLTarget.cpp - Code objects for AMD GPUs ------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/GPU/Passes.h"
#include "stepwell/Targets/Target.h"
#include "stepwell/Transforms/Passes.h"

#include "mlir/Conversion/GPUToROCDL/GPUToROCDLPass.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"
#include "mlir/Target/LLVM/ROCDL/Target.h"
#include "mlir/Target/LLVM/ROCDL/Utils.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/ROCDL/ROCDLToLLVMIRTranslation.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;
using namespace stepwell;

namespace {

constexpr llvm::StringLiteral kDefaultChip = "gfx942";

class ROCDLTarget : public Target {
public:
  StringRef name() const override { return "rocdl"; }

  std::string describe() const override {
    return "A code object (ELF) or assembly for AMD GPUs, gfx900 to gfx1201 "
           "(gfx942 is the\ndefault). Linking needs ld.lld in the PATH; "
           "assembly needs nothing. The manifest of\ndocs/abi.md is the "
           "section .stepwell.";
  }

  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<gpu::GPUDialect, ROCDL::ROCDLDialect>();
    ROCDL::registerROCDLTargetInterfaceExternalModels(registry);
    registerBuiltinDialectTranslation(registry);
    registerGPUDialectTranslation(registry);
    registerLLVMDialectTranslation(registry);
    registerROCDLDialectTranslation(registry);
  }

  void buildPipeline(OpPassManager &pm,
                     const TargetOptions &options) const override {
    std::string chip = options.chip.empty() ? kDefaultChip.str() : options.chip;
    pm.addPass(createFormKernelsPass());
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
    GpuROCDLAttachTargetOptions attach;
    attach.chip = chip;
    attach.features = options.features;
    attach.optLevel = 3;
    pm.addPass(createGpuROCDLAttachTarget(attach));
    OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
    kernels.addPass(createPointerArgumentsPass());
    kernels.addPass(createGridSizePass());
    kernels.addPass(createSCFToControlFlowPass());
    // Before the GPU's own conversion, which would call ocml.
    kernels.addPass(createConvertMathToLLVMPass());
    ConvertGpuOpsToROCDLOpsOptions convert;
    convert.chipset = chip;
    kernels.addPass(createConvertGpuOpsToROCDLOps(convert));
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
    auto target = cast<ROCDL::ROCDLTargetAttr>(targets[0]);
    if (failed(checkChip(kernel, target)))
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
      return kernel.emitError("no assembly could be written for this module");
    if (options.emission == TargetOptions::Emission::LLVMText) {
      object.append(llvmText.begin(), llvmText.end());
      return success();
    }
    std::string assembly =
        StringRef(text->data(), text->size()).rtrim('\0').str();
    assembly += "\n\t.section .stepwell,\"\",@progbits\n\t.ascii \"";
    llvm::raw_string_ostream(assembly).write_escaped("stepwell " +
                                                     manifest.str());
    assembly += "\"\n";
    if (options.emission == TargetOptions::Emission::Assembly) {
      object.append(assembly.begin(), assembly.end());
      return success();
    }
    auto emitError = [&] { return kernel.emitError(); };
    FailureOr<SmallVector<char, 0>> relocatable =
        ROCDL::assembleIsa(assembly, target.getTriple(), target.getChip(),
                           target.getFeatures(), emitError);
    if (failed(relocatable))
      return failure();
    return link(kernel, *relocatable, object);
  }

private:
  /// LLVM would end the process.
  static LogicalResult checkChip(gpu::GPUModuleOp kernel,
                                 ROCDL::ROCDLTargetAttr target) {
    LLVMInitializeAMDGPUTargetInfo();
    LLVMInitializeAMDGPUTarget();
    LLVMInitializeAMDGPUTargetMC();
    std::string error;
    llvm::Triple triple(target.getTriple());
    const llvm::Target *found =
        llvm::TargetRegistry::lookupTarget(triple, error);
    if (!found)
      return kernel.emitError(error);
    std::unique_ptr<llvm::MCSubtargetInfo> info(
        found->createMCSubtargetInfo(triple, "", ""));
    if (!info || !info->isCPUStringValid(target.getChip()))
      return kernel.emitError("no AMD chip is called '")
             << target.getChip() << "': gfx900 to gfx1201";
    return success();
  }

  /// A driver loads shared objects only.
  static LogicalResult link(gpu::GPUModuleOp kernel, ArrayRef<char> relocatable,
                            SmallVectorImpl<char> &object) {
    llvm::ErrorOr<std::string> lld = llvm::sys::findProgramByName("ld.lld");
    if (!lld)
      lld = llvm::sys::findProgramByName("ld.lld-22");
    if (!lld)
      return kernel.emitError("linking a code object needs ld.lld (package "
                              "lld-22); assembly does not");
    SmallString<128> input, output;
    if (llvm::sys::fs::createTemporaryFile("stepwell", "o", input) ||
        llvm::sys::fs::createTemporaryFile("stepwell", "hsaco", output))
      return kernel.emitError("cannot create a temporary file");
    llvm::FileRemover removeInput(input), removeOutput(output);
    std::error_code error;
    {
      llvm::raw_fd_ostream stream(input, error);
      if (!error)
        stream.write(relocatable.data(), relocatable.size());
      stream.flush();
      error = stream.error();
      stream.clear_error();
    }
    if (error)
      return kernel.emitError("cannot write ")
             << input << ": " << error.message();
    std::string message;
    // Nothing may be left undefined: there is no library to find it in.
    int result = llvm::sys::ExecuteAndWait(
        *lld, {"ld.lld", "-shared", "--no-undefined", input, "-o", output},
        std::nullopt, {}, 0, 0, &message);
    if (result != 0)
      return kernel.emitError("ld.lld failed: ") << message;
    llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> linked =
        llvm::MemoryBuffer::getFile(output, /*IsText=*/false);
    if (!linked)
      return kernel.emitError("cannot read ")
             << output << ": " << linked.getError().message();
    object.append((*linked)->getBufferStart(), (*linked)->getBufferEnd());
    return success();
  }
};

RegisterTarget<ROCDLTarget> registerROCDL;

} // namespace
