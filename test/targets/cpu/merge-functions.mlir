// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --cpu-outline-parallel | FileCheck %s

// Two operations that do the same with other buffers are one function; one that does something else has its own.
// CHECK-COUNT-2: func.func private @k_body
// CHECK-NOT: func.func private @k_body
// CHECK: func.func @k(
func.func @k(%ctx: !llvm.ptr, %a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>) -> i32 attributes {stepwell.entry} {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : memref<?x?xf32>) outs(%b : memref<?x?xf32>) {
  ^bb0(%x: f32, %y: f32):
    %0 = arith.addf %x, %x : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%b : memref<?x?xf32>) outs(%c : memref<?x?xf32>) {
  ^bb0(%x: f32, %y: f32):
    %0 = arith.addf %x, %x : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%c : memref<?x?xf32>) outs(%a : memref<?x?xf32>) {
  ^bb0(%x: f32, %y: f32):
    %0 = arith.mulf %x, %x : f32
    linalg.yield %0 : f32
  }
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// Of many long bodies small ones are functions, too: these eight are one.
// CHECK: func.func private @long_body
// CHECK-NOT: func.func private @long_body
// CHECK: func.func @long(
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @long(%ctx: !llvm.ptr, %a: memref<4xf32>, %b: memref<4xf32>) -> i32 attributes {stepwell.entry} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%a : memref<4xf32>) outs(%b : memref<4xf32>) {
  ^bb0(%x: f32, %y: f32):
    %1 = arith.mulf %x, %x : f32
    %2 = arith.mulf %1, %x : f32
    %3 = arith.mulf %2, %x : f32
    %4 = arith.mulf %3, %x : f32
    %5 = arith.mulf %4, %x : f32
    %6 = arith.mulf %5, %x : f32
    %7 = arith.mulf %6, %x : f32
    %8 = arith.mulf %7, %x : f32
    %9 = arith.mulf %8, %x : f32
    %10 = arith.mulf %9, %x : f32
    %11 = arith.mulf %10, %x : f32
    %12 = arith.mulf %11, %x : f32
    %13 = arith.mulf %12, %x : f32
    %14 = arith.mulf %13, %x : f32
    %15 = arith.mulf %14, %x : f32
    %16 = arith.mulf %15, %x : f32
    %17 = arith.mulf %16, %x : f32
    %18 = arith.mulf %17, %x : f32
    %19 = arith.mulf %18, %x : f32
    %20 = arith.mulf %19, %x : f32
    %21 = arith.mulf %20, %x : f32
    %22 = arith.mulf %21, %x : f32
    %23 = arith.mulf %22, %x : f32
    %24 = arith.mulf %23, %x : f32
    %25 = arith.mulf %24, %x : f32
    %26 = arith.mulf %25, %x : f32
    %27 = arith.mulf %26, %x : f32
    %28 = arith.mulf %27, %x : f32
    %29 = arith.mulf %28, %x : f32
    %30 = arith.mulf %29, %x : f32
    %31 = arith.mulf %30, %x : f32
    %32 = arith.mulf %31, %x : f32
    %33 = arith.mulf %32, %x : f32
    %34 = arith.mulf %33, %x : f32
    %35 = arith.mulf %34, %x : f32
    %36 = arith.mulf %35, %x : f32
    %37 = arith.mulf %36, %x : f32
    %38 = arith.mulf %37, %x : f32
    %39 = arith.mulf %38, %x : f32
    %40 = arith.mulf %39, %x : f32
    %41 = arith.mulf %40, %x : f32
    %42 = arith.mulf %41, %x : f32
    %43 = arith.mulf %42, %x : f32
    %44 = arith.mulf %43, %x : f32
    %45 = arith.mulf %44, %x : f32
    %46 = arith.mulf %45, %x : f32
    %47 = arith.mulf %46, %x : f32
    %48 = arith.mulf %47, %x : f32
    %49 = arith.mulf %48, %x : f32
    %50 = arith.mulf %49, %x : f32
    %51 = arith.mulf %50, %x : f32
    %52 = arith.mulf %51, %x : f32
    %53 = arith.mulf %52, %x : f32
    %54 = arith.mulf %53, %x : f32
    %55 = arith.mulf %54, %x : f32
    %56 = arith.mulf %55, %x : f32
    %57 = arith.mulf %56, %x : f32
    %58 = arith.mulf %57, %x : f32
    %59 = arith.mulf %58, %x : f32
    %60 = arith.mulf %59, %x : f32
    %61 = arith.mulf %60, %x : f32
    %62 = arith.mulf %61, %x : f32
    %63 = arith.mulf %62, %x : f32
    %64 = arith.mulf %63, %x : f32
    linalg.yield %64 : f32
  }
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%b : memref<4xf32>) outs(%a : memref<4xf32>) {
  ^bb0(%x: f32, %y: f32):
    %1 = arith.mulf %x, %x : f32
    %2 = arith.mulf %1, %x : f32
    %3 = arith.mulf %2, %x : f32
    %4 = arith.mulf %3, %x : f32
    %5 = arith.mulf %4, %x : f32
    %6 = arith.mulf %5, %x : f32
    %7 = arith.mulf %6, %x : f32
    %8 = arith.mulf %7, %x : f32
    %9 = arith.mulf %8, %x : f32
    %10 = arith.mulf %9, %x : f32
    %11 = arith.mulf %10, %x : f32
    %12 = arith.mulf %11, %x : f32
    %13 = arith.mulf %12, %x : f32
    %14 = arith.mulf %13, %x : f32
    %15 = arith.mulf %14, %x : f32
    %16 = arith.mulf %15, %x : f32
    %17 = arith.mulf %16, %x : f32
    %18 = arith.mulf %17, %x : f32
    %19 = arith.mulf %18, %x : f32
    %20 = arith.mulf %19, %x : f32
    %21 = arith.mulf %20, %x : f32
    %22 = arith.mulf %21, %x : f32
    %23 = arith.mulf %22, %x : f32
    %24 = arith.mulf %23, %x : f32
    %25 = arith.mulf %24, %x : f32
    %26 = arith.mulf %25, %x : f32
    %27 = arith.mulf %26, %x : f32
    %28 = arith.mulf %27, %x : f32
    %29 = arith.mulf %28, %x : f32
    %30 = arith.mulf %29, %x : f32
    %31 = arith.mulf %30, %x : f32
    %32 = arith.mulf %31, %x : f32
    %33 = arith.mulf %32, %x : f32
    %34 = arith.mulf %33, %x : f32
    %35 = arith.mulf %34, %x : f32
    %36 = arith.mulf %35, %x : f32
    %37 = arith.mulf %36, %x : f32
    %38 = arith.mulf %37, %x : f32
    %39 = arith.mulf %38, %x : f32
    %40 = arith.mulf %39, %x : f32
    %41 = arith.mulf %40, %x : f32
    %42 = arith.mulf %41, %x : f32
    %43 = arith.mulf %42, %x : f32
    %44 = arith.mulf %43, %x : f32
    %45 = arith.mulf %44, %x : f32
    %46 = arith.mulf %45, %x : f32
    %47 = arith.mulf %46, %x : f32
    %48 = arith.mulf %47, %x : f32
    %49 = arith.mulf %48, %x : f32
    %50 = arith.mulf %49, %x : f32
    %51 = arith.mulf %50, %x : f32
    %52 = arith.mulf %51, %x : f32
    %53 = arith.mulf %52, %x : f32
    %54 = arith.mulf %53, %x : f32
    %55 = arith.mulf %54, %x : f32
    %56 = arith.mulf %55, %x : f32
    %57 = arith.mulf %56, %x : f32
    %58 = arith.mulf %57, %x : f32
    %59 = arith.mulf %58, %x : f32
    %60 = arith.mulf %59, %x : f32
    %61 = arith.mulf %60, %x : f32
    %62 = arith.mulf %61, %x : f32
    %63 = arith.mulf %62, %x : f32
    %64 = arith.mulf %63, %x : f32
    linalg.yield %64 : f32
  }
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%a : memref<4xf32>) outs(%b : memref<4xf32>) {
  ^bb0(%x: f32, %y: f32):
    %1 = arith.mulf %x, %x : f32
    %2 = arith.mulf %1, %x : f32
    %3 = arith.mulf %2, %x : f32
    %4 = arith.mulf %3, %x : f32
    %5 = arith.mulf %4, %x : f32
    %6 = arith.mulf %5, %x : f32
    %7 = arith.mulf %6, %x : f32
    %8 = arith.mulf %7, %x : f32
    %9 = arith.mulf %8, %x : f32
    %10 = arith.mulf %9, %x : f32
    %11 = arith.mulf %10, %x : f32
    %12 = arith.mulf %11, %x : f32
    %13 = arith.mulf %12, %x : f32
    %14 = arith.mulf %13, %x : f32
    %15 = arith.mulf %14, %x : f32
    %16 = arith.mulf %15, %x : f32
    %17 = arith.mulf %16, %x : f32
    %18 = arith.mulf %17, %x : f32
    %19 = arith.mulf %18, %x : f32
    %20 = arith.mulf %19, %x : f32
    %21 = arith.mulf %20, %x : f32
    %22 = arith.mulf %21, %x : f32
    %23 = arith.mulf %22, %x : f32
    %24 = arith.mulf %23, %x : f32
    %25 = arith.mulf %24, %x : f32
    %26 = arith.mulf %25, %x : f32
    %27 = arith.mulf %26, %x : f32
    %28 = arith.mulf %27, %x : f32
    %29 = arith.mulf %28, %x : f32
    %30 = arith.mulf %29, %x : f32
    %31 = arith.mulf %30, %x : f32
    %32 = arith.mulf %31, %x : f32
    %33 = arith.mulf %32, %x : f32
    %34 = arith.mulf %33, %x : f32
    %35 = arith.mulf %34, %x : f32
    %36 = arith.mulf %35, %x : f32
    %37 = arith.mulf %36, %x : f32
    %38 = arith.mulf %37, %x : f32
    %39 = arith.mulf %38, %x : f32
    %40 = arith.mulf %39, %x : f32
    %41 = arith.mulf %40, %x : f32
    %42 = arith.mulf %41, %x : f32
    %43 = arith.mulf %42, %x : f32
    %44 = arith.mulf %43, %x : f32
    %45 = arith.mulf %44, %x : f32
    %46 = arith.mulf %45, %x : f32
    %47 = arith.mulf %46, %x : f32
    %48 = arith.mulf %47, %x : f32
    %49 = arith.mulf %48, %x : f32
    %50 = arith.mulf %49, %x : f32
    %51 = arith.mulf %50, %x : f32
    %52 = arith.mulf %51, %x : f32
    %53 = arith.mulf %52, %x : f32
    %54 = arith.mulf %53, %x : f32
    %55 = arith.mulf %54, %x : f32
    %56 = arith.mulf %55, %x : f32
    %57 = arith.mulf %56, %x : f32
    %58 = arith.mulf %57, %x : f32
    %59 = arith.mulf %58, %x : f32
    %60 = arith.mulf %59, %x : f32
    %61 = arith.mulf %60, %x : f32
    %62 = arith.mulf %61, %x : f32
    %63 = arith.mulf %62, %x : f32
    %64 = arith.mulf %63, %x : f32
    linalg.yield %64 : f32
  }
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%b : memref<4xf32>) outs(%a : memref<4xf32>) {
  ^bb0(%x: f32, %y: f32):
    %1 = arith.mulf %x, %x : f32
    %2 = arith.mulf %1, %x : f32
    %3 = arith.mulf %2, %x : f32
    %4 = arith.mulf %3, %x : f32
    %5 = arith.mulf %4, %x : f32
    %6 = arith.mulf %5, %x : f32
    %7 = arith.mulf %6, %x : f32
    %8 = arith.mulf %7, %x : f32
    %9 = arith.mulf %8, %x : f32
    %10 = arith.mulf %9, %x : f32
    %11 = arith.mulf %10, %x : f32
    %12 = arith.mulf %11, %x : f32
    %13 = arith.mulf %12, %x : f32
    %14 = arith.mulf %13, %x : f32
    %15 = arith.mulf %14, %x : f32
    %16 = arith.mulf %15, %x : f32
    %17 = arith.mulf %16, %x : f32
    %18 = arith.mulf %17, %x : f32
    %19 = arith.mulf %18, %x : f32
    %20 = arith.mulf %19, %x : f32
    %21 = arith.mulf %20, %x : f32
    %22 = arith.mulf %21, %x : f32
    %23 = arith.mulf %22, %x : f32
    %24 = arith.mulf %23, %x : f32
    %25 = arith.mulf %24, %x : f32
    %26 = arith.mulf %25, %x : f32
    %27 = arith.mulf %26, %x : f32
    %28 = arith.mulf %27, %x : f32
    %29 = arith.mulf %28, %x : f32
    %30 = arith.mulf %29, %x : f32
    %31 = arith.mulf %30, %x : f32
    %32 = arith.mulf %31, %x : f32
    %33 = arith.mulf %32, %x : f32
    %34 = arith.mulf %33, %x : f32
    %35 = arith.mulf %34, %x : f32
    %36 = arith.mulf %35, %x : f32
    %37 = arith.mulf %36, %x : f32
    %38 = arith.mulf %37, %x : f32
    %39 = arith.mulf %38, %x : f32
    %40 = arith.mulf %39, %x : f32
    %41 = arith.mulf %40, %x : f32
    %42 = arith.mulf %41, %x : f32
    %43 = arith.mulf %42, %x : f32
    %44 = arith.mulf %43, %x : f32
    %45 = arith.mulf %44, %x : f32
    %46 = arith.mulf %45, %x : f32
    %47 = arith.mulf %46, %x : f32
    %48 = arith.mulf %47, %x : f32
    %49 = arith.mulf %48, %x : f32
    %50 = arith.mulf %49, %x : f32
    %51 = arith.mulf %50, %x : f32
    %52 = arith.mulf %51, %x : f32
    %53 = arith.mulf %52, %x : f32
    %54 = arith.mulf %53, %x : f32
    %55 = arith.mulf %54, %x : f32
    %56 = arith.mulf %55, %x : f32
    %57 = arith.mulf %56, %x : f32
    %58 = arith.mulf %57, %x : f32
    %59 = arith.mulf %58, %x : f32
    %60 = arith.mulf %59, %x : f32
    %61 = arith.mulf %60, %x : f32
    %62 = arith.mulf %61, %x : f32
    %63 = arith.mulf %62, %x : f32
    %64 = arith.mulf %63, %x : f32
    linalg.yield %64 : f32
  }
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%a : memref<4xf32>) outs(%b : memref<4xf32>) {
  ^bb0(%x: f32, %y: f32):
    %1 = arith.mulf %x, %x : f32
    %2 = arith.mulf %1, %x : f32
    %3 = arith.mulf %2, %x : f32
    %4 = arith.mulf %3, %x : f32
    %5 = arith.mulf %4, %x : f32
    %6 = arith.mulf %5, %x : f32
    %7 = arith.mulf %6, %x : f32
    %8 = arith.mulf %7, %x : f32
    %9 = arith.mulf %8, %x : f32
    %10 = arith.mulf %9, %x : f32
    %11 = arith.mulf %10, %x : f32
    %12 = arith.mulf %11, %x : f32
    %13 = arith.mulf %12, %x : f32
    %14 = arith.mulf %13, %x : f32
    %15 = arith.mulf %14, %x : f32
    %16 = arith.mulf %15, %x : f32
    %17 = arith.mulf %16, %x : f32
    %18 = arith.mulf %17, %x : f32
    %19 = arith.mulf %18, %x : f32
    %20 = arith.mulf %19, %x : f32
    %21 = arith.mulf %20, %x : f32
    %22 = arith.mulf %21, %x : f32
    %23 = arith.mulf %22, %x : f32
    %24 = arith.mulf %23, %x : f32
    %25 = arith.mulf %24, %x : f32
    %26 = arith.mulf %25, %x : f32
    %27 = arith.mulf %26, %x : f32
    %28 = arith.mulf %27, %x : f32
    %29 = arith.mulf %28, %x : f32
    %30 = arith.mulf %29, %x : f32
    %31 = arith.mulf %30, %x : f32
    %32 = arith.mulf %31, %x : f32
    %33 = arith.mulf %32, %x : f32
    %34 = arith.mulf %33, %x : f32
    %35 = arith.mulf %34, %x : f32
    %36 = arith.mulf %35, %x : f32
    %37 = arith.mulf %36, %x : f32
    %38 = arith.mulf %37, %x : f32
    %39 = arith.mulf %38, %x : f32
    %40 = arith.mulf %39, %x : f32
    %41 = arith.mulf %40, %x : f32
    %42 = arith.mulf %41, %x : f32
    %43 = arith.mulf %42, %x : f32
    %44 = arith.mulf %43, %x : f32
    %45 = arith.mulf %44, %x : f32
    %46 = arith.mulf %45, %x : f32
    %47 = arith.mulf %46, %x : f32
    %48 = arith.mulf %47, %x : f32
    %49 = arith.mulf %48, %x : f32
    %50 = arith.mulf %49, %x : f32
    %51 = arith.mulf %50, %x : f32
    %52 = arith.mulf %51, %x : f32
    %53 = arith.mulf %52, %x : f32
    %54 = arith.mulf %53, %x : f32
    %55 = arith.mulf %54, %x : f32
    %56 = arith.mulf %55, %x : f32
    %57 = arith.mulf %56, %x : f32
    %58 = arith.mulf %57, %x : f32
    %59 = arith.mulf %58, %x : f32
    %60 = arith.mulf %59, %x : f32
    %61 = arith.mulf %60, %x : f32
    %62 = arith.mulf %61, %x : f32
    %63 = arith.mulf %62, %x : f32
    %64 = arith.mulf %63, %x : f32
    linalg.yield %64 : f32
  }
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%b : memref<4xf32>) outs(%a : memref<4xf32>) {
  ^bb0(%x: f32, %y: f32):
    %1 = arith.mulf %x, %x : f32
    %2 = arith.mulf %1, %x : f32
    %3 = arith.mulf %2, %x : f32
    %4 = arith.mulf %3, %x : f32
    %5 = arith.mulf %4, %x : f32
    %6 = arith.mulf %5, %x : f32
    %7 = arith.mulf %6, %x : f32
    %8 = arith.mulf %7, %x : f32
    %9 = arith.mulf %8, %x : f32
    %10 = arith.mulf %9, %x : f32
    %11 = arith.mulf %10, %x : f32
    %12 = arith.mulf %11, %x : f32
    %13 = arith.mulf %12, %x : f32
    %14 = arith.mulf %13, %x : f32
    %15 = arith.mulf %14, %x : f32
    %16 = arith.mulf %15, %x : f32
    %17 = arith.mulf %16, %x : f32
    %18 = arith.mulf %17, %x : f32
    %19 = arith.mulf %18, %x : f32
    %20 = arith.mulf %19, %x : f32
    %21 = arith.mulf %20, %x : f32
    %22 = arith.mulf %21, %x : f32
    %23 = arith.mulf %22, %x : f32
    %24 = arith.mulf %23, %x : f32
    %25 = arith.mulf %24, %x : f32
    %26 = arith.mulf %25, %x : f32
    %27 = arith.mulf %26, %x : f32
    %28 = arith.mulf %27, %x : f32
    %29 = arith.mulf %28, %x : f32
    %30 = arith.mulf %29, %x : f32
    %31 = arith.mulf %30, %x : f32
    %32 = arith.mulf %31, %x : f32
    %33 = arith.mulf %32, %x : f32
    %34 = arith.mulf %33, %x : f32
    %35 = arith.mulf %34, %x : f32
    %36 = arith.mulf %35, %x : f32
    %37 = arith.mulf %36, %x : f32
    %38 = arith.mulf %37, %x : f32
    %39 = arith.mulf %38, %x : f32
    %40 = arith.mulf %39, %x : f32
    %41 = arith.mulf %40, %x : f32
    %42 = arith.mulf %41, %x : f32
    %43 = arith.mulf %42, %x : f32
    %44 = arith.mulf %43, %x : f32
    %45 = arith.mulf %44, %x : f32
    %46 = arith.mulf %45, %x : f32
    %47 = arith.mulf %46, %x : f32
    %48 = arith.mulf %47, %x : f32
    %49 = arith.mulf %48, %x : f32
    %50 = arith.mulf %49, %x : f32
    %51 = arith.mulf %50, %x : f32
    %52 = arith.mulf %51, %x : f32
    %53 = arith.mulf %52, %x : f32
    %54 = arith.mulf %53, %x : f32
    %55 = arith.mulf %54, %x : f32
    %56 = arith.mulf %55, %x : f32
    %57 = arith.mulf %56, %x : f32
    %58 = arith.mulf %57, %x : f32
    %59 = arith.mulf %58, %x : f32
    %60 = arith.mulf %59, %x : f32
    %61 = arith.mulf %60, %x : f32
    %62 = arith.mulf %61, %x : f32
    %63 = arith.mulf %62, %x : f32
    %64 = arith.mulf %63, %x : f32
    linalg.yield %64 : f32
  }
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%a : memref<4xf32>) outs(%b : memref<4xf32>) {
  ^bb0(%x: f32, %y: f32):
    %1 = arith.mulf %x, %x : f32
    %2 = arith.mulf %1, %x : f32
    %3 = arith.mulf %2, %x : f32
    %4 = arith.mulf %3, %x : f32
    %5 = arith.mulf %4, %x : f32
    %6 = arith.mulf %5, %x : f32
    %7 = arith.mulf %6, %x : f32
    %8 = arith.mulf %7, %x : f32
    %9 = arith.mulf %8, %x : f32
    %10 = arith.mulf %9, %x : f32
    %11 = arith.mulf %10, %x : f32
    %12 = arith.mulf %11, %x : f32
    %13 = arith.mulf %12, %x : f32
    %14 = arith.mulf %13, %x : f32
    %15 = arith.mulf %14, %x : f32
    %16 = arith.mulf %15, %x : f32
    %17 = arith.mulf %16, %x : f32
    %18 = arith.mulf %17, %x : f32
    %19 = arith.mulf %18, %x : f32
    %20 = arith.mulf %19, %x : f32
    %21 = arith.mulf %20, %x : f32
    %22 = arith.mulf %21, %x : f32
    %23 = arith.mulf %22, %x : f32
    %24 = arith.mulf %23, %x : f32
    %25 = arith.mulf %24, %x : f32
    %26 = arith.mulf %25, %x : f32
    %27 = arith.mulf %26, %x : f32
    %28 = arith.mulf %27, %x : f32
    %29 = arith.mulf %28, %x : f32
    %30 = arith.mulf %29, %x : f32
    %31 = arith.mulf %30, %x : f32
    %32 = arith.mulf %31, %x : f32
    %33 = arith.mulf %32, %x : f32
    %34 = arith.mulf %33, %x : f32
    %35 = arith.mulf %34, %x : f32
    %36 = arith.mulf %35, %x : f32
    %37 = arith.mulf %36, %x : f32
    %38 = arith.mulf %37, %x : f32
    %39 = arith.mulf %38, %x : f32
    %40 = arith.mulf %39, %x : f32
    %41 = arith.mulf %40, %x : f32
    %42 = arith.mulf %41, %x : f32
    %43 = arith.mulf %42, %x : f32
    %44 = arith.mulf %43, %x : f32
    %45 = arith.mulf %44, %x : f32
    %46 = arith.mulf %45, %x : f32
    %47 = arith.mulf %46, %x : f32
    %48 = arith.mulf %47, %x : f32
    %49 = arith.mulf %48, %x : f32
    %50 = arith.mulf %49, %x : f32
    %51 = arith.mulf %50, %x : f32
    %52 = arith.mulf %51, %x : f32
    %53 = arith.mulf %52, %x : f32
    %54 = arith.mulf %53, %x : f32
    %55 = arith.mulf %54, %x : f32
    %56 = arith.mulf %55, %x : f32
    %57 = arith.mulf %56, %x : f32
    %58 = arith.mulf %57, %x : f32
    %59 = arith.mulf %58, %x : f32
    %60 = arith.mulf %59, %x : f32
    %61 = arith.mulf %60, %x : f32
    %62 = arith.mulf %61, %x : f32
    %63 = arith.mulf %62, %x : f32
    %64 = arith.mulf %63, %x : f32
    linalg.yield %64 : f32
  }
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%b : memref<4xf32>) outs(%a : memref<4xf32>) {
  ^bb0(%x: f32, %y: f32):
    %1 = arith.mulf %x, %x : f32
    %2 = arith.mulf %1, %x : f32
    %3 = arith.mulf %2, %x : f32
    %4 = arith.mulf %3, %x : f32
    %5 = arith.mulf %4, %x : f32
    %6 = arith.mulf %5, %x : f32
    %7 = arith.mulf %6, %x : f32
    %8 = arith.mulf %7, %x : f32
    %9 = arith.mulf %8, %x : f32
    %10 = arith.mulf %9, %x : f32
    %11 = arith.mulf %10, %x : f32
    %12 = arith.mulf %11, %x : f32
    %13 = arith.mulf %12, %x : f32
    %14 = arith.mulf %13, %x : f32
    %15 = arith.mulf %14, %x : f32
    %16 = arith.mulf %15, %x : f32
    %17 = arith.mulf %16, %x : f32
    %18 = arith.mulf %17, %x : f32
    %19 = arith.mulf %18, %x : f32
    %20 = arith.mulf %19, %x : f32
    %21 = arith.mulf %20, %x : f32
    %22 = arith.mulf %21, %x : f32
    %23 = arith.mulf %22, %x : f32
    %24 = arith.mulf %23, %x : f32
    %25 = arith.mulf %24, %x : f32
    %26 = arith.mulf %25, %x : f32
    %27 = arith.mulf %26, %x : f32
    %28 = arith.mulf %27, %x : f32
    %29 = arith.mulf %28, %x : f32
    %30 = arith.mulf %29, %x : f32
    %31 = arith.mulf %30, %x : f32
    %32 = arith.mulf %31, %x : f32
    %33 = arith.mulf %32, %x : f32
    %34 = arith.mulf %33, %x : f32
    %35 = arith.mulf %34, %x : f32
    %36 = arith.mulf %35, %x : f32
    %37 = arith.mulf %36, %x : f32
    %38 = arith.mulf %37, %x : f32
    %39 = arith.mulf %38, %x : f32
    %40 = arith.mulf %39, %x : f32
    %41 = arith.mulf %40, %x : f32
    %42 = arith.mulf %41, %x : f32
    %43 = arith.mulf %42, %x : f32
    %44 = arith.mulf %43, %x : f32
    %45 = arith.mulf %44, %x : f32
    %46 = arith.mulf %45, %x : f32
    %47 = arith.mulf %46, %x : f32
    %48 = arith.mulf %47, %x : f32
    %49 = arith.mulf %48, %x : f32
    %50 = arith.mulf %49, %x : f32
    %51 = arith.mulf %50, %x : f32
    %52 = arith.mulf %51, %x : f32
    %53 = arith.mulf %52, %x : f32
    %54 = arith.mulf %53, %x : f32
    %55 = arith.mulf %54, %x : f32
    %56 = arith.mulf %55, %x : f32
    %57 = arith.mulf %56, %x : f32
    %58 = arith.mulf %57, %x : f32
    %59 = arith.mulf %58, %x : f32
    %60 = arith.mulf %59, %x : f32
    %61 = arith.mulf %60, %x : f32
    %62 = arith.mulf %61, %x : f32
    %63 = arith.mulf %62, %x : f32
    %64 = arith.mulf %63, %x : f32
    linalg.yield %64 : f32
  }
  %ok = arith.constant 0 : i32
  return %ok : i32
}
