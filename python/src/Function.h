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
/// A number of an open capture, which has this value in this call.
nanobind::object numberObject(const std::string &postfix, const Scalar &value);
/// A number made of sizes, in the same way.
nanobind::object sizeObject(int64_t hint, const OpenSize &);
/// In an open capture: what follows is for these sizes only.
void fixShape(const Tensor &);
/// A size or a place that Python gave: its value in this call and, where an
/// open capture computed it, what it is in others. A comparison is a guard.
struct GivenSize {
  GivenSize(int64_t hint = 0) : hint(hint) {}
  GivenSize(int64_t hint, OpenSize open) : hint(hint) {
    if (!open.known())
      this->open = std::move(open);
  }
  /// Raises a TypeError for what is no integer.
  static GivenSize of(PyObject *);
  OpenSize size() const { return open ? *open : OpenSize(hint); }

  int64_t hint;
  std::optional<OpenSize> open;
};
GivenSize operator+(const GivenSize &, const GivenSize &);
GivenSize operator-(const GivenSize &, const GivenSize &);
bool operator<(const GivenSize &, const GivenSize &);
GivenSize sizeAlong(const Tensor &, int64_t dim);
/// Views of a part, which an open capture takes for calls of other sizes, too.
Tensor sliceAlong(const Tensor &, int64_t dim, const GivenSize &start,
                  const GivenSize &count, int64_t step);
Tensor selectAlong(const Tensor &, int64_t dim, const GivenSize &index);
/// How sizes that are given in Python read: their values, and what they are.
std::pair<Dims, OpenShape> givenSizes(PyObject *const *args, Py_ssize_t count);

} // namespace stepwell::python

namespace nanobind::detail {
template <> struct type_caster<stepwell::python::GivenSize> {
  NB_TYPE_CASTER(stepwell::python::GivenSize, const_name("int"))
  bool from_python(handle source, uint8_t, cleanup_list *) noexcept {
    if (!PyIndex_Check(source.ptr()))
      return false;
    try {
      value = stepwell::python::GivenSize::of(source.ptr());
      return true;
    } catch (python_error &error) {
      return false; // an int of more than 64 bits
    } catch (std::exception &) {
      return false;
    }
  }
};
} // namespace nanobind::detail

#endif // STEPWELL_PYTHON_FUNCTION_H
