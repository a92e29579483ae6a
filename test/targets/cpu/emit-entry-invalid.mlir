// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: stepwell-opt %s --cpu-emit-entry --split-input-file --verify-diagnostics

// expected-error @below {{'stepwell.requires' is malformed}}
func.func @postfix(%ctx: !llvm.ptr) -> i32
    attributes {stepwell.entry, stepwell.requires = [["w1 *", "==", "4", 0 : i64, 2 : i64]]} {
  %zero = arith.constant 0 : i32
  return %zero : i32
}

// -----

// expected-error @below {{'stepwell.requires' is malformed}}
func.func @relation(%ctx: !llvm.ptr) -> i32
    attributes {stepwell.entry, stepwell.requires = [["w1", "is", "4", 0 : i64, 2 : i64]]} {
  %zero = arith.constant 0 : i32
  return %zero : i32
}

// -----

// expected-error @below {{'stepwell.requires' is malformed}}
func.func @parts(%ctx: !llvm.ptr) -> i32
    attributes {stepwell.entry, stepwell.requires = ["w1"]} {
  %zero = arith.constant 0 : i32
  return %zero : i32
}
