// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --cpu-lower-contractions="vector-bits=256" | FileCheck %s

// A convolution packs windows, one column each; threads get whole images.

// CHECK-LABEL: func.func @convolution
// CHECK:         %[[PLACES:.*]] = memref.alloca() : memref<16xindex>
// CHECK:         scf.for
// CHECK:           memref.store %{{.*}}, %[[PLACES]]
// CHECK-COUNT-12: vector.fma %{{.*}} : vector<8xf32>
// CHECK-NOT:      vector.fma
// CHECK-NOT:      linalg
func.func @convolution(%x: memref<?x3x?x?xf32>, %w: memref<12x3x3x3xf32>, %y: memref<?x12x?x?xf32>, %from: index, %count: index) {
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %height = memref.dim %y, %c2 : memref<?x12x?x?xf32>
  %width = memref.dim %y, %c3 : memref<?x12x?x?xf32>
  %part = memref.subview %y[%from, 0, 0, 0] [%count, 12, %height, %width] [1, 1, 1, 1]
      : memref<?x12x?x?xf32> to memref<?x12x?x?xf32, strided<[?, ?, ?, 1], offset: ?>>
  linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<2> : tensor<2xi64>}
      ins(%x, %w : memref<?x3x?x?xf32>, memref<12x3x3x3xf32>) outs(%part : memref<?x12x?x?xf32, strided<[?, ?, ?, 1], offset: ?>>)
  return
}

// Only the last dimension of this result counts on evenly: columns are those of one row.

// CHECK-LABEL: func.func @convolution_to_rows
// CHECK-SAME:    %[[Y:[a-z0-9]*]]: memref<1x12x4x9xf32, strided<[?, ?, ?, 1]>>
// CHECK:         %[[C4:.*]] = arith.constant 4 : index
// CHECK:         scf.for %{{.*}} = %{{.*}} to %[[C4]]
func.func @convolution_to_rows(%x: memref<1x3x6x11xf32>, %w: memref<12x3x3x3xf32>, %y: memref<1x12x4x9xf32, strided<[?, ?, ?, 1]>>) {
  linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>}
      ins(%x, %w : memref<1x3x6x11xf32>, memref<12x3x3x3xf32>) outs(%y : memref<1x12x4x9xf32, strided<[?, ?, ?, 1]>>)
  return
}
