//===- Data.cpp - Indices, and data in and out ----------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PyTensor.h"

#include "stepwell/Eager/Capture.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <cstring>

namespace nb = nanobind;

namespace stepwell::python {

//===--- Numbers out ------------------------------------------------------===//

static void refuseTraced(const Tensor &tensor, const char *what) {
  if (!Capture::current() && tensor->buffer && tensor->buffer->memory)
    return;
  std::string where = Capture::location ? Capture::location() : "";
  fail(Error::Kind::Runtime,
       (where.empty() ? "" : where + ": ") + std::string(what) +
           " needs the value of a tensor, which is not known while a function "
           "is captured; keep it a tensor (where()), or use cond() for control "
           "flow, or compute it outside of the compiled function");
}

static PyObject *element(DType dtype, const void *at) {
  switch (dtype) {
  case DType::Bool:
    return PyBool_FromLong(*static_cast<const uint8_t *>(at));
  case DType::U8:
    return PyLong_FromLong(*static_cast<const uint8_t *>(at));
  case DType::I8:
    return PyLong_FromLong(*static_cast<const int8_t *>(at));
  case DType::I16:
    return PyLong_FromLong(*static_cast<const int16_t *>(at));
  case DType::I32:
    return PyLong_FromLong(*static_cast<const int32_t *>(at));
  case DType::I64:
    return PyLong_FromLongLong(*static_cast<const int64_t *>(at));
  case DType::F16:
    return PyFloat_FromDouble(
        PyFloat_Unpack2(static_cast<const char *>(at), 1));
  case DType::BF16: {
    uint32_t bits = static_cast<uint32_t>(*static_cast<const uint16_t *>(at))
                    << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return PyFloat_FromDouble(value);
  }
  case DType::F32:
    return PyFloat_FromDouble(*static_cast<const float *>(at));
  case DType::F64:
    return PyFloat_FromDouble(*static_cast<const double *>(at));
  }
  return nullptr;
}

PyObject *toItem(const Tensor &tensor) {
  refuseTraced(tensor, "item() or bool()");
  if (tensor->numel() != 1)
    fail(Error::Kind::Runtime, "a Tensor with " +
                                   std::to_string(tensor->numel()) +
                                   " elements cannot be converted to Scalar");
  return element(tensor->dtype, tensor->data());
}

static PyObject *listOf(const TensorImpl &tensor, int dim, const char *at) {
  if (dim == tensor.rank())
    return element(tensor.dtype, at);
  PyObject *list = PyList_New(tensor.sizes[dim]);
  int64_t step = tensor.strides[dim] * byteWidth(tensor.dtype);
  for (int64_t i = 0; i < tensor.sizes[dim]; ++i)
    PyList_SET_ITEM(list, i, listOf(tensor, dim + 1, at + i * step));
  return list;
}

PyObject *toList(const Tensor &tensor) {
  refuseTraced(tensor, "tolist()");
  return listOf(*tensor, 0, static_cast<const char *>(tensor->data()));
}

//===--- The buffer protocol ----------------------------------------------===//

static const char *formatOf(DType dtype) {
  switch (dtype) {
  case DType::Bool:
    return "?";
  case DType::U8:
    return "B";
  case DType::I8:
    return "b";
  case DType::I16:
    return "h";
  case DType::I32:
    return "i";
  case DType::I64:
    return "q";
  case DType::F16:
    return "e";
  case DType::F32:
    return "f";
  case DType::F64:
    return "d";
  case DType::BF16:
    break;
  }
  return nullptr;
}

static std::optional<DType> dtypeOfFormat(const char *format, int64_t size) {
  if (!format)
    return DType::U8;
  if (*format == '@' || *format == '=' || *format == '<')
    ++format;
  switch (format[1] ? 0 : *format) {
  case '?':
    return DType::Bool;
  case 'B':
    return DType::U8;
  case 'b':
    return DType::I8;
  case 'e':
    return DType::F16;
  case 'f':
    return DType::F32;
  case 'd':
    return DType::F64;
  case 'h':
  case 'i':
  case 'l':
  case 'q':
    return size == 2 ? DType::I16 : size == 4 ? DType::I32 : DType::I64;
  }
  return std::nullopt;
}

int getBuffer(PyObject *object, Py_buffer *view, int flags) {
  view->obj = nullptr;
  PyObject *done = guarded([&]() -> PyObject * {
    Tensor tensor = unwrap(object);
    refuseTraced(tensor, "numpy()");
    const char *format = formatOf(tensor->dtype);
    if (!format || requiresGrad(*tensor)) {
      PyErr_SetString(PyExc_BufferError,
                      format ? "Can't call numpy() on Tensor that requires "
                               "grad. Use tensor.detach().numpy() instead."
                             : "Got unsupported ScalarType BFloat16");
      return nullptr;
    }
    if (!(flags & PyBUF_STRIDES) && !tensor->contiguous()) {
      PyErr_SetString(PyExc_BufferError, "the tensor is not contiguous");
      return nullptr;
    }
    int rank = tensor->rank();
    auto *sizes = new Py_ssize_t[2 * rank + 1];
    for (int i = 0; i < rank; ++i) {
      sizes[i] = tensor->sizes[i];
      sizes[rank + i] = tensor->strides[i] * byteWidth(tensor->dtype);
    }
    view->buf = tensor->data();
    view->len = tensor->numel() * byteWidth(tensor->dtype);
    view->itemsize = byteWidth(tensor->dtype);
    view->readonly = 0;
    view->ndim = rank;
    view->format = flags & PyBUF_FORMAT ? const_cast<char *>(format) : nullptr;
    view->shape = sizes;
    view->strides = sizes + rank;
    view->suboffsets = nullptr;
    view->internal = sizes;
    view->obj = object;
    Py_INCREF(object);
    return Py_None;
  });
  return done ? 0 : -1;
}

static void releaseBuffer(PyObject *, Py_buffer *view) {
  delete[] static_cast<Py_ssize_t *>(view->internal);
}

/// A tensor over the memory of anything with the buffer protocol.
static Tensor fromBuffer(nb::object object) {
  auto *view = new Py_buffer;
  if (PyObject_GetBuffer(object.ptr(), view,
                         PyBUF_STRIDES | PyBUF_FORMAT | PyBUF_WRITABLE) < 0) {
    PyErr_Clear();
    if (PyObject_GetBuffer(object.ptr(), view, PyBUF_STRIDES | PyBUF_FORMAT) <
        0) {
      delete view;
      throw nb::python_error();
    }
  }
  auto drop = [&] {
    PyBuffer_Release(view);
    delete view;
  };
  std::optional<DType> dtype = dtypeOfFormat(view->format, view->itemsize);
  std::string problem;
  if (!dtype)
    problem = std::string("can't convert an array of format '") +
              (view->format ? view->format : "") + "' to a tensor";
  if (view->ndim > kMaxRank)
    problem = "too many dimensions";
  if (dtype && reinterpret_cast<uintptr_t>(view->buf) % view->itemsize)
    problem = "the array is not aligned";
  Geometry geometry;
  for (int i = 0; problem.empty() && i < view->ndim; ++i) {
    if (view->strides[i] % view->itemsize)
      problem = "given array strides not a multiple of the element byte size";
    geometry.sizes.push_back(view->shape[i]);
    geometry.strides.push_back(view->strides[i] / view->itemsize);
  }
  if (!problem.empty()) {
    drop();
    fail(Error::Kind::Type, problem);
  }
  stepwell_storage *memory = stepwell_storage_wrap(
      stepwell_device_cpu(), view->buf, view->len,
      [](void *, void *environment) {
        auto *owner = static_cast<Py_buffer *>(environment);
        nb::gil_scoped_acquire lock;
        PyBuffer_Release(owner);
        delete owner;
      },
      view);
  if (!memory) {
    drop();
    fail(Error::Kind::Runtime, "not enough memory");
  }
  return makeTensor(Buffer::adopt(memory), *dtype, geometry);
}

//===--- Lists in ---------------------------------------------------------===//

static void measure(PyObject *data, Dims &sizes, int depth, int &kind) {
  if (PyList_Check(data) || PyTuple_Check(data)) {
    Py_ssize_t count = PySequence_Fast_GET_SIZE(data);
    if (depth == kMaxRank)
      fail(Error::Kind::Value, "too many dimensions");
    if (sizes.size() == depth) {
      if (kind >= 0)
        fail(Error::Kind::Value, "expected a number but found a sequence");
      sizes.push_back(count);
    } else if (sizes[depth] != count) {
      fail(Error::Kind::Value, "expected sequence of length " +
                                   std::to_string(sizes[depth]) + " at dim " +
                                   std::to_string(depth) + " (got " +
                                   std::to_string(count) + ")");
    }
    for (Py_ssize_t i = 0; i < count; ++i)
      measure(PySequence_Fast_GET_ITEM(data, i), sizes, depth + 1, kind);
    return;
  }
  if (sizes.size() != depth)
    fail(Error::Kind::Value, "expected a sequence at dim " +
                                 std::to_string(depth) + " (got a number)");
  Scalar scalar;
  if (isTensor(data)) {
    Tensor tensor = unwrap(data);
    kind = std::max(kind, isFloat(tensor->dtype)         ? 2
                          : tensor->dtype == DType::Bool ? 0
                                                         : 1);
  } else if (toScalar(data, scalar)) {
    kind = std::max(kind, static_cast<int>(scalar.index()));
  } else {
    fail(Error::Kind::Type,
         std::string("not a number or a sequence: ") + Py_TYPE(data)->tp_name);
  }
}

/// Numbers are written in a type that any of them fits; a kernel converts them
/// then.
static void write(PyObject *data, DType dtype, char *&at) {
  if (PyList_Check(data) || PyTuple_Check(data)) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(data); ++i)
      write(PySequence_Fast_GET_ITEM(data, i), dtype, at);
    return;
  }
  Scalar scalar;
  nb::object item;
  if (isTensor(data)) {
    item = nb::steal(toItem(unwrap(data)));
    data = item.ptr();
  }
  toScalar(data, scalar);
  stepwell_arg word = scalarWord(dtype, scalar);
  std::memcpy(at, &word, byteWidth(dtype));
  at += byteWidth(dtype);
}

static Tensor fromList(nb::object data, std::optional<DType> dtype) {
  Dims sizes;
  int kind = -1;
  measure(data.ptr(), sizes, 0, kind);
  DType carrier = kind == 0 ? DType::Bool : kind == 1 ? DType::I64 : DType::F64;
  DType target = dtype.value_or(carrier == DType::F64 ? DType::F32 : carrier);
  // Rounding to float32 is the same in one step here as in a kernel.
  if (kind == 2 && target == DType::F32)
    carrier = DType::F32;
  Tensor tensor;
  {
    SuspendCapture eager;
    tensor = empty(carrier, sizes);
    char *at = static_cast<char *>(tensor->data());
    write(data.ptr(), carrier, at);
    tensor = cast(tensor, target);
  }
  // Made anew by every call: what one writes there the next does not see.
  Capture *capture = Capture::current();
  return capture ? capture->alias(*tensor, packedStrides(sizes)) : tensor;
}

/// Under capture its elements are something, too.
static Tensor newTensor(DType dtype, const Dims &sizes) {
  Capture *capture = Capture::current();
  return capture ? capture->constant(dtype, sizes, int64_t{0})
                 : empty(dtype, sizes);
}

void addData(nb::module_ &m) {
  // PyType_FromSpec knows no releasebuffer slot before the limited API does.
  tensorType->tp_as_buffer->bf_releasebuffer = releaseBuffer;
  m.def("_from_buffer", &fromBuffer);
  m.def("_from_list", &fromList, nb::arg("data"),
        nb::arg("dtype").none() = nb::none());
  m.def("_full", &full);
  m.def("_empty", &newTensor);
  // A new tensor for sizes that are plain ints, or one tuple or list of them,
  // filled unless `value` is None; None where somebody has to look closer.
  m.def(
      "_filled",
      [](nb::tuple given, nb::handle value, nb::handle dtype) -> nb::object {
        PyObject *sizes = given.ptr();
        if (PyTuple_GET_SIZE(sizes) == 1 &&
            (PyTuple_CheckExact(PyTuple_GET_ITEM(sizes, 0)) ||
             PyList_CheckExact(PyTuple_GET_ITEM(sizes, 0))))
          sizes = PyTuple_GET_ITEM(sizes, 0);
        Dims dims;
        Scalar scalar;
        if (!(dtype.is_none() || isDType(dtype.ptr())) ||
            PySequence_Fast_GET_SIZE(sizes) > kMaxRank ||
            !(value.is_none() || toScalar(value.ptr(), scalar)))
          return nb::none();
        for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sizes); ++i) {
          PyObject *item = PySequence_Fast_GET_ITEM(sizes, i);
          int overflow = 1;
          if (PyLong_CheckExact(item))
            dims.push_back(PyLong_AsLongLongAndOverflow(item, &overflow));
          if (overflow)
            return nb::none();
        }
        DType type = dtype.is_none() ? DType::F32 : toDType(dtype.ptr());
        return nb::steal(wrap(value.is_none() ? newTensor(type, dims)
                                              : full(type, dims, scalar)));
      },
      nb::arg(), nb::arg().none(), nb::arg().none());
  // For state that outlives the call in which it is made.
  m.def("_outside_of_capture", [](nb::callable function) {
    SuspendCapture eager;
    return function();
  });
}

} // namespace stepwell::python
