//===- ErrorFunction.cpp - erf, erfc
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Coefficients.h"
#include "Formula.h"

using namespace stepwell::expandmath;
namespace em = stepwell::expandmath;

/// erfc(a) for a >= 0.45: exp(-a^2) Q(t) / (1 + 2a), t = (a - 4) / (a + 4)
/// (Shepherd and Laframboise 1981), where a^2 is kept in two words.
static Real erfcTail(Real a) {
  a = clamp(a, 0.45, 28);
  Real q = horner((a - 4.0) / (a + 4.0), kErfcx);
  Pair square = twoProduct(a, a);
  return expScaled(-square.hi, -square.lo, 0) * (q / (1.0 + 2.0 * a));
}

Real em::erf(Real x) {
  Real a = abs(x), inner = clamp(x, -1, 1);
  Real near = inner * horner(inner * inner, kErf);
  return select(a < 1.0, near, copySign(1.0 - erfcTail(a), x));
}

Real em::erfc(Real x) {
  Real a = abs(x), inner = clamp(x, -0.5, 0.5);
  Real tail = erfcTail(a);
  return select(a < 0.5, 1.0 - inner * horner(inner * inner, kErf),
                select(x < 0.0, 2.0 - tail, tail));
}
