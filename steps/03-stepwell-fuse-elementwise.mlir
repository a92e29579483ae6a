module {
  func.func @stepwell_kernel(%arg0: !llvm.ptr, %arg1: memref<4xf32>, %arg2: f32, %arg3: memref<f32>) -> i32 attributes {stepwell.entry} {
    %c0_i32 = arith.constant 0 : i32
    %cst = arith.constant 0.000000e+00 : f32
    %0 = bufferization.to_tensor %arg3 restrict writable : memref<f32> to tensor<f32>
    %1 = bufferization.to_tensor %arg1 restrict : memref<4xf32> to tensor<4xf32>
    %2 = tensor.empty() : tensor<f32>
    %3 = linalg.fill ins(%cst : f32) outs(%2 : tensor<f32>) -> tensor<f32>
    %4 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>], iterator_types = ["reduction"]} ins(%1 : tensor<4xf32>) outs(%3 : tensor<f32>) {
    ^bb0(%in: f32, %out: f32):
      %6 = arith.mulf %in, %arg2 : f32
      %7 = arith.addf %out, %6 : f32
      linalg.yield %7 : f32
    } -> tensor<f32>
    %5 = bufferization.materialize_in_destination %4 in %0 : (tensor<f32>, tensor<f32>) -> tensor<f32>
    bufferization.materialize_in_destination %5 in writable %arg3 : (tensor<f32>, memref<f32>) -> ()
    return %c0_i32 : i32
  }
}
