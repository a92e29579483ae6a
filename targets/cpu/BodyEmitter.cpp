//===- BodyEmitter.cpp - The body of a linalg operation on vectors -----------
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "BodyEmitter.h"

using namespace mlir;
using namespace stepwell::cpu;

static bool canBeElement(Type type) {
  return isa<IndexType, IntegerType, FloatType>(type);
}

static bool isElementwise(Operation &operation) {
  return isa<arith::ConstantOp, linalg::IndexOp>(operation) ||
         (OpTrait::hasElementwiseMappableTraits(&operation) &&
          llvm::all_of(operation.getResultTypes(), canBeElement));
}

/// A rare case: what it computes replaces values that are there anyway.
static bool isRareCase(Operation &operation) {
  auto branch = dyn_cast<scf::IfOp>(operation);
  return branch && branch.elseBlock() &&
         branch.elseBlock()->without_terminator().empty() &&
         llvm::all_of(branch.getResultTypes(), canBeElement) &&
         llvm::all_of(branch.thenBlock()->without_terminator(),
                      [](Operation &inside) {
                        return isElementwise(inside) || isRareCase(inside);
                      });
}

bool BodyEmitter::isVectorizable(linalg::LinalgOp op) {
  return llvm::all_of(op.getBlock()->without_terminator(),
                      [](Operation &operation) {
                        return isElementwise(operation) ||
                               isRareCase(operation);
                      }) &&
         llvm::all_of(op.getBlock()->getArgumentTypes(), canBeElement);
}

unsigned BodyEmitter::vectorWidth(linalg::LinalgOp op, unsigned vectorBits) {
  unsigned widest = 8;
  auto see = [&](Type type) {
    widest =
        std::max(widest, type.isIndex() ? 64 : type.getIntOrFloatBitWidth());
  };
  for (Type type : op.getBlock()->getArgumentTypes())
    see(type);
  for (Operation &operation : op.getBlock()->without_terminator())
    llvm::for_each(operation.getResultTypes(), see);
  return vectorBits / widest;
}

unsigned BodyEmitter::size(linalg::LinalgOp op) {
  return llvm::count_if(op.getBlock()->without_terminator(), [](Operation &o) {
    return !isa<arith::ConstantOp>(o);
  });
}

BodyEmitter::BodyEmitter(LoopNest &nest)
    : nest(nest), before(nest.builder.getContext()) {
  // A landmark: everything made in advance stays before it.
  Value landmark = nest.index().value(nest.index().constant(0));
  before.setInsertionPoint(landmark.getDefiningOp());
}

/// A value from outside the body, or a constant inside it.
Value BodyEmitter::outside(Value value, unsigned width) {
  Value &made = hoisted[{value, width}];
  if (made)
    return made;
  Value scalar = value;
  if (auto constant = value.getDefiningOp<arith::ConstantOp>()) {
    auto type = vectorOf(value.getType(), width);
    TypedAttr attribute = constant.getValue();
    if (width)
      attribute = DenseElementsAttr::get(cast<VectorType>(type),
                                         Attribute(constant.getValue()));
    return made = arith::ConstantOp::create(before, value.getLoc(), type,
                                            attribute);
  }
  if (!width)
    return made = scalar;
  return made = vector::BroadcastOp::create(
             before, value.getLoc(), vectorOf(value.getType(), width), scalar);
}

Value BodyEmitter::counter(unsigned dim, unsigned loop, unsigned width,
                           Value at) {
  Value value = dim == loop ? at : nest.counters[dim];
  if (!width)
    return value;
  Type type = vectorOf(value.getType(), width);
  Value splat =
      vector::BroadcastOp::create(nest.builder, nest.loc, type, value);
  if (dim != loop)
    return splat;
  Value steps =
      vector::StepOp::create(nest.builder, nest.loc, cast<VectorType>(type));
  return arith::AddIOp::create(nest.builder, nest.loc, splat, steps);
}

Value BodyEmitter::clone(Operation *operation, ValueRange operands) {
  unsigned width = 0;
  if (auto type = dyn_cast<VectorType>(operands.front().getType()))
    width = type.getNumElements();
  IRMapping inputs;
  Operation *made = nest.builder.cloneWithoutRegions(*operation, inputs);
  made->setOperands(operands);
  made->getResult(0).setType(
      vectorOf(operation->getResult(0).getType(), width));
  return made->getResult(0);
}

Value BodyEmitter::slice(Value wanted, IRMapping &known, unsigned width,
                         unsigned loop, Value at) {
  if (Value found = known.lookupOrNull(wanted))
    return found;
  Operation *maker = wanted.getDefiningOp();
  if (!maker || maker->getBlock() != nest.op.getBlock() ||
      isa<arith::ConstantOp>(maker))
    return outside(wanted, width);
  if (auto index = dyn_cast<linalg::IndexOp>(maker)) {
    Value value = counter(index.getDim(), loop, width, at);
    known.map(wanted, value);
    return value;
  }
  SmallVector<Value> operands;
  for (Value operand : maker->getOperands())
    operands.push_back(slice(operand, known, width, loop, at));
  Operation *made = nest.builder.clone(*maker);
  made->setOperands(operands);
  for (auto [old, result] :
       llvm::zip(maker->getResults(), made->getResults())) {
    result.setType(vectorOf(old.getType(), width));
    known.map(old, result);
  }
  return known.lookup(wanted);
}

SmallVector<Value> BodyEmitter::emit(ValueRange arguments, unsigned width,
                                     unsigned loop, Value at,
                                     ArrayRef<Operation *> skip) {
  Block *body = nest.op.getBlock();
  mapping.clear();
  for (auto [argument, value] : llvm::zip(body->getArguments(), arguments))
    mapping.map(argument, value);
  for (Operation &operation : body->without_terminator())
    if (!llvm::is_contained(skip, &operation))
      emit(operation, width, loop, at);
  SmallVector<Value> yielded;
  for (Value value : body->getTerminator()->getOperands()) {
    Operation *maker = value.getDefiningOp();
    yielded.push_back(maker && llvm::is_contained(skip, maker)
                          ? Value()
                          : resolve(value, width));
  }
  return yielded;
}

void BodyEmitter::emit(Operation &operation, unsigned width, unsigned loop,
                       Value at) {
  if (isa<arith::ConstantOp>(operation))
    return;
  if (auto index = dyn_cast<linalg::IndexOp>(operation)) {
    mapping.map(index.getResult(), counter(index.getDim(), loop, width, at));
    return;
  }
  if (auto branch = dyn_cast<scf::IfOp>(operation)) {
    emitRareCase(branch, width, loop, at);
    return;
  }
  SmallVector<Value> operands;
  for (Value operand : operation.getOperands())
    operands.push_back(resolve(operand, width));
  Operation *made = nest.builder.clone(operation, mapping);
  made->setOperands(operands);
  for (auto [old, result] :
       llvm::zip(operation.getResults(), made->getResults())) {
    result.setType(vectorOf(old.getType(), width));
    mapping.map(old, result);
  }
}

/// The branch is taken for the sake of any lane, and decides lane by lane.
void BodyEmitter::emitRareCase(scf::IfOp branch, unsigned width, unsigned loop,
                               Value at) {
  OpBuilder &builder = nest.builder;
  Location loc = branch.getLoc();
  Value condition = resolve(branch.getCondition(), width), any = condition;
  if (width)
    any = vector::ReductionOp::create(builder, loc, vector::CombiningKind::OR,
                                      condition);
  SmallVector<Value> usual;
  for (Value value : branch.elseYield().getOperands())
    usual.push_back(resolve(value, width));
  auto made = scf::IfOp::create(builder, loc, ValueRange(usual).getTypes(), any,
                                /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(made.thenBlock());
    for (Operation &operation : branch.thenBlock()->without_terminator())
      emit(operation, width, loop, at);
    SmallVector<Value> results;
    for (auto [value, other] :
         llvm::zip(branch.thenYield().getOperands(), usual)) {
      Value result = resolve(value, width);
      if (width)
        result =
            arith::SelectOp::create(builder, loc, condition, result, other);
      results.push_back(result);
    }
    scf::YieldOp::create(builder, loc, results);
    builder.setInsertionPointToStart(made.elseBlock());
    scf::YieldOp::create(builder, loc, usual);
  }
  for (auto [old, result] : llvm::zip(branch.getResults(), made.getResults()))
    mapping.map(old, result);
}
