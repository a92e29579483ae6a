//===- Formula.h - Formulas over floats and bits, as written ----*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_TRANSFORMS_EXPANDMATH_FORMULA_H
#define STEPWELL_TRANSFORMS_EXPANDMATH_FORMULA_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/ScopeExit.h"

#include <bit>
#include <limits>

namespace stepwell::expandmath {

/// Where formulas are built: all of one shape, scalar or vector, over f64 and
/// i64 or over f32 and i32.
struct Maker {
  mlir::OpBuilder &builder;
  mlir::Location loc;
  mlir::Type real, word;
  /// How multiply-adds are done: by the chip, by arithmetic with one rounding,
  /// or with two: those that could show are told (roundedOnce), or are not.
  enum Fma { Chip, Emulated, Doubted, Unfused };
  mutable Fma fma = Chip;
  /// Whether a Doubted multiply-add may have been rounded twice; null: not one.
  mutable mlir::Value doubt = {};
  bool isF32() const { return mlir::getElementTypeOrSelf(real).isF32(); }
};

/// A truth value per element.
struct Bool {
  mlir::Value value;
  const Maker *maker;
  Bool operator&(Bool o) const {
    return {
        mlir::arith::AndIOp::create(maker->builder, maker->loc, value, o.value),
        maker};
  }
  Bool operator|(Bool o) const {
    return {
        mlir::arith::OrIOp::create(maker->builder, maker->loc, value, o.value),
        maker};
  }
};

/// A float. No operation is fused but where a formula says so, so that every
/// chip gives the same bits.
struct Real {
  mlir::Value value;
  const Maker *maker;

  Real lit(double c) const {
    mlir::Type type = maker->real;
    mlir::TypedAttr attr =
        maker->builder.getFloatAttr(mlir::getElementTypeOrSelf(type), c);
    if (auto shaped = mlir::dyn_cast<mlir::ShapedType>(type))
      attr = mlir::DenseElementsAttr::get(shaped, attr);
    return {mlir::arith::ConstantOp::create(maker->builder, maker->loc, attr),
            maker};
  }
  template <typename Op> Real make(Real o) const {
    return {Op::create(maker->builder, maker->loc, value, o.value), maker};
  }
  template <typename Op> Real make() const {
    return {Op::create(maker->builder, maker->loc, value), maker};
  }
  Bool compare(mlir::arith::CmpFPredicate p, Real o) const {
    return {mlir::arith::CmpFOp::create(maker->builder, maker->loc, p, value,
                                        o.value),
            maker};
  }
};

inline Real operator+(Real a, Real b) { return a.make<mlir::arith::AddFOp>(b); }
inline Real operator-(Real a, Real b) { return a.make<mlir::arith::SubFOp>(b); }
inline Real operator*(Real a, Real b) { return a.make<mlir::arith::MulFOp>(b); }
inline Real operator/(Real a, Real b) { return a.make<mlir::arith::DivFOp>(b); }
inline Real operator+(Real a, double b) { return a + a.lit(b); }
inline Real operator-(Real a, double b) { return a - a.lit(b); }
inline Real operator*(Real a, double b) { return a * a.lit(b); }
inline Real operator+(double a, Real b) { return b.lit(a) + b; }
inline Real operator-(double a, Real b) { return b.lit(a) - b; }
inline Real operator*(double a, Real b) { return b.lit(a) * b; }
inline Real operator/(double a, Real b) { return b.lit(a) / b; }
inline Real operator-(Real a) { return a.make<mlir::arith::NegFOp>(); }
// Ordered: false where either is NaN, except !=.
#define STEPWELL_COMPARE(op, name)                                             \
  inline Bool operator op(Real a, Real b) {                                    \
    return a.compare(mlir::arith::CmpFPredicate::name, b);                     \
  }                                                                            \
  inline Bool operator op(Real a, double b) { return a op a.lit(b); }
STEPWELL_COMPARE(<, OLT)
STEPWELL_COMPARE(>, OGT)
STEPWELL_COMPARE(>=, OGE)
STEPWELL_COMPARE(==, OEQ)
STEPWELL_COMPARE(!=, UNE)
#undef STEPWELL_COMPARE
/// True of NaN.
inline Bool notAbove(Real a, double b) {
  return a.compare(mlir::arith::CmpFPredicate::ULE, a.lit(b));
}
inline Bool notBelow(Real a, double b) {
  return a.compare(mlir::arith::CmpFPredicate::UGE, a.lit(b));
}

inline Real abs(Real a) { return a.make<mlir::math::AbsFOp>(); }
inline Real sqrt(Real a) { return a.make<mlir::math::SqrtOp>(); }
inline Real floor(Real a) { return a.make<mlir::math::FloorOp>(); }
inline Real select(Bool c, Real a, Real b) {
  return {mlir::arith::SelectOp::create(a.maker->builder, a.maker->loc, c.value,
                                        a.value, b.value),
          a.maker};
}
inline Real select(Bool c, double a, Real b) { return select(c, b.lit(a), b); }
inline Real select(Bool c, Real a, double b) { return select(c, a, a.lit(b)); }
/// NaN stays NaN.
inline Real clamp(Real x, double low, double high) {
  x = select(x > high, high, x);
  return select(x < low, low, x);
}
/// `usual` but where `rare` holds: that is computed by `otherwise` only when
/// some element needs it.
inline Real unless(Bool rare, Real usual, llvm::function_ref<Real()> otherwise);

/// An integer of a float's width, wrapping.
struct Int {
  mlir::Value value;
  const Maker *maker;
  Int lit(uint64_t c) const {
    mlir::Type element = mlir::getElementTypeOrSelf(maker->word);
    mlir::TypedAttr attr = mlir::IntegerAttr::get(
        element, llvm::APInt(element.getIntOrFloatBitWidth(), c,
                             /*isSigned=*/false, /*implicitTrunc=*/true));
    if (auto shaped = mlir::dyn_cast<mlir::ShapedType>(maker->word))
      attr = mlir::DenseElementsAttr::get(shaped, attr);
    return {mlir::arith::ConstantOp::create(maker->builder, maker->loc, attr),
            maker};
  }
  template <typename Op> Int make(Int o) const {
    return {Op::create(maker->builder, maker->loc, value, o.value), maker};
  }
};
#define STEPWELL_INT(op, Name)                                                 \
  inline Int operator op(Int a, Int b) {                                       \
    return a.make<mlir::arith::Name>(b);                                       \
  }                                                                            \
  inline Int operator op(Int a, uint64_t b) { return a op a.lit(b); }
STEPWELL_INT(+, AddIOp)
STEPWELL_INT(-, SubIOp)
STEPWELL_INT(*, MulIOp)
STEPWELL_INT(&, AndIOp)
STEPWELL_INT(|, OrIOp)
STEPWELL_INT(<<, ShLIOp)
STEPWELL_INT(>>, ShRUIOp) // logical
#undef STEPWELL_INT
inline Int signedShift(Int a, uint64_t b) {
  return a.make<mlir::arith::ShRSIOp>(a.lit(b));
}
inline Bool less(Int a, Int b) { // unsigned
  return {mlir::arith::CmpIOp::create(a.maker->builder, a.maker->loc,
                                      mlir::arith::CmpIPredicate::ult, a.value,
                                      b.value),
          a.maker};
}
inline Bool nonZero(Int a) {
  return {mlir::arith::CmpIOp::create(a.maker->builder, a.maker->loc,
                                      mlir::arith::CmpIPredicate::ne, a.value,
                                      a.lit(0).value),
          a.maker};
}
inline Int select(Bool c, Int a, Int b) {
  return {mlir::arith::SelectOp::create(a.maker->builder, a.maker->loc, c.value,
                                        a.value, b.value),
          a.maker};
}
inline Int bits(Real a) {
  return {mlir::arith::BitcastOp::create(a.maker->builder, a.maker->loc,
                                         a.maker->word, a.value),
          a.maker};
}
inline Real unless(Bool rare, Real usual,
                   llvm::function_ref<Real()> otherwise) {
  const Maker &maker = *usual.maker;
  mlir::OpBuilder &builder = maker.builder;
  mlir::Location loc = maker.loc;
  // What is built in a branch must not be asked for outside of it.
  Maker::Fma outside = maker.fma;
  if (outside == Maker::Doubted)
    maker.fma = Maker::Emulated;
  llvm::scope_exit restore([&] { maker.fma = outside; });
  if (mlir::isa<mlir::ShapedType>(rare.value.getType()))
    return select(rare, otherwise(), usual);
  auto branch = mlir::scf::IfOp::create(builder, loc, maker.real, rare.value,
                                        /*withElseRegion=*/true);
  mlir::OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(branch.thenBlock());
  mlir::scf::YieldOp::create(builder, loc, otherwise().value);
  builder.setInsertionPointToStart(branch.elseBlock());
  mlir::scf::YieldOp::create(builder, loc, usual.value);
  return {branch.getResult(0), &maker};
}
inline Real real(Int a) {
  return {mlir::arith::BitcastOp::create(a.maker->builder, a.maker->loc,
                                         a.maker->real, a.value),
          a.maker};
}

/// In integers: LLVM moves math.copysign past conversions to f16 that no chip
/// has.
inline Real copySign(Real a, Real b) {
  uint64_t sign = a.maker->isF32() ? 0x80000000u : 0x8000000000000000u;
  return real((bits(a) & ~sign) | (bits(b) & sign));
}

inline constexpr double kInf = std::numeric_limits<double>::infinity();
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kMagic = 0x1.8p52;

/// An integer-valued Real below 2^51 as an Int; anything for NaN, never poison.
inline Int toInt(Real k) { return bits(k + kMagic) - bits(k.lit(kMagic)); }
/// An Int of magnitude below 2^51 as a Real, exactly.
inline Real toReal(Int k) {
  Real magic{k.value, k.maker};
  magic = magic.lit(kMagic);
  return real(k + bits(magic)) - magic;
}
/// The nearest integer, for |x| < 2^51.
inline Real nearest(Real x) { return (x + kMagic) - kMagic; }
/// 2^k for -1022 <= k <= 1023.
inline Real powerOfTwo(Int k) { return real((k + 1023) << 52); }
/// y * 2^k with one rounding, |k| <= 2044.
inline Real scale(Real y, Int k) {
  Int half = signedShift(k, 1);
  return y * powerOfTwo(half) * powerOfTwo(k - half);
}
template <size_t n> Real horner(Real x, const double (&c)[n]) {
  Real sum = x.lit(c[n - 1]);
  for (size_t i = n - 1; i-- > 0;)
    sum = sum * x + c[i];
  return sum;
}
/// x * y + z with one rounding, on every chip, for finite numbers that are far
/// from over- and underflow. The sign of a zero is not told.
Real emulatedFma(Real x, Real y, Real z);
/// What a formula knows of x * y + z in f32, for chips that do it in f64.
enum class Sum {
  /// Nothing.
  Any,
  /// Exact in f64 where it is a subnormal number; the same of all below.
  /// The product may have few digits, so that exact sums often end just between
  /// two numbers of f32.
  Short,
  /// The product has so many digits that they hardly ever do.
  Long,
  /// In f64 the sum is exact, or at least not rounded to such an end.
  Exact
};
/// The same of f32. Where multiply-adds are Doubted, maker.doubt tells the
/// elements that may have been rounded twice.
Real emulatedFma32(Real x, Real y, Real z, Sum known);
/// What `build` makes of f32, with one rounding to each multiply-add: in f64,
/// and once more with a sum to odd for elements in doubt.
Real roundedOnce(const Maker &maker, llvm::function_ref<Real()> build);
inline Real fma(Real x, Real y, Real z, Sum known = Sum::Short) {
  const Maker &maker = *x.maker;
  if (maker.fma == Maker::Unfused)
    return x * y + z;
  if (maker.fma != Maker::Chip)
    return maker.isF32() ? emulatedFma32(x, y, z, known) : emulatedFma(x, y, z);
  return {mlir::math::FmaOp::create(maker.builder, maker.loc, x.value, y.value,
                                    z.value),
          x.maker};
}
/// The same where the product is exact in f32, or so small beside the summand
/// that it does not matter.
inline Real fmaOfExact(Real x, Real y, Real z) {
  return x.maker->fma == Maker::Chip ? fma(x, y, z) : x * y + z;
}
inline Real fma(Real x, double y, Real z, Sum known = Sum::Short) {
  return fma(x, x.lit(y), z, known);
}
inline Real fma(Real x, Real y, double z) { return fma(x, y, x.lit(z)); }
inline Real fma(Real x, double y, double z) {
  return fma(x, x.lit(y), x.lit(z));
}
/// A fused one with less waiting: even and odd terms each on their own, from 14
/// terms on every fourth one.
template <size_t n> Real fused(Real x, const double (&c)[n]) {
  constexpr size_t ways = n < 4 ? 1 : n < 14 ? 2 : 4;
  Real power = x;
  for (size_t way = 1; way < ways; way *= 2)
    power = power * power;
  auto chain = [&](size_t first) {
    size_t i = first + (n - 1 - first) / ways * ways;
    Real sum = x.lit(c[i]);
    while (i > first)
      sum = fma(sum, power, c[i -= ways]);
    return sum;
  };
  if constexpr (ways == 1)
    return chain(0);
  Real low = fma(x, chain(1), chain(0));
  if constexpr (ways == 2)
    return low;
  return fma(x * x, fma(x, chain(3), chain(2)), low);
}

/// Term by term: the fewest operations, each of which waits for the last.
template <size_t n> Real chained(Real x, const float (&c)[n]) {
  Real sum = x.lit(c[n - 1]);
  for (size_t i = n - 1; i-- > 0;)
    sum = fma(sum, x, x.lit(c[i]));
  return sum;
}

/// An unevaluated sum, |lo| <= ulp(hi) / 2.
struct Pair {
  Real hi, lo;
};
/// Dekker 1971: exact where |a| >= |b|.
inline Pair fastTwoSum(Real a, Real b) {
  Real s = a + b;
  return {s, b - (s - a)};
}
/// Knuth: exact.
inline Pair twoSum(Real a, Real b) {
  Real s = a + b, t = s - a;
  return {s, (a - (s - t)) + (b - t)};
}
/// The upper 26 bits of a, so that products of two such are exact.
inline Real upper(Real a) { return real(bits(a) & 0xfffffffff8000000u); }
inline Pair twoProduct(Real a, Real b) {
  Real ah = upper(a), al = a - ah, bh = upper(b), bl = b - bh;
  Real p = a * b;
  return {p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}
inline Pair operator*(Pair a, Pair b) {
  Pair p = twoProduct(a.hi, b.hi);
  return fastTwoSum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}
inline Pair operator+(Pair a, Pair b) {
  Pair s = twoSum(a.hi, b.hi);
  return fastTwoSum(s.hi, s.lo + (a.lo + b.lo));
}

/// Functions of f32, computed in f32.
namespace f32 {
Real exp(Real), exp2(Real), expm1(Real);
Real log(Real), log1p(Real), log2(Real), log10(Real);
Real tanh(Real), erf(Real), rsqrt(Real);
Real sigmoid(Real), silu(Real), gelu(Real);
} // namespace f32
/// Functions of f32, computed in f64 and rounded once.
namespace single {
Real sin(Real), cos(Real), tan(Real), erfc(Real);
/// x^y for finite x > 0 and finite y.
Real power(Real x, Real y);
} // namespace single
/// Of f32 arguments too large for the usual reduction.
Real sinOfHuge(Real), cosOfHuge(Real), tanOfHuge(Real);

/// Computes in f32 what a record computes in f64 and rounds to f32, where
/// there is such a form: sigmoid, silu, gelu.
void computeInF32(mlir::arith::TruncFOp rounding, Maker::Fma fma);

// The functions, over f64. `forF32`: the argument is an f32, and so will the
// result be.
Real exp(Real), exp2(Real), expm1(Real);
/// exp(x + low) * 2^shift.
Real expScaled(Real x, Real low, int shift);
Real log(Real), log1p(Real), log2(Real), log10(Real);
/// log(x) in about 68 bits, for finite x > 0.
Pair logPair(Real x);
Real sin(Real), cos(Real), tan(Real);
Real asin(Real), acos(Real), atan(Real), atan2(Real y, Real x);
Real sinh(Real), cosh(Real), tanh(Real), asinh(Real), acosh(Real), atanh(Real);
Real erf(Real), erfc(Real);
Real pow(Real, Real, bool forF32), cbrt(Real), rsqrt(Real);
/// x * y + z, rounded once: of f32 to f64 that rounds to f32 as it should, and
/// of f64.
Real fma32(Real x, Real y, Real z), fma64(Real x, Real y, Real z);
/// C's fmod, exactly, of f32 and of f64 arguments.
Real fmod32(Real, Real), fmod64(Real, Real);

} // namespace stepwell::expandmath

#endif // STEPWELL_TRANSFORMS_EXPANDMATH_FORMULA_H
