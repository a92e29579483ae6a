//===- Passes.td - Target-independent transformations ------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_TRANSFORMS_PASSES
#define STEPWELL_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def ExpandMathPass : Pass<"expand-math"> {
  let summary = "Math functions as accurate arithmetic, without calls";
  let description = [{
    Rewrites `math` functions on f32 and f64, scalars and vectors, and `arith.remf` into arithmetic that a vectoriser
    takes. docs/math.md says which function is computed how, and how accurately. The only branches are `scf.if`s
    around rare arguments: huge ones of sin, cos and tan, and the ends of logarithms and powers. Most functions of f32
    are computed in f32, the others in f64 and rounded once; so are functions of f64 with the attribute
    `stepwell.for_f32`. With `fma=false`, for chips without that instruction, each `math.fma` becomes arithmetic that
    rounds once.

    Before:
    ```mlir
    %y = math.rsqrt %x : f64
    ```
    After:
    ```mlir
    %0 = math.sqrt %x : f64
    %one = arith.constant 1.0 : f64
    %y = arith.divf %one, %0 : f64
    ```
  }];
  let options = [
    Option<"fma", "fma", "bool", "true", "Whether multiply-add is one instruction.">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::scf::SCFDialect"
  ];
}

def InlineCallsPass : Pass<"stepwell-inline-calls"> {
  let summary = "Calls give way to what they compute";
  let description = [{
    Puts the lowering of each `array.call`, or else its body, in the place of the call. A lowering is parsed here, and
    must be one `func.func` over tensors of the call's types, in the dialects arith, array, linalg, math, scf and
    tensor. Derivatives have been taken before. A lowering can read and write where it likes: a program that anyone
    may have written is compiled with `lowerings=false`, and one that has a lowering is an error.

    Before:
    ```mlir
    %y = array.call "twice" (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%a: tensor<4xf32>):
      %b = array.add %a, %a : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      array.yield %b : tensor<4xf32>
    }
    ```
    After:
    ```mlir
    %y = array.add %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
  }];
  let options = [
    Option<"lowerings", "lowerings", "bool", "true", "Whether a call may have a lowering.">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"
  ];
}

def CheckProgramPass : Pass<"stepwell-check-program", "::mlir::ModuleOp"> {
  let summary = "Refuse what is no program";
  let description = [{
    A program is one `func.func @main` with one block of `array` and `autodiff` operations. Whatever else a module may
    hold (calls, other functions, other dialects) is an error here, with its place, before any pass takes it for
    something else.

    Before:
    ```mlir
    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = func.call @f(%x) : (tensor<4xf32>) -> tensor<4xf32>
      return %0 : tensor<4xf32>
    }
    ```
    After:
    ```
    error: 'func.call' is no operation of a program, which are those of the dialects array and autodiff
    ```
  }];
  let dependentDialects = ["::stepwell::array::ArrayDialect"];
}

def RequireSizesPass : Pass<"stepwell-require-sizes", "::mlir::ModuleOp"> {
  let summary = "Say which sizes fit, for an entry that anyone may call";
  let description = [{
    Types leave sizes open, and the shape rules take an open size for one that fits. This pass derives from the rules
    (`lib/Semantics/OpenSizes.h`) what the words of a call must fulfil for that: sizes that agree, those of the
    results, static ones, no negative ones and no null pointers. A result with open sizes gets them as expressions,
    `stepwell.sizes`. A target checks it before the entry does anything. Kernels of the dispatcher, which knows all
    sizes, go without.

    Before:
    ```mlir
    func.func @main(%x: tensor<?x8xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
    After:
    ```mlir
    func.func @main(%x: tensor<?x8xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {
      stepwell.requires = [["w1", ">=", "0", 0, 3], ["w2", "==", "8", 1, 2], ["w1", "==", "4", 0, 2], ...]}
    ```
  }];
  let dependentDialects = ["::stepwell::array::ArrayDialect", "::mlir::tensor::TensorDialect"];
}

def DecomposeCompositesPass : Pass<"stepwell-decompose-composites"> {
  let summary = "Composite array operations as the operations they are made of";
  let description = [{
    Replaces every operation whose record has a `decomposition` by it, until none is left.

    Before:
    ```mlir
    %0 = array.softmax %x {dim = 1 : i64} : (tensor<?x?xf32>) -> tensor<?x?xf32>
    ```
    After:
    ```mlir
    %m = array.amax %x {dims = array<i64: 1>, keepdim = true} : (tensor<?x?xf32>) -> tensor<?x1xf32>
    %d = array.sub %x, %m : (tensor<?x?xf32>, tensor<?x1xf32>) -> tensor<?x?xf32>
    %e = array.exp %d : (tensor<?x?xf32>) -> tensor<?x?xf32>
    %s = array.sum %e {dims = array<i64: 1>, keepdim = true} : (tensor<?x?xf32>) -> tensor<?x1xf32>
    %0 = array.div %e, %s : (tensor<?x?xf32>, tensor<?x1xf32>) -> tensor<?x?xf32>
    ```
  }];
  let options = [
    Option<"runsForall", "runs-forall", "bool", "false",
           "The target runs an scf.forall: leave attention whose heads have known sizes to its lowering in tiles.">
  ];
  let dependentDialects = ["::stepwell::array::ArrayDialect", "::mlir::tensor::TensorDialect"];
}

def TidyProgramPass : Pass<"stepwell-tidy-program", "::mlir::ModuleOp"> {
  let summary = "Canonicalize and merge array operations, where there are several";
  let description = [{
    A Program of one operation, as eager calls are, has nothing in common with anything: it is left alone, for half a
    million instructions less.

    Before:
    ```mlir
    %0 = array.exp %x : (tensor<?xf32>) -> tensor<?xf32>
    %1 = array.exp %x : (tensor<?xf32>) -> tensor<?xf32>
    %2 = array.add %0, %1 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    ```
    After:
    ```mlir
    %0 = array.exp %x : (tensor<?xf32>) -> tensor<?xf32>
    %1 = array.add %0, %0 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    ```
  }];
  let options = [
    Option<"few", "few", "unsigned", "2",
           "So many operations in a block, the terminator included, are left alone.">
  ];
}

def SignedOffsetsPass : Pass<"stepwell-signed-offsets"> {
  let summary = "Let addresses be computed from negative strides";
  let description = [{
    MLIR's lowering of memref promises that an offset is not negative. That of a flipped array is.

    Before:
    ```mlir
    %0 = llvm.getelementptr inbounds|nuw %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    ```
    After:
    ```mlir
    %0 = llvm.getelementptr inbounds %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    ```
  }];
}

#endif // STEPWELL_TRANSFORMS_PASSES
