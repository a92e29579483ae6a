// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --stepwell-require-sizes --split-input-file | FileCheck %s

// Of %x: w0 is the pointer, w1 and w2 the sizes, w3 and w4 the strides.
// CHECK-LABEL: func.func @main
// CHECK-SAME: stepwell.requires =
// CHECK-SAME: ["w1", ">=", "0", 0, 3]
// CHECK-SAME: ["w2", "==", "8", 1, 2]
// CHECK-SAME: ["w6", "==", "4", 0, 2], ["w7", "==", "8", 1, 2]
// CHECK-SAME: ["w1", "==", "4", 0, 2]
// CHECK-SAME: ["w1 8 * w0 0 != 1 ?", "==", "1", -1, 3]
func.func @main(%x: tensor<?x8xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = array.add %x, %y : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// A scalar is one word; an input without data may have a null pointer.
// CHECK-LABEL: func.func @main
// CHECK-SAME: ["w2", ">=", "0", 0, 3]
// CHECK-NOT: w1 0 !=
// CHECK-SAME: ["w5", "==", "w2", 0, 2]
// CHECK-NOT: w1 0 !=
func.func @main(%s: tensor<f32> {stepwell.scalar}, %x: tensor<?xf32> {stepwell.shape_only}) -> tensor<?xf32> {
  %0 = array.broadcast_like %s, %x : (tensor<f32>, tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// Along the program: what the types leave open at one operation is known from another.
// CHECK-LABEL: func.func @main
// CHECK-SAME: ["w6", "==", "w1", 0, 2]
// CHECK-SAME: ["w2 w7 *", "==", "24", -1, 2]
func.func @main(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>) -> tensor<24xf32> {
  %0 = array.transpose %a {permutation = array<i64: 1, 0>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = array.matmul %0, %b : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %2 = array.reshape %1 {sizes = array<i64: 24>} : (tensor<?x?xf32>) -> tensor<24xf32>
  return %2 : tensor<24xf32>
}

// -----

// Both branches give the same sizes, and what a loop carries keeps them.
// CHECK-LABEL: func.func @main
// CHECK-SAME: ["w5", "==", "w2", 0, 2]
// CHECK-SAME: ["w8", "==", "w2", 0, 2]
func.func @main(%p: tensor<i1>, %x: tensor<?xf32>, %y: tensor<?xf32>, %z: tensor<?xf32>) -> tensor<?xf32> {
  %0 = array.cond %p (%x, %y) : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%a: tensor<?xf32>, %b: tensor<?xf32>):
    array.yield %a : tensor<?xf32>
  } else {
  ^bb0(%a: tensor<?xf32>, %b: tensor<?xf32>):
    array.yield %b : tensor<?xf32>
  }
  %1 = array.while (%0) reading (%p, %z) : (tensor<?xf32>, tensor<i1>, tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%a: tensor<?xf32>, %b: tensor<i1>, %c: tensor<?xf32>):
    array.yield %b : tensor<i1>
  } do {
  ^bb0(%a: tensor<?xf32>, %b: tensor<i1>, %c: tensor<?xf32>):
    array.yield %c : tensor<?xf32>
  }
  return %1 : tensor<?xf32>
}
