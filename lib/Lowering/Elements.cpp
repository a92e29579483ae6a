//===- Elements.cpp - Element types on the way down -----------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Elements.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

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

Value stepwell::loadElement(OpBuilder &b, Location loc, Value stored,
                            Type element) {
  if (element.isInteger(1)) {
    Value zero = arith::ConstantIntOp::create(b, loc, stored.getType(), 0);
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, stored,
                                 zero);
  }
  Type type = computeType(element);
  if (type == stored.getType())
    return stored;
  return arith::ExtFOp::create(b, loc, type, stored);
}

Value stepwell::loadCompared(OpBuilder &b, Location loc, Value stored,
                             Type element) {
  if (!element.isInteger(1))
    return loadElement(b, loc, stored, element);
  Value one = arith::ConstantIntOp::create(b, loc, stored.getType(), 1);
  return arith::MinUIOp::create(b, loc, stored, one);
}

Value stepwell::storeElement(OpBuilder &b, Location loc, Value computed,
                             Type element) {
  Type type = storageType(element);
  if (type == computed.getType())
    return computed;
  if (element.isInteger(1))
    return arith::ExtUIOp::create(b, loc, type, computed);
  return arith::TruncFOp::create(b, loc, type, computed);
}
