//===- Bufferize.cpp - Tensors to buffers ---------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Lowering/Entry.h"
#include "stepwell/Lowering/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/Bufferize.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_BUFFERIZEPASS
#include "stepwell/Lowering/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {
/// Marks where a chain of writes was cut.
constexpr StringLiteral kCutName = "stepwell.cut";

/// The operation in the block of `maker` that uses its result, itself or
/// inside: memory that is taken there is taken for no longer than need be.
Operation *userBeside(Operation *maker, OpOperand &use) {
  return maker->getBlock()->findAncestorOpInBlock(*use.getOwner());
}

/// Uninitialised memory belongs to the one operand that asks for it. Where an
/// operation has two results of one type, both would else be written into one
/// place: the analysis sees no conflict between values that nobody reads.
void separateEmptyTensors(IRRewriter &rewriter, Operation *root) {
  SmallVector<tensor::EmptyOp> shared;
  root->walk([&](tensor::EmptyOp empty) {
    if (!empty->hasOneUse())
      shared.push_back(empty);
  });
  for (tensor::EmptyOp empty : shared)
    for (OpOperand &use : llvm::make_early_inc_range(empty->getUses()))
      if (!empty->hasOneUse()) {
        rewriter.setInsertionPoint(userBeside(empty, use));
        use.set(rewriter.clone(*empty)->getResult(0));
      }
}

/// To fill once more costs less than to copy what somebody else also starts
/// from.
void fillForEachUse(IRRewriter &rewriter, Operation *root) {
  SmallVector<linalg::FillOp> fills;
  root->walk([&](linalg::FillOp fill) {
    if (fill.hasPureTensorSemantics() &&
        fill.getDpsInits()[0].getDefiningOp<tensor::EmptyOp>())
      fills.push_back(fill);
  });
  for (linalg::FillOp fill : fills) {
    Operation *empty = fill.getDpsInits()[0].getDefiningOp();
    for (OpOperand &use :
         llvm::make_early_inc_range(fill.getResult(0).getUses())) {
      auto writer = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
      if (!writer || !writer.isDpsInit(&use) || fill->hasOneUse())
        continue;
      rewriter.setInsertionPoint(userBeside(fill, use));
      Operation *own = rewriter.clone(*empty);
      Operation *filled = rewriter.clone(*fill);
      cast<linalg::FillOp>(filled).getDpsInitsMutable()[0].set(
          own->getResult(0));
      use.set(filled->getResult(0));
    }
  }
}

/// A result that others read, too, is made where it is wanted, and read there.
void placeSharedResults(IRRewriter &rewriter, Operation *root) {
  using bufferization::MaterializeInDestinationOp;
  SmallVector<MaterializeInDestinationOp> results;
  root->walk([&](MaterializeInDestinationOp op) {
    auto place = op.getDest().getDefiningOp<bufferization::ToTensorOp>();
    if (place && place->hasOneUse() && !op.getSource().hasOneUse() &&
        op.getSource().getDefiningOp<linalg::LinalgOp>() &&
        op.getSource().getParentBlock() == op->getBlock())
      results.push_back(op);
  });
  for (MaterializeInDestinationOp op : results) {
    Value source = op.getSource();
    rewriter.moveOpAfter(op, source.getDefiningOp());
    rewriter.replaceAllUsesExcept(source, op.getResult(), op);
  }
}

/// Whether nothing looks at `value` after `op`, which does.
bool isLastUser(Operation *op, Value value) {
  return llvm::all_of(value.getUses(), [&](OpOperand &use) {
    Operation *user = op->getBlock()->findAncestorOpInBlock(*use.getOwner());
    return user && (user == op || user->isBeforeInBlock(op) ||
                    isa<tensor::DimOp>(user));
  });
}

/// The operand whose memory can take the result: a temporary that `op` is the
/// last to read, element by element.
OpOperand *findReusable(linalg::GenericOp op, OpOperand &init) {
  if (!init.get().getDefiningOp<tensor::EmptyOp>() ||
      !op.getMatchingBlockArgument(&init).use_empty())
    return nullptr;
  AffineMap map = op.getMatchingIndexingMap(&init);
  for (OpOperand *input : op.getDpsInputOperands()) {
    Value value = input->get();
    auto maker = value.getDefiningOp<linalg::GenericOp>();
    if (!maker || value.getType() != init.get().getType() ||
        maker->getBlock() != op->getBlock() ||
        op.getMatchingIndexingMap(input) != map ||
        llvm::count(op->getOperands(), value) != 1 || !isLastUser(op, value))
      continue;
    Value place = maker.getDpsInits()[cast<OpResult>(value).getResultNumber()];
    // What a product adds to is as new.
    if (auto fill = place.getDefiningOp<linalg::FillOp>();
        fill && fill->hasOneUse())
      place = fill.getDpsInits()[0];
    if (place.getDefiningOp<tensor::EmptyOp>())
      return input;
  }
  return nullptr;
}

/// An elementwise operation writes over the temporary that it reads, which then
/// is where the result is wanted.
void overwriteTemporaries(IRRewriter &rewriter, Operation *root) {
  SmallVector<linalg::GenericOp> ops;
  root->walk([&](linalg::GenericOp op) {
    if (op.hasPureTensorSemantics() && op.getNumDpsInits() == 1 &&
        op.getNumParallelLoops() == op.getNumLoops())
      ops.push_back(op);
  });
  for (linalg::GenericOp op : ops) {
    OpOperand &init = op.getDpsInitsMutable()[0];
    OpOperand *input = findReusable(op, init);
    if (!input)
      continue;
    unsigned number = input->getOperandNumber();
    SmallVector<Value> inputs(op.getDpsInputs());
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    Value place = inputs[number];
    inputs.erase(inputs.begin() + number);
    maps.erase(maps.begin() + number);
    rewriter.setInsertionPoint(op);
    auto made = linalg::GenericOp::create(rewriter, op.getLoc(),
                                          op.getResultTypes(), inputs, place,
                                          maps, op.getIteratorTypesArray());
    made.getRegion().takeBody(op.getRegion());
    Block &body = made.getRegion().front();
    body.getArgument(number).replaceAllUsesWith(body.getArguments().back());
    body.eraseArgument(number);
    rewriter.replaceOp(op, made);
  }
}

/// Whether the value may lie in a buffer that was there before: it is no result
/// that was made in a place of its own.
bool mayBeArgument(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<DestinationStyleOpInterface, bufferization::AllocTensorOp>(op))
      return false;
    if (!isa<tensor::CastOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp,
             tensor::ExtractSliceOp>(op))
      break;
    value = op->getOperand(0);
  }
  return true;
}

/// Whether what is put into a place that nobody else has can be made there.
bool makeIn(Value source, Value place) {
  auto maker = source.getDefiningOp<DestinationStyleOpInterface>();
  if (!maker || !source.hasOneUse() ||
      !place.getDefiningOp<bufferization::AllocTensorOp>() ||
      maker->getBlock() != (*source.user_begin())->getBlock())
    return false;
  OpOperand *init = maker.getTiedOpOperand(cast<OpResult>(source));
  if (!init->get().getDefiningOp<tensor::EmptyOp>() ||
      init->get().getType() != place.getType())
    return false;
  init->set(place);
  return true;
}

/// Results of branches and what loops carry are copied to their places when the
/// block has computed all else. What a loop carries would be in the way of what
/// still reads the value before, if it were made there; a value that another
/// carried one is replaced by is taken out of the way first.
void placeResultsOfBlocks(IRRewriter &rewriter, Operation *root) {
  using bufferization::MaterializeInDestinationOp;
  SmallVector<MaterializeInDestinationOp> puts;
  root->walk([&](MaterializeInDestinationOp put) {
    if (!isa<func::FuncOp>(put->getParentOp()))
      puts.push_back(put);
  });
  for (MaterializeInDestinationOp put : puts) {
    Value source = put.getSource();
    if (!mayBeArgument(source) || !isa<BlockArgument>(put.getDest()))
      continue;
    rewriter.setInsertionPointAfterValue(source);
    put.getSourceMutable().set(bufferization::AllocTensorOp::create(
        rewriter, put.getLoc(), cast<RankedTensorType>(source.getType()),
        ValueRange{}, source));
  }
  for (MaterializeInDestinationOp put : puts) {
    Value source = put.getSource(), place = put.getDest();
    rewriter.setInsertionPoint(put);
    if (makeIn(source, place))
      rewriter.replaceOp(put, source);
    else
      rewriter.replaceOpWithNewOp<linalg::CopyOp>(put, source, place);
  }
}

//===--- Long chains of writes --------------------------------------------===//

/// The analysis looks at every pair of a read and a write among all values that
/// may share memory, for every write: the time grows with the cube of how often
/// one tensor is written. A long chain of writes is cut into segments, each of
/// which begins with what lies in the buffer where the one before ended.
class ChainCutter {
public:
  ChainCutter(IRRewriter &rewriter, Block &block)
      : rewriter(rewriter), block(block) {}

  void run() {
    unsigned position = 0;
    for (Operation &op : block)
      positions[&op] = position++;
    for (Operation &op : llvm::make_early_inc_range(block)) {
      for (auto [result, place] : writes(&op)) {
        auto at = segmentOf.find(place);
        unsigned segment = at == segmentOf.end() ? begin(place) : at->second;
        add(segment, result);
        if (++segments[segment].length == kLongest)
          cut(segment, &op, result);
      }
      if (!isa<tensor::InsertSliceOp, DestinationStyleOpInterface>(op))
        addViews(&op);
    }
  }

private:
  static constexpr unsigned kLongest = 16;

  struct Segment {
    Value home; // the buffer it began in, if it did
    SmallVector<Value> values;
    unsigned length = 0;
  };

  /// The results that an operation may make in the memory of an operand.
  static SmallVector<std::pair<Value, Value>> writes(Operation *op) {
    SmallVector<std::pair<Value, Value>> pairs;
    if (auto slice = dyn_cast<tensor::InsertSliceOp>(op))
      pairs.push_back({slice.getResult(), slice.getDest()});
    else if (auto writer = dyn_cast<DestinationStyleOpInterface>(op))
      for (OpOperand &init : writer.getDpsInitsMutable()) {
        if (isa<RankedTensorType>(init.get().getType()))
          pairs.push_back({writer.getTiedOpResult(&init), init.get()});
      }
    else if (auto loop = dyn_cast<LoopLikeOpInterface>(op))
      if (std::optional<ResultRange> results = loop.getLoopResults())
        for (auto [result, init] : llvm::zip(*results, loop.getInits()))
          if (isa<RankedTensorType>(result.getType()))
            pairs.push_back({result, init});
    return pairs;
  }

  void add(unsigned segment, Value value) {
    segmentOf[value] = segment;
    segments[segment].values.push_back(value);
  }

  /// Of what an operation and its branches read, its results may be views.
  void addViews(Operation *op) {
    DenseSet<unsigned> seen;
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (auto at = segmentOf.find(operand); at != segmentOf.end())
          seen.insert(at->second);
    });
    for (unsigned segment : seen)
      for (Value result : op->getResults())
        if (isa<TensorType>(result.getType())) {
          segmentOf.try_emplace(result, segment);
          segments[segment].values.push_back(result);
        }
  }

  unsigned begin(Value place, Value home = {}) {
    auto argument = place.getDefiningOp<bufferization::ToTensorOp>();
    if (!home && argument && argument.getWritable())
      home = argument.getBuffer();
    segments.push_back({home, {}, 0});
    add(segments.size() - 1, place);
    return segments.size() - 1;
  }

  static bool isPlaceOfResult(OpOperand &use) {
    auto result =
        dyn_cast<bufferization::MaterializeInDestinationOp>(use.getOwner());
    return result && &use == &result.getDestMutable();
  }

  void cut(unsigned index, Operation *op, Value last) {
    auto type = cast<RankedTensorType>(last.getType());
    if (!type.hasStaticShape())
      return;
    // Only where nobody looks at the segment any more can the next one go on in
    // the same place.
    Value home = segments[index].home;
    auto sees = [&](OpOperand &use) {
      Operation *user = block.findAncestorOpInBlock(*use.getOwner());
      return positions.lookup(user) > positions.lookup(op) &&
             !isPlaceOfResult(use);
    };
    for (Value value : segments[index].values)
      if (value != last && llvm::any_of(value.getUses(), sees))
        home = {};
    rewriter.setInsertionPointAfter(op);
    Location loc = op->getLoc();
    auto buffer = MemRefType::get(type.getShape(), type.getElementType());
    bool moves = !home || home.getType() != buffer;
    if (moves)
      home = memref::AllocOp::create(rewriter, loc, buffer);
    auto put = bufferization::MaterializeInDestinationOp::create(
        rewriter, loc, TypeRange{}, last, home, /*restrict=*/false,
        /*writable=*/true);
    put->setAttr(kCutName, rewriter.getUnitAttr());
    Value next = bufferization::ToTensorOp::create(
        rewriter, loc, type, home, /*restrict=*/true, /*writable=*/true);
    rewriter.replaceAllUsesExcept(last, next, put);
    // Who makes a result in this place must see what is there now.
    if (!moves)
      for (Value value : segments[index].values)
        if (value.getType() == type)
          for (OpOperand &use : llvm::make_early_inc_range(value.getUses()))
            if (isPlaceOfResult(use))
              use.set(next);
    begin(next, home);
  }

  IRRewriter &rewriter;
  Block &block;
  DenseMap<Operation *, unsigned> positions;
  DenseMap<Value, unsigned> segmentOf;
  SmallVector<Segment> segments;
};

/// Results are made in memory of their own and copied to where they are wanted
/// at the end, after a copy of each that may lie in what is overwritten then.
/// Nothing can be in the way of anything so.
void copyResultsAtTheEnd(IRRewriter &rewriter, Operation *root) {
  using bufferization::MaterializeInDestinationOp;
  SmallVector<MaterializeInDestinationOp> inTensors, inBuffers;
  root->walk([&](Operation *op) {
    if (auto place = dyn_cast<bufferization::ToTensorOp>(op))
      place.setWritable(false);
    if (auto result = dyn_cast<MaterializeInDestinationOp>(op))
      if (!op->hasAttr(kCutName))
        (isa<TensorType>(result.getDest().getType()) ? inTensors : inBuffers)
            .push_back(result);
  });
  for (MaterializeInDestinationOp result : inTensors)
    rewriter.replaceOp(result, result.getSource());
  for (MaterializeInDestinationOp result : inBuffers) {
    Value source = result.getSource();
    if (!mayBeArgument(source))
      continue;
    // All of them are in one block, the entry's: before the first.
    rewriter.setInsertionPoint(inBuffers.front());
    result.getSourceMutable().set(bufferization::AllocTensorOp::create(
        rewriter, result.getLoc(), cast<RankedTensorType>(source.getType()),
        ValueRange{}, source));
  }
}

struct Bufferize : stepwell::impl::BufferizePassBase<Bufferize> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    placeResultsOfBlocks(rewriter, getOperation());
    separateEmptyTensors(rewriter, getOperation());
    fillForEachUse(rewriter, getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(kEntryAttr))
        ChainCutter(rewriter, function.getBody().front()).run();
    placeSharedResults(rewriter, getOperation());
    overwriteTemporaries(rewriter, getOperation());
    bufferization::OneShotBufferizationOptions options;
    // Iterations that run at the same time write parts of their own.
    options.checkParallelRegions = false;
    options.memCpyFn = [](OpBuilder &builder, Location loc, Value from,
                          Value to) -> LogicalResult {
      if (from != to)
        linalg::CopyOp::create(builder, loc, from, to);
      return success();
    };
    bufferization::BufferizationState state;
    auto placeResults = [&] {
      return success(succeeded(bufferization::eliminateEmptyTensors(
                         rewriter, getOperation())) &&
                     succeeded(bufferization::insertTensorCopies(
                         getOperation(), options, state)));
    };
    if (failed(quietly(placeResults))) {
      copyResultsAtTheEnd(rewriter, getOperation());
      if (failed(placeResults()))
        return signalPassFailure();
    }
    if (failed(bufferization::bufferizeOp(getOperation(), options, state)))
      signalPassFailure();
  }

private:
  LogicalResult quietly(function_ref<LogicalResult()> attempt) {
    ScopedDiagnosticHandler quiet(&getContext(),
                                  [](Diagnostic &) { return success(); });
    return attempt();
  }
};
} // namespace
