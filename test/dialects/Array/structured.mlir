// RUN: stepwell-opt %s | stepwell-opt | FileCheck %s
// RUN: stepwell-opt %s -mlir-print-op-generic | stepwell-opt | FileCheck %s

// CHECK-LABEL: @reductions
func.func @reductions(%a: tensor<2x?x4xf32>, %b: tensor<?x3xi1>, %c: tensor<?x3xi64>) {
  // CHECK: array.prod %{{.*}} {dims = array<i64: 0, 2>} : (tensor<2x?x4xf32>) -> tensor<?xf32>
  %0 = array.prod %a {dims = array<i64: 0, 2>} : (tensor<2x?x4xf32>) -> tensor<?xf32>
  // CHECK: array.amax %{{.*}} {dims = array<i64: 2>, keepdim = true} : (tensor<2x?x4xf32>) -> tensor<2x?x1xf32>
  %1 = array.amax %a {dims = array<i64: 2>, keepdim = true} : (tensor<2x?x4xf32>) -> tensor<2x?x1xf32>
  // CHECK: array.amin %{{.*}} {dims = array<i64: 0, 1, 2>} : (tensor<2x?x4xf32>) -> tensor<f32>
  %2 = array.amin %a {dims = array<i64: 0, 1, 2>} : (tensor<2x?x4xf32>) -> tensor<f32>
  // CHECK: array.any %{{.*}} {dims = array<i64: 1>} : (tensor<?x3xi1>) -> tensor<?xi1>
  %3 = array.any %b {dims = array<i64: 1>} : (tensor<?x3xi1>) -> tensor<?xi1>
  // CHECK: array.all %{{.*}} {dims = array<i64: 0>, keepdim = true} : (tensor<?x3xi1>) -> tensor<1x3xi1>
  %4 = array.all %b {dims = array<i64: 0>, keepdim = true} : (tensor<?x3xi1>) -> tensor<1x3xi1>
  // CHECK: array.argmax %{{.*}} {dims = array<i64: 1>} : (tensor<2x?x4xf32>) -> tensor<2x4xi64>
  %5 = array.argmax %a {dims = array<i64: 1>} : (tensor<2x?x4xf32>) -> tensor<2x4xi64>
  // CHECK: array.argmin %{{.*}} {dims = array<i64: 0, 1>} : (tensor<?x3xi1>) -> tensor<i64>
  %6 = array.argmin %b {dims = array<i64: 0, 1>} : (tensor<?x3xi1>) -> tensor<i64>
  // CHECK: array.count %{{.*}} {dims = array<i64: 0, 1>, dtype = f64} : (tensor<2x?x4xf32>) -> tensor<f64>
  %7 = array.count %a {dims = array<i64: 0, 1>, dtype = f64} : (tensor<2x?x4xf32>) -> tensor<f64>
  // CHECK: array.sort %{{.*}} {descending = true, dim = 0 : i64} : (tensor<?x3xi64>) -> (tensor<?x3xi64>, tensor<?x3xi64>)
  %sorted:2 = array.sort %c {dim = 0 : i64, descending = true} : (tensor<?x3xi64>) -> (tensor<?x3xi64>, tensor<?x3xi64>)
  // CHECK: array.topk %{{.*}} {dim = 1 : i64, k = 2 : i64} : (tensor<?x3xi64>) -> (tensor<?x2xi64>, tensor<?x2xi64>)
  %top:2 = array.topk %c {dim = 1 : i64, k = 2 : i64} : (tensor<?x3xi64>) -> (tensor<?x2xi64>, tensor<?x2xi64>)
  // CHECK: array.cumsum %{{.*}} {dim = 0 : i64} : (tensor<?x3xi64>) -> tensor<?x3xi64>
  %8 = array.cumsum %c {dim = 0 : i64} : (tensor<?x3xi64>) -> tensor<?x3xi64>
  // CHECK: array.cumsum %{{.*}} {dim = 1 : i64, reverse = true} : (tensor<?x3xi64>) -> tensor<?x3xi64>
  %9 = array.cumsum %c {dim = 1 : i64, reverse = true} : (tensor<?x3xi64>) -> tensor<?x3xi64>
  return
}

// CHECK-LABEL: @made
func.func @made(%a: tensor<2x?xf32>, %b: tensor<ui8>, %c: tensor<1x3xf16>) {
  // CHECK: array.detach %{{.*}} : (tensor<2x?xf32>) -> tensor<2x?xf32>
  %detached = array.detach %a : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK: array.with_gradient_of %{{.*}}, %{{.*}} : (tensor<2x?xf32>, tensor<2x?xf32>) -> tensor<2x?xf32>
  %kept = array.with_gradient_of %a, %detached : (tensor<2x?xf32>, tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK: array.iota %{{.*}} {dim = 1 : i64, dtype = i32} : (tensor<2x?xf32>) -> tensor<2x?xi32>
  %0 = array.iota %a {dim = 1 : i64, dtype = i32} : (tensor<2x?xf32>) -> tensor<2x?xi32>
  // CHECK: array.full %{{.*}} {sizes = array<i64: 2, 0>} : (tensor<ui8>) -> tensor<2x0xui8>
  %1 = array.full %b {sizes = array<i64: 2, 0>} : (tensor<ui8>) -> tensor<2x0xui8>
  // CHECK: array.broadcast %{{.*}} {sizes = array<i64: 4, 2, 3>} : (tensor<1x3xf16>) -> tensor<4x2x3xf16>
  %2 = array.broadcast %c {sizes = array<i64: 4, 2, 3>} : (tensor<1x3xf16>) -> tensor<4x2x3xf16>
  return
}

// CHECK-LABEL: @moved
func.func @moved(%a: tensor<2x?xf32>, %b: tensor<6x4xbf16>, %c: tensor<3x8xi1>, %p: tensor<2x2xbf16>, %l: tensor<?x1xbf16>, %o: tensor<1x1xbf16>) {
  // CHECK: array.reshape %{{.*}} {sizes = array<i64: 3, 2>} : (tensor<2x?xf32>) -> tensor<3x2xf32>
  %0 = array.reshape %a {sizes = array<i64: 3, 2>} : (tensor<2x?xf32>) -> tensor<3x2xf32>
  // CHECK: array.reshape %{{.*}} {sizes = array<i64>} : (tensor<1x1xbf16>) -> tensor<bf16>
  %1 = array.reshape %o {sizes = array<i64>} : (tensor<1x1xbf16>) -> tensor<bf16>
  // CHECK: array.reshape_like %{{.*}} : (tensor<6x4xbf16>, tensor<3x8xi1>) -> tensor<3x8xbf16>
  %2 = array.reshape_like %b, %c : (tensor<6x4xbf16>, tensor<3x8xi1>) -> tensor<3x8xbf16>
  // CHECK: array.flip %{{.*}} {dims = array<i64: 1, 0>} : (tensor<2x?xf32>) -> tensor<2x?xf32>
  %3 = array.flip %a {dims = array<i64: 1, 0>} : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK: array.pad %{{.*}} {high = array<i64: -2, 0>, low = array<i64: 1, 3>} : (tensor<6x4xbf16>) -> tensor<5x7xbf16>
  %4 = array.pad %b {high = array<i64: -2, 0>, low = array<i64: 1, 3>} : (tensor<6x4xbf16>) -> tensor<5x7xbf16>
  // CHECK: array.pad %{{.*}} {high = array<i64: 0, 1>, low = array<i64: 0, 1>, value = 1.500000e+00 : f64} : (tensor<2x?xf32>) -> tensor<2x?xf32>
  %5 = array.pad %a {high = array<i64: 0, 1>, low = array<i64: 0, 1>, value = 1.500000e+00 : f64} : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK: array.slice %{{.*}} {sizes = array<i64: 3, 2>, starts = array<i64: 1, 0>, steps = array<i64: 2, 3>} : (tensor<6x4xbf16>) -> tensor<3x2xbf16>
  %6 = array.slice %b {sizes = array<i64: 3, 2>, starts = array<i64: 1, 0>, steps = array<i64: 2, 3>} : (tensor<6x4xbf16>) -> tensor<3x2xbf16>
  // CHECK: array.insert_slice %{{.*}} {starts = array<i64: 4, 0>, steps = array<i64: 1, 3>} : (tensor<6x4xbf16>, tensor<2x2xbf16>) -> tensor<6x4xbf16>
  %7 = array.insert_slice %b, %p {starts = array<i64: 4, 0>, steps = array<i64: 1, 3>} : (tensor<6x4xbf16>, tensor<2x2xbf16>) -> tensor<6x4xbf16>
  // CHECK: array.concat %{{.*}} {dim = 1 : i64} : (tensor<6x4xbf16>, tensor<?x1xbf16>, tensor<6x4xbf16>) -> tensor<6x9xbf16>
  %8 = array.concat %b, %l, %b {dim = 1 : i64} : (tensor<6x4xbf16>, tensor<?x1xbf16>, tensor<6x4xbf16>) -> tensor<6x9xbf16>
  return
}

// CHECK-LABEL: @indexing
func.func @indexing(%x: tensor<4x?xf32>, %i: tensor<2x?xi32>, %v: tensor<2x?xf32>, %k: tensor<?xi64>, %s: tensor<?x?xf32>, %n: tensor<i64>, %m: tensor<3xi64>) {
  // CHECK: array.gather %{{.*}} {dim = 0 : i64} : (tensor<4x?xf32>, tensor<2x?xi32>) -> tensor<2x?xf32>
  %0 = array.gather %x, %i {dim = 0 : i64} : (tensor<4x?xf32>, tensor<2x?xi32>) -> tensor<2x?xf32>
  // CHECK: array.pick %{{.*}} {dim = 0 : i64} : (tensor<4x?xf32>, tensor<?xi64>) -> tensor<?xf32>
  %1 = array.pick %x, %k {dim = 0 : i64} : (tensor<4x?xf32>, tensor<?xi64>) -> tensor<?xf32>
  // CHECK: array.scatter_add %{{.*}} {dim = 0 : i64} : (tensor<4x?xf32>, tensor<2x?xi32>, tensor<2x?xf32>) -> tensor<4x?xf32>
  %2 = array.scatter_add %x, %i, %v {dim = 0 : i64} : (tensor<4x?xf32>, tensor<2x?xi32>, tensor<2x?xf32>) -> tensor<4x?xf32>
  // CHECK: array.index_select %{{.*}} {dim = 1 : i64} : (tensor<4x?xf32>, tensor<2x?xi32>) -> tensor<4x2x?xf32>
  %3 = array.index_select %x, %i {dim = 1 : i64} : (tensor<4x?xf32>, tensor<2x?xi32>) -> tensor<4x2x?xf32>
  // CHECK: array.index_select %{{.*}} {dim = 0 : i64} : (tensor<4x?xf32>, tensor<i64>) -> tensor<?xf32>
  %4 = array.index_select %x, %n {dim = 0 : i64} : (tensor<4x?xf32>, tensor<i64>) -> tensor<?xf32>
  // CHECK: array.index_add %{{.*}} {dim = 0 : i64} : (tensor<4x?xf32>, tensor<?xi64>, tensor<?x?xf32>) -> tensor<4x?xf32>
  %5 = array.index_add %x, %k, %s {dim = 0 : i64} : (tensor<4x?xf32>, tensor<?xi64>, tensor<?x?xf32>) -> tensor<4x?xf32>
  // CHECK: array.index_copy %{{.*}} {dim = 0 : i64} : (tensor<4x?xf32>, tensor<?xi64>, tensor<?x?xf32>) -> tensor<4x?xf32>
  %6 = array.index_copy %x, %k, %s {dim = 0 : i64} : (tensor<4x?xf32>, tensor<?xi64>, tensor<?x?xf32>) -> tensor<4x?xf32>
  // CHECK: array.one_hot %{{.*}} {num_classes = 5 : i64} : (tensor<2x?xi32>) -> tensor<2x?x5xi64>
  %7 = array.one_hot %i {num_classes = 5 : i64} : (tensor<2x?xi32>) -> tensor<2x?x5xi64>
  // CHECK: array.linear_index %{{.*}} : (tensor<i64>, tensor<3xi64>, tensor<i64>) -> tensor<3xi64>
  %8 = array.linear_index %n, %m, %n : (tensor<i64>, tensor<3xi64>, tensor<i64>) -> tensor<3xi64>
  // CHECK: array.wrap_index %{{.*}} {dim = 1 : i64} : (tensor<3xi64>, tensor<i64>) -> tensor<3xi64>
  %9 = array.wrap_index %m, %n {dim = 1 : i64} : (tensor<3xi64>, tensor<i64>) -> tensor<3xi64>
  return
}

// CHECK-LABEL: @dot_general
func.func @dot_general(%a: tensor<2x?x4xf32>, %b: tensor<5x4x2xf32>) {
  // The batch, the input's free dimensions, the other's.
  // CHECK: array.dot_general %{{.*}}, %{{.*}} {input_batch = array<i64: 0>, input_contract = array<i64: 2>, other_batch = array<i64: 2>, other_contract = array<i64: 1>} : (tensor<2x?x4xf32>, tensor<5x4x2xf32>) -> tensor<2x?x5xf32>
  %0 = array.dot_general %a, %b {input_batch = array<i64: 0>, other_batch = array<i64: 2>, input_contract = array<i64: 2>, other_contract = array<i64: 1>} : (tensor<2x?x4xf32>, tensor<5x4x2xf32>) -> tensor<2x?x5xf32>
  // CHECK: array.amax %{{.*}} {dims = array<i64: 0>, empty = true} : (tensor<2x?x4xf32>) -> tensor<?x4xf32>
  %1 = array.amax %a {dims = array<i64: 0>, empty = true} : (tensor<2x?x4xf32>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: @attention
func.func @attention(%q: tensor<2x?x?x8xf32>, %k: tensor<2x?x?x8xf32>, %v: tensor<2x?x?x4xf32>, %m: tensor<2x?x?x?xi1>, %b: tensor<2x?x?x?xf32>) {
  // CHECK: array.attention %{{.*}} {scale = 5.000000e-01 : f64} : (tensor<2x?x?x8xf32>, tensor<2x?x?x8xf32>, tensor<2x?x?x4xf32>) -> (tensor<2x?x?x4xf32>, tensor<2x?x?xf32>, tensor<2x?x?xf32>)
  %0:3 = array.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<2x?x?x8xf32>, tensor<2x?x?x8xf32>, tensor<2x?x?x4xf32>) -> (tensor<2x?x?x4xf32>, tensor<2x?x?xf32>, tensor<2x?x?xf32>)
  // CHECK: array.causal_attention %{{.*}} {scale = 5.000000e-01 : f64} : (tensor<2x?x?x8xf32>, tensor<2x?x?x8xf32>, tensor<2x?x?x4xf32>) -> (tensor<2x?x?x4xf32>, tensor<2x?x?xf32>, tensor<2x?x?xf32>)
  %1:3 = array.causal_attention %q, %k, %v {scale = 0.5 : f64} : (tensor<2x?x?x8xf32>, tensor<2x?x?x8xf32>, tensor<2x?x?x4xf32>) -> (tensor<2x?x?x4xf32>, tensor<2x?x?xf32>, tensor<2x?x?xf32>)
  // CHECK: array.masked_attention %{{.*}} {scale = 5.000000e-01 : f64} : (tensor<2x?x?x8xf32>, tensor<2x?x?x8xf32>, tensor<2x?x?x4xf32>, tensor<2x?x?x?xi1>) -> (tensor<2x?x?x4xf32>, tensor<2x?x?xf32>, tensor<2x?x?xf32>)
  %2:3 = array.masked_attention %q, %k, %v, %m {scale = 0.5 : f64} : (tensor<2x?x?x8xf32>, tensor<2x?x?x8xf32>, tensor<2x?x?x4xf32>, tensor<2x?x?x?xi1>) -> (tensor<2x?x?x4xf32>, tensor<2x?x?xf32>, tensor<2x?x?xf32>)
  // CHECK: array.biased_attention %{{.*}} {scale = 5.000000e-01 : f64} : (tensor<2x?x?x8xf32>, tensor<2x?x?x8xf32>, tensor<2x?x?x4xf32>, tensor<2x?x?x?xf32>) -> (tensor<2x?x?x4xf32>, tensor<2x?x?xf32>, tensor<2x?x?xf32>)
  %3:3 = array.biased_attention %q, %k, %v, %b {scale = 0.5 : f64} : (tensor<2x?x?x8xf32>, tensor<2x?x?x8xf32>, tensor<2x?x?x4xf32>, tensor<2x?x?x?xf32>) -> (tensor<2x?x?x4xf32>, tensor<2x?x?xf32>, tensor<2x?x?xf32>)
  return
}

// CHECK-LABEL: @attention_gradient
func.func @attention_gradient(%q: tensor<2x?x?x8xbf16>, %v: tensor<2x?x?x4xbf16>, %r: tensor<2x?x?xf32>, %m: tensor<2x1x1x?xi1>, %b: tensor<1x1x?x?xbf16>) {
  // CHECK: array.attention_gradient %{{.*}} {scale = 5.000000e-01 : f64} : (tensor<2x?x?x8xbf16>, tensor<2x?x?x8xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?xf32>, tensor<2x?x?xf32>, tensor<2x?x?xf32>) -> (tensor<2x?x?x8xbf16>, tensor<2x?x?x8xbf16>, tensor<2x?x?x4xbf16>)
  %0:3 = array.attention_gradient %q, %q, %v, %v, %r, %r, %r {scale = 0.5 : f64} : (tensor<2x?x?x8xbf16>, tensor<2x?x?x8xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?xf32>, tensor<2x?x?xf32>, tensor<2x?x?xf32>) -> (tensor<2x?x?x8xbf16>, tensor<2x?x?x8xbf16>, tensor<2x?x?x4xbf16>)
  // CHECK: array.causal_attention_gradient %{{.*}} {scale = 5.000000e-01 : f64} : (tensor<2x?x?x8xbf16>, tensor<2x?x?x8xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?xf32>, tensor<2x?x?xf32>, tensor<2x?x?xf32>) -> (tensor<2x?x?x8xbf16>, tensor<2x?x?x8xbf16>, tensor<2x?x?x4xbf16>)
  %1:3 = array.causal_attention_gradient %q, %q, %v, %v, %r, %r, %r {scale = 0.5 : f64} : (tensor<2x?x?x8xbf16>, tensor<2x?x?x8xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?xf32>, tensor<2x?x?xf32>, tensor<2x?x?xf32>) -> (tensor<2x?x?x8xbf16>, tensor<2x?x?x8xbf16>, tensor<2x?x?x4xbf16>)
  // CHECK: array.masked_attention_gradient %{{.*}} {scale = 5.000000e-01 : f64} : (tensor<2x?x?x8xbf16>, tensor<2x?x?x8xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?xf32>, tensor<2x?x?xf32>, tensor<2x?x?xf32>, tensor<2x1x1x?xi1>) -> (tensor<2x?x?x8xbf16>, tensor<2x?x?x8xbf16>, tensor<2x?x?x4xbf16>)
  %2:3 = array.masked_attention_gradient %q, %q, %v, %v, %r, %r, %r, %m {scale = 0.5 : f64} : (tensor<2x?x?x8xbf16>, tensor<2x?x?x8xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?xf32>, tensor<2x?x?xf32>, tensor<2x?x?xf32>, tensor<2x1x1x?xi1>) -> (tensor<2x?x?x8xbf16>, tensor<2x?x?x8xbf16>, tensor<2x?x?x4xbf16>)
  // CHECK: array.biased_attention_gradient %{{.*}} {scale = 5.000000e-01 : f64} : (tensor<2x?x?x8xbf16>, tensor<2x?x?x8xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?xf32>, tensor<2x?x?xf32>, tensor<2x?x?xf32>, tensor<1x1x?x?xbf16>) -> (tensor<2x?x?x8xbf16>, tensor<2x?x?x8xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?x?xbf16>)
  %3:4 = array.biased_attention_gradient %q, %q, %v, %v, %r, %r, %r, %b {scale = 0.5 : f64} : (tensor<2x?x?x8xbf16>, tensor<2x?x?x8xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?xf32>, tensor<2x?x?xf32>, tensor<2x?x?xf32>, tensor<1x1x?x?xbf16>) -> (tensor<2x?x?x8xbf16>, tensor<2x?x?x8xbf16>, tensor<2x?x?x4xbf16>, tensor<2x?x?x?xbf16>)
  return
}

// CHECK-LABEL: @composites
func.func @composites(%x: tensor<?x4xf32>, %h: tensor<?x4xbf16>, %w: tensor<4xf32>, %t: tensor<?xi64>) {
  // CHECK: array.mean %{{.*}} {dims = array<i64: 0>} : (tensor<?x4xbf16>) -> tensor<4xbf16>
  %0 = array.mean %h {dims = array<i64: 0>} : (tensor<?x4xbf16>) -> tensor<4xbf16>
  // CHECK: array.var %{{.*}} {correction = 0.000000e+00 : f64, dims = array<i64: 1>, keepdim = true} : (tensor<?x4xf32>) -> tensor<?x1xf32>
  %1 = array.var %x {correction = 0.000000e+00 : f64, dims = array<i64: 1>, keepdim = true} : (tensor<?x4xf32>) -> tensor<?x1xf32>
  // CHECK: array.logsumexp %{{.*}} {dims = array<i64: 1>} : (tensor<?x4xf32>) -> tensor<?xf32>
  %2 = array.logsumexp %x {dims = array<i64: 1>} : (tensor<?x4xf32>) -> tensor<?xf32>
  // CHECK: array.softmax %{{.*}} {dim = 1 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %3 = array.softmax %x {dim = 1 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: array.masked_softmax %{{.*}} {dim = 1 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %masked = array.masked_softmax %x {dim = 1 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: array.log_softmax %{{.*}} {dim = 0 : i64} : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
  %4 = array.log_softmax %h {dim = 0 : i64} : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
  // CHECK: array.normalize %{{.*}} {dims = array<i64: 1>, eps = 1.000000e-05 : f64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %5 = array.normalize %x {dims = array<i64: 1>, eps = 1.000000e-05 : f64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: array.layer_norm %{{.*}} {dims = array<i64: 1>, eps = 1.000000e-05 : f64} : (tensor<?x4xbf16>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xbf16>
  %6 = array.layer_norm %h, %w, %w {dims = array<i64: 1>, eps = 1.000000e-05 : f64} : (tensor<?x4xbf16>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xbf16>
  // CHECK: array.batch_norm %{{.*}} {eps = 1.000000e-05 : f64} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %7 = array.batch_norm %x, %w, %w, %w, %w {eps = 1.000000e-05 : f64} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: array.cross_entropy %{{.*}} {ignore_index = -100 : i64} : (tensor<?x4xf32>, tensor<?xi64>) -> tensor<?xf32>
  %8 = array.cross_entropy %x, %t {ignore_index = -100 : i64} : (tensor<?x4xf32>, tensor<?xi64>) -> tensor<?xf32>
  // CHECK: array.mse_loss %{{.*}} : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<f32>
  %9 = array.mse_loss %x, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<f32>
  // CHECK: array.silu %{{.*}} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %10 = array.silu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: array.gelu %{{.*}} : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
  %11 = array.gelu %h : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
  // CHECK: array.gelu_tanh %{{.*}} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %12 = array.gelu_tanh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}
