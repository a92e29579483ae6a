//===- FuseLoops.cpp - Operations that share their outer loops --------------
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Vectorize.h"

#include "stepwell/Targets/CPU/Passes.h"
#include "stepwell/Targets/Target.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <map>

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CPUFUSELOOPSPASS
#include "stepwell/Targets/CPU/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

/// A buffer behind views that only add or drop dimensions of size 1, and which
/// of its dimensions each dimension of the view is; -1 for the added ones.
struct Root {
  Value buffer;
  SmallVector<int> dims;
};

std::optional<Root> findRoot(Value value) {
  auto type = cast<MemRefType>(value.getType());
  auto through = [&](Value source, ArrayRef<ReassociationIndices> groups,
                     bool expands) -> std::optional<Root> {
    auto root = findRoot(source);
    if (!root)
      return std::nullopt;
    MemRefType wide = expands ? type : cast<MemRefType>(source.getType());
    Root result{root->buffer, SmallVector<int>(type.getRank(), -1)};
    for (auto [narrow, group] : llvm::enumerate(groups)) {
      int kept = -1;
      for (int64_t dim : group) {
        if (wide.getDimSize(dim) == 1)
          continue;
        if (kept >= 0)
          return std::nullopt;
        kept = dim;
      }
      if (kept >= 0)
        result.dims[expands ? kept : int(narrow)] =
            root->dims[expands ? int(narrow) : kept];
    }
    return result;
  };
  Operation *maker = value.getDefiningOp();
  if (auto expand = dyn_cast_or_null<memref::ExpandShapeOp>(maker))
    return through(expand.getSrc(), expand.getReassociationIndices(), true);
  if (auto collapse = dyn_cast_or_null<memref::CollapseShapeOp>(maker))
    return through(collapse.getSrc(), collapse.getReassociationIndices(),
                   false);
  // Nothing else that makes a buffer is known to be apart from the others.
  if (maker && !isa<memref::AllocOp, memref::GetGlobalOp>(maker))
    return std::nullopt;
  return Root{value, llvm::to_vector(llvm::seq<int>(0, type.getRank()))};
}

/// One operand of an operation.
struct Use {
  OpOperand *operand;
  AffineMap map;
  Root root;
  bool written;
};

struct Member {
  mutable linalg::LinalgOp op; // its accessors are not const
  SmallVector<Use> uses;
  /// The loop that each level of the fused nest stands for.
  SmallVector<unsigned> loops;
};

/// Fails for what is better left alone or not understood.
std::optional<Member> makeMember(linalg::LinalgOp op) {
  if (!op.hasPureBufferSemantics() || op.getNumLoops() == 0 ||
      op.getNumParallelLoops() + op.getNumReductionLoops() != op.getNumLoops())
    return std::nullopt;
  // A matrix product has tiles of its own.
  if (auto dims = linalg::inferContractionDims(op);
      linalg::isaContractionOpInterface(op) && succeeded(dims) &&
      !dims->m.empty() && !dims->n.empty())
    return std::nullopt;
  // A body that reads other buffers reads them anywhere. A branch may compute.
  for (Operation &inner : op.getBlock()->without_terminator()) {
    bool counts = false;
    if (inner.getNumRegions())
      inner.walk([&](linalg::IndexOp) { counts = true; });
    if (!isMemoryEffectFree(&inner) || counts)
      return std::nullopt;
  }
  Member member{op, {}, {}};
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    auto root = findRoot(operand.get());
    AffineMap map = op.getMatchingIndexingMap(&operand);
    if (!root || !map.isProjectedPermutation(/*allowZeroInResults=*/true))
      return std::nullopt;
    member.uses.push_back({&operand, map, *root, op.isDpsInit(&operand)});
  }
  return member;
}

/// The dimension of the buffer that `loop` walks along; none if it stands
/// still.
std::optional<int> dimAlong(const Use &use, unsigned loop) {
  for (auto [i, result] : llvm::enumerate(use.map.getResults()))
    if (result.isFunctionOfDim(loop))
      return use.root.dims[i];
  return std::nullopt;
}

bool isFill(const Member &member) { return isa<linalg::FillOp>(member.op); }

/// Whether neighbouring iterations of `loop` read neighbouring elements.
bool isFast(const Member &member, unsigned loop) {
  return llvm::any_of(member.uses, [&](const Use &use) {
    unsigned rank = use.map.getNumResults();
    auto type = cast<MemRefType>(use.operand->get().getType());
    SmallVector<int64_t> strides;
    int64_t offset;
    return rank == member.op.getNumLoops() &&
           use.map.getResult(rank - 1).isFunctionOfDim(loop) &&
           succeeded(type.getStridesAndOffset(strides, offset)) &&
           strides.back() == 1;
  });
}

/// Operations in a row, and which of them can share a loop.
class Run {
public:
  explicit Run(SmallVector<Member> all) : members(std::move(all)) {
    for (Member &member : members)
      for (Use &use : member.uses)
        if (use.written)
          written.insert(use.root.buffer);
  }

  void fuse() {
    for (size_t next = 0; next < members.size(); ++next) {
      linalg::LinalgOp op = members[next].op;
      if (!op.getNumReductionLoops())
        continue;
      std::optional<Range> best;
      for (bool fast : {false, true}) {
        for (unsigned loop : parallelLoops(members[next])) {
          if (isFast(members[next], loop) != fast)
            continue;
          auto range = grow(next, loop);
          if (range && (!best || range->worth > best->worth))
            best = range;
        }
        if (best)
          break;
      }
      if (!best)
        continue;
      bool strips = isFast(members[next], *best->loops[next]);
      apply(*best);
      // What else they share, inside.
      if (!strips)
        for (unsigned loop : parallelLoops(members[next]))
          if (!llvm::is_contained(members[next].loops, loop) &&
              !isFast(members[next], loop))
            if (auto inner = grow(next, loop, *best);
                inner && inner->begin == best->begin && inner->end == best->end)
              apply(*inner);
      build(*best, next, strips);
      first = best->end;
      next = best->end - 1;
    }
  }

private:
  struct Range {
    size_t begin, end;
    unsigned worth; // operations that are no fills
    SmallVector<std::optional<unsigned>> loops;
  };

  static SmallVector<unsigned> parallelLoops(Member &member) {
    SmallVector<unsigned> loops;
    SmallVector<int64_t> ranges = member.op.getStaticLoopRanges();
    for (auto [i, kind] : llvm::enumerate(member.op.getIteratorTypesArray()))
      if (kind == utils::IteratorType::parallel && ranges[i] != 1)
        loops.push_back(i);
    return loops;
  }

  /// Whether `member` can be cut along `loop`, given how buffers are cut.
  bool fits(Member &member, unsigned loop,
            const DenseMap<Value, int> &cuts) const {
    if (member.op.getIteratorTypesArray()[loop] !=
            utils::IteratorType::parallel ||
        llvm::is_contained(member.loops, loop))
      return false;
    return llvm::all_of(member.uses, [&](const Use &use) {
      auto dim = dimAlong(use, loop);
      if (!written.contains(use.root.buffer))
        return !dim || *dim >= 0;
      auto cut = cuts.find(use.root.buffer);
      return dim && *dim >= 0 && (cut == cuts.end() || cut->second == *dim);
    });
  }

  /// The operations around `seed` that can be cut as its `loop` is.
  std::optional<Range> grow(size_t seed, unsigned loop,
                            std::optional<Range> within = std::nullopt) {
    DenseMap<Value, int> cuts;
    Range range{within ? within->begin : first,
                within ? within->end : members.size(), 0,
                SmallVector<std::optional<unsigned>>(members.size())};
    auto assign = [&](size_t i, unsigned loop) {
      if (!fits(members[i], loop, cuts))
        return false;
      range.loops[i] = loop;
      for (const Use &use : members[i].uses)
        if (auto dim = dimAlong(use, loop))
          cuts.try_emplace(use.root.buffer, *dim);
      return true;
    };
    if (!assign(seed, loop))
      return std::nullopt;
    // Buffers tell their users how to be cut, which tell their other buffers.
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t i = range.begin; i < range.end; ++i)
        if (!range.loops[i])
          if (auto loop = loopFor(members[i], cuts))
            changed |= assign(i, *loop);
    }
    size_t begin = seed, end = seed + 1;
    while (begin > range.begin && range.loops[begin - 1])
      --begin;
    while (end < range.end && range.loops[end])
      ++end;
    // Preparing what nobody here uses can stay behind.
    while (end - 1 > seed && isFill(members[end - 1]))
      --end;
    range.begin = begin;
    range.end = end;
    for (size_t i = begin; i < end; ++i)
      range.worth += !isFill(members[i]);
    if (range.worth < 2)
      return std::nullopt;
    return range;
  }

  std::optional<unsigned> loopFor(Member &member,
                                  const DenseMap<Value, int> &cuts) {
    for (const Use &use : member.uses) {
      auto cut = cuts.find(use.root.buffer);
      if (cut == cuts.end())
        continue;
      for (unsigned loop = 0; loop < member.op.getNumLoops(); ++loop)
        if (dimAlong(use, loop) == cut->second)
          return loop;
    }
    return std::nullopt;
  }

  void apply(const Range &range) {
    for (size_t i = range.begin; i < range.end; ++i)
      members[i].loops.push_back(*range.loops[i]);
  }

  //===--------------------------------------------------------------------===//
  // The fused loops
  //===--------------------------------------------------------------------===//

  static OpFoldResult sizeOf(OpBuilder &b, Location loc, Value buffer,
                             int64_t dim) {
    auto type = cast<MemRefType>(buffer.getType());
    if (!type.isDynamicDim(dim))
      return b.getIndexAttr(type.getDimSize(dim));
    return memref::DimOp::create(b, loc, buffer, dim).getResult();
  }

  static OpFoldResult extentOf(OpBuilder &b, Member &member, unsigned loop) {
    for (const Use &use : member.uses)
      for (auto [i, result] : llvm::enumerate(use.map.getResults()))
        if (isa<AffineDimExpr>(result) && result.isFunctionOfDim(loop))
          return sizeOf(b, member.op.getLoc(), use.operand->get(), i);
    llvm_unreachable("every loop of a linalg operation has a size");
  }

  /// As many rows as stay in the first cache together: short ones are not worth
  /// a loop of their own.
  static OpFoldResult rowBlock(OpBuilder &b, Member &seed) {
    Location loc = seed.op.getLoc();
    int64_t known = 1;
    Value elements;
    for (unsigned loop = 0; loop < seed.op.getNumLoops(); ++loop) {
      if (llvm::is_contained(seed.loops, loop))
        continue;
      OpFoldResult extent = extentOf(b, seed, loop);
      if (auto size = getConstantIntValue(extent)) {
        known *= std::clamp<int64_t>(*size, 1, kBlockElements);
        continue;
      }
      Value size = cast<Value>(extent);
      elements =
          elements ? arith::MulIOp::create(b, loc, elements, size) : size;
    }
    int64_t most = std::max<int64_t>(1, kBlockElements / known);
    if (!elements || most == 1)
      return b.getIndexAttr(most);
    Value one = arith::ConstantIndexOp::create(b, loc, 1);
    elements = arith::MaxSIOp::create(b, loc, elements, one);
    Value rows = arith::DivUIOp::create(
        b, loc, arith::ConstantIndexOp::create(b, loc, most), elements);
    return arith::MaxSIOp::create(b, loc, rows, one).getResult();
  }

  /// As many columns as leave what a strip reads in the second cache.
  static Value stripWidth(OpBuilder &b, Member &seed) {
    Location loc = seed.op.getLoc();
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(b, loc, value);
    };
    Value rows = constant(1);
    for (auto [i, kind] : llvm::enumerate(seed.op.getIteratorTypesArray()))
      if (kind == utils::IteratorType::reduction)
        rows = arith::MulIOp::create(
            b, loc, rows,
            getValueOrCreateConstantIndexOp(b, loc, extentOf(b, seed, i)));
    rows = arith::MaxSIOp::create(b, loc, rows, constant(1));
    Value width =
        arith::DivUIOp::create(b, loc, constant(kStripElements), rows);
    width = arith::AndIOp::create(b, loc, width, constant(-kNarrowest));
    return arith::MaxSIOp::create(b, loc, width, constant(kNarrowest));
  }

  /// Whether a piece of what `use` stands for is a row.
  static bool isRow(const Member &member, const Use &use) {
    AffineMap map = use.map;
    auto type = cast<MemRefType>(use.operand->get().getType());
    return map.getNumResults() > 1 && type.getShape().back() != 1 &&
           dimAlong(use, member.loops.back()) &&
           llvm::any_of(llvm::seq(member.op.getNumLoops()), [&](unsigned loop) {
             return !llvm::is_contained(member.loops, loop) &&
                    map.getResults().back().isFunctionOfDim(loop);
           });
  }

  /// While the last operation is at work on a row, the next one may be on its
  /// way: memory would wait for several passes over each row else.
  void markNext(const Range &range, size_t i, Operation *made) {
    Member &member = members[i];
    if (member.op.getNumReductionLoops())
      return;
    auto isTouchedLater = [&](const Use &use) {
      return llvm::any_of(ArrayRef(members).slice(i + 1, range.end - i - 1),
                          [&](const Member &later) {
                            return llvm::any_of(
                                later.uses, [&](const Use &other) {
                                  return other.root.buffer == use.root.buffer;
                                });
                          });
    };
    SmallVector<int64_t> next{int64_t(member.loops.back())};
    for (const Use &use : member.uses)
      if (isRow(member, use) && !isTouchedLater(use))
        next.push_back(use.operand->getOperandNumber());
    if (next.size() > 1)
      made->setAttr(cpu::kNextAttr,
                    DenseI64ArrayAttr::get(made->getContext(), next));
  }

  void build(const Range &range, size_t seed, bool strips) {
    OpBuilder b(members[range.end - 1].op);
    Location loc = members[seed].op.getLoc();
    unsigned levels = members[seed].loops.size();
    Value zero = arith::ConstantIndexOp::create(b, loc, 0);
    Value one = arith::ConstantIndexOp::create(b, loc, 1);
    SmallVector<Value> extents;
    for (unsigned loop : members[seed].loops)
      extents.push_back(getValueOrCreateConstantIndexOp(
          b, loc, extentOf(b, members[seed], loop)));
    // Only the innermost level takes several steps at once.
    OpFoldResult step = strips ? OpFoldResult(stripWidth(b, members[seed]))
                               : rowBlock(b, members[seed]);
    Value stepValue = getValueOrCreateConstantIndexOp(b, loc, step);
    // Sizes are asked for outside, where outlining can see them.
    DenseMap<Value, SmallVector<OpFoldResult>> sizes;
    for (size_t i = range.begin; i < range.end; ++i)
      for (const Use &use : members[i].uses) {
        Value buffer = use.operand->get();
        SmallVector<OpFoldResult> &own = sizes[buffer];
        if (own.empty())
          for (int64_t dim = 0; dim < int64_t(use.map.getNumResults()); ++dim)
            own.push_back(sizeOf(b, loc, buffer, dim));
      }
    auto outer = scf::ParallelOp::create(b, loc, zero, extents[0],
                                         levels == 1 ? stepValue : one);
    b.setInsertionPointToStart(outer.getBody());
    SmallVector<Value> at{outer.getInductionVars()[0]};
    for (unsigned level = 1; level < levels; ++level) {
      auto inner = scf::ForOp::create(b, loc, zero, extents[level],
                                      level + 1 == levels ? stepValue : one);
      b.setInsertionPointToStart(inner.getBody());
      at.push_back(inner.getInductionVar());
    }
    OpFoldResult width = b.getIndexAttr(1);
    if (!isConstantIntValue(step, 1)) {
      Value left = arith::SubIOp::create(b, loc, extents.back(), at.back());
      width = arith::MinSIOp::create(b, loc, stepValue, left).getResult();
    }
    std::map<std::pair<void *, SmallVector<int>>, Value> windows;
    for (size_t i = range.begin; i < range.end; ++i) {
      Member &member = members[i];
      SmallVector<std::pair<unsigned, Value>> cut;
      for (const Use &use : member.uses) {
        Value buffer = use.operand->get();
        SmallVector<OpFoldResult> offsets,
            shape = sizes[buffer], strides(shape.size(), b.getIndexAttr(1));
        SmallVector<int> levelOf;
        for (auto [dim, result] : llvm::enumerate(use.map.getResults())) {
          offsets.push_back(b.getIndexAttr(0));
          levelOf.push_back(-1);
          for (auto [level, loop] : llvm::enumerate(member.loops))
            if (result.isFunctionOfDim(loop)) {
              offsets.back() = at[level];
              shape[dim] = level + 1 == levels ? width : b.getIndexAttr(1);
              levelOf.back() = level;
            }
        }
        if (llvm::all_of(levelOf, [](int level) { return level < 0; }))
          continue;
        Value &window = windows[{buffer.getAsOpaquePointer(), levelOf}];
        if (!window)
          window = memref::SubViewOp::create(b, loc, buffer, offsets, shape,
                                             strides);
        cut.push_back({use.operand->getOperandNumber(), window});
      }
      Operation *made = b.clone(*member.op);
      for (auto [operand, window] : cut)
        made->setOperand(operand, window);
      if (!strips)
        markNext(range, i, made);
      for (auto index :
           llvm::make_early_inc_range(cast<linalg::LinalgOp>(made)
                                          .getBlock()
                                          ->getOps<linalg::IndexOp>()))
        for (auto [level, loop] : llvm::enumerate(member.loops)) {
          if (index.getDim() != loop)
            continue;
          OpBuilder inside(index->getContext());
          inside.setInsertionPointAfter(index);
          Value whole = arith::AddIOp::create(inside, loc, index, at[level]);
          index.getResult().replaceAllUsesExcept(whole, whole.getDefiningOp());
        }
    }
    for (size_t i = range.begin; i < range.end; ++i)
      members[i].op->erase();
  }

  static constexpr int64_t kBlockElements = 2048;
  static constexpr int64_t kNarrowest = 64;
  static constexpr int64_t kStripElements = 65536;
  SmallVector<Member> members;
  DenseSet<Value> written;
  size_t first = 0; // what lies before is fused or past
};

struct CPUFuseLoops : stepwell::impl::CPUFuseLoopsPassBase<CPUFuseLoops> {
  using CPUFuseLoopsPassBase::CPUFuseLoopsPassBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(kEntryAttr))
        fuse(function.getBody().front());
  }

  /// LLVM's loop passes take time that grows with the square of how many loops
  /// are in one.
  static constexpr size_t kMostMembers = 24;

  static void fuse(Block &block) {
    SmallVector<Run> runs;
    SmallVector<Member> members;
    auto close = [&] {
      if (members.size() > 1)
        runs.emplace_back(std::move(members));
      members.clear();
    };
    for (Operation &op : block.without_terminator()) {
      if (auto linalg = dyn_cast<linalg::LinalgOp>(op)) {
        if (auto member = makeMember(linalg))
          members.push_back(*member);
        else
          close();
        if (members.size() == kMostMembers)
          close();
      } else if (!isMemoryEffectFree(&op) &&
                 !isa<memref::AllocOp, memref::DeallocOp>(op)) {
        close();
      }
    }
    close();
    for (Run &run : runs)
      run.fuse();
  }
};

} // namespace
