//===- Passes.td - From linalg on memrefs to GPU kernels -------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_TARGETS_GPU_PASSES
#define STEPWELL_TARGETS_GPU_PASSES

include "mlir/Pass/PassBase.td"

def FormKernelsPass : Pass<"stepwell-gpu-form-kernels", "::mlir::ModuleOp"> {
  let summary = "Turn each linalg operation of the entry into one GPU kernel";
  let description = [{
    Every kernel takes all words of the launch ABI in their order, and the workspace last: a flat
    buffer for a pointer, `index` for a size or a stride, `i64` for a scalar. Sizes are read from
    these words inside the kernel, so that the host computes nothing but the grid; any grid is
    correct, because kernels stride by it.

    An operation without reduction dimensions runs one thread per element. A reduction whose last
    dimension is reduced and whose combiner has a neutral element runs one block per result, with a
    tree in workgroup memory; every other reduction runs one thread per result.

    The entry and its size function are replaced by the module attribute `stepwell.manifest`, which
    docs/abi.md describes.

    Before:
    ```mlir
    func.func @k(%ctx: !llvm.ptr, %x: memref<?xf32>, %y: memref<?xf32>) -> i32
        attributes {stepwell.entry} {
      linalg.generic <negf> ins(%x) outs(%y)
      return %ok : i32
    }
    ```
    After:
    ```mlir
    gpu.module @k {
      gpu.func @k_0(%x: memref<?xf32>, %size: index, %stride: index,
                    %y: memref<?xf32>, %size_: index, %stride_: index, %workspace: memref<?xi8>)
          kernel attributes {known_block_size = array<i32: 256, 1, 1>} {
        scf.for %i = <thread> to %size step <threads> {
          %v = memref.load %x[%i]
          %n = arith.negf %v
          memref.store %n, %y[%i]
        }
        gpu.return
      }
    }
    ```
  }];
  let options = [
    Option<"blockSize", "block-size", "unsigned", "256",
           "Threads of a block; a power of two.">
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::gpu::GPUDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"
  ];
}

def PointerArgumentsPass
    : Pass<"stepwell-gpu-pointer-arguments", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Pass buffers to kernels as bare pointers";
  let description = [{
    For targets whose kernels take parameters (NVVM, ROCDL). Every parameter is then eight bytes, so
    that the parameter block is the words of the launch ABI, byte for byte, and the address of the
    workspace.

    Before:
    ```mlir
    gpu.func @k(%x: memref<?xf32>, %size: index) kernel { ... }
    ```
    After:
    ```mlir
    gpu.func @k(%p: !llvm.ptr, %size: index) kernel {
      %d = llvm.insertvalue %p, ... : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
      %x = builtin.unrealized_conversion_cast %d : ... to memref<?xf32>
      ...
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect"
  ];
}

def BindArgumentsPass
    : Pass<"stepwell-spirv-bind-arguments", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Give kernels storage buffers instead of parameters";
  let description = [{
    For Vulkan, where kernels have no parameters. Binding 0 of set 0 is the words of the launch ABI
    as they are; the k-th pointer word has binding 1 + k, and the workspace has the bindings after
    those, one per element type in use. Buffers have no address, so a pointer word holds the
    position of element (0,...,0) in its binding, counted in elements. The module's one target, if it has one,
    also becomes its spirv.target_env.

    Before:
    ```mlir
    gpu.func @k(%x: memref<?xf32>, %size: index) kernel {
      %v = memref.load %x[%i]
    }
    ```
    After:
    ```mlir
    gpu.func @k(%words: memref<?xi64, #spirv.storage_class<StorageBuffer>>
                    {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 0)>},
                %x: memref<?xf32, #spirv.storage_class<StorageBuffer>>
                    {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 1)>}) kernel {
      %first = memref.load %words[%c0]
      %size = memref.load %words[%c1]
      %j = arith.addi %i, %first
      %v = memref.load %x[%j]
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
    "::mlir::spirv::SPIRVDialect"
  ];
}

def KeepIntrinsicsPass : Pass<"stepwell-nvvm-keep-intrinsics"> {
  let summary = "Keep the conversion to NVVM from refusing what has an instruction";
  let description = [{
    Upstream's conversion takes libdevice for the only home of these functions and refuses LLVM's intrinsics, for which
    PTX has instructions; it leaves calls of intrinsics by name alone.

    Before:
    ```mlir
    %0 = llvm.intr.sqrt(%a) : (f32) -> f32
    ```
    After:
    ```mlir
    %0 = llvm.call_intrinsic "llvm.sqrt"(%a) : (f32) -> f32
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def ForbidContractionPass
    : Pass<"stepwell-spirv-forbid-contraction"> {
  let summary = "Keep drivers from fusing a product and a sum";
  let description = [{
    Every target rounds each operation by itself; a Vulkan driver does so only where it is told.

    Before:
    ```mlir
    %0 = spirv.FMul %a, %b : f32
    ```
    After:
    ```mlir
    %0 = spirv.FMul %a, %b {no_contraction} : f32
    ```
  }];
}

def GridSizePass : Pass<"stepwell-rocdl-grid-size"> {
  let summary = "Read the number of blocks where AMD's runtime puts it";
  let description = [{
    MLIR's lowering calls a function of AMD's device library, which kernels do not link.

    Before:
    ```mlir
    %n = gpu.grid_dim x
    ```
    After:
    ```mlir
    %p = llvm.call_intrinsic "llvm.amdgcn.implicitarg.ptr"() : () -> !llvm.ptr<4>
    %q = llvm.getelementptr %p[0] : (!llvm.ptr<4>) -> !llvm.ptr<4>, i32
    %i = llvm.load %q : !llvm.ptr<4> -> i32
    %n = arith.index_castui %i : i32 to index
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect"
  ];
}

def EmitObjectPass : Pass<"stepwell-emit-object", "::mlir::ModuleOp"> {
  let summary = "Write the object that a target makes of this module";
  let description = [{
    For looking at a target's output and for tests. The module, which the target's pipeline has
    lowered, stays as it is.

    Before: the module after `--stepwell-nvvm-pipeline`.

    After `--stepwell-emit-object="target=nvvm output=kernel.ptx"`: the same, and in `kernel.ptx`
    ```
    .visible .entry stepwell_kernel_0( ...
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", "", "The name of the target.">,
    Option<"form", "form", "std::string", "\"object\"", "object, assembly or llvm.">,
    Option<"output", "output", "std::string", "\"-\"", "The file, or - for standard output.">
  ];
}
#endif // STEPWELL_TARGETS_GPU_PASSES
