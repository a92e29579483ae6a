//===- Trace.h - The IR after each step, in a folder ------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_COMPILER_TRACE_H
#define STEPWELL_COMPILER_TRACE_H

#include "mlir/Pass/PassInstrumentation.h"
#include "llvm/ADT/StringRef.h"

#include <memory>

namespace stepwell {

/// Writes "00-program.mlir" now and "NN-pass-name.mlir" after each pass that
/// changed the module. A file that cannot be written is left out: a trace never
/// fails a compile.
std::unique_ptr<mlir::PassInstrumentation> traceInto(llvm::StringRef folder,
                                                     mlir::Operation *module);

} // namespace stepwell

#endif // STEPWELL_COMPILER_TRACE_H
