//===- KernelKey.h - What a kernel is compiled from -------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The text of docs/kernel-key.md: a program, and what it is compiled for.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_EAGER_KERNELKEY_H
#define STEPWELL_LIB_EAGER_KERNELKEY_H

#include <string>

namespace stepwell {

/// Which processor code is made for: this one, or a lower level of its kind
/// that STEPWELL_CPU names. Asked once: kernels in memory are for one chip.
const std::string &cpuLevel();
/// The level that a program is compiled for: tile registers are for bf16 only,
/// and kernels without them are shared with the level without them.
std::string levelFor(const std::string &program, std::string level);
std::string keyOf(const std::string &program, const std::string &level);

} // namespace stepwell

#endif // STEPWELL_LIB_EAGER_KERNELKEY_H
