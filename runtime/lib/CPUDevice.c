/*===- CPUDevice.c - The CPU as a device ------------------------------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * One stream, always up to date. Freed blocks are kept by size class, so that
 * an eager loop neither calls malloc nor faults fresh pages in.
 *===------------------------------------------------------------------------===*/
#include "GuardedMemory.h"
#include "stepwell/device.h"
#include "stepwell/loader.h"
#include "stepwell/runtime.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Four classes to each power of two, from 64 bytes to 32 MiB: at most a quarter
 * of a block is unused. */
enum {
  SmallestLog = 6,
  LargestLog = 25,
  Classes = (LargestLog - SmallestLog) * 4 + 1
};

typedef struct Block {
  struct Block *next;
} Block;

static Block *kept[Classes];
static int64_t keptBytes;
static int64_t keptLimit = (int64_t)128 << 20;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void lockHeap(void) { pthread_mutex_lock(&lock); }
static void unlockHeap(void) { pthread_mutex_unlock(&lock); }

/* Rounds *bytes up to its class; -1 for a block too large to keep. */
static int classOf(int64_t *bytes) {
  int64_t size = *bytes;
  if (size <= (int64_t)1 << SmallestLog) {
    *bytes = (int64_t)1 << SmallestLog;
    return 0;
  }
  if (size > (int64_t)1 << LargestLog) {
    *bytes = (size + 63) & ~(int64_t)63;
    return -1;
  }
  int log = 63 - __builtin_clzll((uint64_t)size - 1); /* 2^log < size */
  int64_t step = (int64_t)1 << (log - 2);
  int64_t quarter = (size - ((int64_t)1 << log) + step - 1) / step; /* 1..4 */
  *bytes = ((int64_t)1 << log) + quarter * step;
  return (log - SmallestLog) * 4 + (int)quarter;
}

static int32_t cpuAllocate(stepwell_device *device, int64_t bytes, void *stream,
                           void **result) {
  *result = NULL;
  if (bytes < 0 || bytes > INT64_MAX - 63)
    return STEPWELL_OUT_OF_MEMORY;
  int index = classOf(&bytes);
  if (index >= 0) {
    lockHeap();
    Block *block = kept[index];
    if (block) {
      kept[index] = block->next;
      keptBytes -= bytes;
    }
    unlockHeap();
    if (block) {
      *result = block;
      return STEPWELL_OK;
    }
  }
  /* Classes below 256 bytes are not multiples of 64. */
  *result = aligned_alloc(64, ((size_t)bytes + 63) & ~(size_t)63);
  return *result ? STEPWELL_OK : STEPWELL_OUT_OF_MEMORY;
}

static int64_t bytesOfClass(int index) {
  if (index == 0)
    return (int64_t)1 << SmallestLog;
  int log = SmallestLog + (index + 3) / 4 - 1, quarter = (index + 3) % 4 + 1;
  return ((int64_t)1 << log) + quarter * ((int64_t)1 << (log - 2));
}

/* Gives blocks back, the largest first, until at most `limit` bytes are kept,
 * but none of class `spared`. The lock is held. */
static void releaseBlocks(int64_t limit, int spared) {
  for (int index = Classes - 1; index >= 0 && keptBytes > limit; --index)
    while (index != spared && kept[index] && keptBytes > limit) {
      Block *block = kept[index];
      kept[index] = block->next;
      keptBytes -= bytesOfClass(index);
      free(block);
    }
}

static void cpuFree(stepwell_device *device, void *address, int64_t bytes,
                    void *stream) {
  if (!address)
    return;
  int index = classOf(&bytes);
  if (index >= 0) {
    lockHeap();
    /* What is freed now is asked for again sooner than what lies about. */
    if (bytes <= keptLimit)
      releaseBlocks(keptLimit - bytes, index);
    if (keptBytes + bytes <= keptLimit) {
      Block *block = address;
      block->next = kept[index];
      kept[index] = block;
      keptBytes += bytes;
      address = NULL;
    }
    unlockHeap();
  }
  free(address);
}

void stepwell_cpu_allocator_set_limit(int64_t bytes) {
  lockHeap();
  keptLimit = bytes;
  releaseBlocks(keptLimit, -1);
  unlockHeap();
}

int64_t stepwell_cpu_allocator_cached_bytes(void) {
  lockHeap();
  int64_t bytes = keptBytes;
  unlockHeap();
  return bytes;
}

static int32_t cpuCopy(stepwell_device *device, void *to, const void *from,
                       int64_t bytes, stepwell_copy_kind kind, void *stream) {
  if (bytes > 0)
    memmove(to, from, (size_t)bytes);
  return STEPWELL_OK;
}

static int32_t cpuStreamCreate(stepwell_device *device, void **result) {
  *result = NULL;
  return STEPWELL_OK;
}

static int32_t cpuStreamSynchronize(stepwell_device *device, void *stream) {
  return STEPWELL_OK;
}

static void cpuStreamDestroy(stepwell_device *device, void *stream) {}

static stepwell_module *cpuLoad(stepwell_device *device, const void *object,
                                size_t size, const char *entry,
                                stepwell_kernel *kernel, char *error,
                                size_t error_size) {
  stepwell_object *loaded =
      stepwell_object_load(object, size, error, error_size);
  if (!loaded)
    return NULL;
  char name[256];
  int length = snprintf(name, sizeof name, "%s_workspace_size", entry);
  kernel->run = (stepwell_kernel_fn)stepwell_object_function(loaded, entry);
  kernel->workspace_size =
      length < (int)sizeof name
          ? (stepwell_workspace_fn)stepwell_object_function(loaded, name)
          : NULL;
  if (!kernel->run) {
    if (error_size)
      snprintf(error, error_size, "the object has no entry '%s'", entry);
    stepwell_object_unload(loaded);
    return NULL;
  }
  return (stepwell_module *)loaded;
}

static void cpuUnload(stepwell_device *device, stepwell_module *module) {
  stepwell_object_unload((stepwell_object *)module);
}

static int32_t cpuLaunch(stepwell_device *device, const stepwell_kernel *kernel,
                         stepwell_context *context, const stepwell_arg *args) {
  return stepwell_context_call(context, kernel->run, kernel->workspace_size,
                               args);
}

static stepwell_device cpu = {
    .name = "cpu",
    .dlpack_type = 1, /* kDLCPU */
    .allocate = cpuAllocate,
    .free = cpuFree,
    .copy = cpuCopy,
    .stream_create = cpuStreamCreate,
    .stream_synchronize = cpuStreamSynchronize,
    .stream_destroy = cpuStreamDestroy,
    .load = cpuLoad,
    .unload = cpuUnload,
    .launch = cpuLaunch,
};

static int guarded;

static void initialise(void) {
  pthread_atfork(lockHeap, unlockHeap, unlockHeap);
  guarded = stepwell_guard_memory(&cpu);
}

int stepwell_cpu_guards_memory(void) {
  stepwell_device_cpu();
  return guarded;
}

stepwell_device *stepwell_device_cpu(void) {
  pthread_once(&once, initialise);
  return &cpu;
}
