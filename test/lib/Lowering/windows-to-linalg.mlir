// RUN: stepwell-opt %s -split-input-file -convert-array-to-linalg -canonicalize -cse | FileCheck %s

// Padding is a copy with zeros around it; groups are a dimension of their own.
// CHECK-LABEL: @conv
// CHECK-SAME: (%[[X:.*]]: tensor<?x4x?x?xf32>, %[[W:.*]]: tensor<8x2x3x3xf32>)
// CHECK: %[[PAD:.*]] = tensor.insert_slice %[[X]] into %{{.*}}[0, 0, 1, 0]
// CHECK-DAG: %[[IMAGE:.*]] = tensor.expand_shape %[[PAD]] {{.*}} into tensor<?x2x2x?x?xf32>
// CHECK-DAG: %[[WEIGHT:.*]] = tensor.expand_shape %[[W]] {{.*}} into tensor<2x4x2x3x3xf32>
// CHECK: %[[SUM:.*]] = linalg.conv_2d_ngchw_gfchw {dilations = dense<1> : tensor<2xi64>, strides = dense<[2, 1]> : tensor<2xi64>} ins(%[[IMAGE]], %[[WEIGHT]]
// CHECK: tensor.collapse_shape %[[SUM]] {{.*}} into tensor<?x8x?x?xf32>
func.func @conv(%x: tensor<?x4x?x?xf32>, %w: tensor<8x2x3x3xf32>) -> tensor<?x8x?x?xf32> {
  %0 = array.conv2d %x, %w {groups = 2 : i64, stride = array<i64: 2, 1>, padding = array<i64: 1, 0>} : (tensor<?x4x?x?xf32>, tensor<8x2x3x3xf32>) -> tensor<?x8x?x?xf32>
  return %0 : tensor<?x8x?x?xf32>
}

// -----

// Without padding the input is read where it is; a result may know less than the operands.
// CHECK-LABEL: @conv_plain
// CHECK-SAME: (%[[X:.*]]: tensor<2x4x8x8xi32>, %[[W:.*]]: tensor<8x4x3x3xi32>)
// CHECK: linalg.conv_2d_nchw_fchw {{.*}} ins(%[[X]], %[[W]] : {{.*}}) outs(%{{.*}} : tensor<2x8x6x6xi32>)
// CHECK: tensor.cast %{{.*}} to tensor<?x?x?x?xi32>
func.func @conv_plain(%x: tensor<2x4x8x8xi32>, %w: tensor<8x4x3x3xi32>) -> tensor<?x?x?x?xi32> {
  %0 = array.conv2d %x, %w : (tensor<2x4x8x8xi32>, tensor<8x4x3x3xi32>) -> tensor<?x?x?x?xi32>
  return %0 : tensor<?x?x?x?xi32>
}

// -----

// The way back: the gradient's elements a stride apart, the kernel mirrored and its channels swapped; bf16 adds up in
// f32.
// CHECK-LABEL: @input_gradient
// CHECK-SAME: (%[[G:.*]]: tensor<?x8x?x?xbf16>, %[[W:.*]]: tensor<8x4x3x3xbf16>
// CHECK: %[[SPREAD:.*]] = tensor.insert_slice %[[G]] into %{{.*}}[0, 0, 1, 4] {{.*}} [1, 1, 2, 1]
// CHECK: %[[MIRRORED:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<4x8x3x3xbf16>)
// CHECK-DAG: %[[C:.*]] = linalg.index 0
// CHECK-DAG: %[[O:.*]] = linalg.index 1
// CHECK: tensor.extract %[[W]][%[[O]], %[[C]],
// CHECK: linalg.conv_2d_nchw_fchw {dilations = dense<[1, 2]> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%[[SPREAD]], %[[MIRRORED]] : {{.*}}) outs(%{{.*}} : tensor<?x4x?x?xf32>)
// CHECK: arith.truncf
func.func @input_gradient(%g: tensor<?x8x?x?xbf16>, %w: tensor<8x4x3x3xbf16>, %x: tensor<?x4x?x?xbf16>) -> tensor<?x4x?x?xbf16> {
  %0 = array.conv2d_input_gradient %g, %w, %x {stride = array<i64: 2, 1>, padding = array<i64: 1, 0>, dilation = array<i64: 1, 2>} : (tensor<?x8x?x?xbf16>, tensor<8x4x3x3xbf16>, tensor<?x4x?x?xbf16>) -> tensor<?x4x?x?xbf16>
  return %0 : tensor<?x4x?x?xbf16>
}

// -----

// More padding than the kernel reaches: windows without an element are cut off.
// CHECK-LABEL: @input_gradient_of_padding
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 2, 2] [1, 1, 4, 4] [1, 1, 1, 1]
func.func @input_gradient_of_padding(%g: tensor<1x1x8x8xf32>, %w: tensor<1x1x1x1xf32>, %x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %0 = array.conv2d_input_gradient %g, %w, %x {padding = array<i64: 2, 2>} : (tensor<1x1x8x8xf32>, tensor<1x1x1x1xf32>, tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  return %0 : tensor<1x1x4x4xf32>
}

// -----

// CHECK-DAG: #[[IMAGE:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d4, d1, d5 * 2 + d2, d3 + d6)>
// CHECK-DAG: #[[GRADIENT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d4, d0, d5, d6)>
// CHECK-LABEL: @weight_gradient
// CHECK: linalg.generic {indexing_maps = [#[[IMAGE]], #[[GRADIENT]], #{{.*}}], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
// CHECK: arith.mulf
// CHECK: arith.addf
func.func @weight_gradient(%x: tensor<5x4x9x9xf32>, %g: tensor<5x8x4x7xf32>, %w: tensor<8x4x3x3xf32>) -> tensor<8x4x3x3xf32> {
  %0 = array.conv2d_weight_gradient %x, %g, %w {stride = array<i64: 2, 1>} : (tensor<5x4x9x9xf32>, tensor<5x8x4x7xf32>, tensor<8x4x3x3xf32>) -> tensor<8x4x3x3xf32>
  return %0 : tensor<8x4x3x3xf32>
}

// -----

// The largest element first, then the least position at which it stands; padding is no place.
// CHECK-LABEL: @max_pool
// CHECK: %[[LEAST:.*]] = arith.constant 0xFF800000 : f32
// CHECK: linalg.fill ins(%[[LEAST]]
// CHECK: %[[VALUES:.*]] = linalg.generic
// CHECK: arith.maximumf
// CHECK: %[[INDICES:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %[[VALUES]], %{{.*}})
// CHECK: arith.cmpf oeq
// CHECK: arith.cmpf uno
// CHECK: arith.minui
// CHECK: return %[[VALUES]], %[[INDICES]]
func.func @max_pool(%x: tensor<2x3x8x8xf32>) -> (tensor<2x3x4x4xf32>, tensor<2x3x4x4xi64>) {
  %0:2 = array.max_pool2d %x {kernel_size = array<i64: 3, 3>, stride = array<i64: 2, 2>, padding = array<i64: 1, 1>} : (tensor<2x3x8x8xf32>) -> (tensor<2x3x4x4xf32>, tensor<2x3x4x4xi64>)
  return %0#0, %0#1 : tensor<2x3x4x4xf32>, tensor<2x3x4x4xi64>
}

// -----

// Every element collects from the windows in which it lies: no write meets another.
// CHECK-LABEL: @max_pool_gradient
// CHECK-SAME: (%[[G:.*]]: tensor<2x3x4x4xf32>, %[[I:.*]]: tensor<2x3x4x4xi64>
// CHECK: tensor.insert_slice %[[G]] into %{{.*}}[0, 0, 1, 1] [2, 3, 4, 4] [1, 1, 2, 2]
// CHECK: tensor.insert_slice %[[I]] into %{{.*}}[0, 0, 1, 1] [2, 3, 4, 4] [1, 1, 2, 2]
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<2x3x8x8xf32>)
// CHECK: arith.cmpi eq
// CHECK: arith.select
func.func @max_pool_gradient(%g: tensor<2x3x4x4xf32>, %i: tensor<2x3x4x4xi64>, %x: tensor<2x3x8x8xf32>) -> tensor<2x3x8x8xf32> {
  %0 = array.max_pool2d_gradient %g, %i, %x {kernel_size = array<i64: 2, 2>, stride = array<i64: 2, 2>} : (tensor<2x3x4x4xf32>, tensor<2x3x4x4xi64>, tensor<2x3x8x8xf32>) -> tensor<2x3x8x8xf32>
  return %0 : tensor<2x3x8x8xf32>
}

// -----

// CHECK-LABEL: @avg_pool
// CHECK: %[[FOUR:.*]] = arith.constant 4.000000e+00 : f32
// CHECK: arith.extf
// CHECK: arith.addf
// CHECK: arith.divf %{{.*}}, %[[FOUR]] : f32
// CHECK: arith.truncf
func.func @avg_pool(%x: tensor<2x3x8x8xf16>) -> tensor<2x3x4x4xf16> {
  %0 = array.avg_pool2d %x {kernel_size = array<i64: 2, 2>, stride = array<i64: 2, 2>} : (tensor<2x3x8x8xf16>) -> tensor<2x3x4x4xf16>
  return %0 : tensor<2x3x4x4xf16>
}
