// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --cpu-lower-views | FileCheck %s

// CHECK-LABEL: func.func @window(
// CHECK-SAME:    %[[X:.*]]: memref<?xf32>, %[[I:.*]]: index
// CHECK-NOT:     subview
// CHECK-NOT:     affine
// CHECK:         %[[BASE:.*]], %{{.*}}, %{{.*}}, %{{.*}} = memref.extract_strided_metadata %[[X]]
// CHECK:         %[[AT:.*]] = arith.muli %[[I]], %c4
// CHECK:         memref.reinterpret_cast %[[BASE]] to offset: [%[[AT]]], sizes: [8], strides: [1]
func.func @window(%x: memref<?xf32>, %i: index) -> memref<8xf32, strided<[1], offset: ?>> {
  %at = affine.apply affine_map<(d0) -> (d0 * 4)>(%i)
  %v = memref.subview %x[%at] [8] [1] : memref<?xf32> to memref<8xf32, strided<[1], offset: ?>>
  return %v : memref<8xf32, strided<[1], offset: ?>>
}
