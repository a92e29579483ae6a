// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s -convert-array-to-linalg | FileCheck %s

// A key of 32 bits and a position share a word: one plane before a pass and one after it. A loop over the four
// digits, unless the row is short: then each element goes where as many others come before, which takes one
// comparison of words.
// CHECK-LABEL: @sort
// CHECK: tensor.empty(%{{.*}}, %{{.*}}) : tensor<?x2x?xi64>
// CHECK: tensor.empty(%{{.*}}) : tensor<?x1024xi64>
// CHECK: scf.forall
// CHECK: scf.if
// CHECK: arith.bitcast %{{.*}} : f32 to i32
// CHECK: linalg.generic {{.*}} iterator_types = ["reduction", "parallel"]
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.cmpi slt
// CHECK-NEXT: arith.extui
// CHECK-NEXT: arith.addi
// CHECK-NEXT: linalg.yield
// CHECK: } else {
// CHECK-COUNT-4: arith.shrui
// CHECK: scf.for %{{.*}} = %{{.*}} to %c4
// CHECK: arith.shrui
// CHECK-NOT: arith.shrui
// CHECK: tensor.parallel_insert_slice
func.func @sort(%x: tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?x?xi64>) {
  %0:2 = array.sort %x {dim = 1 : i64} : (tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?x?xi64>)
  return %0#0, %0#1 : tensor<?x?xf32>, tensor<?x?xi64>
}

// Few elements are kept in order instead.
// CHECK-LABEL: @topk
// CHECK: tensor.empty(%{{.*}}) : tensor<?x1x10xi64>
// CHECK: scf.if
// CHECK-NOT: arith.shrui
// CHECK: return
func.func @topk(%x: tensor<?x?xf32>) -> (tensor<?x10xf32>, tensor<?x10xi64>) {
  %0:2 = array.topk %x {dim = 1 : i64, k = 10 : i64} : (tensor<?x?xf32>) -> (tensor<?x10xf32>, tensor<?x10xi64>)
  return %0#0, %0#1 : tensor<?x10xf32>, tensor<?x10xi64>
}

// A key of 64 bits leaves no room for the position, which decides between equal keys; a row that is known to be short
// has no digits.
// CHECK-LABEL: @pairs
// CHECK-NOT: scf.if
// CHECK: linalg.generic {{.*}} iterator_types = ["reduction", "parallel"]
// CHECK: arith.cmpi slt
// CHECK: arith.cmpi eq
// CHECK: arith.cmpi ult
// CHECK-NOT: arith.shrui
// CHECK: return
func.func @pairs(%x: tensor<?x160xf64>) -> (tensor<?x160xf64>, tensor<?x160xi64>) {
  %0:2 = array.sort %x {dim = 1 : i64} : (tensor<?x160xf64>) -> (tensor<?x160xf64>, tensor<?x160xi64>)
  return %0#0, %0#1 : tensor<?x160xf64>, tensor<?x160xi64>
}
