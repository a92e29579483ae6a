//===- Guard.h - Surviving a compiler bug -----------------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_COMPILER_GUARD_H
#define STEPWELL_COMPILER_GUARD_H

#include "stepwell/Registration.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace stepwell {

/// Runs `work` so that LLVM's fatal errors and crashes inside end it early.
/// False then, with what is known in `reason`; whatever `work` was using must
/// be leaked, not destroyed.
STEPWELL_EXPORT bool runGuarded(llvm::function_ref<void()> work,
                                std::string &reason);

/// The exit status of a tool's main(). Where it crashes, as parsers from
/// upstream do on some files, it prints the stack and one line, and ends with
/// 70.
STEPWELL_EXPORT int runTool(llvm::StringRef name,
                            llvm::function_ref<int()> tool);

} // namespace stepwell

#endif // STEPWELL_COMPILER_GUARD_H
