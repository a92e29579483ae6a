// RUN: stepwell-opt %s -stepwell-lower-control-flow | FileCheck %s

// CHECK-LABEL: @cond
// CHECK: %[[PLACE:.*]] = bufferization.alloc_tensor(%{{.*}}) : tensor<?xf32>
// CHECK: %[[TRUTH:.*]] = tensor.extract %{{.*}}[] : tensor<i1>
// CHECK: %[[R:.*]] = scf.if %[[TRUTH]] -> (tensor<?xf32>) {
// CHECK:   %[[A:.*]] = array.exp %arg1
// CHECK:   %[[B:.*]] = bufferization.materialize_in_destination %[[A]] in %[[PLACE]]
// CHECK:   scf.yield %[[B]]
// CHECK: } else {
// CHECK:   %[[C:.*]] = bufferization.materialize_in_destination %arg1 in %[[PLACE]]
// CHECK:   scf.yield %[[C]]
// CHECK: return %[[R]]
func.func @cond(%p: tensor<i1>, %x: tensor<?xf32>) -> tensor<?xf32> {
  %z = array.cond %p (%x) : (tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%a: tensor<?xf32>):
    %b = array.exp %a : (tensor<?xf32>) -> tensor<?xf32>
    array.yield %b : tensor<?xf32>
  } else {
  ^bb0(%a: tensor<?xf32>):
    array.yield %a : tensor<?xf32>
  }
  return %z : tensor<?xf32>
}

// CHECK-LABEL: @while
// CHECK: %[[R:.*]] = scf.while (%[[I:.*]] = %arg0) : (tensor<i64>) -> tensor<i64> {
// CHECK:   %[[C:.*]] = array.lt %[[I]], %arg1
// CHECK:   %[[T:.*]] = tensor.extract %[[C]][]
// CHECK:   scf.condition(%[[T]]) %[[I]]
// CHECK: } do {
// CHECK: ^bb0(%[[J:.*]]: tensor<i64>):
// CHECK:   %[[N:.*]] = array.add %[[J]], %[[J]]
// CHECK:   %[[M:.*]] = bufferization.materialize_in_destination %[[N]] in %[[J]]
// CHECK:   scf.yield %[[M]]
// CHECK: return %[[R]]
func.func @while(%x: tensor<i64>, %most: tensor<i64>) -> tensor<i64> {
  %z = array.while (%x) reading (%most) : (tensor<i64>, tensor<i64>) -> tensor<i64> {
  ^bb0(%a: tensor<i64>, %b: tensor<i64>):
    %c = array.lt %a, %b : (tensor<i64>, tensor<i64>) -> tensor<i1>
    array.yield %c : tensor<i1>
  } do {
  ^bb0(%a: tensor<i64>, %b: tensor<i64>):
    %c = array.add %a, %a : (tensor<i64>, tensor<i64>) -> tensor<i64>
    array.yield %c : tensor<i64>
  }
  return %z : tensor<i64>
}

// The results' sizes follow from the operands', through the body.
// CHECK-LABEL: @scan
// CHECK-DAG: %[[W0:.*]] = tensor.dim %arg1, %{{.*}} : tensor<?x?xf32>
// CHECK-DAG: %[[W1:.*]] = tensor.dim %arg1, %{{.*}} : tensor<?x?xf32>
// CHECK: %[[PLACE:.*]] = bufferization.alloc_tensor(%{{.*}}, %{{.*}}) : tensor<?x1x?xf32>
// CHECK: scf.for %[[I:[a-z0-9_]+]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[H:.*]] = %arg0, %[[ALL:.*]] = %[[PLACE]])
// CHECK:   %[[X:.*]] = tensor.extract_slice %arg1[%[[I]], 0] [1, %{{.*}}] [1, 1] : tensor<?x?xf32> to tensor<?xf32>
// CHECK:   %[[N:.*]] = array.add %[[H]], %[[X]]
// CHECK:   %[[Y:.*]] = array.reshape %[[N]]
// CHECK:   %[[S:.*]] = tensor.insert_slice %[[Y]] into %[[ALL]][%[[I]], 0, 0] [1, 1, %{{.*}}] [1, 1, 1]
// CHECK:   %[[M:.*]] = bufferization.materialize_in_destination %[[N]] in %[[H]]
// CHECK:   scf.yield %[[M]], %[[S]]
func.func @scan(%h: tensor<?xf32>, %x: tensor<?x?xf32>) -> (tensor<?xf32>, tensor<?x1x?xf32>) {
  %last, %all = array.scan (%h) over (%x) : (tensor<?xf32>, tensor<?x?xf32>) -> (tensor<?xf32>, tensor<?x1x?xf32>) {
  ^bb0(%a: tensor<?xf32>, %b: tensor<?xf32>):
    %c = array.add %a, %b : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    %d = array.reshape %c {sizes = array<i64: 1, -1>} : (tensor<?xf32>) -> tensor<1x?xf32>
    array.yield %c, %d : tensor<?xf32>, tensor<1x?xf32>
  }
  return %last, %all : tensor<?xf32>, tensor<?x1x?xf32>
}

// CHECK-LABEL: @reverse
// CHECK: scf.for %[[I:[a-z0-9_]+]] =
// CHECK:   %[[LAST:.*]] = arith.subi %[[N:.*]], %{{.*}} : index
// CHECK:   %[[J:.*]] = arith.subi %[[LAST]], %[[I]] : index
// CHECK:   tensor.extract_slice %arg0[%[[J]]] [1] [1]
// CHECK:   tensor.insert_slice %{{.*}} into %{{.*}}[%[[J]]] [1] [1]
func.func @reverse(%x: tensor<4xf32>) -> tensor<4xf32> {
  %z = array.scan reverse () over (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<f32>):
    array.yield %a : tensor<f32>
  }
  return %z : tensor<4xf32>
}
