/*===- stepwell/device.h - What the runtime asks of a device ----------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A device is a table of functions; the CPU is the only one so far. Allocation
 * is ordered by streams: memory that is freed on a stream may be handed out
 * again on that stream at once, and on others only when the stream has passed
 * the free.
 *===----------------------------------------------------------------------===*/
#ifndef STEPWELL_DEVICE_H
#define STEPWELL_DEVICE_H

#include "stepwell/abi.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct stepwell_device stepwell_device;
/* A loaded code object, and one entry of it. */
typedef struct stepwell_module stepwell_module;
typedef struct stepwell_kernel {
  stepwell_kernel_fn run;
  stepwell_workspace_fn workspace_size; /* null: needs none */
} stepwell_kernel;

typedef enum stepwell_copy_kind {
  STEPWELL_COPY_HOST_TO_DEVICE = 0,
  STEPWELL_COPY_DEVICE_TO_HOST = 1,
  STEPWELL_COPY_DEVICE_TO_DEVICE = 2
} stepwell_copy_kind;

/* Functions that return int32_t return a stepwell_status. A null stream is the
 * device's default stream. Every function may be called from any thread. */
struct stepwell_device {
  const char *name;    /* "cpu", "cuda:0"… */
  int32_t dlpack_type; /* DLDeviceType */
  int32_t index;
  void *state;

  /* 64-byte aligned; zero bytes give a valid, unique address. */
  int32_t (*allocate)(stepwell_device *, int64_t bytes, void *stream,
                      void **result);
  void (*free)(stepwell_device *, void *address, int64_t bytes, void *stream);
  int32_t (*copy)(stepwell_device *, void *to, const void *from, int64_t bytes,
                  stepwell_copy_kind kind, void *stream);
  int32_t (*stream_create)(stepwell_device *, void **result);
  int32_t (*stream_synchronize)(stepwell_device *, void *stream);
  void (*stream_destroy)(stepwell_device *, void *stream);

  /* Loads a code object that holds `entry`. On failure the result is null and
   * `error`, of error_size bytes, says why. */
  stepwell_module *(*load)(stepwell_device *, const void *object, size_t size,
                           const char *entry, stepwell_kernel *kernel,
                           char *error, size_t error_size);
  void (*unload)(stepwell_device *, stepwell_module *);
  /* Runs the kernel on context->stream, with its workspace provided here. */
  int32_t (*launch)(stepwell_device *, const stepwell_kernel *,
                    stepwell_context *context, const stepwell_arg *args);
};

/* The one CPU device; never null. */
stepwell_device *stepwell_device_cpu(void);

/* How many bytes of freed CPU blocks are kept for reuse (default 128 MiB; 0
 * keeps none), and how many are kept now. */
void stepwell_cpu_allocator_set_limit(int64_t bytes);
int64_t stepwell_cpu_allocator_cached_bytes(void);

/* Whether blocks lie between pages that may not be touched (for tests:
 * STEPWELL_GUARD_MEMORY=start or =end). */
int stepwell_cpu_guards_memory(void);

#ifdef __cplusplus
}
#endif
#endif /* STEPWELL_DEVICE_H */
