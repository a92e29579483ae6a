//===- Elementwise.td - One result element from one element each -*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_ELEMENTWISE
#define STEPWELL_ARRAY_ELEMENTWISE

include "ArrayBase.td"

class Array_ElementwiseOp<string mnemonic, dag ins, string resultRule, list<Trait> traits = []>
    : Array_Op<mnemonic, traits> {
  let arguments = ins;
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"broadcast", resultRule>];
}
class Array_UnaryOp<string mnemonic, list<Trait> traits = []>
    : Array_ElementwiseOp<mnemonic, (ins Array_Tensor:$input), "same", traits>;
class Array_BinaryOp<string mnemonic, list<Trait> traits = []>
    : Array_ElementwiseOp<mnemonic, (ins Array_Tensor:$input, Array_Tensor:$other), "same", traits> {
  let promotion = "Common";
}
class Array_CompareOp<string mnemonic>
    : Array_ElementwiseOp<mnemonic, (ins Array_Tensor:$input, Array_Tensor:$other), "boolean"> {
  let promotion = "Common";
  let nonDifferentiable = 1;
}

def Array_AddOp : Array_BinaryOp<"add", [Commutative]> {
  let summary = "Elementwise sum";
  let description = [{
    `input + other`, broadcast. Integers wrap around; on bool it is `or`.

    Example:
    ```python
    >>> stepwell.add(stepwell.tensor([1., 2.]), 10)
    tensor([11., 12.])
    ```
  }];
  let scalar = Scalar<"arith.addf(input, other)", "arith.addi(input, other)", "arith.addi(input, other)", "arith.ori(input, other)">;
  let vjp = ["g", "g"];
  let python = ["add(input, other)"];
  let slots = ["__add__"];
}

def Array_MulOp : Array_BinaryOp<"mul", [Commutative]> {
  let summary = "Elementwise product";
  let description = [{
    `input * other`, broadcast. Integers wrap around; on bool it is `and`.
  }];
  let scalar = Scalar<"arith.mulf(input, other)", "arith.muli(input, other)", "arith.muli(input, other)", "arith.andi(input, other)">;
  let vjp = ["g * other", "g * input"];
  let python = ["mul(input, other)"];
  let slots = ["__mul__"];
}

def Array_ExpOp : Array_UnaryOp<"exp"> {
  let summary = "Elementwise natural exponential";
  let description = [{
    `e ** input`. Integers and bool are computed in float32.
  }];
  let promotion = "ToFloat";
  let scalar = Scalar<"math.exp(input)">;
  let vjp = ["g * result"];
  let python = ["exp(input)"];
}

def Array_LtOp : Array_CompareOp<"lt"> {
  let summary = "Elementwise less-than";
  let description = [{
    `input < other` as bool; false where either is NaN.
  }];
  let scalar = Scalar<"arith.cmpf('olt', input, other)", "arith.cmpi('slt', input, other)", "arith.cmpi('ult', input, other)", "arith.cmpi('ult', input, other)">;
  let python = ["lt(input, other)"];
  let slots = ["__lt__"];
}
def Array_CastOp : Array_Op<"cast"> {
  let summary = "Each element converted to another element type";
  let description = [{
    Float to float rounds to nearest even. Float to integer truncates and saturates at the integer's range; NaN
    becomes 0. Integer to a narrower integer wraps around. To bool is `input != 0` (NaN is true); from bool is 0 or 1.
  }];
  let arguments = (ins Array_Tensor:$input, TypeAttr:$dtype);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"broadcast", "fromAttribute">];
  let scalar = Scalar<"convert(input)", "convert(input)", "convert(input)", "convert(input)">;
  let vjp = ["cast(g, dtype=dtype(input))"];
  let hasFolder = 1;
  let hasVerifier = 1;
}
#endif // STEPWELL_ARRAY_ELEMENTWISE
