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

/// Mark the entry, and the function that computes its workspace's size; both
/// are func.func until the target renames or wraps them.
inline constexpr llvm::StringLiteral kEntryAttr = "stepwell.entry";
inline constexpr llvm::StringLiteral kWorkspaceSizeOfAttr =
    "stepwell.workspace_size_of";
/// Of a result with open sizes: those, in postfix over the words of a call
/// (docs/abi.md). Of @main and of an entry: what the words must fulfil, a list
/// of [found, relation, expected, dimension, status] with sizes in postfix.
inline constexpr llvm::StringLiteral kSizesAttr = "stepwell.sizes";
inline constexpr llvm::StringLiteral kRequiresAttr = "stepwell.requires";

} // namespace stepwell

#endif // STEPWELL_LOWERING_ENTRY_H
