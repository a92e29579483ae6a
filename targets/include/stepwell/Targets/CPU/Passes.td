//===- Passes.td - From linalg on memrefs to LLVM for a CPU -*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_TARGETS_CPU_PASSES
#define STEPWELL_TARGETS_CPU_PASSES

include "mlir/Pass/PassBase.td"

def CPUVectorizeLinalgPass : Pass<"cpu-vectorize-linalg", "::mlir::ModuleOp"> {
  let summary = "Turn linalg operations on buffers into loops over vectors";
  let description = [{
    One loop per dimension; the dimension that most operands walk with stride 1 becomes the innermost
    and takes steps of whole vectors, with a tail. A reduction along it keeps several vectors of
    partial results; sums of floats are added in blocks, with the lost bits carried along, so
    that the error does not grow with the length. A reduction along another dimension keeps a strip
    of results in registers. Bodies that cannot be vectors become scalar loops.

    Before:
    ```mlir
    linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
        ins(%x : memref<?xf32>) outs(%y : memref<?xf32>) {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.mulf %a, %a : f32
      linalg.yield %0 : f32
    }
    ```
    After:
    ```mlir
    scf.for %i = %c0 to %whole step %c8 {
      %a = vector.load %row[%i] : memref<?xf32, strided<[1], offset: ?>>, vector<8xf32>
      %0 = arith.mulf %a, %a : vector<8xf32>
      vector.store %0, %out[%i] : memref<?xf32, strided<[1], offset: ?>>, vector<8xf32>
    }
    <the rest under a mask>
    ```
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "unsigned", "256", "The width of a vector register.">,
    Option<"narrowMasks", "narrow-masks", "bool", "false",
           "Whether masked loads of 8 and 16 bit elements are instructions.">,
    Option<"unroll", "unroll", "unsigned", "0",
           "Vectors per iteration of the main loop; 0 chooses by the size of the body.">
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"
  ];
}

def CPUEmitEntryPass : Pass<"cpu-emit-entry", "::mlir::ModuleOp"> {
  let summary = "Give the entry the signature of the launch ABI";
  let description = [{
    The typed arguments are read from the list of eight-byte words that docs/abi.md describes. The
    workspace function, if there is one, gets the same treatment; if there is none, one that returns
    0 is added. The module gets the constant `stepwell_abi_version`.

    Before:
    ```mlir
    func.func @k(%ctx: !llvm.ptr, %x: memref<?xf32>) -> i32 attributes {stepwell.entry}
    ```
    After:
    ```mlir
    func.func @k(%ctx: !llvm.ptr, %args: !llvm.ptr) -> i32 attributes {stepwell.entry} {
      %p = llvm.load %args : !llvm.ptr -> !llvm.ptr
      ...
      %x = builtin.unrealized_conversion_cast %descriptor : ... to memref<?xf32>
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect"
  ];
}

def CPULowerToLLVMPass : Pass<"cpu-lower-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Lower what the CPU passes leave to the LLVM dialect in one conversion";
  let description = [{
    arith, cf, func, index, math instructions, memref, ub and vector. Conversions to and from bf16
    and rounding integer divisions are written out first, so that no library function is called.

    Before:
    ```mlir
    %0 = vector.load %m[%i] : memref<?xf32>, vector<8xf32>
    ```
    After:
    ```mlir
    %0 = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> vector<8xf32>
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // STEPWELL_TARGETS_CPU_PASSES
