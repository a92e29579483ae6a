// RUN: stepwell-opt %s -split-input-file -convert-array-to-linalg -canonicalize -cse | FileCheck %s

// A static 1 broadcasts by its map, sizes come from the operand that has them.
// CHECK-DAG: #[[ID:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[ROW:.*]] = affine_map<(d0, d1) -> (0, d1)>
// CHECK-LABEL: @broadcast
// CHECK-SAME: (%[[X:.*]]: tensor<1x?xf32>, %[[Y:.*]]: tensor<?x?xf32>)
// CHECK-DAG: %[[M:.*]] = tensor.dim %[[Y]], %c0
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[X]], %c1
// CHECK: tensor.empty(%[[M]], %[[N]])
// CHECK: linalg.generic {indexing_maps = [#[[ROW]], #[[ID]], #[[ID]]]
// CHECK: arith.addf
func.func @broadcast(%x: tensor<1x?xf32>, %y: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = array.add %x, %y : (tensor<1x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// bf16 computes in f32 and rounds once per operation.
// CHECK-LABEL: @bf16
// CHECK: ^bb0(%[[A:.*]]: bf16, %[[B:.*]]: bf16, %{{.*}}: bf16):
// CHECK: %[[WA:.*]] = arith.extf %[[A]] : bf16 to f32
// CHECK: %[[WB:.*]] = arith.extf %[[B]] : bf16 to f32
// CHECK: %[[S:.*]] = arith.addf %[[WA]], %[[WB]] : f32
// CHECK: %[[R:.*]] = arith.truncf %[[S]] : f32 to bf16
// CHECK: linalg.yield %[[R]] : bf16
func.func @bf16(%x: tensor<?xbf16>, %y: tensor<?xbf16>) -> tensor<?xbf16> {
  %0 = array.add %x, %y : (tensor<?xbf16>, tensor<?xbf16>) -> tensor<?xbf16>
  return %0 : tensor<?xbf16>
}

// -----

// bool is one byte, 0 or 1, between operations; ui8 loses its sign there and is compared unsigned.
// CHECK-LABEL: @bool
// CHECK-SAME: tensor<?xi8>, %{{.*}}: tensor<?xi8>, %{{.*}}: tensor<?xi8>) -> tensor<?xi8>
// CHECK: %[[LT:.*]] = arith.cmpi ult
// CHECK: arith.extui %[[LT]] : i1 to i8
// CHECK: %[[BIT:.*]] = arith.cmpi ne
// CHECK: arith.ori %{{.*}} : i1
func.func @bool(%x: tensor<?xui8>, %y: tensor<?xui8>, %z: tensor<?xi1>) -> tensor<?xi1> {
  %0 = array.lt %x, %y : (tensor<?xui8>, tensor<?xui8>) -> tensor<?xi1>
  %1 = array.add %0, %z : (tensor<?xi1>, tensor<?xi1>) -> tensor<?xi1>
  return %1 : tensor<?xi1>
}

// -----

// A cast starts from what is stored.
// CHECK-LABEL: @cast
// CHECK: arith.extf %{{.*}} : f16 to f64
func.func @cast(%x: tensor<?xf16>) -> tensor<?xf64> {
  %0 = array.cast %x {dtype = f64} : (tensor<?xf16>) -> tensor<?xf64>
  return %0 : tensor<?xf64>
}

// -----

// CHECK-LABEL: @constant
// CHECK: arith.constant dense<[1, 0]> : tensor<2xi8>
func.func @constant() -> tensor<2xi1> {
  %0 = array.constant dense<[true, false]> : tensor<2xi1>
  return %0 : tensor<2xi1>
}

// -----

// CHECK-DAG: #[[TO:.*]] = affine_map<(d0, d1, d2) -> (d1, d2, d0)>
// CHECK-LABEL: @transpose
// CHECK-DAG: %[[C2:.*]] = arith.constant 2 : index
// CHECK: tensor.dim %{{.*}}, %[[C2]]
// CHECK: tensor.empty(%{{.*}}) : tensor<?x2x3xf32>
// CHECK: linalg.generic {indexing_maps = [#[[TO]], #{{.*}}]
func.func @transpose(%x: tensor<2x3x?xf32>) -> tensor<?x2x3xf32> {
  %0 = array.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x?xf32>) -> tensor<?x2x3xf32>
  return %0 : tensor<?x2x3xf32>
}

// -----

// Of `like` only the sizes are read.
// CHECK-DAG: #[[COLUMN:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-LABEL: @broadcast_like
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>, %[[LIKE:.*]]: tensor<?x?xf32>)
// CHECK-COUNT-2: tensor.dim %[[LIKE]]
// CHECK: linalg.generic {indexing_maps = [#[[COLUMN]], #{{.*}}]{{.*}} ins(%[[X]] : tensor<?xf32>)
func.func @broadcast_like(%x: tensor<?xf32>, %like: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = array.broadcast_like %x, %like {dims = array<i64: 1>, keepdim = false} : (tensor<?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// f16 accumulates in f32 and is rounded at the end.
// CHECK-LABEL: @sum
// CHECK: %[[INIT:.*]] = linalg.fill {{.*}} -> tensor<?xf32>
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "reduction"]{{.*}} outs(%[[INIT]] : tensor<?xf32>)
// CHECK: arith.addf %{{.*}} : f32
// CHECK: arith.truncf %{{.*}} : f32 to f16
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0, 1]] output_shape [%{{.*}}, 1] : tensor<?xf16> into tensor<?x1xf16>
func.func @sum(%x: tensor<?x?xf16>) -> tensor<?x1xf16> {
  %0 = array.sum %x {dims = array<i64: 1>, keepdim = true} : (tensor<?x?xf16>) -> tensor<?x1xf16>
  return %0 : tensor<?x1xf16>
}

// -----

// CHECK-LABEL: @matmul
// CHECK: %[[ZERO:.*]] = linalg.fill
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%{{.*}}) outs(%[[ZERO]] : tensor<?x?xf32>)
func.func @matmul(%x: tensor<?x?xf32>, %y: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = array.matmul %x, %y : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// CHECK-LABEL: @batch_matmul
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
func.func @batch_matmul(%x: tensor<?x?x?xf32>, %y: tensor<?x?x?xf32>) -> tensor<?x?x?xf32> {
  %0 = array.matmul %x, %y : (tensor<?x?x?xf32>, tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  return %0 : tensor<?x?x?xf32>
}

// -----

// One matrix for all of the batch.
// CHECK-DAG: #[[ONE:.*]] = affine_map<(d0, d1, d2, d3) -> (d3, d2)>
// CHECK-LABEL: @matmul_broadcast
// CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[ONE]], #{{.*}}], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
func.func @matmul_broadcast(%x: tensor<?x?x?xf32>, %y: tensor<?x?xf32>) -> tensor<?x?x?xf32> {
  %0 = array.matmul %x, %y : (tensor<?x?x?xf32>, tensor<?x?xf32>) -> tensor<?x?x?xf32>
  return %0 : tensor<?x?x?xf32>
}

// -----

// An integer divisor is looked at before, unless the result has no elements.
// CHECK-LABEL: @divided
// CHECK-SAME: (%[[X:.*]]: tensor<?xi32>, %[[Y:.*]]: tensor<1xi32>)
// CHECK: linalg.generic {{.*}}iterator_types = ["reduction"]} ins(%[[Y]]
// CHECK: %[[IS:.*]] = arith.cmpi eq
// CHECK: %[[ONE:.*]] = arith.extui %[[IS]] : i1 to i8
// CHECK: arith.ori %{{.*}}, %[[ONE]] : i8
// CHECK: %[[FOUND:.*]] = arith.cmpi ne
// CHECK: %[[SOME:.*]] = arith.cmpi ne, %{{.*}}, %c0 : index
// CHECK: %[[BAD:.*]] = arith.andi %[[FOUND]], %[[SOME]] : i1
// CHECK: call @stepwell.check_divisor(%[[BAD]])
func.func @divided(%x: tensor<?xi32>, %y: tensor<1xi32>) -> tensor<?xi32> {
  %0 = array.remainder %x, %y : (tensor<?xi32>, tensor<1xi32>) -> tensor<?xi32>
  return %0 : tensor<?xi32>
}

// -----

// CHECK-LABEL: @float_divided
// CHECK-NOT: check_divisor
func.func @float_divided(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %0 = array.floor_divide %x, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// A float becomes a short integer by i32, or 0 where that does not hold it.
// CHECK-LABEL: @truncated
// CHECK-DAG: %[[LOW:.*]] = arith.constant -2.14748365E+9 : f32
// CHECK-DAG: %[[HIGH:.*]] = arith.constant 2.14748365E+9 : f32
// CHECK: ^bb0(%[[A:.*]]: f32, %{{.*}}: i16):
// CHECK: %[[ABOVE:.*]] = arith.cmpf oge, %[[A]], %[[LOW]]
// CHECK: %[[BELOW:.*]] = arith.cmpf olt, %[[A]], %[[HIGH]]
// CHECK: %[[IN:.*]] = arith.andi %[[ABOVE]], %[[BELOW]]
// CHECK: %[[SAFE:.*]] = arith.select %[[IN]], %[[A]]
// CHECK: %[[WIDE:.*]] = arith.fptosi %[[SAFE]] : f32 to i32
// CHECK: %[[R:.*]] = arith.trunci %[[WIDE]] : i32 to i16
// CHECK: linalg.yield %[[R]] : i16
func.func @truncated(%x: tensor<?xf32>) -> tensor<?xi16> {
  %0 = array.cast %x {dtype = i16} : (tensor<?xf32>) -> tensor<?xi16>
  return %0 : tensor<?xi16>
}
