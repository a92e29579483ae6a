//===- LoneWindows.cpp - Windows with a single row of weights -------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A depthwise convolution shares no window between channels: it is no product
// of matrices. A few neighbouring elements of a row are summed up in registers,
// over all taps of the kernel, whose weights are loaded once per channel.
//===----------------------------------------------------------------------===//
#include "Contractions.h"

using namespace mlir;
using namespace stepwell::cpu;

/// More taps are loops.
static constexpr int64_t kMostTaps = 25;
/// Vectors of sums at a time: enough to hide an addition's latency, few enough
/// to leave registers to nine weights.
static constexpr int64_t kVectors = 3;

namespace {

class LoneWindows {
public:
  LoneWindows(LoopNest &nest, unsigned vectorBits, bool fma)
      : nest(nest), builder(nest.builder), loc(nest.loc), fma(fma),
        element(nest.accesses[2].element),
        lanes(vectorBits / element.getIntOrFloatBitWidth()) {}

  /// Fails before it has built anything.
  bool match() {
    if (!isa<Float32Type, Float64Type>(element) ||
        nest.accesses[0].element != element ||
        nest.accesses[1].element != element)
      return false;
    SmallVector<AffineMap> maps = nest.op.getIndexingMapsArray();
    auto plain = [](AffineMap map) {
      return map.isProjectedPermutation(/*allowZeroInResults=*/true);
    };
    image = plain(maps[0]) ? 1 : 0;
    weight = 1 - image;
    if (plain(maps[image]) || !plain(maps[weight]) || !plain(maps[2]))
      return false;
    auto once = [&](unsigned loop) {
      return isConstantIntValue(nest.ranges[loop], 1);
    };
    SmallVector<unsigned> rest;
    for (auto [loop, kind] : llvm::enumerate(nest.op.getIteratorTypesArray())) {
      if (once(loop))
        continue;
      bool weighs = maps[weight].isFunctionOfDim(loop);
      if (kind == utils::IteratorType::reduction) {
        auto range = getConstantIntValue(nest.ranges[loop]);
        if (!range || !weighs)
          return false;
        taps.push_back(loop);
        count *= *range;
      } else {
        (weighs ? channels : rest).push_back(loop);
      }
    }
    if (count > kMostTaps || taps.empty())
      return false;
    // The innermost dimension of the result, and everything around it.
    for (unsigned loop : rest)
      if (nest.accesses[2].stride(loop) == 1)
        width = loop;
    if (!width)
      return false;
    auto step = nest.accesses[image].stride(*width);
    if (step != 1 && step != 2)
      return false;
    columnStep = *step;
    llvm::erase(rest, *width);
    // Images are shared by all channels: outside.
    for (unsigned loop : rest)
      (channels.empty() || loop < channels.front() ? images : rows)
          .push_back(loop);
    return true;
  }

  void run() {
    SmallVector<unsigned> outer(images);
    llvm::append_range(outer, channels);
    nest.loop(outer, [&] {
      SmallVector<int64_t> at(taps.size(), 0);
      do {
        places.push_back(SmallVector<int64_t>(at));
        Value scalar = memref::LoadOp::create(
            builder, loc, row(weight, offset(weight, at), 1), zero());
        scalars.push_back(scalar);
        weights.push_back(
            vector::BroadcastOp::create(builder, loc, vectorType(), scalar));
      } while (next(at));
      nest.loop(rows, [&] { buildRow(); });
    });
  }

private:
  IndexBuilder index() { return nest.index(); }
  VectorType vectorType() { return VectorType::get({lanes}, element); }
  Value zero() { return index().value(index().constant(0)); }

  bool next(SmallVector<int64_t> &at) {
    for (size_t i = at.size(); i-- > 0;) {
      if (++at[i] < *getConstantIntValue(nest.ranges[taps[i]]))
        return true;
      at[i] = 0;
    }
    return false;
  }

  OpFoldResult offset(unsigned operand, ArrayRef<int64_t> at) {
    const Access &access = nest.accesses[operand];
    OpFoldResult sum = access.offset;
    for (auto [loop, position] : llvm::zip(taps, at))
      sum = index().add(
          sum, index().mul(index().constant(position), access.strides[loop]));
    return sum;
  }

  Value row(unsigned operand, OpFoldResult offset, int64_t step) {
    auto fixed = getConstantIntValue(offset).value_or(ShapedType::kDynamic);
    auto type = MemRefType::get(
        {ShapedType::kDynamic}, element,
        StridedLayoutAttr::get(builder.getContext(), fixed, {step}));
    OpFoldResult some = index().value(index().constant(1));
    return memref::ReinterpretCastOp::create(
        builder, loc, type, nest.accesses[operand].base, offset, {some},
        {index().constant(step)});
  }

  Value multiplyAdd(Value a, Value b, Value sum) {
    if (fma && isa<VectorType>(a.getType()))
      return vector::FMAOp::create(builder, loc, a, b, sum);
    Value product = arith::MulFOp::create(builder, loc, a, b);
    return arith::AddFOp::create(builder, loc, product, sum);
  }

  /// `lanes` elements of the image for the columns from `column` on.
  Value loadImage(Value from, OpFoldResult column) {
    OpFoldResult at = index().mul(column, index().constant(columnStep));
    Value low = vector::LoadOp::create(builder, loc, vectorType(), from,
                                       index().value(at));
    if (columnStep == 1)
      return low;
    // The second begins one early, so that it ends with the last element.
    OpFoldResult middle = index().add(at, index().constant(lanes - 1));
    Value high = vector::LoadOp::create(builder, loc, vectorType(), from,
                                        index().value(middle));
    SmallVector<int64_t> pick;
    for (int64_t i = 0; i < lanes; ++i)
      pick.push_back(2 * i < lanes ? 2 * i : 2 * i + 1);
    return vector::ShuffleOp::create(builder, loc, low, high, pick);
  }

  void buildRow() {
    SmallVector<Value> lines;
    for (ArrayRef<int64_t> at : places)
      lines.push_back(row(image, offset(image, at), 1));
    Value result = row(2, nest.accesses[2].offset, 1);
    OpFoldResult size = nest.ranges[*width];
    auto loadResult = [&](OpFoldResult column) -> Value {
      return vector::LoadOp::create(builder, loc, vectorType(), result,
                                    index().value(column));
    };
    auto columns = [&](ArrayRef<OpFoldResult> at, SmallVector<Value> sums) {
      for (auto [line, w] : llvm::zip(lines, weights))
        for (auto [column, sum] : llvm::zip(at, sums))
          sum = multiplyAdd(w, loadImage(line, column), sum);
      for (auto [column, sum] : llvm::zip(at, sums))
        vector::StoreOp::create(builder, loc, sum, result,
                                index().value(column));
    };
    auto strip = [&](Value begin, int64_t vectors) {
      SmallVector<OpFoldResult> at;
      SmallVector<Value> sums;
      for (int64_t v = 0; v < vectors; ++v) {
        at.push_back(index().add(begin, index().constant(v * lanes)));
        sums.push_back(loadResult(at.back()));
      }
      columns(at, sums);
    };
    auto vectorLoop = [&](OpFoldResult begin, OpFoldResult end,
                          int64_t vectors) {
      nest.range(begin, end, vectors * lanes, {},
                 [&](Value column, ValueRange) {
                   strip(column, vectors);
                   return SmallVector<Value>();
                 });
    };
    Value wide = index().value(size);
    Value fits =
        arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sge, wide,
                              index().value(index().constant(lanes)));
    auto branch = scf::IfOp::create(builder, loc, TypeRange(), fits,
                                    /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(branch.thenBlock());
    {
      // The last vector ends with the row: it covers some columns again, and
      // has read them before.
      OpFoldResult last = index().sub(size, index().constant(lanes));
      Value old = loadResult(last);
      Value step = index().value(index().constant(kVectors * lanes));
      Value whole = arith::DivUIOp::create(builder, loc, wide, step);
      whole = arith::MulIOp::create(builder, loc, whole, step);
      vectorLoop(index().constant(0), whole, kVectors);
      vectorLoop(whole, index().roundDown(size, lanes), 1);
      Value rest = arith::CmpIOp::create(
          builder, loc, arith::CmpIPredicate::ne,
          index().value(index().roundDown(size, lanes)), wide);
      nest.when(rest, {}, [&] {
        columns({last}, {old});
        return SmallVector<Value>();
      });
    }
    builder.setInsertionPointToStart(branch.elseBlock());
    nest.range(index().constant(0), size, 1, {}, [&](Value column, ValueRange) {
      Value sum = memref::LoadOp::create(builder, loc, result, column);
      Value at =
          index().value(index().mul(column, index().constant(columnStep)));
      for (auto [line, w] : llvm::zip(lines, scalars)) {
        Value x = memref::LoadOp::create(builder, loc, line, at);
        sum = multiplyAdd(w, x, sum);
      }
      memref::StoreOp::create(builder, loc, sum, result, column);
      return SmallVector<Value>();
    });
  }

  LoopNest &nest;
  OpBuilder &builder;
  Location loc;
  bool fma;
  Type element;
  int64_t lanes;
  unsigned image = 0, weight = 1;
  SmallVector<unsigned> taps, images, channels, rows;
  std::optional<unsigned> width;
  int64_t columnStep = 1, count = 1;
  SmallVector<SmallVector<int64_t>> places; // of the taps
  SmallVector<Value> scalars, weights;
};

} // namespace

bool stepwell::cpu::lowerLoneWindows(LoopNest &nest, unsigned vectorBits,
                                     bool fma) {
  LoneWindows windows(nest, vectorBits, fma);
  if (!windows.match())
    return false;
  windows.run();
  return true;
}
