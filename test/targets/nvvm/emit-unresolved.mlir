// RUN: not stepwell-opt %s --stepwell-emit-object="target=nvvm" -o /dev/null 2>&1 | FileCheck %s

// Nothing is linked to a kernel later.
// CHECK: error: the PTX calls a function that it does not have: {{.*}}__nv_expf
module attributes {stepwell.manifest = "{}"} {
  gpu.module @m [#nvvm.target<chip = "sm_80">] {
    llvm.func @__nv_expf(f32) -> f32
    llvm.func @k(%p: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
      %0 = llvm.load %p : !llvm.ptr -> f32
      %1 = llvm.call @__nv_expf(%0) : (f32) -> f32
      llvm.store %1, %p : f32, !llvm.ptr
      llvm.return
    }
  }
}
