// RUN: stepwell-opt %s | stepwell-opt | FileCheck %s
// RUN: stepwell-opt %s -mlir-print-op-generic | stepwell-opt | FileCheck %s

// CHECK-LABEL: @elementwise
func.func @elementwise(%a: tensor<?x4xf32>, %b: tensor<1x4xf32>, %c: tensor<3xui8>, %d: tensor<2xi1>) {
  // CHECK: array.add %{{.*}}, %{{.*}} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
  %0 = array.add %a, %b : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
  // CHECK: array.mul %{{.*}} : (tensor<3xui8>, tensor<3xui8>) -> tensor<3xui8>
  %1 = array.mul %c, %c : (tensor<3xui8>, tensor<3xui8>) -> tensor<3xui8>
  // CHECK: array.exp %{{.*}} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = array.exp %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: array.lt %{{.*}} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x4xi1>
  %3 = array.lt %a, %b : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x4xi1>
  // CHECK: array.add %{{.*}} : (tensor<2xi1>, tensor<2xi1>) -> tensor<2xi1>
  %4 = array.add %d, %d : (tensor<2xi1>, tensor<2xi1>) -> tensor<2xi1>
  // CHECK: array.cast %{{.*}} {dtype = bf16} : (tensor<2xi1>) -> tensor<2xbf16>
  %5 = array.cast %d {dtype = bf16} : (tensor<2xi1>) -> tensor<2xbf16>
  return
}

// CHECK-LABEL: @structure
func.func @structure(%a: tensor<2x?x4xf32>, %b: tensor<?xf32>) {
  // CHECK: array.transpose %{{.*}} {permutation = array<i64: 2, 0, 1>} : (tensor<2x?x4xf32>) -> tensor<4x2x?xf32>
  %0 = array.transpose %a {permutation = array<i64: 2, 0, 1>} : (tensor<2x?x4xf32>) -> tensor<4x2x?xf32>
  // CHECK: array.broadcast_like %{{.*}} {dims = array<i64: 0, 2>, keepdim = false} : (tensor<?xf32>, tensor<2x?x4xf32>) -> tensor<2x?x4xf32>
  %1 = array.broadcast_like %b, %a {dims = array<i64: 0, 2>, keepdim = false} : (tensor<?xf32>, tensor<2x?x4xf32>) -> tensor<2x?x4xf32>
  // CHECK: array.constant dense<[true, false]> : tensor<2xi1>
  %2 = array.constant dense<[true, false]> : tensor<2xi1>
  // CHECK: array.constant dense<255> : tensor<2xui8>
  %3 = array.constant dense<255> : tensor<2xui8>
  return
}

// CHECK-LABEL: @reductions_and_contractions
func.func @reductions_and_contractions(%a: tensor<2x?x4xf32>, %b: tensor<4x5xf32>) {
  // CHECK: array.sum %{{.*}} {dims = array<i64: 0, 2>} : (tensor<2x?x4xf32>) -> tensor<?xf32>
  %0 = array.sum %a {dims = array<i64: 0, 2>} : (tensor<2x?x4xf32>) -> tensor<?xf32>
  // CHECK: array.sum %{{.*}} {dims = array<i64: 1>, keepdim = true} : (tensor<2x?x4xf32>) -> tensor<2x1x4xf32>
  %1 = array.sum %a {dims = array<i64: 1>, keepdim = true} : (tensor<2x?x4xf32>) -> tensor<2x1x4xf32>
  // CHECK: array.matmul %{{.*}} : (tensor<2x?x4xf32>, tensor<4x5xf32>) -> tensor<2x?x5xf32>
  %2 = array.matmul %a, %b : (tensor<2x?x4xf32>, tensor<4x5xf32>) -> tensor<2x?x5xf32>
  // A result may know less than its operands tell.
  // CHECK: array.matmul %{{.*}} -> tensor<?x?x?xf32>
  %3 = array.matmul %a, %b : (tensor<2x?x4xf32>, tensor<4x5xf32>) -> tensor<?x?x?xf32>
  return
}

// CHECK-LABEL: @arithmetic
func.func @arithmetic(%a: tensor<?xi32>, %b: tensor<?xf32>, %c: tensor<?xi1>) {
  // CHECK: array.floor_divide %{{.*}} : (tensor<?xi32>, tensor<?xi32>) -> tensor<?xi32>
  %0 = array.floor_divide %a, %a : (tensor<?xi32>, tensor<?xi32>) -> tensor<?xi32>
  // CHECK: array.left_shift %{{.*}} : (tensor<?xi32>, tensor<?xi32>) -> tensor<?xi32>
  %1 = array.left_shift %a, %a : (tensor<?xi32>, tensor<?xi32>) -> tensor<?xi32>
  // CHECK: array.where %{{.*}} : (tensor<?xi1>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %2 = array.where %c, %b, %b : (tensor<?xi1>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  // CHECK: array.clamp %{{.*}} : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %3 = array.clamp %b, %b, %b : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  // CHECK: array.isnan %{{.*}} : (tensor<?xf32>) -> tensor<?xi1>
  %4 = array.isnan %b : (tensor<?xf32>) -> tensor<?xi1>
  // CHECK: array.logical_and %{{.*}} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xi1>
  %5 = array.logical_and %b, %b : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xi1>
  return
}
