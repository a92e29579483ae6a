//===- Signature.h - What a program takes and gives -------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_TOOLS_COMPILE_SIGNATURE_H
#define STEPWELL_TOOLS_COMPILE_SIGNATURE_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>
#include <vector>

namespace stepwell {

/// One element type, in the languages that a shipped program speaks.
struct ElementType {
  const char *mlir;        // "f32"
  const char *c;           // "float"
  const char *npy;         // "<f4"
  const char *safetensors; // "F32"
  unsigned bytes;
  const char *field; // of stepwell_arg, for scalars
};

/// Null for a type that programs do not have.
const ElementType *lookupElementType(llvm::StringRef mlir);

/// Where a bound parameter's bytes are.
struct Weight {
  std::string file;
  uint64_t offset = 0, size = 0;
};

struct Parameter {
  std::string name;  // a C identifier
  std::string label; // stepwell.name, or empty
  const ElementType *type = nullptr;
  llvm::SmallVector<int64_t> shape; // -1: known at run time
  /// Of a result whose sizes are not all known: each in postfix, over the words
  /// of the arguments (docs/abi.md).
  llvm::SmallVector<std::string> sizes;
  bool scalar = false;          // one word by value
  bool shapeOnly = false;       // no data
  bool written = false;         // an input that receives a result
  std::optional<Weight> weight; // embedded: not asked of the caller

  bool isStatic() const;
  /// "f32[3,?]".
  std::string describe() const;
};

struct Signature {
  std::vector<Parameter> inputs;
  std::vector<Parameter> outputs; // those with a buffer of their own
};

/// Whether C, C++, their libraries' headers or the generated code use this
/// word.
bool isReservedName(llvm::StringRef name);

/// Reads @main of the MLIR text, for a C function of that name. The error is
/// one line with file, line and column.
llvm::Expected<Signature> readSignature(llvm::StringRef text,
                                        llvm::StringRef fileName,
                                        llvm::StringRef functionName);

} // namespace stepwell

#endif // STEPWELL_TOOLS_COMPILE_SIGNATURE_H
