// RUN: stepwell-opt %s -split-input-file -verify-diagnostics

func.func @truth(%p: tensor<2xi1>, %x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'array.cond' op operand #0 must be a tensor of one truth value, but got 'tensor<2xi1>'}}
  %z = "array.cond"(%p, %x) ({
  ^bb0(%a: tensor<4xf32>):
    array.yield %a : tensor<4xf32>
  }, {
  ^bb0(%a: tensor<4xf32>):
    array.yield %a : tensor<4xf32>
  }) : (tensor<2xi1>, tensor<4xf32>) -> tensor<4xf32>
  return %z : tensor<4xf32>
}

// -----

func.func @other_branch(%p: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'array.cond' op 'else' yields ('tensor<f32>'), expected ('tensor<4xf32>')}}
  %z = array.cond %p (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    array.yield %a : tensor<4xf32>
  } else {
  ^bb0(%a: tensor<4xf32>):
    %b = array.constant dense<1.0> : tensor<f32>
    array.yield %b : tensor<f32>
  }
  return %z : tensor<4xf32>
}

// -----

func.func @inputs(%p: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'array.cond' op 'then' takes (), expected ('tensor<4xf32>')}}
  %z = array.cond %p (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    %b = array.constant dense<1.0> : tensor<4xf32>
    array.yield %b : tensor<4xf32>
  } else {
  ^bb0(%a: tensor<4xf32>):
    array.yield %a : tensor<4xf32>
  }
  return %z : tensor<4xf32>
}

// -----

func.func @nothing(%p: tensor<i1>) {
  // expected-error @+1 {{'array.cond' op has no result}}
  array.cond %p () : () -> () {
    array.yield
  } else {
    array.yield
  }
  return
}

// -----

func.func @outside(%p: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-note @+1 {{required by region isolation constraints}}
  %z = array.cond %p () : () -> tensor<4xf32> {
    // expected-error @+1 {{using value defined outside the region}}
    array.yield %x : tensor<4xf32>
  } else {
    %b = array.constant dense<1.0> : tensor<4xf32>
    array.yield %b : tensor<4xf32>
  }
  return %z : tensor<4xf32>
}

// -----

func.func @never(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'array.while' op 'before' yields ('tensor<4xf32>'), expected ('tensor<i1>')}}
  %z = array.while (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    array.yield %a : tensor<4xf32>
  } do {
  ^bb0(%a: tensor<4xf32>):
    array.yield %a : tensor<4xf32>
  }
  return %z : tensor<4xf32>
}

// -----

func.func @grows(%x: tensor<4xf32>) -> tensor<8xf32> {
  // expected-error @+1 {{'array.while' op result 0 has type 'tensor<8xf32>', but begins as 'tensor<4xf32>'}}
  %z = array.while (%x) : (tensor<4xf32>) -> tensor<8xf32> {
  ^bb0(%a: tensor<4xf32>):
    %c = array.constant dense<false> : tensor<i1>
    array.yield %c : tensor<i1>
  } do {
  ^bb0(%a: tensor<4xf32>):
    array.yield %a : tensor<4xf32>
  }
  return %z : tensor<8xf32>
}

// -----

func.func @carries(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'array.while' op carries no value}}
  %z = array.while () reading (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %c = array.constant dense<false> : tensor<i1>
    array.yield %c : tensor<i1>
  } do {
  ^bb0(%a: tensor<4xf32>):
    array.yield %a : tensor<4xf32>
  }
  return %z : tensor<4xf32>
}

// -----

func.func @pieces(%x: tensor<4xf32>, %y: tensor<5xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'array.scan' op goes over 4 and over 5 pieces}}
  %z = array.scan () over (%x, %y) : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    array.yield %a : tensor<f32>
  }
  return %z : tensor<4xf32>
}

// -----

func.func @stack(%x: tensor<4xf32>) -> tensor<5xf32> {
  // expected-error @+1 {{'array.scan' op stacks 5 pieces, expected 4}}
  %z = array.scan () over (%x) : (tensor<4xf32>) -> tensor<5xf32> {
  ^bb0(%a: tensor<f32>):
    array.yield %a : tensor<f32>
  }
  return %z : tensor<5xf32>
}

// -----

func.func @piece(%x: tensor<4x3xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'array.scan' op 'body' takes ('tensor<4x3xf32>'), expected ('tensor<3xf32>')}}
  %z = array.scan () over (%x) : (tensor<4x3xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4x3xf32>):
    %b = array.constant dense<1.0> : tensor<f32>
    array.yield %b : tensor<f32>
  }
  return %z : tensor<4xf32>
}

// -----

func.func @number(%x: tensor<f32>) -> tensor<4xf32> {
  // expected-error @+1 {{'array.scan' op goes over a tensor that has no dimension}}
  %z = array.scan () over (%x) : (tensor<f32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<f32>):
    array.yield %a : tensor<f32>
  }
  return %z : tensor<4xf32>
}

// -----

func.func @misspelt(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'array.scan' op has no attribute 'revers'}}
  %z = array.scan () over (%x) {revers} : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<f32>):
    array.yield %a : tensor<f32>
  }
  return %z : tensor<4xf32>
}
