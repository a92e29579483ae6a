//===- LowerControlFlow.cpp - Branches and loops as those of scf ----------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Lowering/Passes.h"

#include "stepwell/Array/Array.h"
#include "stepwell/Array/OpenShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_LOWERCONTROLFLOWPASS
#include "stepwell/Lowering/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;
using rules::OpenShape;
using rules::OpenSize;

namespace {

/// Clones the operations of a block whose arguments are `values`; what it
/// yields.
SmallVector<Value> cloneBlock(OpBuilder &b, Region &region, ValueRange values) {
  Block &block = region.front();
  IRMapping mapping;
  mapping.map(block.getArguments(), values);
  for (Operation &op : block.without_terminator())
    b.clone(op, mapping);
  return llvm::map_to_vector(
      block.getTerminator()->getOperands(),
      [&](Value value) { return mapping.lookup(value); });
}

/// `value`, in the memory of `place`: what a loop carries stays where it is.
Value putIn(OpBuilder &b, Location loc, Value value, Value place) {
  if (value == place)
    return value;
  return bufferization::MaterializeInDestinationOp::create(b, loc, value, place)
      .getResult();
}

SmallVector<Value> putIn(OpBuilder &b, Location loc, ArrayRef<Value> values,
                         ValueRange places) {
  SmallVector<Value> put;
  for (auto [value, place] : llvm::zip(values, places))
    put.push_back(putIn(b, loc, value, place));
  return put;
}

Value truthOf(OpBuilder &b, Location loc, Value tensor) {
  return tensor::ExtractOp::create(b, loc, tensor, ValueRange());
}

//===--- Memory for results -----------------------------------------------===//

/// Builds a size of stepwell/Semantics/OpenSizes.h, whose words are numbered
/// values; null for what is none.
Value buildSize(OpBuilder &b, Location loc, const OpenSize &size,
                ArrayRef<Value> words) {
  SmallVector<Value> stack;
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  for (StringRef token : llvm::split(StringRef(size.postfix()), ' ')) {
    int64_t number;
    if (!token.getAsInteger(10, number)) {
      stack.push_back(constant(number));
      continue;
    }
    if (token.consume_front("w")) {
      if (token.getAsInteger(10, number) || number >= (int64_t)words.size())
        return {};
      stack.push_back(words[number]);
      continue;
    }
    if (stack.size() < (token == "?" ? 3 : 2))
      return {};
    Value right = stack.pop_back_val(), left = stack.pop_back_val(), made;
    auto relation =
        llvm::StringSwitch<std::optional<arith::CmpIPredicate>>(token)
            .Case("==", arith::CmpIPredicate::eq)
            .Case("!=", arith::CmpIPredicate::ne)
            .Case("<", arith::CmpIPredicate::slt)
            .Case("<=", arith::CmpIPredicate::sle)
            .Case(">", arith::CmpIPredicate::sgt)
            .Case(">=", arith::CmpIPredicate::sge)
            .Default(std::nullopt);
    if (token == "+")
      made = arith::AddIOp::create(b, loc, left, right);
    else if (token == "-")
      made = arith::SubIOp::create(b, loc, left, right);
    else if (token == "*")
      made = arith::MulIOp::create(b, loc, left, right);
    else if (token == "/")
      made = arith::DivSIOp::create(b, loc, left, right);
    else if (relation)
      made = arith::IndexCastUIOp::create(
          b, loc, b.getIndexType(),
          arith::CmpIOp::create(b, loc, *relation, left, right));
    else if (token == "?")
      made = arith::SelectOp::create(
          b, loc,
          arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne,
                                stack.pop_back_val(), constant(0)),
          left, right);
    else
      return {};
    stack.push_back(made);
  }
  return stack.size() == 1 ? stack.front() : Value();
}

/// Sizes that the type leaves open are words.
OpenShape open(OpBuilder &b, Value operand, SmallVector<Value> &words) {
  OpenShape shape;
  auto type = cast<RankedTensorType>(operand.getType());
  for (auto [dim, size] : llvm::enumerate(type.getShape())) {
    if (!ShapedType::isDynamic(size)) {
      shape.emplace_back(size);
      continue;
    }
    shape.push_back(OpenSize::open("w" + std::to_string(words.size())));
    words.push_back(tensor::DimOp::create(b, operand.getLoc(), operand, dim));
  }
  return shape;
}

/// Memory for results of `op` that is there before it runs: their sizes follow
/// from those of the operands, by the shape rules.
FailureOr<SmallVector<Value>> makePlaces(OpBuilder &b, Operation *op,
                                         ResultRange results) {
  SmallVector<Value> words, places;
  array::OpenShapes shapes([](const rules::SizeCondition &) {});
  bool known = llvm::all_of(results.getTypes(), [](Type type) {
    return cast<RankedTensorType>(type).hasStaticShape();
  });
  if (!known) {
    for (Value operand : op->getOperands())
      shapes.set(operand, open(b, operand, words));
    if (failed(shapes.readOperation(op)))
      return failure();
  }
  for (Value result : results) {
    auto type = cast<RankedTensorType>(result.getType());
    SmallVector<Value> sizes;
    OpenShape shape = shapes.get(result);
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      if (!type.isDynamicDim(dim))
        continue;
      sizes.push_back(buildSize(b, op->getLoc(), shape[dim], words));
      if (!sizes.back())
        return op->emitError(
            "the sizes of its results do not follow from its operands");
    }
    places.push_back(bufferization::AllocTensorOp::create(b, op->getLoc(), type,
                                                          sizes, Value()));
  }
  return places;
}

//===--- Branches ---------------------------------------------------------===//

LogicalResult lowerCond(array::CondOp op) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  FailureOr<SmallVector<Value>> places = makePlaces(b, op, op.getResults());
  if (failed(places))
    return failure();
  auto branch = scf::IfOp::create(b, loc, op.getResultTypes(),
                                  truthOf(b, loc, op.getCondition()),
                                  /*withElseRegion=*/true);
  for (auto [from, to] : {std::pair(&op.getThen(), branch.thenBlock()),
                          std::pair(&op.getOtherwise(), branch.elseBlock())}) {
    b.setInsertionPointToEnd(to);
    SmallVector<Value> results = cloneBlock(b, *from, op.getInputs());
    scf::YieldOp::create(b, loc, putIn(b, loc, results, *places));
  }
  op->replaceAllUsesWith(branch);
  op.erase();
  return success();
}

//===--- Loops ------------------------------------------------------------===//

LogicalResult lowerWhile(array::WhileOp op) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  auto inside = [&](ValueRange carried) {
    SmallVector<Value> values(carried);
    llvm::append_range(values, op.getReads());
    return values;
  };
  auto loop = scf::WhileOp::create(
      b, loc, op.getResultTypes(), op.getInits(),
      [&](OpBuilder &b, Location loc, ValueRange carried) {
        Value more = cloneBlock(b, op.getBefore(), inside(carried)).front();
        scf::ConditionOp::create(b, loc, truthOf(b, loc, more), carried);
      },
      [&](OpBuilder &b, Location loc, ValueRange carried) {
        SmallVector<Value> next = cloneBlock(b, op.getBody(), inside(carried));
        scf::YieldOp::create(b, loc, putIn(b, loc, next, carried));
      });
  op->replaceAllUsesWith(loop);
  op.erase();
  return success();
}

class ScanLowering {
public:
  explicit ScanLowering(array::ScanOp op) : op(op), b(op), loc(op.getLoc()) {}

  LogicalResult run() {
    size_t carried = op.getInits().size();
    SmallVector<Value> inits(op.getInits());
    FailureOr<SmallVector<Value>> places =
        makePlaces(b, op, op.getResults().drop_front(carried));
    if (failed(places))
      return failure();
    llvm::append_range(inits, *places);
    Value zero = arith::ConstantIndexOp::create(b, loc, 0),
          one = arith::ConstantIndexOp::create(b, loc, 1),
          count = b.createOrFold<tensor::DimOp>(loc, op.getInputs()[0], 0);
    auto loop = scf::ForOp::create(
        b, loc, zero, count, one, inits,
        [&](OpBuilder &b, Location loc, Value index, ValueRange now) {
          if (op.getReverse()) {
            Value last = arith::SubIOp::create(b, loc, count, one);
            index = arith::SubIOp::create(b, loc, last, index);
          }
          SmallVector<Value> values(now.take_front(carried));
          for (Value input : op.getInputs())
            values.push_back(piece(b, input, index));
          llvm::append_range(values, op.getReads());
          SmallVector<Value> results = cloneBlock(b, op.getBody(), values);
          // What is stacked may be what the loop carried before.
          SmallVector<Value> stacked;
          for (auto [result, place] :
               llvm::zip(ArrayRef(results).drop_front(carried),
                         now.drop_front(carried)))
            stacked.push_back(stack(b, result, place, index));
          SmallVector<Value> next =
              putIn(b, loc, ArrayRef(results).take_front(carried), now);
          llvm::append_range(next, stacked);
          scf::YieldOp::create(b, loc, next);
        });
    op->replaceAllUsesWith(loop);
    op.erase();
    return success();
  }

private:
  /// The offsets, sizes and strides of one piece of a stack.
  void locate(OpBuilder &b, Value stack, Value index,
              SmallVector<OpFoldResult> &offsets,
              SmallVector<OpFoldResult> &sizes,
              SmallVector<OpFoldResult> &strides) {
    auto type = cast<RankedTensorType>(stack.getType());
    offsets.assign(type.getRank(), b.getIndexAttr(0));
    strides.assign(type.getRank(), b.getIndexAttr(1));
    offsets[0] = index;
    sizes.push_back(b.getIndexAttr(1));
    for (int64_t dim = 1; dim < type.getRank(); ++dim)
      sizes.push_back(tensor::getMixedSize(b, loc, stack, dim));
  }

  Value piece(OpBuilder &b, Value stack, Value index) {
    SmallVector<OpFoldResult> offsets, sizes, strides;
    locate(b, stack, index, offsets, sizes, strides);
    auto type = cast<RankedTensorType>(stack.getType());
    auto of = RankedTensorType::get(type.getShape().drop_front(),
                                    type.getElementType());
    return tensor::ExtractSliceOp::create(b, loc, of, stack, offsets, sizes,
                                          strides);
  }

  Value stack(OpBuilder &b, Value piece, Value stack, Value index) {
    SmallVector<OpFoldResult> offsets, sizes, strides;
    locate(b, stack, index, offsets, sizes, strides);
    return tensor::InsertSliceOp::create(b, loc, piece, stack, offsets, sizes,
                                         strides);
  }

  array::ScanOp op;
  OpBuilder b;
  Location loc;
};

struct LowerControlFlow
    : stepwell::impl::LowerControlFlowPassBase<LowerControlFlow> {
  void runOnOperation() override {
    // What stands in a block is cloned when its operation gives way, so the
    // outer ones come first.
    for (;;) {
      SmallVector<Operation *> ops;
      getOperation()->walk<WalkOrder::PreOrder>([&](Operation *op) {
        if (!isa<array::CondOp, array::WhileOp, array::ScanOp>(op))
          return WalkResult::advance();
        ops.push_back(op);
        return WalkResult::skip();
      });
      if (ops.empty())
        return;
      for (Operation *op : ops)
        if (failed(lower(op)))
          return signalPassFailure();
    }
  }

private:
  static LogicalResult lower(Operation *op) {
    if (auto cond = dyn_cast<array::CondOp>(op))
      return lowerCond(cond);
    if (auto loop = dyn_cast<array::WhileOp>(op))
      return lowerWhile(loop);
    return ScanLowering(cast<array::ScanOp>(op)).run();
  }
};

} // namespace
