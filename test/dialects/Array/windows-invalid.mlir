// RUN: stepwell-opt %s -split-input-file -verify-diagnostics

func.func @channels(%x: tensor<1x3x8x8xf32>, %w: tensor<4x2x3x3xf32>) {
  // expected-error @+2 {{'array.conv2d' op input (1, 3, 8, 8) and weight (4, 2, 3, 3) with groups=1: the weight expects 2 input channels, not 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.conv2d %x, %w : (tensor<1x3x8x8xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x6x6xf32>
  return
}

// -----

func.func @groups(%x: tensor<1x4x8x8xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @+2 {{with groups=2: the groups do not divide the 3 output channels}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.conv2d %x, %w {groups = 2 : i64} : (tensor<1x4x8x8xf32>, tensor<3x2x3x3xf32>) -> tensor<1x3x6x6xf32>
  return
}

// -----

func.func @kernel(%x: tensor<1x1x2x8xf32>, %w: tensor<1x1x3x3xf32>) {
  // expected-error @+2 {{the kernel, with its dilation (2, 1), is larger than the input with its padding (1, 0)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.conv2d %x, %w {dilation = array<i64: 2, 1>, padding = array<i64: 1, 0>} : (tensor<1x1x2x8xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x1x6xf32>
  return
}

// -----

func.func @attribute_length(%x: tensor<1x1x8x8xf32>, %w: tensor<1x1x3x3xf32>) {
  // expected-error @+2 {{stride must be two numbers, not (1,)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.conv2d %x, %w {stride = array<i64: 1>} : (tensor<1x1x8x8xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x6x6xf32>
  return
}

// -----

// Nothing overflows on the way to the message.
func.func @attribute_size(%x: tensor<1x1x8x8xf32>, %w: tensor<1x1x3x3xf32>) {
  // expected-error @+2 {{dilation must be below 2147483648, not (9223372036854775807, 1)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.conv2d %x, %w {dilation = array<i64: 9223372036854775807, 1>} : (tensor<1x1x8x8xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x6x6xf32>
  return
}

// -----

func.func @gradient(%g: tensor<1x4x5x6xf32>, %w: tensor<4x1x3x3xf32>, %x: tensor<1x1x8x8xf32>) {
  // expected-error @+2 {{the gradient has shape (1, 4, 5, 6), the convolution of (1, 1, 8, 8) with (4, 1, 3, 3) has (1, 4, 6, 6)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.conv2d_input_gradient %g, %w, %x : (tensor<1x4x5x6xf32>, tensor<4x1x3x3xf32>, tensor<1x1x8x8xf32>) -> tensor<1x1x8x8xf32>
  return
}

// -----

func.func @types(%x: tensor<1x1x8x8xf32>, %w: tensor<1x1x3x3xf64>) {
  // expected-error @+2 {{the operands must have one element type, not float32 and float64}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.conv2d %x, %w : (tensor<1x1x8x8xf32>, tensor<1x1x3x3xf64>) -> tensor<1x1x6x6xf32>
  return
}

// -----

func.func @pool_padding(%x: tensor<1x1x8x8xf32>) {
  // expected-error @+2 {{padding (2, 0) is more than half of kernel_size (3, 3) with dilation (1, 1)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.avg_pool2d %x {kernel_size = array<i64: 3, 3>, stride = array<i64: 1, 1>, padding = array<i64: 2, 0>} : (tensor<1x1x8x8xf32>) -> tensor<1x1x10x6xf32>
  return
}

// -----

func.func @pool_size(%x: tensor<1x1x8x2xf32>) {
  // expected-error @+2 {{the input of shape (1, 1, 8, 2) is smaller than kernel_size (3, 3)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.avg_pool2d %x {kernel_size = array<i64: 3, 3>, stride = array<i64: 1, 1>} : (tensor<1x1x8x2xf32>) -> tensor<1x1x6x0xf32>
  return
}

// -----

func.func @indices(%x: tensor<1x1x8x8xf32>, %i: tensor<1x1x6x6xi32>) {
  // expected-error @+2 {{the indices must be int64, not int32}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.max_pool2d_gather %x, %i {kernel_size = array<i64: 3, 3>, stride = array<i64: 1, 1>} : (tensor<1x1x8x8xf32>, tensor<1x1x6x6xi32>) -> tensor<1x1x6x6xf32>
  return
}

// -----

func.func @mean_of_integers(%x: tensor<1x1x8x8xi32>) {
  // expected-error @+2 {{'array.avg_pool2d' op not defined for elements of type int32}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.avg_pool2d %x {kernel_size = array<i64: 3, 3>, stride = array<i64: 1, 1>} : (tensor<1x1x8x8xi32>) -> tensor<1x1x6x6xi32>
  return
}
