//===- ExpandMath.cpp - math operations as arithmetic
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Formula.h"

#include "stepwell/Array/ScalarBodies.h"
#include "stepwell/Registration.h"
#include "stepwell/Transforms/Passes.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_EXPANDMATHPASS
#include "stepwell/Transforms/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;
namespace em = stepwell::expandmath;

namespace {

/// The functions that are computed in f32 where their type is that.
em::Real buildInF32(Operation *op, em::Real x) {
  return TypeSwitch<Operation *, em::Real>(op)
      .Case([&](math::ExpOp) { return em::f32::exp(x); })
      .Case([&](math::Exp2Op) { return em::f32::exp2(x); })
      .Case([&](math::ExpM1Op) { return em::f32::expm1(x); })
      .Case([&](math::LogOp) { return em::f32::log(x); })
      .Case([&](math::Log1pOp) { return em::f32::log1p(x); })
      .Case([&](math::Log2Op) { return em::f32::log2(x); })
      .Case([&](math::Log10Op) { return em::f32::log10(x); })
      .Case([&](math::TanhOp) { return em::f32::tanh(x); })
      .Case([&](math::ErfOp) { return em::f32::erf(x); })
      .Case([&](math::RsqrtOp) { return em::f32::rsqrt(x); })
      .Default([&](Operation *) { return em::Real{Value(), nullptr}; });
}

/// The functions that have a form of their own for f32 in f64.
em::Real buildSingle(Operation *op, em::Real x) {
  return TypeSwitch<Operation *, em::Real>(op)
      .Case([&](math::SinOp) { return em::single::sin(x); })
      .Case([&](math::CosOp) { return em::single::cos(x); })
      .Case([&](math::TanOp) { return em::single::tan(x); })
      .Case([&](math::ErfcOp) { return em::single::erfc(x); })
      .Default([&](Operation *) { return em::Real{Value(), nullptr}; });
}

em::Real build(Operation *op, em::Real x, em::Real y, em::Real z, bool f32) {
  if (f32)
    if (em::Real result = buildSingle(op, x); result.value)
      return result;
  return TypeSwitch<Operation *, em::Real>(op)
      .Case([&](math::ExpOp) { return em::exp(x); })
      .Case([&](math::Exp2Op) { return em::exp2(x); })
      .Case([&](math::ExpM1Op) { return em::expm1(x); })
      .Case([&](math::LogOp) { return em::log(x); })
      .Case([&](math::Log1pOp) { return em::log1p(x); })
      .Case([&](math::Log2Op) { return em::log2(x); })
      .Case([&](math::Log10Op) { return em::log10(x); })
      .Case([&](math::SinOp) { return em::sin(x); })
      .Case([&](math::CosOp) { return em::cos(x); })
      .Case([&](math::TanOp) { return em::tan(x); })
      .Case([&](math::AsinOp) { return em::asin(x); })
      .Case([&](math::AcosOp) { return em::acos(x); })
      .Case([&](math::AtanOp) { return em::atan(x); })
      .Case([&](math::Atan2Op) { return em::atan2(x, y); })
      .Case([&](math::SinhOp) { return em::sinh(x); })
      .Case([&](math::CoshOp) { return em::cosh(x); })
      .Case([&](math::TanhOp) { return em::tanh(x); })
      .Case([&](math::AsinhOp) { return em::asinh(x); })
      .Case([&](math::AcoshOp) { return em::acosh(x); })
      .Case([&](math::AtanhOp) { return em::atanh(x); })
      .Case([&](math::ErfOp) { return em::erf(x); })
      .Case([&](math::ErfcOp) { return em::erfc(x); })
      .Case([&](math::FmaOp) {
        return f32 ? em::fma32(x, y, z) : em::fma64(x, y, z);
      })
      .Case([&](math::PowFOp) { return em::pow(x, y, f32); })
      .Case([&](math::CbrtOp) { return em::cbrt(x); })
      .Case([&](math::RsqrtOp) { return em::rsqrt(x); })
      .Case([&](arith::RemFOp) {
        return f32 ? em::fmod32(x, y) : em::fmod64(x, y);
      })
      .Default([&](Operation *) { return em::Real{Value(), nullptr}; });
}

/// A power by a small integer that is known: products are exact where the
/// function is, and a hundredth of its price.
bool multiplyInstead(math::PowFOp op) {
  llvm::APFloat exponent(0.0);
  if (!matchPattern(op.getRhs(), m_ConstantFloat(&exponent)))
    return false;
  OpBuilder builder(op);
  Value x = op.getLhs(), result;
  auto times = [&](Value a, Value b) {
    return arith::MulFOp::create(builder, op.getLoc(), a, b);
  };
  if (exponent.isExactlyValue(1.0))
    result = x;
  else if (exponent.isExactlyValue(2.0))
    result = times(x, x);
  else if (exponent.isExactlyValue(3.0))
    result = times(times(x, x), x);
  else if (exponent.isExactlyValue(-1.0))
    result = arith::DivFOp::create(
        builder, op.getLoc(),
        arith::ConstantOp::create(builder, op.getLoc(),
                                  builder.getOneAttr(x.getType())),
        x);
  else
    return false;
  op.replaceAllUsesWith(result);
  op.erase();
  return true;
}

struct ExpandMathPass : stepwell::impl::ExpandMathPassBase<ExpandMathPass> {
  using ExpandMathPassBase::ExpandMathPassBase;
  void runOnOperation() override {
    getOperation()->walk([](math::PowFOp op) { multiplyInstead(op); });
    SmallVector<arith::TruncFOp> roundings;
    getOperation()->walk([&](arith::TruncFOp op) { roundings.push_back(op); });
    for (arith::TruncFOp op : roundings)
      em::computeInF32(op, multiplyAdd());
    SmallVector<Operation *> work;
    getOperation()->walk([&](Operation *op) {
      if (isa<math::ExpOp, math::Exp2Op, math::ExpM1Op, math::LogOp,
              math::Log1pOp, math::Log2Op, math::Log10Op, math::SinOp,
              math::CosOp, math::TanOp, math::AsinOp, math::AcosOp,
              math::AtanOp, math::Atan2Op, math::SinhOp, math::CoshOp,
              math::TanhOp, math::AsinhOp, math::AcoshOp, math::AtanhOp,
              math::ErfOp, math::ErfcOp, math::PowFOp, math::CbrtOp,
              math::RsqrtOp, arith::RemFOp>(op) ||
          (!fma && isa<math::FmaOp>(op)))
        work.push_back(op);
    });
    for (Operation *op : work)
      expand(op);
  }

  em::Maker::Fma multiplyAdd() const {
    return fma ? em::Maker::Chip : em::Maker::Emulated;
  }

  /// For chips without multiply-add: two roundings each, unless the f32 that
  /// comes out could be another one then. (One in 2^18 could.)
  static Value buildUnfused(Operation *op, em::Real x, em::Real y, em::Real z,
                            const em::Maker &exact, Type type) {
    em::Maker unfused = exact;
    unfused.fma = em::Maker::Unfused;
    auto in = [](em::Real value, const em::Maker &maker) {
      return em::Real{value.value, &maker};
    };
    em::Real near = in(
        build(op, in(x, unfused), in(y, unfused), in(z, unfused), true), exact);
    em::Real margin = near * 0x1p-44;
    auto narrow = [&](em::Real value) -> Value {
      return arith::TruncFOp::create(exact.builder, exact.loc, type,
                                     value.value);
    };
    // Not of NaN.
    em::Bool doubtful{arith::CmpFOp::create(
                          exact.builder, exact.loc, arith::CmpFPredicate::ONE,
                          narrow(near - margin), narrow(near + margin)),
                      &exact};
    return em::unless(doubtful, near, [&] { return build(op, x, y, z, true); })
        .value;
  }

  void expand(Operation *op) {
    Type type = op->getResult(0).getType(),
         element = getElementTypeOrSelf(type);
    if ((!element.isF32() && !element.isF64()) || isa<TensorType>(type))
      return;
    bool converts = element.isF32();
    bool f32 = converts || op->hasAttr(array::kForF32Attr);
    OpBuilder builder(op);
    auto with = [&](Type scalar) -> Type {
      if (auto shaped = dyn_cast<ShapedType>(type))
        return shaped.clone(scalar);
      return scalar;
    };
    if (converts) {
      em::Maker narrow{builder, op->getLoc(), type, with(builder.getI32Type()),
                       multiplyAdd()};
      auto inF32 = [&] {
        auto operand = [&](unsigned i) {
          return em::Real{op->getOperand(i), &narrow};
        };
        if (isa<math::FmaOp>(op))
          return em::emulatedFma32(operand(0), operand(1), operand(2),
                                   em::Sum::Any);
        return buildInF32(op, operand(0));
      };
      if (em::Real y = em::roundedOnce(narrow, inF32); y.value) {
        op->getResult(0).replaceAllUsesWith(y.value);
        op->erase();
        return;
      }
    }
    em::Maker maker{builder, op->getLoc(), with(builder.getF64Type()),
                    with(builder.getI64Type()), multiplyAdd()};
    auto operand = [&](unsigned i) {
      Value value = op->getOperand(std::min(i, op->getNumOperands() - 1));
      if (converts)
        value = arith::ExtFOp::create(builder, op->getLoc(), maker.real, value);
      return em::Real{value, &maker};
    };
    em::Real x = operand(0);
    em::Real y = op->getNumOperands() > 1 ? operand(1) : x;
    em::Real z = operand(2);
    Value result = converts && !fma && !isa<math::FmaOp, arith::RemFOp>(op)
                       ? buildUnfused(op, x, y, z, maker, type)
                       : build(op, x, y, z, f32).value;
    if (converts)
      result = arith::TruncFOp::create(builder, op->getLoc(), type, result);
    op->getResult(0).replaceAllUsesWith(result);
    op->erase();
  }
};

} // namespace

static RegisterPieces passes(registerTransformsPasses);
