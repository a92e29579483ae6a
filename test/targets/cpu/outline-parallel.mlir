// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --cpu-outline-parallel | FileCheck %s
// RUN: stepwell-opt %s --cpu-emit-entry --cpu-outline-parallel | FileCheck %s --check-prefix=WORDS

// CHECK-LABEL: func.func private @k_body_0
// CHECK-SAME:    (%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64)
// CHECK:         memref.subview
// CHECK:         linalg.copy
// CHECK-LABEL: func.func @k(
// CHECK:         llvm.alloca
// CHECK:         llvm.call %{{.*}} : !llvm.ptr, (!llvm.ptr, i64, i64, !llvm.ptr, !llvm.ptr) -> ()

// What is in the words is read from them: nothing is handed over.

// WORDS-LABEL: func.func private @k_body_0
// WORDS-SAME:    (%[[WORDS:.*]]: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64)
// WORDS:         llvm.getelementptr %[[WORDS]][5]
// WORDS:         memref.subview
// WORDS:         linalg.copy
// WORDS-LABEL: func.func @k(
// WORDS-SAME:    %[[CONTEXT:.*]]: !llvm.ptr, %[[WORDS:.*]]: !llvm.ptr) -> i32
// WORDS-NOT:     llvm.alloca
// WORDS:         llvm.call %{{.*}}(%[[CONTEXT]], %{{.*}}, %{{.*}}, %{{.*}}, %[[WORDS]])
func.func @k(%ctx: !llvm.ptr, %x: memref<?x?xf32>, %y: memref<?x?xf32>) -> i32
    attributes {stepwell.entry} {
  linalg.copy ins(%x : memref<?x?xf32>) outs(%y : memref<?x?xf32>)
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// Known to be small: left alone.

// CHECK-LABEL: func.func @small
// CHECK-NOT:     scf.if
// CHECK:         linalg.copy
func.func @small(%ctx: !llvm.ptr, %x: memref<8x8xf32>, %y: memref<8x8xf32>) -> i32
    attributes {stepwell.entry} {
  linalg.copy ins(%x : memref<8x8xf32>) outs(%y : memref<8x8xf32>)
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// A bf16 is 16 bits in the environment, as it is in all CPU code.

// CHECK-LABEL: func.func @fill
// CHECK:         llvm.alloca %{{.*}} x !llvm.struct<(i16, struct<
func.func @fill(%ctx: !llvm.ptr, %one: bf16, %y: memref<?x?xbf16>) -> i32
    attributes {stepwell.entry} {
  linalg.fill ins(%one : bf16) outs(%y : memref<?x?xbf16>)
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// A body that asks where it is knows the window that it was given, in arith: that is what becomes vectors.

// CHECK-LABEL: func.func private @place_body_{{.*}}(
// CHECK:         %[[BEGIN:.*]] = arith.minsi
// CHECK:         linalg.generic
// CHECK:           %[[I:.*]] = linalg.index 0
// CHECK:           %[[WHOLE:.*]] = arith.addi %[[I]], %[[BEGIN]] : index
// CHECK:           arith.index_cast %[[WHOLE]]
func.func @place(%ctx: !llvm.ptr, %y: memref<?xi64>) -> i32
    attributes {stepwell.entry} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%y : memref<?xi64>) {
  ^bb0(%out: i64):
    %i = linalg.index 0 : index
    %0 = arith.index_cast %i : index to i64
    linalg.yield %0 : i64
  }
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// Each thread has tiles of its own, and a tile counts as the most that it has.

// CHECK-LABEL: func.func private @tiles_body_{{.*}}(
// CHECK:         memref.alloca() : memref<64xf32>
// CHECK:         scf.for
// CHECK-NOT:       memref.alloca
// CHECK:           linalg.fill
// CHECK-LABEL: func.func @tiles(
// CHECK:         %[[MOST:.*]] = arith.constant 64 : index
// CHECK:         %[[COST:.*]] = arith.muli %{{.*}}, %[[MOST]] : index
// CHECK:         %[[SUM:.*]] = arith.addi %{{.*}}, %[[COST]] : index
// CHECK:         arith.index_cast %[[SUM]] : index to i64
func.func @tiles(%ctx: !llvm.ptr, %x: memref<?xf32>) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  %one = arith.constant 1.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %count = memref.dim %x, %c0 : memref<?xf32>
  %own = memref.alloca() : memref<64xf32>
  scf.parallel (%i) = (%c0) to (%count) step (%c1) {
    %rest = arith.subi %count, %i : index
    %here = arith.minsi %rest, %c64 : index
    %tile = memref.subview %own[0] [%here] [1] : memref<64xf32> to memref<?xf32, strided<[1]>>
    linalg.fill ins(%one : f32) outs(%tile : memref<?xf32, strided<[1]>>)
    scf.reduce
  }
  return %ok : i32
}

// Loops that are written out count with the loops around them, whose strips count as the most that they have.

// CHECK-LABEL: func.func @written_out(
// CHECK:         %[[STRIP:.*]] = arith.constant 64 : index
// CHECK:         %[[LENGTH:.*]] = memref.dim %{{.*}}, %c1
// CHECK:         %[[ROW:.*]] = arith.muli %{{.*}}, %[[LENGTH]] : index
// CHECK:         %[[COST:.*]] = arith.muli %[[ROW]], %[[STRIP]] : index
// CHECK:         %[[MOST:.*]] = arith.maxsi %{{.*}}, %[[COST]] : index
// CHECK:         arith.index_cast %[[MOST]] : index to i64
func.func @written_out(%ctx: !llvm.ptr, %x: memref<?x?xf32>) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  %one = arith.constant 1.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %count = memref.dim %x, %c0 : memref<?x?xf32>
  %length = memref.dim %x, %c1 : memref<?x?xf32>
  scf.parallel (%i) = (%c0) to (%count) step (%c64) {
    %rest = arith.subi %count, %i : index
    %here = arith.minsi %rest, %c64 : index
    scf.for %j = %c0 to %here step %c1 {
      %row = arith.addi %i, %j : index
      scf.for %k = %c0 to %length step %c1 {
        memref.store %one, %x[%row, %k] : memref<?x?xf32>
      }
    }
    scf.reduce
  }
  return %ok : i32
}
