//===- PatternSupport.cpp - What lowering patterns share ------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "PatternSupport.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace stepwell;
using utils::IteratorType;

Value stepwell::emptyTensor(OpBuilder &b, Location loc, RankedTensorType type,
                            ArrayRef<Value> sizes, Type element) {
  SmallVector<Value> dynamic;
  for (auto [i, size] : llvm::enumerate(type.getShape()))
    if (ShapedType::isDynamic(size))
      dynamic.push_back(sizes[i]);
  return tensor::EmptyOp::create(b, loc, type.getShape(), element, dynamic);
}

Value stepwell::dimOf(OpBuilder &b, Location loc, Value tensor, int64_t dim) {
  // Of what is there for its sizes they are known.
  if (auto empty = tensor.getDefiningOp<tensor::EmptyOp>())
    if (tensorType(tensor).isDynamicDim(dim))
      return empty.getDynamicSize(dim);
  return tensor::DimOp::create(b, loc, tensor, dim);
}

SmallVector<Value> stepwell::sizesLike(OpBuilder &b, Location loc,
                                       RankedTensorType type, Value like) {
  RankedTensorType model = tensorType(like);
  SmallVector<Value> sizes(type.getRank());
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (type.isDynamicDim(i))
      sizes[i] = model.isDynamicDim(i) ? dimOf(b, loc, like, i)
                                       : Value(arith::ConstantIndexOp::create(
                                             b, loc, model.getDimSize(i)));
  return sizes;
}

AffineMap stepwell::broadcastMap(RankedTensorType operand,
                                 RankedTensorType result) {
  MLIRContext *context = operand.getContext();
  int64_t rank = result.getRank(), offset = rank - operand.getRank();
  SmallVector<AffineExpr> exprs;
  for (int64_t i = 0; i < operand.getRank(); ++i) {
    bool stays =
        operand.getDimSize(i) == 1 && result.getDimSize(i + offset) != 1;
    exprs.push_back(stays ? getAffineConstantExpr(0, context)
                          : getAffineDimExpr(i + offset, context));
  }
  return AffineMap::get(rank, 0, exprs, context);
}

SmallVector<IteratorType> stepwell::parallel(int64_t rank) {
  return SmallVector<IteratorType>(rank, IteratorType::parallel);
}

Value stepwell::moveElements(OpBuilder &b, Location loc, Value input,
                             AffineMap map, RankedTensorType type,
                             ArrayRef<Value> sizes) {
  Value init = emptyTensor(b, loc, type, sizes, elementOf(input));
  int64_t rank = type.getRank();
  AffineMap maps[] = {map, b.getMultiDimIdentityMap(rank)};
  return linalg::GenericOp::create(
             b, loc, init.getType(), input, init, maps, parallel(rank),
             [](OpBuilder &b, Location loc, ValueRange args) {
               linalg::YieldOp::create(b, loc, args[0]);
             })
      .getResult(0);
}

Value stepwell::filled(OpBuilder &b, Location loc, RankedTensorType type,
                       ArrayRef<Value> sizes, Value value) {
  Value init = emptyTensor(b, loc, type, sizes, value.getType());
  return linalg::FillOp::create(b, loc, value, init).getResult(0);
}

Value stepwell::zeros(OpBuilder &b, Location loc, RankedTensorType type,
                      ArrayRef<Value> sizes) {
  Type element = computeType(type.getElementType());
  Value zero =
      arith::ConstantOp::create(b, loc, element, b.getZeroAttr(element));
  return filled(b, loc, type, sizes, zero);
}

Value stepwell::roundAccumulator(OpBuilder &b, Location loc, Value value,
                                 RankedTensorType type, ArrayRef<Value> sizes) {
  Type element = storageType(type.getElementType());
  if (elementOf(value) == element)
    return value;
  int64_t rank = type.getRank();
  Value init = emptyTensor(b, loc, type, sizes, element);
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  return linalg::GenericOp::create(
             b, loc, init.getType(), value, init, {identity, identity},
             parallel(rank),
             [&](OpBuilder &b, Location loc, ValueRange args) {
               Value rounded =
                   storeElement(b, loc, args[0], type.getElementType());
               linalg::YieldOp::create(b, loc, rounded);
             })
      .getResult(0);
}

Value stepwell::fromInteger(OpBuilder &b, Location loc, Value number,
                            Type element) {
  if (element.isInteger(1)) {
    Value zero = arith::ConstantIntOp::create(b, loc, 0, 64);
    Value set =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, number, zero);
    return storeElement(b, loc, set, element);
  }
  if (isa<FloatType>(element)) {
    Type compute = computeType(element);
    Value value = arith::SIToFPOp::create(b, loc, compute, number);
    return storeElement(b, loc, value, element);
  }
  Type type = storageType(element);
  if (type == number.getType())
    return number;
  return arith::TruncIOp::create(b, loc, type, number);
}

static Value carryInside(
    OpBuilder &b, Location loc, ArrayRef<Value> sizes,
    SmallVectorImpl<Value> &at, Value carried,
    llvm::function_ref<Value(OpBuilder &, Location, ValueRange, Value)> body) {
  if (at.size() == sizes.size())
    return body(b, loc, at, carried);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  auto loop = scf::ForOp::create(b, loc, zero, sizes[at.size()], one, carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  at.push_back(loop.getInductionVar());
  Value next = carryInside(b, loc, sizes, at, loop.getRegionIterArg(0), body);
  scf::YieldOp::create(b, loc, next);
  at.pop_back();
  return loop.getResult(0);
}

Value stepwell::carryLoops(
    OpBuilder &b, Location loc, ArrayRef<Value> sizes, Value init,
    llvm::function_ref<Value(OpBuilder &, Location, ValueRange, Value)> body) {
  SmallVector<Value> at;
  return carryInside(b, loc, sizes, at, init, body);
}
