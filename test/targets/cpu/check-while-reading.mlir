// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: split-file %s %t
// RUN: stepwell-opt %t/passes.mlir --cpu-check-while-reading --split-input-file | FileCheck %s
// RUN: stepwell-opt %t/vectors.mlir --cpu-vectorize-linalg="vector-bits=256" | FileCheck %s --check-prefix=VECTORS

// A gather compares a vector of indices at once, twice in the main loop and once in the rest, and reads its elements
// without a branch; nothing else looks at them.
// RUN: stepwell-compile %t/gather.mlir --target=x86-64-v3 --emit=asm -o - | FileCheck %s --check-prefix=COMPARE
// RUN: stepwell-compile %t/gather.mlir --target=x86-64-v3 --emit=asm -o - | FileCheck %s --check-prefix=INSERT
// COMPARE-COUNT-3: vpcmpgtq
// COMPARE-NOT:     vpcmpgtq
// INSERT-COUNT-9:  vinsertps
// INSERT-NOT:      vinsertps

// CHECK-LABEL: func.func @gather
// CHECK-NOT:     reduction
// CHECK:         linalg.generic
// CHECK:           scf.if
// CHECK:             memref.load
// CHECK:           else
// CHECK:             memref.atomic_rmw mins
// CHECK:             memref.atomic_rmw maxs
// CHECK:         memref.load
// CHECK:         memref.load
// CHECK:         scf.if
// CHECK:         return

// What is written into the indices themselves, or read by one index for several elements, keeps its pass.
// CHECK-LABEL: func.func @in_place
// CHECK:         "reduction"
// CHECK-NOT:     atomic_rmw
// CHECK-LABEL: func.func @rows
// CHECK:         "reduction"
// CHECK-NOT:     atomic_rmw
// CHECK-LABEL: func.func @other_size
// CHECK:         "reduction"
// CHECK-NOT:     atomic_rmw

// VECTORS-LABEL: func.func @read
// VECTORS:         vector.load {{.*}} vector<4xi64>
// VECTORS:         arith.cmpi ult, {{.*}} vector<4xindex>
// VECTORS:         vector.reduction <and>
// VECTORS:         scf.if
// VECTORS-COUNT-4:   memref.load {{.*}} memref<?x?xf32>
// VECTORS:           vector.from_elements
// VECTORS:         else
// VECTORS:           scf.for
// VECTORS:             scf.if
// VECTORS:               memref.load {{.*}} memref<?x?xf32>
// VECTORS:             else
// VECTORS:               memref.atomic_rmw mins
// VECTORS:         vector.store {{.*}} vector<4xf32>
//--- passes.mlir
func.func @gather(%ctx: !llvm.ptr, %x: memref<?xf32>, %index: memref<?xi64>, %size: index, %other: index, %y: memref<?xf32>) attributes {stepwell.entry} {
  %zero = arith.constant 0 : i64
  %lowest = arith.constant -9223372036854775808 : i64
  %highest = arith.constant 9223372036854775807 : i64
  %none = arith.constant 0.0 : f32
  %least = memref.alloc() : memref<i64>
  %largest = memref.alloc() : memref<i64>
  linalg.fill ins(%highest : i64) outs(%least : memref<i64>)
  linalg.fill ins(%lowest : i64) outs(%largest : memref<i64>)
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%index : memref<?xi64>) outs(%least, %largest : memref<i64>, memref<i64>) {
  ^bb0(%a: i64, %b: i64, %c: i64):
    %0 = arith.minsi %b, %a : i64
    %1 = arith.maxsi %c, %a : i64
    linalg.yield %0, %1 : i64, i64
  }
  %limit = arith.index_cast %size : index to i64
  %0 = memref.load %least[] : memref<i64>
  %1 = memref.load %largest[] : memref<i64>
  %2 = arith.cmpi slt, %0, %zero : i64
  %3 = arith.cmpi sge, %1, %limit : i64
  %4 = arith.ori %2, %3 : i1
  %5 = arith.select %2, %0, %1 : i64
  scf.if %4 {
    llvm.store %5, %ctx : i64, !llvm.ptr
  }
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%index : memref<?xi64>) outs(%y : memref<?xf32>) {
  ^bb0(%a: i64, %c: f32):
    %at = arith.index_cast %a : i64 to index
    %fits = arith.cmpi ult, %at, %size : index
    %6 = scf.if %fits -> (f32) {
      %found = memref.load %x[%at] : memref<?xf32>
      scf.yield %found : f32
    } else {
      scf.yield %none : f32
    }
    linalg.yield %6 : f32
  }
  return
}
// -----
func.func @in_place(%ctx: !llvm.ptr, %x: memref<?xi64>, %index: memref<?xi64>, %size: index, %other: index) attributes {stepwell.entry} {
  %zero = arith.constant 0 : i64
  %lowest = arith.constant -9223372036854775808 : i64
  %highest = arith.constant 9223372036854775807 : i64
  %none = arith.constant 0 : i64
  %least = memref.alloc() : memref<i64>
  %largest = memref.alloc() : memref<i64>
  linalg.fill ins(%highest : i64) outs(%least : memref<i64>)
  linalg.fill ins(%lowest : i64) outs(%largest : memref<i64>)
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%index : memref<?xi64>) outs(%least, %largest : memref<i64>, memref<i64>) {
  ^bb0(%a: i64, %b: i64, %c: i64):
    %0 = arith.minsi %b, %a : i64
    %1 = arith.maxsi %c, %a : i64
    linalg.yield %0, %1 : i64, i64
  }
  %limit = arith.index_cast %size : index to i64
  %0 = memref.load %least[] : memref<i64>
  %1 = memref.load %largest[] : memref<i64>
  %2 = arith.cmpi slt, %0, %zero : i64
  %3 = arith.cmpi sge, %1, %limit : i64
  %4 = arith.ori %2, %3 : i1
  %5 = arith.select %2, %0, %1 : i64
  scf.if %4 {
    llvm.store %5, %ctx : i64, !llvm.ptr
  }
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%index : memref<?xi64>) outs(%index : memref<?xi64>) {
  ^bb0(%a: i64, %c: i64):
    %at = arith.index_cast %a : i64 to index
    %fits = arith.cmpi ult, %at, %size : index
    %6 = scf.if %fits -> (i64) {
      %found = memref.load %x[%at] : memref<?xi64>
      scf.yield %found : i64
    } else {
      scf.yield %none : i64
    }
    linalg.yield %6 : i64
  }
  return
}
// -----
func.func @rows(%ctx: !llvm.ptr, %x: memref<?x?xf32>, %index: memref<?xi64>, %size: index, %other: index, %y: memref<?x?xf32>) attributes {stepwell.entry} {
  %zero = arith.constant 0 : i64
  %lowest = arith.constant -9223372036854775808 : i64
  %highest = arith.constant 9223372036854775807 : i64
  %none = arith.constant 0.0 : f32
  %least = memref.alloc() : memref<i64>
  %largest = memref.alloc() : memref<i64>
  linalg.fill ins(%highest : i64) outs(%least : memref<i64>)
  linalg.fill ins(%lowest : i64) outs(%largest : memref<i64>)
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%index : memref<?xi64>) outs(%least, %largest : memref<i64>, memref<i64>) {
  ^bb0(%a: i64, %b: i64, %c: i64):
    %0 = arith.minsi %b, %a : i64
    %1 = arith.maxsi %c, %a : i64
    linalg.yield %0, %1 : i64, i64
  }
  %limit = arith.index_cast %size : index to i64
  %0 = memref.load %least[] : memref<i64>
  %1 = memref.load %largest[] : memref<i64>
  %2 = arith.cmpi slt, %0, %zero : i64
  %3 = arith.cmpi sge, %1, %limit : i64
  %4 = arith.ori %2, %3 : i1
  %5 = arith.select %2, %0, %1 : i64
  scf.if %4 {
    llvm.store %5, %ctx : i64, !llvm.ptr
  }
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%index : memref<?xi64>) outs(%y : memref<?x?xf32>) {
  ^bb0(%a: i64, %c: f32):
    %at = arith.index_cast %a : i64 to index
    %fits = arith.cmpi ult, %at, %size : index
    %j = linalg.index 1 : index
    %6 = scf.if %fits -> (f32) {
      %found = memref.load %x[%at, %j] : memref<?x?xf32>
      scf.yield %found : f32
    } else {
      scf.yield %none : f32
    }
    linalg.yield %6 : f32
  }
  return
}
// -----
func.func @other_size(%ctx: !llvm.ptr, %x: memref<?xf32>, %index: memref<?xi64>, %size: index, %other: index, %y: memref<?xf32>) attributes {stepwell.entry} {
  %zero = arith.constant 0 : i64
  %lowest = arith.constant -9223372036854775808 : i64
  %highest = arith.constant 9223372036854775807 : i64
  %none = arith.constant 0.0 : f32
  %least = memref.alloc() : memref<i64>
  %largest = memref.alloc() : memref<i64>
  linalg.fill ins(%highest : i64) outs(%least : memref<i64>)
  linalg.fill ins(%lowest : i64) outs(%largest : memref<i64>)
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%index : memref<?xi64>) outs(%least, %largest : memref<i64>, memref<i64>) {
  ^bb0(%a: i64, %b: i64, %c: i64):
    %0 = arith.minsi %b, %a : i64
    %1 = arith.maxsi %c, %a : i64
    linalg.yield %0, %1 : i64, i64
  }
  %limit = arith.index_cast %size : index to i64
  %0 = memref.load %least[] : memref<i64>
  %1 = memref.load %largest[] : memref<i64>
  %2 = arith.cmpi slt, %0, %zero : i64
  %3 = arith.cmpi sge, %1, %limit : i64
  %4 = arith.ori %2, %3 : i1
  %5 = arith.select %2, %0, %1 : i64
  scf.if %4 {
    llvm.store %5, %ctx : i64, !llvm.ptr
  }
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%index : memref<?xi64>) outs(%y : memref<?xf32>) {
  ^bb0(%a: i64, %c: f32):
    %at = arith.index_cast %a : i64 to index
    %fits = arith.cmpi ult, %at, %other : index
    %6 = scf.if %fits -> (f32) {
      %found = memref.load %x[%at] : memref<?xf32>
      scf.yield %found : f32
    } else {
      scf.yield %none : f32
    }
    linalg.yield %6 : f32
  }
  return
}
//--- vectors.mlir
func.func @read(%x: memref<?x?xf32>, %index: memref<?x?xi64>, %y: memref<?x?xf32>, %size: index, %least: memref<i64>) {
  %none = arith.constant 0.0 : f32
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%index : memref<?x?xi64>) outs(%y : memref<?x?xf32>) {
  ^bb0(%a: i64, %c: f32):
    %at = arith.index_cast %a : i64 to index
    %fits = arith.cmpi ult, %at, %size : index
    %i = linalg.index 0 : index
    %0 = scf.if %fits -> (f32) {
      %found = memref.load %x[%i, %at] : memref<?x?xf32>
      scf.yield %found : f32
    } else {
      %1 = memref.atomic_rmw mins %a, %least[] : (i64, memref<i64>) -> i64
      scf.yield %none : f32
    }
    linalg.yield %0 : f32
  }
  return
}
//--- gather.mlir
func.func @main(%x: tensor<?x?xf32>, %i: tensor<?x?xi64>) -> tensor<?x?xf32> {
  %0 = array.gather %x, %i {dim = 1 : i64} : (tensor<?x?xf32>, tensor<?x?xi64>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
