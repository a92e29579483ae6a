//===- Single.cpp - Functions of f32, in f64 ------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Relative errors stay near 2^-49, so that the rounding to f32 is the only one
// to be seen. That takes no pairs, and the exponents of f64 spare the cases of
// subnormal and overflowing numbers.
//===----------------------------------------------------------------------===//
#include "Coefficients.h"
#include "Formula.h"

using namespace mlir;
using namespace stepwell::expandmath;
namespace em = stepwell::expandmath;

/// An f64 value computed by operations on f32: `like` is an f64.
static Type asF32(Real like) {
  OpBuilder &builder = like.maker->builder;
  if (auto shaped = dyn_cast<ShapedType>(like.maker->real))
    return shaped.clone(builder.getF32Type());
  return builder.getF32Type();
}

/// n / d for |d| in the range of f32: a division of f32, which is far quicker,
/// and one step of Newton's method.
static Real quotient(Real n, Real d) {
  const Maker &maker = *d.maker;
  OpBuilder &builder = maker.builder;
  Value narrow = arith::TruncFOp::create(builder, maker.loc, asF32(d), d.value);
  TypedAttr one = builder.getF32FloatAttr(1);
  if (auto shaped = dyn_cast<ShapedType>(narrow.getType()))
    one = DenseElementsAttr::get(shaped, Attribute(one));
  Value inverse = arith::DivFOp::create(
      builder, maker.loc, arith::ConstantOp::create(builder, maker.loc, one),
      narrow);
  Real y{arith::ExtFOp::create(builder, maker.loc, maker.real, inverse),
         &maker};
  Real q = n * y;
  return fma(fma(-d, q, n), y, q);
}

namespace {
/// value = whole + fraction with whole an integer, and 2^whole.
struct Rounded {
  Real whole, scale;
};
} // namespace

/// The nearest integer to x * factor, below 1000. A magic number with 1023 at
/// its end leaves the exponent field of 2^k in the lowest bits of the sum.
static Rounded roundToScale(Real x, double factor) {
  Real sum = factor == 1 ? x + (kMagic + 1023) : fma(x, factor, kMagic + 1023);
  return {sum - (kMagic + 1023), real(bits(sum) << 52)};
}

// 1/ln2 in two words, the first of 29 bits: its product with an f32 is exact.
static constexpr double kLog2EHi = 0x1.7154765p+0;
static constexpr double kLog2ELo = 0x1.5c17f0bbbe87fp-31;

namespace {
/// scale (1 + r p), |r| <= 1/2, where r p = 2^r - 1.
struct Exponential {
  Real r, p, scale;
  Real value() const { return fma(r * scale, p, scale); }
};
} // namespace

static Exponential scaledPower(Rounded k, Real r) {
  return {r, fused(r, kExp2Single), k.scale};
}

/// exp(x).
static Exponential exponential(Real x) {
  Rounded k = roundToScale(x, kLog2EHi);
  return scaledPower(k, fma(x, kLog2ELo, fma(x, kLog2EHi, -k.whole)));
}

namespace {
/// x = 2^k m with sqrt(1/2) <= m < sqrt(2), for x > 0. Of all that is no
/// positive f32, |k| > 200.
struct Split {
  Real k, m;
};
} // namespace

/// s (two + s^2 R(s^2)) of s = f / (2 + f): a multiple of log(1 + f).
template <size_t n>
static Real logOfOnePlus(Real f, double two, const double (&c)[n]) {
  Real s = quotient(f, f + 2.0), z = s * s;
  return s * fma(z, fused(z, c), two);
}

static constexpr uint64_t kSqrtHalf = 0x3fe6a09e667f3bcd;

static Split split(Real x) {
  // One more in the exponent field than k needs, so that it is no sign.
  Int b = bits(x) + (0x3ff0000000000000u - kSqrtHalf);
  Real k = real((b >> 52) | 0x4330000000000000u) - (0x1p52 + 1023);
  Real m = real((b & 0x000fffffffffffffu) + kSqrtHalf);
  return {k, m};
}

static constexpr double kLog2E = 0x1.71547652b82fep+0;

// pi/2 = A + B: the first has 33 bits.
static constexpr double kPiOver2Rest = 0x1.0b4611a626331p-34;

/// a - k pi/2 for whole k below 2^20.
static Real withoutQuarters(Real a, Real k) {
  return fma(k, -kPiOver2Rest, fma(k, -kPiOver2A, a));
}

/// sin(r) for |r| <= pi/2.
static Real sinOfHalfTurn(Real r) {
  Real z = r * r;
  return fma(r * z, fused(z, kSinSingle), r);
}

/// Beyond, multiples of pi/2 are found in integers.
static constexpr double kHuge = 0x1p20;

static Real flipped(Real y, Int sign) {
  return real(bits(y).make<arith::XOrIOp>(sign));
}
static Int signOf(Real x) { return bits(x) & 0x8000000000000000u; }

Real em::single::sin(Real x) {
  // |x| = k pi + r. The magic number's last bit is that of k.
  Real a = abs(x), sum = fma(a, 0x1.45f306dc9c883p-2, kMagic);
  Real k = sum - kMagic;
  Real y = sinOfHalfTurn(withoutQuarters(a, k + k));
  y = flipped(y, (bits(sum) << 63).make<arith::XOrIOp>(signOf(x)));
  return unless(a >= kHuge, y, [&] { return em::sinOfHuge(x); });
}

Real em::single::cos(Real x) {
  // |x| = (k - 1/2) pi + r, and the cosine is that of k pi times sin(r).
  Real a = abs(x), sum = fma(a, 0x1.45f306dc9c883p-2, 0.5) + kMagic;
  Real k = sum - kMagic;
  Real y = sinOfHalfTurn(withoutQuarters(a, (k + k) - 1.0));
  y = flipped(y, bits(sum) << 63);
  return unless(a >= kHuge, y, [&] { return em::cosOfHuge(x); });
}

Real em::single::tan(Real x) {
  Real a = abs(x), sum = fma(a, 0x1.45f306dc9c883p-1, kMagic);
  Real k = sum - kMagic;
  Real r = withoutQuarters(a, k), z = r * r;
  Real s = fma(r * z, fused(z, kSinQuarterSingle), r);
  Real c = fma(z, fused(z, kCosQuarterSingle), 1.0);
  Bool odd = nonZero(bits(sum) & 1);
  Real y = quotient(select(odd, -c, s), select(odd, s, c));
  y = flipped(y, signOf(x));
  return unless(a >= kHuge, y, [&] { return em::tanOfHuge(x); });
}

Real em::single::erfc(Real x) {
  Real a = clamp(abs(x), 0, 10.5);
  Real r = quotient(a.lit(1), a + 3.0);
  Real q = fused(fma(r, -6.0, 1.0), kErfcSingle);
  Real tail = exponential(-(a * a)).value() * (r * q);
  return select(x < 0.0, 2.0 - tail, tail);
}

Real em::single::power(Real x, Real y) {
  // y log2(x) = y k + y l: the first product is exact, and the second small.
  Split s = split(x);
  Real l = logOfOnePlus(s.m - 1.0, 2 * kLog2E, kLog2Single);
  Real high = y * s.k, low = y * l;
  Rounded n = roundToScale(clamp(high + low, -200, 200), 1);
  Real r = clamp((high - n.whole) + low, -0.5, 0.5);
  return scaledPower(n, r).value();
}
