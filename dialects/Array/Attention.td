//===- Attention.td - Averages weighted by similarity ---------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_ATTENTION
#define STEPWELL_ARRAY_ATTENTION

include "Composite.td"

/// `(b, h, l, e)`, `(b, h, s, e)` and `(b, h, s, v)` to `(b, h, l, v)`. A target may have a lowering that keeps no scores; the
/// decomposition serves the others, and derivatives. Where every key is left out, the weights are 0.
class Array_AttentionLikeOp<string mnemonic, dag extra, list<string> masking> : Array_CompositeOp<mnemonic> {
  let arguments = !con((ins Array_Tensor:$query, Array_Tensor:$key, Array_Tensor:$value), extra,
                       (ins F64Attr:$scale));
  let inference = [Infer<"attention", "floats">];
  let decomposition = !listconcat(
    ["x = cast(query, wide(query))",
     "products = matmul(x, transpose(cast(key, wide(key)), permutation=swapLast(key)))",
     "s = products * number(scale, x)"],
    masking,
    ["cast(matmul(masked_softmax(t, 3), cast(value, wide(value))), dtype(query))"]);
}

def Array_AttentionOp : Array_AttentionLikeOp<"attention", (ins), ["t = s"]> {
  let summary = "Values averaged by the similarity of their keys to queries";
  let description = [{
    `softmax(query @ key^T * scale) @ value` for every batch and head. f16 and bf16 are computed in float32.
  }];
  let python = ["_attention(query, key, value, scale)"];
}

def Array_CausalAttentionOp
    : Array_AttentionLikeOp<"causal_attention", (ins),
                            ["t = where(lt(iota(s, dtype(s), 2), iota(s, dtype(s), 3)), -1e999, s)"]> {
  let summary = "Attention of each query to the keys that are not after it";
  let description = [{
    `attention` of which query `i` sees the keys up to `i`.
  }];
  let python = ["_causal_attention(query, key, value, scale)"];
}

def Array_MaskedAttentionOp
    : Array_AttentionLikeOp<"masked_attention", (ins Array_Tensor:$mask), ["t = where(mask, s, -1e999)"]> {
  let summary = "Attention to the keys that a mask lets through";
  let description = [{
    `attention` of which a query sees the keys where the mask, bool `(b, h, l, s)`, is set.
  }];
  let inference = [Infer<"attention", "floatsAndMask">];
  let python = ["_masked_attention(query, key, value, mask, scale)"];
}

def Array_BiasedAttentionOp
    : Array_AttentionLikeOp<"biased_attention", (ins Array_Tensor:$bias), ["t = s + cast(bias, wide(bias))"]> {
  let summary = "Attention with something added to the scores";
  let description = [{
    `softmax(query @ key^T * scale + bias) @ value`, with a bias `(b, h, l, s)`.
  }];
  let python = ["_biased_attention(query, key, value, bias, scale)"];
}
#endif // STEPWELL_ARRAY_ATTENTION
