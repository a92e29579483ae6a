// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --cpu-emit-entry | FileCheck %s

// What a call must fulfil is checked by a function around the entry.

// CHECK-LABEL: func.func private @guarded_body(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr) -> i32
// CHECK-SAME:    stepwell.entry
// CHECK:       func.func @guarded(%[[CTX:.*]]: !llvm.ptr, %[[WORDS:.*]]: !llvm.ptr) -> i32 {
// CHECK:         llvm.icmp "eq"
// CHECK:         %[[STATUS:.*]] = scf.if
// CHECK:           func.call @guarded_body(%[[CTX]], %[[WORDS]])
// CHECK:         } else {
// CHECK-COUNT-4:   llvm.store
// CHECK:         return %[[STATUS]]
func.func @guarded(%ctx: !llvm.ptr, %x: memref<?xf32>) -> i32
    attributes {stepwell.entry, stepwell.requires = [["w1", "==", "4", 0 : i64, 2 : i64]]} {
  %zero = arith.constant 0 : i32
  return %zero : i32
}

// A call that is refused needs no memory.

// CHECK-LABEL: func.func @sized_workspace_size(%{{.*}}: !llvm.ptr) -> i64
// CHECK:         llvm.icmp "sle"
// CHECK:         llvm.icmp "eq"
// CHECK:         %[[SIZE:.*]] = llvm.select %{{.*}}, %{{.*}}, %{{.*}} : i1, i64
// CHECK-NEXT:    return %[[SIZE]]
func.func @sized(%ctx: !llvm.ptr, %x: memref<?xf32>) -> i32
    attributes {stepwell.entry, stepwell.requires = [["w1 2 *", "<=", "w2 4 /", 0 : i64, 2 : i64]]} {
  %zero = arith.constant 0 : i32
  return %zero : i32
}
func.func @sized_workspace_size(%x: memref<?xf32>) -> i64
    attributes {stepwell.workspace_size_of = @sized} {
  %c = arith.constant 64 : i64
  return %c : i64
}
