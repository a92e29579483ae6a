// RUN: stepwell-opt %s -split-input-file -pass-pipeline="builtin.module(convert-array-to-linalg,stepwell-lower-entry{entry=k},func.func(stepwell-fuse-elementwise),stepwell-bufferize,canonicalize,cse)" | FileCheck %s

// p += g * lr in place: one loop, no copy, no temporary.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[P:.*]]: memref<?xf32>, %[[G:.*]]: memref<?xf32>, %[[LR:.*]]: f32)
// CHECK-NOT: memref.alloc
// CHECK: linalg.generic {{.*}} ins(%[[P]], %[[G]] : {{.*}}) outs(%[[P]] :
// CHECK: arith.mulf %{{.*}}, %[[LR]]
// CHECK: arith.addf
// CHECK-NOT: linalg.copy
// CHECK: return
func.func @main(%p: tensor<?xf32>, %g: tensor<?xf32>, %lr: tensor<f32> {stepwell.scalar}) -> (tensor<?xf32> {stepwell.into = 0 : i64}) {
  %0 = array.mul %g, %lr : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %1 = array.add %p, %0 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}

// -----

// p @ w reads p while it writes: the product is made elsewhere.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[P:.*]]: memref<?x?xf32>, %[[W:.*]]: memref<?x?xf32>)
// CHECK: %[[T:.*]] = memref.alloc
// CHECK: linalg.generic {{.*}} ins(%[[P]], %[[W]] : {{.*}}) outs(%[[T]] :
// CHECK: linalg.copy ins(%[[T]] : {{.*}}) outs(%[[P]] :
func.func @main(%p: tensor<?x?xf32>, %w: tensor<?x?xf32>) -> (tensor<?x?xf32> {stepwell.into = 0 : i64}) {
  %0 = array.matmul %p, %w : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// p + p.T reads each element twice, at two times: not in place.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[P:.*]]: memref<?x?xf32>)
// CHECK: %[[T:.*]] = memref.alloc
// CHECK: linalg.generic {{.*}} outs(%[[T]] :
// CHECK: linalg.copy ins(%[[T]] : {{.*}}) outs(%[[P]] :
func.func @main(%p: tensor<?x?xf32>) -> (tensor<?x?xf32> {stepwell.into = 0 : i64}) {
  %0 = array.transpose %p {permutation = array<i64: 1, 0>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = array.add %p, %0 : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}

// -----

// The second result reads the p that the first one overwrites.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[P:.*]]: memref<?xf32>, %[[OUT:.*]]: memref<?xf32>)
// CHECK: %[[T:.*]] = memref.alloc
// CHECK: linalg.generic {{.*}} ins(%[[P]] : {{.*}}) outs(%[[T]] :
// CHECK: linalg.generic {{.*}} ins(%[[P]] : {{.*}}) outs(%[[OUT]] :
// CHECK: linalg.copy ins(%[[T]] : {{.*}}) outs(%[[P]] :
func.func @main(%p: tensor<?xf32>) -> (tensor<?xf32> {stepwell.into = 0 : i64}, tensor<?xf32>) {
  %0 = array.exp %p : (tensor<?xf32>) -> tensor<?xf32>
  %1 = array.add %p, %p : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %0, %1 : tensor<?xf32>, tensor<?xf32>
}

// -----

// Two inputs change places: both are read before either is written.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[P:.*]]: memref<?xf32>, %[[Q:.*]]: memref<?xf32>)
// CHECK-DAG: linalg.copy ins(%[[Q]] : {{.*}}) outs(%[[TQ:.*]] :
// CHECK-DAG: linalg.copy ins(%[[P]] : {{.*}}) outs(%[[TP:.*]] :
// CHECK: linalg.copy ins(%[[TQ]] : {{.*}}) outs(%[[P]] :
// CHECK: linalg.copy ins(%[[TP]] : {{.*}}) outs(%[[Q]] :
func.func @main(%p: tensor<?xf32>, %q: tensor<?xf32>) -> (tensor<?xf32> {stepwell.into = 0 : i64}, tensor<?xf32> {stepwell.into = 1 : i64}) {
  return %q, %p : tensor<?xf32>, tensor<?xf32>
}

// -----

// A reduction that keeps its dimension is computed where the caller wants it.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[X:.*]]: memref<?x?xf32>, %[[OUT:.*]]: memref<?x1xf32>)
// CHECK-NOT: memref.alloc
// CHECK: %[[VIEW:.*]] = memref.subview %[[OUT]]
// CHECK: linalg.generic {{.*}} ins(%[[X]] : {{.*}}) outs(%[[VIEW]] :
// CHECK-NOT: linalg.copy
// CHECK: return
func.func @main(%x: tensor<?x?xf32>) -> tensor<?x1xf32> {
  %0 = array.sum %x {dims = array<i64: 1>, keepdim = true} : (tensor<?x?xf32>) -> tensor<?x1xf32>
  return %0 : tensor<?x1xf32>
}

// -----

// Two products add to zeros of one shape: each has its own, in the memory of its result.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[A:.*]]: memref<4x4xf32>, %[[B:.*]]: memref<4x4xf32>, %[[X:.*]]: memref<4x4xf32>, %[[Y:.*]]: memref<4x4xf32>)
// CHECK-NOT: memref.alloc
// CHECK-NOT: linalg.copy
// CHECK-DAG: linalg.matmul ins(%[[A]], %[[B]] : {{.*}}) outs(%[[X]] :
// CHECK-DAG: linalg.matmul ins(%[[B]], %[[A]] : {{.*}}) outs(%[[Y]] :
// CHECK-NOT: linalg.copy
// CHECK: return
func.func @main(%a: tensor<4x4xf32>, %b: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<4x4xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x4xf32>) -> tensor<4x4xf32>
  %0 = linalg.matmul ins(%a, %b : tensor<4x4xf32>, tensor<4x4xf32>) outs(%zeros : tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = linalg.matmul ins(%b, %a : tensor<4x4xf32>, tensor<4x4xf32>) outs(%zeros : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0, %1 : tensor<4x4xf32>, tensor<4x4xf32>
}

// -----

// The exponentials are read by the sum, then scaled where they are: in the memory of the result.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[X:.*]]: memref<8x8xf32>, %[[OUT:.*]]: memref<8x8xf32>)
// CHECK-NOT: memref.alloc() {{.*}} : memref<8x8xf32>
// CHECK: linalg.generic {{.*}} ins(%[[X]] : {{.*}}) outs(%[[OUT]] :
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]} ins(%[[OUT]] :
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : memref<8x1xf32>) outs(%[[OUT]] :
// CHECK-NOT: linalg.copy
// CHECK: return
func.func @main(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = array.exp %x : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = array.sum %0 {dims = array<i64: 1>, keepdim = true} : (tensor<8x8xf32>) -> tensor<8x1xf32>
  %2 = array.div %0, %1 : (tensor<8x8xf32>, tensor<8x1xf32>) -> tensor<8x8xf32>
  return %2 : tensor<8x8xf32>
}

// -----

// Two inputs change places once their slices are known to be whole: neither result can be made where it belongs
// before the other input is read, so one of them waits elsewhere.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[P:.*]]: memref<4xf32>, %[[Q:.*]]: memref<4xf32>)
// CHECK-DAG: linalg.copy ins(%[[Q]] : {{.*}}) outs(%[[TQ:.*]] :
// CHECK-DAG: linalg.copy ins(%[[P]] : {{.*}}) outs(%[[TP:.*]] :
// CHECK-DAG: linalg.copy ins(%[[TQ]] : {{.*}}) outs(%[[P]] :
// CHECK-DAG: linalg.copy ins(%[[TP]] : {{.*}}) outs(%[[Q]] :
func.func @main(%p: tensor<4xf32>, %q: tensor<4xf32>) -> (tensor<4xf32> {stepwell.into = 0 : i64}, tensor<4xf32> {stepwell.into = 1 : i64}) {
  %0 = array.insert_slice %p, %q {starts = array<i64: 0>, steps = array<i64: 1>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = array.insert_slice %q, %p {starts = array<i64: 0>, steps = array<i64: 1>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// -----

// Two results of one operation begin with the same uninitialised tensor: they are two buffers.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[X:.*]]: memref<4xf32>
// CHECK: %[[A:.*]] = memref.alloc() {{.*}}memref<4xf32>
// CHECK: %[[B:.*]] = memref.alloc() {{.*}}memref<4xf32>
// CHECK: linalg.generic {{.*}} ins(%[[X]] : {{.*}}) outs(%[[A]], %[[B]] :
func.func @main(%x: tensor<4xf32>) -> (tensor<f32>, tensor<f32>) {
  %empty = tensor.empty() : tensor<4xf32>
  %both:2 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<4xf32>) outs(%empty, %empty : tensor<4xf32>, tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = math.exp %a : f32
    %1 = math.log %a : f32
    linalg.yield %0, %1 : f32, f32
  } -> (tensor<4xf32>, tensor<4xf32>)
  %0 = array.sum %both#0 {dims = array<i64: 0>, keepdim = false} : (tensor<4xf32>) -> tensor<f32>
  %1 = array.sum %both#1 {dims = array<i64: 0>, keepdim = false} : (tensor<4xf32>) -> tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}

// -----

// A chain of writes longer than the analysis is asked to see goes on in the same buffer: no copy, no temporary.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[P:.*]]: memref<4x4xf32>, %[[Q:.*]]: memref<4xf32>)
// CHECK-NOT: memref.alloc
// CHECK-COUNT-17: linalg.copy ins(%[[Q]] :
// CHECK-NOT: linalg.copy
// CHECK: return
func.func @main(%p: tensor<4x4xf32>, %q: tensor<4xf32>) -> (tensor<4x4xf32> {stepwell.into = 0 : i64}) {
  %0 = tensor.insert_slice %q into %p[0, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  %1 = tensor.insert_slice %q into %0[1, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  %2 = tensor.insert_slice %q into %1[2, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  %3 = tensor.insert_slice %q into %2[3, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  %4 = tensor.insert_slice %q into %3[0, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  %5 = tensor.insert_slice %q into %4[1, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  %6 = tensor.insert_slice %q into %5[2, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  %7 = tensor.insert_slice %q into %6[3, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  %8 = tensor.insert_slice %q into %7[0, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  %9 = tensor.insert_slice %q into %8[1, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  %10 = tensor.insert_slice %q into %9[2, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  %11 = tensor.insert_slice %q into %10[3, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  %12 = tensor.insert_slice %q into %11[0, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  %13 = tensor.insert_slice %q into %12[1, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  %14 = tensor.insert_slice %q into %13[2, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  %15 = tensor.insert_slice %q into %14[3, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  %16 = tensor.insert_slice %q into %15[0, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<4x4xf32>
  return %16 : tensor<4x4xf32>
}

// -----

// An input that stays as it is is no place to make another result in.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[P:.*]]: memref<4xf32>, %[[Q:.*]]: memref<2xf32>, %[[OUT:.*]]: memref<4xf32>)
// CHECK-NOT: outs(%[[P]]
// CHECK: return
func.func @main(%p: tensor<4xf32>, %q: tensor<2xf32>) -> (tensor<4xf32>, tensor<4xf32> {stepwell.into = 0 : i64}) {
  %0 = array.insert_slice %p, %q {starts = array<i64: 0>, steps = array<i64: 1>} : (tensor<4xf32>, tensor<2xf32>) -> tensor<4xf32>
  return %0, %p : tensor<4xf32>, tensor<4xf32>
}

// -----

// A result that others read is made where it is wanted, and not in the memory of the first who reads it.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[X:.*]]: memref<4x4xf32>, %[[OUT:.*]]: memref<6x6xf32>, %[[Y:.*]]: memref<4x4xf32>)
// CHECK: linalg.generic {{.*}} ins(%[[X]] : {{.*}}) outs(%[[Y]] :
// CHECK: linalg.copy ins(%[[Y]] :
// CHECK-NOT: outs(%[[Y]]
// CHECK: return
func.func @main(%x: tensor<4x4xf32>) -> (tensor<6x6xf32>, tensor<4x4xf32>) {
  %0 = array.exp %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = array.pad %0 {low = array<i64: 1, 1>, high = array<i64: 1, 1>} : (tensor<4x4xf32>) -> tensor<6x6xf32>
  %2 = array.matmul %1, %1 : (tensor<6x6xf32>, tensor<6x6xf32>) -> tensor<6x6xf32>
  return %2, %0 : tensor<6x6xf32>, tensor<4x4xf32>
}

// -----

// What a product adds to is made right before it: the temporaries of one are free again for the next.
// CHECK: func.func @k(
// CHECK: linalg.fill {{.*}} outs(%[[A:[^ ]*]] :
// CHECK-NEXT: linalg.generic {{.*}} outs(%[[A]] :
// CHECK: linalg.fill {{.*}} outs(%[[B:[^ ]*]] :
// CHECK-NEXT: linalg.generic {{.*}} outs(%[[B]] :
// CHECK: linalg.fill {{.*}} outs(%[[C:[^ ]*]] :
// CHECK-NEXT: linalg.generic {{.*}} outs(%[[C]] :
// CHECK: return
func.func @main(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<4x4xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x4xf32>) -> tensor<4x4xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%fill : tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %c, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %1 = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%0, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%fill : tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %c, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %2 = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%1, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%fill : tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %c, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}
