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

// One without is differentiated through what it is made of: twice the distance from the mean, and the mean's part.
// CHECK-LABEL: @var
// CHECK-SAME: (%[[X:[^:]*]]: tensor<?x4xf32>, %{{.*}}, %[[G:[^:]*]]: tensor<?xf32>)
// CHECK-NOT: array.var
// CHECK: %[[M:.*]] = array.mean %[[X]] {dims = array<i64: 1>, keepdim = true}
// CHECK: %[[D:.*]] = array.sub %[[X]], %[[M]]
// CHECK: %[[N:.*]] = array.count %[[X]] {dims = array<i64: 1>, dtype = f32}
// CHECK: %[[FREE:.*]] = array.maximum
// CHECK: %[[Q:.*]] = array.div %[[G]], %[[FREE]]
// CHECK: %[[GD:.*]] = array.broadcast_like %[[Q]], %{{.*}} {dims = array<i64: 1>, keepdim = false}
// CHECK: %[[HALF:.*]] = array.mul %[[GD]], %[[D]]
// CHECK: %[[DX:.*]] = array.add %[[HALF]], %[[HALF]]
// CHECK: %[[NEG:.*]] = array.neg %[[DX]]
// CHECK: %[[SUM:.*]] = array.sum %[[NEG]] {dims = array<i64: 1>, keepdim = true}
// CHECK: %[[MEAN:.*]] = array.div %[[SUM]], %[[N]]
// CHECK: %[[WIDE:.*]] = array.broadcast_like %[[MEAN]], %[[X]]
// CHECK: %[[R:.*]] = array.add %[[DX]], %[[WIDE]]
// CHECK-NEXT: return %[[R]]
func.func @var(%x: tensor<?x4xf32>, %y: tensor<?xf32>, %g: tensor<?xf32>) -> tensor<?x4xf32> {
  %d = "autodiff.vjp"(%x, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<?x4xf32>):
    %0 = array.var %a {dims = array<i64: 1>} : (tensor<?x4xf32>) -> tensor<?xf32>
    autodiff.yield %0 : tensor<?xf32>
  }) : (tensor<?x4xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?x4xf32>
  return %d : tensor<?x4xf32>
}
