//===- KernelKey.cpp - What a kernel is compiled from ---------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelKey.h"

#include "CompilerLibrary.h"
#include "stepwell/Eager/Kernels.h"
#include "stepwell/abi.h"
#include "stepwell/runtime.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

using namespace stepwell;

std::string stepwell::compilerOptions;

namespace {
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

} // namespace

const std::string &stepwell::cpuLevel() {
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

std::string stepwell::levelFor(const std::string &program, std::string level) {
  size_t rest = level.size() - std::min(level.size(), kTiles.size());
  if (level.compare(rest, level.npos, kTiles) == 0 &&
      program.find("bf16") == program.npos)
    level.resize(rest);
  return level;
}

std::string stepwell::keyOf(const std::string &program,
                            const std::string &level) {
  std::string key = "stepwell-key 1\nabi ";
  key += std::to_string(STEPWELL_ABI_VERSION);
  key += "\nbuild " + compilerBuildId();
  key += "\ntarget cpu " + levelFor(program, level) + " \noptions ";
  key += "companion=needed";
  if (!compilerOptions.empty())
    key += " " + compilerOptions;
  key += "\n\n";
  key += program;
  return key;
}
