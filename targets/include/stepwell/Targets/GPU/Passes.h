//===- Passes.h - What the GPU targets share, and their own -----*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_TARGETS_GPU_PASSES_H
#define STEPWELL_TARGETS_GPU_PASSES_H

#include "mlir/Pass/Pass.h"

#include <memory>
#include <string>

namespace stepwell {

/// On the module: the JSON that tells a launcher what to do (docs/abi.md).
inline constexpr llvm::StringLiteral kManifestAttr = "stepwell.manifest";

#define GEN_PASS_DECL
#include "stepwell/Targets/GPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "stepwell/Targets/GPU/Passes.h.inc"

} // namespace stepwell

#endif // STEPWELL_TARGETS_GPU_PASSES_H
