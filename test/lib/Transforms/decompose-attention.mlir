// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s -stepwell-decompose-composites | FileCheck %s
// RUN: stepwell-opt %s -stepwell-decompose-composites=runs-forall | FileCheck %s --check-prefix=TILES

// Heads of unknown size have no tiles.

// CHECK-LABEL: func.func @known
// CHECK:         array.matmul
// CHECK:         array.where
// CHECK:         array.exp
// TILES-LABEL: func.func @known
// TILES-NEXT:    array.causal_attention
func.func @known(%q: tensor<?x?x?x64xf32>) -> tensor<?x?x?x64xf32> {
  %0:3 = array.causal_attention %q, %q, %q {scale = 0.125 : f64} : (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) -> (tensor<?x?x?x64xf32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>)
  return %0#0 : tensor<?x?x?x64xf32>
}

// TILES-LABEL: func.func @unknown
// TILES-NOT:     array.attention
// TILES:         array.exp
func.func @unknown(%q: tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32> {
  %0:3 = array.attention %q, %q, %q {scale = 0.125 : f64} : (tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>) -> (tensor<?x?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>)
  return %0#0 : tensor<?x?x?x?xf32>
}

// The derivative of a mask is as large as all scores.

// TILES-LABEL: func.func @gradient
// TILES-NOT:     array.exp
// TILES:         array.biased_attention_gradient
// TILES-NOT:     array.exp
// TILES-LABEL: func.func @gradient_of_mask
// TILES-NOT:     array.biased_attention_gradient
// TILES:         array.exp
func.func @gradient(%q: tensor<?x?x?x64xf32>, %r: tensor<?x?x?xf32>, %m: tensor<?x?x?x?xf32>) -> tensor<?x?x?x64xf32> {
  %0:4 = array.biased_attention_gradient %q, %q, %q, %q, %r, %r, %r, %m {scale = 0.125 : f64} : (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?x?x?xf32>) -> (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x?xf32>)
  return %0#1 : tensor<?x?x?x64xf32>
}
func.func @gradient_of_mask(%q: tensor<?x?x?x64xf32>, %r: tensor<?x?x?xf32>, %m: tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32> {
  %0:4 = array.biased_attention_gradient %q, %q, %q, %q, %r, %r, %r, %m {scale = 0.125 : f64} : (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?x?x?xf32>) -> (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x?xf32>)
  return %0#3 : tensor<?x?x?x?xf32>
}
