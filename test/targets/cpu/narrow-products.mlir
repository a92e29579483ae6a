// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// bf16 is widened by integer arithmetic when products are looked for; they are found all the same, and their inner
// loop is that of f32.

// RUN: stepwell-compile %s --target=x86-64-v3 --emit=asm -o - \
// RUN:   | sed -n '/^stepwell.gemm.f32.*tile6:/,/^.Lfunc_end/p' | sed -n '/p2align/,/\tjl\t/p' \
// RUN:   | FileCheck %s --implicit-check-not=rsp --implicit-check-not=call

// CHECK-COUNT-12: vfmadd{{.*}}%ymm
// CHECK-NOT:      vfmadd

func.func @main(%a: tensor<?x?xbf16>, %b: tensor<?x?xbf16>) -> tensor<?x?xbf16> {
  %0 = array.matmul %a, %b : (tensor<?x?xbf16>, tensor<?x?xbf16>) -> tensor<?x?xbf16>
  return %0 : tensor<?x?xbf16>
}
