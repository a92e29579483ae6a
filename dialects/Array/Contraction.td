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
  let inference = [Infer<"matmul", "numbers">];
  let batch = "rule";
  let dispatch = ["MultipliesMatrices"];
  let vjp = ["matmul(g, transpose(other, permutation=swapLast(other)))",
             "matmul(transpose(input, permutation=swapLast(input)), g)"];
  let python = ["matmul(input, other)"];
  let slots = ["__matmul__"];
}

def Array_DotGeneralOp : Array_Op<"dot_general"> {
  let summary = "Sums of products over dimensions that are paired";
  let description = [{
    Dimension `input_batch[i]` of the input goes with `other_batch[i]` of the other, and stays; `input_contract[i]`
    goes with `other_contract[i]`, and is summed over. The result has the batch dimensions in the order of the pairs,
    then the input's other dimensions, then the other's. Nothing broadcasts. f16 and bf16 accumulate in float32.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$other, DenseI64ArrayAttr:$input_batch,
                       DenseI64ArrayAttr:$other_batch, DenseI64ArrayAttr:$input_contract,
                       DenseI64ArrayAttr:$other_contract);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"dotGeneral", "numbers">];
  let batch = "rule";
  let hasVJPHook = 1;
  let saves = ["other for input", "input for other"];
  let extraClassDeclaration = [{
    /// The contraction of `g` with the other operand, transposed as operand `index`.
    static ::mlir::Value buildVJP(::mlir::OpBuilder &, DotGeneralOp, unsigned index, ::mlir::Value g);
  }];
}
#endif // STEPWELL_ARRAY_CONTRACTION
