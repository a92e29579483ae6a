//===- Array.h - The array dialect ------------------------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_ARRAY_H
#define STEPWELL_ARRAY_ARRAY_H

#include "stepwell/Semantics/Rules.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "stepwell/Array/ArrayDialect.h.inc"

namespace stepwell::array {

/// The element type of lib/Semantics, or nothing if the dialect has no such
/// element.
std::optional<DType> toDType(mlir::Type element);
mlir::Type fromDType(mlir::MLIRContext *context, DType dtype);

/// An attribute that the operation does not have is an error, unless it is
/// another dialect's.
llvm::LogicalResult verifyAttributeNames(mlir::Operation *op);

template <typename Op>
struct KnownAttributes : mlir::OpTrait::TraitBase<Op, KnownAttributes> {
  static llvm::LogicalResult verifyTrait(mlir::Operation *op) {
    return verifyAttributeNames(op);
  }
};

} // namespace stepwell::array

#define GET_OP_CLASSES
#include "stepwell/Array/ArrayOps.h.inc"

namespace stepwell::array {

/// Nothing for what is no tensor of this dialect, or has more than kMaxRank
/// dimensions.
std::optional<TensorType> toTensorType(mlir::Type type);
mlir::RankedTensorType fromTensorType(mlir::MLIRContext *context,
                                      const TensorType &type);

/// Builds `name` with inferred result types; null after an error, reported at
/// `loc`.
mlir::Operation *
createInferred(mlir::OpBuilder &builder, mlir::Location loc,
               llvm::StringRef name, mlir::ValueRange operands,
               llvm::ArrayRef<mlir::NamedAttribute> attributes = {});

/// The shape rules of an operation's results, and what they read; no rules for
/// one that states its type.
struct ShapeInference {
  llvm::SmallVector<rules::ShapeRule> rules;
  llvm::ArrayRef<std::string_view> names;
  Attributes attributes;
  rules::NamedAttributes named() const {
    return {{names.data(), names.size()}, attributes};
  }
};
ShapeInference shapeInference(mlir::Operation *op);

/// Gives the operations of this dialect in `block` the result types that their
/// operands tell, and tells their users what more was written there: types may
/// know fewer or more sizes than inference, lowering takes those of inference.
/// Other operations see the types that they saw, by way of `tensor.cast`.
llvm::LogicalResult refineTypes(mlir::Block &block);
/// The same in every function inside.
llvm::LogicalResult refineTypes(mlir::Operation *root);

/// A 0-d `array.constant` of that element type.
mlir::Value createNumber(mlir::OpBuilder &builder, mlir::Location loc,
                         double value, mlir::Type element);

} // namespace stepwell::array

#endif // STEPWELL_ARRAY_ARRAY_H
