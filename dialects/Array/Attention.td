//===- Attention.td - Averages weighted by similarity ---------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_ATTENTION
#define STEPWELL_ARRAY_ATTENTION

include "Composite.td"

/// How one kind of attention makes its scores `t` of the scaled products `s`, and the operand for it.
class Masking<string operandName, list<string> statements, string gradientRule = "", string dtypes = "floats"> {
  string operand = operandName;
  dag argument = !if(!empty(operandName), (ins), (ins Array_Tensor:$mask));
  list<string> scores = !listconcat(
    ["x = cast(query, wide(query))",
     "k = cast(key, wide(key))",
     "v = cast(value, wide(value))",
     "products = matmul(x, transpose(k, permutation=swapLast(k)))",
     "s = products * number(scale, x)"], statements);
  /// Of the operand's own derivative, if it has one: it is as large as all scores.
  string rule = gradientRule;
  string dtypeRule = dtypes;
}
def NoMask : Masking<"", ["t = s"]>;
def CausalMask : Masking<"", ["t = where(lt(iota(s, dtype(s), 2), iota(s, dtype(s), 3)), -1e999, s)"]>;
def BoolMask : Masking<"mask", ["t = where(mask, s, -1e999)"], "", "floatsAndMask">;
def Bias : Masking<"mask", ["t = s + cast(mask, wide(mask))"], "attentionMask">;

/// `(b, h, l, e)`, `(b, h, s, e)` and `(b, h, s, v)` to `(b, h, l, v)`. A target may have a lowering that keeps no
/// scores; the decomposition serves the others. Where every key is left out, the weights are 0. For the derivative
/// there are the largest score of each query, finite, and 1 over the sum of its weights relative to it, or 0 if it
/// sees no key.
class Array_AttentionLikeOp<string mnemonic, Masking masking> : Array_CompositeOp<mnemonic> {
  let batch = "fold";
  let arguments = !con((ins Array_Tensor:$query, Array_Tensor:$key, Array_Tensor:$value), masking.argument,
                       (ins F64Attr:$scale));
  let results = (outs Array_Tensor:$result, Array_Tensor:$largest, Array_Tensor:$norm);
  let inference = [Infer<"attention", masking.dtypeRule>, Infer<"attentionRows", "wideFirst">,
                   Infer<"attentionRows", "wideFirst">];
  let auxiliary = ["largest", "norm"];
  let decomposition = !listconcat(masking.scores,
    ["most = amax(t, [3], True, True)",
     "finite = where(isinf(most), 0, most)",
     "total = sum(exp(t - finite), [3], False)",
     "cast(matmul(masked_softmax(t, 3), v), dtype(query))",
     "sum(finite, [3], False)",
     "where(eq(total, 0), 0, 1 / total)"]);
  defvar call = mnemonic # "_gradient(query, key, value, g, largest, norm, "
              # "sum(cast(g, wide(g)) * cast(result, wide(g)), [3], False), "
              # !if(!empty(masking.operand), "", masking.operand # ", ") # "scale).";
  let vjp = !listconcat([call # "of_query", call # "of_key", call # "of_value"],
                        !if(!empty(masking.operand), []<string>,
                            [!if(!empty(masking.rule), "", call # "of_mask")]));
}

/// The derivative. A lowering without scores reads what the forward pass kept, and `delta`, the sum of `gradient *
/// result` for each query; all of these follow from the other operands, by which alone the decomposition, and with it
/// the derivative of the derivative, goes. The gradient of a bias is as large as all scores: there are no tiles for
/// it.
class Array_AttentionGradientLikeOp<string mnemonic, Masking masking> : Array_CompositeOp<mnemonic # "_gradient"> {
  let batch = "fold";
  let arguments = !con((ins Array_Tensor:$query, Array_Tensor:$key, Array_Tensor:$value, Array_Tensor:$gradient,
                            Array_Tensor:$largest, Array_Tensor:$norm, Array_Tensor:$delta),
                       masking.argument, (ins F64Attr:$scale));
  let results = !con((outs Array_Tensor:$of_query, Array_Tensor:$of_key, Array_Tensor:$of_value),
                     !if(!empty(masking.rule), (outs), (outs Array_Tensor:$of_mask)));
  let inference = !listconcat([Infer<"attentionQuery", "attentionTypes">, Infer<"attentionKey", "first">,
                               Infer<"attentionValue", "first">],
                              !if(!empty(masking.rule), []<Infer>, [Infer<masking.rule, "first">]));
  let decomposition = !listconcat(masking.scores,
    ["y = cast(gradient, wide(gradient))",
     "p = masked_softmax(t, 3)",
     "toward = matmul(y, transpose(v, permutation=swapLast(v)))",
     "d = p * (toward - sum(toward * p, [3], True))",
     "u = d * number(scale, x)",
     "cast(matmul(u, k), dtype(query))",
     "cast(matmul(transpose(u, permutation=swapLast(u)), x), dtype(query))",
     "cast(matmul(transpose(p, permutation=swapLast(p)), y), dtype(query))"],
     !if(!empty(masking.rule), []<string>, ["cast(d, dtype(query))"]));
}

def Array_AttentionOp : Array_AttentionLikeOp<"attention", NoMask> {
  let summary = "Values averaged by the similarity of their keys to queries";
  let description = [{
    `softmax(query @ key^T * scale) @ value` for every batch and head. f16 and bf16 are computed in float32.
  }];
}

def Array_CausalAttentionOp : Array_AttentionLikeOp<"causal_attention", CausalMask> {
  let summary = "Attention of each query to the keys that are not after it";
  let description = [{
    `attention` of which query `i` sees the keys up to `i`.
  }];
}

def Array_MaskedAttentionOp : Array_AttentionLikeOp<"masked_attention", BoolMask> {
  let summary = "Attention to the keys that a mask lets through";
  let description = [{
    `attention` of which a query sees the keys where the mask, bool `(b, h, l, s)`, is set; all but its last size may
    be 1.
  }];
}

def Array_BiasedAttentionOp : Array_AttentionLikeOp<"biased_attention", Bias> {
  let summary = "Attention with something added to the scores";
  let description = [{
    `softmax(query @ key^T * scale + mask) @ value`, with a mask `(b, h, l, s)`, of which all but the last may be 1.
  }];
}

def Array_AttentionGradientOp : Array_AttentionGradientLikeOp<"attention", NoMask> {
  let summary = "The derivative of attention";
  let description = [{
    What `gradient`, that of the result, makes those of query, key and value.
  }];
}

def Array_CausalAttentionGradientOp : Array_AttentionGradientLikeOp<"causal_attention", CausalMask> {
  let summary = "The derivative of causal_attention";
  let description = [{
    As `attention_gradient`.
  }];
}

def Array_MaskedAttentionGradientOp : Array_AttentionGradientLikeOp<"masked_attention", BoolMask> {
  let summary = "The derivative of masked_attention";
  let description = [{
    As `attention_gradient`.
  }];
}

def Array_BiasedAttentionGradientOp : Array_AttentionGradientLikeOp<"biased_attention", Bias> {
  let summary = "The derivative of biased_attention";
  let description = [{
    As `attention_gradient`; the last result is the gradient of the mask, as large as all scores.
  }];
}
#endif // STEPWELL_ARRAY_ATTENTION
