//===- Passes.td - Rewrites that serve every target --------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_TRANSFORMS_PASSES
#define STEPWELL_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def ExpandMathPass : Pass<"expand-math"> {
  let summary = "Functions of f32 and f64 as arithmetic, the same on every target";
  let description = [{
    Rewrites each `math` operation that is no machine instruction, on scalars or vectors of f32 or f64, into
    `arith` operations and `math.fma`: no library is needed afterwards, and every target computes the same bits.
    docs/math.md tells the formulas and the error of each.

    Before:
    ```mlir
    %y = math.exp %x : vector<8xf32>
    ```
    After:
    ```mlir
    %t = math.fma %clamped, %log2e, %shift : vector<8xf32>
    %k = arith.subf %t, %shift : vector<8xf32>
    %r = math.fma %k, %minus_ln2, %clamped : vector<8xf32>
    ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}
#endif // STEPWELL_TRANSFORMS_PASSES
