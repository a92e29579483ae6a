//===- LowerProducts.cpp - Matrix products as calls -----------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Contractions.h"
#include "Epilogue.h"
#include "GemmDriver.h"

#include "stepwell/Targets/CPU/Passes.h"
#include "stepwell/Targets/Target.h"

#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CPULOWERPRODUCTSPASS
#include "stepwell/Targets/CPU/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;
using namespace stepwell::cpu;

namespace {

Widening wideningOf(linalg::LinalgOp op, unsigned operand, Type sum) {
  if (getElementTypeOrSelf(op->getOperand(operand).getType()) == sum)
    return Widening::None;
  for (Operation *user : op.getBlock()->getArgument(operand).getUsers()) {
    if (isa<arith::ExtFOp, arith::BitcastOp>(user)) // the latter of bf16
      return Widening::Float;
    if (isa<arith::ExtSIOp>(user))
      return Widening::Signed;
    if (isa<arith::ExtUIOp>(user))
      return Widening::Unsigned;
    if (isa<arith::SIToFPOp>(user))
      return Widening::SignedToFloat;
    if (isa<arith::UIToFPOp>(user))
      return Widening::UnsignedToFloat;
  }
  return Widening::None;
}

/// What fills the result with zero right before, so that the product need not
/// read it.
linalg::FillOp zeroBefore(linalg::LinalgOp op) {
  Value c = op.getDpsInits()[0];
  Block *block = op->getBlock();
  linalg::FillOp fill;
  auto isZero = [](linalg::FillOp fill) {
    auto constant = fill.value().getDefiningOp<arith::ConstantOp>();
    return constant && (matchPattern(constant.getResult(), m_AnyZeroFloat()) ||
                        matchPattern(constant.getResult(), m_Zero()));
  };
  // Of a view only what is done just before is known.
  if (c.getDefiningOp<ViewLikeOpInterface>()) {
    Operation *before = op->getPrevNode();
    while (before && isMemoryEffectFree(before))
      before = before->getPrevNode();
    fill = dyn_cast_or_null<linalg::FillOp>(before);
    return fill && fill.output() == c && isZero(fill) ? fill : linalg::FillOp();
  }
  for (Operation *user : c.getUsers()) {
    if (isa<ViewLikeOpInterface>(user))
      return {};
    auto candidate = dyn_cast<linalg::FillOp>(user);
    if (candidate && candidate->getBlock() == block &&
        candidate.output() == c && candidate->isBeforeInBlock(op) &&
        (!fill || fill->isBeforeInBlock(candidate)))
      fill = candidate;
  }
  if (!fill || !isZero(fill))
    return {};
  for (Operation *user : c.getUsers()) {
    Operation *ancestor = block->findAncestorOpInBlock(*user);
    if (ancestor && ancestor != fill && ancestor != op &&
        fill->isBeforeInBlock(ancestor) && ancestor->isBeforeInBlock(op))
      return {};
  }
  return fill;
}

/// Iterations of a parallel loop are tasks already.
bool isInTask(Operation *op) {
  return op->getParentOfType<scf::ForallOp>() ||
         op->getParentOfType<scf::ParallelOp>();
}

class ProductLowering {
public:
  ProductLowering(func::FuncOp entry, linalg::LinalgOp op,
                  linalg::GenericOp consumer, bool epilogues,
                  const CPULowerProductsPassOptions &options)
      : entry(entry), op(op), consumer(consumer), epilogues(epilogues),
        options(options), builder(op), code(builder, op.getLoc()),
        module(entry->getParentOfType<ModuleOp>()) {}

  void run(int64_t &scratchBytes, SmallVectorImpl<memref::AllocOp> &scratches) {
    fill = zeroBefore(op);
    FailureOr<LoopNest> made = LoopNest::create(builder, op);
    if (failed(made))
      return;
    LoopNest &nest = *made;
    std::optional<Roles> found = findRoles(nest);
    if (!found)
      return dropZeros(nest);
    Roles &roles = *found;
    types.sum = nest.accesses[2].element;
    types.a = nest.accesses[roles.a].element;
    types.b = nest.accesses[roles.b].element;
    types.widenA = wideningOf(op, roles.a, types.sum);
    types.widenB = wideningOf(op, roles.b, types.sum);
    types.fma = options.fma;
    inTask = isInTask(op);
    // What is widened is packed, which a task has no room for.
    if (inTask &&
        (types.widenA != Widening::None || types.widenB != Widening::None))
      return;
    // Sums in a narrow type would have to be rounded at every visit.
    if (isa<FloatType>(types.sum) && types.sum.getIntOrFloatBitWidth() < 32)
      return;
    for (auto [element, widening] :
         {std::pair{types.a, types.widenA}, {types.b, types.widenB}})
      if (element != types.sum && widening == Widening::None)
        return;
    lower(nest, roles, scratchBytes, scratches);
    op->erase();
  }

private:
  /// Of a convolution, which is lowered later on: the first piece of its sums
  /// is stored, too.
  void dropZeros(LoopNest &nest) {
    if (!fill)
      return;
    std::optional<Roles> roles = findWindowRoles(nest);
    if (!roles || getConstantIntValue(nest.ranges[roles->k]).value_or(0) == 0 ||
        !llvm::all_of(roles->outer,
                      [&](unsigned loop) { return isParallel(loop); }))
      return;
    op->setAttr(kStoresAttr, builder.getUnitAttr());
    fill->erase();
  }

  Value word(OpFoldResult size) {
    if (auto known = getConstantIntValue(size))
      return code.number(*known);
    return arith::IndexCastOp::create(builder, op.getLoc(), code.i64,
                                      cast<Value>(size));
  }

  Value pointerTo(const Access &access) {
    Value index = memref::ExtractAlignedPointerAsIndexOp::create(
        builder, op.getLoc(), access.base);
    Value address =
        arith::IndexCastOp::create(builder, op.getLoc(), code.i64, index);
    Value base =
        LLVM::IntToPtrOp::create(builder, op.getLoc(), code.pointer, address);
    return code.at(base, word(access.offset), access.element);
  }

  void lower(LoopNest &nest, Roles &roles, int64_t &scratchBytes,
             SmallVectorImpl<memref::AllocOp> &scratches) {
    const Access &a = nest.accesses[roles.a], &b = nest.accesses[roles.b],
                 &c = nest.accesses[2];
    unsigned bits = types.sum.getIntOrFloatBitWidth();
    GemmSchedule schedule(options.vectorBits, options.registers, bits);
    types.amx = options.bf16Tiles && types.a.isBF16() && types.b.isBF16() &&
                types.sum.isF32();
    if (types.amx)
      schedule.useTileRegisters();

    // Strides; those of loops that run once are never used.
    ProductLayout layout;
    auto stride = [&](const Access &access, unsigned loop,
                      std::optional<int64_t> *known) {
      if (isOneLoop(nest, loop))
        return code.number(1);
      if (known)
        *known = access.stride(loop);
      return word(access.strides[loop]);
    };
    Product p{SmallVector<Value>(Product::kFields)};
    OuterLoops outer = mergeLoops(nest, roles, p);
    bool sumsOutside = llvm::any_of(
        outer, [&](const auto &left) { return !isParallel(left.first); });
    if (sumsOutside) {
      fill = {};
      consumer = {}; // not complete before the last of them
    }
    p[Product::ARow] = stride(a, roles.m, &layout.aRow);
    p[Product::AK] = stride(a, roles.k, &layout.aK);
    p[Product::BK] = stride(b, roles.k, &layout.bK);
    p[Product::BColumn] = stride(b, roles.n, &layout.bColumn);
    p[Product::CRow] = stride(c, roles.m, nullptr);
    p[Product::CColumn] = stride(c, roles.n, &layout.cColumn);
    p[Product::A] = pointerTo(a);
    p[Product::B] = pointerTo(b);
    p[Product::C] = pointerTo(c);
    p[Product::Accumulate] = code.truth(!fill);

    auto size = [&](Product::Field field) {
      return CodeBuilder::known(p[field]).value_or(-1);
    };
    scratchBytes = std::max(
        scratchBytes,
        GemmDriver::scratchElements(schedule, size(Product::M),
                                    size(Product::N), size(Product::K)) *
            (types.packed().getIntOrFloatBitWidth() / 8));
    Value scratch = inTask ? code.null() : takeScratch(scratches);

    p[Product::Finish] = p[Product::FinishWith] = code.null();
    p[Product::First] = code.number(0);
    if (consumer) {
      Epilogue epilogue = outlineEpilogue(code, module, nest, roles, consumer);
      p[Product::Finish] = code.pointerTo(epilogue.function);
      p[Product::FinishWith] = epilogue.environment;
    }
    GemmDriver driver(code, module, schedule, types, layout, options.threads,
                      epilogues);
    func::FuncOp function = driver.function({CodeBuilder::known(p[Product::M]),
                                             CodeBuilder::known(p[Product::N]),
                                             CodeBuilder::known(p[Product::K])},
                                            inTask);
    context = inTask ? code.null() : Value(entry.getArgument(0));
    Value work =
        code.mul(code.mul(p[Product::M], p[Product::N]), p[Product::K]);
    Value enough = inTask ? code.truth(false)
                          : code.most(code.number(schedule.serialWork), work);
    if (outer.empty()) {
      SmallVector<Value> arguments{context, enough, scratch};
      llvm::append_range(arguments, p.values);
      code.call(function, arguments);
    } else {
      lowerBatch(nest, roles, outer, p, function, schedule, scratch, work,
                 enough, sumsOutside);
    }
    if (fill)
      fill->erase();
    if (consumer)
      consumer->erase();
  }

  /// Loops that are left around a product, and how often they run.
  using OuterLoops = SmallVector<std::pair<unsigned, Value>>;

  /// Sets the sizes. Products of a batch with one matrix are a single one where
  /// rows follow each other as evenly from product to product as within one;
  /// columns and steps of k likewise. Strides tell, at run time if need be.
  /// An epilogue counts on through rows alone, and through all loops inside of
  /// one that it counts through.
  OuterLoops mergeLoops(LoopNest &nest, const Roles &roles, Product &p) {
    struct Target {
      Product::Field size;
      unsigned loop, still, moving[2];
    };
    const Target targets[] = {
        {Product::M, roles.m, roles.b, {roles.a, 2}},
        {Product::N, roles.n, roles.a, {roles.b, 2}},
        {Product::K, roles.k, 2, {roles.a, roles.b}},
    };
    for (const Target &target : targets)
      p[target.size] = word(nest.ranges[target.loop]);
    OuterLoops outer;
    Value inner = code.truth(true);
    for (unsigned loop : llvm::reverse(roles.outer)) {
      if (isOneLoop(nest, loop))
        continue;
      Value times = word(nest.ranges[loop]);
      bool counted = false;
      for (const Target &target : targets) {
        if (nest.accesses[target.still].stride(loop) != 0)
          continue;
        if (consumer && target.size == Product::N)
          break;
        bool counts = consumer && target.size == Product::M;
        Value size = p[target.size], even = counts ? inner : code.truth(true);
        for (unsigned operand : target.moving) {
          const Access &access = nest.accesses[operand];
          Value step = code.mul(size, word(access.strides[target.loop]));
          even = code.both(even, code.equal(word(access.strides[loop]), step));
        }
        p[target.size] = code.select(even, code.mul(size, times), size);
        times = code.select(even, code.number(1), times);
        if (counts)
          inner = even;
        counted |= counts;
        break;
      }
      if (!counted && isParallel(loop))
        inner = code.truth(false);
      if (CodeBuilder::known(times) != 1)
        outer.insert(outer.begin(), {loop, times});
    }
    return outer;
  }

  bool isParallel(unsigned loop) {
    return op.getIteratorTypesArray()[loop] == utils::IteratorType::parallel;
  }
  bool isOneLoop(const LoopNest &nest, unsigned loop) {
    return isConstantIntValue(nest.ranges[loop], 1);
  }

  /// One product after the other, each shared by all threads; or, where they
  /// are small, many at a time.
  void lowerBatch(LoopNest &nest, Roles &roles, const OuterLoops &outer,
                  const Product &p, func::FuncOp function,
                  const GemmSchedule &schedule, Value scratch, Value work,
                  Value enough, bool sumsOutside) {
    SmallVector<Value> ranges, environment(p.values);
    Value count = code.number(1);
    for (auto [loop, times] : outer) {
      ranges.push_back(times);
      count = code.mul(count, times);
    }
    // Then: the ranges, what each operand moves by, how many matrices of the
    // result lie between, context, flag, scratch.
    size_t first = environment.size();
    llvm::append_range(environment, ranges);
    unsigned operands[] = {roles.a, roles.b, 2};
    for (unsigned operand : operands)
      for (auto [loop, times] : outer)
        environment.push_back(word(nest.accesses[operand].strides[loop]));
    if (consumer)
      for (auto [loop, times] : outer) {
        Value between = code.number(1);
        for (unsigned other : outerLoops(nest, roles))
          if (other > loop)
            between = code.mul(between, word(nest.ranges[other]));
        environment.push_back(between);
      }

    bool narrow =
        types.widenA != Widening::None || types.widenB != Widening::None;
    Value shared = code.truth(false);
    if (options.threads && !sumsOutside && !narrow && !inTask) {
      Value small = code.less(work, code.number(schedule.wholeWork));
      Value total = code.mul(count, work);
      shared =
          code.both(small, code.most(code.number(schedule.serialWork), total));
      shared = code.both(shared, code.less(code.number(1), count));
    }
    Value none = code.null();
    environment.push_back(context);
    environment.push_back(code.both(enough, code.negate(shared)));
    environment.push_back(code.select(shared, none, scratch));

    static constexpr llvm::StringLiteral kName = "stepwell.gemm.batch";
    std::string name = kName.str();
    for (unsigned i = 0; module.lookupSymbol(name); ++i)
      name = kName.str() + std::to_string(i);
    size_t loops = outer.size();
    Type element[] = {types.a, types.b, types.sum};
    Product::Field base[] = {Product::A, Product::B, Product::C};
    func::FuncOp task = code.task(
        module, name, ValueRange(environment).getTypes(),
        [&](ValueRange values, Value begin, Value end) {
          code.range(begin, end, 1, [&](Value at) {
            SmallVector<Value> counters(loops);
            for (size_t i = loops; i-- > 0;) {
              Value range = values[first + i];
              counters[i] = i ? code.rem(at, range) : at;
              if (i)
                at = code.div(at, range);
            }
            Product one{SmallVector<Value>(values.take_front(first))};
            for (unsigned o = 0; o < 3; ++o)
              for (size_t i = 0; i < loops; ++i)
                one[base[o]] = code.at(
                    one[base[o]],
                    code.mul(counters[i], values[first + (o + 1) * loops + i]),
                    element[o]);
            if (consumer)
              for (size_t i = 0; i < loops; ++i)
                one[Product::First] = code.add(
                    one[Product::First],
                    code.mul(counters[i], values[first + 4 * loops + i]));
            SmallVector<Value> arguments(values.take_back(3));
            llvm::append_range(arguments, one.values);
            code.call(function, arguments);
          });
        });
    code.run(task, code.environment(environment), context, shared, count,
             code.mul(work, GemmSchedule::kCost));
  }

  /// One buffer serves every product of the entry; its size is known at the
  /// end.
  Value takeScratch(SmallVectorImpl<memref::AllocOp> &scratches) {
    if (scratches.empty()) {
      OpBuilder top = OpBuilder::atBlockBegin(&entry.getBody().front());
      scratches.push_back(memref::AllocOp::create(
          top, op.getLoc(), MemRefType::get({1}, builder.getI8Type())));
    }
    Value index = memref::ExtractAlignedPointerAsIndexOp::create(
        builder, op.getLoc(), scratches.front());
    Value address =
        arith::IndexCastOp::create(builder, op.getLoc(), code.i64, index);
    return LLVM::IntToPtrOp::create(builder, op.getLoc(), code.pointer,
                                    address);
  }

  func::FuncOp entry;
  linalg::LinalgOp op;
  linalg::GenericOp consumer; // the epilogue, if there is one
  bool epilogues;             // whether any product of the module has one
  const CPULowerProductsPassOptions &options;
  OpBuilder builder;
  CodeBuilder code;
  ModuleOp module;
  GemmTypes types;
  linalg::FillOp fill;
  Value context;
  bool inTask = false;
};

struct CPULowerProducts
    : stepwell::impl::CPULowerProductsPassBase<CPULowerProducts> {
  using CPULowerProductsPassBase::CPULowerProductsPassBase;

  void runOnOperation() override {
    CPULowerProductsPassOptions options;
    options.vectorBits = vectorBits;
    options.registers = registers;
    options.fma = fma;
    options.threads = threads;
    options.bf16Tiles = bf16Tiles;
    SmallVector<func::FuncOp> entries;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(kEntryAttr))
        entries.push_back(function);
    struct Work {
      func::FuncOp entry;
      SmallVector<std::pair<linalg::LinalgOp, linalg::GenericOp>> products;
    };
    SmallVector<Work> work;
    bool epilogues = false;
    for (func::FuncOp entry : entries) {
      SmallVector<linalg::LinalgOp> ops;
      entry.walk([&](linalg::LinalgOp op) {
        if (op.hasPureBufferSemantics() && isProductSum(op))
          ops.push_back(op);
      });
      Work &own = work.emplace_back(Work{entry, {}});
      DenseSet<Operation *> taken;
      for (linalg::LinalgOp op : ops) {
        // A task is handed over without functions.
        linalg::GenericOp consumer =
            isInTask(op) ? linalg::GenericOp() : findEpilogue(op);
        if (consumer && taken.insert(consumer).second) {
          op->moveBefore(consumer);
          epilogues = true;
        } else {
          consumer = {};
        }
        own.products.push_back({op, consumer});
      }
    }
    for (Work &own : work) {
      int64_t bytes = 0;
      SmallVector<memref::AllocOp> scratches;
      for (auto [op, consumer] : own.products)
        ProductLowering(own.entry, op, consumer, epilogues, options)
            .run(bytes, scratches);
      for (memref::AllocOp scratch : scratches) {
        OpBuilder builder(scratch);
        auto sized = memref::AllocOp::create(
            builder, scratch.getLoc(),
            MemRefType::get({bytes}, builder.getI8Type()));
        scratch.replaceAllUsesWith(sized.getResult());
        scratch.erase();
      }
    }
  }
};

} // namespace
