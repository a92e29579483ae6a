//===- Package.h - From a kernel object to what people link -----*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_TOOLS_COMPILE_PACKAGE_H
#define STEPWELL_TOOLS_COMPILE_PACKAGE_H

#include "Signature.h"

namespace stepwell {

enum class PackageKind { Executable, Shared, Object };

struct Package {
  PackageKind kind;
  std::string name; // of the typed entry; the kernel is NAME_kernel
  bool threads = true;
  bool tiles = false; // the kernel uses AMX, which the process must ask for
  Signature signature;
  std::string output;
  /// "aarch64", for a program that this machine does not run; otherwise empty.
  std::string otherArch = {};
  /// What the kernel was made for, and what that has beyond every processor of
  /// its kind: the program asks for it before it begins.
  std::string cpu = {}, features = {};
};

/// The header for C and C++: docs/shipping.md.
std::string printHeader(const Package &package);
/// The C source of the typed entry.
std::string printTypedEntry(const Package &package);
/// The C source of the table that Runner.c reads.
std::string printProgramTable(const Package &package);
/// Assembly that holds the embedded weights; empty if there are none.
std::string printWeights(const Package &package);

/// Compiles the glue with the system's C compiler and links it with the kernel
/// object and the static runtime.
llvm::Error buildPackage(const Package &package, llvm::StringRef object);

} // namespace stepwell

#endif // STEPWELL_TOOLS_COMPILE_PACKAGE_H
