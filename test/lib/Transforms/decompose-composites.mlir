// RUN: stepwell-opt %s -stepwell-decompose-composites -cse -canonicalize | FileCheck %s

// CHECK-LABEL: @softmax
// CHECK-SAME: (%[[X:.*]]: tensor<?x?xf32>)
// CHECK-NEXT: %[[M:.*]] = array.amax %[[X]] {dims = array<i64: 1>, empty = true, keepdim = true}
// CHECK-NEXT: %[[D:.*]] = array.sub %[[X]], %[[M]]
// CHECK-NEXT: %[[E:.*]] = array.exp %[[D]]
// CHECK-NEXT: %[[S:.*]] = array.sum %[[E]] {dims = array<i64: 1>, keepdim = true}
// CHECK-NEXT: %[[R:.*]] = array.div %[[E]], %[[S]] : (tensor<?x?xf32>, tensor<?x1xf32>) -> tensor<?x?xf32>
// CHECK-NEXT: return %[[R]]
func.func @softmax(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = array.softmax %x {dim = 1 : i64} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// bf16 is widened once and rounded once.
// CHECK-LABEL: @mean
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xbf16>)
// CHECK-NEXT: %[[W:.*]] = array.cast %[[X]] {dtype = f32}
// CHECK-NEXT: %[[S:.*]] = array.sum %[[W]] {dims = array<i64: 0>}
// CHECK-NEXT: %[[N:.*]] = array.count %[[W]] {dims = array<i64: 0>, dtype = f32}
// CHECK-NEXT: %[[Q:.*]] = array.div %[[S]], %[[N]]
// CHECK-NEXT: %[[R:.*]] = array.cast %[[Q]] {dtype = bf16}
// CHECK-NEXT: return %[[R]]
func.func @mean(%x: tensor<?x4xbf16>) -> tensor<4xbf16> {
  %0 = array.mean %x {dims = array<i64: 0>} : (tensor<?x4xbf16>) -> tensor<4xbf16>
  return %0 : tensor<4xbf16>
}

// A decomposition's own composites, normalize and in it mean, give way too.
// CHECK-LABEL: @layer_norm
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>, %[[W:.*]]: tensor<4xf32>, %[[B:.*]]: tensor<4xf32>)
// CHECK-NEXT: %[[EPS:.*]] = array.constant dense<9.99999974E-6>
// CHECK-NEXT: %[[S:.*]] = array.sum %[[X]] {dims = array<i64: 1>, keepdim = true}
// CHECK-NEXT: %[[N:.*]] = array.count %[[X]] {dims = array<i64: 1>, dtype = f32}
// CHECK-NEXT: %[[M:.*]] = array.div %[[S]], %[[N]]
// CHECK-NEXT: %[[D:.*]] = array.sub %[[X]], %[[M]]
// CHECK-NEXT: %[[DD:.*]] = array.mul %[[D]], %[[D]]
// CHECK-NEXT: %[[SS:.*]] = array.sum %[[DD]] {dims = array<i64: 1>, keepdim = true}
// CHECK-NEXT: %[[NN:.*]] = array.count %[[DD]]
// CHECK-NEXT: %[[V:.*]] = array.div %[[SS]], %[[NN]]
// CHECK-NEXT: %[[VE:.*]] = array.add %[[V]], %[[EPS]]
// CHECK-NEXT: %[[RS:.*]] = array.rsqrt %[[VE]]
// CHECK-NEXT: %[[Y:.*]] = array.mul %[[D]], %[[RS]]
// CHECK-NEXT: %[[YW:.*]] = array.mul %[[Y]], %[[W]]
// CHECK-NEXT: %[[R:.*]] = array.add %[[YW]], %[[B]]
// CHECK-NEXT: return %[[R]]
func.func @layer_norm(%x: tensor<?x4xf32>, %w: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<?x4xf32> {
  %0 = array.layer_norm %x, %w, %b {dims = array<i64: 1>, eps = 1.000000e-05 : f64} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// CHECK-LABEL: @linear
// CHECK-NEXT: %[[T:.*]] = array.transpose %arg1 {permutation = array<i64: 1, 0>}
// CHECK-NEXT: %[[P:.*]] = array.matmul %arg0, %[[T]]
// CHECK-NEXT: array.add %[[P]], %arg2
func.func @linear(%x: tensor<2x?x4xf32>, %w: tensor<5x4xf32>, %b: tensor<5xf32>) -> tensor<2x?x5xf32> {
  %0 = array.linear %x, %w, %b : (tensor<2x?x4xf32>, tensor<5x4xf32>, tensor<5xf32>) -> tensor<2x?x5xf32>
  return %0 : tensor<2x?x5xf32>
}

// An ignored target picks class 0, which always exists, and gives 0.
// CHECK-LABEL: @cross_entropy
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>, %[[T:.*]]: tensor<?xi64>)
// CHECK-DAG: %[[ZERO:.*]] = array.constant dense<0.000000e+00>
// CHECK-DAG: %[[FIRST:.*]] = array.constant dense<0> : tensor<i64>
// CHECK-DAG: %[[NONE:.*]] = array.constant dense<-100> : tensor<i64>
// CHECK: %[[IGNORED:.*]] = array.eq %[[T]], %[[NONE]]
// CHECK-NEXT: %[[INDEX:.*]] = array.where %[[IGNORED]], %[[FIRST]], %[[T]]
// CHECK-NEXT: %[[M:.*]] = array.amax %[[X]] {dims = array<i64: 1>, empty = true, keepdim = true}
// CHECK-NEXT: %[[D:.*]] = array.sub %[[X]], %[[M]]
// CHECK-NEXT: %[[E:.*]] = array.exp %[[D]]
// CHECK-NEXT: %[[S:.*]] = array.sum %[[E]] {dims = array<i64: 1>, keepdim = true}
// CHECK-NEXT: %[[L:.*]] = array.log %[[S]]
// CHECK-NEXT: %[[P:.*]] = array.sub %[[D]], %[[L]]
// CHECK-NEXT: %[[PICKED:.*]] = array.pick %[[P]], %[[INDEX]] {dim = 1 : i64}
// CHECK-NEXT: %[[NEG:.*]] = array.neg %[[PICKED]]
// CHECK-NEXT: %[[R:.*]] = array.where %[[IGNORED]], %[[ZERO]], %[[NEG]]
// CHECK-NEXT: return %[[R]]
func.func @cross_entropy(%x: tensor<?x4xf32>, %t: tensor<?xi64>) -> tensor<?xf32> {
  %0 = array.cross_entropy %x, %t {ignore_index = -100 : i64} : (tensor<?x4xf32>, tensor<?xi64>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
