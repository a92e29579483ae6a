module {
  func.func @stepwell_kernel(%arg0: !llvm.ptr, %arg1: !llvm.ptr) -> i32 attributes {stepwell.entry} {
    %cst = arith.constant dense<0.000000e+00> : vector<4xf32>
    %c0 = arith.constant 0 : index
    %cst_0 = arith.constant 0.000000e+00 : f32
    %c0_i32 = arith.constant 0 : i32
    %0 = llvm.mlir.poison : !llvm.struct<(ptr, ptr, i64)>
    %1 = llvm.mlir.constant(1 : i64) : i64
    %2 = llvm.mlir.constant(4 : i64) : i64
    %3 = llvm.mlir.constant(0 : i64) : i64
    %4 = llvm.mlir.poison : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
    %5 = llvm.load %arg1 : !llvm.ptr -> !llvm.ptr
    %6 = llvm.insertvalue %5, %4[0] : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> 
    %7 = llvm.insertvalue %5, %6[1] : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> 
    %8 = llvm.insertvalue %3, %7[2] : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> 
    %9 = llvm.insertvalue %2, %8[3, 0] : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> 
    %10 = llvm.insertvalue %1, %9[4, 0] : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> 
    %11 = builtin.unrealized_conversion_cast %10 : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> to memref<4xf32>
    %12 = llvm.getelementptr %arg1[3] : (!llvm.ptr) -> !llvm.ptr, i64
    %13 = llvm.load %12 : !llvm.ptr -> f32
    %14 = llvm.getelementptr %arg1[4] : (!llvm.ptr) -> !llvm.ptr, i64
    %15 = llvm.load %14 : !llvm.ptr -> !llvm.ptr
    %16 = llvm.insertvalue %15, %0[0] : !llvm.struct<(ptr, ptr, i64)> 
    %17 = llvm.insertvalue %15, %16[1] : !llvm.struct<(ptr, ptr, i64)> 
    %18 = llvm.insertvalue %3, %17[2] : !llvm.struct<(ptr, ptr, i64)> 
    %19 = builtin.unrealized_conversion_cast %18 : !llvm.struct<(ptr, ptr, i64)> to memref<f32>
    memref.store %cst_0, %19[] : memref<f32>
    %base_buffer, %offset, %sizes, %strides = memref.extract_strided_metadata %11 : memref<4xf32> -> memref<f32>, index, index, index
    %base_buffer_1, %offset_2 = memref.extract_strided_metadata %19 : memref<f32> -> memref<f32>, index
    %20 = vector.broadcast %13 : f32 to vector<4xf32>
    %reinterpret_cast = memref.reinterpret_cast %base_buffer to offset: [0], sizes: [4], strides: [1] : memref<f32> to memref<4xf32, strided<[1]>>
    %21 = vector.load %reinterpret_cast[%c0] : memref<4xf32, strided<[1]>>, vector<4xf32>
    %22 = arith.mulf %21, %20 : vector<4xf32>
    %23 = arith.addf %22, %cst : vector<4xf32>
    %24 = arith.addf %23, %cst : vector<4xf32>
    %25 = arith.subf %24, %24 : vector<4xf32>
    %26 = arith.subf %cst, %25 : vector<4xf32>
    %27 = arith.subf %23, %24 : vector<4xf32>
    %28 = arith.addf %26, %27 : vector<4xf32>
    %29 = arith.addf %28, %cst : vector<4xf32>
    %30 = arith.cmpf ord, %29, %29 : vector<4xf32>
    %31 = arith.addf %24, %29 : vector<4xf32>
    %32 = arith.select %30, %31, %24 : vector<4xi1>, vector<4xf32>
    %33 = vector.shuffle %32, %32 [0, 1] : vector<4xf32>, vector<4xf32>
    %34 = vector.shuffle %32, %32 [2, 3] : vector<4xf32>, vector<4xf32>
    %35 = arith.addf %33, %34 : vector<2xf32>
    %36 = vector.shuffle %35, %35 [0] : vector<2xf32>, vector<2xf32>
    %37 = vector.shuffle %35, %35 [1] : vector<2xf32>, vector<2xf32>
    %38 = arith.addf %36, %37 : vector<1xf32>
    %39 = vector.extract %38[0] : f32 from vector<1xf32>
    %reinterpret_cast_3 = memref.reinterpret_cast %base_buffer_1 to offset: [0], sizes: [1], strides: [1] : memref<f32> to memref<1xf32, strided<[1]>>
    %40 = memref.load %reinterpret_cast_3[%c0] : memref<1xf32, strided<[1]>>
    %41 = arith.addf %40, %39 : f32
    %reinterpret_cast_4 = memref.reinterpret_cast %base_buffer_1 to offset: [0], sizes: [], strides: [] : memref<f32> to memref<f32, strided<[]>>
    memref.store %41, %reinterpret_cast_4[] : memref<f32, strided<[]>>
    return %c0_i32 : i32
  }
  llvm.mlir.global weak_odr constant @stepwell_abi_version(2 : i32) {addr_space = 0 : i32} : i32
}
