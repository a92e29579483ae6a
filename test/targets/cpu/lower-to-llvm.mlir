// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --cpu-lower-to-llvm | FileCheck %s --implicit-check-not=insertvalue --implicit-check-not=extractvalue

// LLVM gets pointers and sizes, not descriptors.

// CHECK-LABEL: llvm.func @read(
// CHECK-SAME:    %{{.*}}: !llvm.ptr, %[[DATA:.*]]: !llvm.ptr,
// CHECK:         %[[AT:.*]] = llvm.getelementptr {{.*}}%[[DATA]][
// CHECK:         llvm.load %[[AT]]
func.func @read(%x: memref<?xf32>, %i: index) -> f32 {
  %0 = memref.load %x[%i] : memref<?xf32>
  return %0 : f32
}
