// RUN: stepwell-opt %s -autodiff-fulfil-requests -cse -canonicalize | FileCheck %s

// CHECK-NOT: autodiff

// CHECK-LABEL: @add
// CHECK-SAME: %[[G:[^:]*]]: tensor<?xf32>)
// CHECK-NEXT: return %[[G]], %[[G]]
func.func @add(%x: tensor<?xf32>, %z: tensor<?xf32>, %y: tensor<?xf32>, %g: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %d:2 = "autodiff.vjp"(%x, %z, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0, 1>}> ({
  ^bb0(%a: tensor<?xf32>, %b: tensor<?xf32>):
    %c = array.add %a, %b : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    autodiff.yield %c : tensor<?xf32>
  }) : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>)
  return %d#0, %d#1 : tensor<?xf32>, tensor<?xf32>
}

// Both operands of the product are one value outside, two inputs inside.
// CHECK-LABEL: @mul_same_value
// CHECK-SAME: (%[[X:[^:]*]]: tensor<?xf32>, %{{.*}}, %[[G:[^:]*]]: tensor<?xf32>)
// CHECK-NEXT: %[[D:.*]] = array.mul %[[G]], %[[X]]
// CHECK-NEXT: return %[[D]], %[[D]]
func.func @mul_same_value(%x: tensor<?xf32>, %y: tensor<?xf32>, %g: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %d:2 = "autodiff.vjp"(%x, %x, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0, 1>}> ({
  ^bb0(%a: tensor<?xf32>, %b: tensor<?xf32>):
    %c = array.mul %a, %b : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    autodiff.yield %c : tensor<?xf32>
  }) : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>)
  return %d#0, %d#1 : tensor<?xf32>, tensor<?xf32>
}

// The one input is used twice: two gradients add up.
// CHECK-LABEL: @square
// CHECK-SAME: (%[[X:[^:]*]]: tensor<?xf32>, %{{.*}}, %[[G:[^:]*]]: tensor<?xf32>)
// CHECK-NEXT: %[[D:.*]] = array.mul %[[G]], %[[X]]
// CHECK-NEXT: %[[S:.*]] = array.add %[[D]], %[[D]]
// CHECK-NEXT: return %[[S]]
func.func @square(%x: tensor<?xf32>, %y: tensor<?xf32>, %g: tensor<?xf32>) -> tensor<?xf32> {
  %d = "autodiff.vjp"(%x, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<?xf32>):
    %c = array.mul %a, %a : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    autodiff.yield %c : tensor<?xf32>
  }) : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %d : tensor<?xf32>
}

// exp is not computed again: its value is given.
// CHECK-LABEL: @exp
// CHECK-SAME: (%{{.*}}, %[[Y:[^:]*]]: tensor<?xf32>, %[[G:[^:]*]]: tensor<?xf32>)
// CHECK-NEXT: %[[D:.*]] = array.mul %[[G]], %[[Y]]
// CHECK-NEXT: return %[[D]]
func.func @exp(%x: tensor<?xf32>, %y: tensor<?xf32>, %g: tensor<?xf32>) -> tensor<?xf32> {
  %d = "autodiff.vjp"(%x, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<?xf32>):
    %b = array.exp %a : (tensor<?xf32>) -> tensor<?xf32>
    autodiff.yield %b : tensor<?xf32>
  }) : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %d : tensor<?xf32>
}

// What was broadcast is summed: the missing dimension away, the one of size 1 to 1.
// CHECK-LABEL: @broadcast
// CHECK-SAME: %[[G:[^:]*]]: tensor<?x3x?xf32>)
// CHECK-NEXT: %[[A:.*]] = array.sum %[[G]] {dims = array<i64: 0>} : (tensor<?x3x?xf32>) -> tensor<3x?xf32>
// CHECK-NEXT: %[[B:.*]] = array.sum %[[A]] {dims = array<i64: 1>, keepdim = true} : (tensor<3x?xf32>) -> tensor<3x1xf32>
// CHECK-NEXT: return %[[G]], %[[B]]
func.func @broadcast(%x: tensor<?x3x?xf32>, %z: tensor<3x1xf32>, %y: tensor<?x3x?xf32>, %g: tensor<?x3x?xf32>) -> (tensor<?x3x?xf32>, tensor<3x1xf32>) {
  %d:2 = "autodiff.vjp"(%x, %z, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0, 1>}> ({
  ^bb0(%a: tensor<?x3x?xf32>, %b: tensor<3x1xf32>):
    %c = array.add %a, %b : (tensor<?x3x?xf32>, tensor<3x1xf32>) -> tensor<?x3x?xf32>
    autodiff.yield %c : tensor<?x3x?xf32>
  }) : (tensor<?x3x?xf32>, tensor<3x1xf32>, tensor<?x3x?xf32>, tensor<?x3x?xf32>) -> (tensor<?x3x?xf32>, tensor<3x1xf32>)
  return %d#0, %d#1 : tensor<?x3x?xf32>, tensor<3x1xf32>
}

// CHECK-LABEL: @sum
// CHECK-SAME: (%[[X:[^:]*]]: tensor<?x?xf32>, %{{.*}}, %[[G:[^:]*]]: tensor<?xf32>)
// CHECK-NEXT: %[[D:.*]] = array.broadcast_like %[[G]], %[[X]] {dims = array<i64: 0>, keepdim = false}
// CHECK-NEXT: return %[[D]]
func.func @sum(%x: tensor<?x?xf32>, %y: tensor<?xf32>, %g: tensor<?xf32>) -> tensor<?x?xf32> {
  %d = "autodiff.vjp"(%x, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<?x?xf32>):
    %b = array.sum %a {dims = array<i64: 0>} : (tensor<?x?xf32>) -> tensor<?xf32>
    autodiff.yield %b : tensor<?xf32>
  }) : (tensor<?x?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  return %d : tensor<?x?xf32>
}

// CHECK-LABEL: @broadcast_like
// CHECK-SAME: %[[G:[^:]*]]: tensor<?x?xf32>)
// CHECK-NEXT: %[[D:.*]] = array.sum %[[G]] {dims = array<i64: 0>}
// CHECK-NEXT: return %[[D]]
func.func @broadcast_like(%x: tensor<?xf32>, %like: tensor<?x?xf32>, %y: tensor<?x?xf32>, %g: tensor<?x?xf32>) -> tensor<?xf32> {
  %d = "autodiff.vjp"(%x, %like, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<?xf32>, %b: tensor<?x?xf32>):
    %c = array.broadcast_like %a, %b {dims = array<i64: 0>, keepdim = false} : (tensor<?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
    autodiff.yield %c : tensor<?x?xf32>
  }) : (tensor<?xf32>, tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?xf32>
  return %d : tensor<?xf32>
}

// CHECK-LABEL: @matmul
// CHECK-SAME: (%[[X:[^:]*]]: tensor<?x?xf32>, %[[Z:[^:]*]]: tensor<?x?xf32>, %{{.*}}, %[[G:[^:]*]]: tensor<?x?xf32>)
// CHECK-DAG: %[[ZT:.*]] = array.transpose %[[Z]] {permutation = array<i64: 1, 0>}
// CHECK-DAG: %[[DX:.*]] = array.matmul %[[G]], %[[ZT]]
// CHECK-DAG: %[[XT:.*]] = array.transpose %[[X]] {permutation = array<i64: 1, 0>}
// CHECK-DAG: %[[DZ:.*]] = array.matmul %[[XT]], %[[G]]
// CHECK: return %[[DX]], %[[DZ]]
func.func @matmul(%x: tensor<?x?xf32>, %z: tensor<?x?xf32>, %y: tensor<?x?xf32>, %g: tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?x?xf32>) {
  %d:2 = "autodiff.vjp"(%x, %z, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0, 1>}> ({
  ^bb0(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>):
    %c = array.matmul %a, %b : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
    autodiff.yield %c : tensor<?x?xf32>
  }) : (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?x?xf32>)
  return %d#0, %d#1 : tensor<?x?xf32>, tensor<?x?xf32>
}

// CHECK-LABEL: @transpose
// CHECK-SAME: %[[G:[^:]*]]: tensor<4x2x3xf32>)
// CHECK-NEXT: %[[D:.*]] = array.transpose %[[G]] {permutation = array<i64: 1, 2, 0>} : (tensor<4x2x3xf32>) -> tensor<2x3x4xf32>
// CHECK-NEXT: return %[[D]]
func.func @transpose(%x: tensor<2x3x4xf32>, %y: tensor<4x2x3xf32>, %g: tensor<4x2x3xf32>) -> tensor<2x3x4xf32> {
  %d = "autodiff.vjp"(%x, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<2x3x4xf32>):
    %b = array.transpose %a {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
    autodiff.yield %b : tensor<4x2x3xf32>
  }) : (tensor<2x3x4xf32>, tensor<4x2x3xf32>, tensor<4x2x3xf32>) -> tensor<2x3x4xf32>
  return %d : tensor<2x3x4xf32>
}

// CHECK-LABEL: @cast
// CHECK-SAME: %[[G:[^:]*]]: tensor<?xf64>)
// CHECK-NEXT: %[[D:.*]] = array.cast %[[G]] {dtype = bf16}
// CHECK-NEXT: return %[[D]]
func.func @cast(%x: tensor<?xbf16>, %y: tensor<?xf64>, %g: tensor<?xf64>) -> tensor<?xbf16> {
  %d = "autodiff.vjp"(%x, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<?xbf16>):
    %b = array.cast %a {dtype = f64} : (tensor<?xbf16>) -> tensor<?xf64>
    autodiff.yield %b : tensor<?xf64>
  }) : (tensor<?xbf16>, tensor<?xf64>, tensor<?xf64>) -> tensor<?xbf16>
  return %d : tensor<?xbf16>
}

// Convolution and its two transposes are each other's derivatives; sizes come from the input.
// CHECK-LABEL: @conv2d
// CHECK-SAME: (%[[X:[^:]*]]: tensor<?x2x?x?xf32>, %[[W:[^:]*]]: tensor<4x2x3x3xf32>, %{{.*}}, %[[G:[^:]*]]: tensor<?x4x?x?xf32>)
// CHECK-NEXT: %[[DX:.*]] = array.conv2d_input_gradient %[[G]], %[[W]], %[[X]] {stride = array<i64: 2, 2>}
// CHECK-NEXT: %[[DW:.*]] = array.conv2d_weight_gradient %[[X]], %[[G]], %[[W]] {stride = array<i64: 2, 2>}
// CHECK-NEXT: return %[[DX]], %[[DW]]
func.func @conv2d(%x: tensor<?x2x?x?xf32>, %w: tensor<4x2x3x3xf32>, %y: tensor<?x4x?x?xf32>, %g: tensor<?x4x?x?xf32>) -> (tensor<?x2x?x?xf32>, tensor<4x2x3x3xf32>) {
  %d:2 = "autodiff.vjp"(%x, %w, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0, 1>}> ({
  ^bb0(%a: tensor<?x2x?x?xf32>, %b: tensor<4x2x3x3xf32>):
    %c = array.conv2d %a, %b {stride = array<i64: 2, 2>} : (tensor<?x2x?x?xf32>, tensor<4x2x3x3xf32>) -> tensor<?x4x?x?xf32>
    autodiff.yield %c : tensor<?x4x?x?xf32>
  }) : (tensor<?x2x?x?xf32>, tensor<4x2x3x3xf32>, tensor<?x4x?x?xf32>, tensor<?x4x?x?xf32>) -> (tensor<?x2x?x?xf32>, tensor<4x2x3x3xf32>)
  return %d#0, %d#1 : tensor<?x2x?x?xf32>, tensor<4x2x3x3xf32>
}

// The indices of the forward pass are read, the elements are not.
// CHECK-LABEL: @max_pool2d
// CHECK-SAME: (%[[X:[^:]*]]: tensor<?x2x?x?xf32>, %{{.*}}, %[[I:[^:]*]]: tensor<?x2x?x?xi64>, %[[G:[^:]*]]: tensor<?x2x?x?xf32>)
// CHECK-NEXT: %[[D:.*]] = array.max_pool2d_gradient %[[G]], %[[I]], %[[X]]
// CHECK-NEXT: return %[[D]]
func.func @max_pool2d(%x: tensor<?x2x?x?xf32>, %y: tensor<?x2x?x?xf32>, %i: tensor<?x2x?x?xi64>, %g: tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32> {
  %d = "autodiff.vjp"(%x, %y, %i, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<?x2x?x?xf32>):
    %v, %w = array.max_pool2d %a {kernel_size = array<i64: 2, 2>, stride = array<i64: 2, 2>} : (tensor<?x2x?x?xf32>) -> (tensor<?x2x?x?xf32>, tensor<?x2x?x?xi64>)
    autodiff.yield %v, %w : tensor<?x2x?x?xf32>, tensor<?x2x?x?xi64>
  }) : (tensor<?x2x?x?xf32>, tensor<?x2x?x?xf32>, tensor<?x2x?x?xi64>, tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  return %d : tensor<?x2x?x?xf32>
}

// The cotangent is contracted with the other operand, and turned as the operand lies.
// CHECK-LABEL: @dot_general
// CHECK-SAME: (%[[X:.*]]: tensor<4x2x3xf32>, %[[Y:.*]]: tensor<2x5x4xf32>, %{{.*}}: tensor<2x3x5xf32>, %[[G:.*]]: tensor<2x3x5xf32>)
// CHECK-DAG: %[[DX:.*]] = array.dot_general %[[G]], %[[Y]] {input_batch = array<i64: 0>, input_contract = array<i64: 2>, other_batch = array<i64: 0>, other_contract = array<i64: 1>} : {{.*}} -> tensor<2x3x4xf32>
// CHECK-DAG: %[[TX:.*]] = array.transpose %[[DX]] {permutation = array<i64: 2, 0, 1>}
// CHECK-DAG: %[[DY:.*]] = array.dot_general %[[G]], %[[X]] {input_batch = array<i64: 0>, input_contract = array<i64: 1>, other_batch = array<i64: 1>, other_contract = array<i64: 2>} : {{.*}} -> tensor<2x5x4xf32>
// CHECK: return %[[TX]], %[[DY]]
func.func @dot_general(%x: tensor<4x2x3xf32>, %y: tensor<2x5x4xf32>, %z: tensor<2x3x5xf32>, %g: tensor<2x3x5xf32>) -> (tensor<4x2x3xf32>, tensor<2x5x4xf32>) {
  %d:2 = "autodiff.vjp"(%x, %y, %z, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0, 1>}> ({
  ^bb0(%a: tensor<4x2x3xf32>, %b: tensor<2x5x4xf32>):
    %c = array.dot_general %a, %b {input_batch = array<i64: 1>, other_batch = array<i64: 0>, input_contract = array<i64: 0>, other_contract = array<i64: 2>} : (tensor<4x2x3xf32>, tensor<2x5x4xf32>) -> tensor<2x3x5xf32>
    autodiff.yield %c : tensor<2x3x5xf32>
  }) : (tensor<4x2x3xf32>, tensor<2x5x4xf32>, tensor<2x3x5xf32>, tensor<2x3x5xf32>) -> (tensor<4x2x3xf32>, tensor<2x5x4xf32>)
  return %d#0, %d#1 : tensor<4x2x3xf32>, tensor<2x5x4xf32>
}
