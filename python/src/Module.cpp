//===- Module.cpp - stepwell._core ----------------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Compiled.h"
#include "Function.h"
#include "Guards.h"
#include "Hooks.h"
#include "TensorDocs.h"

#include "stepwell/Eager/Export.h"
#include "stepwell/Eager/OpTable.h"
#include "stepwell/runtime.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <frameobject.h>

namespace nb = nanobind;
using namespace nb::literals;

namespace stepwell::python {

//===--- Element types ----------------------------------------------------===//

namespace {
struct DTypeBox {
  DType dtype;
};
PyObject *dtypes[std::size(kDTypes)];
PyTypeObject *dtypeType;
} // namespace

PyObject *dtypeObject(DType dtype) { return dtypes[static_cast<int>(dtype)]; }
bool isDType(PyObject *object) { return Py_TYPE(object) == dtypeType; }
DType toDType(PyObject *object) {
  return nb::inst_ptr<DTypeBox>(object)->dtype;
}

static void addDTypes(nb::module_ &m) {
  nb::class_<DTypeBox> type(m, "dtype",
                            "An element type, such as `stepwell.float32`.\n\n"
                            ">>> stepwell.float32.itemsize\n4");
  type.def_prop_ro("itemsize",
                   [](const DTypeBox &d) { return byteWidth(d.dtype); })
      .def_prop_ro("is_floating_point",
                   [](const DTypeBox &d) { return isFloat(d.dtype); })
      .def_prop_ro("is_signed",
                   [](const DTypeBox &d) { return isSigned(d.dtype); })
      .def_prop_ro("_digits", [](const DTypeBox &d) { return digits(d.dtype); })
      .def_prop_ro("name",
                   [](const DTypeBox &d) { return std::string(name(d.dtype)); })
      .def("__repr__",
           [](const DTypeBox &d) {
             return "stepwell." + std::string(name(d.dtype));
           })
      .def("__reduce__",
           [](const DTypeBox &d) { return std::string(name(d.dtype)); });
  type.attr("__module__") = "stepwell";
  dtypeType = reinterpret_cast<PyTypeObject *>(type.ptr());
  nb::dict files;
  for (DType dtype : kDTypes) {
    nb::object box = nb::cast(DTypeBox{dtype});
    dtypes[static_cast<int>(dtype)] = nb::object(box).release().ptr();
    m.attr(std::string(name(dtype)).c_str()) = box;
    files[std::string(safetensorsName(dtype)).c_str()] = box;
  }
  m.attr("_safetensors_dtypes") = files;
}

//===--- Methods ----------------------------------------------------------===//

template <typename F, typename... Extra>
static void method(const char *name, F function, const Extra &...extra) {
  nb::handle type(reinterpret_cast<PyObject *>(tensorType));
  nb::object made = nb::cpp_function(function, nb::name(name), nb::is_method(),
                                     nb::scope(type), docOf(name), extra...);
  nb::setattr(type, name, made);
}

template <typename F> static void property(const char *name, F getter) {
  nb::handle type(reinterpret_cast<PyObject *>(tensorType));
  nb::object get = nb::cpp_function(getter, nb::is_method(), nb::scope(type));
  nb::object property =
      nb::borrow(reinterpret_cast<PyObject *>(&PyProperty_Type));
  nb::setattr(type, name, property(get));
}

template <typename G, typename S>
static void property(const char *name, G getter, S setter) {
  nb::handle type(reinterpret_cast<PyObject *>(tensorType));
  nb::object get = nb::cpp_function(getter, nb::is_method(), nb::scope(type));
  nb::object set = nb::cpp_function(setter, nb::is_method(), nb::scope(type));
  nb::object property =
      nb::borrow(reinterpret_cast<PyObject *>(&PyProperty_Type));
  nb::setattr(type, name, property(get, set));
}

/// Sizes as one tuple or as several numbers.
static Dims sizesOf(PyObject *const *args, Py_ssize_t count) {
  Dims dims;
  // Plain numbers need no more than this.
  PyObject *const *items = args;
  Py_ssize_t length = count;
  if (count == 1 && PyTuple_CheckExact(args[0])) {
    items = &PyTuple_GET_ITEM(args[0], 0);
    length = PyTuple_GET_SIZE(args[0]);
  }
  int plain = count > 0;
  for (Py_ssize_t i = 0; plain && i < length; ++i) {
    int overflow = 1;
    if (PyLong_CheckExact(items[i]))
      dims.push_back(PyLong_AsLongLongAndOverflow(items[i], &overflow));
    plain = !overflow;
  }
  if (plain)
    return dims;
  dims = {};
  bool fine = count > 0;
  if (count == 1 && !PyIndex_Check(args[0])) {
    fine = nb::try_cast(nb::handle(args[0]), dims);
  } else {
    for (Py_ssize_t i = 0; fine && i < count; ++i) {
      Dims one;
      fine = PyIndex_Check(args[i]) && nb::try_cast(nb::handle(args[i]), one);
      if (fine)
        dims.push_back(one[0]);
    }
  }
  if (!fine)
    fail(Error::Kind::Type, "expected ints or one tuple of ints");
  return dims;
}

/// A method that takes sizes, x.view(2, -1): called too often for a tuple to be
/// made of them.
template <auto Function>
static PyObject *callWithSizes(PyObject *self, PyObject *const *args,
                               Py_ssize_t count) {
  return guarded([&] {
    if (Capture *capture = Capture::current();
        capture && capture->openTrace()) {
      auto [sizes, shape] = givenSizes(args, count);
      Capture::GivenShape given(std::move(shape));
      return wrap(Function(unwrap(self), sizes));
    }
    return wrap(Function(unwrap(self), sizesOf(args, count)));
  });
}
template <auto Function> static void sizesMethod(const char *name) {
  static PyMethodDef definition = {
      name,
      reinterpret_cast<PyCFunction>(
          reinterpret_cast<void (*)()>(callWithSizes<Function>)),
      METH_FASTCALL, docOf(name)};
  nb::object made = nb::steal(PyDescr_NewMethod(tensorType, &definition));
  nb::setattr(nb::handle(reinterpret_cast<PyObject *>(tensorType)), name, made);
}

static Tensor viewAs(const Tensor &t, const Dims &sizes) {
  return reshape(t, sizes, true);
}
static Tensor reshaped(const Tensor &t, const Dims &sizes) {
  return reshape(t, sizes);
}

/// Without the dimensions of size 1: all of them, or those that are given.
static Tensor squeezed(const Tensor &t, std::optional<Dims> given) {
  if (!given)
    return squeeze(t, std::nullopt);
  Dims dims = *given;
  for (int64_t &each : dims)
    each = wrapDim(each, t->rank());
  std::sort(dims.begin(), dims.end());
  Tensor result = t;
  for (int i = dims.size() - 1; i >= 0; --i) {
    if (i && dims[i] == dims[i - 1])
      fail(Error::Kind::Runtime,
           "dim " + std::to_string(dims[i]) +
               " appears multiple times in the list of dims");
    if (t->rank())
      result = squeeze(result, dims[i]);
  }
  return result;
}

static Tensor requireGrad(const Tensor &tensor, bool value) {
  if (value && !isFloat(tensor->dtype))
    fail(Error::Kind::Runtime, "only Tensors of floating point dtype can "
                               "require gradients");
  if (!value && tensor->node)
    fail(Error::Kind::Runtime,
         "you can only change requires_grad flags of leaf variables. If you "
         "want to use a computed variable in a subgraph that doesn't require "
         "differentiation use var_no_grad = var.detach().");
  tensor->requiresGrad = value;
  return tensor;
}

/// The cotangents of roots: given, or 1 for one element.
static std::vector<Tensor>
cotangents(const std::vector<Tensor> &roots,
           const std::vector<std::optional<Tensor>> &given) {
  std::vector<Tensor> out;
  for (size_t i = 0; i < roots.size(); ++i) {
    if (!edgeOf(roots[i]))
      fail(Error::Kind::Runtime,
           "element " + std::to_string(i) +
               " of tensors does not require grad and does not have a grad_fn");
    if (i < given.size() && given[i]) {
      if (!((*given[i])->sizes == roots[i]->sizes))
        fail(Error::Kind::Runtime,
             "Mismatch in shape: grad_output[" + std::to_string(i) +
                 "] has a shape of " + toString((*given[i])->sizes) +
                 " and output[" + std::to_string(i) + "] has a shape of " +
                 toString(roots[i]->sizes) + ".");
      out.push_back(cast(*given[i], roots[i]->dtype));
    } else {
      if (roots[i]->numel() != 1)
        fail(Error::Kind::Runtime,
             "grad can be implicitly created only for scalar outputs");
      out.push_back(full(roots[i]->dtype, roots[i]->sizes, int64_t{1}));
    }
  }
  return out;
}

void addMethods(nb::module_ &m) {
  property("shape", &shapeObject);
  property("dtype", [](const Tensor &t) { return t->dtype; });
  property("ndim", [](const Tensor &t) { return t->rank(); });
  property("T", [](const Tensor &t) {
    Dims reversed;
    for (int i = t->rank() - 1; i >= 0; --i)
      reversed.push_back(i);
    return permute(t, reversed);
  });
  property("mT", [](const Tensor &t) { return transpose(t, -2, -1); });
  property("is_leaf", [](const Tensor &t) {
    if (Capture *capture = Capture::current())
      capture->noteGrad(t);
    return !edgeOf(t).node;
  });
  property("_has_memory",
           [](const Tensor &t) { return t->buffer && t->buffer->memory; });
  property("_version", [](const Tensor &t) { return t->buffer->version; });
  property(
      "requires_grad", [](const Tensor &t) { return requiresGrad(*t); },
      [](const Tensor &t, bool value) { requireGrad(t, value); });
  property(
      "grad",
      [](const Tensor &t) {
        if (Capture *capture = Capture::current())
          capture->noteGrad(t);
        return t->grad;
      },
      [](const Tensor &t, std::optional<Tensor> grad) {
        if (grad && *grad == t)
          fail(Error::Kind::Runtime, "can't assign Variable as its own grad");
        if (grad && (*grad)->dtype != t->dtype)
          fail(Error::Kind::Runtime,
               "attempting to assign a gradient of dtype '" +
                   std::string(name((*grad)->dtype)) +
                   "' to a tensor with dtype '" + std::string(name(t->dtype)) +
                   "'. Please ensure that the gradient and the tensor have the "
                   "same dtype");
        if (grad && !((*grad)->sizes == t->sizes))
          fail(Error::Kind::Runtime,
               "assigned grad has data of a different size");
        if (Capture *capture = Capture::current())
          capture->noteGrad(t);
        t->grad = grad ? *grad : Tensor();
      });
  property("grad_fn", [](const Tensor &t) -> nb::object {
    if (Capture *capture = Capture::current())
      capture->noteGrad(t);
    Edge edge = edgeOf(t);
    return edge.node ? nb::object(nb::str(edge.node->name().c_str()))
                     : nb::none();
  });
  property(
      "data", [](const Tensor &t) { return detach(t, true); },
      [](const Tensor &t, const Tensor &value) {
        if (requiresGrad(*t) && !isFloat(value->dtype))
          fail(Error::Kind::Runtime,
               "data set to a tensor that requires gradients must be floating "
               "point or complex dtype");
        if (Capture::current())
          Capture::refuseHere("assigning .data cannot be captured; write with "
                              "copy_() under no_grad()");
        t->buffer = value->buffer;
        t->dtype = value->dtype;
        static_cast<Geometry &>(*t) = *value;
      });

  method("dim", [](const Tensor &t) { return t->rank(); });
  method("numel", [](const Tensor &t) -> nb::object {
    Capture *capture = Capture::current();
    if (!capture || !capture->openTrace())
      return nb::int_(t->numel());
    OpenSize count = 1;
    for (const OpenSize &size : capture->shapeOf(*t))
      count = count * size;
    return sizeObject(t->numel(), count);
  });
  method(
      "size",
      [](const Tensor &t, std::optional<int64_t> dim) -> nb::object {
        if (!dim)
          return shapeObject(t);
        if (!t->rank())
          fail(Error::Kind::Index, "Dimension specified as " +
                                       std::to_string(*dim) +
                                       " but tensor has no dimensions");
        return shapeObject(t)[wrapDim(*dim, t->rank())];
      },
      "dim"_a.none() = nb::none());
  method("stride", [](const Tensor &t) {
    fixShape(t);
    return t->strides;
  });
  method("storage_offset", [](const Tensor &t) { return t->offset; });
  method("data_ptr", [](const Tensor &t) {
    return reinterpret_cast<uintptr_t>(t->data());
  });
  method("element_size", [](const Tensor &t) { return byteWidth(t->dtype); });
  method("is_contiguous", [](const Tensor &t) { return t->contiguous(); });
  method("is_floating_point",
         [](const Tensor &t) { return isFloat(t->dtype); });
  method("item", [](const Tensor &t) { return nb::steal(toItem(t)); });
  method("tolist", [](const Tensor &t) { return nb::steal(toList(t)); });

  sizesMethod<&permute>("permute");
  method("transpose", &transpose, "dim0"_a, "dim1"_a);
  method("t", [](const Tensor &t) {
    if (t->rank() > 2)
      fail(Error::Kind::Runtime, "t() expects a tensor with <= 2 dimensions, "
                                 "but self is " +
                                     std::to_string(t->rank()) + "D");
    return t->rank() < 2 ? permute(t, t->rank() ? Dims{0} : Dims{})
                         : transpose(t, 0, 1);
  });
  sizesMethod<&reshaped>("reshape");
  sizesMethod<&viewAs>("view");
  method(
      "flatten",
      [](const Tensor &t, int64_t start, int64_t end) {
        start = wrapDim(start, t->rank());
        end = wrapDim(end, t->rank());
        if (start > end)
          fail(Error::Kind::Runtime,
               "flatten() has invalid args: start_dim cannot come after "
               "end_dim");
        Dims sizes;
        int64_t run = 1;
        Capture *capture = Capture::current();
        bool open = capture && capture->openTrace();
        OpenShape from = open ? capture->shapeOf(*t) : OpenShape(), shape;
        OpenSize openRun = 1;
        for (int i = 0; i < t->rank(); ++i) {
          if (i < start || i > end) {
            sizes.push_back(t->sizes[i]);
            if (open)
              shape.push_back(from[i]);
            continue;
          }
          run *= t->sizes[i];
          if (open)
            openRun = openRun * from[i];
          if (i == end) {
            sizes.push_back(run);
            shape.push_back(openRun);
          }
        }
        if (!t->rank()) {
          sizes.push_back(1);
          shape.push_back(1);
        }
        Capture::GivenShape given(std::move(shape));
        return reshape(t, sizes);
      },
      "start_dim"_a = 0, "end_dim"_a = -1);
  sizesMethod<&expand>("expand");
  method("expand_as", [](const Tensor &t, const Tensor &other) {
    Capture *capture = Capture::current();
    if (!capture || !capture->openTrace())
      return expand(t, other->sizes);
    Capture::GivenShape given(capture->shapeOf(*other));
    return expand(t, other->sizes);
  });
  method("unsqueeze", &unsqueeze, "dim"_a);
  method("squeeze", &squeezed, "dim"_a.none() = nb::none());
  // x.squeeze(0, 1), one argument each.
  method("squeeze", [](const Tensor &t, int64_t first, int64_t second,
                       const nb::args &rest) {
    Dims dims{first, second};
    for (nb::handle each : rest)
      dims.push_back(nb::cast<int64_t>(each));
    return squeezed(t, dims);
  });
  method("diagonal", &diagonal, "offset"_a = 0, "dim1"_a = 0, "dim2"_a = 1);
  method(
      "select",
      [](const Tensor &t, int64_t dim, const GivenSize &index) {
        if (!t->rank())
          fail(Error::Kind::Index,
               "select() cannot be applied to a 0-dim tensor.");
        return selectAlong(t, wrapDim(dim, t->rank()), index);
      },
      "dim"_a, "index"_a);
  method(
      "narrow",
      [](const Tensor &t, int64_t dim, GivenSize start,
         const GivenSize &count) {
        if (!t->rank())
          fail(Error::Kind::Runtime,
               "narrow() cannot be applied to a 0-dim tensor.");
        dim = wrapDim(dim, t->rank());
        if (count < 0)
          fail(Error::Kind::Runtime, "narrow(): length must be non-negative.");
        GivenSize size = sizeAlong(t, dim), given = start;
        if (start < 0 && start.hint >= -size.hint)
          start = start + size;
        if (start < 0 || size < start)
          fail(Error::Kind::Index,
               "Dimension out of range (expected to be in range of [" +
                   std::to_string(-size.hint) + ", " +
                   std::to_string(size.hint) + "], but got " +
                   std::to_string(given.hint) + ")");
        if (size - start < count)
          fail(Error::Kind::Runtime,
               "start (" + std::to_string(start.hint) + ") + length (" +
                   std::to_string(count.hint) + ") exceeds dimension size (" +
                   std::to_string(size.hint) + ").");
        return sliceAlong(t, dim, start, count, 1);
      },
      "dim"_a, "start"_a, "length"_a);
  method("_one_of_several", &oneOfSeveral);
  method("contiguous", &contiguous);
  method("clone", &clone);
  method("detach", [](const Tensor &t) { return detach(t); });
  method("copy_", [](const Tensor &t, const Tensor &source) {
    copyInto(t, mayOverlap(*t, *source) ? clone(source) : source);
    return t;
  });
  method("fill_", [](const Tensor &t, nb::handle given) {
    Scalar number;
    if (!isTensor(given.ptr())) {
      if (!toScalar(given.ptr(), number))
        fail(Error::Kind::Type,
             std::string("fill_(): argument 'value' must be Tensor or number, "
                         "not ") +
                 Py_TYPE(given.ptr())->tp_name);
      fillInto(t, number);
      return t;
    }
    Tensor value = unwrap(given.ptr());
    if (value->rank())
      fail(Error::Kind::Runtime,
           "fill_ only supports 0-dimension value tensor but got tensor with " +
               std::to_string(value->rank()) + " dimensions.");
    copyInto(t, mayOverlap(*t, *value) ? clone(value) : value);
    return t;
  });
  method("zero_", [](const Tensor &t) {
    fillInto(t, int64_t{0});
    return t;
  });
  method("_bytes", [](const Tensor &t) {
    if (!t->buffer->memory)
      Capture::refuseHere("the bytes of a tensor are not known while a "
                          "function is captured");
    return nb::bytes(static_cast<const char *>(t->data()),
                     t->numel() * byteWidth(t->dtype));
  });
  method("_cast", &cast);
  method("requires_grad_", &requireGrad, "requires_grad"_a = true);

  m.def("_backward", [](const std::vector<Tensor> &roots,
                        const std::vector<std::optional<Tensor>> &given,
                        bool retain, bool create) {
    runBackward(roots, cotangents(roots, given), retain, create, std::nullopt);
  });
  m.def("_grad", [](const std::vector<Tensor> &roots,
                    const std::vector<Tensor> &inputs,
                    const std::vector<std::optional<Tensor>> &given,
                    bool retain, bool create) {
    std::vector<Edge> targets;
    for (const Tensor &input : inputs) {
      if (!requiresGrad(*input))
        fail(Error::Kind::Runtime,
             "One of the differentiated Tensors does not require grad");
      targets.push_back(edgeOf(input));
    }
    std::vector<Tensor> out =
        runBackward(roots, cotangents(roots, given), retain, create, targets);
    nb::list list;
    for (const Tensor &gradient : out)
      list.append(nb::cast(gradient));
    return list;
  });
  m.def("_from_bytes", [](nb::bytes data, DType dtype, const Dims &sizes) {
    Tensor made = empty(dtype, sizes);
    if (data.size() != static_cast<size_t>(made->numel() * byteWidth(dtype)))
      fail(Error::Kind::Value, "the bytes do not fill the shape");
    std::memcpy(made->data(), data.c_str(), data.size());
    if (dtype == DType::Bool) // whatever is not zero is true
      for (auto *at = static_cast<uint8_t *>(made->data());
           at != static_cast<uint8_t *>(made->data()) + data.size(); ++at)
        *at = *at != 0;
    return made;
  });
  // Refuses what there is no memory for, before anything is computed.
  m.def("_check_room", [](DType dtype, const Dims &sizes) {
    Buffer::allocate(checkedBytes(dtype, sizes));
  });
  // The memory of a tensor as bytes, and a tensor over such memory: for copies
  // that keep what tensors share.
  method("_storage_key", [](const Tensor &t) {
    return reinterpret_cast<uintptr_t>(t->buffer.get());
  });
  method("_storage", [](const Tensor &t) {
    if (Capture::current() || !t->buffer->memory)
      Capture::refuseHere("the bytes of a tensor are not known while a "
                          "function is captured");
    return makeTensor(t->buffer, DType::U8, {{t->buffer->bytes}, {1}, 0});
  });
  method("_over", [](const Tensor &storage, DType dtype, const Dims &sizes,
                     const Dims &strides, int64_t offset) {
    Geometry geometry{sizes, strides, offset};
    if (strides.size() != sizes.size())
      fail(Error::Kind::Value, "as many strides as sizes are needed");
    checkInside(*storage->buffer, dtype, geometry);
    return makeTensor(storage->buffer, dtype, geometry);
  });
  m.def("_cat", &cat);
  m.def("_promote", [](DType a, DType b) { return promoteTypes(a, b); });
  m.def("_iota", [](DType dtype, const GivenSize &count) {
    Capture::GivenShape given({count.size()});
    return iota(dtype, count.hint);
  });
  m.def("_nonzero", &nonzero);
  method("_flip", [](const Tensor &t, const Dims &dims) {
    Tensor flipped = t;
    for (int64_t dim : dims) {
      if (!t->rank())
        fail(Error::Kind::Index, "flip: a tensor of no dimensions has none to "
                                 "be reversed");
      dim = wrapDim(dim, t->rank());
      flipped = slice(flipped, dim, std::max<int64_t>(t->sizes[dim] - 1, 0),
                      t->sizes[dim], -1);
    }
    return flipped;
  });
  method("_index_put_", [](const Tensor &t,
                           const std::vector<std::optional<Tensor>> &indices,
                           const Tensor &value, bool accumulate) {
    std::vector<Tensor> chosen(t->rank());
    if (indices.size() > chosen.size())
      fail(Error::Kind::Index, "too many indices for tensor of dimension " +
                                   std::to_string(t->rank()));
    for (size_t i = 0; i < indices.size(); ++i)
      if (indices[i])
        chosen[i] = *indices[i];
    indexPut(t, std::move(chosen), value, accumulate);
    return t;
  });
  m.def("is_grad_enabled", &gradEnabled,
        "Whether calls are recorded for gradients.\n\n"
        ">>> is_grad_enabled()\nTrue");
  m.def("_set_grad_enabled", &setGradEnabled);
  m.def("_subclass", [](nb::handle type, const Tensor &data, bool grad) {
    Tensor made = detach(data);
    requireGrad(made, grad);
    return nb::steal(
        wrapAs(reinterpret_cast<PyTypeObject *>(type.ptr()), made));
  });
}

//===--- Kernels and captures ---------------------------------------------===//

/// No initialiser of a static variable: it calls Python, which may let another
/// thread run, and that one would wait for the initialiser with the lock held.
static const std::string &packageFolder() {
  static std::string folder;
  if (folder.empty()) {
    nb::object path = nb::module_::import_("stepwell").attr("__path__")[0];
    folder = nb::cast<std::string>(path) + "/";
  }
  return folder;
}

/// The innermost Python line outside of this package.
static std::string userLocation() {
  PyFrameObject *frame = PyEval_GetFrame();
  Py_XINCREF(frame);
  std::string found;
  while (frame) {
    PyCodeObject *code = PyFrame_GetCode(frame);
    const char *file = PyUnicode_AsUTF8(code->co_filename);
    if (file && std::string_view(file).rfind(packageFolder(), 0) != 0)
      found = std::string(file) + ":" +
              std::to_string(PyFrame_GetLineNumber(frame));
    Py_DECREF(code);
    PyFrameObject *back = found.empty() ? PyFrame_GetBack(frame) : nullptr;
    Py_DECREF(frame);
    frame = back;
  }
  return found;
}

static void addKernels(nb::module_ &m) {
  lockHooks.release = []() -> void * { return PyEval_SaveThread(); };
  lockHooks.acquire = [](void *state) {
    callPython([&] {
      PyEval_RestoreThread(static_cast<PyThreadState *>(state));
      return 0;
    });
  };
  warn = [](const std::string &message) {
    if (PyErr_WarnEx(PyExc_RuntimeWarning, message.c_str(), 1) < 0)
      throw nb::python_error();
  };
  lockHooks.handlesSignals = [] {
    static unsigned long main = 0; // no initialiser, as above
    if (!main)
      main = nb::cast<unsigned long>(nb::module_::import_("threading")
                                         .attr("main_thread")()
                                         .attr("ident"));
    return PyThread_get_thread_ident() == main;
  };
  lockHooks.checkSignals = [] {
    if (PyErr_CheckSignals() < 0)
      throw nb::python_error();
  };
  Capture::location = userLocation;
  m.def(
      "kernel_stats",
      [] {
        nb::dict stats;
        stats["memory_hits"] = kernelStats().memoryHits;
        stats["shipped_hits"] = kernelStats().shippedHits;
        stats["disk_hits"] = kernelStats().diskHits;
        stats["compiles"] = kernelStats().compiles;
        return stats;
      },
      "Where this process found its kernels so far, and how many it "
      "compiled.\n\n"
      ">>> sorted(kernel_stats())\n"
      "['compiles', 'disk_hits', 'memory_hits', 'shipped_hits']");
  m.def("_elementwise_records", [] {
    nb::dict records;
    for (const OpRow &op : opTable()) {
      if (!op.elementwise)
        continue;
      nb::list names, operands, dtypes;
      for (std::string_view schema : op.python)
        names.append(std::string(schema.substr(0, schema.find('('))));
      for (const OperandRow &operand : op.operands)
        operands.append(nb::str(operand.name.data(), operand.name.size()));
      for (DType dtype : kDTypes)
        if (op.promotion == Promotion::ToFloat || op.accepts(dtype))
          dtypes.append(nb::borrow(dtypeObject(dtype)));
      nb::dict record;
      record["functions"] = names;
      record["operands"] = operands;
      record["dtypes"] = dtypes;
      record["toFloat"] = op.promotion == Promotion::ToFloat;
      record["differentiable"] = !op.nonDifferentiable;
      records[nb::str(op.mnemonic.data(), op.mnemonic.size())] = record;
    }
    return records;
  });
  m.def("_set_compiler", [](const std::string &path) { compilerPath = path; });
  m.def("_set_kernel_packs",
        [](const std::string &folder) { packFolder = folder; });
  // The programs whose kernels `function` asks for, in order.
  m.def("_record_programs", [](nb::callable function) {
    std::vector<std::string> programs;
    struct Recording {
      Recording(std::vector<std::string> *into) { recordedPrograms = into; }
      ~Recording() { recordedPrograms = nullptr; }
    } recording(&programs);
    function();
    return programs;
  });
  // What the text of a program says, printed again.
  m.def("_reprint",
        [](const std::string &text) { return Program::read(text).print(); });
  m.def("_compile_for",
        [](const std::string &program, const std::string &level) {
          auto [digest, object] = compileFor(program, level);
          return nb::make_tuple(
              nb::bytes(reinterpret_cast<const char *>(digest.bytes),
                        sizeof digest.bytes),
              nb::bytes(object.data(), object.size()));
        });
  m.def("_set_compiler_options",
        [](const std::string &options) { compilerOptions = options; });
  nb::class_<Executable>(m, "Executable")
      .def(
          "run",
          [](Executable &e, const std::vector<Tensor> &arguments,
             const std::vector<Scalar> &numbers) {
            return run(e, arguments, numbers);
          },
          "arguments"_a, "numbers"_a = std::vector<Scalar>())
      .def("accepts",
           [](Executable &e, const std::vector<Tensor> &arguments) {
             return accepts(e, arguments);
           })
      // Where the user's code asked for what does not hold of a call with these
      // sizes; None if all does.
      .def("why_not",
           [](Executable &e, const std::vector<Scalar> &sizes) -> nb::object {
             for (const HostGuard &guard : e.hostGuards)
               if (std::optional<Scalar> value =
                       guard.expression.evaluate(sizes);
                   !value || !isSameNumber(*value, guard.expected))
                 return nb::str(guard.where.c_str());
             return nb::none();
           })
      // Which of the values of a call (sizes of arguments, then numbers) must
      // be what they were.
      .def_prop_ro("constants",
                   [](Executable &e) {
                     std::vector<int64_t> found;
                     for (const HostGuard &guard : e.hostGuards)
                       if (int64_t value = guard.expression.asValue();
                           value >= 0)
                         found.push_back(value);
                     return found;
                   })
      .def_prop_ro("once_only", [](Executable &e) { return e.onceOnly; })
      .def("dump",
           [](Executable &e, const std::string &folder) { dump(e, folder); })
      .def_prop_ro("program",
                   [](Executable &e) { return e.call->program->print(); })
      // The tensors from outside that it reads or writes.
      .def_prop_ro("captured",
                   [](Executable &e) {
                     std::vector<Tensor> found;
                     for (const Executable::Input &input : e.inputs)
                       if (input.argument < 0 && input.captured)
                         found.push_back(input.captured);
                     // Also one that was an argument's memory in that call.
                     for (const Tensor &tensor : e.watched)
                       found.push_back(tensor);
                     for (const Executable::GradGuard &guard : e.guards)
                       if (guard.argument < 0)
                         found.push_back(guard.leaf);
                     for (const Executable::Result &result : e.results)
                       if (result.existing)
                         found.push_back(result.existing);
                     return found;
                   })
      .def_prop_ro("closed_over",
                   [](Executable &e) {
                     std::vector<std::pair<Tensor, bool>> found;
                     for (const ClosedOver &each : closedOver(e))
                       found.emplace_back(each.tensor, each.number);
                     return found;
                   })
      .def("export",
           [](Executable &e, const std::vector<Tensor> &arguments,
              const std::vector<std::string> &names,
              const std::vector<std::string> &closedOver,
              const std::vector<std::string> &results) {
             return exportProgram(e, arguments, {names, closedOver, results})
                 .print(true);
           })
      // Arguments and results as (name, dtype, shape); between them what is
      // closed over as (name, whether it is a number).
      .def_prop_ro("signature", [](Executable &e) {
        nb::list arguments, closedOver, results;
        const Program &program = *e.call->program;
        auto describe = [](const std::string &name, const TensorType &type) {
          nb::list sizes;
          for (int64_t size : type.dims)
            if (size == kDynamic)
              sizes.append(nb::none());
            else
              sizes.append(size);
          return nb::make_tuple(name, nb::cast(type.dtype), nb::tuple(sizes));
        };
        for (size_t i = 0; i < e.inputs.size(); ++i) {
          const ProgramInput &input = program.inputs[i];
          if (e.inputs[i].argument >= 0)
            arguments.append(describe(input.name, input.type));
          else
            closedOver.append(nb::make_tuple(input.name, input.scalar));
        }
        for (const ProgramOutput &output : program.outputs)
          results.append(describe(output.name, program.type(output.value)));
        return nb::make_tuple(arguments, closedOver, results);
      });
  // An exported program and the tensors that its inputs of these names take.
  m.def("_bind_program", [](const std::string &text, nb::dict tensors) {
    std::map<std::string, Tensor> bound;
    for (auto [name, tensor] : tensors)
      bound.emplace(nb::cast<std::string>(name), nb::cast<Tensor>(tensor));
    return bindProgram(Program::read(text), bound);
  });
  m.def("get_num_threads", &stepwell_runtime_get_num_threads,
        "How many threads may work on a kernel.\n\n"
        ">>> get_num_threads() >= 1\nTrue");
  m.def(
      "set_num_threads",
      [](nb::handle count) {
        if (!PyLong_Check(count.ptr()))
          fail(Error::Kind::Runtime,
               std::string("set_num_threads expects an int, but got ") +
                   Py_TYPE(count.ptr())->tp_name);
        int beyond = 0;
        int64_t number = PyLong_AsLongLongAndOverflow(count.ptr(), &beyond);
        if (beyond > 0)
          number = INT64_MAX;
        if (number < 1)
          fail(Error::Kind::Runtime,
               "set_num_threads expects a positive integer");
        setNumThreads(
            static_cast<int32_t>(std::min<int64_t>(number, INT32_MAX)));
      },
      "count"_a,
      "Sets how many threads may work on a kernel.\n\nRaises:\n"
      "    RuntimeError: the number is no positive integer.\n\n"
      ">>> set_num_threads(get_num_threads())");
  m.def("_set_number_type", [](nb::handle type) {
    numberType = reinterpret_cast<PyTypeObject *>(type.inc_ref().ptr());
  });
  m.def("_capturing", [] { return Capture::current() != nullptr; });
  // `function` runs once, on the arguments themselves, and returns a list of
  // tensors. With `open`, sizes stay open that have a number there; with
  // `numbers`, so do those, and results lie as they do in this call.
  m.def(
      "_capture",
      [](const std::vector<Tensor> &arguments, nb::callable function,
         const std::optional<std::vector<std::vector<int>>> &open,
         const std::optional<std::vector<Scalar>> &numbers) {
        std::unique_ptr<OpenTrace> trace;
        if (open)
          trace = std::make_unique<OpenTrace>(
              arguments, std::span<const std::vector<int>>(*open),
              numbers ? *numbers : std::vector<Scalar>());
        if (open && numbers)
          trace->keepLayouts();
        Capture capture(arguments, std::move(trace));
        nb::object results = nb::steal(
            callPython([&] { return PyObject_CallNoArgs(function.ptr()); }));
        if (!results.is_valid())
          throw nb::python_error();
        return capture.finish(nb::cast<std::vector<Tensor>>(results));
      },
      "arguments"_a, "function"_a, "open"_a.none() = nb::none(),
      "numbers"_a.none() = nb::none());
}

} // namespace stepwell::python

/// Types, dtypes and kernels are the process's, and Python's lock guards them.
static void refuseOtherInterpreters() {
#if PY_VERSION_HEX >= 0x030D0000 && defined(Py_GIL_DISABLED)
#error "free-threaded Python has no lock, which the dispatcher is guarded by"
#endif
  if (PyInterpreterState_Get() != PyInterpreterState_Main())
    throw nb::import_error(
        "stepwell runs in a process's main interpreter only: "
        "it cannot be imported in a subinterpreter");
  if (stepwell::python::tensorType)
    throw nb::import_error("stepwell was imported in this process before, and "
                           "cannot be loaded a second time");
}

NB_MODULE(_core, m) {
  using namespace stepwell::python;
  refuseOtherInterpreters();
  // The Tensor type lives as long as the process, and so do its methods.
  nb::set_leak_warnings(false);
  nb::register_exception_translator(
      [](const std::exception_ptr &error, void *) {
        try {
          std::rethrow_exception(error);
        } catch (const stepwell::EagerError &) {
          translateException();
        } catch (const std::bad_alloc &) {
          translateException();
        } catch (const std::length_error &) {
          translateException();
        }
      });
  makeTensorType(m.ptr());
  addDTypes(m);
  addOperations(m.ptr(), tensorType);
  addMethods(m);
  addData(m);
  addHooks(m);
  addKernels(m);
  addFunctions(m);
  addTracing(m);
  addGuards(m);
  addCompiled(m);
}
