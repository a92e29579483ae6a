/*===- GuardedMemory.c - Memory between pages that nobody may touch ---------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * For tests: a read or write outside of a block is a SIGSEGV, and what is read
 * before it was written is NaN. A block ends where the page behind it begins,
 * or begins where the page before it ends.
 *===------------------------------------------------------------------------===*/
#define _DEFAULT_SOURCE
#include "GuardedMemory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { Page = 4096 };

static int atTheStart;

/* The pages of a block, with one before and one behind it. */
static size_t spanOf(int64_t bytes) {
  return (((size_t)bytes + Page - 1) / Page + 2) * Page;
}

static int32_t allocate(stepwell_device *device, int64_t bytes, void *stream,
                        void **result) {
  (void)device, (void)stream;
  *result = NULL;
  if (bytes < 0 || bytes > INT64_MAX / 2)
    return STEPWELL_OUT_OF_MEMORY;
  size_t span = spanOf(bytes);
  char *base = mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED)
    return STEPWELL_OUT_OF_MEMORY;
  if (span > 2 * Page) {
    mprotect(base + Page, span - 2 * Page, PROT_READ | PROT_WRITE);
    memset(base + Page, 0xff, span - 2 * Page);
  }
  *result = atTheStart ? base + Page : base + span - Page - bytes;
  return STEPWELL_OK;
}

static void release(stepwell_device *device, void *address, int64_t bytes,
                    void *stream) {
  (void)device, (void)stream;
  if (!address)
    return;
  size_t span = spanOf(bytes);
  char *base = atTheStart ? (char *)address - Page
                          : (char *)address + bytes + Page - span;
  munmap(base, span);
}

int stepwell_guard_memory(stepwell_device *device) {
  const char *where = getenv("STEPWELL_GUARD_MEMORY");
  if (!where || (strcmp(where, "start") && strcmp(where, "end")))
    return 0;
  atTheStart = !strcmp(where, "start");
  device->allocate = allocate;
  device->free = release;
  return 1;
}
