// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --split-input-file --stepwell-tidy-program | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK:         %[[EXP:.*]] = array.exp
// CHECK-NEXT:    array.add %[[EXP]], %[[EXP]]
func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = array.exp %x : (tensor<?xf32>) -> tensor<?xf32>
  %1 = array.exp %x : (tensor<?xf32>) -> tensor<?xf32>
  %2 = array.add %0, %1 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %2 : tensor<?xf32>
}

// -----

// One operation is left alone, even where nobody uses it.

// CHECK-LABEL: func.func @main
// CHECK:         array.exp
func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = array.exp %x : (tensor<?xf32>) -> tensor<?xf32>
  return %x : tensor<?xf32>
}
