// RUN: stepwell-opt %s --stepwell-nvvm-keep-intrinsics | FileCheck %s
// RUN: stepwell-opt %s --stepwell-nvvm-keep-intrinsics --convert-gpu-to-nvvm | FileCheck %s --check-prefix=NVVM

gpu.module @m {
  // NVVM: llvm.call_intrinsic "llvm.sqrt"
  // NVVM-NOT: __nv_
  gpu.func @k(%x: f32, %y: f64, %p: !llvm.ptr) kernel {
    // CHECK: %[[ROOT:.*]] = llvm.call_intrinsic "llvm.sqrt"(%{{.*}}) : (f32) -> f32
    %0 = llvm.intr.sqrt(%x) : (f32) -> f32
    // CHECK: llvm.call_intrinsic "llvm.fabs"(%[[ROOT]]) : (f32) -> f32
    %1 = llvm.intr.fabs(%0) : (f32) -> f32
    // CHECK: llvm.call_intrinsic "llvm.floor"
    %2 = llvm.intr.floor(%1) : (f32) -> f32
    // CHECK: llvm.call_intrinsic "llvm.ceil"
    %3 = llvm.intr.ceil(%2) : (f32) -> f32
    // CHECK: llvm.call_intrinsic "llvm.roundeven"
    %4 = llvm.intr.roundeven(%3) : (f32) -> f32
    // CHECK: llvm.call_intrinsic "llvm.copysign"(%{{.*}}, %{{.*}}) : (f64, f64) -> f64
    %5 = llvm.intr.copysign(%y, %y) : (f64, f64) -> f64
    llvm.store %4, %p : f32, !llvm.ptr
    llvm.store %5, %p : f64, !llvm.ptr
    gpu.return
  }
}
