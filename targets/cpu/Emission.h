//===- Emission.h - From the LLVM dialect to an object ----------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_TARGETS_CPU_EMISSION_H
#define STEPWELL_LIB_TARGETS_CPU_EMISSION_H

#include "stepwell/Targets/Target.h"

#include <optional>

namespace stepwell::cpu {

/// The machine that a kernel is made for, spelled out.
struct Machine {
  std::string triple, cpu, features;
  unsigned vectorBits = 128;
  unsigned registers = 16; // for vectors
  /// Masked loads of 8 and 16 bit elements are instructions.
  bool narrowMasks = false;
  bool fma = false;
  /// Tile registers multiply bf16: AMX.
  bool bf16Tiles = false;
};

/// An empty chip, "host" and "native" mean the machine this runs on. Fails with
/// a reason in `error`.
std::optional<Machine> describeMachine(const TargetOptions &options,
                                       std::string &error);

llvm::LogicalResult emitObject(mlir::ModuleOp module,
                               const TargetOptions &options,
                               llvm::SmallVectorImpl<char> &object);

} // namespace stepwell::cpu

#endif // STEPWELL_LIB_TARGETS_CPU_EMISSION_H
