//===- ExpandSmallFloats.cpp - bf16 and f16 conversions as integers -------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Lowering/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_EXPANDSMALLFLOATSPASS
#include "stepwell/Lowering/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

/// `type` with another element type: of a scalar or a vector.
Type withElement(Type type, Type element) {
  if (auto shaped = dyn_cast<ShapedType>(type))
    return shaped.clone(element);
  return element;
}

/// Formulas over i32 and f32, scalars or vectors of one shape.
class Bits {
public:
  Bits(PatternRewriter &rewriter, Location loc, Type like)
      : rewriter(rewriter), loc(loc),
        i16(withElement(like, rewriter.getI16Type())),
        i32(withElement(like, rewriter.getI32Type())),
        f32(withElement(like, rewriter.getF32Type())) {}

  Value constant(uint32_t value) {
    return splat(i32, rewriter.getI32IntegerAttr(int32_t(value)));
  }
  Value real(float value) {
    return splat(f32, rewriter.getF32FloatAttr(value));
  }
  template <typename Op> Value make(Value a, Value b) {
    return Op::create(rewriter, loc, a, b);
  }
  template <typename Op> Value make(Value a, uint32_t b) {
    return make<Op>(a, constant(b));
  }
  Value bits(Value real) {
    return arith::BitcastOp::create(rewriter, loc, i32, real);
  }
  Value real(Value bits) {
    return arith::BitcastOp::create(rewriter, loc, f32, bits);
  }
  Value greater(Value a, uint32_t b) {
    return arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::ugt, a,
                                 constant(b));
  }
  Value equal(Value a, uint32_t b) {
    return arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq, a,
                                 constant(b));
  }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(rewriter, loc, condition, yes, no);
  }
  Value widen(Value small) {
    Value half = arith::BitcastOp::create(rewriter, loc, i16, small);
    return arith::ExtUIOp::create(rewriter, loc, i32, half);
  }
  Value narrow(Value bits, Type type) {
    Value half = arith::TruncIOp::create(rewriter, loc, i16, bits);
    return arith::BitcastOp::create(rewriter, loc, type, half);
  }

private:
  Value splat(Type type, TypedAttr value) {
    if (auto shaped = dyn_cast<ShapedType>(type))
      value = DenseElementsAttr::get(shaped, Attribute(value));
    return arith::ConstantOp::create(rewriter, loc, type, value);
  }

  PatternRewriter &rewriter;
  Location loc;
  Type i16, i32, f32;
};

/// The formulas know f32; f64 goes through it, rounded to odd: an inexact
/// result ends in a 1, so that it lies on its own side of every half of f16 and
/// bf16 and is rounded once after all.
Value toF32(PatternRewriter &rewriter, Location loc, Value wide) {
  if (getElementTypeOrSelf(wide).isF32())
    return wide;
  Type f32 = withElement(wide.getType(), rewriter.getF32Type());
  Bits b(rewriter, loc, f32);
  Value near = arith::TruncFOp::create(rewriter, loc, f32, wide);
  Value back = arith::ExtFOp::create(rewriter, loc, wide.getType(), near);
  auto magnitude = [&](Value x) {
    return math::AbsFOp::create(rewriter, loc, x);
  };
  auto compare = [&](arith::CmpFPredicate predicate) {
    return arith::CmpFOp::create(rewriter, loc, predicate, magnitude(back),
                                 magnitude(wide));
  };
  Value bits = b.bits(near);
  Value isEven = b.equal(b.make<arith::AndIOp>(bits, 1), 0);
  Value towardsWide =
      b.select(compare(arith::CmpFPredicate::OLT),
               b.make<arith::AddIOp>(bits, 1), b.make<arith::SubIOp>(bits, 1));
  Value moves = arith::AndIOp::create(rewriter, loc, isEven,
                                      compare(arith::CmpFPredicate::ONE));
  return b.real(b.select(moves, towardsWide, bits));
}
void replaceExtension(PatternRewriter &rewriter, arith::ExtFOp op, Value f32) {
  if (op.getType() == f32.getType())
    rewriter.replaceOp(op, f32);
  else
    rewriter.replaceOpWithNewOp<arith::ExtFOp>(op, op.getType(), f32);
}

struct ExtendF16 : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::ExtFOp op,
                                PatternRewriter &rewriter) const override {
    Type small = op.getIn().getType();
    if (!getElementTypeOrSelf(small).isF16())
      return failure();
    Bits b(rewriter, op.getLoc(), small);
    Value half = b.widen(op.getIn());
    Value magnitude = b.make<arith::AndIOp>(half, 0x7fff);
    Value sign = b.make<arith::ShLIOp>(b.make<arith::AndIOp>(half, 0x8000), 16);
    // Same bits in f32's fields, then the exponents' difference as a product:
    // exact for subnormals too.
    Value shifted = b.make<arith::ShLIOp>(magnitude, 13);
    Value finite =
        b.bits(b.make<arith::MulFOp>(b.real(shifted), b.real(0x1p112f)));
    Value special = b.make<arith::OrIOp>(shifted, 0x7f800000);
    Value result = b.select(b.greater(magnitude, 0x7bff), special, finite);
    replaceExtension(rewriter, op, b.real(b.make<arith::OrIOp>(result, sign)));
    return success();
  }
};

struct TruncateF16 : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &rewriter) const override {
    Type small = op.getType();
    if (!getElementTypeOrSelf(small).isF16())
      return failure();
    Bits b(rewriter, op.getLoc(), small);
    Value bits = b.bits(toF32(rewriter, op.getLoc(), op.getIn()));
    Value magnitude = b.make<arith::AndIOp>(bits, 0x7fffffff);
    Value sign =
        b.make<arith::AndIOp>(b.make<arith::ShRUIOp>(bits, 16), 0x8000);
    // Round half to even on the 13 bits that go; a carry may reach the
    // exponent, up to infinity.
    Value odd = b.make<arith::AndIOp>(b.make<arith::ShRUIOp>(magnitude, 13), 1);
    Value rounded = b.make<arith::AddIOp>(b.make<arith::AddIOp>(magnitude, odd),
                                          0xfffu - (112u << 23));
    Value normal = b.make<arith::ShRUIOp>(rounded, 13);
    // 0.5 has the unit of f16's subnormals as its last bit: the addition
    // rounds.
    Value sum = b.make<arith::AddFOp>(b.real(magnitude), b.real(0.5f));
    Value subnormal = b.make<arith::SubIOp>(b.bits(sum), 0x3f000000);
    Value nan = b.make<arith::OrIOp>(
        b.make<arith::AndIOp>(b.make<arith::ShRUIOp>(magnitude, 13), 0x3ff),
        0x7e00);
    Value result =
        b.select(b.greater(magnitude, 0x387fffff), normal, subnormal);
    result =
        b.select(b.greater(magnitude, 0x477fffff), b.constant(0x7c00), result);
    result = b.select(b.greater(magnitude, 0x7f800000), nan, result);
    rewriter.replaceOp(op, b.narrow(b.make<arith::OrIOp>(result, sign), small));
    return success();
  }
};

struct ExtendBF16 : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::ExtFOp op,
                                PatternRewriter &rewriter) const override {
    Type small = op.getIn().getType();
    if (!getElementTypeOrSelf(small).isBF16())
      return failure();
    Bits b(rewriter, op.getLoc(), small);
    replaceExtension(rewriter, op,
                     b.real(b.make<arith::ShLIOp>(b.widen(op.getIn()), 16)));
    return success();
  }
};

struct TruncateBF16 : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &rewriter) const override {
    Type small = op.getType();
    if (!getElementTypeOrSelf(small).isBF16())
      return failure();
    Bits b(rewriter, op.getLoc(), small);
    Value bits = b.bits(toF32(rewriter, op.getLoc(), op.getIn()));
    Value odd = b.make<arith::AndIOp>(b.make<arith::ShRUIOp>(bits, 16), 1);
    Value rounded =
        b.make<arith::AddIOp>(b.make<arith::AddIOp>(bits, odd), 0x7fff);
    // Rounding could carry a NaN's payload into the sign.
    Value nan = b.make<arith::OrIOp>(bits, 0x400000);
    Value magnitude = b.make<arith::AndIOp>(bits, 0x7fffffff);
    Value result = b.select(b.greater(magnitude, 0x7f800000), nan, rounded);
    rewriter.replaceOp(op, b.narrow(b.make<arith::ShRUIOp>(result, 16), small));
    return success();
  }
};

bool isSmall(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isF16() || element.isBF16();
}

/// Integers come through f64, which holds all that the rounding has to see.
template <typename Op> struct FromInteger : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    if (!isSmall(op.getType()))
      return failure();
    Location loc = op.getLoc();
    Value value = op.getIn();
    if (getElementTypeOrSelf(value).isInteger(64))
      value = shorten(rewriter, loc, value);
    Value wide = Op::create(
        rewriter, loc, withElement(op.getType(), rewriter.getF64Type()), value);
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), wide);
    return success();
  }

  /// From 2^53 on the last 11 bits matter only by whether one of them is set.
  static Value shorten(PatternRewriter &rewriter, Location loc, Value value) {
    auto number = [&](int64_t n) -> Value {
      TypedAttr attr = rewriter.getI64IntegerAttr(n);
      if (auto shaped = dyn_cast<ShapedType>(value.getType()))
        attr = DenseElementsAttr::get(shaped, Attribute(attr));
      return arith::ConstantOp::create(rewriter, loc, attr);
    };
    auto notZero = [&](Value x) {
      return arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::ne, x,
                                   number(0));
    };
    Value low = arith::AndIOp::create(rewriter, loc, value, number(2047));
    Value high = arith::SubIOp::create(rewriter, loc, value, low);
    Value sticky = arith::SelectOp::create(rewriter, loc, notZero(low),
                                           number(1024), number(0));
    Value sign = arith::ShRSIOp::create(rewriter, loc, value, number(63));
    Value magnitude = arith::XOrIOp::create(rewriter, loc, value, sign);
    Value beyond = arith::ShRUIOp::create(rewriter, loc, magnitude, number(53));
    return arith::SelectOp::create(
        rewriter, loc, notZero(beyond),
        arith::OrIOp::create(rewriter, loc, high, sticky), value);
  }
};

/// What folding made of an operation on f32 is one on f32 again.
Value widened(PatternRewriter &rewriter, Location loc, Value small) {
  return arith::ExtFOp::create(
      rewriter, loc, withElement(small.getType(), rewriter.getF32Type()),
      small);
}
template <typename Op> struct ToInteger : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    if (!isSmall(op.getIn().getType()))
      return failure();
    rewriter.replaceOpWithNewOp<Op>(op, op.getType(),
                                    widened(rewriter, op.getLoc(), op.getIn()));
    return success();
  }
};
struct Compare : OpRewritePattern<arith::CmpFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::CmpFOp op,
                                PatternRewriter &rewriter) const override {
    if (!isSmall(op.getLhs().getType()))
      return failure();
    rewriter.replaceOpWithNewOp<arith::CmpFOp>(
        op, op.getPredicate(), widened(rewriter, op.getLoc(), op.getLhs()),
        widened(rewriter, op.getLoc(), op.getRhs()));
    return success();
  }
};

/// A chip that converts f16 does so from f32 alone.
struct TruncateF64 : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getIn()).isF64() ||
        !getElementTypeOrSelf(op.getType()).isF16())
      return failure();
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(
        op, op.getType(), toF32(rewriter, op.getLoc(), op.getIn()));
    return success();
  }
};

struct ExpandSmallFloats
    : stepwell::impl::ExpandSmallFloatsPassBase<ExpandSmallFloats> {
  using ExpandSmallFloatsPassBase::ExpandSmallFloatsPassBase;
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    // First nothing but extensions and truncations, then none of those.
    RewritePatternSet others(context);
    others.add<Compare, FromInteger<arith::SIToFPOp>,
               FromInteger<arith::UIToFPOp>, ToInteger<arith::FPToSIOp>,
               ToInteger<arith::FPToUIOp>>(context);
    walkAndApplyPatterns(getOperation(), std::move(others));
    RewritePatternSet patterns(context);
    patterns.add<ExtendBF16, TruncateBF16>(context);
    if (f16)
      patterns.add<ExtendF16, TruncateF16>(context);
    else
      patterns.add<TruncateF64>(context);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace
