//===- Contractions.cpp - Which operations are sums of products -----------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Contractions.h"

using namespace mlir;
using namespace stepwell::cpu;

Value stepwell::cpu::widenedFrom(Value value) {
  Operation *cast = value.getDefiningOp();
  if (isa_and_nonnull<arith::ExtFOp, arith::ExtSIOp, arith::ExtUIOp,
                      arith::SIToFPOp, arith::UIToFPOp>(cast))
    return cast->getOperand(0);
  // bf16 is the upper half of f32.
  auto whole = value.getDefiningOp<arith::BitcastOp>();
  auto shift = whole ? whole.getIn().getDefiningOp<arith::ShLIOp>() : nullptr;
  auto wide = shift ? shift.getLhs().getDefiningOp<arith::ExtUIOp>() : nullptr;
  auto bits = wide ? wide.getIn().getDefiningOp<arith::BitcastOp>() : nullptr;
  if (bits && value.getType().isF32() && bits.getIn().getType().isBF16() &&
      isConstantIntValue(shift.getRhs(), 16))
    return bits.getIn();
  return value;
}

bool stepwell::cpu::isProductSum(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  if (body->getNumArguments() != 3 || op.getNumDpsInits() != 1)
    return false;
  Operation *add = body->getTerminator()->getOperand(0).getDefiningOp();
  if (!isa_and_nonnull<arith::AddFOp, arith::AddIOp>(add))
    return false;
  Value old = body->getArgument(2);
  if (!old.hasOneUse() || *old.user_begin() != add)
    return false;
  Value product = add->getOperand(add->getOperand(0) == old);
  Operation *multiply = product.getDefiningOp();
  if (!isa_and_nonnull<arith::MulFOp, arith::MulIOp>(multiply))
    return false;
  auto isInput = [&](Value value, unsigned input) {
    return widenedFrom(value) == body->getArgument(input);
  };
  Value x = multiply->getOperand(0), y = multiply->getOperand(1);
  bool straight = isInput(x, 0) && isInput(y, 1);
  return straight || (isInput(x, 1) && isInput(y, 0));
}

std::optional<Roles> stepwell::cpu::findRoles(const LoopNest &nest) {
  // A convolution has loops that the inference below passes over.
  for (AffineMap map : nest.op.getIndexingMapsArray())
    if (!map.isProjectedPermutation(/*allowZeroInResults=*/true))
      return std::nullopt;
  auto dims = linalg::inferContractionDims(nest.op);
  if (failed(dims) || dims->k.empty())
    return std::nullopt;
  Roles roles;
  llvm::append_range(roles.outer, dims->batch);
  auto choose = [&](ArrayRef<unsigned> among, unsigned operand, unsigned other,
                    unsigned &chosen) {
    int best = -1;
    for (unsigned dim : among) {
      // A loop that runs once is taken where there is no other.
      int score = isConstantIntValue(nest.ranges[dim], 1)
                      ? 0
                      : 1 + 2 * (nest.accesses[operand].stride(dim) == 1) +
                            (nest.accesses[other].stride(dim) == 1);
      if (score >= best) {
        best = score;
        chosen = dim;
      }
    }
    for (unsigned dim : among)
      if (dim != chosen)
        roles.outer.push_back(dim);
    return !among.empty();
  };
  if (!choose(dims->m, 2, 0, roles.m) || !choose(dims->n, 2, 1, roles.n) ||
      !choose(dims->k, 0, 1, roles.k))
    return std::nullopt;
  // Vectors run along the columns: let C's unit stride be there.
  if (nest.accesses[2].stride(roles.n) != 1 &&
      nest.accesses[2].stride(roles.m) == 1) {
    std::swap(roles.a, roles.b);
    std::swap(roles.m, roles.n);
  }
  llvm::sort(roles.outer);
  return roles;
}

/// Whether the dimensions after `dim` lie in memory without gaps, so that
/// counting on through them is a step of the last one's stride.
static bool isPacked(Value buffer, unsigned dim) {
  auto type = cast<MemRefType>(buffer.getType());
  if (type.getLayout().isIdentity())
    return true;
  SmallVector<int64_t> strides;
  int64_t offset;
  bool known = succeeded(type.getStridesAndOffset(strides, offset));
  for (int64_t i = dim; known && i + 1 < type.getRank(); ++i)
    known = !ShapedType::isDynamic(strides[i]) && !type.isDynamicDim(i + 1) &&
            strides[i] == strides[i + 1] * type.getDimSize(i + 1);
  if (known)
    return true;
  // What a thread is given of a whole buffer.
  auto view = buffer.getDefiningOp<memref::SubViewOp>();
  if (!view || view.getSourceType().getRank() != type.getRank())
    return false;
  for (int64_t i = dim; i < type.getRank(); ++i) {
    if (!isConstantIntValue(view.getMixedStrides()[i], 1))
      return false;
    if (i == dim)
      continue;
    OpFoldResult size = view.getMixedSizes()[i];
    bool whole;
    if (auto fixed = getConstantIntValue(size)) {
      whole = *fixed == view.getSourceType().getDimSize(i);
    } else {
      auto of = cast<Value>(size).getDefiningOp<memref::DimOp>();
      whole = of && of.getSource() == view.getSource() &&
              of.getConstantIndex() == i;
    }
    if (!whole)
      return false;
  }
  return isPacked(view.getSource(), dim);
}

std::optional<Roles> stepwell::cpu::findWindowRoles(LoopNest &nest) {
  SmallVector<AffineMap> maps = nest.op.getIndexingMapsArray();
  auto plain = [](AffineMap map) { return map.isProjectedPermutation(); };
  Roles roles;
  roles.a = plain(maps[0]) ? 0 : 1;
  roles.b = 1 - roles.a;
  if (!plain(maps[roles.a]) || plain(maps[roles.b]) || !plain(maps[2]))
    return std::nullopt;

  auto kinds = nest.op.getIteratorTypesArray();
  auto moves = [&](unsigned operand, unsigned loop) {
    return maps[operand].isFunctionOfDim(loop);
  };
  auto isRow = [&](unsigned loop) {
    return moves(roles.a, loop) && moves(2, loop) && !moves(roles.b, loop);
  };
  auto isWindow = [&](unsigned loop) {
    return !moves(roles.a, loop) && moves(2, loop) && moves(roles.b, loop);
  };
  auto isSummed = [&](unsigned loop) {
    return moves(roles.a, loop) && !moves(2, loop) && moves(roles.b, loop);
  };
  // The last loops of an operand, as many as count on evenly.
  auto collect = [&](unsigned operand,
                     llvm::function_ref<bool(unsigned)> fits) {
    SmallVector<unsigned> parts;
    AffineMap map = maps[operand];
    Value buffer = nest.op->getOperand(operand);
    for (unsigned i = map.getNumResults(); i-- > 0;) {
      unsigned loop = map.getDimPosition(i);
      if (!fits(loop) || !isPacked(buffer, i))
        break;
      parts.insert(parts.begin(), loop);
    }
    return parts;
  };
  roles.kParts = collect(roles.a, isSummed);
  roles.nParts = collect(2, isWindow);
  if (roles.kParts.empty() || roles.nParts.empty())
    return std::nullopt;
  std::optional<unsigned> row;
  for (auto [loop, kind] : llvm::enumerate(kinds)) {
    bool reduces = kind == utils::IteratorType::reduction;
    if (reduces ? !isSummed(loop) : !moves(2, loop))
      return std::nullopt;
    if (isRow(loop))
      row = loop;
  }
  // A lone row (of a depthwise convolution) has nobody to share windows with.
  if (!row || isConstantIntValue(nest.ranges[*row], 1))
    return std::nullopt;
  roles.m = *row;
  for (unsigned loop = 0; loop < kinds.size(); ++loop)
    if (loop != roles.m && !llvm::is_contained(roles.kParts, loop) &&
        !llvm::is_contained(roles.nParts, loop))
      roles.outer.push_back(loop);

  auto unite = [&](SmallVector<unsigned> &parts, unsigned operand) {
    // A loop that runs once moves nothing, evenly or not.
    SmallVector<unsigned> moving;
    for (unsigned loop : parts)
      if (!isConstantIntValue(nest.ranges[loop], 1))
        moving.push_back(loop);
    if (!moving.empty())
      parts = moving;
    OpFoldResult range = nest.index().constant(1);
    for (unsigned loop : parts)
      range = nest.index().mul(range, nest.ranges[loop]);
    nest.ranges.push_back(range);
    nest.counters.push_back({});
    for (auto [i, access] : llvm::enumerate(nest.accesses))
      access.strides.push_back(i == operand ? access.strides[parts.back()]
                                            : nest.index().constant(0));
    return nest.ranges.size() - 1;
  };
  roles.k = unite(roles.kParts, roles.a);
  roles.n = unite(roles.nParts, 2);
  return roles;
}
