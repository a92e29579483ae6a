// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --split-input-file --cpu-lower-products | FileCheck %s

// Two products of the same types and layouts share one function; zeros go away, because the first
// piece of a sum is stored and not added.

// CHECK-LABEL: func.func @twice
// CHECK:         %[[SCRATCH:.*]] = memref.alloc() : memref<{{[0-9]+}}xi8>
// CHECK:         linalg.fill {{.*}}%arg4
// CHECK-NOT:     linalg
// CHECK:         %[[STORE:.*]] = arith.constant false
// CHECK:         call @[[PRODUCT:stepwell.gemm.f32.*product]](%arg0, {{.*}}, %[[STORE]])
// CHECK:         %[[ADD:.*]] = arith.constant true
// CHECK:         call @[[PRODUCT]](%arg0, {{.*}}, %[[ADD]])
// CHECK:         func.func private @[[PRODUCT]]
// CHECK:         func.func private @stepwell.gemm.f32.tile6
// CHECK-COUNT-12: vector.fma %{{.*}} : vector<8xf32>
// CHECK-NOT:      vector.fma
// CHECK:         func.func private @stepwell.gemm.f32.tile4
func.func @twice(%ctx: !llvm.ptr, %a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>, %d: memref<?x?xf32>) -> i32 attributes {stepwell.entry} {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %ok = arith.constant 0 : i32
  linalg.fill ins(%zero : f32) outs(%c : memref<?x?xf32>)
  linalg.fill ins(%one : f32) outs(%d : memref<?x?xf32>)
  linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%d : memref<?x?xf32>)
  return %ok : i32
}

// -----

// What is read between is not taken away.

// CHECK-LABEL: func.func @read_between
// CHECK:         linalg.fill {{.*}}%arg3
// CHECK:         call @stepwell.gemm.f32
func.func @read_between(%ctx: !llvm.ptr, %a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>, %d: memref<?x?xf32>) -> i32 attributes {stepwell.entry} {
  %zero = arith.constant 0.0 : f32
  %ok = arith.constant 0 : i32
  linalg.fill ins(%zero : f32) outs(%c : memref<?x?xf32>)
  linalg.copy ins(%c : memref<?x?xf32>) outs(%d : memref<?x?xf32>)
  linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  return %ok : i32
}

// -----

// Small products of a batch are shared out whole.

// CHECK-LABEL: func.func @batch
// CHECK:         llvm.call %{{.*}}(%arg0, {{.*}}) : !llvm.ptr, (!llvm.ptr, i64, i64, !llvm.ptr, !llvm.ptr) -> ()
// CHECK:         func.func private @stepwell.gemm.batch(
// CHECK:           scf.for
// CHECK:             call @stepwell.gemm.f64
func.func @batch(%ctx: !llvm.ptr, %a: memref<?x?x?xf64>, %b: memref<?x?x?xf64>, %c: memref<?x?x?xf64>) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  linalg.batch_matmul ins(%a, %b : memref<?x?x?xf64>, memref<?x?x?xf64>) outs(%c : memref<?x?x?xf64>)
  return %ok : i32
}

// -----

// A batch by one matrix is a single product with more rows.

// CHECK-LABEL: func.func @merged
// CHECK:         call @stepwell.gemm.f32.{{.*}}product(%arg0, %{{[^,]*}}, %{{[^,]*}}, %c512_i64{{[^,]*}}, %c48_i64{{[^,]*}}, %c32_i64
// CHECK:         return
#batch = affine_map<(b, m, n, k) -> (b, m, k)>
#matrix = affine_map<(b, m, n, k) -> (k, n)>
#rows = affine_map<(b, m, n, k) -> (b, m, n)>
func.func @merged(%ctx: !llvm.ptr, %x: memref<8x64x32xf32>, %w: memref<32x48xf32>, %y: memref<8x64x48xf32>) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  linalg.generic {indexing_maps = [#batch, #matrix, #rows], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x64x32xf32>, memref<32x48xf32>) outs(%y : memref<8x64x48xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  return %ok : i32
}
