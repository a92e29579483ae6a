// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s -convert-array-to-linalg -canonicalize | FileCheck %s

// Down the columns a row of sums goes along, f32 of f16, and is added to as a whole.
// CHECK-LABEL: @columns
// CHECK: tensor.empty(%{{.*}}) : tensor<?xf32>
// CHECK: scf.for
// CHECK: linalg.generic {{{.*}}iterator_types = ["parallel"]} ins(%{{.*}} : tensor<?xf16>) outs(%{{.*}}, %{{.*}} : tensor<?xf16>, tensor<?xf32>)
// CHECK: arith.extf
// CHECK: %[[SUM:.*]] = arith.addf
// CHECK: %[[STORED:.*]] = arith.truncf %[[SUM]]
// CHECK: linalg.yield %[[STORED]], %[[SUM]]
// CHECK: tensor.insert_slice
// CHECK: scf.yield %{{.*}}, %{{.*}} : tensor<?x?xf16>, tensor<?xf32>
func.func @columns(%x: tensor<?x?xf16>) -> tensor<?x?xf16> {
  %0 = array.cumsum %x {dim = 0 : i64} : (tensor<?x?xf16>) -> tensor<?x?xf16>
  return %0 : tensor<?x?xf16>
}

// Along the rows it is one number, and rows run side by side.
// CHECK-LABEL: @rows
// CHECK: scf.forall
// CHECK: scf.for {{.*}} -> (tensor<1x?xf32>, f64)
// CHECK: tensor.parallel_insert_slice
func.func @rows(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = array.cumsum %x {dim = 1 : i64} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// CHECK-LABEL: @cumsum_reverse
// CHECK: scf.for %[[I:.*]] = %c0 to %c4
// CHECK: %[[AT:.*]] = arith.subi %c3, %[[I]]
// CHECK: tensor.extract %{{.*}}[%[[AT]]]
// CHECK: tensor.insert %{{.*}} into %{{.*}}[%[[AT]]]
func.func @cumsum_reverse(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = array.cumsum %x {dim = 0 : i64, reverse = true} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
