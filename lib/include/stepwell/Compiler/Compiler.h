//===- Compiler.h - From a program to an object -----------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_COMPILER_COMPILER_H
#define STEPWELL_COMPILER_COMPILER_H

#include "stepwell/Targets/Target.h"

#include <string>

namespace stepwell {

/// What is to be compiled, for which target.
struct CompileRequest {
  std::string targetName = "cpu";
  TargetOptions options;
  /// MLIR text with one func.func @main over array operations.
  std::string program;
  /// One "file:line" per operation of @main; for messages only.
  std::string locations;
};

struct CompileResult {
  bool ok = false;
  std::string object, error, reproducer;
};

/// Reads docs/kernel-key.md's form; false with `error` set to one line when it
/// is malformed or for another compiler.
bool parseKernelKey(llvm::StringRef key, CompileRequest &request,
                    std::string &error);

/// Never throws, aborts or prints: a crash inside is a result with a
/// reproducer.
CompileResult compile(const CompileRequest &request);

/// The whole way from @main in the array dialect to what target.emit() takes.
void buildDescent(mlir::OpPassManager &pm, const Target &target,
                  const TargetOptions &options);

/// Every dialect and interface that the descent to any target needs.
void registerDescentDialects(mlir::DialectRegistry &registry);

} // namespace stepwell

#endif // STEPWELL_COMPILER_COMPILER_H
