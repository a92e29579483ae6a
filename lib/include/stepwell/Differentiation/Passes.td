//===- Passes.td - From requests to derivatives ---------------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_DIFFERENTIATION_PASSES
#define STEPWELL_DIFFERENTIATION_PASSES

include "mlir/Pass/PassBase.td"

def FulfilRequestsPass : Pass<"autodiff-fulfil-requests"> {
  let summary = "Replace every autodiff.vjp by the derivative of its body";
  let description = [{
    Reverse mode, by the rules of the records; the innermost request first, so that a nested request becomes the
    derivative of a derivative. Only what depends on `wrt` is differentiated; a gradient is summed to the
    shape of the operand that was broadcast; an input that nothing depends on has gradient zero. Leaves
    work for `cse` and `canonicalize`.

    Before:
    ```mlir
    %dx = "autodiff.vjp"(%x, %y, %dy) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
    ^bb0(%a: tensor<?xf32>):
      %b = array.exp %a : (tensor<?xf32>) -> tensor<?xf32>
      autodiff.yield %b : tensor<?xf32>
    }) : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    ```
    After:
    ```mlir
    %dx = array.mul %dy, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    ```
  }];
  let dependentDialects = ["::stepwell::array::ArrayDialect", "::mlir::tensor::TensorDialect"];
}
#endif // STEPWELL_DIFFERENTIATION_PASSES
