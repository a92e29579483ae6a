// RUN: stepwell-opt %s --pass-pipeline='builtin.module(gpu.module(stepwell-spirv-bind-arguments))' --split-input-file --verify-diagnostics | FileCheck %s

// The second tensor is not used, and its binding stays its own.
// CHECK: gpu.func @k(%[[WORDS:[^:]+]]: memref<?xi64, #spirv.storage_class<StorageBuffer>> {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 0)>},
// CHECK-SAME: %[[X:[^:]+]]: memref<?xf32, #spirv.storage_class<StorageBuffer>> {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 1)>},
// CHECK-SAME: %[[Z:[^:]+]]: memref<?xf32, #spirv.storage_class<StorageBuffer>> {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 3)>},
// CHECK-SAME: %[[W:[^:]+]]: memref<?xf32, #spirv.storage_class<StorageBuffer>> {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 9)>})
// CHECK-SAME: spirv.entry_point_abi = #spirv.entry_point_abi<workgroup_size = [64, 1, 1]>
// CHECK: memref.alloc() : memref<4xf32, #spirv.storage_class<Workgroup>>
// CHECK: memref.load %[[WORDS]][%c1]
// CHECK: %[[I:.+]] = arith.index_cast
// CHECK: memref.load %[[WORDS]][%c2]
// CHECK: memref.load %[[WORDS]][%c0]
// CHECK: %[[SHIFT:.+]] = arith.index_cast
// CHECK: %[[AT:.+]] = arith.addi %[[I]], %[[SHIFT]]
// CHECK: memref.load %[[X]][%[[AT]]]
// CHECK: %[[PLACE:.+]] = arith.divui %{{.+}}, %c4
// CHECK: %[[IN:.+]] = arith.addi %[[I]], %[[PLACE]]
// CHECK: memref.store %{{.+}}, %[[W]][%[[IN]]]
gpu.module @m {
  gpu.func @k(%x: memref<?xf32>, %i: index, %s: index, %y: memref<?xf32>, %z: memref<?xf32>, %w: memref<?xi8>)
      workgroup(%t: memref<4xf32, #gpu.address_space<workgroup>>)
      kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %v = memref.load %x[%i] : memref<?xf32>
    memref.store %v, %t[%i] : memref<4xf32, #gpu.address_space<workgroup>>
    memref.store %v, %z[%i] : memref<?xf32>
    %a = memref.view %w[%s][%i] : memref<?xi8> to memref<?xf32>
    memref.store %v, %a[%i] : memref<?xf32>
    gpu.return
  }
}

// -----

gpu.module @m {
  // expected-error @below {{SPIR-V has no bf16 yet}}
  gpu.func @k(%x: memref<?xbf16>, %i: index, %w: memref<?xi8>)
      kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %v = memref.load %x[%i] : memref<?xbf16>
    gpu.return
  }
}
