// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The inner loop of a product of bf16 in tile registers: four loads for four products, no tile comes from or goes to
// the stack. Registers are configured by the two tasks that multiply, and nowhere else.

// RUN: stepwell-compile %s --target=x86-64-v4+amx --emit=asm -o %t.s
// RUN: sed -n '/^stepwell.gemm.f32.*amx2:/,/^.Lfunc_end/p' %t.s | sed -n '/p2align/,/\tjl\t/p' \
// RUN:   | FileCheck %s --check-prefix=LOOP --implicit-check-not=tile --implicit-check-not=rsp --implicit-check-not=call
// RUN: sed -n '/^stepwell.gemm.f32.*amx1:/,/^.Lfunc_end/p' %t.s | sed -n '/p2align/,/\tjl\t/p' \
// RUN:   | FileCheck %s --check-prefix=HALF --implicit-check-not=tile --implicit-check-not=rsp --implicit-check-not=call
// RUN: FileCheck %s --check-prefix=TASKS --implicit-check-not=tilecfg --implicit-check-not=tilerelease < %t.s

// LOOP-DAG: tileloadd (%rdi,{{.*}}), %tmm4
// LOOP-DAG: tileloadd (%rsi,{{.*}}), %tmm6
// LOOP:     tdpbf16ps %tmm6, %tmm4, %tmm0
// LOOP:     tileloadd {{.*}}, %tmm7
// LOOP:     tdpbf16ps %tmm7, %tmm4, %tmm1
// LOOP:     tileloadd {{.*}}, %tmm5
// LOOP:     tdpbf16ps %tmm6, %tmm5, %tmm2
// LOOP:     tdpbf16ps %tmm7, %tmm5, %tmm3

// HALF-COUNT-2: tileloadd
// HALF:         tdpbf16ps %tmm6, %tmm4, %tmm0
// HALF:         tileloadd
// HALF:         tdpbf16ps %tmm7, %tmm4, %tmm1

// TASKS:       panels:
// TASKS:       ldtilecfg
// TASKS:       tilerelease
// TASKS:       blocks:
// TASKS:       ldtilecfg
// TASKS:       tilerelease

// Without tile registers in the level, there are none.

// RUN: stepwell-compile %s --target=x86-64-v4 --emit=asm -o - | FileCheck %s --check-prefix=V4 --implicit-check-not=tmm
// V4: vfmadd

func.func @main(%a: tensor<?x?xbf16>, %b: tensor<?x?xbf16>) -> tensor<?x?xbf16> {
  %0 = array.matmul %a, %b : (tensor<?x?xbf16>, tensor<?x?xbf16>) -> tensor<?x?xbf16>
  return %0 : tensor<?x?xbf16>
}
