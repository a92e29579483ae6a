// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --cpu-lower-contractions="vector-bits=256" | FileCheck %s
// RUN: stepwell-opt %s --cpu-lower-contractions="vector-bits=512" | FileCheck %s --check-prefix=WIDE

// Six rows of two vectors; one micro-kernel for every shape.

// CHECK-LABEL: func.func @matmul
// CHECK-COUNT-12: vector.fma %{{.*}} : vector<8xf32>
// CHECK-NOT:      vector.fma
// CHECK-LABEL: func.func @matrix_vector
// CHECK:         linalg.matmul
// WIDE-LABEL: func.func @matmul
// WIDE-COUNT-28: vector.fma %{{.*}} : vector<16xf32>
// WIDE-NOT:      vector.fma
func.func @matmul(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>) {
  linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  return
}

// A single column has nothing to share: this is a reduction.

func.func @matrix_vector(%a: memref<?x?xf32>, %b: memref<?x1xf32>, %c: memref<?x1xf32>) {
  linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x1xf32>) outs(%c : memref<?x1xf32>)
  return
}
