//===- Contraction.td - Sums of products ----------------------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_CONTRACTION
#define STEPWELL_ARRAY_CONTRACTION

include "ArrayBase.td"

def Array_MatmulOp : Array_Op<"matmul"> {
  let summary = "Matrix product";
  let description = [{
    `(..., m, k) x (..., k, n) -> (..., m, n)`; the leading dimensions broadcast. f16 and bf16 accumulate in float32. A
    vector operand is given a dimension of size 1 before, by the caller.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$other);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"matmul", "same">];
  let vjp = ["matmul(g, transpose(other, permutation=swapLast(other)))",
             "matmul(transpose(input, permutation=swapLast(input)), g)"];
  let python = ["matmul(input, other)"];
  let slots = ["__matmul__"];
}
#endif // STEPWELL_ARRAY_CONTRACTION
