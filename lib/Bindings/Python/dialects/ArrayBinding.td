//===- ArrayBinding.td - The array dialect, for Python --------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The generated file is placed by this file's path, hence a file of its own.
//===----------------------------------------------------------------------===//
include "ArrayOps.td"
