//===- Data.cpp - Indices, and data in and out ----------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Function.h"
#include "PyTensor.h"

#include "stepwell/Eager/Capture.h"
#include "stepwell/Semantics/Checked.h"
#include "stepwell/Semantics/Promotion.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <cmath>
#include <cstring>
#include <memory>

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
    return PyBool_FromLong(*static_cast<const uint8_t *>(at) != 0);
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

/// Where nobody steps, a stride may be anything: its bytes need not be a
/// number.
static int64_t byteStride(const Geometry &geometry, int dim, DType dtype) {
  int64_t stride = geometry.sizes[dim] > 1 ? geometry.strides[dim] : 1;
  return stride * byteWidth(dtype);
}

static nb::object listOf(DType dtype, const Geometry &geometry, int dim,
                         const char *at) {
  if (dim == geometry.sizes.size()) {
    nb::object number = nb::steal(element(dtype, at));
    if (!number.is_valid())
      throw nb::python_error();
    return number;
  }
  nb::object list = nb::steal(PyList_New(geometry.sizes[dim]));
  if (!list.is_valid())
    throw nb::python_error();
  int64_t step = byteStride(geometry, dim, dtype);
  for (int64_t i = 0; i < geometry.sizes[dim]; ++i)
    PyList_SET_ITEM(
        list.ptr(), i,
        listOf(dtype, geometry, dim + 1, at + i * step).release().ptr());
  return list;
}

PyObject *toList(const Tensor &tensor) {
  refuseTraced(tensor, "tolist()");
  // Making objects may run code that gives the tensor other data.
  Ref<Buffer> buffer = tensor->buffer;
  Geometry geometry = *tensor;
  return listOf(tensor->dtype, geometry, 0,
                static_cast<const char *>(tensor->data()))
      .release()
      .ptr();
}

//===--- The buffer protocol ----------------------------------------------===//

static std::optional<DType> dtypeOfFormat(const char *format, int64_t size) {
  if (!format)
    return size == 1 ? std::optional(DType::U8) : std::nullopt;
  if (*format == '@' || *format == '=' || *format == '<')
    ++format;
  switch (*format && format[1] ? 0 : *format) {
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
  case 'n':
    return size == 2 ? DType::I16 : size == 4 ? DType::I32 : DType::I64;
  }
  return std::nullopt;
}

namespace {
/// What an exported buffer holds on to: the memory itself, because the tensor
/// may get other memory (`.data =`).
struct Exported {
  Ref<Buffer> buffer;
  std::vector<Py_ssize_t> sizes; // and the strides behind them
};
} // namespace

int getBuffer(PyObject *object, Py_buffer *view, int flags) {
  view->obj = nullptr;
  PyObject *done = guarded([&]() -> PyObject * {
    Tensor tensor = unwrap(object);
    refuseTraced(tensor, "numpy()");
    const char *format = bufferFormat(tensor->dtype);
    if (!format || (gradEnabled() && requiresGrad(*tensor))) {
      PyErr_SetString(PyExc_BufferError,
                      format ? "Can't call numpy() on Tensor that requires "
                               "grad. Use tensor.detach().numpy() instead."
                             : "Got unsupported ScalarType BFloat16");
      return nullptr;
    }
    auto asksFor = [&](int what) { return (flags & what) == what; };
    bool needsRows = !asksFor(PyBUF_STRIDES) || asksFor(PyBUF_C_CONTIGUOUS) ||
                     asksFor(PyBUF_ANY_CONTIGUOUS);
    bool needsColumns = asksFor(PyBUF_F_CONTIGUOUS) && tensor->rank() > 1;
    if (needsColumns || (needsRows && !tensor->contiguous())) {
      PyErr_SetString(PyExc_BufferError, "the tensor is not contiguous");
      return nullptr;
    }
    if ((flags & PyBUF_WRITABLE) && tensor->buffer->readOnly) {
      PyErr_SetString(PyExc_BufferError, "the tensor's memory is read-only");
      return nullptr;
    }
    int rank = tensor->rank();
    auto exported = std::make_unique<Exported>();
    exported->buffer = tensor->buffer;
    exported->sizes.resize(2 * rank + 1);
    Py_ssize_t *sizes = exported->sizes.data();
    for (int i = 0; i < rank; ++i) {
      sizes[i] = tensor->sizes[i];
      sizes[rank + i] = byteStride(*tensor, i, tensor->dtype);
    }
    view->buf = tensor->data();
    view->len = tensor->numel() * byteWidth(tensor->dtype);
    view->itemsize = byteWidth(tensor->dtype);
    view->readonly = tensor->buffer->readOnly;
    view->ndim = rank;
    view->format = flags & PyBUF_FORMAT ? const_cast<char *>(format) : nullptr;
    view->shape = flags & PyBUF_ND ? sizes : nullptr;
    view->strides = asksFor(PyBUF_STRIDES) ? sizes + rank : nullptr;
    view->suboffsets = nullptr;
    view->internal = exported.release();
    view->obj = object;
    Py_INCREF(object);
    return Py_None;
  });
  return done ? 0 : -1;
}

static void releaseBuffer(PyObject *, Py_buffer *view) {
  delete static_cast<Exported *>(view->internal);
}

/// Whether every byte of what shows bools is one: kernels take 0 and 1 for
/// granted.
static bool areBools(const char *at, const Geometry &geometry, int dim) {
  if (dim == geometry.sizes.size())
    return static_cast<uint8_t>(*at) <= 1;
  for (int64_t i = 0; i < geometry.sizes[dim]; ++i)
    if (!areBools(at + i * geometry.strides[dim], geometry, dim + 1))
      return false;
  return true;
}

static Tensor makeBools(const Tensor &bytes) {
  SuspendCapture eager;
  Tensor zero = full(DType::U8, {}, int64_t{0});
  return callOp("ne", {{bytes}, {zero}});
}

namespace {
struct BufferView {
  Py_buffer view{};
  bool readOnly = false;
  explicit BufferView(PyObject *object) {
    constexpr int kWanted = PyBUF_STRIDES | PyBUF_FORMAT;
    if (PyObject_GetBuffer(object, &view, kWanted | PyBUF_WRITABLE) == 0)
      return;
    PyErr_Clear();
    readOnly = true;
    if (PyObject_GetBuffer(object, &view, kWanted) < 0)
      throw nb::python_error();
  }
  BufferView(const BufferView &) = delete;
  ~BufferView() { PyBuffer_Release(&view); }
};
} // namespace

/// The sizes and strides of a buffer, from its first element.
static Geometry geometryOf(const Py_buffer &view, DType dtype) {
  auto refuse = [](const std::string &problem) {
    fail(Error::Kind::Value, problem);
  };
  int64_t width = byteWidth(dtype);
  if (view.ndim > kMaxRank)
    refuse("too many dimensions: " + std::to_string(view.ndim));
  if (view.suboffsets)
    for (int i = 0; i < view.ndim; ++i)
      if (view.suboffsets[i] >= 0)
        refuse("an array of pointers to arrays is no tensor");
  if (reinterpret_cast<uintptr_t>(view.buf) % width)
    refuse("the array is not aligned: its address is no multiple of the "
           "element size; tensor() copies it");
  Geometry geometry;
  for (int i = 0; i < view.ndim; ++i)
    geometry.sizes.push_back(view.shape ? view.shape[i] : view.len / width);
  checkedBytes(dtype, geometry.sizes);
  geometry.strides = packedStrides(geometry.sizes);
  for (int i = 0; view.strides && i < view.ndim; ++i) {
    if (geometry.sizes[i] < 2 || !geometry.numel())
      continue;
    if (view.strides[i] % width)
      refuse("given array strides not a multiple of the element byte size");
    geometry.strides[i] = view.strides[i] / width;
  }
  return geometry;
}

/// A tensor over the memory of anything with the buffer protocol; read-only
/// where the memory is.
static Tensor fromBuffer(nb::object object) {
  auto owned = std::make_unique<BufferView>(object.ptr());
  const Py_buffer &view = owned->view;
  if (view.format && (*view.format == '>' || *view.format == '!'))
    fail(Error::Kind::Value,
         "given numpy array has byte order different from the native byte "
         "order. Conversion between byte orders is currently not supported.");
  std::optional<DType> dtype = dtypeOfFormat(view.format, view.itemsize);
  if (!dtype || byteWidth(*dtype) != view.itemsize)
    fail(Error::Kind::Type, std::string("can't convert an array of format '") +
                                (view.format ? view.format : "") +
                                "' to a tensor");
  Geometry geometry = geometryOf(view, *dtype);
  // From the lowest address on: strides may be negative.
  auto reach = reachOf(geometry.sizes, geometry.strides, 0);
  if (!reach)
    fail(Error::Kind::Value, "the array reaches beyond all memory");
  geometry.offset = -reach->low;
  int64_t width = byteWidth(*dtype);
  auto *lowest = static_cast<char *>(view.buf) + reach->low * width;
  bool areNumbers = *dtype != DType::Bool || !geometry.numel() ||
                    areBools(static_cast<const char *>(view.buf), geometry, 0);
  bool readOnly = owned->readOnly || view.readonly;
  stepwell_storage *memory = stepwell_storage_wrap(
      stepwell_device_cpu(), lowest, (reach->high - reach->low) * width,
      [](void *, void *environment) {
        if (!Py_IsInitialized())
          return;
        nb::gil_scoped_acquire lock;
        delete static_cast<BufferView *>(environment);
      },
      owned.get());
  if (!memory)
    fail(Error::Kind::Runtime, "not enough memory");
  owned.release();
  Ref<Buffer> buffer = Buffer::adopt(memory);
  buffer->readOnly = readOnly;
  Tensor tensor =
      makeTensor(std::move(buffer), areNumbers ? *dtype : DType::U8, geometry);
  return areNumbers ? tensor : makeBools(tensor);
}

//===--- Lists in ---------------------------------------------------------===//

namespace {
/// Numbers in nested sequences. Whatever an item does when it is asked for its
/// value, to the sequence it is in as well, each is looked at once.
class Numbers {
public:
  explicit Numbers(PyObject *data) { read(data, 0); }
  /// The element type that the items have together.
  DType type() const { return common.value_or(DType::F32); }
  Tensor make(DType dtype) const;

private:
  void read(PyObject *data, int depth);
  bool readPlain(PyObject *data, int depth);
  void readSequence(PyObject *data, int depth);
  bool readNumber(PyObject *data);
  void add(const Scalar &value, DType dtype) {
    values.push_back(value);
    if (common != dtype)
      common = common ? promoteTypes(*common, dtype) : dtype;
  }

  Dims sizes;
  bool measured = false; // all sizes are known
  std::vector<Scalar> values;
  std::optional<DType> common;
  bool hasLarge = false; // an integer beyond 64 bits, kept as a float
};
} // namespace

/// The element type of a NumPy scalar, by the name of its class.
static std::optional<DType> numpyType(PyTypeObject *type) {
  std::string_view name = type->tp_name;
  if (name.substr(0, 6) != "numpy.")
    return std::nullopt;
  name.remove_prefix(6);
  if (name == "bool_")
    return DType::Bool;
  for (DType dtype : kDTypes)
    if (stepwell::name(dtype) == name)
      return dtype;
  return std::nullopt;
}

bool Numbers::readNumber(PyObject *data) {
  if (isTensor(data)) {
    Tensor tensor = unwrap(data);
    if (tensor->numel() != 1)
      fail(isFloat(tensor->dtype) ? Error::Kind::Value : Error::Kind::Type,
           "only one element tensors can be converted to Python scalars");
    nb::object item = nb::steal(toItem(tensor));
    Scalar scalar;
    toScalar(item.ptr(), scalar);
    add(scalar, tensor->dtype);
    return true;
  }
  if (PyLong_CheckExact(data)) {
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(data, &overflow);
    if (!overflow) {
      add(static_cast<int64_t>(value), DType::I64);
      return true;
    }
    hasLarge = true;
    double near = PyLong_AsDouble(data);
    if (near == -1.0 && PyErr_Occurred()) {
      PyErr_Clear();
      near = HUGE_VAL;
    }
    add(near, DType::I64);
    return true;
  }
  Scalar scalar;
  if (!toScalar(data, scalar))
    return false;
  static constexpr DType kinds[] = {DType::Bool, DType::I64, DType::F32};
  add(scalar, numpyType(Py_TYPE(data)).value_or(kinds[scalar.index()]));
  return true;
}

/// A number that runs no code when it is asked for its value.
bool Numbers::readPlain(PyObject *data, int depth) {
  if (depth != sizes.size())
    return false;
  if (PyFloat_CheckExact(data)) {
    add(PyFloat_AS_DOUBLE(data), DType::F32);
  } else if (PyLong_CheckExact(data)) {
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(data, &overflow);
    if (overflow)
      return false;
    add(static_cast<int64_t>(value), DType::I64);
  } else {
    return false;
  }
  measured = true;
  return true;
}

void Numbers::readSequence(PyObject *data, int depth) {
  bool isList = PyList_Check(data) || PyTuple_Check(data);
  Py_ssize_t count = PySequence_Size(data);
  if (count < 0)
    throw nb::python_error();
  if (depth == kMaxRank)
    fail(Error::Kind::Value, "too many dimensions");
  if (depth < sizes.size()) {
    if (sizes[depth] != count)
      fail(Error::Kind::Value, "expected sequence of length " +
                                   std::to_string(sizes[depth]) + " at dim " +
                                   std::to_string(depth) + " (got " +
                                   std::to_string(count) + ")");
  } else {
    if (measured)
      fail(Error::Kind::Type, "expected a number but found a sequence");
    sizes.push_back(count);
    measured = count == 0;
    // What cannot be kept is not begun.
    values.reserve(checkedBytes(DType::U8, sizes));
  }
  for (Py_ssize_t i = 0; i < count; ++i) {
    nb::object item;
    if (isList && i < PySequence_Fast_GET_SIZE(data) &&
        readPlain(PySequence_Fast_GET_ITEM(data, i), depth + 1))
      continue;
    if (!isList)
      item = nb::steal(PySequence_GetItem(data, i));
    else if (PySequence_Fast_GET_SIZE(data) == count)
      item = nb::borrow(PySequence_Fast_GET_ITEM(data, i));
    else
      fail(Error::Kind::Runtime, "the sequence changed while it was read");
    if (!item.is_valid())
      throw nb::python_error();
    read(item.ptr(), depth + 1);
  }
}

void Numbers::read(PyObject *data, int depth) {
  bool text = PyUnicode_Check(data) || PyBytes_Check(data);
  if (text)
    fail(Error::Kind::Type, std::string("new(): invalid data type '") +
                                Py_TYPE(data)->tp_name + "'");
  bool isList = PyList_Check(data) || PyTuple_Check(data);
  if (!isList && readNumber(data)) {
    if (depth < sizes.size())
      fail(Error::Kind::Type, "not a sequence: expected one of length " +
                                  std::to_string(sizes[depth]) + " at dim " +
                                  std::to_string(depth) + " (got a number)");
    measured = true;
    return;
  }
  if (isList || PySequence_Check(data))
    return readSequence(data, depth);
  fail(Error::Kind::Runtime,
       std::string("Could not infer dtype of ") + Py_TYPE(data)->tp_name);
}

template <typename T>
static void store(const std::vector<Scalar> &values, void *at) {
  auto *elements = static_cast<T *>(at);
  for (const Scalar &value : values)
    *elements++ =
        value.index() == 2   ? static_cast<T>(*std::get_if<double>(&value))
        : value.index() == 1 ? static_cast<T>(*std::get_if<int64_t>(&value))
                             : static_cast<T>(*std::get_if<bool>(&value));
}

/// Integers must be in the type's range; floats are rounded, to infinity if
/// need be, but are no integers when they have none.
Tensor Numbers::make(DType dtype) const {
  if (hasLarge && !isFloat(dtype) && dtype != DType::Bool)
    fail(Error::Kind::Value, "Overflow when unpacking long long");
  if (!isFloat(dtype))
    for (const Scalar &value : values)
      checkFits(dtype, value);
  // In a type that any of them fits; a kernel converts them then.
  bool exact = dtype == DType::F32 || dtype == DType::F64 ||
               dtype == DType::Bool || isInteger(dtype);
  DType carrier = exact ? dtype : DType::F64;
  Tensor tensor = empty(carrier, sizes);
  char *at = static_cast<char *>(tensor->data());
  int64_t width = byteWidth(carrier);
  if (carrier == DType::F32)
    store<float>(values, at);
  else if (carrier == DType::F64)
    store<double>(values, at);
  else
    for (const Scalar &value : values) {
      stepwell_arg word = scalarWord(carrier, value);
      std::memcpy(at, &word, width);
      at += width;
    }
  return cast(tensor, dtype);
}

static Tensor fromList(nb::object data, std::optional<DType> dtype) {
  Tensor tensor;
  {
    SuspendCapture eager;
    Numbers numbers(data.ptr());
    tensor = numbers.make(dtype.value_or(numbers.type()));
  }
  // Made anew by every call: what one writes there the next does not see.
  Capture *capture = Capture::current();
  return capture ? capture->alias(*tensor, packedStrides(tensor->sizes))
                 : tensor;
}

/// Under capture its elements are something, too.
static Tensor newTensor(DType dtype, const Dims &sizes) {
  Capture *capture = Capture::current();
  return capture ? capture->constant(dtype, sizes, int64_t{0})
                 : empty(dtype, sizes);
}

/// _filled(sizes, value, dtype): a new tensor for sizes that are plain ints, or
/// one tuple or list of them, filled unless `value` is None; None where
/// somebody has to look closer.
static PyObject *filled(PyObject *, PyObject *const *args, Py_ssize_t count) {
  return guarded([&]() -> PyObject * {
    if (count != 3 || !PyTuple_CheckExact(args[0]))
      fail(Error::Kind::Type, "_filled() takes sizes, a value and a dtype");
    PyObject *sizes = args[0], *value = args[1], *dtype = args[2];
    if (PyTuple_GET_SIZE(sizes) == 1 &&
        (PyTuple_CheckExact(PyTuple_GET_ITEM(sizes, 0)) ||
         PyList_CheckExact(PyTuple_GET_ITEM(sizes, 0))))
      sizes = PyTuple_GET_ITEM(sizes, 0);
    Dims dims;
    Scalar scalar;
    bool captured = Capture::current(); // sizes may be open
    if (!(dtype == Py_None || isDType(dtype)) ||
        PySequence_Fast_GET_SIZE(sizes) > kMaxRank ||
        !(value == Py_None || toScalar(value, scalar)))
      Py_RETURN_NONE;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sizes); ++i) {
      PyObject *item = PySequence_Fast_GET_ITEM(sizes, i);
      int overflow = 1;
      if (PyLong_CheckExact(item) && !captured)
        dims.push_back(PyLong_AsLongLongAndOverflow(item, &overflow));
      if (overflow)
        Py_RETURN_NONE;
    }
    DType type = dtype == Py_None ? DType::F32 : toDType(dtype);
    return wrap(value == Py_None ? newTensor(type, dims)
                                 : full(type, dims, scalar));
  });
}

void addData(nb::module_ &m) {
  // PyType_FromSpec knows no releasebuffer slot before the limited API does.
  tensorType->tp_as_buffer->bf_releasebuffer = releaseBuffer;
  m.def("_from_buffer", &fromBuffer);
  m.def("_from_list", &fromList, nb::arg("data"),
        nb::arg("dtype").none() = nb::none());
  m.def("_full", [](DType dtype, nb::handle given, nb::handle value) {
    Scalar scalar;
    if (!toScalar(value.ptr(), scalar))
      fail(Error::Kind::Type, std::string("the value must be a number, not ") +
                                  Py_TYPE(value.ptr())->tp_name);
    PyObject *one = given.ptr();
    auto [sizes, shape] = givenSizes(&one, 1);
    Capture::GivenShape as(std::move(shape));
    return full(dtype, sizes, scalar);
  });
  m.def("_empty", [](DType dtype, nb::handle given) {
    PyObject *one = given.ptr();
    auto [sizes, shape] = givenSizes(&one, 1);
    // What an open capture makes has no memory that may be anything.
    if (Capture *capture = Capture::current();
        capture && capture->openTrace()) {
      Capture::GivenShape as(std::move(shape));
      return full(dtype, sizes, int64_t{0});
    }
    return newTensor(dtype, sizes);
  });
  // The number as an element of that type.
  m.def("_number", [](nb::handle value, DType dtype) -> nb::object {
    Scalar scalar;
    if (!toScalar(value.ptr(), scalar))
      fail(Error::Kind::Type, std::string("the value must be a number, not ") +
                                  Py_TYPE(value.ptr())->tp_name);
    checkFits(dtype, scalar);
    return std::visit(
        [&](auto number) -> nb::object {
          if (isFloat(dtype))
            return nb::float_(static_cast<double>(number));
          if (dtype == DType::Bool)
            return nb::bool_(number != 0);
          return nb::int_(static_cast<int64_t>(number));
        },
        scalar);
  });
  // No function of nanobind's: of a small tensor the call is what costs.
  static PyMethodDef definition = {
      "_filled",
      reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(filled)),
      METH_FASTCALL, nullptr};
  m.attr("_filled") = nb::steal(PyCFunction_New(&definition, nullptr));
  // For state that outlives the call in which it is made.
  m.def("_outside_of_capture", [](nb::callable function) {
    SuspendCapture eager;
    nb::object result = nb::steal(
        callPython([&] { return PyObject_CallNoArgs(function.ptr()); }));
    if (!result.is_valid())
      throw nb::python_error();
    return result;
  });
}

} // namespace stepwell::python
