// RUN: stepwell-opt %s --split-input-file --verify-diagnostics --stepwell-gpu-form-kernels

// expected-error @below {{a GPU object has one entry, found 0}}
module {
}

// -----

func.func @unexpanded(%ctx: !llvm.ptr, %x: memref<?xf32>) -> i32 attributes {stepwell.entry} {
  linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} outs(%x : memref<?xf32>) {
  ^bb0(%a: f32):
    // expected-error @below {{no GPU target has an instruction for this operation: functions are expanded before}}
    %0 = math.exp %a : f32
    linalg.yield %0 : f32
  }
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// -----

func.func @loop(%ctx: !llvm.ptr, %x: memref<?xf32>) -> i32 attributes {stepwell.entry} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %v = arith.constant 1.0 : f32
  // expected-error @below {{no GPU kernel is formed from this operation}}
  scf.for %i = %c0 to %c1 step %c1 {
    memref.store %v, %x[%i] : memref<?xf32>
  }
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// -----

func.func @may_fail(%ctx: !llvm.ptr, %x: memref<?xf32>) -> i32 attributes {stepwell.entry} {
  %bad = arith.constant 1 : i32
  // expected-error @below {{a GPU kernel reports no errors yet}}
  return %bad : i32
}
