/*===- Serial.c - The runtime of a serial binary ----------------------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Stands in for Threads.c in libstepwell-runtime-serial.a.
 *===------------------------------------------------------------------------===*/
#include "stepwell/runtime.h"

void stepwell_runtime_parallel_for(stepwell_context *context, int64_t count,
                                   int64_t cost, stepwell_body body,
                                   void *environment) {
  stepwell_runtime_parallel_for_serial(context, count, cost, body, environment);
}

void stepwell_runtime_set_num_threads(int32_t count) { (void)count; }

int32_t stepwell_runtime_get_num_threads(void) { return 1; }
