// RUN: stepwell-opt %s --split-input-file --stepwell-gpu-form-kernels --canonicalize --cse | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// Packed operands are walked in one line, without index arithmetic.
// CHECK: grid\22:\22w1 w2 * 255 + 256 /
// CHECK-LABEL: gpu.module @add
// CHECK: gpu.func @add_0(%[[X:[^:]+]]: memref<?xf32>, %[[M:[^:]+]]: index, %[[N:[^:]+]]: index, %{{[^:]+}}: index, %{{[^:]+}}: index,
// CHECK-SAME: %[[Y:[^:]+]]: memref<?xf32>, {{.*}}%[[Z:[^:]+]]: memref<?xf32>, {{.*}}memref<?xi8>) kernel attributes {known_block_size = array<i32: 256, 1, 1>}
// CHECK: %[[COUNT:.+]] = arith.muli %[[M]], %[[N]]
// CHECK: scf.for %[[I:.+]] = {{.*}} to %[[COUNT]]
// CHECK-NOT: remui
// CHECK: memref.load %[[X]][%[[I]]]
// CHECK: memref.load %[[Y]][%[[I]]]
// CHECK: %[[SUM:.+]] = arith.addf
// CHECK: memref.store %[[SUM]], %[[Z]][%[[I]]]
// CHECK-NOT: func.func
func.func @add(%ctx: !llvm.ptr, %x: memref<?x?xf32>, %y: memref<?x?xf32>, %z: memref<?x?xf32>) -> i32
    attributes {stepwell.entry} {
  linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %y : memref<?x?xf32>, memref<?x?xf32>) outs(%z : memref<?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  }
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#column = affine_map<(d0, d1) -> (d1)>

// Strides and broadcasts are index arithmetic on the words; a scalar is the low bytes of one.
// CHECK-LABEL: gpu.module @strided
// CHECK: gpu.func @strided_0(%[[X:[^:]+]]: memref<?xf32>, %[[M:[^:]+]]: index, %[[N:[^:]+]]: index, %[[S0:[^:]+]]: index, %[[S1:[^:]+]]: index,
// CHECK-SAME: %[[K:[^:]+]]: i64, %[[Z:[^:]+]]: memref<?xf32>
// CHECK: %[[LOW:.+]] = arith.trunci %[[K]] : i64 to i32
// CHECK: %[[SCALAR:.+]] = arith.bitcast %[[LOW]] : i32 to f32
// CHECK: scf.for %[[I:.+]] =
// CHECK: %[[COL:.+]] = arith.remui %[[I]], %[[N]]
// CHECK: %[[ROW:.+]] = arith.divui %[[I]], %[[N]]
// CHECK: %[[A:.+]] = arith.muli %[[ROW]], %[[S0]]
// CHECK: %[[B:.+]] = arith.muli %[[COL]], %[[S1]]
// CHECK: %[[P:.+]] = arith.addi %[[B]], %[[A]]
// CHECK: %[[V:.+]] = memref.load %[[X]][%[[P]]]
// CHECK: arith.mulf %[[V]], %[[SCALAR]]
func.func @strided(%ctx: !llvm.ptr, %x: memref<?x?xf32, strided<[?, ?]>>, %k: f32, %z: memref<?x?xf32>) -> i32
    attributes {stepwell.entry} {
  linalg.generic {indexing_maps = [#id, affine_map<(d0, d1) -> ()>, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %k : memref<?x?xf32, strided<[?, ?]>>, f32) outs(%z : memref<?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    linalg.yield %0 : f32
  }
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>

// A reduction along the last dimension: one block per row, a tree in workgroup memory.
// CHECK: grid\22:\22w6 255 + 256 /{{.*}}grid\22:\22w1\22
// CHECK-LABEL: gpu.module @rows
// CHECK: gpu.func @rows_1(%[[X:[^:]+]]: memref<?xf32>, %[[M:[^:]+]]: index, %[[N:[^:]+]]: index,
// CHECK-SAME: workgroup(%[[SHARED:[^:]+]] : memref<256xf32, #gpu.address_space<workgroup>>)
// CHECK: %[[THREAD:.+]] = gpu.thread_id x
// CHECK: %[[BLOCK:.+]] = gpu.block_id x
// CHECK: scf.for %[[ROW:.+]] = %[[BLOCK]] to %[[M]]
// CHECK: %[[PART:.+]] = scf.for %{{.+}} = %[[THREAD]] to %[[N]] step %c256 iter_args
// CHECK: memref.store %[[PART]], %[[SHARED]][%[[THREAD]]]
// CHECK: gpu.barrier
// CHECK: arith.cmpi ult, %[[THREAD]], %c128
// CHECK: gpu.barrier
// CHECK: arith.cmpi ult, %[[THREAD]], %c1 :
// CHECK: gpu.barrier
// CHECK: scf.if
// CHECK: gpu.barrier
// CHECK-NEXT: }
func.func @rows(%ctx: !llvm.ptr, %x: memref<?x?xf32>, %z: memref<?xf32>) -> i32 attributes {stepwell.entry} {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%z : memref<?xf32>)
  linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x?xf32>) outs(%z : memref<?xf32>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %a, %c : f32
    linalg.yield %0 : f32
  }
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// -----

// Any other reduction: one thread per result, so that neighbours read neighbours.
// CHECK-LABEL: gpu.module @columns
// CHECK-NOT: gpu.barrier
// CHECK: scf.for %[[COL:.+]] =
// CHECK: %[[INIT:.+]] = memref.load %[[Z:.+]][%[[COL]]]
// CHECK: %[[TOTAL:.+]] = scf.for {{.*}} iter_args(%{{.+}} = %[[INIT]])
// CHECK: memref.store %[[TOTAL]], %[[Z]][%[[COL]]]
func.func @columns(%ctx: !llvm.ptr, %x: memref<?x?xf32>, %z: memref<?xf32>) -> i32 attributes {stepwell.entry} {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>],
                  iterator_types = ["reduction", "parallel"]}
      ins(%x : memref<?x?xf32>) outs(%z : memref<?xf32>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %a, %c : f32
    linalg.yield %0 : f32
  }
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// -----

// Temporaries are views of the workspace; its size is a formula over the words.
// CHECK: workspace\22:\22w1 4 * 63 + -64 &\22
// CHECK-LABEL: gpu.module @temporary
// CHECK: gpu.func @temporary_0({{.*}}%[[W:[^:]+]]: memref<?xi8>)
// CHECK: memref.view %[[W]][%c0][%{{.+}}] : memref<?xi8> to memref<?xf32>
func.func @temporary(%ctx: !llvm.ptr, %x: memref<?xf32>, %z: memref<?xf32>) -> i32 attributes {stepwell.entry} {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %d = llvm.mlir.poison : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
  %w = builtin.unrealized_conversion_cast %d : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> to memref<?xi8>
  %t = memref.view %w[%c0][%n] : memref<?xi8> to memref<?xf32>
  memref.copy %x, %t : memref<?xf32> to memref<?xf32>
  memref.copy %t, %z : memref<?xf32> to memref<?xf32>
  %ok = arith.constant 0 : i32
  return %ok : i32
}
func.func @temporary_workspace_size(%x: memref<?xf32>, %z: memref<?xf32>) -> i64
    attributes {stepwell.workspace_size_of = @temporary} {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c63 = arith.constant 63 : index
  %c-64 = arith.constant -64 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %b = arith.muli %n, %c4 : index
  %r = arith.addi %b, %c63 : index
  %a = arith.andi %r, %c-64 : index
  %i = arith.index_cast %a : index to i64
  return %i : i64
}
