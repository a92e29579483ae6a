//===- Exponential.cpp - exp and exp2 -------------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cody and Waite, "Software Manual for the Elementary Functions" (1980): e^x =
// 2^k e^r with |r| <= ln(2)/2, r found in two steps so that k ln(2) cancels
// exactly.
//===----------------------------------------------------------------------===//
#include "Formula.h"

using namespace stepwell;

namespace {

struct Format {
  int mantissa, bias;
  double shift;       // 1.5 * 2^mantissa: adding it rounds to an integer
  double low, high;   // beyond these exp is 0 or infinite
  double low2, high2; // and exp2
  double ln2High, ln2Low;
};
constexpr Format kSingle = {23,   127, 0x1.8p23,          -110,         100,
                            -160, 140, 0.693145751953125, 1.42860677e-6};
constexpr Format kDouble = {52,
                            1023,
                            0x1.8p52,
                            -760,
                            720,
                            -1100,
                            1030,
                            6.93147180369123816490e-01,
                            1.90821492927058770002e-10};

const Format &format(Float x) {
  return x.scope->isDouble() ? kDouble : kSingle;
}

/// (e^r - 1 - r) / r^2 on |r| <= ln(2)/2. The single precision polynomial is a
/// minimax fit, the double precision one the Taylor series, whose first dropped
/// term is below 2^-57.
constexpr double kTailSingle[] = {1.9875691500e-4, 1.3981999507e-3,
                                  8.3334519073e-3, 4.1665795894e-2,
                                  1.6666665459e-1, 5.0000001201e-1};
constexpr double kTailDouble[] = {
    1 / 6227020800., 1 / 479001600., 1 / 39916800., 1 / 3628800.,
    1 / 362880.,     1 / 40320.,     1 / 5040.,     1 / 720.,
    1 / 120.,        1 / 24.,        1 / 6.,        1 / 2.};

Float clamp(Float x, double low, double high) {
  x = select(x < low, low, x); // a NaN stays
  return select(x > high, high, x);
}

/// y 2^k in two exact-or-once-rounded steps, so that results become subnormal
/// or infinite as they should.
Float scale(Float y, Int k) {
  const Format &f = format(y);
  Int half = k >> 1;
  Float first = fromBits((half + f.bias) << f.mantissa);
  Float second = fromBits((k - half + f.bias) << f.mantissa);
  return y * first * second;
}

/// e^r for a reduced argument.
Float expReduced(Float r) {
  Float tail = r.scope->isDouble() ? polynomial(r, kTailDouble)
                                   : polynomial(r, kTailSingle);
  return fma(tail, r * r, r) + 1;
}

} // namespace

Float stepwell::expandExp(Float x) {
  const Format &f = format(x);
  x = clamp(x, f.low, f.high);
  Float shifted = fma(x, 1.44269504088896340736, Float(*x.scope, f.shift));
  Float k = shifted - f.shift;
  Float r = fma(k, -f.ln2Low, fma(k, -f.ln2High, x));
  return scale(expReduced(r), bits(shifted) - bits(Float(*x.scope, f.shift)));
}

Float stepwell::expandExp2(Float x) {
  const Format &f = format(x);
  x = clamp(x, f.low2, f.high2);
  Float shifted = x + f.shift;
  Float r = (x - (shifted - f.shift)) * 0.69314718055994530942;
  return scale(expReduced(r), bits(shifted) - bits(Float(*x.scope, f.shift)));
}
