// RUN: stepwell-opt %s -cpu-lower-to-llvm | FileCheck %s

// Moved about as bits: LLVM would call __truncsfbf2 to insert a bfloat into a vector.
// CHECK-LABEL: @repeat
// CHECK-NOT: bf16
// CHECK: llvm.insertelement %{{.*}} : vector<8xi16>
// CHECK: llvm.store
func.func @repeat(%from: memref<?xbf16>, %to: memref<?xbf16>) {
  %c0 = arith.constant 0 : index
  %x = memref.load %from[%c0] : memref<?xbf16>
  %v = vector.broadcast %x : bf16 to vector<8xbf16>
  vector.store %v, %to[%c0] : memref<?xbf16>, vector<8xbf16>
  return
}

// CHECK-LABEL: @constant
// CHECK: llvm.mlir.constant(16256 : i16) : i16
// CHECK: llvm.mlir.constant(dense<16256> : vector<4xi16>) : vector<4xi16>
func.func @constant(%to: memref<?xbf16>) {
  %c0 = arith.constant 0 : index
  %one = arith.constant 1.0 : bf16
  %ones = arith.constant dense<1.0> : vector<4xbf16>
  memref.store %one, %to[%c0] : memref<?xbf16>
  vector.store %ones, %to[%c0] : memref<?xbf16>, vector<4xbf16>
  return
}
