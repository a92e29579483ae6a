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
  let batch = "rule";
  let cheap = 1;
  let nonDifferentiable = 1;
  let hasFolder = 1;
  let assemblyFormat = "attr-dict $value";
}

def Array_DetachOp : Array_Op<"detach"> {
  let summary = "The input, as something that has no derivative";
  let description = [{
    What was computed under `no_grad`, or detached, inside of a function that is differentiated as a whole. It costs
    nothing: the result is the input.
  }];
  let arguments = (ins Array_Tensor:$input);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"broadcast", "same">];
  let batch = "shift";
  let cheap = 1;
  let nonDifferentiable = 1;
}

def Array_WithGradientOfOp : Array_Op<"with_gradient_of"> {
  let summary = "The input, whose gradient is that of another value";
  let description = [{
    The value is `input`; the gradient goes to `other`. Memory that is written under `no_grad` keeps its place on the
    tape. It costs nothing.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$other);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"broadcastToFirst", "same">];
  let batch = "shift";
  let cheap = 1;
  let vjp = ["", "g"];
}

def Array_TransposeOp : Array_Op<"transpose"> {
  let summary = "The dimensions in another order";
  let description = [{
    Dimension `i` of the result is dimension `permutation[i]` of the input.
  }];
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"permute", "same">];
  let batch = "rule";
  let cheap = 1;
  let dispatch = ["Permutes"];
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
  let batch = "rule";
  let cheap = 1;
  let shapeOnly = ["like"];
  let vjp = ["sum(g, dims, keepdim)", ""];
  let hasFolder = 1;
}

def Array_IotaOp : Array_Op<"iota"> {
  let summary = "Each element's position along a dimension";
  let description = [{
    A tensor with the sizes of `like`, of which nothing else is read; element (i0, ..., in) is the coordinate along
    `dim`.
  }];
  let arguments = (ins Array_Tensor:$like, TypeAttr:$dtype, I64Attr:$dim);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"iota", "fromAttribute">];
  let batch = "shift(dim)";
  let cheap = 1;
  let shapeOnly = ["like"];
  let nonDifferentiable = 1;
}

def Array_EmptyOp : Array_Op<"empty"> {
  let summary = "A tensor whose elements are not written, with sizes that are computed from others";
  let description = [{
    Nothing but its sizes is to be read: it is what `broadcast_like`, `reshape_like`, `iota` and `slice_like` take for
    `like`. `sizes` has an expression for each, in postfix and separated by commas, where `v0`, `v1`... are the sizes of
    all operands, one after the other: `"v0 2 //, 4"` is half the first one, and 4. The words are `+ - * / // % neg`,
    comparisons and `?` (docs/abi.md); `//` and `%` round as Python's do.
  }];
  let arguments = (ins Variadic<Array_Tensor>:$of, TypeAttr:$dtype, StrAttr:$sizes);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"empty", "fromAttribute">];
  let batch = "rule";
  let shapeOnly = ["of"];
  let nonDifferentiable = 1;
}

def Array_FullOp : Array_Op<"full"> {
  let summary = "One number everywhere";
  let description = [{
    A tensor of `sizes` with every element `value`.
  }];
  let arguments = (ins Array_Tensor:$value, DenseI64ArrayAttr:$sizes);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"broadcastTo", "same">];
  let batch = "rule";
  let cheap = 1;
  let vjp = ["g"];
}

def Array_BroadcastOp : Array_Op<"broadcast"> {
  let summary = "The input stretched to sizes";
  let description = [{
    NumPy broadcasting to `sizes`.
  }];
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$sizes);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"broadcastTo", "same">];
  let batch = "rule";
  let cheap = 1;
  let vjp = ["g"];
  let hasFolder = 1;
}

def Array_ReshapeOp : Array_Op<"reshape"> {
  let summary = "The same elements, in row-major order, with other sizes";
  let description = [{
    The result has `sizes`, whose product is the input's number of elements. A size of -1 - d is the input's along
    dimension d. One may be unknown (`?`, the least integer): it is what the others leave.
  }];
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$sizes);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"reshape", "same">];
  let batch = "rule";
  let cheap = 1;
  let vjp = ["reshape_like(g, input)"];
  let hasFolder = 1;
}

def Array_ReshapeLikeOp : Array_Op<"reshape_like"> {
  let summary = "The same elements, in row-major order, with the sizes of `like`";
  let description = [{
    Of `like` only the sizes are read.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$like);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"reshapeLike", "first">];
  let batch = "shift";
  let cheap = 1;
  let shapeOnly = ["like"];
  let vjp = ["reshape_like(g, input)", ""];
  let hasFolder = 1;
}

def Array_FlipOp : Array_Op<"flip"> {
  let summary = "The order along dimensions reversed";
  let description = [{
    Element `i` along each of `dims` is the input's element `size - 1 - i`.
  }];
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$dims);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"flip", "same">];
  let batch = "shift(dims)";
  let cheap = 1;
  let vjp = ["flip(g, dims)"];
}

def Array_PadOp : Array_Op<"pad"> {
  let summary = "A number around the input";
  let description = [{
    Along dimension `i`, `low[i]` elements `value` before the input's and `high[i]` after. Negative amounts cut off.
  }];
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high,
                       DefaultValuedAttr<F64Attr, "0.0">:$value);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"pad", "same">];
  let batch = "rule";
  let cheap = 1;
  let vjp = ["pad(g, negated(low), negated(high))"];
}

def Array_SliceOp : Array_Op<"slice"> {
  let summary = "Every so many elements along each dimension";
  let description = [{
    Element `i` along dimension `d` is the input's element `starts[d] + i * steps[d]`, for `i` below `sizes[d]`. Steps
    are positive.
  }];
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$sizes,
                       DenseI64ArrayAttr:$steps);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"slice", "same">];
  let batch = "rule";
  let cheap = 1;
  let vjp = ["insert_slice(broadcast_like(0, input), g, starts, steps)"];
}

def Array_InsertSliceOp : Array_Op<"insert_slice"> {
  let summary = "The input with a slice replaced";
  let description = [{
    `part` lies where `slice` with these `starts` and `steps` would read.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$part, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$steps);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"insertSlice", "same">];
  let batch = "rule";
  let cheap = 1;
  let vjp = ["insert_slice(g, broadcast_like(0, part), starts, steps)", "slice(g, starts, sizes(part), steps)"];
}

def Array_SliceLikeOp : Array_Op<"slice_like"> {
  let summary = "Every so many elements along each dimension, as many as `like` has";
  let description = [{
    As `slice`, with sizes that are those of `like` and starts that are those of `starts`: of both only the sizes are
    read.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$starts, Array_Tensor:$like, DenseI64ArrayAttr:$steps);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"sliceLike", "first">];
  let batch = "rule";
  let shapeOnly = ["starts", "like"];
  let vjp = ["insert_slice_at(broadcast_like(0, input), g, starts, steps)", "", ""];
  let hasCanonicalizeMethod = 1;
}

def Array_InsertSliceAtOp : Array_Op<"insert_slice_at"> {
  let summary = "The input with a slice replaced that begins at the sizes of `starts`";
  let description = [{
    `part` lies where `slice_like` with these `starts` and `steps` would read. Of `starts` only the sizes are read.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$part, Array_Tensor:$starts, DenseI64ArrayAttr:$steps);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"insertSliceAt", "firstTwo">];
  let batch = "rule";
  let shapeOnly = ["starts"];
  let vjp = ["insert_slice_at(g, broadcast_like(0, part), starts, steps)", "slice_like(g, starts, part, steps)", ""];
  let hasCanonicalizeMethod = 1;
}

def Array_ConcatOp : Array_Op<"concat"> {
  let summary = "One tensor after the other along a dimension";
  let description = [{
    All inputs have the same sizes except along `dim`.
  }];
  let arguments = (ins Variadic<Array_Tensor>:$inputs, I64Attr:$dim);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"concat", "same">];
  let batch = "shift(dim)";
  let cheap = 1;
  let hasVJPHook = 1;
  let saves = ["shape(inputs)"];
  let extraClassDeclaration = [{
    /// The slice of `g` where input `index` lies.
    static ::mlir::Value buildVJP(::mlir::OpBuilder &, ConcatOp, unsigned index, ::mlir::Value g);
  }];
}
#endif // STEPWELL_ARRAY_STRUCTURE
