/*===- stepwell/abi.h - The launch ABI, version 2 ---------------------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What a compiled kernel and its caller agree on; docs/abi.md explains it.
 *===----------------------------------------------------------------------===*/
#ifndef STEPWELL_ABI_H
#define STEPWELL_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STEPWELL_ABI_VERSION 2

/* A loop of fewer elementary operations is not worth a second thread. */
#define STEPWELL_SERIAL_COST (INT64_C(1) << 21)

/* One eight-byte word of the argument list. A tensor of rank r takes 1 + 2r
 * words: pointer, r sizes, r strides (in elements). A scalar takes one. */
typedef union stepwell_arg {
  void *pointer;
  int64_t i64;
  uint64_t u64;
  int32_t i32;
  uint16_t u16; /* bf16 and f16 bits */
  uint8_t u8;   /* uint8, and bool: 0 or 1 */
  float f32;
  double f64;
} stepwell_arg;

/* What a kernel returns, and what error.code holds. */
typedef enum stepwell_status {
  STEPWELL_OK = 0,
  STEPWELL_INDEX_OUT_OF_RANGE = 1, /* detail: index, size, dimension */
  STEPWELL_SHAPE_MISMATCH = 2,     /* detail: found, expected, dimension */
  STEPWELL_BAD_VALUE = 3,          /* a negative size, a missing pointer */
  STEPWELL_OUT_OF_MEMORY = 4,
  STEPWELL_DEVICE_ERROR = 5, /* detail: the driver's code */
  STEPWELL_DIVISION_BY_ZERO = 6
} stepwell_status;

typedef struct stepwell_error {
  int32_t code;
  int32_t site; /* not used: 0 */
  int64_t detail[4];
} stepwell_error;

typedef void (*stepwell_body)(void *environment, int64_t begin, int64_t end);

typedef struct stepwell_context {
  uint32_t abi_version;
  uint32_t num_threads; /* 1: serial; kernels may use it to divide their work */
  void *workspace;      /* 64-byte aligned; at least workspace_size() bytes */
  int64_t workspace_bytes;
  void *stream; /* null on the CPU */
  /* Calls body over disjoint ranges that cover [0, count); returns when all are
   * done. Never null. An iteration costs about as much as `cost` elementary
   * operations (a load, an addition): by that the ranges are chosen. A negative
   * cost says that every range repeats what others do, too: no more of them
   * than threads, then. */
  void (*parallel_for)(struct stepwell_context *context, int64_t count,
                       int64_t cost, stepwell_body body, void *environment);
  stepwell_error error;
} stepwell_context;

/* The two symbols of a kernel object, for an entry called NAME:
 *   int32_t NAME(stepwell_context *, const stepwell_arg *);
 *   int64_t NAME_workspace_size(const stepwell_arg *);
 * The default NAME is stepwell_kernel. Without the second, none is needed. */
typedef int32_t (*stepwell_kernel_fn)(stepwell_context *, const stepwell_arg *);
typedef int64_t (*stepwell_workspace_fn)(const stepwell_arg *);

#ifdef __cplusplus
}
#endif
#endif /* STEPWELL_ABI_H */
