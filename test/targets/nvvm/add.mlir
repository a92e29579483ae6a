// RUN: stepwell-opt %s --stepwell-descend-to-nvvm="chip=sm_80" --stepwell-emit-object="target=nvvm" -o /dev/null | FileCheck %s

// The words of the launch ABI are the parameters, in order; the workspace is the last.
// CHECK: // stepwell {"abi":2,"entry":"stepwell_kernel","arguments":[{"tensor":"f32","rank":2},{"tensor":"f32","rank":2},{"tensor":"f32","rank":2}],"workspace":"0","kernels":[{"name":"stepwell_kernel_0","block":256,"grid":"w{{[0-9]+}} w{{[0-9]+}} * 255 + 256 /"}]}
// CHECK: .target sm_80
// CHECK: .visible .entry stepwell_kernel_0(
// CHECK-COUNT-16: .param .u64
// CHECK-NOT: .param .u64
// CHECK: .maxntid 256
// CHECK-NOT: .extern
// CHECK: ld.global.b32
// CHECK: ld.global.b32
// CHECK: add.rn.f32
// CHECK: st.global.b32
func.func @main(%x: tensor<?x?xf32>, %y: tensor<?x?xf32> {stepwell.layout = "strided"}) -> tensor<?x?xf32> {
  %0 = array.add %x, %y : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
