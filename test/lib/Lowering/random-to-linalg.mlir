// RUN: stepwell-opt %s -split-input-file -convert-array-to-linalg -canonicalize -cse | FileCheck %s

// The counter is the offset and the row-major position; ten rounds of two products follow, of which the first has
// one with 0.
// CHECK-LABEL: @bits
// CHECK-SAME: (%[[KEY:.*]]: tensor<i64>, %[[OFFSET:.*]]: tensor<i64>, %[[LIKE:.*]]: tensor<3x?xf32>)
// CHECK: %[[N:.*]] = tensor.dim %[[LIKE]], %c1
// CHECK: linalg.generic {{.*}} ins(%[[KEY]], %[[OFFSET]] : tensor<i64>, tensor<i64>)
// CHECK: ^bb0(%[[K:.*]]: i64, %[[O:.*]]: i64, %{{.*}}: i32):
// CHECK: %[[I:.*]] = linalg.index 0
// CHECK: %[[J:.*]] = linalg.index 1
// CHECK: %[[ROW:.*]] = arith.muli %[[I]], %[[N]]
// CHECK: %[[AT:.*]] = arith.addi %[[ROW]], %[[J]]
// CHECK: %[[POSITION:.*]] = arith.index_cast %[[AT]] : index to i64
// CHECK: arith.addi %[[O]], %[[POSITION]] : i64
// CHECK-COUNT-18: arith.muli {{.*}} : i64
// CHECK: %[[WORD:.*]] = arith.trunci %{{.*}} : i64 to i32
// CHECK: linalg.yield %[[WORD]] : i32
func.func @bits(%k: tensor<i64>, %o: tensor<i64>, %l: tensor<3x?xf32>) -> tensor<3x?xi32> {
  %0 = array.random_bits %k, %o, %l : (tensor<i64>, tensor<i64>, tensor<3x?xf32>) -> tensor<3x?xi32>
  return %0 : tensor<3x?xi32>
}

// -----

// Eight bits of the word, so that bf16 never becomes 1.
// CHECK-LABEL: @narrow
// CHECK-DAG: %[[SCALE:.*]] = arith.constant 3.906250e-03 : f32
// CHECK-DAG: %[[SHIFT:.*]] = arith.constant 24 : i64
// CHECK: %[[UPPER:.*]] = arith.shrui %{{.*}}, %[[SHIFT]] : i64
// CHECK: arith.trunci %[[UPPER]] : i64 to i32
// CHECK: %[[WHOLE:.*]] = arith.sitofp %{{.*}} : i32 to f32
// CHECK: %[[U:.*]] = arith.mulf %[[WHOLE]], %[[SCALE]] : f32
// CHECK: arith.truncf %[[U]] : f32 to bf16
func.func @narrow(%k: tensor<i64>, %o: tensor<i64>, %l: tensor<5xf32>) -> tensor<5xbf16> {
  %0 = array.random_uniform %k, %o, %l {dtype = bf16} : (tensor<i64>, tensor<i64>, tensor<5xf32>) -> tensor<5xbf16>
  return %0 : tensor<5xbf16>
}

// -----

// CHECK-LABEL: @normal
// CHECK: %[[LOG:.*]] = math.log %{{.*}} : f32
// CHECK: %[[SQUARE:.*]] = arith.mulf %[[LOG]], %cst{{.*}} : f32
// CHECK: math.sqrt %[[SQUARE]] : f32
// CHECK-NOT: math.cos
func.func @normal(%k: tensor<i64>, %o: tensor<i64>, %l: tensor<f32>) -> tensor<f32> {
  %0 = array.random_normal %k, %o, %l {dtype = f32} : (tensor<i64>, tensor<i64>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// Halves of 32 bits: no target has to multiply 64 by 64 bits into 128.
// CHECK-LABEL: @integers
// CHECK: ^bb0(%{{.*}}: i64, %{{.*}}: i64, %[[LOW:.*]]: i64, %[[HIGH:.*]]: i64, %{{.*}}: i64):
// CHECK: arith.subi %[[HIGH]], %[[LOW]] : i64
// CHECK: %[[RESULT:.*]] = arith.addi %[[LOW]], %{{.*}} : i64
// CHECK: linalg.yield %[[RESULT]] : i64
func.func @integers(%k: tensor<i64>, %o: tensor<i64>, %a: tensor<i64>, %b: tensor<i64>, %l: tensor<?xi1>) -> tensor<?xi64> {
  %0 = array.random_integers %k, %o, %a, %b, %l : (tensor<i64>, tensor<i64>, tensor<i64>, tensor<i64>, tensor<?xi1>) -> tensor<?xi64>
  return %0 : tensor<?xi64>
}
