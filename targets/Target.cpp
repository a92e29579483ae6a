//===- Target.cpp - The targets of this compiler, by name -----------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/Target.h"

#include <map>

using namespace stepwell;

/// A function's static: registrars in other files may run before this file's
/// own.
static std::map<std::string, std::unique_ptr<Target>> &registry() {
  static std::map<std::string, std::unique_ptr<Target>> targets;
  return targets;
}

void stepwell::addTarget(std::unique_ptr<Target> target) {
  std::string name = target->name().str();
  registry()[name] = std::move(target);
}

const Target *stepwell::lookupTarget(llvm::StringRef name) {
  auto found = registry().find(name.str());
  return found == registry().end() ? nullptr : found->second.get();
}

llvm::SmallVector<const Target *> stepwell::allTargets() {
  llvm::SmallVector<const Target *> all;
  for (auto &[name, target] : registry())
    all.push_back(target.get());
  return all;
}
