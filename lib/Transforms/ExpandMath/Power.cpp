//===- Power.cpp - pow, cbrt, rsqrt
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Coefficients.h"
#include "Formula.h"

using namespace stepwell::expandmath;
namespace em = stepwell::expandmath;

/// |x|^y, where |x| and y may be anything.
static Real powOfMagnitude(Real magnitude, Real ax, Real y) {
  Real ay = abs(y), huge = ax.lit(kInf);
  Real atZero = select(y < 0.0, huge, 0.0);
  Real atInf = select(y < 0.0, 0.0, huge);
  magnitude = select(ax == 0.0, atZero, select(ax == kInf, atInf, magnitude));
  Real yInf =
      select(((ax > 1.0) & (y > 0.0)) | ((ax < 1.0) & (y < 0.0)), huge, 0.0);
  return select(ay == kInf, select(ax == 1.0, 1.0, yInf), magnitude);
}

/// x^y, given |x|^y where both are finite and x is not 0.
static Real withEnds(Real magnitude, Real x, Real y) {
  Real ax = abs(x), ay = abs(y);
  magnitude = powOfMagnitude(magnitude, ax, y);
  Bool whole = (floor(y) == y);
  Real half = y * 0.5;
  Bool odd = whole & (floor(half) != half) & (ay < kInf);
  Real result = select(odd, copySign(magnitude, x), magnitude);
  Bool noRoot = (x < 0.0) & (floor(y) != y) & (ax < kInf) & (ay < kInf);
  result = select(noRoot, kNaN, result);
  result = select((x != x) | (y != y), kNaN, result);
  return select((x == 1.0) | (y == 0.0), 1.0, result);
}

static constexpr double kMax = std::numeric_limits<double>::max();

Real em::pow(Real x, Real y, bool forF32) {
  if (forF32) {
    Real magnitude = single::power(clamp(abs(x), 0x1p-200, 0x1p200), y);
    Bool rare = notAbove(x, 0.0) | notBelow(x + abs(y), kInf);
    return unless(rare, magnitude, [&] { return withEnds(magnitude, x, y); });
  }
  Real safe = clamp(abs(x), 0x1p-1074, kMax);
  // Beyond 2^80 every power but of 1 is 0 or infinite.
  Real bounded = clamp(y, -0x1p80, 0x1p80);
  Pair l = logPair(safe);
  Pair p = twoProduct(l.hi, bounded);
  Real low = p.lo + l.lo * bounded;
  Real magnitude = expScaled(p.hi, select(abs(p.hi) < 800.0, low, 0.0), 0);
  return withEnds(magnitude, x, y);
}

Real em::cbrt(Real x) {
  Real a = abs(x);
  Bool small = a < 0x1p-900;
  a = select(small, a * 0x1p180, a);
  Real y = exp(log(a) * 0x1.5555555555555p-2);
  y = y - (y - a / (y * y)) * 0x1.5555555555555p-2; // Newton
  y = copySign(select(small, y * 0x1p-60, y), x);
  return select((x == 0.0) | (abs(x) == kInf), x, y);
}

Real em::rsqrt(Real x) { return 1.0 / sqrt(x); }
