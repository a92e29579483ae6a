//===- InF32.cpp - Functions of f32, in f32 -------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Within 2 ULP (docs/math.md has what was measured), with as many lanes as a
// vector has. Only operations that round once everywhere: the same bits on
// every chip.
//===----------------------------------------------------------------------===//
#include "Coefficients.h"
#include "Formula.h"

using namespace stepwell::expandmath;
namespace em = stepwell::expandmath;

static constexpr double kMagicF32 = 0x1.8p23;
static constexpr double kLog2E = 0x1.715476p+0;
// ln2 and log10(2) in two words, log2(e) and log10(e) too.
static constexpr double kLn2Hi = 0x1.62e43p-1, kLn2Lo = -0x1.05c61p-29;
static constexpr double kLog2ELo = 0x1.4ae0cp-26;
static constexpr double kLog10E = 0x1.bcb7b2p-2, kLog10ELo = -0x1.5b235ep-27;
static constexpr double kLog10Of2 = 0x1.344136p-2, kLog10Of2Lo = -0x1.ec10cp-27;
static constexpr uint64_t kOne = 0x3f800000;

//===--- Exponentials -----------------------------------------------------===//

namespace {
/// exp(x) = 2^k (1 + e).
struct Power {
  Int k; // its lowest 9 bits
  Real e;
};
} // namespace

/// e^r - 1 for |r| <= ln2 / 2.
static Real lessOne(Real r) {
  return fma(r * r, chained(r, kExpF32), r, Sum::Long);
}

/// x - k ln2 for k = round(x / ln2): at least 2^-49 where k is not 0, and all
/// of its bits above that.
static Real reduced(Real x, Real k) {
  return fma(k, -kLn2Lo, fma(k, -kLn2Hi, x, Sum::Exact), Sum::Exact);
}

/// 2^k, a normal number.
static Real wholePower(Int k) { return real((k << 23) + kOne); }

/// y * 2^k for a normal y, with one rounding: two factors, as the result may be
/// subnormal.
static Real scaled(Real y, Int k) {
  Int half = (k << 22) & 0xff800000u;
  Int rest = (k << 23) - half;
  return y * real(half + kOne) * real(rest + kOne);
}

/// The same for -190 <= k <= 0: one factor is always the same.
static Real scaledDown(Real y, Int k) {
  return y * real((k << 23) + (kOne + (uint64_t(64) << 23))) * 0x1p-64;
}

/// For -104 <= x <= 89.
static Power power(Real x) {
  Real sum = fma(x, kLog2E, x.lit(kMagicF32)), k = sum - kMagicF32;
  return {bits(sum), lessOne(reduced(x, k))};
}

Real em::f32::exp(Real x) {
  Power p = power(clamp(x, -104, 89));
  return scaled(p.e + 1.0, p.k);
}

Real em::f32::exp2(Real x) {
  x = clamp(x, -151, 129);
  Real sum = x + kMagicF32, r = x - (sum - kMagicF32);
  return scaled(fma(r, chained(r, kExp2F32), 1.0), bits(sum));
}

Real em::f32::expm1(Real x) {
  Real a = clamp(x, -18, 89);
  Real sum = fma(a, kLog2E, a.lit(kMagicF32)), k = sum - kMagicF32;
  // 2^128 is no f32.
  double top = kMagicF32 + 127;
  Bool above = sum > top;
  Real scale = wholePower(bits(select(above, top, sum)));
  Real y = fmaOfExact(scale, lessOne(reduced(a, k)), scale - 1.0);
  return copySign(select(above, y + y, y), x); // -0
}

//===--- Logarithms -------------------------------------------------------===//

namespace {
/// x = 2^k m with 2/3 <= m < 4/3, for a positive normal x.
struct Split {
  Int field; // k in the place of an exponent
  Real k;    // k * 2^23
};
} // namespace

static Split split(Real x) {
  Int field = (bits(x) - 0x3f2aaaab) & 0xff800000u;
  const Maker &maker = *x.maker;
  return {field,
          {mlir::arith::SIToFPOp::create(maker.builder, maker.loc, maker.real,
                                         field.value),
           &maker}};
}

static constexpr double kLeast = 0x1p-126;

/// What is not subnormal; the rest 2^23 times as large.
static Real normalized(Real x) { return select(x < kLeast, x * 0x1p23, x); }

/// The ends of a logarithm: `y` is that of normalized(x), and `more` that of
/// 2^23.
static Real ends(Real x, Real y, double more) {
  Bool rare = (x < kLeast) | notBelow(x, kInf);
  return unless(rare, y, [&] {
    Real subnormal = select(x < kInf, y - more, x);
    return select(x > 0.0, subnormal, select(x == 0.0, x.lit(-kInf), kNaN));
  });
}

/// log(1 + f) for -1/3 <= f <= 1/3, and k ln2.
static Real naturalLog(Real f, Real k) {
  // Where f is tiny, k is 0 and the square, too; elsewhere y has no bits below
  // 2^-48, and the product none below 2^-21.
  Real y = fma(f * f, chained(f, kLogF32), f, Sum::Long);
  return fma(k, kLn2Hi * 0x1p-23, y, Sum::Exact);
}

Real em::f32::log(Real x) {
  Real n = normalized(x);
  Split s = split(n);
  Real f = real(bits(n) - s.field) - 1.0;
  return ends(x, naturalLog(f, s.k), 23 * kLn2Hi);
}

Real em::f32::log2(Real x) {
  Real n = normalized(x);
  Split s = split(n);
  Real f = real(bits(n) - s.field) - 1.0;
  // f is 0 or at least 2^-24.
  Real y = fma(f, kLog2ELo, f * f * chained(f, kLog2F32), Sum::Long);
  y = fma(f, kLog2E, y, Sum::Long);
  return ends(x, fmaOfExact(s.k, x.lit(0x1p-23), y), 23);
}

Real em::f32::log10(Real x) {
  Real n = normalized(x);
  Split s = split(n);
  Real f = real(bits(n) - s.field) - 1.0;
  Real y = fma(f, kLog10ELo, f * f * chained(f, kLog10F32), Sum::Long);
  y = fma(s.k, kLog10Of2Lo * 0x1p-23, y, Sum::Long);
  y = fma(f, kLog10E, y, Sum::Long);
  return ends(x, fma(s.k, kLog10Of2 * 0x1p-23, y, Sum::Exact), 23 * kLog10Of2);
}

Real em::f32::log1p(Real x) {
  Real u = x + 1.0;
  Split s = split(u);
  // (1 + x) 2^-k - 1 from x, which 1 + x may have lost digits of.
  Real power = real(s.field.lit(0x40800000) - s.field); // 2^(2 - k)
  Real f =
      real(bits(x) - s.field) + fmaOfExact(power, x.lit(0.25), x.lit(-1.0));
  Real y = naturalLog(f, s.k);
  y = unless((u < kLeast) | notBelow(u, kInf), y, [&] {
    return select(u > 0.0, u, select(u == 0.0, u.lit(-kInf), kNaN));
  });
  return select(x == 0.0, x, y); // -0
}

//===--- The others -------------------------------------------------------===//

Real em::f32::tanh(Real x) {
  Real z = x * x, near = fma(x * z, chained(z, kTanhF32), x, Sum::Long);
  // 1 from 9.02 on.
  Real a = abs(x);
  Power p = power(clamp(a, 0, 10) * 2.0);
  Real scale = wholePower(p.k);
  Real far = 1.0 - 2.0 / fmaOfExact(scale, p.e, scale + 1.0);
  return copySign(select(a < 0x1.333334p-1, near, far), x); // -0
}

Real em::f32::erf(Real x) {
  Real near = fma(x, chained(x * x, kErfNearF32), x, Sum::Long);
  // 1 from 3.92 on.
  Real a = abs(x);
  Power p = power(-chained(select(a > 4.0, 0x1.fffffep1, a), kErfFarF32));
  Real scale = wholePower(p.k);
  Real far = 1.0 - fmaOfExact(scale, p.e, scale);
  return select(a < 1.0, near, copySign(far, x));
}

Real em::f32::rsqrt(Real x) {
  // From the bits, 3.5 % off, by a step of third order and one of second: a
  // third of the time of a root and a division.
  Int half = bits(x) >> 1;
  Real y = real(half.lit(0x5f375a86) - half);
  Real e = fma(-(x * y), y, y.lit(1.0), Sum::Exact);
  y = fma(y * e, fma(e, 0.375, e.lit(0.5), Sum::Exact), y, Sum::Long);
  e = fma(-(x * y), y, y.lit(1.0), Sum::Exact);
  return unless(notBelow(abs(e), 0x1p-12), fma(y * 0.5, e, y, Sum::Long),
                [&] { return 1.0 / sqrt(x); });
}

/// What is missing in the quotient q = n / (1 + z): the sum has lost `lost`,
/// and the numerator `more`. 1 - z/2 is near enough to the inverse.
static Real corrected(Real q, Real z, Real lost, Real more) {
  return fma(fma(-q, lost, more), fmaOfExact(z, z.lit(-0.5), z.lit(1.0)), q,
             Sum::Long);
}

Real em::f32::sigmoid(Real x) {
  Real a = -abs(x);
  Power p = power(select(a < -104.0, -104, a));
  Real z = scaledDown(p.e + 1.0, p.k), sum = z + 1.0, lost = z - (sum - 1.0);
  Real q = select(x < 0.0, z, 1.0) / sum;
  return fma(q * lost, fmaOfExact(z, z.lit(0.5), z.lit(-1.0)), q, Sum::Long);
}

Real em::f32::silu(Real x) {
  // Of negative ones x (1 + e) / (1 + z) 2^k, so that 2^k comes last.
  Real a = -abs(x);
  a = select(a < -110.0, -110, a);
  Power p = power(a);
  Real high = p.e + 1.0, low = p.e - (high - 1.0);
  Real z = scaledDown(high, p.k), sum = z + 1.0, lost = z - (sum - 1.0);
  Real n = a * high,
       more = fma(a, low, fma(a, high, -n, Sum::Exact), Sum::Exact);
  Bool negative = x < 0.0;
  Real q = select(negative, n, x) / sum;
  Real left = scaledDown(corrected(q, z, lost, more), p.k);
  left = real(bits(left) | 0x80000000u); // -0
  return select(negative, fmaOfExact(x, x.lit(0.0), left),
                q); // NaN of minus infinity
}

/// Even and odd terms on their own, which wait less for each other.
template <size_t n> static Real halved(Real x, const float (&c)[n]) {
  Real square = x * x;
  auto chain = [&](size_t first) {
    size_t i = first + (n - 1 - first) / 2 * 2;
    Real sum = x.lit(c[i]);
    while (i > first)
      sum = fma(sum, square, x.lit(c[i -= 2]));
    return sum;
  };
  return fma(x, chain(1), chain(0));
}

Real em::f32::gelu(Real x) {
  // max(x, 0) - a exp(-a^2 / 2) G(a), where (a + c) G(a) is a polynomial in
  // t = (a - c) / (a + c), with what most of the roundings lose.
  constexpr double c = 2.75;
  Real a = abs(x);
  a = select(a > 15.0, 15, a);
  // exp(-a^2 / 2) = 2^k exp(r + rLow) = 2^k (1 + r + v)
  Real b = a * -0.5, q = a * b, qLow = fma(a, b, -q, Sum::Exact);
  Real sum = fma(q, kLog2E, q.lit(kMagicF32)), k = sum - kMagicF32;
  Real r = fma(k, -kLn2Hi, q, Sum::Exact);
  Real rLow = fma(k, -kLn2Lo, qLow, Sum::Exact);
  Real rest = r * r * chained(r, kExpF32);
  Real v = fma(rLow, (r + 1.0) + rest, rest, Sum::Long);

  // j + jLow = a / (a + c)
  Real d = a + c, lost = a - (d - c), inverse = 1.0 / d;
  Real j = a * inverse,
       jLow = inverse * fma(-j, lost, fma(-j, d, a, Sum::Exact));
  Real t = fmaOfExact(j, j.lit(2.0), j.lit(-1.0)), p = halved(t, kGeluF32);
  Real g = fma(t, p, kGeluF32First);
  Real gLow = fma(t, p, t.lit(kGeluF32First) - g, Sum::Exact);
  gLow = fma(jLow + jLow, p, gLow, Sum::Long); // of t

  Real y = j * g;
  Real low = fma(jLow, g, fma(j, g, -y, Sum::Exact), Sum::Long);
  low = fma(y, v, low, Sum::Long);
  y = scaledDown(y + fma(y, r, fma(j, gLow, low, Sum::Long), Sum::Long),
                 bits(sum));
  return select(x < 0.0, -(x - x), x) - y; // NaN of minus infinity
}
