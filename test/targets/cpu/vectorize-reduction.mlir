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

// Across the rows: eight of them at a time, vectors along the results. Values are compared; NaNs are looked for
// two by two (the old result is one of the values).

// CHECK-LABEL: func.func @columns
// CHECK:         scf.for %{{.*}} step %c8
// CHECK:           scf.for
// CHECK-COUNT-8:     arith.cmpf ogt, %{{.*}} : vector<8xf32>
// CHECK-COUNT-5:     arith.cmpf uno, %{{.*}} : vector<8xf32>
// CHECK-NOT:         arith.cmpf
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

// A window is shorter than a vector: vectors run over windows, gathered where they are apart.

// CHECK-LABEL: func.func @windows
// CHECK:         memref.load %{{.*}} : memref<?xf32, strided<[2], offset: ?>>
// CHECK:         vector.from_elements {{.*}} : vector<8xf32>
// CHECK:         arith.cmpf ogt, %{{.*}} : vector<8xf32>
// CHECK:         vector.store %{{.*}} : memref<?xf32{{.*}}>, vector<8xf32>
func.func @windows(%x: memref<?xf32>, %frame: memref<3xf32>, %out: memref<?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0 * 2 + d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0)>],
      iterator_types = ["parallel", "reduction"]} ins(%x, %frame : memref<?xf32>, memref<3xf32>) outs(%out : memref<?xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %m = arith.maximumf %c, %a : f32
    linalg.yield %m : f32
  }
  return
}
