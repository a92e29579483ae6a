//===- Cache.cpp - Kernel objects on disk ---------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file is a Header and the bytes. The state in memory is a few atomics: a
// fork at any moment leaves a usable cache.
//===----------------------------------------------------------------------===//
#include "stepwell/cache.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>
#include <string>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {
constexpr int64_t defaultLimit = int64_t(512) << 20;
constexpr char temporaryPrefix[] = ".new-";
constexpr time_t temporaryAge = 3600;
/// A hit renews a file's time only when it is older: reading stays cheap.
constexpr time_t renewAge = 60;

struct Header {
  char magic[16]; // with the file format's version
  uint8_t digest[32];
  uint64_t size;
  uint64_t checksum;
};
static_assert(sizeof(Header) == 64);
constexpr char magic[16] = "stepwell-obj-1\n";

struct Descriptor {
  int fd;
  explicit Descriptor(int fd) : fd(fd) {}
  Descriptor(const Descriptor &) = delete;
  ~Descriptor() {
    if (fd >= 0)
      close(fd);
  }
};

/// Finds accidents (a disk that filled up, a flipped bit), not malice: the
/// folder is private. Each step is a bijection of the state, so no single
/// changed word goes unnoticed.
uint64_t checksum(const void *bytes, size_t size) {
  const auto *data = static_cast<const char *>(bytes);
  uint64_t state = 0x9e3779b97f4a7c15u ^ size;
  for (; size; size -= std::min<size_t>(size, 8), data += 8) {
    uint64_t word = 0;
    std::memcpy(&word, data, std::min<size_t>(size, 8));
    state = (state ^ word) * 0xff51afd7ed558ccdu;
    state ^= state >> 32;
  }
  return state;
}

bool readAll(int fd, void *to, size_t size) {
  auto *at = static_cast<char *>(to);
  while (size) {
    ssize_t got = read(fd, at, size);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false;
    at += got;
    size -= size_t(got);
  }
  return true;
}

bool writeAll(int fd, const void *from, size_t size) {
  const auto *at = static_cast<const char *>(from);
  while (size) {
    ssize_t put = write(fd, at, size);
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0)
      return false;
    at += put;
    size -= size_t(put);
  }
  return true;
}

std::string defaultFolder() {
  if (const char *folder = getenv("STEPWELL_CACHE_DIR"); folder && *folder)
    return folder;
  // The specification says to ignore relative paths.
  if (const char *folder = getenv("XDG_CACHE_HOME"); folder && *folder == '/')
    return std::string(folder) + "/stepwell";
  const char *home = getenv("HOME");
  if (!home || !*home) {
    const passwd *user = getpwuid(geteuid());
    home = user ? user->pw_dir : nullptr;
  }
  return home && *home ? std::string(home) + "/.cache/stepwell" : "";
}

/// Creates the folder and its parents, private. What is there already is kept.
void makeFolders(const std::string &path) {
  for (size_t at = path.find('/', 1); at != std::string::npos;
       at = path.find('/', at + 1))
    mkdir(path.substr(0, at).c_str(), 0700);
  mkdir(path.c_str(), 0700);
}

std::string nameOf(const stepwell_digest &digest) {
  std::string name;
  for (int i = 0; i < 16; ++i) {
    name += "0123456789abcdef"[digest.bytes[i] >> 4];
    name += "0123456789abcdef"[digest.bytes[i] & 15];
  }
  return name;
}

bool isObjectName(const std::string &name) {
  return name.size() == 32 &&
         name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// Whether the process that a temporary file names may still be writing it.
bool isAbandoned(const std::string &name, const struct stat &status) {
  long pid = strtol(name.c_str() + sizeof temporaryPrefix - 1, nullptr, 10);
  if (pid > 0 && kill(pid_t(pid), 0) != 0 && errno == ESRCH)
    return true;
  return status.st_mtime + temporaryAge < time(nullptr);
}
} // namespace

struct stepwell_cache {
  std::string folder;
  std::string problem;
  int64_t limit;
  /// Bytes in the folder as far as this process knows; -1: it never looked.
  std::atomic<int64_t> total{-1};
  std::atomic<uint64_t> counter{0};

  bool open(const std::string &parent);
  bool get(const stepwell_digest &digest, void **bytes, size_t *size);
  bool put(const stepwell_digest &digest, const void *bytes, size_t size);
  void tidy();
};

bool stepwell_cache::open(const std::string &parent) {
  if (parent.empty()) {
    problem = "there is no home folder";
    return false;
  }
  std::string path = parent + "/objects-1";
  makeFolders(path);
  Descriptor directory(
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status;
  if (directory.fd < 0 || fstat(directory.fd, &status) != 0) {
    problem = path + ": " + std::strerror(errno);
    return false;
  }
  // Code is loaded from here: nobody else may write into it.
  if ((status.st_uid != geteuid() && status.st_uid != 0) ||
      (status.st_mode & 022)) {
    problem = path + ": writable by other users";
    return false;
  }
  folder = path;
  return true;
}

bool stepwell_cache::get(const stepwell_digest &digest, void **bytes,
                         size_t *size) {
  if (folder.empty())
    return false;
  std::string path = folder + '/' + nameOf(digest);
  // O_NONBLOCK: a FIFO put here by mistake must not hang the process.
  Descriptor file(
      ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status;
  if (file.fd < 0 || fstat(file.fd, &status) != 0 || !S_ISREG(status.st_mode))
    return false;
  Header header;
  void *content = nullptr;
  bool good = status.st_size >= off_t(sizeof header) &&
              readAll(file.fd, &header, sizeof header) &&
              std::memcmp(header.magic, magic, sizeof magic) == 0 &&
              std::memcmp(header.digest, digest.bytes, sizeof digest) == 0 &&
              header.size == uint64_t(status.st_size) - sizeof header;
  if (good) {
    content = std::malloc(std::max<size_t>(header.size, 1));
    if (!content)
      return false;
    good = readAll(file.fd, content, header.size) &&
           checksum(content, header.size) == header.checksum;
  }
  if (!good) {
    std::free(content);
    unlink(path.c_str());
    return false;
  }
  if (status.st_mtime + renewAge < time(nullptr))
    futimens(file.fd, nullptr); // not on a read-only disk: no harm
  *bytes = content;
  *size = header.size;
  return true;
}

bool stepwell_cache::put(const stepwell_digest &digest, const void *bytes,
                         size_t size) {
  if (folder.empty() || int64_t(sizeof(Header) + size) > limit)
    return false;
  Header header;
  std::memcpy(header.magic, magic, sizeof magic);
  std::memcpy(header.digest, digest.bytes, sizeof digest);
  header.size = size;
  header.checksum = checksum(bytes, size);

  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  std::string temporary =
      folder + '/' + temporaryPrefix + std::to_string(getpid()) + '-' +
      std::to_string(counter++) + '-' + std::to_string(now.tv_nsec);
  {
    Descriptor file(::open(temporary.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file.fd < 0)
      return false;
    // No fsync: after a power cut the checksum tells, and a kernel is rebuilt.
    if (!writeAll(file.fd, &header, sizeof header) ||
        !writeAll(file.fd, bytes, size)) {
      unlink(temporary.c_str());
      return false;
    }
  }
  std::string path = folder + '/' + nameOf(digest);
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    unlink(temporary.c_str());
    return false;
  }
  auto added = int64_t(sizeof header + size);
  if (total.load() < 0 || total.fetch_add(added) + added > limit)
    tidy();
  return true;
}

/// Removes what killed writers left and, above the limit, the files that were
/// not used for longest, down to three quarters. Other processes may do the
/// same.
void stepwell_cache::tidy() {
  struct File {
    timespec time;
    int64_t size;
    std::string name;
  };
  std::vector<File> files;
  int64_t sum = 0;
  DIR *directory = opendir(folder.c_str());
  if (!directory)
    return;
  while (const dirent *entry = readdir(directory)) {
    std::string name = entry->d_name;
    struct stat status;
    if (fstatat(dirfd(directory), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) !=
            0 ||
        !S_ISREG(status.st_mode))
      continue;
    if (name.starts_with(temporaryPrefix)) {
      if (isAbandoned(name, status))
        unlinkat(dirfd(directory), name.c_str(), 0);
    } else if (isObjectName(name)) {
      files.push_back({status.st_mtim, int64_t(status.st_size), name});
      sum += status.st_size;
    }
  }
  if (sum > limit) {
    std::sort(files.begin(), files.end(), [](const File &a, const File &b) {
      return a.time.tv_sec != b.time.tv_sec ? a.time.tv_sec < b.time.tv_sec
                                            : a.time.tv_nsec < b.time.tv_nsec;
    });
    for (const File &file : files) {
      if (sum <= limit - limit / 4)
        break;
      unlinkat(dirfd(directory), file.name.c_str(), 0);
      sum -= file.size;
    }
  }
  closedir(directory);
  total = sum;
}

stepwell_cache *stepwell_cache_open(const char *folder, int64_t limit_bytes) {
  auto *cache = new (std::nothrow) stepwell_cache;
  if (!cache)
    return nullptr;
  cache->limit = limit_bytes > 0 ? limit_bytes : defaultLimit;
  cache->open(folder ? std::string(folder) : defaultFolder());
  return cache;
}

void stepwell_cache_close(stepwell_cache *cache) { delete cache; }

const char *stepwell_cache_folder(const stepwell_cache *cache) {
  return cache->folder.c_str();
}

const char *stepwell_cache_problem(const stepwell_cache *cache) {
  return cache->problem.c_str();
}

int stepwell_cache_get(stepwell_cache *cache, const stepwell_digest *digest,
                       void **bytes, size_t *size) {
  return cache->get(*digest, bytes, size);
}

int stepwell_cache_put(stepwell_cache *cache, const stepwell_digest *digest,
                       const void *bytes, size_t size) {
  return cache->put(*digest, bytes, size);
}

void stepwell_cache_free(void *bytes) { std::free(bytes); }
