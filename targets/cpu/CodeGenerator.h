//===- CodeGenerator.h - LLVM for one chip, kept ready ----------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// To describe a chip, to build a pipeline and to schedule the code generator's
// passes take longer than a small kernel, so all of it serves one kernel after
// the other.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_TARGETS_CPU_CODEGENERATOR_H
#define STEPWELL_LIB_TARGETS_CPU_CODEGENERATOR_H

#include "Emission.h"

#include "llvm/Support/CodeGen.h"

#include <memory>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm

namespace stepwell::cpu {

class CodeGenerator {
public:
  /// Null with a reason in `error` where LLVM does not know the machine.
  static std::unique_ptr<CodeGenerator> create(const Machine &machine,
                                               std::string &error);
  ~CodeGenerator();

  /// Where modules are to be made. It keeps their types and constants, so one
  /// generator serves a number of kernels only.
  llvm::LLVMContext &context();
  bool isWorn() const { return kernels >= kKernels; }

  /// Gives the module the machine's triple and layout.
  void prepare(llvm::Module &module);
  void optimize(llvm::Module &module);
  /// Uses the module up. False where the machine cannot emit that.
  bool generate(llvm::Module &module, llvm::CodeGenFileType type,
                llvm::SmallVectorImpl<char> &out);

private:
  CodeGenerator();
  static constexpr unsigned kKernels = 64;
  struct Parts;
  std::unique_ptr<Parts> parts;
  unsigned kernels = 0;
};

} // namespace stepwell::cpu

#endif // STEPWELL_LIB_TARGETS_CPU_CODEGENERATOR_H
