// RUN: stepwell-opt %s -autodiff-fulfil-requests -cse -canonicalize | FileCheck %s

// CHECK-NOT: autodiff

// The loss of a small network: nothing is differentiated but what leads to the weights.
// CHECK-LABEL: @mlp
// CHECK-SAME: (%[[X:[^:]*]]: tensor<?x8xf32>, %[[W:[^:]*]]: tensor<8x4xf32>, %[[V:[^:]*]]: tensor<4x2xf32>, %{{.*}}, %[[G:[^:]*]]: tensor<f32>)
// CHECK-DAG: %[[H:.*]] = array.matmul %[[X]], %[[W]]
// CHECK-DAG: %[[E:.*]] = array.exp %[[H]]
// CHECK-DAG: %[[O:.*]] = array.matmul %[[E]], %[[V]]
// CHECK: %[[GO:.*]] = array.broadcast_like %[[G]], %[[O]] {dims = array<i64: 0, 1>, keepdim = false}
// CHECK-DAG: %[[VT:.*]] = array.transpose %[[V]]
// CHECK-DAG: %[[GE:.*]] = array.matmul %[[GO]], %[[VT]]
// CHECK-DAG: %[[ET:.*]] = array.transpose %[[E]]
// CHECK-DAG: %[[GV:.*]] = array.matmul %[[ET]], %[[GO]]
// CHECK-DAG: %[[GH:.*]] = array.mul %[[GE]], %[[E]]
// CHECK-DAG: %[[XT:.*]] = array.transpose %[[X]]
// CHECK-DAG: %[[GW:.*]] = array.matmul %[[XT]], %[[GH]]
// CHECK: return %[[GW]], %[[GV]]
func.func @mlp(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>, %v: tensor<4x2xf32>, %loss: tensor<f32>, %g: tensor<f32>) -> (tensor<8x4xf32>, tensor<4x2xf32>) {
  %d:2 = "autodiff.vjp"(%x, %w, %v, %loss, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 1, 2>}> ({
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<8x4xf32>, %c: tensor<4x2xf32>):
    %0 = array.matmul %a, %b : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
    %1 = array.exp %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %2 = array.matmul %1, %c : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
    %3 = array.sum %2 {dims = array<i64: 0, 1>} : (tensor<?x2xf32>) -> tensor<f32>
    autodiff.yield %3 : tensor<f32>
  }) : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<4x2xf32>, tensor<f32>, tensor<f32>) -> (tensor<8x4xf32>, tensor<4x2xf32>)
  return %d#0, %d#1 : tensor<8x4xf32>, tensor<4x2xf32>
}

// The derivative of (x, y, g) -> g * y with respect to g and y, where y is exp(x)'s value: the inner
// request is the function that the outer one differentiates.
// CHECK-LABEL: @second
// CHECK-SAME: (%{{[^:]*}}: tensor<?xf32>, %[[Y:[^:]*]]: tensor<?xf32>, %[[G:[^:]*]]: tensor<?xf32>, %{{.*}}, %[[GG:[^:]*]]: tensor<?xf32>)
// CHECK-DAG: %[[DY:.*]] = array.mul %[[GG]], %[[G]]
// CHECK-DAG: %[[DG:.*]] = array.mul %[[GG]], %[[Y]]
// CHECK: return %[[DY]], %[[DG]]
func.func @second(%x: tensor<?xf32>, %y: tensor<?xf32>, %g: tensor<?xf32>, %dx: tensor<?xf32>, %gg: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %d:2 = "autodiff.vjp"(%x, %y, %g, %dx, %gg) <{cotangents = array<i64: 0>, wrt = array<i64: 1, 2>}> ({
  ^bb0(%a: tensor<?xf32>, %b: tensor<?xf32>, %c: tensor<?xf32>):
    %inner = "autodiff.vjp"(%a, %b, %c) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
    ^bb0(%e: tensor<?xf32>):
      %f = array.exp %e : (tensor<?xf32>) -> tensor<?xf32>
      autodiff.yield %f : tensor<?xf32>
    }) : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    autodiff.yield %inner : tensor<?xf32>
  }) : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>)
  return %d#0, %d#1 : tensor<?xf32>, tensor<?xf32>
}

// A result without cotangent counts as unused: only the exponential is differentiated.
// CHECK-LABEL: @absent_cotangent
// CHECK-SAME: %[[E:[^:]*]]: tensor<?xf32>, %[[G:[^:]*]]: tensor<?xf32>)
// CHECK-NEXT: %[[D:.*]] = array.mul %[[G]], %[[E]]
// CHECK-NEXT: return %[[D]]
func.func @absent_cotangent(%x: tensor<?xf32>, %s: tensor<?xf32>, %e: tensor<?xf32>, %g: tensor<?xf32>) -> tensor<?xf32> {
  %d = "autodiff.vjp"(%x, %s, %e, %g) <{cotangents = array<i64: 1>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<?xf32>):
    %0 = array.add %a, %a : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    %1 = array.exp %a : (tensor<?xf32>) -> tensor<?xf32>
    autodiff.yield %0, %1 : tensor<?xf32>, tensor<?xf32>
  }) : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %d : tensor<?xf32>
}

// Neither a comparison nor an unused input has an influence.
// CHECK-LABEL: @zero
// CHECK-SAME: (%[[X:[^:]*]]: tensor<?xf32>, %[[Z:[^:]*]]: tensor<?x2xf32>,
// CHECK-NEXT: %[[C:.*]] = array.constant dense<0.000000e+00> : tensor<f32>
// CHECK-DAG: %[[DX:.*]] = array.broadcast_like %[[C]], %[[X]] :
// CHECK-DAG: %[[DZ:.*]] = array.broadcast_like %[[C]], %[[Z]] :
// CHECK-NEXT: return %[[DX]], %[[DZ]]
func.func @zero(%x: tensor<?xf32>, %z: tensor<?x2xf32>, %y: tensor<?xf32>, %g: tensor<?xf32>) -> (tensor<?xf32>, tensor<?x2xf32>) {
  %d:2 = "autodiff.vjp"(%x, %z, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0, 1>}> ({
  ^bb0(%a: tensor<?xf32>, %b: tensor<?x2xf32>):
    %0 = array.lt %a, %a : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xi1>
    %1 = array.cast %0 {dtype = f32} : (tensor<?xi1>) -> tensor<?xf32>
    autodiff.yield %1 : tensor<?xf32>
  }) : (tensor<?xf32>, tensor<?x2xf32>, tensor<?xf32>, tensor<?xf32>) -> (tensor<?xf32>, tensor<?x2xf32>)
  return %d#0, %d#1 : tensor<?xf32>, tensor<?x2xf32>
}

// The gradient has the sizes that the operand's type knows, and no others.
// CHECK-LABEL: @known_sizes
// CHECK-SAME: (%[[X:[^:]*]]: tensor<?xf32>, %[[Z:[^:]*]]: tensor<4xf32>, %{{.*}}, %[[G:[^:]*]]: tensor<4xf32>)
// CHECK-DAG: %[[P:.*]] = array.mul %[[G]], %[[Z]]
// CHECK-DAG: %[[DX:.*]] = array.broadcast_like %[[P]], %[[X]] : (tensor<4xf32>, tensor<?xf32>) -> tensor<?xf32>
// CHECK: return %[[DX]]
func.func @known_sizes(%x: tensor<?xf32>, %z: tensor<4xf32>, %y: tensor<4xf32>, %g: tensor<4xf32>) -> tensor<?xf32> {
  %d = "autodiff.vjp"(%x, %z, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<?xf32>, %b: tensor<4xf32>):
    %c = array.mul %a, %b : (tensor<?xf32>, tensor<4xf32>) -> tensor<4xf32>
    autodiff.yield %c : tensor<4xf32>
  }) : (tensor<?xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?xf32>
  return %d : tensor<?xf32>
}

// The caller has the product. What the derivative computes again stands where it is first needed, and of what is read
// for its sizes alone nothing is computed.
// CHECK-LABEL: @residuals
// CHECK-SAME: (%[[X:[^:]*]]: tensor<4x8xf32>, %[[W:[^:]*]]: tensor<8x8xf32>, %[[V:[^:]*]]: tensor<8x8xf32>, %{{[^:]*}}: tensor<f32>, %[[H:[^:]*]]: tensor<4x8xf32>, %[[G:[^:]*]]: tensor<f32>)
// CHECK: %[[LIKE:.*]] = tensor.empty() : tensor<4x8xf32>
// CHECK: %[[GO:.*]] = array.broadcast_like %[[G]], %[[LIKE]]
// CHECK: %[[GE:.*]] = array.matmul %[[GO]],
// CHECK: %[[E:.*]] = array.exp %[[H]]
// CHECK-NEXT: %[[ET:.*]] = array.transpose %[[E]]
// CHECK-NEXT: %[[GV:.*]] = array.matmul %[[ET]], %[[GO]]
// CHECK: %[[GH:.*]] = array.mul %[[GE]], %[[E]]
// CHECK: %[[GW:.*]] = array.matmul %{{.*}}, %[[GH]]
// CHECK-NOT: array.matmul
// CHECK: return %[[GW]], %[[GV]]
func.func @residuals(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>, %v: tensor<8x8xf32>, %loss: tensor<f32>, %h: tensor<4x8xf32>, %g: tensor<f32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %d:2 = "autodiff.vjp"(%x, %w, %v, %loss, %h, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 1, 2>}> ({
  ^bb0(%a: tensor<4x8xf32>, %b: tensor<8x8xf32>, %c: tensor<8x8xf32>):
    %0 = array.matmul %a, %b : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %1 = array.exp %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %2 = array.matmul %1, %c : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %3 = array.sum %2 {dims = array<i64: 0, 1>} : (tensor<4x8xf32>) -> tensor<f32>
    autodiff.yield %3, %0 : tensor<f32>, tensor<4x8xf32>
  }) : (tensor<4x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<f32>, tensor<4x8xf32>, tensor<f32>) -> (tensor<8x8xf32>, tensor<8x8xf32>)
  return %d#0, %d#1 : tensor<8x8xf32>, tensor<8x8xf32>
}
