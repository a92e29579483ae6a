//===- Function.h - Functions of tensors that are written in Python -*- C++
//-*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_PYTHON_FUNCTION_H
#define STEPWELL_PYTHON_FUNCTION_H

#include "PyTensor.h"

#include "stepwell/Eager/Capture.h"

namespace stepwell::python {

/// Adds the type `Function`, what `stepwell.function` makes.
void addFunctions(nanobind::module_ &);

//===--- Tracing.cpp ------------------------------------------------------===//

/// Adds what a trace asks for.
void addTracing(nanobind::module_ &);

/// The shape of a tensor as Python sees it: in an open capture, sizes that
/// remember where they came from.
nanobind::object shapeObject(const Tensor &);
/// A number made of sizes, in the same way.
nanobind::object sizeObject(int64_t hint, const OpenSize &);
/// In an open capture: what follows is for these sizes only.
void fixShape(const Tensor &);
/// How sizes that are given in Python read, for views of an open capture.
std::pair<Dims, OpenShape> givenSizes(PyObject *const *args, Py_ssize_t count);

} // namespace stepwell::python

#endif // STEPWELL_PYTHON_FUNCTION_H
