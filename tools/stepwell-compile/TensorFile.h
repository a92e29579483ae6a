//===- TensorFile.h - safetensors and .stepwell files -----------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A .stepwell file is a safetensors file whose metadata holds a program
// (docs/shipping.md). Files come from anywhere: whatever is wrong with one is
// an error of one line.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_TOOLS_COMPILE_TENSORFILE_H
#define STEPWELL_TOOLS_COMPILE_TENSORFILE_H

#include "Signature.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

namespace stepwell {

/// Whether a file is (or was, before it was damaged) of this kind rather than
/// MLIR text.
bool looksLikePackage(llvm::StringRef path, llvm::StringRef content);

class TensorFile {
public:
  static llvm::Expected<TensorFile> open(llvm::StringRef path);

  /// The MLIR text inside, after the checksum was compared.
  llvm::Expected<std::string> program() const;
  /// Binds each input whose stepwell.name is the name of a tensor. `all`: and
  /// every tensor must be some input's.
  llvm::Error bind(Signature &signature, bool all) const;

private:
  explicit TensorFile(llvm::StringRef path) : path(path) {}
  llvm::Error fail(const llvm::Twine &message) const;
  llvm::Error bind(Parameter &parameter,
                   const llvm::json::Object &object) const;

  std::string path; // as it was given
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  llvm::json::Object entries;
  uint64_t dataBegin = 0;
};

} // namespace stepwell

#endif // STEPWELL_TOOLS_COMPILE_TENSORFILE_H
