//===- Structure.td - Elements moved, made or converted -------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_STRUCTURE
#define STEPWELL_ARRAY_STRUCTURE

include "ArrayBase.td"

def Array_ConstantOp : Array_Op<"constant", [ConstantLike, AllTypesMatch<["value", "result"]>], []> {
  let summary = "A tensor known before the program runs";
  let description = [{
    Holds `value`. Small ones only: weights are inputs.
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Array_Tensor:$result);
  let inference = [];
  let nonDifferentiable = 1;
  let hasFolder = 1;
  let assemblyFormat = "attr-dict $value";
}

def Array_TransposeOp : Array_Op<"transpose"> {
  let summary = "The dimensions in another order";
  let description = [{
    Dimension `i` of the result is dimension `permutation[i]` of the input.
  }];
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"permute", "same">];
  let vjp = ["transpose(g, permutation=inverse(permutation))"];
  let python = ["permute(input, dims)"];
  let hasFolder = 1;
}

def Array_BroadcastLikeOp : Array_Op<"broadcast_like"> {
  let summary = "The input stretched to the shape of `like`";
  let description = [{
    NumPy broadcasting to the sizes of `like`, of which nothing else is read. With `keepdim` false, the dimensions
    `dims` of `like` are those that the input lacks: this undoes what `array.sum {dims, keepdim}` did to the shape.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$like,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$dims,
                       DefaultValuedAttr<BoolAttr, "true">:$keepdim);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"broadcastLike", "first">];
  let shapeOnly = ["like"];
  let vjp = ["sum(g, dims, keepdim)", ""];
  let hasFolder = 1;
}
#endif // STEPWELL_ARRAY_STRUCTURE
