//===- Tracing.cpp - Definitions that run once, on stand-ins --------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What python/stepwell/_function.py asks for: the trace of a definition, of its
// derivative rule, and sizes that remember where they came from.
//===----------------------------------------------------------------------===//

#include "Function.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace nb::literals;

namespace stepwell::python {

namespace {

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

nb::object numberObject(const std::string &postfix, const Scalar &value) {
  nb::object plain = std::visit(
      [](auto number) -> nb::object { return nb::cast(number); }, value);
  if (postfix.find('v') == std::string::npos)
    return plain;
  return nb::handle(makeSize)(postfix, plain);
}

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
    GivenSize size = GivenSize::of(args[i]);
    sizes.first.push_back(size.hint);
    sizes.second.push_back(size.size());
  }
  return sizes;
}

GivenSize GivenSize::of(PyObject *object) {
  nb::handle item(object);
  OpenTrace *trace =
      Py_TYPE(object) == numberType ? Capture::currentTrace() : nullptr;
  nb::object value = trace ? nb::object(item.attr("_value")) : nb::object();
  bool isOpen = trace && PyLong_CheckExact(value.ptr());
  if (!isOpen)
    value = nb::steal(PyNumber_Index(object));
  int64_t hint = value.is_valid() ? PyLong_AsLongLong(value.ptr()) : -1;
  if (PyErr_Occurred())
    throw nb::python_error();
  if (!isOpen)
    return hint;
  return {hint, trace->sizeOf(nb::cast<std::string>(item.attr("_code")))};
}

GivenSize operator+(const GivenSize &a, const GivenSize &b) {
  int64_t sum;
  if (__builtin_add_overflow(a.hint, b.hint, &sum))
    fail(Error::Kind::Runtime, "a place in a tensor is no number of 64 bits");
  if (!a.open && !b.open)
    return sum;
  return {sum, a.size() + b.size()};
}
GivenSize operator-(const GivenSize &a, const GivenSize &b) {
  int64_t difference;
  if (__builtin_sub_overflow(a.hint, b.hint, &difference))
    fail(Error::Kind::Runtime, "a place in a tensor is no number of 64 bits");
  if (!a.open && !b.open)
    return difference;
  return {difference, a.size() - b.size()};
}
bool operator<(const GivenSize &a, const GivenSize &b) {
  bool isLess = a.hint < b.hint;
  if (a.open || b.open)
    Capture::currentTrace()->require(
        rules::compare(a.size(), "<", b.size()).postfix(), isLess);
  return isLess;
}

GivenSize sizeAlong(const Tensor &tensor, int64_t dim) {
  auto at = static_cast<int>(dim);
  if (!Capture::currentTrace())
    return tensor->sizes[at];
  return {tensor->sizes[at], Capture::openShapeOf(*tensor)[dim]};
}

Tensor sliceAlong(const Tensor &tensor, int64_t dim, const GivenSize &start,
                  const GivenSize &count, int64_t step) {
  if (!Capture::currentTrace())
    return slice(tensor, dim, start.hint, count.hint, step);
  Capture::GivenSlice given(*tensor, dim, start.size(), count.size());
  return slice(tensor, dim, start.hint, count.hint, step);
}

Tensor selectAlong(const Tensor &tensor, int64_t dim, const GivenSize &index) {
  if (!Capture::currentTrace())
    return select(tensor, dim, index.hint);
  GivenSize size = sizeAlong(tensor, dim);
  GivenSize at = index < 0 ? index + size : index;
  // Wherever there is no such element, the body raises an error.
  if (at < 0 || !(at < size))
    return select(tensor, dim, index.hint);
  OpenShape shape = Capture::openShapeOf(*tensor);
  Capture::OpenView::Slice taken{OpenShape(shape.size(), 0), shape};
  taken.starts[dim] = at.size();
  taken.sizes[dim] = 1;
  shape.erase(shape.begin() + dim);
  Capture::GivenShape given(std::move(shape), std::move(taken));
  return select(tensor, dim, index.hint);
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

/// Views of what the trace made become tensors of their own: nobody else has
/// what they are views of. Not where results share it.
static void ownResults(std::vector<Tensor> &results) {
  for (Tensor &result : results) {
    if (result->hasMemory() || !result->traced)
      continue;
    bool shared =
        std::any_of(results.begin(), results.end(), [&](const Tensor &other) {
          return other != result && other->buffer == result->buffer;
        });
    if (!shared)
      result = packedCopy(result);
  }
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
    ownResults(made);
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

void addTracing(nb::module_ &m) {
  nb::class_<HostExpression>(m, "HostExpression")
      .def("__init__",
           [](HostExpression *made, std::string_view code, size_t count) {
             new (made)
                 HostExpression(orFail(HostExpression::parse(code, count)));
           })
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
