//===- PoolingPatterns.cpp - Windows to one element each ------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ArrayPatterns.h"
#include "Windows.h"

#include "stepwell/Array/Array.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;
using namespace stepwell;
using utils::IteratorType;

namespace {

constexpr int64_t kOnes[] = {1, 1};

Windows windowsOf(const SizeBuilder &s, ArrayRef<int64_t> kernel,
                  ArrayRef<int64_t> stride, ArrayRef<int64_t> padding,
                  ArrayRef<int64_t> dilation, bool ceil) {
  return {{s.constant(kernel[0]), s.constant(kernel[1])},
          stride,
          padding,
          dilation,
          ceil};
}
template <typename Op> Windows maxWindows(const SizeBuilder &s, Op op) {
  return windowsOf(s, op.getKernelSize(), op.getStride(), op.getPadding(),
                   op.getDilation(), op.getCeilMode());
}
template <typename Op> Windows avgWindows(const SizeBuilder &s, Op op) {
  return windowsOf(s, op.getKernelSize(), op.getStride(), op.getPadding(),
                   kOnes, op.getCeilMode());
}

/// The sizes of a pool over `input`: dynamic ones are computed as the shape
/// rule does.
Shape pooledShape(const SizeBuilder &s, RankedTensorType result, Value input,
                  const Windows &windows) {
  SmallVector<OpFoldResult> sizes{s.of(input, 0), s.of(input, 1)};
  for (int i = 0; i < 2; ++i) {
    if (!result.isDynamicDim(2 + i)) {
      sizes.push_back(s.constant(result.getDimSize(2 + i)));
      continue;
    }
    OpFoldResult size = s.of(input, 2 + i), one = s.constant(1);
    OpFoldResult stride = s.constant(windows.stride[i]);
    int64_t pad = windows.padding[i];
    int64_t reach =
        (*getConstantIntValue(windows.kernel[i]) - 1) * windows.dilation[i] + 1;
    int64_t extra =
        2 * pad - reach + (windows.ceil ? windows.stride[i] - 1 : 0);
    OpFoldResult count =
        s.add(s.div(s.add(size, s.constant(extra)), stride), one);
    if (windows.ceil) {
      // How many start before the end of the input and its left padding.
      OpFoldResult starts =
          s.div(s.add(size, s.constant(pad + windows.stride[i] - 1)), stride);
      count = s.min(count, starts);
    }
    sizes.push_back(count);
  }
  return Shape::get(s, result, sizes);
}

/// Loops (n, c, oh, ow, kh, kw). `image` is read through windows, each of
/// `perWindow` at (n, c, oh, ow); `combine` joins them with the old value.
Value reduceWindows(
    const SizeBuilder &s, ValueRange images, ValueRange perWindow, Value init,
    const Windows &windows, ArrayRef<int64_t> stride,
    function_ref<Value(OpBuilder &, Location, ValueRange)> combine) {
  OpBuilder &b = s.builder;
  // Loops over a kernel need an operand that says how far they go.
  SmallVector<int64_t> kernel;
  for (OpFoldResult size : windows.kernel)
    kernel.push_back(*getConstantIntValue(size));
  Value frame = tensor::EmptyOp::create(b, s.loc, kernel, elementOf(init));
  AffineMap place =
      AffineMap::getMultiDimIdentityMap(6, b.getContext()).getMajorSubMap(4);
  SmallVector<AffineMap> maps(
      images.size(), windowMap(b.getContext(), stride, windows.dilation));
  maps.append(perWindow.size(), place);
  maps.push_back(
      AffineMap::getMultiDimIdentityMap(6, b.getContext()).getMinorSubMap(2));
  maps.push_back(place);
  SmallVector<Value> inputs(images);
  llvm::append_range(inputs, perWindow);
  inputs.push_back(frame);
  auto iterators = parallel(6);
  iterators[4] = iterators[5] = IteratorType::reduction;
  return linalg::GenericOp::create(
             b, s.loc, init.getType(), inputs, init, maps, iterators,
             [&](OpBuilder &b, Location loc, ValueRange args) {
               linalg::YieldOp::create(b, loc, combine(b, loc, args));
             })
      .getResult(0);
}

Value indexConstant(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

/// Where the element of a window lies that loops `window` and `kernel` are at,
/// in the unpadded image.
Value position(OpBuilder &b, Location loc, unsigned dim,
               const Windows &windows) {
  Value window = linalg::IndexOp::create(b, loc, 2 + dim);
  Value kernel = linalg::IndexOp::create(b, loc, 4 + dim);
  auto times = [&](Value value, int64_t factor) -> Value {
    if (factor == 1)
      return value;
    return arith::MulIOp::create(b, loc, value, indexConstant(b, loc, factor));
  };
  Value at = arith::AddIOp::create(b, loc, times(window, windows.stride[dim]),
                                   times(kernel, windows.dilation[dim]));
  if (windows.padding[dim])
    at = arith::SubIOp::create(b, loc, at,
                               indexConstant(b, loc, windows.padding[dim]));
  return at;
}

/// y * width + x, as i64.
Value flatten(OpBuilder &b, Location loc, Value y, Value x, Value width) {
  Value row = arith::MulIOp::create(b, loc, y, width);
  Value flat = arith::AddIOp::create(b, loc, row, x);
  return arith::IndexCastOp::create(b, loc, b.getI64Type(), flat);
}

Value add(OpBuilder &b, Location loc, Value x, Value y) {
  if (isa<FloatType>(x.getType()))
    return arith::AddFOp::create(b, loc, x, y);
  return arith::AddIOp::create(b, loc, x, y);
}

Value constantOf(OpBuilder &b, Location loc, TypedAttr value) {
  return arith::ConstantOp::create(b, loc, value);
}

//===--- The largest element ----------------------------------------------===//

/// Less than or equal to every element, as a number of type `as`.
TypedAttr lowest(OpBuilder &b, Type as, Type element) {
  if (auto type = dyn_cast<FloatType>(as))
    return FloatAttr::get(
        type, APFloat::getInf(type.getFloatSemantics(), /*Negative=*/true));
  unsigned bits = element.getIntOrFloatBitWidth();
  APInt value = element.isUnsignedInteger() ? APInt::getMinValue(bits)
                                            : APInt::getSignedMinValue(bits);
  return IntegerAttr::get(as, value);
}

struct MaxPoolPattern : OpConversionPattern<array::MaxPool2DOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::MaxPool2DOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    SizeBuilder s(b, loc);
    Windows windows = maxWindows(s, op);
    Value input = adaptor.getInput();
    RankedTensorType type = tensorType(op.getValues());
    Type element = type.getElementType();
    Shape shape = pooledShape(s, type, input, windows);
    Type compute = computeType(element);
    Value least = constantOf(b, loc, lowest(b, compute, element));
    Value init = filled(b, loc, shape.type, shape.sizes, least);
    Value image = padImage(s, input, init, windows,
                           lowest(b, storageType(element), element));
    Value values = reduceWindows(
        s, image, {}, init, windows, windows.stride,
        [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
          Value x = loadElement(b, loc, args[0], element);
          if (isa<FloatType>(element))
            return arith::MaximumFOp::create(b, loc, args[2], x);
          if (element.isUnsignedInteger())
            return arith::MaxUIOp::create(b, loc, args[2], x);
          return arith::MaxSIOp::create(b, loc, args[2], x);
        });
    values = roundAccumulator(b, loc, values, shape.type, shape.sizes);
    b.replaceOp(op, {values, indices(s, op, input, image, values, shape)});
    return success();
  }

private:
  /// The first place of every window that holds its value. As unsigned numbers
  /// -1 is the largest: it stays where there is no such place.
  static Value indices(SizeBuilder &s, array::MaxPool2DOp op, Value input,
                       Value image, Value values, const Shape &shape) {
    OpBuilder &b = s.builder;
    Windows windows = maxWindows(s, op);
    Type element = shape.type.getElementType(), i64 = b.getI64Type();
    Value none = constantOf(b, s.loc, b.getIntegerAttr(i64, -1));
    Value init = filled(b, s.loc, shape.type, shape.sizes, none);
    Value height = s.value(s.of(input, 2)), width = s.value(s.of(input, 3));
    bool padded = image != input;
    return reduceWindows(
        s, image, values, init, windows, windows.stride,
        [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
          Value x = loadElement(b, loc, args[0], element);
          Value value = loadElement(b, loc, args[1], element);
          Value here;
          if (isa<FloatType>(x.getType())) {
            Value equal = arith::CmpFOp::create(
                b, loc, arith::CmpFPredicate::OEQ, x, value);
            Value nan =
                arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, x, x);
            here = arith::OrIOp::create(b, loc, equal, nan);
          } else {
            here = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x,
                                         value);
          }
          Value y = position(b, loc, 0, windows);
          Value column = position(b, loc, 1, windows);
          if (padded) {
            // Before the first is, as an unsigned number, far behind the last.
            for (auto [at, size] : {std::pair{y, height}, {column, width}}) {
              Value inside = arith::CmpIOp::create(
                  b, loc, arith::CmpIPredicate::ult, at, size);
              here = arith::AndIOp::create(b, loc, here, inside);
            }
          }
          Value flat = flatten(b, loc, y, column, width);
          Value found = arith::SelectOp::create(b, loc, here, flat, none);
          return arith::MinUIOp::create(b, loc, args[3], found);
        });
  }
};

struct MaxPoolGradientPattern
    : OpConversionPattern<array::MaxPool2DGradientOp> {
  using OpConversionPattern::OpConversionPattern;
  /// Every element of the input adds up the gradients of those windows in which
  /// it lies that have its position as their index.
  LogicalResult matchAndRewrite(array::MaxPool2DGradientOp op,
                                OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    SizeBuilder s(b, loc);
    Windows windows = maxWindows(s, op);
    RankedTensorType type = tensorType(op.getResult());
    Type element = type.getElementType();
    if (element.isInteger(1))
      return op.emitError("a sum of bools is not defined");
    SmallVector<OpFoldResult> sizes = s.of(adaptor.getLike());
    auto plane = ArrayRef(sizes).drop_front(2);
    Value gradients = spreadWindows(s, adaptor.getGradient(), windows, plane,
                                    b.getZeroAttr(storageType(element)));
    Value indices = spreadWindows(s, adaptor.getIndices(), windows, plane,
                                  b.getI64IntegerAttr(-1));
    Shape shape = Shape::get(s, type, sizes);
    Value init = zeros(b, loc, shape.type, shape.sizes);
    Value width = s.value(sizes[3]);
    Value sum = reduceWindows(
        s, {gradients, indices}, {}, init, windows, kOnes,
        [&](OpBuilder &b, Location loc, ValueRange args) {
          Value y = linalg::IndexOp::create(b, loc, 2);
          Value x = linalg::IndexOp::create(b, loc, 3);
          Value mine =
              arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, args[1],
                                    flatten(b, loc, y, x, width));
          Value g = loadElement(b, loc, args[0], element);
          Value zero = constantOf(b, loc, b.getZeroAttr(g.getType()));
          g = arith::SelectOp::create(b, loc, mine, g, zero);
          return add(b, loc, args[3], g);
        });
    b.replaceOp(op, roundAccumulator(b, loc, sum, shape.type, shape.sizes));
    return success();
  }
};

struct MaxPoolGatherPattern : OpConversionPattern<array::MaxPool2DGatherOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::MaxPool2DGatherOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    SizeBuilder s(b, loc);
    Windows windows = maxWindows(s, op);
    RankedTensorType type = tensorType(op.getResult());
    Type element = type.getElementType();
    if (element.isInteger(1))
      return op.emitError("a sum of bools is not defined");
    Value input = adaptor.getInput(), indices = adaptor.getIndices();
    Shape shape = Shape::get(s, type, s.of(indices));
    Value image = padImage(s, input, indices, windows,
                           b.getZeroAttr(storageType(element)));
    Value width = s.value(s.of(input, 3));
    Value init = zeros(b, loc, shape.type, shape.sizes);
    // At most one place of a window is the index: the sum is that element.
    // Padding is 0, whatever index it stands at.
    Value sum = reduceWindows(
        s, image, indices, init, windows, windows.stride,
        [&](OpBuilder &b, Location loc, ValueRange args) {
          Value y = position(b, loc, 0, windows);
          Value x = position(b, loc, 1, windows);
          Value mine =
              arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, args[1],
                                    flatten(b, loc, y, x, width));
          Value value = loadElement(b, loc, args[0], element);
          Value zero = constantOf(b, loc, b.getZeroAttr(value.getType()));
          value = arith::SelectOp::create(b, loc, mine, value, zero);
          return add(b, loc, args[3], value);
        });
    b.replaceOp(op, roundAccumulator(b, loc, sum, shape.type, shape.sizes));
    return success();
  }
};

//===--- The mean ---------------------------------------------------------===//

/// `value`, at window (2, 3) of the loops, by what its window's sum is divided
/// by; `height` and `width` are the image's.
template <typename Op>
Value divideByCount(OpBuilder &b, Location loc, Op op, Value value,
                    Value height, Value width) {
  ArrayRef<int64_t> kernel = op.getKernelSize(), padding = op.getPadding();
  int64_t divisor = static_cast<int64_t>(op.getDivisor());
  bool whole = !op.getCeilMode() &&
               (op.getCountIncludePad() || (!padding[0] && !padding[1]));
  if (!divisor && whole)
    divisor = kernel[0] * kernel[1];
  auto type = cast<FloatType>(value.getType());
  Value count;
  if (divisor) {
    count = constantOf(b, loc, FloatAttr::get(type, divisor));
  } else {
    Value sizes[] = {height, width};
    Value product;
    for (int i = 0; i < 2; ++i) {
      Value window = linalg::IndexOp::create(b, loc, 2 + i);
      Value begin = arith::SubIOp::create(
          b, loc,
          arith::MulIOp::create(b, loc, window,
                                indexConstant(b, loc, op.getStride()[i])),
          indexConstant(b, loc, padding[i]));
      Value end = arith::AddIOp::create(b, loc, begin,
                                        indexConstant(b, loc, kernel[i]));
      Value last = sizes[i];
      if (op.getCountIncludePad())
        last = arith::AddIOp::create(b, loc, last,
                                     indexConstant(b, loc, padding[i]));
      else
        begin = arith::MaxSIOp::create(b, loc, begin, indexConstant(b, loc, 0));
      end = arith::MinSIOp::create(b, loc, end, last);
      Value length = arith::SubIOp::create(b, loc, end, begin);
      product = product ? Value(arith::MulIOp::create(b, loc, product, length))
                        : length;
    }
    Value number = arith::IndexCastOp::create(b, loc, b.getI64Type(), product);
    count = arith::SIToFPOp::create(b, loc, type, number);
  }
  return arith::DivFOp::create(b, loc, value, count);
}

/// Loops over windows: what is divided, in the type of `element` or, if
/// `rounds`, in the stored one.
template <typename Op>
Value divided(const SizeBuilder &s, Op op, Value value, const Shape &shape,
              OpFoldResult imageHeight, OpFoldResult imageWidth, bool rounds) {
  OpBuilder &b = s.builder;
  Type element = shape.type.getElementType(), compute = computeType(element);
  Value init = emptyTensor(b, s.loc, shape.type, shape.sizes,
                           rounds ? element : compute);
  AffineMap identity = b.getMultiDimIdentityMap(4);
  Value height = s.value(imageHeight), width = s.value(imageWidth);
  return linalg::GenericOp::create(
             b, s.loc, init.getType(), value, init, {identity, identity},
             parallel(4),
             [&](OpBuilder &b, Location loc, ValueRange args) {
               Value x = args[0];
               if (x.getType() != compute)
                 x = loadElement(b, loc, x, element);
               x = divideByCount(b, loc, op, x, height, width);
               if (rounds)
                 x = storeElement(b, loc, x, element);
               linalg::YieldOp::create(b, loc, x);
             })
      .getResult(0);
}

struct AvgPoolPattern : OpConversionPattern<array::AvgPool2DOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::AvgPool2DOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    SizeBuilder s(b, loc);
    Windows windows = avgWindows(s, op);
    Value input = adaptor.getInput();
    RankedTensorType type = tensorType(op.getResult());
    Type element = type.getElementType();
    Shape shape = pooledShape(s, type, input, windows);
    Value init = zeros(b, loc, shape.type, shape.sizes);
    Value image = padImage(s, input, init, windows, b.getZeroAttr(element));
    Value sum = reduceWindows(s, image, {}, init, windows, windows.stride,
                              [&](OpBuilder &b, Location loc, ValueRange args) {
                                Value x = loadElement(b, loc, args[0], element);
                                return add(b, loc, args[2], x);
                              });
    b.replaceOp(op, divided(s, op, sum, shape, s.of(input, 2), s.of(input, 3),
                            /*rounds=*/true));
    return success();
  }
};

struct AvgPoolGradientPattern
    : OpConversionPattern<array::AvgPool2DGradientOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::AvgPool2DGradientOp op,
                                OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    SizeBuilder s(b, loc);
    Windows windows = avgWindows(s, op);
    RankedTensorType type = tensorType(op.getResult());
    SmallVector<OpFoldResult> sizes = s.of(adaptor.getLike());
    Value gradient = adaptor.getGradient();
    Shape perWindow = Shape::get(s.of(gradient), elementOf(gradient));
    Value shares = divided(s, op, gradient, perWindow, sizes[2], sizes[3],
                           /*rounds=*/false);
    Value spread =
        spreadWindows(s, shares, windows, ArrayRef(sizes).drop_front(2),
                      b.getZeroAttr(elementOf(shares)));
    Shape shape = Shape::get(s, type, sizes);
    Value init = zeros(b, loc, shape.type, shape.sizes);
    Value sum = reduceWindows(s, spread, {}, init, windows, kOnes,
                              [&](OpBuilder &b, Location loc, ValueRange args) {
                                return add(b, loc, args[2], args[0]);
                              });
    b.replaceOp(op, roundAccumulator(b, loc, sum, shape.type, shape.sizes));
    return success();
  }
};

} // namespace

void stepwell::populatePoolingPatterns(const TypeConverter &converter,
                                       RewritePatternSet &patterns) {
  patterns.add<MaxPoolPattern, MaxPoolGradientPattern, MaxPoolGatherPattern,
               AvgPoolPattern, AvgPoolGradientPattern>(converter,
                                                       patterns.getContext());
}
