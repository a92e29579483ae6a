// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --stepwell-check-program --split-input-file --verify-diagnostics

// expected-error @below {{a program has one func.func @main}}
module {}

// -----

// expected-error @below {{@main has no body}}
func.func private @main(tensor<4xf32>) -> tensor<4xf32>

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = array.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
// expected-error @below {{a program is @main alone: 'func.func' beside it is not supported; inline it}}
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// Recursion.
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{'func.call' is no operation of a program, which are those of the dialects array and autodiff}}
  %0 = func.call @main(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{'arith.addf' is no operation of a program}}
  %0 = arith.addf %x, %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// expected-error @below {{@main takes and gives tensors of the array dialect, not 'tensor<*xf32>'}}
func.func @main(%x: tensor<*xf32>) {
  return
}

// -----

// expected-error @below {{@main takes and gives tensors of the array dialect, not 'index'}}
func.func @main(%x: index) {
  return
}

// -----

// expected-error @below {{an entry has one block}}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  cf.br ^bb1
^bb1:
  return %x : tensor<4xf32>
}
