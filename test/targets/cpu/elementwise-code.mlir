// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: split-file %s %t

// The exponential of four whole vectors of f32 at a time: 8 multiply-adds each (3 reduce the argument, 5 are the
// polynomial), neither a call nor a division nor a conversion, and with 32 registers nothing on the stack.
// RUN: stepwell-compile %t/exp.mlir --target=x86-64-v3 --emit=asm -o - | sed -n '/^.LBB0_2:/,/\tjl\t/p' \
// RUN:   | FileCheck %s --check-prefix=EXP3 --implicit-check-not=call --implicit-check-not=vdiv --implicit-check-not=vcvt
// RUN: stepwell-compile %t/exp.mlir --target=x86-64-v4 --emit=asm -o - | sed -n '/^.LBB0_2:/,/\tjl\t/p' \
// RUN:   | FileCheck %s --check-prefix=EXP4 --implicit-check-not=call --implicit-check-not=vdiv --implicit-check-not=vcvt --implicit-check-not=rsp
// EXP3-COUNT-32: {{vfn?m(add|sub).*ymm}}
// EXP3-NOT:      {{vfn?m(add|sub)}}
// EXP4-COUNT-32: {{vfn?m(add|sub).*zmm}}
// EXP4-NOT:      {{vfn?m(add|sub)}}

// A transposed copy: four squares of 8 x 8 with 24 shuffles each, none of one lane.
// RUN: stepwell-compile %t/transpose.mlir --target=x86-64-v3 --emit=asm -o - | sed -n '/^.LBB0_3:/,/\tjl\t/p' > %t/transpose.s
// RUN: FileCheck %s --check-prefix=UNPACK --implicit-check-not=vinsertps --implicit-check-not=vextractps --input-file=%t/transpose.s
// RUN: FileCheck %s --check-prefix=HALVES --input-file=%t/transpose.s
// UNPACK-COUNT-64: vunpck{{.*}}%ymm
// UNPACK-NOT:      vunpck
// HALVES-COUNT-32: {{vperm2f128|vinsertf128}}
// HALVES-NOT:      {{vperm2f128|vinsertf128}}

//--- exp.mlir
func.func @main(%a: tensor<?xf32>) -> tensor<?xf32> {
  %0 = array.exp %a : (tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
//--- transpose.mlir
func.func @main(%a: tensor<1024x1024xf32>) -> tensor<1024x1024xf32> {
  %0 = array.transpose %a {permutation = array<i64: 1, 0>} : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  return %0 : tensor<1024x1024xf32>
}
