//===- RunKernel.cpp - A kernel is called, and its errors raised ----------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Kernels.h"
#include "stepwell/Eager/ThreadState.h"
#include "stepwell/device.h"
#include "stepwell/runtime.h"

#include <cstring>
#include <utility>

using namespace stepwell;

LockHooks stepwell::lockHooks;

/// How often the number of threads was set: a context takes it when it is made.
static uint64_t threadCountChanges = 0;

void stepwell::setNumThreads(int32_t count) {
  stepwell_runtime_set_num_threads(count);
  ++threadCountChanges;
}

/// What one thread calls kernels with.
struct stepwell::OwnedContext : stepwell_context {
  uint64_t changes = threadCountChanges;
  OwnedContext() { stepwell_context_init(this, STEPWELL_THREADED); }
  ~OwnedContext() {
    threadState.context = nullptr;
    stepwell_context_release(this);
  }
  inline int32_t call(const Kernel &kernel, int64_t bytes,
                      const stepwell_arg *words) {
    if (bytes > workspace_bytes || bytes < 0) {
      if (stepwell_cpu_guards_memory())
        return callGuarded(kernel, bytes, words);
      if (int32_t status = stepwell_context_reserve(this, bytes))
        return status;
    }
    return kernel.run(this, words);
  }

private:
  /// With a workspace that is no larger than this call needs.
  int32_t callGuarded(const Kernel &kernel, int64_t bytes,
                      const stepwell_arg *words) {
    if (bytes < 0 || bytes > INT64_MAX - 63)
      return STEPWELL_OUT_OF_MEMORY;
    stepwell_storage *storage = stepwell_storage_create(
        stepwell_device_cpu(), (bytes + 63) & ~int64_t(63), nullptr);
    if (!storage)
      return STEPWELL_OUT_OF_MEMORY;
    workspace = storage->data;
    int32_t status = kernel.run(this, words);
    workspace = nullptr;
    stepwell_storage_release(storage);
    return status;
  }
};

KeepLock::KeepLock() : before(std::exchange(threadState.lockKept, true)) {}
KeepLock::~KeepLock() { threadState.lockKept = before; }

[[gnu::noinline]] static OwnedContext *makeContext() {
  static thread_local OwnedContext context;
  if (context.changes != threadCountChanges) {
    context.~OwnedContext();
    new (&context) OwnedContext;
  }
  return threadState.context = &context;
}

[[noreturn]] static void failed(int32_t status, const stepwell_error &error,
                                const Template &call) {
  std::string where = call.describe() + ": ";
  auto detail = [&](int i) { return std::to_string(error.detail[i]); };
  switch (status) {
  case STEPWELL_INDEX_OUT_OF_RANGE:
    fail(Error::Kind::Index, where + "index " + detail(0) +
                                 " is out of bounds for dimension " +
                                 detail(2) + " with size " + detail(1));
  case STEPWELL_SHAPE_MISMATCH:
    fail(Error::Kind::Runtime, where + "found size " + detail(0) + " where " +
                                   detail(1) + " was expected in dimension " +
                                   detail(2));
  case STEPWELL_DIVISION_BY_ZERO:
    fail(Error::Kind::Runtime, stepwell_status_message(status));
  case STEPWELL_BAD_VALUE:
    fail(Error::Kind::Value, where + "bad value");
  default:
    fail(Error::Kind::Runtime, where + stepwell_status_message(status));
  }
}

void stepwell::runKernel(const Kernel &kernel, int64_t workspace,
                         const stepwell_arg *words, int64_t work,
                         const Template &call) {
  OwnedContext *context = threadState.context;
  if (!context || context->changes != threadCountChanges)
    context = makeContext();
  int32_t status;
  std::memset(&context->error, 0, sizeof context->error);
  // Below this the lock's own cost would show.
  if (work >= kUnlockedWork && lockHooks.release && !threadState.lockKept) {
    void *state = lockHooks.release();
    status = context->call(kernel, workspace, words);
    lockHooks.acquire(state);
  } else {
    status = context->call(kernel, workspace, words);
  }
  if (status != STEPWELL_OK)
    failed(status, context->error, call);
}
