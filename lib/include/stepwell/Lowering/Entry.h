//===- Entry.h - The functions that a target is given -----------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LOWERING_ENTRY_H
#define STEPWELL_LOWERING_ENTRY_H

#include "llvm/ADT/StringRef.h"

namespace stepwell {

/// What marks the entry and its companion; both are func.func until the target
/// renames or wraps them.
inline constexpr llvm::StringLiteral kEntryAttr = "stepwell.entry";
inline constexpr llvm::StringLiteral kWorkspaceSizeOfAttr =
    "stepwell.workspace_size_of";
/// Of @main and of an entry: what a call's words must fulfil, as a list of
/// [found, relation, expected, dimension, status], the sizes in postfix
/// (docs/abi.md).
inline constexpr llvm::StringLiteral kSizesAttr = "stepwell.sizes";
inline constexpr llvm::StringLiteral kRequiresAttr = "stepwell.requires";

} // namespace stepwell

#endif // STEPWELL_LOWERING_ENTRY_H
