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
class Array_ReductionOp<string mnemonic, string dtypeRule, string shapeRule = "reduce", list<Trait> traits = []>
    : Array_Op<mnemonic, traits> {
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$dims,
                       DefaultValuedAttr<BoolAttr, "false">:$keepdim);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<shapeRule, dtypeRule>];
  let batch = "shift(dims)";
  let dispatch = ["Reduces"];
  let python = [mnemonic # "(input, dim=None, keepdim=False)"];
  let hasFolder = 1;
}

/// `dtype` is what the input is cast to before.
class Array_TypedReductionOp<string mnemonic> : Array_ReductionOp<mnemonic, "same"> {
  let promotion = "SumToInt64";
  let python = [mnemonic # "(input, dim=None, keepdim=False, *, dtype=None)"];
}

def Array_SumOp : Array_TypedReductionOp<"sum"> {
  let summary = "Sum over dimensions";
  let description = [{
    The sum over `dims`; over no element it is 0. Bool and integers are summed in int64. f16 and bf16 accumulate in
    float32. The order of a float sum is not fixed.
  }];
  let vjp = ["broadcast_like(g, input, dims, keepdim)"];
}

def Array_ProdOp : Array_TypedReductionOp<"prod"> {
  let summary = "Product over dimensions";
  let description = [{
    The product over `dims`; over no element it is 1. Bool and integers are multiplied in int64. f16 and bf16 accumulate
    in float32. The first three derivatives are right at zeros.
  }];
  // The product of the other factors: of those that are not zero, times that of the other zeros. The latter is 1 if
  // there is none; of one it is their sum, of two half of what the square of their sum is more than the sum of their
  // squares: that has the right derivatives; of more it is 0. Where there is one factor, there are no others, whatever
  // it is.
  let vjp = [
    "broadcast_like(g * prod(where(logical_or(eq(input, 0), eq(count(input, dtype(input), dims), 1)), 1, input), dims,"
    " keepdim), input, dims, keepdim)"
    " / where(logical_or(eq(input, 0), eq(count(input, dtype(input), dims), 1)), 1, input)"
    " * where(le(broadcast_like(sum(cast(eq(input, 0), dtype(input)), dims, keepdim), input, dims, keepdim),"
    " cast(eq(input, 0), dtype(input))), 1,"
    " where(le(broadcast_like(sum(cast(eq(input, 0), dtype(input)), dims, keepdim), input, dims, keepdim),"
    " cast(eq(input, 0), dtype(input)) + 1),"
    " broadcast_like(sum(where(eq(input, 0), input, 0), dims, keepdim), input, dims, keepdim)"
    " - where(eq(input, 0), input, 0),"
    " where(le(broadcast_like(sum(cast(eq(input, 0), dtype(input)), dims, keepdim), input, dims, keepdim),"
    " cast(eq(input, 0), dtype(input)) + 2),"
    " 0.5 * (pow(broadcast_like(sum(where(eq(input, 0), input, 0), dims, keepdim), input, dims, keepdim)"
    " - where(eq(input, 0), input, 0), 2)"
    " - broadcast_like(sum(where(eq(input, 0), input * input, 0), dims, keepdim), input, dims, keepdim)"
    " + where(eq(input, 0), input * input, 0)), 0)))"];
}

/// The gradient is shared by the elements that are equal to the result. Over no element there is none, unless `empty`
/// allows it: then it is the one that loses against every other.
class Array_ExtremumOp<string mnemonic> : Array_ReductionOp<mnemonic, "same", "reduceSome"> {
  let dispatch = ["Reduces", "NeedsElements"];
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$dims,
                       DefaultValuedAttr<BoolAttr, "false">:$keepdim,
                       DefaultValuedAttr<BoolAttr, "false">:$empty);
  // A NaN equals nothing: there the quotient is infinite, and 0 times it is NaN.
  let vjp = [
    "cast(eq(input, broadcast_like(result, input, dims, keepdim)), dtype(g)) * broadcast_like("
    "cast(cast(g, wide(g)) / sum(cast(eq(input, broadcast_like(result, input, dims, keepdim)), wide(g)), dims, keepdim),"
    " dtype(g)), input, dims, keepdim)"];
}

def Array_AmaxOp : Array_ExtremumOp<"amax"> {
  let summary = "Largest element over dimensions";
  let description = [{
    NaN if there is one. There must be an element, or with `empty` it is -inf, or the lowest integer. Equal largest
    elements share the gradient evenly.
  }];
}

def Array_AminOp : Array_ExtremumOp<"amin"> {
  let summary = "Smallest element over dimensions";
  let description = [{
    NaN if there is one. There must be an element, or with `empty` it is inf, or the highest integer. Equal smallest
    elements share the gradient evenly.
  }];
}

def Array_AllOp : Array_ReductionOp<"all", "same"> {
  let summary = "Whether no element over dimensions is zero";
  let description = [{
    Over no element it is true. NaN is not zero.
  }];
  let promotion = "ToBool";
  let nonDifferentiable = 1;
}

def Array_AnyOp : Array_ReductionOp<"any", "same"> {
  let summary = "Whether an element over dimensions is not zero";
  let description = [{
    Over no element it is false. NaN is not zero.
  }];
  let promotion = "ToBool";
  let nonDifferentiable = 1;
}

class Array_PositionOp<string mnemonic> : Array_ReductionOp<mnemonic, "int64", "reduceSome"> {
  let dispatch = ["Reduces", "NeedsElements", "GivesPosition"];
  let nonDifferentiable = 1;
}

def Array_ArgmaxOp : Array_PositionOp<"argmax"> {
  let summary = "Where the largest element over dimensions lies";
  let description = [{
    The position, counted row-major over `dims`, of the first largest element; of the first NaN if there is one.
  }];
}

def Array_ArgminOp : Array_PositionOp<"argmin"> {
  let summary = "Where the smallest element over dimensions lies";
  let description = [{
    The position, counted row-major over `dims`, of the first smallest element; of the first NaN if there is one.
  }];
}

def Array_CountOp : Array_Op<"count"> {
  let summary = "How many elements lie along dimensions";
  let description = [{
    The product of the input's sizes over `dims`, as one number of type `dtype`. Only the sizes are read.
  }];
  let arguments = (ins Array_Tensor:$input, TypeAttr:$dtype, DenseI64ArrayAttr:$dims);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"scalar", "fromAttribute">];
  let batch = "rule";
  let cheap = 1;
  let shapeOnly = ["input"];
  let nonDifferentiable = 1;
}

def Array_CumsumOp : Array_Op<"cumsum"> {
  let summary = "Running sum along a dimension";
  let description = [{
    Element `i` is the sum of the input's elements up to and with `i`; with `reverse`, from `i` on. Bool and integers
    are summed in int64. f16 and bf16 accumulate in float32.
  }];
  let arguments = (ins Array_Tensor:$input, I64Attr:$dim, DefaultValuedAttr<BoolAttr, "false">:$reverse);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"along", "same">];
  let batch = "shift(dim)";
  let promotion = "SumToInt64";
  let vjp = ["cumsum(g, dim, negated(reverse))"];
  let python = ["cumsum(input, dim, *, dtype=None)"];
}
#endif // STEPWELL_ARRAY_REDUCTION
