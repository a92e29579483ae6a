//===- CompilerLibrary.cpp - The compiler, opened when needed -------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiler is opened on the first kernel that is neither in memory nor on
// disk. Its build id is read from a file beside it, so that a process whose
// kernels are all cached never loads MLIR.
//===----------------------------------------------------------------------===//

#include "CompilerLibrary.h"

#include "Reproducers.h"
#include "stepwell-c/Compiler.h"
#include "stepwell/Eager/Kernels.h"
#include "stepwell/Eager/ThreadState.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <fstream>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <unistd.h>
#include <vector>

using namespace stepwell;

std::string stepwell::compilerPath;

static std::string compilerFile() {
  const char *path = std::getenv("STEPWELL_COMPILER");
  return path && *path ? path : compilerPath;
}

namespace {
struct CompilerLibrary {
  decltype(&stepwellCompilerBuildId) buildId;
  decltype(&stepwellCompile) compile;
  decltype(&stepwellCompilationOk) ok;
  decltype(&stepwellCompilationObject) object;
  decltype(&stepwellCompilationError) error;
  decltype(&stepwellCompilationReproducer) reproducer;
  decltype(&stepwellCompilationDestroy) destroy;
};

CompilerLibrary &compiler() {
  static CompilerLibrary library;
  static bool open = false;
  if (open)
    return library;
  std::string file = compilerFile();
  // Lazily: of the tens of thousands of functions that MLIR and LLVM call in
  // each other, a kernel needs few.
  void *handle = dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (!handle)
    fail(Error::Kind::Runtime,
         std::string("cannot open the compiler library (set STEPWELL_COMPILER "
                     "to its path): ") +
             dlerror());
  auto find = [&](auto &function, const char *name) {
    function =
        reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(handle, name));
    if (!function)
      fail(Error::Kind::Runtime, file + " has no function " + name);
  };
  find(library.buildId, "stepwellCompilerBuildId");
  find(library.compile, "stepwellCompile");
  find(library.ok, "stepwellCompilationOk");
  find(library.object, "stepwellCompilationObject");
  find(library.error, "stepwellCompilationError");
  find(library.reproducer, "stepwellCompilationReproducer");
  find(library.destroy, "stepwellCompilationDestroy");
  open = true;
  return library;
}

/// The text file that is built beside the library; empty if it is not there.
std::string readBuildId(const std::string &library) {
  size_t dot = library.rfind(".so");
  std::ifstream file(library.substr(0, dot) + ".buildid");
  std::string id;
  file >> id;
  return id;
}

} // namespace

const std::string &stepwell::compilerBuildId() {
  static std::string id;
  if (id.empty())
    id = readBuildId(compilerFile());
  if (id.empty())
    id = compiler().buildId();
  return id;
}

namespace {
StepwellBytes bytesOf(const std::string &text) {
  return {text.data(), text.size()};
}

std::string textOf(StepwellBytes bytes) {
  return std::string(bytes.data, bytes.size);
}

/// One run of the compiler, in a thread of its own: whoever waits for it may be
/// interrupted and leave it behind.
struct Job {
  std::string key, locations, dumpFolder;
  std::mutex mutex;
  std::condition_variable ended;
  StepwellCompilation *result = nullptr;
  std::atomic<bool> done = false;

  void run() {
    StepwellCompilation *made = compiler().compile(
        bytesOf(key), bytesOf(locations), bytesOf(dumpFolder));
    std::lock_guard<std::mutex> lock(mutex);
    result = made;
    done = true;
    ended.notify_all();
  }
  bool wait(std::chrono::milliseconds time) {
    std::unique_lock<std::mutex> lock(mutex);
    return ended.wait_for(lock, time, [&] { return done.load(); });
  }
  ~Job() {
    if (result)
      compiler().destroy(result);
  }
};

/// Runs that nobody waits for any more. A process that ends meanwhile must not
/// take apart what they use.
std::atomic<int> running = 0;
void endWithoutDestructors(int status, void *) {
  if (running) {
    std::fflush(nullptr);
    _exit(status);
  }
}

void start(std::shared_ptr<Job> job) {
  static std::once_flag once;
  std::call_once(once, [] { on_exit(endWithoutDestructors, nullptr); });
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, size_t{16} << 20);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  auto *owned = new std::shared_ptr<Job>(job);
  auto body = [](void *given) -> void * {
    // The guard's handler needs room when the compiler overflows its stack.
    std::vector<char> room(size_t{64} << 10);
    stack_t alternative{};
    alternative.ss_sp = room.data();
    alternative.ss_size = room.size();
    sigaltstack(&alternative, nullptr);
    // Signals are the main thread's.
    sigset_t all;
    sigemptyset(&all);
    sigaddset(&all, SIGINT);
    sigaddset(&all, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    auto *job = static_cast<std::shared_ptr<Job> *>(given);
    (*job)->run();
    delete job;
    alternative.ss_flags = SS_DISABLE;
    sigaltstack(&alternative, nullptr);
    --running;
    return nullptr;
  };
  ++running;
  pthread_t thread;
  int failed = pthread_create(&thread, &attributes, body, owned);
  pthread_attr_destroy(&attributes);
  if (failed) {
    delete owned;
    job->run();
    --running;
  }
}

/// The result of the compiler. Meanwhile other threads of Python go on.
std::shared_ptr<Job> compileBeside(const std::string &key,
                                   const std::string &locations,
                                   const std::string &dumpFolder) {
  auto job = std::make_shared<Job>();
  job->key = key;
  job->locations = locations;
  job->dumpFolder = dumpFolder;
  compiler(); // opened while nobody else does
  bool interruptible = !threadState.lockKept && lockHooks.handlesSignals &&
                       lockHooks.handlesSignals();
  if (interruptible)
    start(job);
  while (!job->done) {
    bool release = lockHooks.release && !threadState.lockKept;
    void *state = release ? lockHooks.release() : nullptr;
    if (interruptible)
      job->wait(std::chrono::milliseconds(20));
    else
      job->run();
    if (release)
      lockHooks.acquire(state);
    if (interruptible)
      lockHooks.checkSignals();
  }
  return job;
}

} // namespace

std::string stepwell::compileKey(const std::string &key,
                                 const std::string &locations,
                                 const std::string &dumpFolder) {
  std::shared_ptr<Job> job = compileBeside(key, locations, dumpFolder);
  CompilerLibrary &library = compiler();
  StepwellCompilation *result = job->result;
  if (!library.ok(result)) {
    std::string message = textOf(library.error(result));
    std::string reproducer = textOf(library.reproducer(result));
    std::string file = saveReproducer(reproducer);
    if (!file.empty())
      message += "\nA file that reproduces this with stepwell-opt: " + file;
    fail(Error::Kind::Runtime, "compilation failed: " + message);
  }
  return textOf(library.object(result));
}
