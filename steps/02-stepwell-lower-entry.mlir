module {
  func.func @stepwell_kernel(%arg0: !llvm.ptr, %arg1: memref<4xf32>, %arg2: f32, %arg3: memref<f32>) -> i32 attributes {stepwell.entry} {
    %0 = bufferization.to_tensor %arg3 restrict writable : memref<f32> to tensor<f32>
    %1 = bufferization.to_tensor %arg1 restrict : memref<4xf32> to tensor<4xf32>
    %from_elements = tensor.from_elements %arg2 : tensor<f32>
    %2 = tensor.empty() : tensor<4xf32>
    %3 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%1, %from_elements : tensor<4xf32>, tensor<f32>) outs(%2 : tensor<4xf32>) {
    ^bb0(%in: f32, %in_0: f32, %out: f32):
      %8 = arith.mulf %in, %in_0 : f32
      linalg.yield %8 : f32
    } -> tensor<4xf32>
    %cst = arith.constant 0.000000e+00 : f32
    %4 = tensor.empty() : tensor<f32>
    %5 = linalg.fill ins(%cst : f32) outs(%4 : tensor<f32>) -> tensor<f32>
    %6 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>], iterator_types = ["reduction"]} ins(%3 : tensor<4xf32>) outs(%5 : tensor<f32>) {
    ^bb0(%in: f32, %out: f32):
      %8 = arith.addf %out, %in : f32
      linalg.yield %8 : f32
    } -> tensor<f32>
    %7 = bufferization.materialize_in_destination %6 in %0 : (tensor<f32>, tensor<f32>) -> tensor<f32>
    bufferization.materialize_in_destination %7 in writable %arg3 : (tensor<f32>, memref<f32>) -> ()
    %c0_i32 = arith.constant 0 : i32
    return %c0_i32 : i32
  }
}
