module {
  llvm.func @stepwell_kernel(%arg0: !llvm.ptr, %arg1: !llvm.ptr) -> i32 attributes {stepwell.entry} {
    %0 = llvm.mlir.constant(dense<0.000000e+00> : vector<4xf32>) : vector<4xf32>
    %1 = llvm.mlir.constant(0 : index) : i64
    %2 = llvm.mlir.constant(0.000000e+00 : f32) : f32
    %3 = llvm.mlir.constant(0 : i32) : i32
    %4 = llvm.mlir.constant(1 : i64) : i64
    %5 = llvm.mlir.constant(4 : i64) : i64
    %6 = llvm.mlir.constant(0 : i64) : i64
    %7 = llvm.load %arg1 : !llvm.ptr -> !llvm.ptr
    %8 = llvm.getelementptr %arg1[3] : (!llvm.ptr) -> !llvm.ptr, i64
    %9 = llvm.load %8 : !llvm.ptr -> f32
    %10 = llvm.getelementptr %arg1[4] : (!llvm.ptr) -> !llvm.ptr, i64
    %11 = llvm.load %10 : !llvm.ptr -> !llvm.ptr
    llvm.store %2, %11 : f32, !llvm.ptr
    %12 = llvm.mlir.constant(0 : index) : i64
    %13 = llvm.mlir.constant(0 : index) : i64
    %14 = llvm.mlir.poison : vector<4xf32>
    %15 = llvm.mlir.constant(0 : i32) : i32
    %16 = llvm.insertelement %9, %14[%15 : i32] : vector<4xf32>
    %17 = llvm.shufflevector %16, %14 [0, 0, 0, 0] : vector<4xf32> 
    %18 = llvm.mlir.constant(0 : index) : i64
    %19 = llvm.mlir.constant(4 : index) : i64
    %20 = llvm.mlir.constant(1 : index) : i64
    %21 = llvm.getelementptr %7[%1] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %22 = llvm.load %21 {alignment = 4 : i64} : !llvm.ptr -> vector<4xf32>
    %23 = llvm.fmul %22, %17 : vector<4xf32>
    %24 = llvm.fadd %23, %0 : vector<4xf32>
    %25 = llvm.fadd %24, %0 : vector<4xf32>
    %26 = llvm.fsub %25, %25 : vector<4xf32>
    %27 = llvm.fsub %0, %26 : vector<4xf32>
    %28 = llvm.fsub %24, %25 : vector<4xf32>
    %29 = llvm.fadd %27, %28 : vector<4xf32>
    %30 = llvm.fadd %29, %0 : vector<4xf32>
    %31 = llvm.fcmp "ord" %30, %30 : vector<4xf32>
    %32 = llvm.fadd %25, %30 : vector<4xf32>
    %33 = llvm.select %31, %32, %25 : vector<4xi1>, vector<4xf32>
    %34 = llvm.shufflevector %33, %33 [0, 1] : vector<4xf32> 
    %35 = llvm.shufflevector %33, %33 [2, 3] : vector<4xf32> 
    %36 = llvm.fadd %34, %35 : vector<2xf32>
    %37 = llvm.shufflevector %36, %36 [0] : vector<2xf32> 
    %38 = llvm.shufflevector %36, %36 [1] : vector<2xf32> 
    %39 = llvm.fadd %37, %38 : vector<1xf32>
    %40 = llvm.mlir.constant(0 : i64) : i64
    %41 = llvm.extractelement %39[%40 : i64] : vector<1xf32>
    %42 = llvm.mlir.constant(0 : index) : i64
    %43 = llvm.mlir.constant(1 : index) : i64
    %44 = llvm.mlir.constant(1 : index) : i64
    %45 = llvm.getelementptr inbounds|nuw %11[%1] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %46 = llvm.load %45 : !llvm.ptr -> f32
    %47 = llvm.fadd %46, %41 : f32
    %48 = llvm.mlir.constant(0 : index) : i64
    llvm.store %47, %11 : f32, !llvm.ptr
    llvm.return %3 : i32
  }
  llvm.mlir.global weak_odr constant @stepwell_abi_version(2 : i32) {addr_space = 0 : i32} : i32
}
