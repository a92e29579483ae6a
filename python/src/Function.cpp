//===- Function.cpp - Functions of tensors that are written in Python -----===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A definition is traced once for each class of its arguments. A call of a
// class that was seen binds its arguments, finds its plan and launches one
// kernel; Python runs again only where the class, or a guard of the trace, is
// new.
//===----------------------------------------------------------------------===//

#include "Function.h"

#include "stepwell/Eager/Plan.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <structmember.h>

namespace nb = nanobind;
using namespace nb::literals;

namespace stepwell::python {

namespace {

enum class Kind : uint8_t { Tensor, OptionalTensor, Tensors, Number, Constant };

/// Values that are a part of the class have a number each, for good.
uint64_t constantId(nb::handle value) {
  static PyObject *ids = PyDict_New();
  static PyObject *keyOf =
      nb::object(
          nb::module_::import_("stepwell._function").attr("_constant_key"))
          .release()
          .ptr();
  nb::object key = nb::handle(keyOf)(value);
  if (PyObject *found = PyDict_GetItemWithError(ids, key.ptr()))
    return PyLong_AsUnsignedLongLong(found);
  if (PyErr_Occurred())
    throw nb::python_error();
  uint64_t id = PyDict_GET_SIZE(ids) + 1;
  nb::object number = nb::steal(PyLong_FromUnsignedLongLong(id));
  if (PyDict_SetItem(ids, key.ptr(), number.ptr()))
    throw nb::python_error();
  return id;
}

/// Whether an object can be known by its address as long as it is kept.
bool isImmutable(PyObject *value) {
  if (PyTuple_CheckExact(value)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); ++i)
      if (!isImmutable(PyTuple_GET_ITEM(value, i)))
        return false;
    return true;
  }
  return value == Py_None || PyUnicode_CheckExact(value) ||
         PyLong_CheckExact(value) || PyBool_Check(value) ||
         PyFloat_CheckExact(value) || isDType(value);
}

struct Parameter {
  nb::object name;
  Kind kind = Kind::Constant;
  nb::object fallback; // none: it must be given
  bool keywordOnly = false;
  /// Objects that were given lately. They cannot change.
  static constexpr size_t kRecent = 4;
  std::pair<nb::object, uint64_t> recent[kRecent];
  size_t nextRecent = 0;

  uint64_t constant(PyObject *value) {
    for (const auto &[object, id] : recent)
      if (object.ptr() == value)
        return id;
    uint64_t id = constantId(value);
    if (isImmutable(value))
      recent[nextRecent++ % kRecent] = {nb::borrow(value), id};
    return id;
  }
};

/// One trace: a Program, and for which calls it stands.
struct Variant {
  Ref<Template> call;
  std::vector<Executable::Input> inputs;
  std::vector<HostGuard> guards;
  std::vector<HostExpression> numbers;
  /// How many of a call's values are sizes; whether all are needed each time.
  size_t sizes = 0;
  bool guardsNumbers = false, computes = false;
  std::vector<int> results; // which outputs
  nb::object structure;     // of the result; None: one tensor
  int into = -1;            // the input that is written in place
};

struct Class {
  bool eager = false; // its definition runs as it is, each time
  std::vector<std::shared_ptr<const Variant>> variants;
};

struct Definition {
  uint64_t id;
  std::string name;
  std::vector<Parameter> parameters;
  size_t positional = 0;
  nb::object body, trace, other;
  bool hasRules = false; // a derivative or a lowering of its own
  bool into = false;
  std::unordered_map<std::string, Class> classes;
};

struct FunctionObject {
  PyObject_HEAD vectorcallfunc vectorcall;
  PyObject *dict, *weakrefs;
  Definition *definition;
};

PyTypeObject *functionType = nullptr;

/// Odd: no address of an operation or a Template.
uint64_t newId() {
  static uint64_t count = 0;
  return 2 * ++count + 1;
}

/// What one call is given.
struct Call {
  static constexpr size_t kMost = 32;
  PyObject *inside[kMost] = {};
  std::vector<PyObject *> outside;
  PyObject **values = inside; // one per parameter, borrowed
  std::vector<Argument> tensors;
  std::vector<Scalar> numbers;
};

/// False for what is no call: Python says why.
bool bind(const Definition &definition, Call &call, PyObject *const *args,
          size_t count, PyObject *names) {
  size_t size = definition.parameters.size();
  if (count > definition.positional)
    return false;
  if (size > Call::kMost) {
    call.outside.resize(size);
    call.values = call.outside.data();
  }
  for (size_t i = 0; i < count; ++i)
    call.values[i] = args[i];
  for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); ++i) {
    PyObject *name = PyTuple_GET_ITEM(names, i);
    size_t at = 0;
    while (at < size && definition.parameters[at].name.ptr() != name)
      ++at;
    for (size_t j = 0; at == size && j < size; ++j)
      if (PyUnicode_Compare(name, definition.parameters[j].name.ptr()) == 0)
        at = j;
    if (at == size || call.values[at])
      return false;
    call.values[at] = args[count + i];
  }
  for (size_t i = 0; i < size; ++i)
    if (!call.values[i]) {
      call.values[i] = definition.parameters[i].fallback.ptr();
      if (!call.values[i])
        return false;
    }
  return true;
}

/// Adds a tensor to the key of a plan and, where one is made, of a class: what
/// decides about its trace.
struct Keys {
  CallKey &plan;
  std::string *kind;
  void word(uint64_t word) {
    plan.add(word);
    if (kind)
      kind->append(reinterpret_cast<const char *>(&word), sizeof word);
  }
  void tensor(const TensorImpl &tensor) {
    if (!kind)
      return;
    uint64_t small = 0; // two bits for each size: 0, 1, more
    for (int64_t size : tensor.sizes)
      small = small << 2 | static_cast<uint64_t>(std::min<int64_t>(size, 2));
    for (uint64_t word : {uint64_t(4), static_cast<uint64_t>(tensor.dtype),
                          static_cast<uint64_t>(tensor.rank()), small})
      kind->append(reinterpret_cast<const char *>(&word), sizeof word);
  }
};

/// False where the definition has to say what is wrong.
bool classify(Definition &definition, Call &call, Keys keys) {
  for (size_t i = 0; i < definition.parameters.size(); ++i) {
    Parameter &parameter = definition.parameters[i];
    PyObject *value = call.values[i];
    switch (parameter.kind) {
    case Kind::OptionalTensor:
      if (value == Py_None) {
        keys.word(3);
        continue;
      }
      [[fallthrough]];
    case Kind::Tensor:
      if (!isTensor(value))
        return false;
      call.tensors.push_back({unwrap(value)});
      keys.tensor(*call.tensors.back().tensor);
      continue;
    case Kind::Tensors: {
      if (!PyList_Check(value) && !PyTuple_Check(value))
        return false;
      Py_ssize_t size = PySequence_Fast_GET_SIZE(value);
      keys.word(size);
      for (Py_ssize_t j = 0; j < size; ++j) {
        PyObject *item = PySequence_Fast_GET_ITEM(value, j);
        if (!isTensor(item))
          return false;
        call.tensors.push_back({unwrap(item)});
        keys.tensor(*call.tensors.back().tensor);
      }
      continue;
    }
    case Kind::Number: {
      Scalar number;
      if (value == Py_None) {
        keys.word(3);
        continue;
      }
      if (isTensor(value) || !toScalar(value, number))
        return false;
      keys.word(number.index());
      call.numbers.push_back(number);
      continue;
    }
    case Kind::Constant:
      keys.word(parameter.constant(value));
      continue;
    }
  }
  return true;
}

bool same(const Scalar &a, const Scalar &b) {
  if (a.index() != b.index())
    return false;
  const double *x = std::get_if<double>(&a), *y = std::get_if<double>(&b);
  return x ? std::memcmp(x, y, sizeof *x) == 0 : a == b;
}

/// The sizes of a call's tensors, then its numbers.
std::vector<Scalar> valuesOf(const Call &call) {
  std::vector<Scalar> values;
  for (const Argument &argument : call.tensors)
    for (int64_t size : argument.tensor->sizes)
      values.push_back(size);
  values.insert(values.end(), call.numbers.begin(), call.numbers.end());
  return values;
}

bool hold(const Variant &variant, std::span<const Scalar> values,
          bool ofNumbersOnly) {
  for (const HostGuard &guard : variant.guards) {
    if (ofNumbersOnly && !guard.ofNumbers)
      continue;
    std::optional<Scalar> value = guard.expression.evaluate(values);
    if (!value || !same(*value, guard.expected))
      return false;
  }
  return true;
}

/// The arguments of the Program; false if a number cannot be computed.
bool gather(const Variant &variant, const Call &call,
            std::span<const Scalar> values, std::span<Argument> arguments) {
  for (size_t i = 0; i < variant.inputs.size(); ++i) {
    const Executable::Input &input = variant.inputs[i];
    if (input.argument >= 0) {
      arguments[i].tensor = call.tensors[input.argument].tensor;
    } else if (input.captured) {
      arguments[i].tensor = input.captured;
    } else if (input.number < 0) {
      arguments[i].scalar = input.scalar;
    } else {
      const HostExpression &number = variant.numbers[input.number];
      int64_t place = number.asValue() - static_cast<int64_t>(variant.sizes);
      std::optional<Scalar> value;
      if (place >= 0)
        value = call.numbers[place];
      else
        value = number.evaluate(values);
      if (!value)
        return false;
      arguments[i].scalar = *value;
    }
  }
  return true;
}

PyObject *wrapResults(const Variant &variant, std::span<const Tensor> outputs) {
  if (variant.structure.is_none())
    return wrap(outputs[variant.results[0]]);
  nb::object list = nb::steal(PyTuple_New(variant.results.size()));
  for (size_t i = 0; i < variant.results.size(); ++i)
    PyTuple_SET_ITEM(list.ptr(), i, wrap(outputs[variant.results[i]]));
  if (variant.structure.ptr() == reinterpret_cast<PyObject *>(&PyTuple_Type))
    return list.release().ptr();
  return nb::object(variant.structure(list)).release().ptr();
}

PyObject *runBody(Definition &definition, PyObject *const *args, size_t flags,
                  PyObject *names) {
  PyObject *result = callPython([&] {
    return PyObject_Vectorcall(definition.body.ptr(), args, flags, names);
  });
  if (!result)
    throw nb::python_error();
  return result;
}

nb::object boundValues(const Definition &definition, const Call &call) {
  nb::object values = nb::steal(PyTuple_New(definition.parameters.size()));
  for (size_t i = 0; i < definition.parameters.size(); ++i)
    PyTuple_SET_ITEM(values.ptr(), i, Py_NewRef(call.values[i]));
  return values;
}

/// A trace for calls like this one; null if the definition runs as it is.
std::shared_ptr<const Variant> trace(Definition &definition, const Call &call) {
  nb::object values = boundValues(definition, call);
  nb::object made =
      callPython([&] { return definition.trace(values, definition.into); });
  if (made.is_none())
    return nullptr;
  auto variant = std::make_shared<Variant>();
  auto &executable = nb::cast<Executable &>(made[0]);
  variant->call = executable.call;
  variant->inputs = executable.inputs;
  variant->guards = executable.hostGuards;
  variant->structure = made[1];
  size_t count = valuesOf(call).size();
  variant->sizes = count - call.numbers.size();
  for (const std::string &code : nb::cast<std::vector<std::string>>(made[2])) {
    variant->numbers.emplace_back(code, count);
    variant->computes |= variant->numbers.back().asValue() <
                         static_cast<int64_t>(variant->sizes);
  }
  for (const HostGuard &guard : variant->guards)
    variant->guardsNumbers |= guard.ofNumbers;
  for (const Executable::Result &result : executable.results)
    variant->results.push_back(result.same >= 0 ? variant->results[result.same]
                                                : result.output);
  if (definition.into) {
    for (size_t i = 0; i < variant->inputs.size(); ++i)
      if (variant->inputs[i].argument == 0)
        variant->into = static_cast<int>(i);
    if (variant->into < 0 || variant->call->results.size() != 1)
      return nullptr;
  }
  return variant;
}

/// A call of a trace whose guards hold; null where a number of it cannot be
/// computed. Other threads may run meanwhile: the caller keeps the trace.
PyObject *callVariant(const std::shared_ptr<const Variant> &kept,
                      const Call &call, const CallKey &key,
                      const Ref<CallPlan> &plan,
                      std::span<const Scalar> values) {
  const Variant &variant = *kept;
  size_t count = variant.inputs.size();
  Argument inside[8];
  std::vector<Argument> outside(count > 8 ? count : 0);
  std::span<Argument> arguments(count > 8 ? outside.data() : inside, count);
  if (!gather(variant, call, values, arguments))
    return nullptr;
  int into = variant.into;
  if (into >= 0)
    checkWritable(arguments[into].tensor, arguments);
  if (!plan)
    return wrapResults(variant,
                       callNew(*variant.call, arguments, into, key, kept));
  size_t results = plan->results.size();
  if (results == 1 && variant.structure.is_none()) {
    Tensor output;
    callAgain(*variant.call, plan, arguments, into, {&output, 1});
    return wrap(output);
  }
  std::vector<Tensor> outputs(results);
  callAgain(*variant.call, plan, arguments, into, outputs);
  return wrapResults(variant, outputs);
}

/// The class of a call; what nobody asks for again makes room.
Class &classOf(Definition &definition, const std::string &kind) {
  constexpr size_t kMostClasses = 1024;
  if (definition.classes.size() >= kMostClasses &&
      !definition.classes.count(kind)) {
    definition.classes.clear();
    definition.id = newId(); // plans of before are no more
  }
  return definition.classes[kind];
}

PyObject *callSlowly(Definition &definition, Call &call, const CallKey &key,
                     const std::string &kind, PyObject *const *args,
                     size_t flags, PyObject *names) {
  std::vector<Scalar> values = valuesOf(call);
  auto serve = [&](const std::shared_ptr<const Variant> &variant) {
    return hold(*variant, values, false)
               ? callVariant(variant, call, key, {}, values)
               : nullptr;
  };
  {
    // While a kernel is compiled, another thread may add to the class.
    Class known = classOf(definition, kind);
    if (known.eager)
      return runBody(definition, args, flags, names);
    for (const auto &variant : known.variants)
      if (PyObject *result = serve(variant))
        return result;
  }
  std::shared_ptr<const Variant> made = trace(definition, call);
  Class &now = classOf(definition, kind);
  constexpr size_t kMostVariants = 64; // beyond, something is new in each call
  if (!made || now.variants.size() >= kMostVariants) {
    now.eager = true;
    return runBody(definition, args, flags, names);
  }
  now.variants.push_back(made);
  if (PyObject *result = serve(made))
    return result;
  return runBody(definition, args, flags, names);
}

PyObject *callFunction(PyObject *object, PyObject *const *args, size_t flags,
                       PyObject *names) {
  return guarded([&]() -> PyObject * {
    Definition &definition =
        *reinterpret_cast<FunctionObject *>(object)->definition;
    bool captured = Capture::current();
    if (captured && !definition.hasRules)
      return runBody(definition, args, flags, names);
    Call call;
    CallKey key;
    key.add(definition.id);
    if (!bind(definition, call, args, PyVectorcall_NARGS(flags), names))
      return runBody(definition, args, flags, names); // Python says why
    if (!classify(definition, call, {key, nullptr}))
      return nb::object(definition.other(boundValues(definition, call)))
          .release()
          .ptr();
    if (captured) {
      for (const Argument &argument : call.tensors)
        fixShape(argument.tensor);
    } else {
      key.add(&definition, call.tensors, definition.into ? 0 : -1);
      if (Ref<CallPlan> plan = key.complete() ? findPlan(key) : nullptr) {
        auto variant = std::static_pointer_cast<const Variant>(plan->variant);
        std::vector<Scalar> values;
        if (variant->guardsNumbers || variant->computes)
          values = valuesOf(call);
        if (!variant->guardsNumbers || hold(*variant, values, true))
          if (PyObject *result = callVariant(variant, call, key, plan, values))
            return result;
      }
    }
    Call again;
    CallKey other;
    std::string kind;
    bind(definition, again, args, PyVectorcall_NARGS(flags), names);
    classify(definition, again, {other, &kind});
    return callSlowly(definition, again, key, kind, args, flags, names);
  });
}

//===--- The type ---------------------------------------------------------===//

std::unique_ptr<Definition> define(PyObject *args) {
  auto definition = std::make_unique<Definition>();
  nb::handle given(args);
  definition->id = newId();
  definition->name = nb::cast<std::string>(given[0]);
  for (nb::handle each : given[1]) {
    Parameter &parameter = definition->parameters.emplace_back();
    parameter.name = nb::borrow(each[0]);
    parameter.kind = static_cast<Kind>(nb::cast<int>(each[1]));
    parameter.keywordOnly = nb::cast<bool>(each[2]);
    if (nb::len(each) > 3)
      parameter.fallback = nb::borrow(each[3]);
    definition->positional += !parameter.keywordOnly;
  }
  definition->body = nb::borrow(given[2]);
  definition->trace = nb::borrow(given[3]);
  definition->other = nb::borrow(given[4]);
  definition->into = nb::cast<bool>(given[5]);
  return definition;
}

PyObject *create(PyTypeObject *type, PyObject *args, PyObject *) {
  return guarded([&]() -> PyObject * {
    std::unique_ptr<Definition> definition = define(args);
    auto *self = reinterpret_cast<FunctionObject *>(type->tp_alloc(type, 0));
    if (!self)
      throw nb::python_error();
    self->vectorcall = callFunction;
    self->definition = definition.release();
    return reinterpret_cast<PyObject *>(self);
  });
}

void dealloc(PyObject *object) {
  auto *self = reinterpret_cast<FunctionObject *>(object);
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  if (self->weakrefs)
    PyObject_ClearWeakRefs(object);
  Py_CLEAR(self->dict);
  delete self->definition;
  type->tp_free(object);
  Py_DECREF(type);
}

int traverse(PyObject *object, visitproc visit, void *arg) {
  auto *self = reinterpret_cast<FunctionObject *>(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->dict);
  if (self->definition) {
    Py_VISIT(self->definition->body.ptr());
    Py_VISIT(self->definition->trace.ptr());
    for (const Parameter &parameter : self->definition->parameters)
      Py_VISIT(parameter.fallback.ptr());
  }
  return 0;
}

int clear(PyObject *object) {
  auto *self = reinterpret_cast<FunctionObject *>(object);
  Py_CLEAR(self->dict);
  return 0;
}

/// A rule was added: what was traced without it is no more.
PyObject *addRules(PyObject *object, PyObject *) {
  Definition &definition =
      *reinterpret_cast<FunctionObject *>(object)->definition;
  definition.id = newId();
  definition.classes.clear();
  definition.hasRules = true;
  Py_RETURN_NONE;
}

PyObject *bindMethod(PyObject *self, PyObject *object, PyObject *) {
  return object ? PyMethod_New(self, object) : Py_NewRef(self);
}

PyObject *represent(PyObject *object) {
  auto *self = reinterpret_cast<FunctionObject *>(object);
  return PyUnicode_FromFormat("<stepwell.function %s>",
                              self->definition->name.c_str());
}

void makeFunctionType(nb::module_ &m) {
  static PyMemberDef members[] = {
      {"__vectorcalloffset__", T_PYSSIZET, offsetof(FunctionObject, vectorcall),
       READONLY, nullptr},
      {"__dictoffset__", T_PYSSIZET, offsetof(FunctionObject, dict), READONLY,
       nullptr},
      {"__weaklistoffset__", T_PYSSIZET, offsetof(FunctionObject, weakrefs),
       READONLY, nullptr},
      {nullptr, 0, 0, 0, nullptr}};
  static PyGetSetDef properties[] = {
      {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr,
       nullptr},
      {nullptr, nullptr, nullptr, nullptr, nullptr}};
  static PyMethodDef methods[] = {
      {"_add_rules", addRules, METH_NOARGS, nullptr},
      {nullptr, nullptr, 0, nullptr}};
  static PyType_Slot slots[] = {
      {Py_tp_new, reinterpret_cast<void *>(create)},
      {Py_tp_dealloc, reinterpret_cast<void *>(dealloc)},
      {Py_tp_traverse, reinterpret_cast<void *>(traverse)},
      {Py_tp_clear, reinterpret_cast<void *>(clear)},
      {Py_tp_call, reinterpret_cast<void *>(PyVectorcall_Call)},
      {Py_tp_descr_get, reinterpret_cast<void *>(bindMethod)},
      {Py_tp_repr, reinterpret_cast<void *>(represent)},
      {Py_tp_members, members},
      {Py_tp_methods, methods},
      {Py_tp_getset, properties},
      {0, nullptr}};
  static PyType_Spec spec = {"stepwell.Function", sizeof(FunctionObject), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                 Py_TPFLAGS_HAVE_VECTORCALL |
                                 Py_TPFLAGS_METHOD_DESCRIPTOR,
                             slots};
  functionType = reinterpret_cast<PyTypeObject *>(PyType_FromSpec(&spec));
  if (!functionType)
    throw nb::python_error();
  m.attr("Function") = nb::handle(reinterpret_cast<PyObject *>(functionType));
}

/// Where the derivative of a trace ends.
struct ArgumentNode : Node {
  ArgumentNode() : Node(std::vector<Edge>()) {}
  std::string name() const override { return "argument"; }
  std::vector<Tensor> apply(std::vector<Tensor>) override { return {}; }
};

/// Tensors that stand for those of every call of a class: row-major, each with
/// memory of its own, of which nothing is read.
std::vector<Tensor> standIns(const std::vector<Tensor> &tensors) {
  std::vector<Tensor> made;
  for (const Tensor &tensor : tensors) {
    Ref<Buffer> buffer = Buffer::allocate(1);
    buffer->bytes = checkedBytes(tensor->dtype, tensor->sizes);
    made.push_back(
        makeTensor(std::move(buffer), tensor->dtype,
                   {tensor->sizes, packedStrides(tensor->sizes), 0}));
    if (!isFloat(tensor->dtype))
      continue;
    Ref<ArgumentNode> node(new ArgumentNode);
    node->outputs = {tensor->type()};
    made.back()->node = Ref<Node>(node.get());
  }
  return made;
}

} // namespace

//===--- Sizes of an open capture -----------------------------------------===//

static PyObject *makeSize = nullptr;

nb::object sizeObject(int64_t hint, const OpenSize &size) {
  if (size.known())
    return nb::int_(*size.known());
  return nb::handle(makeSize)(size.postfix(), hint);
}

nb::object shapeObject(const Tensor &tensor) {
  Capture *capture = Capture::current();
  if (!capture || !capture->openTrace())
    return nb::cast(tensor->sizes);
  OpenShape shape = capture->shapeOf(*tensor);
  nb::object tuple = nb::steal(PyTuple_New(shape.size()));
  for (size_t i = 0; i < shape.size(); ++i)
    PyTuple_SET_ITEM(tuple.ptr(), i,
                     sizeObject(tensor->sizes[static_cast<int>(i)], shape[i])
                         .release()
                         .ptr());
  return tuple;
}

void fixShape(const Tensor &tensor) {
  Capture *capture = Capture::current();
  if (!capture || !capture->openTrace())
    return;
  OpenShape shape = capture->shapeOf(*tensor);
  capture->openTrace()->fix(shape);
}

std::pair<Dims, OpenShape> givenSizes(PyObject *const *args, Py_ssize_t count) {
  nb::object items;
  if (count == 1 && !PyIndex_Check(args[0])) {
    items = nb::steal(PySequence_Fast(args[0], "expected ints or one tuple of "
                                               "ints"));
    if (!items.is_valid())
      throw nb::python_error();
    args = PySequence_Fast_ITEMS(items.ptr());
    count = PySequence_Fast_GET_SIZE(items.ptr());
  }
  std::pair<Dims, OpenShape> sizes;
  for (Py_ssize_t i = 0; i < count; ++i) {
    nb::handle item = args[i];
    bool traced = Py_TYPE(item.ptr()) == numberType;
    nb::object value = traced ? nb::object(item.attr("_value"))
                              : nb::steal(PyNumber_Index(item.ptr()));
    int64_t size = value.is_valid() ? PyLong_AsLongLong(value.ptr()) : -1;
    if (PyErr_Occurred())
      throw nb::python_error();
    sizes.first.push_back(size);
    sizes.second.push_back(
        traced ? OpenSize::open(nb::cast<std::string>(item.attr("_code")))
               : OpenSize(size));
  }
  return sizes;
}

/// Traces a derivative rule on stand-ins for the arguments, the results, and
/// the cotangents of those of a float type. It returns one gradient for each of
/// the arguments, or None.
static Rule traceRule(nb::handle rule, std::vector<Tensor> arguments,
                      const std::vector<Tensor> &results,
                      std::unique_ptr<OpenTrace> open,
                      std::vector<OpenShape> shapes) {
  size_t count = arguments.size();
  std::vector<Tensor> read = arguments;
  read.insert(read.end(), results.begin(), results.end());
  for (size_t i = 0; i < results.size(); ++i)
    if (isFloat(results[i]->dtype)) {
      read.push_back(results[i]);
      shapes.push_back(shapes[count + i]);
    }
  read = standIns(read);
  nb::object given = nb::cast(read);
  Rule made;
  made.arguments = count;
  Capture capture(
      read, std::make_unique<OpenTrace>(std::move(*open), std::move(shapes)));
  nb::object returned = callPython([&] { return rule(given); });
  std::vector<Tensor> gradients;
  for (size_t i = 0; i < count; ++i) {
    made.types.push_back(
        {arguments[i]->dtype,
         capture.openTrace()->dims(capture.openTrace()->argument(i))});
    if (returned[i].is_none())
      continue;
    // What it was given may be a gradient, too.
    gradients.push_back(packedCopy(nb::cast<Tensor>(returned[i])));
    made.of.push_back(static_cast<int>(i));
  }
  made.executable = capture.finish(gradients);
  if (!made.executable.isPure())
    fail(Error::Kind::Runtime, "a derivative rule writes to a tensor");
  return made;
}

static std::string mlirType(const TensorType &type) {
  std::string text = "tensor<";
  for (int64_t size : type.dims)
    text += (size == kDynamic ? "?" : std::to_string(size)) + "x";
  return text + std::string(mlirName(type.dtype)) + ">";
}

/// Asks for the lowering of a function: of its tensors, then its numbers.
static LoweredCall lower(nb::handle lowering, const Executable &function,
                         std::span<const Tensor> arguments,
                         std::span<const Scalar> numbers,
                         std::span<const int> places,
                         std::span<const TensorType> types) {
  LoweredCall call;
  nb::list inputs, results;
  for (size_t i = 0; i < arguments.size(); ++i) {
    call.inputs.emplace_back().argument = static_cast<int>(i);
    call.types.push_back({types[i]});
  }
  for (size_t i = 0; i < numbers.size(); ++i) {
    call.inputs.push_back({.scalar = numbers[i], .number = places[i]});
    ProgramInput &type = call.types.emplace_back();
    type.type.dtype = numbers[i].index() == 2 ? DType::F64 : DType::I64;
    type.scalar = true;
  }
  for (const ProgramInput &input : call.types)
    inputs.append(mlirType(input.type));
  const Program &program = *function.call->program;
  for (const ProgramOutput &output : program.outputs)
    results.append(mlirType(program.type(output.value)));
  call.text = nb::cast<std::string>(
      callPython([&] { return lowering(inputs, results); }));
  return call;
}

/// Runs `function` on stand-ins for the tensors; it returns a list of tensors.
/// None where the result is not made of new tensors alone. With a rule or a
/// lowering, which is asked for once the types are known, the Program is a call
/// of `name`. `places` says which of the trace's numbers each number is.
static nb::object traceFunction(const std::vector<Tensor> &tensors,
                                const std::vector<Scalar> &numbers,
                                nb::callable function, const std::string &name,
                                nb::object rule, nb::object lowering,
                                const std::vector<int> &places) {
  std::vector<Tensor> arguments = standIns(tensors), made;
  nb::object given = nb::cast(arguments);
  GradModeGuard grad(true);
  Executable executable;
  std::unique_ptr<OpenTrace> open;
  std::vector<OpenShape> shapes;
  std::vector<TensorType> types;
  {
    Capture capture(arguments, std::make_unique<OpenTrace>(arguments, numbers));
    nb::object results = callPython([&] { return function(given); });
    made = nb::cast<std::vector<Tensor>>(results);
    if (!rule.is_none()) {
      for (size_t i = 0; i < arguments.size(); ++i)
        shapes.push_back(capture.openTrace()->argument(i));
      for (const Tensor &result : made)
        shapes.push_back(capture.shapeOf(*result));
    }
    executable = capture.finish(made);
    open = capture.takeOpenTrace();
    for (size_t i = 0; i < arguments.size(); ++i)
      types.push_back({arguments[i]->dtype, open->dims(open->argument(i))});
  }
  if (!executable.isPure())
    return nb::none();
  executable.call->function = name;
  if (rule.is_none() && lowering.is_none())
    return nb::cast(std::move(executable));
  std::optional<Rule> traced;
  if (!rule.is_none()) {
    traced =
        traceRule(rule, arguments, made, std::move(open), std::move(shapes));
    for (HostGuard &guard : traced->executable.hostGuards)
      executable.hostGuards.push_back(std::move(guard));
  }
  std::optional<LoweredCall> lowered;
  if (!lowering.is_none())
    lowered = lower(lowering, executable, arguments, numbers, places, types);
  makeCall(executable, name, traced ? &*traced : nullptr,
           lowered ? &*lowered : nullptr);
  return nb::cast(std::move(executable));
}

void addFunctions(nb::module_ &m) {
  makeFunctionType(m);
  nb::class_<HostExpression>(m, "HostExpression")
      .def(nb::init<std::string_view, size_t>())
      .def("evaluate",
           [](const HostExpression &e,
              const std::vector<Scalar> &values) -> nb::object {
             std::optional<Scalar> value = e.evaluate(values);
             if (!value)
               return nb::none();
             if (const bool *flag = std::get_if<bool>(&*value))
               return nb::bool_(*flag);
             if (const int64_t *integer = std::get_if<int64_t>(&*value))
               return nb::int_(*integer);
             return nb::float_(std::get<double>(*value));
           });
  m.def("_set_size_type",
        [](nb::handle make) { makeSize = make.inc_ref().ptr(); });
  m.def("_require", [](const std::string &code, const Scalar &value) {
    Capture *capture = Capture::current();
    if (capture && capture->openTrace())
      capture->openTrace()->require(code, value);
  });
  m.def("_trace", &traceFunction, "tensors"_a, "numbers"_a, "function"_a,
        "name"_a, "rule"_a.none(), "lowering"_a.none(), "places"_a);
}

} // namespace stepwell::python
