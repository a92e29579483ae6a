//===- Indexing.td - Elements chosen by other tensors ---------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_INDEXING
#define STEPWELL_ARRAY_INDEXING

include "Elementwise.td"

/// Indices are integers in [0, size): any other one is an error, when the program runs.
class Array_IndexingOp<string mnemonic, string shapeRule> : Array_Op<mnemonic> {
  let batch = !if(!eq(!find(mnemonic, "index_"), 0), "rule", "shift(dim)");
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<shapeRule, "indexed">];
  let checked = ["index"];
}

def Array_GatherOp : Array_IndexingOp<"gather", "gather"> {
  let dispatch = ["RankOfIndex"];
  let summary = "Along a dimension, the elements that an index tensor names";
  let description = [{
    `result[i][j] = input[index[i][j]][j]` for `dim` 0, and so on: the result has the sizes of `index`, which along the
    other dimensions are at most the input's.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$index, I64Attr:$dim);
  let vjp = ["scatter_add(broadcast_like(0, input), index, g, dim)", ""];
  let python = ["gather(input, dim, index)"];
}

def Array_PickOp : Array_IndexingOp<"pick", "pick"> {
  let summary = "One element along a dimension for each place of an index tensor";
  let description = [{
    `gather` with an index that lacks the dimension `dim`, and so does the result.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$index, I64Attr:$dim);
  let vjp = ["where(eq(iota(input, dtype(index), dim), broadcast_like(index, input, dims(dim), False)),"
             " broadcast_like(g, input, dims(dim), False), 0)", ""];
}

def Array_ScatterAddOp : Array_IndexingOp<"scatter_add", "scatter"> {
  let summary = "Elements added where an index tensor says, along a dimension";
  let dispatch = ["InPlace"];
  let description = [{
    `result[index[i][j]][j] += src[i][j]` for `dim` 0, and so on, from a copy of the input. `src` has the
    sizes of `index`.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$index, Array_Tensor:$src, I64Attr:$dim);
  let vjp = ["g", "", "gather(g, index, dim)"];
}

def Array_IndexSelectOp : Array_IndexingOp<"index_select", "indexSelect"> {
  let summary = "Slices along a dimension, chosen by an index tensor";
  let description = [{
    The dimension `dim` of the input gives way to all the dimensions of `index`: slice `index[i, ...]` lies at
    `(i, ...)`. An embedding is this along dimension 0.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$index, I64Attr:$dim);
  let vjp = ["index_add(broadcast_like(0, input), index, g, dim)", ""];
  let python = ["index_select(input, dim, index)"];
}

def Array_IndexAddOp : Array_IndexingOp<"index_add", "indexWrite"> {
  let summary = "Slices added along a dimension where an index tensor says";
  let dispatch = ["InPlace"];
  let description = [{
    Slice `(i, ...)` of `source`, which has the shape of what `index_select` gives, is added to slice `index[i, ...]`
    of a copy of the input.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$index, Array_Tensor:$source, I64Attr:$dim);
  let vjp = ["g", "", "index_select(g, index, dim)"];
  let python = ["index_add(input, dim, index, source)"];
}

def Array_IndexCopyOp : Array_IndexingOp<"index_copy", "indexWrite"> {
  let summary = "Slices along a dimension replaced where an index tensor says";
  let dispatch = ["InPlace"];
  let description = [{
    Slice `(i, ...)` of `source`, which has the shape of what `index_select` gives, replaces slice `index[i, ...]` in
    a copy of the input. Of equal indices the last one counts; the gradient of `source` is right if there are none.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$index, Array_Tensor:$source, I64Attr:$dim);
  let vjp = ["index_copy(g, index, broadcast_like(0, source), dim)", "", "index_select(g, index, dim)"];
  let python = ["index_copy(input, dim, index, source)"];
}

def Array_LinearIndexOp
    : Array_ElementwiseOp<"linear_index", (ins Array_Tensor:$linear, Array_Tensor:$index, Array_Tensor:$size), "same"> {
  let summary = "One position for several dimensions";
  let dispatch = [];
  let description = [{
    `linear * size + index`, where an index below 0 counts from the end; -1 where it is out of range or `linear` is -1.
  }];
  let promotion = "Common";
  let scalar = Scalar<"",
    "arith.select(arith.andi(arith.cmpi('sge', linear, 0), "
    "arith.cmpi('ult', arith.select(arith.cmpi('slt', index, 0), arith.addi(index, size), index), size)), "
    "arith.addi(arith.muli(linear, size), "
    "arith.select(arith.cmpi('slt', index, 0), arith.addi(index, size), index)), -1)", "", "">;
  let nonDifferentiable = 1;
}

def Array_WrapIndexOp : Array_Op<"wrap_index"> {
  let summary = "Positions counted from the start";
  let description = [{
    The input, where a number below 0 counts from the end of a dimension of `size` elements. One that does not lie in
    [-size, size) is an error, when the program runs, which names it and the dimension `dim`.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$size, I64Attr:$dim);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"withNumbers", "indices">];
  let batch = "rule";
  let cheap = 1;
  let checked = ["input"];
  let nonDifferentiable = 1;
}

def Array_OneHotOp : Array_Op<"one_hot"> {
  let summary = "A row with one 1 for each class number";
  let description = [{
    Along a new last dimension of size `num_classes`, 1 at the position that the input names and 0 elsewhere; all 0
    for a number outside of [0, num_classes).
  }];
  let arguments = (ins Array_Tensor:$input, I64Attr:$num_classes);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"oneHot", "int64">];
  let batch = "shift";
  let cheap = 1;
  let nonDifferentiable = 1;
}
#endif // STEPWELL_ARRAY_INDEXING
