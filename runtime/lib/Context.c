/*===- Context.c - Contexts: what a kernel is called with
 * ----------------------- ===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "stepwell/runtime.h"

#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

void stepwell_context_init(stepwell_context *context, stepwell_threading mode) {
  memset(context, 0, sizeof *context);
  context->abi_version = STEPWELL_ABI_VERSION;
  context->num_threads = mode == STEPWELL_THREADED
                             ? (uint32_t)stepwell_runtime_get_num_threads()
                             : 1;
  context->parallel_for = context->num_threads > 1
                              ? stepwell_runtime_parallel_for
                              : stepwell_runtime_parallel_for_serial;
}

int32_t stepwell_context_reserve(stepwell_context *context, int64_t bytes) {
  if (bytes < 0 || bytes > INT64_MAX - 63) /* its computation overflowed */
    return STEPWELL_OUT_OF_MEMORY;
  if (bytes <= context->workspace_bytes)
    return STEPWELL_OK;
  int64_t rounded = (bytes + 63) & ~(int64_t)63;
  stepwell_context_release(context);
  context->workspace = aligned_alloc(64, (size_t)rounded);
  if (!context->workspace)
    return STEPWELL_OUT_OF_MEMORY;
  context->workspace_bytes = rounded;
  return STEPWELL_OK;
}

void stepwell_context_release(stepwell_context *context) {
  free(context->workspace);
  context->workspace = NULL;
  context->workspace_bytes = 0;
}

int32_t stepwell_context_call(stepwell_context *context,
                              stepwell_kernel_fn kernel,
                              stepwell_workspace_fn workspace_size,
                              const stepwell_arg *args) {
  memset(&context->error, 0, sizeof context->error);
  int64_t bytes = workspace_size ? workspace_size(args) : 0;
  int32_t status = stepwell_context_reserve(context, bytes);
  if (status == STEPWELL_OK)
    status = kernel(context, args);
  context->error.code = status;
  return status;
}

const char *stepwell_status_message(int32_t status) {
  switch (status) {
  case STEPWELL_OK:
    return "success";
  case STEPWELL_INDEX_OUT_OF_RANGE:
    return "index out of range";
  case STEPWELL_SHAPE_MISMATCH:
    return "shapes do not match";
  case STEPWELL_BAD_VALUE:
    return "bad value";
  case STEPWELL_OUT_OF_MEMORY:
    return "out of memory";
  case STEPWELL_DEVICE_ERROR:
    return "device error";
  case STEPWELL_DIVISION_BY_ZERO:
    return "ZeroDivisionError";
  }
  return "unknown status";
}

static int askForTiles(void) {
#if defined(__x86_64__) && defined(__linux__)
  enum { RequestPermission = 0x1023, TileData = 18 }; /* asm/prctl.h */
  enum { Multiplies = 1 << 22, Registers = 1 << 24 }; /* leaf 7, edx */
  unsigned eax, ebx, ecx, edx;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
         (edx & Multiplies) && (edx & Registers) &&
         syscall(SYS_arch_prctl, RequestPermission, TileData) == 0;
#else
  return 0;
#endif
}

int stepwell_runtime_has_tiles(void) {
  static _Atomic int answer; /* 0: not asked; then 1 or 2 */
  if (!answer)
    answer = askForTiles() ? 2 : 1;
  return answer == 2;
}

void stepwell_runtime_parallel_for_serial(stepwell_context *context,
                                          int64_t count, int64_t cost,
                                          stepwell_body body,
                                          void *environment) {
  (void)context, (void)cost;
  if (count > 0)
    body(environment, 0, count);
}
