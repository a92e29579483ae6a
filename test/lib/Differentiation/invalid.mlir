// RUN: stepwell-opt %s -autodiff-fulfil-requests -split-input-file -verify-diagnostics

func.func @no_rule(%x: tensor<2xf32>, %g: tensor<2xf32>) -> tensor<2xf32> {
  %d = "autodiff.vjp"(%x, %x, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<2xf32>):
    // expected-error @+1 {{'math.sin' op has no derivative: autodiff.vjp differentiates operations of the array dialect only}}
    %0 = math.sin %a : tensor<2xf32>
    autodiff.yield %0 : tensor<2xf32>
  }) : (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %d : tensor<2xf32>
}

// -----

// The derivative of a slice that is written takes sizes that are attributes.
func.func @insert_of_open_size(%x: tensor<?xf32>, %p: tensor<?xf32>, %g: tensor<?xf32>) -> tensor<?xf32> {
  %d = "autodiff.vjp"(%x, %p, %x, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 1>}> ({
  ^bb0(%a: tensor<?xf32>, %b: tensor<?xf32>):
    // expected-error @+1 {{needs the sizes of a value of type 'tensor<?xf32>', which are not all known}}
    %0 = array.insert_slice %a, %b {starts = array<i64: 1>, steps = array<i64: 1>} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    autodiff.yield %0 : tensor<?xf32>
  }) : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %d : tensor<?xf32>
}

// -----

func.func @branch(%p: tensor<i1>, %x: tensor<4xf32>, %y: tensor<4xf32>, %g: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "autodiff.vjp"(%p, %x, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 1>}> ({
  ^bb0(%q: tensor<i1>, %a: tensor<4xf32>):
    // expected-error @+1 {{'array.cond' op has no derivative: branches and loops are not differentiated}}
    %b = array.cond %q (%a) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%c: tensor<4xf32>):
      array.yield %c : tensor<4xf32>
    } else {
    ^bb0(%c: tensor<4xf32>):
      array.yield %c : tensor<4xf32>
    }
    autodiff.yield %b : tensor<4xf32>
  }) : (tensor<i1>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
