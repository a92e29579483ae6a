// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --cpu-emit-entry | FileCheck %s
// RUN: stepwell-opt %s --cpu-emit-entry=companions=false | FileCheck %s --check-prefix=ALONE --implicit-check-not=k_workspace_size

// Word 0 is the scalar, word 1 the pointer, words 2 and 3 the sizes. Only the
// strides of a tensor that need not be contiguous are read.

// CHECK-LABEL: func.func @k(
// CHECK-SAME:    %{{.*}}: !llvm.ptr, %[[ARGS:.*]]: !llvm.ptr) -> i32
// CHECK:         llvm.getelementptr %[[ARGS]][0] : (!llvm.ptr) -> !llvm.ptr, i64
// CHECK-NEXT:    llvm.load %{{.*}} : !llvm.ptr -> f32
// CHECK:         llvm.getelementptr %[[ARGS]][1]
// CHECK:         llvm.getelementptr %[[ARGS]][3]
// CHECK:         llvm.getelementptr %[[ARGS]][2]
// CHECK-NOT:     llvm.getelementptr %[[ARGS]][4]
// CHECK:         builtin.unrealized_conversion_cast %{{.*}} to memref<?x?xf32>
// CHECK:         llvm.getelementptr %[[ARGS]][6]
// CHECK:         llvm.getelementptr %[[ARGS]][8]
// CHECK:         builtin.unrealized_conversion_cast %{{.*}} to memref<?xf32, strided<[?]>>
// CHECK-LABEL: func.func @k_workspace_size(%{{.*}}: !llvm.ptr) -> i64
// CHECK:       llvm.mlir.global weak_odr constant @stepwell_abi_version(2 : i32)
// ALONE: func.func @k(
func.func @k(%ctx: !llvm.ptr, %s: f32, %x: memref<?x?xf32>, %y: memref<?xf32, strided<[?]>>) -> i32
    attributes {stepwell.entry} {
  %c0 = arith.constant 0 : index
  memref.store %s, %x[%c0, %c0] : memref<?x?xf32>
  memref.store %s, %y[%c0] : memref<?xf32, strided<[?]>>
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// ALONE:      func.func @large(
// ALONE:      func.func @large_workspace_size(
// ALONE-NOT:  func.func @small_workspace_size(
func.func @large(%ctx: !llvm.ptr, %x: memref<?xf32>) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  return %ok : i32
}
func.func @large_workspace_size(%x: memref<?xf32>) -> i64 attributes {stepwell.workspace_size_of = @large} {
  %bytes = arith.constant 64 : i64
  return %bytes : i64
}
func.func @small(%ctx: !llvm.ptr, %x: memref<?xf32>) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  return %ok : i32
}
func.func @small_workspace_size(%x: memref<?xf32>) -> i64 attributes {stepwell.workspace_size_of = @small} {
  %none = arith.constant 0 : i64
  return %none : i64
}
