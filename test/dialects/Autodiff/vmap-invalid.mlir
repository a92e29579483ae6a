// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s -split-input-file -verify-diagnostics -autodiff-fulfil-requests

func.func @none(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error @below {{needs an operand with a batch}}
  %y = "autodiff.vmap"(%x) <{batched = array<i64>}> ({
  ^bb0(%a: tensor<3xf32>):
    autodiff.yield %a : tensor<3xf32>
  }) : (tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// -----

func.func @input(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error @below {{input 0 has type 'tensor<3xf32>', expected a batch of 'tensor<3xf32>'}}
  %y = "autodiff.vmap"(%x) <{batched = array<i64: 0>}> ({
  ^bb0(%a: tensor<3xf32>):
    autodiff.yield %a : tensor<3xf32>
  }) : (tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// -----

func.func @result(%x: tensor<8x3xf32>) -> tensor<3xf32> {
  // expected-error @below {{result 0 has type 'tensor<3xf32>', expected a batch of 'tensor<3xf32>'}}
  %y = "autodiff.vmap"(%x) <{batched = array<i64: 0>}> ({
  ^bb0(%a: tensor<3xf32>):
    autodiff.yield %a : tensor<3xf32>
  }) : (tensor<8x3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// -----

func.func @sizes(%x: tensor<8x3xf32>, %z: tensor<7x3xf32>) -> tensor<8x3xf32> {
  // expected-error @below {{input 1 has a batch of another size}}
  %y = "autodiff.vmap"(%x, %z) <{batched = array<i64: 0, 1>}> ({
  ^bb0(%a: tensor<3xf32>, %b: tensor<3xf32>):
    autodiff.yield %a : tensor<3xf32>
  }) : (tensor<8x3xf32>, tensor<7x3xf32>) -> tensor<8x3xf32>
  return %y : tensor<8x3xf32>
}

// -----

func.func @order(%x: tensor<8x3xf32>) -> tensor<8x3xf32> {
  // expected-error @below {{'batched' lists 1, but the body has 1 inputs}}
  %y = "autodiff.vmap"(%x) <{batched = array<i64: 0, 1>}> ({
  ^bb0(%a: tensor<3xf32>):
    autodiff.yield %a : tensor<3xf32>
  }) : (tensor<8x3xf32>) -> tensor<8x3xf32>
  return %y : tensor<8x3xf32>
}

// -----

func.func @unknown(%x: tensor<8x3xf32>) -> tensor<8x3xf32> {
  %y = "autodiff.vmap"(%x) <{batched = array<i64: 0>}> ({
  ^bb0(%a: tensor<3xf32>):
    // expected-error @below {{cannot be computed for a batch}}
    %b = math.exp %a : tensor<3xf32>
    autodiff.yield %b : tensor<3xf32>
  }) : (tensor<8x3xf32>) -> tensor<8x3xf32>
  return %y : tensor<8x3xf32>
}

// -----

func.func @key(%k: tensor<8xi64>, %x: tensor<3xf32>) -> tensor<8x3xf32> {
  %y = "autodiff.vmap"(%k, %x) <{batched = array<i64: 0>}> ({
  ^bb0(%a: tensor<i64>, %b: tensor<3xf32>):
    // expected-error @below {{has one key and offset for a whole batch}}
    %c = array.random_uniform %a, %a, %b {dtype = f32} : (tensor<i64>, tensor<i64>, tensor<3xf32>) -> tensor<3xf32>
    autodiff.yield %c : tensor<3xf32>
  }) : (tensor<8xi64>, tensor<3xf32>) -> tensor<8x3xf32>
  return %y : tensor<8x3xf32>
}
