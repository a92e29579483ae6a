//===- StructurePatterns.cpp - Elements moved or made ---------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ArrayPatterns.h"
#include "PatternSupport.h"

#include "stepwell/Array/Array.h"
#include "stepwell/Semantics/HostExpression.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;
using namespace stepwell;
using utils::IteratorType;

namespace {

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

/// What only a derivative tells from its first operand.
template <typename Op> struct ForwardPattern : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    b.replaceOp(op, adaptor.getInput());
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
    RankedTensorType from = tensorType(input);
    int64_t rank = type.getRank();
    SmallVector<Value> sizes = sizesLike(b, loc, type, like);
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

/// The sizes of a tensor as a mixed list.
SmallVector<OpFoldResult> mixedSizes(OpBuilder &b, Location loc, Value tensor) {
  return tensor::getMixedSizes(b, loc, tensor);
}

struct IotaPattern : OpConversionPattern<array::IotaOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::IotaOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    RankedTensorType type = tensorType(op.getResult());
    Type element = type.getElementType();
    SmallVector<Value> sizes = sizesLike(b, loc, type, adaptor.getLike());
    Value init = emptyTensor(b, loc, type, sizes, storageType(element));
    b.replaceOpWithNewOp<linalg::GenericOp>(
        op, init.getType(), ValueRange(), init,
        b.getMultiDimIdentityMap(type.getRank()), parallel(type.getRank()),
        [&](OpBuilder &b, Location loc, ValueRange) {
          Value index = linalg::IndexOp::create(b, loc, op.getDim());
          Value number =
              arith::IndexCastOp::create(b, loc, b.getI64Type(), index);
          linalg::YieldOp::create(b, loc, fromInteger(b, loc, number, element));
        });
    return success();
  }
};

/// full and broadcast: the operand is read through a broadcasting map.
template <typename Op> struct BroadcastToPattern : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Value input = adaptor.getOperands().front();
    RankedTensorType type = tensorType(op.getResult());
    SmallVector<Value> sizes(type.getRank());
    b.replaceOp(op, moveElements(b, op.getLoc(), input,
                                 broadcastMap(tensorType(input), type), type,
                                 sizes));
    return success();
  }
};

/// The same elements with other sizes, by way of one dimension.
Value reshapeTo(OpBuilder &b, Location loc, Value input, RankedTensorType type,
                ArrayRef<Value> sizes) {
  RankedTensorType from = tensorType(input);
  Type element = elementOf(input);
  if (from.hasStaticShape() && type.hasStaticShape() &&
      from.getShape() == type.getShape())
    return input;
  ReassociationIndices all;
  for (int64_t i = 0; i < from.getRank(); ++i)
    all.push_back(i);
  Value flat = input;
  if (from.getRank() > 1)
    flat = tensor::CollapseShapeOp::create(b, loc, flat,
                                           ArrayRef<ReassociationIndices>{all});
  if (type.getRank() == 0) {
    if (from.getRank() == 0)
      return flat;
    auto one = RankedTensorType::get({1}, element);
    if (flat.getType() != one)
      flat = tensor::CastOp::create(b, loc, one, flat);
    return tensor::CollapseShapeOp::create(
        b, loc, RankedTensorType::get({}, element), flat,
        ArrayRef<ReassociationIndices>());
  }
  SmallVector<OpFoldResult> outputSizes;
  for (auto [i, size] : llvm::enumerate(type.getShape()))
    outputSizes.push_back(ShapedType::isDynamic(size) ? OpFoldResult(sizes[i])
                                                      : b.getIndexAttr(size));
  ReassociationIndices groups;
  for (int64_t i = 0; i < type.getRank(); ++i)
    groups.push_back(i);
  auto stored = RankedTensorType::get(type.getShape(), element);
  if (from.getRank() == 0)
    return tensor::ExpandShapeOp::create(
        b, loc, stored, flat, ArrayRef<ReassociationIndices>(), outputSizes);
  RankedTensorType flatType = tensorType(flat);
  // What is known on one side only is told to the other.
  int64_t count =
      stored.hasStaticShape() ? stored.getNumElements() : ShapedType::kDynamic;
  if (flatType.getDimSize(0) != count)
    flat = tensor::CastOp::create(
        b, loc, RankedTensorType::get({count}, element), flat);
  if (type.getRank() == 1)
    return flat;
  return tensor::ExpandShapeOp::create(b, loc, stored, flat,
                                       ArrayRef<ReassociationIndices>{groups},
                                       outputSizes);
}

struct ReshapePattern : OpConversionPattern<array::ReshapeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::ReshapeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    RankedTensorType type = tensorType(op.getResult());
    SmallVector<Value> sizes(type.getRank());
    for (auto [i, size] : llvm::enumerate(op.getSizes()))
      if (size < 0 && size != ShapedType::kDynamic)
        sizes[i] = dimOf(b, loc, input, -1 - size);
    for (auto [i, size] : llvm::enumerate(op.getSizes()))
      if (size == ShapedType::kDynamic && type.isDynamicDim(i))
        sizes[i] = leftOf(b, loc, input, op.getSizes(), sizes);
    b.replaceOp(op, reshapeTo(b, loc, input, type, sizes));
    return success();
  }

private:
  /// What the other sizes leave of the input's elements.
  static Value leftOf(OpBuilder &b, Location loc, Value input,
                      ArrayRef<int64_t> known, ArrayRef<Value> sizes) {
    auto times = [&](Value a, Value c) -> Value {
      return arith::MulIOp::create(b, loc, a, c);
    };
    Value one = arith::ConstantIndexOp::create(b, loc, 1), count = one,
          rest = one;
    for (int64_t i = 0; i < tensorType(input).getRank(); ++i)
      count = times(count, dimOf(b, loc, input, i));
    for (auto [i, size] : llvm::enumerate(known))
      if (size != ShapedType::kDynamic)
        rest = times(
            rest,
            sizes[i]
                ? sizes[i]
                : arith::ConstantIndexOp::create(b, loc, size).getResult());
    // Where the others leave nothing, the call was refused.
    rest = arith::MaxUIOp::create(b, loc, rest, one);
    return arith::DivUIOp::create(b, loc, count, rest);
  }
};

struct ReshapeLikePattern : OpConversionPattern<array::ReshapeLikeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::ReshapeLikeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    RankedTensorType type = tensorType(op.getResult());
    SmallVector<Value> sizes =
        sizesLike(b, op.getLoc(), type, adaptor.getLike());
    b.replaceOp(op, reshapeTo(b, op.getLoc(), adaptor.getInput(), type, sizes));
    return success();
  }
};

struct FlipPattern : OpConversionPattern<array::FlipOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::FlipOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    RankedTensorType type = tensorType(op.getResult());
    int64_t rank = type.getRank();
    SmallVector<Value> sizes = sizesLike(b, loc, type, input);
    Value init =
        emptyTensor(b, loc, type, sizes, storageType(type.getElementType()));
    SmallVector<Value> last(rank);
    Value one = arith::ConstantIndexOp::create(b, loc, 1);
    for (int64_t dim : op.getDims())
      last[dim] = arith::SubIOp::create(b, loc, dimOf(b, loc, input, dim), one);
    b.replaceOpWithNewOp<linalg::GenericOp>(
        op, init.getType(), ValueRange(), init, b.getMultiDimIdentityMap(rank),
        parallel(rank), [&](OpBuilder &b, Location loc, ValueRange) {
          SmallVector<Value> at;
          for (int64_t i = 0; i < rank; ++i) {
            Value index = linalg::IndexOp::create(b, loc, i);
            at.push_back(
                last[i]
                    ? arith::SubIOp::create(b, loc, last[i], index).getResult()
                    : index);
          }
          Value element = tensor::ExtractOp::create(b, loc, input, at);
          linalg::YieldOp::create(b, loc, element);
        });
    return success();
  }
};

/// The sizes are computed; the elements are nobody's.
struct EmptyPattern : OpConversionPattern<array::EmptyOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::EmptyOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    RankedTensorType type = tensorType(op.getResult());
    SmallVector<std::pair<Value, int64_t>> words; // which size of which tensor
    for (Value operand : adaptor.getOf())
      for (int64_t i = 0; i < tensorType(operand).getRank(); ++i)
        words.emplace_back(operand, i);
    ErrorOr<std::vector<HostExpression>> given =
        parseSizes(op.getSizes().str(), words.size());
    if (!given)
      return op.emitOpError(given.error().message);
    SmallVector<Value> sizes(type.getRank());
    for (auto [i, size] : llvm::enumerate(*given))
      if (type.isDynamicDim(i))
        sizes[i] = compute(b, loc, size, words);
    b.replaceOp(op, emptyTensor(b, loc, type, sizes,
                                storageType(type.getElementType())));
    return success();
  }

private:
  static Value compute(OpBuilder &b, Location loc, const HostExpression &size,
                       ArrayRef<std::pair<Value, int64_t>> words) {
    using Word = HostExpression::Word;
    using Predicate = arith::CmpIPredicate;
    SmallVector<Value> stack;
    auto constant = [&](int64_t number) -> Value {
      return arith::ConstantIndexOp::create(b, loc, number);
    };
    auto isSet = [&](Predicate relation, Value x, Value y) -> Value {
      return arith::CmpIOp::create(b, loc, relation, x, y);
    };
    auto choose = [&](Value condition, Value yes, Value no) -> Value {
      return arith::SelectOp::create(b, loc, condition, yes, no);
    };
    auto minus = [&](Value x, Value y) -> Value {
      return arith::SubIOp::create(b, loc, x, y);
    };
    auto times = [&](Value x, Value y) -> Value {
      return arith::MulIOp::create(b, loc, x, y);
    };
    // By 0 only where the call was refused.
    auto divide = [&](Value x, Value &y) -> Value {
      if (!getConstantIntValue(y))
        y = choose(isSet(Predicate::eq, y, constant(0)), constant(1), y);
      return arith::DivSIOp::create(b, loc, x, y);
    };
    auto floorDivide = [&](Value x, Value &y) {
      Value quotient = divide(x, y);
      Value rest = minus(x, times(quotient, y));
      return choose(isSet(Predicate::slt, times(rest, y), constant(0)),
                    minus(quotient, constant(1)), quotient);
    };
    for (const HostExpression::Step &step : size.words()) {
      if (step.word == Word::Value || step.word == Word::Constant) {
        int64_t number = std::get<int64_t>(step.operand);
        stack.push_back(
            step.word == Word::Constant
                ? constant(number)
                : dimOf(b, loc, words[number].first, words[number].second));
        continue;
      }
      Value y = stack.pop_back_val();
      if (step.word == Word::Negate) {
        stack.push_back(minus(constant(0), y));
        continue;
      }
      Value x = stack.pop_back_val();
      auto compare = [&](Predicate relation) {
        stack.push_back(
            choose(isSet(relation, x, y), constant(1), constant(0)));
      };
      switch (step.word) {
      case Word::Add:
        stack.push_back(arith::AddIOp::create(b, loc, x, y));
        break;
      case Word::Subtract:
        stack.push_back(minus(x, y));
        break;
      case Word::Multiply:
        stack.push_back(times(x, y));
        break;
      case Word::Divide:
        stack.push_back(divide(x, y));
        break;
      case Word::FloorDivide:
        stack.push_back(floorDivide(x, y));
        break;
      case Word::Modulo: {
        Value quotient = floorDivide(x, y);
        stack.push_back(minus(x, times(quotient, y)));
        break;
      }
      case Word::Equal:
        compare(Predicate::eq);
        break;
      case Word::Unequal:
        compare(Predicate::ne);
        break;
      case Word::Less:
        compare(Predicate::slt);
        break;
      case Word::LessEqual:
        compare(Predicate::sle);
        break;
      case Word::Greater:
        compare(Predicate::sgt);
        break;
      case Word::GreaterEqual:
        compare(Predicate::sge);
        break;
      default: { // Choose: parseSizes refuses what is left
        Value condition = stack.pop_back_val();
        stack.push_back(
            choose(isSet(Predicate::ne, condition, constant(0)), x, y));
      }
      }
    }
    return stack.front();
  }
};

/// Where a slice begins; one of nothing may do so behind the last element,
/// which `tensor` does not allow.
OpFoldResult startOf(OpBuilder &b, int64_t start, OpFoldResult size) {
  return b.getIndexAttr(isConstantIntValue(size, 0) ? 0 : start);
}

SmallVector<OpFoldResult> startsOf(OpBuilder &b, ArrayRef<int64_t> starts,
                                   ArrayRef<OpFoldResult> sizes) {
  SmallVector<OpFoldResult> result;
  for (auto [start, size] : llvm::zip_equal(starts, sizes))
    result.push_back(startOf(b, start, size));
  return result;
}

/// What is left of the input after the cuts, inside of what is new.
struct PadPattern : OpConversionPattern<array::PadOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::PadOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    RankedTensorType type = tensorType(op.getResult());
    Type element = type.getElementType(), storage = storageType(element);
    auto plus = [&](OpFoldResult size, int64_t amount) -> OpFoldResult {
      if (auto known = getConstantIntValue(size))
        return b.getIndexAttr(*known + amount);
      Value constant = arith::ConstantIndexOp::create(b, loc, amount);
      return arith::AddIOp::create(b, loc, cast<Value>(size), constant)
          .getResult();
    };
    SmallVector<OpFoldResult> from = mixedSizes(b, loc, input), kept, cuts,
                              places;
    SmallVector<Value> sizes;
    SmallVector<OpFoldResult> ones(type.getRank(), b.getIndexAttr(1));
    bool grows = false, cutsOff = false;
    for (auto [i, low, high] : llvm::enumerate(op.getLow(), op.getHigh())) {
      int64_t cutLow = std::max<int64_t>(0, -low),
              cutHigh = std::max<int64_t>(0, -high);
      kept.push_back(plus(from[i], -cutLow - cutHigh));
      cuts.push_back(startOf(b, cutLow, kept.back()));
      places.push_back(b.getIndexAttr(std::max<int64_t>(0, low)));
      OpFoldResult size = plus(from[i], low + high);
      sizes.push_back(dyn_cast<Value>(size));
      grows |= low > 0 || high > 0;
      cutsOff |= low < 0 || high < 0;
    }
    Value result = input;
    if (cutsOff)
      result = tensor::ExtractSliceOp::create(b, loc, result, cuts, kept, ones);
    if (grows) {
      double number = op.getValue().convertToDouble();
      TypedAttr value;
      if (auto floating = dyn_cast<FloatType>(storage))
        value = b.getFloatAttr(floating, number);
      else
        value = b.getIntegerAttr(storage, static_cast<int64_t>(number));
      Value around =
          filled(b, loc, type, sizes, arith::ConstantOp::create(b, loc, value));
      result = tensor::InsertSliceOp::create(b, loc, result, around, places,
                                             kept, ones);
    }
    Type stored = type.clone(storage);
    if (result.getType() != stored)
      result = tensor::CastOp::create(b, loc, stored, result);
    b.replaceOp(op, result);
    return success();
  }
};

SmallVector<OpFoldResult> indices(OpBuilder &b, ArrayRef<int64_t> values) {
  return llvm::map_to_vector(values, [&](int64_t value) -> OpFoldResult {
    return b.getIndexAttr(value);
  });
}

struct SlicePattern : OpConversionPattern<array::SliceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::SliceOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    SmallVector<OpFoldResult> sizes = indices(b, op.getSizes());
    b.replaceOpWithNewOp<tensor::ExtractSliceOp>(
        op, adaptor.getInput(), startsOf(b, op.getStarts(), sizes), sizes,
        indices(b, op.getSteps()));
    return success();
  }
};

struct InsertSlicePattern : OpConversionPattern<array::InsertSliceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::InsertSliceOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    SmallVector<OpFoldResult> sizes =
        mixedSizes(b, op.getLoc(), adaptor.getPart());
    b.replaceOpWithNewOp<tensor::InsertSliceOp>(
        op, adaptor.getPart(), adaptor.getInput(),
        startsOf(b, op.getStarts(), sizes), sizes, indices(b, op.getSteps()));
    return success();
  }
};

/// The sizes of `starts` as places in a tensor of sizes `from`. A slice of
/// nothing may begin behind the last element, which `tensor` does not allow.
SmallVector<OpFoldResult> startsFrom(OpBuilder &b, Location loc, Value starts,
                                     ArrayRef<OpFoldResult> sizes) {
  SmallVector<OpFoldResult> result = mixedSizes(b, loc, starts);
  for (auto [start, size] : llvm::zip_equal(result, sizes))
    if (isConstantIntValue(size, 0))
      start = b.getIndexAttr(0);
  return result;
}

struct SliceLikePattern : OpConversionPattern<array::SliceLikeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::SliceLikeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    SmallVector<OpFoldResult> sizes = mixedSizes(b, loc, adaptor.getLike());
    b.replaceOpWithNewOp<tensor::ExtractSliceOp>(
        op, adaptor.getInput(), startsFrom(b, loc, adaptor.getStarts(), sizes),
        sizes, indices(b, op.getSteps()));
    return success();
  }
};

struct InsertSliceAtPattern : OpConversionPattern<array::InsertSliceAtOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::InsertSliceAtOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    SmallVector<OpFoldResult> sizes = mixedSizes(b, loc, adaptor.getPart());
    b.replaceOpWithNewOp<tensor::InsertSliceOp>(
        op, adaptor.getPart(), adaptor.getInput(),
        startsFrom(b, loc, adaptor.getStarts(), sizes), sizes,
        indices(b, op.getSteps()));
    return success();
  }
};

struct ConcatPattern : OpConversionPattern<array::ConcatOp> {
  /// With `rows`, along every dimension but the first.
  ConcatPattern(const TypeConverter &converter, MLIRContext *context,
                bool rows = false)
      : OpConversionPattern(converter, context, /*benefit=*/rows ? 2 : 1),
        rows(rows) {}
  bool rows;

  LogicalResult matchAndRewrite(array::ConcatOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    RankedTensorType type = tensorType(op.getResult());
    int64_t rank = type.getRank(), dim = op.getDim();
    // A single row has no others beside it.
    if (rows && (dim == 0 || type.getDimSize(0) == 1))
      return failure();
    auto plus = [&](OpFoldResult x, OpFoldResult y) -> OpFoldResult {
      auto a = getConstantIntValue(x), c = getConstantIntValue(y);
      if (a && c)
        return b.getIndexAttr(*a + *c);
      return arith::AddIOp::create(b, loc,
                                   getValueOrCreateConstantIndexOp(b, loc, x),
                                   getValueOrCreateConstantIndexOp(b, loc, y))
          .getResult();
    };
    SmallVector<SmallVector<OpFoldResult>> parts;
    SmallVector<OpFoldResult> ends;
    OpFoldResult total = b.getIndexAttr(0);
    for (Value input : adaptor.getInputs()) {
      parts.push_back(mixedSizes(b, loc, input));
      total = plus(total, parts.back()[dim]);
      ends.push_back(total);
    }
    SmallVector<Value> sizes;
    for (int64_t i = 0; i < rank; ++i)
      sizes.push_back(type.isDynamicDim(i)
                          ? getValueOrCreateConstantIndexOp(
                                b, loc, i == dim ? total : parts[0][i])
                          : Value());
    Value result =
        emptyTensor(b, loc, type, sizes, storageType(type.getElementType()));
    SmallVector<OpFoldResult> ones(rank, b.getIndexAttr(1)),
        starts(rank, b.getIndexAttr(0));
    if (rows) {
      b.replaceOp(op, concatRows(b, loc, adaptor.getInputs(), parts, ends, dim,
                                 result));
      return success();
    }
    for (auto [input, part] : llvm::zip(adaptor.getInputs(), parts)) {
      result = tensor::InsertSliceOp::create(b, loc, input, result, starts,
                                             part, ones);
      starts[dim] = plus(starts[dim], part[dim]);
    }
    b.replaceOp(op, result);
    return success();
  }

  /// The result in its own order: part by part, it would be written in pieces
  /// far apart.
  static Value concatRows(OpBuilder &b, Location loc, ValueRange inputs,
                          ArrayRef<SmallVector<OpFoldResult>> parts,
                          ArrayRef<OpFoldResult> ends, int64_t dim,
                          Value result) {
    auto forall = scf::ForallOp::create(
        b, loc, ArrayRef<OpFoldResult>{parts[0][0]}, result, /*mapping=*/{});
    OpBuilder::InsertionGuard guard(b);
    Value row = forall.getInductionVars()[0];
    size_t rank = parts[0].size();
    SmallVector<OpFoldResult> at(rank, b.getIndexAttr(0)),
        ones(rank, b.getIndexAttr(1));
    at[0] = row;
    for (auto [i, input] : llvm::enumerate(inputs)) {
      SmallVector<OpFoldResult> sizes = parts[i], to = at;
      sizes[0] = b.getIndexAttr(1);
      if (i)
        to[dim] = ends[i - 1];
      b.setInsertionPoint(forall.getTerminator());
      Value slice =
          tensor::ExtractSliceOp::create(b, loc, input, at, sizes, ones);
      b.setInsertionPointToEnd(forall.getTerminator().getBody());
      tensor::ParallelInsertSliceOp::create(
          b, loc, slice, forall.getRegionIterArgs()[0], to, sizes, ones);
    }
    return forall.getResult(0);
  }
};

} // namespace

void stepwell::populateStructurePatterns(const TypeConverter &converter,
                                         RewritePatternSet &patterns,
                                         const TargetInfo &info) {
  patterns
      .add<BroadcastLikePattern, BroadcastToPattern<array::BroadcastOp>,
           BroadcastToPattern<array::FullOp>, ConcatPattern, ConstantPattern,
           EmptyPattern, FlipPattern, ForwardPattern<array::DetachOp>,
           ForwardPattern<array::WithGradientOfOp>, InsertSliceAtPattern,
           InsertSlicePattern, IotaPattern, PadPattern, ReshapeLikePattern,
           ReshapePattern, SliceLikePattern, SlicePattern, TransposePattern>(
          converter, patterns.getContext());
  if (info.runsForall) // before the other way to concatenate
    patterns.add<ConcatPattern>(converter, patterns.getContext(),
                                /*rows=*/true);
}
