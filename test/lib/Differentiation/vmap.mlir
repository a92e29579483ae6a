// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s -split-input-file -autodiff-fulfil-requests | FileCheck %s

// What does not depend on the batch is computed once; dimensions move up.

// CHECK-LABEL: func.func @product
// CHECK-NEXT:    %[[C:.*]] = array.matmul %arg0, %arg1 : (tensor<8x3x4xf32>, tensor<4x1xf32>) -> tensor<8x3x1xf32>
// CHECK-NEXT:    %[[E:.*]] = array.exp %arg1 : (tensor<4x1xf32>)
// CHECK-NEXT:    %[[S:.*]] = array.sum %[[C]] {dims = array<i64: 1>}
// CHECK-NEXT:    %[[A:.*]] = array.broadcast %[[E]] {sizes = array<i64: 8, 4, 1>}
// CHECK-NEXT:    return %[[S]], %[[A]]
func.func @product(%m: tensor<8x3x4xf32>, %v: tensor<4x1xf32>) -> (tensor<8x1xf32>, tensor<8x4x1xf32>) {
  %y:2 = "autodiff.vmap"(%m, %v) <{batched = array<i64: 0>}> ({
  ^bb0(%a: tensor<3x4xf32>, %b: tensor<4x1xf32>):
    %c = array.matmul %a, %b : (tensor<3x4xf32>, tensor<4x1xf32>) -> tensor<3x1xf32>
    %e = array.exp %b : (tensor<4x1xf32>) -> tensor<4x1xf32>
    %s = array.sum %c {dims = array<i64: 0>} : (tensor<3x1xf32>) -> tensor<1xf32>
    autodiff.yield %s, %e : tensor<1xf32>, tensor<4x1xf32>
  }) : (tensor<8x3x4xf32>, tensor<4x1xf32>) -> (tensor<8x1xf32>, tensor<8x4x1xf32>)
  return %y#0, %y#1 : tensor<8x1xf32>, tensor<8x4x1xf32>
}

// -----

// An operand of fewer dimensions broadcasts as it did without a batch.

// CHECK-LABEL: func.func @aligned
// CHECK-NEXT:    %[[Y:.*]] = array.reshape %arg1 {sizes = array<i64: -1, 1, -2>} : (tensor<?x4xf32>) -> tensor<?x1x4xf32>
// CHECK-NEXT:    array.add %arg0, %[[Y]] : (tensor<?x3x4xf32>, tensor<?x1x4xf32>) -> tensor<?x3x4xf32>
func.func @aligned(%x: tensor<?x3x4xf32>, %y: tensor<?x4xf32>) -> tensor<?x3x4xf32> {
  %z = "autodiff.vmap"(%x, %y) <{batched = array<i64: 0, 1>}> ({
  ^bb0(%a: tensor<3x4xf32>, %b: tensor<4xf32>):
    %c = array.add %a, %b : (tensor<3x4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
    autodiff.yield %c : tensor<3x4xf32>
  }) : (tensor<?x3x4xf32>, tensor<?x4xf32>) -> tensor<?x3x4xf32>
  return %z : tensor<?x3x4xf32>
}

// -----

// A batch of one-to-many products: the batch is moved in front.

// CHECK-LABEL: func.func @dot
// CHECK-NEXT:    %[[D:.*]] = array.dot_general %arg0, %arg1 {{.*}}input_batch = array<i64: 0>, input_contract = array<i64: 1>, other_batch = array<i64: 2>, other_contract = array<i64: 1>{{.*}} -> tensor<2x6x5xf32>
// CHECK-NEXT:    %[[T:.*]] = array.transpose %[[D]] {permutation = array<i64: 2, 0, 1>}
// CHECK-NEXT:    return %[[T]]
func.func @dot(%x: tensor<2x3x6xf32>, %y: tensor<5x3x2xf32>) -> tensor<5x2x6xf32> {
  %z = "autodiff.vmap"(%x, %y) <{batched = array<i64: 1>}> ({
  ^bb0(%a: tensor<2x3x6xf32>, %b: tensor<3x2xf32>):
    %c = array.dot_general %a, %b {input_batch = array<i64: 0>, other_batch = array<i64: 1>, input_contract = array<i64: 1>, other_contract = array<i64: 0>} : (tensor<2x3x6xf32>, tensor<3x2xf32>) -> tensor<2x6xf32>
    autodiff.yield %c : tensor<2x6xf32>
  }) : (tensor<2x3x6xf32>, tensor<5x3x2xf32>) -> tensor<5x2x6xf32>
  return %z : tensor<5x2x6xf32>
}

// -----

// Weights of their own: a group for each element of the batch.

// CHECK-LABEL: func.func @convolution
// CHECK:         array.broadcast %arg0 {sizes = array<i64: 6, 2, 3, 8, 8>}
// CHECK:         array.conv2d {{.*}}groups = 6{{.*}}(tensor<2x18x8x8xf32>, tensor<24x3x3x3xf32>) -> tensor<2x24x6x6xf32>
// CHECK:         array.transpose {{.*}}permutation = array<i64: 1, 0, 2, 3, 4>{{.*}} -> tensor<6x2x4x6x6xf32>
func.func @convolution(%x: tensor<2x3x8x8xf32>, %w: tensor<6x4x3x3x3xf32>) -> tensor<6x2x4x6x6xf32> {
  %z = "autodiff.vmap"(%x, %w) <{batched = array<i64: 1>}> ({
  ^bb0(%a: tensor<2x3x8x8xf32>, %b: tensor<4x3x3x3xf32>):
    %c = array.conv2d %a, %b : (tensor<2x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<2x4x6x6xf32>
    autodiff.yield %c : tensor<2x4x6x6xf32>
  }) : (tensor<2x3x8x8xf32>, tensor<6x4x3x3x3xf32>) -> tensor<6x2x4x6x6xf32>
  return %z : tensor<6x2x4x6x6xf32>
}

// -----

// A batch of derivatives, and the derivative of a batch: the inner one first.

// CHECK-LABEL: func.func @both
// CHECK-NOT:     autodiff
// CHECK:         array.exp %arg0 : (tensor<8x3xf32>)
// CHECK-NOT:     autodiff
func.func @both(%x: tensor<8x3xf32>, %y: tensor<8x3xf32>, %g: tensor<8x3xf32>) -> (tensor<8x3xf32>, tensor<8x3xf32>) {
  %of = "autodiff.vmap"(%x, %y, %g) <{batched = array<i64: 0, 1, 2>}> ({
  ^bb0(%a: tensor<3xf32>, %b: tensor<3xf32>, %c: tensor<3xf32>):
    %d = "autodiff.vjp"(%a, %b, %c) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
    ^bb0(%e: tensor<3xf32>):
      %f = array.sin %e : (tensor<3xf32>) -> tensor<3xf32>
      autodiff.yield %f : tensor<3xf32>
    }) : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
    autodiff.yield %d : tensor<3xf32>
  }) : (tensor<8x3xf32>, tensor<8x3xf32>, tensor<8x3xf32>) -> tensor<8x3xf32>
  %dx = "autodiff.vjp"(%x, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%e: tensor<8x3xf32>):
    %f = "autodiff.vmap"(%e) <{batched = array<i64: 0>}> ({
    ^bb0(%h: tensor<3xf32>):
      %i = array.exp %h : (tensor<3xf32>) -> tensor<3xf32>
      %j = array.mul %i, %i : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
      autodiff.yield %j : tensor<3xf32>
    }) : (tensor<8x3xf32>) -> tensor<8x3xf32>
    autodiff.yield %f : tensor<8x3xf32>
  }) : (tensor<8x3xf32>, tensor<8x3xf32>, tensor<8x3xf32>) -> tensor<8x3xf32>
  return %of, %dx : tensor<8x3xf32>, tensor<8x3xf32>
}
