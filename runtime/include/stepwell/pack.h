/*===- stepwell/pack.h - Objects that were made in advance ------------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * One file with many kernel objects by the digests of their keys, mapped and
 * never written. Integers are little-endian:
 *
 *   "SWPACK2\n", u64 count, then count times
 *     digest of the key (32 bytes, in ascending order), u64 offset, u64 size
 *   and the objects: at `offset` from the start of the file the SHA-256 of the
 *   key's digest, the size, 24 zeros and the object, and then the object.
 *===------------------------------------------------------------------------===*/
#ifndef STEPWELL_PACK_H
#define STEPWELL_PACK_H

#include "stepwell/cache.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct stepwell_pack stepwell_pack;

/* Null when there is no such file or it is not a pack. */
stepwell_pack *stepwell_pack_open(const char *path);
void stepwell_pack_close(stepwell_pack *pack); /* null is allowed */
int64_t stepwell_pack_count(const stepwell_pack *pack);
/* 1 and the object's bytes, which stay mapped until the pack is closed, or 0:
 * also for an object that is damaged. */
int stepwell_pack_find(const stepwell_pack *pack, const stepwell_digest *digest,
                       const void **bytes, size_t *size);

#ifdef __cplusplus
}
#endif
#endif /* STEPWELL_PACK_H */
