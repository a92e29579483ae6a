//===- Target.h - Where a program arrives -----------------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A target takes over after the shared descent. What it is given is a module
// with
//
//   func.func @NAME(%ctx: !llvm.ptr, <memref or scalar>...) -> i32
//       attributes {stepwell.entry}
//   func.func @NAME_workspace_size(<memref or scalar>...) -> i64
//       attributes {stepwell.workspace_size_of = @NAME}
//
// over linalg on memrefs, memref, scf and arith. The arguments stand in the
// order of docs/abi.md: inputs, then the outputs that are not written into an
// input. Memref types tell the layout: identity (contiguous), strided<[?, ...,
// 1]> (rows) or strided<[?, ..., ?]>; bool is i8 in memory.
// Target::buildPipeline lowers that and adds the wrapper with the launch ABI;
// Target::emit writes the object.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_TARGETS_TARGET_H
#define STEPWELL_TARGETS_TARGET_H

#include "stepwell/Lowering/Entry.h"
#include "stepwell/Lowering/TargetInfo.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>

namespace stepwell {

inline constexpr llvm::StringLiteral kDefaultEntryName = "stepwell_kernel";

struct TargetOptions {
  /// MLIRText is what emit() would have been given: targets never see it.
  enum class Emission { Object, Assembly, LLVMText, MLIRText };

  /// CPU name ("x86-64-v3") or chip ("sm_80"), as in the key's target line.
  std::string chip;
  /// As LLVM spells them: "+avx2,+fma,-prefer-256-bit".
  std::string features;
  /// "x86_64-unknown-linux-gnu"; empty: the one this library runs on.
  std::string triple;
  std::string entryName = kDefaultEntryName.str();
  /// False: a kernel that never calls ctx->parallel_for.
  bool threads = true;
  Emission emission = Emission::Object;
  /// Every option of the key, by name: schedule buckets and the like.
  llvm::StringMap<std::string> options;
  /// When not empty, emit() may write its own steps here ("NN-name.ll").
  std::string dumpFolder;
};

class Target {
public:
  virtual ~Target() = default;

  /// As in the key: "cpu", "nvvm", "spirv", "rocdl".
  virtual llvm::StringRef name() const = 0;
  /// Which chips and features there are and what this target emits, in a few
  /// lines for people.
  virtual std::string describe() const = 0;
  /// What the shared descent has to know.
  virtual TargetInfo info(const TargetOptions &options) const {
    return TargetInfo();
  }
  /// The dialects, external models and translations that pipeline and emission
  /// need beyond what the passes themselves declare.
  virtual void registerDialects(mlir::DialectRegistry &registry) const = 0;
  /// On linalg on memrefs, before temporaries get their places in the
  /// workspace.
  virtual void buildBufferPipeline(mlir::OpPassManager &pm,
                                   const TargetOptions &options) const {}
  /// From linalg on memrefs to what emit() takes. On a builtin.module pass
  /// manager.
  virtual void buildPipeline(mlir::OpPassManager &pm,
                             const TargetOptions &options) const = 0;
  /// Appends the object to `object`; failure has been reported as a diagnostic
  /// on `module`.
  virtual llvm::LogicalResult
  emit(mlir::ModuleOp module, const TargetOptions &options,
       llvm::SmallVectorImpl<char> &object) const = 0;
};

/// Null when there is no target of that name.
const Target *lookupTarget(llvm::StringRef name);
/// In the order of their names.
llvm::SmallVector<const Target *> allTargets();
/// Called by RegisterTarget only.
void addTarget(std::unique_ptr<Target> target);

/// `static RegisterTarget<CPUTarget> registerCPU;` in the target's source file.
template <typename T> struct RegisterTarget {
  RegisterTarget() { addTarget(std::make_unique<T>()); }
};

} // namespace stepwell

#endif // STEPWELL_TARGETS_TARGET_H
