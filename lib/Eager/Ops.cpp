//===- Ops.cpp - Promote, infer, compute, record --------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Ops.h"
#include "stepwell/Eager/OpAttributes.h"
#include "stepwell/Eager/Plan.h"

#include "stepwell/Eager/Capture.h"

#include <algorithm>
#include <cstring>

using namespace stepwell;

static bool tracked(std::span<const Argument> arguments) {
  if (!gradEnabled())
    return false;
  for (const Argument &argument : arguments)
    if (argument.tensor && requiresGrad(*argument.tensor))
      return true;
  return false;
}

/// Whether a call's result belongs to the tape if its arguments do. One that
/// reads numbers and has no derivative says so when that is asked for.
static bool differentiable(const Template &t) {
  if (t.op && t.op->nonDifferentiable &&
      std::none_of(t.inputs.begin(), t.inputs.end(), [](const auto &input) {
        return isFloat(input.dtype) && input.need == Need::Values;
      }))
    return false;
  return std::any_of(t.results.begin(), t.results.end(), isFloat);
}

//===--- The tape ---------------------------------------------------------===//

static const GradientRow &gradientRow(const OpRow &op, size_t operand) {
  // The last row stands for all the operands of a variadic one.
  return op.gradients[std::min(operand, op.gradients.size() - 1)];
}

/// Whether a call's result has a derivative with respect to argument `i`.
static bool depends(const Template &t, size_t i) {
  if (t.op && !t.op->nonDifferentiable)
    return gradientRow(*t.op, i).exists;
  if (t.inputs[i].need != Need::Values)
    return false;
  const Template *call = t.body;
  if (!call || !call->op || call->op->gradients.empty())
    return true;
  // A result that was cast is computed again, from the inputs.
  bool cast = call->results[0] != call->compute &&
              call->op->promotion != Promotion::None;
  size_t inputs = call->inputs.size(), results = call->results.size();
  return std::any_of(t.wrt.begin(), t.wrt.end(), [&](int operand) {
    const GradientRow &row = gradientRow(*call->op, operand);
    if (i < inputs)
      return (cast && row.smoothResults) ||
             (row.smoothOperands >> std::min<size_t>(i, 31) & 1);
    if (i < inputs + results)
      return static_cast<bool>(row.smoothResults >> (i - inputs) & 1);
    return row.smoothCotangent;
  });
}

/// Where the gradients of a call's arguments go.
static std::vector<Edge> edgesOf(const Template &t,
                                 std::span<const Argument> arguments) {
  std::vector<Edge> edges(arguments.size());
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].tensor && isFloat(t.inputs[i].dtype) && depends(t, i))
      edges[i] = edgeOf(arguments[i].tensor);
  return edges;
}

/// A node for a call that is about to run; none if it would lead nowhere.
static Ref<Node> recordBefore(Template &t, std::span<const Argument> arguments,
                              std::vector<Edge> edges, int into) {
  if (t.isDerivative() && std::none_of(edges.begin(), edges.end(),
                                       [](const Edge &edge) { return !!edge; }))
    return {};
  return recordCall(t, arguments, std::move(edges), into);
}

/// Gives the results of a call their places on the tape.
static void putOnTape(const Template &t, const Ref<Node> &node,
                      std::span<const Tensor> outputs) {
  uint32_t auxiliary = t.op ? t.op->auxiliary : 0;
  for (size_t i = 0; i < outputs.size(); ++i)
    if (isFloat(outputs[i]->dtype) && !(auxiliary >> i & 1)) {
      outputs[i]->node = node;
      outputs[i]->output = static_cast<uint32_t>(i);
    }
}

static void recordAfter(const Template &t, const Ref<Node> &node,
                        std::span<const Tensor> outputs, int into) {
  recordResults(node, outputs);
  if (into >= 0)
    recordWrite(outputs[0], node);
  else
    putOnTape(t, node, outputs);
}

//===--- Calls ------------------------------------------------------------===//

/// The Template that a recorded call runs in place of a captured function, if
/// it is another one: with what the way back reads as further results.
static Template *keeping(Template &t, const std::vector<Edge> &edges,
                         int into) {
  if (!t.program || into >= 0 || Capture::current())
    return nullptr;
  Template &found = keepingTemplate(t, wantedOf(edges));
  return &found == &t ? nullptr : &found;
}

/// Calls it; its residuals are the node's alone.
static std::vector<Tensor> callKeeping(Template &t,
                                       std::span<const Argument> arguments,
                                       std::vector<Edge> edges) {
  Ref<Node> node = recordCall(t, arguments, std::move(edges), -1);
  std::vector<Tensor> all;
  {
    GradModeGuard recorded(false);
    all = callTemplate(t, arguments);
  }
  recordResults(node, all);
  all.resize(all.size() - t.residuals);
  putOnTape(t, node, all);
  return all;
}

void stepwell::callAgain(Template &call, Ref<CallPlan> plan,
                         std::span<const Argument> arguments, int into,
                         std::span<Tensor> outputs) {
  Ref<Node> node;
  if (plan->differentiable && tracked(arguments)) {
    std::vector<Edge> edges = edgesOf(call, arguments);
    if (Template *kept = keeping(call, edges, into)) {
      std::vector<Tensor> made =
          callKeeping(*kept, arguments, std::move(edges));
      std::move(made.begin(), made.end(), outputs.begin());
      return;
    }
    node = recordBefore(call, arguments, std::move(edges), into);
  }
  if (into >= 0)
    outputs[0] = arguments[into].tensor;
  else
    for (size_t i = 0; i < outputs.size(); ++i) {
      const CallPlan::Result &result = plan->results[i];
      outputs[i] = makeTensor(result.bytes, result.dtype, result.geometry);
    }
  if (plan->isNew) {
    plan->isNew = false;
    plan->launch = launch(call, arguments, outputs, into);
  } else if (plan->launches) {
    plan->launch.run(call, arguments, outputs);
  }
  if (into >= 0 && !arguments[into].tensor->untracked)
    ++arguments[into].tensor->buffer->version;
  if (node)
    recordAfter(call, node, outputs, into);
}

bool stepwell::fitsOutputs(const CallPlan &plan,
                           std::span<const Argument> arguments,
                           std::span<const Tensor> outputs) {
  if (plan.results.size() != outputs.size())
    return false;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const CallPlan::Result &result = plan.results[i];
    const Tensor &output = outputs[i];
    if (output->dtype != result.dtype ||
        !(output->sizes == result.geometry.sizes) ||
        !(output->strides == result.geometry.strides))
      return false;
    auto shares = [&](const Tensor &other) {
      return other && other->buffer == output->buffer;
    };
    for (const Argument &argument : arguments)
      if (shares(argument.tensor))
        return false;
    if (std::any_of(outputs.begin(), outputs.begin() + i, shares))
      return false;
  }
  return true;
}

void stepwell::callOver(Template &call, Ref<CallPlan> plan,
                        std::span<const Argument> arguments,
                        std::span<const Tensor> outputs) {
  for (const Tensor &output : outputs)
    checkWritable(output, arguments);
  if (plan->launches)
    plan->launch.run(call, arguments, outputs);
  for (const Tensor &output : outputs)
    if (!output->untracked)
      ++output->buffer->version;
}

/// Whether sizes broadcast to others.
static bool stretches(const Dims &from, const Dims &to) {
  int offset = to.size() - from.size();
  for (int i = 0; i < from.size(); ++i)
    if (offset < 0 || (from[i] != 1 && from[i] != to[offset + i]))
      return false;
  return true;
}

Dims stepwell::stridesOfResult(const Template &t,
                               std::span<const Argument> arguments,
                               const TensorType &type) {
  if (!t.elementwise)
    return packedStrides(type.dims);
  static const Geometry number{};
  std::vector<const Geometry *> operands;
  for (size_t i = 0; i < arguments.size(); ++i)
    if (t.inputs[i].need == Need::Values) {
      operands.push_back(arguments[i].tensor ? arguments[i].tensor.get()
                                             : &number);
      // A gradient may be a sum over what its operand was spread along.
      if (t.isDerivative() && !operands.back()->sizes.empty() &&
          !(operands.back()->sizes == type.dims))
        return packedStrides(type.dims);
      // A function may have a result that leaves some of its arguments out.
      if (t.program && !stretches(operands.back()->sizes, type.dims))
        return packedStrides(type.dims);
    }
  return resultStrides(operands, type.dims);
}

/// A new tensor for a result of a call on these arguments.
static Tensor emptyResult(const Template &t,
                          std::span<const Argument> arguments,
                          const TensorType &type) {
  Tensor result = empty(type.dtype, type.dims);
  result->strides = stridesOfResult(t, arguments, type);
  return result;
}

/// Whether a call that makes no element has something to do: it may find that
/// an index is out of range.
static bool mustRun(const Template &t, std::span<const Argument> arguments) {
  if (!t.op)
    return static_cast<bool>(t.program);
  for (size_t i = 0; i < t.op->operands.size(); ++i)
    if (t.op->checked >> i & 1 && arguments[i].tensor &&
        arguments[i].tensor->numel())
      return true;
  return false;
}

/// Whether a Template keeps the plans of such a call itself: it knows its
/// sizes, so there are few, or it has too many arguments for a key.
static bool keepsPlans(const Template &t, const CallKey &key, int into) {
  return into < 0 && (t.isCaptured() || (!key.complete() && t.isProgram()));
}

/// A call of a new kind: once done, `key` knows its plan.
static std::vector<Tensor> callFirst(Template &t,
                                     std::span<const Argument> arguments,
                                     int into, const CallKey &key,
                                     std::optional<DType> numbersFit = {},
                                     std::shared_ptr<const void> variant = {}) {
  std::vector<TensorType> types;
  for (size_t i = 0; i < arguments.size(); ++i)
    types.push_back({t.inputs[i].dtype, arguments[i].tensor
                                            ? arguments[i].tensor->sizes
                                            : Dims()});
  std::vector<TensorType> results = inferResults(t, types);
  if (into >= 0 && !(results[0].dims == types[into].dims))
    fail(Error::Kind::Runtime,
         "output with shape " + toString(types[into].dims) +
             " doesn't match the broadcast shape " + toString(results[0].dims));

  Ref<CallPlan> plan(new CallPlan);
  bool captured = keepsPlans(t, key, into) && !variant;
  plan->variant = std::move(variant);
  if (!captured)
    plan->call = Ref<Template>(&t);
  plan->differentiable = differentiable(t);
  Ref<Node> node;
  std::vector<Tensor> outputs;
  auto keep = [&] {
    if (!captured && !key.complete())
      return;
    for (const Tensor &output : outputs)
      plan->results.push_back(
          {output->dtype, *output, checkedBytes(output->dtype, output->sizes)});
    if (captured)
      keepPlan(t, arguments, plan);
    else
      keepPlan(key, plan);
  };
  if (plan->differentiable && tracked(arguments)) {
    std::vector<Edge> edges = edgesOf(t, arguments);
    if (Template *kept = keeping(t, edges, into)) {
      outputs = callKeeping(*kept, arguments, std::move(edges));
      plan->launches = plan->isNew = true;
      keep();
      return outputs;
    }
    node = recordBefore(t, arguments, std::move(edges), into);
  }

  if (Capture *capture = Capture::current()) {
    outputs = capture->append(t, arguments, results);
    if (into >= 0) {
      capture->write(*arguments[into].tensor, outputs[0],
                     static_cast<bool>(node));
      outputs = {arguments[into].tensor};
    }
  } else {
    if (into >= 0)
      outputs = {arguments[into].tensor};
    else
      for (const TensorType &result : results)
        outputs.push_back(emptyResult(t, arguments, result));
    bool nothing = !mustRun(t, arguments) &&
                   std::all_of(outputs.begin(), outputs.end(),
                               [](const Tensor &o) { return !o->numel(); });
    plan->launches = !nothing;
    if (!nothing)
      plan->launch = launch(t, arguments, outputs, into);
    for (LaunchPlan::Gap &gap : plan->launch.gaps)
      gap.mustFit = numbersFit;
    if (into >= 0 && !arguments[into].tensor->untracked)
      ++arguments[into].tensor->buffer->version;
    keep();
  }
  if (node)
    recordAfter(t, node, outputs, into);
  return outputs;
}

std::vector<Tensor> stepwell::callNew(Template &t,
                                      std::span<const Argument> arguments,
                                      int into, const CallKey &key,
                                      std::shared_ptr<const void> variant) {
  return callFirst(t, arguments, into, key, {}, std::move(variant));
}

std::vector<Tensor> stepwell::callTemplate(Template &t,
                                           std::span<const Argument> arguments,
                                           int into) {
  CallKey key;
  CallPlan *plan = nullptr;
  if (!t.isCaptured())
    key.add(&t, arguments, into);
  bool captured = keepsPlans(t, key, into);
  // A capture only writes calls down.
  if (!Capture::current())
    plan = captured         ? findPlan(t, arguments)
           : key.complete() ? findPlan(key)
                            : nullptr;
  if (!plan)
    return callFirst(t, arguments, into, key);
  std::vector<Tensor> outputs(plan->results.size());
  callAgain(t, Ref<CallPlan>(plan), arguments, into, outputs);
  return outputs;
}

static int kindOf(DType dtype) {
  return isFloat(dtype) ? 2 : dtype == DType::Bool ? 0 : 1;
}

static DType scalarDType(const Scalar &scalar) {
  return scalar.index() == 0   ? DType::Bool
         : scalar.index() == 1 ? DType::I64
                               : DType::F32;
}

static double asDouble(const Scalar &scalar) {
  return std::visit([](auto value) { return static_cast<double>(value); },
                    scalar);
}

/// The record's scalar body says which kinds of element there is a formula for.
static void checkElementKind(const OpRow &op,
                             const std::vector<TensorType> &types) {
  if (!op.elementwise || types.empty())
    return;
  DType dtype = types.back().dtype;
  if (op.accepts(dtype))
    return;
  fail(Error::Kind::Unsupported, std::string(op.mnemonic) +
                                     ": not defined for elements of type " +
                                     std::string(name(dtype)));
}

/// Numbers that may become elements as they are must be such elements, as in
/// PyTorch; elsewhere they wrap around or are rounded. An exponent of 32 bits
/// or more becomes no element, and what chooses between numbers rounds them
/// to 16.
static std::optional<DType> numbersFit(const OpRow &op, DType compute,
                                       std::span<const Argument> arguments) {
  bool held = false;
  for (size_t i = 0; i < arguments.size(); ++i)
    held |= !arguments[i].tensor && op.has(op.heldNumbers, i);
  if (!held)
    return std::nullopt;
  bool isHalf = compute == DType::F16 || compute == DType::BF16;
  if (isHalf ? !op.promotes(0) : op.naturalNumbers && isFloat(compute))
    return std::nullopt;
  return isHalf ? compute : scalarCarrier(compute);
}

/// A factor that is a number, or a float of no dimensions, is not rounded to
/// the 16 bits of the tensor: 1e-8 would be 0. Nor is what a quotient is
/// rounded down of. A summand is, as in PyTorch.
static bool staysWide(const OpRow &op, DType compute,
                      std::span<const Argument> arguments) {
  bool isSummand = !op.gradients.empty() && op.gradients[0].isCotangent;
  if (!op.elementwise || !op.numbers || op.heldNumbers || isSummand ||
      op.promotion == Promotion::ToBool ||
      (compute != DType::F16 && compute != DType::BF16))
    return false;
  return std::any_of(
      arguments.begin(), arguments.end(), [&](const Argument &argument) {
        return !argument.tensor ||
               (!argument.tensor->rank() && isFloat(argument.tensor->dtype) &&
                argument.tensor->dtype != compute);
      });
}

/// A call of an operation that has no plan yet.
static std::vector<Tensor> callOpFirst(const OpRow &op,
                                       std::span<const Argument> arguments,
                                       const Attributes &attributes, bool into,
                                       const CallKey &key) {
  std::vector<PromotionOperand> operands, promoted;
  for (size_t i = 0; i < arguments.size(); ++i) {
    using Category = PromotionOperand::Category;
    const Argument &argument = arguments[i];
    if (!argument.tensor)
      operands.push_back({Category::Scalar, scalarDType(argument.scalar)});
    else
      operands.push_back(
          {argument.tensor->rank() ? Category::Tensor : Category::ZeroDim,
           argument.tensor->dtype});
    if (op.promotes(i))
      promoted.push_back(operands.back());
  }
  if (!op.boolRefusal.empty())
    for (const PromotionOperand &operand : operands)
      if (operand.dtype == DType::Bool)
        fail(Error::Kind::Runtime, std::string(op.boolRefusal));
  DType compute = promoted.empty() ? operands[0].dtype
                                   : applyPromotion(op.promotion, promoted);

  std::vector<TemplateInput> inputs;
  std::vector<TensorType> types;
  for (size_t i = 0; i < arguments.size(); ++i) {
    TemplateInput input;
    input.scalar = !arguments[i].tensor;
    DType carried = op.promotes(i) || op.promotion == Promotion::None
                        ? compute
                        : operands[i].dtype;
    input.dtype = input.scalar ? scalarCarrier(carried) : operands[i].dtype;
    // Others are checked here, where the value is known.
    if (arguments[i].number >= 0 && !isFloat(input.dtype) &&
        input.dtype != DType::I64)
      fail(Error::Kind::Runtime,
           "a number that changes is no argument of this call");
    if (input.scalar && isFloat(input.dtype) && arguments[i].number < 0)
      input.number = op.constant(asDouble(arguments[i].scalar));
    inputs.push_back(input);
    DType dtype = op.promotes(i) ? compute : input.dtype;
    types.push_back(
        {dtype, input.scalar ? Dims() : arguments[i].tensor->sizes});
  }
  std::vector<DType> results;
  for (const ResultRow &row : op.results) {
    ErrorOr<DType> dtype = row.dtype(types, op.named(attributes));
    if (!dtype)
      fail(dtype.error().kind,
           std::string(op.mnemonic) + ": " + dtype.error().message);
    results.push_back(*dtype);
  }
  // A comparison is with the number that the type has.
  bool compares = results[0] == DType::Bool;
  if (into) {
    const Tensor &target = arguments[0].tensor;
    checkWritable(target, arguments);
    if (kindOf(results[0]) > kindOf(target->dtype))
      fail(Error::Kind::Runtime,
           "result type " + std::string(titleName(results[0])) +
               " can't be cast to the desired output type " +
               std::string(titleName(target->dtype)));
    results[0] = target->dtype;
  }
  checkElementKind(op, types);
  std::optional<DType> fit = numbersFit(op, compute, arguments);
  for (const Argument &argument : arguments)
    if (fit && !argument.tensor)
      checkFits(*fit, argument.scalar);
  if (!compares && staysWide(op, compute, arguments))
    compute = DType::F32;
  Ref<Template> call = opTemplate(&op, attributes, inputs, compute, results);
  return callFirst(*call, arguments, into ? 0 : -1, key, fit);
}

/// PyTorch refuses such an exponent where it is a number, and not a tensor's.
static void checkNatural(std::span<const Argument> arguments,
                         const Scalar &number) {
  bool integers = number.index() != 2;
  for (const Argument &argument : arguments)
    integers =
        integers && (!argument.tensor || !isFloat(argument.tensor->dtype));
  if (integers)
    fail(Error::Kind::Runtime,
         "Integers to negative integer powers are not allowed.");
}

template <typename Words>
static bool describe(Words &words, const OpRow &op,
                     std::span<const Argument> arguments,
                     const Attributes &attributes, bool into) {
  if (!words.add(&op, arguments, into ? 0 : -1) || !words.add(attributes))
    return false;
  // Numbers that the kernel is made for are a part of the call.
  if (!op.constants.empty())
    for (size_t i = 0; i < arguments.size(); ++i)
      if (const Argument &argument = arguments[i]; !argument.tensor) {
        double value = asDouble(argument.scalar);
        if (value < 0 && op.has(op.naturalNumbers, i))
          checkNatural(arguments, argument.scalar);
        if (!words.add(op.constant(value).value_or(0.0)))
          return false;
      }
  return true;
}

/// The plan that an operation was called by most recently, in place or not: the
/// next call is often like it.
static Ref<CallPlan> &recentPlan(const OpRow &op, bool into) {
  static const OpRow *const first = opTable().data();
  static auto *const plans = new Ref<CallPlan>[2 * opTable().size()];
  return plans[2 * (&op - first) + into];
}

/// The plan of such a call, unless a capture only writes calls down.
static CallPlan *planOf(const OpRow &op, std::span<const Argument> arguments,
                        const Attributes &attributes, bool into) {
  if (Capture::current())
    return nullptr;
  Ref<CallPlan> &recent = recentPlan(op, into);
  if (recent) {
    CallMatch match(recent->key);
    if (describe(match, op, arguments, attributes, into) && match.complete()) {
      ++kernelStats().memoryHits;
      return recent.get();
    }
  }
  CallKey key;
  describe(key, op, arguments, attributes, into);
  CallPlan *plan = key.complete() ? findPlan(key) : nullptr;
  if (plan)
    recent = plan;
  return plan;
}

/// Checks what the first call of its kind is, and makes it.
static std::vector<Tensor> callOpFirst(const OpRow &op,
                                       std::span<const Argument> arguments,
                                       const Attributes &attributes,
                                       bool into) {
  CallKey key;
  describe(key, op, arguments, attributes, into);
  return callOpFirst(op, arguments, attributes, into, key);
}

std::vector<Tensor> stepwell::callOp(const OpRow &op,
                                     std::span<const Argument> arguments,
                                     const Attributes &attributes, bool into) {
  CallPlan *plan = planOf(op, arguments, attributes, into);
  if (!plan)
    return callOpFirst(op, arguments, attributes, into);
  if (into)
    checkWritable(arguments[0].tensor, arguments);
  std::vector<Tensor> outputs(plan->results.size());
  callAgain(*plan->call, Ref<CallPlan>(plan), arguments, into ? 0 : -1,
            outputs);
  return outputs;
}

Tensor stepwell::callSingle(const OpRow &op,
                            std::span<const Argument> arguments,
                            const Attributes &attributes, bool into) {
  CallPlan *plan = planOf(op, arguments, attributes, into);
  if (!plan)
    return callOpFirst(op, arguments, attributes, into)[0];
  if (into)
    checkWritable(arguments[0].tensor, arguments);
  Tensor output;
  callAgain(*plan->call, Ref<CallPlan>(plan), arguments, into ? 0 : -1,
            {&output, 1});
  return output;
}

Tensor stepwell::callOp(std::string_view mnemonic,
                        std::initializer_list<Argument> arguments,
                        const Attributes &attributes) {
  const OpRow *op = findOp(mnemonic);
  if (!op)
    fail(Error::Kind::Runtime,
         "this build has no operation '" + std::string(mnemonic) + "'");
  return callSingle(*op, {arguments.begin(), arguments.size()}, attributes);
}

//===--- Copies -----------------------------------------------------------===//

namespace {
/// A copy: the gradient goes to the source as it is; that of what it replaced
/// is zero.
struct CopyNode : Node {
  using Node::Node;
  TensorType source;
  bool reads;     // the last edge is the source
  OpenShape open; // of the target
  std::string name() const override { return "copy"; }
  std::vector<Tensor> apply(std::vector<Tensor> gradients) override {
    std::vector<Tensor> out(edges.size());
    if (replaces && wants(0)) {
      Capture::GivenShape given(open);
      out[0] = full(outputs[0].dtype, outputs[0].dims, int64_t{0});
    }
    if (reads && wants(edges.size() - 1))
      out.back() = sumTo(cast(gradients[0], source.dtype), source.dims);
    return out;
  }
};
} // namespace

static Ref<Node> recordCopy(const Tensor &target, const Tensor *source,
                            bool write) {
  bool wanted =
      gradEnabled() && isFloat(target->dtype) &&
      ((write && requiresGrad(*target)) || (source && requiresGrad(**source)));
  if (!wanted)
    return {};
  std::vector<Edge> edges(write ? 2 : 1);
  if (write)
    edges[0] = edgeOf(target);
  if (source)
    edges.back() = edgeOf(*source);
  Ref<CopyNode> node(new CopyNode(std::move(edges)));
  node->replaces = write;
  node->reads = source;
  if (source)
    node->source = (*source)->type();
  node->outputs = {target->type()};
  node->open = Capture::openShapeOf(*target);
  return Ref<Node>(node.get());
}

/// Writes `source`, which has the target's sizes, over the target.
static void copyElements(const Tensor &target, const Tensor &source) {
  if (target->numel() == 0)
    return;
  Argument arguments[] = {{target}, {source}};
  static const OpRow *const none = nullptr;
  CallKey key;
  key.add(&none, arguments, 0); // a copy is no operation
  if (Ref<CallPlan> plan = key.complete() ? findPlan(key) : nullptr) {
    plan->launch.run(*plan->call, arguments, {});
    return;
  }
  TemplateInput inputs[] = {{target->dtype, false, Need::Shape},
                            {source->dtype}};
  DType results[] = {target->dtype};
  Ref<Template> copy = opTemplate(nullptr, {}, inputs, target->dtype, results);
  Ref<CallPlan> plan(new CallPlan);
  plan->call = copy;
  plan->launch = launch(*copy, arguments, {}, 0);
  if (key.complete())
    keepPlan(key, plan);
}

/// A number as a tensor that repeats it.
static Tensor repeated(const Scalar &value, DType dtype, const Dims &sizes) {
  DType carrier = scalarCarrier(dtype);
  stepwell_arg cell = scalarWord(carrier, value);
  Ref<Buffer> buffer = Buffer::allocate(sizeof cell);
  std::memcpy(buffer->memory->data, &cell, sizeof cell);
  return makeTensor(std::move(buffer), carrier,
                    {sizes, Dims::filled(sizes.size(), 0), 0});
}

Tensor stepwell::full(DType dtype, const Dims &sizes, const Scalar &value) {
  checkFits(dtype, value);
  if (Capture *capture = Capture::current())
    return capture->constant(dtype, sizes, value);
  Tensor tensor = empty(dtype, sizes);
  copyElements(tensor, repeated(value, dtype, sizes));
  return tensor;
}

void stepwell::fillInto(const Tensor &target, const Scalar &value) {
  checkFits(target->dtype, value);
  checkWritable(target, {});
  Ref<Node> node = recordCopy(target, nullptr, true);
  if (Capture *capture = Capture::current()) {
    Capture::GivenShape given(Capture::openShapeOf(*target));
    capture->write(*target,
                   capture->constant(target->dtype, target->sizes, value),
                   static_cast<bool>(node));
  } else {
    copyElements(target, repeated(value, target->dtype, target->sizes));
    if (!target->untracked)
      ++target->buffer->version;
  }
  if (node)
    recordWrite(target, node);
}

void stepwell::copyInto(const Tensor &target, const Tensor &source) {
  Argument read{source};
  checkWritable(target, {&read, 1});
  Ref<Node> node = recordCopy(target, &source, true);
  Capture *capture = Capture::current();
  // With the place that it has on the tape, which nothing below records.
  Tensor given =
      capture ? capture->alias(*source, packedStrides(source->sizes)) : source;
  {
    GradModeGuard guard(false);
    Capture::GivenShape shape(Capture::openShapeOf(*target));
    Tensor wide = expand(given, target->sizes);
    if (capture) {
      capture->write(*target, cast(wide, target->dtype),
                     static_cast<bool>(node));
    } else {
      copyElements(target, wide);
      if (!target->untracked)
        ++target->buffer->version;
    }
  }
  if (node)
    recordWrite(target, node);
}

/// `packed`: row-major, whatever the source is.
static Tensor copyOf(const Tensor &source, bool packed) {
  Tensor result;
  if (Capture *capture = Capture::current()) {
    const Geometry *operands[] = {source.get()};
    result = capture->alias(*source,
                            packed ? packedStrides(source->sizes)
                                   : resultStrides(operands, source->sizes));
  } else {
    result = empty(source->dtype, source->sizes);
    if (!packed) {
      const Geometry *operands[] = {source.get()};
      result->strides = resultStrides(operands, source->sizes);
    }
    copyElements(result, source);
  }
  if (Ref<Node> node = recordCopy(result, &source, false)) {
    result->node = node;
    result->output = 0;
  }
  return result;
}

Tensor stepwell::clone(const Tensor &source) { return copyOf(source, false); }

Tensor stepwell::packedCopy(const Tensor &source) {
  return copyOf(source, true);
}

Tensor stepwell::contiguous(const Tensor &tensor) {
  return tensor->contiguous() ? tensor : packedCopy(tensor);
}

Tensor stepwell::cast(const Tensor &tensor, DType dtype) {
  if (tensor->dtype == dtype)
    return tensor;
  return callOp("cast", {{tensor}}, attributes::Cast{.dtype = dtype});
}

Tensor stepwell::sumTo(const Tensor &tensor, const Dims &sizes) {
  if (tensor->sizes == sizes)
    return tensor;
  int extra = tensor->rank() - sizes.size();
  Dims dims;
  for (int i = 0; i < tensor->rank(); ++i)
    if (i < extra || (sizes[i - extra] == 1 && tensor->sizes[i] != 1))
      dims.push_back(i);
  Tensor sum = callOp("sum", {{tensor}}, attributes::Sum{.dims = dims});
  return reshape(sum, sizes);
}

Tensor stepwell::detach(const Tensor &tensor, bool untracked) {
  Tensor result = makeTensor(tensor->buffer, tensor->dtype,
                             static_cast<const Geometry &>(*tensor));
  result->untracked = untracked;
  if (Capture *capture = Capture::current())
    capture->noteView(*result, tensor, std::nullopt);
  return result;
}
