//===- SiteInitialize.cpp - Our dialects and passes in stepwell.mlir ------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's package imports `_site_initialize_0` by itself and calls its
// register_dialects, so that every Context knows our dialects.
//===----------------------------------------------------------------------===//
#include "stepwell-c/Registration.h"

#include "mlir/Bindings/Python/NanobindAdaptors.h"

NB_MODULE(_site_initialize_0, module) {
  module.doc() = "Registers Stepwell's dialects and passes.";
  stepwellRegisterAllPasses();
  module.def("register_dialects", [](MlirDialectRegistry registry) {
    stepwellRegisterAllDialects(registry);
  });
}
