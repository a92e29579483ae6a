//===- Passes.td - From array operations to buffers --------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LOWERING_PASSES
#define STEPWELL_LOWERING_PASSES

include "mlir/Pass/PassBase.td"

def ConvertArrayToLinalgPass : Pass<"convert-array-to-linalg", "::mlir::ModuleOp"> {
  let summary = "Array operations to linalg on tensors";
  let description = [{
    Elementwise operations become one `linalg.generic` each, whose body is what the record's `scalar` says; a
    dimension of static size 1 broadcasts by its indexing map. Reductions and contractions start from a
    filled tensor. bool and ui8 become i8. f16 and bf16 compute in f32 and round once per operation, so
    that fused and separate operations give the same bits.

    Before:
    ```mlir
    %0 = array.add %x, %y : (tensor<?xbf16>, tensor<1xbf16>) -> tensor<?xbf16>
    ```
    After:
    ```mlir
    %n = tensor.dim %x, %c0 : tensor<?xbf16>
    %e = tensor.empty(%n) : tensor<?xbf16>
    %0 = linalg.generic {indexing_maps = [(d0) -> (d0), (d0) -> (0), (d0) -> (d0)], ...} {
      %a = arith.extf %in : bf16 to f32
      %b = arith.extf %in_0 : bf16 to f32
      %c = arith.addf %a, %b : f32
      %d = arith.truncf %c : f32 to bf16
      linalg.yield %d : bf16
    }
    ```
  }];
  let options = [
    Option<"runsForall", "runs-forall", "bool", "false",
           "The target shares the iterations of an scf.forall among threads: concatenate so.">,
    Option<"reportsErrors", "reports-errors", "bool", "true",
           "The target's kernels report errors: check that no integer is divided by 0.">,
    Option<"queryBlock", "query-block", "int64_t", "64", "Attention's queries in a tile.">,
    Option<"keyBlock", "key-block", "int64_t", "128", "Attention's keys in a tile.">,
    Option<"blockElements", "block-elements", "int64_t", "32768",
           "Elements that a tile of attention and its results have at most.">,
    Option<"sortGroups", "sort-groups", "int64_t", "8",
           "Groups of rows that are sorted at the same time.">,
    Option<"rankedRow", "ranked-row", "int64_t", "256",
           "Rows up to this length are sorted by comparing all elements with all.">,
    Option<"rankedRowOfPairs", "ranked-row-of-pairs", "int64_t", "160",
           "The same, where a key and its position take two words.">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect",
    "::mlir::func::FuncDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"
  ];
}

def LowerChecksPass : Pass<"stepwell-lower-checks", "::mlir::ModuleOp"> {
  let summary = "Report failed checks in the caller's context";
  let description = [{
    A check that was lowered to a call of `@stepwell.check_index` or `@stepwell.check_divisor` fills the context's
    error when it fails, and the entry returns that error's code. Nothing is skipped: what depends on a bad index
    reads or writes nothing.

    Before:
    ```mlir
    func.func @kernel(%ctx: !llvm.ptr, ...) -> i32 attributes {stepwell.entry} {
      func.call @stepwell.check_index(%bad, %index, %size, %dim) : (i1, i64, i64, i64) -> ()
      return %c0 : i32
    }
    ```
    After:
    ```mlir
    func.func @kernel(%ctx: !llvm.ptr, ...) -> i32 attributes {stepwell.entry} {
      llvm.store %c0, %ctx.error.code
      scf.if %bad {
        llvm.store %c1, %ctx.error.code
        llvm.store %index, %ctx.error.detail[0]
        ...
      }
      %code = llvm.load %ctx.error.code
      return %code : i32
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::scf::SCFDialect"
  ];
}

def LowerControlFlowPass : Pass<"stepwell-lower-control-flow"> {
  let summary = "Branches and loops over arrays as those of scf";
  let description = [{
    `array.cond` becomes `scf.if`, `array.while` `scf.while` and `array.scan` `scf.for`, over blocks of array
    operations. What a loop carries stays in one place: the next value is put where the one before
    is. A scan takes slices of its inputs and inserts into its results, whose sizes are had ahead from the shape rules.

    Before:
    ```mlir
    %sum = array.scan (%zero) over (%x) : (tensor<f32>, tensor<?xf32>) -> tensor<f32> {
    ^bb0(%s: tensor<f32>, %a: tensor<f32>):
      %t = array.add %s, %a : (tensor<f32>, tensor<f32>) -> tensor<f32>
      array.yield %t : tensor<f32>
    }
    ```
    After:
    ```mlir
    %n = tensor.dim %x, %c0 : tensor<?xf32>
    %sum = scf.for %i = %c0 to %n step %c1 iter_args(%s = %zero) -> (tensor<f32>) {
      %a = tensor.extract_slice %x[%i] [1] [1] : tensor<?xf32> to tensor<f32>
      %t = array.add %s, %a : (tensor<f32>, tensor<f32>) -> tensor<f32>
      %u = bufferization.materialize_in_destination %t in %s : (tensor<f32>, tensor<f32>) -> tensor<f32>
      scf.yield %u : tensor<f32>
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"
  ];
}

def LowerEntryPass : Pass<"stepwell-lower-entry", "::mlir::ModuleOp"> {
  let summary = "Give the program's entry typed buffers instead of tensors";
  let description = [{
    Turns `func.func @main` over tensors into the entry that targets take: a context, then one
    memref or scalar per input and one memref per result that is not written into an input. The
    memref type tells the layout. Nothing is copied: results are materialised in the caller's
    buffers. A result with `stepwell.into` is materialised in the tensor of that input, so that
    bufferisation sees every later read of the old value and keeps a copy where one is needed.
    An input marked `stepwell.may_alias` is copied first, because a partial overlap cannot be told
    to bufferisation.

    Before:
    ```mlir
    func.func @main(%x: tensor<?xf32> {stepwell.layout = "strided"})
        -> (tensor<?xf32> {stepwell.layout = "contiguous"}) {
      %0 = linalg.generic ... ins(%x) ...
      return %0 : tensor<?xf32>
    }
    ```
    After:
    ```mlir
    func.func @stepwell_kernel(%ctx: !llvm.ptr, %x: memref<?xf32, strided<[?]>>,
                               %out: memref<?xf32>) -> i32 attributes {stepwell.entry} {
      %t = bufferization.to_tensor %x restrict : ...
      %0 = linalg.generic ... ins(%t) ...
      bufferization.materialize_in_destination %0 in restrict writable %out : ...
      %ok = arith.constant 0 : i32
      return %ok : i32
    }
    ```
  }];
  let options = [
    Option<"entryName", "entry", "std::string", "\"stepwell_kernel\"",
           "The name of the entry in the object.">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect",
    "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::memref::MemRefDialect", "::mlir::tensor::TensorDialect"
  ];
}

def PlanWorkspacePass : Pass<"stepwell-plan-workspace", "::mlir::ModuleOp"> {
  let summary = "Place every temporary buffer in the caller's workspace";
  let description = [{
    Kernels never allocate. Every `memref.alloc` of the entry becomes a view of `ctx->workspace` at
    a 64-byte aligned offset, and a companion function computes the bytes needed from the same
    arguments, whose data it does not read. Buffers whose lifetimes do not overlap share a place.
    `memref.dealloc` vanishes. A buffer whose size depends on data is an error.

    Before:
    ```mlir
    func.func @k(%ctx: !llvm.ptr, %x: memref<?xf32>) -> i32 attributes {stepwell.entry} {
      %n = memref.dim %x, %c0 : memref<?xf32>
      %t = memref.alloc(%n) : memref<?xf32>
      ...
    }
    ```
    After:
    ```mlir
    func.func @k(%ctx: !llvm.ptr, %x: memref<?xf32>) -> i32 attributes {stepwell.entry} {
      %w = <ctx->workspace> : memref<?xi8>
      %t = memref.view %w[%c0][%n] : memref<?xi8> to memref<?xf32>
      ...
    }
    func.func @k_workspace_size(%x: memref<?xf32>) -> i64
        attributes {stepwell.workspace_size_of = @k} {
      <%n * 4, rounded up to 64>
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect"
  ];
}
def FuseElementwisePass : Pass<"stepwell-fuse-elementwise", "::mlir::func::FuncOp"> {
  let summary = "Compute elementwise producers inside what consumes them";
  let description = [{
    An elementwise `linalg.generic` that one operation consumes moves into it, reductions included. A
    body that only moves data (a transpose, a broadcast) moves into every consumer. Nothing moves where a
    broadcast would compute something costly again for each element. Scalars become plain values of
    the body.

    Before:
    ```mlir
    %0 = linalg.generic ... ins(%x) { exp }
    %1 = linalg.generic {reduction} ins(%0) { add }
    ```
    After:
    ```mlir
    %1 = linalg.generic {reduction} ins(%x) { exp, add }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def ExpandSmallFloatsPass : Pass<"stepwell-expand-small-floats"> {
  let summary = "Write bf16 and f16 conversions in integer arithmetic";
  let description = [{
    Rounds to nearest even, keeps subnormals, infinities and NaN. Without it LLVM calls
    `__truncsfbf2` and its kin, which a kernel object must not. f16 is left alone where
    the chip converts it itself, which it does from f32: f64 comes there rounded to odd, and is thus rounded once.

    Before:
    ```mlir
    %0 = arith.extf %x : bf16 to f32
    ```
    After:
    ```mlir
    %b = arith.bitcast %x : bf16 to i16
    %w = arith.extui %b : i16 to i32
    %s = arith.shli %w, %c16 : i32
    %0 = arith.bitcast %s : i32 to f32
    ```
  }];
  let options = [
    Option<"f16", "f16", "bool", "true", "Also expand f16 conversions.">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

def BufferizePass : Pass<"stepwell-bufferize", "::mlir::ModuleOp"> {
  let summary = "Tensors to buffers, results computed where the caller wants them";
  let description = [{
    Empty tensors that end in a destination become that destination, then one-shot bufferisation decides
    what is written in place. Copies are `linalg.copy`, so that targets see nothing but linalg.

    Before:
    ```mlir
    %e = tensor.empty(%n) : tensor<?xf32>
    %0 = linalg.generic ... ins(%t) outs(%e)
    bufferization.materialize_in_destination %0 in restrict writable %out
    ```
    After:
    ```mlir
    linalg.generic ... ins(%x) outs(%out)
    ```
  }];
  let dependentDialects = [
    "::mlir::bufferization::BufferizationDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::memref::MemRefDialect"
  ];
}
#endif // STEPWELL_LOWERING_PASSES
