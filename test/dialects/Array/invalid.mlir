// RUN: stepwell-opt %s -split-input-file -verify-diagnostics

func.func @shapes(%a: tensor<3x4xf32>, %b: tensor<5xf32>) {
  // expected-error @+2 {{shapes (3, 4) and (5,) do not broadcast: aligned at the last dimension, sizes must be equal or 1}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.add %a, %b : (tensor<3x4xf32>, tensor<5xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @element_types(%a: tensor<4xf32>, %b: tensor<4xi64>) {
  // expected-error @+2 {{the operands must have one element type, not float32 and int64}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.mul %a, %b : (tensor<4xf32>, tensor<4xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @kinds(%a: tensor<4xi32>) {
  // expected-error @+2 {{'array.exp' op does not accept integers, got int32}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.exp %a : (tensor<4xi32>) -> tensor<4xi32>
  return
}

// -----

func.func @wrong_result(%a: tensor<4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{'array.lt' op inferred type(s) 'tensor<4xi1>' are incompatible with return type(s) of operation 'tensor<4xf32>'}}
  %0 = array.lt %a, %a : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @matmul_inner(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) {
  // expected-error @+2 {{shapes (2, 3) and (4, 5) do not multiply: 3 columns on the left, 4 rows on the right}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.matmul %a, %b : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @matmul_rank(%a: tensor<3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+2 {{matrices need two or more dimensions, the operands have shapes (3,) and (3, 5)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.matmul %a, %b : (tensor<3xf32>, tensor<3x5xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @reduced_dimension(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{dimension 2 is out of range for a tensor of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.sum %a {dims = array<i64: 2>} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @reduced_twice(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{dimension 1 appears more than once}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.sum %a {dims = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @missing_dims(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{requires attribute 'dims'}}
  %0 = array.sum %a : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @permutation(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{permutation (0,) has 1 dimensions, the input of shape (2, 3) has 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.transpose %a {permutation = array<i64: 0>} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @broadcast(%a: tensor<2xf32>, %b: tensor<3x3xf32>) {
  // expected-error @+2 {{shape (2,) does not broadcast to (3, 3)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.broadcast_like %a, %b : (tensor<2xf32>, tensor<3x3xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @cast_to_index(%a: tensor<2xf32>) {
  // expected-error @+1 {{'dtype' is 'index', which no tensor has}}
  %0 = array.cast %a {dtype = index} : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @no_element_of_ours(%a: tensor<2xf80>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of}}
  %0 = array.exp %a : (tensor<2xf80>) -> tensor<2xf80>
  return
}

// -----

func.func @too_many_dimensions(%a: tensor<1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1xf32>) {
  // expected-error @+2 {{is no tensor of the array dialect, of at most 16 dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.exp %a : (tensor<1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1xf32>) -> tensor<1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1xf32>
  return
}

// -----

func.func @condition(%a: tensor<2xf32>) {
  // expected-error @+2 {{the condition must be bool, not float32}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.where %a, %a, %a : (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @bool_difference(%a: tensor<2xi1>) {
  // expected-error @+2 {{'array.sub' op does not accept bool, got bool}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.sub %a, %a : (tensor<2xi1>, tensor<2xi1>) -> tensor<2xi1>
  return
}

// -----

func.func @bits_of_a_float(%a: tensor<2xf32>) {
  // expected-error @+2 {{'array.bitwise_and' op does not accept floats, got float32}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.bitwise_and %a, %a : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @random_bits_of_half_a_word(%k: tensor<i64>, %a: tensor<4xf32>) {
  // expected-error @+2 {{'array.random_bits' op there are 32 or 64 random bits for an element, not 16}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.random_bits %k, %k, %a {bits = 16 : i64} : (tensor<i64>, tensor<i64>, tensor<4xf32>) -> tensor<4xi32>
  return
}

// -----

func.func @random_integers_with_fractions(%k: tensor<i64>, %a: tensor<4xf32>) {
  // expected-error @+2 {{'array.random_uniform' op the result must be of a float type, not int32}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.random_uniform %k, %k, %a {dtype = i32} : (tensor<i64>, tensor<i64>, tensor<4xf32>) -> tensor<4xi32>
  return
}

// -----

func.func @random_key_is_a_word(%k: tensor<1xi64>, %a: tensor<4xf32>) {
  // expected-error @+1 {{operand #0 must be 0D tensor of 64-bit signless integer values}}
  %0 = array.random_bits %k, %k, %a : (tensor<1xi64>, tensor<1xi64>, tensor<4xf32>) -> tensor<4xi32>
  return
}
