/*===- Storage.c - Counted memory of one device -----------------------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "stepwell/storage.h"

#include <stdlib.h>

static stepwell_storage *make(stepwell_device *device, void *data,
                              int64_t bytes) {
  stepwell_storage *storage = calloc(1, sizeof *storage);
  if (!storage)
    return NULL;
  storage->data = data;
  storage->bytes = bytes;
  storage->device = device;
  storage->references = 1;
  return storage;
}

stepwell_storage *stepwell_storage_create(stepwell_device *device,
                                          int64_t bytes, void *stream) {
  void *data;
  if (device->allocate(device, bytes, stream, &data) != STEPWELL_OK)
    return NULL;
  stepwell_storage *storage = make(device, data, bytes);
  if (!storage) {
    device->free(device, data, bytes, stream);
    return NULL;
  }
  storage->stream = stream;
  return storage;
}

static void keep(void *data, void *environment) {
  (void)data, (void)environment;
}

stepwell_storage *stepwell_storage_wrap(stepwell_device *device, void *data,
                                        int64_t bytes, stepwell_deleter deleter,
                                        void *environment) {
  stepwell_storage *storage = make(device, data, bytes);
  if (storage) {
    storage->deleter = deleter ? deleter : keep;
    storage->environment = environment;
  }
  return storage;
}

void stepwell_storage_retain(stepwell_storage *storage) {
  __atomic_fetch_add(&storage->references, 1, __ATOMIC_RELAXED);
}

void stepwell_storage_release(stepwell_storage *storage) {
  if (!storage ||
      __atomic_fetch_sub(&storage->references, 1, __ATOMIC_ACQ_REL) != 1)
    return;
  if (storage->deleter)
    storage->deleter(storage->data, storage->environment);
  else
    storage->device->free(storage->device, storage->data, storage->bytes,
                          storage->stream);
  free(storage);
}

int64_t stepwell_storage_use_count(const stepwell_storage *storage) {
  return __atomic_load_n(&storage->references, __ATOMIC_ACQUIRE);
}
