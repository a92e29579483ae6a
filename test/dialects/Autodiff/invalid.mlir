// RUN: stepwell-opt %s -split-input-file -verify-diagnostics

func.func @count(%x: tensor<f32>) {
  // expected-error @+1 {{has 1 operands, expected 3: 1 inputs, 1 results of the body and 1 cotangents}}
  %0 = "autodiff.vjp"(%x) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<f32>):
    autodiff.yield %a : tensor<f32>
  }) : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @wrt(%x: tensor<f32>) {
  // expected-error @+1 {{'wrt' lists 1, but the body has 1 inputs}}
  %0 = "autodiff.vjp"(%x, %x, %x) <{cotangents = array<i64: 0>, wrt = array<i64: 1>}> ({
  ^bb0(%a: tensor<f32>):
    autodiff.yield %a : tensor<f32>
  }) : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @cotangents_ascend(%x: tensor<f32>) {
  // expected-error @+1 {{'cotangents' must ascend}}
  %0 = "autodiff.vjp"(%x, %x, %x, %x) <{cotangents = array<i64: 0, 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<f32>):
    autodiff.yield %a : tensor<f32>
  }) : (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @cotangent_type(%x: tensor<f32>, %g: tensor<2xf32>) {
  // expected-error @+1 {{cotangent 0 has type 'tensor<2xf32>', expected 'tensor<f32>'}}
  %0 = "autodiff.vjp"(%x, %x, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<f32>):
    autodiff.yield %a : tensor<f32>
  }) : (tensor<f32>, tensor<f32>, tensor<2xf32>) -> tensor<f32>
  return
}

// -----

func.func @gradients(%x: tensor<f32>) {
  // expected-error @+1 {{has 2 results, expected one for each of the 1 inputs in 'wrt'}}
  %0:2 = "autodiff.vjp"(%x, %x, %x) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<f32>):
    autodiff.yield %a : tensor<f32>
  }) : (tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return
}
