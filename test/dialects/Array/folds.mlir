// RUN: stepwell-opt %s -canonicalize | FileCheck %s

// CHECK-LABEL: @nothing_to_do
// CHECK-SAME: (%[[A:.*]]: tensor<?x4xf32>)
// CHECK-NEXT: return %[[A]]
func.func @nothing_to_do(%a: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = array.cast %a {dtype = f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = array.sum %0 {dims = array<i64>} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = array.broadcast_like %1, %a : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %3 = array.transpose %2 {permutation = array<i64: 0, 1>} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %3 : tensor<?x4xf32>
}

// CHECK-LABEL: @two_transposes
// CHECK-NEXT: array.transpose %{{.*}} {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
// CHECK-NEXT: return
func.func @two_transposes(%a: tensor<2x3x4xf32>) -> tensor<4x2x3xf32> {
  %0 = array.transpose %a {permutation = array<i64: 0, 2, 1>} : (tensor<2x3x4xf32>) -> tensor<2x4x3xf32>
  %1 = array.transpose %0 {permutation = array<i64: 1, 0, 2>} : (tensor<2x4x3xf32>) -> tensor<4x2x3xf32>
  return %1 : tensor<4x2x3xf32>
}

// A square broadcast that inserts a dimension has equal types only by chance of rank.
// CHECK-LABEL: @inserted
// CHECK: array.broadcast_like
func.func @inserted(%a: tensor<?xf32>, %b: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = array.broadcast_like %a, %b {dims = array<i64: 1>, keepdim = false} : (tensor<?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// Sizes of the input are those of that very input, so this one stays; a size that is left over is not.
// CHECK-LABEL: @reshaped_by_sizes
// CHECK: array.reshape %{{.*}} {sizes = array<i64: -9223372036854775808>}
// CHECK: %[[S:.*]] = array.reshape %{{.*}} {sizes = array<i64: -1, 1>}
// CHECK: %[[L:.*]] = array.reshape %arg0 {sizes = array<i64: 1, -9223372036854775808>}
// CHECK: return %[[S]], %[[L]]
func.func @reshaped_by_sizes(%a: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<1x?xf32>) {
  %0 = array.reshape %a {sizes = array<i64: -9223372036854775808>} : (tensor<?x4xf32>) -> tensor<?xf32>
  %1 = array.reshape %0 {sizes = array<i64: -1, 1>} : (tensor<?xf32>) -> tensor<?x1xf32>
  %2 = array.reshape %0 {sizes = array<i64: 1, -9223372036854775808>} : (tensor<?xf32>) -> tensor<1x?xf32>
  return %1, %2 : tensor<?x1xf32>, tensor<1x?xf32>
}

// A reshape of a reshape is one; where nothing changes, none is left.
// CHECK-LABEL: @reshaped
// CHECK-SAME: (%[[A:.*]]: tensor<2x6xf32>)
// CHECK-NEXT: %[[R:.*]] = array.reshape %[[A]] {sizes = array<i64: 4, 3>} : (tensor<2x6xf32>) -> tensor<4x3xf32>
// CHECK-NEXT: return %[[R]], %[[A]]
func.func @reshaped(%a: tensor<2x6xf32>) -> (tensor<4x3xf32>, tensor<2x6xf32>) {
  %0 = array.reshape %a {sizes = array<i64: 12>} : (tensor<2x6xf32>) -> tensor<12xf32>
  %1 = array.reshape %0 {sizes = array<i64: 4, 3>} : (tensor<12xf32>) -> tensor<4x3xf32>
  %2 = array.reshape %1 {sizes = array<i64: 2, 6>} : (tensor<4x3xf32>) -> tensor<2x6xf32>
  return %1, %2 : tensor<4x3xf32>, tensor<2x6xf32>
}

// CHECK-LABEL: @to_own_sizes
// CHECK-SAME: (%[[A:.*]]: tensor<2x3xf32>, %{{.*}}: tensor<2x3xi1>)
// CHECK-NEXT: return %[[A]]
func.func @to_own_sizes(%a: tensor<2x3xf32>, %b: tensor<2x3xi1>) -> tensor<2x3xf32> {
  %0 = array.broadcast %a {sizes = array<i64: 2, 3>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = array.reshape_like %0, %b : (tensor<2x3xf32>, tensor<2x3xi1>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// Equal types with two dynamic sizes may be (2, 6) and (3, 4); a broadcast adds a dimension.
// CHECK-LABEL: @other_sizes
// CHECK: array.reshape_like
// CHECK: array.broadcast %
func.func @other_sizes(%a: tensor<?x?xf32>, %b: tensor<?x?xi1>, %c: tensor<3xf32>) -> (tensor<?x?xf32>, tensor<1x3xf32>) {
  %0 = array.reshape_like %a, %b : (tensor<?x?xf32>, tensor<?x?xi1>) -> tensor<?x?xf32>
  %1 = array.broadcast %c {sizes = array<i64: 1, 3>} : (tensor<3xf32>) -> tensor<1x3xf32>
  return %0, %1 : tensor<?x?xf32>, tensor<1x3xf32>
}

// Over no dimension nothing is reduced: the element itself, or its place.
// CHECK-LABEL: @over_nothing
// CHECK-SAME: (%[[A:.*]]: tensor<?x4xf32>, %[[B:.*]]: tensor<i1>)
// CHECK: %[[P:.*]] = array.constant dense<0> : tensor<i64>
// CHECK-NEXT: return %[[A]], %[[A]], %[[A]], %[[A]], %[[B]], %[[B]], %[[P]], %[[P]]
func.func @over_nothing(%a: tensor<?x4xf32>, %b: tensor<i1>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<i1>, tensor<i1>, tensor<i64>, tensor<i64>) {
  %sum = array.sum %a {dims = array<i64>} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %prod = array.prod %a {dims = array<i64>} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %amax = array.amax %a {dims = array<i64>, keepdim = true} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %amin = array.amin %a {dims = array<i64>} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %all = array.all %b {dims = array<i64>} : (tensor<i1>) -> tensor<i1>
  %any = array.any %b {dims = array<i64>, keepdim = true} : (tensor<i1>) -> tensor<i1>
  %argmax = array.argmax %b {dims = array<i64>} : (tensor<i1>) -> tensor<i64>
  %argmin = array.argmin %b {dims = array<i64>} : (tensor<i1>) -> tensor<i64>
  return %sum, %prod, %amax, %amin, %all, %any, %argmax, %argmin : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<i1>, tensor<i1>, tensor<i64>, tensor<i64>
}

// Types that the lowering refuses, and sizes that only the result knows, stay as they are.
// CHECK-LABEL: @not_over_nothing
// CHECK: array.sum
// CHECK: array.prod
// CHECK: array.all
// CHECK: array.any
// CHECK: array.amax
// CHECK: array.argmin
func.func @not_over_nothing(%a: tensor<i1>, %b: tensor<f32>, %c: tensor<?xf32>) -> (tensor<i1>, tensor<i1>, tensor<f32>, tensor<f32>, tensor<3xf32>, tensor<?xi64>) {
  %sum = array.sum %a {dims = array<i64>} : (tensor<i1>) -> tensor<i1>
  %prod = array.prod %a {dims = array<i64>} : (tensor<i1>) -> tensor<i1>
  %all = array.all %b {dims = array<i64>} : (tensor<f32>) -> tensor<f32>
  %any = array.any %b {dims = array<i64>} : (tensor<f32>) -> tensor<f32>
  %amax = array.amax %c {dims = array<i64>} : (tensor<?xf32>) -> tensor<3xf32>
  %argmin = array.argmin %c {dims = array<i64>} : (tensor<?xf32>) -> tensor<?xi64>
  return %sum, %prod, %all, %any, %amax, %argmin : tensor<i1>, tensor<i1>, tensor<f32>, tensor<f32>, tensor<3xf32>, tensor<?xi64>
}

// Slices whose starts and sizes are known are those of attributes.
// CHECK-LABEL: @known_slices
// CHECK: array.slice %{{.*}} {sizes = array<i64: 2>, starts = array<i64: 1>, steps = array<i64: 1>}
// CHECK: array.insert_slice %{{.*}}, %{{.*}} {starts = array<i64: 1>, steps = array<i64: 1>}
// CHECK: array.slice_like
func.func @known_slices(%x: tensor<?xf32>, %p: tensor<2xf32>, %at: tensor<1xi1>, %n: tensor<?xi1>) -> (tensor<2xf32>, tensor<?xf32>, tensor<2xf32>) {
  %0 = array.slice_like %x, %at, %p {steps = array<i64: 1>} : (tensor<?xf32>, tensor<1xi1>, tensor<2xf32>) -> tensor<2xf32>
  %1 = array.insert_slice_at %x, %p, %at {steps = array<i64: 1>} : (tensor<?xf32>, tensor<2xf32>, tensor<1xi1>) -> tensor<?xf32>
  %2 = array.slice_like %x, %n, %p {steps = array<i64: 1>} : (tensor<?xf32>, tensor<?xi1>, tensor<2xf32>) -> tensor<2xf32>
  return %0, %1, %2 : tensor<2xf32>, tensor<?xf32>, tensor<2xf32>
}
