/*===- Threads.c - A claim-based thread pool --------------------------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A parallel_for publishes its chunks in a slot; the caller and any idle worker
 * claim them one by one. The caller waits only for chunks that a worker has
 * already claimed, so a worker that is late, asleep or gone costs nothing.
 *===------------------------------------------------------------------------===*/
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stepwell/runtime.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum {
  MaxThreads = 256,
  MaxSlots = 32, /* simultaneous callers; one more runs serially */
  ChunksPerThread = 4,
  GrainCost = 1 << 18, /* of the shortest piece */
  SpinNanoseconds = 200000,
  PausesBeforeYield = 2000,
  YieldsBeforeSleep = 200
};

/* Slots are static and never freed: a worker that looks at one too late sees
 * another generation, or no chunks, and leaves. */
typedef struct Slot {
  _Alignas(64) _Atomic uint64_t claim; /* generation << 32 | chunks left */
  _Alignas(64) _Atomic int64_t done;
  _Atomic int waiting; /* the caller sleeps on `finished` */
  /* Written before `claim` is published, stable while a chunk is claimed. */
  stepwell_body body;
  void *environment;
  int64_t count, chunk, chunks;
} Slot;

static Slot slots[MaxSlots];
static _Atomic uint32_t busy;   /* slots owned by a caller */
static _Atomic uint32_t active; /* slots with chunks to claim */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static pthread_cond_t finished = PTHREAD_COND_INITIALIZER;
static _Atomic int32_t limit;   /* threads in all; 0: not yet decided */
static _Atomic int32_t started; /* workers */
static _Atomic int32_t sleeping;
static _Atomic int stopping;
static pthread_t workers[MaxThreads];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* initial-exec: no call into the dynamic linker for one flag. */
static _Thread_local int inside __attribute__((tls_model("initial-exec")));

static void pauseBriefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int32_t clampThreads(long count) {
  return count < 1 ? 1 : count > MaxThreads ? MaxThreads : (int32_t)count;
}

static int32_t defaultThreads(void) {
  const char *text = getenv("STEPWELL_NUM_THREADS");
  if (text && *text) {
    char *end;
    long count = strtol(text, &end, 10);
    if (!*end && count > 0)
      return clampThreads(count);
  }
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    return clampThreads(CPU_COUNT(&set));
  return 1;
}

/* Claims one chunk of the slot and runs it; 0 if there was none. */
static int runOne(Slot *slot) {
  uint64_t claim = atomic_load_explicit(&slot->claim, memory_order_acquire);
  do {
    if (!(uint32_t)claim)
      return 0;
  } while (!atomic_compare_exchange_weak(&slot->claim, &claim, claim - 1));
  uint32_t left = (uint32_t)claim;
  if (left == 1)
    atomic_fetch_and(&active, ~(1u << (slot - slots)));

  int64_t chunks = slot->chunks;
  int64_t begin = (chunks - left) * slot->chunk;
  int64_t end = left == 1 ? slot->count : begin + slot->chunk;
  slot->body(slot->environment, begin, end);
  /* After the last one is counted the caller may leave and reuse the slot. */
  if (atomic_fetch_add(&slot->done, 1) + 1 == chunks &&
      atomic_load(&slot->waiting)) {
    pthread_mutex_lock(&lock);
    pthread_cond_broadcast(&finished);
    pthread_mutex_unlock(&lock);
  }
  return 1;
}

static int runAny(void) {
  uint32_t mask = atomic_load_explicit(&active, memory_order_acquire);
  int ran = 0;
  for (; mask; mask &= mask - 1)
    while (runOne(&slots[__builtin_ctz(mask)]))
      ran = 1;
  return ran;
}

static void *work(void *argument) {
  int32_t index = (int32_t)(intptr_t)argument; /* 1, 2… */
  inside = 1;
  int64_t idleSince = now();
  while (!atomic_load_explicit(&stopping, memory_order_relaxed)) {
    if (index < atomic_load_explicit(&limit, memory_order_relaxed)) {
      if (runAny()) {
        idleSince = now();
        continue;
      }
      for (int i = 0;
           i < 64 && !atomic_load_explicit(&active, memory_order_relaxed); ++i)
        pauseBriefly();
      if (now() - idleSince < SpinNanoseconds)
        continue;
    }
    pthread_mutex_lock(&lock);
    atomic_fetch_add(&sleeping, 1);
    /* A caller publishes, then reads `sleeping`; this thread writes `sleeping`,
     * then reads `active`: one of the two sees the other. */
    while (!atomic_load(&stopping) &&
           (index >= atomic_load(&limit) || !atomic_load(&active)))
      pthread_cond_wait(&wake, &lock);
    atomic_fetch_sub(&sleeping, 1);
    pthread_mutex_unlock(&lock);
    idleSince = now();
  }
  return NULL;
}

/* In a forked child no worker exists, and nobody holds a slot or the lock. */
static void afterForkInChild(void) {
  pthread_mutex_init(&lock, NULL);
  pthread_cond_init(&wake, NULL);
  pthread_cond_init(&finished, NULL);
  atomic_store(&busy, 0);
  atomic_store(&active, 0);
  atomic_store(&started, 0);
  atomic_store(&sleeping, 0);
  atomic_store(&stopping, 0);
  for (int i = 0; i < MaxSlots; ++i) {
    atomic_store(&slots[i].claim, 0);
    atomic_store(&slots[i].waiting, 0);
  }
  inside = 0;
}

static void initialise(void) {
  pthread_atfork(NULL, NULL, afterForkInChild);
  int32_t undecided = 0;
  atomic_compare_exchange_strong(&limit, &undecided, defaultThreads());
}

/* The code of the workers may be about to be unmapped (dlclose). */
__attribute__((destructor)) static void stop(void) {
  if (inside) /* exit() called by a body */
    return;
  pthread_mutex_lock(&lock);
  atomic_store(&stopping, 1);
  int32_t count = atomic_exchange(&started, 0);
  pthread_cond_broadcast(&wake);
  pthread_mutex_unlock(&lock);
  for (int32_t i = 0; i < count; ++i)
    pthread_join(workers[i], NULL);
}

static void startWorkers(int32_t wanted) {
  pthread_mutex_lock(&lock);
  /* Signals belong to the application's own threads. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int32_t count = atomic_load(&started);
  while (!atomic_load(&stopping) && count < wanted) {
    if (pthread_create(&workers[count], NULL, work,
                       (void *)(intptr_t)(count + 1))) {
      atomic_store(&limit, count + 1); /* be content with these */
      break;
    }
    ++count;
  }
  atomic_store(&started, count);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_mutex_unlock(&lock);
}

static Slot *takeSlot(void) {
  uint32_t mask = atomic_load(&busy);
  while (~mask) {
    uint32_t bit = ~mask & (mask + 1);
    if (atomic_compare_exchange_weak(&busy, &mask, mask | bit))
      return &slots[__builtin_ctz(bit)];
  }
  return NULL;
}

/* Waits for chunks that workers have claimed: soon, as a rule. */
static void finish(Slot *slot) {
  for (int i = 0; i < PausesBeforeYield + YieldsBeforeSleep; ++i) {
    if (atomic_load_explicit(&slot->done, memory_order_acquire) == slot->chunks)
      return;
    if (i < PausesBeforeYield)
      pauseBriefly();
    else
      sched_yield();
  }
  pthread_mutex_lock(&lock);
  atomic_store(&slot->waiting, 1);
  while (atomic_load(&slot->done) != slot->chunks)
    pthread_cond_wait(&finished, &lock);
  atomic_store(&slot->waiting, 0);
  pthread_mutex_unlock(&lock);
}

void stepwell_runtime_parallel_for(stepwell_context *context, int64_t count,
                                   int64_t cost, stepwell_body body,
                                   void *environment) {
  if (count <= 0)
    return;
  int64_t each = cost == INT64_MIN ? INT64_MAX : cost < 0 ? -cost : cost;
  /* Small work leaves at once. */
  if (count == 1 || each <= (STEPWELL_SERIAL_COST - 1) / count) {
    body(environment, 0, count);
    return;
  }
  int32_t threads = stepwell_runtime_get_num_threads();
  if (context && (int32_t)context->num_threads < threads)
    threads = (int32_t)context->num_threads;
  if (inside || threads < 2) {
    body(environment, 0, count);
    return;
  }
  int64_t pieces = (int64_t)threads * (cost < 0 ? 1 : ChunksPerThread);
  int64_t grain = GrainCost / each;
  int64_t chunk = count / pieces + (count % pieces != 0);
  if (chunk >= 1024) /* begin where a cache line or a vector does */
    chunk = (chunk + 63) & ~(int64_t)63;
  if (chunk < grain)
    chunk = grain;
  int64_t chunks = count / chunk + (count % chunk != 0);
  int32_t helpers = chunks < threads ? (int32_t)chunks - 1 : threads - 1;
  if (atomic_load_explicit(&started, memory_order_relaxed) < helpers)
    startWorkers(helpers);

  Slot *slot = takeSlot();
  if (!slot) {
    body(environment, 0, count);
    return;
  }
  slot->body = body;
  slot->environment = environment;
  slot->count = count;
  slot->chunk = chunk;
  slot->chunks = chunks;
  atomic_store_explicit(&slot->done, 0, memory_order_relaxed);
  uint64_t generation = (atomic_load(&slot->claim) >> 32) + 1;
  atomic_store(&slot->claim, generation << 32 | (uint64_t)chunks);
  atomic_fetch_or(&active, 1u << (slot - slots));
  if (atomic_load(&sleeping)) {
    pthread_mutex_lock(&lock);
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&lock);
  }

  inside = 1;
  while (runOne(slot)) {
  }
  inside = 0;
  /* Again: a worker with an old mask may have claimed the last chunk before
   * the bit above was set. */
  atomic_fetch_and(&active, ~(1u << (slot - slots)));
  finish(slot);
  atomic_fetch_and(&busy, ~(1u << (slot - slots)));
}

int32_t stepwell_runtime_get_num_threads(void) {
  pthread_once(&once, initialise);
  return atomic_load_explicit(&limit, memory_order_relaxed);
}

void stepwell_runtime_set_num_threads(int32_t count) {
  pthread_once(&once, initialise);
  pthread_mutex_lock(&lock);
  atomic_store(&limit, clampThreads(count));
  pthread_cond_broadcast(&wake);
  pthread_mutex_unlock(&lock);
}
