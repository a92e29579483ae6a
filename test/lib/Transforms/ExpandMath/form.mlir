// RUN: stepwell-opt %s -expand-math | FileCheck %s

// CHECK-LABEL: @vector
// CHECK-NOT: math.exp
// CHECK: arith.truncf {{.*}} : vector<8xf64> to vector<8xf32>
func.func @vector(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.exp %x : vector<8xf32>
  return %y : vector<8xf32>
}

// CHECK-LABEL: @scalar
// CHECK-NOT: math.pow
// CHECK: return {{.*}} : f64
func.func @scalar(%x: f64, %y: f64) -> f64 {
  %z = math.powf %x, %y : f64
  return %z : f64
}

// No call of fmod, and no loop.
// CHECK-LABEL: @remainder
// CHECK-NOT: arith.remf
// CHECK-NOT: scf.
// CHECK: return {{.*}} : vector<4xf64>
func.func @remainder(%x: vector<4xf64>, %y: vector<4xf64>) -> vector<4xf64> {
  %z = arith.remf %x, %y : vector<4xf64>
  return %z : vector<4xf64>
}

// A multiply-add stays where it is one instruction (test_fma.py has the other form).
// CHECK-LABEL: @multiply_add
// CHECK: math.fma
func.func @multiply_add(%x: f64) -> f64 {
  %y = math.fma %x, %x, %x : f64
  return %y : f64
}

// A power by a small integer that is known.
// CHECK-LABEL: @square
// CHECK: %[[S:.*]] = arith.mulf %arg0, %arg0 : vector<8xf32>
// CHECK-NEXT: return %[[S]]
func.func @square(%x: vector<8xf32>) -> vector<8xf32> {
  %two = arith.constant dense<2.0> : vector<8xf32>
  %y = math.powf %x, %two : vector<8xf32>
  return %y : vector<8xf32>
}

// CHECK-LABEL: @inverse
// CHECK: %[[ONE:.*]] = arith.constant 1.0
// CHECK: arith.divf %[[ONE]], %arg0 : f64
func.func @inverse(%x: f64) -> f64 {
  %exponent = arith.constant -1.0 : f64
  %y = math.powf %x, %exponent : f64
  return %y : f64
}

// Not a root: it differs from the power at -0 and at minus infinity.
// CHECK-LABEL: @half
// CHECK-NOT: math.sqrt
// CHECK: return
func.func @half(%x: f64) -> f64 {
  %exponent = arith.constant 0.5 : f64
  %y = math.powf %x, %exponent : f64
  return %y : f64
}
