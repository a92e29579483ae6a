//===- Guards.cpp - What a captured function took from Python -------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Guards.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <string_view>

namespace nb = nanobind;
using namespace nb::literals;

namespace stepwell::python {

//===--- Values -----------------------------------------------------------===//

static bool sameBits(double a, double b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

/// NumPy's scalars cannot change and show their bytes.
static bool sameScalar(PyObject *now, PyObject *then) {
  std::string_view name = Py_TYPE(now)->tp_name;
  if (!name.starts_with("numpy.") || name == "numpy.ndarray" ||
      !PyObject_CheckBuffer(now))
    return false;
  Py_buffer a, b;
  if (PyObject_GetBuffer(now, &a, PyBUF_FULL_RO)) {
    PyErr_Clear();
    return false;
  }
  bool same = false;
  if (PyObject_GetBuffer(then, &b, PyBUF_FULL_RO)) {
    PyErr_Clear();
  } else {
    same = a.ndim == 0 && b.ndim == 0 && a.len == b.len &&
           std::string_view(a.format) == b.format && *a.format != 'O' &&
           std::memcmp(a.buf, b.buf, a.len) == 0;
    PyBuffer_Release(&b);
  }
  PyBuffer_Release(&a);
  return same;
}

static bool isSame(PyObject *now, PyObject *then, int depth) {
  if (now == then)
    return true;
  if (!now || !then || Py_TYPE(now) != Py_TYPE(then))
    return false;
  if (PyFloat_CheckExact(now))
    return sameBits(PyFloat_AS_DOUBLE(now), PyFloat_AS_DOUBLE(then));
  if (PyLong_CheckExact(now) || PyUnicode_CheckExact(now) ||
      PyBytes_CheckExact(now))
    return PyObject_RichCompareBool(now, then, Py_EQ) == 1;
  if (PyComplex_CheckExact(now)) {
    Py_complex a = PyComplex_AsCComplex(now), b = PyComplex_AsCComplex(then);
    return sameBits(a.real, b.real) && sameBits(a.imag, b.imag);
  }
  if (PyTuple_CheckExact(now)) {
    Py_ssize_t size = PyTuple_GET_SIZE(now);
    if (size != PyTuple_GET_SIZE(then) || depth == 0)
      return false;
    for (Py_ssize_t i = 0; i < size; ++i)
      if (!isSame(PyTuple_GET_ITEM(now, i), PyTuple_GET_ITEM(then, i),
                  depth - 1))
        return false;
    return true;
  }
  return sameScalar(now, then);
}

bool isSame(PyObject *now, PyObject *then) {
  constexpr int kDeepest = 32;
  return isSame(now, then, kDeepest);
}

/// Python counts the changes of a dictionary up to version 3.11. Zero: it does
/// not, and the items are compared.
static uint64_t versionOf(PyObject *dict) {
#if PY_VERSION_HEX < 0x030C0000
  return reinterpret_cast<PyDictObject *>(dict)->ma_version_tag;
#else
  (void)dict;
  return 0;
#endif
}

static nb::object dictOfClass(PyTypeObject *type) {
#if PY_VERSION_HEX < 0x030C0000
  return nb::borrow(type->tp_dict);
#else
  return nb::steal(PyType_GetDict(type));
#endif
}

static PyObject **dictSlot(PyObject *object) {
#if PY_VERSION_HEX < 0x030C0000
  return _PyObject_GetDictPtr(object);
#else
  (void)object;
  return nullptr;
#endif
}

/// The dictionary of an object's attributes, or none.
static nb::object dictOf(PyObject *object) {
  if (PyObject **slot = dictSlot(object))
    return nb::borrow(*slot);
#if PY_VERSION_HEX >= 0x030C0000
  if (Py_TYPE(object)->tp_dictoffset ||
      (Py_TYPE(object)->tp_flags & Py_TPFLAGS_MANAGED_DICT)) {
    if (PyObject *dict = PyObject_GenericGetDict(object, nullptr))
      return nb::steal(dict);
    PyErr_Clear();
  }
#endif
  return nb::object();
}

static std::string joined(const std::string &path, PyObject *key) {
  std::string name;
  if (PyUnicode_Check(key)) {
    if (const char *text = PyUnicode_AsUTF8(key))
      name = text;
    else
      PyErr_Clear();
  } else if (PyLong_Check(key)) {
    name = nb::cast<std::string>(nb::str(nb::handle(key)));
  } else {
    name = Py_TYPE(key)->tp_name;
  }
  return path.empty() ? name : path + "." + name;
}

//===--- Noting -----------------------------------------------------------===//

void Guards::addDict(nb::handle dict, Dict made) {
  made.dict = nb::borrow(dict);
  versions.push_back({dict.ptr(), versionOf(dict.ptr())});
  dicts.push_back(std::move(made));
}

static bool isNamed(PyObject *names, PyObject *key) {
  return PyUnicode_CheckExact(key) && PySet_Contains(names, key) == 1;
}

void Guards::watchDict(nb::handle dict, nb::object names,
                       const std::string &path) {
  Dict made;
  made.which = names.is_none() ? Which::All : Which::Named;
  made.path = path;
  PyObject *key, *value;
  for (Py_ssize_t at = 0; PyDict_Next(dict.ptr(), &at, &key, &value);)
    if (made.which == Which::All || isNamed(names.ptr(), key))
      made.entries.push_back({nb::borrow(key), nb::borrow(value)});
  made.names = std::move(names);
  addDict(dict, std::move(made));
}

void Guards::watchKeys(nb::handle dict, nb::iterable keys,
                       const std::string &path) {
  Dict made;
  made.which = Which::Listed;
  made.path = path;
  for (nb::handle key : keys) {
    PyObject *value = PyDict_GetItemWithError(dict.ptr(), key.ptr());
    if (PyErr_Occurred())
      throw nb::python_error();
    made.entries.push_back({nb::borrow(key), nb::borrow(value)});
  }
  addDict(dict, std::move(made));
}

void Guards::watchClass(nb::handle type, nb::object names,
                        const std::string &path) {
  auto *object = reinterpret_cast<PyTypeObject *>(type.ptr());
  classes.push_back({nb::borrow(type), nb::borrow(object->tp_mro), path});
  watchDict(dictOfClass(object), std::move(names), path);
}

void Guards::watchList(nb::handle list, const std::string &path) {
  List made{nb::borrow(list), {}, path};
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list.ptr()); ++i)
    made.items.push_back(nb::borrow(PyList_GET_ITEM(list.ptr(), i)));
  lists.push_back(std::move(made));
}

void Guards::watchCell(nb::handle cell, const std::string &name) {
  cells.push_back({nb::borrow(cell), nb::borrow(PyCell_GET(cell.ptr())), name});
}

void Guards::watchFunction(nb::handle function, const std::string &path) {
  PyObject *object = function.ptr();
  functions.push_back({nb::borrow(function),
                       nb::borrow(PyFunction_GetCode(object)),
                       nb::borrow(PyFunction_GetDefaults(object)),
                       nb::borrow(PyFunction_GetKwDefaults(object)), path});
}

void Guards::watchObject(nb::handle object, const std::string &path) {
  nb::object dict = dictOf(object.ptr());
  instances.push_back(
      {dictSlot(object.ptr()), nb::borrow(object),
       nb::borrow(reinterpret_cast<PyObject *>(Py_TYPE(object.ptr()))),
       std::move(dict), path});
}

static nb::object memberOf(PyObject *object, PyObject *descriptor) {
  PyObject *value =
      Py_TYPE(descriptor)
          ->tp_descr_get(descriptor, object,
                         reinterpret_cast<PyObject *>(Py_TYPE(object)));
  if (!value)
    PyErr_Clear(); // it is absent
  return nb::steal(value);
}

void Guards::watchMember(nb::handle object, nb::handle descriptor,
                         const std::string &path) {
  members.push_back({nb::borrow(object), nb::borrow(descriptor),
                     memberOf(object.ptr(), descriptor.ptr()), path});
}

void Guards::watchItems(nb::handle object, const std::string &path) {
  List made{nb::borrow(object), {}, path};
  for (nb::handle item : nb::iter(object))
    made.items.push_back(nb::borrow(item));
  items.push_back(std::move(made));
}

namespace {
/// What an array shows of its memory.
struct Shown {
  Py_buffer view;
  bool valid;
  explicit Shown(PyObject *object)
      : valid(PyObject_GetBuffer(object, &view, PyBUF_FULL_RO) == 0) {
    if (!valid)
      PyErr_Clear();
  }
  ~Shown() {
    if (valid)
      PyBuffer_Release(&view);
  }
  Shown(const Shown &) = delete;
  Shown &operator=(const Shown &) = delete;
  std::string format() const { return view.format ? view.format : "B"; }
  std::string shape() const {
    return {reinterpret_cast<const char *>(view.shape),
            view.shape ? view.ndim * sizeof *view.shape : 0};
  }
  /// The elements in order, without what lies between them.
  std::string content() const {
    std::string bytes(view.len, '\0');
    if (view.len && PyBuffer_ToContiguous(bytes.data(), &view, view.len, 'C'))
      throw nb::python_error();
    return bytes;
  }
};
} // namespace

static uint64_t hashOf(std::string_view bytes) {
  uint64_t hash = bytes.size();
  for (size_t at = 0; at < bytes.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at,
                std::min<size_t>(8, bytes.size() - at));
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
  }
  return hash;
}

void Guards::watchBuffer(nb::handle object, const std::string &path) {
  Shown shown(object.ptr());
  if (!shown.valid)
    return;
  constexpr size_t kMostKept = 1 << 16; // of larger ones a hash is kept
  Bytes made{nb::borrow(object),
             shown.format(),
             shown.shape(),
             shown.content(),
             0,
             path};
  made.hash = hashOf(made.content);
  if (made.content.size() > kMostKept)
    made.content.clear();
  buffers.push_back(std::move(made));
}

void Guards::watchState(nb::handle function, nb::tuple now,
                        const std::string &reason) {
  states.push_back({nb::borrow(function), std::move(now), reason});
}

void Guards::pin(size_t index, nb::handle tensor) {
  pinned.push_back({index, nb::borrow(tensor)});
}

//===--- Comparing --------------------------------------------------------===//

bool Guards::changed(size_t index, std::string *where) {
  Dict &dict = dicts[index];
  uint64_t version = versionOf(dict.dict.ptr());
  auto differs = [&](PyObject *key) {
    if (where)
      *where = joined(dict.path, key);
    return true;
  };
  if (dict.which == Which::Listed) {
    for (const Entry &entry : dict.entries) {
      PyObject *now = PyDict_GetItemWithError(dict.dict.ptr(), entry.key.ptr());
      if (!now && PyErr_Occurred())
        throw nb::python_error();
      if (!isSame(now, entry.value.ptr()))
        return differs(entry.key.ptr());
    }
  } else {
    size_t found = 0;
    PyObject *key, *value;
    for (Py_ssize_t at = 0; PyDict_Next(dict.dict.ptr(), &at, &key, &value);) {
      // Mostly the keys come as they did.
      bool next = found < dict.entries.size() &&
                  isSame(key, dict.entries[found].key.ptr());
      if (next) {
        if (!isSame(value, dict.entries[found].value.ptr()))
          return differs(key);
        ++found;
      } else if (dict.which == Which::All || isNamed(dict.names.ptr(), key)) {
        return differs(key);
      }
    }
    if (found < dict.entries.size())
      return differs(dict.entries[found].key.ptr());
  }
  versions[index].version = version;
  return false;
}

static bool sameItems(const std::vector<nb::object> &then, nb::handle object,
                      size_t *where) {
  size_t at = 0;
  for (nb::handle item : nb::iter(object)) {
    if (at == then.size() || !isSame(item.ptr(), then[at].ptr())) {
      *where = at;
      return false;
    }
    ++at;
  }
  *where = at;
  return at == then.size();
}

std::optional<std::string>
Guards::firstChange(std::span<const Tensor> arguments, bool say) {
  auto replaced = [&](const std::string &path) -> std::string {
    if (!say)
      return {};
    return path.empty() ? "what the function reads was replaced"
                        : "'" + path + "' was replaced";
  };
  for (const Pinned &each : pinned)
    if (each.index >= arguments.size() ||
        arguments[each.index] != unwrap(each.tensor.ptr()))
      return "argument " + std::to_string(each.index) +
             " was a tensor that the function also closes over";
  for (const Cell &each : cells)
    if (PyObject *now = PyCell_GET(each.cell.ptr());
        now != each.value.ptr() && !isSame(now, each.value.ptr()))
      return say ? "'" + each.name +
                       "', which the function closes over, was replaced"
                 : "";
  for (const Function &each : functions) {
    PyObject *object = each.function.ptr();
    if (PyFunction_GET_CODE(object) != each.code.ptr())
      return say ? "the code of '" + each.path + "' was replaced" : "";
    PyObject *defaults = PyFunction_GET_DEFAULTS(object);
    if (!isSame(defaults, each.defaults.ptr()) ||
        PyFunction_GET_KW_DEFAULTS(object) != each.keywords.ptr())
      return say ? "the defaults of '" + each.path + "' were replaced" : "";
  }
  for (const Instance &each : instances) {
    PyObject *object = each.object.ptr();
    if (reinterpret_cast<PyObject *>(Py_TYPE(object)) != each.type.ptr())
      return say ? "the class of '" + each.path + "' was replaced" : "";
    if (each.slot ? *each.slot != each.dict.ptr()
                  : !dictOf(object).is(each.dict))
      return say ? "the attributes of '" + each.path + "' were replaced" : "";
  }
  for (const Mro &each : classes)
    if (reinterpret_cast<PyTypeObject *>(each.type.ptr())->tp_mro !=
        each.mro.ptr())
      return say ? "the bases of '" + each.path + "' were replaced" : "";
  for (size_t i = 0; i < versions.size(); ++i) {
    uint64_t now = versionOf(versions[i].dict);
    std::string where;
    if ((now == 0 || now != versions[i].version) &&
        changed(i, say ? &where : nullptr))
      return replaced(where);
  }
  for (const List &each : lists) {
    PyObject *list = each.list.ptr();
    size_t count = each.items.size();
    size_t now = PyList_GET_SIZE(list);
    for (size_t i = 0; i < std::min(count, now); ++i)
      if (PyObject *item = PyList_GET_ITEM(list, i);
          item != each.items[i].ptr() && !isSame(item, each.items[i].ptr()))
        return replaced(joined(each.path, nb::int_(i).ptr()));
    if (now != count)
      return say ? "the length of '" + each.path + "' changed" : "";
  }
  for (const Member &each : members)
    if (!isSame(memberOf(each.object.ptr(), each.descriptor.ptr()).ptr(),
                each.value.ptr()))
      return replaced(each.path);
  for (const Bytes &each : buffers) {
    Shown shown(each.object.ptr());
    if (!shown.valid || shown.format() != each.format ||
        shown.shape() != each.shape)
      return replaced(each.path);
    std::string content = shown.content();
    if (each.content.empty() ? hashOf(content) != each.hash
                             : content != each.content)
      return replaced(each.path);
  }
  for (const List &each : items) {
    size_t where;
    if (!sameItems(each.items, each.list, &where))
      return replaced(joined(each.path, nb::int_(where).ptr()));
  }
  for (const State &each : states) {
    nb::object now = callPython([&] { return each.function(); });
    if (!isSame(now.ptr(), each.value.ptr()))
      return each.reason;
  }
  return std::nullopt;
}

bool Guards::hold(std::span<const Tensor> arguments) {
  return !firstChange(arguments, false);
}

std::optional<std::string> Guards::whyNot(std::span<const Tensor> arguments) {
  return firstChange(arguments, true);
}

size_t Guards::size() const {
  return dicts.size() + lists.size() + items.size() + cells.size() +
         functions.size() + instances.size() + classes.size() + members.size() +
         buffers.size() + states.size() + pinned.size();
}

//===--- Collecting garbage -----------------------------------------------===//

int Guards::traverse(visitproc visit, void *arg) const {
  auto all = [&](std::initializer_list<const Object *> objects) {
    for (const Object *object : objects)
      if (object->is_valid())
        if (int status = visit(object->ptr(), arg))
          return status;
    return 0;
  };
  auto each = [&](const auto &list, auto members) {
    for (const auto &item : list)
      if (int status = members(item))
        return status;
    return 0;
  };
  auto ofList = [&](const List &l) {
    if (int status = all({&l.list}))
      return status;
    return each(l.items, [&](const Object &item) { return all({&item}); });
  };
  auto ofDict = [&](const Dict &d) {
    if (int status = all({&d.dict, &d.names}))
      return status;
    return each(d.entries,
                [&](const Entry &e) { return all({&e.key, &e.value}); });
  };
  auto ofFunction = [&](const Function &f) {
    return all({&f.function, &f.code, &f.defaults, &f.keywords});
  };
  auto ofMember = [&](const Member &m) {
    return all({&m.object, &m.descriptor, &m.value});
  };
  for (int status :
       {each(dicts, ofDict), each(lists, ofList), each(items, ofList),
        each(cells, [&](const Cell &c) { return all({&c.cell, &c.value}); }),
        each(functions, ofFunction),
        each(instances,
             [&](const Instance &i) {
               return all({&i.object, &i.type, &i.dict});
             }),
        each(classes, [&](const Mro &m) { return all({&m.type, &m.mro}); }),
        each(members, ofMember),
        each(buffers, [&](const Bytes &b) { return all({&b.object}); }),
        each(states,
             [&](const State &s) { return all({&s.function, &s.value}); }),
        each(pinned, [&](const Pinned &p) { return all({&p.tensor}); })})
    if (status)
      return status;
  return 0;
}

void Guards::clear() {
  // What goes may call back: it finds nothing here.
  Guards gone;
  std::swap(gone, *this);
}

void addGuards(nb::module_ &m) {
  static PyType_Slot slots[] = {
      {Py_tp_traverse,
       reinterpret_cast<void *>(
           +[](PyObject *self, visitproc visit, void *arg) -> int {
             Py_VISIT(Py_TYPE(self));
             return nb::inst_ready(self)
                        ? nb::inst_ptr<Guards>(self)->traverse(visit, arg)
                        : 0;
           })},
      {Py_tp_clear, reinterpret_cast<void *>(+[](PyObject *self) -> int {
         if (nb::inst_ready(self))
           nb::inst_ptr<Guards>(self)->clear();
         return 0;
       })},
      {0, nullptr}};
  nb::class_<Guards>(m, "Guards", nb::type_slots(slots))
      .def(nb::init<>())
      .def("watch_dict", &Guards::watchDict, "dict"_a, "names"_a.none(),
           "path"_a)
      .def("watch_keys", &Guards::watchKeys, "dict"_a, "keys"_a, "path"_a)
      .def("watch_class", &Guards::watchClass, "type"_a, "names"_a.none(),
           "path"_a)
      .def("watch_list", &Guards::watchList, "list"_a, "path"_a)
      .def("watch_cell", &Guards::watchCell, "cell"_a, "name"_a)
      .def("watch_function", &Guards::watchFunction, "function"_a, "path"_a)
      .def("watch_object", &Guards::watchObject, "object"_a, "path"_a)
      .def("watch_member", &Guards::watchMember, "object"_a, "descriptor"_a,
           "path"_a)
      .def("watch_items", &Guards::watchItems, "object"_a, "path"_a)
      .def("watch_buffer", &Guards::watchBuffer, "object"_a, "path"_a)
      .def("watch_state", &Guards::watchState, "function"_a, "now"_a,
           "reason"_a)
      .def("pin", &Guards::pin, "index"_a, "tensor"_a)
      .def(
          "why_not",
          [](Guards &guards, const std::vector<Tensor> &arguments) {
            return guards.whyNot(arguments);
          },
          "arguments"_a)
      .def("__len__", &Guards::size);
}

} // namespace stepwell::python
