//===- Sorting.td - Elements in order --------------------------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_SORTING
#define STEPWELL_ARRAY_SORTING

include "ArrayBase.td"

/// The elements and where they were along `dim`. NaN is larger than every number; 0 and -0 are equal.
class Array_OrderOp<string mnemonic, string shapeRule> : Array_Op<mnemonic> {
  let results = (outs Array_Tensor:$values, Array_Tensor:$indices);
  let inference = [Infer<shapeRule, "same">, Infer<shapeRule, "int64">];
  let batch = "shift(dim)";
  let vjp = ["scatter_add(broadcast_like(0, input), indices, g, dim)"];
}

def Array_SortOp : Array_OrderOp<"sort", "sorted"> {
  let summary = "The elements along a dimension in order, and where they were";
  let description = [{
    Ascending, or with `descending` from the largest on. NaN is larger than every number. Equal elements stay in their
    order, always. Along `dim` there are fewer than 2**32 elements.
  }];
  let arguments = (ins Array_Tensor:$input, I64Attr:$dim, DefaultValuedAttr<BoolAttr, "false">:$descending);
}

def Array_TopkOp : Array_OrderOp<"topk", "topk"> {
  let summary = "The largest or smallest elements along a dimension, and where they were";
  let description = [{
    The first `k` of what `sort` gives, descending if `largest`.
  }];
  let arguments = (ins Array_Tensor:$input, I64Attr:$dim, I64Attr:$k, DefaultValuedAttr<BoolAttr, "true">:$largest);
}
#endif // STEPWELL_ARRAY_SORTING
