//===- Registration.cpp - Every dialect and pass of this compiler ---------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Registration.h"
#include "stepwell-c/Registration.h"

#include "mlir/CAPI/IR.h"

#include <mutex>
#include <vector>

using namespace stepwell;

// Functions' statics: registrars in other files may run before this file's own.
static std::vector<void (*)()> &passes() {
  static std::vector<void (*)()> all;
  return all;
}
static std::vector<void (*)(mlir::DialectRegistry &)> &dialects() {
  static std::vector<void (*)(mlir::DialectRegistry &)> all;
  return all;
}

RegisterPieces::RegisterPieces(void (*function)()) {
  passes().push_back(function);
}
RegisterPieces::RegisterPieces(void (*function)(mlir::DialectRegistry &)) {
  dialects().push_back(function);
}

void stepwell::registerAllDialects(mlir::DialectRegistry &registry) {
  for (auto *function : dialects())
    function(registry);
}

void stepwell::registerAllPasses() {
  static std::once_flag once;
  std::call_once(once, [] {
    for (auto *function : passes())
      function();
  });
}

void stepwellRegisterAllDialects(MlirDialectRegistry registry) {
  registerAllDialects(*unwrap(registry));
}

void stepwellRegisterAllPasses() { registerAllPasses(); }
