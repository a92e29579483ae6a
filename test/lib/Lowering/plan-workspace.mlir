// RUN: stepwell-opt %s -split-input-file -stepwell-plan-workspace -canonicalize -cse -verify-diagnostics | FileCheck %s

// %a is dead when %c is born: they share a place. %b has one of its own.
// CHECK: func.func @k(%[[CTX:.*]]: !llvm.ptr, %[[X:.*]]: memref<?xf32>)
// CHECK: %[[N:.*]] = memref.dim %[[X]]
// CHECK: %[[SUM:.*]] = arith.addi %{{.*}}, %c63
// CHECK: %[[BYTES:.*]] = arith.andi %[[SUM]], %c-64
// CHECK: llvm.getelementptr %[[CTX]][8]
// CHECK-NOT: memref.alloc
// CHECK: %[[A:.*]] = memref.view %[[W:.*]][%c0][%[[N]]]
// CHECK: %[[B:.*]] = memref.view %[[W]][%[[BYTES]]][%[[N]]]
// CHECK: linalg.copy ins(%[[A]] : {{.*}}) outs(%[[B]]
// CHECK: linalg.copy ins(%[[B]] : {{.*}}) outs(%[[A]]
// CHECK-NOT: memref.dealloc
// CHECK: func.func @k_workspace_size(%{{.*}}: memref<?xf32>) -> i64
// CHECK-SAME: stepwell.workspace_size_of = @k
// CHECK-NOT: memref.load
// CHECK: return
func.func @k(%ctx: !llvm.ptr, %x: memref<?xf32>) -> i32 attributes {stepwell.entry} {
  %c0 = arith.constant 0 : index
  %ok = arith.constant 0 : i32
  %n = memref.dim %x, %c0 : memref<?xf32>
  %a = memref.alloc(%n) : memref<?xf32>
  linalg.copy ins(%x : memref<?xf32>) outs(%a : memref<?xf32>)
  %b = memref.alloc(%n) : memref<?xf32>
  linalg.copy ins(%a : memref<?xf32>) outs(%b : memref<?xf32>)
  memref.dealloc %a : memref<?xf32>
  %c = memref.alloc(%n) : memref<?xf32>
  linalg.copy ins(%b : memref<?xf32>) outs(%c : memref<?xf32>)
  linalg.copy ins(%c : memref<?xf32>) outs(%x : memref<?xf32>)
  return %ok : i32
}

// -----

// CHECK: func.func @k_workspace_size
// CHECK-NEXT: %[[ZERO:.*]] = arith.constant 0 : i64
// CHECK-NEXT: return %[[ZERO]]
func.func @k(%ctx: !llvm.ptr, %x: memref<?xf32>) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// -----

// Sixteen bytes and four take a line of 64 each.
// CHECK: func.func @k_workspace_size
// CHECK-NEXT: %[[SIZE:.*]] = arith.constant 128 : i64
// CHECK-NEXT: return %[[SIZE]]
func.func @k(%ctx: !llvm.ptr, %x: memref<4xf32>, %y: memref<f32>) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  %a = memref.alloc() : memref<4xf32>
  %b = memref.alloc() : memref<f32>
  linalg.copy ins(%x : memref<4xf32>) outs(%a : memref<4xf32>)
  linalg.copy ins(%y : memref<f32>) outs(%b : memref<f32>)
  linalg.copy ins(%a : memref<4xf32>) outs(%x : memref<4xf32>)
  linalg.copy ins(%b : memref<f32>) outs(%y : memref<f32>)
  return %ok : i32
}

// -----

// %a is read through its address, also by who finds the address in memory: it is alive until
// then. %d has the place of %b.
// CHECK: func.func @addresses
// CHECK: memref.view %[[W:.*]][%c0]
// CHECK: %[[B:.*]] = memref.view %[[W]][%c64]
// CHECK: %[[C:.*]] = memref.view %[[W]][%c128]
// CHECK: linalg.copy ins(%[[C]] : {{.*}}) outs(%[[B]]
func.func private @task(!llvm.ptr)
func.func @addresses(%ctx: !llvm.ptr, %x: memref<4xf32>) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  %one = llvm.mlir.constant(1 : i64) : i64
  %environment = llvm.alloca %one x !llvm.struct<(i64, ptr)> : (i64) -> !llvm.ptr
  %a = memref.alloc() : memref<4xf32>
  linalg.copy ins(%x : memref<4xf32>) outs(%a : memref<4xf32>)
  %index = memref.extract_aligned_pointer_as_index %a : memref<4xf32> -> index
  %word = arith.index_cast %index : index to i64
  %pointer = llvm.inttoptr %word : i64 to !llvm.ptr
  %second = llvm.getelementptr %pointer[1] : (!llvm.ptr) -> !llvm.ptr, f32
  %field = llvm.getelementptr %environment[0, 1] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(i64, ptr)>
  llvm.store %second, %field : !llvm.ptr, !llvm.ptr
  %b = memref.alloc() : memref<4xf32>
  linalg.copy ins(%x : memref<4xf32>) outs(%b : memref<4xf32>)
  func.call @task(%environment) : (!llvm.ptr) -> ()
  %c = memref.alloc() : memref<4xf32>
  linalg.copy ins(%b : memref<4xf32>) outs(%c : memref<4xf32>)
  %d = memref.alloc() : memref<4xf32>
  linalg.copy ins(%c : memref<4xf32>) outs(%d : memref<4xf32>)
  %first = llvm.load %pointer : !llvm.ptr -> f32
  linalg.fill ins(%first : f32) outs(%d : memref<4xf32>)
  linalg.copy ins(%d : memref<4xf32>) outs(%x : memref<4xf32>)
  return %ok : i32
}
