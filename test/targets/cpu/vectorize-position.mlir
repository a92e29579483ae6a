// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --cpu-vectorize-linalg="vector-bits=256" | FileCheck %s

// Along the rows: four chains of values and the steps that they were seen in. The body's own position is only asked
// for where the winner is.

// CHECK-LABEL: func.func @rows
// CHECK:         scf.for {{.*}} step %c32{{.*}} iter_args({{.*}}) -> (vector<8xf32>, vector<8xi32>, vector<8xf32>, vector<8xi32>, vector<8xf32>, vector<8xi32>, vector<8xf32>, vector<8xi32>)
// CHECK-COUNT-4:   vector.load %{{.*}} : {{.*}}, vector<8xf32>
// CHECK-NOT:     vector<8xi64>
// CHECK:         memref.store %{{.*}} : memref<f32
// CHECK:         memref.store %{{.*}} : memref<i64
func.func @rows(%x: memref<?x?xf32>, %best: memref<?xf32>, %at: memref<?xi64>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i)>],
                  iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x?xf32>) outs(%best, %at : memref<?xf32>, memref<?xi64>) {
  ^bb0(%a: f32, %b: f32, %c: i64):
    %j = linalg.index 1 : index
    %0 = arith.index_cast %j : index to i64
    %1 = arith.cmpf ogt, %a, %b : f32
    %2 = arith.select %1, %a, %b : f32
    %3 = arith.select %1, %0, %c : i64
    linalg.yield %2, %3 : f32, i64
  }
  return
}

// Across them: strips of four vectors of results, while the rows go by.

// CHECK-LABEL: func.func @columns
// CHECK:         scf.for {{.*}} step %c32
// CHECK:           scf.for {{.*}} step %c1{{.*}} -> (vector<8xf32>, vector<8xi32>, vector<8xf32>, vector<8xi32>, vector<8xf32>, vector<8xi32>, vector<8xf32>, vector<8xi32>)
// CHECK-COUNT-4:     vector.load %{{.*}} : {{.*}}, vector<8xf32>
// CHECK:           vector.store %{{.*}} : {{.*}}, vector<8xf32>
// CHECK:           vector.store %{{.*}} : {{.*}}, vector<8xi64>
func.func @columns(%x: memref<?x?xf32>, %best: memref<?xf32>, %at: memref<?xi64>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (j)>],
                  iterator_types = ["reduction", "parallel"]}
      ins(%x : memref<?x?xf32>) outs(%best, %at : memref<?xf32>, memref<?xi64>) {
  ^bb0(%a: f32, %b: f32, %c: i64):
    %i = linalg.index 0 : index
    %0 = arith.index_cast %i : index to i64
    %1 = arith.cmpf ogt, %a, %b : f32
    %2 = arith.select %1, %a, %b : f32
    %3 = arith.select %1, %0, %c : i64
    linalg.yield %2, %3 : f32, i64
  }
  return
}

// What is compared was made in a branch: it goes along with the vectors.

// CHECK-LABEL: func.func @branch
// CHECK:         scf.for
// CHECK:           vector.reduction <or>
// CHECK:           scf.if {{.*}} -> (vector<8xf32>)
func.func @branch(%x: memref<?x?xf32>, %best: memref<?xf32>, %at: memref<?xi64>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i)>],
                  iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x?xf32>) outs(%best, %at : memref<?xf32>, memref<?xi64>) {
  ^bb0(%a: f32, %b: f32, %c: i64):
    %limit = arith.constant 1.0e+05 : f32
    %rare = arith.cmpf ogt, %a, %limit : f32
    %usual = arith.addf %a, %limit : f32
    %value = scf.if %rare -> (f32) {
      %other = arith.mulf %a, %usual : f32
      scf.yield %other : f32
    } else {
      scf.yield %usual : f32
    }
    %j = linalg.index 1 : index
    %0 = arith.index_cast %j : index to i64
    %1 = arith.cmpf ogt, %value, %b : f32
    %2 = arith.select %1, %value, %b : f32
    %3 = arith.select %1, %0, %c : i64
    linalg.yield %2, %3 : f32, i64
  }
  return
}
