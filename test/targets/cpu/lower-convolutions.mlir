// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --split-input-file --cpu-outline-parallel | FileCheck %s --check-prefix=SHARE
// RUN: stepwell-opt %s --split-input-file --cpu-lower-contractions | FileCheck %s

// Many images are shared out whole; of a single one, each thread makes its rows, for which it reads those that the
// windows reach: 2 (rows - 1) + 3.

// SHARE-LABEL: func.func private @images_body_0_rows(
// SHARE:         %[[COUNT:.*]] = arith.subi %[[END:.*]], %[[BEGIN:.*]] : index
// SHARE:         %[[FROM:.*]] = arith.muli %[[BEGIN]], %c2
// SHARE:         %[[STEPS:.*]] = arith.subi %[[COUNT]], %c1
// SHARE:         %[[DOUBLE:.*]] = arith.muli %[[STEPS]], %c2
// SHARE:         %[[LAST:.*]] = arith.addi %[[DOUBLE]],
// SHARE:         %[[SIZE:.*]] = arith.addi %[[LAST]], %c1
// SHARE:         memref.subview %{{.*}}[0, 0, %{{.*}}, 0] [%{{.*}}, 4, %[[SIZE]], %{{.*}}]
// SHARE:         memref.subview %{{.*}}[0, 0, %[[BEGIN]], 0] [%{{.*}}, 32, %[[COUNT]], %{{.*}}]
// SHARE-LABEL: func.func private @images_body_0(
// SHARE:         memref.subview %{{.*}} : memref<?x4x?x?xf32> to
// SHARE-LABEL: func.func @images
// SHARE:         arith.cmpi slt, %{{.*}}, %c2

// Columns two elements apart are loaded as two vectors, of which every other element is taken.

// CHECK-LABEL: func.func @images
// CHECK:         vector.shuffle %{{.*}}, %{{.*}} [0, 2, 4, 6, 9, 11, 13, 15] : vector<8xf32>, vector<8xf32>
// CHECK:         arith.select %{{.*}}, %{{.*}}, %{{.*}} : vector<8xi1>, vector<8xf32>
// CHECK-COUNT-12: vector.fma
func.func @images(%ctx: !llvm.ptr, %x: memref<?x4x?x?xf32>, %w: memref<32x4x3x3xf32>, %y: memref<?x32x?x?xf32>) -> i32 attributes {stepwell.entry} {
  linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<2> : tensor<2xi64>}
      ins(%x, %w : memref<?x4x?x?xf32>, memref<32x4x3x3xf32>) outs(%y : memref<?x32x?x?xf32>)
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// -----

// Many channels are worth packing the windows once for each thread: A is the larger part then.

// SHARE-LABEL: func.func private @channels_body_0_channels(
// SHARE:         memref.subview %{{.*}} : memref<128x4x3x3xf32> to memref<?x4x3x3xf32
// CHECK-LABEL: func.func @channels
func.func @channels(%ctx: !llvm.ptr, %x: memref<?x4x?x?xf32>, %w: memref<128x4x3x3xf32>, %y: memref<?x128x?x?xf32>) -> i32 attributes {stepwell.entry} {
  linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<2> : tensor<2xi64>}
      ins(%x, %w : memref<?x4x?x?xf32>, memref<128x4x3x3xf32>) outs(%y : memref<?x128x?x?xf32>)
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// -----

// Groups share nothing, so threads share the groups. A lone channel is no product of matrices: three
// vectors of a row take nine taps each, then single vectors, then the one that ends with the row.

// SHARE-LABEL: func.func private @depthwise_body_0(
// SHARE:         memref.subview %{{.*}} : memref<64x1x1x3x3xf32> to memref<?x1x1x3x3xf32
// CHECK-LABEL: func.func @depthwise
// CHECK-COUNT-9: vector.broadcast %{{.*}} : f32 to vector<8xf32>
// CHECK:         scf.for
// CHECK:           scf.for
// CHECK-COUNT-27:    vector.fma
// CHECK-NOT:         vector.fma
// CHECK:           scf.for
// CHECK-COUNT-9:     vector.fma
// CHECK:           scf.if
// CHECK-COUNT-9:     vector.fma
// CHECK-NOT:     vector.fma
// CHECK-NOT:     linalg
func.func @depthwise(%ctx: !llvm.ptr, %x: memref<?x64x1x?x?xf32>, %w: memref<64x1x1x3x3xf32>, %y: memref<?x64x1x?x?xf32>) -> i32 attributes {stepwell.entry} {
  linalg.conv_2d_ngchw_gfchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>}
      ins(%x, %w : memref<?x64x1x?x?xf32>, memref<64x1x1x3x3xf32>) outs(%y : memref<?x64x1x?x?xf32>)
  %ok = arith.constant 0 : i32
  return %ok : i32
}
