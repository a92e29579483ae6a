//===- stepwell-opt.cpp - Runs passes on a .mlir file ---------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Compiler/Guard.h"
#include "stepwell/Registration.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  stepwell::registerAllDialects(registry);
  stepwell::registerAllPasses();
  return stepwell::runTool("stepwell-opt", [&] {
    return mlir::asMainReturnCode(mlir::MlirOptMain(
        argc, argv, "Stepwell's passes and MLIR's\n", registry));
  });
}
