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
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"
  ];
}

def CPULowerProductsPass : Pass<"cpu-lower-products", "::mlir::ModuleOp"> {
  let summary = "Turn matrix products on buffers into calls of functions made for them";
  let description = [{
    One private function multiplies matrices of any size and strides; products of the same types share
    it. It chooses at run time: rows by rows, a stream over B, panels of B packed on the stack, or B
    packed into a buffer that the entry allocates here (so this runs before stepwell-plan-workspace).
    A tile of C is summed up in registers. Large products call ctx->parallel_for. A zero that the
    result was filled with before goes away. An elementwise operation that reads the result next moves into a
    function, which the product calls for each piece of the result while that is in the cache.

    Before:
    ```mlir
    linalg.fill ins(%zero : f32) outs(%c : memref<?x?xf32>)
    linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
    ```
    After:
    ```mlir
    %scratch = memref.alloc() : memref<4194304xi8>
    func.call @stepwell.gemm.f32.product(%ctx, %large, %scratch.pointer, %m, %n, %k, %a.pointer, ...)
    ```
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "unsigned", "256", "The width of a vector register.">,
    Option<"registers", "registers", "unsigned", "16", "How many vector registers there are.">,
    Option<"fma", "fma", "bool", "true", "Whether multiply-add is one instruction.">,
    Option<"threads", "threads", "bool", "true", "Whether products call parallel_for.">,
    Option<"bf16Tiles", "bf16-tiles", "bool", "false",
           "Whether tile registers multiply bf16 (AMX).">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"
  ];
}

def CPULowerContractionsPass : Pass<"cpu-lower-contractions", "::mlir::ModuleOp"> {
  let summary = "Turn sums of products over windows into micro-kernels";
  let description = [{
    A convolution is the product of its weight and its windows, which are the columns of B and only
    exist in panels, packed on the stack. A tile of C is summed up in registers: rows of scalars of A,
    spread over a vector, times vectors of B. A depthwise convolution has a single row for each of its
    windows: a few vectors of a row are summed up in registers over all taps.

    Before:
    ```mlir
    linalg.conv_2d_nchw_fchw ins(%x, %w : memref<?x3x?x?xf32>, memref<12x3x3x3xf32>) outs(%y : memref<?x12x?x?xf32>)
    ```
    After, inside the loops over tiles:
    ```mlir
    %sums:12 = scf.for %k = %c0 to %depth step %c1 iter_args(...) {
      %b0 = vector.load %panel[%k0] : memref<?xf32, strided<[1], offset: ?>>, vector<8xf32>
      %a0 = memref.load %row0[%k] : memref<?xf32, strided<[1], offset: ?>>
      %s0 = vector.broadcast %a0 : f32 to vector<8xf32>
      %0 = vector.fma %s0, %b0, %sum0 : vector<8xf32>
      ...
    ```
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "unsigned", "256", "The width of a vector register.">,
    Option<"fma", "fma", "bool", "true", "Whether multiply-add is one instruction.">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"
  ];
}

def CPUFuseLoopsPass : Pass<"cpu-fuse-loops", "::mlir::ModuleOp"> {
  let summary = "Run a reduction and its neighbours row by row in one loop";
  let description = [{
    Operations in a row that can be cut along one of their parallel loops, so that each piece needs the same piece of
    every buffer that one of them writes, become one scf.parallel over pieces, which stay in the cache from one
    operation to the next. Rows are taken one by one, short ones several at once; where only neighbouring columns are
    independent, strips of them. The last operation on a row is told to fetch the next one (`stepwell.next`). Runs
    before temporaries get their places, because places are shared by what is not alive together.

    Before:
    ```mlir
    linalg.fill ins(%lowest : f32) outs(%m : memref<?xf32>)
    linalg.generic <max over j> ins(%x : memref<?x?xf32>) outs(%m : memref<?xf32>)
    linalg.generic <x - m> ins(%x, %m : ...) outs(%y : memref<?x?xf32>)
    ```
    After:
    ```mlir
    scf.parallel (%i) = (%c0) to (%rows) step (%c1) {
      %xi = memref.subview %x[%i, 0] [1, %columns] [1, 1]
      %mi = memref.subview %m[%i] [1] [1]
      %yi = memref.subview %y[%i, 0] [1, %columns] [1, 1]
      linalg.fill ins(%lowest : f32) outs(%mi : ...)
      linalg.generic <max over j> ins(%xi : ...) outs(%mi : ...)
      linalg.generic <x - m> ins(%xi, %mi : ...) outs(%yi : ...)
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"
  ];
}

def CPUExpandShapesPass : Pass<"cpu-expand-shapes", "::mlir::ModuleOp"> {
  let summary = "Expansions of buffers with several unknown sizes, as strides";
  let description = [{
    Strides are multiplied up from the sizes, innermost first. Other expansions are left to upstream's pass.

    Before:
    ```mlir
    %y = memref.expand_shape %x [[0, 1]] output_shape [%a, %b] : memref<?xf32> into memref<?x?xf32>
    ```
    After:
    ```mlir
    %base, %offset, %size, %stride = memref.extract_strided_metadata %x
    %y = memref.reinterpret_cast %base to offset: [0], sizes: [%a, %b], strides: [%row, 1]
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def CPUCheckWhileReadingPass : Pass<"cpu-check-while-reading", "::mlir::ModuleOp"> {
  let summary = "Check the indices of a read where it reads, instead of in a pass of their own";
  let description = [{
    A gather looks at each index to see that it fits anyway. Those that do not are so rare that they can tell the
    smallest and the largest of them one by one; the check of these two moves behind the read. What is reported stays
    the same, however many threads read.

    Before:
    ```mlir
    linalg.generic <smallest and largest> ins(%index : memref<?xi64>) outs(%least, %largest : memref<i64>, memref<i64>)
    %0 = memref.load %least[]
    ...
    linalg.generic ... ins(%index : memref<?xi64>) outs(%y : memref<?xf32>) {
      %1 = scf.if %fits { <read> } else { scf.yield %zero }
    ```
    After:
    ```mlir
    linalg.generic ... ins(%index : memref<?xi64>) outs(%y : memref<?xf32>) {
      %1 = scf.if %fits { <read> } else {
        memref.atomic_rmw mins %wide, %least[]
        memref.atomic_rmw maxs %wide, %largest[]
        scf.yield %zero
      }
    %0 = memref.load %least[]
    ...
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def CPULowerViewsPass : Pass<"cpu-lower-views", "::mlir::ModuleOp"> {
  let summary = "Views of buffers, and affine expressions, as arithmetic";
  let description = [{
    Upstream's `expand-strided-metadata` and `lower-affine` in one run, with patterns that are made once for many
    kernels.

    Before:
    ```mlir
    %v = memref.subview %x[%i] [8] [1] : memref<?xf32> to memref<8xf32, strided<[1], offset: ?>>
    ```
    After:
    ```mlir
    %base, %offset, %size, %stride = memref.extract_strided_metadata %x
    %v = memref.reinterpret_cast %base to offset: [%i], sizes: [8], strides: [1]
    ```
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"
  ];
}

def CPUSkipEmptyLoopsPass : Pass<"cpu-skip-empty-loops", "::mlir::ModuleOp"> {
  let summary = "Run no loop whose body would do nothing";
  let description = [{
    A tensor without elements may have other sizes that are huge. A loop of unknown length around loops that do not run
    once does not run either.

    Before:
    ```mlir
    scf.for %i = %c0 to %rows step %c1 {
      scf.for %j = %c0 to %columns step %c1 { <writes> }
    }
    ```
    After:
    ```mlir
    %empty = arith.cmpi sge, %c0, %columns
    %some = arith.select %empty, %c0, %rows
    scf.for %i = %c0 to %some step %c1 {
      scf.for %j = %c0 to %columns step %c1 { <writes> }
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

def CPULowerLoopsPass : Pass<"cpu-lower-loops", "::mlir::ModuleOp"> {
  let summary = "Loops and branches as blocks";
  let description = [{
    Upstream's `convert-scf-to-cf`, from the last loop of a block to the first: the time of thousands of loops in a row
    grows with their number, and not with its square.

    Before:
    ```mlir
    scf.for %i = %lb to %ub step %s {
      "body"(%i) : (index) -> ()
    }
    ```
    After:
    ```mlir
      cf.br ^head(%lb : index)
    ^head(%i: index):
      %more = arith.cmpi slt, %i, %ub : index
      cf.cond_br %more, ^body, ^end
    ^body:
      "body"(%i) : (index) -> ()
      %next = arith.addi %i, %s : index
      cf.br ^head(%next : index)
    ^end:
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect"];
}

def CPUSplitReductionsPass : Pass<"cpu-split-reductions", "::mlir::ModuleOp"> {
  let summary = "Reduce a large buffer to one value in parts";
  let description = [{
    Where every loop reduces there is none to share out: parts of a fixed number of elements are reduced on their own,
    and their results after them. How many threads there are changes nothing of the result.

    Before:
    ```mlir
    linalg.generic <sum over i> ins(%x : memref<?xf32>) outs(%s : memref<f32>)
    ```
    After:
    ```mlir
    %parts = memref.alloc(%count) : memref<?xf32>
    scf.parallel (%p) = (%c0) to (%count) step (%c1) {
      linalg.fill ins(%zero : f32) outs(%part : memref<f32, ...>)
      linalg.generic <sum over i> ins(%window : ...) outs(%part : ...)
    }
    linalg.generic <sum over p> ins(%parts : memref<?xf32>) outs(%s : memref<f32>)
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"
  ];
}

def CPUOutlineParallelPass : Pass<"cpu-outline-parallel", "::mlir::ModuleOp"> {
  let summary = "Share large operations of the entry out among threads";
  let description = [{
    The operation, or the scf.parallel, moves into a function over a range of one of its parallel loops, which
    ctx->parallel_for calls: the runtime knows what each iteration costs and whether threads are worth it. What
    follows from the words of an unpacked entry (cpu-emit-entry), the function reads from them again; other values are
    handed over on the stack.

    Before:
    ```mlir
    func.func @k(%ctx: !llvm.ptr, %words: !llvm.ptr) -> i32 attributes {stepwell.entry} {
      %x = <reads %words>
      %y = <reads %words>
      linalg.copy ins(%x : memref<?x?xf32>) outs(%y : memref<?x?xf32>)
      ...
    ```
    After:
    ```mlir
    func.func private @k_body_0(%words: !llvm.ptr, %begin: i64, %end: i64) {
      <subviews of what it reads from %words>
      linalg.copy ...
    }
    func.func @k(...) -> i32 attributes {stepwell.entry} {
      llvm.call %parallel_for(%ctx, %count, %cost, %body, %words)
    ```
  }];
  let options = [
    Option<"serialWork", "serial-work", "int64_t", "STEPWELL_SERIAL_COST",
           "Operations known to have less than so many on elements stay in the entry.">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect"
  ];
}

def CPUEmitEntryPass : Pass<"cpu-emit-entry", "::mlir::ModuleOp"> {
  let summary = "Give the entry the signature of the launch ABI";
  let description = [{
    The typed arguments are read from the list of eight-byte words that docs/abi.md describes. The workspace function,
    if there is one, gets the same treatment; if there is none, one that returns 0 is added, or with
    `companions=false` one that returns 0 goes. What `stepwell.requires` lists is checked by a function around the
    entry, which has the entry's name: an error in the context, status and all, and nothing is written. The module
    gets the constant `stepwell_abi_version`.

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
  let options = [
    Option<"companions", "companions", "bool", "true",
           "Whether an entry that needs no workspace has a function that says so.">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"
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
