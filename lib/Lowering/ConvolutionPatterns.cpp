//===- ConvolutionPatterns.cpp - Sums of products over windows ------------===//
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
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;
using namespace stepwell;
using utils::IteratorType;

namespace {

/// One convolution, or one of its transposes: its attributes and element type.
struct Convolution {
  SizeBuilder s;
  ArrayRef<int64_t> stride, padding, dilation;
  int64_t groups;
  Type element;

  template <typename Op>
  static FailureOr<Convolution> get(Op op, OpBuilder &b) {
    Type element = elementOf(op.getResult());
    return Convolution{SizeBuilder(b, op.getLoc()),
                       op.getStride(),
                       op.getPadding(),
                       op.getDilation(),
                       static_cast<int64_t>(op.getGroups()),
                       element};
  }

  TypedAttr zero() const { return s.builder.getZeroAttr(storageType(element)); }

  /// Dimension `dim` as (groups, the rest).
  Value split(Value value, int64_t dim) const {
    SmallVector<OpFoldResult> sizes = s.of(value);
    SmallVector<ReassociationIndices> parts;
    int64_t next = 0;
    for (int64_t i = 0; i < tensorType(value).getRank(); ++i) {
      parts.push_back({next++});
      if (i == dim)
        parts.back().push_back(next++);
    }
    OpFoldResult rest = s.div(sizes[dim], s.constant(groups));
    sizes[dim] = s.constant(groups);
    sizes.insert(sizes.begin() + dim + 1, rest);
    Shape shape = Shape::get(sizes, elementOf(value));
    return tensor::ExpandShapeOp::create(s.builder, s.loc, shape.type, value,
                                         parts, sizes);
  }

  /// Dimensions `dim` and `dim + 1` as one.
  Value join(Value value, int64_t dim) const {
    SmallVector<ReassociationIndices> parts;
    for (int64_t i = 0; i < tensorType(value).getRank(); ++i) {
      if (i == dim + 1)
        parts.back().push_back(i);
      else
        parts.push_back({i});
    }
    return tensor::CollapseShapeOp::create(s.builder, s.loc, value, parts);
  }

  /// Whether every group is one channel that makes one channel.
  bool isDepthwise(Value weight) const {
    RankedTensorType type = tensorType(weight);
    return groups != 1 && type.getDimSize(0) == groups &&
           type.getDimSize(1) == 1;
  }

  /// Slides each channel's own weight over it. Loops: n, c, oh, ow, kh, kw.
  Value slideEach(Value image, Value weight, Value init,
                  ArrayRef<int64_t> stride) const {
    OpBuilder &b = s.builder;
    auto loop = [&](unsigned i) { return b.getAffineDimExpr(i); };
    auto map = [&](ArrayRef<AffineExpr> exprs) {
      return AffineMap::get(6, 0, exprs, b.getContext());
    };
    AffineMap maps[] = {
        map({loop(0), loop(1), loop(2) * stride[0] + loop(4) * dilation[0],
             loop(3) * stride[1] + loop(5) * dilation[1]}),
        map({loop(1), b.getAffineConstantExpr(0), loop(4), loop(5)}),
        map({loop(0), loop(1), loop(2), loop(3)})};
    auto iterators = parallel(6);
    iterators[4] = iterators[5] = IteratorType::reduction;
    return linalg::GenericOp::create(
               b, s.loc, init.getType(), ValueRange{image, weight}, init, maps,
               iterators,
               [&](OpBuilder &b, Location loc, ValueRange args) {
                 linalg::YieldOp::create(b, loc, productSum(b, loc, args));
               })
        .getResult(0);
  }

  /// The old result plus the product of two elements.
  Value productSum(OpBuilder &b, Location loc, ValueRange args) const {
    Value x = loadElement(b, loc, args[0], element);
    Value y = loadElement(b, loc, args[1], element);
    if (isa<FloatType>(x.getType())) {
      Value product = arith::MulFOp::create(b, loc, x, y);
      return arith::AddFOp::create(b, loc, args[2], product);
    }
    Value product = arith::MulIOp::create(b, loc, x, y);
    return arith::AddIOp::create(b, loc, args[2], product);
  }

  /// Slides the weight over an image that is already padded.
  Value slide(Value image, Value weight, const Shape &shape,
              ArrayRef<int64_t> stride) const {
    OpBuilder &b = s.builder;
    Value init = zeros(b, s.loc, shape.type, shape.sizes);
    auto strides = b.getI64TensorAttr(stride);
    auto dilations = b.getI64TensorAttr(dilation);
    Value sum;
    if (isDepthwise(weight)) {
      sum = slideEach(image, weight, init, stride);
    } else if (groups == 1) {
      sum = linalg::Conv2DNchwFchwOp::create(
                b, s.loc, init.getType(), ValueRange{image, weight},
                ValueRange{init}, strides, dilations)
                .getResult(0);
    } else {
      Value parts = split(init, 1);
      sum = linalg::Conv2DNgchwGfchwOp::create(
                b, s.loc, parts.getType(),
                ValueRange{split(image, 1), split(weight, 0)},
                ValueRange{parts}, strides, dilations)
                .getResult(0);
      sum = join(sum, 1);
    }
    return roundAccumulator(b, s.loc, sum, shape.type, shape.sizes);
  }

  /// The weight of the convolution that goes back: channels swapped, the kernel
  /// mirrored.
  Value mirrored(Value weight) const {
    OpBuilder &b = s.builder;
    Value source = groups == 1 ? weight : split(weight, 0);
    SmallVector<OpFoldResult> sizes = s.of(source);
    int64_t rank = sizes.size();
    std::swap(sizes[rank - 4], sizes[rank - 3]);
    Value lastRow = s.value(s.sub(sizes[rank - 2], s.constant(1)));
    Value lastColumn = s.value(s.sub(sizes[rank - 1], s.constant(1)));
    Shape shape = Shape::get(sizes, elementOf(weight));
    Value init =
        emptyTensor(b, s.loc, shape.type, shape.sizes, elementOf(weight));
    Value made =
        linalg::GenericOp::create(
            b, s.loc, init.getType(), ValueRange(), init,
            b.getMultiDimIdentityMap(rank), parallel(rank),
            [&](OpBuilder &b, Location loc, ValueRange) {
              SmallVector<Value> at;
              for (int64_t i = 0; i < rank; ++i)
                at.push_back(linalg::IndexOp::create(b, loc, i));
              std::swap(at[rank - 4], at[rank - 3]);
              at[rank - 2] =
                  arith::SubIOp::create(b, loc, lastRow, at[rank - 2]);
              at[rank - 1] =
                  arith::SubIOp::create(b, loc, lastColumn, at[rank - 1]);
              Value value = tensor::ExtractOp::create(b, loc, source, at);
              linalg::YieldOp::create(b, loc, value);
            })
            .getResult(0);
    return groups == 1 ? made : join(made, 0);
  }

  /// Whether elements of an image that lie a stride apart see the same taps of
  /// the kernel, so that the image falls into planes of which each is a plain
  /// convolution of the gradient.
  bool hasPhases() const {
    return groups == 1 && (stride[0] > 1 || stride[1] > 1) &&
           dilation[0] == 1 && dilation[1] == 1;
  }

  /// How many taps of the kernel a phase has at most.
  OpFoldResult phaseTaps(Value weight, int i) const {
    OpFoldResult kernel = s.of(weight, 2 + i);
    return s.div(s.add(kernel, s.constant(stride[i] - 1)),
                 s.constant(stride[i]));
  }

  /// The weights of all phases, those of one image channel after the other
  /// within each: element (phase, channel, o, u, v) is the tap that lies
  /// u and v strides from the last one of its phase, or zero where there is
  /// none.
  Value phaseWeights(Value weight) const {
    OpBuilder &b = s.builder;
    OpFoldResult channels = s.of(weight, 1);
    int64_t phases = stride[0] * stride[1];
    SmallVector<OpFoldResult> sizes{s.mul(channels, s.constant(phases)),
                                    s.of(weight, 0), phaseTaps(weight, 0),
                                    phaseTaps(weight, 1)};
    Shape shape = Shape::get(sizes, elementOf(weight));
    Value init =
        emptyTensor(b, s.loc, shape.type, shape.sizes, elementOf(weight));
    Value perPhase = s.value(channels);
    SmallVector<Value> last, end;
    for (int i = 0; i < 2; ++i) {
      last.push_back(s.value(s.sub(phaseTaps(weight, i), s.constant(1))));
      end.push_back(s.value(s.sub(s.of(weight, 2 + i), s.constant(1))));
    }
    Value zeroValue = arith::ConstantOp::create(b, s.loc, zero());
    return linalg::GenericOp::create(
               b, s.loc, init.getType(), ValueRange(), init,
               b.getMultiDimIdentityMap(4), parallel(4),
               [&](OpBuilder &b, Location loc, ValueRange) {
                 auto index = [&](int64_t x) -> Value {
                   return arith::ConstantIndexOp::create(b, loc, x);
                 };
                 Value row = linalg::IndexOp::create(b, loc, 0);
                 Value phase = arith::DivUIOp::create(b, loc, row, perPhase);
                 Value channel = arith::RemUIOp::create(b, loc, row, perPhase);
                 Value o = linalg::IndexOp::create(b, loc, 1);
                 SmallVector<Value> at{o, channel};
                 Value inside;
                 for (int i = 0; i < 2; ++i) {
                   Value wide = index(stride[1]);
                   Value own =
                       i == 0
                           ? Value(arith::DivUIOp::create(b, loc, phase, wide))
                           : Value(arith::RemUIOp::create(b, loc, phase, wide));
                   Value tap = arith::SubIOp::create(
                       b, loc, last[i], linalg::IndexOp::create(b, loc, 2 + i));
                   tap = arith::MulIOp::create(b, loc, tap, index(stride[i]));
                   tap = arith::AddIOp::create(b, loc, tap, own);
                   Value exists = arith::CmpIOp::create(
                       b, loc, arith::CmpIPredicate::sle, tap, end[i]);
                   inside = inside ? Value(arith::AndIOp::create(b, loc, inside,
                                                                 exists))
                                   : exists;
                   at.push_back(arith::MinSIOp::create(b, loc, tap, end[i]));
                 }
                 Value value = tensor::ExtractOp::create(b, loc, weight, at);
                 value =
                     arith::SelectOp::create(b, loc, inside, value, zeroValue);
                 linalg::YieldOp::create(b, loc, value);
               })
        .getResult(0);
  }

  /// How many taps of the kernel one phase has.
  int64_t tapsOf(Value weight, int i, int64_t own) const {
    int64_t kernel = tensorType(weight).getDimSize(2 + i);
    return kernel > own ? llvm::divideCeil(kernel - own, stride[i]) : 0;
  }

  /// Whether each phase is a convolution of its own, with the taps that it has:
  /// one for all of them is less code and packs each window once, but
  /// multiplies by zero where a phase has fewer taps than another.
  bool separatesPhases(Value weight) const {
    RankedTensorType type = tensorType(weight);
    if (type.isDynamicDim(1) || type.getDimSize(1) < kManyChannels)
      return false;
    int64_t taps = 1, most = 1;
    for (int i = 0; i < 2; ++i) {
      if (type.isDynamicDim(2 + i))
        return false;
      taps *= type.getDimSize(2 + i);
      most *= tapsOf(weight, i, 0) * stride[i];
    }
    return most * 4 >= taps * 5;
  }
  static constexpr int64_t kManyChannels = 32;

  /// One phase of the gradient, of `sizes`, from its element `from` on.
  /// `spread` has as many zeros around as the largest phase wants.
  Value slidePhase(Value spread, Value weight, ArrayRef<int64_t> own,
                   ArrayRef<OpFoldResult> from,
                   ArrayRef<OpFoldResult> sizes) const {
    OpBuilder &b = s.builder;
    Shape shape = Shape::get(sizes, element);
    int64_t taps[] = {tapsOf(weight, 0, own[0]), tapsOf(weight, 1, own[1])};
    if (!taps[0] || !taps[1])
      return zeros(b, s.loc, shape.type, shape.sizes);
    OpFoldResult none = s.constant(0), one = s.constant(1);
    SmallVector<OpFoldResult> at(2, none),
        extent{s.of(spread, 0), s.of(spread, 1)},
        kernel{s.of(weight, 1), s.of(weight, 0)}, ones(4, one);
    for (int i = 0; i < 2; ++i) {
      OpFoldResult fewer = s.constant(tapsOf(weight, i, 0) - taps[i]);
      at.push_back(s.add(from[i], fewer));
      extent.push_back(s.add(sizes[2 + i], s.constant(taps[i] - 1)));
      kernel.push_back(s.constant(taps[i]));
    }
    Value image =
        tensor::ExtractSliceOp::create(b, s.loc, spread, at, extent, ones);
    // The last tap first.
    Shape turned = Shape::get(kernel, elementOf(weight));
    Value init =
        emptyTensor(b, s.loc, turned.type, turned.sizes, elementOf(weight));
    Value mine =
        linalg::GenericOp::create(
            b, s.loc, init.getType(), ValueRange(), init,
            b.getMultiDimIdentityMap(4), parallel(4),
            [&](OpBuilder &b, Location loc, ValueRange) {
              SmallVector<Value> tap{linalg::IndexOp::create(b, loc, 1),
                                     linalg::IndexOp::create(b, loc, 0)};
              for (int i = 0; i < 2; ++i) {
                Value last =
                    arith::ConstantIndexOp::create(b, loc, taps[i] - 1);
                Value step = arith::ConstantIndexOp::create(b, loc, stride[i]);
                Value first = arith::ConstantIndexOp::create(b, loc, own[i]);
                Value place = arith::SubIOp::create(
                    b, loc, last, linalg::IndexOp::create(b, loc, 2 + i));
                place = arith::MulIOp::create(b, loc, place, step);
                tap.push_back(arith::AddIOp::create(b, loc, place, first));
              }
              Value value = tensor::ExtractOp::create(b, loc, weight, tap);
              linalg::YieldOp::create(b, loc, value);
            })
            .getResult(0);
    return slide(image, mine, shape, {1, 1});
  }

  /// The gradient of an image of `sizes` (four), phase by phase.
  Value phaseGradient(Value gradient, Value weight,
                      ArrayRef<OpFoldResult> sizes, const Shape &shape) const {
    OpBuilder &b = s.builder;
    // Element i lies in phase (i + padding) % stride, at (i + padding) /
    // stride.
    SmallVector<OpFoldResult> planes{
        s.of(gradient, 0), s.mul(sizes[1], s.constant(stride[0] * stride[1]))};
    SmallVector<OpFoldResult> padded{s.of(gradient, 0), s.of(gradient, 1)};
    SmallVector<OpFoldResult> offsets(2, s.constant(0));
    for (int i = 0; i < 2; ++i) {
      OpFoldResult reach =
          s.add(sizes[2 + i], s.constant(padding[i] + stride[i] - 1));
      OpFoldResult count =
          s.max(s.div(reach, s.constant(stride[i])), s.of(gradient, 2 + i));
      OpFoldResult around = s.sub(phaseTaps(weight, i), s.constant(1));
      planes.push_back(count);
      padded.push_back(s.add(count, around));
      offsets.push_back(around);
    }
    Value spread = place(s, gradient, padded, offsets, {1, 1, 1, 1}, zero());
    bool apart = separatesPhases(weight);
    Value made;
    if (!apart)
      made = slide(spread, phaseWeights(weight), Shape::get(planes, element),
                   {1, 1});
    // Each plane goes to elements a stride apart.
    Value woven = emptyTensor(b, s.loc, shape.type, shape.sizes, element);
    OpFoldResult one = s.constant(1);
    for (int64_t phase = 0; phase < stride[0] * stride[1]; ++phase) {
      int64_t own[] = {phase / stride[1], phase % stride[1]};
      SmallVector<OpFoldResult> from{s.constant(0),
                                     s.mul(sizes[1], s.constant(phase))},
          to(2, s.constant(0)), count(sizes.begin(), sizes.begin() + 2),
          steps(2, one);
      for (int i = 0; i < 2; ++i) {
        int64_t first =
            (own[i] + stride[i] - padding[i] % stride[i]) % stride[i];
        to.push_back(s.constant(first));
        from.push_back(s.constant((first + padding[i]) / stride[i]));
        count.push_back(
            s.div(s.add(sizes[2 + i], s.constant(stride[i] - 1 - first)),
                  s.constant(stride[i])));
        steps.push_back(s.constant(stride[i]));
      }
      if (llvm::any_of(count, [](OpFoldResult size) {
            return isConstantIntValue(size, 0);
          }))
        continue; // no element is of this phase
      SmallVector<OpFoldResult> ones(4, one);
      Value plane = apart ? slidePhase(spread, weight, own,
                                       ArrayRef(from).drop_front(2), count)
                          : tensor::ExtractSliceOp::create(b, s.loc, made, from,
                                                           count, ones)
                                .getResult();
      woven = tensor::InsertSliceOp::create(b, s.loc, plane, woven, to, count,
                                            steps);
    }
    return woven;
  }

  /// Sums image times gradient over the batch and every window. Loops: (g), o,
  /// c, kh, kw, n, oh, ow.
  Value correlate(Value image, Value gradient, const Shape &shape) const {
    OpBuilder &b = s.builder;
    Value init = zeros(b, s.loc, shape.type, shape.sizes);
    bool grouped = groups != 1;
    if (grouped) {
      image = split(image, 1);
      gradient = split(gradient, 1);
      init = split(init, 0);
    }
    unsigned next = 0, loops = grouped ? 8 : 7;
    auto loop = [&] { return b.getAffineDimExpr(next++); };
    SmallVector<AffineExpr> group;
    if (grouped)
      group.push_back(loop());
    AffineExpr o = loop(), c = loop(), kh = loop(), kw = loop(), n = loop(),
               oh = loop(), ow = loop();
    auto map = [&](bool batched, ArrayRef<AffineExpr> last) {
      SmallVector<AffineExpr> exprs;
      if (batched)
        exprs.push_back(n);
      exprs.append(group);
      exprs.append(last.begin(), last.end());
      return AffineMap::get(loops, 0, exprs, b.getContext());
    };
    AffineMap maps[] = {map(true, {c, oh * stride[0] + kh * dilation[0],
                                   ow * stride[1] + kw * dilation[1]}),
                        map(true, {o, oh, ow}), map(false, {o, c, kh, kw})};
    auto iterators = parallel(loops);
    for (unsigned i = loops - 3; i < loops; ++i)
      iterators[i] = IteratorType::reduction;
    Value sum = linalg::GenericOp::create(
                    b, s.loc, init.getType(), ValueRange{image, gradient}, init,
                    maps, iterators,
                    [&](OpBuilder &b, Location loc, ValueRange args) {
                      linalg::YieldOp::create(b, loc, productSum(b, loc, args));
                    })
                    .getResult(0);
    if (grouped)
      sum = join(sum, 0);
    return roundAccumulator(b, s.loc, sum, shape.type, shape.sizes);
  }
};

struct Conv2DPattern : OpConversionPattern<array::Conv2DOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::Conv2DOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    auto conv = Convolution::get(op, b);
    if (failed(conv))
      return failure();
    const SizeBuilder &s = conv->s;
    Value input = adaptor.getInput(), weight = adaptor.getWeight();
    Windows windows{{s.of(weight, 2), s.of(weight, 3)},
                    conv->stride,
                    conv->padding,
                    conv->dilation};
    Value image = padImage(s, input, {}, windows, conv->zero());
    SmallVector<OpFoldResult> sizes{s.of(input, 0), s.of(weight, 0)};
    for (int i = 0; i < 2; ++i) {
      OpFoldResult reach = s.mul(s.sub(windows.kernel[i], s.constant(1)),
                                 s.constant(conv->dilation[i]));
      OpFoldResult room =
          s.sub(s.sub(s.of(image, 2 + i), reach), s.constant(1));
      sizes.push_back(
          s.add(s.div(room, s.constant(conv->stride[i])), s.constant(1)));
    }
    Shape shape = Shape::get(s, tensorType(op.getResult()), sizes);
    b.replaceOp(op, conv->slide(image, weight, shape, conv->stride));
    return success();
  }
};

struct InputGradientPattern
    : OpConversionPattern<array::Conv2DInputGradientOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::Conv2DInputGradientOp op,
                                OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    auto conv = Convolution::get(op, b);
    if (failed(conv))
      return failure();
    const SizeBuilder &s = conv->s;
    Value weight = adaptor.getWeight();
    Windows windows{{s.of(weight, 2), s.of(weight, 3)},
                    conv->stride,
                    conv->padding,
                    conv->dilation};
    SmallVector<OpFoldResult> sizes = s.of(adaptor.getLike());
    Shape shape = Shape::get(s, tensorType(op.getResult()), sizes);
    if (conv->hasPhases()) {
      b.replaceOp(
          op, conv->phaseGradient(adaptor.getGradient(), weight, sizes, shape));
      return success();
    }
    Value spread = spreadWindows(s, adaptor.getGradient(), windows,
                                 ArrayRef(sizes).drop_front(2), conv->zero());
    b.replaceOp(op, conv->slide(spread, conv->mirrored(weight), shape, {1, 1}));
    return success();
  }
};

struct WeightGradientPattern
    : OpConversionPattern<array::Conv2DWeightGradientOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::Conv2DWeightGradientOp op,
                                OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    auto conv = Convolution::get(op, b);
    if (failed(conv))
      return failure();
    const SizeBuilder &s = conv->s;
    SmallVector<OpFoldResult> sizes = s.of(adaptor.getLike());
    Shape shape = Shape::get(s, tensorType(op.getResult()), sizes);
    Windows windows{
        {sizes[2], sizes[3]}, conv->stride, conv->padding, conv->dilation};
    Value image = padImage(s, adaptor.getInput(), {}, windows, conv->zero());
    b.replaceOp(op, conv->correlate(image, adaptor.getGradient(), shape));
    return success();
  }
};

} // namespace

void stepwell::populateConvolutionPatterns(const TypeConverter &converter,
                                           RewritePatternSet &patterns) {
  patterns.add<Conv2DPattern, InputGradientPattern, WeightGradientPattern>(
      converter, patterns.getContext());
}
