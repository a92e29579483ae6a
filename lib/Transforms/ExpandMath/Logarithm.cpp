//===- Logarithm.cpp - log, log1p, log2, log10
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Coefficients.h"
#include "Formula.h"

using namespace stepwell::expandmath;
namespace em = stepwell::expandmath;

static constexpr double kLn2Hi = 0x1.62e42feep-1;
static constexpr double kLn2Lo = 0x1.a39ef35793c76p-33;

namespace {
/// x = 2^k m with sqrt(1/2) <= m < sqrt(2).
struct Split {
  Real k, m;
};
} // namespace

static Split split(Real x) {
  Bool subnormal = x < 0x1p-1022;
  Int b = bits(select(subnormal, x * 0x1p54, x)) - 0x3fe6a09e667f3bcdu;
  Real m = real((b & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu);
  Real k = toReal(signedShift(b, 52));
  return {k - select(subnormal, m.lit(54), m.lit(0)), m};
}

/// log(m) + low after FreeBSD's e_log.c: with s = f / (2 + f), f = m - 1,
/// log(1 + f) = f - (f^2/2 - s (f^2/2 + R(s^2))).
static Real logCore(Real m, Real low) {
  Real f = m - 1.0, s = f / (f + 2.0), z = s * s, half = 0.5 * f * f;
  return f - (half - (s * (half + z * horner(z, kLog)) + low));
}

/// What logarithms share at the ends.
static Real ends(Real x, Real y) {
  return select(x == 0.0, -kInf, select(x < 0.0, kNaN, select(x < kInf, y, x)));
}

static Real logPlus(Real x, Real low) {
  auto [k, m] = split(x);
  return k * kLn2Hi + logCore(m, k * kLn2Lo + low);
}

Real em::log(Real x) { return ends(x, logPlus(x, x.lit(0))); }

Real em::log1p(Real x) {
  Pair u = twoSum(x.lit(1), x);
  Real y = logPlus(u.hi, u.lo / u.hi);
  y = select(abs(x) < 0x1p-54, x, y);
  return select(x == -1.0, -kInf,
                select(x < -1.0, kNaN, select(x < kInf, y, x)));
}

Real em::log2(Real x) {
  auto [k, m] = split(x);
  Real y = logCore(m, m.lit(0));
  // 1/ln2 = 0x1.71547652b82fep+0 + 0x1.777d0ffda0d24p-56
  return ends(x, k + (y * 0x1.71547652b82fep+0 + y * 0x1.777d0ffda0d24p-56));
}

Real em::log10(Real x) {
  auto [k, m] = split(x);
  Real y = logCore(m, m.lit(0));
  // log10(2) in two parts, the first short; 1/ln(10).
  return ends(x, k * 0x1.34413509f7800p-2 +
                     (k * 0x1.fef311f12b358p-46 + y * 0x1.bcb7b1526e50ep-2));
}

Pair em::logPair(Real x) {
  auto [k, m] = split(x);
  // s = f / (2 + f) in two words: the remainder of the division is exact but
  // for the roundings of its small terms.
  Real f = m - 1.0;
  Pair d = fastTwoSum(m.lit(2), f);
  Real q = f / d.hi;
  Pair p = twoProduct(q, d.hi);
  Pair s = fastTwoSum(q, (((f - p.hi) - p.lo) - q * d.lo) / d.hi);
  Pair z = s * s;
  // 2s + s (2/3 z + z^2 T(z))
  Pair third =
      Pair{m.lit(0x1.5555555555555p-1), m.lit(0x1.5555555555555p-55)} * z;
  Pair tail =
      fastTwoSum(third.hi, third.lo + z.hi * z.hi * horner(z.hi, kLogTail));
  Pair y = Pair{s.hi * 2.0, s.lo * 2.0} + s * tail;
  return Pair{k * kLn2Hi, k * kLn2Lo} + y;
}
