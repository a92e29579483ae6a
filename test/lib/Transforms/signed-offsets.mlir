// RUN: stepwell-opt %s --stepwell-signed-offsets | FileCheck %s

// CHECK-COUNT-2: llvm.getelementptr inbounds %
llvm.func @f(%p: !llvm.ptr, %i: i64) {
  %0 = llvm.getelementptr inbounds|nuw %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  %1 = llvm.getelementptr inbounds|nuw %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f64
  llvm.return
}
