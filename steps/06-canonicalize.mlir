module {
  func.func @stepwell_kernel(%arg0: !llvm.ptr, %arg1: memref<4xf32>, %arg2: f32, %arg3: memref<f32>) -> i32 attributes {stepwell.entry} {
    %c0_i32 = arith.constant 0 : i32
    %cst = arith.constant 0.000000e+00 : f32
    linalg.fill ins(%cst : f32) outs(%arg3 : memref<f32>)
    linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>], iterator_types = ["reduction"]} ins(%arg1 : memref<4xf32>) outs(%arg3 : memref<f32>) {
    ^bb0(%in: f32, %out: f32):
      %0 = arith.mulf %in, %arg2 : f32
      %1 = arith.addf %out, %0 : f32
      linalg.yield %1 : f32
    }
    return %c0_i32 : i32
  }
  func.func @stepwell_kernel_workspace_size(%arg0: memref<4xf32>, %arg1: f32, %arg2: memref<f32>) -> i64 attributes {stepwell.workspace_size_of = @stepwell_kernel} {
    %c0_i64 = arith.constant 0 : i64
    return %c0_i64 : i64
  }
}
