//===- Passes.td - Passes of the driver itself -------------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_COMPILER_PASSES
#define STEPWELL_COMPILER_PASSES

include "mlir/Pass/PassBase.td"

def PlantFailurePass : Pass<"stepwell-plant-failure", "::mlir::ModuleOp"> {
  let summary = "Fail on purpose, to test that a compiler bug is survived";
  let description = [{
    The key option `plant=<kind>` puts it into the descent. `error` reports an error at the last operation
    of the program and fails; `fatal` is LLVM's fatal error; `crash` is a segmentation fault.

    Before:
    ```mlir
    func.func @main() { return }
    ```
    After:
    ```
    error: planted error
    ```
  }];
  let options = [
    Option<"kind", "kind", "std::string", "\"error\"", "error, fatal or crash">
  ];
}
#endif // STEPWELL_COMPILER_PASSES
