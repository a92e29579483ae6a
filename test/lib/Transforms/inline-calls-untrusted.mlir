// RUN: stepwell-opt %s -stepwell-inline-calls=lowerings=false -verify-diagnostics

func.func @lowered(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{the lowering of 'f' is not compiled: a program from outside has none}}
  %y = array.call "f" (%x) {lowering = "func.func @f(%x: tensor<?xf32>) -> tensor<?xf32> { return %x : tensor<?xf32> }"} : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    array.yield %a : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}
