// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --convert-array-to-linalg | FileCheck %s

// With stride 2 the image falls into four planes, which one convolution of the gradient makes for few channels: four
// times the channels, windows of 2x2 instead of 3x3 taps on a gradient with zeros in between.

// CHECK-LABEL: func.func @phases
// CHECK:         linalg.conv_2d_nchw_fchw {{.*}}strides = dense<1>{{.*}} ins(%{{.*}}, %{{.*}} : tensor<?x8x?x?xf32>, tensor<20x8x2x2xf32>) outs(%{{.*}} : tensor<?x20x?x?xf32>)
// CHECK-NOT:     linalg.conv
func.func @phases(%g: tensor<?x8x?x?xf32>, %w: tensor<8x5x3x3xf32>, %like: tensor<?x5x?x?xf32>) -> tensor<?x5x?x?xf32> {
  %0 = array.conv2d_input_gradient %g, %w, %like {stride = array<i64: 2, 2>, padding = array<i64: 1, 1>} : (tensor<?x8x?x?xf32>, tensor<8x5x3x3xf32>, tensor<?x5x?x?xf32>) -> tensor<?x5x?x?xf32>
  return %0 : tensor<?x5x?x?xf32>
}

// Of many channels each plane is a convolution of its own, with the taps that it has: 4 + 2 + 2 + 1 for a kernel of
// 3x3, instead of four times 4. What one of 1x1 never reaches is zero.

// CHECK-LABEL: func.func @apart
// CHECK:         linalg.conv_2d_nchw_fchw {{.*}} tensor<64x8x2x2xf32>
// CHECK:         linalg.conv_2d_nchw_fchw {{.*}} tensor<64x8x2x1xf32>
// CHECK:         linalg.conv_2d_nchw_fchw {{.*}} tensor<64x8x1x2xf32>
// CHECK:         linalg.conv_2d_nchw_fchw {{.*}} tensor<64x8x1x1xf32>
// CHECK-NOT:     linalg.conv
func.func @apart(%g: tensor<?x8x?x?xf32>, %w: tensor<8x64x3x3xf32>, %like: tensor<?x64x?x?xf32>) -> tensor<?x64x?x?xf32> {
  %0 = array.conv2d_input_gradient %g, %w, %like {stride = array<i64: 2, 2>, padding = array<i64: 1, 1>} : (tensor<?x8x?x?xf32>, tensor<8x64x3x3xf32>, tensor<?x64x?x?xf32>) -> tensor<?x64x?x?xf32>
  return %0 : tensor<?x64x?x?xf32>
}
// CHECK-LABEL: func.func @pointwise
// CHECK:         linalg.conv_2d_nchw_fchw {{.*}} tensor<64x8x1x1xf32>
// CHECK-NOT:     linalg.conv
func.func @pointwise(%g: tensor<?x8x?x?xf32>, %w: tensor<8x64x1x1xf32>, %like: tensor<?x64x?x?xf32>) -> tensor<?x64x?x?xf32> {
  %0 = array.conv2d_input_gradient %g, %w, %like {stride = array<i64: 2, 2>} : (tensor<?x8x?x?xf32>, tensor<8x64x1x1xf32>, tensor<?x64x?x?xf32>) -> tensor<?x64x?x?xf32>
  return %0 : tensor<?x64x?x?xf32>
}
// A kernel of 2x2 has as many taps in each plane: one convolution.
// CHECK-LABEL: func.func @even
// CHECK:         linalg.conv_2d_nchw_fchw {{.*}} tensor<256x8x1x1xf32>
// CHECK-NOT:     linalg.conv
func.func @even(%g: tensor<?x8x?x?xf32>, %w: tensor<8x64x2x2xf32>, %like: tensor<?x64x?x?xf32>) -> tensor<?x64x?x?xf32> {
  %0 = array.conv2d_input_gradient %g, %w, %like {stride = array<i64: 2, 2>} : (tensor<?x8x?x?xf32>, tensor<8x64x2x2xf32>, tensor<?x64x?x?xf32>) -> tensor<?x64x?x?xf32>
  return %0 : tensor<?x64x?x?xf32>
}
