//===- Formula.h - Operations that read as the formula they are -*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Float and Int wrap a Value, scalar or vector; their operators build arith
// operations.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_TRANSFORMS_EXPANDMATH_FORMULA_H
#define STEPWELL_TRANSFORMS_EXPANDMATH_FORMULA_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"

#include <bit>
#include <span>

namespace stepwell {

/// Where operations go, and the types of the formula: all follow one float
/// type.
struct FormulaScope {
  mlir::OpBuilder &builder;
  mlir::Location loc;
  mlir::Type floatType, intType;

  FormulaScope(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type type)
      : builder(builder), loc(loc), floatType(type) {
    unsigned width = mlir::getElementTypeOrSelf(type).getIntOrFloatBitWidth();
    intType = builder.getIntegerType(width);
    if (auto shaped = mlir::dyn_cast<mlir::ShapedType>(type))
      intType = shaped.clone(intType);
  }
  bool isDouble() const {
    return mlir::getElementTypeOrSelf(floatType).isF64();
  }

  mlir::Value constant(mlir::Type type, mlir::TypedAttr value) const {
    if (auto shaped = mlir::dyn_cast<mlir::ShapedType>(type))
      value = mlir::DenseElementsAttr::get(shaped, mlir::Attribute(value));
    return mlir::arith::ConstantOp::create(builder, loc, type, value);
  }
};

struct Bool {
  FormulaScope *scope;
  mlir::Value value;
};

struct Int {
  FormulaScope *scope;
  mlir::Value value;

  Int(FormulaScope &scope, mlir::Value value) : scope(&scope), value(value) {}
  Int(FormulaScope &scope, int64_t number)
      : scope(&scope),
        value(scope.constant(
            scope.intType,
            scope.builder.getIntegerAttr(
                mlir::getElementTypeOrSelf(scope.intType), number))) {}
};

struct Float {
  FormulaScope *scope;
  mlir::Value value;

  Float(FormulaScope &scope, mlir::Value value) : scope(&scope), value(value) {}
  Float(FormulaScope &scope, double number)
      : scope(&scope),
        value(scope.constant(
            scope.floatType,
            scope.builder.getFloatAttr(
                mlir::getElementTypeOrSelf(scope.floatType), number))) {}
};

template <typename Op, typename T> T build(T a, T b) {
  return T(
      *a.scope,
      Op::create(a.scope->builder, a.scope->loc, a.value, b.value).getResult());
}
inline Float operator+(Float a, Float b) {
  return build<mlir::arith::AddFOp>(a, b);
}
inline Float operator-(Float a, Float b) {
  return build<mlir::arith::SubFOp>(a, b);
}
inline Float operator*(Float a, Float b) {
  return build<mlir::arith::MulFOp>(a, b);
}
inline Float operator/(Float a, Float b) {
  return build<mlir::arith::DivFOp>(a, b);
}
inline Float operator+(Float a, double b) { return a + Float(*a.scope, b); }
inline Float operator-(Float a, double b) { return a - Float(*a.scope, b); }
inline Float operator*(Float a, double b) { return a * Float(*a.scope, b); }

inline Int operator+(Int a, Int b) { return build<mlir::arith::AddIOp>(a, b); }
inline Int operator-(Int a, Int b) { return build<mlir::arith::SubIOp>(a, b); }
inline Int operator&(Int a, Int b) { return build<mlir::arith::AndIOp>(a, b); }
inline Int operator|(Int a, Int b) { return build<mlir::arith::OrIOp>(a, b); }
inline Int operator+(Int a, int64_t b) { return a + Int(*a.scope, b); }
inline Int operator-(Int a, int64_t b) { return a - Int(*a.scope, b); }
inline Int operator&(Int a, int64_t b) { return a & Int(*a.scope, b); }
inline Int operator|(Int a, int64_t b) { return a | Int(*a.scope, b); }
inline Int operator<<(Int a, int64_t b) {
  return build<mlir::arith::ShLIOp>(a, Int(*a.scope, b));
}
/// Arithmetic: the sign is kept.
inline Int operator>>(Int a, int64_t b) {
  return build<mlir::arith::ShRSIOp>(a, Int(*a.scope, b));
}

/// a * b + c, rounded once.
inline Float fma(Float a, Float b, Float c) {
  return Float(*a.scope,
               mlir::math::FmaOp::create(a.scope->builder, a.scope->loc,
                                         a.value, b.value, c.value)
                   .getResult());
}
inline Float fma(Float a, double b, Float c) {
  return fma(a, Float(*a.scope, b), c);
}
inline Float fma(Float a, Float b, double c) {
  return fma(a, b, Float(*a.scope, c));
}

inline Int bits(Float a) {
  return Int(*a.scope,
             mlir::arith::BitcastOp::create(a.scope->builder, a.scope->loc,
                                            a.scope->intType, a.value)
                 .getResult());
}
inline Float fromBits(Int a) {
  return Float(*a.scope,
               mlir::arith::BitcastOp::create(a.scope->builder, a.scope->loc,
                                              a.scope->floatType, a.value)
                   .getResult());
}
inline Float toFloat(Int a) {
  return Float(*a.scope,
               mlir::arith::SIToFPOp::create(a.scope->builder, a.scope->loc,
                                             a.scope->floatType, a.value)
                   .getResult());
}

inline Bool compare(mlir::arith::CmpFPredicate predicate, Float a, Float b) {
  return {a.scope, mlir::arith::CmpFOp::create(a.scope->builder, a.scope->loc,
                                               predicate, a.value, b.value)};
}
inline Bool operator<(Float a, double b) {
  return compare(mlir::arith::CmpFPredicate::OLT, a, Float(*a.scope, b));
}
inline Bool operator>(Float a, double b) {
  return compare(mlir::arith::CmpFPredicate::OGT, a, Float(*a.scope, b));
}
inline Bool operator==(Float a, double b) {
  return compare(mlir::arith::CmpFPredicate::OEQ, a, Float(*a.scope, b));
}
inline Bool isNaN(Float a) {
  return compare(mlir::arith::CmpFPredicate::UNO, a, a);
}

template <typename T> T select(Bool condition, T yes, T no) {
  return T(*yes.scope,
           mlir::arith::SelectOp::create(yes.scope->builder, yes.scope->loc,
                                         condition.value, yes.value, no.value)
               .getResult());
}
inline Float select(Bool condition, double yes, Float no) {
  return select(condition, Float(*no.scope, yes), no);
}

/// coefficients[0] x^(n-1) + ... + coefficients[n-1], by Horner's rule.
inline Float polynomial(Float x, std::span<const double> coefficients) {
  Float sum(*x.scope, coefficients.front());
  for (double coefficient : coefficients.subspan(1))
    sum = fma(sum, x, coefficient);
  return sum;
}

//===--- The functions, one file per family -------------------------------===//

Float expandExp(Float x);
Float expandExp2(Float x);
Float expandLog(Float x);

} // namespace stepwell

#endif // STEPWELL_TRANSFORMS_EXPANDMATH_FORMULA_H
