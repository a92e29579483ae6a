// RUN: stepwell-opt %s -split-input-file -convert-array-to-linalg -canonicalize -cse | FileCheck %s
// RUN: stepwell-opt %s -split-input-file -convert-array-to-linalg=runs-forall -canonicalize -cse | FileCheck %s --check-prefix=FORALL

// CHECK-LABEL: @iota
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<2x?xf32>)
// CHECK: %[[I:.*]] = linalg.index 1
// CHECK: %[[N:.*]] = arith.index_cast %[[I]] : index to i64
// CHECK: arith.sitofp %[[N]] : i64 to f32
func.func @iota(%x: tensor<2x?xf32>) -> tensor<2x?xf32> {
  %0 = array.iota %x {dim = 1 : i64, dtype = f32} : (tensor<2x?xf32>) -> tensor<2x?xf32>
  return %0 : tensor<2x?xf32>
}

// -----

// CHECK: #[[NONE:.*]] = affine_map<(d0, d1) -> ()>
// CHECK-LABEL: @full
// CHECK: linalg.generic {indexing_maps = [#[[NONE]], #{{.*}}]
// CHECK: ^bb0(%[[IN:.*]]: f32,
// CHECK-NEXT: linalg.yield %[[IN]]
func.func @full(%x: tensor<f32>) -> tensor<2x3xf32> {
  %0 = array.full %x {sizes = array<i64: 2, 3>} : (tensor<f32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// A size of 1 is read at 0, a new dimension not at all.
// CHECK: #[[FROM:.*]] = affine_map<(d0, d1, d2) -> (d1, 0)>
// CHECK-LABEL: @broadcast
// CHECK: linalg.generic {indexing_maps = [#[[FROM]], #{{.*}}]{{.*}} outs(%{{.*}} : tensor<4x2x3xf32>)
func.func @broadcast(%x: tensor<2x1xf32>) -> tensor<4x2x3xf32> {
  %0 = array.broadcast %x {sizes = array<i64: 4, 2, 3>} : (tensor<2x1xf32>) -> tensor<4x2x3xf32>
  return %0 : tensor<4x2x3xf32>
}

// -----

// CHECK-LABEL: @reshape
// CHECK-SAME: (%[[X:.*]]: tensor<6x4xf32>)
// CHECK-NEXT: %[[FLAT:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0, 1]] : tensor<6x4xf32> into tensor<24xf32>
// CHECK-NEXT: tensor.expand_shape %[[FLAT]] {{\[\[}}0, 1]] output_shape [3, 8]
func.func @reshape(%x: tensor<6x4xf32>) -> tensor<3x8xf32> {
  %0 = array.reshape %x {sizes = array<i64: 3, 8>} : (tensor<6x4xf32>) -> tensor<3x8xf32>
  return %0 : tensor<3x8xf32>
}

// -----

// Sizes come from `like`.
// CHECK-LABEL: @reshape_like
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>, %[[Y:.*]]: tensor<?x?xi8>)
// CHECK-DAG: %[[M:.*]] = tensor.dim %[[Y]], %c0
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[Y]], %c1
// CHECK: tensor.expand_shape %[[X]] {{.*}} output_shape [%[[M]], %[[N]]]
func.func @reshape_like(%x: tensor<?xf32>, %y: tensor<?x?xi1>) -> tensor<?x?xf32> {
  %0 = array.reshape_like %x, %y : (tensor<?xf32>, tensor<?x?xi1>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// What only a derivative tells from its operand costs nothing.
// CHECK-LABEL: @detached
// CHECK-SAME: (%[[X:[a-z0-9]+]]: tensor<?x4xf32>
// CHECK-NEXT: return %[[X]], %[[X]]
func.func @detached(%x: tensor<?x4xf32>, %y: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %0 = array.detach %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = array.with_gradient_of %x, %y : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0, %1 : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// CHECK-LABEL: @flip
// CHECK-SAME: (%[[X:.*]]: tensor<2x?xf32>)
// CHECK: %[[SIZE:.*]] = tensor.dim %[[X]], %c1
// CHECK: %[[LAST:.*]] = arith.subi %[[SIZE]], %c1
// CHECK: %[[I:.*]] = linalg.index 0
// CHECK: %[[J:.*]] = linalg.index 1
// CHECK: %[[BACK:.*]] = arith.subi %[[LAST]], %[[J]]
// CHECK: tensor.extract %[[X]][%[[I]], %[[BACK]]]
func.func @flip(%x: tensor<2x?xf32>) -> tensor<2x?xf32> {
  %0 = array.flip %x {dims = array<i64: 1>} : (tensor<2x?xf32>) -> tensor<2x?xf32>
  return %0 : tensor<2x?xf32>
}

// -----

// What is left after cutting lies on the value.
// CHECK-LABEL: @pad
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>)
// CHECK: %[[V:.*]] = arith.constant 1.500000e+00 : f32
// CHECK: %[[LEFT:.*]] = tensor.extract_slice %[[X]][0, 1] [%{{.*}}, 3] [1, 1]
// CHECK: %[[AROUND:.*]] = linalg.fill ins(%[[V]] : f32) outs(%{{.*}} : tensor<?x5xf32>)
// CHECK: tensor.insert_slice %[[LEFT]] into %[[AROUND]][1, 0] [%{{.*}}, 3] [1, 1]
func.func @pad(%x: tensor<?x4xf32>) -> tensor<?x5xf32> {
  %0 = array.pad %x {low = array<i64: 1, -1>, high = array<i64: 0, 2>, value = 1.5 : f64} : (tensor<?x4xf32>) -> tensor<?x5xf32>
  return %0 : tensor<?x5xf32>
}

// -----

// CHECK-LABEL: @slice
// CHECK-SAME: (%[[X:.*]]: tensor<6x4xf32>)
// CHECK-NEXT: tensor.extract_slice %[[X]][1, 0] [3, 2] [2, 3]
func.func @slice(%x: tensor<6x4xf32>) -> tensor<3x2xf32> {
  %0 = array.slice %x {starts = array<i64: 1, 0>, sizes = array<i64: 3, 2>, steps = array<i64: 2, 3>} : (tensor<6x4xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

// CHECK-LABEL: @insert_slice
// CHECK-SAME: (%[[X:.*]]: tensor<6x4xf32>, %[[P:.*]]: tensor<3x2xf32>)
// CHECK-NEXT: tensor.insert_slice %[[P]] into %[[X]][1, 0] [3, 2] [2, 3]
func.func @insert_slice(%x: tensor<6x4xf32>, %p: tensor<3x2xf32>) -> tensor<6x4xf32> {
  %0 = array.insert_slice %x, %p {starts = array<i64: 1, 0>, steps = array<i64: 2, 3>} : (tensor<6x4xf32>, tensor<3x2xf32>) -> tensor<6x4xf32>
  return %0 : tensor<6x4xf32>
}

// -----

// FORALL-LABEL: @concat
// FORALL-SAME: (%[[X:.*]]: tensor<2x?xf32>, %[[Y:.*]]: tensor<2x3xf32>)
// FORALL: %[[N:.*]] = tensor.dim %[[X]], %c1
// FORALL: scf.forall (%[[ROW:.*]]) in (2) shared_outs(%[[OUT:.*]] = %{{.*}})
// FORALL:   %[[A:.*]] = tensor.extract_slice %[[X]][%[[ROW]], 0] [1, %[[N]]] [1, 1]
// FORALL:   %[[B:.*]] = tensor.extract_slice %[[Y]][%[[ROW]], 0] [1, 3] [1, 1]
// FORALL:   tensor.parallel_insert_slice %[[A]] into %[[OUT]][%[[ROW]], 0] [1, %[[N]]] [1, 1]
// FORALL:   tensor.parallel_insert_slice %[[B]] into %[[OUT]][%[[ROW]], %[[N]]] [1, 3] [1, 1]

// CHECK-LABEL: @concat
// CHECK-SAME: (%[[X:.*]]: tensor<2x?xf32>, %[[Y:.*]]: tensor<2x3xf32>)
// CHECK: %[[N:.*]] = tensor.dim %[[X]], %c1
// CHECK: %[[ALL:.*]] = arith.addi %[[N]], %c3
// CHECK: %[[E:.*]] = tensor.empty(%[[ALL]])
// CHECK: %[[ONE:.*]] = tensor.insert_slice %[[X]] into %[[E]][0, 0] [2, %[[N]]] [1, 1]
// CHECK: tensor.insert_slice %[[Y]] into %[[ONE]][0, %[[N]]] [2, 3] [1, 1]
func.func @concat(%x: tensor<2x?xf32>, %y: tensor<2x3xf32>) -> tensor<2x?xf32> {
  %0 = array.concat %x, %y {dim = 1 : i64} : (tensor<2x?xf32>, tensor<2x3xf32>) -> tensor<2x?xf32>
  return %0 : tensor<2x?xf32>
}

// -----

// A single row has no others beside it.

// FORALL-LABEL: @concat_one_row
// FORALL-NOT: scf.forall
// FORALL: tensor.insert_slice
// FORALL: tensor.insert_slice
func.func @concat_one_row(%x: tensor<1x?xf32>, %y: tensor<1x3xf32>) -> tensor<1x?xf32> {
  %0 = array.concat %x, %y {dim = 1 : i64} : (tensor<1x?xf32>, tensor<1x3xf32>) -> tensor<1x?xf32>
  return %0 : tensor<1x?xf32>
}

// -----

// What is there for its sizes leaves nothing but them.

// CHECK-LABEL: @computed_sizes
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>)
// CHECK: %[[N:.*]] = tensor.dim %[[X]], %c0
// CHECK: arith.divsi %[[N]], %c2
// CHECK: %[[HALF:.*]] = arith.select
// CHECK: %[[REST:.*]] = arith.subi %{{.*}}, %c1
// CHECK: tensor.extract_slice %[[X]][%[[HALF]], 0] [%[[REST]], 4] [1, 1]
func.func @computed_sizes(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %at = array.empty %x {dtype = i1, sizes = "v0 2 //, 0"} : (tensor<?x4xf32>) -> tensor<?x0xi1>
  %like = array.empty %x {dtype = i1, sizes = "v0 1 -, v1"} : (tensor<?x4xf32>) -> tensor<?x4xi1>
  %0 = array.slice_like %x, %at, %like {steps = array<i64: 1, 1>} : (tensor<?x4xf32>, tensor<?x0xi1>, tensor<?x4xi1>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// CHECK-LABEL: @insert_slice_at
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>, %[[P:.*]]: tensor<2xf32>, %[[S:.*]]: tensor<?xi8>)
// CHECK: %[[AT:.*]] = tensor.dim %[[S]], %c0
// CHECK: tensor.insert_slice %[[P]] into %[[X]][%[[AT]]] [2] [3]
func.func @insert_slice_at(%x: tensor<?xf32>, %p: tensor<2xf32>, %s: tensor<?xi1>) -> tensor<?xf32> {
  %0 = array.insert_slice_at %x, %p, %s {steps = array<i64: 3>} : (tensor<?xf32>, tensor<2xf32>, tensor<?xi1>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
