//===- BodyEmitter.h - The body of a linalg operation on vectors --*- C++ -*-
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_TARGETS_CPU_BODYEMITTER_H
#define STEPWELL_LIB_TARGETS_CPU_BODYEMITTER_H

#include "LoopNest.h"

namespace stepwell::cpu {

/// On an scf.if that is seldom taken.
inline constexpr llvm::StringLiteral kRareCaseAttr = "stepwell.rare_case";

/// Clones the body of a linalg operation for one element or a vector of them.
class BodyEmitter {
public:
  /// Whether every operation of the body has a form on vectors. `reads`:
  /// elements of other buffers may be read where a condition holds; the caller
  /// masks nothing then.
  static bool isVectorizable(linalg::LinalgOp op, bool reads = false);
  /// Whether the body reads such elements.
  static bool readsElsewhere(linalg::LinalgOp op);
  /// Whether `value` is the same all along `loop`.
  static bool isUniform(linalg::LinalgOp op, Value value, unsigned loop);
  /// As many elements as fit a register at the widest type that occurs.
  static unsigned vectorWidth(linalg::LinalgOp op, unsigned vectorBits);
  static unsigned size(linalg::LinalgOp op);

  /// Constants and broadcasts go to the builder's current place.
  explicit BodyEmitter(LoopNest &nest);

  /// The values of the body's arguments to those it yields, except that the
  /// operations in `skip` are left out and what they would yield is null. `at`
  /// is the first element's index along `loop`.
  SmallVector<Value> emit(ValueRange arguments, unsigned width, unsigned loop,
                          Value at, ArrayRef<Operation *> skip = {});
  /// What a value of the body became in the last emit.
  Value resolve(Value value, unsigned width) {
    Value known = mapping.lookupOrNull(value);
    return known ? known : outside(value, width);
  }
  /// One value of the body and what it needs, on top of what is known.
  Value slice(Value wanted, IRMapping &known, unsigned width, unsigned loop,
              Value at);
  /// Clones `operation` over other operands, on vectors or scalars alike.
  Value clone(Operation *operation, ValueRange operands);

private:
  void emit(Operation &operation, unsigned width, unsigned loop, Value at);
  void emitRareCase(scf::IfOp branch, unsigned width, unsigned loop, Value at);
  void emitGuardedRead(scf::IfOp branch, unsigned width, unsigned loop,
                       Value at);
  SmallVector<Value> emitLane(Block *block, OpFoldResult lane,
                              IRMapping &uniform, unsigned loop, Value at);
  Value outside(Value value, unsigned width);
  Value counter(unsigned dim, unsigned loop, unsigned width, Value at);

  LoopNest &nest;
  /// Where values that do not change in the loops are made.
  OpBuilder before;
  DenseMap<std::pair<Value, unsigned>, Value> hoisted;
  IRMapping mapping;
};

} // namespace stepwell::cpu

#endif // STEPWELL_LIB_TARGETS_CPU_BODYEMITTER_H
