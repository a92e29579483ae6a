//===- Reduction.td - Many elements to one --------------------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_REDUCTION
#define STEPWELL_ARRAY_REDUCTION

include "ArrayBase.td"

/// Over the dimensions `dims` (none: nothing is reduced); with `keepdim` they stay, with size 1.
class Array_ReductionOp<string mnemonic, string resultRule, list<Trait> traits = []>
    : Array_Op<mnemonic, traits> {
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$dims,
                       DefaultValuedAttr<BoolAttr, "false">:$keepdim);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"reduce", resultRule>];
}

def Array_SumOp : Array_ReductionOp<"sum", "same"> {
  let summary = "Sum over dimensions";
  let description = [{
    The sum over `dims`; over no element it is 0. Bool and integers are summed in int64. f16 and bf16 accumulate in
    float32. The order of a float sum is not fixed.
  }];
  let promotion = "SumToInt64";
  let vjp = ["broadcast_like(g, input, dims, keepdim)"];
  let python = ["sum(input, dim=None, keepdim=False)"];
  let hasFolder = 1;
}
#endif // STEPWELL_ARRAY_REDUCTION
