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

// 0 + -0 is 0: only -0 changes nothing.
// CHECK-LABEL: @sums
// CHECK-SAME: (%[[A:.*]]: tensor<?xf32>, %[[I:.*]]: tensor<?xi32>)
// CHECK-NEXT: %[[ZERO:.*]] = array.constant dense<0.000000e+00> : tensor<f32>
// CHECK-NEXT: %[[MINUS:.*]] = array.constant dense<-0.000000e+00> : tensor<f32>
// CHECK-NEXT: %[[SUM:.*]] = array.add %[[A]], %[[ZERO]]
// CHECK-NEXT: %[[DIFFERENCE:.*]] = array.sub %[[A]], %[[MINUS]] : (tensor<?xf32>, tensor<f32>)
// CHECK-NEXT: return %[[SUM]], %[[A]], %[[A]], %[[DIFFERENCE]], %[[I]], %[[I]]
func.func @sums(%a: tensor<?xf32>, %i: tensor<?xi32>)
    -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xi32>, tensor<?xi32>) {
  %zero = array.constant dense<0.0> : tensor<f32>
  %minus = array.constant dense<-0.0> : tensor<f32>
  %none = array.constant dense<0> : tensor<i32>
  %0 = array.add %a, %zero : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %1 = array.add %minus, %a : (tensor<f32>, tensor<?xf32>) -> tensor<?xf32>
  %2 = array.sub %a, %zero : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %3 = array.sub %a, %minus : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %4 = array.add %none, %i : (tensor<i32>, tensor<?xi32>) -> tensor<?xi32>
  %5 = array.sub %i, %none : (tensor<?xi32>, tensor<i32>) -> tensor<?xi32>
  return %0, %1, %2, %3, %4, %5 : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xi32>, tensor<?xi32>
}

// CHECK-LABEL: @products
// CHECK-SAME: (%[[A:.*]]: tensor<?xbf16>)
// CHECK-NEXT: return %[[A]], %[[A]], %[[A]]
func.func @products(%a: tensor<?xbf16>) -> (tensor<?xbf16>, tensor<?xbf16>, tensor<?xbf16>) {
  %one = array.constant dense<1.0> : tensor<bf16>
  %0 = array.mul %one, %a : (tensor<bf16>, tensor<?xbf16>) -> tensor<?xbf16>
  %1 = array.div %a, %one : (tensor<?xbf16>, tensor<bf16>) -> tensor<?xbf16>
  %2 = array.neg %a : (tensor<?xbf16>) -> tensor<?xbf16>
  %3 = array.neg %2 : (tensor<?xbf16>) -> tensor<?xbf16>
  return %0, %1, %3 : tensor<?xbf16>, tensor<?xbf16>, tensor<?xbf16>
}

// The other operand stretches the input: it is no copy.
// CHECK-LABEL: @stretched
// CHECK: array.mul
func.func @stretched(%a: tensor<1xf32>) -> tensor<4xf32> {
  %ones = array.constant dense<1.0> : tensor<4xf32>
  %0 = array.mul %a, %ones : (tensor<1xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: @magnitude
// CHECK-NEXT: %[[M:.*]] = array.abs %{{.*}}
// CHECK-NEXT: return %[[M]]
func.func @magnitude(%a: tensor<?xf32>) -> tensor<?xf32> {
  %0 = array.abs %a : (tensor<?xf32>) -> tensor<?xf32>
  %1 = array.abs %0 : (tensor<?xf32>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}

// There and back, and further, where nothing is lost on the way.
// CHECK-LABEL: @exact_casts
// CHECK-SAME: (%[[A:.*]]: tensor<?xbf16>, %[[I:.*]]: tensor<?xi8>)
// CHECK-NEXT: %[[F:.*]] = array.cast %[[I]] {dtype = f64}
// CHECK-NEXT: return %[[A]], %[[F]]
func.func @exact_casts(%a: tensor<?xbf16>, %i: tensor<?xi8>) -> (tensor<?xbf16>, tensor<?xf64>) {
  %0 = array.cast %a {dtype = f32} : (tensor<?xbf16>) -> tensor<?xf32>
  %1 = array.cast %0 {dtype = bf16} : (tensor<?xf32>) -> tensor<?xbf16>
  %2 = array.cast %i {dtype = f16} : (tensor<?xi8>) -> tensor<?xf16>
  %3 = array.cast %2 {dtype = f64} : (tensor<?xf16>) -> tensor<?xf64>
  return %1, %3 : tensor<?xbf16>, tensor<?xf64>
}

// bf16 has numbers that f16 has not, -1 is none of uint8, and a float is cut off where it becomes an integer.
// CHECK-LABEL: @lossy_casts
// CHECK-COUNT-6: array.cast
func.func @lossy_casts(%a: tensor<?xbf16>, %i: tensor<?xi8>, %f: tensor<?xf32>) -> (tensor<?xbf16>, tensor<?xi8>, tensor<?xi8>) {
  %0 = array.cast %a {dtype = f16} : (tensor<?xbf16>) -> tensor<?xf16>
  %1 = array.cast %0 {dtype = bf16} : (tensor<?xf16>) -> tensor<?xbf16>
  %2 = array.cast %i {dtype = ui8} : (tensor<?xi8>) -> tensor<?xui8>
  %3 = array.cast %2 {dtype = i8} : (tensor<?xui8>) -> tensor<?xi8>
  %4 = array.cast %f {dtype = f64} : (tensor<?xf32>) -> tensor<?xf64>
  %5 = array.cast %4 {dtype = i8} : (tensor<?xf64>) -> tensor<?xi8>
  return %1, %3, %5 : tensor<?xbf16>, tensor<?xi8>, tensor<?xi8>
}

// CHECK-LABEL: @two_broadcasts
// CHECK-NEXT: array.broadcast %{{.*}} {sizes = array<i64: 2, 3, 4>} : (tensor<4xf32>) -> tensor<2x3x4xf32>
// CHECK-NEXT: return
func.func @two_broadcasts(%a: tensor<4xf32>) -> tensor<2x3x4xf32> {
  %0 = array.broadcast %a {sizes = array<i64: 3, 4>} : (tensor<4xf32>) -> tensor<3x4xf32>
  %1 = array.broadcast %0 {sizes = array<i64: 2, 3, 4>} : (tensor<3x4xf32>) -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}
