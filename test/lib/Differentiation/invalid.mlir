// RUN: stepwell-opt %s -autodiff-fulfil-requests -verify-diagnostics

func.func @no_rule(%x: tensor<2xf32>, %g: tensor<2xf32>) -> tensor<2xf32> {
  %d = "autodiff.vjp"(%x, %x, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<2xf32>):
    // expected-error @+1 {{'math.sin' op has no derivative: autodiff.vjp differentiates operations of the array dialect only}}
    %0 = math.sin %a : tensor<2xf32>
    autodiff.yield %0 : tensor<2xf32>
  }) : (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %d : tensor<2xf32>
}
