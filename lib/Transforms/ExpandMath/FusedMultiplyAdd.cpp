//===- FusedMultiplyAdd.cpp - x * y + z with one rounding -----------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved
// algorithms using rounding to odd", 2008.
//===----------------------------------------------------------------------===//
#include "Formula.h"

#include "mlir/IR/Matchers.h"

using namespace stepwell::expandmath;
namespace em = stepwell::expandmath;

/// a + b rounded to odd: what is not exact ends in a 1, and so lies on its own
/// side of every number that a later rounding could confuse it with.
static Real addToOdd(Real a, Real b) {
  Pair sum = twoSum(a, b);
  // Bits grow away from zero: what was lost points outwards where the signs
  // agree. A last bit that is 1 stays.
  Int s = bits(sum.hi);
  Int inwards = s.make<mlir::arith::XOrIOp>(bits(sum.lo)) >> 63;
  Bool inexact = (sum.lo < 0.0) | (sum.lo > 0.0);
  return real(select(inexact, (s - inwards) | 1, s));
}

/// The product is exact, and f64 has more than two bits beyond f32.
Real em::fma32(Real x, Real y, Real z) { return addToOdd(x * y, z); }

/// The shape of f32 and i32 in f64 and i64.
static Maker widerThan(const Maker &narrow) {
  mlir::OpBuilder &builder = narrow.builder;
  auto with = [&](mlir::Type scalar) -> mlir::Type {
    if (auto shaped = mlir::dyn_cast<mlir::ShapedType>(narrow.real))
      return shaped.clone(scalar);
    return scalar;
  };
  return {builder, narrow.loc, with(builder.getF64Type()),
          with(builder.getI64Type())};
}

static Real widened(Real r, const Maker &wide) {
  return {
      mlir::arith::ExtFOp::create(wide.builder, wide.loc, wide.real, r.value),
      &wide};
}

static Real rounded(Real r, const Maker &narrow) {
  return {mlir::arith::TruncFOp::create(narrow.builder, narrow.loc, narrow.real,
                                        r.value),
          &narrow};
}

Real em::emulatedFma32(Real x, Real y, Real z, Sum known) {
  const Maker &narrow = *x.maker;
  Maker wide = widerThan(narrow);
  // The product is exact.
  Real product = widened(x, wide) * widened(y, wide), added = widened(z, wide);
  if (known == Sum::Exact)
    return rounded(product + added, narrow);
  if (narrow.fma == Maker::Emulated)
    return rounded(addToOdd(product, added), narrow);

  // That the sum has been rounded shows when it ends just between two numbers
  // of 24 bits, unless it was exact. A constant seldom ends where a product
  // does.
  Real sum = product + added;
  Int low = {mlir::arith::TruncIOp::create(narrow.builder, narrow.loc,
                                           narrow.word, bits(sum).value),
             &narrow};
  Int end = low << 3;
  Bool doubt = {mlir::arith::CmpIOp::create(
                    narrow.builder, narrow.loc, mlir::arith::CmpIPredicate::eq,
                    end.value, end.lit(0x80000000).value),
                &narrow};
  bool any = known == Sum::Any;
  if (any)
    doubt = doubt | abs(sum) < 0x1p-126;
  bool constant = mlir::matchPattern(z.value, mlir::m_Constant());
  if (any || (known == Sum::Short && !constant)) {
    Bool inexact = (sum - added != product) | (sum - product != added);
    doubt = doubt & inexact;
  }
  narrow.doubt =
      narrow.doubt ? (Bool{narrow.doubt, &narrow} | doubt).value : doubt.value;
  return rounded(sum, narrow);
}

Real em::roundedOnce(const Maker &maker, llvm::function_ref<Real()> build) {
  // Vectors cannot branch.
  if (maker.fma != Maker::Emulated || mlir::isa<mlir::ShapedType>(maker.real))
    return build();
  maker.fma = Maker::Doubted;
  Real quick = build();
  maker.fma = Maker::Emulated;
  if (!maker.doubt)
    return quick;
  return unless({maker.doubt, &maker}, quick, build);
}

/// Veltkamp and Dekker: exact where nothing over- or underflows.
static Pair exactProduct(Real a, Real b) {
  auto high = [](Real v) {
    Real c = v * 134217729.0;
    return c - (c - v);
  };
  Real ah = high(a), al = a - ah, bh = high(b), bl = b - bh;
  Real p = a * b;
  return {p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

Real em::emulatedFma(Real x, Real y, Real z) {
  Pair u = exactProduct(x, y);
  Pair t = twoSum(z, u.lo), v = twoSum(u.hi, t.hi);
  return v.hi + addToOdd(t.lo, v.lo);
}

namespace {
/// A finite number but 0 as mantissa * 2^exponent, 1 <= |mantissa| < 2.
struct Scaled {
  Real mantissa;
  Int exponent; // plus kBias
};
} // namespace

/// Exponents are compared as unsigned numbers.
static constexpr uint64_t kBias = 8192;

static Scaled normalize(Real v) {
  Bool subnormal = abs(v) < 0x1p-1022;
  v = select(subnormal, v * 0x1p64, v);
  Int field = (bits(v) >> 52) & 2047;
  Int offset =
      select(subnormal, field.lit(kBias - 1023 - 64), field.lit(kBias - 1023));
  uint64_t keep = 0x800fffffffffffff;
  return {real((bits(v) & keep) | (uint64_t(1023) << 52)), field + offset};
}

Real em::fma64(Real x, Real y, Real z) {
  Scaled a = normalize(x), b = normalize(y), c = normalize(z);
  // The sum is formed with the product near 1. Beyond 120 binades the smaller
  // part matters by its sign alone.
  Int product = a.exponent + b.exponent - kBias;
  Int apart = c.exponent + kBias - product; // plus kBias
  Int far = apart.lit(kBias + 120), near = apart.lit(kBias - 120);
  Bool dominated = less(far, apart);
  Int clamped = select(dominated, far, select(less(apart, near), near, apart));
  Int unit = select(dominated, c.exponent - 120, product); // plus kBias
  Real added = c.mantissa * powerOfTwo(clamped - kBias);

  Pair u = exactProduct(a.mantissa, b.mantissa);
  Pair t = twoSum(added, u.lo);
  Pair v = twoSum(u.hi, t.hi);
  Real low = addToOdd(t.lo, v.lo);

  // A subnormal result has fewer digits: this number has its last place.
  Int least = unit.lit(kBias - 1300), most = unit.lit(kBias);
  Int limited = select(less(unit, least), least, unit);
  Int place = select(less(most, limited), most, limited);
  Real bound = powerOfTwo(unit.lit(kBias - 1022) - place);
  Real total = v.hi + low;
  Real shift = select(abs(total) < bound, copySign(bound, total), 0.0);
  Pair w = twoSum(shift, v.hi);
  Real sum = (w.hi + addToOdd(w.lo, low)) - shift;
  // What rounds to 0 there has a sign all the same.
  sum = select(sum == 0.0, total * 0.0, sum);
  Real result = scale(sum, limited - kBias);

  // Nothing is rounded twice where the product or the summand is 0; but what a
  // product becomes as an f64 must not turn the sum's sign or make it NaN.
  Real plain = x * y + z;
  Bool noProduct = (x == 0.0) | (y == 0.0);
  Bool factors = (abs(x) < kInf) & (abs(y) < kInf);
  result = select(z == 0.0, x * y, select(abs(z) < kInf, result, z));
  return select(noProduct, plain, select(factors, result, plain));
}
