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

#include <string>

namespace stepwell {

/// Runs `work` so that LLVM's fatal errors and crashes inside end it early.
/// False then, with what is known in `reason`; whatever `work` was using must
/// be leaked, not destroyed.
STEPWELL_EXPORT bool runGuarded(llvm::function_ref<void()> work,
                                std::string &reason);

} // namespace stepwell

#endif // STEPWELL_COMPILER_GUARD_H
