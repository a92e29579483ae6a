//===- VJP.cpp - The derivative rule of each operation --------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Array/VJP.h"
#include "stepwell/Array/Array.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace stepwell;
using namespace stepwell::array;

namespace {

/// What the generated functions call. A null value makes everything built on it
/// null.
class VJPBuilder {
public:
  VJPBuilder(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  struct NamedAttr {
    StringRef name;
    mlir::Attribute value;
  };

  Value call(StringRef name, ArrayRef<Value> operands,
             ArrayRef<NamedAttr> attributes) {
    if (llvm::is_contained(operands, Value()))
      return {};
    SmallVector<NamedAttribute> named;
    for (const NamedAttr &attr : attributes)
      if (attr.value)
        named.push_back(builder.getNamedAttr(attr.name, attr.value));
    Operation *op = createInferred(builder, loc, name, operands, named);
    failed |= !op;
    return op ? op->getResult(0) : Value();
  }
  Value number(double value, Value like) {
    return like ? createNumber(builder, loc, value, getElementTypeOrSelf(like))
                : Value();
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

struct VJPRow {
  StringRef name;
  Value (*build)(VJPBuilder &, Operation *, unsigned,
                 Value); // null: nonDifferentiable
};

} // namespace

#include "stepwell/Array/ArrayVJP.inc"

static const VJPRow *lookup(Operation *op) {
  static const llvm::StringMap<const VJPRow *> rows = [] {
    llvm::StringMap<const VJPRow *> map;
    for (const VJPRow &row : kVJPRows)
      map[row.name] = &row;
    return map;
  }();
  return rows.lookup(op->getName().getStringRef());
}

Differentiability array::differentiability(Operation *op) {
  const VJPRow *row = lookup(op);
  return !row         ? Differentiability::Unknown
         : row->build ? Differentiability::Differentiable
                      : Differentiability::NonDifferentiable;
}

Value array::buildVJP(OpBuilder &builder, Operation *op, unsigned index,
                      Value g, bool &failed) {
  const VJPRow *row = lookup(op);
  if (!row || !row->build)
    return {};
  VJPBuilder rules(builder, op->getLoc());
  Value gradient = row->build(rules, op, index, g);
  failed |= rules.failed;
  return gradient;
}

Value array::sumToType(OpBuilder &builder, Location loc, Value value,
                       RankedTensorType type) {
  auto from = cast<RankedTensorType>(value.getType());
  if (from.getRank() > type.getRank()) {
    auto leading =
        llvm::to_vector(llvm::seq<int64_t>(from.getRank() - type.getRank()));
    value = SumOp::create(builder, loc, value, leading, /*keepdim=*/false);
    from = cast<RankedTensorType>(value.getType());
  }
  SmallVector<int64_t> stretched;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.getDimSize(dim) == 1 && from.getDimSize(dim) != 1)
      stretched.push_back(dim);
  if (!stretched.empty())
    value = SumOp::create(builder, loc, value, stretched, /*keepdim=*/true);
  return value;
}
