//===- ScalarBodies.cpp - What an operation does to one element -----------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ScalarBodies.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;
using namespace stepwell;

ElementKind stepwell::elementKind(Type element) {
  if (isa<FloatType>(element))
    return ElementKind::Float;
  if (element.isInteger(1))
    return ElementKind::Bool;
  return element.isUnsignedInteger() ? ElementKind::Unsigned
                                     : ElementKind::Integer;
}

Type stepwell::storageType(Type element) {
  if (element.isInteger(1) || element.isUnsignedInteger(8))
    return IntegerType::get(element.getContext(), 8);
  return element;
}

Type stepwell::computeType(Type element) {
  if (element.isF16() || element.isBF16())
    return Float32Type::get(element.getContext());
  if (element.isUnsignedInteger())
    return storageType(element);
  return element;
}

static Value constant(OpBuilder &b, Location loc, Type type, double value) {
  TypedAttr attr = isa<FloatType>(type)
                       ? TypedAttr(b.getFloatAttr(type, value))
                       : TypedAttr(b.getIntegerAttr(type, int64_t(value)));
  return arith::ConstantOp::create(b, loc, type, attr);
}

Value stepwell::load(OpBuilder &b, Location loc, Value stored, Type element) {
  Type type = computeType(element);
  if (elementKind(element) == ElementKind::Bool)
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, stored,
                                 constant(b, loc, stored.getType(), 0));
  if (type != stored.getType())
    return arith::ExtFOp::create(b, loc, type, stored);
  return stored;
}

Value stepwell::store(OpBuilder &b, Location loc, Value computed,
                      Type element) {
  Type type = storageType(element);
  if (elementKind(element) == ElementKind::Bool)
    return arith::ExtUIOp::create(b, loc, type, computed);
  if (type != computed.getType())
    return arith::TruncFOp::create(b, loc, type, computed);
  return computed;
}

static Value floatToInteger(OpBuilder &b, Location loc, Value value, Type to) {
  Type from = value.getType();
  unsigned bits = to.getIntOrFloatBitWidth() > 32 ? 64 : 32;
  Type wide = b.getIntegerType(bits);
  Value converted = arith::FPToSIOp::create(b, loc, wide, value);
  // Out of range the conversion is poison, and must not be chosen.
  auto choose = [&](arith::CmpFPredicate predicate, double bound,
                    const APInt &instead) {
    Value outside = arith::CmpFOp::create(b, loc, predicate, value,
                                          constant(b, loc, from, bound));
    Value limit = arith::ConstantOp::create(b, loc, wide,
                                            b.getIntegerAttr(wide, instead));
    converted = arith::SelectOp::create(b, loc, outside, limit, converted);
  };
  choose(arith::CmpFPredicate::OGE, std::ldexp(1.0, bits - 1),
         APInt::getSignedMaxValue(bits));
  // -2^31 - 1 is an f64 that truncates to -2^31; no f32 lies between.
  if (from.isF64() && bits == 32)
    choose(arith::CmpFPredicate::OLE, std::ldexp(-1.0, 31) - 1,
           APInt::getSignedMinValue(bits));
  else
    choose(arith::CmpFPredicate::OLT, std::ldexp(-1.0, bits - 1),
           APInt::getSignedMinValue(bits));
  Value nan =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, value, value);
  converted = arith::SelectOp::create(b, loc, nan, constant(b, loc, wide, 0),
                                      converted);
  if (to == wide)
    return converted;
  return arith::TruncIOp::create(b, loc, to, converted);
}

Value stepwell::convertElement(OpBuilder &b, Location loc, Value value,
                               Type from, Type to) {
  ElementKind source = elementKind(from), target = elementKind(to);
  Type type = computeType(to);
  if (source == ElementKind::Float && target == ElementKind::Float) {
    // A narrower type that computes in f32 is rounded to where it is stored.
    unsigned have = value.getType().getIntOrFloatBitWidth();
    if (have < type.getIntOrFloatBitWidth())
      return arith::ExtFOp::create(b, loc, type, value);
    if (have > type.getIntOrFloatBitWidth())
      return arith::TruncFOp::create(b, loc, type, value);
    return value;
  }
  if (target == ElementKind::Bool) {
    if (source == ElementKind::Bool)
      return value;
    Value zero = constant(b, loc, value.getType(), 0);
    if (source == ElementKind::Float)
      return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, value,
                                   zero);
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, value, zero);
  }
  if (source == ElementKind::Float)
    return floatToInteger(b, loc, value, type);
  bool isSigned = source == ElementKind::Integer;
  if (target == ElementKind::Float) {
    if (isSigned)
      return arith::SIToFPOp::create(b, loc, type, value);
    return arith::UIToFPOp::create(b, loc, type, value);
  }
  unsigned have = value.getType().getIntOrFloatBitWidth();
  if (have > type.getIntOrFloatBitWidth())
    return arith::TruncIOp::create(b, loc, type, value);
  if (have == type.getIntOrFloatBitWidth())
    return value;
  if (isSigned)
    return arith::ExtSIOp::create(b, loc, type, value);
  return arith::ExtUIOp::create(b, loc, type, value);
}

namespace {

/// What the generated bodies call.
class ScalarBuilder {
public:
  ScalarBuilder(OpBuilder &b, Location loc, Type from, Type to)
      : b(b), loc(loc), from(from), to(to) {}

  Value number(int64_t value, Value like) {
    return constant(b, loc, like.getType(), value);
  }
  Value number(double value, Value like) {
    return constant(b, loc, like.getType(), value);
  }
  Value convert(Value value) { return convertElement(b, loc, value, from, to); }
  Value compare(StringRef name, StringRef predicate, ValueRange operands) {
    if (name == "arith.cmpf")
      return arith::CmpFOp::create(b, loc,
                                   *arith::symbolizeCmpFPredicate(predicate),
                                   operands[0], operands[1]);
    return arith::CmpIOp::create(b, loc,
                                 *arith::symbolizeCmpIPredicate(predicate),
                                 operands[0], operands[1]);
  }
  Value call(StringRef name, ValueRange operands) {
    OperationState state(loc, name);
    state.addOperands(operands);
    auto *interface = state.name.getInterface<InferTypeOpInterface>();
    SmallVector<Type> types;
    if (!interface || failed(interface->inferReturnTypes(
                          b.getContext(), loc, operands,
                          state.attributes.getDictionary(b.getContext()),
                          state.getRawProperties(), state.regions, types)))
      types = {operands.back().getType()};
    state.addTypes(types);
    return b.create(state)->getResult(0);
  }

private:
  OpBuilder &b;
  Location loc;
  Type from, to;
};

struct ScalarBody {
  llvm::StringLiteral operation;
  Value (*build)(ScalarBuilder &, ElementKind, ValueRange operands);
  unsigned kinds; // bit per ElementKind
};

#include "stepwell/Array/ArrayScalarBodies.inc"

const ScalarBody *findScalarBody(StringRef operation) {
  for (const ScalarBody &body : kScalarBodies)
    if (body.operation == operation)
      return &body;
  return nullptr;
}

} // namespace

bool stepwell::isElementwise(StringRef operation) {
  return findScalarBody(operation) != nullptr;
}

Value stepwell::buildScalarBody(OpBuilder &b, Location loc, StringRef operation,
                                ValueRange operands, Type from, Type to) {
  const ScalarBody *body = findScalarBody(operation);
  ElementKind kind = elementKind(from);
  if (!body || !(body->kinds & (1u << unsigned(kind))))
    return {};
  ScalarBuilder builder(b, loc, from, to);
  return body->build(builder, kind, operands);
}
