// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The inner loop of the largest tile: one multiply-add for each vector of sums, nothing else that
// computes, nothing on the stack.

// RUN: stepwell-compile %s --target=x86-64-v3 --emit=asm -o - \
// RUN:   | sed -n '/^stepwell.gemm.f32.tile6:/,/^.Lfunc_end/p' | sed -n '/p2align/,/\tjl\t/p' \
// RUN:   | FileCheck %s --check-prefix=V3 --implicit-check-not=rsp --implicit-check-not=call --implicit-check-not=vmulps
// RUN: stepwell-compile %s --target=x86-64-v4 --emit=asm -o - \
// RUN:   | sed -n '/^stepwell.gemm.f32.tile14:/,/^.Lfunc_end/p' | sed -n '/p2align/,/\tjl\t/p' \
// RUN:   | FileCheck %s --check-prefix=V4 --implicit-check-not=rsp --implicit-check-not=call --implicit-check-not=vmulps
// RUN: stepwell-compile %s --target=x86-64-v3 --emit=asm -o - \
// RUN:   | sed -n '/^stepwell.gemm.f32.dot1:/,/^.Lfunc_end/p' | sed -n '/p2align/,/\tjl\t/p' \
// RUN:   | FileCheck %s --check-prefix=DOT --implicit-check-not=rsp --implicit-check-not=call

// V3-COUNT-12: vfmadd{{.*}}%ymm
// V3-NOT:      vfmadd
// V4-COUNT-28: vfmadd{{.*}}%zmm
// V4-NOT:      vfmadd
// DOT-COUNT-8: vfmadd{{.*}}%ymm
// DOT-NOT:     vfmadd{{.*}}%ymm

func.func @main(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = array.matmul %a, %b : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
