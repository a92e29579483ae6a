//===- Passes.td - From array operations to buffers --------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LOWERING_PASSES
#define STEPWELL_LOWERING_PASSES

include "mlir/Pass/PassBase.td"

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
#endif // STEPWELL_LOWERING_PASSES
