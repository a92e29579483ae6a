//===- Random.td - Numbers from counters ----------------------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// docs/random.md says which number an element gets.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_RANDOM
#define STEPWELL_ARRAY_RANDOM

include "ArrayBase.td"

def Array_Word : 0DTensorOf<[I64]>;

/// Element `i`, in row-major order, is a function of `key` and `offset + i` alone: of the block that Philox-4x32-10
/// makes of them.
class Array_RandomOp<string mnemonic, string dtypeRule> : Array_Op<mnemonic> {
  let batch = "rule";
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"like", dtypeRule>];
  let dispatch = ["ByPosition"];
  let shapeOnly = ["like"];
  let nonDifferentiable = 1;
}

def Array_RandomBitsOp : Array_RandomOp<"random_bits", "bits"> {
  let summary = "Random bits, the same from the same key and offset everywhere";
  let description = [{
    Element `i` of the result, in row-major order, comes from the Philox-4x32-10 block with the counter
    `offset + i` (its lower 64 bits; `stream` is the upper 64) under the 64-bit `key`: word 0 of it for
    `bits = 32`, words 0 (low) and 1 (high) for `bits = 64`. The result has the sizes of `like` and the element
    type i32 or i64.
  }];
  let arguments = (ins Array_Word:$key, Array_Word:$offset, Array_Tensor:$like,
                       DefaultValuedAttr<I64Attr, "32">:$bits,
                       DefaultValuedAttr<I64Attr, "0">:$stream);
}

def Array_RandomUniformOp : Array_RandomOp<"random_uniform", "floatAttribute"> {
  let summary = "Random numbers uniform in [0, 1)";
  let description = [{
    Every multiple of `2 ** -n` in [0, 1) is equally likely, where `n` is 24 for f32, 53 for f64, 11 for f16 and 8 for
    bf16: the upper bits of word 0, for f64 the upper 26 bits of word 1 and 27 of word 0.
  }];
  let arguments = (ins Array_Word:$key, Array_Word:$offset, Array_Tensor:$like, TypeAttr:$dtype);
}

def Array_RandomNormalOp : Array_RandomOp<"random_normal", "floatAttribute"> {
  let summary = "Random numbers of the normal distribution with mean 0 and variance 1";
  let description = [{
    Box and Muller: `sqrt(-2 log u) cos(2 pi v)` with `u` in (0, 1] and `v` in [0, 1) from the four words of the
    element's block. Never infinite or NaN. f16 and bf16 are the f32 number, rounded.
  }];
  let arguments = (ins Array_Word:$key, Array_Word:$offset, Array_Tensor:$like, TypeAttr:$dtype);
}

def Array_RandomIntegersOp : Array_RandomOp<"random_integers", "first"> {
  let summary = "Random integers uniform in [low, high)";
  let description = [{
    `low` plus the upper 64 bits of `(high - low) * bits`, where `bits` are the element's 64 random bits and the
    difference is unsigned. How likely a value is differs from `1 / (high - low)` by less than `2 ** -64`. `low` and
    `high` must differ.
  }];
  let arguments = (ins Array_Word:$key, Array_Word:$offset, Array_Word:$low, Array_Word:$high,
                       Array_Tensor:$like);
}
#endif // STEPWELL_ARRAY_RANDOM
