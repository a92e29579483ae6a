//===- VectorizeElementwise.cpp - Loops without reductions ------------------
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Vectorize.h"
#include "VectorizeTransposed.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace stepwell::cpu;

unsigned stepwell::cpu::chooseVectorLoop(const LoopNest &nest) {
  unsigned best = nest.ranges.size() - 1;
  unsigned score = nest.unitStrides(best);
  // On a tie the last one: later loops run over nearer elements.
  for (unsigned loop = best; loop-- > 0;)
    if (unsigned count = nest.unitStrides(loop); count > score) {
      best = loop;
      score = count;
    }
  return best;
}

namespace {

class Elementwise {
public:
  Elementwise(LoopNest &nest, const VectorOptions &options)
      : nest(nest), body(nest), options(options), loop(chooseVectorLoop(nest)) {
  }

  void run() {
    chooseWidth();
    SmallVector<unsigned> outer;
    for (unsigned dim = 0; dim < nest.ranges.size(); ++dim)
      if (dim != loop)
        outer.push_back(dim);
    // Candidates by what is read are told apart at run time, unless known.
    auto build = [&](auto &build, ArrayRef<unsigned> alongs) -> void {
      if (alongs.empty()) {
        nest.loop(outer, [&] { buildRow(); });
        return;
      }
      Transposition squares(nest, body, loop, alongs.front(), width);
      SmallVector<unsigned> others(outer);
      llvm::erase(others, alongs.front());
      auto transposed = [&] {
        nest.loop(others, [&] {
          squares.build([&](OpFoldResult from) { buildRest(from); });
        });
      };
      Value condition = squares.condition();
      if (!condition)
        return transposed();
      auto branch = scf::IfOp::create(nest.builder, nest.loc, condition,
                                      /*withElseRegion=*/true);
      OpBuilder::InsertionGuard guard(nest.builder);
      nest.builder.setInsertionPointToStart(branch.thenBlock());
      transposed();
      nest.builder.setInsertionPointToStart(branch.elseBlock());
      build(build, alongs.drop_front());
    };
    auto any = [&] {
      build(build, Transposition::candidates(nest, loop, width));
    };
    if (Access *repeated = maybeRepeated())
      return buildRepeated(*repeated, outer, any);
    any();
  }

  /// The only input, if it may be one element that is repeated: numbers are
  /// filled in like that.
  Access *maybeRepeated() {
    Access *only = nullptr;
    for (unsigned i = 0; i < nest.op.getNumDpsInputs(); ++i)
      if (isUsed(i) && std::exchange(only, &nest.accesses[i]))
        return nullptr;
    return width && only && only->base && !only->stride(loop) ? only : nullptr;
  }

  void buildRepeated(Access &input, ArrayRef<unsigned> outer,
                     llvm::function_ref<void()> otherwise) {
    IndexBuilder index = nest.index();
    OpFoldResult stride = input.strides[loop];
    Value still = arith::CmpIOp::create(
        nest.builder, nest.loc, arith::CmpIPredicate::eq, index.value(stride),
        index.value(index.constant(0)));
    auto branch = scf::IfOp::create(nest.builder, nest.loc, still,
                                    /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(nest.builder);
    nest.builder.setInsertionPointToStart(branch.thenBlock());
    input.strides[loop] = index.constant(0);
    nest.loop(outer, [&] { buildRow(); });
    input.strides[loop] = stride;
    nest.builder.setInsertionPointToStart(branch.elseBlock());
    otherwise();
  }

  /// A row from a place on: less than a few vectors, or all of it.
  void buildRest(OpFoldResult from) {
    if (getConstantIntValue(from) == 0)
      return buildRow();
    setRows();
    nest.range(from, nest.ranges[loop], 1, {}, [&](Value at, ValueRange) {
      chunk(at, 0);
      return SmallVector<Value>();
    });
  }

private:
  void chooseWidth() {
    width = BodyEmitter::vectorWidth(nest.op, options.vectorBits);
    unsigned work = BodyEmitter::size(nest.op);
    // Gathering lane by lane pays only for the sake of a long body.
    bool unit = nest.unitStrides(loop) != 0;
    auto known = getConstantIntValue(nest.ranges[loop]);
    if ((!unit && work < 4) || (known && *known == 1))
      width = 0;
    while (known && width > 1 && *known * 2 <= width)
      width /= 2;
    if (width == 1)
      width = 0;
    unroll = options.unroll;
    if (!unroll)
      unroll = work <= 4 ? 4 : work <= 10 ? 2 : 1;
    // A long body is one chain of dependent operations: the same operation on
    // several vectors in turn keeps the units busy where the reorder buffer,
    // full of one chain, does not. Of very long ones (math.fma emulated) code
    // size matters more.
    interleave = width && work > 10 && work <= 300;
    if (interleave && !options.unroll)
      unroll = 4;
    // Lanes beyond the end must not read anywhere.
    scalarRest = BodyEmitter::readsElsewhere(nest.op) ||
                 llvm::any_of(nest.op.getDpsInitsMutable(), [&](OpOperand &o) {
                   const Access &access = nest.accesses[o.getOperandNumber()];
                   return access.stride(loop) != 1 ||
                          (access.element.getIntOrFloatBitWidth() < 32 &&
                           !options.narrowMasks);
                 });
  }

  void setRows() {
    rows.clear();
    for (unsigned i = 0; i < nest.accesses.size(); ++i)
      rows.push_back(
          isUsed(i) ? nest.row(i, loop, width, i >= nest.op.getNumDpsInputs())
                    : Row());
  }

  void buildRow() {
    setRows();
    OpFoldResult begin = nest.index().constant(0), end = nest.ranges[loop];
    if (width) {
      if (unroll > 1)
        begin = vectors(begin, end, unroll);
      begin = vectors(begin, end, 1);
    }
    auto first = getConstantIntValue(begin), last = getConstantIntValue(end);
    if (first && last && *first >= *last)
      return;
    if (!width || scalarRest) {
      nest.range(begin, end, 1, {}, [&](Value at, ValueRange) {
        chunk(at, 0);
        return SmallVector<Value>();
      });
      return;
    }
    Value at = nest.index().value(begin);
    Value some =
        arith::CmpIOp::create(nest.builder, nest.loc, arith::CmpIPredicate::slt,
                              at, nest.index().value(end));
    nest.when(some, {}, [&] {
      chunk(at, width, nest.mask(at, end, width));
      return SmallVector<Value>();
    });
  }

  bool isUsed(unsigned operand) {
    return operand >= nest.op.getNumDpsInputs() ||
           !nest.op.getBlock()->getArgument(operand).use_empty();
  }

  /// Whole groups of `count` vectors from `begin`; returns where they end.
  OpFoldResult vectors(OpFoldResult begin, OpFoldResult end, unsigned count) {
    OpFoldResult whole = nest.index().roundDown(end, int64_t(count) * width);
    nest.range(begin, whole, int64_t(count) * width, {},
               [&](Value at, ValueRange) {
                 if (interleave) {
                   fetchNext(at, 0, width * count);
                   chunk(at, width * count);
                   return SmallVector<Value>();
                 }
                 for (unsigned i = 0; i < count; ++i) {
                   Value place = nest.index().value(nest.index().add(
                       at, nest.index().constant(int64_t(i) * width)));
                   fetchNext(place, i * width, width);
                   chunk(place, width);
                 }
                 return SmallVector<Value>();
               });
    return whole;
  }

  /// Asks for the lines of the next row that begin in `lanes` elements, the
  /// first of which is the `from`-th of a step.
  void fetchNext(Value at, unsigned from, unsigned lanes) {
    auto next = nest.op->getAttrOfType<DenseI64ArrayAttr>(kNextAttr);
    if (!next)
      return;
    IndexBuilder index = nest.index();
    for (int64_t operand : next.asArrayRef().drop_front()) {
      const Access &access = nest.accesses[operand];
      if (!isUsed(operand) || rows[operand].kind != Row::Unit)
        continue;
      OpFoldResult step =
          index.mul(index.value(nest.ranges[next[0]]), access.steps[next[0]]);
      unsigned line = kLineBits / access.element.getIntOrFloatBitWidth();
      for (unsigned lane = 0; lane < lanes; ++lane)
        if ((from + lane) % line == 0)
          memref::PrefetchOp::create(
              nest.builder, nest.loc, rows[operand].value,
              index.value(index.add(index.add(at, index.constant(lane)), step)),
              /*isWrite=*/operand >= nest.op.getNumDpsInputs(),
              /*localityHint=*/3, /*isDataCache=*/true);
    }
  }

  void chunk(Value at, unsigned lanes, Value mask = {}) {
    SmallVector<Value> arguments;
    Value end = mask ? nest.index().value(nest.ranges[loop]) : Value();
    for (auto [argument, row] :
         llvm::zip(nest.op.getBlock()->getArguments(), rows))
      arguments.push_back(argument.use_empty()
                              ? Value()
                              : nest.load(row, at, lanes, mask, end));
    SmallVector<Value> results = body.emit(arguments, lanes, loop, at);
    if (lanes && !mask && !options.narrowMasks)
      for (Value result : results)
        hideLoads(result, arguments);
    for (auto [i, result] : llvm::enumerate(results))
      nest.store(rows[nest.op.getNumDpsInputs() + i], result, at, lanes, mask);
  }

  /// LLVM makes a masked store of a select between what was loaded and
  /// something else that is stored in its place. Without masks in registers
  /// that takes dozens of steps on some machines, a store of all lanes one.
  void hideLoads(Value result, ArrayRef<Value> loaded) {
    auto select = result.getDefiningOp<arith::SelectOp>();
    if (!select)
      return;
    OpBuilder before(select);
    for (OpOperand *operand :
         {&select.getTrueValueMutable(), &select.getFalseValueMutable()})
      if (llvm::is_contained(loaded, operand->get()))
        operand->set(LLVM::FreezeOp::create(before, nest.loc, operand->get()));
  }

  static constexpr unsigned kLineBits = 512;
  LoopNest &nest;
  BodyEmitter body;
  const VectorOptions &options;
  unsigned loop, width = 0, unroll = 1;
  bool scalarRest = false, interleave = false;
  SmallVector<Row> rows;
};

} // namespace

void stepwell::cpu::vectorizeElementwise(LoopNest &nest,
                                         const VectorOptions &options) {
  Elementwise(nest, options).run();
}
