// RUN: stepwell-opt %s -stepwell-plan-workspace -verify-diagnostics

func.func @k(%ctx: !llvm.ptr, %x: memref<?xf32>, %count: memref<index>) -> i32 attributes {stepwell.entry} {
  %ok = arith.constant 0 : i32
  // expected-error @+1 {{the size of a temporary buffer depends on data}}
  %n = memref.load %count[] : memref<index>
  %a = memref.alloc(%n) : memref<?xf32>
  return %ok : i32
}
