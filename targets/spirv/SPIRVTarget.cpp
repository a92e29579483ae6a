//===- SPIRVTarget.cpp - SPIR-V modules for Vulkan ------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/GPU/Passes.h"
#include "stepwell/Targets/Target.h"

#include "mlir/Conversion/GPUToSPIRV/GPUToSPIRVPass.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/SPIRV/Transforms/Passes.h"
#include "mlir/Target/SPIRV/SPIRVBinaryUtils.h"
#include "mlir/Target/SPIRV/Serialization.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace stepwell;

namespace {

constexpr llvm::StringLiteral kManifestMark = "stepwell ";

/// Instructions that must stand before OpSourceExtension.
bool isPreamble(uint32_t opcode) {
  switch (static_cast<spirv::Opcode>(opcode)) {
  case spirv::Opcode::OpCapability:
  case spirv::Opcode::OpExtension:
  case spirv::Opcode::OpExtInstImport:
  case spirv::Opcode::OpMemoryModel:
  case spirv::Opcode::OpEntryPoint:
  case spirv::Opcode::OpExecutionMode:
    return true;
  default:
    return false;
  }
}

/// The manifest as one OpSourceExtension, which drivers ignore; any tool that
/// disassembles shows it.
LogicalResult addManifest(spirv::ModuleOp module, StringRef manifest,
                          SmallVectorImpl<uint32_t> &binary) {
  SmallVector<uint32_t> text;
  spirv::encodeStringLiteralInto(text, (kManifestMark + manifest).str());
  if (text.size() + 1 > 0xffff)
    return module.emitError("the manifest is longer than an instruction");
  size_t at = spirv::kHeaderWordCount;
  while (at < binary.size() && isPreamble(binary[at] & 0xffff))
    at += binary[at] >> 16;
  text.insert(text.begin(),
              spirv::getPrefixedOpcode(text.size() + 1,
                                       spirv::Opcode::OpSourceExtension));
  binary.insert(binary.begin() + at, text.begin(), text.end());
  return success();
}

class SPIRVTarget : public Target {
public:
  StringRef name() const override { return "spirv"; }

  TargetInfo info(const TargetOptions &) const override {
    TargetInfo info;
    info.fusesMultiplyAdd = false; // Vulkan lets its Fma round twice
    return info;
  }

  std::string describe() const override {
    return "A SPIR-V 1.5 module for Vulkan 1.2 and later, with 64-bit "
           "integers; "
           "other types need\nthe device feature of their name. There is one "
           "chip, \"vulkan\". The manifest of\ndocs/abi.md is an "
           "OpSourceExtension.";
  }

  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<gpu::GPUDialect, spirv::SPIRVDialect>();
  }

  void buildPipeline(OpPassManager &pm,
                     const TargetOptions &options) const override {
    pm.addPass(createFormKernelsPass());
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
    GpuSPIRVAttachTargetOptions attach;
    attach.spirvVersion = "v1.5";
    attach.clientApi = "Vulkan";
    attach.spirvCapabilities = {"Shader",
                                "Int8",
                                "Int16",
                                "Int64",
                                "Float16",
                                "Float64",
                                "StorageBuffer8BitAccess",
                                "StorageBuffer16BitAccess"};
    pm.addPass(createGpuSPIRVAttachTarget(attach));
    OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
    kernels.addPass(createBindArgumentsPass());
    kernels.addPass(createCanonicalizerPass());
    kernels.addPass(createCSEPass());
    kernels.addPass(createConvertMathToSPIRVPass());
    ConvertGPUToSPIRVOptions convert;
    convert.use64bitIndex = true;
    pm.addPass(createConvertGPUToSPIRVPass(/*mapMemorySpace=*/false));
    OpPassManager &modules = pm.nest<spirv::ModuleOp>();
    modules.addPass(spirv::createSPIRVLowerABIAttributesPass());
    modules.addPass(createForbidContractionPass());
    modules.addPass(createCanonicalizerPass());
    modules.addPass(createCSEPass());
    modules.addPass(spirv::createSPIRVUpdateVCEPass());
  }

  LogicalResult emit(ModuleOp module, const TargetOptions &options,
                     SmallVectorImpl<char> &object) const override {
    auto manifest = module->getAttrOfType<StringAttr>(kManifestAttr);
    auto modules = module.getOps<spirv::ModuleOp>();
    if (!manifest || !llvm::hasSingleElement(modules))
      return module.emitError("expected one spirv.module and its manifest");
    spirv::ModuleOp kernels = *modules.begin();
    if (options.emission == TargetOptions::Emission::LLVMText)
      return kernels.emitError("SPIR-V does not pass through LLVM");
    requireVersion(kernels);
    if (options.emission == TargetOptions::Emission::Assembly) {
      llvm::raw_svector_ostream stream(object);
      stream << "// " << kManifestMark << manifest.getValue() << "\n";
      kernels.print(stream);
      stream << "\n";
      return success();
    }
    SmallVector<uint32_t, 0> binary;
    if (failed(spirv::serialize(kernels, binary)) ||
        failed(addManifest(kernels, manifest.getValue(), binary)))
      return failure();
    auto *bytes = reinterpret_cast<const char *>(binary.data());
    object.append(bytes, bytes + binary.size() * sizeof(uint32_t));
    return success();
  }

private:
  /// spirv-update-vce looks at operations only and finds 1.0 enough; storage
  /// buffers and the list of an entry's variables are of 1.4 and later.
  static void requireVersion(spirv::ModuleOp module) {
    std::optional<spirv::VerCapExtAttr> found = module.getVceTriple();
    if (!found)
      return;
    SmallVector<spirv::Capability> capabilities(found->getCapabilities());
    SmallVector<spirv::Extension> extensions(found->getExtensions());
    module.setVceTripleAttr(spirv::VerCapExtAttr::get(
        spirv::Version::V_1_5, capabilities, extensions, module.getContext()));
  }
};

RegisterTarget<SPIRVTarget> registerSPIRV;

} // namespace
