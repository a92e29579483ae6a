//===- OutlineParallel.cpp - Share large operations among threads -----------
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CodeBuilder.h"
#include "MergeFunctions.h"

#include "stepwell/Targets/CPU/Passes.h"
#include "stepwell/Targets/Target.h"
#include "stepwell/abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CPUOUTLINEPARALLELPASS
#include "stepwell/Targets/CPU/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

/// Neighbouring elements that one thread takes together, so that vectors stay
/// whole and cache lines private.
constexpr int64_t kUnitStrideBlock = 1024;
constexpr int64_t kColumnBlock = 64;
/// Iterations of a convolution's loop that threads can share evenly.
constexpr int64_t kManyGroups = 16;
/// So many channels of a convolution fill less than the packing of their
/// windows costs.
constexpr int64_t kFewChannels = 64;

/// Bodies of which one costs more to compile than a call to run, and how many
/// of them make a long program.
constexpr int64_t kLongBody = 64;
constexpr int kManyLong = 8;

int64_t costPerPoint(linalg::LinalgOp op) {
  if (linalg::isaContractionOpInterface(op))
    return 1;
  int64_t cost = op->getNumOperands();
  for (Operation &operation : op.getBlock()->without_terminator())
    cost += !isa<arith::ConstantOp>(operation);
  return cost;
}

/// A piece of the entry and the function that it moves into.
class Outlining {
public:
  Outlining(func::FuncOp entry, Operation *root, StringRef name,
            int64_t serialWork)
      : entry(entry), root(root), name(name), serialWork(serialWork),
        loc(root->getLoc()),
        pointer(LLVM::LLVMPointerType::get(root->getContext())) {
    // Context and words: an entry whose arguments were unpacked already.
    if (entry.getNumArguments() == 2 &&
        entry.getArgumentTypes()[1] == Type(pointer))
      words = entry.getArgument(1);
  }

protected:
  /// The operands and what the regions use; false when something cannot be
  /// handed over.
  bool capture() {
    llvm::SetVector<Value> used(root->operand_begin(), root->operand_end());
    getUsedValuesDefinedAbove(root->getRegions(), used);
    for (Value value : used)
      if (value.getDefiningOp<memref::AllocaOp>() || // each thread has its own
          value.getDefiningOp<LLVM::ZeroOp>() ||
          value.getDefiningOp<arith::ConstantOp>() || isReadAgain(value))
        repeated.push_back(value);
      else
        captured.push_back(value);
    if (words && !captured.empty())
      captured.push_back(words);
    return llvm::all_of(captured, [](Value value) {
      return isa<MemRefType, IntegerType, FloatType, IndexType,
                 LLVM::LLVMPointerType>(value.getType());
    });
  }

  /// What follows from the words that the entry was called with.
  bool isReadAgain(Value value) {
    if (value == words)
      return words != nullptr;
    Operation *op = value.getDefiningOp();
    if (!op || !words || op->getNumRegions())
      return false;
    if (auto load = dyn_cast<LLVM::LoadOp>(op)) {
      auto word = load.getAddr().getDefiningOp<LLVM::GEPOp>();
      return word && word.getBase() == words;
    }
    return isMemoryEffectFree(op) &&
           llvm::all_of(op->getOperands(),
                        [&](Value operand) { return isReadAgain(operand); });
  }

  void repeat(OpBuilder &builder, Value value, IRMapping &mapping) {
    if (mapping.contains(value))
      return;
    for (Value operand : value.getDefiningOp()->getOperands())
      repeat(builder, operand, mapping);
    builder.clone(*value.getDefiningOp(), mapping);
  }

  void makeEnvironmentType() {
    SmallVector<Type> fields;
    for (Value value : captured)
      fields.push_back(cpu::CodeBuilder::storedType(value.getType()));
    environment = LLVM::LLVMStructType::getLiteral(root->getContext(), fields);
  }

  Value cast(OpBuilder &builder, Value value, Type type) {
    if (value.getType() == type)
      return value;
    return UnrealizedConversionCastOp::create(builder, loc, type, value)
        .getResult(0);
  }

  Value field(OpBuilder &builder, Value base, size_t i) {
    return LLVM::GEPOp::create(builder, loc, pointer, environment, base,
                               ArrayRef<LLVM::GEPArg>{0, int32_t(i)});
  }

  /// The function, its builder at the end, and what captured values are in it.
  OpBuilder beginBody(IRMapping &mapping) {
    OpBuilder builder(entry);
    Type i64 = builder.getI64Type();
    body = func::FuncOp::create(
        builder, loc, name, builder.getFunctionType({pointer, i64, i64}, {}));
    body.setPrivate();
    Block *block = body.addEntryBlock();
    builder.setInsertionPointToStart(block);
    if (words && captured.empty())
      mapping.map(words, block->getArgument(0));
    for (auto [i, value] : llvm::enumerate(captured)) {
      Value stored =
          LLVM::LoadOp::create(builder, loc, environment.getBody()[i],
                               field(builder, block->getArgument(0), i));
      mapping.map(value, cast(builder, stored, value.getType()));
    }
    for (Value value : repeated)
      if (value != words)
        repeat(builder, value, mapping);
    return builder;
  }

  Value constant(OpBuilder &builder, int64_t value) {
    return arith::ConstantIndexOp::create(builder, loc, value);
  }

  /// What the body finds its values by.
  Value makeEnvironment(OpBuilder &builder) {
    if (words && captured.empty())
      return words;
    OpBuilder top = OpBuilder::atBlockBegin(&entry.getBody().front());
    Value one = LLVM::ConstantOp::create(top, loc, top.getI64Type(), 1);
    Value store =
        LLVM::AllocaOp::create(top, loc, pointer, environment, one, 8);
    for (auto [i, value] : llvm::enumerate(captured))
      LLVM::StoreOp::create(builder, loc,
                            cast(builder, value, environment.getBody()[i]),
                            field(builder, store, i));
    return store;
  }

  /// Calls the function where the root stands: over ranges of `count`, among
  /// threads if the runtime finds that worth it.
  void emitCall(OpBuilder &builder, Value cost, Value count) {
    Value store = makeEnvironment(builder);
    Type i64 = builder.getI64Type();
    auto word = [&](Value value) -> Value {
      return arith::IndexCastOp::create(builder, loc, i64, value);
    };
    if (wholeShares)
      cost = arith::SubIOp::create(builder, loc, constant(builder, 0), cost);
    Value context = entry.getArgument(0);
    Value address =
        LLVM::GEPOp::create(builder, loc, pointer, builder.getI8Type(), context,
                            ArrayRef<LLVM::GEPArg>{int32_t(
                                offsetof(stepwell_context, parallel_for))});
    Value callee = LLVM::LoadOp::create(builder, loc, pointer, address);
    Value function = func::ConstantOp::create(
        builder, loc, body.getFunctionType(),
        FlatSymbolRefAttr::get(builder.getContext(), name));
    auto type = LLVM::LLVMFunctionType::get(
        LLVM::LLVMVoidType::get(builder.getContext()),
        {pointer, i64, i64, pointer, pointer});
    LLVM::CallOp::create(builder, loc, type,
                         ValueRange{callee, context, word(count), word(cost),
                                    cast(builder, function, pointer), store});
  }

  func::FuncOp entry, body;
  Operation *root;
  StringRef name;
  int64_t serialWork;
  Location loc;
  Type pointer;
  LLVM::LLVMStructType environment;
  /// The entry's words, if they are an argument of it already.
  Value words;
  /// Handed to the body, and made in it once more.
  SmallVector<Value> captured, repeated;
  /// Pieces repeat work: one for each thread and no more.
  bool wholeShares = false;
};

/// One operation of the entry and the function that it moves into.
class Outliner : Outlining {
public:
  Outliner(func::FuncOp entry, linalg::LinalgOp op, StringRef name,
           int64_t serialWork, bool evenSmall = false)
      : Outlining(entry, op, name, serialWork), op(op), evenSmall(evenSmall) {}

  /// Leaves the operation alone when there is nothing to gain. A loop may be
  /// chosen already.
  void run(std::optional<unsigned> chosen = std::nullopt) {
    ranges = op.getStaticLoopRanges();
    if (chosen)
      loop = *chosen;
    else if (!chooseLoop())
      return;
    if (isSmall() && !evenSmall)
      return;
    if (!chosen && isWindowed() && ShapedType::isDynamic(ranges[loop]))
      if (std::optional<unsigned> channels = sharedChannels())
        return splitByImages(*channels);
    wholeShares = isWindowed() && !moves(imageMap(), loop);
    if (!capture())
      return;
    makeEnvironmentType();
    buildBody();
    buildCall();
    op->erase();
  }

private:
  /// A parallel loop that moves operands by itself, if it moves them.
  bool canSplit(unsigned loop) {
    if (!linalg::isParallelIterator(op.getIteratorTypesArray()[loop]) ||
        ranges[loop] == 1)
      return false;
    for (AffineMap map : op.getIndexingMapsArray())
      for (AffineExpr result : map.getResults())
        if (result.isFunctionOfDim(loop) && !isa<AffineDimExpr>(result))
          return false;
    return true;
  }

  static bool isImage(AffineMap map) {
    return !map.isProjectedPermutation(/*allowZeroInResults=*/true);
  }
  bool isWindowed() { return llvm::any_of(op.getIndexingMapsArray(), isImage); }
  AffineMap imageMap() {
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    return *llvm::find_if(maps, isImage);
  }
  static bool moves(AffineMap map, unsigned loop) {
    return map.isFunctionOfDim(loop);
  }

  /// A loop of known length that every operand moves along, if it is long
  /// enough for all threads: its convolutions share nothing.
  std::optional<unsigned> independentGroups() {
    for (unsigned i = 0; i < ranges.size(); ++i)
      if (canSplit(i) && ranges[i] >= kManyGroups &&
          llvm::all_of(op.getIndexingMapsArray(),
                       [&](AffineMap map) { return moves(map, i); }))
        return i;
    return std::nullopt;
  }

  /// The loop over the channels that a convolution makes of one image.
  std::optional<unsigned> sharedChannels() {
    if (!moves(imageMap(), loop))
      return std::nullopt;
    for (unsigned i = 0; i < ranges.size(); ++i)
      if (canSplit(i) && ranges[i] >= kManyGroups && !moves(imageMap(), i))
        return i;
    return std::nullopt;
  }

  /// Few channels are not worth packing all windows again for a part of them:
  /// then the loop over rows of the result, which an image is walked along,
  /// too.
  unsigned withinImage(unsigned channels) {
    if (ranges[channels] > kFewChannels)
      return channels;
    AffineMap image = imageMap(),
              result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    for (AffineExpr expr : result.getResults())
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        if (unsigned rows = dim.getPosition();
            isWindowedAlong(image, rows) &&
            (ShapedType::isDynamic(ranges[rows]) ||
             ranges[rows] >= kManyGroups))
          return rows;
    return channels;
  }

  /// Whether `map` walks along `loop` together with another.
  static bool isWindowedAlong(AffineMap map, unsigned loop) {
    return llvm::any_of(map.getResults(), [&](AffineExpr result) {
      return result.isFunctionOfDim(loop) && !isa<AffineDimExpr>(result);
    });
  }

  /// A single image leaves the other threads its rows, or its channels, though
  /// each of them packs the windows again.
  void splitByImages(unsigned channels) {
    unsigned within = withinImage(channels);
    OpBuilder builder(op);
    IRMapping none;
    Value images = loopSize(builder, none);
    Value single = arith::CmpIOp::create(
        builder, loc, arith::CmpIPredicate::slt, images, constant(builder, 2));
    auto branch = scf::IfOp::create(builder, loc, TypeRange(), single,
                                    /*withElseRegion=*/true);
    auto put = [&](Block *block, unsigned loop, StringRef suffix) {
      OpBuilder inside = OpBuilder::atBlockBegin(block);
      auto copy = cast<linalg::LinalgOp>(inside.clone(*op));
      std::string inner = (name + suffix).str();
      Outliner(entry, copy, inner, serialWork).run(loop);
    };
    put(branch.thenBlock(), within, within == channels ? "_channels" : "_rows");
    put(branch.elseBlock(), loop, "");
    op->erase();
  }

  bool chooseLoop() {
    if (isWindowed()) {
      if (std::optional<unsigned> groups = independentGroups()) {
        loop = *groups;
        return true;
      }
    }
    SmallVector<unsigned> candidates;
    for (unsigned i = 0; i < ranges.size(); ++i)
      if (canSplit(i))
        candidates.push_back(i);
    if (candidates.empty())
      return false;
    // The first one that is long enough for every thread; else the longest.
    auto length = [&](unsigned loop) {
      return ShapedType::isDynamic(ranges[loop]) ? int64_t(1) << 30
                                                 : ranges[loop];
    };
    // Of a convolution the first loop over images: to share out its channels is
    // to pack the windows again for each.
    bool windows = isWindowed();
    auto dims = linalg::inferContractionDims(op);
    if (succeeded(dims) && !windows && dims->batch.empty() &&
        !dims->n.empty() && llvm::is_contained(candidates, dims->n.back()) &&
        length(dims->n.back()) >= 4 * kColumnBlock) {
      loop = dims->n.back();
      block = kColumnBlock;
      return true;
    }
    loop = *llvm::max_element(candidates, [&](unsigned a, unsigned b) {
      return std::min<int64_t>(length(a), 64) <
             std::min<int64_t>(length(b), 64);
    });
    for (OpOperand &init : op.getDpsInitsMutable()) {
      AffineMap map = op.getMatchingIndexingMap(&init);
      unsigned rank = map.getNumResults();
      if (rank && map.getResult(rank - 1).isFunctionOfDim(loop))
        block = op.getNumReductionLoops() ? kColumnBlock : kUnitStrideBlock;
    }
    return true;
  }

  int64_t costPerPoint() { return ::costPerPoint(op); }

  bool isSmall() {
    int64_t work = costPerPoint();
    for (int64_t range : ranges) {
      if (ShapedType::isDynamic(range))
        return false;
      work *= range;
    }
    return work < serialWork;
  }

  //===--------------------------------------------------------------------===//
  // The body
  //===--------------------------------------------------------------------===//

  void buildBody() {
    IRMapping mapping;
    OpBuilder builder = beginBody(mapping);
    Block *block = &body.getBody().front();
    // Bounds count blocks; the last block may be short.
    Value size = loopSize(builder, mapping);
    Value unit = constant(builder, this->block);
    auto bound = [&](unsigned argument) -> Value {
      Value given = arith::IndexCastOp::create(
          builder, loc, builder.getIndexType(), block->getArgument(argument));
      if (this->block == 1)
        return given;
      given = arith::MulIOp::create(builder, loc, given, unit);
      return arith::MinSIOp::create(builder, loc, given, size);
    };
    Value begin = bound(1), end = bound(2);
    Value count = arith::SubIOp::create(builder, loc, end, begin);
    for (OpOperand &operand : op->getOpOperands())
      mapWindow(builder, mapping, operand, begin, count);
    auto moved =
        llvm::cast<linalg::LinalgOp>(builder.clone(*op, windows(mapping)));
    // With arith, not affine as upstream's offsetIndices: the vectoriser takes
    // arith.
    for (auto index : llvm::make_early_inc_range(
             moved.getBlock()->getOps<linalg::IndexOp>())) {
      if (index.getDim() != loop)
        continue;
      OpBuilder inside(builder.getContext());
      inside.setInsertionPointAfter(index);
      Value whole = arith::AddIOp::create(inside, loc, index, begin);
      index.getResult().replaceAllUsesExcept(whole, whole.getDefiningOp());
    }
    func::ReturnOp::create(builder, loc);
  }

  /// The clone reads the windows, and what its body captures as it is.
  IRMapping &windows(IRMapping &mapping) {
    for (auto [operand, window] : llvm::zip(op->getOperands(), narrowed))
      mapping.map(operand, window);
    return mapping;
  }

  /// Where a sum of loops times constants begins when this loop is at `begin`
  /// and the others at 0, or else how many places `count` steps of it reach.
  Value span(OpBuilder &builder, IRMapping &mapping, AffineExpr expr,
             Value begin, Value count) {
    Value one = constant(builder, 1);
    auto steps = [&](unsigned dim) {
      Value size = dim == loop ? count : rangeSize(builder, dim, mapping);
      return arith::SubIOp::create(builder, loc, size, one).getResult();
    };
    auto walk = [&](auto &walk, AffineExpr expr) -> Value {
      if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
        if (count)
          return steps(dim.getPosition());
        return dim.getPosition() == loop ? begin : constant(builder, 0);
      }
      if (auto number = dyn_cast<AffineConstantExpr>(expr))
        return constant(builder, number.getValue());
      auto both = cast<AffineBinaryOpExpr>(expr);
      Value left = walk(walk, both.getLHS()), right = walk(walk, both.getRHS());
      if (both.getKind() == AffineExprKind::Mul)
        return arith::MulIOp::create(builder, loc, left, right);
      return arith::AddIOp::create(builder, loc, left, right);
    };
    Value last = walk(walk, expr);
    return count ? arith::AddIOp::create(builder, loc, last, one).getResult()
                 : last;
  }

  void mapWindow(OpBuilder &builder, IRMapping &mapping, OpOperand &operand,
                 Value begin, Value count) {
    Value whole = mapping.lookup(operand.get());
    auto type = dyn_cast<MemRefType>(whole.getType());
    AffineMap map = op.getMatchingIndexingMap(&operand);
    if (!type || !map.isFunctionOfDim(loop)) {
      narrowed.push_back(whole);
      return;
    }
    SmallVector<OpFoldResult> offsets, sizes, strides;
    for (auto [dim, result] : llvm::enumerate(map.getResults())) {
      bool split = result.isFunctionOfDim(loop);
      bool windowed = split && !isa<AffineDimExpr>(result);
      if (windowed)
        offsets.push_back(span(builder, mapping, result, begin, {}));
      else
        offsets.push_back(split ? OpFoldResult(begin)
                                : builder.getIndexAttr(0));
      if (windowed)
        sizes.push_back(span(builder, mapping, result, {}, count));
      else if (split)
        sizes.push_back(count);
      else if (type.isDynamicDim(dim))
        sizes.push_back(
            memref::DimOp::create(builder, loc, whole, dim).getResult());
      else
        sizes.push_back(builder.getIndexAttr(type.getDimSize(dim)));
      strides.push_back(builder.getIndexAttr(1));
    }
    narrowed.push_back(memref::SubViewOp::create(builder, loc, whole, offsets,
                                                 sizes, strides));
  }

  //===--------------------------------------------------------------------===//
  // The call
  //===--------------------------------------------------------------------===//

  Value rangeSize(OpBuilder &builder, unsigned of, IRMapping &mapping) {
    if (!ShapedType::isDynamic(ranges[of]))
      return constant(builder, ranges[of]);
    for (OpOperand &operand : op->getOpOperands()) {
      AffineMap map = op.getMatchingIndexingMap(&operand);
      for (auto [dim, result] : llvm::enumerate(map.getResults()))
        if (auto expression = dyn_cast<AffineDimExpr>(result);
            expression && expression.getPosition() == of)
          return memref::DimOp::create(
              builder, loc, mapping.lookupOrDefault(operand.get()), dim);
    }
    llvm_unreachable("every loop of a linalg operation has a size");
  }

  Value loopSize(OpBuilder &builder, IRMapping &mapping) {
    return rangeSize(builder, loop, mapping);
  }

  void buildCall() {
    OpBuilder builder(op);
    IRMapping none;
    Value cost = constant(builder, costPerPoint() * block);
    for (unsigned i = 0; i < ranges.size(); ++i)
      if (i != loop)
        cost = arith::MulIOp::create(builder, loc, cost,
                                     rangeSize(builder, i, none));
    Value count = loopSize(builder, none);
    if (block != 1)
      count = arith::CeilDivUIOp::create(builder, loc, count,
                                         constant(builder, block));
    emitCall(builder, cost, count);
  }

  linalg::LinalgOp op;
  bool evenSmall;
  SmallVector<int64_t> ranges;
  SmallVector<Value> narrowed;
  unsigned loop = 0;
  int64_t block = 1;
};

/// A loop whose iterations do not depend on each other.
class LoopOutliner : Outlining {
public:
  LoopOutliner(func::FuncOp entry, scf::ParallelOp loop, StringRef name,
               int64_t serialWork)
      : Outlining(entry, loop, name, serialWork), loop(loop) {}

  void run() {
    if (loop.getNumLoops() != 1 || !capture())
      return;
    makeEnvironmentType();
    buildBody();
    buildCall();
    loop->erase();
  }

private:
  void buildBody() {
    IRMapping mapping;
    OpBuilder builder = beginBody(mapping);
    auto bound = [&](unsigned argument) -> Value {
      return arith::IndexCastOp::create(
          builder, loc, builder.getIndexType(),
          body.getBody().front().getArgument(argument));
    };
    Value lower = mapping.lookupOrDefault(loop.getLowerBound()[0]);
    Value step = mapping.lookupOrDefault(loop.getStep()[0]);
    auto own = scf::ForOp::create(builder, loc, bound(1), bound(2),
                                  constant(builder, 1));
    func::ReturnOp::create(builder, loc);
    OpBuilder inside = OpBuilder::atBlockBegin(own.getBody());
    Value at = arith::AddIOp::create(
        inside, loc, lower,
        arith::MulIOp::create(inside, loc, own.getInductionVar(), step));
    mapping.map(loop.getInductionVars()[0], at);
    for (Operation &operation : loop.getBody()->without_terminator())
      inside.clone(operation, mapping);
  }

  bool isOutside(Value value) {
    return !loop.getRegion().isAncestor(value.getParentRegion());
  }

  /// What is known outside of how large `size` is at most.
  std::optional<OpFoldResult> atMost(OpFoldResult size) {
    auto value = dyn_cast<Value>(size);
    if (!value || isOutside(value) || getConstantIntValue(size))
      return size;
    // A strip: its step is what it has at most. Constants come last once they
    // are in order.
    if (auto least = value.getDefiningOp<arith::MinSIOp>())
      for (Value side : least->getOperands())
        if (isOutside(side))
          return OpFoldResult(side);
    return std::nullopt;
  }

  Value times(OpBuilder &builder, Value work, OpFoldResult size) {
    std::optional<OpFoldResult> known = atMost(size);
    if (!known)
      return work;
    return arith::MulIOp::create(
        builder, loc, work,
        getValueOrCreateConstantIndexOp(builder, loc, *known));
  }

  /// `work`, as often as the loops around `op` run.
  Value timesLoopsAround(OpBuilder &builder, Value work, Operation *op) {
    for (auto around = op->getParentOfType<scf::ForOp>();
         around && loop->isProperAncestor(around);
         around = around->getParentOfType<scf::ForOp>()) {
      work = times(builder, work, OpFoldResult(around.getUpperBound()));
      // Steps are constants or known outside.
      Value step = around.getStep();
      if (auto known = getConstantIntValue(step))
        step = *known > 1 ? constant(builder, *known) : Value();
      if (step && isOutside(step))
        work = arith::CeilDivSIOp::create(builder, loc, work, step);
    }
    return work;
  }

  /// What an iteration costs, as far as sizes are known outside.
  Value costOfIteration(OpBuilder &builder) {
    Value total = constant(builder, 0);
    loop.walk([&](linalg::LinalgOp op) {
      Value work = constant(builder, costPerPoint(op));
      for (unsigned i = 0; i < op.getNumLoops(); ++i)
        if (auto size = sizeOf(op, i))
          work = times(builder, work, *size);
      work = timesLoopsAround(builder, work, op);
      total = arith::AddIOp::create(builder, loc, total, work);
    });
    // Loops written out: the longest of them.
    loop.walk([&](scf::ForOp inner) {
      Value bound = inner.getUpperBound();
      if (!inner.getOps<linalg::LinalgOp>().empty() || !isOutside(bound))
        return;
      Value work = times(builder, constant(builder, kLoopCost), bound);
      total = arith::MaxSIOp::create(builder, loc, total,
                                     timesLoopsAround(builder, work, inner));
    });
    return total;
  }

  static std::optional<OpFoldResult> sizeOf(linalg::LinalgOp op,
                                            unsigned loop) {
    for (OpOperand &operand : op->getOpOperands()) {
      auto window = operand.get().getDefiningOp<memref::SubViewOp>();
      if (!window)
        continue;
      AffineMap map = op.getMatchingIndexingMap(&operand);
      for (auto [dim, result] : llvm::enumerate(map.getResults()))
        if (auto expression = dyn_cast<AffineDimExpr>(result);
            expression && expression.getPosition() == loop)
          return window.getMixedSizes()[dim];
    }
    return std::nullopt;
  }

  void buildCall() {
    OpBuilder builder(loop);
    Value span = arith::SubIOp::create(builder, loc, loop.getUpperBound()[0],
                                       loop.getLowerBound()[0]);
    Value count =
        arith::CeilDivSIOp::create(builder, loc, span, loop.getStep()[0]);
    emitCall(builder, costOfIteration(builder), count);
  }

  /// What a step of a loop costs, of which nothing else is known.
  static constexpr int64_t kLoopCost = 16;
  scf::ParallelOp loop;
};

struct CPUOutlineParallel
    : stepwell::impl::CPUOutlineParallelPassBase<CPUOutlineParallel> {
  using CPUOutlineParallelPassBase::CPUOutlineParallelPassBase;

  void runOnOperation() override {
    SmallVector<std::pair<func::FuncOp, Operation *>> work;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(kEntryAttr))
        function.walk([&](Operation *op) {
          if (op->getParentOfType<scf::ParallelOp>())
            return;
          auto linalg = dyn_cast<linalg::LinalgOp>(op);
          if (isa<scf::ParallelOp>(op) ||
              (linalg && linalg.hasPureBufferSemantics()))
            work.push_back({function, op});
        });
    // Long programs tend to repeat themselves: only functions can be merged.
    auto isLong = [](Operation *op) {
      auto linalg = dyn_cast<linalg::LinalgOp>(op);
      return linalg && costPerPoint(linalg) >= kLongBody;
    };
    bool merges = llvm::count_if(work, [&](auto &pair) {
                    return isLong(pair.second);
                  }) >= kManyLong;
    for (auto [i, pair] : llvm::enumerate(work)) {
      std::string name =
          (pair.first.getSymName() + "_body_" + llvm::Twine(i)).str();
      if (auto loop = dyn_cast<scf::ParallelOp>(pair.second))
        LoopOutliner(pair.first, loop, name, serialWork).run();
      else
        Outliner(pair.first, cast<linalg::LinalgOp>(pair.second), name,
                 serialWork, /*evenSmall=*/merges && isLong(pair.second))
            .run();
    }
    // What only the bodies read.
    for (auto function : getOperation().getOps<func::FuncOp>())
      function.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
        if (isOpTriviallyDead(op))
          op->erase();
      });
    cpu::mergeEqualFunctions(getOperation());
  }
};

} // namespace
