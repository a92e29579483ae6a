//===- Remainder.cpp - C's fmod, exactly ----------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// No loop over the quotient's digits, which vectors could not leave early: a
// power of two modulo the divisor comes from repeated squaring.
//===----------------------------------------------------------------------===//
#include "Formula.h"

using namespace stepwell::expandmath;
namespace em = stepwell::expandmath;

/// What both widths have in common: the sign and where there is no remainder.
static Real finish(Real x, Real y, Real magnitude) {
  Real r = copySign(magnitude, x);
  r = select((y == 0.0) | (abs(x) == kInf), kNaN, r);
  return select((x != x) | (y != y), x + y, r);
}

//===--- f32 --------------------------------------------------------------===//

/// p mod m for whole p < 2^50, 0 < m < 2^25: the quotient may be one off.
static Real modulo(Real p, Real m) {
  Real r = p - floor(p / m) * m;
  r = select(r < 0.0, r + m, r);
  return select(r >= m, r - m, r);
}

/// |x| = X 2^a, |y| = Y 2^b with whole X, Y < 2^24. For a >= b it is
/// (X 2^(a-b) mod Y) 2^b, where 2^(a-b) mod Y comes from repeated squaring;
/// else |x| mod |y| is (|x| / 2^a) mod (|y| / 2^a), or |x| where |x| < |y|.
Real em::fmod32(Real x, Real y) {
  Real ax = abs(x), ay = abs(y);
  auto exponent = [](Real v) { return (bits(v) >> 52) - 1046; };
  Int a = exponent(ax), b = exponent(ay);
  Real X = ax * powerOfTwo(a.lit(0) - a), Y = ay * powerOfTwo(b.lit(0) - b);
  Int shift = a - b; // |shift| <= 277
  Real factor = modulo(x.lit(1), Y), square = modulo(x.lit(2), Y);
  Real r = modulo(X, Y);
  for (int bit = 0; bit < 9; ++bit) {
    Bool set = nonZero((shift >> bit) & 1);
    factor = select(set, modulo(factor * square, Y), factor);
    square = modulo(square * square, Y);
  }
  r = modulo(r * factor, Y) * powerOfTwo(b);
  // |x| >= |y| with a < b cannot be: 2^23 <= X, Y < 2^24.
  return finish(x, y, select(ax < ay, ax, r));
}

//===--- f64 --------------------------------------------------------------===//

namespace {
/// A whole number below 2^53, said twice.
struct Whole {
  Int whole;
  Real value;
};
} // namespace

static Whole fromInt(Int n) {
  return {n, toReal(n >> 32) * 0x1p32 + toReal(n & 0xffffffff)};
}

/// a * b mod m, where a * b / m < 2^53. The quotient in f64 is at most two off,
/// and what is left of a wrapping product is the small difference.
static Whole multiplyModulo(Whole a, Whole b, Whole m) {
  Real quotient = floor(a.value * b.value / m.value);
  Real high = floor(quotient * 0x1p-32);
  Int q = (toInt(high) << 32) + toInt(quotient - high * 0x1p32);
  Int r = a.whole * b.whole - q * m.whole, twice = m.whole + m.whole;
  r = select(nonZero(r >> 63), r + twice, r);
  r = select(less(r, twice), r, r - twice);
  return fromInt(select(less(r, m.whole), r, r - m.whole));
}

/// |x| = X 2^a, |y| = Y 2^b with whole X, Y < 2^53, where a and b are the
/// exponent fields, 1 for subnormals. For a >= b it is (X 2^(a-b) mod Y) 2^b;
/// else |x| < |y|.
Real em::fmod64(Real x, Real y) {
  Real ax = abs(x), ay = abs(y);
  Int one = bits(x.lit(0.0)) + 1;
  auto field = [&](Real v) {
    Int exponent = bits(v) >> 52;
    return select(nonZero(exponent), exponent, one);
  };
  auto mantissa = [&](Real v) {
    Int fraction = bits(v) & 0xfffffffffffff;
    Bool normal = nonZero(bits(v) >> 52);
    return fromInt(select(normal, fraction | (uint64_t(1) << 52), fraction));
  };
  Int a = field(ax), b = field(ay), shift = a - b;
  Whole X = mantissa(ax), Y = mantissa(ay);
  // 2^shift from the bits of shift < 2^11, the greatest five at once.
  Int five = (shift >> 6) & 31;
  Whole power{one << five, powerOfTwo(five)};
  power = multiplyModulo(power, {one, x.lit(1.0)}, Y);
  for (int bit = 5; bit >= 0; --bit) {
    power = multiplyModulo(power, power, Y);
    Int twice = power.whole + power.whole;
    twice = select(less(twice, Y.whole), twice, twice - Y.whole);
    power = fromInt(select(nonZero((shift >> bit) & 1), twice, power.whole));
  }
  Real r = scale(multiplyModulo(X, power, Y).value, b - 1075);
  return finish(x, y, select(less(b, a + 1), r, ax));
}
