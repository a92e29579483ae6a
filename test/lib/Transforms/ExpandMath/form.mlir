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
