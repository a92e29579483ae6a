//===- ValueBuilder.h - Operations from expressions -------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the generated code of `vjp` and `decomposition` calls.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_ARRAY_VALUEBUILDER_H
#define STEPWELL_LIB_ARRAY_VALUEBUILDER_H

#include "stepwell/Array/Array.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/TypeUtilities.h"

#include <limits>

namespace stepwell::array {

using namespace mlir;

/// A null value makes everything that is built on it null.
class ValueBuilder {
public:
  ValueBuilder(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  OpBuilder &opBuilder() { return builder; }

  struct NamedAttr {
    StringRef name;
    mlir::Attribute value;
  };

  /// An operand, or a number with the element type of the other operands; where
  /// those are masks, with that of `like`.
  struct Operand {
    Operand(Value value) : value(value) {}
    Operand(double number, Value like) : value(like), number(number) {}
    Value value;
    std::optional<double> number;
  };

  Value call(StringRef name, ArrayRef<Operand> given,
             ArrayRef<NamedAttr> attributes, unsigned result = 0) {
    if (failed) // an attribute that there is not
      return {};
    Value beside;
    for (const Operand &operand : given) {
      if (!operand.value)
        return {};
      if (!operand.number && !getElementTypeOrSelf(operand.value).isInteger(1))
        beside = operand.value;
    }
    SmallVector<Value> operands;
    for (const Operand &operand : given)
      operands.push_back(
          operand.number
              ? number(*operand.number, beside ? beside : operand.value)
              : operand.value);
    SmallVector<NamedAttribute> named;
    for (const NamedAttr &attr : attributes)
      if (attr.value)
        named.push_back(builder.getNamedAttr(attr.name, attr.value));
    Operation *op = createInferred(builder, loc, name, operands, named);
    failed |= !op;
    return op ? op->getResult(result) : Value();
  }
  Value number(double value, Value like) {
    return like ? createNumber(builder, loc, value, getElementTypeOrSelf(like))
                : Value();
  }

  Value number(mlir::Attribute value, Value like) {
    if (!like)
      return {};
    if (auto floating = dyn_cast<FloatAttr>(value))
      return number(floating.getValueAsDouble(), like);
    return createNumber(builder, loc, cast<IntegerAttr>(value).getInt(),
                        getElementTypeOrSelf(like));
  }

  /// Null where a default is not written out: the callee's default is the same.
  mlir::Attribute attribute(Operation *op, StringRef name) {
    return op->getAttr(name);
  }
  mlir::Attribute inverseAttribute(mlir::Attribute permutation) {
    return builder.getDenseI64ArrayAttr(invertPermutationVector(
        cast<DenseI64ArrayAttr>(permutation).asArrayRef()));
  }
  mlir::Attribute dtypeAttribute(Value value) {
    return TypeAttr::get(getElementTypeOrSelf(value));
  }
  /// What sums are kept in: f32 for f16 and bf16.
  mlir::Attribute wideAttribute(Value value) {
    Type element = getElementTypeOrSelf(value);
    return TypeAttr::get(
        element.isF16() || element.isBF16() ? builder.getF32Type() : element);
  }
  mlir::Attribute negatedAttribute(mlir::Attribute value) {
    if (auto flag = llvm::dyn_cast_or_null<BoolAttr>(value))
      return builder.getBoolAttr(!flag.getValue());
    SmallVector<int64_t> numbers;
    for (int64_t number : cast<DenseI64ArrayAttr>(value).asArrayRef())
      numbers.push_back(-number);
    return builder.getDenseI64ArrayAttr(numbers);
  }
  /// One dimension as a list of dimensions.
  mlir::Attribute dimsAttribute(mlir::Attribute dim) {
    return builder.getDenseI64ArrayAttr(cast<IntegerAttr>(dim).getInt());
  }
  mlir::Attribute allDimsAttribute(Value value) {
    int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
    return builder.getDenseI64ArrayAttr(
        llvm::to_vector(llvm::seq<int64_t>(rank)));
  }
  /// Null, and an error, where a size is not known.
  mlir::Attribute sizesAttribute(Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    if (!type.hasStaticShape()) {
      emitError(loc) << "needs the sizes of a value of type " << type
                     << ", which are not all known";
      failed = true;
      return {};
    }
    return builder.getDenseI64ArrayAttr(type.getShape());
  }
  mlir::Attribute swapLastAttribute(Value value) {
    int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
    SmallVector<int64_t> permutation =
        llvm::to_vector(llvm::seq<int64_t>(rank));
    if (rank >= 2)
      std::swap(permutation[rank - 1], permutation[rank - 2]);
    return builder.getDenseI64ArrayAttr(permutation);
  }
  mlir::Attribute literal(bool value) { return builder.getBoolAttr(value); }
  mlir::Attribute literal(int64_t value) {
    return builder.getI64IntegerAttr(value);
  }
  mlir::Attribute literal(double value) {
    return builder.getF64FloatAttr(value);
  }
  mlir::Attribute literal(StringRef value) {
    return builder.getStringAttr(value);
  }
  mlir::Attribute literal(ArrayRef<int64_t> value) {
    return builder.getDenseI64ArrayAttr(value);
  }

  bool failed = false;

private:
  OpBuilder &builder;
  Location loc;
};

} // namespace stepwell::array

#endif // STEPWELL_LIB_ARRAY_VALUEBUILDER_H
