/*===- Context.c - Contexts: what a kernel is called with -------------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "stepwell/runtime.h"

#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

void stepwell_context_init(stepwell_context *context, stepwell_threading mode) {
  memset(context, 0, sizeof *context);
  context->abi_version = STEPWELL_ABI_VERSION;
  context->num_threads = mode == STEPWELL_THREADED
                             ? (uint32_t)stepwell_runtime_get_num_threads()
                             : 1;
  context->parallel_for = context->num_threads > 1
                              ? stepwell_runtime_parallel_for
                              : stepwell_runtime_parallel_for_serial;
}

int32_t stepwell_context_reserve(stepwell_context *context, int64_t bytes) {
  if (bytes < 0 || bytes > INT64_MAX - 63) /* its computation overflowed */
    return STEPWELL_OUT_OF_MEMORY;
  if (bytes <= context->workspace_bytes)
    return STEPWELL_OK;
  int64_t rounded = (bytes + 63) & ~(int64_t)63;
  stepwell_context_release(context);
  context->workspace = aligned_alloc(64, (size_t)rounded);
  if (!context->workspace)
    return STEPWELL_OUT_OF_MEMORY;
  context->workspace_bytes = rounded;
  return STEPWELL_OK;
}

void stepwell_context_release(stepwell_context *context) {
  free(context->workspace);
  context->workspace = NULL;
  context->workspace_bytes = 0;
}

int32_t stepwell_context_call(stepwell_context *context,
                              stepwell_kernel_fn kernel,
                              stepwell_workspace_fn workspace_size,
                              const stepwell_arg *args) {
  memset(&context->error, 0, sizeof context->error);
  int64_t bytes = workspace_size ? workspace_size(args) : 0;
  int32_t status = stepwell_context_reserve(context, bytes);
  if (status == STEPWELL_OK)
    status = kernel(context, args);
  context->error.code = status;
  return status;
}

const char *stepwell_status_message(int32_t status) {
  switch (status) {
  case STEPWELL_OK:
    return "success";
  case STEPWELL_INDEX_OUT_OF_RANGE:
    return "index out of range";
  case STEPWELL_SHAPE_MISMATCH:
    return "shapes do not match";
  case STEPWELL_BAD_VALUE:
    return "bad value";
  case STEPWELL_OUT_OF_MEMORY:
    return "out of memory";
  case STEPWELL_DEVICE_ERROR:
    return "device error";
  case STEPWELL_DIVISION_BY_ZERO:
    return "ZeroDivisionError";
  }
  return "unknown status";
}

static int askForTiles(void) {
#if defined(__x86_64__) && defined(__linux__)
  enum { RequestPermission = 0x1023, TileData = 18 }; /* asm/prctl.h */
  enum { Multiplies = 1 << 22, Registers = 1 << 24 }; /* leaf 7, edx */
  unsigned eax, ebx, ecx, edx;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
         (edx & Multiplies) && (edx & Registers) &&
         syscall(SYS_arch_prctl, RequestPermission, TileData) == 0;
#else
  return 0;
#endif
}

int stepwell_runtime_has_tiles(void) {
  static _Atomic int answer; /* 0: not asked; then 1 or 2 */
  if (!answer)
    answer = askForTiles() ? 2 : 1;
  return answer == 2;
}

#if defined(__x86_64__)
enum { Eax, Ebx, Ecx, Edx };
/* What the operating system must save for a feature: bits of XCR0. */
enum { NoState = 0, AVXState = 0x6, AVX512State = 0xe6 };

typedef struct Feature {
  const char *name;
  unsigned leaf, subleaf, word, bit, state;
} Feature;

static const Feature features[] = {
    {"sse3", 1, 0, Ecx, 0, NoState},
    {"pclmul", 1, 0, Ecx, 1, NoState},
    {"ssse3", 1, 0, Ecx, 9, NoState},
    {"fma", 1, 0, Ecx, 12, AVXState},
    {"cx16", 1, 0, Ecx, 13, NoState},
    {"sse4.1", 1, 0, Ecx, 19, NoState},
    {"sse4.2", 1, 0, Ecx, 20, NoState},
    {"movbe", 1, 0, Ecx, 22, NoState},
    {"popcnt", 1, 0, Ecx, 23, NoState},
    {"aes", 1, 0, Ecx, 25, NoState},
    {"avx", 1, 0, Ecx, 28, AVXState},
    {"f16c", 1, 0, Ecx, 29, AVXState},
    {"bmi", 7, 0, Ebx, 3, NoState},
    {"avx2", 7, 0, Ebx, 5, AVXState},
    {"bmi2", 7, 0, Ebx, 8, NoState},
    {"avx512f", 7, 0, Ebx, 16, AVX512State},
    {"avx512dq", 7, 0, Ebx, 17, AVX512State},
    {"adx", 7, 0, Ebx, 19, NoState},
    {"avx512ifma", 7, 0, Ebx, 21, AVX512State},
    {"avx512cd", 7, 0, Ebx, 28, AVX512State},
    {"sha", 7, 0, Ebx, 29, NoState},
    {"avx512bw", 7, 0, Ebx, 30, AVX512State},
    {"avx512vl", 7, 0, Ebx, 31, AVX512State},
    {"avx512vbmi", 7, 0, Ecx, 1, AVX512State},
    {"avx512vbmi2", 7, 0, Ecx, 6, AVX512State},
    {"gfni", 7, 0, Ecx, 8, NoState},
    {"vaes", 7, 0, Ecx, 9, AVXState},
    {"vpclmulqdq", 7, 0, Ecx, 10, AVXState},
    {"avx512vnni", 7, 0, Ecx, 11, AVX512State},
    {"avx512bitalg", 7, 0, Ecx, 12, AVX512State},
    {"avx512vpopcntdq", 7, 0, Ecx, 14, AVX512State},
    {"avx512vp2intersect", 7, 0, Edx, 8, AVX512State},
    {"amx-bf16", 7, 0, Edx, 22, NoState},
    {"avx512fp16", 7, 0, Edx, 23, AVX512State},
    {"amx-tile", 7, 0, Edx, 24, NoState},
    {"amx-int8", 7, 0, Edx, 25, NoState},
    {"avxvnni", 7, 1, Eax, 4, AVXState},
    {"avx512bf16", 7, 1, Eax, 5, AVX512State},
    {"amx-fp16", 7, 1, Eax, 21, NoState},
    {"avxifma", 7, 1, Eax, 23, AVXState},
    {"avxvnniint8", 7, 1, Edx, 4, AVXState},
    {"avxneconvert", 7, 1, Edx, 5, AVXState},
    {"avxvnniint16", 7, 1, Edx, 10, AVXState},
    {"lzcnt", 0x80000001u, 0, Ecx, 5, NoState},
    {"sse4a", 0x80000001u, 0, Ecx, 6, NoState},
    {"xop", 0x80000001u, 0, Ecx, 11, AVXState},
    {"fma4", 0x80000001u, 0, Ecx, 16, AVXState},
    {"tbm", 0x80000001u, 0, Ecx, 21, NoState},
};

static int hasFeature(const Feature *feature) {
  unsigned words[4];
  if (!__get_cpuid_count(feature->leaf, feature->subleaf, &words[Eax],
                         &words[Ebx], &words[Ecx], &words[Edx]) ||
      !(words[feature->word] >> feature->bit & 1))
    return 0;
  if (!feature->state)
    return 1;
  if (!__get_cpuid(1, &words[Eax], &words[Ebx], &words[Ecx], &words[Edx]) ||
      !(words[Ecx] >> 27 & 1)) /* no xgetbv */
    return 0;
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & feature->state) == feature->state;
}
#endif

const char *stepwell_runtime_missing_feature(const char *names) {
#if defined(__x86_64__)
  for (const char *at = names; *at; at += *at == ',') {
    size_t length = strcspn(at, ",");
    for (size_t i = 0; i < sizeof features / sizeof *features; ++i)
      if (strlen(features[i].name) == length &&
          memcmp(features[i].name, at, length) == 0 &&
          !hasFeature(&features[i]))
        return features[i].name;
    at += length;
  }
#else
  (void)names;
#endif
  return NULL;
}

void stepwell_runtime_parallel_for_serial(stepwell_context *context,
                                          int64_t count, int64_t cost,
                                          stepwell_body body,
                                          void *environment) {
  (void)context, (void)cost;
  if (count > 0)
    body(environment, 0, count);
}
