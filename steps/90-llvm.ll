; ModuleID = 'stepwell_kernel'
source_filename = "stepwell_kernel"
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-pc-linux-gnu"

@stepwell_abi_version = weak_odr constant i32 2

; Function Attrs: nounwind
define i32 @stepwell_kernel(ptr %0, ptr %1) #0 {
  %3 = load ptr, ptr %1, align 8
  %4 = getelementptr i64, ptr %1, i32 3
  %5 = load float, ptr %4, align 4
  %6 = getelementptr i64, ptr %1, i32 4
  %7 = load ptr, ptr %6, align 8
  store float 0.000000e+00, ptr %7, align 4
  %8 = insertelement <4 x float> poison, float %5, i32 0
  %9 = shufflevector <4 x float> %8, <4 x float> poison, <4 x i32> zeroinitializer
  %10 = getelementptr float, ptr %3, i64 0
  %11 = load <4 x float>, ptr %10, align 4
  %12 = fmul <4 x float> %11, %9
  %13 = fadd <4 x float> %12, zeroinitializer
  %14 = fadd <4 x float> %13, zeroinitializer
  %15 = fsub <4 x float> %14, %14
  %16 = fsub <4 x float> zeroinitializer, %15
  %17 = fsub <4 x float> %13, %14
  %18 = fadd <4 x float> %16, %17
  %19 = fadd <4 x float> %18, zeroinitializer
  %20 = fcmp ord <4 x float> %19, %19
  %21 = fadd <4 x float> %14, %19
  %22 = select <4 x i1> %20, <4 x float> %21, <4 x float> %14
  %23 = shufflevector <4 x float> %22, <4 x float> %22, <2 x i32> <i32 0, i32 1>
  %24 = shufflevector <4 x float> %22, <4 x float> %22, <2 x i32> <i32 2, i32 3>
  %25 = fadd <2 x float> %23, %24
  %26 = shufflevector <2 x float> %25, <2 x float> %25, <1 x i32> zeroinitializer
  %27 = shufflevector <2 x float> %25, <2 x float> %25, <1 x i32> <i32 1>
  %28 = fadd <1 x float> %26, %27
  %29 = extractelement <1 x float> %28, i64 0
  %30 = getelementptr inbounds float, ptr %7, i64 0
  %31 = load float, ptr %30, align 4
  %32 = fadd float %31, %29
  store float %32, ptr %7, align 4
  ret i32 0
}

attributes #0 = { nounwind "no-builtins" "no-jump-tables"="true" }

!llvm.module.flags = !{!0}

!0 = !{i32 2, !"Debug Info Version", i32 3}
