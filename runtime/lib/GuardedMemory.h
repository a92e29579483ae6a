/*===- GuardedMemory.h - Memory between pages that nobody may touch ---------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef STEPWELL_RUNTIME_LIB_GUARDEDMEMORY_H
#define STEPWELL_RUNTIME_LIB_GUARDEDMEMORY_H

#include "stepwell/device.h"

/* Makes the device allocate so if STEPWELL_GUARD_MEMORY is "start" or "end":
 * whether it does. */
int stepwell_guard_memory(stepwell_device *device);

#endif
