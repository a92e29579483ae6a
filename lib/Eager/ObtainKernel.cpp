//===- ObtainKernel.cpp - Kernels from memory, packs, disk or compiler ----===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CompilerLibrary.h"
#include "KernelKey.h"
#include "stepwell/Eager/Kernels.h"
#include "stepwell/cache.h"
#include "stepwell/device.h"
#include "stepwell/pack.h"
#include "stepwell/runtime.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>

using namespace stepwell;

void (*stepwell::warn)(const std::string &) = nullptr;
std::string stepwell::packFolder;
std::vector<std::string> *stepwell::recordedPrograms = nullptr;

KernelStats stepwell::kernelStatistics;

bool stepwell::logs(std::string_view topic) {
  const char *value = std::getenv("STEPWELL_LOG");
  return value && std::string_view(value).find(topic) != std::string_view::npos;
}

namespace {
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
  std::string object = compileKey(key, locationsOf(program), dumpFolder);
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
  compileKey(keyOf(program.print(), cpuLevel()), locationsOf(program),
             dumpFolder);
}

std::pair<stepwell_digest, std::string>
stepwell::compileFor(const std::string &program, const std::string &level) {
  std::string key = keyOf(program, level);
  return {stepwell_sha256(key.data(), key.size()), compileKey(key, "", "")};
}
