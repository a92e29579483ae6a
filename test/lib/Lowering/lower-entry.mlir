// RUN: stepwell-opt %s -split-input-file -pass-pipeline="builtin.module(stepwell-lower-entry{entry=k})" | FileCheck %s

// The memref type tells the layout; a scalar is a value; a result has its own buffer.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[X:.*]]: memref<?x?xf32, strided<[?, ?]>>,
// CHECK-SAME: %{{.*}}: memref<?x?xf32, strided<[?, 1]>>, %{{.*}}: memref<?xf32>, %[[S:.*]]: f32,
// CHECK-SAME: %[[OUT:.*]]: memref<?x?xf32>) -> i32 attributes {stepwell.entry}
// CHECK-DAG: %[[T:.*]] = bufferization.to_tensor %[[X]] restrict :
// CHECK-DAG: %[[PLACE:.*]] = bufferization.to_tensor %[[OUT]] restrict writable :
// CHECK-DAG: tensor.from_elements %[[S]] : tensor<f32>
// CHECK: %[[MADE:.*]] = bufferization.materialize_in_destination %[[T]] in %[[PLACE]]
// CHECK: bufferization.materialize_in_destination %[[MADE]] in writable %[[OUT]]
// CHECK: return %c0_i32
func.func @main(%x: tensor<?x?xf32> {stepwell.layout = "strided"}, %y: tensor<?x?xf32> {stepwell.layout = "rows"},
                %z: tensor<?xf32> {stepwell.layout = "rows"}, %s: tensor<f32> {stepwell.scalar}) -> tensor<?x?xf32> {
  return %x : tensor<?x?xf32>
}

// -----

// An update is materialised in the tensor of the input, so that bufferisation sees who still reads it.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[P:.*]]: memref<?xf32>) -> i32
// CHECK: %[[T:.*]] = bufferization.to_tensor %[[P]] restrict writable :
// CHECK: %[[NEW:.*]] = math.exp
// CHECK: %[[IN:.*]] = bufferization.materialize_in_destination %[[NEW]] in %[[T]]
// CHECK: bufferization.materialize_in_destination %[[IN]] in writable %[[P]]
func.func @main(%p: tensor<?xf32>) -> (tensor<?xf32> {stepwell.into = 0 : i64}) {
  %0 = math.exp %p : tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// A partial overlap is copied away first.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %{{.*}}, %[[Q:.*]]: memref<?xf32>) -> i32
// CHECK: %[[COPY:.*]] = memref.alloc(%{{.*}}) : memref<?xf32>
// CHECK: memref.copy %[[Q]], %[[COPY]]
// CHECK: bufferization.to_tensor %[[COPY]] restrict :
func.func @main(%p: tensor<?xf32>, %q: tensor<?xf32> {stepwell.may_alias}) -> (tensor<?xf32> {stepwell.into = 0 : i64}) {
  %0 = arith.addf %p, %q : tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[LIKE:.*]]: memref<?xf32>, %{{.*}}: memref<?xf32>) -> i32
// CHECK-NOT: to_tensor %[[LIKE]]
// CHECK: memref.dim %[[LIKE]]
func.func @main(%like: tensor<?xf32> {stepwell.shape_only}) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %like, %c0 : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  return %e : tensor<?xf32>
}

// -----

// A copy reads its source once: nothing overwrites the source, so that it need not be taken out of the way.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[TO:.*]]: memref<?xf32>, %[[FROM:.*]]: memref<?xf32>) -> i32
// CHECK-DAG: %[[T:.*]] = bufferization.to_tensor %[[TO]] restrict writable :
// CHECK-DAG: %[[F:.*]] = bufferization.to_tensor %[[FROM]] restrict :
// CHECK-NOT: alloc_tensor
// CHECK: bufferization.materialize_in_destination %[[F]] in %[[T]]
func.func @main(%to: tensor<?xf32>, %from: tensor<?xf32>) -> (tensor<?xf32> {stepwell.into = 0 : i64}) {
  return %from : tensor<?xf32>
}

// -----

// Two inputs change places.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %[[A:.*]]: memref<?xf32>, %[[B:.*]]: memref<?xf32>) -> i32
// CHECK-COUNT-2: bufferization.alloc_tensor() copy(
func.func @main(%a: tensor<?xf32>, %b: tensor<?xf32>) -> (tensor<?xf32> {stepwell.into = 1 : i64}, tensor<?xf32> {stepwell.into = 0 : i64}) {
  return %a, %b : tensor<?xf32>, tensor<?xf32>
}

// -----

// The value of a scalar that is always the same is a constant; its word stays in the signature.
// CHECK: func.func @k(%{{.*}}: !llvm.ptr, %{{.*}}: f32, %{{.*}}: memref<f32>) -> i32
// CHECK: %[[TWO:.*]] = arith.constant 2.0{{.*}} : f32
// CHECK: tensor.from_elements %[[TWO]] : tensor<f32>
func.func @main(%s: tensor<f32> {stepwell.scalar, stepwell.number = 2.0 : f64}) -> tensor<f32> {
  return %s : tensor<f32>
}
