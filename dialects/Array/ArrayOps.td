//===- ArrayOps.td - Every operation of the array dialect -----*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
include "Attention.td"
include "Call.td"
include "Composite.td"
include "Contraction.td"
include "ControlFlow.td"
include "Convolution.td"
include "Elementwise.td"
include "Functions.td"
include "Indexing.td"
include "Logic.td"
include "Pooling.td"
include "Random.td"
include "Reduction.td"
include "Sorting.td"
include "Structure.td"
