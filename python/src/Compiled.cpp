//===- Compiled.cpp - Calls of functions that were captured ---------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A call whose arguments are like those of a capture, and for which its guards
// hold, runs no Python. Whatever else it is, the method `_miss` of the class in
// python/stepwell/_compile.py decides, and says by `_keep` what the next such
// call may run.
//===----------------------------------------------------------------------===//

#include "Compiled.h"

#include "Guards.h"
#include "PyTensor.h"

#include "stepwell/Eager/Capture.h"
#include "stepwell/Semantics/HostExpression.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <structmember.h>

namespace nb = nanobind;

namespace stepwell::python {

namespace {

/// What tells two calls apart, in words, with the texts and keys among it.
class Key {
public:
  void add(uint64_t word) { words.push_back(word); }
  void addObject(PyObject *object) { objects.push_back(object); }
  /// The words `open` are sizes that only must be more than 1.
  bool is(const std::vector<uint64_t> &otherWords,
          const std::vector<nb::object> &otherObjects,
          const std::vector<uint32_t> &open) const {
    if (words.size() != otherWords.size() ||
        objects.size() != otherObjects.size())
      return false;
    size_t from = 0;
    for (size_t i = 0; i <= open.size(); ++i) {
      size_t end = i < open.size() ? open[i] : words.size();
      if (std::memcmp(words.data() + from, otherWords.data() + from,
                      (end - from) * sizeof(uint64_t)) ||
          (i < open.size() && words[end] < 2))
        return false;
      from = end + 1;
    }
    for (size_t i = 0; i < objects.size(); ++i) {
      PyObject *a = objects[i], *b = otherObjects[i].ptr();
      if (a != b && !(PyUnicode_CheckExact(a) && PyUnicode_CheckExact(b) &&
                      PyUnicode_Compare(a, b) == 0))
        return false;
    }
    return true;
  }
  std::vector<uint64_t> words;
  std::vector<PyObject *> objects; // borrowed
};

enum Word : uint64_t {
  kTensor = 1,
  kInteger,
  kFloat,
  kObject,
  kText,
  kTuple,
  kList,
  kDict,
  kKeyword,
};

/// Python's class of objects that are told apart by which they are.
std::vector<PyTypeObject *> &identityTypes() {
  static auto &types = *new std::vector<PyTypeObject *>;
  return types;
}

struct Call {
  Key key;
  /// Where the sizes of each tensor begin, for who asks.
  std::vector<uint32_t> *sizes = nullptr;
  std::vector<Tensor> tensors;
  std::vector<Scalar> numbers;

  /// False for what only Python can tell apart.
  bool read(PyObject *value, int depth = 0) {
    constexpr int kDeepest = 32;
    PyTypeObject *type = Py_TYPE(value);
    if (isTensor(value)) {
      auto *object = reinterpret_cast<PyTensor *>(value);
      if (object->dict && PyDict_GET_SIZE(object->dict))
        return false;
      const TensorImpl &tensor = *object->impl;
      int rank = tensor.rank();
      key.add(kTensor | static_cast<uint64_t>(tensor.dtype) << 8 |
              static_cast<uint64_t>(rank) << 16 |
              uint64_t(requiresGrad(tensor)) << 32 |
              uint64_t(tensor.node != nullptr) << 33);
      if (sizes)
        sizes->push_back(static_cast<uint32_t>(key.words.size()));
      for (int i = 0; i < rank; ++i)
        key.add(static_cast<uint64_t>(tensor.sizes[i]));
      if (type != tensorType)
        key.addObject(reinterpret_cast<PyObject *>(type));
      tensors.push_back(Tensor(object->impl));
      return true;
    }
    if (type == &PyLong_Type) {
      int overflow;
      int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow);
      if (overflow)
        return false;
      key.add(kInteger);
      numbers.push_back(number);
      return true;
    }
    if (type == &PyFloat_Type) {
      key.add(kFloat);
      numbers.push_back(PyFloat_AS_DOUBLE(value));
      return true;
    }
    if (value == Py_None || type == &PyBool_Type || isDType(value)) {
      key.add(kObject);
      key.add(reinterpret_cast<uintptr_t>(value));
      return true;
    }
    if (type == &PyUnicode_Type) {
      key.add(kText);
      key.addObject(value);
      return true;
    }
    if (depth == kDeepest)
      return false;
    if (type == &PyTuple_Type || type == &PyList_Type) {
      Py_ssize_t size = PySequence_Fast_GET_SIZE(value);
      key.add(type == &PyTuple_Type ? kTuple : kList);
      key.add(static_cast<uint64_t>(size));
      for (Py_ssize_t i = 0; i < size; ++i)
        if (!read(PySequence_Fast_GET_ITEM(value, i), depth + 1))
          return false;
      return true;
    }
    if (type == &PyDict_Type) {
      key.add(kDict);
      key.add(static_cast<uint64_t>(PyDict_GET_SIZE(value)));
      PyObject *name, *item;
      for (Py_ssize_t at = 0; PyDict_Next(value, &at, &name, &item);) {
        if (!PyUnicode_CheckExact(name))
          return false;
        key.addObject(name);
        if (!read(item, depth + 1))
          return false;
      }
      return true;
    }
    for (PyTypeObject *each : identityTypes())
      if (each == type) {
        key.add(kObject);
        key.add(reinterpret_cast<uintptr_t>(value));
        kept.push_back(value);
        return true;
      }
    return false;
  }

  bool read(PyObject *const *args, size_t count, PyObject *names) {
    key.add(count);
    key.add(gradEnabled());
    for (size_t i = 0; i < count; ++i)
      if (!read(args[i]))
        return false;
    for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); ++i) {
      key.add(kKeyword);
      key.addObject(PyTuple_GET_ITEM(names, i));
      if (!read(args[count + i]))
        return false;
    }
    return true;
  }

  /// Objects whose address is in the key: it is theirs as long as they live.
  std::vector<PyObject *> kept;
};

/// How the result of a call is made of the executable's.
struct Result {
  enum class Kind : uint8_t { Tensor, Constant, Tuple, List, Dict, Other };
  Kind kind = Kind::Tensor;
  nb::object object; // the constant; of Other, the structure
  std::vector<nb::object> keys;
  std::vector<Result> items;

  static Result of(nb::handle structure) {
    Result made;
    if (structure.ptr() == reinterpret_cast<PyObject *>(tensorType))
      return made;
    nb::handle kind = structure[0];
    auto is = [&](PyTypeObject &type) {
      return kind.ptr() == reinterpret_cast<PyObject *>(&type);
    };
    if (PyUnicode_Check(kind.ptr())) {
      if (nb::cast<std::string>(kind) == "constant") {
        made.kind = Kind::Constant;
        made.object = structure[2];
        return made;
      }
    } else if (is(PyTuple_Type) || is(PyList_Type)) {
      made.kind = is(PyTuple_Type) ? Kind::Tuple : Kind::List;
      for (nb::handle item : structure[1])
        made.add(Result::of(item));
      return made;
    } else if (is(PyDict_Type)) {
      made.kind = Kind::Dict;
      for (nb::handle pair : structure[1]) {
        made.keys.push_back(pair[0]);
        made.add(Result::of(pair[1]));
      }
      return made;
    }
    made.kind = Kind::Other;
    made.object = nb::borrow(structure);
    return made;
  }
  void add(Result item) {
    if (item.kind == Kind::Other)
      kind = Kind::Other;
    items.push_back(std::move(item));
  }

  nb::object make(std::span<const Tensor> tensors, size_t &next) const {
    switch (kind) {
    case Kind::Tensor:
      return nb::steal(wrap(tensors[next++]));
    case Kind::Constant:
      return object;
    case Kind::Tuple: {
      nb::object made = nb::steal(PyTuple_New(items.size()));
      for (size_t i = 0; i < items.size(); ++i)
        PyTuple_SET_ITEM(made.ptr(), i,
                         items[i].make(tensors, next).release().ptr());
      return made;
    }
    case Kind::List: {
      nb::object made = nb::steal(PyList_New(items.size()));
      for (size_t i = 0; i < items.size(); ++i)
        PyList_SET_ITEM(made.ptr(), i,
                        items[i].make(tensors, next).release().ptr());
      return made;
    }
    case Kind::Dict: {
      nb::object made = nb::steal(PyDict_New());
      for (size_t i = 0; i < items.size(); ++i)
        if (PyDict_SetItem(made.ptr(), keys[i].ptr(),
                           items[i].make(tensors, next).ptr()))
          throw nb::python_error();
      return made;
    }
    case Kind::Other:
      break;
    }
    return nb::object();
  }

  int traverse(visitproc visit, void *arg) const {
    Py_VISIT(object.ptr());
    for (const nb::object &key : keys)
      Py_VISIT(key.ptr());
    for (const Result &item : items)
      if (int status = item.traverse(visit, arg))
        return status;
    return 0;
  }
};

/// A capture, and which calls it serves.
struct Entry {
  std::vector<uint64_t> words;
  std::vector<uint32_t> open; // words that are open sizes
  std::vector<nb::object> objects, kept;
  nb::object executableObject, guardsObject;
  Executable *executable;
  Guards *guards;
  /// The numbers that it was made for, but for those that are its inputs.
  std::vector<Scalar> numbers;
  std::vector<bool> isInput;
  std::vector<std::pair<HostExpression, size_t>> inputs; // and their kinds
  nb::object structure;
  Result result;

  bool serves(const Call &call) const {
    if (!call.key.is(words, objects, open))
      return false;
    for (size_t i = 0; i < numbers.size(); ++i)
      if (!isInput[i] && !sameNumber(numbers[i], call.numbers[i]))
        return false;
    return accepts(*executable, call.tensors) &&
           (executable->hostGuards.empty() ||
            executable->serves(call.tensors, call.numbers)) &&
           guards->hold(call.tensors);
  }

  static bool sameNumber(const Scalar &a, const Scalar &b) {
    const double *x = std::get_if<double>(&a), *y = std::get_if<double>(&b);
    return x && y ? std::memcmp(x, y, sizeof *x) == 0 : a == b;
  }

  /// False if a number has another type than before.
  bool evaluate(const Call &call, std::vector<Scalar> &values) const {
    if (inputs.empty())
      return true;
    std::vector<Scalar> all;
    std::span<const Scalar> read = call.numbers;
    if (!open.empty()) {
      for (const Tensor &tensor : call.tensors)
        for (int64_t size : tensor->sizes)
          all.push_back(size);
      all.insert(all.end(), call.numbers.begin(), call.numbers.end());
      read = all;
    }
    for (const auto &[expression, kind] : inputs) {
      std::optional<Scalar> value = expression.evaluate(read);
      if (!value || value->index() != kind)
        return false;
      values.push_back(*value);
    }
    return true;
  }

  int traverse(visitproc visit, void *arg) const {
    for (const auto *list : {&objects, &kept})
      for (const nb::object &object : *list)
        Py_VISIT(object.ptr());
    Py_VISIT(guardsObject.ptr());
    Py_VISIT(executableObject.ptr());
    Py_VISIT(structure.ptr());
    return result.traverse(visit, arg);
  }
};

using Entries = std::vector<std::shared_ptr<Entry>>;
constexpr size_t kMostEntries = 16;

struct CompiledObject {
  PyObject_HEAD vectorcallfunc vectorcall;
  PyObject *function;
  Entries *entries;
};

PyTypeObject *compiledType = nullptr;

CompiledObject *self(PyObject *object) {
  return reinterpret_cast<CompiledObject *>(object);
}

PyObject *unflatten(const nb::object &structure, std::vector<Tensor> tensors) {
  static PyObject *function =
      nb::object(nb::module_::import_("stepwell._structures").attr("unflatten"))
          .release()
          .ptr();
  nb::object list = nb::cast(std::move(tensors));
  return nb::object(nb::handle(function)(structure, nb::iter(list)))
      .release()
      .ptr();
}

PyObject *runEntry(const Entry &entry, const Call &call,
                   std::span<const Scalar> numbers) {
  std::vector<Tensor> results = run(*entry.executable, call.tensors, numbers);
  if (entry.result.kind == Result::Kind::Other)
    return unflatten(entry.structure, std::move(results));
  size_t next = 0;
  return entry.result.make(results, next).release().ptr();
}

PyObject *miss(PyObject *object, PyObject *const *args, size_t count,
               PyObject *names) {
  nb::object positional = nb::steal(PyTuple_New(count));
  for (size_t i = 0; i < count; ++i)
    PyTuple_SET_ITEM(positional.ptr(), i, Py_NewRef(args[i]));
  nb::object named = nb::steal(PyDict_New());
  for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); ++i)
    if (PyDict_SetItem(named.ptr(), PyTuple_GET_ITEM(names, i),
                       args[count + i]))
      throw nb::python_error();
  return callPython([&] {
    return nb::object(nb::handle(object).attr("_miss")(positional, named))
        .release()
        .ptr();
  });
}

PyObject *callCompiled(PyObject *object, PyObject *const *args, size_t flags,
                       PyObject *names) {
  return guarded([&]() -> PyObject * {
    CompiledObject *compiled = self(object);
    size_t count = PyVectorcall_NARGS(flags);
    if (Capture::current()) {
      PyObject *result = callPython([&] {
        return PyObject_Vectorcall(compiled->function, args, count, names);
      });
      if (!result)
        throw nb::python_error();
      return result;
    }
    Call call;
    if (!compiled->entries->empty() && call.read(args, count, names)) {
      Entries &entries = *compiled->entries;
      for (size_t i = 0; i < entries.size(); ++i) {
        // What the guards run may change the table.
        std::shared_ptr<Entry> entry = entries[i];
        if (!entry->serves(call))
          continue;
        std::vector<Scalar> numbers;
        if (!entry->evaluate(call, numbers))
          break;
        if (i && i < entries.size() && entries[i] == entry)
          std::swap(entries[i], entries[i - 1]);
        return runEntry(*entry, call, numbers);
      }
    }
    return miss(object, args, count, names);
  });
}

//===--- The type ---------------------------------------------------------===//

PyObject *create(PyTypeObject *type, PyObject *, PyObject *) {
  PyObject *object = type->tp_alloc(type, 0);
  if (!object)
    return nullptr;
  self(object)->vectorcall = callCompiled;
  self(object)->function = Py_NewRef(Py_None);
  self(object)->entries = new Entries;
  return object;
}

int clear(PyObject *object) {
  Py_CLEAR(self(object)->function);
  if (self(object)->entries) {
    Entries gone;
    std::swap(gone, *self(object)->entries);
  }
  return 0;
}

void dealloc(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  clear(object);
  delete self(object)->entries;
  type->tp_free(object);
  Py_DECREF(type);
}

int traverse(PyObject *object, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self(object)->function);
  if (self(object)->entries)
    for (const std::shared_ptr<Entry> &entry : *self(object)->entries)
      // One that is in use is held by the call, too.
      if (entry.use_count() == 1)
        if (int status = entry->traverse(visit, arg))
          return status;
  return 0;
}

/// _keep(args, kwargs, executable, guards, structure, inputs, places, open):
/// calls like this one may run it. `inputs` are expressions and the types of
/// their values; `places` says which numbers they are made of; `open`, which
/// tensors have which sizes open.
PyObject *keep(PyObject *object, PyObject *given) {
  return guarded([&]() -> PyObject * {
    nb::handle args(PyTuple_GET_ITEM(given, 0));
    nb::handle kwargs(PyTuple_GET_ITEM(given, 1));
    Call call;
    std::vector<PyObject *> values;
    for (nb::handle value : args)
      values.push_back(value.ptr());
    nb::object names = nb::steal(PyTuple_New(nb::len(kwargs)));
    PyObject *name, *value;
    Py_ssize_t at = 0, next = 0;
    while (PyDict_Next(kwargs.ptr(), &at, &name, &value)) {
      PyTuple_SET_ITEM(names.ptr(), next++, Py_NewRef(name));
      values.push_back(value);
    }
    std::vector<uint32_t> sizes;
    call.sizes = &sizes;
    if (!call.read(values.data(), nb::len(args), next ? names.ptr() : nullptr))
      return Py_NewRef(Py_None);
    auto entry = std::make_shared<Entry>();
    entry->words = call.key.words;
    for (PyObject *each : call.key.objects)
      entry->objects.push_back(nb::borrow(each));
    for (PyObject *each : call.kept)
      entry->kept.push_back(nb::borrow(each));
    entry->executableObject = nb::borrow(PyTuple_GET_ITEM(given, 2));
    entry->executable = &nb::cast<Executable &>(entry->executableObject);
    entry->guardsObject = nb::borrow(PyTuple_GET_ITEM(given, 3));
    entry->guards = &nb::cast<Guards &>(entry->guardsObject);
    entry->structure = nb::borrow(PyTuple_GET_ITEM(given, 4));
    entry->result = Result::of(entry->structure);
    entry->numbers = call.numbers;
    entry->isInput.resize(call.numbers.size());
    for (nb::handle pair : nb::handle(PyTuple_GET_ITEM(given, 5)))
      entry->inputs.emplace_back(
          nb::cast<HostExpression &>(pair[0]),
          nb::handle(pair[1]).ptr() ==
                  reinterpret_cast<PyObject *>(&PyFloat_Type)
              ? Scalar(0.0).index()
              : Scalar(int64_t{0}).index());
    for (nb::handle place : nb::handle(PyTuple_GET_ITEM(given, 6)))
      entry->isInput.at(nb::cast<size_t>(place)) = true;
    for (nb::handle pair : nb::handle(PyTuple_GET_ITEM(given, 7)))
      entry->open.push_back(sizes.at(nb::cast<size_t>(pair[0])) +
                            nb::cast<uint32_t>(pair[1]));
    Entries &entries = *self(object)->entries;
    entries.insert(entries.begin(), std::move(entry));
    if (entries.size() > kMostEntries)
      entries.pop_back();
    return Py_NewRef(Py_None);
  });
}

PyObject *forget(PyObject *object, PyObject *) {
  Entries gone;
  std::swap(gone, *self(object)->entries);
  return Py_NewRef(Py_None);
}

} // namespace

void addCompiled(nb::module_ &m) {
  static PyMemberDef members[] = {
      {"__vectorcalloffset__", T_PYSSIZET, offsetof(CompiledObject, vectorcall),
       READONLY, nullptr},
      {"_function", T_OBJECT, offsetof(CompiledObject, function), 0, nullptr},
      {nullptr, 0, 0, 0, nullptr}};
  static PyMethodDef methods[] = {{"_keep", keep, METH_VARARGS, nullptr},
                                  {"_forget", forget, METH_NOARGS, nullptr},
                                  {nullptr, nullptr, 0, nullptr}};
  static PyType_Slot slots[] = {
      {Py_tp_new, reinterpret_cast<void *>(create)},
      {Py_tp_dealloc, reinterpret_cast<void *>(dealloc)},
      {Py_tp_traverse, reinterpret_cast<void *>(traverse)},
      {Py_tp_clear, reinterpret_cast<void *>(clear)},
      {Py_tp_call, reinterpret_cast<void *>(PyVectorcall_Call)},
      {Py_tp_members, members},
      {Py_tp_methods, methods},
      {0, nullptr}};
  static PyType_Spec spec = {
      "stepwell._core.Compiled", sizeof(CompiledObject), 0,
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
          Py_TPFLAGS_HAVE_VECTORCALL,
      slots};
  compiledType = reinterpret_cast<PyTypeObject *>(PyType_FromSpec(&spec));
  if (!compiledType)
    throw nb::python_error();
  m.attr("Compiled") = nb::handle(reinterpret_cast<PyObject *>(compiledType));
  // Arguments of this class are told apart by which object they are.
  m.def("_add_identity_type", [](nb::handle type) {
    auto *object = reinterpret_cast<PyTypeObject *>(type.inc_ref().ptr());
    identityTypes().push_back(object);
  });
  // A tensor's own attributes, or None.
  m.def("_own_attributes", [](nb::handle tensor) -> nb::object {
    if (!isTensor(tensor.ptr()))
      return nb::none();
    PyObject *dict = reinterpret_cast<PyTensor *>(tensor.ptr())->dict;
    return dict && PyDict_GET_SIZE(dict) ? nb::borrow(dict)
                                         : nb::object(nb::none());
  });
}

} // namespace stepwell::python
