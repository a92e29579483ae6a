//===- Compiled.h - Calls of functions that were captured -------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_PYTHON_COMPILED_H
#define STEPWELL_PYTHON_COMPILED_H

#include <nanobind/nanobind.h>

namespace stepwell::python {

/// Adds the type that stepwell.compile's class derives from.
void addCompiled(nanobind::module_ &);

} // namespace stepwell::python

#endif // STEPWELL_PYTHON_COMPILED_H
