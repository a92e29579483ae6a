// RUN: stepwell-opt %s -pass-pipeline="builtin.module(convert-array-to-linalg,func.func(stepwell-fuse-elementwise))" | FileCheck %s

// Into the reduction.
// CHECK-LABEL: @reduction
// CHECK: linalg.generic {{.*}}iterator_types = ["reduction"]
// CHECK: math.exp
// CHECK: arith.addf
// CHECK-NOT: linalg.generic
func.func @reduction(%x: tensor<?xf32>) -> tensor<f32> {
  %0 = array.exp %x : (tensor<?xf32>) -> tensor<?xf32>
  %1 = array.sum %0 {dims = array<i64: 0>, keepdim = false} : (tensor<?xf32>) -> tensor<f32>
  return %1 : tensor<f32>
}

// An exponential is not computed again for every row.
// CHECK-LABEL: @costly
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel"]
// CHECK: math.exp
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]
// CHECK: arith.addf
func.func @costly(%x: tensor<?x?xf32>, %row: tensor<?xf32>) -> tensor<?x?xf32> {
  %0 = array.exp %row : (tensor<?xf32>) -> tensor<?xf32>
  %1 = array.add %x, %0 : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}

// A transpose is an index, for everyone who reads it.
// CHECK-LABEL: @moves
// CHECK: linalg.generic
// CHECK-NEXT: ^bb0
// CHECK-NEXT: math.exp
// CHECK: linalg.generic
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.addf
// CHECK-NOT: linalg.generic
func.func @moves(%x: tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?x?xf32>) {
  %0 = array.transpose %x {permutation = array<i64: 1, 0>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = array.exp %0 : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %2 = array.add %0, %x : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1, %2 : tensor<?x?xf32>, tensor<?x?xf32>
}

// -----

// A window reads an element several times: what makes it is not computed several times.
// CHECK-LABEL: @window
// CHECK: linalg.generic
// CHECK: linalg.generic
func.func @window(%x: tensor<8xf32>, %frame: tensor<3xf32>, %out: tensor<6xf32>) -> tensor<6xf32> {
  %empty = tensor.empty() : tensor<8xf32>
  %negative = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%empty : tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %n = arith.negf %a : f32
    linalg.yield %n : f32
  } -> tensor<8xf32>
  %sums = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0 + d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%negative, %frame : tensor<8xf32>, tensor<3xf32>) outs(%out : tensor<6xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %s = arith.addf %c, %a : f32
    linalg.yield %s : f32
  } -> tensor<6xf32>
  return %sums : tensor<6xf32>
}

// Nor for every row where the row has a dimension of size 1 in front.
// CHECK-LABEL: @costly_row
// CHECK: linalg.generic
// CHECK: math.exp
// CHECK: linalg.generic
// CHECK-NOT: math.exp
// CHECK: arith.addf
func.func @costly_row(%x: tensor<?x?xf32>, %row: tensor<1x?xf32>) -> tensor<?x?xf32> {
  %0 = array.exp %row : (tensor<1x?xf32>) -> tensor<1x?xf32>
  %1 = array.add %x, %0 : (tensor<?x?xf32>, tensor<1x?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}

// A difference costs no more than reading it: both consumers compute it.
// CHECK-LABEL: @again
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "reduction"]
// CHECK: arith.subf
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]
// CHECK: arith.subf
// CHECK-NOT: linalg.generic
func.func @again(%x: tensor<?x?xf32>, %m: tensor<?x1xf32>) -> (tensor<?xf32>, tensor<?x?xf32>) {
  %0 = array.sub %x, %m : (tensor<?x?xf32>, tensor<?x1xf32>) -> tensor<?x?xf32>
  %1 = array.sum %0 {dims = array<i64: 1>, keepdim = false} : (tensor<?x?xf32>) -> tensor<?xf32>
  %2 = array.neg %0 : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1, %2 : tensor<?xf32>, tensor<?x?xf32>
}

// A transposed operand of a product is an index, too, but rows that repeat are left: without them it is no product.
// CHECK-LABEL: @product
// CHECK-NOT: linalg.generic
// CHECK: %[[ROWS:.*]] = linalg.generic {{.*}} ins(%{{.*}} : tensor<?xf32>)
// CHECK-NOT: linalg.generic
// CHECK: linalg.generic {indexing_maps = [#{{.*}}, #{{.*}}, #{{.*}}], iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[ROWS]], %arg1
// CHECK-NOT: linalg.generic
func.func @product(%x: tensor<?xf32>, %w: tensor<?x?xf32>, %like: tensor<4x?xf32>) -> tensor<4x?xf32> {
  %0 = array.broadcast_like %x, %like {dims = array<i64: 0>, keepdim = false} : (tensor<?xf32>, tensor<4x?xf32>) -> tensor<4x?xf32>
  %1 = array.transpose %w {permutation = array<i64: 1, 0>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %2 = array.matmul %0, %1 : (tensor<4x?xf32>, tensor<?x?xf32>) -> tensor<4x?xf32>
  return %2 : tensor<4x?xf32>
}

// The gradient of a matrix that a batch shares: one product that sums over the batch as well.
// CHECK-LABEL: @sum_of_products
// CHECK-NOT: linalg.generic
// CHECK: linalg.generic {{.*}} iterator_types = ["reduction", "parallel", "parallel", "reduction"]} ins(%arg0, %arg1 : {{.*}}) outs(%{{.*}} : tensor<?x?xf32>)
// CHECK-NOT: linalg.generic
func.func @sum_of_products(%x: tensor<?x?x?xf32>, %g: tensor<?x?x?xf32>) -> tensor<?x?xf32> {
  %0 = array.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %1 = array.matmul %0, %g : (tensor<?x?x?xf32>, tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %2 = array.sum %1 {dims = array<i64: 0>, keepdim = false} : (tensor<?x?x?xf32>) -> tensor<?x?xf32>
  return %2 : tensor<?x?xf32>
}

// A product that is transposed has its rows and columns the other way round.
// CHECK-LABEL: @transposed_product
// CHECK: linalg.fill {{.*}} outs(%{{.*}} : tensor<5x?xf32>)
// CHECK-NOT: linalg.generic
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%arg0, %arg1 : {{.*}}) outs(%{{.*}} : tensor<5x?xf32>)
// CHECK-NOT: linalg.generic
func.func @transposed_product(%x: tensor<?x?xf32>, %w: tensor<?x5xf32>) -> tensor<5x?xf32> {
  %0 = array.matmul %x, %w : (tensor<?x?xf32>, tensor<?x5xf32>) -> tensor<?x5xf32>
  %1 = array.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<?x5xf32>) -> tensor<5x?xf32>
  return %1 : tensor<5x?xf32>
}

// -----

// What is read twice is computed once, however often.
// CHECK-LABEL: @twice
// CHECK: linalg.generic
// CHECK-COUNT-1: math.exp
// CHECK-NOT: math.exp
// CHECK: arith.addf
// CHECK-NOT: linalg.generic
func.func @twice(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = array.exp %x : (tensor<?xf32>) -> tensor<?xf32>
  %1 = array.mul %0, %0 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %2 = array.sub %1, %0 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %3 = array.mul %2, %2 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %4 = array.add %0, %3 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %4 : tensor<?xf32>
}

// -----

// What is read at two places would be computed twice: it stays.
// CHECK-LABEL: @two_places
// CHECK: linalg.generic
// CHECK: math.exp
// CHECK: linalg.generic
// CHECK-NOT: math.exp
// CHECK: arith.addf
func.func @two_places(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = array.exp %x : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = array.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %2 = array.add %0, %1 : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %2 : tensor<?x?xf32>
}

// -----

// What goes on from the value in its place is done once, and not for each reader.
// CHECK-LABEL: @accumulates
// CHECK: linalg.generic {{.*}}iterator_types = []
// CHECK: arith.mulf
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel"]
func.func @accumulates(%x: tensor<f32>, %start: tensor<f32>) -> tensor<9xf32> {
  %product = linalg.generic {indexing_maps = [affine_map<() -> ()>, affine_map<() -> ()>], iterator_types = []} ins(%x : tensor<f32>) outs(%start : tensor<f32>) {
  ^bb0(%a: f32, %b: f32):
    %m = arith.mulf %b, %a : f32
    linalg.yield %m : f32
  } -> tensor<f32>
  %empty = tensor.empty() : tensor<9xf32>
  %wide = linalg.generic {indexing_maps = [affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%product : tensor<f32>) outs(%empty : tensor<9xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  } -> tensor<9xf32>
  return %wide : tensor<9xf32>
}

// -----

// A sum over the rows and columns of a product of matrices stays one: together they would be three nested sums.
// CHECK-LABEL: @sum_of_product
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: linalg.generic {{.*}}iterator_types = ["reduction", "reduction"]
func.func @sum_of_product(%x: tensor<8x4xf32>, %w: tensor<4x6xf32>) -> tensor<f32> {
  %0 = array.matmul %x, %w : (tensor<8x4xf32>, tensor<4x6xf32>) -> tensor<8x6xf32>
  %1 = array.sum %0 {dims = array<i64: 0, 1>, keepdim = false} : (tensor<8x6xf32>) -> tensor<f32>
  return %1 : tensor<f32>
}

// -----

// Nor does it lose its rows alone.
// CHECK-LABEL: @sum_of_rows
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: linalg.generic {{.*}}iterator_types = ["reduction", "parallel"]
func.func @sum_of_rows(%x: tensor<8x4xf32>, %w: tensor<4x6xf32>) -> tensor<6xf32> {
  %0 = array.matmul %x, %w : (tensor<8x4xf32>, tensor<4x6xf32>) -> tensor<8x6xf32>
  %1 = array.sum %0 {dims = array<i64: 0>, keepdim = false} : (tensor<8x6xf32>) -> tensor<6xf32>
  return %1 : tensor<6xf32>
}

// -----

// A transpose is an index of the product, whatever made what it transposes.
// CHECK-LABEL: @transposed_operand
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]
// CHECK: math.exp
// CHECK: linalg.generic {indexing_maps = [#[[KM:.*]], #[[KN:.*]], #[[MN:.*]]], iterator_types = ["parallel", "parallel", "reduction"]}
// CHECK-NOT: linalg.generic
func.func @transposed_operand(%x: tensor<8x4xf32>, %y: tensor<8x6xf32>) -> tensor<4x6xf32> {
  %0 = array.exp %x : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %1 = array.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %2 = array.matmul %1, %y : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  return %2 : tensor<4x6xf32>
}
