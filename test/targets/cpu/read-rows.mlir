// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --cpu-vectorize-linalg="vector-bits=256" | FileCheck %s

// The index is looked at once for each row, which is copied in vectors, or cleared.

// CHECK-LABEL: func.func @rows
// CHECK:         scf.for
// CHECK:           arith.cmpi ult
// CHECK:           scf.if
// CHECK:             vector.load %{{.*}} vector<8xf32>
// CHECK:           else
// CHECK:             vector.store %{{.*}} vector<8xf32>
// CHECK-NOT:     linalg
func.func @rows(%x: memref<?x?xf32>, %index: memref<?xi64>, %y: memref<?x?xf32>, %size: index) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>],
                  iterator_types = ["parallel", "parallel"]}
      ins(%index : memref<?xi64>) outs(%y : memref<?x?xf32>) {
  ^bb0(%a: i64, %c: f32):
    %at = arith.index_cast %a : i64 to index
    %fits = arith.cmpi ult, %at, %size : index
    %j = linalg.index 1 : index
    %0 = scf.if %fits -> (f32) {
      %found = memref.load %x[%at, %j] : memref<?x?xf32>
      scf.yield %found : f32
    } else {
      %zero = arith.constant 0.0 : f32
      scf.yield %zero : f32
    }
    linalg.yield %0 : f32
  }
  return
}
