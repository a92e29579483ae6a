// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --split-input-file --cpu-lower-products | FileCheck %s
// RUN: stepwell-opt %s --split-input-file --cpu-lower-products=bf16-tiles=true | FileCheck %s --check-prefix=TILES

// Two products of the same types and layouts share one function; zeros go away, because the first
// piece of a sum is stored and not added.

// CHECK-LABEL: func.func @twice
// CHECK:         %[[SCRATCH:.*]] = memref.alloc() : memref<{{[0-9]+}}xi8>
// CHECK:         linalg.fill {{.*}}%arg4
// CHECK-NOT:     linalg
// CHECK:         call @[[PRODUCT:stepwell.gemm.f32.*product]](%arg0, {{.*}}, %false{{[^,]*}}, %{{[^,]*}}, %{{[^,]*}}, %{{[^,]*}})
// CHECK:         call @[[PRODUCT]](%arg0, {{.*}}, %true{{[^,]*}}, %{{[^,]*}}, %{{[^,]*}}, %{{[^,]*}})
// CHECK:         func.func private @[[PRODUCT]]
// CHECK:         func.func private @stepwell.gemm.f32.tile6
// CHECK-COUNT-12: vector.fma %{{.*}} : vector<8xf32>
// CHECK-NOT:      vector.fma
// CHECK:         func.func private @stepwell.gemm.f32.tile4
func.func @twice(%ctx: !llvm.ptr, %a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>, %d: memref<?x?xf32>) -> i32 attributes {stepwell.entry} {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %ok = arith.constant 0 : i32
  linalg.fill ins(%zero : f32) outs(%c : memref<?x?xf32>)
  linalg.fill ins(%one : f32) outs(%d : memref<?x?xf32>)
  linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%d : memref<?x?xf32>)
  return %ok : i32
}

// -----

// What is read between is not taken away.

// CHECK-LABEL: func.func @read_between
// CHECK:         linalg.fill {{.*}}%arg3
// CHECK:         call @stepwell.gemm.f32
func.func @read_between(%ctx: !llvm.ptr, %a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>, %d: memref<?x?xf32>) -> i32 attributes {stepwell.entry} {
  %zero = arith.constant 0.0 : f32
  %ok = arith.constant 0 : i32
  linalg.fill ins(%zero : f32) outs(%c : memref<?x?xf32>)
  linalg.copy ins(%c : memref<?x?xf32>) outs(%d : memref<?x?xf32>)
  linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  return %ok : i32
}

// -----

// Small products of a batch are shared out whole.

// CHECK-LABEL: func.func @batch
// CHECK:         llvm.call %{{.*}}(%arg0, {{.*}}) : !llvm.ptr, (!llvm.ptr, i64, i64, !llvm.ptr, !llvm.ptr) -> ()
// CHECK:         func.func private @stepwell.gemm.batch(
// CHECK:           scf.for
// CHECK:             call @stepwell.gemm.f64
func.func @batch(%ctx: !llvm.ptr, %a: memref<?x?x?xf64>, %b: memref<?x?x?xf64>, %c: memref<?x?x?xf64>) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  linalg.batch_matmul ins(%a, %b : memref<?x?x?xf64>, memref<?x?x?xf64>) outs(%c : memref<?x?x?xf64>)
  return %ok : i32
}

// -----

// A batch by one matrix is a single product with more rows. Its sizes are known, and with them the way it is done.

// CHECK-LABEL: func.func @merged
// CHECK:         call @stepwell.gemm.f32.{{.*}}product.512x48x32(%arg0, %{{[^,]*}}, %{{[^,]*}}, %c512_i64{{[^,]*}}, %c48_i64{{[^,]*}}, %c32_i64
// CHECK:         return
// CHECK-NOT:     func.func private @stepwell.gemm.f32.{{.*(dots|streams)}}
// CHECK:         func.func private @stepwell.gemm.f32.{{.*}}blocks(
// CHECK-NOT:     func.func private @stepwell.gemm.f32.{{.*(dots|streams)}}
#batch = affine_map<(b, m, n, k) -> (b, m, k)>
#matrix = affine_map<(b, m, n, k) -> (k, n)>
#rows = affine_map<(b, m, n, k) -> (b, m, n)>
func.func @merged(%ctx: !llvm.ptr, %x: memref<8x64x32xf32>, %w: memref<32x48xf32>, %y: memref<8x64x48xf32>) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  linalg.generic {indexing_maps = [#batch, #matrix, #rows], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x64x32xf32>, memref<32x48xf32>) outs(%y : memref<8x64x48xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  return %ok : i32
}

// -----

// What follows element by element runs on pieces of the product, for which the product calls it.

// CHECK-LABEL: func.func @epilogue
// CHECK-NOT:     linalg
// CHECK:         %[[F:.*]] = constant @stepwell.gemm.epilogue0
// CHECK:         %[[FINISH:.*]] = builtin.unrealized_conversion_cast %[[F]]
// CHECK-NOT:     linalg
// CHECK:         call @stepwell.gemm.f32.{{.*}}product({{.*}}, %[[FINISH]], %{{.*}}, %{{.*}})
// CHECK-NOT:     linalg
// CHECK:         return
// CHECK:         func.func private @stepwell.gemm.epilogue0(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %[[M:.*]]: i64, %{{.*}}: i64, %[[N:.*]]: i64, %{{.*}}: i64)
// CHECK:           memref.subview %{{.*}}[%{{.*}}] [%{{.*}}] [1] : memref<?xf32>
// CHECK:           memref.subview %{{.*}}[%{{.*}}, %{{.*}}] [%{{.*}}, %{{.*}}] [1, 1] : memref<?x?xf32>
// CHECK:           linalg.generic
// CHECK:             arith.maximumf
// CHECK:         func.func private @stepwell.gemm.f32.{{.*}}product(
// CHECK:         func.func private @stepwell.gemm.f32.{{.*}}panels(
// CHECK:           llvm.call %{{.*}}(%{{.*}}) : !llvm.ptr, (!llvm.ptr, i64, i64, i64, i64, i64) -> ()
#id = affine_map<(i, j) -> (i, j)>
#column = affine_map<(i, j) -> (j)>
func.func @epilogue(%ctx: !llvm.ptr, %a: memref<?x?xf32>, %b: memref<?x?xf32>, %bias: memref<?xf32>, %c: memref<?x?xf32>) -> i32 attributes {stepwell.entry} {
  %zero = arith.constant 0.0 : f32
  %ok = arith.constant 0 : i32
  linalg.fill ins(%zero : f32) outs(%c : memref<?x?xf32>)
  linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  linalg.generic {indexing_maps = [#column, #id], iterator_types = ["parallel", "parallel"]} ins(%bias : memref<?xf32>) outs(%c : memref<?x?xf32>) {
  ^bb0(%x: f32, %old: f32):
    %0 = arith.addf %old, %x : f32
    %1 = arith.maximumf %0, %zero : f32
    linalg.yield %1 : f32
  }
  return %ok : i32
}

// -----

// What writes an operand of the product, or reads its result elsewhere than it writes, waits until it is complete.

// CHECK-LABEL: func.func @waits
// CHECK:         call @stepwell.gemm.f32.{{.*}}product.8x8x8(
// CHECK:         linalg.generic
// CHECK:         call @stepwell.gemm.f32.{{.*}}product.8x8x8(
// CHECK:         linalg.generic
// CHECK:         return
// CHECK-NOT:     epilogue
#id = affine_map<(i, j) -> (i, j)>
#turned = affine_map<(i, j) -> (j, i)>
func.func @waits(%ctx: !llvm.ptr, %a: memref<8x8xf32>, %b: memref<8x8xf32>, %c: memref<8x8xf32>, %d: memref<8x8xf32>) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  linalg.matmul ins(%a, %b : memref<8x8xf32>, memref<8x8xf32>) outs(%c : memref<8x8xf32>)
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%c : memref<8x8xf32>) outs(%a : memref<8x8xf32>) {
  ^bb0(%x: f32, %old: f32):
    %0 = arith.addf %x, %old : f32
    linalg.yield %0 : f32
  }
  linalg.matmul ins(%a, %b : memref<8x8xf32>, memref<8x8xf32>) outs(%d : memref<8x8xf32>)
  linalg.generic {indexing_maps = [#turned, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%d, %d : memref<8x8xf32>, memref<8x8xf32>) outs(%c : memref<8x8xf32>) {
  ^bb0(%x: f32, %y: f32, %old: f32):
    %0 = arith.addf %x, %y : f32
    linalg.yield %0 : f32
  }
  return %ok : i32
}

// -----

// A tile: its zeros go away as well, and iterations of a parallel loop share nothing.

// CHECK-LABEL: func.func @tile
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     linalg.fill
// CHECK:         scf.forall
// CHECK:           %[[SCRATCH:.*]] = llvm.mlir.zero
// CHECK:           call @stepwell.gemm.f32.{{.*}}product{{[^(]*}}(%{{[0-9]+}}, %false{{[_0-9]*}}, %[[SCRATCH]], {{.*}})
func.func @tile(%ctx: !llvm.ptr, %a: memref<8x8xf32>, %b: memref<8x8xf32>, %c: memref<4x8x8xf32>) -> i32 attributes {stepwell.entry} {
  %zero = arith.constant 0.0 : f32
  %ok = arith.constant 0 : i32
  scf.forall (%i) in (4) {
    %t = memref.subview %c[%i, 0, 0] [1, 8, 8] [1, 1, 1] : memref<4x8x8xf32> to memref<8x8xf32, strided<[8, 1], offset: ?>>
    linalg.fill ins(%zero : f32) outs(%t : memref<8x8xf32, strided<[8, 1], offset: ?>>)
    linalg.matmul ins(%a, %b : memref<8x8xf32>, memref<8x8xf32>) outs(%t : memref<8x8xf32, strided<[8, 1], offset: ?>>)
  }
  return %ok : i32
}

// -----

// A convolution is lowered later on; its zeros go away as well.

// CHECK-LABEL: func.func @convolution
// CHECK-NOT:     linalg.fill
// CHECK:         linalg.conv_2d_nchw_fchw {{.*}}stepwell.stores
func.func @convolution(%ctx: !llvm.ptr, %x: memref<?x3x?x?xf32>, %w: memref<12x3x3x3xf32>, %y: memref<?x12x?x?xf32>) -> i32 attributes {stepwell.entry} {
  %zero = arith.constant 0.0 : f32
  %ok = arith.constant 0 : i32
  linalg.fill ins(%zero : f32) outs(%y : memref<?x12x?x?xf32>)
  linalg.conv_2d_nchw_fchw ins(%x, %w : memref<?x3x?x?xf32>, memref<12x3x3x3xf32>) outs(%y : memref<?x12x?x?xf32>)
  return %ok : i32
}

// -----

// bf16 in tile registers: pairs of steps are packed as they are, sums are f32. Everything else stays as it is, and so
// does this without tile registers.

// CHECK-LABEL: func.func @bf16
// CHECK-NOT:     llvm.x86
// TILES-LABEL: func.func @bf16
// TILES:         func.func private @stepwell.gemm.f32.{{.*}}pack_tiles
// TILES:         func.func private @stepwell.gemm.f32.{{.*}}amxPackAr
// TILES:           llvm.intr.masked.load {{.*}} -> vector<16xi16>
// TILES:         func.func private @stepwell.gemm.f32.{{.*}}panels
// TILES:           llvm.call_intrinsic "llvm.x86.ldtilecfg"
// TILES:           call @stepwell.gemm.f32.{{.*}}amxSweep
// TILES:           llvm.call_intrinsic "llvm.x86.tilerelease"
// TILES:         func.func private @stepwell.gemm.f32.{{.*}}amxPackBs
// TILES:           vector.shuffle {{.*}} [0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15] : vector<8xi16>, vector<8xi16>
// TILES:         func.func private @stepwell.gemm.f32.{{.*}}amx2
// TILES:           scf.if
// TILES-COUNT-4:     llvm.call_intrinsic "llvm.x86.tileloadd64"
// TILES-COUNT-4:     llvm.call_intrinsic "llvm.x86.tilezero"
// TILES:           scf.for
// TILES-COUNT-4:     llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// TILES-COUNT-4:   llvm.call_intrinsic "llvm.x86.tilestored64"
func.func @bf16(%ctx: !llvm.ptr, %a: memref<?x?xbf16>, %b: memref<?x?xbf16>, %c: memref<?x?xf32>) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  linalg.matmul ins(%a, %b : memref<?x?xbf16>, memref<?x?xbf16>) outs(%c : memref<?x?xf32>)
  return %ok : i32
}
