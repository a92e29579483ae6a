// RUN: not stepwell-opt %s --stepwell-nvvm-pipeline="chip=sm_77" --stepwell-emit-object="target=nvvm" -o /dev/null 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: not stepwell-opt %s --stepwell-emit-object="target=nvvm" -o /dev/null 2>&1 | FileCheck %s --check-prefix=RAW
// RUN: not stepwell-opt %s --stepwell-emit-object="target=abacus" -o /dev/null 2>&1 | FileCheck %s --check-prefix=TARGET

// CHIP: error: no NVIDIA chip is called 'sm_77'
// RAW: error: expected one gpu.module and its manifest
// TARGET: error: there is no target 'abacus'
func.func @k(%ctx: !llvm.ptr) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  return %ok : i32
}
