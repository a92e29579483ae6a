//===- Indexing.cpp - tensor[...] and tensor[...] = value -----------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Function.h"

#include "stepwell/Eager/Capture.h"
#include "stepwell/Semantics/Checked.h"

namespace nb = nanobind;

namespace stepwell::python {

namespace {

/// What is in the brackets: a view first, then tensors that choose in it.
struct Index {
  Geometry geometry;
  SliceOf slice;
  /// In an open capture: the same for calls of other sizes.
  OpenShape shape;
  Capture::OpenView::Slice open;
  /// When `advanced`: by the view's dimensions; null: all of one.
  std::vector<Tensor> chosen;
  bool advanced = false;
};

/// What names a view without any tensor.
bool isBasic(PyObject *item) {
  return PyLong_CheckExact(item) || PySlice_Check(item) || item == Py_None ||
         item == Py_Ellipsis;
}

bool isOpenCapture() { return Capture::currentTrace(); }

/// The integer that an item is: also a NumPy scalar, an array or a tensor of no
/// dimensions. PyTorch takes uint8 tensors for masks.
std::optional<int64_t> indexNumber(PyObject *item) {
  if (!PyIndex_Check(item) || PyBool_Check(item))
    return std::nullopt;
  if (isTensor(item)) {
    Tensor tensor = unwrap(item);
    // A captured one keeps its place: its value is not known.
    if (tensor->rank() || !isInteger(tensor->dtype) ||
        tensor->dtype == DType::U8 || Capture::current())
      return std::nullopt;
  }
  nb::object number = nb::steal(PyNumber_Index(item));
  if (!number.is_valid()) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError))
      throw nb::python_error();
    PyErr_Clear(); // an array, or a NumPy bool
    return std::nullopt;
  }
  int64_t at = PyLong_AsLongLong(number.ptr());
  if (PyErr_Occurred())
    throw nb::python_error();
  return at;
}

bool isText(PyObject *item) {
  return PyUnicode_Check(item) || PyBytes_Check(item);
}

/// A tensor of what an index may be besides a number: a tensor, an array, a
/// sequence. Null for anything else.
Tensor indexTensor(PyObject *item) {
  Tensor tensor;
  if (isTensor(item)) {
    tensor = unwrap(item);
  } else if (PyBool_Check(item) || PyObject_CheckBuffer(item) ||
             (PySequence_Check(item) && !isText(item))) {
    nb::object made =
        nb::module_::import_("stepwell").attr("as_tensor")(nb::borrow(item));
    tensor = unwrap(made.ptr());
    if (tensor->numel() == 0 && PySequence_Check(item))
      tensor = cast(tensor, DType::I64);
  }
  bool narrow = tensor && isTensor(item) && tensor->rank() &&
                (tensor->dtype == DType::I8 || tensor->dtype == DType::I16);
  if (tensor && (isFloat(tensor->dtype) || narrow))
    fail(Error::Kind::Index, "tensors used as indices must be long, int, "
                             "byte or bool tensors");
  if (tensor && tensor->dtype == DType::U8 &&
      PyErr_WarnEx(PyExc_UserWarning,
                   "indexing with dtype stepwell.uint8 is now deprecated, "
                   "please use a dtype stepwell.bool instead.",
                   1))
    throw nb::python_error();
  return tensor;
}

bool isMask(const Tensor &tensor) {
  return tensor->dtype == DType::Bool || tensor->dtype == DType::U8;
}

/// A number of an open capture.
bool isSize(PyObject *item) {
  return Py_TYPE(item) == numberType && isOpenCapture();
}

/// What a slice takes of a dimension.
struct Range {
  Py_ssize_t start, step, length;
  Range() = default;
  Range(PyObject *slice, const Tensor &tensor, int dim) {
    Py_ssize_t stop;
    if (PySlice_Unpack(slice, &start, &stop, &step) < 0)
      throw nb::python_error();
    // Only now: what an index is may change the tensor.
    length = PySlice_AdjustIndices(tensor->sizes[dim], &start, &stop, step);
  }
};

/// The same in an open capture, where every comparison is a guard.
struct OpenRange : Range {
  GivenSize openStart, openLength;
  OpenRange(PyObject *given, const Tensor &tensor, int dim) {
    auto *slice = reinterpret_cast<PySliceObject *>(given);
    GivenSize size = sizeAlong(tensor, dim);
    step = 1;
    if (slice->step != Py_None) {
      Py_ssize_t zero, none; // step alone
      nb::object alone = nb::steal(PySlice_New(nullptr, nullptr, slice->step));
      if (!alone.is_valid() ||
          PySlice_Unpack(alone.ptr(), &zero, &none, &step) < 0)
        throw nb::python_error();
    }
    GivenSize least = step < 0 ? -1 : 0, most = step < 0 ? size - 1 : size;
    auto bound = [&](PyObject *given, const GivenSize &otherwise) {
      if (given == Py_None)
        return otherwise;
      GivenSize at = placeOf(given);
      if (at < 0) {
        at = at + size;
        return at < 0 ? least : at;
      }
      return most < at ? most : at;
    };
    GivenSize first = bound(slice->start, step < 0 ? most : least),
              last = bound(slice->stop, step < 0 ? least : most);
    openStart = first;
    GivenSize reach = step < 0 ? first - last : last - first;
    int64_t by = std::abs(step);
    if (reach < 0)
      openLength = 0;
    else if (by == 1)
      openLength = reach;
    else
      openLength = {(reach.hint + by - 1) / by,
                    rules::floorDivide(reach.size() + (by - 1), by)};
    start = first.hint;
    length = openLength.hint;
  }

private:
  /// Python cuts what has more than 64 bits.
  static GivenSize placeOf(PyObject *given) {
    if (!PyLong_CheckExact(given))
      return GivenSize::of(given);
    int overflow;
    int64_t at = PyLong_AsLongLongAndOverflow(given, &overflow);
    return overflow > 0 ? INT64_MAX : overflow < 0 ? INT64_MIN : at;
  }
};

Index parse(const Tensor &tensor, PyObject *index) {
  bool isTuple = PyTuple_Check(index);
  Py_ssize_t count = isTuple ? PyTuple_GET_SIZE(index) : 1;
  auto itemAt = [&](Py_ssize_t i) {
    return isTuple ? PyTuple_GET_ITEM(index, i) : index;
  };
  Index result;
  int consumed = 0;
  std::vector<Tensor> tensors; // by the items, once one is advanced
  std::vector<std::optional<int64_t>> numbers; // by the items, where needed
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject *item = itemAt(i);
    if (item == Py_None || item == Py_Ellipsis)
      continue;
    ++consumed;
    if (isBasic(item) || isSize(item))
      continue;
    if (std::optional<int64_t> number = indexNumber(item)) {
      numbers.resize(count);
      numbers[i] = number;
      continue;
    }
    if (Tensor tensor = indexTensor(item)) {
      result.advanced = true;
      tensors.resize(count);
      consumed += isMask(tensor) ? tensor->rank() - 1 : 0;
      tensors[i] = std::move(tensor);
    }
  }
  if (consumed > tensor->rank())
    fail(Error::Kind::Index, "too many indices for tensor of dimension " +
                                 std::to_string(tensor->rank()));
  result.geometry.offset = tensor->offset;
  int dim = 0;
  const Tensor none;
  bool open = isOpenCapture();
  OpenShape from = open ? Capture::openShapeOf(*tensor) : OpenShape();
  auto keep = [&](int64_t size, int64_t stride, const Tensor &chosen) {
    if (result.geometry.sizes.size() == kMaxRank)
      fail(Error::Kind::Index, "too many dimensions");
    result.geometry.sizes.push_back(size);
    result.geometry.strides.push_back(stride);
    if (result.advanced)
      result.chosen.push_back(chosen);
  };
  auto take = [&](int64_t start, int64_t size, int64_t step) {
    result.slice.starts.push_back(start);
    result.slice.sizes.push_back(size);
    result.slice.steps.push_back(step);
  };
  auto takeOpen = [&](const OpenSize &start, const OpenSize &size) {
    result.open.starts.push_back(start);
    result.open.sizes.push_back(size);
  };
  auto keepAll = [&](const Tensor &chosen) {
    keep(tensor->sizes[dim], tensor->strides[dim], chosen);
    take(0, tensor->sizes[dim], 1);
    if (open) {
      result.shape.push_back(from[dim]);
      takeOpen(0, from[dim]);
    }
    ++dim;
  };
  bool ellipsis = false;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject *item = itemAt(i);
    const Tensor &chooser = result.advanced ? tensors[i] : none;
    if (item == Py_None) {
      keep(1, 1, none);
      if (open)
        result.shape.push_back(1);
    } else if (item == Py_Ellipsis) {
      if (ellipsis)
        fail(Error::Kind::Index,
             "an index can only have a single ellipsis ('...')");
      ellipsis = true;
      for (int skip = tensor->rank() - consumed; skip > 0; --skip)
        keepAll(none);
    } else if (chooser && isMask(chooser)) {
      const Tensor &mask = chooser;
      for (int d = 0; d < mask->rank(); ++d)
        if (mask->sizes[d] != tensor->sizes[dim + d])
          fail(Error::Kind::Index,
               "The shape of the mask " + toString(mask->sizes) + " at index " +
                   std::to_string(d) +
                   " does not match the shape of the indexed tensor " +
                   toString(tensor->sizes) + " at index " +
                   std::to_string(dim + d));
      if (mask->rank() == 0) { // true keeps one of everything, false none
        if (Capture::current() || !mask->data())
          Capture::refuseHere("whether a mask of no dimensions is true is not "
                              "known while a function is captured; use "
                              "where() instead of it as an index");
        bool set = *static_cast<const uint8_t *>(mask->data()) != 0;
        Tensor one = iota(DType::I64, set ? 1 : 0);
        keep(1, 1, one);
        if (open)
          result.shape.push_back(1);
        continue;
      }
      for (const Tensor &coordinates : nonzero(mask))
        keepAll(coordinates);
    } else if (chooser) {
      keepAll(chooser);
    } else if (PySlice_Check(item)) {
      std::optional<OpenRange> inAll;
      Range range =
          open ? inAll.emplace(item, tensor, dim) : Range(item, tensor, dim);
      if (range.length > 0)
        result.geometry.offset += range.start * tensor->strides[dim];
      // A step beyond the end is never made.
      keep(range.length,
           (Checked(tensor->strides[dim]) * range.step)
               .get()
               .value_or(tensor->strides[dim]),
           none);
      take(range.start, range.length, range.step);
      if (open) {
        result.shape.push_back(inAll->openLength.size());
        takeOpen(inAll->openStart.size(), inAll->openLength.size());
      }
      ++dim;
    } else if (isSize(item) || (open && PyLong_CheckExact(item))) {
      GivenSize size = sizeAlong(tensor, dim), at = GivenSize::of(item);
      int64_t given = at.hint;
      if (at < 0)
        at = at + size;
      if (at < 0 || !(at < size))
        fail(Error::Kind::Index, "index " + std::to_string(given) +
                                     " is out of bounds for dimension " +
                                     std::to_string(dim) + " with size " +
                                     std::to_string(size.hint));
      result.geometry.offset += at.hint * tensor->strides[dim];
      take(at.hint, 1, 1);
      takeOpen(at.size(), 1);
      ++dim;
    } else if (PyLong_CheckExact(item) || (!numbers.empty() && numbers[i])) {
      int64_t at =
          PyLong_CheckExact(item) ? PyLong_AsLongLong(item) : *numbers[i];
      if (at == -1 && PyErr_Occurred())
        throw nb::python_error();
      int64_t size = tensor->sizes[dim];
      if (at < -size || at >= size)
        fail(Error::Kind::Index, "index " + std::to_string(at) +
                                     " is out of bounds for dimension " +
                                     std::to_string(dim) + " with size " +
                                     std::to_string(size));
      at += at < 0 ? size : 0;
      result.geometry.offset += at * tensor->strides[dim];
      take(at, 1, 1);
      if (open) { // a number of another class, for these sizes alone
        fixShape(tensor);
        takeOpen(at, 1);
      }
      ++dim;
    } else {
      fail(Error::Kind::Index,
           std::string("only integers, slices (`:`), ellipsis (`...`), None "
                       "and long or bool tensors are valid indices (got ") +
               Py_TYPE(item)->tp_name + ")");
    }
  }
  while (dim < tensor->rank())
    keepAll(none);
  return result;
}

Tensor viewOf(const Tensor &tensor, const Index &index) {
  Capture::GivenShape given(index.shape, index.open);
  return stridedView(tensor, index.geometry, &index.slice);
}

} // namespace

Tensor getItem(const Tensor &tensor, PyObject *index) {
  // What is asked for most often needs no list of what is in the brackets.
  bool open = isOpenCapture();
  if (tensor->rank() && PyLong_CheckExact(index) && !open) {
    int64_t at = PyLong_AsLongLong(index);
    if (at == -1 && PyErr_Occurred())
      throw nb::python_error();
    return select(tensor, 0, at);
  }
  if (tensor->rank() && PySlice_Check(index) && !open) {
    Range range(index, tensor, 0);
    if (range.length > 0 && tensor->rank())
      return slice(tensor, 0, range.start, range.length, range.step);
  }
  Index parsed = parse(tensor, index);
  Tensor view = viewOf(tensor, parsed);
  return parsed.advanced ? indexWith(view, std::move(parsed.chosen)) : view;
}

void setItem(const Tensor &tensor, PyObject *index, PyObject *value) {
  Index parsed = parse(tensor, index);
  Argument argument;
  if (!toArgument(value, argument)) {
    nb::object made =
        nb::module_::import_("stepwell")
            .attr("tensor")(nb::borrow(value),
                            nb::borrow(dtypeObject(tensor->dtype)));
    argument.tensor = unwrap(made.ptr());
  }
  Tensor target = viewOf(tensor, parsed);
  if (parsed.advanced) {
    Tensor source = argument.tensor ? argument.tensor
                                    : full(target->dtype, {}, argument.scalar);
    indexPut(target, std::move(parsed.chosen), source, false);
    return;
  }
  if (!argument.tensor) {
    fillInto(target, argument.scalar);
    return;
  }
  // Leading dimensions of size 1 may be dropped, as in PyTorch.
  Tensor source = argument.tensor;
  while (source->rank() > target->rank() && source->sizes[0] == 1)
    source = squeeze(source, 0);
  if (mayOverlap(*source, *target))
    source = clone(source);
  copyInto(target, source);
}

} // namespace stepwell::python
