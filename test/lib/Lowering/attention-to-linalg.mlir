// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s -convert-array-to-linalg -canonicalize -cse | FileCheck %s
// RUN: stepwell-opt %s "-convert-array-to-linalg=query-block=32 key-block=16" -canonicalize -cse | FileCheck %s --check-prefix=BLOCKS
// RUN: stepwell-opt %s -pass-pipeline="builtin.module(convert-array-to-linalg,stepwell-lower-entry{entry=k},func.func(stepwell-fuse-elementwise),canonicalize,cse,stepwell-bufferize,func.func(scf-forall-to-parallel),stepwell-plan-workspace,canonicalize,cse)" | FileCheck %s --check-prefix=MEMORY

// A tile of scores, as (key, query), is all that there is of them; blocks of keys after the last query
// are left out.

// CHECK-LABEL: func.func @main
// CHECK:         scf.forall
// CHECK:           %[[SCORES:.*]] = bufferization.alloc_tensor() : tensor<128x64xf32>
// CHECK:           %[[END:.*]] = arith.minsi
// CHECK:           scf.for %{{.*}} = %c0 to %[[END]] step %c128
// CHECK:             tensor.extract_slice %[[SCORES]][0, 0]
// CHECK:             linalg.matmul
// CHECK:             scf.if
// CHECK:             arith.maxnumf
// CHECK:             math.exp
// CHECK:             iterator_types = ["parallel", "parallel", "reduction"]

// BLOCKS:         bufferization.alloc_tensor() : tensor<16x32xf32>
// BLOCKS:         scf.for {{.*}} step %c16

// MEMORY-LABEL: func.func @k(
// MEMORY:         memref.alloca() {{.*}} : memref<128x64xf32>
// MEMORY-NOT:     memref.alloc(
// MEMORY-NOT:     memref.view
// MEMORY:       func.func @k_workspace_size
// MEMORY-NEXT:    %[[NONE:.*]] = arith.constant 0 : i64
// MEMORY-NEXT:    return %[[NONE]]
func.func @main(%q: tensor<?x?x?x64xf32>, %k: tensor<?x?x?x64xf32>, %v: tensor<?x?x?x64xf32>) -> tensor<?x?x?x64xf32> {
  %0:3 = array.causal_attention %q, %k, %v {scale = 0.125 : f64} : (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) -> (tensor<?x?x?x64xf32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>)
  return %0#0 : tensor<?x?x?x64xf32>
}
