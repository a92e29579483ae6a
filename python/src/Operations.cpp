//===- Operations.cpp - Functions and methods from the records ------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A record's `python` schema, "sum(input, dim=None, keepdim=False)", becomes a
// function and a method. Besides, every record is a function of the namespace
// `array`, for the package's own functions: its operands, then its attributes.
// Nothing here knows an operation.
//===----------------------------------------------------------------------===//

#include "PyTensor.h"

#include "stepwell/Eager/OpCounts.h"
#include "stepwell/Semantics/HostExpression.h"

#include <array>
#include <utility>

namespace nb = nanobind;

namespace stepwell::python {

namespace {

struct Parameter {
  std::string name, fallback;
  bool hasFallback = false;
  int operand = -1, attribute = -1;
  bool keywordOnly = false;
  bool isAxis = false;               // an attribute that names dimensions
  PyObject *key = nullptr;           // interned name
  PyObject *fallbackValue = nullptr; // an attribute's
};

struct Function {
  const OpRow *op = nullptr;
  std::string name, document;
  std::string documentWithOut; // of the function, which takes `out`
  std::vector<Parameter> parameters;
  size_t self = 0; // the parameter that a method's tensor is
  size_t positional = 0;
  int castsTo = -1;   // the parameter that says what operand 0 is cast to
  bool along = false; // one dimension, which a tensor of none has as well
  bool into = false;  // the method whose name ends in "_"
  bool isOwn = false; // of the namespace `array`
  /// Parameters that are operands and may be None, and the operation for each
  /// set of those that are not: clamp(input, min=0) is clamp_min.
  std::vector<size_t> optional;
  std::vector<const OpRow *> without;
  /// By a tensor's number of dimensions: the attributes of a call that is given
  /// none. Empty before the first such call.
  mutable std::array<Attributes, kMaxRank + 1> defaults;
  PyMethodDef function{}, method{};
};

std::vector<Function> &functions() {
  static auto &all = *new std::vector<Function>;
  return all;
}

int find(const OpRow &op, const std::string &name) {
  for (size_t i = 0; i < op.attributes.size(); ++i)
    if (op.attributes[i].name == name)
      return static_cast<int>(i);
  return -1;
}

/// PyTorch says `dim` and `dims` where a record says `dims` and `permutation`.
int findAttribute(const OpRow &op, const std::string &name) {
  int index = find(op, name);
  if (index < 0 && name == "dim")
    index = find(op, "dims");
  if (index < 0 && name == "dims")
    index = find(op, "permutation");
  return index;
}

Function parse(const OpRow &op, std::string_view schema) {
  Function function;
  function.op = &op;
  size_t open = schema.find('('), close = schema.rfind(')');
  function.name = schema.substr(0, open);
  std::string_view rest = schema.substr(open + 1, close - open - 1);
  int depth = 0;
  bool keywordOnly = false;
  std::string piece;
  auto flush = [&] {
    size_t first = piece.find_first_not_of(' ');
    if (first == std::string::npos)
      return;
    piece = piece.substr(first);
    Parameter parameter;
    size_t equals = piece.find('=');
    parameter.name = piece.substr(0, equals);
    if (equals != std::string::npos) {
      parameter.hasFallback = true;
      parameter.fallback = piece.substr(equals + 1);
    }
    piece.clear();
    if (parameter.name == "*") {
      keywordOnly = true;
      return;
    }
    parameter.keywordOnly = keywordOnly;
    function.positional += !keywordOnly;
    for (size_t i = 0; i < op.operands.size(); ++i)
      if (op.operands[i].name == parameter.name)
        parameter.operand = static_cast<int>(i);
    if (parameter.operand < 0)
      parameter.attribute = findAttribute(op, parameter.name);
    if (parameter.operand < 0 && parameter.attribute < 0)
      function.castsTo = static_cast<int>(function.parameters.size());
    parameter.isAxis = parameter.name == "dim" || parameter.name == "dims";
    if (parameter.name == "dim" && parameter.attribute >= 0)
      function.along =
          op.attributes[parameter.attribute].kind == AttributeKind::I64;
    if (parameter.attribute >= 0 && parameter.hasFallback) {
      parameter.fallbackValue =
          PyRun_String(parameter.fallback.c_str(), Py_eval_input,
                       PyEval_GetBuiltins(), PyEval_GetBuiltins());
      if (!parameter.fallbackValue)
        throw nb::python_error();
    }
    parameter.key = PyUnicode_InternFromString(parameter.name.c_str());
    function.parameters.push_back(std::move(parameter));
  };
  for (char c : rest) {
    depth += (c == '(' || c == '[') - (c == ')' || c == ']');
    if (c == ',' && depth == 0)
      flush();
    else
      piece += c;
  }
  flush();
  // x.where(condition, other): "input" need not come first.
  for (size_t i = 0; i < function.parameters.size(); ++i)
    if (function.parameters[i].name == "input")
      function.self = i;
  for (size_t i = 0; i < function.parameters.size(); ++i)
    if (function.parameters[i].operand >= 0 &&
        function.parameters[i].hasFallback)
      function.optional.push_back(i);
  uint32_t all = 0, mayLack = 0; // bit masks of operands
  for (size_t i = 0; i < op.operands.size(); ++i)
    all |= 1u << i;
  for (size_t i : function.optional)
    mayLack |= 1u << function.parameters[i].operand;
  for (size_t given = 0; given < size_t{1} << function.optional.size();
       ++given) {
    uint32_t operands = all & ~mayLack;
    for (size_t i = 0; i < function.optional.size(); ++i)
      if (given >> i & 1)
        operands |= 1u << function.parameters[function.optional[i]].operand;
    const OpRow *found = operands == all ? &op : nullptr;
    for (const PartialRow &row : op.partial)
      if (row.operands == operands)
        found = findOp(row.mnemonic);
    function.without.push_back(found);
  }
  std::string text = "\n--\n\n" + std::string(op.summary) + ".\n" +
                     std::string(op.description);
  function.document = std::string(schema) + text;
  // A view has no memory of its own to be written into.
  if (op.results[0].shape != rules::permute)
    function.documentWithOut =
        std::string(schema.substr(0, close)) +
        (keywordOnly ? ", out=None)" : ", *, out=None)") + text;
  return function;
}

[[noreturn]] void badType(const Function &function, const Parameter &parameter,
                          PyObject *value, const char *expected) {
  fail(Error::Kind::Type, function.name + "(): argument '" + parameter.name +
                              "' must be " + expected + ", not " +
                              Py_TYPE(value)->tp_name);
}

Attribute convert(const Function &function, const Parameter &parameter,
                  PyObject *value, int64_t rank) {
  const AttributeRow &row = function.op->attributes[parameter.attribute];
  bool axis = parameter.isAxis;
  switch (row.kind) {
  case AttributeKind::Dims: {
    Dims dims;
    // A position lies along one dimension, or along all.
    if (axis && function.op->is(OpTrait::GivesPosition) && value != Py_None &&
        !PyIndex_Check(value))
      badType(function, parameter, value, "int");
    if (value == Py_None) {
      for (int i = 0; i < rank; ++i)
        dims.push_back(i);
      return dims;
    }
    if (!nb::try_cast(nb::handle(value), dims))
      badType(function, parameter, value, "int or tuple of ints");
    if (axis) {
      uint32_t seen = 0;
      for (int64_t &dim : dims)
        dim = wrapDim(dim, rank);
      for (int64_t dim : dims) {
        if (seen >> dim & 1)
          fail(Error::Kind::Runtime, "dim " + std::to_string(dim) +
                                         " appears multiple times in the list "
                                         "of dims");
        seen |= 1u << dim;
      }
      std::sort(dims.begin(), dims.end());
      if (rank == 0)
        dims = {};
      // PyTorch: no dimensions means all, but of truth values none.
      else if (dims.empty() && function.op->promotion != Promotion::ToBool)
        return convert(function, parameter, Py_None, rank);
    }
    return dims;
  }
  case AttributeKind::I64: {
    if (!PyIndex_Check(value))
      badType(function, parameter, value, "int");
    int64_t number = PyLong_AsLongLong(value);
    if (PyErr_Occurred())
      throw nb::python_error();
    return axis ? wrapDim(number, rank) : number;
  }
  case AttributeKind::F64: {
    double number = PyFloat_AsDouble(value);
    if (PyErr_Occurred()) {
      PyErr_Clear();
      badType(function, parameter, value, "float");
    }
    return number;
  }
  case AttributeKind::Bool:
    if (!PyBool_Check(value))
      badType(function, parameter, value, "bool");
    return value == Py_True;
  case AttributeKind::DType:
    if (!isDType(value))
      badType(function, parameter, value, "stepwell.dtype");
    return toDType(value);
  case AttributeKind::String: {
    const char *text =
        PyUnicode_Check(value) ? PyUnicode_AsUTF8(value) : nullptr;
    if (!text)
      badType(function, parameter, value, "str");
    return std::string(text);
  }
  case AttributeKind::List: // no function of Python has such a parameter
  case AttributeKind::Segments:
  case AttributeKind::Unit:
  case AttributeKind::Elements:
    break;
  }
  return {};
}

/// PyTorch: what names elements is an int32 or int64. Inside the package any
/// integer does.
void checkIndex(const Function &function, const OpRow &op,
                std::span<const Argument> arguments) {
  if (!op.checked || function.isOwn)
    return;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!op.has(op.checked, i) || !arguments[i].tensor)
      continue;
    DType dtype = arguments[i].tensor->dtype;
    if (dtype != DType::I32 && dtype != DType::I64)
      fail(Error::Kind::Runtime,
           function.name + "(): Expected dtype int32/int64 for index, not " +
               std::string(name(dtype)));
  }
}

/// What an operator, which is given none, calls its operation with.
const Attributes &defaultAttributes(const OpRow &op) {
  static const std::vector<Attributes> all = [] {
    std::vector<Attributes> made;
    for (const OpRow &each : opTable()) {
      Attributes &attributes = made.emplace_back();
      for (const AttributeRow &row : each.attributes)
        attributes.push_back(row.defaultValue);
    }
    return made;
  }();
  return all[&op - opTable().data()];
}

/// A vector in a matrix product is a matrix of one row or one column.
PyObject *multiply(const OpRow &op, std::span<Argument> arguments,
                   const Attributes &attributes) {
  Tensor &a = arguments[0].tensor, &b = arguments[1].tensor;
  if (!a || !b)
    fail(Error::Kind::Type, "matmul(): arguments must be Tensors");
  if (!a->rank() || !b->rank())
    fail(Error::Kind::Runtime, "both arguments to matmul need to be at least "
                               "1D, but they are " +
                                   std::to_string(a->rank()) + "D and " +
                                   std::to_string(b->rank()) + "D");
  bool row = a->rank() == 1, column = b->rank() == 1;
  if (row)
    a = unsqueeze(a, 0);
  if (column)
    b = unsqueeze(b, 1);
  if (a->dtype != b->dtype)
    fail(Error::Kind::Runtime,
         "expected both arguments of matmul to have the same dtype, but got: " +
             std::string(name(a->dtype)) +
             " != " + std::string(name(b->dtype)));
  Tensor result = callSingle(op, arguments, attributes);
  if (row)
    result = squeeze(result, result->rank() - 2);
  if (column)
    result = squeeze(result, -1);
  return wrap(result);
}

/// A permutation is a view, and its dimensions keep their order.
PyObject *permuted(const Function &function, const Tensor &tensor,
                   PyObject *order) {
  Dims dims;
  if (!order || !nb::try_cast(nb::handle(order), dims))
    badType(function, function.parameters[1], order ? order : Py_None,
            "tuple of ints");
  return wrap(permute(tensor, dims));
}

/// The operation on the operands that are given; None is the same as nothing.
const OpRow &withoutNone(const Function &function, PyObject **values) {
  size_t given = 0;
  for (size_t i = 0; i < function.optional.size(); ++i) {
    PyObject *&value = values[function.optional[i]];
    if (value == Py_None)
      value = nullptr;
    given |= size_t{value != nullptr} << i;
  }
  if (const OpRow *op = function.without[given])
    return *op;
  std::string names;
  for (size_t i : function.optional)
    names +=
        (names.empty() ? "'" : " or '") + function.parameters[i].name + "'";
  fail(Error::Kind::Runtime,
       function.name + "(): at least one of " + names + " must not be None");
}

/// The attributes of a call that is given none.
const Attributes &defaultsOf(const Function &function, const OpRow &op,
                             int64_t rank) {
  if (op.attributes.empty() || &op != function.op)
    return defaultAttributes(op);
  Attributes &known = function.defaults[rank];
  if (known.empty()) {
    Attributes made = defaultAttributes(op);
    for (const Parameter &parameter : function.parameters)
      if (parameter.attribute >= 0 && parameter.hasFallback)
        made[parameter.attribute] =
            convert(function, parameter, parameter.fallbackValue, rank);
    known = std::move(made);
  }
  return known;
}

/// As many as a call needs, of which most need few.
template <typename T, size_t Inside> class Few {
public:
  explicit Few(size_t count)
      : many(count > Inside ? count : 0),
        all(count > Inside ? many.data() : inside, count) {}
  Few(const Few &) = delete;
  T &operator[](size_t i) const { return all[i]; }
  T *data() const { return all.data(); }
  bool empty() const { return all.empty(); }
  operator std::span<T>() const { return all; }
  operator std::span<const T>() const { return all; }

private:
  T inside[Inside]{};
  std::vector<T> many;
  std::span<T> all;
};
using Operands = Few<Argument, 3>;

/// Along a dimension, a tensor that has none is a vector of one element. Says
/// whether the result is to have none, either.
bool makeVectors(const OpRow &op, std::span<Argument> arguments) {
  size_t alike = op.is(OpTrait::RankOfIndex) ? 1 : 0;
  bool none = arguments[alike].tensor->rank() == 0;
  for (Argument &argument : arguments)
    if (argument.tensor && !argument.tensor->rank())
      argument.tensor = unsqueeze(argument.tensor, 0);
  return none;
}

/// What becomes of the result of such a call.
Tensor withoutDims(const Function &function, const Tensor &result) {
  if (result->numel() != 1)
    fail(Error::Kind::Runtime, function.name +
                                   "(): Index to scalar can have only 1 value, "
                                   "got " +
                                   std::to_string(result->numel()) +
                                   " value(s)");
  return squeeze(result, 0);
}

/// Whether a value for `dim` stands for every dimension.
bool meansAll(PyObject *value) {
  return !value || value == Py_None ||
         ((PyTuple_Check(value) || PyList_Check(value)) &&
          !PyObject_Size(value));
}

/// The results in the tensors `out`, in Python, as those of any function.
PyObject *writeOut(const Function &function, PyObject *result, PyObject *out) {
  nb::object made = nb::steal(result);
  nb::object write =
      nb::module_::import_("stepwell._function").attr("_write_result");
  return callPython([&] {
           return nb::object(
               write(nb::str(function.name.c_str()), made, nb::handle(out)));
         })
      .release()
      .ptr();
}

PyObject *callFunction(const Function &function, PyObject *self,
                       PyObject *const *args, Py_ssize_t count,
                       PyObject *names) {
  PyObject *out = nullptr;
  PyObject *result = guarded([&]() -> PyObject * {
    const auto &parameters = function.parameters;
    Few<PyObject *, 8> values(parameters.size());
    size_t given = count + (self ? 1 : 0);
    if (given > function.positional)
      fail(Error::Kind::Type, function.name + "() takes " +
                                  std::to_string(function.positional) +
                                  " positional arguments but " +
                                  std::to_string(given) + " were given");
    if (self)
      values[function.self] = self;
    size_t next = 0;
    for (Py_ssize_t i = 0; i < count; ++i) {
      if (self && next == function.self)
        ++next;
      values[next++] = args[i];
    }
    for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); ++i) {
      PyObject *name = PyTuple_GET_ITEM(names, i);
      size_t at = 0;
      while (at < parameters.size() && name != parameters[at].key)
        ++at;
      if (at == parameters.size()) // it may be another object
        for (at = 0; at < parameters.size() &&
                     PyUnicode_Compare(name, parameters[at].key) != 0;)
          ++at;
      if (at == parameters.size() && !out && !self &&
          !function.documentWithOut.empty() &&
          PyUnicode_CompareWithASCIIString(name, "out") == 0) {
        out = args[count + i];
        continue;
      }
      if (at == parameters.size() || values[at])
        fail(Error::Kind::Type,
             function.name + "() got " +
                 (at == parameters.size() ? "an unexpected keyword argument '"
                                          : "multiple values for argument '") +
                 PyUnicode_AsUTF8(name) + "'");
      values[at] = args[count + i];
    }
    const OpRow &op = withoutNone(function, values.data());
    Operands arguments(op.operands.size());
    size_t absent = 0;
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i].operand < 0)
        continue;
      if (!values[i] && parameters[i].hasFallback) {
        ++absent;
        continue;
      }
      if (!values[i])
        fail(Error::Kind::Type,
             function.name + "() missing 1 required positional argument: '" +
                 parameters[i].name + "'");
      Argument &argument = arguments[parameters[i].operand - absent];
      bool mustBeTensor = !(function.op->numbers >> parameters[i].operand & 1);
      if (!toCallArgument(values[i], argument) ||
          (mustBeTensor && !argument.tensor))
        badType(function, parameters[i], values[i],
                mustBeTensor ? "Tensor" : "Tensor or number");
    }
    checkIndex(function, op, arguments);
    std::optional<DType> castTo;
    if (PyObject *dtype =
            function.castsTo < 0 ? nullptr : values[function.castsTo];
        dtype && dtype != Py_None) {
      if (!isDType(dtype))
        badType(function, parameters[function.castsTo], dtype,
                "stepwell.dtype");
      castTo = toDType(dtype);
      arguments[0].tensor = cast(arguments[0].tensor, *castTo);
    }
    Tensor target = arguments.empty() ? Tensor() : arguments[0].tensor;
    bool loseDim = function.along && makeVectors(op, arguments);
    if (op.is(OpTrait::Permutes))
      return permuted(function, arguments[0].tensor, values[1]);
    int64_t rank = arguments.empty() || !arguments[0].tensor
                       ? 0
                       : arguments[0].tensor->rank();
    const Attributes *attributes = &defaultsOf(function, op, rank);
    Attributes own; // of a call that is given some
    bool some = op.is(OpTrait::NeedsElements);
    for (size_t i = 0; i < parameters.size(); ++i) {
      const Parameter &parameter = parameters[i];
      if (parameter.attribute < 0)
        continue;
      PyObject *value = values[i];
      if (some && parameter.isAxis && meansAll(value) && rank &&
          !arguments[0].tensor->numel())
        fail(op.is(OpTrait::GivesPosition) ? Error::Kind::Index
                                           : Error::Kind::Runtime,
             function.name +
                 "(): Expected reduction dim to be specified for "
                 "input.numel() == 0. Specify the reduction dim with the 'dim' "
                 "argument.");
      if (!value && !parameter.hasFallback)
        fail(Error::Kind::Type,
             function.name + "() missing 1 required positional argument: '" +
                 parameter.name + "'");
      if (!value)
        continue;
      if (attributes != &own) {
        own = *attributes;
        attributes = &own;
      }
      own[parameter.attribute] = convert(function, parameter, value, rank);
    }
    if (op.is(OpTrait::MultipliesMatrices))
      return multiply(op, arguments, *attributes);
    if (op.results.size() == 1) {
      Tensor result = callSingle(op, arguments, *attributes, function.into);
      if (function.into)
        return wrap(target);
      if (loseDim)
        result = withoutDims(function, result);
      // PyTorch: truth is of the input's type where that is uint8.
      if (op.promotion == Promotion::ToBool && target->dtype == DType::U8)
        result = cast(result, DType::U8);
      return wrap(castTo ? cast(result, *castTo) : result);
    }
    std::vector<Tensor> results = callOp(op, arguments, *attributes);
    nb::object tuple = nb::steal(PyTuple_New(results.size()));
    for (size_t i = 0; i < results.size(); ++i)
      PyTuple_SET_ITEM(tuple.ptr(), i, wrap(results[i]));
    return tuple.release().ptr();
  });
  if (!out || out == Py_None || !result)
    return result;
  return guarded([&] { return writeOut(function, result, out); });
}

template <size_t I>
PyObject *asFunction(PyObject *, PyObject *const *args, Py_ssize_t count,
                     PyObject *names) {
  return callFunction(functions()[I], nullptr, args, count, names);
}
template <size_t I>
PyObject *asMethod(PyObject *self, PyObject *const *args, Py_ssize_t count,
                   PyObject *names) {
  return callFunction(functions()[I], self, args, count, names);
}

using Entry = PyObject *(*)(PyObject *, PyObject *const *, Py_ssize_t,
                            PyObject *);
template <size_t... I> constexpr auto entries(std::index_sequence<I...>) {
  return std::array<std::pair<Entry, Entry>, sizeof...(I)>{
      std::pair<Entry, Entry>{asFunction<I>, asMethod<I>}...};
}
/// A schema may have a method beside it that ends in "_", and so may what a
/// record is called by its own name.
constexpr auto table =
    entries(std::make_index_sequence<2 * (kNumSchemas + kNumOps)>());

} // namespace

Slot findSlot(const char *name) {
  for (const OpRow &op : opTable())
    for (std::string_view each : op.slots)
      if (each == name)
        return {&op, &defaultAttributes(op)};
  return {nullptr, nullptr};
}

/// An operator takes NumPy's arrays, too.
static bool toOtherOperand(PyObject *object, Argument &argument) {
  if (toCallNumber(object, argument))
    return true;
  if (std::string_view(Py_TYPE(object)->tp_name) != "numpy.ndarray")
    return false;
  nb::object made =
      nb::module_::import_("stepwell").attr("as_tensor")(nb::borrow(object));
  argument.tensor = unwrap(made.ptr());
  return true;
}

[[gnu::always_inline]] static inline bool toOperand(PyObject *object,
                                                    Argument &argument) {
  if (!isTensor(object))
    return toOtherOperand(object, argument);
  argument.tensor = unwrap(object);
  return true;
}

PyObject *callSlot(const Slot &slot, PyObject *a, PyObject *b, bool into) {
  const OpRow *op = slot.op;
  if (!op)
    Py_RETURN_NOTIMPLEMENTED;
  return guarded([&]() -> PyObject * {
    Argument both[2];
    if (!toOperand(a, both[0]) || (b && !toOperand(b, both[1])))
      Py_RETURN_NOTIMPLEMENTED;
    if (into && !both[0].tensor)
      Py_RETURN_NOTIMPLEMENTED;
    std::span<Argument> arguments(both, b ? 2 : 1);
    if (!b && isFloat(both[0].tensor->dtype) && !op->accepts(DType::F32))
      fail(Error::Kind::Type, "~ (operator.invert) is only implemented on "
                              "integer and Boolean-type tensors");
    if (op->is(OpTrait::MultipliesMatrices))
      return multiply(*op, arguments, *slot.attributes);
    return wrap(callSingle(*op, arguments, *slot.attributes, into));
  });
}

/// A default as Python writes it.
static std::string pythonText(const Attribute &attribute) {
  if (const bool *flag = std::get_if<bool>(&attribute))
    return *flag ? "True" : "False";
  if (const int64_t *number = std::get_if<int64_t>(&attribute))
    return std::to_string(*number);
  if (const double *number = std::get_if<double>(&attribute))
    return numberText(*number);
  std::string text = "(";
  for (int64_t number : std::get<Dims>(attribute))
    text += std::to_string(number) + ", ";
  return text + ")";
}

/// The signature of a record's own function: "sort(input, dim,
/// descending=False)".
static std::string ownSchema(const OpRow &op) {
  std::string text, mnemonic(op.mnemonic);
  for (const OperandRow &operand : op.operands)
    text += (text.empty() ? "" : ", ") + std::string(operand.name);
  // What comes before an attribute that must be given must be given, too.
  size_t given = op.attributes.size();
  auto hasText = [](const Attribute &value) {
    return std::holds_alternative<bool>(value) ||
           std::holds_alternative<int64_t>(value) ||
           std::holds_alternative<double>(value) ||
           std::holds_alternative<Dims>(value);
  };
  while (given > 0 && hasText(op.attributes[given - 1].defaultValue))
    --given;
  for (size_t i = 0; i < op.attributes.size(); ++i) {
    const AttributeRow &row = op.attributes[i];
    text += (text.empty() ? "" : ", ") + std::string(row.name);
    if (i >= given)
      text += "=" + pythonText(row.defaultValue);
  }
  return mnemonic + "(" + text + ")";
}

/// The functions of the namespace `array`.
static void addOwn(const OpRow &op, std::vector<Function> &all) {
  for (const OperandRow &operand : op.operands)
    if (operand.variadic)
      return;
  if (op.results.empty())
    return;
  Function function = parse(op, ownSchema(op));
  function.isOwn = true;
  function.documentWithOut.clear();
  all.push_back(function);
  if (op.checked && op.is(OpTrait::InPlace)) {
    function.into = true;
    function.name += "_";
    all.push_back(std::move(function));
  }
}

void addOperations(PyObject *module, PyTypeObject *tensor) {
  auto &all = functions();
  for (const OpRow &op : opTable()) {
    for (std::string_view schema : op.python) {
      Function function = parse(op, schema);
      all.push_back(function);
      if (op.is(OpTrait::InPlace)) {
        function.into = true;
        function.name += "_";
        function.document = function.name + function.document.substr(
                                                function.document.find('('));
        all.push_back(std::move(function));
      }
    }
    addOwn(op, all);
  }
  nb::object space = nb::steal(PyModule_New("stepwell._core.array"));
  if (!space.is_valid() || PyObject_SetAttrString(module, "array", space.ptr()))
    throw nb::python_error();
  for (size_t i = 0; i < all.size(); ++i) {
    Function &function = all[i];
    auto define = [&](Entry entry, const std::string &document) {
      return PyMethodDef{
          function.name.c_str(),
          reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(entry)),
          METH_FASTCALL | METH_KEYWORDS, document.c_str()};
    };
    bool takesOut = !function.documentWithOut.empty();
    function.function =
        define(table[i].first,
               takesOut ? function.documentWithOut : function.document);
    function.method = define(table[i].second, function.document);
    // x.permute(1, 0), one argument each, is addMethods'.
    if (!function.isOwn && !function.op->is(OpTrait::Permutes)) {
      PyObject *method = PyDescr_NewMethod(tensor, &function.method);
      if (!method ||
          PyObject_SetAttrString(reinterpret_cast<PyObject *>(tensor),
                                 function.name.c_str(), method))
        throw nb::python_error();
      Py_DECREF(method);
    }
    if (function.into && !function.isOwn)
      continue;
    PyObject *home = function.isOwn ? space.ptr() : module;
    PyObject *name = PyModule_GetNameObject(home);
    PyObject *plain = PyCFunction_NewEx(&function.function, nullptr, name);
    Py_XDECREF(name);
    if (!plain || PyObject_SetAttrString(home, function.name.c_str(), plain))
      throw nb::python_error();
    Py_DECREF(plain);
  }
}

} // namespace stepwell::python
