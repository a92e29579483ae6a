//===- VJP.cpp - The derivative rule of each operation --------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Array/VJP.h"
#include "ValueBuilder.h"
#include "stepwell/Array/Array.h"
#include "stepwell/Array/Decomposition.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace stepwell;
using namespace stepwell::array;

namespace {

template <typename Op>
Value hook(ValueBuilder &values, Operation *op, unsigned index, Value g) {
  Value gradient = Op::buildVJP(values.opBuilder(), cast<Op>(op), index, g);
  values.failed |= !gradient;
  return gradient;
}

struct VJPRow {
  StringRef name;
  Value (*build)(ValueBuilder &, Operation *, unsigned,
                 Value);         // null: nonDifferentiable
  uint32_t auxiliary, shapeOnly; // bit masks of results and operands
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
  if (!row && isComposite(op))
    return Differentiability::Composite;
  return !row         ? Differentiability::Unknown
         : row->build ? Differentiability::Differentiable
                      : Differentiability::NonDifferentiable;
}

bool array::isAuxiliary(OpResult result) {
  const VJPRow *row = lookup(result.getOwner());
  return row && (row->auxiliary >> result.getResultNumber() & 1);
}

bool array::readsSizesOnly(OpOperand &operand) {
  const VJPRow *row = lookup(operand.getOwner());
  return row && (row->shapeOnly >> operand.getOperandNumber() & 1);
}

Value array::buildVJP(OpBuilder &builder, Operation *op, unsigned index,
                      Value g, bool &failed) {
  const VJPRow *row = lookup(op);
  if (!row || !row->build)
    return {};
  ValueBuilder rules(builder, op->getLoc());
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

/// The dimensions of a tensor that are neither among `a` nor among `b`.
static SmallVector<int64_t> freeDims(Value value, ArrayRef<int64_t> a,
                                     ArrayRef<int64_t> b) {
  SmallVector<int64_t> free;
  int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
  for (int64_t dim = 0; dim < rank; ++dim)
    if (!llvm::is_contained(a, dim) && !llvm::is_contained(b, dim))
      free.push_back(dim);
  return free;
}

Value DotGeneralOp::buildVJP(OpBuilder &builder, DotGeneralOp op,
                             unsigned index, Value g) {
  bool ofInput = index == 0;
  Value other = ofInput ? op.getOther() : op.getInput();
  ArrayRef<int64_t> batch = op.getInputBatch(), otherBatch = op.getOtherBatch(),
                    contract = op.getInputContract(),
                    otherContract = op.getOtherContract();
  if (!ofInput) {
    std::swap(batch, otherBatch);
    std::swap(contract, otherContract);
  }
  Value operand = op->getOperand(index);
  SmallVector<int64_t> free = freeDims(operand, batch, contract),
                       otherFree = freeDims(other, otherBatch, otherContract);
  // Where the other's free dimensions lie in the result.
  auto first = static_cast<int64_t>(batch.size() + (ofInput ? free.size() : 0));
  auto places = llvm::to_vector(llvm::seq<int64_t>(
      first, first + static_cast<int64_t>(otherFree.size())));
  auto leading =
      llvm::to_vector(llvm::seq<int64_t>(static_cast<int64_t>(batch.size())));
  Location loc = op.getLoc();
  Value product = DotGeneralOp::create(builder, loc, g, other, leading,
                                       otherBatch, places, otherFree);
  // It has the batch, then the free dimensions, then those that `op` summed
  // over, in the order in which the other has them.
  auto summed = llvm::to_vector(llvm::seq<int64_t>(contract.size()));
  llvm::sort(summed, [&](int64_t a, int64_t b) {
    return otherContract[a] < otherContract[b];
  });
  SmallVector<int64_t> have(batch),
      permutation(free.size() + batch.size() + contract.size());
  llvm::append_range(have, free);
  for (int64_t pair : summed)
    have.push_back(contract[pair]);
  for (auto [place, dim] : llvm::enumerate(have))
    permutation[dim] = static_cast<int64_t>(place);
  return TransposeOp::create(builder, loc, product, permutation);
}

Value ConcatOp::buildVJP(OpBuilder &builder, ConcatOp op, unsigned index,
                         Value g) {
  Value part = op.getInputs()[index];
  int64_t rank = cast<RankedTensorType>(part.getType()).getRank(),
          dim = op.getDim();
  // The sizes of the parts before, added up.
  SmallVector<std::string> starts(rank, "0");
  int64_t value = dim;
  for (unsigned i = 0; i < index; ++i, value += rank)
    starts[dim] = i ? starts[dim] + " v" + std::to_string(value) + " +"
                    : "v" + std::to_string(value);
  Value at =
      EmptyOp::create(builder, op.getLoc(), op.getInputs().take_front(index),
                      builder.getI1Type(), llvm::join(starts, ", "));
  return SliceLikeOp::create(builder, op.getLoc(), g, at, part,
                             SmallVector<int64_t>(rank, 1));
}
