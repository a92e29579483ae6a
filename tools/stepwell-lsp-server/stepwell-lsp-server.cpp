//===- stepwell-lsp-server.cpp - Our dialects in an editor ----------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Compiler/Guard.h"
#include "stepwell/Registration.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  stepwell::registerAllDialects(registry);
  return stepwell::runTool("stepwell-lsp-server", [&] {
    return static_cast<int>(
        llvm::failed(mlir::MlirLspServerMain(argc, argv, registry)));
  });
}
