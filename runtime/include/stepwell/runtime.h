/*===- stepwell/runtime.h - Contexts and threads ----------------------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What calls a kernel: the context that it is given, and the threads that share
 * its work. Shipped programs contain it. It needs libc and pthreads only; the
 * serial variant (libstepwell-runtime-serial.a) needs libc only.
 *===----------------------------------------------------------------------===*/
#ifndef STEPWELL_RUNTIME_H
#define STEPWELL_RUNTIME_H

#include "stepwell/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum stepwell_threading {
  STEPWELL_SERIAL = 0,
  STEPWELL_THREADED = 1
} stepwell_threading;

/* Fills every field: no workspace, no stream, no error. In the serial variant
 * both modes are serial. */
void stepwell_context_init(stepwell_context *context, stepwell_threading mode);

/* Makes context->workspace at least `bytes` long, keeping a larger one; the
 * contents are lost. Returns STEPWELL_OK or STEPWELL_OUT_OF_MEMORY. */
int32_t stepwell_context_reserve(stepwell_context *context, int64_t bytes);

/* Frees a workspace made by stepwell_context_reserve. */
void stepwell_context_release(stepwell_context *context);

/* Sizes the workspace for `args`, clears the error and calls the kernel. */
int32_t stepwell_context_call(stepwell_context *context,
                              stepwell_kernel_fn kernel,
                              stepwell_workspace_fn workspace_size,
                              const stepwell_arg *args);

/* A short English name of a stepwell_status. */
const char *stepwell_status_message(int32_t status);

/* The two values of context->parallel_for. The pool starts with the first call
 * that has work for two threads, is shared by every calling thread, and starts
 * anew in a forked child. A call from inside a body runs serially. */
void stepwell_runtime_parallel_for(stepwell_context *context, int64_t count,
                                   int64_t cost, stepwell_body body,
                                   void *environment);
void stepwell_runtime_parallel_for_serial(stepwell_context *context,
                                          int64_t count, int64_t cost,
                                          stepwell_body body,
                                          void *environment);

/* How many threads, the caller included, work on one parallel_for. The default
 * is STEPWELL_NUM_THREADS, or else the number of CPUs this process may use.
 * Values are clamped to 1..256; a context takes the number when it is
 * initialised. */
void stepwell_runtime_set_num_threads(int32_t count);
int32_t stepwell_runtime_get_num_threads(void);

/* Whether this process has the tile registers of AMX for products of bf16.
 * Linux gives them to a process that asks, and not to one with a thread whose
 * alternate signal stack is too small for them. Asked once. */
int stepwell_runtime_has_tiles(void);

/* The first of these features ("avx2,fma", as LLVM spells them) that this
 * processor or its operating system lacks; null if there is none. Features that
 * no question is known for are taken to be there. */
const char *stepwell_runtime_missing_feature(const char *features);

#ifdef __cplusplus
}
#endif
#endif /* STEPWELL_RUNTIME_H */
