// RUN: stepwell-opt %s | stepwell-opt | FileCheck %s
// RUN: stepwell-opt %s -mlir-print-op-generic | stepwell-opt | FileCheck %s

// CHECK-LABEL: @cond
// CHECK: array.cond %{{.*}}(%{{.*}}, %{{.*}}) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
// CHECK: array.yield
// CHECK: } else {
// CHECK: array.yield
func.func @cond(%p: tensor<i1>, %x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %z = array.cond %p(%x, %y) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>):
    %c = array.add %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    array.yield %c : tensor<4xf32>
  } else {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>):
    array.yield %b : tensor<4xf32>
  }
  return %z : tensor<4xf32>
}

// Without inputs, blocks have no arguments.
// CHECK-LABEL: @constants
// CHECK: array.cond %{{.*}}() : () -> tensor<f32> {
func.func @constants(%p: tensor<i1>) -> tensor<f32> {
  %z = array.cond %p() : () -> tensor<f32> {
    %a = array.constant dense<1.0> : tensor<f32>
    array.yield %a : tensor<f32>
  } else {
    %a = array.constant dense<2.0> : tensor<f32>
    array.yield %a : tensor<f32>
  }
  return %z : tensor<f32>
}

// CHECK-LABEL: @while
// CHECK: array.while(%{{.*}}) reading(%{{.*}}) : (tensor<i64>, tensor<i64>) -> tensor<i64> {
// CHECK: } do {
func.func @while(%x: tensor<i64>, %most: tensor<i64>) -> tensor<i64> {
  %z = array.while(%x) reading(%most) : (tensor<i64>, tensor<i64>) -> tensor<i64> {
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

// CHECK-LABEL: @scan
// CHECK: array.scan(%{{.*}}) over(%{{.*}}) reading(%{{.*}}) : (tensor<4xf32>, tensor<?x4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>) {
// CHECK: array.scan reverse() over(%{{.*}}) : (tensor<?x4xf32>) -> tensor<?x4xf32> {
func.func @scan(%h: tensor<4xf32>, %x: tensor<?x4xf32>, %w: tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>) {
  %last, %all = array.scan(%h) over(%x) reading(%w) : (tensor<4xf32>, tensor<?x4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>) {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>, %c: tensor<4xf32>):
    %d = array.mul %a, %c : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %e = array.add %d, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    array.yield %e, %e : tensor<4xf32>, tensor<4xf32>
  }
  %back = array.scan reverse() over(%all) : (tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = array.neg %a : (tensor<4xf32>) -> tensor<4xf32>
    array.yield %b : tensor<4xf32>
  }
  return %last, %back : tensor<4xf32>, tensor<?x4xf32>
}
