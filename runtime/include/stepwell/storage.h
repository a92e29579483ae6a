/*===- stepwell/storage.h - Counted memory of one device --------------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Tensors and their views share a storage, which counts its owners atomically
 * and frees its memory, or gives it back to whoever made it, with the last one.
 *===----------------------------------------------------------------------===*/
#ifndef STEPWELL_STORAGE_H
#define STEPWELL_STORAGE_H

#include "stepwell/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Called once, when the last owner of external memory lets go. */
typedef void (*stepwell_deleter)(void *data, void *environment);

typedef struct stepwell_storage {
  void *data;
  int64_t bytes;
  stepwell_device *device;
  void *stream; /* where it is freed */
  /* Private. */
  int64_t references;
  stepwell_deleter deleter; /* null: the device's own memory */
  void *environment;
} stepwell_storage;

/* Null when memory runs out. The new storage has one owner. */
stepwell_storage *stepwell_storage_create(stepwell_device *device,
                                          int64_t bytes, void *stream);
/* Takes over memory made elsewhere (NumPy, DLPack); `deleter` may be null. When
 * the result is null the deleter was not called. */
stepwell_storage *stepwell_storage_wrap(stepwell_device *device, void *data,
                                        int64_t bytes, stepwell_deleter deleter,
                                        void *environment);
void stepwell_storage_retain(stepwell_storage *storage);
void stepwell_storage_release(stepwell_storage *storage); /* null is allowed */
int64_t stepwell_storage_use_count(const stepwell_storage *storage);

#ifdef __cplusplus
}
#endif
#endif /* STEPWELL_STORAGE_H */
