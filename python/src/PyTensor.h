//===- PyTensor.h - stepwell.Tensor as a Python type ------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A plain CPython type, because every operation makes one. Functions with
// ordinary arguments are bound with nanobind, by the casters below.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_PYTHON_PYTENSOR_H
#define STEPWELL_PYTHON_PYTENSOR_H

#include "stepwell/Eager/Ops.h"

#include <cxxabi.h>
#include <nanobind/nanobind.h>

namespace stepwell::python {

struct PyTensor {
  PyObject_HEAD TensorImpl *impl; // owned
  PyObject *dict, *weakrefs;
};

extern PyTypeObject *tensorType;
/// Makes stepwell.Tensor; operator slots go by the records' names.
void makeTensorType(PyObject *module);

inline bool isTensor(PyObject *object) {
  return Py_TYPE(object) == tensorType ||
         PyType_IsSubtype(Py_TYPE(object), tensorType);
}
/// Of a tensor.
inline Tensor unwrap(PyObject *object) {
  return Tensor(reinterpret_cast<PyTensor *>(object)->impl);
}
/// The tensor's one Python object; a new reference.
PyObject *wrap(const Tensor &);
/// A new object of a subclass for a tensor that has none.
PyObject *wrapAs(PyTypeObject *, const Tensor &);
/// A tensor or a number; false and no exception for anything else.
bool toArgument(PyObject *, Argument &);
bool toScalar(PyObject *, Scalar &);
/// A number that each call of the function being captured may be given.
bool toCallNumber(PyObject *, Argument &);
/// toArgument for an argument of an operation: also such a number.
inline bool toCallArgument(PyObject *object, Argument &argument) {
  if (!isTensor(object))
    return toCallNumber(object, argument);
  argument.tensor = unwrap(object);
  return true;
}
/// Python's class of such numbers (python/stepwell/_numbers.py).
extern PyTypeObject *numberType;
/// Sets the Python exception for the C++ one that is being handled.
void translateException();

PyObject *dtypeObject(DType); // borrowed
bool isDType(PyObject *);
DType toDType(PyObject *);

//===--- Operations from the records --------------------------------------===//

void addOperations(PyObject *module, PyTypeObject *tensor);
/// What an operator calls: an operation with these attributes, none of which it
/// is given.
struct Slot {
  const OpRow *op; // null if no record has it
  const Attributes *attributes;
};
/// By its name, "__add__".
Slot findSlot(const char *name);
PyObject *callSlot(const Slot &, PyObject *a, PyObject *b, bool into);

//===--- Indices and data -------------------------------------------------===//

Tensor getItem(const Tensor &, PyObject *index);
void setItem(const Tensor &, PyObject *index, PyObject *value);
int getBuffer(PyObject *, Py_buffer *, int flags);
void addData(nanobind::module_ &);
void addMethods(nanobind::module_ &);
PyObject *toList(const Tensor &);
PyObject *toItem(const Tensor &);

/// Waits until the process ends.
[[noreturn]] void stopForGood();

/// Calls Python from C++. Up to version 3.13 Python ends a daemon thread that
/// wants its lock while the interpreter ends, by unwinding the thread's stack;
/// C++ must not be unwound so, without the lock. The thread stops here instead.
template <typename F> auto callPython(F call) {
  try {
    return call();
  } catch (abi::__forced_unwind &) {
    stopForGood();
  }
}

template <typename F> PyObject *guarded(F body) {
  try {
    return body();
  } catch (abi::__forced_unwind &) {
    stopForGood();
  } catch (...) {
    translateException();
    return nullptr;
  }
}

} // namespace stepwell::python

namespace nanobind::detail {
template <> struct type_caster<stepwell::Tensor> {
  NB_TYPE_CASTER(stepwell::Tensor, const_name("stepwell.Tensor"))
  bool from_python(handle source, uint8_t, cleanup_list *) noexcept {
    if (!stepwell::python::isTensor(source.ptr()))
      return false;
    value = stepwell::python::unwrap(source.ptr());
    return true;
  }
  static handle from_cpp(const stepwell::Tensor &tensor, rv_policy,
                         cleanup_list *) noexcept {
    if (!tensor)
      return none().release();
    return stepwell::python::wrap(tensor);
  }
};
template <> struct type_caster<stepwell::DType> {
  NB_TYPE_CASTER(stepwell::DType, const_name("stepwell.dtype"))
  bool from_python(handle source, uint8_t, cleanup_list *) noexcept {
    if (!stepwell::python::isDType(source.ptr()))
      return false;
    value = stepwell::python::toDType(source.ptr());
    return true;
  }
  static handle from_cpp(stepwell::DType dtype, rv_policy,
                         cleanup_list *) noexcept {
    return handle(stepwell::python::dtypeObject(dtype)).inc_ref();
  }
};
template <> struct type_caster<stepwell::Dims> {
  NB_TYPE_CASTER(stepwell::Dims, const_name("tuple[int, ...]"))
  bool from_python(handle source, uint8_t, cleanup_list *) noexcept {
    value = {};
    if (PyTuple_CheckExact(source.ptr()) || PyLong_CheckExact(source.ptr()))
      if (exact(source.ptr()))
        return true;
    return general(source.ptr());
  }
  /// An int or a tuple of them.
  bool exact(PyObject *source) noexcept {
    bool tuple = PyTuple_CheckExact(source);
    Py_ssize_t count = tuple ? PyTuple_GET_SIZE(source) : 1;
    for (Py_ssize_t i = 0; i < count; ++i) {
      PyObject *item = tuple ? PyTuple_GET_ITEM(source, i) : source;
      int overflow = 1;
      if (PyLong_CheckExact(item))
        value.push_back(PyLong_AsLongLongAndOverflow(item, &overflow));
      if (overflow)
        return false;
    }
    return true;
  }
  /// Whatever counts as one.
  bool general(PyObject *given) noexcept {
    handle source(given);
    value = {};
    if (PyIndex_Check(source.ptr())) {
      int64_t number = PyLong_AsLongLong(source.ptr());
      if (number == -1 && PyErr_Occurred()) {
        PyErr_Clear();
        return false;
      }
      value.push_back(number);
      return true;
    }
    PyObject *items = PySequence_Fast(source.ptr(), "");
    if (!items) {
      PyErr_Clear();
      return false;
    }
    Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
    bool fine = true;
    // An item that is asked for its value may change the list.
    for (Py_ssize_t i = 0; fine && i < count; ++i) {
      fine = PySequence_Fast_GET_SIZE(items) == count;
      if (!fine)
        break;
      PyObject *item = Py_NewRef(PySequence_Fast_GET_ITEM(items, i));
      PyObject *index = PyNumber_Index(item);
      Py_DECREF(item);
      if (index)
        value.push_back(PyLong_AsLongLong(index));
      fine = !PyErr_Occurred();
      Py_XDECREF(index);
    }
    PyErr_Clear();
    Py_DECREF(items);
    return fine;
  }
  static handle from_cpp(const stepwell::Dims &dims, rv_policy,
                         cleanup_list *) noexcept {
    PyObject *tuple = PyTuple_New(dims.size());
    for (int i = 0; i < dims.size(); ++i)
      PyTuple_SET_ITEM(tuple, i, PyLong_FromLongLong(dims[i]));
    return tuple;
  }
};
template <> struct type_caster<stepwell::Scalar> {
  NB_TYPE_CASTER(stepwell::Scalar, const_name("float"))
  bool from_python(handle source, uint8_t, cleanup_list *) noexcept {
    try {
      return stepwell::python::toScalar(source.ptr(), value);
    } catch (...) { // what asks for a number takes a handle to say why
      return false;
    }
  }
  static handle from_cpp(const stepwell::Scalar &, rv_policy,
                         cleanup_list *) noexcept {
    return none().release();
  }
};
} // namespace nanobind::detail

#endif // STEPWELL_PYTHON_PYTENSOR_H
