/*===- stepwell/cache.h - Kernel objects on disk ----------------------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * One file per kernel in a private folder, named by the digest of its key. A
 * file appears complete or not at all (written aside, then renamed), carries
 * its digest and a checksum, and is dropped when either is wrong. Any number of
 * processes may share a folder; nothing they do is an error, at worst a miss.
 *===----------------------------------------------------------------------===*/
#ifndef STEPWELL_CACHE_H
#define STEPWELL_CACHE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct stepwell_digest {
  uint8_t bytes[32];
} stepwell_digest;

/* SHA-256. */
stepwell_digest stepwell_sha256(const void *bytes, size_t size);

typedef struct stepwell_cache stepwell_cache;

/* Files live in `folder`/objects-1. A null folder is $STEPWELL_CACHE_DIR, or
 * else $XDG_CACHE_HOME/stepwell, or else ~/.cache/stepwell. A limit of 0 is the
 * default, 512 MiB. Never null unless memory runs out: a folder that cannot be
 * used (not ours, not a folder, writable by others) makes a cache that always
 * misses. */
stepwell_cache *stepwell_cache_open(const char *folder, int64_t limit_bytes);
void stepwell_cache_close(stepwell_cache *cache);

/* The folder in use, or "" and then the reason why there is none. */
const char *stepwell_cache_folder(const stepwell_cache *cache);
const char *stepwell_cache_problem(const stepwell_cache *cache);

/* 1 and a copy of the bytes (free with stepwell_cache_free), or 0. */
int stepwell_cache_get(stepwell_cache *cache, const stepwell_digest *digest,
                       void **bytes, size_t *size);
/* 1 when the file is in place, or 0. Old files go when the folder outgrows its
 * limit, least recently used first. */
int stepwell_cache_put(stepwell_cache *cache, const stepwell_digest *digest,
                       const void *bytes, size_t size);
void stepwell_cache_free(void *bytes);

#ifdef __cplusplus
}
#endif
#endif /* STEPWELL_CACHE_H */
