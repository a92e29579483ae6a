// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --cpu-vectorize-linalg="vector-bits=256" | FileCheck %s

// Along the rows: eight chains, and the bits that the sum lost are kept.

// CHECK-LABEL: func.func @rows
// CHECK:         scf.for
// CHECK:           scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>)
// CHECK:             scf.for
// CHECK-COUNT-8:       arith.addf %{{.*}} : vector<8xf32>
// CHECK:             arith.subf %{{.*}} : vector<8xf32>
// CHECK:           arith.select %{{.*}} : vector<8xi1>, vector<8xf32>
// CHECK:           vector.shuffle {{.*}} [4, 5, 6, 7]
// CHECK:           memref.store
func.func @rows(%x: memref<?x?xf32>, %y: memref<?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
                  iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %c, %a : f32
    linalg.yield %0 : f32
  }
  return
}

// Across the rows: eight of them at a time, vectors along the results.

// CHECK-LABEL: func.func @columns
// CHECK:         scf.for %{{.*}} step %c8
// CHECK:           scf.for
// CHECK-COUNT-8:     arith.maximumf %{{.*}} : vector<8xf32>
// CHECK:             vector.store
// CHECK-NOT:     vector.shuffle
func.func @columns(%x: memref<?x?xf32>, %y: memref<?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>],
                  iterator_types = ["reduction", "parallel"]}
      ins(%x : memref<?x?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.maximumf %c, %a : f32
    linalg.yield %0 : f32
  }
  return
}
