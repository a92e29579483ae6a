//===- Exponential.cpp - exp, exp2, expm1
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Coefficients.h"
#include "Formula.h"

using namespace stepwell::expandmath;
namespace em = stepwell::expandmath;

// Cody and Waite: x = k ln2 + r. ln2 in two parts, the first short enough for
// an exact product with k.
static constexpr double kLn2Hi = 0x1.62e42feep-1;
static constexpr double kLn2Lo = 0x1.a39ef35793c76p-33;
static constexpr double kLog2E = 0x1.71547652b82fep+0;

/// exp(r) - 1 for |r| <= ln2/2, where r = hi + lo.
static Real expm1Core(Real hi, Real lo) {
  Real r = hi + lo, error = lo - (r - hi);
  return r + (r * r * horner(r, kExp) + error);
}

Real em::expScaled(Real x, Real low, int shift) {
  x = clamp(x, -800, 800);
  Real k = nearest(x * kLog2E);
  Real p = expm1Core(x - k * kLn2Hi, low - k * kLn2Lo);
  return scale(1.0 + p, toInt(k) + uint64_t(int64_t(shift)));
}

Real em::exp(Real x) { return expScaled(x, x.lit(0), 0); }

Real em::exp2(Real x) {
  x = clamp(x, -1200, 1200);
  Real k = nearest(x), r = x - k;
  return scale(1.0 + r * horner(r, kExp2), toInt(k));
}

Real em::expm1(Real x) {
  Real y = clamp(x, -50, 800);
  Real k = nearest(y * kLog2E);
  Real p = expm1Core(y - k * kLn2Hi, -(k * kLn2Lo));
  // 2^k (p + 1) - 1 = 2^k (p + (1 - 2^-k)); the bracket is 1 from k = 60 on.
  Real inverse = powerOfTwo(toInt(-select(k > 60.0, 60.0, k)));
  Real result = scale(p + (1.0 - inverse), toInt(k));
  return select(x == 0.0, x, result);
}
