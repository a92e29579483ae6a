module {
  func.func @stepwell_kernel(%arg0: !llvm.ptr, %arg1: !llvm.ptr) -> i32 attributes {stepwell.entry} {
    %0 = llvm.mlir.poison : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
    %1 = llvm.getelementptr %arg1[0] : (!llvm.ptr) -> !llvm.ptr, i64
    %2 = llvm.load %1 : !llvm.ptr -> !llvm.ptr
    %3 = llvm.insertvalue %2, %0[0] : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> 
    %4 = llvm.insertvalue %2, %3[1] : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> 
    %5 = llvm.mlir.constant(0 : i64) : i64
    %6 = llvm.insertvalue %5, %4[2] : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> 
    %7 = llvm.mlir.constant(4 : i64) : i64
    %8 = llvm.mlir.constant(1 : i64) : i64
    %9 = llvm.insertvalue %7, %6[3, 0] : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> 
    %10 = llvm.insertvalue %8, %9[4, 0] : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> 
    %11 = builtin.unrealized_conversion_cast %10 : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> to memref<4xf32>
    %12 = llvm.getelementptr %arg1[3] : (!llvm.ptr) -> !llvm.ptr, i64
    %13 = llvm.load %12 : !llvm.ptr -> f32
    %14 = llvm.mlir.poison : !llvm.struct<(ptr, ptr, i64)>
    %15 = llvm.getelementptr %arg1[4] : (!llvm.ptr) -> !llvm.ptr, i64
    %16 = llvm.load %15 : !llvm.ptr -> !llvm.ptr
    %17 = llvm.insertvalue %16, %14[0] : !llvm.struct<(ptr, ptr, i64)> 
    %18 = llvm.insertvalue %16, %17[1] : !llvm.struct<(ptr, ptr, i64)> 
    %19 = llvm.mlir.constant(0 : i64) : i64
    %20 = llvm.insertvalue %19, %18[2] : !llvm.struct<(ptr, ptr, i64)> 
    %21 = builtin.unrealized_conversion_cast %20 : !llvm.struct<(ptr, ptr, i64)> to memref<f32>
    %c0_i32 = arith.constant 0 : i32
    %cst = arith.constant 0.000000e+00 : f32
    %22 = memref.load %21[] : memref<f32>
    memref.store %cst, %21[] : memref<f32>
    %base_buffer, %offset, %sizes, %strides = memref.extract_strided_metadata %11 : memref<4xf32> -> memref<f32>, index, index, index
    %base_buffer_0, %offset_1 = memref.extract_strided_metadata %21 : memref<f32> -> memref<f32>, index
    %23 = vector.broadcast %13 : f32 to vector<4xf32>
    %c0 = arith.constant 0 : index
    %cst_2 = arith.constant dense<0.000000e+00> : vector<4xf32>
    %reinterpret_cast = memref.reinterpret_cast %base_buffer to offset: [0], sizes: [4], strides: [1] : memref<f32> to memref<4xf32, strided<[1]>>
    %c0_3 = arith.constant 0 : index
    %cst_4 = arith.constant dense<0.000000e+00> : vector<4xf32>
    %c0_5 = arith.constant 0 : index
    %24 = vector.load %reinterpret_cast[%c0_5] : memref<4xf32, strided<[1]>>, vector<4xf32>
    %25 = arith.mulf %24, %23 : vector<4xf32>
    %26 = arith.addf %cst_4, %25 : vector<4xf32>
    %27 = arith.addf %cst_2, %26 : vector<4xf32>
    %28 = arith.subf %27, %cst_2 : vector<4xf32>
    %29 = arith.subf %27, %28 : vector<4xf32>
    %30 = arith.subf %cst_2, %29 : vector<4xf32>
    %31 = arith.subf %26, %28 : vector<4xf32>
    %32 = arith.addf %30, %31 : vector<4xf32>
    %33 = arith.addf %cst_2, %32 : vector<4xf32>
    %34 = arith.cmpf ord, %33, %33 : vector<4xf32>
    %35 = arith.addf %27, %33 : vector<4xf32>
    %36 = arith.select %34, %35, %27 : vector<4xi1>, vector<4xf32>
    %37 = vector.shuffle %36, %36 [0, 1] : vector<4xf32>, vector<4xf32>
    %38 = vector.shuffle %36, %36 [2, 3] : vector<4xf32>, vector<4xf32>
    %39 = arith.addf %37, %38 : vector<2xf32>
    %40 = vector.shuffle %39, %39 [0] : vector<2xf32>, vector<2xf32>
    %41 = vector.shuffle %39, %39 [1] : vector<2xf32>, vector<2xf32>
    %42 = arith.addf %40, %41 : vector<1xf32>
    %43 = vector.extract %42[0] : f32 from vector<1xf32>
    %reinterpret_cast_6 = memref.reinterpret_cast %base_buffer_0 to offset: [0], sizes: [1], strides: [1] : memref<f32> to memref<1xf32, strided<[1]>>
    %c0_7 = arith.constant 0 : index
    %44 = memref.load %reinterpret_cast_6[%c0_7] : memref<1xf32, strided<[1]>>
    %45 = arith.addf %44, %43 : f32
    %reinterpret_cast_8 = memref.reinterpret_cast %base_buffer_0 to offset: [0], sizes: [], strides: [] : memref<f32> to memref<f32, strided<[]>>
    memref.store %45, %reinterpret_cast_8[] : memref<f32, strided<[]>>
    return %c0_i32 : i32
  }
  llvm.mlir.global weak_odr constant @stepwell_abi_version(2 : i32) {addr_space = 0 : i32} : i32
}
