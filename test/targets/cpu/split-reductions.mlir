// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --cpu-split-reductions | FileCheck %s

// A packed matrix is one row of parts; their sums are summed in their order.

// CHECK-LABEL: func.func @sum
// CHECK:         memref.collapse_shape %arg1 {{\[}}[0, 1]]
// CHECK:         %[[PARTS:.*]] = memref.alloc(%{{.*}}) : memref<?xf32>
// CHECK:         scf.parallel
// CHECK:           linalg.fill
// CHECK:           linalg.generic {{.*}} iterator_types = ["reduction"]
// CHECK:         linalg.generic {{.*}} ins(%[[PARTS]] : memref<?xf32>) outs(%arg2 :
func.func @sum(%ctx: !llvm.ptr, %x: memref<?x?xf32>, %s: memref<f32>) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> ()>],
                  iterator_types = ["reduction", "reduction"]}
      ins(%x : memref<?x?xf32>) outs(%s : memref<f32>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %c, %a : f32
    linalg.yield %0 : f32
  }
  return %ok : i32
}

// Known to be small: one part.

// CHECK-LABEL: func.func @small
// CHECK-NOT:     scf.parallel
// CHECK:         return
func.func @small(%ctx: !llvm.ptr, %x: memref<64xf32>, %s: memref<f32>) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%x : memref<64xf32>) outs(%s : memref<f32>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %c, %a : f32
    linalg.yield %0 : f32
  }
  return %ok : i32
}
