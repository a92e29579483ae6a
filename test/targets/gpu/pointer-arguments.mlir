// RUN: stepwell-opt %s --pass-pipeline='builtin.module(gpu.module(stepwell-gpu-pointer-arguments))' | FileCheck %s

// CHECK: gpu.func @k(%[[P:[^:]+]]: !llvm.ptr, %[[I:[^:]+]]: index, %[[W:[^:]+]]: i64) workgroup(%[[S:[^:]+]] : memref<4xf32
// CHECK: llvm.insertvalue %[[P]], %{{.+}}[0]
// CHECK: llvm.insertvalue %[[P]], %{{.+}}[1]
// CHECK: %[[X:.+]] = builtin.unrealized_conversion_cast %{{.+}} to memref<?xf32>
// CHECK: %[[V:.+]] = memref.load %[[X]][%[[I]]]
// CHECK: memref.store %[[V]], %[[S]][%[[I]]]
gpu.module @m {
  gpu.func @k(%x: memref<?xf32>, %i: index, %w: i64)
      workgroup(%s: memref<4xf32, #gpu.address_space<workgroup>>) kernel {
    %v = memref.load %x[%i] : memref<?xf32>
    memref.store %v, %s[%i] : memref<4xf32, #gpu.address_space<workgroup>>
    gpu.return
  }
}
