//===- Vectorize.h - Schedules of linalg operations ----------------*- C++ -*-
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_TARGETS_CPU_VECTORIZE_H
#define STEPWELL_LIB_TARGETS_CPU_VECTORIZE_H

#include "BodyEmitter.h"

namespace stepwell::cpu {

struct VectorOptions {
  unsigned vectorBits = 256;
  bool narrowMasks = false;
  unsigned unroll = 0;
};

/// On an operation in a loop: one of its own loops, which runs once, and the
/// operands of which the next step along it is to be fetched meanwhile.
constexpr llvm::StringLiteral kNextAttr = "stepwell.next";

/// Loops for an operation without reductions, at the nest's builder.
void vectorizeElementwise(LoopNest &nest, const VectorOptions &options);

/// Loops for an operation with reductions that `findCombiners` understands.
void vectorizeReduction(LoopNest &nest, ArrayRef<Operation *> combiners,
                        const VectorOptions &options);

/// The parts of a body that keeps the best value and where it lies.
struct PositionBody {
  Value better, value, best, position;
};
std::optional<PositionBody> findPosition(linalg::LinalgOp op);

/// Loops for an operation that finds the best element's position.
void vectorizePosition(LoopNest &nest, const PositionBody &parts,
                       const VectorOptions &options);

/// Turns reads of rows, each where an index says, into copies of rows, which it
/// adds to `made`; false for any other operation.
bool readRows(linalg::LinalgOp op, SmallVectorImpl<linalg::LinalgOp> &made);

/// Per output, the operation that joins a new value with the old result; empty
/// when some output has none.
SmallVector<Operation *> findCombiners(linalg::LinalgOp op);

/// The loop to be walked in vectors.
unsigned chooseVectorLoop(const LoopNest &nest);

} // namespace stepwell::cpu

#endif // STEPWELL_LIB_TARGETS_CPU_VECTORIZE_H
