/*===- stepwell/Runner.h - What a shipped executable runs -------------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * stepwell-compile --emit=exe generates the table, Runner.c reads it.
 *===------------------------------------------------------------------------===*/
#ifndef STEPWELL_RUNNER_H
#define STEPWELL_RUNNER_H

#include "stepwell/runtime.h"

typedef struct stepwell_parameter {
  const char *name;
  const char *type;  /* "f32[3,?]" */
  const char *descr; /* NumPy's name of the element type */
  int32_t element_bytes;
  int32_t rank;
  const int64_t *shape; /* -1: taken from the file */
  int32_t scalar, shape_only, written;
  const void *embedded; /* null: read from the command line */
  /* Of a result whose sizes are not all in `shape`: each in postfix, over the
   * words of the inputs; else null. */
  const char *const *sizes;
} stepwell_parameter;

typedef struct stepwell_program {
  const char *name;
  int32_t input_count;
  const stepwell_parameter *inputs;
  int32_t output_count;
  const stepwell_parameter *outputs;
  stepwell_kernel_fn kernel;
  stepwell_workspace_fn workspace_size;
  stepwell_threading threading;
  const char *cpu; /* what the kernel was made for */
  const char
      *features; /* what that has, for stepwell_runtime_missing_feature */
} stepwell_program;

extern const stepwell_program stepwell_shipped_program;

#endif /* STEPWELL_RUNNER_H */
