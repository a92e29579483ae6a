//===- Reproducers.cpp - Files that repeat a failed compile ---------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Reproducers.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace stepwell;

namespace {
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

} // namespace

std::string stepwell::saveReproducer(const std::string &text) {
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
