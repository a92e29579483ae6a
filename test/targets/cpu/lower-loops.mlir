// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --cpu-lower-loops | FileCheck %s

// A loop in a loop, and a branch in it.
// CHECK-LABEL: func.func @nest(
// CHECK-NOT:     scf.
// CHECK:         cf.br ^[[OUTER:.*]](%{{.*}} : index)
// CHECK:       ^[[OUTER]](
// CHECK:         cf.cond_br
// CHECK:         cf.br ^[[INNER:.*]](%{{.*}} : index)
// CHECK:       ^[[INNER]](
// CHECK:         cf.cond_br
// CHECK:         cf.cond_br %{{.*}}, ^[[THEN:.*]], ^
// CHECK:       ^[[THEN]]:
// CHECK-NEXT:    memref.store
// CHECK:         cf.br ^[[INNER]](
// CHECK:         cf.br ^[[OUTER]](
// CHECK-NOT:     scf.
// CHECK:         return
func.func @nest(%x: memref<8x8xf32>, %value: f32, %when: i1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c8 step %c1 {
    scf.for %j = %c0 to %c8 step %c1 {
      scf.if %when {
        memref.store %value, %x[%i, %j] : memref<8x8xf32>
      }
    }
  }
  return
}

// What is parallel is a loop, and then blocks; those after each other stay in order.
// CHECK-LABEL: func.func @row(
// CHECK-NOT:     scf.
// CHECK:         memref.store %{{.*}}, %[[A:.*]][%{{.*}}] : memref<8xf32>
// CHECK:         memref.store %{{.*}}, %{{.*}}[%{{.*}}] : memref<9xf32>
// CHECK-NOT:     scf.
// CHECK:         return
func.func @row(%a: memref<8xf32>, %b: memref<9xf32>, %value: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.parallel (%i) = (%c0) to (%c8) step (%c1) {
    memref.store %value, %a[%i] : memref<8xf32>
    scf.reduce
  }
  scf.for %i = %c0 to %c8 step %c1 {
    memref.store %value, %b[%i] : memref<9xf32>
  }
  return
}
