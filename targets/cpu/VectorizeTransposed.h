//===- VectorizeTransposed.h - Operands along another loop --------*- C++ -*-
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_TARGETS_CPU_VECTORIZETRANSPOSED_H
#define STEPWELL_LIB_TARGETS_CPU_VECTORIZETRANSPOSED_H

#include "BodyEmitter.h"

namespace stepwell::cpu {

/// Elementwise loops whose results run along `loop` and some of whose inputs
/// run along `along`: squares of vectors are read, and transposed in registers.
class Transposition {
public:
  /// The loops along which all inputs that do not run along `loop` may run.
  static SmallVector<unsigned> candidates(const LoopNest &nest, unsigned loop,
                                          unsigned width);

  Transposition(LoopNest &nest, BodyEmitter &body, unsigned loop,
                unsigned along, unsigned width)
      : nest(nest), body(body), loop(loop), along(along), width(width) {}

  /// Whether the inputs run along that loop; null when that is known.
  Value condition();
  /// Both loops, inside all others. `restOfRow` builds what squares do not
  /// cover of one row, from a place on.
  void build(llvm::function_ref<void(OpFoldResult)> restOfRow);

private:
  /// Operations in a body that is repeated for each vector of the squares.
  static constexpr unsigned kLargestBody = 10;

  void at(Value place, llvm::function_ref<void()> inner);
  Value place(const Access &access, OpFoldResult offset);
  void tile(Value row, Value column);
  void transpose(SmallVectorImpl<Value> &rows);

  LoopNest &nest;
  BodyEmitter &body;
  unsigned loop, along, width;
};

} // namespace stepwell::cpu

#endif // STEPWELL_LIB_TARGETS_CPU_VECTORIZETRANSPOSED_H
