// RUN: stepwell-opt %s -stepwell-expand-small-floats | FileCheck %s
// RUN: stepwell-opt %s -stepwell-expand-small-floats=f16=false | FileCheck %s --check-prefix=KEEP

// CHECK-NOT: {{extf.*f16 to|truncf.* to b?f16}}

// CHECK-LABEL: @extend_bf16
// CHECK: %[[BITS:.*]] = arith.bitcast %{{.*}} : bf16 to i16
// CHECK: %[[WIDE:.*]] = arith.extui %[[BITS]] : i16 to i32
// CHECK: %[[SHIFTED:.*]] = arith.shli %[[WIDE]], %c16_i32
// CHECK: arith.bitcast %[[SHIFTED]] : i32 to f32
func.func @extend_bf16(%x: bf16) -> f32 {
  %0 = arith.extf %x : bf16 to f32
  return %0 : f32
}

// f64 passes through f32, made odd where that is inexact.
// CHECK-LABEL: @truncate_bf16
// CHECK: arith.truncf %{{.*}} : vector<8xf64> to vector<8xf32>
// CHECK: arith.cmpf one, %{{.*}} : vector<8xf64>
// KEEP-LABEL: @truncate_f16
// KEEP: arith.truncf %{{.*}} : f64 to f32
// KEEP: arith.cmpf one, %{{.*}} : f64
// KEEP: arith.truncf %{{.*}} : f32 to f16
// CHECK: arith.bitcast %{{.*}} : vector<8xi16> to vector<8xbf16>
func.func @truncate_bf16(%x: vector<8xf64>) -> vector<8xbf16> {
  %0 = arith.truncf %x : vector<8xf64> to vector<8xbf16>
  return %0 : vector<8xbf16>
}

func.func @truncate_f16(%x: f64) -> f16 {
  %0 = arith.truncf %x : f64 to f16
  return %0 : f16
}

// What folding made of an f32's comparison is one again.
// CHECK-LABEL: @compare
// CHECK: arith.cmpf une, %{{.*}} : f32
// KEEP-LABEL: @compare
// KEEP-NOT: bf16 to f32
// KEEP: arith.cmpf une, %{{.*}} : f32
func.func @compare(%x: bf16, %y: bf16) -> i1 {
  %0 = arith.cmpf une, %x, %y : bf16
  return %0 : i1
}

// CHECK-LABEL: @from_integer
// CHECK: arith.sitofp %{{.*}} : i64 to f64
// CHECK: arith.bitcast %{{.*}} : i16 to bf16
func.func @from_integer(%x: i64) -> bf16 {
  %0 = arith.sitofp %x : i64 to bf16
  return %0 : bf16
}

// KEEP-LABEL: @f16
// KEEP: arith.extf %{{.*}} : f16 to f32
// KEEP: arith.truncf %{{.*}} : f32 to f16
// CHECK-LABEL: @f16
// CHECK: arith.mulf
// CHECK: arith.bitcast %{{.*}} : i16 to f16
func.func @f16(%x: f16) -> f16 {
  %0 = arith.extf %x : f16 to f32
  %1 = arith.truncf %0 : f32 to f16
  return %1 : f16
}
