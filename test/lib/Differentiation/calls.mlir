// RUN: stepwell-opt %s -autodiff-fulfil-requests -cse -canonicalize | FileCheck %s

// CHECK-NOT: autodiff

// The rule of a call takes the place of the derivative of its body.
// CHECK-LABEL: @rule
// CHECK-SAME: %[[X:[^:]*]]: tensor<?xf32>, %{{[^:]*}}: tensor<?xf32>, %[[G:[^:]*]]: tensor<?xf32>)
// CHECK-NEXT: %[[D:.*]] = array.neg %[[G]]
// CHECK-NEXT: return %[[D]]
func.func @rule(%x: tensor<?xf32>, %y: tensor<?xf32>, %g: tensor<?xf32>) -> tensor<?xf32> {
  %d = "autodiff.vjp"(%x, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<?xf32>):
    %b = array.call "f" (%a) {wrt = array<i64: 0>} : (tensor<?xf32>) -> tensor<?xf32> {
    ^bb0(%c: tensor<?xf32>):
      %e = array.exp %c : (tensor<?xf32>) -> tensor<?xf32>
      array.yield %e : tensor<?xf32>
    } vjp {
    ^bb0(%c: tensor<?xf32>, %e: tensor<?xf32>, %h: tensor<?xf32>):
      %n = array.neg %h : (tensor<?xf32>) -> tensor<?xf32>
      array.yield %n : tensor<?xf32>
    }
    autodiff.yield %b : tensor<?xf32>
  }) : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %d : tensor<?xf32>
}

// Without a rule it is differentiated as what it is made of.
// CHECK-LABEL: @body
// CHECK-SAME: %{{[^:]*}}: tensor<?xf32>, %[[Y:[^:]*]]: tensor<?xf32>, %[[G:[^:]*]]: tensor<?xf32>)
// CHECK-NOT: array.call
// CHECK: array.mul
// CHECK: return
func.func @body(%x: tensor<?xf32>, %y: tensor<?xf32>, %g: tensor<?xf32>) -> tensor<?xf32> {
  %d = "autodiff.vjp"(%x, %y, %g) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
  ^bb0(%a: tensor<?xf32>):
    %b = array.call "f" (%a) : (tensor<?xf32>) -> tensor<?xf32> {
    ^bb0(%c: tensor<?xf32>):
      %e = array.exp %c : (tensor<?xf32>) -> tensor<?xf32>
      array.yield %e : tensor<?xf32>
    }
    autodiff.yield %b : tensor<?xf32>
  }) : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %d : tensor<?xf32>
}
