//===- Registration.h - Every dialect and pass of this compiler -*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A folder that brings passes or dialects registers them with static objects:
//
//   static stepwell::RegisterPieces passes(registerLoweringPasses);
//   static stepwell::RegisterPieces dialects(insertDialects);
//
// Each is given a function: the first takes nothing, the second a
// mlir::DialectRegistry & to which it adds.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_REGISTRATION_H
#define STEPWELL_REGISTRATION_H

#include "mlir/IR/DialectRegistry.h"

#define STEPWELL_EXPORT __attribute__((visibility("default")))

namespace stepwell {

struct RegisterPieces {
  explicit RegisterPieces(void (*passes)());
  explicit RegisterPieces(void (*dialects)(mlir::DialectRegistry &));
};

/// Our dialects, and the interfaces that they attach to others.
STEPWELL_EXPORT void registerAllDialects(mlir::DialectRegistry &registry);
/// Our passes and pipelines. May be called more than once.
STEPWELL_EXPORT void registerAllPasses();

} // namespace stepwell

#endif // STEPWELL_REGISTRATION_H
