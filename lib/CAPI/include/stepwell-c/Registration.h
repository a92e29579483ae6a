/*===- stepwell-c/Registration.h - Our dialects and passes, for bindings ----===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===----------------------------------------------------------------------===*/
#ifndef STEPWELL_C_REGISTRATION_H
#define STEPWELL_C_REGISTRATION_H

#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

#define STEPWELL_C_MLIR_EXPORT __attribute__((visibility("default")))

STEPWELL_C_MLIR_EXPORT void
stepwellRegisterAllDialects(MlirDialectRegistry registry);
/* May be called more than once. */
STEPWELL_C_MLIR_EXPORT void stepwellRegisterAllPasses(void);

#ifdef __cplusplus
}
#endif
#endif /* STEPWELL_C_REGISTRATION_H */
