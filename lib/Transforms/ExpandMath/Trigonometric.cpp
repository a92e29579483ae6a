//===- Trigonometric.cpp - sin, cos, tan
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Coefficients.h"
#include "Formula.h"

#include "llvm/ADT/SmallVector.h"

using namespace stepwell::expandmath;
namespace em = stepwell::expandmath;

namespace {
/// |x| = quadrant pi/2 + angle mod 2 pi, |angle| <= pi/4.
struct Reduced {
  Pair angle;
  Int quadrant;
};
} // namespace

/// The upper 64 bits of a * b.
static Int upperProduct(Int a, Int b) {
  Int al = a & 0xffffffffu, ah = a >> 32, bl = b & 0xffffffffu, bh = b >> 32;
  Int middle = ah * bl + ((al * bl) >> 32);
  Int other = al * bh + (middle & 0xffffffffu);
  return ah * bh + (middle >> 32) + (other >> 32);
}

/// Payne and Hanek 1983, in fixed point. |x| = M 2^e with whole M, so bits of
/// 2/pi that make multiples of 4 may be dropped: M times a window of the bits
/// from e - 2 on is the quotient mod 4, its upper two bits the quadrant.
static Reduced reduceHuge(Real a, bool forF32) {
  Int exponent = (bits(a) >> 52),
      M = (bits(a) & 0x000fffffffffffffu) | 0x0010000000000000u;
  // An f32 has 24 bits, and 128 bits of window leave enough of them.
  Int position = exponent - (forF32 ? 1046 - 62 : 1075 - 62);
  if (forF32)
    M = M >> 29;
  int kept = forF32 ? 3 : 4, levels = forF32 ? 2 : 5;
  llvm::SmallVector<Int> words{M.lit(0)};
  for (uint64_t word : kTwoOverPi)
    words.push_back(M.lit(word));
  // words[index ...] by halving.
  Int index = position >> 6;
  for (int level = levels - 1; level >= 0; --level) {
    size_t step = size_t(1) << level, size = kept + step - 1;
    Bool skip = nonZero((index >> level) & 1);
    llvm::SmallVector<Int> next;
    for (size_t i = 0; i < size; ++i)
      next.push_back(i + step < words.size()
                         ? select(skip, words[i + step], words[i])
                         : words[i]);
    words = next;
  }
  Int shift = position & 63;
  auto window = [&](int i) {
    // Two shifts: one by 64 would be poison.
    return (words[i] << shift) | ((words[i + 1] >> 1) >> (M.lit(63) - shift));
  };
  Int hi = M * window(0), lo = M.lit(0);
  if (forF32) {
    hi = hi + ((M * (window(1) >> 32)) >> 32);
  } else {
    Int w1 = window(1);
    Int w1Low = M * w1;
    lo = w1Low + upperProduct(M, window(2));
    Int one = M.lit(1);
    hi = hi + upperProduct(M, w1) + select(less(lo, w1Low), one, M.lit(0));
  }
  Int quadrant = ((hi + 0x2000000000000000u) >> 62) & 3;
  Int fraction = hi - (quadrant << 62);
  Pair head = fastTwoSum(toReal(signedShift(fraction, 32)) * 0x1p-30,
                         toReal(fraction & 0xffffffffu) * 0x1p-62);
  if (!forF32) {
    Real tail =
        toReal(lo >> 32) * 0x1p-94 + toReal(lo & 0xffffffffu) * 0x1p-126;
    head = twoSum(head.hi, head.lo + tail);
  }
  Pair halfPi{a.lit(0x1.921fb54442d18p+0), a.lit(0x1.1a62633145c07p-54)};
  return {head * halfPi, quadrant};
}

/// For 0 <= a < 2^20: k has at most 20 bits, so that k A and k B are exact
/// (Cody and Waite).
static Reduced reduceUsual(Real a) {
  Real k = nearest(a * 0x1.45f306dc9c883p-1);
  Pair near = twoSum(a - k * kPiOver2A, -(k * kPiOver2B));
  near = fastTwoSum(near.hi, near.lo - k * kPiOver2C);
  return {near, toInt(k) & 3};
}

/// sin(r) and cos(r) after FreeBSD's k_sin.c and k_cos.c.
static Real sinCore(Pair r) {
  Real z = r.hi * r.hi;
  return r.hi + (r.hi * (z * horner(z, kSin)) + r.lo * (1.0 - 0.5 * z));
}
static Real cosCore(Pair r) {
  Real z = r.hi * r.hi, half = 0.5 * z, w = 1.0 - half;
  return w + (((1.0 - w) - half) + (z * z * horner(z, kCos) - r.hi * r.lo));
}

/// sin(quadrant pi/2 + angle).
static Real turn(Real s, Real c, Int quadrant) {
  Real y = select(nonZero(quadrant & 1), c, s);
  return real(bits(y).make<mlir::arith::XOrIOp>((quadrant & 2) << 62));
}

static Real oddIn(Real x, Real y) {
  return real(bits(y).make<mlir::arith::XOrIOp>(bits(x) & 0x8000000000000000u));
}
static Real sinOf(Reduced r) {
  return turn(sinCore(r.angle), cosCore(r.angle), r.quadrant);
}
static Real cosOf(Reduced r) {
  return turn(sinCore(r.angle), cosCore(r.angle), r.quadrant + 1);
}
static Real tanOf(Reduced r) {
  Real s = sinCore(r.angle), c = cosCore(r.angle);
  Bool odd = nonZero(r.quadrant & 1);
  return select(odd, -c, s) / select(odd, s, c);
}

static Real huge(Real x, Real (*of)(Reduced), bool forF32) {
  Real a = abs(x);
  return select(a < kInf, of(reduceHuge(a, forF32)), kNaN);
}
static Real either(Real x, Real (*of)(Reduced)) {
  Real a = abs(x);
  return unless(a >= 0x1p20, of(reduceUsual(a)),
                [&] { return huge(x, of, false); });
}

Real em::sin(Real x) { return oddIn(x, either(x, sinOf)); }
Real em::cos(Real x) { return either(x, cosOf); }
Real em::tan(Real x) { return oddIn(x, either(x, tanOf)); }

Real em::sinOfHuge(Real x) { return oddIn(x, huge(x, sinOf, true)); }
Real em::cosOfHuge(Real x) { return huge(x, cosOf, true); }
Real em::tanOfHuge(Real x) { return oddIn(x, huge(x, tanOf, true)); }
