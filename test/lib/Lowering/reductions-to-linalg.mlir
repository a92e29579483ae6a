// RUN: stepwell-opt %s -split-input-file -convert-array-to-linalg -canonicalize -cse | FileCheck %s

// bf16 accumulates in f32 from the neutral element, and is rounded at the end.
// CHECK-LABEL: @prod
// CHECK: %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
// CHECK: %[[FROM:.*]] = linalg.fill ins(%[[ONE]] : f32) outs(%{{.*}} : tensor<?xf32>)
// CHECK: linalg.generic {{{.*}}iterator_types = ["parallel", "reduction"]} {{.*}} outs(%[[FROM]] : tensor<?xf32>)
// CHECK: ^bb0(%[[IN:.*]]: bf16, %[[ACC:.*]]: f32):
// CHECK: %[[W:.*]] = arith.extf %[[IN]] : bf16 to f32
// CHECK: arith.mulf %[[ACC]], %[[W]] : f32
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<?xbf16>)
// CHECK: arith.truncf
func.func @prod(%x: tensor<?x4xbf16>) -> tensor<?xbf16> {
  %0 = array.prod %x {dims = array<i64: 1>} : (tensor<?x4xbf16>) -> tensor<?xbf16>
  return %0 : tensor<?xbf16>
}

// -----

// Starts from -inf; NaN wins; the kept dimension is added behind.
// CHECK-LABEL: @amax
// CHECK: arith.constant 0xFF800000 : f32
// CHECK: %[[M:.*]] = linalg.generic
// CHECK: arith.maximumf
// CHECK: tensor.expand_shape %[[M]] {{.*}} into tensor<?x1xf32>
func.func @amax(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %0 = array.amax %x {dims = array<i64: 1>, keepdim = true} : (tensor<?x4xf32>) -> tensor<?x1xf32>
  return %0 : tensor<?x1xf32>
}

// -----

// ui8 starts from 255 and is compared unsigned.
// CHECK-LABEL: @amin
// CHECK: arith.constant -1 : i8
// CHECK: linalg.generic {{{.*}}iterator_types = ["reduction", "parallel"]}
// CHECK: arith.minui
func.func @amin(%x: tensor<?x4xui8>) -> tensor<4xui8> {
  %0 = array.amin %x {dims = array<i64: 0>} : (tensor<?x4xui8>) -> tensor<4xui8>
  return %0 : tensor<4xui8>
}

// -----

// CHECK-LABEL: @any
// CHECK: %[[NO:.*]] = arith.constant 0 : i8
// CHECK: linalg.fill ins(%[[NO]] : i8)
// CHECK: arith.ori
func.func @any(%x: tensor<?x4xi1>) -> tensor<4xi1> {
  %0 = array.any %x {dims = array<i64: 0>} : (tensor<?x4xi1>) -> tensor<4xi1>
  return %0 : tensor<4xi1>
}

// -----

// The first of equal elements stays; the first NaN beats what is not one.
// CHECK-LABEL: @argmax
// CHECK: %[[R:.*]]:2 = linalg.generic {{.*}} outs(%{{.*}}, %{{.*}} : tensor<?xf32>, tensor<?xi64>)
// CHECK: ^bb0(%[[IN:.*]]: f32, %[[BEST:.*]]: f32, %[[AT:.*]]: i64):
// CHECK: %[[I:.*]] = linalg.index 1
// CHECK: %[[HERE:.*]] = arith.index_cast %[[I]]
// CHECK-DAG: %[[GT:.*]] = arith.cmpf ogt, %[[IN]], %[[BEST]]
// CHECK-DAG: %[[NAN:.*]] = arith.cmpf uno, %[[IN]], %[[IN]]
// CHECK-DAG: %[[NOT:.*]] = arith.cmpf ord, %[[BEST]], %[[BEST]]
// CHECK: %[[FIRST:.*]] = arith.andi %[[NAN]], %[[NOT]]
// CHECK: %[[NEW:.*]] = arith.ori %[[GT]], %[[FIRST]]
// CHECK: arith.select %[[NEW]], %[[IN]], %[[BEST]]
// CHECK: arith.select %[[NEW]], %[[HERE]], %[[AT]]
// CHECK: return %[[R]]#1
func.func @argmax(%x: tensor<?x4xf32>) -> tensor<?xi64> {
  %0 = array.argmax %x {dims = array<i64: 1>} : (tensor<?x4xf32>) -> tensor<?xi64>
  return %0 : tensor<?xi64>
}

// -----

// Sizes alone: no element is read.
// CHECK-LABEL: @count
// CHECK-NOT: linalg
// CHECK: %[[N:.*]] = arith.muli %{{.*}}, %c4
// CHECK: %[[I:.*]] = arith.index_cast %[[N]] : index to i64
// CHECK: %[[F:.*]] = arith.sitofp %[[I]] : i64 to f32
// CHECK: tensor.from_elements %[[F]]
func.func @count(%x: tensor<?x4xf32>) -> tensor<f32> {
  %0 = array.count %x {dims = array<i64: 0, 1>, dtype = f32} : (tensor<?x4xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// bool is 0 or 1, so that all starts from 1.
// CHECK-LABEL: @all
// CHECK: %[[YES:.*]] = arith.constant 1 : i8
// CHECK: linalg.fill ins(%[[YES]] : i8)
// CHECK: arith.minui
func.func @all(%x: tensor<?x4xi1>) -> tensor<4xi1> {
  %0 = array.all %x {dims = array<i64: 0>} : (tensor<?x4xi1>) -> tensor<4xi1>
  return %0 : tensor<4xi1>
}

// -----

// Over several dimensions the position is row-major; integers have no NaN.
// CHECK-LABEL: @argmin
// CHECK: linalg.generic {{{.*}}iterator_types = ["reduction", "reduction"]}
// CHECK: ^bb0(%[[IN:.*]]: i32, %[[BEST:.*]]: i32,
// CHECK: %[[I:.*]] = linalg.index 0
// CHECK: %[[J:.*]] = linalg.index 1
// CHECK: %[[ROW:.*]] = arith.muli %[[I]], %c4
// CHECK: %[[AT:.*]] = arith.addi %[[ROW]], %[[J]]
// CHECK-NOT: cmpf
// CHECK: arith.cmpi slt, %[[IN]], %[[BEST]]
func.func @argmin(%x: tensor<?x4xi32>) -> tensor<i64> {
  %0 = array.argmin %x {dims = array<i64: 0, 1>} : (tensor<?x4xi32>) -> tensor<i64>
  return %0 : tensor<i64>
}
