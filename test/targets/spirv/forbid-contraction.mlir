// RUN: stepwell-opt %s --stepwell-spirv-forbid-contraction | FileCheck %s

spirv.module Logical GLSL450 {
  spirv.func @f(%a: f32, %b: f32) -> f32 "None" {
    // CHECK: spirv.FMul {{.*}}{no_contraction}
    %0 = spirv.FMul %a, %b : f32
    // CHECK: spirv.FAdd {{.*}}{no_contraction}
    %1 = spirv.FAdd %0, %b : f32
    spirv.ReturnValue %1 : f32
  }
}
