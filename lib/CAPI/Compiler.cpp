//===- Compiler.cpp - The door for code that knows no MLIR ----------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell-c/Compiler.h"
#include "stepwell/Compiler/Compiler.h"

using namespace stepwell;

struct StepwellCompilation {
  CompileResult result;
};

static llvm::StringRef view(StepwellBytes bytes) {
  return {bytes.data, bytes.size};
}
static StepwellBytes view(const std::string &text) {
  return {text.data(), text.size()};
}

StepwellCompilation *stepwellCompile(StepwellBytes key, StepwellBytes locations,
                                     StepwellBytes dumpFolder) {
  auto *compilation = new StepwellCompilation;
  CompileRequest request;
  if (!parseKernelKey(view(key), request, compilation->result.error))
    return compilation;
  request.locations = view(locations).str();
  request.options.dumpFolder = view(dumpFolder).str();
  compilation->result = compile(request);
  return compilation;
}

int stepwellCompilationOk(const StepwellCompilation *compilation) {
  return compilation->result.ok;
}
StepwellBytes
stepwellCompilationObject(const StepwellCompilation *compilation) {
  return view(compilation->result.object);
}
StepwellBytes stepwellCompilationError(const StepwellCompilation *compilation) {
  return view(compilation->result.error);
}
StepwellBytes
stepwellCompilationReproducer(const StepwellCompilation *compilation) {
  return view(compilation->result.reproducer);
}
void stepwellCompilationDestroy(StepwellCompilation *compilation) {
  delete compilation;
}
