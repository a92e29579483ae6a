//===- Activations.cpp - Expressions over f64 that f32 has functions for --===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The records of sigmoid, silu and gelu say in f64 what they compute, so that
// roundings do not add up. In f32 each of them is one function, which knows
// what its roundings lose, and takes a third of the time.
//===----------------------------------------------------------------------===//
#include "Formula.h"

#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
namespace em = stepwell::expandmath;

namespace {

/// The f32 that `value` is, widened; or null.
Value narrowOf(Value value) {
  auto extension = value.getDefiningOp<arith::ExtFOp>();
  return extension && getElementTypeOrSelf(extension.getIn()).isF32()
             ? extension.getIn()
             : Value();
}

bool isNumber(Value value, double number) {
  llvm::APFloat found(0.0);
  if (matchPattern(value, m_ConstantFloat(&found)))
    return found.convertToDouble() == number;
  return false;
}

bool isRootOfHalf(Value value) {
  if (auto root = value.getDefiningOp<math::SqrtOp>())
    return isNumber(root.getOperand(), 0.5);
  return isNumber(value, 0x1.6a09e667f3bcdp-1);
}

/// x of exp(-x), or of exp(-|x|).
Value exponent(Value value, bool ofMagnitude) {
  auto power = value.getDefiningOp<math::ExpOp>();
  auto negative =
      power ? power.getOperand().getDefiningOp<arith::NegFOp>() : nullptr;
  if (!negative)
    return {};
  if (!ofMagnitude)
    return narrowOf(negative.getOperand());
  auto magnitude = negative.getOperand().getDefiningOp<math::AbsFOp>();
  return magnitude ? narrowOf(magnitude.getOperand()) : Value();
}

/// e of 1 + e.
Value besideOne(Value value) {
  auto sum = value.getDefiningOp<arith::AddFOp>();
  if (!sum)
    return {};
  if (isNumber(sum.getLhs(), 1))
    return sum.getRhs();
  return isNumber(sum.getRhs(), 1) ? sum.getLhs() : Value();
}

/// x of select(x < 0, exp(-|x|), 1) / (1 + exp(-|x|)).
Value matchSigmoid(Value value) {
  auto quotient = value.getDefiningOp<arith::DivFOp>();
  Value e = quotient ? besideOne(quotient.getRhs()) : Value();
  Value x = e ? exponent(e, true) : Value();
  auto either =
      x ? quotient.getLhs().getDefiningOp<arith::SelectOp>() : nullptr;
  if (!either || exponent(either.getTrueValue(), true) != x ||
      !isNumber(either.getFalseValue(), 1))
    return {};
  auto below = either.getCondition().getDefiningOp<arith::CmpFOp>();
  bool matches = below && below.getPredicate() == arith::CmpFPredicate::OLT &&
                 below.getLhs() == x && isNumber(below.getRhs(), 0);
  return matches ? x : Value();
}

/// x of x / (1 + exp(-x)).
Value matchSilu(Value value) {
  auto quotient = value.getDefiningOp<arith::DivFOp>();
  Value x = quotient ? narrowOf(quotient.getLhs()) : Value();
  Value e = x ? besideOne(quotient.getRhs()) : Value();
  return e && exponent(e, false) == x ? x : Value();
}

/// x of (x / 2) * erfc(-x * sqrt(1/2)).
Value matchGelu(Value value) {
  auto product = value.getDefiningOp<arith::MulFOp>();
  auto half =
      product ? product.getLhs().getDefiningOp<arith::MulFOp>() : nullptr;
  auto tail = half ? product.getRhs().getDefiningOp<math::ErfcOp>() : nullptr;
  auto scaled =
      tail ? tail.getOperand().getDefiningOp<arith::MulFOp>() : nullptr;
  auto negative =
      scaled ? scaled.getLhs().getDefiningOp<arith::NegFOp>() : nullptr;
  if (!negative || !isNumber(half.getRhs(), 0.5) ||
      !isRootOfHalf(scaled.getRhs()))
    return {};
  Value x = narrowOf(half.getLhs());
  return x && narrowOf(negative.getOperand()) == x ? x : Value();
}

} // namespace

void em::computeInF32(arith::TruncFOp rounding, Maker::Fma fma) {
  Type type = rounding.getType();
  if (!getElementTypeOrSelf(type).isF32() || isa<TensorType>(type))
    return;
  struct {
    Value (*match)(Value);
    Real (*build)(Real);
  } const functions[] = {{matchSigmoid, f32::sigmoid},
                         {matchSilu, f32::silu},
                         {matchGelu, f32::gelu}};
  for (auto [match, build] : functions) {
    Value x = match(rounding.getIn());
    if (!x)
      continue;
    OpBuilder builder(rounding);
    Type word = builder.getI32Type();
    if (auto shaped = dyn_cast<ShapedType>(type))
      word = shaped.clone(word);
    Maker maker{builder, rounding.getLoc(), type, word, fma};
    Real y = roundedOnce(maker, [&] { return build({x, &maker}); });
    rounding.replaceAllUsesWith(y.value);
    // And all that nothing else needs.
    SmallVector<Operation *> unused{rounding};
    while (!unused.empty()) {
      Operation *op = unused.pop_back_val();
      if (!isOpTriviallyDead(op))
        continue;
      SmallVector<Value> operands(op->getOperands());
      op->erase();
      for (Value operand : operands)
        if (Operation *maker = operand.getDefiningOp();
            maker && !llvm::is_contained(unused, maker))
          unused.push_back(maker);
    }
    return;
  }
}
