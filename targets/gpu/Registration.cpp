//===- Registration.cpp - The GPU targets' passes and pipelines -----------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Registration.h"
#include "stepwell/Compiler/Compiler.h"
#include "stepwell/Targets/GPU/Passes.h"
#include "stepwell/Targets/Target.h"

#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"

using namespace stepwell;

namespace {

constexpr llvm::StringLiteral kTargets[] = {"nvvm", "rocdl", "spirv"};

struct PipelineOptions : mlir::PassPipelineOptions<PipelineOptions> {
  Option<std::string> chip{*this, "chip",
                           llvm::cl::desc("The chip, as in a kernel's key.")};
  Option<std::string> features{
      *this, "features", llvm::cl::desc("Its features, as LLVM spells them.")};
};

/// How far up a pipeline starts.
using Build = void (*)(mlir::OpPassManager &, const Target &,
                       const TargetOptions &);

void buildTarget(mlir::OpPassManager &pm, const Target &target,
                 const TargetOptions &options) {
  target.buildPipeline(pm, options);
}

void registerPipeline(const Target *target, const llvm::Twine &name,
                      const llvm::Twine &summary, Build build) {
  mlir::registerPassPipeline(
      name.str(), summary.str(),
      [target,
       build](mlir::OpPassManager &pm, llvm::StringRef text,
              llvm::function_ref<mlir::LogicalResult(const llvm::Twine &)>
                  emitError) -> mlir::LogicalResult {
        PipelineOptions given;
        if (failed(given.parseFromString(text)))
          return emitError("unknown options");
        TargetOptions options;
        options.chip = given.chip;
        options.features = given.features;
        build(pm, *target, options);
        return mlir::success();
      },
      [](llvm::function_ref<void(const mlir::detail::PassOptions &)> handle) {
        handle(PipelineOptions());
      });
}

RegisterPieces passes([] {
  registerStepwellGPUPasses();
  for (llvm::StringRef name : kTargets)
    if (const Target *target = lookupTarget(name)) {
      registerPipeline(target, "stepwell-" + name + "-pipeline",
                       "From linalg on memrefs to " + name, buildTarget);
      registerPipeline(target, "stepwell-descend-to-" + name,
                       "From array operations all the way to " + name,
                       buildDescent);
    }
});

RegisterPieces dialects([](mlir::DialectRegistry &registry) {
  for (llvm::StringRef name : kTargets)
    if (const Target *target = lookupTarget(name))
      target->registerDialects(registry);
});

} // namespace
