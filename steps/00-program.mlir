module {
  func.func @main(%arg0: tensor<4xf32>, %arg1: tensor<f32> {stepwell.scalar}) -> tensor<f32> {
    %0 = array.mul %arg0, %arg1 : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
    %1 = array.sum %0 {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
    return %1 : tensor<f32>
  }
}
