//===- ScalarBodies.cpp - What an operation does to one element -----------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Array/ScalarBodies.h"
#include "stepwell/Array/Array.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace stepwell;
using namespace stepwell::array;

namespace {

enum class ElementKind { Float, Integer, Unsigned, Bool };

ElementKind kindOf(DType dtype) {
  return isFloat(dtype)         ? ElementKind::Float
         : dtype == DType::U8   ? ElementKind::Unsigned
         : dtype == DType::Bool ? ElementKind::Bool
                                : ElementKind::Integer;
}

/// What the generated functions call. A null value makes everything built on it
/// null.
class ScalarBuilder {
public:
  ScalarBuilder(OpBuilder &builder, Location loc, DType from, DType to)
      : builder(builder), loc(loc), from(from), to(to) {}

  Value call(StringRef name, ValueRange operands,
             ArrayRef<NamedAttribute> attributes = {}) {
    if (llvm::is_contained(operands, Value()))
      return {};
    Operation *op = createInferred(builder, loc, name, operands, attributes);
    if (!op)
      return {};
    // Widened: what will be narrowed again needs no more digits than that.
    Value result = op->getResult(0);
    if (from != DType::F64 && name.starts_with("math.") &&
        getElementTypeOrSelf(result).isF64())
      op->setAttr(kForF32Attr, builder.getUnitAttr());
    return result;
  }

  Value compare(StringRef name, StringRef predicate, ValueRange operands) {
    if (llvm::is_contained(operands, Value()))
      return {};
    if (name == "arith.cmpf") {
      std::optional<arith::CmpFPredicate> p =
          arith::symbolizeCmpFPredicate(predicate);
      return p ? arith::CmpFOp::create(builder, loc, *p, operands[0],
                                       operands[1])
               : Value();
    }
    std::optional<arith::CmpIPredicate> p =
        arith::symbolizeCmpIPredicate(predicate);
    return p ? arith::CmpIOp::create(builder, loc, *p, operands[0], operands[1])
             : Value();
  }

  /// A constant of the type of `like`, scalar or vector.
  Value number(double value, Value like) {
    return like ? constant(
                      builder.getFloatAttr(getElementTypeOrSelf(like), value),
                      like)
                : Value();
  }
  Value number(int64_t value, Value like) {
    if (!like)
      return {};
    Type element = getElementTypeOrSelf(like);
    if (isa<FloatType>(element))
      return number(static_cast<double>(value), like);
    return constant(builder.getIntegerAttr(element, value), like);
  }

  /// To the result's element type, as the record of array.cast says.
  Value convert(Value value);

  /// Floats as f64, for formulas whose roundings would add up.
  Value widen(Value value) {
    if (!value || getElementTypeOrSelf(value).isF64())
      return value;
    return arith::ExtFOp::create(
        builder, loc, withElement(value.getType(), builder.getF64Type()),
        value);
  }
  /// To the type that the operands are computed in.
  Value narrow(Value value) {
    if (!value || from == DType::F64)
      return value;
    return arith::TruncFOp::create(
        builder, loc, withElement(value.getType(), builder.getF32Type()),
        value);
  }

  /// How many bits an integer of the type of `like` has.
  Value bits(Value like) {
    return like
               ? number(int64_t(
                            getElementTypeOrSelf(like).getIntOrFloatBitWidth()),
                        like)
               : Value();
  }

  /// Of signed or unsigned integers, as the record of array.pow says.
  Value power(Value base, Value exponent);

private:
  Value constant(TypedAttr attr, Value like) {
    if (auto vector = dyn_cast<VectorType>(like.getType()))
      attr = DenseElementsAttr::get(vector, ArrayRef<mlir::Attribute>(attr));
    return arith::ConstantOp::create(builder, loc, attr);
  }
  Type withElement(Type type, Type element) {
    if (auto vector = dyn_cast<VectorType>(type))
      return vector.clone(element);
    return element;
  }
  Value floatToInt(Value value, Type target);

  OpBuilder &builder;
  Location loc;
  DType from, to;
};

} // namespace

/// Truncates, as x86-64's conversions do: to i64, or to i32 on the way to a
/// shorter signed type; NaN and what that does not hold become its least value,
/// of which a shorter type keeps the low bits.
Value ScalarBuilder::floatToInt(Value value, Type target) {
  Type element = getElementTypeOrSelf(value);
  // f16 holds no bound: compare in f32, where powers of two are exact.
  if (element.getIntOrFloatBitWidth() < 32)
    value = arith::ExtFOp::create(
        builder, loc, withElement(value.getType(), builder.getF32Type()),
        value);
  unsigned bits = getElementTypeOrSelf(target).getIntOrFloatBitWidth();
  // uint8 goes by i64, but of an f32 beyond i32 the low byte is 0.
  bool wide = bits == 64 || (to == DType::U8 && from == DType::F64);
  unsigned through = wide ? 64 : 32;
  double bound = std::ldexp(1.0, through - 1);

  // Elsewhere fptosi has no defined value.
  Value inside = arith::AndIOp::create(
      builder, loc,
      compare("arith.cmpf", "oge", {value, number(-bound, value)}),
      compare("arith.cmpf", "olt", {value, number(bound, value)}));
  Value safe =
      arith::SelectOp::create(builder, loc, inside, value, number(0.0, value));
  Type between = withElement(target, builder.getIntegerType(through));
  Value result = arith::FPToSIOp::create(builder, loc, between, safe);
  if (bits < through)
    return arith::TruncIOp::create(builder, loc, target, result);
  Value least =
      constant(builder.getIntegerAttr(getElementTypeOrSelf(between),
                                      APInt::getSignedMinValue(through)),
               result);
  return arith::SelectOp::create(builder, loc, inside, result, least);
}

/// Square and multiply, without a loop: one step per bit of a non-negative
/// exponent.
Value ScalarBuilder::power(Value base, Value exponent) {
  if (!base || !exponent)
    return {};
  Value one = number(int64_t(1), base), zero = number(int64_t(0), base);
  bool isSigned = from != DType::U8;
  int64_t steps = 8 * byteWidth(from) - isSigned;
  auto odd = [&](Value value) {
    return compare("arith.cmpi", "ne",
                   {call("arith.andi", {value, one}), zero});
  };
  Value result = one, square = base, rest = exponent;
  for (int64_t step = 0; step < steps; ++step) {
    Value factor =
        arith::SelectOp::create(builder, loc, odd(rest), square, one);
    result = call("arith.muli", {result, factor});
    if (step + 1 < steps) {
      square = call("arith.muli", {square, square});
      rest = call("arith.shrui", {rest, one});
    }
  }
  if (!isSigned)
    return result;
  // 1 / base ** n, truncated: 0 unless the base is its own inverse.
  Value minusOne = number(int64_t(-1), base);
  Value sign =
      arith::SelectOp::create(builder, loc, odd(exponent), minusOne, one);
  Value isMinusOne = compare("arith.cmpi", "eq", {base, minusOne});
  Value isOne = compare("arith.cmpi", "eq", {base, one});
  Value inverse = arith::SelectOp::create(builder, loc, isMinusOne, sign, zero);
  inverse = arith::SelectOp::create(builder, loc, isOne, one, inverse);
  Value negative = compare("arith.cmpi", "slt", {exponent, zero});
  return arith::SelectOp::create(builder, loc, negative, inverse, result);
}

Value ScalarBuilder::convert(Value value) {
  if (!value || from == to)
    return value;
  Type element =
      fromDType(builder.getContext(), to == DType::U8 ? DType::I8 : to);
  Type target = withElement(value.getType(), element);
  if (to == DType::Bool)
    return isFloat(from)
               ? compare("arith.cmpf", "une", {value, number(0.0, value)})
               : compare("arith.cmpi", "ne",
                         {value, number(int64_t(0), value)});
  if (isFloat(from) && isFloat(to)) {
    // f16 and bf16 meet in f32, which holds both.
    if (byteWidth(from) == byteWidth(to))
      return arith::TruncFOp::create(
          builder, loc, target,
          arith::ExtFOp::create(
              builder, loc, withElement(value.getType(), builder.getF32Type()),
              value));
    if (byteWidth(from) < byteWidth(to))
      return arith::ExtFOp::create(builder, loc, target, value);
    return arith::TruncFOp::create(builder, loc, target, value);
  }
  if (isFloat(from))
    return floatToInt(value, target);
  bool isUnsigned = from == DType::Bool || from == DType::U8;
  if (isFloat(to))
    return isUnsigned ? arith::UIToFPOp::create(builder, loc, target, value)
                            .getResult()
                      : arith::SIToFPOp::create(builder, loc, target, value)
                            .getResult();
  unsigned fromBits = from == DType::Bool ? 1 : 8 * byteWidth(from);
  unsigned toBits = element.getIntOrFloatBitWidth();
  if (fromBits == toBits)
    return value;
  if (fromBits > toBits)
    return arith::TruncIOp::create(builder, loc, target, value);
  return isUnsigned
             ? arith::ExtUIOp::create(builder, loc, target, value).getResult()
             : arith::ExtSIOp::create(builder, loc, target, value).getResult();
}

namespace {
struct ScalarBodyRow {
  StringRef name;
  Value (*build)(ScalarBuilder &, ElementKind, ValueRange);
  uint32_t nonzero; // bit mask: integer operands that must not be 0
};
} // namespace

#include "stepwell/Array/ArrayScalarBodies.inc"

static const ScalarBodyRow *lookup(Operation *op) {
  static const llvm::StringMap<const ScalarBodyRow *> rows = [] {
    llvm::StringMap<const ScalarBodyRow *> map;
    for (const ScalarBodyRow &row : kScalarBodies)
      map[row.name] = &row;
    return map;
  }();
  return rows.lookup(op->getName().getStringRef());
}

bool array::isElementwise(Operation *op) { return lookup(op) != nullptr; }

bool array::mustNotBeZero(Operation *op, unsigned operand) {
  const ScalarBodyRow *row = lookup(op);
  return row && (row->nonzero >> operand & 1) &&
         !isa<FloatType>(getElementTypeOrSelf(op->getOperand(operand)));
}

Value array::buildScalarBody(OpBuilder &builder, Location loc, Operation *op,
                             ValueRange elements) {
  const ScalarBodyRow *row = lookup(op);
  if (!row || elements.empty() || elements.size() != op->getNumOperands())
    return {};
  std::optional<DType> from =
      toDType(getElementTypeOrSelf(op->getOperands().back()));
  std::optional<DType> to = toDType(getElementTypeOrSelf(op->getResult(0)));
  if (!from || !to)
    return {};
  ScalarBuilder scalar(builder, loc, *from, *to);
  return row->build(scalar, kindOf(*from), elements);
}
