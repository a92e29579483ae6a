// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s -convert-array-to-linalg -canonicalize -cse | FileCheck %s
// RUN: stepwell-opt %s -pass-pipeline="builtin.module(convert-array-to-linalg,stepwell-lower-entry{entry=k},func.func(stepwell-fuse-elementwise),canonicalize,cse,stepwell-bufferize,func.func(scf-forall-to-parallel),stepwell-plan-workspace,canonicalize,cse)" | FileCheck %s --check-prefix=MEMORY

// The derivative has two tiles of scores, as (query, key), and nothing that grows with the lengths: keys and values are
// turned once per block, queries before the block are left out, and what is summed up lies in the results.

// CHECK-LABEL: func.func @main
// CHECK:         scf.forall
// CHECK-COUNT-4:   bufferization.alloc_tensor() : tensor<64x128xf32>
// CHECK-NOT:       alloc_tensor
// CHECK:           scf.for %[[KEY:.*]] = %c0 to %{{.*}} step %c128
// CHECK:             %[[BLOCK:.*]] = arith.divui %[[KEY]], %c64
// CHECK:             %[[FIRST:.*]] = arith.muli %[[BLOCK]], %c64
// CHECK:             scf.for %{{.*}} = %[[FIRST]] to %{{.*}} step %c64
// CHECK:               linalg.matmul
// CHECK:               scf.if
// CHECK:               math.exp
// CHECK:               linalg.matmul
// CHECK:               linalg.matmul

// MEMORY-LABEL: func.func @k(
// MEMORY-COUNT-4: memref.alloca() {{.*}} : memref<64x128xf32>
// MEMORY-NOT:     memref.alloc(
// MEMORY-NOT:     memref.view
// MEMORY:       func.func @k_workspace_size
// MEMORY-NEXT:    %[[NONE:.*]] = arith.constant 0 : i64
// MEMORY-NEXT:    return %[[NONE]]
func.func @main(%q: tensor<?x?x?x64xf32>, %r: tensor<?x?x?xf32>) -> (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) {
  %0:3 = array.causal_attention_gradient %q, %q, %q, %q, %r, %r, %r {scale = 0.125 : f64} : (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>) -> (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>)
  return %0#0, %0#1, %0#2 : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>
}
