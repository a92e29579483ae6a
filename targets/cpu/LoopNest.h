//===- LoopNest.h - Loops over strided buffers --------------------*- C++ -*-
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_TARGETS_CPU_LOOPNEST_H
#define STEPWELL_LIB_TARGETS_CPU_LOOPNEST_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace stepwell::cpu {

using namespace mlir;

/// Index arithmetic that folds what is known.
class IndexBuilder {
public:
  IndexBuilder(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}
  Value value(OpFoldResult x) const;
  OpFoldResult constant(int64_t x) const { return builder.getIndexAttr(x); }
  OpFoldResult add(OpFoldResult a, OpFoldResult b) const;
  OpFoldResult sub(OpFoldResult a, OpFoldResult b) const;
  OpFoldResult mul(OpFoldResult a, OpFoldResult b) const;
  OpFoldResult min(OpFoldResult a, OpFoldResult b) const;
  /// The largest multiple of `step` that is not above `x`.
  OpFoldResult roundDown(OpFoldResult x, int64_t step) const;

  OpBuilder &builder;
  Location loc;
};

/// Where an operand's element lies, as a function of the loops entered so far.
struct Access {
  /// Null for an operand that is a scalar value.
  Value base;
  Value scalar;
  Type element;
  OpFoldResult offset;
  /// One per loop of the operation; zero where the operand does not move.
  SmallVector<OpFoldResult> strides;
  /// The same, but for loops that run once, too.
  SmallVector<OpFoldResult> steps;

  /// The stride along a loop, when it is known.
  std::optional<int64_t> stride(unsigned loop) const {
    return getConstantIntValue(strides[loop]);
  }
};

/// What an operand looks like along one loop.
struct Row {
  enum Kind { Splat, Unit, Strided } kind;
  /// The scalar of a splat, or the one-dimensional buffer.
  Value value;
  Type element;
  /// The splat as a vector; null when loops are scalar.
  Value vector;
};

/// The loops of a linalg operation on buffers.
class LoopNest {
public:
  /// Fails when an operand is not addressed by a linear function of the loops.
  static FailureOr<LoopNest> create(OpBuilder &builder, linalg::LinalgOp op);

  using Inner = llvm::function_ref<SmallVector<Value>(ValueRange carried)>;
  /// Builds loops over `dims`, outermost first, around what `inner` builds, and
  /// returns the values carried out of them. Offsets hold inside.
  SmallVector<Value> loop(ArrayRef<unsigned> dims, ValueRange init,
                          Inner inner);
  /// The same without values.
  void loop(ArrayRef<unsigned> dims, llvm::function_ref<void()> inner);
  /// The range of a loop, or 0 where one of those inside of it runs not once.
  OpFoldResult rangeAround(unsigned dim, ArrayRef<unsigned> inside);
  /// A loop with a step; no values for an empty `init`.
  SmallVector<Value>
  range(OpFoldResult begin, OpFoldResult end, int64_t step, ValueRange init,
        llvm::function_ref<SmallVector<Value>(Value, ValueRange)> inner);
  /// Builds the body when `condition` holds; else the values are `otherwise`.
  SmallVector<Value> when(Value condition, ValueRange otherwise,
                          llvm::function_ref<SmallVector<Value>()> inner);

  /// `stored`: elements are written there, so that it is no splat.
  Row row(unsigned operand, unsigned loop, unsigned width, bool stored = false);
  /// The elements [index, index + width), or one for width 0. Under a mask,
  /// elements at or beyond `end` are not touched.
  Value load(const Row &row, Value index, unsigned width, Value mask = {},
             Value end = {});
  void store(const Row &row, Value value, Value index, unsigned width,
             Value mask = {});
  /// Stores one element where an operand stands now.
  void storeHere(unsigned operand, Value value);
  Value mask(Value index, OpFoldResult end, unsigned width);

  IndexBuilder index() { return IndexBuilder(builder, loc); }
  /// How many operands move along a loop with stride 1; outputs count double.
  unsigned unitStrides(unsigned loop) const;

  OpBuilder &builder;
  Location loc;
  mutable linalg::LinalgOp op; // its accessors are not const
  bool narrowMasks = false;
  SmallVector<Access> accesses; // inputs, then outputs
  SmallVector<OpFoldResult> ranges;
  SmallVector<Value> counters; // of the loops entered so far

private:
  LoopNest(OpBuilder &builder, linalg::LinalgOp op)
      : builder(builder), loc(op.getLoc()), op(op) {}
};

Type vectorOf(Type element, unsigned width);

} // namespace stepwell::cpu

#endif // STEPWELL_LIB_TARGETS_CPU_LOOPNEST_H
