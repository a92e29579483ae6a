; ModuleID = 'stepwell_kernel'
source_filename = "stepwell_kernel"
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-pc-linux-gnu"

@stepwell_abi_version = weak_odr constant i32 2

; Function Attrs: nounwind
define i32 @stepwell_kernel(ptr %0, ptr %1) #0 {
  %3 = load ptr, ptr %1, align 8
  %4 = getelementptr i8, ptr %1, i64 24
  %5 = load float, ptr %4, align 4
  %6 = getelementptr i8, ptr %1, i64 32
  %7 = load ptr, ptr %6, align 8
  store float 0.000000e+00, ptr %7, align 4
  %8 = insertelement <4 x float> poison, float %5, i64 0
  %9 = shufflevector <4 x float> %8, <4 x float> poison, <4 x i32> zeroinitializer
  %10 = load <4 x float>, ptr %3, align 4
  %11 = fmul <4 x float> %10, %9
  %12 = fadd <4 x float> %11, zeroinitializer
  %13 = fsub <4 x float> %12, %12
  %14 = fsub <4 x float> zeroinitializer, %13
  %15 = fadd <4 x float> %14, %13
  %16 = fcmp ord <4 x float> %15, zeroinitializer
  %17 = fadd <4 x float> %12, %15
  %18 = select <4 x i1> %16, <4 x float> %17, <4 x float> %12
  %19 = shufflevector <4 x float> %18, <4 x float> poison, <2 x i32> <i32 0, i32 1>
  %20 = shufflevector <4 x float> %18, <4 x float> poison, <2 x i32> <i32 2, i32 3>
  %21 = fadd <2 x float> %19, %20
  %22 = shufflevector <2 x float> %21, <2 x float> poison, <1 x i32> zeroinitializer
  %23 = shufflevector <2 x float> %21, <2 x float> poison, <1 x i32> <i32 1>
  %24 = fadd <1 x float> %22, %23
  %25 = extractelement <1 x float> %24, i64 0
  %26 = fadd float %25, 0.000000e+00
  store float %26, ptr %7, align 4
  ret i32 0
}

attributes #0 = { nounwind "no-builtins" "no-jump-tables"="true" }

!llvm.module.flags = !{!0}

!0 = !{i32 2, !"Debug Info Version", i32 3}
