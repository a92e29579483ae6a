// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --cpu-vectorize-linalg="vector-bits=256 unroll=1" | FileCheck %s
// RUN: stepwell-opt %s --cpu-vectorize-linalg="vector-bits=256 unroll=1 narrow-masks=true" | FileCheck %s --check-prefix=NARROW
// RUN: stepwell-opt %s --cpu-vectorize-linalg="vector-bits=256" | FileCheck %s --check-prefix=NEXT

// Whole vectors, then the rest under a mask; a size-1 dimension is spread.

// CHECK-LABEL: func.func @broadcast
// CHECK:         vector.broadcast %{{.*}} : f32 to vector<8xf32>
// CHECK:         scf.for %{{.*}} step %c8
// CHECK:           vector.load %{{.*}} : memref<?xf32, strided<[1], offset: ?>>, vector<8xf32>
// CHECK:           arith.addf %{{.*}} : vector<8xf32>
// CHECK:           vector.store
// CHECK:         vector.maskedload
// CHECK:         arith.addf %{{.*}} : vector<8xf32>
// CHECK:         vector.maskedstore
// CHECK-NOT:   linalg.generic
func.func @broadcast(%x: memref<?x?xf32>, %y: memref<?x1xf32>, %z: memref<?x?xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, 0)>,
                       affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%x, %y : memref<?x?xf32>, memref<?x1xf32>) outs(%z : memref<?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  }
  return
}

// bool is i8 in memory; without byte masks the rest is scalar.

// CHECK-LABEL: func.func @compare
// CHECK:         arith.cmpf olt, %{{.*}} : vector<8xf32>
// CHECK:         arith.extui %{{.*}} : vector<8xi1> to vector<8xi8>
// CHECK:         vector.store %{{.*}} : memref<?xi8, strided<[1]>>, vector<8xi8>
// CHECK-NOT:     maskedstore
// CHECK:         arith.cmpf olt, %{{.*}} : f32
func.func @compare(%x: memref<?xf32>, %y: memref<?xf32>, %z: memref<?xi8>) {
  linalg.generic {
      indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
      iterator_types = ["parallel"]}
      ins(%x, %y : memref<?xf32>, memref<?xf32>) outs(%z : memref<?xi8>) {
  ^bb0(%a: f32, %b: f32, %c: i8):
    %0 = arith.cmpf olt, %a, %b : f32
    %1 = arith.extui %0 : i1 to i8
    linalg.yield %1 : i8
  }
  return
}

// A body that reads memory by itself stays scalar.

// CHECK-LABEL: func.func @gather
// CHECK-NOT:     vector
// CHECK:         scf.for
// CHECK:         memref.store
func.func @gather(%x: memref<?xf32>, %i: memref<?xindex>, %z: memref<?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
                  iterator_types = ["parallel"]}
      ins(%i : memref<?xindex>) outs(%z : memref<?xf32>) {
  ^bb0(%a: index, %c: f32):
    %0 = memref.load %x[%a] : memref<?xf32>
    linalg.yield %0 : f32
  }
  return
}

// An input that may repeat one element is asked whether it does: then the element is loaded once.
// CHECK-LABEL: func.func @maybe_repeated
// CHECK: %[[STILL:.*]] = arith.cmpi eq, %{{.*}}, %c0
// CHECK: scf.if %[[STILL]] {
// CHECK: memref.load
// CHECK: vector.broadcast
// CHECK: scf.for
// CHECK-NOT: load
// CHECK: vector.store
// CHECK: } else {
// CHECK: vector.from_elements
func.func @maybe_repeated(%x: memref<?xf32, strided<[?]>>, %out: memref<?xf32>) {
  linalg.copy ins(%x : memref<?xf32, strided<[?]>>) outs(%out : memref<?xf32>)
  return
}

// What was loaded and goes back where it came from, or something else does, is hidden from LLVM, which would store
// under a mask; with masks in registers it may.

// CHECK-LABEL: func.func @select_in_place
// CHECK:         scf.for %{{.*}} step %c8
// CHECK:           %[[OLD:.*]] = vector.load %{{.*}}, vector<8xf32>
// CHECK:           %[[HIDDEN:.*]] = llvm.freeze %[[OLD]] : vector<8xf32>
// CHECK:           %[[NEW:.*]] = arith.select %{{.*}}, %[[HIDDEN]], %{{.*}} : vector<8xi1>, vector<8xf32>
// CHECK:           vector.store %[[NEW]]
// CHECK:         return
// NARROW-LABEL: func.func @select_in_place
// NARROW-NOT:     llvm.freeze
// NARROW:         return
func.func @select_in_place(%x: memref<?xf32>, %m: memref<?xi8>) {
  linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>],
                  iterator_types = ["parallel"]}
      ins(%x, %m : memref<?xf32>, memref<?xi8>) outs(%x : memref<?xf32>) {
  ^bb0(%a: f32, %k: i8, %o: f32):
    %zero = arith.constant 0 : i8
    %low = arith.constant 0xFF800000 : f32
    %keep = arith.cmpi ne, %k, %zero : i8
    %r = arith.select %keep, %a, %low : f32
    linalg.yield %r : f32
  }
  return
}

// A mask of bytes that is read turned is turned in registers beside f32, not put together from single bytes.

// CHECK-LABEL: func.func @turned_mask
// CHECK:         scf.for
// CHECK-COUNT-8:   vector.load %{{.*}}, vector<8xi8>
// CHECK-COUNT-24:  vector.shuffle %{{.*}} : vector<8xi8>, vector<8xi8>
// CHECK-NOT:       vector.from_elements
// CHECK:           arith.select %{{.*}} : vector<8xi1>, vector<8xf32>
func.func @turned_mask(%x: memref<128x64xf32>, %m: memref<?x?xi8, strided<[?, 1]>>, %y: memref<128x64xf32>) {
  %part = memref.subview %m[0, 0] [64, 128] [1, 1] : memref<?x?xi8, strided<[?, 1]>> to memref<64x128xi8, strided<[?, 1]>>
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>],
                  iterator_types = ["parallel", "parallel"]}
      ins(%x, %part : memref<128x64xf32>, memref<64x128xi8, strided<[?, 1]>>) outs(%y : memref<128x64xf32>) {
  ^bb0(%a: f32, %k: i8, %o: f32):
    %zero = arith.constant 0 : i8
    %low = arith.constant 0xFF800000 : f32
    %keep = arith.cmpi ne, %k, %zero : i8
    %r = arith.select %keep, %a, %low : f32
    linalg.yield %r : f32
  }
  return
}

// One line of the next row for each line of this one: of the four vectors of a step, two begin a line.

// NEXT-LABEL: func.func @next_row
// NEXT:         scf.for
// NEXT-COUNT-2:   memref.prefetch %{{.*}}, read, locality<3>, data
// NEXT-NOT:       memref.prefetch
// NEXT:         scf.for
// NEXT:           memref.prefetch
// NEXT-NOT:       memref.prefetch
func.func @next_row(%x: memref<1x?xf32, strided<[?, 1]>>, %y: memref<1x?xf32, strided<[?, 1]>>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<1x?xf32, strided<[?, 1]>>) outs(%y : memref<1x?xf32, strided<[?, 1]>>) attrs = {stepwell.next = array<i64: 0, 0>} {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %a, %a : f32
    linalg.yield %0 : f32
  }
  return
}

// A long rare case is a function: one for vectors and one for the rest, of all loops that have it.
// CHECK-LABEL: func.func @rare
// CHECK: scf.if {{.*}} -> (vector<8xf32>) {
// CHECK-NEXT: call @[[RARE:rare_case_[0-9]+]](
// CHECK-NEXT: scf.yield
// CHECK-LABEL: func.func @rare_again
// CHECK: call @[[RARE]](
// CHECK: func.func private @[[RARE]]({{.*}}vector<8xf32>{{.*}}) -> vector<8xf32> attributes {passthrough = ["cold", "noinline"]}
// CHECK-COUNT-34: arith.mulf
// CHECK: return
// CHECK-NOT: func.func private @rare_case
func.func @rare(%x: memref<?xf32>, %z: memref<?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
                  iterator_types = ["parallel"]}
      ins(%x : memref<?xf32>) outs(%z : memref<?xf32>) {
  ^bb0(%a: f32, %c: f32):
    %limit = arith.constant 8.0 : f32
    %huge = arith.cmpf oge, %a, %limit : f32
    %0 = scf.if %huge -> (f32) {
      %m0 = arith.mulf %a, %a : f32
      %m1 = arith.mulf %m0, %a : f32
      %m2 = arith.mulf %m1, %a : f32
      %m3 = arith.mulf %m2, %a : f32
      %m4 = arith.mulf %m3, %a : f32
      %m5 = arith.mulf %m4, %a : f32
      %m6 = arith.mulf %m5, %a : f32
      %m7 = arith.mulf %m6, %a : f32
      %m8 = arith.mulf %m7, %a : f32
      %m9 = arith.mulf %m8, %a : f32
      %m10 = arith.mulf %m9, %a : f32
      %m11 = arith.mulf %m10, %a : f32
      %m12 = arith.mulf %m11, %a : f32
      %m13 = arith.mulf %m12, %a : f32
      %m14 = arith.mulf %m13, %a : f32
      %m15 = arith.mulf %m14, %a : f32
      %m16 = arith.mulf %m15, %a : f32
      %m17 = arith.mulf %m16, %a : f32
      %m18 = arith.mulf %m17, %a : f32
      %m19 = arith.mulf %m18, %a : f32
      %m20 = arith.mulf %m19, %a : f32
      %m21 = arith.mulf %m20, %a : f32
      %m22 = arith.mulf %m21, %a : f32
      %m23 = arith.mulf %m22, %a : f32
      %m24 = arith.mulf %m23, %a : f32
      %m25 = arith.mulf %m24, %a : f32
      %m26 = arith.mulf %m25, %a : f32
      %m27 = arith.mulf %m26, %a : f32
      %m28 = arith.mulf %m27, %a : f32
      %m29 = arith.mulf %m28, %a : f32
      %m30 = arith.mulf %m29, %a : f32
      %m31 = arith.mulf %m30, %a : f32
      %m32 = arith.mulf %m31, %a : f32
      %m33 = arith.mulf %m32, %a : f32
      scf.yield %m33 : f32
    } else {
      scf.yield %a : f32
    }
    linalg.yield %0 : f32
  }
  return
}

func.func @rare_again(%x: memref<?xf32>, %z: memref<?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
                  iterator_types = ["parallel"]}
      ins(%x : memref<?xf32>) outs(%z : memref<?xf32>) {
  ^bb0(%a: f32, %c: f32):
    %limit = arith.constant 8.0 : f32
    %huge = arith.cmpf oge, %a, %limit : f32
    %0 = scf.if %huge -> (f32) {
      %m0 = arith.mulf %a, %a : f32
      %m1 = arith.mulf %m0, %a : f32
      %m2 = arith.mulf %m1, %a : f32
      %m3 = arith.mulf %m2, %a : f32
      %m4 = arith.mulf %m3, %a : f32
      %m5 = arith.mulf %m4, %a : f32
      %m6 = arith.mulf %m5, %a : f32
      %m7 = arith.mulf %m6, %a : f32
      %m8 = arith.mulf %m7, %a : f32
      %m9 = arith.mulf %m8, %a : f32
      %m10 = arith.mulf %m9, %a : f32
      %m11 = arith.mulf %m10, %a : f32
      %m12 = arith.mulf %m11, %a : f32
      %m13 = arith.mulf %m12, %a : f32
      %m14 = arith.mulf %m13, %a : f32
      %m15 = arith.mulf %m14, %a : f32
      %m16 = arith.mulf %m15, %a : f32
      %m17 = arith.mulf %m16, %a : f32
      %m18 = arith.mulf %m17, %a : f32
      %m19 = arith.mulf %m18, %a : f32
      %m20 = arith.mulf %m19, %a : f32
      %m21 = arith.mulf %m20, %a : f32
      %m22 = arith.mulf %m21, %a : f32
      %m23 = arith.mulf %m22, %a : f32
      %m24 = arith.mulf %m23, %a : f32
      %m25 = arith.mulf %m24, %a : f32
      %m26 = arith.mulf %m25, %a : f32
      %m27 = arith.mulf %m26, %a : f32
      %m28 = arith.mulf %m27, %a : f32
      %m29 = arith.mulf %m28, %a : f32
      %m30 = arith.mulf %m29, %a : f32
      %m31 = arith.mulf %m30, %a : f32
      %m32 = arith.mulf %m31, %a : f32
      %m33 = arith.mulf %m32, %a : f32
      scf.yield %m33 : f32
    } else {
      scf.yield %a : f32
    }
    linalg.yield %0 : f32
  }
  return
}
