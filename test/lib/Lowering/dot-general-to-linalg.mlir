// RUN: stepwell-opt %s -split-input-file -convert-array-to-linalg -canonicalize -cse | FileCheck %s

// Nothing is transposed: the maps say where each loop reads. Loops: batch, m, n, k.
// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2, d3) -> (d3, d0, d1)>
// CHECK-DAG: #[[Y:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>
// CHECK-DAG: #[[Z:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
// CHECK-LABEL: @any_order
// CHECK-SAME: (%[[A:.*]]: tensor<?x?x?xf32>, %[[B:.*]]: tensor<?x?x?xf32>)
// CHECK-NOT: collapse_shape
// CHECK: linalg.generic {indexing_maps = [#[[X]], #[[Y]], #[[Z]]], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%[[A]], %[[B]] :
// CHECK: arith.mulf
// CHECK: arith.addf
func.func @any_order(%a: tensor<?x?x?xf32>, %b: tensor<?x?x?xf32>) -> tensor<?x?x?xf32> {
  %0 = array.dot_general %a, %b {input_batch = array<i64: 1>, other_batch = array<i64: 0>, input_contract = array<i64: 0>, other_contract = array<i64: 2>} : (tensor<?x?x?xf32>, tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  return %0 : tensor<?x?x?xf32>
}

// -----

// Dimensions that lie side by side become one: of those summed over, and of free ones of which all sizes but one are
// known. bf16 accumulates in f32.
// CHECK-LABEL: @merged
// CHECK: %[[A:.*]] = tensor.collapse_shape %{{.*}} {{\[}}[0, 1], [2, 3]{{\]}} : tensor<2x?x?x?xbf16> into tensor<?x?xbf16>
// CHECK: %[[B:.*]] = tensor.collapse_shape %{{.*}} {{\[}}[0, 1], [2]{{\]}} : tensor<?x?x5xbf16> into tensor<?x5xbf16>
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[A]], %[[B]] : {{.*}}) outs(%{{.*}} : tensor<?x5xf32>)
// CHECK: arith.truncf
// CHECK: tensor.expand_shape %{{.*}} {{\[}}[0, 1], [2]{{\]}} output_shape [2, %{{.*}}, 5] : tensor<?x5xbf16> into tensor<2x?x5xbf16>
func.func @merged(%a: tensor<2x?x?x?xbf16>, %b: tensor<?x?x5xbf16>) -> tensor<2x?x5xbf16> {
  %0 = array.dot_general %a, %b {input_batch = array<i64>, other_batch = array<i64>, input_contract = array<i64: 3, 2>, other_contract = array<i64: 1, 0>} : (tensor<2x?x?x?xbf16>, tensor<?x?x5xbf16>) -> tensor<2x?x5xbf16>
  return %0 : tensor<2x?x5xbf16>
}

// -----

// Several sizes to be found out stay several loops, and so do dimensions whose order differs.
// CHECK-LABEL: @apart
// CHECK-NOT: collapse_shape
// CHECK: iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]
// CHECK-NOT: expand_shape
func.func @apart(%a: tensor<?x?x4x5xf32>, %b: tensor<5x4x3xf32>) -> tensor<?x?x3xf32> {
  %0 = array.dot_general %a, %b {input_batch = array<i64>, other_batch = array<i64>, input_contract = array<i64: 2, 3>, other_contract = array<i64: 1, 0>} : (tensor<?x?x4x5xf32>, tensor<5x4x3xf32>) -> tensor<?x?x3xf32>
  return %0 : tensor<?x?x3xf32>
}

// -----

// Nothing to sum over.
// CHECK-LABEL: @outer
// CHECK-NOT: linalg.fill
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]}
// CHECK: arith.muli
// CHECK-NEXT: linalg.yield
func.func @outer(%a: tensor<3xi32>, %b: tensor<?xi32>) -> tensor<3x?xi32> {
  %0 = array.dot_general %a, %b {input_batch = array<i64>, other_batch = array<i64>, input_contract = array<i64>, other_contract = array<i64>} : (tensor<3xi32>, tensor<?xi32>) -> tensor<3x?xi32>
  return %0 : tensor<3x?xi32>
}
