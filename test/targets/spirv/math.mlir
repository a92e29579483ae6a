// RUN: stepwell-opt %s --stepwell-descend-to-spirv --stepwell-emit-object="target=spirv output=%t.spv" -o /dev/null
// RUN: spirv-val --target-env vulkan1.2 %t.spv
// RUN: spirv-dis --raw-id %t.spv | FileCheck %s

// f64 has its functions, too.
// CHECK: %[[DOUBLE:[0-9]+]] = OpTypeFloat 64
// CHECK-DAG: OpExtInst %[[DOUBLE]] %{{[0-9]+}} Sqrt
// CHECK-DAG: OpExtInst %[[DOUBLE]] %{{[0-9]+}} Floor
// CHECK-DAG: OpExtInst %[[DOUBLE]] %{{[0-9]+}} FAbs
func.func @main(%x: tensor<?xf64>) -> tensor<?xf64> {
  %0 = array.sqrt %x : (tensor<?xf64>) -> tensor<?xf64>
  %1 = array.sin %0 : (tensor<?xf64>) -> tensor<?xf64>
  %2 = array.floor %1 : (tensor<?xf64>) -> tensor<?xf64>
  return %2 : tensor<?xf64>
}
