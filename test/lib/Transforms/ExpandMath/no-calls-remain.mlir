// RUN: stepwell-opt %s --expand-math | FileCheck %s

// CHECK-LABEL: func @scalar
// CHECK-NOT: math.exp
// CHECK: math.fma {{.*}} : f32
// CHECK-NOT: math.exp
func.func @scalar(%x: f32) -> f32 {
  %0 = math.exp %x : f32
  return %0 : f32
}

// CHECK-LABEL: func @vector
// CHECK-NOT: math.log
// CHECK: arith.divf {{.*}} : vector<4xf64>
// CHECK-NOT: math.log
func.func @vector(%x: vector<4xf64>) -> vector<4xf64> {
  %0 = math.log %x : vector<4xf64>
  return %0 : vector<4xf64>
}

// An instruction on every target stays.
// CHECK-LABEL: func @kept
// CHECK: math.sqrt
func.func @kept(%x: f32) -> f32 {
  %0 = math.sqrt %x : f32
  return %0 : f32
}
