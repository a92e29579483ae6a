//===- Passes.h - Passes of the driver itself -------------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_COMPILER_PASSES_H
#define STEPWELL_COMPILER_PASSES_H

#include "mlir/Pass/Pass.h"

#include <memory>
#include <string>

namespace stepwell {

#define GEN_PASS_DECL
#include "stepwell/Compiler/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "stepwell/Compiler/Passes.h.inc"

} // namespace stepwell

#endif // STEPWELL_COMPILER_PASSES_H
