// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What an eager call compiles: LLVM's time goes by instructions, so there are few of them.

// The entry asks for threads and no more: nothing on the stack, no division, no branch.
// RUN: stepwell-compile %s --target=x86-64-v3 --emit=asm --unchecked -o - | sed -n '/^program:/,/retq/p' \
// RUN:   | FileCheck %s --check-prefix=ENTRY --implicit-check-not=div --implicit-check-not=j --implicit-check-not=rsp
// ENTRY: shrq {{.*}}$10
// ENTRY: callq *32(%rdi)

// The body addresses its operands by one counter, without strength reduction.
// RUN: stepwell-compile %s --target=x86-64-v3 --emit=asm --unchecked -o - | sed -n '/^.LBB0_2:/,/\tjl\t/p' | FileCheck %s --check-prefix=LOOP
// LOOP-COUNT-4: vsubps {{[0-9]*}}({{%r[a-z0-9]+}},{{%r[a-z0-9]+}},4), %ymm
// LOOP-NOT:     vsubps
// LOOP:         addq $32

func.func @main(%a: tensor<?xf32>, %b: tensor<?xf32>) -> tensor<?xf32> {
  %0 = array.sub %a, %b : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
