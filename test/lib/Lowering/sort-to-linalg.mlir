// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s -convert-array-to-linalg | FileCheck %s

// A key of 32 bits and a position share a word: one plane before a pass and one after it. A loop over the four digits, unless
// the row is short, then the results are read where the positions say.
// CHECK-LABEL: @sort
// CHECK: tensor.empty(%{{.*}}, %{{.*}}) : tensor<?x2x?xi64>
// CHECK: tensor.empty(%{{.*}}) : tensor<?x1024xi64>
// CHECK: scf.forall
// CHECK: scf.if
// CHECK: arith.bitcast %{{.*}} : f32 to i32
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
