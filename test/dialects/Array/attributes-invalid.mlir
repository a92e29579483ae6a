// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s -split-input-file -verify-diagnostics

func.func @misspelt(%x: tensor<2x3xf32>) -> tensor<2xf32> {
  // expected-error @+1 {{'array.sum' op has no attribute 'keepdims'; there are dims, keepdim}}
  %0 = array.sum %x {dims = array<i64: 1>, keepdims = true} : (tensor<2x3xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

func.func @misspelt_in_generic_form(%x: tensor<2x3xf32>) -> tensor<2xf32> {
  // expected-error @+1 {{'array.sum' op has no attribute 'keepdims'; there are dims, keepdim}}
  %0 = "array.sum"(%x) {dims = array<i64: 1>, keepdims = true} : (tensor<2x3xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

func.func @misspelt_property(%x: tensor<2x3xf32>) -> tensor<2xf32> {
  // expected-error @+1 {{'array.sum' op has no attribute 'keepdims'; there are dims, keepdim}}
  %0 = "array.sum"(%x) <{dims = array<i64: 1>, keepdims = true}> : (tensor<2x3xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

func.func @no_attributes_at_all(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @+1 {{'array.exp' op has no attribute 'fast'}}
  %0 = array.exp %x {fast} : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// Other dialects' attributes may be there.
func.func @discardable(%x: tensor<2x3xf32>) -> tensor<2xf32> {
  %0 = array.sum %x {dims = array<i64: 1>, stepwell.note = "kept"} : (tensor<2x3xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
