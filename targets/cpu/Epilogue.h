//===- Epilogue.h - What is done to a matrix product at once ----*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An elementwise operation on a product (a bias, an activation, a residual)
// runs on each block of it while that is in the cache.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_TARGETS_CPU_EPILOGUE_H
#define STEPWELL_LIB_TARGETS_CPU_EPILOGUE_H

#include "CodeBuilder.h"
#include "Contractions.h"

namespace stepwell::cpu {

/// The elementwise operation that reads the product next, if it can run piece
/// by piece before the product is complete, and the product right before it.
linalg::GenericOp findEpilogue(linalg::LinalgOp product);

/// The loops of the result that are neither its rows nor its columns, outermost
/// first.
SmallVector<unsigned> outerLoops(const LoopNest &nest, const Roles &roles);

struct Epilogue {
  /// (environment, first, m begin, m end, n begin, n end): does rows [m begin,
  /// m end) of the matrix number `first`, as the outer loops count them; rows
  /// beyond its last are those of the next.
  func::FuncOp function;
  Value environment;
};

/// Moves `consumer` into a function. The builder stands at the product.
Epilogue outlineEpilogue(CodeBuilder &code, ModuleOp module,
                         const LoopNest &nest, const Roles &roles,
                         linalg::GenericOp consumer);

} // namespace stepwell::cpu

#endif // STEPWELL_LIB_TARGETS_CPU_EPILOGUE_H
