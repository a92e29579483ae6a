//===- TensorDocs.h - What help() says of the methods in C++ ----*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_PYTHON_TENSORDOCS_H
#define STEPWELL_PYTHON_TENSORDOCS_H

#include <string_view>

namespace stepwell::python {

/// The docstring of Tensor's method of this name; empty if there is none.
const char *docOf(std::string_view method);

} // namespace stepwell::python

#endif // STEPWELL_PYTHON_TENSORDOCS_H
