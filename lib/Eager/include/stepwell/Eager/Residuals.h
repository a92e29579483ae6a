//===- Residuals.h - What a way back keeps of a Program ---------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The derivative of a Program reads values that the Program computes. Those are
// computed again on the way back where that is cheap, and from what is there or
// was kept. What is not cheap the forward kernel returns: its residuals. All of
// this follows from the Program and the records, without MLIR.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_EAGER_RESIDUALS_H
#define STEPWELL_EAGER_RESIDUALS_H

#include "stepwell/Eager/Kernels.h"

namespace stepwell {

/// What a derivative reads of a Program's inputs and outputs. `wrt` are the
/// inputs that it is taken by. Whatever is no output is computed again.
Needs readBack(const Program &, const std::vector<int> &wrt);

/// The values, neither inputs nor outputs, that together hold the fewest bytes
/// of all with which nothing needs to be computed again that is not cheap.
std::vector<ValueId> chooseResiduals(const Program &,
                                     const std::vector<int> &wrt);

} // namespace stepwell

#endif // STEPWELL_EAGER_RESIDUALS_H
