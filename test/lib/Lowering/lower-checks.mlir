// RUN: stepwell-opt %s -split-input-file -stepwell-lower-checks -canonicalize | FileCheck %s --implicit-check-not=stepwell.check_

// The code starts as 0 and is what the entry returns; the first failed check writes the code, then index, size and
// dimension. The offsets are those of stepwell_context.error in abi.h.
// CHECK-LABEL: @kernel
// CHECK-SAME: (%[[CTX:.*]]: !llvm.ptr, %[[BAD:.*]]: i1, %[[INDEX:.*]]: i64, %[[SIZE:.*]]: i64, %[[DIM:.*]]: i64)
// CHECK-DAG: %[[FAILED:.*]] = arith.constant 1 : i32
// CHECK-DAG: %[[OK:.*]] = arith.constant 0 : i32
// CHECK: %[[CODE:.*]] = llvm.getelementptr %[[CTX]][40]
// CHECK: llvm.store %[[OK]], %[[CODE]] : i32
// CHECK: scf.if %[[BAD]] {
// CHECK: %[[NOW:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i32
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %[[NOW]], %[[OK]]
// CHECK: scf.if %[[FIRST]] {
// CHECK: %[[C:.*]] = llvm.getelementptr %[[CTX]][40]
// CHECK: llvm.store %[[FAILED]], %[[C]] : i32
// CHECK: %[[D0:.*]] = llvm.getelementptr %[[CTX]][48]
// CHECK: llvm.store %[[INDEX]], %[[D0]] : i64
// CHECK: %[[D1:.*]] = llvm.getelementptr %[[CTX]][56]
// CHECK: llvm.store %[[SIZE]], %[[D1]] : i64
// CHECK: %[[D2:.*]] = llvm.getelementptr %[[CTX]][64]
// CHECK: llvm.store %[[DIM]], %[[D2]] : i64
// CHECK: }
// CHECK: %[[LAST:.*]] = llvm.getelementptr %[[CTX]][40]
// CHECK: %[[R:.*]] = llvm.load %[[LAST]] : !llvm.ptr -> i32
// CHECK: return %[[R]] : i32
func.func private @stepwell.check_index(i1, i64, i64, i64)
func.func @kernel(%ctx: !llvm.ptr, %bad: i1, %index: i64, %size: i64, %dim: i64) -> i32 attributes {stepwell.entry} {
  %c0 = arith.constant 0 : i32
  func.call @stepwell.check_index(%bad, %index, %size, %dim) : (i1, i64, i64, i64) -> ()
  return %c0 : i32
}

// -----

// An entry without checks does not touch the error.
// CHECK-LABEL: @unchecked
// CHECK-NEXT: %[[OK:.*]] = arith.constant 0 : i32
// CHECK-NEXT: return %[[OK]]
func.func @unchecked(%ctx: !llvm.ptr) -> i32 attributes {stepwell.entry} {
  %c0 = arith.constant 0 : i32
  return %c0 : i32
}

// -----

// A divisor's check has no details.
// CHECK-LABEL: @divided
// CHECK-SAME: (%[[CTX:.*]]: !llvm.ptr, %[[BAD:.*]]: i1)
// CHECK-DAG: %[[FAILED:.*]] = arith.constant 6 : i32
// CHECK: scf.if %[[BAD]] {
// CHECK: scf.if
// CHECK: %[[C:.*]] = llvm.getelementptr %[[CTX]][40]
// CHECK: llvm.store %[[FAILED]], %[[C]] : i32
// CHECK-NOT: i64
// CHECK: return
func.func private @stepwell.check_divisor(i1)
func.func @divided(%ctx: !llvm.ptr, %bad: i1) -> i32 attributes {stepwell.entry} {
  %c0 = arith.constant 0 : i32
  func.call @stepwell.check_divisor(%bad) : (i1) -> ()
  return %c0 : i32
}
