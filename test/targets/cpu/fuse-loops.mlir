// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --cpu-fuse-loops | FileCheck %s
// RUN: stepwell-opt %s --cpu-fuse-loops --cpu-outline-parallel | FileCheck %s --check-prefix=OUTLINED

#all = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
#column = affine_map<(i, j) -> (j)>

// Row by row, short rows several at once: the view of the sums with a dimension of size 1 is known to be the sums.
// While the last operation writes, the next rows of what only it reads or writes are fetched.

// CHECK-LABEL: func.func @rows
// CHECK:         %[[SUM:.*]] = memref.alloc(
// CHECK:         %[[ELEMENTS:.*]] = arith.maxsi %{{.*}}, %c1
// CHECK:         %[[SHARE:.*]] = arith.divui %c2048, %[[ELEMENTS]]
// CHECK:         %[[STEP:.*]] = arith.maxsi %[[SHARE]], %c1
// CHECK:         scf.parallel (%[[I:.*]]) = (%c0{{.*}}) to (%{{.*}}) step (%[[STEP]]) {
// CHECK:           %[[LEFT:.*]] = arith.subi %{{.*}}, %[[I]]
// CHECK:           %[[COUNT:.*]] = arith.minsi %[[STEP]], %[[LEFT]]
// CHECK:           %[[S:.*]] = memref.subview %[[SUM]][%[[I]]] [%[[COUNT]]] [1]
// CHECK:           linalg.fill {{.*}} outs(%[[S]] :
// CHECK:           memref.subview %{{.*}}[%[[I]], 0] [%[[COUNT]], %{{.*}}] [1, 1]
// CHECK:           linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
// CHECK-NOT:         stepwell.next
// CHECK:           linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]
// CHECK-SAME:        stepwell.next = array<i64: 0, 0, 2>
// CHECK:           scf.reduce
// CHECK-NOT:     linalg

// The loop moves as a whole; what it costs is the sum of what is in it.

// OUTLINED-LABEL: func.func private @rows_body_0(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64)
// OUTLINED:         scf.for
// OUTLINED:           linalg.fill
// OUTLINED:           linalg.generic
// OUTLINED:           linalg.generic
// OUTLINED-LABEL: func.func @rows
// OUTLINED-NOT:     linalg
// OUTLINED:         llvm.call %{{.*}}(%arg0,
func.func @rows(%ctx: !llvm.ptr, %x: memref<?x?xf32>, %y: memref<?x?xf32>) -> i32 attributes {stepwell.entry} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %status = arith.constant 0 : i32
  %n = memref.dim %x, %c0 : memref<?x?xf32>
  %s = memref.alloc(%n) : memref<?xf32>
  linalg.fill ins(%zero : f32) outs(%s : memref<?xf32>)
  linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x?xf32>) outs(%s : memref<?xf32>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %c, %a : f32
    linalg.yield %0 : f32
  }
  %e = memref.expand_shape %s [[0, 1]] output_shape [%n, 1] : memref<?xf32> into memref<?x1xf32>
  linalg.generic {indexing_maps = [#all, affine_map<(i, j) -> (i, 0)>, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x, %e : memref<?x?xf32>, memref<?x1xf32>) outs(%y : memref<?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.divf %a, %b : f32
    linalg.yield %0 : f32
  }
  return %status : i32
}

// Only columns are independent: strips of them.

// CHECK-LABEL: func.func @columns
// CHECK:         %[[STEP:.*]] = arith.maxsi %{{.*}}, %c64
// CHECK:         scf.parallel (%[[J:.*]]) = (%c0{{.*}}) to (%{{.*}}) step (%[[STEP]]) {
// CHECK:           %[[LEFT:.*]] = arith.subi %{{.*}}, %[[J]]
// CHECK:           %[[WIDTH:.*]] = arith.minsi %[[STEP]], %[[LEFT]]
// CHECK:           memref.subview %arg1[0, %[[J]]] [%{{.*}}, %[[WIDTH]]] [1, 1]
func.func @columns(%ctx: !llvm.ptr, %x: memref<?x?xf32>, %y: memref<?x?xf32>) -> i32 attributes {stepwell.entry} {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %status = arith.constant 0 : i32
  %n = memref.dim %x, %c1 : memref<?x?xf32>
  %s = memref.alloc(%n) : memref<?xf32>
  linalg.fill ins(%zero : f32) outs(%s : memref<?xf32>)
  linalg.generic {indexing_maps = [#all, #column], iterator_types = ["reduction", "parallel"]}
      ins(%x : memref<?x?xf32>) outs(%s : memref<?xf32>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %c, %a : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#all, #column, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x, %s : memref<?x?xf32>, memref<?xf32>) outs(%y : memref<?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.divf %a, %b : f32
    linalg.yield %0 : f32
  }
  return %status : i32
}

// The second operation needs every sum for each of its rows: nothing is shared.

// CHECK-LABEL: func.func @crossed
// CHECK-NOT:     scf.parallel
// CHECK:         return
func.func @crossed(%ctx: !llvm.ptr, %x: memref<?x?xf32>, %y: memref<?x?xf32>) -> i32 attributes {stepwell.entry} {
  %c0 = arith.constant 0 : index
  %status = arith.constant 0 : i32
  %n = memref.dim %x, %c0 : memref<?x?xf32>
  %s = memref.alloc(%n) : memref<?xf32>
  linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x?xf32>) outs(%s : memref<?xf32>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %c, %a : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#all, #column, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x, %s : memref<?x?xf32>, memref<?xf32>) outs(%y : memref<?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.divf %a, %b : f32
    linalg.yield %0 : f32
  }
  return %status : i32
}

// Long rows are taken one by one, in the innermost of the loops; an operation with a rare case in its body is one of
// them.

// CHECK-LABEL: func.func @long
// CHECK:         scf.parallel (%{{.*}}) = (%c0{{.*}}) to (%c5{{.*}}) step (%c1
// CHECK:           scf.for %{{.*}} = %c0{{.*}} to %c7{{.*}} step %c1
// CHECK:             memref.subview %{{.*}} [1, 1, 3000] [1, 1, 1]
// CHECK:             linalg.generic
// CHECK:             linalg.generic
// CHECK:               scf.if
// CHECK:             linalg.generic
// CHECK-SAME:          stepwell.next = array<i64: 1, 0, 2>
// CHECK:           scf.reduce
// CHECK-NOT:     linalg.generic
#cube = affine_map<(i, j, k) -> (i, j, k)>
#sums = affine_map<(i, j, k) -> (i, j)>
func.func @long(%ctx: !llvm.ptr, %x: memref<5x7x3000xf32>, %y: memref<5x7x3000xf32>) -> i32 attributes {stepwell.entry} {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %status = arith.constant 0 : i32
  %s = memref.alloc() : memref<5x7xf32>
  %t = memref.alloc() : memref<5x7xf32>
  linalg.fill ins(%zero : f32) outs(%s : memref<5x7xf32>)
  linalg.generic {indexing_maps = [#cube, #sums], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : memref<5x7x3000xf32>) outs(%s : memref<5x7xf32>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %c, %a : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%s : memref<5x7xf32>) outs(%t : memref<5x7xf32>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.cmpf oeq, %a, %zero : f32
    %1 = scf.if %0 -> (f32) {
      %2 = arith.divf %one, %a : f32
      scf.yield %2 : f32
    } else {
      scf.yield %a : f32
    }
    linalg.yield %1 : f32
  }
  linalg.generic {indexing_maps = [#cube, #sums, #cube], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %t : memref<5x7x3000xf32>, memref<5x7xf32>) outs(%y : memref<5x7x3000xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.divf %a, %b : f32
    linalg.yield %0 : f32
  }
  return %status : i32
}
