//===- InverseTrigonometric.cpp - asin, acos, atan, atan2
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Coefficients.h"
#include "Formula.h"

using namespace stepwell::expandmath;
namespace em = stepwell::expandmath;

/// atan(a / b) for a, b >= 0, not both 0. With t = tan(u): pi/4 is taken out
/// where a/b > tan(pi/8), and pi/2 where a > b. Parts of pi in two words.
static Real quotientAngle(Real a, Real b) {
  Bool swap = a > b;
  Real low = select(swap, b, a), high = select(swap, a, b);
  Bool huge = high > 0x1p1000;
  low = select(huge, low * 0x1p-60, low);
  high = select(huge, high * 0x1p-60, high);
  Bool far = low > high * 0x1.a827999fcef32p-2; // tan(pi/8)
  Real t = select(far, low - high, low) / select(far, low + high, high);
  Real z = t * t;
  Real tail = t * (z * horner(z, kAtan));
  Real zero = t.lit(0);
  Real baseHi = select(far, 0x1.921fb54442d18p-1, zero);
  Real baseLo = select(far, 0x1.1a62633145c07p-55, zero);
  Real y = baseHi + (t + (tail + baseLo));
  Real flipped = (0x1.921fb54442d18p+0 - baseHi) -
                 (t + (tail + (baseLo - 0x1.1a62633145c07p-54)));
  return select(swap, flipped, y);
}

Real em::atan2(Real y, Real x) {
  Real ay = abs(y), ax = abs(x);
  Bool bothInf = (ay == kInf) & (ax == kInf);
  Real a = select(bothInf, 1.0, ay), b = select(bothInf, 1.0, ax);
  b = select((ay == 0.0) & (ax == 0.0), 1.0, b);
  // An infinite one would make inf / inf below: any finite far larger will do.
  a = select(ay == kInf, select(bothInf, 1.0, a.lit(1)),
             select(ax == kInf, 0.0, a));
  b = select(ax == kInf, 1.0, select(ay == kInf, 0.0, b));
  a = select(bothInf, 1.0, a);
  b = select(bothInf, 1.0, b);
  Real u = quotientAngle(a, b);
  Bool negative = copySign(x.lit(1), x) < 0.0;
  u = select(negative, 0x1.921fb54442d18p+1 - (u - 0x1.1a62633145c07p-53), u);
  return select((x != x) | (y != y), x + y, copySign(u, y));
}

Real em::atan(Real x) {
  Real a = abs(x);
  Real one = a.lit(1), zero = a.lit(0);
  Bool inf = a == kInf;
  return copySign(quotientAngle(select(inf, one, a), select(inf, zero, one)),
                  x);
}

Real em::asin(Real x) {
  Real a = abs(x);
  return copySign(quotientAngle(a, sqrt((1.0 - a) * (1.0 + a))), x);
}

Real em::acos(Real x) { return atan2(sqrt((1.0 - x) * (1.0 + x)), x); }
