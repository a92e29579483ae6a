// RUN: stepwell-opt %s --stepwell-descend-to-nvvm="chip=sm_80" --stepwell-emit-object="target=nvvm" -o /dev/null | FileCheck %s

// Zeros, the image among them, zeros to add to, and the sums: one kernel each.
// CHECK: .visible .entry stepwell_kernel_3(
// CHECK: mul.rn.f32
// CHECK: add.rn.f32
// CHECK: st.global.b32
func.func @main(%x: tensor<?x4x?x?xf32>, %w: tensor<8x4x3x3xf32>) -> tensor<?x8x?x?xf32> {
  %0 = array.conv2d %x, %w {stride = array<i64: 2, 1>, padding = array<i64: 1, 0>} : (tensor<?x4x?x?xf32>, tensor<8x4x3x3xf32>) -> tensor<?x8x?x?xf32>
  return %0 : tensor<?x8x?x?xf32>
}
