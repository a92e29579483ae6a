// RUN: stepwell-opt %s -stepwell-inline-calls -split-input-file -verify-diagnostics | FileCheck %s

// A call in a call, too.
// CHECK-LABEL: @nested
// CHECK-NOT: array.call
// CHECK: %[[A:.*]] = array.add %{{.*}}, %{{.*}}
// CHECK: %[[B:.*]] = array.neg %[[A]]
// CHECK: return %[[B]]
func.func @nested(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = array.call "outer" (%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = array.call "inner" (%a) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%c: tensor<4xf32>):
      %d = array.add %c, %c : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      array.yield %d : tensor<4xf32>
    }
    %e = array.neg %b : (tensor<4xf32>) -> tensor<4xf32>
    array.yield %e : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}

// -----

// CHECK-LABEL: @lowered
// CHECK: %[[X:.*]] = tensor.cast %{{.*}} : tensor<4xf32> to tensor<?xf32>
// CHECK: %[[Y:.*]] = math.absf %[[X]] : tensor<?xf32>
// CHECK: %[[Z:.*]] = tensor.cast %[[Y]] : tensor<?xf32> to tensor<4xf32>
// CHECK: return %[[Z]]
func.func @lowered(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = array.call "size" (%x) {lowering = "func.func @f(%x: tensor<?xf32>) -> tensor<?xf32> { %y = math.absf %x : tensor<?xf32> return %y : tensor<?xf32> }"} : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    array.yield %a : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}

// -----

func.func @wrong_type(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{the lowering of 'f' has type '(tensor<?xf64>) -> tensor<?xf64>', expected '(tensor<4xf32>) -> tensor<4xf32>'}}
  %y = array.call "f" (%x) {lowering = "func.func @f(%x: tensor<?xf64>) -> tensor<?xf64> { return %x : tensor<?xf64> }"} : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    array.yield %a : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}

// -----

func.func @other_dialect(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{the lowering of 'f' has the operation 'func.call', which the descent does not take from there}}
  %y = array.call "f" (%x) {lowering = "func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> { %y = func.call @f(%x) : (tensor<4xf32>) -> tensor<4xf32> return %y : tensor<4xf32> }"} : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    array.yield %a : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}
