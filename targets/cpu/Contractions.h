//===- Contractions.h - Which operations are sums of products ---*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_TARGETS_CPU_CONTRACTIONS_H
#define STEPWELL_LIB_TARGETS_CPU_CONTRACTIONS_H

#include "LoopNest.h"

namespace stepwell::cpu {

/// The loops of a product C[m, n] += A[m, k] * B[k, n]; every other loop lies
/// around it.
struct Roles {
  unsigned a = 0, b = 1; // operands
  unsigned m, n, k;
  SmallVector<unsigned> outer;
  /// Of a convolution, k and n stand for several loops each, outermost first; A
  /// moves evenly along k, C along n.
  SmallVector<unsigned> kParts, nParts;
  bool windows() const { return !nParts.empty(); }
};

/// What a value of a body is converted from, without loss; else the value.
Value widenedFrom(Value value);

/// Whether the body adds a product to the old result and does nothing else but
/// conversions.
bool isProductSum(linalg::LinalgOp op);

/// The roles where every operand is indexed by loops alone; fails when there is
/// no row or no column.
std::optional<Roles> findRoles(const LoopNest &nest);

/// The roles in a sum of products over windows; adds loops to the nest that
/// stand for several of its own.
std::optional<Roles> findWindowRoles(LoopNest &nest);

/// Builds loops for windows of which each has a row of weights to itself, as in
/// a depthwise convolution; builds nothing and returns false for anything else.
bool lowerLoneWindows(LoopNest &nest, unsigned vectorBits, bool fma);

} // namespace stepwell::cpu

#endif // STEPWELL_LIB_TARGETS_CPU_CONTRACTIONS_H
