//===- ConvertArrayToLinalg.cpp - Array operations to linalg --------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Lowering/Passes.h"

#include "Elements.h"
#include "stepwell/Array/Array.h"
#include "stepwell/Array/ScalarBodies.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CONVERTARRAYTOLINALGPASS
#include "stepwell/Lowering/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;
using utils::IteratorType;

namespace {

Type elementOf(Value value) { return getElementTypeOrSelf(value.getType()); }
RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// A tensor whose dynamic sizes are `sizes`, in order; null entries stand for
/// static ones.
Value emptyTensor(OpBuilder &b, Location loc, RankedTensorType type,
                  ArrayRef<Value> sizes, Type element) {
  SmallVector<Value> dynamic;
  for (auto [i, size] : llvm::enumerate(type.getShape()))
    if (ShapedType::isDynamic(size))
      dynamic.push_back(sizes[i]);
  return tensor::EmptyOp::create(b, loc, type.getShape(), element, dynamic);
}

Value dimOf(OpBuilder &b, Location loc, Value tensor, int64_t dim) {
  return tensor::DimOp::create(b, loc, tensor, dim);
}

/// How an operand is read in loops over `result`, both aligned at the last
/// dimension: a dimension of size 1 stays at 0 while the result's moves.
AffineMap broadcastMap(RankedTensorType operand, RankedTensorType result) {
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

SmallVector<IteratorType> parallel(int64_t rank) {
  return SmallVector<IteratorType>(rank, IteratorType::parallel);
}

/// Reads `input` through `map` and stores it in the order of `type`.
Value moveElements(OpBuilder &b, Location loc, Value input, AffineMap map,
                   RankedTensorType type, ArrayRef<Value> sizes) {
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

/// Any operation with a `scalar` in its record.
struct ElementwisePattern : ConversionPattern {
  ElementwisePattern(const TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, ArrayRef<Value> operands,
                                ConversionPatternRewriter &b) const override {
    if (!array::isElementwise(op))
      return failure();
    Location loc = op->getLoc();
    RankedTensorType type = tensorType(op->getResult(0));
    int64_t rank = type.getRank();

    SmallVector<AffineMap> maps;
    SmallVector<Value> sizes(rank);
    for (Value operand : operands) {
      RankedTensorType from = tensorType(operand);
      maps.push_back(broadcastMap(from, type));
      int64_t offset = rank - from.getRank();
      for (int64_t i = 0; i < from.getRank(); ++i)
        if (!sizes[i + offset] && from.getDimSize(i) != 1 &&
            type.isDynamicDim(i + offset))
          sizes[i + offset] = dimOf(b, loc, operand, i);
    }
    maps.push_back(b.getMultiDimIdentityMap(rank));

    Type to = type.getElementType();
    Value init = emptyTensor(b, loc, type, sizes, storageType(to));
    // A cast converts what is stored; everything else computes in the compute
    // type.
    bool isCast = isa<array::CastOp>(op);
    bool accepted = true;
    auto generic = linalg::GenericOp::create(
        b, loc, init.getType(), operands, init, maps, parallel(rank),
        [&](OpBuilder &b, Location loc, ValueRange args) {
          SmallVector<Value> elements;
          for (auto [arg, operand] :
               llvm::zip(args, op->getOperands())) { // the init is left out
            Type element = elementOf(operand);
            bool asStored = isCast && isa<FloatType>(element);
            elements.push_back(asStored ? arg
                                        : loadElement(b, loc, arg, element));
          }
          Value result = array::buildScalarBody(b, loc, op, elements);
          accepted = bool(result);
          linalg::YieldOp::create(b, loc,
                                  accepted ? storeElement(b, loc, result, to)
                                           : args.back());
        });
    if (!accepted)
      return op->emitError("not defined for elements of type ")
             << elementOf(op->getOperands().back());
    b.replaceOp(op, generic);
    return success();
  }
};

struct ConstantPattern : OpConversionPattern<array::ConstantOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::ConstantOp op, OpAdaptor,
                                ConversionPatternRewriter &b) const override {
    TypedAttr value = op.getValue();
    Type element = elementOf(op), storage = storageType(element);
    if (storage != element) {
      auto dense = dyn_cast<DenseIntElementsAttr>(value);
      if (!dense)
        return op.emitError("expected dense elements");
      value = dense.mapValues(
          storage, [&](const APInt &bits) { return bits.zextOrTrunc(8); });
    }
    b.replaceOpWithNewOp<arith::ConstantOp>(op, value.getType(), value);
    return success();
  }
};

struct TransposePattern : OpConversionPattern<array::TransposeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::TransposeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    RankedTensorType type = tensorType(op.getResult());
    SmallVector<AffineExpr> exprs(type.getRank());
    SmallVector<Value> sizes(type.getRank());
    for (auto [i, from] : llvm::enumerate(op.getPermutation())) {
      exprs[from] = b.getAffineDimExpr(i);
      if (type.isDynamicDim(i))
        sizes[i] = dimOf(b, loc, input, from);
    }
    auto map = AffineMap::get(type.getRank(), 0, exprs, b.getContext());
    b.replaceOp(op, moveElements(b, loc, input, map, type, sizes));
    return success();
  }
};

struct BroadcastLikePattern : OpConversionPattern<array::BroadcastLikeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::BroadcastLikeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput(), like = adaptor.getLike();
    RankedTensorType type = tensorType(op.getResult());
    RankedTensorType from = tensorType(input), model = tensorType(like);
    int64_t rank = type.getRank();
    SmallVector<Value> sizes(rank);
    for (int64_t i = 0; i < rank; ++i)
      if (type.isDynamicDim(i))
        sizes[i] = model.isDynamicDim(i) ? dimOf(b, loc, like, i)
                                         : Value(arith::ConstantIndexOp::create(
                                               b, loc, model.getDimSize(i)));
    AffineMap map;
    if (op.getKeepdim()) {
      map = broadcastMap(from, type);
    } else {
      SmallVector<AffineExpr> exprs;
      for (int64_t i = 0; i < rank; ++i)
        if (!llvm::is_contained(op.getDims(), i)) {
          bool stays =
              from.getDimSize(exprs.size()) == 1 && type.getDimSize(i) != 1;
          exprs.push_back(stays ? b.getAffineConstantExpr(0)
                                : b.getAffineDimExpr(i));
        }
      map = AffineMap::get(rank, 0, exprs, b.getContext());
    }
    b.replaceOp(op, moveElements(b, loc, input, map, type, sizes));
    return success();
  }
};

/// A tensor of zeros to accumulate in: f32 for f16 and bf16.
Value zeros(OpBuilder &b, Location loc, RankedTensorType type,
            ArrayRef<Value> sizes) {
  Type element = computeType(type.getElementType());
  Value init = emptyTensor(b, loc, type, sizes, element);
  Value zero =
      arith::ConstantOp::create(b, loc, element, b.getZeroAttr(element));
  return linalg::FillOp::create(b, loc, zero, init).getResult(0);
}

/// From the accumulator's element type to the stored one.
Value roundAccumulator(OpBuilder &b, Location loc, Value value,
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

/// `reduced` with a dimension of size 1 at each of `dims`.
Value keepDims(OpBuilder &b, Location loc, Value reduced, RankedTensorType type,
               ArrayRef<int64_t> dims, ArrayRef<Value> sizes) {
  SmallVector<OpFoldResult> outputSizes;
  for (auto [i, size] : llvm::enumerate(type.getShape()))
    outputSizes.push_back(ShapedType::isDynamic(size) ? OpFoldResult(sizes[i])
                                                      : b.getIndexAttr(size));
  // Each kept dimension takes the ones before it along, the last takes the
  // rest.
  SmallVector<ReassociationIndices> groups;
  ReassociationIndices group;
  for (int64_t i = 0; i < type.getRank(); ++i) {
    group.push_back(i);
    if (!llvm::is_contained(dims, i)) {
      groups.push_back(group);
      group.clear();
    }
  }
  if (!groups.empty())
    groups.back().append(group);
  auto stored = type.clone(elementOf(reduced));
  return tensor::ExpandShapeOp::create(b, loc, stored, reduced, groups,
                                       outputSizes);
}

struct SumPattern : OpConversionPattern<array::SumOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::SumOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    RankedTensorType from = tensorType(op.getInput());
    Type element = from.getElementType();
    if (element.isInteger(1))
      return op.emitError("bool is summed as i64: cast it before");

    auto iterators = parallel(from.getRank());
    SmallVector<AffineExpr> exprs;
    SmallVector<int64_t> shape;
    SmallVector<Value> sizes, keptSizes(from.getRank());
    for (int64_t i = 0; i < from.getRank(); ++i) {
      if (llvm::is_contained(op.getDims(), i)) {
        iterators[i] = IteratorType::reduction;
        continue;
      }
      exprs.push_back(b.getAffineDimExpr(i));
      shape.push_back(from.getDimSize(i));
      if (from.isDynamicDim(i))
        keptSizes[i] = dimOf(b, loc, input, i);
      sizes.push_back(keptSizes[i]);
    }
    auto reduced = RankedTensorType::get(shape, element);
    AffineMap maps[] = {
        b.getMultiDimIdentityMap(from.getRank()),
        AffineMap::get(from.getRank(), 0, exprs, b.getContext())};
    Value init = zeros(b, loc, reduced, sizes);
    Value sum =
        linalg::GenericOp::create(
            b, loc, init.getType(), input, init, maps, iterators,
            [&](OpBuilder &b, Location loc, ValueRange args) {
              Value value = loadElement(b, loc, args[0], element);
              Value total =
                  isa<FloatType>(value.getType())
                      ? Value(arith::AddFOp::create(b, loc, args[1], value))
                      : Value(arith::AddIOp::create(b, loc, args[1], value));
              linalg::YieldOp::create(b, loc, total);
            })
            .getResult(0);
    sum = roundAccumulator(b, loc, sum, reduced, sizes);
    if (op.getKeepdim())
      sum = keepDims(b, loc, sum, tensorType(op.getResult()), op.getDims(),
                     keptSizes);
    b.replaceOp(op, sum);
    return success();
  }
};

struct MatmulPattern : OpConversionPattern<array::MatmulOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(array::MatmulOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value lhs = adaptor.getInput(), rhs = adaptor.getOther();
    RankedTensorType type = tensorType(op.getResult());
    Type element = type.getElementType();
    if (element.isInteger(1))
      return op.emitError("a matrix product of bool is not defined");
    int64_t rank = type.getRank();

    SmallVector<Value> sizes(rank);
    auto take = [&](Value operand, int64_t dim, int64_t resultDim) {
      if (type.isDynamicDim(resultDim) && !sizes[resultDim] &&
          tensorType(operand).getDimSize(dim) != 1)
        sizes[resultDim] = dimOf(b, loc, operand, dim);
    };
    for (Value operand : {lhs, rhs}) {
      int64_t operandRank = tensorType(operand).getRank();
      for (int64_t i = 0; i < operandRank - 2; ++i)
        take(operand, i, rank - operandRank + i);
    }
    // A row or column count of 1 does not broadcast.
    if (type.isDynamicDim(rank - 2))
      sizes[rank - 2] = dimOf(b, loc, lhs, tensorType(lhs).getRank() - 2);
    if (type.isDynamicDim(rank - 1))
      sizes[rank - 1] = dimOf(b, loc, rhs, tensorType(rhs).getRank() - 1);

    Value init = zeros(b, loc, type, sizes);
    Value result;
    if (rank == 2) {
      result = linalg::MatmulOp::create(b, loc, init.getType(),
                                        ValueRange{lhs, rhs}, init)
                   .getResult(0);
    } else if (rank == 3 && sameBatch(lhs, rhs, type)) {
      result = linalg::BatchMatmulOp::create(b, loc, init.getType(),
                                             ValueRange{lhs, rhs}, init)
                   .getResult(0);
    } else {
      result = contraction(b, loc, lhs, rhs, init, element);
    }
    b.replaceOp(op, roundAccumulator(b, loc, result, type, sizes));
    return success();
  }

private:
  static bool sameBatch(Value lhs, Value rhs, RankedTensorType type) {
    return llvm::all_of(ArrayRef{lhs, rhs}, [&](Value operand) {
      RankedTensorType from = tensorType(operand);
      return from.getRank() == 3 &&
             (from.getDimSize(0) != 1 || type.getDimSize(0) == 1);
    });
  }

  /// Loops: the batch dimensions, m, n, k.
  static Value contraction(OpBuilder &b, Location loc, Value lhs, Value rhs,
                           Value init, Type element) {
    RankedTensorType type = tensorType(init);
    int64_t rank = type.getRank();
    AffineExpr m = b.getAffineDimExpr(rank - 2),
               n = b.getAffineDimExpr(rank - 1), k = b.getAffineDimExpr(rank);
    auto operandMap = [&](Value operand, AffineExpr row, AffineExpr column) {
      RankedTensorType from = tensorType(operand);
      int64_t offset = rank - from.getRank();
      SmallVector<AffineExpr> exprs;
      for (int64_t i = 0; i < from.getRank() - 2; ++i) {
        bool stays =
            from.getDimSize(i) == 1 && type.getDimSize(i + offset) != 1;
        exprs.push_back(stays ? b.getAffineConstantExpr(0)
                              : b.getAffineDimExpr(i + offset));
      }
      exprs.append({row, column});
      return AffineMap::get(rank + 1, 0, exprs, b.getContext());
    };
    AffineMap maps[] = {operandMap(lhs, m, k), operandMap(rhs, k, n),
                        b.getMultiDimIdentityMap(rank + 1).dropResult(rank)};
    auto iterators = parallel(rank);
    iterators.push_back(IteratorType::reduction);
    return linalg::GenericOp::create(
               b, loc, type, ValueRange{lhs, rhs}, init, maps, iterators,
               [&](OpBuilder &b, Location loc, ValueRange args) {
                 Value x = loadElement(b, loc, args[0], element);
                 Value y = loadElement(b, loc, args[1], element);
                 Value sum;
                 if (isa<FloatType>(x.getType())) {
                   Value product = arith::MulFOp::create(b, loc, x, y);
                   sum = arith::AddFOp::create(b, loc, args[2], product);
                 } else {
                   Value product = arith::MulIOp::create(b, loc, x, y);
                   sum = arith::AddIOp::create(b, loc, args[2], product);
                 }
                 linalg::YieldOp::create(b, loc, sum);
               })
        .getResult(0);
  }
};

struct ConvertArrayToLinalg
    : stepwell::impl::ConvertArrayToLinalgPassBase<ConvertArrayToLinalg> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    TypeConverter converter;
    converter.addConversion([](Type type) { return type; });
    converter.addConversion([](RankedTensorType type) -> Type {
      return type.clone(storageType(type.getElementType()));
    });

    RewritePatternSet patterns(context);
    patterns.add<ConstantPattern, TransposePattern, BroadcastLikePattern,
                 SumPattern, MatmulPattern, ElementwisePattern>(converter,
                                                                context);
    populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns,
                                                                   converter);
    populateReturnOpTypeConversionPattern(patterns, converter);

    ConversionTarget target(*context);
    target.addIllegalDialect<array::ArrayDialect>();
    target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp op) {
      return converter.isSignatureLegal(op.getFunctionType()) &&
             converter.isLegal(&op.getBody());
    });
    target.markUnknownOpDynamicallyLegal([&](Operation *op) {
      return !isa<func::ReturnOp>(op) || converter.isLegal(op);
    });
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
