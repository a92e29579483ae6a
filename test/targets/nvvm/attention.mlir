// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --stepwell-descend-to-nvvm="chip=sm_80" --stepwell-emit-object="target=nvvm" -o /dev/null | FileCheck %s

// Without tiles: products, mask, largest score, exponentials, their sum, products.
// CHECK: .visible .entry stepwell_kernel_0(
// CHECK: .visible .entry stepwell_kernel_8(
// CHECK: div.rn.f32
func.func @main(%q: tensor<?x?x?x64xf32>, %k: tensor<?x?x?x64xf32>, %v: tensor<?x?x?x64xf32>) -> tensor<?x?x?x64xf32> {
  %0:3 = array.causal_attention %q, %k, %v {scale = 0.125 : f64} : (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) -> (tensor<?x?x?x64xf32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>)
  return %0#0 : tensor<?x?x?x64xf32>
}
