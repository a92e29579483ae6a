// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// A layer and its activation: one pass over a piece of the product, in place, in whole vectors; and nothing of the
// ways that a product of these sizes does not take.

// RUN: stepwell-compile %s --target=x86-64-v3 --emit=asm -o %t.s
// RUN: sed -n '/^stepwell.gemm.epilogue0:/,/^.Lfunc_end/p' %t.s | sed -n '/vaddps/,/\tjl\t/p' | sed '/\tjl\t/q' \
// RUN:   | FileCheck %s --check-prefix=LOOP --implicit-check-not=rsp --implicit-check-not=call
// RUN: FileCheck %s --check-prefix=WAYS --input-file=%t.s

// LOOP-COUNT-4: vmovups %ymm{{.*}}, {{.*}}(%r{{.*}})
// LOOP-NOT:     %ymm{{.*}}(%r
// WAYS-NOT: {{^}}stepwell.gemm.f32.{{.*}}dots
// WAYS-NOT: {{^}}stepwell.gemm.f32.{{.*}}blocks
// WAYS:     {{^}}stepwell.gemm.f32.{{.*}}panels:
// WAYS-NOT: {{^}}stepwell.gemm.f32.{{.*}}dots
// WAYS-NOT: {{^}}stepwell.gemm.f32.{{.*}}blocks

func.func @main(%x: tensor<128x256xf32>, %w: tensor<96x256xf32>, %b: tensor<96xf32>) -> tensor<128x96xf32> {
  %0 = array.linear %x, %w, %b : (tensor<128x256xf32>, tensor<96x256xf32>, tensor<96xf32>) -> tensor<128x96xf32>
  %1 = array.relu %0 : (tensor<128x96xf32>) -> tensor<128x96xf32>
  return %1 : tensor<128x96xf32>
}
