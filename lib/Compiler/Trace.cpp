//===- Trace.cpp - The IR after each step, in a folder --------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Trace.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace {

class Trace : public PassInstrumentation {
public:
  Trace(StringRef folder, Operation *module) : folder(folder), module(module) {
    (void)llvm::sys::fs::create_directories(folder);
    write("program");
  }

  void runAfterPass(Pass *pass, Operation *) override {
    // The adaptor around a function's passes has no name; they report
    // themselves.
    if (!pass->getArgument().empty())
      write(pass->getArgument());
  }

private:
  void write(StringRef name) {
    std::string text;
    llvm::raw_string_ostream(text) << *module << "\n";
    if (text == last)
      return;
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, llvm::formatv("{0,0+2:d}", count++).str() +
                                      "-" + name + ".mlir");
    std::error_code error;
    llvm::raw_fd_ostream out(path, error);
    if (!error)
      out << text;
    last = std::move(text);
  }

  std::string folder, last;
  Operation *module;
  unsigned count = 0;
};

} // namespace

std::unique_ptr<PassInstrumentation> stepwell::traceInto(StringRef folder,
                                                         Operation *module) {
  return std::make_unique<Trace>(folder, module);
}
