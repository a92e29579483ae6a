//===- PyTensor.cpp - stepwell.Tensor as a Python type --------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Function.h"
#include "Hooks.h"

#include "stepwell/Eager/Capture.h"

#include <structmember.h>
#include <unistd.h>

namespace nb = nanobind;

namespace stepwell::python {

PyTypeObject *tensorType = nullptr;

// Objects of results that are gone: the next results are made in them.
static constexpr size_t kMaxFree = 256;
static PyTensor *freeObjects[kMaxFree];
static size_t numFree = 0;

static PyTensor *newObject(PyTypeObject *type) {
  if (type != tensorType || numFree == 0)
    return reinterpret_cast<PyTensor *>(type->tp_alloc(type, 0));
  PyTensor *self = freeObjects[--numFree];
  PyObject_Init(reinterpret_cast<PyObject *>(self), type);
  PyObject_GC_Track(self);
  return self;
}

PyObject *wrapAs(PyTypeObject *type, const Tensor &tensor) {
  PyTensor *self = newObject(type);
  if (!self)
    return nullptr;
  self->impl = tensor.get();
  ++self->impl->references;
  self->impl->wrapper = self;
  return reinterpret_cast<PyObject *>(self);
}

PyObject *wrap(const Tensor &tensor) {
  if (tensor->wrapper) {
    auto *object = static_cast<PyObject *>(tensor->wrapper);
    Py_INCREF(object);
    return object;
  }
  return wrapAs(tensorType, tensor);
}

/// An object that is no number is no error yet; one that fails to say which it
/// is has an exception of its own.
static void clearTypeError() {
  if (!PyErr_ExceptionMatches(PyExc_TypeError))
    throw nb::python_error();
  PyErr_Clear();
}
PyTypeObject *numberType = nullptr;

bool toScalar(PyObject *object, Scalar &scalar) {
  if (Py_TYPE(object) == numberType)
    return toScalar(nb::object(nb::handle(object).attr("_known")()).ptr(),
                    scalar);
  if (PyBool_Check(object)) {
    scalar = object == Py_True;
    return true;
  }
  if (PyFloat_Check(object)) {
    scalar = PyFloat_AS_DOUBLE(object);
    return true;
  }
  if (PyLong_Check(object)) {
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow)
      fail(Error::Kind::Runtime, "value cannot be converted to type int64 "
                                 "without overflow");
    scalar = static_cast<int64_t>(value);
    return true;
  }
  // NumPy's numbers say what they are by these two methods.
  if (!isTensor(object) && PyIndex_Check(object)) {
    nb::object index =
        nb::steal(callPython([&] { return PyNumber_Index(object); }));
    if (!index.is_valid()) {
      clearTypeError();
      return false;
    }
    return toScalar(index.ptr(), scalar);
  }
  std::string_view type = Py_TYPE(object)->tp_name;
  if (type == "numpy.bool" || type == "numpy.bool_") {
    scalar = PyObject_IsTrue(object) == 1;
    return true;
  }
  if (!isTensor(object) && Py_TYPE(object)->tp_as_number &&
      Py_TYPE(object)->tp_as_number->nb_float && !PySequence_Check(object)) {
    double value = callPython([&] { return PyFloat_AsDouble(object); });
    if (PyErr_Occurred()) {
      clearTypeError();
      return false;
    }
    scalar = value;
    return true;
  }
  return false;
}

bool toArgument(PyObject *object, Argument &argument) {
  if (isTensor(object)) {
    argument.tensor = unwrap(object);
    return true;
  }
  return toScalar(object, argument.scalar);
}

void stopForGood() {
  for (;;)
    pause();
}

bool toCallNumber(PyObject *object, Argument &argument) {
  if (Py_TYPE(object) != numberType || !Capture::current())
    return toScalar(object, argument.scalar);
  nb::object given = nb::handle(object).attr("_input")();
  argument.number = nb::cast<int32_t>(given[0]);
  return toScalar(nb::object(given[1]).ptr(), argument.scalar);
}

void translateException() {
  try {
    throw;
  } catch (const EagerError &error) {
    PyObject *classes[] = {PyExc_ValueError, PyExc_TypeError, PyExc_IndexError,
                           PyExc_RuntimeError, PyExc_NotImplementedError};
    PyErr_SetString(classes[static_cast<int>(error.kind)], error.what());
  } catch (nb::python_error &error) {
    error.restore();
  } catch (const std::bad_alloc &) {
    PyErr_SetString(PyExc_RuntimeError, "not enough memory");
  } catch (const std::length_error &) {
    PyErr_SetString(PyExc_RuntimeError, "not enough memory");
  } catch (const std::exception &error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
}

//===--- The type ---------------------------------------------------------===//

static void dealloc(PyObject *object) {
  auto *self = reinterpret_cast<PyTensor *>(object);
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  // First: what follows may run code that asks for the tensor again.
  if (self->impl && self->impl->wrapper == self)
    self->impl->wrapper = nullptr;
  if (self->weakrefs)
    PyObject_ClearWeakRefs(object);
  Py_CLEAR(self->dict);
  if (TensorImpl *impl = self->impl) {
    self->impl = nullptr;
    if (--impl->references == 0)
      TensorImpl::destroy(impl);
  }
  if (type == tensorType && numFree < kMaxFree) {
    self->weakrefs = nullptr;
    freeObjects[numFree++] = self;
  } else {
    type->tp_free(object);
  }
  Py_DECREF(type);
}

static int traverse(PyObject *object, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(reinterpret_cast<PyTensor *>(object)->dict);
  int status = 0;
  forOwnHooks(reinterpret_cast<PyTensor *>(object)->impl, [&](PyHooks &hooks) {
    if (!status && hooks.functions)
      status = visit(hooks.functions, arg);
  });
  return status;
}

static int clear(PyObject *object) {
  Py_CLEAR(reinterpret_cast<PyTensor *>(object)->dict);
  forOwnHooks(reinterpret_cast<PyTensor *>(object)->impl,
              [](PyHooks &hooks) { Py_CLEAR(hooks.functions); });
  return 0;
}

/// Tensor(2, 3) has that shape, Tensor([2, 3]) has those elements; all are
/// float32. Keywords are a subclass's own.
static PyObject *create(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  return guarded([&]() -> PyObject * {
    PyObject *data = nullptr;
    if (type == tensorType && kwargs && PyDict_GET_SIZE(kwargs)) {
      data = PyDict_GetItemString(kwargs, "data"); // borrowed
      if (!data || PyDict_GET_SIZE(kwargs) > 1 || PyTuple_GET_SIZE(args))
        fail(Error::Kind::Type,
             "new() takes sizes, or the one argument 'data'; "
             "tensor() takes a dtype");
    }
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    if (count && !data)
      data = PyTuple_GET_ITEM(args, 0);
    if (data && isTensor(data) && count <= 1)
      return wrapAs(type, detach(unwrap(data)));
    bool isSize = !data || (PyIndex_Check(data) && !PyBool_Check(data) &&
                            !PySequence_Check(data));
    if (isSize) {
      Dims sizes;
      for (Py_ssize_t i = 0; i < count; ++i) {
        PyObject *item = PyTuple_GET_ITEM(args, i);
        int64_t size = PyIndex_Check(item) ? PyLong_AsLongLong(item) : -1;
        if (!PyIndex_Check(item) || PyErr_Occurred()) {
          PyErr_Clear();
          fail(Error::Kind::Type, "new(): argument 'size' must be tuple of "
                                  "ints, but found element of type " +
                                      std::string(Py_TYPE(item)->tp_name) +
                                      " at pos " + std::to_string(i + 1));
        }
        sizes.push_back(size);
      }
      if (!data)
        sizes = {0};
      return wrapAs(type, full(DType::F32, sizes, int64_t{0}));
    }
    if (count > 1 && type == tensorType)
      fail(Error::Kind::Type, "new() takes sizes, or one sequence of data");
    if (!PySequence_Check(data))
      fail(Error::Kind::Type, std::string("new(): data must be a sequence "
                                          "(got ") +
                                  Py_TYPE(data)->tp_name + ")");
    nb::object made = nb::module_::import_("stepwell")
                          .attr("tensor")(nb::borrow(data),
                                          nb::borrow(dtypeObject(DType::F32)));
    return wrapAs(type, detach(unwrap(made.ptr())));
  });
}

#define STEPWELL_BINARY(NAME, SLOT)                                            \
  static PyObject *NAME(PyObject *a, PyObject *b) {                            \
    static const Slot slot = findSlot(SLOT);                                   \
    return callSlot(slot, a, b, false);                                        \
  }                                                                            \
  static PyObject *i##NAME(PyObject *a, PyObject *b) {                         \
    static const Slot slot = findSlot(SLOT);                                   \
    return callSlot(slot, a, b, true);                                         \
  }
STEPWELL_BINARY(add, "__add__")
STEPWELL_BINARY(subtract, "__sub__")
STEPWELL_BINARY(multiply, "__mul__")
STEPWELL_BINARY(divide, "__truediv__")
STEPWELL_BINARY(floorDivide, "__floordiv__")
STEPWELL_BINARY(remainder, "__mod__")
STEPWELL_BINARY(bitAnd, "__and__")
STEPWELL_BINARY(bitOr, "__or__")
STEPWELL_BINARY(bitXor, "__xor__")
STEPWELL_BINARY(shiftLeft, "__lshift__")
STEPWELL_BINARY(shiftRight, "__rshift__")
#undef STEPWELL_BINARY

static PyObject *matmul(PyObject *a, PyObject *b) {
  static const Slot slot = findSlot("__matmul__");
  return callSlot(slot, a, b, false);
}
static PyObject *power(PyObject *a, PyObject *b, PyObject *) {
  static const Slot slot = findSlot("__pow__");
  return callSlot(slot, a, b, false);
}
static PyObject *ipower(PyObject *a, PyObject *b, PyObject *) {
  static const Slot slot = findSlot("__pow__");
  return callSlot(slot, a, b, true);
}
template <const char *const &Name> static PyObject *unary(PyObject *a) {
  static const Slot slot = findSlot(Name);
  return callSlot(slot, a, nullptr, false);
}
static const char *const negName = "__neg__";
static const char *const absName = "__abs__";
static const char *const invertName = "__invert__";
static PyObject *negative(PyObject *a) { return unary<negName>(a); }
static PyObject *absolute(PyObject *a) { return unary<absName>(a); }
static PyObject *invert(PyObject *a) { return unary<invertName>(a); }

static PyObject *compare(PyObject *a, PyObject *b, int which) {
  static const Slot slots[] = {findSlot("__lt__"), findSlot("__le__"),
                               findSlot("__eq__"), findSlot("__ne__"),
                               findSlot("__gt__"), findSlot("__ge__")};
  // a > b is b < a, also for NaN.
  static const int mirrored[] = {Py_GT, Py_GE, Py_EQ, Py_NE, Py_LT, Py_LE};
  if (!slots[which].op && slots[mirrored[which]].op)
    return callSlot(slots[mirrored[which]], b, a, false);
  return callSlot(slots[which], a, b, false);
}

static Py_hash_t hash(PyObject *object) {
  return static_cast<Py_hash_t>(reinterpret_cast<uintptr_t>(object) >> 4);
}

static int toBool(PyObject *object) {
  PyObject *item = guarded([&]() -> PyObject * {
    Tensor tensor = unwrap(object);
    if (tensor->numel() != 1)
      fail(Error::Kind::Runtime,
           tensor->numel() ? "Boolean value of Tensor with more than one value "
                             "is ambiguous"
                           : "Boolean value of Tensor with no values is "
                             "ambiguous");
    return toItem(tensor);
  });
  if (!item)
    return -1;
  int result = PyObject_IsTrue(item);
  Py_DECREF(item);
  return result;
}

static PyObject *toFloat(PyObject *object) {
  return guarded([&]() -> PyObject * {
    PyObject *item = toItem(unwrap(object));
    if (!item)
      return nullptr;
    PyObject *result = PyNumber_Float(item);
    Py_DECREF(item);
    return result;
  });
}

static PyObject *toInt(PyObject *object) {
  return guarded([&]() -> PyObject * {
    PyObject *item = toItem(unwrap(object));
    if (!item)
      return nullptr;
    PyObject *result = PyNumber_Long(item);
    Py_DECREF(item);
    return result;
  });
}

static PyObject *toIndex(PyObject *object) {
  return guarded([&]() -> PyObject * {
    Tensor tensor = unwrap(object);
    if (isFloat(tensor->dtype) || tensor->numel() != 1)
      fail(Error::Kind::Type, "only integer tensors of a single element can be "
                              "converted to an index");
    PyObject *item = toItem(tensor);
    if (!item)
      return nullptr;
    PyObject *result = PyNumber_Long(item);
    Py_DECREF(item);
    return result;
  });
}

static Py_ssize_t length(PyObject *object) {
  Tensor tensor = unwrap(object);
  if (!tensor->rank()) {
    PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
    return -1;
  }
  fixShape(tensor);
  return tensor->sizes[0];
}

static PyObject *getSubscript(PyObject *object, PyObject *index) {
  return guarded([&] { return wrap(getItem(unwrap(object), index)); });
}

static int setSubscript(PyObject *object, PyObject *index, PyObject *value) {
  if (!value) {
    PyErr_SetString(PyExc_TypeError, "Tensor does not support deleting items");
    return -1;
  }
  PyObject *done = guarded([&]() -> PyObject * {
    setItem(unwrap(object), index, value);
    return Py_None;
  });
  return done ? 0 : -1;
}

/// What help(Tensor) begins with.
static constexpr char kDoc[] =
    "Elements of one type in a rectangular arrangement, over memory that views "
    "share.\n\nMade by `tensor`, `zeros` and their like. `Tensor(2, 3)` is an "
    "uninitialised float32 tensor.\n\n"
    ">>> x = stepwell.tensor([[1.0, 2.0], [3.0, 4.0]])\n"
    ">>> x.shape, x.dtype\n((2, 2), stepwell.float32)\n"
    ">>> x[0] + x[:, 1]\ntensor([3., 6.])";

void makeTensorType(PyObject *module) {
  static PyMemberDef members[] = {{"__dictoffset__", T_PYSSIZET,
                                   offsetof(PyTensor, dict), READONLY, nullptr},
                                  {"__weaklistoffset__", T_PYSSIZET,
                                   offsetof(PyTensor, weakrefs), READONLY,
                                   nullptr},
                                  {nullptr, 0, 0, 0, nullptr}};
  static PyGetSetDef getset[] = {{"__dict__", PyObject_GenericGetDict,
                                  PyObject_GenericSetDict, nullptr, nullptr},
                                 {nullptr, nullptr, nullptr, nullptr, nullptr}};
#define SLOT(ID, FUNCTION)                                                     \
  {                                                                            \
    ID, reinterpret_cast<void *>(FUNCTION)                                     \
  }
  static PyType_Slot slots[] = {{Py_tp_doc, const_cast<char *>(kDoc)},
                                SLOT(Py_tp_dealloc, dealloc),
                                SLOT(Py_tp_traverse, traverse),
                                SLOT(Py_tp_clear, clear),
                                SLOT(Py_tp_new, create),
                                SLOT(Py_tp_hash, hash),
                                SLOT(Py_tp_richcompare, compare),
                                SLOT(Py_tp_members, members),
                                SLOT(Py_tp_getset, getset),
                                SLOT(Py_nb_add, add),
                                SLOT(Py_nb_inplace_add, iadd),
                                SLOT(Py_nb_subtract, subtract),
                                SLOT(Py_nb_inplace_subtract, isubtract),
                                SLOT(Py_nb_multiply, multiply),
                                SLOT(Py_nb_inplace_multiply, imultiply),
                                SLOT(Py_nb_true_divide, divide),
                                SLOT(Py_nb_inplace_true_divide, idivide),
                                SLOT(Py_nb_floor_divide, floorDivide),
                                SLOT(Py_nb_inplace_floor_divide, ifloorDivide),
                                SLOT(Py_nb_remainder, remainder),
                                SLOT(Py_nb_inplace_remainder, iremainder),
                                SLOT(Py_nb_and, bitAnd),
                                SLOT(Py_nb_inplace_and, ibitAnd),
                                SLOT(Py_nb_or, bitOr),
                                SLOT(Py_nb_inplace_or, ibitOr),
                                SLOT(Py_nb_xor, bitXor),
                                SLOT(Py_nb_inplace_xor, ibitXor),
                                SLOT(Py_nb_lshift, shiftLeft),
                                SLOT(Py_nb_inplace_lshift, ishiftLeft),
                                SLOT(Py_nb_rshift, shiftRight),
                                SLOT(Py_nb_inplace_rshift, ishiftRight),
                                SLOT(Py_nb_matrix_multiply, matmul),
                                SLOT(Py_nb_power, power),
                                SLOT(Py_nb_inplace_power, ipower),
                                SLOT(Py_nb_negative, negative),
                                SLOT(Py_nb_absolute, absolute),
                                SLOT(Py_nb_invert, invert),
                                SLOT(Py_nb_bool, toBool),
                                SLOT(Py_nb_float, toFloat),
                                SLOT(Py_nb_int, toInt),
                                SLOT(Py_nb_index, toIndex),
                                SLOT(Py_mp_length, length),
                                SLOT(Py_mp_subscript, getSubscript),
                                SLOT(Py_mp_ass_subscript, setSubscript),
                                SLOT(Py_bf_getbuffer, getBuffer),
                                {0, nullptr}};
#undef SLOT
  static PyType_Spec spec = {
      "stepwell.Tensor", sizeof(PyTensor), 0,
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  tensorType = reinterpret_cast<PyTypeObject *>(PyType_FromSpec(&spec));
  if (!tensorType)
    throw nb::python_error();
  PyModule_AddObjectRef(module, "Tensor",
                        reinterpret_cast<PyObject *>(tensorType));
}

} // namespace stepwell::python
