//===- Registration.h - Every dialect and pass of this compiler -*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A folder that brings dialects or passes registers them with one static
// object:
//
//   static stepwell::RegisterPieces registration([] { registerLoweringPasses();
//   }); static stepwell::RegisterPieces registration(
//       [](mlir::DialectRegistry &registry) { registry.insert<ArrayDialect>();
//       });
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
