// RUN: stepwell-opt %s | stepwell-opt | FileCheck %s
// RUN: stepwell-opt %s -mlir-print-op-generic | stepwell-opt | FileCheck %s

// CHECK-LABEL: @elementwise
func.func @elementwise(%a: tensor<?x4xf32>, %b: tensor<1x4xf32>, %c: tensor<3xui8>, %d: tensor<2xi1>) {
  // CHECK: array.add %{{.*}}, %{{.*}} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
  %0 = array.add %a, %b : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
  // CHECK: array.mul %{{.*}} : (tensor<3xui8>, tensor<3xui8>) -> tensor<3xui8>
  %1 = array.mul %c, %c : (tensor<3xui8>, tensor<3xui8>) -> tensor<3xui8>
  // CHECK: array.exp %{{.*}} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = array.exp %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: array.lt %{{.*}} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x4xi1>
  %3 = array.lt %a, %b : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x4xi1>
  // CHECK: array.add %{{.*}} : (tensor<2xi1>, tensor<2xi1>) -> tensor<2xi1>
  %4 = array.add %d, %d : (tensor<2xi1>, tensor<2xi1>) -> tensor<2xi1>
  // CHECK: array.cast %{{.*}} {dtype = bf16} : (tensor<2xi1>) -> tensor<2xbf16>
  %5 = array.cast %d {dtype = bf16} : (tensor<2xi1>) -> tensor<2xbf16>
  return
}

// CHECK-LABEL: @structure
func.func @structure(%a: tensor<2x?x4xf32>, %b: tensor<?xf32>) {
  // CHECK: array.transpose %{{.*}} {permutation = array<i64: 2, 0, 1>} : (tensor<2x?x4xf32>) -> tensor<4x2x?xf32>
  %0 = array.transpose %a {permutation = array<i64: 2, 0, 1>} : (tensor<2x?x4xf32>) -> tensor<4x2x?xf32>
  // CHECK: array.broadcast_like %{{.*}} {dims = array<i64: 0, 2>, keepdim = false} : (tensor<?xf32>, tensor<2x?x4xf32>) -> tensor<2x?x4xf32>
  %1 = array.broadcast_like %b, %a {dims = array<i64: 0, 2>, keepdim = false} : (tensor<?xf32>, tensor<2x?x4xf32>) -> tensor<2x?x4xf32>
  // CHECK: array.constant dense<[true, false]> : tensor<2xi1>
  %2 = array.constant dense<[true, false]> : tensor<2xi1>
  // CHECK: array.constant dense<255> : tensor<2xui8>
  %3 = array.constant dense<255> : tensor<2xui8>
  return
}

// CHECK-LABEL: @random
func.func @random(%k: tensor<i64>, %o: tensor<i64>, %a: tensor<2x?xf16>) {
  // CHECK: array.random_bits %{{.*}} : (tensor<i64>, tensor<i64>, tensor<2x?xf16>) -> tensor<2x?xi32>
  %0 = array.random_bits %k, %o, %a : (tensor<i64>, tensor<i64>, tensor<2x?xf16>) -> tensor<2x?xi32>
  // CHECK: array.random_bits %{{.*}} {bits = 64 : i64, stream = -1 : i64} : (tensor<i64>, tensor<i64>, tensor<2x?xf16>) -> tensor<2x?xi64>
  %1 = array.random_bits %k, %o, %a {bits = 64 : i64, stream = -1 : i64} : (tensor<i64>, tensor<i64>, tensor<2x?xf16>) -> tensor<2x?xi64>
  // CHECK: array.random_uniform %{{.*}} {dtype = bf16} : (tensor<i64>, tensor<i64>, tensor<2x?xf16>) -> tensor<2x?xbf16>
  %2 = array.random_uniform %k, %o, %a {dtype = bf16} : (tensor<i64>, tensor<i64>, tensor<2x?xf16>) -> tensor<2x?xbf16>
  // CHECK: array.random_normal %{{.*}} {dtype = f64} : (tensor<i64>, tensor<i64>, tensor<2x?xf16>) -> tensor<2x?xf64>
  %3 = array.random_normal %k, %o, %a {dtype = f64} : (tensor<i64>, tensor<i64>, tensor<2x?xf16>) -> tensor<2x?xf64>
  // CHECK: array.random_integers %{{.*}} : (tensor<i64>, tensor<i64>, tensor<i64>, tensor<i64>, tensor<2x?xf16>) -> tensor<2x?xi64>
  %4 = array.random_integers %k, %o, %k, %o, %a : (tensor<i64>, tensor<i64>, tensor<i64>, tensor<i64>, tensor<2x?xf16>) -> tensor<2x?xi64>
  return
}

// CHECK-LABEL: @reductions_and_contractions
func.func @reductions_and_contractions(%a: tensor<2x?x4xf32>, %b: tensor<4x5xf32>, %w: tensor<?x4xf32>, %c: tensor<?xf32>) {
  // CHECK: array.sum %{{.*}} {dims = array<i64: 0, 2>} : (tensor<2x?x4xf32>) -> tensor<?xf32>
  %0 = array.sum %a {dims = array<i64: 0, 2>} : (tensor<2x?x4xf32>) -> tensor<?xf32>
  // CHECK: array.sum %{{.*}} {dims = array<i64: 1>, keepdim = true} : (tensor<2x?x4xf32>) -> tensor<2x1x4xf32>
  %1 = array.sum %a {dims = array<i64: 1>, keepdim = true} : (tensor<2x?x4xf32>) -> tensor<2x1x4xf32>
  // CHECK: array.matmul %{{.*}} : (tensor<2x?x4xf32>, tensor<4x5xf32>) -> tensor<2x?x5xf32>
  %2 = array.matmul %a, %b : (tensor<2x?x4xf32>, tensor<4x5xf32>) -> tensor<2x?x5xf32>
  // A result may know less than its operands tell.
  // CHECK: array.matmul %{{.*}} -> tensor<?x?x?xf32>
  %3 = array.matmul %a, %b : (tensor<2x?x4xf32>, tensor<4x5xf32>) -> tensor<?x?x?xf32>
  // CHECK: array.linear %{{.*}} : (tensor<2x?x4xf32>, tensor<?x4xf32>, tensor<?xf32>) -> tensor<2x?x?xf32>
  %4 = array.linear %a, %w, %c : (tensor<2x?x4xf32>, tensor<?x4xf32>, tensor<?xf32>) -> tensor<2x?x?xf32>
  return
}

// CHECK-LABEL: @arithmetic
func.func @arithmetic(%a: tensor<?xi32>, %b: tensor<?xf32>, %c: tensor<?xi1>) {
  // CHECK: array.floor_divide %{{.*}} : (tensor<?xi32>, tensor<?xi32>) -> tensor<?xi32>
  %0 = array.floor_divide %a, %a : (tensor<?xi32>, tensor<?xi32>) -> tensor<?xi32>
  // CHECK: array.left_shift %{{.*}} : (tensor<?xi32>, tensor<?xi32>) -> tensor<?xi32>
  %1 = array.left_shift %a, %a : (tensor<?xi32>, tensor<?xi32>) -> tensor<?xi32>
  // CHECK: array.where %{{.*}} : (tensor<?xi1>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %2 = array.where %c, %b, %b : (tensor<?xi1>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  // CHECK: array.clamp %{{.*}} : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %3 = array.clamp %b, %b, %b : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  // CHECK: array.clamp_min
  %clamp_min = array.clamp_min %b, %b : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  // CHECK: array.clamp_max
  %clamp_max = array.clamp_max %b, %b : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  // CHECK: array.isnan %{{.*}} : (tensor<?xf32>) -> tensor<?xi1>
  %4 = array.isnan %b : (tensor<?xf32>) -> tensor<?xi1>
  // CHECK: array.logical_and %{{.*}} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xi1>
  %5 = array.logical_and %b, %b : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xi1>
  return
}

// CHECK-LABEL: @windows
func.func @windows(%x: tensor<?x4x9x?xf32>, %w: tensor<8x2x3x2xf32>) {
  // CHECK: array.conv2d %{{.*}} {groups = 2 : i64, padding = array<i64: 1, 0>, stride = array<i64: 2, 1>} : (tensor<?x4x9x?xf32>, tensor<8x2x3x2xf32>) -> tensor<?x8x5x?xf32>
  %0 = array.conv2d %x, %w {groups = 2 : i64, stride = array<i64: 2, 1>, padding = array<i64: 1, 0>} : (tensor<?x4x9x?xf32>, tensor<8x2x3x2xf32>) -> tensor<?x8x5x?xf32>
  // CHECK: array.conv2d_input_gradient %{{.*}} -> tensor<?x4x9x?xf32>
  %1 = array.conv2d_input_gradient %0, %w, %x {groups = 2 : i64, stride = array<i64: 2, 1>, padding = array<i64: 1, 0>} : (tensor<?x8x5x?xf32>, tensor<8x2x3x2xf32>, tensor<?x4x9x?xf32>) -> tensor<?x4x9x?xf32>
  // CHECK: array.conv2d_weight_gradient %{{.*}} -> tensor<8x2x3x2xf32>
  %2 = array.conv2d_weight_gradient %x, %0, %w {groups = 2 : i64, stride = array<i64: 2, 1>, padding = array<i64: 1, 0>} : (tensor<?x4x9x?xf32>, tensor<?x8x5x?xf32>, tensor<8x2x3x2xf32>) -> tensor<8x2x3x2xf32>
  // CHECK: %[[V:.*]], %[[I:.*]] = array.max_pool2d %{{.*}} {ceil_mode = true, kernel_size = array<i64: 2, 2>, stride = array<i64: 2, 2>} : (tensor<?x4x9x?xf32>) -> (tensor<?x4x5x?xf32>, tensor<?x4x5x?xi64>)
  %3:2 = array.max_pool2d %x {kernel_size = array<i64: 2, 2>, stride = array<i64: 2, 2>, ceil_mode = true} : (tensor<?x4x9x?xf32>) -> (tensor<?x4x5x?xf32>, tensor<?x4x5x?xi64>)
  // CHECK: array.max_pool2d_gradient %[[V]], %[[I]], %{{.*}} -> tensor<?x4x9x?xf32>
  %4 = array.max_pool2d_gradient %3#0, %3#1, %x {kernel_size = array<i64: 2, 2>, stride = array<i64: 2, 2>, ceil_mode = true} : (tensor<?x4x5x?xf32>, tensor<?x4x5x?xi64>, tensor<?x4x9x?xf32>) -> tensor<?x4x9x?xf32>
  // CHECK: array.max_pool2d_gather %{{.*}}, %[[I]] {{.*}} -> tensor<?x4x5x?xf32>
  %5 = array.max_pool2d_gather %x, %3#1 {kernel_size = array<i64: 2, 2>, stride = array<i64: 2, 2>, ceil_mode = true} : (tensor<?x4x9x?xf32>, tensor<?x4x5x?xi64>) -> tensor<?x4x5x?xf32>
  // CHECK: array.avg_pool2d %{{.*}} {count_include_pad = false, kernel_size = array<i64: 3, 3>, padding = array<i64: 1, 1>, stride = array<i64: 2, 2>} : (tensor<?x4x9x?xf32>) -> tensor<?x4x5x?xf32>
  %6 = array.avg_pool2d %x {kernel_size = array<i64: 3, 3>, stride = array<i64: 2, 2>, padding = array<i64: 1, 1>, count_include_pad = false} : (tensor<?x4x9x?xf32>) -> tensor<?x4x5x?xf32>
  // CHECK: array.avg_pool2d_gradient %{{.*}} {divisor = 7 : i64, {{.*}} -> tensor<?x4x9x?xf32>
  %7 = array.avg_pool2d_gradient %6, %x {kernel_size = array<i64: 3, 3>, stride = array<i64: 2, 2>, padding = array<i64: 1, 1>, divisor = 7 : i64} : (tensor<?x4x5x?xf32>, tensor<?x4x9x?xf32>) -> tensor<?x4x9x?xf32>
  return
}
