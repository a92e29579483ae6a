/*===- stepwell/cache.h - Kernel objects on disk ----------------------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * One file per kernel in a private folder, named by the digest of its key. A
 * file appears complete or not at all (written aside, then renamed), carries
 * its key's digest and one of all that it holds, and is dropped when either is
 * wrong or when another user may have written it. Any number of processes may
 * share a folder; nothing they do is an error, at worst a miss.
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
/* The same on a processor without instructions for it. */
stepwell_digest stepwell_sha256_portable(const void *bytes, size_t size);
/* Of `first` followed by `second`; `first_size` is a multiple of 64. */
stepwell_digest stepwell_sha256_two(const void *first, size_t first_size,
                                    const void *second, size_t second_size);

typedef struct stepwell_cache stepwell_cache;

/* Files live in `folder`/objects-1. A null folder is $STEPWELL_CACHE_DIR, or
 * else $XDG_CACHE_HOME/stepwell, or else ~/.cache/stepwell. A limit of 0 is
 * $STEPWELL_CACHE_SIZE (bytes, or a number with K, M, G or T; 0: no cache), or
 * else 1 GiB. Never null unless memory runs out: a folder that cannot be used
 * (not ours, not a folder, writable by others) makes a cache that always
 * misses. */
stepwell_cache *stepwell_cache_open(const char *folder, int64_t limit_bytes);
void stepwell_cache_close(stepwell_cache *cache);

/* The folder in use, or "". */
const char *stepwell_cache_folder(const stepwell_cache *cache);
/* The first thing that kept a kernel from being kept or found (a folder that
 * cannot be used, a full or read-only disk), or "". */
const char *stepwell_cache_problem(const stepwell_cache *cache);

/* 1 and a copy of the bytes (free with stepwell_cache_free), or 0. */
int stepwell_cache_get(stepwell_cache *cache, const stepwell_digest *key,
                       void **bytes, size_t *size);
/* 1 when the file is in place, or 0. Old files go when the folder outgrows its
 * limit, least recently used first, and what killed writers left goes once an
 * hour. */
int stepwell_cache_put(stepwell_cache *cache, const stepwell_digest *key,
                       const void *bytes, size_t size);
void stepwell_cache_free(void *bytes);

#ifdef __cplusplus
}
#endif
#endif /* STEPWELL_CACHE_H */
