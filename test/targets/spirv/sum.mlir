// RUN: stepwell-opt %s --stepwell-descend-to-spirv --stepwell-emit-object="target=spirv output=%t.spv" -o /dev/null
// RUN: spirv-val --target-env vulkan1.2 %t.spv
// RUN: spirv-dis --raw-id %t.spv | FileCheck %s

// CHECK: OpEntryPoint GLCompute %{{[0-9]+}} "stepwell_kernel_0"
// CHECK: OpEntryPoint GLCompute %{{[0-9]+}} "stepwell_kernel_1"
// CHECK: OpTypePointer Workgroup
// CHECK: OpControlBarrier
func.func @main(%x: tensor<?x?xf32>) -> tensor<?xf32> {
  %0 = array.sum %x {dims = array<i64: 1>} : (tensor<?x?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
