//===- Logarithm.cpp - log ------------------------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// x = 2^e m with m in [sqrt(1/2), sqrt(2)); then a polynomial in m - 1 (single
// precision) or in s = f / (2 + f), log(1 + f) = 2 artanh(s) (double
// precision), each with the leading terms kept exact.
//===----------------------------------------------------------------------===//
#include "Formula.h"

#include <limits>

using namespace stepwell;

namespace {

/// (log(1 + f) - f + f^2/2) / f^3, a minimax fit on [sqrt(1/2) - 1, sqrt(2) -
/// 1].
constexpr double kSingle[] = {
    7.0376836292e-2,  -1.1514610310e-1, 1.1676998740e-1,
    -1.2420140846e-1, 1.4249322787e-1,  -1.6668057665e-1,
    2.0000714765e-1,  -2.4999993993e-1, 3.3333331174e-1};
/// (2 artanh(s) / s - 2) / s^2 in powers of s^2, a minimax fit.
constexpr double kDouble[] = {
    1.479819860511658591e-01, 1.531383769920937332e-01,
    1.818357216161805012e-01, 2.222219843214978396e-01,
    2.857142874366239149e-01, 3.999999999940941908e-01,
    6.666666666666735130e-01};

struct Split {
  Float exponent, fraction; // x = 2^exponent * (1 + fraction)
};

Split split(Float x) {
  FormulaScope &scope = *x.scope;
  bool wide = scope.isDouble();
  int mantissa = wide ? 52 : 23;
  double smallest = wide ? 0x1p-1022 : 0x1p-126;
  Bool subnormal = x < smallest;
  x = select(subnormal, x * (wide ? 0x1p54 : 0x1p25), x);
  Int pattern = bits(x);
  Int e = (pattern - bits(Float(scope, 0.70710678118654752440))) >> mantissa;
  Float m = fromBits(pattern - (e << mantissa));
  Float exponent = toFloat(e);
  exponent = select(subnormal, exponent - (wide ? 54 : 25), exponent);
  return {exponent, m - 1};
}

Float logSingle(Split s) {
  Float f = s.fraction, square = f * f;
  Float y = f * square * polynomial(f, kSingle);
  y = fma(s.exponent, -2.12194440e-4, y);
  y = fma(Float(*f.scope, -0.5), square, y);
  return fma(s.exponent, 0.693359375, f + y);
}

Float logDouble(Split split) {
  Float f = split.fraction;
  Float s = f / (f + 2);
  Float z = s * s;
  Float remainder = z * polynomial(z, kDouble);
  Float half = f * f * 0.5;
  Float low =
      fma(s, half + remainder, split.exponent * 1.90821492927058770002e-10);
  return split.exponent * 6.93147180369123816490e-01 - ((half - low) - f);
}

} // namespace

Float stepwell::expandLog(Float x) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Split parts = split(x);
  Float y = x.scope->isDouble() ? logDouble(parts) : logSingle(parts);
  y = select(x == infinity, infinity, y);
  y = select(x == 0, -infinity, y);
  y = select(x < 0, std::numeric_limits<double>::quiet_NaN(), y);
  return select(isNaN(x), x, y);
}
