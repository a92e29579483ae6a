//===- Hyperbolic.cpp - sinh, cosh, tanh and their inverses
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Coefficients.h"
#include "Formula.h"

using namespace stepwell::expandmath;
namespace em = stepwell::expandmath;

Real em::sinh(Real x) {
  Real a = abs(x), e = expm1(clamp(a, 0, 30));
  Real y =
      select(a > 22.0, expScaled(a, a.lit(0), -1), 0.5 * (e + e / (e + 1.0)));
  return copySign(y, x);
}

Real em::cosh(Real x) {
  Real a = abs(x), h = expScaled(a, a.lit(0), -1);
  return h + 0.25 / h;
}

Real em::tanh(Real x) {
  Real a = clamp(abs(x), 0, 22), e = expm1(2.0 * a);
  return copySign(e / (e + 2.0), x);
}

static constexpr double kLn2 = 0x1.62e42fefa39efp-1;

Real em::asinh(Real x) {
  Real a = abs(x), square = a * a;
  Bool big = a > 0x1p28;
  Real y = log1p(a + square / (1.0 + sqrt(square + 1.0)));
  return copySign(select(big, log(a) + kLn2, y), x);
}

Real em::acosh(Real x) {
  Real t = x - 1.0;
  Real y = log1p(t + sqrt(2.0 * t + t * t));
  y = select(x > 0x1p28, log(x) + kLn2, y);
  return select(x < 1.0, kNaN, y); // also where t * t overflows
}

Real em::atanh(Real x) {
  Real a = abs(x);
  return copySign(0.5 * log1p(2.0 * a / (1.0 - a)), x);
}
