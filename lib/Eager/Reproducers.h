//===- Reproducers.h - Files that repeat a failed compile -------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_EAGER_REPRODUCERS_H
#define STEPWELL_LIB_EAGER_REPRODUCERS_H

#include <string>

namespace stepwell {

/// Writes the reproducer to a new file of the user's folder (docs/compile.md);
/// its name, or nothing.
std::string saveReproducer(const std::string &text);

} // namespace stepwell

#endif // STEPWELL_LIB_EAGER_REPRODUCERS_H
