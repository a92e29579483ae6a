//===- Passes.h - From linalg on memrefs to LLVM for a CPU ------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_TARGETS_CPU_PASSES_H
#define STEPWELL_TARGETS_CPU_PASSES_H

#include "stepwell/abi.h"

#include "mlir/Pass/Pass.h"

#include <memory>

namespace stepwell {

#define GEN_PASS_DECL
#include "stepwell/Targets/CPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "stepwell/Targets/CPU/Passes.h.inc"

} // namespace stepwell

#endif // STEPWELL_TARGETS_CPU_PASSES_H
