//===- ReadRows.cpp - Rows that an index names ----------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Vectorize.h"

using namespace mlir;
using namespace stepwell::cpu;

namespace {

/// A body that yields an element of another buffer if a condition holds, and a
/// constant else, where neither the condition nor the row depends on the
/// innermost loop.
struct RowRead {
  scf::IfOp choice;
  memref::LoadOp load;
  TypedAttr otherwise;
};

std::optional<RowRead> findRowRead(linalg::LinalgOp op) {
  unsigned loops = op.getNumLoops();
  if (op.getNumParallelLoops() != loops || loops < 2 ||
      op.getNumDpsInits() != 1 ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() ||
      !op.getRegionOutputArgs()[0].use_empty())
    return std::nullopt;
  for (OpOperand *input : op.getDpsInputOperands())
    if (!op.getMatchingIndexingMap(input).isProjectedPermutation())
      return std::nullopt;
  auto choice =
      op.getBlock()->getTerminator()->getOperand(0).getDefiningOp<scf::IfOp>();
  if (!choice || choice.getNumResults() != 1 || !choice->hasOneUse() ||
      choice.getElseRegion().empty() ||
      !BodyEmitter::isUniform(op, choice.getCondition(), loops - 1))
    return std::nullopt;
  auto load = choice.thenYield().getOperand(0).getDefiningOp<memref::LoadOp>();
  auto constant =
      choice.elseYield().getOperand(0).getDefiningOp<arith::ConstantOp>();
  if (!load || !constant || load->getBlock() != choice.thenBlock() ||
      choice.thenBlock()->getOperations().size() != 2)
    return std::nullopt;
  auto last = load.getIndices().empty()
                  ? linalg::IndexOp()
                  : load.getIndices().back().getDefiningOp<linalg::IndexOp>();
  if (!last || last.getDim() != loops - 1)
    return std::nullopt;
  for (Value index : load.getIndices().drop_back())
    if (!BodyEmitter::isUniform(op, index, loops - 1))
      return std::nullopt;
  return RowRead{choice, load, constant.getValue()};
}

/// The row of `buffer` at `at`.
Value rowOf(OpBuilder &b, Location loc, Value buffer, ValueRange at,
            OpFoldResult size) {
  auto type = cast<MemRefType>(buffer.getType());
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  SmallVector<OpFoldResult> offsets(at.begin(), at.end());
  offsets.push_back(zero);
  SmallVector<OpFoldResult> sizes(type.getRank(), one),
      strides(type.getRank(), one);
  sizes.back() = size;
  int64_t known = getConstantIntValue(size).value_or(ShapedType::kDynamic);
  auto row = memref::SubViewOp::inferRankReducedResultType(
      {known}, type, offsets, sizes, strides);
  return memref::SubViewOp::create(b, loc, cast<MemRefType>(row), buffer,
                                   offsets, sizes, strides);
}

} // namespace

bool stepwell::cpu::readRows(linalg::LinalgOp op,
                             SmallVectorImpl<linalg::LinalgOp> &made) {
  std::optional<RowRead> read = findRowRead(op);
  if (!read)
    return false;
  OpBuilder b(op);
  Location loc = op.getLoc();
  IndexBuilder index(b, loc);
  Value out = op.getDpsInits()[0];
  auto type = cast<MemRefType>(out.getType());
  auto sizeOf = [&](int64_t dim) -> OpFoldResult {
    if (!type.isDynamicDim(dim))
      return b.getIndexAttr(type.getDimSize(dim));
    return memref::DimOp::create(b, loc, out, dim).getResult();
  };
  int64_t outer = type.getRank() - 1;
  OpFoldResult size = sizeOf(outer);
  SmallVector<Value> ends, at;
  for (int64_t dim = 0; dim < outer; ++dim)
    ends.push_back(index.value(sizeOf(dim)));
  Value zero = index.value(b.getIndexAttr(0)),
        one = index.value(b.getIndexAttr(1));
  for (Value end : ends) {
    auto loop = scf::ForOp::create(b, loc, zero, end, one);
    b.setInsertionPointToStart(loop.getBody());
    at.push_back(loop.getInductionVar());
  }
  // The body without what belongs to single elements.
  IRMapping mapping;
  for (OpOperand *input : op.getDpsInputOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(input);
    if (argument.use_empty() ||
        op.getMatchingIndexingMap(input).isFunctionOfDim(outer))
      continue;
    SmallVector<Value> place;
    for (AffineExpr result : op.getMatchingIndexingMap(input).getResults())
      place.push_back(at[cast<AffineDimExpr>(result).getPosition()]);
    Value element = input->get();
    if (isa<MemRefType>(element.getType()))
      element = memref::LoadOp::create(b, loc, element, place);
    mapping.map(argument, element);
  }
  for (Operation &inner : op.getBlock()->without_terminator()) {
    if (&inner == read->choice ||
        !llvm::all_of(inner.getResults(), [&](Value result) {
          return BodyEmitter::isUniform(op, result, outer);
        }))
      continue;
    if (auto counter = dyn_cast<linalg::IndexOp>(inner))
      mapping.map(counter.getResult(), at[counter.getDim()]);
    else
      b.clone(inner, mapping);
  }
  auto branch = scf::IfOp::create(
      b, loc, mapping.lookupOrDefault(read->choice.getCondition()),
      /*withElseRegion=*/true);
  SmallVector<Value> from;
  for (Value place : read->load.getIndices().drop_back())
    from.push_back(mapping.lookupOrDefault(place));
  b.setInsertionPointToStart(branch.thenBlock());
  made.push_back(linalg::CopyOp::create(
      b, loc, rowOf(b, loc, read->load.getMemRef(), from, size),
      rowOf(b, loc, out, at, size)));
  b.setInsertionPointToStart(branch.elseBlock());
  Value none = arith::ConstantOp::create(b, loc, read->otherwise);
  made.push_back(
      linalg::FillOp::create(b, loc, none, rowOf(b, loc, out, at, size)));
  return true;
}
