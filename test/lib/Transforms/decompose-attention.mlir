// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s -stepwell-decompose-composites | FileCheck %s
// RUN: stepwell-opt %s -stepwell-decompose-composites=tiles | FileCheck %s --check-prefix=TILES

// Heads of unknown size have no tiles.

// CHECK-LABEL: func.func @known
// CHECK:         array.matmul
// CHECK:         array.where
// CHECK:         array.exp
// TILES-LABEL: func.func @known
// TILES-NEXT:    array.causal_attention
func.func @known(%q: tensor<?x?x?x64xf32>) -> tensor<?x?x?x64xf32> {
  %0 = array.causal_attention %q, %q, %q {scale = 0.125 : f64} : (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) -> tensor<?x?x?x64xf32>
  return %0 : tensor<?x?x?x64xf32>
}

// TILES-LABEL: func.func @unknown
// TILES-NOT:     array.attention
// TILES:         array.exp
func.func @unknown(%q: tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32> {
  %0 = array.attention %q, %q, %q {scale = 0.125 : f64} : (tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32>
  return %0 : tensor<?x?x?x?xf32>
}
