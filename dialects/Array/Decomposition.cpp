//===- Decomposition.cpp - Composite operations in terms of others --------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Array/Decomposition.h"
#include "ValueBuilder.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace stepwell;
using namespace stepwell::array;

namespace {
struct DecompositionRow {
  StringRef name;
  SmallVector<Value> (*build)(ValueBuilder &, Operation *);
};
} // namespace

#include "stepwell/Array/ArrayDecompositions.inc"

static const DecompositionRow *lookup(Operation *op) {
  static const llvm::StringMap<const DecompositionRow *> rows = [] {
    llvm::StringMap<const DecompositionRow *> map;
    for (const DecompositionRow &row : kDecompositions)
      map[row.name] = &row;
    return map;
  }();
  return rows.lookup(op->getName().getStringRef());
}

bool array::isComposite(Operation *op) { return lookup(op); }

bool array::hasTiles(Operation *op) {
  static constexpr int64_t kWidest = 2048;
  bool forward =
      isa<AttentionOp, CausalAttentionOp, MaskedAttentionOp, BiasedAttentionOp>(
          op);
  if (!forward &&
      !isa<AttentionGradientOp, CausalAttentionGradientOp,
           MaskedAttentionGradientOp, BiasedAttentionGradientOp>(op))
    return false;
  // The gradient of a mask is one of all scores.
  if (op->getNumResults() > 3 && !op->getResult(3).use_empty())
    return false;
  return llvm::all_of(op->getOperands().take_front(3), [](Value operand) {
    int64_t size = cast<RankedTensorType>(operand.getType()).getDimSize(3);
    return !ShapedType::isDynamic(size) && size <= kWidest;
  });
}

FailureOr<SmallVector<Value>> array::buildDecomposition(OpBuilder &builder,
                                                        Operation *op) {
  const DecompositionRow *row = lookup(op);
  if (!row)
    return op->emitOpError("is not composed of other operations");
  ValueBuilder values(builder, op->getLoc());
  SmallVector<Value> results = row->build(values, op);
  if (values.failed || llvm::is_contained(results, Value()))
    return failure();
  for (auto [value, result] : llvm::zip_equal(results, op->getResults())) {
    if (value.getType() == result.getType())
      continue;
    // The parts may know more sizes, or fewer.
    if (getElementTypeOrSelf(value) != getElementTypeOrSelf(result) ||
        failed(verifyCompatibleShape(value.getType(), result.getType())))
      return op->emitOpError("decomposes into a value of type ")
             << value.getType() << " instead of " << result.getType();
    value =
        tensor::CastOp::create(builder, op->getLoc(), result.getType(), value);
  }
  return results;
}
