// RUN: stepwell-opt %s -expand-math | FileCheck %s

// In f32 where that is near enough.
// CHECK-LABEL: @vector
// CHECK-NOT: math.exp
// CHECK-NOT: f64
// CHECK: return {{.*}} : vector<8xf32>
func.func @vector(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.exp %x : vector<8xf32>
  return %y : vector<8xf32>
}

// CHECK-LABEL: @in_f64
// CHECK-NOT: math.sin
// CHECK: arith.truncf {{.*}} : vector<8xf64> to vector<8xf32>
func.func @in_f64(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.sin %x : vector<8xf32>
  return %y : vector<8xf32>
}

// What a record says in f64 and rounds, f32 has functions for.
// CHECK-LABEL: @silu
// CHECK-NOT: f64
// CHECK: return {{.*}} : f32
func.func @silu(%x: f32) -> f32 {
  %one = arith.constant 1.0 : f64
  %wide = arith.extf %x : f32 to f64
  %minus = arith.negf %wide : f64
  %e = math.exp %minus : f64
  %sum = arith.addf %one, %e : f64
  %quotient = arith.divf %wide, %sum : f64
  %y = arith.truncf %quotient : f64 to f32
  return %y : f32
}

// CHECK-LABEL: @gelu
// CHECK-NOT: f64
// CHECK: return {{.*}} : f32
func.func @gelu(%x: f32) -> f32 {
  %half = arith.constant 0.5 : f64
  %wide = arith.extf %x : f32 to f64
  %halved = arith.mulf %wide, %half : f64
  %minus = arith.negf %wide : f64
  %root = math.sqrt %half : f64
  %scaled = arith.mulf %minus, %root : f64
  %tail = math.erfc %scaled : f64
  %product = arith.mulf %halved, %tail : f64
  %y = arith.truncf %product : f64 to f32
  return %y : f32
}

// Not so where the factor is another one.
// CHECK-LABEL: @like_gelu
// CHECK: arith.truncf
func.func @like_gelu(%x: f32) -> f32 {
  %half = arith.constant 0.5 : f64
  %wide = arith.extf %x : f32 to f64
  %halved = arith.mulf %wide, %half : f64
  %minus = arith.negf %wide : f64
  %scaled = arith.mulf %minus, %half : f64
  %tail = math.erfc %scaled : f64
  %product = arith.mulf %halved, %tail : f64
  %y = arith.truncf %product : f64 to f32
  return %y : f32
}

// CHECK-LABEL: @sigmoid
// CHECK-NOT: f64
// CHECK: return {{.*}} : f32
func.func @sigmoid(%x: f32) -> f32 {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f64
  %wide = arith.extf %x : f32 to f64
  %magnitude = math.absf %wide : f64
  %minus = arith.negf %magnitude : f64
  %e = math.exp %minus : f64
  %below = arith.cmpf olt, %x, %zero : f32
  %either = arith.select %below, %e, %one : f64
  %sum = arith.addf %one, %e : f64
  %quotient = arith.divf %either, %sum : f64
  %y = arith.truncf %quotient : f64 to f32
  return %y : f32
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
