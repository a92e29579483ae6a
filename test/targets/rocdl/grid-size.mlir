// RUN: stepwell-opt %s --stepwell-rocdl-grid-size | FileCheck %s

// CHECK: %[[P:.+]] = llvm.call_intrinsic "llvm.amdgcn.implicitarg.ptr"() : () -> !llvm.ptr<4>
// CHECK: %[[Y:.+]] = llvm.getelementptr %[[P]][1] : (!llvm.ptr<4>) -> !llvm.ptr<4>, i32
// CHECK: %[[N:.+]] = llvm.load %[[Y]] : !llvm.ptr<4> -> i32
// CHECK: arith.index_castui %[[N]] : i32 to index
// CHECK-NOT: gpu.grid_dim
gpu.module @m {
  gpu.func @k(%x: memref<?xindex>, %i: index) kernel {
    %n = gpu.grid_dim y
    memref.store %n, %x[%i] : memref<?xindex>
    gpu.return
  }
}
