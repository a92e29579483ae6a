// RUN: stepwell-opt %s --stepwell-descend-to-nvvm="chip=sm_80" --stepwell-emit-object="target=nvvm" -o /dev/null | FileCheck %s

// Functions are expanded, and what they are expanded into has instructions; libdevice is not needed.
// CHECK: .visible .entry stepwell_kernel_0(
// CHECK-NOT: .extern
// CHECK-DAG: sqrt.rn.f32
// CHECK-DAG: abs.f64
// CHECK-DAG: cvt.rmi.f32.f32
// CHECK-NOT: .extern
func.func @main(%k: tensor<i64>, %x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = array.sqrt %x : (tensor<?xf32>) -> tensor<?xf32>
  %1 = array.sin %0 : (tensor<?xf32>) -> tensor<?xf32>
  %2 = array.floor %1 : (tensor<?xf32>) -> tensor<?xf32>
  %3 = array.random_normal %k, %k, %x {dtype = f32} : (tensor<i64>, tensor<i64>, tensor<?xf32>) -> tensor<?xf32>
  %4 = array.add %2, %3 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %4 : tensor<?xf32>
}
