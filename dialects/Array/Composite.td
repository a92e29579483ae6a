//===- Composite.td - Operations made of others ---------------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_COMPOSITE
#define STEPWELL_ARRAY_COMPOSITE

include "ArrayBase.td"

/// f16 and bf16 are computed in float32 throughout: `wide` starts a decomposition, a cast ends it.
class Array_CompositeOp<string mnemonic> : Array_Op<mnemonic> {
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"broadcast", "first">];
}

def Array_MeanOp : Array_CompositeOp<"mean"> {
  let summary = "Arithmetic mean over dimensions";
  let description = [{
    Over no element it is NaN. The input is of a float type, or `dtype` says what it is cast to before.
  }];
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$dims, DefaultValuedAttr<BoolAttr, "false">:$keepdim);
  let inference = [Infer<"reduce", "inexact">];
  let dispatch = ["Reduces"];
  let decomposition = ["x = cast(input, wide(input))",
                       "cast(sum(x, dims, keepdim) / count(x, dtype(x), dims), dtype(input))"];
  // The count of elements may be too large for f16. Over none there is no gradient, but that has one, 0.
  let vjp = ["broadcast_like(cast(cast(g, wide(g)) / maximum(count(input, wide(g), dims), 1), dtype(g)), input, dims, keepdim)"];
  let python = ["mean(input, dim=None, keepdim=False, *, dtype=None)"];
}

// What an element's distance from the mean adds to the variance. PyTorch's formula: infinities stay where they are.
class Spread<string x = "cast(input, wide(input))"> {
  string slope = "((" # x # " - mean(" # x # ", dims, True))"
                 " * (2 / (count(input, wide(input), dims) - number(correction, " # x # "))))";
}

def Array_VarOp : Array_CompositeOp<"var"> {
  let summary = "Variance over dimensions";
  let description = [{
    The sum of the squared distances from the mean, divided by the number of elements less `correction`.
  }];
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$dims, DefaultValuedAttr<BoolAttr, "false">:$keepdim,
                       DefaultValuedAttr<F64Attr, "1.0">:$correction);
  let inference = [Infer<"reduce", "inexact">];
  let dispatch = ["Reduces"];
  let decomposition = ["x = cast(input, wide(input))",
                       "d = x - mean(x, dims, True)",
                       "cast(sum(d * d, dims, keepdim)"
                       " / maximum(count(x, dtype(x), dims) - number(correction, x), 0), dtype(input))"];
  let vjp = ["cast(broadcast_like(cast(g, wide(g)), input, dims, keepdim) * " # Spread<>.slope # ", dtype(input))"];
}

def Array_StdOp : Array_CompositeOp<"std"> {
  let summary = "Standard deviation over dimensions";
  let description = [{
    The square root of `var`. Where it is 0, so is the gradient.
  }];
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$dims, DefaultValuedAttr<BoolAttr, "false">:$keepdim,
                       DefaultValuedAttr<F64Attr, "1.0">:$correction);
  let inference = [Infer<"reduce", "same">];
  let dispatch = ["Reduces"];
  let promotion = "ToFloat";
  let decomposition = ["x = cast(input, wide(input))", "cast(sqrt(var(x, dims, keepdim, correction)), dtype(input))"];
  let vjp = ["cast(broadcast_like(where(eq(result, 0), 0, cast(g, wide(g)) / (cast(where(eq(result, 0), 1, result), wide(g)) * 2)),"
             " input, dims, keepdim) * " # Spread<>.slope # ", dtype(input))"];
}

def Array_NormOp : Array_CompositeOp<"norm"> {
  let summary = "Euclidean length over dimensions";
  let description = [{
    `sqrt(sum(input * input))`. Where it is 0, so is the gradient.
  }];
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$dims, DefaultValuedAttr<BoolAttr, "false">:$keepdim);
  let inference = [Infer<"reduce", "same">];
  let dispatch = ["Reduces"];
  let promotion = "ToFloat";
  let decomposition = ["x = cast(input, wide(input))", "cast(sqrt(sum(x * x, dims, keepdim)), dtype(input))"];
  let vjp = ["cast(cast(input, wide(input)) * broadcast_like(where(eq(result, 0), 0,"
             " cast(g, wide(g)) / cast(where(eq(result, 0), 1, result), wide(g))), input, dims, keepdim), dtype(input))"];
}

def Array_NormPOp : Array_CompositeOp<"norm_p"> {
  let summary = "The norm of an order over dimensions";
  let description = [{
    `sum(abs(input) ** ord) ** (1 / ord)`, for an `ord` that is neither 0 nor infinite. Where it is 0, so is the
    gradient.
  }];
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$dims, BoolAttr:$keepdim, F64Attr:$ord);
  let inference = [Infer<"reduce", "same">];
  let dispatch = ["Reduces"];
  let promotion = "ToFloat";
  let decomposition = ["x = abs(cast(input, wide(input)))",
                       "n = number(ord, x)",
                       "cast(pow(sum(pow(x, n), dims, keepdim), 1 / n), dtype(input))"];
  let vjp = ["cast(sign(cast(input, wide(input)))"
             " * where(eq(input, 0), 0, pow(abs(cast(where(eq(input, 0), 1, input), wide(input))), number(ord, cast(input, wide(input))) - 1))"
             " * broadcast_like(where(eq(result, 0), 0, cast(g, wide(g))"
             " / pow(cast(where(eq(result, 0), 1, result), wide(g)), number(ord, cast(input, wide(input))) - 1)),"
             " input, dims, keepdim), dtype(input))"];
}

// Where the value lies, as a mask.
class Lies<string value = "broadcast_like(value, input, dims, keepdim)"> {
  string mask = "logical_or(eq(input, " # value # "), logical_and(isnan(input), isnan(" # value # ")))";
}
def Array_EvenlyOp : Array_CompositeOp<"evenly"> {
  let summary = "A value of the input, whose gradient all elements that equal it share";
  let description = [{
    `value`, which is one of the input's elements over `dims`. The gradient goes to the input's elements that are
    equal to it, in even parts; NaN counts as equal to NaN.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$value, DenseI64ArrayAttr:$dims,
                       DefaultValuedAttr<BoolAttr, "false">:$keepdim);
  let inference = [Infer<"reduce", "first">];
  let dispatch = ["Reduces"];
  let decomposition = ["cast(value, dtype(input))"];
  let vjp = ["where(" # Lies<>.mask # ", broadcast_like(cast(cast(g, wide(g)) / sum(cast(" # Lies<>.mask # ", wide(g)), dims, keepdim),"
             " dtype(g)), input, dims, keepdim), 0)", ""];
}

def Array_LogsumexpOp : Array_CompositeOp<"logsumexp"> {
  let summary = "Logarithm of the sum of exponentials over dimensions";
  let description = [{
    `log(sum(exp(input)))`, computed from distances to the largest element; over no element -inf.
  }];
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$dims, DefaultValuedAttr<BoolAttr, "false">:$keepdim);
  let inference = [Infer<"reduce", "same">];
  let dispatch = ["Reduces"];
  let promotion = "ToFloat";
  // An infinite largest element is left out of the distances: inf - inf is NaN.
  let decomposition = [
    "x = cast(input, wide(input))",
    "m = amax(x, dims, True, True)",
    "finite = where(isinf(m), 0, m)",
    "cast(log(sum(exp(x - finite), dims, keepdim)) + sum(finite, dims, keepdim), dtype(input))"];
  let vjp = ["broadcast_like(g, input, dims, keepdim) * exp(input - broadcast_like(result, input, dims, keepdim))"];
  let python = ["logsumexp(input, dim, keepdim=False)"];
}

def Array_SoftmaxOp : Array_CompositeOp<"softmax"> {
  let summary = "Exponentials along a dimension, scaled to the sum 1";
  let description = [{
    `exp(input) / sum(exp(input))` along `dim`, computed from distances to the largest element. The input is of a float
    type, or `dtype` says what it is cast to before.
  }];
  let arguments = (ins Array_Tensor:$input, I64Attr:$dim);
  let inference = [Infer<"along", "floats">];
  let decomposition = ["x = cast(input, wide(input))",
                       "e = exp(x - amax(x, dims(dim), True, True))",
                       "cast(e / sum(e, dims(dim), True), dtype(input))"];
  let vjp = ["result * (g - sum(g * result, dims(dim), True))"];
  let python = ["softmax(input, dim, dtype=None)"];
}

def Array_MaskedSoftmaxOp : Array_CompositeOp<"masked_softmax"> {
  let summary = "Softmax that is 0 where every element is -inf";
  let description = [{
    As `softmax`, whose result would be NaN there, and 0 over no element.
  }];
  let arguments = (ins Array_Tensor:$input, I64Attr:$dim);
  let inference = [Infer<"along", "floats">];
  let decomposition = ["x = cast(input, wide(input))",
                       "m = amax(x, dims(dim), True, True)",
                       "e = exp(x - where(isinf(m), 0, m))",
                       "total = sum(e, dims(dim), True)",
                       "cast(e / where(eq(total, 0), 1, total), dtype(input))"];
  let vjp = ["result * (g - sum(g * result, dims(dim), True))"];
}

def Array_LogSoftmaxOp : Array_CompositeOp<"log_softmax"> {
  let summary = "Logarithm of softmax";
  let description = [{
    `input - log(sum(exp(input)))` along `dim`, computed from distances to the largest element. The input is of a float
    type, or `dtype` says what it is cast to before.
  }];
  let arguments = (ins Array_Tensor:$input, I64Attr:$dim);
  let inference = [Infer<"along", "floats">];
  let decomposition = ["x = cast(input, wide(input))",
                       "d = x - amax(x, dims(dim), True, True)",
                       "cast(d - log(sum(exp(d), dims(dim), True)), dtype(input))"];
  let vjp = ["g - exp(result) * sum(g, dims(dim), True)"];
  let python = ["log_softmax(input, dim, dtype=None)"];
}

def Array_NormalizeOp : Array_CompositeOp<"normalize"> {
  let summary = "Mean 0 and variance 1 over dimensions";
  let description = [{
    `(input - mean) / sqrt(var + eps)` over `dims`, with the biased variance.
  }];
  let arguments = (ins Array_Tensor:$input, DenseI64ArrayAttr:$dims, F64Attr:$eps);
  let inference = [Infer<"reduceKeeping", "first">];
  let promotion = "ToFloat";
  let decomposition = ["x = cast(input, wide(input))",
                       "d = x - mean(x, dims, True)",
                       "cast(d * rsqrt(mean(d * d, dims, True) + number(eps, x)), dtype(input))"];
}

def Array_LayerNormOp : Array_CompositeOp<"layer_norm"> {
  let summary = "Mean 0 and variance 1 over the last dimensions, then scaled and shifted";
  let description = [{
    `(input - mean) / sqrt(var + eps) * weight + bias` over `dims`, with the biased variance. `weight` and `bias` have
    the sizes of the input along `dims`, its last dimensions.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$weight, Array_Tensor:$bias, DenseI64ArrayAttr:$dims,
                       F64Attr:$eps);
  let inference = [Infer<"reduceKeeping", "first">];
  let promotion = "ToFloat";
  let decomposition = ["x = cast(input, wide(input))",
                       "y = normalize(x, dims, eps) * cast(weight, dtype(x)) + cast(bias, dtype(x))",
                       "cast(y, dtype(input))"];
}

def Array_BatchNormOp : Array_CompositeOp<"batch_norm"> {
  let summary = "Scaled and shifted by statistics that are given";
  let description = [{
    `(input - mean) / sqrt(var + eps) * weight + bias`; all broadcast to the input, whose shape stays.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$mean, Array_Tensor:$var, Array_Tensor:$weight,
                       Array_Tensor:$bias, F64Attr:$eps);
  let inference = [Infer<"broadcastToFirst", "first">];
  let promotion = "ToFloat";
  let decomposition = ["x = cast(input, wide(input))",
                       "scale = rsqrt(cast(var, dtype(x)) + number(eps, x)) * cast(weight, dtype(x))",
                       "y = (x - cast(mean, dtype(x))) * scale + cast(bias, dtype(x))",
                       "cast(y, dtype(input))"];
}

def Array_LinearOp : Array_CompositeOp<"linear"> {
  let summary = "A linear layer: the product with a transposed weight, plus a bias";
  let description = [{
    `input @ transpose(weight) + bias`: `(..., in) x (out, in) + (out) -> (..., out)`. A vector is given a dimension
    of size 1 before, by the caller.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$weight, Array_Tensor:$bias);
  let inference = [Infer<"linear", "numbers">];
  let decomposition = ["matmul(input, transpose(weight, permutation=swapLast(weight))) + bias"];
  let vjp = ["matmul(g, weight)", "matmul(transpose(g, permutation=swapLast(g)), input)", "g"];
}

def Array_CrossEntropyOp : Array_CompositeOp<"cross_entropy"> {
  let summary = "Negative log-probability of each row's class";
  let description = [{
    `-log_softmax(input)[target]` along dimension 1 of the input, which `target` lacks; 0 where the target is
    `ignore_index`.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$target, I64Attr:$ignore_index);
  let inference = [Infer<"classes", "floatIndexed">];
  let checked = ["target"];
  let decomposition = ["x = cast(input, wide(input))",
                       "ignored = eq(target, number(ignore_index, target))",
                       "index = where(ignored, number(0, target), target)",
                       "picked = pick(log_softmax(x, 1), index, 1)",
                       "cast(where(ignored, 0, -picked), dtype(input))"];
}

def Array_MSELossOp : Array_CompositeOp<"mse_loss"> {
  let summary = "Mean of squared differences";
  let description = [{
    `mean((input - target) ** 2)` over all elements.
  }];
  let arguments = (ins Array_Tensor:$input, Array_Tensor:$target);
  let inference = [Infer<"scalar", "same">];
  let promotion = "ToFloat";
  let decomposition = ["d = cast(input, wide(input)) - cast(target, wide(target))",
                       "cast(mean(d * d, allDims(d)), dtype(input))"];
}
#endif // STEPWELL_ARRAY_COMPOSITE
