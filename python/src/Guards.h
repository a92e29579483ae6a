//===- Guards.h - What a captured function took from Python -----*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Python notes what a function can read before it is traced
// (python/stepwell/_guards.py). Each later call compares it here: numbers and
// texts by type and bits, everything else by which object it is.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_PYTHON_GUARDS_H
#define STEPWELL_PYTHON_GUARDS_H

#include "PyTensor.h"

#include <optional>
#include <string>
#include <vector>

namespace stepwell::python {

/// Whether what is in a place stands for what was there: the same object, or a
/// number, a text or a tuple of such that cannot be told from it.
bool isSame(PyObject *now, PyObject *then);

class Guards {
public:
  /// The items of a dictionary: all, in order; or those whose key is among
  /// `names`, which may come later, too.
  void watchDict(nanobind::handle dict, nanobind::object names,
                 const std::string &path);
  /// These keys of a dictionary, there or not.
  void watchKeys(nanobind::handle dict, nanobind::iterable keys,
                 const std::string &path);
  /// The attributes of a class itself, whose names are among `names`.
  void watchClass(nanobind::handle type, nanobind::object names,
                  const std::string &path);
  void watchList(nanobind::handle list, const std::string &path);
  void watchCell(nanobind::handle cell, const std::string &name);
  /// A function's code and defaults.
  void watchFunction(nanobind::handle function, const std::string &path);
  /// An object's class, and which dictionary its attributes are in.
  void watchObject(nanobind::handle object, const std::string &path);
  /// An attribute that a descriptor written in C reads, such as a slot.
  void watchMember(nanobind::handle object, nanobind::handle descriptor,
                   const std::string &path);
  /// What iterating over a set or a deque gives, in order.
  void watchItems(nanobind::handle object, const std::string &path);
  /// The bytes that an array shows.
  void watchBuffer(nanobind::handle object, const std::string &path);
  /// What a Python function returns; it runs in each call.
  void watchState(nanobind::handle function, nanobind::tuple now,
                  const std::string &reason);
  /// The argument of that index is this tensor.
  void pin(size_t index, nanobind::handle tensor);

  /// Whether nothing changed.
  bool hold(std::span<const Tensor> arguments);
  /// What changed, in words; nothing if nothing did.
  std::optional<std::string> whyNot(std::span<const Tensor> arguments);
  size_t size() const;

  int traverse(visitproc visit, void *arg) const;
  void clear();

private:
  using Object = nanobind::object;
  struct Entry {
    Object key, value; // no value: it is absent
  };
  enum class Which : uint8_t { All, Named, Listed };
  struct Dict {
    Object dict, names;
    std::vector<Entry> entries;
    std::string path;
    Which which;
  };
  /// Apart from the rest, so that a call reads them in a row.
  struct Version {
    PyObject *dict;
    uint64_t version;
  };
  struct List {
    Object list;
    std::vector<Object> items;
    std::string path;
  };
  struct Cell {
    Object cell, value;
    std::string name;
  };
  struct Function {
    Object function, code, defaults, keywords;
    std::string path;
  };
  struct Instance {
    PyObject **slot; // of the dictionary; null: ask
    Object object, type, dict;
    std::string path;
  };
  struct Mro {
    Object type, mro;
    std::string path;
  };
  struct Member {
    Object object, descriptor, value;
    std::string path;
  };
  struct Bytes {
    Object object;
    std::string format, shape, content;
    uint64_t hash;
    std::string path;
  };
  struct State {
    Object function, value;
    std::string reason;
  };
  struct Pinned {
    size_t index;
    Object tensor;
  };

  void addDict(nanobind::handle dict, Dict);
  bool changed(size_t dict, std::string *where);
  std::optional<std::string> firstChange(std::span<const Tensor>, bool say);

  std::vector<Version> versions;
  std::vector<Dict> dicts;
  std::vector<List> lists, items;
  std::vector<Cell> cells;
  std::vector<Function> functions;
  std::vector<Instance> instances;
  std::vector<Mro> classes;
  std::vector<Member> members;
  std::vector<Bytes> buffers;
  std::vector<State> states;
  std::vector<Pinned> pinned;
};

void addGuards(nanobind::module_ &);

} // namespace stepwell::python

#endif // STEPWELL_PYTHON_GUARDS_H
