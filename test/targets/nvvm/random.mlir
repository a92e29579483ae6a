// RUN: stepwell-opt %s --stepwell-descend-to-nvvm="chip=sm_80" --stepwell-emit-object="target=nvvm" -o /dev/null | FileCheck %s

// The multipliers of Philox; the bits are shifted into place and converted exactly.
// CHECK: .visible .entry stepwell_kernel_0(
// CHECK-NOT: .extern
// CHECK-DAG: mul.lo.s64 {{.*}}, 3528531795;
// CHECK-DAG: mul.lo.s64 {{.*}}, 3449720151;
// CHECK: cvt.rn.f32
// CHECK: mul.rn.f32 {{.*}}, 0f33800000;
// CHECK: st.global.b32
func.func @main(%k: tensor<i64>, %o: tensor<i64>, %l: tensor<?x?xf32> {stepwell.shape_only}) -> tensor<?x?xf32> {
  %0 = array.random_uniform %k, %o, %l {dtype = f32} : (tensor<i64>, tensor<i64>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
