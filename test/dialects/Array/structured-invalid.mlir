// RUN: stepwell-opt %s -split-input-file -verify-diagnostics

func.func @amax_of_nothing(%a: tensor<2x0xf32>) {
  // expected-error @+2 {{expected at least one element along dimension 1 of the shape (2, 0)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.amax %a {dims = array<i64: 0, 1>} : (tensor<2x0xf32>) -> tensor<f32>
  return
}

// -----

func.func @argmin_of_nothing(%a: tensor<2x0xf32>) {
  // expected-error @+2 {{expected at least one element along dimension 1 of the shape (2, 0)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.argmin %a {dims = array<i64: 1>} : (tensor<2x0xf32>) -> tensor<2xi64>
  return
}

// -----

func.func @reduced_negative(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{dimension -1 is out of range for a tensor of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.any %a {dims = array<i64: -1>} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @counted_dimension(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{dimension 2 is out of range for a tensor of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.count %a {dims = array<i64: 2>, dtype = i64} : (tensor<2x3xf32>) -> tensor<i64>
  return
}

// -----

func.func @count_type(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{attribute names a type that no tensor has}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.count %a {dims = array<i64: 0>, dtype = index} : (tensor<2x3xf32>) -> tensor<i64>
  return
}

// -----

func.func @position_type(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{inferred type(s) 'tensor<3xi64>' are incompatible with return type(s) of operation 'tensor<3xi32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.argmax %a {dims = array<i64: 0>} : (tensor<2x3xf32>) -> tensor<3xi32>
  return
}

// -----

func.func @cumsum_dimension(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{dimension 2 is out of range for a tensor of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.cumsum %a {dim = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @cumsum_scalar(%a: tensor<f32>) {
  // expected-error @+2 {{dimension 0 is out of range for a tensor of rank 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.cumsum %a {dim = 0 : i64} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @iota_dimension(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{dimension -1 is out of range for a tensor of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.iota %a {dim = -1 : i64, dtype = i64} : (tensor<2x3xf32>) -> tensor<2x3xi64>
  return
}

// -----

func.func @full_sizes(%a: tensor<f32>) {
  // expected-error @+2 {{sizes (2, -1) must not be negative}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.full %a {sizes = array<i64: 2, -1>} : (tensor<f32>) -> tensor<2x?xf32>
  return
}

// -----

func.func @broadcast_sizes(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{shape (2, 3) does not broadcast to (3, 3)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.broadcast %a {sizes = array<i64: 3, 3>} : (tensor<2x3xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @broadcast_rank(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{shape (2, 3) does not broadcast to (3,)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.broadcast %a {sizes = array<i64: 3>} : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @reshape_count(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{shape (4, 2) does not hold the 6 elements of shape (2, 3)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.reshape %a {sizes = array<i64: 4, 2>} : (tensor<2x3xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @reshape_sizes(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{the input of shape (2, 3) has no dimension 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.reshape %a {sizes = array<i64: -2, -3>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @reshape_left_twice(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{more than one of the sizes (?, ?) is left open}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.reshape %a {sizes = array<i64: -9223372036854775808, -9223372036854775808>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @reshape_nothing_left(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{shape (4, ?) does not hold the 6 elements of shape (2, 3)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.reshape %a {sizes = array<i64: 4, -9223372036854775808>} : (tensor<2x3xf32>) -> tensor<4x?xf32>
  return
}

// -----

func.func @reshape_like_count(%a: tensor<2x3xf32>, %b: tensor<7xi1>) {
  // expected-error @+2 {{shape (7,) does not hold the 6 elements of shape (2, 3)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.reshape_like %a, %b : (tensor<2x3xf32>, tensor<7xi1>) -> tensor<7xf32>
  return
}

// -----

func.func @flip_dimension(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{dimension 2 is out of range for a tensor of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.flip %a {dims = array<i64: 2>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @flip_twice(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{dimension 1 appears more than once}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.flip %a {dims = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @pad_low(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{'low' has 1 numbers, the input of shape (2, 3) has 2 dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.pad %a {low = array<i64: 1>, high = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @pad_high(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{'high' has 0 numbers, the input of shape (2, 3) has 2 dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.pad %a {low = array<i64: 1, 1>, high = array<i64>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// What one side adds, the other one cannot cut off.
func.func @pad_cuts(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{padding (0, -4) and (0, 9) cuts off more than shape (2, 3) has}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.pad %a {low = array<i64: 0, -4>, high = array<i64: 0, 9>} : (tensor<2x3xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @slice_starts(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{'starts' has 1 numbers, the input of shape (2, 3) has 2 dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.slice %a {starts = array<i64: 0>, sizes = array<i64: 1, 1>, steps = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<1x1xf32>
  return
}

// -----

func.func @slice_sizes(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{'sizes' has 1 numbers, the input of shape (2, 3) has 2 dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.slice %a {starts = array<i64: 0, 0>, sizes = array<i64: 1>, steps = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<1xf32>
  return
}

// -----

func.func @slice_steps(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{'steps' has 1 numbers, the input of shape (2, 3) has 2 dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.slice %a {starts = array<i64: 0, 0>, sizes = array<i64: 1, 1>, steps = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<1x1xf32>
  return
}

// -----

func.func @slice_step_zero(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{step 0 is not positive}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.slice %a {starts = array<i64: 0, 0>, sizes = array<i64: 1, 1>, steps = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<1x1xf32>
  return
}

// -----

func.func @slice_negative_size(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{sizes (1, -1) must not be negative}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.slice %a {starts = array<i64: 0, 0>, sizes = array<i64: 1, -1>, steps = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<1x?xf32>
  return
}

// -----

func.func @slice_negative_start(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{starts (0, -1) and sizes (1, 1) must not be negative}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.slice %a {starts = array<i64: 0, -1>, sizes = array<i64: 1, 1>, steps = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<1x1xf32>
  return
}

// -----

func.func @slice_outside(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{2 elements from 1 by steps of 2 do not lie in dimension 1 of size 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.slice %a {starts = array<i64: 0, 1>, sizes = array<i64: 1, 2>, steps = array<i64: 1, 2>} : (tensor<2x3xf32>) -> tensor<1x2xf32>
  return
}

// -----

func.func @insert_outside(%a: tensor<2x3xf32>, %b: tensor<2x2xf32>) {
  // expected-error @+2 {{2 elements from 1 by steps of 1 do not lie in dimension 0 of size 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.insert_slice %a, %b {starts = array<i64: 1, 0>, steps = array<i64: 1, 1>} : (tensor<2x3xf32>, tensor<2x2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @insert_rank(%a: tensor<2x3xf32>, %b: tensor<2xf32>) {
  // expected-error @+2 {{'sizes' has 1 numbers, the input of shape (2, 3) has 2 dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.insert_slice %a, %b {starts = array<i64: 1, 0>, steps = array<i64: 1, 1>} : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @insert_type(%a: tensor<2x3xf32>, %b: tensor<1x1xf64>) {
  // expected-error @+2 {{the operands must have one element type, not float32 and float64}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.insert_slice %a, %b {starts = array<i64: 1, 0>, steps = array<i64: 1, 1>} : (tensor<2x3xf32>, tensor<1x1xf64>) -> tensor<2x3xf32>
  return
}

// -----

func.func @concat_nothing() {
  // expected-error @+2 {{expected at least one tensor}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.concat {dim = 0 : i64} : () -> tensor<0xf32>
  return
}

// -----

func.func @concat_dimension(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{dimension 2 is out of range for a tensor of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.concat %a, %a {dim = 2 : i64} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @concat_sizes(%a: tensor<2x3xf32>, %b: tensor<4x2xf32>) {
  // expected-error @+2 {{shapes (2, 3) and (4, 2) differ in more than dimension 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.concat %a, %b {dim = 0 : i64} : (tensor<2x3xf32>, tensor<4x2xf32>) -> tensor<6x3xf32>
  return
}

// -----

func.func @concat_rank(%a: tensor<2x3xf32>, %b: tensor<3xf32>) {
  // expected-error @+2 {{shapes (2, 3), (2, 3) and (3,) differ in more than dimension 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.concat %a, %a, %b {dim = 0 : i64} : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<3xf32>) -> tensor<5x3xf32>
  return
}

// -----

func.func @gather_dimension(%a: tensor<2x3xf32>, %i: tensor<2x3xi64>) {
  // expected-error @+2 {{dimension 2 is out of range for a tensor of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.gather %a, %i {dim = 2 : i64} : (tensor<2x3xf32>, tensor<2x3xi64>) -> tensor<2x3xf32>
  return
}

// -----

func.func @gather_sizes(%a: tensor<2x3xf32>, %i: tensor<2x4xi64>) {
  // expected-error @+2 {{the index has more elements than the input has along a dimension other than 0, or another rank: shapes (2, 3) and (2, 4)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.gather %a, %i {dim = 0 : i64} : (tensor<2x3xf32>, tensor<2x4xi64>) -> tensor<2x4xf32>
  return
}

// -----

func.func @gather_rank(%a: tensor<2x3xf32>, %i: tensor<2xi64>) {
  // expected-error @+2 {{or another rank: shapes (2, 3) and (2,)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.gather %a, %i {dim = 0 : i64} : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @gather_index_type(%a: tensor<2x3xf32>, %i: tensor<2x3xf64>) {
  // expected-error @+2 {{indices must be integers, not float64}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.gather %a, %i {dim = 0 : i64} : (tensor<2x3xf32>, tensor<2x3xf64>) -> tensor<2x3xf32>
  return
}

// -----

func.func @select_by_bool(%a: tensor<2x3xf32>, %i: tensor<2xi1>) {
  // expected-error @+2 {{indices must be integers, not bool}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.index_select %a, %i {dim = 0 : i64} : (tensor<2x3xf32>, tensor<2xi1>) -> tensor<2x3xf32>
  return
}

// -----

func.func @pick_sizes(%a: tensor<2x3xf32>, %i: tensor<3xi64>) {
  // expected-error @+2 {{expected an index with the input's sizes but the one along dimension 1, the shapes are (2, 3) and (3,)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.pick %a, %i {dim = 1 : i64} : (tensor<2x3xf32>, tensor<3xi64>) -> tensor<3xf32>
  return
}

// -----

func.func @scatter_source(%a: tensor<2x3xf32>, %i: tensor<2x2xi64>) {
  // expected-error @+2 {{the index and the source must have one shape, the shapes are (2, 3), (2, 2) and (2, 3)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.scatter_add %a, %i, %a {dim = 0 : i64} : (tensor<2x3xf32>, tensor<2x2xi64>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @scatter_type(%a: tensor<2x3xf32>, %i: tensor<2x3xi64>, %s: tensor<2x3xf16>) {
  // expected-error @+2 {{the input and what is written into it must have one element type, not float32 and float16}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.scatter_add %a, %i, %s {dim = 0 : i64} : (tensor<2x3xf32>, tensor<2x3xi64>, tensor<2x3xf16>) -> tensor<2x3xf32>
  return
}

// -----

func.func @select_rank(%a: tensor<1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1xf32>, %i: tensor<2x2xi64>) {
  // expected-error @+2 {{the result would have more than 16 dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.index_select %a, %i {dim = 0 : i64} : (tensor<1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1xf32>, tensor<2x2xi64>) -> tensor<2x2xf32>
  return
}

// -----

func.func @index_add_source(%a: tensor<2x3xf32>, %i: tensor<4xi64>) {
  // expected-error @+2 {{expected a source of shape (4, 3), the shapes are (2, 3), (4,) and (2, 3)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.index_add %a, %i, %a {dim = 0 : i64} : (tensor<2x3xf32>, tensor<4xi64>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @index_copy_dimension(%a: tensor<2x3xf32>, %i: tensor<2xi64>) {
  // expected-error @+2 {{dimension 2 is out of range for a tensor of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.index_copy %a, %i, %a {dim = 2 : i64} : (tensor<2x3xf32>, tensor<2xi64>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @no_classes(%a: tensor<2xi64>) {
  // expected-error @+2 {{the number of classes must be positive, not 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.one_hot %a {num_classes = 0 : i64} : (tensor<2xi64>) -> tensor<2x0xi64>
  return
}

// -----

func.func @one_hot_rank(%a: tensor<1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1xi64>) {
  // expected-error @+2 {{the result would have too many dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.one_hot %a {num_classes = 2 : i64} : (tensor<1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1xi64>) -> tensor<1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x2xi64>
  return
}

// -----

func.func @dot_general_sizes(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>) {
  // expected-error @+2 {{dimension 1 of shape (2, 3) and dimension 1 of shape (3, 2) differ in size}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.dot_general %a, %b {input_batch = array<i64>, other_batch = array<i64>, input_contract = array<i64: 1>, other_contract = array<i64: 1>} : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @dot_general_pairs(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>) {
  // expected-error @+2 {{dimensions (1,) and () do not form pairs}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.dot_general %a, %b {input_batch = array<i64>, other_batch = array<i64>, input_contract = array<i64: 1>, other_contract = array<i64>} : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x3x2xf32>
  return
}

// -----

func.func @dot_general_both(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>) {
  // expected-error @+2 {{a dimension of shape (2, 3) is both a batch dimension and summed over}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.dot_general %a, %b {input_batch = array<i64: 1>, other_batch = array<i64: 0>, input_contract = array<i64: 1>, other_contract = array<i64: 0>} : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<3x2x2xf32>
  return
}

// -----

func.func @dot_general_twice(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>) {
  // expected-error @+2 {{dimension 1 appears more than once}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.dot_general %a, %b {input_batch = array<i64>, other_batch = array<i64>, input_contract = array<i64: 1, 1>, other_contract = array<i64: 0, 1>} : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @dot_general_range(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>) {
  // expected-error @+2 {{dimension 2 is out of range for a tensor of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.dot_general %a, %b {input_batch = array<i64>, other_batch = array<i64>, input_contract = array<i64: 2>, other_contract = array<i64: 0>} : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @dot_general_bool(%a: tensor<2xi1>, %b: tensor<2xi1>) {
  // expected-error @+2 {{not defined for elements of type bool}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.dot_general %a, %b {input_batch = array<i64>, other_batch = array<i64>, input_contract = array<i64: 0>, other_contract = array<i64: 0>} : (tensor<2xi1>, tensor<2xi1>) -> tensor<i1>
  return
}

// -----

func.func @wrap_index_float(%a: tensor<2xf32>, %n: tensor<f32>) {
  // expected-error @+2 {{indices must be integers, not float32}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.wrap_index %a, %n {dim = 0 : i64} : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return
}

// -----

func.func @wrap_index_size(%a: tensor<2xi64>) {
  // expected-error @+2 {{expected numbers after the first operand, the shapes are (2,) and (2,)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.wrap_index %a, %a {dim = 0 : i64} : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  return
}

// -----

func.func @softmax_dimension(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{dimension 2 is out of range for a tensor of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.softmax %a {dim = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @softmax_integers(%a: tensor<2x3xi64>) {
  // expected-error @+2 {{not defined for elements of type int64}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.softmax %a {dim = 1 : i64} : (tensor<2x3xi64>) -> tensor<2x3xi64>
  return
}

// -----

func.func @log_softmax_bool(%a: tensor<2x3xi1>) {
  // expected-error @+2 {{not defined for elements of type bool}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.log_softmax %a {dim = 1 : i64} : (tensor<2x3xi1>) -> tensor<2x3xi1>
  return
}

// -----

func.func @amax_of_nothing(%a: tensor<0x3xf32>) {
  // expected-error @+2 {{expected at least one element along dimension 0 of the shape (0, 3)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.amax %a {dims = array<i64: 0>} : (tensor<0x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @normalize_dimension(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{dimension 2 is out of range for a tensor of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.normalize %a {dims = array<i64: 2>, eps = 1.0e-05 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @linear_weight(%a: tensor<2x3xf32>, %w: tensor<4x2xf32>, %b: tensor<4xf32>) {
  // expected-error @+2 {{an input (..., m, in), a weight (out, in) and a bias (out) are needed, not (2, 3), (4, 2) and (4,)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.linear %a, %w, %b : (tensor<2x3xf32>, tensor<4x2xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @layer_norm_weight(%a: tensor<2x3xf32>, %w: tensor<2xf32>) {
  // expected-error @+2 {{expected a scale and a shift with the input's last 1 sizes, the shapes are (2, 3), (2,) and (2,)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.layer_norm %a, %w, %w {dims = array<i64: 1>, eps = 1.0e-05 : f64} : (tensor<2x3xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

// Statistics of more channels do not make the result larger.
func.func @batch_norm_channels(%a: tensor<2x1xf32>, %m: tensor<3xf32>) {
  // expected-error @+2 {{shape (3,) does not broadcast to that of the input, (2, 1)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.batch_norm %a, %m, %m, %m, %m {eps = 1.0e-05 : f64} : (tensor<2x1xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @batch_norm_mean(%a: tensor<2x3xf32>, %m: tensor<2xf32>, %w: tensor<3xf32>) {
  // expected-error @+2 {{shape (2,) does not broadcast to that of the input, (2, 3)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.batch_norm %a, %m, %w, %w, %w {eps = 1.0e-05 : f64} : (tensor<2x3xf32>, tensor<2xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @cross_entropy_target(%a: tensor<2x3xf32>, %t: tensor<3xi64>) {
  // expected-error @+2 {{expected an index with the input's sizes but the one along dimension 1, the shapes are (2, 3) and (3,)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.cross_entropy %a, %t {ignore_index = -100 : i64} : (tensor<2x3xf32>, tensor<3xi64>) -> tensor<3xf32>
  return
}

// -----

func.func @cross_entropy_no_classes(%a: tensor<3xf32>, %t: tensor<i64>) {
  // expected-error @+2 {{dimension 1 is out of range for a tensor of rank 1}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.cross_entropy %a, %t {ignore_index = -100 : i64} : (tensor<3xf32>, tensor<i64>) -> tensor<f32>
  return
}

// -----

func.func @mse_shapes(%a: tensor<2x3xf32>, %b: tensor<2xf32>) {
  // expected-error @+2 {{shapes (2, 3) and (2,) do not broadcast}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.mse_loss %a, %b : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<f32>
  return
}

// -----

func.func @mse_type(%a: tensor<2x3xf32>, %b: tensor<3xf64>) {
  // expected-error @+2 {{the operands must have one element type, not float32 and float64}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.mse_loss %a, %b : (tensor<2x3xf32>, tensor<3xf64>) -> tensor<f32>
  return
}

// -----

func.func @gelu_of_integers(%a: tensor<4xi64>) {
  // expected-error @+2 {{'array.gelu' op does not accept integers, got int64}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.gelu %a : (tensor<4xi64>) -> tensor<4xi64>
  return
}

// -----

func.func @attention_lengths(%q: tensor<1x2x3x4xf32>, %v: tensor<1x2x5x4xf32>) {
  // expected-error @+2 {{'array.attention' op the operands (1, 2, 3, 4), (1, 2, 3, 4) and (1, 2, 5, 4) are not (b, h, l, e), (b, h, s, e), (b, h, s, v)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:3 = array.attention %q, %q, %v {scale = 1.0 : f64} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x5x4xf32>) -> (tensor<1x2x3x4xf32>, tensor<1x2x3xf32>, tensor<1x2x3xf32>)
  return
}

// -----

func.func @attention_rank(%q: tensor<2x3x4xf32>) {
  // expected-error @+2 {{'array.attention' op the query has four dimensions, not 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:3 = array.attention %q, %q, %q {scale = 1.0 : f64} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>)
  return
}

// -----

func.func @attention_mask(%q: tensor<1x2x3x4xf32>, %m: tensor<1x2x3x4xi1>) {
  // expected-error @+2 {{are not (b, h, l, e), (b, h, s, e), (b, h, s, v) and (b, h, l, s)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:3 = array.masked_attention %q, %q, %q, %m {scale = 1.0 : f64} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xi1>) -> (tensor<1x2x3x4xf32>, tensor<1x2x3xf32>, tensor<1x2x3xf32>)
  return
}

// -----

func.func @attention_gradient_rows(%q: tensor<1x2x3x4xf32>, %r: tensor<1x2x3xf32>, %s: tensor<1x2x4xf32>) {
  // expected-error @+2 {{'array.attention_gradient' op the operands (1, 2, 3, 4), (1, 2, 3), (1, 2, 3) and (1, 2, 4) are not (b, h, l, v) and three of (b, h, l)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:3 = array.attention_gradient %q, %q, %q, %q, %r, %r, %s {scale = 1.0 : f64} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3xf32>, tensor<1x2x3xf32>, tensor<1x2x4xf32>) -> (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>)
  return
}

// -----

func.func @attention_gradient_types(%q: tensor<1x2x3x4xf32>, %r: tensor<1x2x3xf64>) {
  // expected-error @+2 {{'array.attention_gradient' op the operands are not of one float type, with sums of float32}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:3 = array.attention_gradient %q, %q, %q, %q, %r, %r, %r {scale = 1.0 : f64} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3xf64>, tensor<1x2x3xf64>, tensor<1x2x3xf64>) -> (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>)
  return
}

// -----

func.func @attention_mask_type(%q: tensor<1x2x3x4xf32>, %m: tensor<1x2x3x3xf32>) {
  // expected-error @+2 {{'array.masked_attention' op the mask must be bool, not float32}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:3 = array.masked_attention %q, %q, %q, %m {scale = 1.0 : f64} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x3xf32>) -> (tensor<1x2x3x4xf32>, tensor<1x2x3xf32>, tensor<1x2x3xf32>)
  return
}

// -----

func.func @empty_of_what_is_no_size(%x: tensor<3x?xf32>) {
  // expected-error @+2 {{'array.empty' op 'v0 v2 +' is no expression in postfix}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.empty %x {dtype = i1, sizes = "4, v0 v2 +"} : (tensor<3x?xf32>) -> tensor<4x?xi1>
  return
}

// -----

func.func @empty_of_floats(%x: tensor<3x?xf32>) {
  // expected-error @+2 {{'array.empty' op 'v0 2 truediv' is no expression of sizes}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.empty %x {dtype = i1, sizes = "v0 2 truediv"} : (tensor<3x?xf32>) -> tensor<?xi1>
  return
}

// -----

func.func @empty_of_less_than_nothing(%x: tensor<3x?xf32>) {
  // expected-error @+2 {{'array.empty' op sizes (-1,) must not be negative}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.empty %x {dtype = i1, sizes = "v0 4 -"} : (tensor<3x?xf32>) -> tensor<?xi1>
  return
}

// -----

func.func @empty_divided_by_nothing(%x: tensor<0xf32>) {
  // expected-error @+2 {{'array.empty' op the sizes '4 v0 //' cannot be computed}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.empty %x {dtype = i1, sizes = "4 v0 //"} : (tensor<0xf32>) -> tensor<?xi1>
  return
}

// -----

func.func @slice_like_beyond(%x: tensor<3xf32>, %at: tensor<2xi1>) {
  // expected-error @+2 {{'array.slice_like' op 2 elements from 2 by steps of 1 do not lie in dimension 0 of size 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.slice_like %x, %at, %at {steps = array<i64: 1>} : (tensor<3xf32>, tensor<2xi1>, tensor<2xi1>) -> tensor<2xf32>
  return
}

// -----

func.func @insert_slice_at_another_rank(%x: tensor<3xf32>, %at: tensor<1x1xi1>) {
  // expected-error @+2 {{'array.insert_slice_at' op 'starts' has 2 numbers, the input of shape (3,) has 1 dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = array.insert_slice_at %x, %x, %at {steps = array<i64: 1>} : (tensor<3xf32>, tensor<3xf32>, tensor<1x1xi1>) -> tensor<3xf32>
  return
}
