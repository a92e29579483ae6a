// RUN: stepwell-opt %s --stepwell-descend-to-nvvm="chip=sm_90" --stepwell-emit-object="target=nvvm" -o /dev/null | FileCheck %s

// CHECK: .target sm_90
// CHECK: .visible .entry stepwell_kernel_1(
// CHECK-NOT: .extern
// CHECK: .shared .align 4 .b8 {{.*}}[1024]
// CHECK: ld.global.b32
// CHECK: add.rn.f32
// CHECK: st.shared.b32
// CHECK: bar.sync
// CHECK: ld.shared.b32
// CHECK: st.global.b32
func.func @main(%x: tensor<?x?xf32>) -> tensor<?xf32> {
  %0 = array.sum %x {dims = array<i64: 1>} : (tensor<?x?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
