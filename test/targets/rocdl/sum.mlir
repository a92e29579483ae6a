// RUN: stepwell-opt %s --stepwell-descend-to-rocdl="chip=gfx942" --stepwell-emit-object="target=rocdl form=assembly" -o /dev/null | FileCheck %s
// RUN: stepwell-opt %s --stepwell-descend-to-rocdl="chip=gfx1100" --stepwell-emit-object="target=rocdl output=%t.hsaco" -o /dev/null
// RUN: llvm-readelf -h -s --string-dump=.stepwell %t.hsaco | FileCheck %s --check-prefix=ELF
// RUN: not stepwell-opt %s --stepwell-descend-to-rocdl="chip=gfx999" --stepwell-emit-object="target=rocdl" -o /dev/null 2>&1 | FileCheck %s --check-prefix=CHIP

// CHECK: .amdgcn_target "amdgcn-amd-amdhsa--gfx942"
// CHECK: stepwell_kernel_1:
// CHECK: global_load_dword
// CHECK: v_add_f32
// CHECK: ds_write_b32
// CHECK: s_barrier
// CHECK: .amdhsa_group_segment_fixed_size 1024
// CHECK: .section .stepwell
// CHECK-NEXT: .ascii "stepwell {\"abi\":2,

// ELF: Machine: EM_AMDGPU
// ELF-NOT: UND {{[a-z_]+}}
// ELF: stepwell_kernel_0.kd
// ELF: stepwell {"abi":2,

// CHIP: error: no AMD chip is called 'gfx999'
func.func @main(%x: tensor<?x?xf32>) -> tensor<?xf32> {
  %0 = array.sum %x {dims = array<i64: 1>} : (tensor<?x?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
