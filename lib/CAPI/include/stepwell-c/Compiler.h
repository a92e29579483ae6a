/*===- stepwell-c/Compiler.h - From a kernel key to an object ---------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The only door into libstepwell-compiler.so for code that knows no MLIR.
 * No function throws, aborts or prints; every failure is a result.
 *===----------------------------------------------------------------------===*/
#ifndef STEPWELL_C_COMPILER_H
#define STEPWELL_C_COMPILER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STEPWELL_C_EXPORT __attribute__((visibility("default")))

typedef struct StepwellBytes {
  const char *data;
  size_t size;
} StepwellBytes;

typedef struct StepwellCompilation StepwellCompilation;

/* Sixteen hex digits; changes whenever the compiler library changes. */
STEPWELL_C_EXPORT const char *stepwellCompilerBuildId(void);

/* Compiles the request that `key` (docs/kernel-key.md) describes. `locations`,
 * which may be empty, is one "file:line" per Program operation, joined by '\n':
 * it is used in messages only. `dumpFolder`, which may be empty, receives the
 * IR after each step. Never returns null; free with stepwellCompilationDestroy.
 */
STEPWELL_C_EXPORT StepwellCompilation *
stepwellCompile(StepwellBytes key, StepwellBytes locations,
                StepwellBytes dumpFolder);

/* 1 when there is an object, 0 when there is an error. */
STEPWELL_C_EXPORT int stepwellCompilationOk(const StepwellCompilation *);
/* The object file's bytes (ELF, PTX, SPIR-V…). */
STEPWELL_C_EXPORT StepwellBytes
stepwellCompilationObject(const StepwellCompilation *);
/* What went wrong, with the user's line where it is known. */
STEPWELL_C_EXPORT StepwellBytes
stepwellCompilationError(const StepwellCompilation *);
/* A file that reproduces the failure with stepwell-opt; empty if none. */
STEPWELL_C_EXPORT StepwellBytes
stepwellCompilationReproducer(const StepwellCompilation *);
STEPWELL_C_EXPORT void stepwellCompilationDestroy(StepwellCompilation *);

#ifdef __cplusplus
}
#endif
#endif /* STEPWELL_C_COMPILER_H */
