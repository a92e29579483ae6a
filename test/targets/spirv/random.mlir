// RUN: stepwell-opt %s --stepwell-descend-to-spirv --stepwell-emit-object="target=spirv output=%t.spv" -o /dev/null
// RUN: spirv-val --target-env vulkan1.2 %t.spv
// RUN: spirv-dis --raw-id %t.spv | FileCheck %s

// CHECK: OpCapability Int64
// CHECK: %[[ULONG:[0-9]+]] = OpTypeInt 64 0
// CHECK-DAG: %[[M0:[0-9]+]] = OpConstant %[[ULONG]] 3528531795
// CHECK-DAG: %[[M1:[0-9]+]] = OpConstant %[[ULONG]] 3449720151
// CHECK-DAG: OpIMul %[[ULONG]] {{.*}} %[[M0]]
// CHECK-DAG: OpIMul %[[ULONG]] {{.*}} %[[M1]]
// CHECK: OpConvertSToF
func.func @main(%k: tensor<i64>, %o: tensor<i64>, %l: tensor<?x?xf32> {stepwell.shape_only}) -> tensor<?x?xf32> {
  %0 = array.random_normal %k, %o, %l {dtype = f32} : (tensor<i64>, tensor<i64>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
