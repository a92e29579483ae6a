//===- FulfilRequests.cpp - Reverse mode ----------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Batching.h"

#include "stepwell/Array/Array.h"
#include "stepwell/Array/Decomposition.h"
#include "stepwell/Array/VJP.h"
#include "stepwell/Autodiff/Autodiff.h"
#include "stepwell/Differentiation/Passes.h"
#include "stepwell/Registration.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace stepwell;

namespace stepwell {
#define GEN_PASS_DEF_FULFILREQUESTSPASS
#include "stepwell/Differentiation/Passes.h.inc"
} // namespace stepwell

namespace {

/// Fulfils one request, whose body holds no request any more.
class ReverseMode {
public:
  explicit ReverseMode(autodiff::VJPOp request)
      : request(request), builder(request) {}
  LogicalResult run();

private:
  LogicalResult inlineForward();
  FailureOr<SmallVector<Value>> appendForward(Operation *op);
  FailureOr<SmallVector<Value>> appendBody(array::CallOp call);
  LogicalResult differentiateCall(array::CallOp call);
  LogicalResult differentiate(Operation *op, Value g);
  void accumulate(Value value, Value gradient);
  void dropSizes(Value value);
  void eraseOrSink();
  Value zeroLike(Value value);
  /// `gradient`, with the sizes that the type of `like` knows.
  Value withTypeOf(Value gradient, Value like);

  autodiff::VJPOp request;
  OpBuilder builder;
  /// The body's operations, inlined before the request, in order.
  SmallVector<Operation *> forward;
  /// A result of an inlined operation that the caller already has.
  SmallVector<std::pair<Value, Value>> saved;
  /// What the body yields, and its inputs, as values outside the body.
  SmallVector<Value> results, inputs;
  /// The inlined values that depend on `wrt`.
  DenseSet<Value> active;
  DenseMap<Value, Value> gradients;
};

} // namespace

static bool hasGradient(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value));
}

/// Appends `op` to the forward operations, or what it is composed of if it has
/// no rule of its own; returns its results.
FailureOr<SmallVector<Value>> ReverseMode::appendForward(Operation *op) {
  if (auto call = dyn_cast<array::CallOp>(op); call && call.getVjp().empty())
    return appendBody(call);
  if (array::differentiability(op) != array::Differentiability::Composite) {
    forward.push_back(op);
    return SmallVector<Value>(op->getResults());
  }
  builder.setInsertionPointAfter(op);
  FailureOr<SmallVector<Value>> values = array::buildDecomposition(builder, op);
  Operation *end = &*builder.getInsertionPoint();
  builder.setInsertionPoint(request);
  if (failed(values))
    return failure();
  SmallVector<Operation *> parts;
  for (Operation *part = op->getNextNode(); part != end;
       part = part->getNextNode())
    parts.push_back(part);
  for (Operation *part : parts) {
    SmallVector<Value> old(part->getResults());
    FailureOr<SmallVector<Value>> made = appendForward(part);
    if (failed(made))
      return failure();
    for (Value &value : *values)
      for (auto [before, after] : llvm::zip(old, *made))
        if (value == before)
          value = after;
  }
  op->replaceAllUsesWith(*values);
  op->erase();
  return values;
}

/// A function without a rule is differentiated as what it is made of.
FailureOr<SmallVector<Value>> ReverseMode::appendBody(array::CallOp call) {
  Block &body = call.getBody().front();
  IRMapping mapping;
  mapping.map(body.getArguments(), call.getInputs());
  builder.setInsertionPoint(call);
  SmallVector<Operation *> parts;
  for (Operation &op : body.without_terminator())
    parts.push_back(builder.clone(op, mapping));
  builder.setInsertionPoint(request);
  SmallVector<Value> results;
  for (Value value : body.getTerminator()->getOperands())
    results.push_back(mapping.lookup(value));
  for (Operation *part : parts) {
    SmallVector<Value> old(part->getResults());
    FailureOr<SmallVector<Value>> made = appendForward(part);
    if (failed(made))
      return failure();
    for (Value &value : results)
      for (auto [before, after] : llvm::zip(old, *made))
        if (value == before)
          value = after;
  }
  call->replaceAllUsesWith(results);
  call->erase();
  return results;
}

/// The rule of a function takes the cotangents of all its results at once.
LogicalResult ReverseMode::differentiateCall(array::CallOp call) {
  if (llvm::none_of(call.getResults(),
                    [&](Value result) { return gradients.contains(result); }))
    return success();
  Block &rule = call.getVjp().front();
  SmallVector<Value> arguments(call.getInputs());
  llvm::append_range(arguments, call.getResults());
  for (Value result : call.getResults())
    if (hasGradient(result)) {
      Value g = gradients.lookup(result);
      arguments.push_back(g ? g : zeroLike(result));
    }
  IRMapping mapping;
  mapping.map(rule.getArguments(), arguments);
  for (Operation &op : rule.without_terminator())
    builder.clone(op, mapping);
  for (auto [index, value] :
       llvm::zip(call.getWrt(), rule.getTerminator()->getOperands())) {
    Value operand = call.getInputs()[index];
    if (!active.contains(operand))
      continue;
    Value gradient =
        array::sumToType(builder, call.getLoc(), mapping.lookup(value),
                         cast<RankedTensorType>(operand.getType()));
    accumulate(operand, withTypeOf(gradient, operand));
  }
  return success();
}

LogicalResult ReverseMode::inlineForward() {
  Block &body = request.getBody().front();
  IRMapping mapping;
  // A value that is passed for two inputs has two gradients: each input gets a
  // value of its own until all is done.
  for (auto [argument, input] :
       llvm::zip(body.getArguments(), request.getInputs())) {
    auto standIn = UnrealizedConversionCastOp::create(builder, request.getLoc(),
                                                      input.getType(), input);
    mapping.map(argument, standIn.getResult(0));
    inputs.push_back(standIn.getResult(0));
  }
  for (Operation &op : body.without_terminator()) {
    Operation *clone = builder.clone(op, mapping);
    FailureOr<SmallVector<Value>> results = appendForward(clone);
    if (failed(results))
      return failure();
    mapping.map(op.getResults(), *results);
  }
  Operation *yield = body.getTerminator();
  for (auto [value, given] :
       llvm::zip(yield->getOperands(), request.getSaved())) {
    results.push_back(mapping.lookup(value));
    if (value.getDefiningOp())
      saved.push_back({mapping.lookup(value), given});
  }
  return success();
}

Value ReverseMode::zeroLike(Value value) {
  Value zero = array::createNumber(builder, request.getLoc(), 0.0,
                                   getElementTypeOrSelf(value));
  return withTypeOf(zero, value);
}

Value ReverseMode::withTypeOf(Value gradient, Value like) {
  if (gradient.getType() == like.getType())
    return gradient;
  return array::BroadcastLikeOp::create(builder, gradient.getLoc(),
                                        like.getType(), gradient, like,
                                        ArrayRef<int64_t>(), /*keepdim=*/true);
}

void ReverseMode::accumulate(Value value, Value gradient) {
  Value &sum = gradients[value];
  sum = sum ? array::AddOp::create(builder, gradient.getLoc(), sum, gradient)
                  .getResult()
            : gradient;
}

LogicalResult ReverseMode::differentiate(Operation *op, Value g) {
  switch (array::differentiability(op)) {
  case array::Differentiability::Unknown:
    return op->emitOpError("has no derivative: ")
           << (op->getNumRegions()
                   ? "branches and loops are not differentiated"
                   : "autodiff.vjp differentiates operations of the array "
                     "dialect only");
  case array::Differentiability::Composite: // gave way to its parts
  case array::Differentiability::NonDifferentiable:
    return success();
  case array::Differentiability::Differentiable:
    break;
  }
  for (auto [index, operand] : llvm::enumerate(op->getOperands())) {
    if (!active.contains(operand))
      continue;
    bool failed = false;
    Value gradient = array::buildVJP(builder, op, index, g, failed);
    if (failed)
      return failure();
    if (!gradient)
      continue;
    auto type = cast<RankedTensorType>(operand.getType());
    gradient = array::sumToType(builder, op->getLoc(), gradient, type);
    accumulate(operand, withTypeOf(gradient, operand));
  }
  return success();
}

LogicalResult ReverseMode::run() {
  if (failed(inlineForward()))
    return failure();
  for (int64_t index : request.getWrt())
    if (hasGradient(inputs[index]))
      active.insert(inputs[index]);
  for (Operation *op : forward) {
    if (array::differentiability(op) ==
        array::Differentiability::NonDifferentiable)
      continue;
    if (llvm::any_of(op->getOperands(),
                     [&](Value v) { return active.contains(v); }))
      for (OpResult result : op->getResults())
        if (hasGradient(result) && !array::isAuxiliary(result))
          active.insert(result);
  }

  for (auto [index, g] :
       llvm::zip(request.getCotangents(), request.getCotangentValues()))
    if (active.contains(results[index]))
      accumulate(results[index], g);
  for (Operation *op : llvm::reverse(forward)) {
    if (auto call = dyn_cast<array::CallOp>(op)) {
      if (failed(differentiateCall(call)))
        return failure();
      continue;
    }
    for (Value result : op->getResults())
      if (Value g = gradients.lookup(result))
        if (failed(differentiate(op, g)))
          return failure();
  }

  SmallVector<Value> replacements;
  for (int64_t index : request.getWrt()) {
    Value gradient = gradients.lookup(inputs[index]);
    replacements.push_back(gradient ? gradient : zeroLike(inputs[index]));
  }
  request->replaceAllUsesWith(replacements);
  request->erase();
  // Not before now: the rules read the results of the inlined operations.
  for (auto [computed, given] : saved)
    computed.replaceAllUsesWith(given);
  for (Value input : inputs) {
    Operation *standIn = input.getDefiningOp();
    standIn->replaceAllUsesWith(standIn->getOperands());
    standIn->erase();
  }
  eraseOrSink();
  return success();
}

/// Sizes that the type knows are read off something that nobody computes.
void ReverseMode::dropSizes(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape())
    return;
  for (OpOperand &use : llvm::make_early_inc_range(value.getUses()))
    if (array::readsSizesOnly(use)) {
      OpBuilder before(use.getOwner());
      use.set(tensor::EmptyOp::create(before, value.getLoc(), type.getShape(),
                                      type.getElementType()));
    }
}

/// Of the forward operations those remain that the derivative computes again,
/// each where it is first needed: until then it takes no memory.
void ReverseMode::eraseOrSink() {
  for (Operation *op : llvm::reverse(forward)) {
    for (Value result : op->getResults())
      dropSizes(result);
    if (isOpTriviallyDead(op)) {
      op->erase();
      continue;
    }
    Operation *first = nullptr;
    for (Operation *user : op->getUsers()) {
      user = op->getBlock()->findAncestorOpInBlock(*user);
      if (user && (!first || user->isBeforeInBlock(first)))
        first = user;
    }
    if (first && first != op->getNextNode())
      op->moveBefore(first);
  }
}

/// The body of the request, for a batch in its place.
static LogicalResult fulfil(autodiff::VMapOp request) {
  OpBuilder builder(request);
  SmallVector<bool> batched(request.getInputs().size());
  for (int64_t index : request.getBatched())
    batched[index] = true;
  FailureOr<SmallVector<Value>> results = buildBatch(
      builder, request.getBody().front(), request.getInputs(), batched);
  if (failed(results))
    return failure();
  for (auto [value, result] : llvm::zip_equal(*results, request.getResults()))
    if (value.getType() != result.getType())
      value = tensor::CastOp::create(builder, request.getLoc(),
                                     result.getType(), value);
  request->replaceAllUsesWith(*results);
  request->erase();
  return success();
}

namespace {
struct FulfilRequestsPass
    : stepwell::impl::FulfilRequestsPassBase<FulfilRequestsPass> {
  void runOnOperation() override {
    SmallVector<Operation *> requests;
    // Post-order: the requests in a body come before the one around it.
    getOperation()->walk([&](Operation *op) {
      if (isa<autodiff::VJPOp, autodiff::VMapOp>(op))
        requests.push_back(op);
    });
    for (Operation *request : requests) {
      auto vmap = dyn_cast<autodiff::VMapOp>(request);
      if (failed(vmap ? fulfil(vmap)
                      : ReverseMode(cast<autodiff::VJPOp>(request)).run()))
        return signalPassFailure();
    }
  }
};
} // namespace

static RegisterPieces registration([] { registerFulfilRequestsPass(); });
