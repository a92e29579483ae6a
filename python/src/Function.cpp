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

#include <structmember.h>

namespace nb = nanobind;
using namespace nb::literals;

namespace stepwell::python {

namespace {

enum class Kind : uint8_t {
  Tensor,
  OptionalTensor,
  Tensors,
  Number,
  Constant,
  Operand, // a tensor or a number
  TensorOrConstant,
};

/// Values that are a part of the class have a number each, which no other value
/// gets. 0 for one that cannot be told from others later: it is not hashable.
uint64_t constantId(nb::handle value) {
  constexpr Py_ssize_t kMost = 1 << 16; // then they are numbered anew
  static PyObject *ids = PyDict_New();
  static uint64_t count = 0;
  static PyObject *keyOf =
      nb::object(
          nb::module_::import_("stepwell._function").attr("_constant_key"))
          .release()
          .ptr();
  nb::object key = nb::handle(keyOf)(value);
  if (PyObject *found = PyDict_GetItemWithError(ids, key.ptr()))
    return PyLong_AsUnsignedLongLong(found);
  if (PyErr_Occurred()) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError))
      throw nb::python_error();
    PyErr_Clear();
    return 0;
  }
  if (PyDict_GET_SIZE(ids) >= kMost)
    PyDict_Clear(ids);
  uint64_t id = ++count;
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

/// Whether two such objects are one constant; false where only their key tells.
bool isSame(PyObject *a, PyObject *b) {
  if (a == b)
    return true;
  if (!a || Py_TYPE(a) != Py_TYPE(b))
    return false;
  if (PyLong_CheckExact(a)) {
    int overflow[2];
    return PyLong_AsLongLongAndOverflow(a, &overflow[0]) ==
               PyLong_AsLongLongAndOverflow(b, &overflow[1]) &&
           !overflow[0] && !overflow[1];
  }
  if (!PyTuple_CheckExact(a) || PyTuple_GET_SIZE(a) != PyTuple_GET_SIZE(b))
    return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(a); ++i)
    if (!isSame(PyTuple_GET_ITEM(a, i), PyTuple_GET_ITEM(b, i)))
      return false;
  return true;
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
      if (isSame(object.ptr(), value))
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
  bool closesOver = false;  // a tensor that is no argument
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
  nb::object write;      // results into `out`; None: it takes none
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
  PyObject *out = nullptr; // what results are written over, if it was given
  /// In a trace whose sizes are open: how its values read there, and what
  /// stands for them where the kernel is to have a number.
  bool isOpen = false;
  std::vector<PyObject *> numberObjects;
  std::vector<std::string> texts;
};

/// The tensors of `out`, and whether the kernel wrote there.
struct Outputs {
  std::vector<Tensor> tensors;
  bool written = false;
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
    if (at == size && !definition.write.is_none() && !call.out &&
        PyUnicode_CompareWithASCIIString(name, "out") == 0) {
      call.out = args[count + i];
      continue;
    }
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
  // Where it may be something else, the key says what it is.
  auto addTensor = [&](PyObject *value) {
    keys.word(isTensor(value) ? 4 : 5);
    if (!isTensor(value))
      return false;
    call.tensors.push_back({unwrap(value)});
    keys.tensor(*call.tensors.back().tensor);
    return true;
  };
  for (size_t i = 0; i < definition.parameters.size(); ++i) {
    Parameter &parameter = definition.parameters[i];
    PyObject *value = call.values[i];
    switch (parameter.kind) {
    case Kind::OptionalTensor:
      // Which of them are given: the tensors of a plan are one list.
      keys.word(value == Py_None ? 3 : 4);
      if (value == Py_None)
        continue;
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
    case Kind::Operand:
      if (addTensor(value))
        continue;
      [[fallthrough]];
    case Kind::Number: {
      Scalar number;
      if (value == Py_None) {
        keys.word(3);
        continue;
      }
      // Its value is a hint there, of which nothing is decided yet.
      bool stands = call.isOpen && Py_TYPE(value) == numberType;
      nb::object hint = stands ? nb::object(nb::handle(value).attr("_value"))
                               : nb::borrow(value);
      if (isTensor(value) || !toScalar(hint.ptr(), number))
        return false;
      keys.word(number.index());
      call.numbers.push_back(number);
      if (call.isOpen)
        call.numberObjects.push_back(value);
      continue;
    }
    case Kind::TensorOrConstant:
      if (addTensor(value))
        continue;
      [[fallthrough]];
    case Kind::Constant: {
      uint64_t id = isTensor(value) ? 0 : parameter.constant(value);
      if (!id)
        return false;
      keys.word(id);
      continue;
    }
    }
  }
  return true;
}

/// The sizes of a call's tensors, then its numbers.
std::vector<Scalar> valuesOf(const Call &call) {
  std::vector<Scalar> values;
  size_t count = call.numbers.size();
  for (const Argument &argument : call.tensors)
    count += argument.tensor->rank();
  values.reserve(count);
  for (const Argument &argument : call.tensors)
    for (int64_t size : argument.tensor->sizes)
      values.push_back(size);
  values.insert(values.end(), call.numbers.begin(), call.numbers.end());
  return values;
}

/// Whether the tensors that a definition closes over are what the kernel knows:
/// `.data` may have been assigned to them.
bool areAsTraced(const Variant &variant) {
  const Program &program = *variant.call->program;
  for (size_t i = 0; i < variant.inputs.size(); ++i) {
    const Tensor &tensor = variant.inputs[i].captured;
    if (tensor && !(tensor->type() == program.inputs[i].type &&
                    tensor->strides == variant.inputs[i].strides))
      return false;
  }
  return true;
}

bool hold(const Variant &variant, std::span<const Scalar> values,
          bool ofNumbersOnly) {
  if (variant.closesOver && !areAsTraced(variant))
    return false;
  for (const HostGuard &guard : variant.guards) {
    if (ofNumbersOnly && !guard.ofNumbers)
      continue;
    std::optional<Scalar> value = guard.expression.evaluate(values);
    if (!value || !isSameNumber(*value, guard.expected))
      return false;
  }
  return true;
}

/// How the values of a call read in the trace that it is made in.
void readOpen(Call &call) {
  Capture *capture = Capture::current();
  for (const Argument &argument : call.tensors)
    for (const OpenSize &size : capture->shapeOf(*argument.tensor))
      call.texts.push_back(size.postfix());
  for (size_t i = 0; i < call.numbers.size(); ++i) {
    PyObject *object = call.numberObjects[i];
    call.texts.push_back(
        Py_TYPE(object) == numberType
            ? nb::cast<std::string>(nb::handle(object).attr("_code"))
            : numberText(call.numbers[i]));
  }
}

/// What must hold for the trace that was chosen must hold of the outer one.
void requireOutside(const Variant &variant, const Call &call) {
  OpenTrace &outer = *Capture::current()->openTrace();
  for (const HostGuard &guard : variant.guards) {
    std::string text = guard.expression.postfix(call.texts);
    if (text.find('v') != std::string::npos)
      outer.require(text, guard.expected);
  }
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
      if (!call.isOpen)
        continue;
      nb::object stands;
      if (place >= 0)
        stands = nb::borrow(call.numberObjects[place]);
      else
        stands = numberObject(number.postfix(call.texts), *value);
      if (!toCallNumber(stands.ptr(), arguments[i]))
        return false;
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

/// `hints`: of numbers of an outer trace, the values that they have in it.
nb::object boundValues(const Definition &definition, const Call &call,
                       bool hints = false) {
  nb::object values = nb::steal(PyTuple_New(definition.parameters.size()));
  for (size_t i = 0; i < definition.parameters.size(); ++i) {
    nb::object value = nb::borrow(call.values[i]);
    if (hints && Py_TYPE(value.ptr()) == numberType)
      value = value.attr("_value");
    PyTuple_SET_ITEM(values.ptr(), i, value.release().ptr());
  }
  return values;
}

/// A trace for calls like this one; null if the definition runs as it is.
std::shared_ptr<const Variant> trace(Definition &definition, const Call &call) {
  nb::object values = boundValues(definition, call, call.isOpen);
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
    variant->numbers.push_back(orFail(HostExpression::parse(code, count)));
    variant->computes |= variant->numbers.back().asValue() <
                         static_cast<int64_t>(variant->sizes);
  }
  for (const HostGuard &guard : variant->guards)
    variant->guardsNumbers |= guard.ofNumbers;
  for (const Executable::Input &input : variant->inputs)
    variant->closesOver |= static_cast<bool>(input.captured);
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
                      const Ref<CallPlan> &plan, std::span<const Scalar> values,
                      Outputs *over = nullptr) {
  const Variant &variant = *kept;
  if (call.isOpen)
    requireOutside(variant, call);
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
  if (over && variant.results.size() == results &&
      fitsOutputs(*plan, arguments, over->tensors)) {
    callOver(*variant.call, plan, arguments, over->tensors);
    over->written = true;
    return wrapResults(variant, over->tensors);
  }
  if (results == 1 && variant.structure.is_none()) {
    Tensor output;
    callAgain(*variant.call, plan, arguments, into, {&output, 1});
    return wrap(output);
  }
  std::vector<Tensor> outputs(results);
  callAgain(*variant.call, plan, arguments, into, outputs);
  return wrapResults(variant, outputs);
}

/// In an open capture: what the trace was chosen by is so in all calls.
void follow(const Variant &variant, const Call &call) {
  using Word = HostExpression::Word;
  Capture *capture = Capture::current();
  OpenTrace *open = capture ? capture->openTrace() : nullptr;
  if (!open)
    return;
  OpenShape sizes;
  for (const Argument &argument : call.tensors)
    for (const OpenSize &size : capture->shapeOf(*argument.tensor))
      sizes.push_back(size);
  auto fix = [&](const HostExpression &expression) {
    for (const HostExpression::Step &step : expression.words())
      if (step.word == Word::Value)
        if (auto at = static_cast<size_t>(std::get<int64_t>(step.operand));
            at < sizes.size()) {
          OpenShape one{sizes[at]};
          open->fix(one);
          sizes[at] = one[0];
        }
  };
  // The kernel is given them as this call has them.
  for (const HostExpression &number : variant.numbers)
    fix(number);
  for (const HostGuard &guard : variant.guards) {
    bool isOfSizes = std::all_of(
        guard.expression.words().begin(), guard.expression.words().end(),
        [&](const HostExpression::Step &step) {
          const int64_t *number = std::get_if<int64_t>(&step.operand);
          return number && step.word != Word::TrueDivide &&
                 step.word != Word::Power && step.word != Word::Absolute &&
                 (step.word != Word::Value ||
                  static_cast<size_t>(*number) < sizes.size());
        });
    if (!isOfSizes) {
      fix(guard.expression);
      continue;
    }
    OpenSize size = rules::evaluate(guard.expression, sizes);
    if (!size.known())
      open->require(size.postfix(), guard.expected);
  }
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
    if (!hold(*variant, values, false))
      return static_cast<PyObject *>(nullptr);
    follow(*variant, call);
    return callVariant(variant, call, key, {}, values);
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

/// A call whose arguments are bound. `over`: it may write its results there.
PyObject *callBound(Definition &definition, Call &call, bool captured,
                    PyObject *const *args, size_t flags, PyObject *names,
                    Outputs *over = nullptr) {
  CallKey key;
  key.add(definition.id);
  call.isOpen = captured && Capture::current()->openTrace();
  if (!classify(definition, call, {key, nullptr}))
    return nb::object(definition.other(boundValues(definition, call)))
        .release()
        .ptr();
  if (!captured) {
    key.add(&definition, call.tensors, definition.into ? 0 : -1);
    if (Ref<CallPlan> plan = key.complete() ? findPlan(key) : nullptr) {
      auto variant = std::static_pointer_cast<const Variant>(plan->variant);
      std::vector<Scalar> values;
      if (variant->guardsNumbers || variant->computes)
        values = valuesOf(call);
      bool asks = variant->guardsNumbers || variant->closesOver;
      if (!asks || hold(*variant, values, true))
        if (PyObject *result =
                callVariant(variant, call, key, plan, values, over))
          return result;
    }
  }
  Call again;
  CallKey other;
  std::string kind;
  bind(definition, again, args, PyVectorcall_NARGS(flags), names);
  again.isOpen = call.isOpen;
  classify(definition, again, {other, &kind});
  if (again.isOpen)
    readOpen(again);
  return callSlowly(definition, again, key, kind, args, flags, names);
}

PyObject *callFunction(PyObject *, PyObject *const *, size_t, PyObject *);

/// A call with `out`: what the kernel does not write there, Python copies.
PyObject *callWithOut(PyObject *object, PyObject *out, PyObject *const *args,
                      size_t flags, PyObject *names) {
  Definition &definition =
      *reinterpret_cast<FunctionObject *>(object)->definition;
  size_t positional = PyVectorcall_NARGS(flags);
  std::vector<PyObject *> rest(args, args + positional);
  nb::list kept;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i) {
    PyObject *name = PyTuple_GET_ITEM(names, i);
    if (PyUnicode_CompareWithASCIIString(name, "out") == 0)
      continue;
    kept.append(nb::handle(name));
    rest.push_back(args[positional + i]);
  }
  nb::object others = nb::steal(PyList_AsTuple(kept.ptr()));
  if (out == Py_None)
    return callFunction(object, rest.data(), positional, others.ptr());

  Outputs over;
  auto addTensors = [](PyObject *value, std::vector<Tensor> &tensors) {
    bool several = PyTuple_Check(value) || PyList_Check(value);
    Py_ssize_t count = several ? PySequence_Fast_GET_SIZE(value) : 1;
    for (Py_ssize_t i = 0; i < count; ++i) {
      PyObject *one = several ? PySequence_Fast_GET_ITEM(value, i) : value;
      if (isTensor(one))
        tensors.push_back(unwrap(one));
    }
  };
  addTensors(out, over.tensors);
  Call call;
  bind(definition, call, rest.data(), positional, others.ptr());
  nb::object result;
  if (Capture::current()) {
    result =
        nb::steal(runBody(definition, rest.data(), positional, others.ptr()));
  } else {
    std::vector<Tensor> all = over.tensors;
    for (size_t i = 0; i < definition.parameters.size(); ++i)
      addTensors(call.values[i], all);
    if (gradEnabled() &&
        std::any_of(all.begin(), all.end(),
                    [](const Tensor &tensor) { return requiresGrad(*tensor); }))
      fail(Error::Kind::Runtime,
           definition.name +
               "(): functions with out=... arguments don't support automatic "
               "differentiation, but one of the arguments requires grad.");
    result = nb::steal(callBound(definition, call, false, rest.data(),
                                 positional, others.ptr(), &over));
  }
  if (over.written)
    return result.release().ptr();
  return nb::object(definition.write(result, nb::handle(out))).release().ptr();
}

PyObject *callFunction(PyObject *object, PyObject *const *args, size_t flags,
                       PyObject *names) {
  return guarded([&]() -> PyObject * {
    Definition &definition =
        *reinterpret_cast<FunctionObject *>(object)->definition;
    bool captured = Capture::current();
    bool runs = captured && !definition.hasRules;
    if (runs && definition.write.is_none())
      return runBody(definition, args, flags, names);
    Call call;
    if (!bind(definition, call, args, PyVectorcall_NARGS(flags), names))
      return runBody(definition, args, flags, names); // Python says why
    if (call.out)
      return callWithOut(object, call.out, args, flags, names);
    if (runs)
      return runBody(definition, args, flags, names);
    return callBound(definition, call, captured, args, flags, names);
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
  definition->write = nb::borrow(given[6]);
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
    Py_VISIT(self->definition->other.ptr());
    Py_VISIT(self->definition->write.ptr());
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

/// It is pickled and copied as a function is: by its name.
PyObject *reduceToName(PyObject *object, PyObject *) {
  return PyObject_GetAttrString(object, "__qualname__");
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
      {"__reduce__", reduceToName, METH_NOARGS, nullptr},
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

} // namespace

void addFunctions(nb::module_ &m) { makeFunctionType(m); }

} // namespace stepwell::python
