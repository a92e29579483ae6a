// RUN: stepwell-opt %s -split-input-file -verify-diagnostics

func.func @body_type(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'array.call' op 'body' takes ('tensor<5xf32>'), expected ('tensor<4xf32>')}}
  %y = array.call "f" (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<5xf32>):
    array.yield %a : tensor<5xf32>
  }
  return %y : tensor<4xf32>
}

// -----

func.func @result_type(%x: tensor<4xf32>) -> tensor<5xf32> {
  // expected-error @+1 {{'array.call' op 'body' yields ('tensor<4xf32>'), expected ('tensor<5xf32>')}}
  %y = array.call "f" (%x) : (tensor<4xf32>) -> tensor<5xf32> {
  ^bb0(%a: tensor<4xf32>):
    array.yield %a : tensor<4xf32>
  }
  return %y : tensor<5xf32>
}

// -----

func.func @without_rule(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'array.call' op 'wrt' lists inputs, but there is no 'vjp'}}
  %y = array.call "f" (%x) {wrt = array<i64: 0>} : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    array.yield %a : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}

// -----

func.func @gradients(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'array.call' op 'vjp' yields 2 gradients, expected one for each of the 1 inputs in 'wrt'}}
  %y = array.call "f" (%x) {wrt = array<i64: 0>} : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    array.yield %a : tensor<4xf32>
  } vjp {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>, %g: tensor<4xf32>):
    array.yield %g, %g : tensor<4xf32>, tensor<4xf32>
  }
  return %y : tensor<4xf32>
}

// -----

func.func @gradient_type(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'array.call' op the gradient of input 0 has type 'tensor<4xf64>', expected elements of 'tensor<4xf32>'}}
  %y = array.call "f" (%x) {wrt = array<i64: 0>} : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    array.yield %a : tensor<4xf32>
  } vjp {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>, %g: tensor<4xf32>):
    %c = array.cast %g {dtype = f64} : (tensor<4xf32>) -> tensor<4xf64>
    array.yield %c : tensor<4xf64>
  }
  return %y : tensor<4xf32>
}
