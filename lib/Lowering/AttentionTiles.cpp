//===- AttentionTiles.cpp - What attention in tiles is made of ------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AttentionTiles.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace mlir;
using namespace stepwell;
using utils::IteratorType;

AttentionTiles::AttentionTiles(OpBuilder &b, Location loc, Type element,
                               AttentionMask mask)
    : b(b), loc(loc), s(b, loc), element(element), wide(computeType(element)),
      mask(mask) {}

OpFoldResult AttentionTiles::divide(Size x, Size by) {
  if (isConstantIntValue(by, 1))
    return x;
  return arith::DivUIOp::create(b, loc, s.value(x), s.value(by)).getResult();
}

OpFoldResult AttentionTiles::remainder(Size x, Size by) {
  if (isConstantIntValue(by, 1))
    return s.constant(0);
  return arith::RemUIOp::create(b, loc, s.value(x), s.value(by)).getResult();
}

OpFoldResult AttentionTiles::piece(Size total, Size begin, int64_t size) {
  if (auto known = getConstantIntValue(total)) {
    if (*known % size == 0)
      return s.constant(size);
    if (*known < size)
      return total;
  }
  return arith::MinSIOp::create(b, loc, s.value(s.constant(size)),
                                s.value(s.sub(total, begin)))
      .getResult();
}

//===--- Places -----------------------------------------------------------===//

Value AttentionTiles::window(Value tensor, Size begin, Size count) {
  Size one = s.constant(1);
  SmallVector<Size> offsets{place[0], place[1], begin}, sizes{one, one, count};
  SmallVector<int64_t> shape{
      getConstantIntValue(count).value_or(ShapedType::kDynamic)};
  if (tensorType(tensor).getRank() == 4) {
    offsets.push_back(s.constant(0));
    sizes.push_back(s.of(tensor, 3));
    shape.push_back(tensorType(tensor).getDimSize(3));
  }
  SmallVector<Size> steps(sizes.size(), one);
  auto type = RankedTensorType::get(shape, elementOf(tensor));
  return tensor::ExtractSliceOp::create(b, loc, type, tensor, offsets, sizes,
                                        steps);
}

void AttentionTiles::insertWindow(Value rows, Value into, Size begin,
                                  Size count) {
  Size one = s.constant(1);
  SmallVector<Size> offsets{place[0], place[1], begin}, sizes{one, one, count};
  if (tensorType(into).getRank() == 4) {
    offsets.push_back(s.constant(0));
    sizes.push_back(s.of(into, 3));
  }
  SmallVector<Size> steps(sizes.size(), one);
  tensor::ParallelInsertSliceOp::create(b, loc, rows, into, offsets, sizes,
                                        steps);
}

Value AttentionTiles::buffer(ArrayRef<int64_t> sizes) {
  return bufferization::AllocTensorOp::create(
      b, loc, RankedTensorType::get(sizes, wide), ValueRange());
}

Value AttentionTiles::scratch(ArrayRef<int64_t> most, ArrayRef<Size> sizes) {
  return part(buffer(most), sizes);
}

Value AttentionTiles::part(Value whole, ArrayRef<Size> sizes) {
  return part(whole, SmallVector<Size>(sizes.size(), s.constant(0)), sizes);
}

Value AttentionTiles::part(Value whole, ArrayRef<Size> offsets,
                           ArrayRef<Size> sizes) {
  SmallVector<Size> ones(sizes.size(), s.constant(1));
  return tensor::ExtractSliceOp::create(b, loc, whole, llvm::to_vector(offsets),
                                        llvm::to_vector(sizes), ones);
}

//===--- Arithmetic -------------------------------------------------------===//

Value AttentionTiles::constant(TypedAttr value) {
  return arith::ConstantOp::create(b, loc, value);
}

Value AttentionTiles::number(double value) {
  return constant(b.getFloatAttr(wide, value));
}

Value AttentionTiles::fill(TypedAttr with, Value to) {
  return linalg::FillOp::create(b, loc, constant(with), to).getResult(0);
}

Value AttentionTiles::fillZero(Value to) {
  return fill(b.getFloatAttr(wide, 0), to);
}

Value AttentionTiles::generic(ValueRange inputs, Value to,
                              ArrayRef<AffineMap> maps,
                              ArrayRef<IteratorType> iterators, Body body) {
  return linalg::GenericOp::create(
             b, loc, to.getType(), inputs, to, maps, iterators,
             [&](OpBuilder &b, Location loc, ValueRange args) {
               linalg::YieldOp::create(b, loc, body(b, loc, args));
             })
      .getResult(0);
}

AffineMap AttentionTiles::map(unsigned loops, ArrayRef<unsigned> dims) {
  SmallVector<AffineExpr> exprs;
  for (unsigned dim : dims)
    exprs.push_back(b.getAffineDimExpr(dim));
  return AffineMap::get(loops, 0, exprs, b.getContext());
}

Value AttentionTiles::load(OpBuilder &b, Location loc, Value stored) {
  return loadElement(b, loc, stored, element);
}

Value AttentionTiles::widened(Value matrix, Value to) {
  if (element == wide)
    return matrix;
  return generic(matrix, to, {map(2, {0, 1}), map(2, {0, 1})}, parallel(2),
                 [&](OpBuilder &b, Location loc, ValueRange args) {
                   return load(b, loc, args[0]);
                 });
}

Value AttentionTiles::addProduct(Value a, Value other, Value to,
                                 bool transposed) {
  if (!transposed)
    return linalg::MatmulOp::create(b, loc, to.getType(), ValueRange{a, other},
                                    to)
        .getResult(0);
  return generic(
      ValueRange{a, other}, to,
      {map(3, {2, 0}), map(3, {2, 1}), map(3, {0, 1})},
      {IteratorType::parallel, IteratorType::parallel, IteratorType::reduction},
      [](OpBuilder &b, Location loc, ValueRange args) {
        Value product = arith::MulFOp::create(b, loc, args[0], args[1]);
        return arith::AddFOp::create(b, loc, args[2], product).getResult();
      });
}

Value AttentionTiles::weight(OpBuilder &b, Location loc, Value score,
                             Value largest) {
  Value distance = arith::SubFOp::create(b, loc, score, largest);
  if (!mask.tensor && !mask.causal)
    return math::ExpOp::create(b, loc, distance);
  // Of keys that are left out nothing is computed that would be subnormal,
  // which takes far longer than all else. Others as small do not count either.
  const llvm::fltSemantics &format = cast<FloatType>(wide).getFloatSemantics();
  double least = llvm::APFloat::getSmallestNormalized(format).convertToDouble();
  auto value = [&](double x) -> Value {
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(wide, x));
  };
  Value none =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, distance,
                            value(std::ceil(std::log(least))));
  Value zero = value(0);
  distance = arith::SelectOp::create(b, loc, none, zero, distance);
  Value made = math::ExpOp::create(b, loc, distance);
  return arith::SelectOp::create(b, loc, none, zero, made);
}

//===--- Masks ------------------------------------------------------------===//

static Value lowest(OpBuilder &b, Location loc, Type type) {
  const llvm::fltSemantics &format = cast<FloatType>(type).getFloatSemantics();
  return arith::ConstantOp::create(
      b, loc,
      b.getFloatAttr(type, llvm::APFloat::getInf(format, /*Negative=*/true)));
}

Value AttentionTiles::maskedScore(OpBuilder &b, Location loc, Value score,
                                  Value given) {
  given = loadElement(b, loc, given, mask.element);
  if (!mask.element.isInteger(1))
    return arith::AddFOp::create(b, loc, score, given);
  return arith::SelectOp::create(b, loc, given, score, lowest(b, loc, wide));
}

std::pair<Value, AffineMap>
AttentionTiles::maskWindow(Order order, Size firstQuery, Size queries,
                           Size firstKey, Size keys) {
  Size one = s.constant(1), zero = s.constant(0);
  RankedTensorType type = tensorType(mask.tensor);
  auto along = [&](int64_t dim, Size at) {
    return type.getDimSize(dim) == 1 ? zero : at;
  };
  // What is the same for all queries is a vector: nothing is read per score.
  bool perKey = type.getDimSize(2) == 1;
  SmallVector<Size> offsets{along(0, place[0]), along(1, place[1]),
                            along(2, firstQuery), firstKey},
      sizes{one, one, perKey ? one : queries, keys}, steps(4, one);
  auto known = [](Size size) {
    return getConstantIntValue(size).value_or(ShapedType::kDynamic);
  };
  SmallVector<int64_t> shape{known(keys)};
  if (!perKey)
    shape.insert(shape.begin(), known(queries));
  Value tile = tensor::ExtractSliceOp::create(
      b, loc, RankedTensorType::get(shape, elementOf(mask.tensor)), mask.tensor,
      offsets, sizes, steps);
  unsigned query = order == Order::KeyQuery ? 1 : 0;
  return {tile, perKey ? map(2, {1 - query}) : map(2, {query, 1 - query})};
}

Value AttentionTiles::cutCausal(Value scores, Order order, Size firstQuery,
                                Size firstKey, Size keys) {
  // Blocks below the diagonal are seen as a whole.
  Value last = s.value(s.sub(s.add(firstKey, keys), s.constant(1)));
  Value crosses = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, last,
                                        s.value(firstQuery));
  auto branch = scf::IfOp::create(b, loc, scores.getType(), crosses,
                                  /*withElse=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, loc, scores);
  b.setInsertionPointToStart(branch.thenBlock());
  Value ahead = s.value(s.sub(firstQuery, firstKey));
  unsigned query = order == Order::KeyQuery ? 1 : 0;
  AffineMap square = map(2, {0, 1});
  Value cut = generic(scores, scores, {square, square}, parallel(2),
                      [&](OpBuilder &b, Location loc, ValueRange args) {
                        Value key = linalg::IndexOp::create(b, loc, 1 - query);
                        Value at = linalg::IndexOp::create(b, loc, query);
                        Value limit = arith::AddIOp::create(b, loc, at, ahead);
                        Value later = arith::CmpIOp::create(
                            b, loc, arith::CmpIPredicate::sgt, key, limit);
                        return arith::SelectOp::create(
                                   b, loc, later, lowest(b, loc, wide), args[0])
                            .getResult();
                      });
  scf::YieldOp::create(b, loc, cut);
  return branch.getResult(0);
}
