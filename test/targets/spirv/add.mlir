// RUN: stepwell-opt %s --stepwell-descend-to-spirv --stepwell-emit-object="target=spirv output=%t.spv" -o /dev/null
// RUN: spirv-val --target-env vulkan1.2 %t.spv
// RUN: spirv-dis --raw-id %t.spv | FileCheck %s
// RUN: stepwell-opt %s --stepwell-descend-to-spirv --stepwell-emit-object="target=spirv form=assembly" -o /dev/null | FileCheck %s --check-prefix=TEXT
// RUN: not stepwell-opt %s --stepwell-descend-to-spirv --stepwell-emit-object="target=spirv form=llvm" -o /dev/null 2>&1 | FileCheck %s --check-prefix=LLVM

// CHECK: Version: 1.5
// CHECK: OpCapability Int64
// CHECK: OpEntryPoint GLCompute %{{[0-9]+}} "stepwell_kernel_0"
// CHECK: OpExecutionMode %{{[0-9]+}} LocalSize 256 1 1
// CHECK: OpSourceExtension "stepwell {\"abi\":2,
// CHECK-DAG: OpDecorate %{{[0-9]+}} Binding 0
// CHECK-DAG: OpDecorate %{{[0-9]+}} Binding 1
// CHECK-DAG: OpDecorate %{{[0-9]+}} Binding 2
// CHECK-DAG: OpDecorate %{{[0-9]+}} Binding 3
// CHECK-DAG: OpDecorate %[[SUM:[0-9]+]] NoContraction
// CHECK: %[[SUM]] = OpFAdd

// TEXT: // stepwell {"abi":2,
// TEXT: spirv.module {{.*}} requires #spirv.vce<v1.5,
// TEXT: spirv.FAdd

// LLVM: error: SPIR-V does not pass through LLVM
func.func @main(%x: tensor<?x?xf32>, %y: tensor<?x?xf32> {stepwell.layout = "strided"}) -> tensor<?x?xf32> {
  %0 = array.add %x, %y : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
