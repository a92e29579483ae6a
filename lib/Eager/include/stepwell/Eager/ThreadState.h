//===- ThreadState.h - What each thread has of its own ----------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// In one place, and found without a call: every operation asks for it.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_EAGER_THREADSTATE_H
#define STEPWELL_EAGER_THREADSTATE_H

namespace stepwell {

class Capture;
struct OwnedContext;

struct ThreadState {
  bool gradMode = true;
  bool lockKept = false;           // see KeepLock
  Capture *capture = nullptr;      // the one that runs
  OwnedContext *context = nullptr; // what kernels are called with, once made
};

extern constinit thread_local ThreadState threadState
    __attribute__((tls_model("initial-exec")));

} // namespace stepwell

#endif // STEPWELL_EAGER_THREADSTATE_H
