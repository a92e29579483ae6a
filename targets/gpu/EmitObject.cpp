//===- EmitObject.cpp - A target's object from stepwell-opt ---------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/GPU/Passes.h"
#include "stepwell/Targets/Target.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_EMITOBJECTPASS
#include "stepwell/Targets/GPU/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

struct EmitObject : stepwell::impl::EmitObjectPassBase<EmitObject> {
  using EmitObjectPassBase::EmitObjectPassBase;

  LogicalResult emit() {
    ModuleOp module = getOperation();
    const Target *to = lookupTarget(target);
    if (!to)
      return module.emitError("there is no target '") << target << "'";
    TargetOptions options;
    if (form == "assembly")
      options.emission = TargetOptions::Emission::Assembly;
    else if (form == "llvm")
      options.emission = TargetOptions::Emission::LLVMText;
    else if (form != "object")
      return module.emitError("there is no form '")
             << form << "': object, assembly or llvm";
    SmallVector<char> object;
    if (failed(to->emit(module, options, object)))
      return failure();
    std::error_code error;
    llvm::raw_fd_ostream stream(output, error);
    if (!error) {
      stream.write(object.data(), object.size());
      stream.flush();
      error = stream.error();
    }
    stream.clear_error();
    if (error)
      return module.emitError("cannot write ")
             << output << ": " << error.message();
    return success();
  }

  void runOnOperation() override {
    if (failed(emit()))
      signalPassFailure();
  }
};

} // namespace
