// RUN: stepwell-opt %s -autodiff-fulfil-requests -cse -canonicalize | FileCheck %s

// CHECK-NOT: autodiff

// A composite with a rule of its own is not taken apart: softmax needs its result alone.
// CHECK-LABEL: @softmax
// CHECK-SAME: (%{{.*}}, %[[Y:[^:]*]]: tensor<?x?xf32>, %[[G:[^:]*]]: tensor<?x?xf32>)
// CHECK-NEXT: %[[GY:.*]] = array.mul %[[G]], %[[Y]]
// CHECK-NEXT: %[[S:.*]] = array.sum %[[GY]] {dims = array<i64: 1>, keepdim = true}
// CHECK-NEXT: %[[D:.*]] = array.sub %[[G]], %[[S]]
// CHECK-NEXT: %[[R:.*]] = array.mul %[[Y]], %[[D]]
// CHECK-NEXT: return %[[R]]
func.func @softmax(%x: tensor<?x?xf32>, %y: tensor<?x?xf32>, %g: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %d = "autodiff.vjp"(%x, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<?x?xf32>):
    %0 = array.softmax %a {dim = 1 : i64} : (tensor<?x?xf32>) -> tensor<?x?xf32>
    autodiff.yield %0 : tensor<?x?xf32>
  }) : (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %d : tensor<?x?xf32>
}

// One without is differentiated through what it is made of: twice the difference, by the number of elements.
// CHECK-LABEL: @mse
// CHECK-SAME: (%[[X:[^:]*]]: tensor<?x4xf32>, %[[T:[^:]*]]: tensor<?x4xf32>, %{{.*}}, %[[G:[^:]*]]: tensor<f32>)
// CHECK-NOT: array.mse_loss
// CHECK: %[[D:.*]] = array.sub %[[X]], %[[T]]
// CHECK: array.count
// CHECK: %[[N:.*]] = array.maximum
// CHECK: %[[Q:.*]] = array.div %[[G]], %[[N]]
// CHECK: %[[GD:.*]] = array.broadcast_like %[[Q]], %{{.*}} {dims = array<i64: 0, 1>, keepdim = false}
// CHECK: %[[HALF:.*]] = array.mul %[[GD]], %[[D]]
// CHECK: %[[R:.*]] = array.add %[[HALF]], %[[HALF]]
// CHECK-NEXT: return %[[R]]
func.func @mse(%x: tensor<?x4xf32>, %t: tensor<?x4xf32>, %y: tensor<f32>, %g: tensor<f32>) -> tensor<?x4xf32> {
  %d = "autodiff.vjp"(%x, %t, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<?x4xf32>, %b: tensor<?x4xf32>):
    %0 = array.mse_loss %a, %b : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<f32>
    autodiff.yield %0 : tensor<f32>
  }) : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<f32>, tensor<f32>) -> tensor<?x4xf32>
  return %d : tensor<?x4xf32>
}
