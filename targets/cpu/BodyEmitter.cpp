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

/// Elements of other buffers where a condition holds, and else what is there
/// anyway, perhaps told to other buffers.
static bool isGuardedRead(linalg::LinalgOp op, Operation &operation) {
  auto branch = dyn_cast<scf::IfOp>(operation);
  if (!branch || !branch.elseBlock() ||
      !llvm::all_of(branch.getResultTypes(), canBeElement))
    return false;
  auto isElsewhere = [&](Value buffer) {
    return !op->isAncestor(buffer.getParentBlock()->getParentOp());
  };
  bool reads = false;
  for (Operation &inside : branch.thenBlock()->without_terminator()) {
    auto load = dyn_cast<memref::LoadOp>(inside);
    if (load ? !isElsewhere(load.getMemRef())
             : !isElementwise(inside) || !isSpeculatable(&inside))
      return false;
    reads |= bool(load);
  }
  for (Operation &inside : branch.elseBlock()->without_terminator()) {
    auto told = dyn_cast<memref::AtomicRMWOp>(inside);
    if (!told || !isElsewhere(told.getMemref()) || !told->use_empty())
      return false;
  }
  return reads;
}

bool BodyEmitter::isVectorizable(linalg::LinalgOp op, bool reads) {
  return llvm::all_of(op.getBlock()->without_terminator(),
                      [&](Operation &operation) {
                        return isElementwise(operation) ||
                               isRareCase(operation) ||
                               (reads && isGuardedRead(op, operation));
                      }) &&
         llvm::all_of(op.getBlock()->getArgumentTypes(), canBeElement);
}

bool BodyEmitter::readsElsewhere(linalg::LinalgOp op) {
  return llvm::any_of(
      op.getBlock()->without_terminator(),
      [&](Operation &operation) { return isGuardedRead(op, operation); });
}

bool BodyEmitter::isUniform(linalg::LinalgOp op, Value value, unsigned loop) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (argument.getOwner() != op.getBlock())
      return true;
    OpOperand *operand = op.getMatchingOpOperand(argument);
    return !op.getMatchingIndexingMap(operand).isFunctionOfDim(loop);
  }
  Operation *maker = value.getDefiningOp();
  if (!op->isProperAncestor(maker))
    return true;
  if (auto index = dyn_cast<linalg::IndexOp>(maker))
    return index.getDim() != loop;
  return maker->getNumRegions() == 0 && isMemoryEffectFree(maker) &&
         llvm::all_of(maker->getOperands(), [&](Value operand) {
           return isUniform(op, operand, loop);
         });
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
  if (maker->getNumRegions()) {
    // A branch needs what it asks, and what it reads of the body around it.
    maker->walk([&](Operation *inside) {
      for (Value operand : inside->getOperands())
        if (operand.getParentBlock() == nest.op.getBlock())
          slice(operand, known, width, loop, at);
    });
    std::swap(mapping, known);
    emit(*maker, width, loop, at);
    std::swap(mapping, known);
    return known.lookup(wanted);
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
    if (isRareCase(operation))
      emitRareCase(branch, width, loop, at);
    else
      emitGuardedRead(branch, width, loop, at);
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
  made->setAttr(kRareCaseAttr, builder.getUnitAttr());
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

/// One lane of what a branch does, and of what it yields; the only one of
/// scalars.
SmallVector<Value> BodyEmitter::emitLane(Block *block, OpFoldResult lane,
                                         IRMapping &uniform, unsigned loop,
                                         Value at) {
  OpBuilder &builder = nest.builder;
  IRMapping mine;
  auto scalar = [&](Value value) -> Value {
    if (Value known = mine.lookupOrNull(value))
      return known;
    if (!lane)
      return resolve(value, 0);
    if (isUniform(nest.op, value, loop))
      return slice(value, uniform, 0, loop, at);
    return vector::ExtractOp::create(builder, nest.loc, mapping.lookup(value),
                                     lane);
  };
  for (Operation &operation : block->without_terminator()) {
    SmallVector<Value> operands =
        llvm::map_to_vector(operation.getOperands(), scalar);
    Operation *made = builder.clone(operation);
    made->setOperands(operands);
    mine.map(operation.getResults(), made->getResults());
  }
  return llvm::map_to_vector(block->getTerminator()->getOperands(), scalar);
}

/// One look at the condition for all lanes, which then read without further
/// branches; only vectors with a lane where it does not hold go lane by lane.
void BodyEmitter::emitGuardedRead(scf::IfOp branch, unsigned width,
                                  unsigned loop, Value at) {
  OpBuilder &builder = nest.builder;
  Location loc = branch.getLoc();
  Value condition = resolve(branch.getCondition(), width);
  // Places that all lanes share are computed once.
  IRMapping uniform;
  if (width) {
    for (BlockArgument argument : nest.op.getBlock()->getArguments())
      if (Value known = mapping.lookupOrNull(argument);
          known && isUniform(nest.op, argument, loop))
        uniform.map(argument, builder.createOrFold<vector::ExtractOp>(
                                  loc, known, ArrayRef<int64_t>{0}));
    branch->walk([&](Operation *inside) {
      for (Value operand : inside->getOperands())
        if (!branch->isAncestor(operand.getParentBlock()->getParentOp()) &&
            isUniform(nest.op, operand, loop))
          slice(operand, uniform, 0, loop, at);
    });
  }
  auto inBranch = [&](Block *block, OpFoldResult lane) {
    return emitLane(block, lane, uniform, loop, at);
  };
  /// Both branches for one lane.
  auto choose = [&](Value holds, OpFoldResult lane) {
    auto made = scf::IfOp::create(builder, loc, branch.getResultTypes(), holds,
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
    OpBuilder::InsertionGuard guard(builder);
    for (auto [from, to] : {std::pair(branch.thenBlock(), made.thenBlock()),
                            std::pair(branch.elseBlock(), made.elseBlock())}) {
      builder.setInsertionPointToStart(to);
      scf::YieldOp::create(builder, loc, inBranch(from, lane));
    }
    return made;
  };
  if (!width) {
    mapping.map(branch.getResults(), choose(condition, {}).getResults());
    return;
  }

  Value all = vector::ReductionOp::create(
      builder, loc, vector::CombiningKind::AND, condition);
  SmallVector<Type> types;
  for (Value result : branch.getResults())
    types.push_back(vectorOf(result.getType(), width));
  auto made = scf::IfOp::create(builder, loc, types, all, /*addThenBlock=*/true,
                                /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(made.thenBlock());
  SmallVector<SmallVector<Value>> lanes(types.size());
  for (unsigned lane = 0; lane < width; ++lane)
    for (auto [values, value] : llvm::zip(
             lanes, inBranch(branch.thenBlock(), builder.getIndexAttr(lane))))
      values.push_back(value);
  SmallVector<Value> results;
  for (auto [values, type] : llvm::zip(lanes, types))
    results.push_back(vector::FromElementsOp::create(
        builder, loc, cast<VectorType>(type), values));
  scf::YieldOp::create(builder, loc, results);

  builder.setInsertionPointToStart(made.elseBlock());
  IndexBuilder index = nest.index();
  SmallVector<Value> nothing;
  for (Type type : types)
    nothing.push_back(
        arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type)));
  results = nest.range(
      index.constant(0), index.constant(width), 1, nothing,
      [&](Value lane, ValueRange carried) {
        Value holds = vector::ExtractOp::create(builder, loc, condition, lane);
        SmallVector<Value> next;
        for (auto [value, vector] :
             llvm::zip(choose(holds, lane).getResults(), carried))
          next.push_back(
              vector::InsertOp::create(builder, loc, value, vector, lane));
        return next;
      });
  scf::YieldOp::create(builder, loc, results);
  mapping.map(branch.getResults(), made.getResults());
}
