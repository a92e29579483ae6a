/*===- threads_stress.c - Callers of the pool, all at once
 * -------------------===
 *
 * Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Plain memory is written by the bodies and read by the caller afterwards, as
 * kernels do: whatever order the pool does not give is a race that the thread
 * sanitizer sees. More callers than slots, nested calls, a number of threads
 * that changes, blocks that are freed on other threads, and forks; with
 * "leave" for an argument, the end of the process while they work.
 *===------------------------------------------------------------------------===*/
#include <stepwell/device.h>
#include <stepwell/runtime.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { Callers = 40, Turns = 60, Most = 500 };
static const int64_t Costly = (int64_t)1 << 30;

typedef struct Call {
  int64_t *cells;
  int64_t turn;
} Call;

static void inner(void *environment, int64_t begin, int64_t end) {
  atomic_fetch_add((_Atomic int64_t *)environment, end - begin);
}

static void body(void *environment, int64_t begin, int64_t end) {
  Call *call = environment;
  for (int64_t i = begin; i < end; ++i) {
    _Atomic int64_t sum = 0;
    stepwell_runtime_parallel_for(NULL, 3, Costly, inner, &sum);
    call->cells[i] += i + call->turn + sum;
  }
}

static void fail(const char *what, int64_t i) {
  fprintf(stderr, "%s at %lld\n", what, (long long)i);
  exit(1);
}

static void callTimes(int64_t turns) {
  stepwell_device *cpu = stepwell_device_cpu();
  for (int64_t turn = 0; turn < turns; ++turn) {
    int64_t count = 1 + turn * 7 % Most;
    void *block;
    if (cpu->allocate(cpu, count * 8, NULL, &block) != STEPWELL_OK)
      fail("no memory", count);
    Call call = {block, turn};
    for (int64_t i = 0; i < count; ++i)
      call.cells[i] = 0;
    stepwell_runtime_parallel_for(NULL, count, Costly, body, &call);
    for (int64_t i = 0; i < count; ++i)
      if (call.cells[i] != i + turn + 3)
        fail("wrong", i);
    cpu->free(cpu, block, count * 8, NULL);
  }
}

static void *caller(void *argument) {
  (void)argument;
  callTimes(Turns);
  return NULL;
}

static void *callForGood(void *argument) {
  for (;;)
    callTimes(Turns);
  return argument;
}

int main(int argc, char **argv) {
  int leave = argc > 1 && strcmp(argv[1], "leave") == 0;
  int forks = argc > 1 ? atoi(argv[1]) : 0;
  stepwell_runtime_set_num_threads(4);
  pthread_t threads[Callers];
  for (int i = 0; i < Callers; ++i)
    if (pthread_create(&threads[i], NULL, leave ? callForGood : caller, NULL))
      fail("no thread", i);
  for (int i = 0; i < 50; ++i) {
    stepwell_runtime_set_num_threads(1 + i % 6);
    stepwell_cpu_allocator_set_limit(i % 2 ? 0 : 1 << 20);
    callTimes(2);
  }
  for (int i = 0; i < forks; ++i) {
    pid_t child = fork();
    if (child == 0) {
      callTimes(20);
      _exit(0);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || status)
      fail("a child", i);
  }
  for (int i = 0; i < Callers && !leave; ++i)
    pthread_join(threads[i], NULL);
  puts("right");
  return 0;
}
