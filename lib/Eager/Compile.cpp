//===- Compile.cpp - Keys, the disk cache and the compiler library --------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiler is opened on the first kernel that is neither in memory nor on
// disk. Its build id is read from a file beside it, so that a process whose
// kernels are all cached never loads MLIR.
//===----------------------------------------------------------------------===//

#include "stepwell-c/Compiler.h"
#include "stepwell/Eager/Kernels.h"
#include "stepwell/Eager/ThreadState.h"
#include "stepwell/cache.h"
#include "stepwell/device.h"
#include "stepwell/pack.h"
#include "stepwell/runtime.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace stepwell;

LockHooks stepwell::lockHooks;
void (*stepwell::warn)(const std::string &) = nullptr;
std::string stepwell::compilerPath;
std::string stepwell::compilerOptions;
std::string stepwell::packFolder;
std::vector<std::string> *stepwell::recordedPrograms = nullptr;

KernelStats stepwell::kernelStatistics;

bool stepwell::logs(std::string_view topic) {
  const char *value = std::getenv("STEPWELL_LOG");
  return value && std::string_view(value).find(topic) != std::string_view::npos;
}

static std::string compilerFile() {
  const char *path = std::getenv("STEPWELL_COMPILER");
  return path && *path ? path : compilerPath;
}

//===--- The compiler library ---------------------------------------------===//

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

const std::string &buildId() {
  static std::string id;
  if (id.empty())
    id = readBuildId(compilerFile());
  if (id.empty())
    id = compiler().buildId();
  return id;
}

/// What a level's name ends with that has tile registers, too.
constexpr std::string_view kTiles = "+amx";

/// The x86-64 levels that this processor runs, the highest first. Kernels need
/// SSE4.1, so the plain level stands for older machines only.
std::vector<std::string> runnableLevels() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  std::vector<std::string> levels;
  if (__builtin_cpu_supports("x86-64-v4")) {
    if (stepwell_runtime_has_tiles())
      levels.push_back("x86-64-v4" + std::string(kTiles));
    levels.push_back("x86-64-v4");
  }
  if (__builtin_cpu_supports("x86-64-v3"))
    levels.push_back("x86-64-v3");
  if (__builtin_cpu_supports("x86-64-v2"))
    levels.push_back("x86-64-v2");
  if (levels.empty())
    levels.push_back("x86-64");
  return levels;
#else
  return {"generic"};
#endif
}

/// Which processor code is made for: this one, or a lower level of its kind
/// that STEPWELL_CPU names. Asked once: kernels in memory are for one chip.
const std::string &cpuLevel() {
  static const std::string chosen = [] {
    std::vector<std::string> levels = runnableLevels();
    const char *wanted = std::getenv("STEPWELL_CPU");
    if (!wanted || !*wanted)
      return levels.front();
    std::string list;
    for (const std::string &level : levels) {
      if (level == wanted)
        return level;
      list += (list.empty() ? "" : ", ") + level;
    }
    fail(Error::Kind::Runtime,
         std::string("STEPWELL_CPU=") + wanted + ": this machine runs " + list);
  }();
  return chosen;
}

/// The level that a program is compiled for: tile registers are for bf16 only,
/// and kernels without them are shared with the level without them.
std::string levelFor(const std::string &program, std::string level) {
  size_t rest = level.size() - std::min(level.size(), kTiles.size());
  if (level.compare(rest, level.npos, kTiles) == 0 &&
      program.find("bf16") == program.npos)
    level.resize(rest);
  return level;
}

std::string keyOf(const std::string &program, const std::string &level) {
  std::string key = "stepwell-key 1\nabi ";
  key += std::to_string(STEPWELL_ABI_VERSION);
  key += "\nbuild " + buildId();
  key += "\ntarget cpu " + levelFor(program, level) + " \noptions ";
  key += "companion=needed";
  if (!compilerOptions.empty())
    key += " " + compilerOptions;
  key += "\n\n";
  key += program;
  return key;
}

StepwellBytes bytesOf(const std::string &text) {
  return {text.data(), text.size()};
}

std::string toString(StepwellBytes bytes) {
  return std::string(bytes.data, bytes.size);
}

/// How many reproducers are kept.
constexpr size_t kKeptReproducers = 16;

/// Ours, and nobody else may write there.
bool isPrivateFolder(const std::string &path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         status.st_uid == geteuid() && !(status.st_mode & (S_IWGRP | S_IWOTH));
}

/// Deletes the oldest reproducers, so that one more may come.
void pruneReproducers(const std::string &folder) {
  namespace fs = std::filesystem;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end;
       at.increment(failed)) {
    std::error_code gone;
    fs::file_time_type time = at->last_write_time(gone);
    if (!gone &&
        at->path().filename().string().rfind("stepwell-reproducer-", 0) == 0)
      files.emplace_back(time, at->path());
  }
  if (files.size() < kKeptReproducers)
    return;
  std::sort(files.begin(), files.end());
  files.resize(files.size() - (kKeptReproducers - 1));
  for (const auto &file : files)
    fs::remove(file.second, failed);
}

/// Writes the reproducer to a new file of the user's folder (docs/compile.md);
/// its name, or nothing.
std::string saveReproducer(const std::string &text) {
  if (text.empty())
    return "";
  const char *base = std::getenv("TMPDIR");
  std::string folder = std::string(base && *base ? base : "/tmp") +
                       "/stepwell-reproducers-" + std::to_string(geteuid());
  mkdir(folder.c_str(), 0700);
  if (!isPrivateFolder(folder))
    return "";
  pruneReproducers(folder);
  std::string draft = folder + "/stepwell-reproducer-XXXXXX.part";
  int handle = mkstemps(draft.data(), 5);
  if (handle < 0)
    return "";
  bool written = write(handle, text.data(), text.size()) ==
                 static_cast<ssize_t>(text.size());
  written &= close(handle) == 0;
  // Nobody sees half a file under the name that ends so.
  std::string name = draft.substr(0, draft.size() - 5) + ".mlir";
  written = written && rename(draft.c_str(), name.c_str()) == 0;
  if (!written)
    unlink(draft.c_str());
  return written ? name : "";
}

/// One line for each operation.
std::string locationsOf(const Program &program) {
  std::string locations;
  if (program.locations.empty())
    return locations;
  for (const ProgramNode &node : program.nodes) {
    if (&node != &program.nodes.front())
      locations += '\n';
    if (node.location >= 0)
      locations += program.locations[node.location];
  }
  return locations;
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

/// The object for a key, freshly compiled.
std::string compile(const std::string &key, const std::string &locations,
                    const std::string &dumpFolder) {
  std::shared_ptr<Job> job = compileBeside(key, locations, dumpFolder);
  CompilerLibrary &library = compiler();
  StepwellCompilation *result = job->result;
  if (!library.ok(result)) {
    std::string message = toString(library.error(result));
    std::string reproducer = toString(library.reproducer(result));
    std::string file = saveReproducer(reproducer);
    if (!file.empty())
      message += "\nA file that reproduces this with stepwell-opt: " + file;
    fail(Error::Kind::Runtime, "compilation failed: " + message);
  }
  return toString(library.object(result));
}

/// The objects that came with the package, for one level.
const stepwell_pack *shippedKernels(const std::string &level) {
  static std::map<std::string, const stepwell_pack *> packs;
  auto [place, isNew] = packs.try_emplace(level);
  if (isNew) {
    const char *folder = std::getenv("STEPWELL_KERNEL_PACKS");
    place->second = stepwell_pack_open(
        ((folder ? folder : packFolder) + "/" + level + ".pack").c_str());
  }
  return place->second;
}

stepwell_cache *diskCache() {
  static stepwell_cache *cache = stepwell_cache_open(nullptr, 0);
  return cache;
}

/// Once in a process: without its cache it is slow, and somebody wonders why.
void warnOfCache() {
  static bool warned = false;
  std::string problem = stepwell_cache_problem(diskCache());
  if (warned || problem.empty() || !warn)
    return;
  warned = true;
  warn("compiled kernels may not be kept for the next run: " + problem);
}

/// The kernels in memory, by digest: equal ones are loaded once.
struct LoadedKernel {
  stepwell_kernel_fn run;
  stepwell_workspace_fn workspaceSize;
  std::weak_ptr<const void> code;
};
std::map<std::string, LoadedKernel> &loadedKernels() {
  static auto &kernels = *new std::map<std::string, LoadedKernel>;
  return kernels;
}

/// A loaded object, which goes with the last kernel that holds it.
struct Loaded {
  stepwell_module *module = nullptr;
  std::string digest;
  ~Loaded() {
    stepwell_device *device = stepwell_device_cpu();
    device->unload(device, module);
    loadedKernels().erase(digest);
  }
};

/// Null `run` and a message when the object cannot be loaded.
Kernel load(const void *bytes, size_t size, const std::string &digest,
            std::string &message) {
  char error[512] = "";
  stepwell_kernel kernel{};
  stepwell_device *device = stepwell_device_cpu();
  stepwell_module *module = device->load(device, bytes, size, "stepwell_kernel",
                                         &kernel, error, sizeof error);
  if (!module) {
    message = error;
    return {};
  }
  auto loaded = std::make_shared<Loaded>();
  loaded->module = module;
  loaded->digest = digest;
  loadedKernels()[digest] = {kernel.run, kernel.workspace_size, loaded};
  return {kernel.run, kernel.workspace_size, loaded};
}
} // namespace

Kernel stepwell::obtainKernel(const Program &program,
                              const std::string &reason) {
  std::string text = program.print();
  if (recordedPrograms)
    recordedPrograms->push_back(text);
  std::string key = keyOf(text, cpuLevel());
  stepwell_digest digest = stepwell_sha256(key.data(), key.size());
  std::string name(reinterpret_cast<const char *>(digest.bytes),
                   sizeof digest.bytes);
  std::string message;
  const char *dump = std::getenv("STEPWELL_DUMP");
  std::string dumpFolder = dump ? dump : "";
  if (auto found = loadedKernels().find(name);
      dumpFolder.empty() && found != loadedKernels().end())
    if (std::shared_ptr<const void> code = found->second.code.lock()) {
      ++kernelStats().memoryHits;
      return {found->second.run, found->second.workspaceSize, code};
    }
  size_t size = 0;
  const void *shipped = nullptr;
  const stepwell_pack *pack =
      dumpFolder.empty() ? shippedKernels(levelFor(text, cpuLevel())) : nullptr;
  if (pack && stepwell_pack_find(pack, &digest, &shipped, &size)) {
    Kernel kernel = load(shipped, size, name, message);
    if (kernel.run) {
      ++kernelStats().shippedHits;
      return kernel;
    }
  }
  void *bytes = nullptr;
  if (dumpFolder.empty() &&
      stepwell_cache_get(diskCache(), &digest, &bytes, &size)) {
    Kernel kernel = load(bytes, size, name, message);
    stepwell_cache_free(bytes);
    if (kernel.run) {
      ++kernelStats().diskHits;
      return kernel;
    }
  }
  if (!dumpFolder.empty()) {
    char folder[17];
    for (int i = 0; i < 8; ++i)
      std::snprintf(folder + 2 * i, 3, "%02x", digest.bytes[i]);
    dumpFolder += std::string("/") + folder;
  }
  auto start = std::chrono::steady_clock::now();
  std::string object = compile(key, locationsOf(program), dumpFolder);
  ++kernelStats().compiles;
  if (logs("kernels")) {
    double ms = std::chrono::duration<double, std::milli>(
                    std::chrono::steady_clock::now() - start)
                    .count();
    std::fprintf(stderr, "stepwell: compiled in %.1f ms: %s\n", ms,
                 reason.c_str());
  }
  stepwell_cache_put(diskCache(), &digest, object.data(), object.size());
  Kernel kernel = load(object.data(), object.size(), name, message);
  if (!kernel.run)
    fail(Error::Kind::Runtime,
         "the compiler's object cannot be loaded: " + message);
  warnOfCache();
  return kernel;
}

void stepwell::compileForDump(const Program &program,
                              const std::string &dumpFolder) {
  compile(keyOf(program.print(), cpuLevel()), locationsOf(program), dumpFolder);
}

std::pair<stepwell_digest, std::string>
stepwell::compileFor(const std::string &program, const std::string &level) {
  std::string key = keyOf(program, level);
  return {stepwell_sha256(key.data(), key.size()), compile(key, "", "")};
}

//===--- The call ---------------------------------------------------------===//

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
