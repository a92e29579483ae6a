//===- SplitReductions.cpp - Large sums in parts --------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Vectorize.h"

#include "stepwell/Targets/CPU/Passes.h"
#include "stepwell/Targets/Target.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CPUSPLITREDUCTIONSPASS
#include "stepwell/Targets/CPU/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

/// Elements of one part. A fixed number: what a part adds up, and so the
/// result, does not depend on how many threads there are.
constexpr int64_t kPart = 65536;

class Splitter {
public:
  Splitter(linalg::LinalgOp op, ArrayRef<Operation *> combiners)
      : op(op), combiners(combiners), b(op), loc(op.getLoc()) {}

  void run() {
    flatten();
    SmallVector<OpFoldResult> sizes;
    for (auto [i, size] : llvm::enumerate(inputType(0).getShape()))
      sizes.push_back(ShapedType::isDynamic(size)
                          ? OpFoldResult(memref::DimOp::create(
                                b, loc, inputs[0], int64_t(i)))
                          : b.getIndexAttr(size));
    // Whole rows of the first loop.
    Value rest = constant(1);
    for (OpFoldResult size : ArrayRef(sizes).drop_front())
      rest = arith::MulIOp::create(b, loc, rest, value(size));
    rest = arith::MaxSIOp::create(b, loc, rest, constant(1));
    Value step = arith::DivUIOp::create(b, loc, constant(kPart), rest);
    step = arith::MaxSIOp::create(b, loc, step, constant(1));
    Value length = value(sizes[0]);
    Value count = arith::CeilDivSIOp::create(b, loc, length, step);
    for (OpOperand &init : op.getDpsInitsMutable()) {
      Type element = cast<MemRefType>(init.get().getType()).getElementType();
      partial.push_back(memref::AllocOp::create(
          b, loc, MemRefType::get({ShapedType::kDynamic}, element), count));
    }
    auto parts =
        scf::ParallelOp::create(b, loc, constant(0), count, constant(1));
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(parts.getBody());
      buildPart(parts.getInductionVars()[0], step, length, sizes);
    }
    buildEnd();
    op->erase();
  }

private:
  Value constant(int64_t number) {
    return arith::ConstantIndexOp::create(b, loc, number);
  }
  Value value(OpFoldResult size) {
    return getValueOrCreateConstantIndexOp(b, loc, size);
  }
  MemRefType inputType(unsigned i) {
    return cast<MemRefType>(inputs[i].getType());
  }

  /// Packed inputs are one long row.
  void flatten() {
    llvm::append_range(inputs, op.getDpsInputs());
    loops = op.getNumLoops();
    bool packed = loops > 1 && op.getBlock()->getOps<linalg::IndexOp>().empty();
    for (Value input : inputs)
      packed &= cast<MemRefType>(input.getType()).getLayout().isIdentity();
    if (!packed)
      return;
    ReassociationIndices all(llvm::to_vector(llvm::seq<int64_t>(0, loops)));
    for (Value &input : inputs)
      input = memref::CollapseShapeOp::create(
          b, loc, input, ArrayRef<ReassociationIndices>{all});
    loops = 1;
  }

  Value partAt(unsigned i, Value at) {
    auto type = cast<MemRefType>(partial[i].getType());
    auto none = MemRefType::get(
        {}, type.getElementType(),
        StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, {}));
    OpFoldResult one = b.getIndexAttr(1);
    return memref::SubViewOp::create(
        b, loc, none, partial[i], ArrayRef<OpFoldResult>{at},
        ArrayRef<OpFoldResult>{one}, ArrayRef<OpFoldResult>{one});
  }

  void buildPart(Value part, Value step, Value length,
                 ArrayRef<OpFoldResult> sizes) {
    Value begin = arith::MulIOp::create(b, loc, part, step);
    Value left = arith::SubIOp::create(b, loc, length, begin);
    Value size = arith::MinSIOp::create(b, loc, step, left);
    SmallVector<OpFoldResult> offsets(loops, b.getIndexAttr(0)), extents(sizes),
        strides(loops, b.getIndexAttr(1));
    offsets[0] = begin;
    extents[0] = size;
    SmallVector<Value> windows, outs;
    for (Value input : inputs)
      windows.push_back(
          memref::SubViewOp::create(b, loc, input, offsets, extents, strides));
    for (auto [i, combiner] : llvm::enumerate(combiners)) {
      outs.push_back(partAt(i, part));
      Value start = arith::ConstantOp::create(
          b, loc, *arith::getNeutralElement(combiner));
      linalg::FillOp::create(b, loc, start, outs.back());
    }
    SmallVector<AffineMap> maps(inputs.size(), b.getMultiDimIdentityMap(loops));
    maps.append(outs.size(), AffineMap::get(loops, 0, {}, b.getContext()));
    SmallVector<utils::IteratorType> kinds(loops,
                                           utils::IteratorType::reduction);
    auto made = linalg::GenericOp::create(b, loc, TypeRange(), windows, outs,
                                          maps, kinds);
    IRMapping mapping;
    op->getRegion(0).cloneInto(&made.getRegion(), mapping);
    for (auto index :
         llvm::make_early_inc_range(made.getBody()->getOps<linalg::IndexOp>()))
      if (index.getDim() == 0) {
        OpBuilder inside(index->getContext());
        inside.setInsertionPointAfter(index);
        Value whole = arith::AddIOp::create(inside, loc, index, begin);
        index.getResult().replaceAllUsesExcept(whole, whole.getDefiningOp());
      }
  }

  /// The parts, in their order, to what was there before.
  void buildEnd() {
    SmallVector<AffineMap> maps(partial.size(), b.getMultiDimIdentityMap(1));
    maps.append(partial.size(), AffineMap::get(1, 0, {}, b.getContext()));
    linalg::GenericOp::create(
        b, loc, TypeRange(), partial, op.getDpsInits(), maps,
        ArrayRef{utils::IteratorType::reduction},
        [&](OpBuilder &b, Location loc, ValueRange args) {
          SmallVector<Value> joined;
          for (auto [i, combiner] : llvm::enumerate(combiners)) {
            Operation *made = b.clone(*combiner);
            made->setOperands({args[partial.size() + i], args[i]});
            joined.push_back(made->getResult(0));
          }
          linalg::YieldOp::create(b, loc, joined);
        });
  }

  linalg::LinalgOp op;
  ArrayRef<Operation *> combiners;
  OpBuilder b;
  Location loc;
  int64_t loops = 0;
  SmallVector<Value> inputs, partial;
};

struct CPUSplitReductions
    : stepwell::impl::CPUSplitReductionsPassBase<CPUSplitReductions> {
  using CPUSplitReductionsPassBase::CPUSplitReductionsPassBase;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> ops;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(kEntryAttr))
        for (auto op : function.getBody().front().getOps<linalg::LinalgOp>())
          ops.push_back(op);
    for (linalg::LinalgOp op : ops) {
      if (!canSplit(op))
        continue;
      SmallVector<Operation *> combiners = cpu::findCombiners(op);
      if (!combiners.empty())
        Splitter(op, combiners).run();
    }
  }

  static bool canSplit(linalg::LinalgOp op) {
    if (!isa<linalg::GenericOp>(op) || !op.hasPureBufferSemantics() ||
        op.getNumLoops() == 0 ||
        op.getNumReductionLoops() != op.getNumLoops() ||
        op.getNumDpsInputs() == 0 || !cpu::BodyEmitter::isVectorizable(op))
      return false;
    for (OpOperand *input : op.getDpsInputOperands())
      if (!isa<MemRefType>(input->get().getType()) ||
          !op.getMatchingIndexingMap(input).isIdentity())
        return false;
    // A constant body has no elements to share out.
    int64_t known = 1;
    for (int64_t range : op.getStaticLoopRanges())
      known = ShapedType::isDynamic(range) || known < 0 ? -1 : known * range;
    return known < 0 || known > kPart;
  }
};

} // namespace
