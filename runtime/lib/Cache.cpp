//===- Cache.cpp - Kernel objects on disk ---------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file is a Header and the bytes. What a process knows of the folder is its
// path: it is opened and checked for each use, so that a folder that is
// replaced, emptied or taken away while the process runs is noticed, and a fork
// at any moment leaves a usable cache.
//===----------------------------------------------------------------------===//
#include "stepwell/cache.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {
constexpr int64_t defaultLimit = int64_t(1) << 30;
/// No kernel is larger: the loader's bound.
constexpr uint64_t largestObject = uint64_t(1) << 30;
/// What a file takes on disk is counted in these.
constexpr int64_t blockBytes = 4096;
constexpr char temporaryPrefix[] = ".new-";
/// Nobody writes a file for longer, whatever the process that it names.
constexpr time_t temporaryAge = 3600;
/// The process that a younger file names may live where we cannot see it (in
/// another container).
constexpr time_t orphanAge = 60;
/// A hit renews a file's time only when it is older: reading stays cheap.
constexpr time_t renewAge = 60;
/// How often the folder is looked through when it is not full.
constexpr int64_t tidyInterval = 3600;
/// See `noteAdded`.
constexpr char sizeName[] = ".size";

struct Header {
  char magic[16]; // with the file format's version
  uint8_t key[32];
  uint64_t size;
  uint64_t reserved;
  stepwell_digest digest; // of what precedes it here and of the bytes
};
static_assert(sizeof(Header) == 96);
constexpr char magic[16] = "stepwell-obj-2\n";

struct Descriptor {
  int fd;
  explicit Descriptor(int fd) : fd(fd) {}
  Descriptor(const Descriptor &) = delete;
  Descriptor(Descriptor &&other) : fd(std::exchange(other.fd, -1)) {}
  ~Descriptor() {
    if (fd >= 0) {
      int kept = errno;
      close(fd);
      errno = kept;
    }
  }
  explicit operator bool() const { return fd >= 0; }
};

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

/// Bytes as a number and perhaps K, M, G or T; nothing where it is not one.
std::optional<int64_t> parseSize(const char *text) {
  if (*text < '0' || *text > '9')
    return std::nullopt;
  char *end;
  errno = 0;
  long long number = strtoll(text, &end, 10);
  int64_t unit = 1;
  if (*end) {
    const char *units = "KMGT", *found = strchr(units, *end & ~0x20);
    if (!found || !*found || end[1])
      return std::nullopt;
    unit <<= 10 * (found - units + 1);
  }
  int64_t bytes;
  if (errno || __builtin_mul_overflow(number, unit, &bytes))
    return std::nullopt;
  return bytes;
}

/// Creates the folder and its parents, private. What is there already is kept.
void makeFolders(const std::string &path) {
  for (size_t at = path.find('/', 1); at != std::string::npos;
       at = path.find('/', at + 1))
    mkdir(path.substr(0, at).c_str(), 0700);
  mkdir(path.c_str(), 0700);
}

/// Whether only this user, or root, can have written it.
bool isOurs(const struct stat &status) {
  return (status.st_uid == geteuid() || status.st_uid == 0) &&
         !(status.st_mode & 022);
}

std::string nameOf(const stepwell_digest &key) {
  std::string name;
  for (int i = 0; i < 16; ++i) {
    name += "0123456789abcdef"[key.bytes[i] >> 4];
    name += "0123456789abcdef"[key.bytes[i] & 15];
  }
  return name;
}

bool isObjectName(const std::string &name) {
  return name.size() == 32 &&
         name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

int64_t bytesOnDisk(int64_t size) {
  return (size + blockBytes - 1) / blockBytes * blockBytes;
}

/// Whether the process that a temporary file names cannot be writing it.
bool isAbandoned(const std::string &name, const struct stat &status) {
  int64_t age = time(nullptr) - status.st_mtime;
  long pid = strtol(name.c_str() + sizeof temporaryPrefix - 1, nullptr, 10);
  if (age > orphanAge && pid > 0 && kill(pid_t(pid), 0) != 0 && errno == ESRCH)
    return true;
  return age > temporaryAge;
}

/// Appends to the file that says how full the folder is: it begins with the
/// time at which the folder was looked through, and then has one byte for each
/// block of what was found there and of what was added since. Processes append
/// at once without a lock, and its size is the answer. Returns the bytes in the
/// folder, or nothing where the file is not there, old or odd.
std::optional<int64_t> noteAdded(int folder, int64_t bytes) {
  Descriptor file(
      openat(folder, sizeName,
             O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status;
  int64_t looked = 0;
  if (!file || fstat(file.fd, &status) != 0 || !S_ISREG(status.st_mode) ||
      !isOurs(status) || !readAll(file.fd, &looked, sizeof looked))
    return std::nullopt;
  int64_t age = int64_t(time(nullptr)) - looked;
  if (age < 0 || age > tidyInterval)
    return std::nullopt;
  int64_t blocks = bytes / blockBytes;
  static const char marks[256] = {};
  for (int64_t left = blocks; left > 0; left -= int64_t(sizeof marks))
    if (!writeAll(file.fd, marks,
                  size_t(std::min<int64_t>(left, sizeof marks))))
      return std::nullopt;
  return (int64_t(status.st_size) - int64_t(sizeof looked) + blocks) *
         blockBytes;
}

/// Starts that file anew.
void writeSize(int folder, int64_t bytes) {
  std::string temporary =
      std::string(temporaryPrefix) + std::to_string(getpid()) + "-size";
  int64_t looked = time(nullptr);
  {
    Descriptor file(openat(folder, temporary.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                           0600));
    if (!file)
      return;
    if (!writeAll(file.fd, &looked, sizeof looked) ||
        ftruncate(file.fd, int64_t(sizeof looked) + bytes / blockBytes) != 0) {
      unlinkat(folder, temporary.c_str(), 0);
      return;
    }
  }
  if (renameat(folder, temporary.c_str(), folder, sizeName) != 0)
    unlinkat(folder, temporary.c_str(), 0);
}

/// Removes what killed writers left and, above the limit, the files that were
/// not used for longest, down to three quarters. Other processes may do the
/// same.
void tidy(int folder, int64_t limit) {
  struct File {
    timespec time;
    int64_t bytes;
    std::string name;
  };
  std::vector<File> files;
  int64_t sum = 0;
  int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = copy < 0 ? nullptr : fdopendir(copy);
  if (!directory) {
    if (copy >= 0)
      close(copy);
    return;
  }
  while (const dirent *entry = readdir(directory)) {
    std::string name = entry->d_name;
    struct stat status;
    if (fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode))
      continue;
    if (name.starts_with(temporaryPrefix)) {
      if (isAbandoned(name, status))
        unlinkat(folder, name.c_str(), 0);
    } else if (isObjectName(name)) {
      files.push_back({status.st_mtim, bytesOnDisk(status.st_size), name});
      sum += files.back().bytes;
    }
  }
  closedir(directory);
  if (sum > limit) {
    std::sort(files.begin(), files.end(), [](const File &a, const File &b) {
      return a.time.tv_sec != b.time.tv_sec ? a.time.tv_sec < b.time.tv_sec
                                            : a.time.tv_nsec < b.time.tv_nsec;
    });
    for (const File &file : files) {
      if (sum <= limit - limit / 4)
        break;
      unlinkat(folder, file.name.c_str(), 0);
      sum -= file.bytes;
    }
  }
  writeSize(folder, sum);
}
} // namespace

struct stepwell_cache {
  std::string folder;
  int64_t limit = defaultLimit;
  std::atomic<uint64_t> counter{0};
  /// The first problem, written once before `hasProblem` is set.
  std::string problem;
  std::atomic<bool> noting{false}, hasProblem{false};

  void open(const std::string &parent, int64_t wanted);
  bool get(const stepwell_digest &key, void **bytes, size_t *size);
  bool put(const stepwell_digest &key, const void *bytes, size_t size);

private:
  void note(const std::string &what) {
    if (noting.exchange(true))
      return;
    problem = what;
    hasProblem = true;
  }
  bool failed() {
    note(folder + ": " + std::strerror(errno));
    return false;
  }
  std::optional<Descriptor> openFolder(bool create);
};

/// The folder, when it is one from which code may be loaded.
std::optional<Descriptor> stepwell_cache::openFolder(bool create) {
  int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Descriptor directory(::open(folder.c_str(), flags));
  if (!directory && create) {
    makeFolders(folder);
    directory.fd = ::open(folder.c_str(), flags);
  }
  struct stat status;
  if (!directory || fstat(directory.fd, &status) != 0) {
    if (create || errno != ENOENT)
      failed();
    return std::nullopt;
  }
  if (status.st_uid != geteuid() && status.st_uid != 0) {
    note(folder + ": belongs to another user");
    return std::nullopt;
  }
  if (!isOurs(status)) {
    note(folder + ": writable by other users");
    return std::nullopt;
  }
  return directory;
}

void stepwell_cache::open(const std::string &parent, int64_t wanted) {
  const char *size = getenv("STEPWELL_CACHE_SIZE");
  if (wanted > 0) {
    limit = wanted;
  } else if (size && *size) {
    if (std::optional<int64_t> bytes = parseSize(size))
      limit = *bytes;
    else
      note(std::string("STEPWELL_CACHE_SIZE=") + size +
           ": not a size such as 500M or 2G; 1G is used");
  }
  if (limit == 0) // wanted so: no problem
    return;
  if (parent.empty()) {
    note("there is no home folder");
    return;
  }
  folder = parent + "/objects-1";
  // The program may go elsewhere.
  char here[PATH_MAX];
  if (folder[0] != '/' && getcwd(here, sizeof here))
    folder = std::string(here) + "/" + folder;
  if (!openFolder(true))
    folder.clear();
}

bool stepwell_cache::get(const stepwell_digest &key, void **bytes,
                         size_t *size) {
  if (folder.empty())
    return false;
  std::optional<Descriptor> directory = openFolder(false);
  if (!directory)
    return false;
  std::string name = nameOf(key);
  // O_NONBLOCK: a FIFO put here by mistake must not hang the process.
  Descriptor file(openat(directory->fd, name.c_str(),
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status;
  if (!file || fstat(file.fd, &status) != 0 || !S_ISREG(status.st_mode))
    return false;
  Header header;
  char *content = nullptr;
  size_t total = size_t(status.st_size);
  bool good = isOurs(status) && total >= sizeof header &&
              total - sizeof header <= largestObject &&
              readAll(file.fd, &header, sizeof header) &&
              std::memcmp(header.magic, magic, sizeof magic) == 0 &&
              std::memcmp(header.key, key.bytes, sizeof key) == 0 &&
              header.size == total - sizeof header;
  if (good) {
    // Checked where it is read to, where nobody changes it any more.
    content = static_cast<char *>(std::malloc(std::max<size_t>(total, 1)));
    if (!content)
      return false;
    good = readAll(file.fd, content, header.size);
    if (good) {
      stepwell_digest digest = stepwell_sha256_two(
          &header, offsetof(Header, digest), content, header.size);
      good = std::memcmp(&digest, &header.digest, sizeof digest) == 0;
    }
  }
  if (!good) {
    std::free(content);
    unlinkat(directory->fd, name.c_str(), 0);
    return false;
  }
  if (status.st_mtime + renewAge < time(nullptr))
    futimens(file.fd, nullptr); // not on a read-only disk: no harm
  *bytes = content;
  *size = header.size;
  return true;
}

bool stepwell_cache::put(const stepwell_digest &key, const void *bytes,
                         size_t size) {
  if (folder.empty() || size > largestObject ||
      bytesOnDisk(int64_t(sizeof(Header) + size)) > limit)
    return false;
  std::optional<Descriptor> directory = openFolder(true);
  if (!directory)
    return false;
  Header header{};
  std::memcpy(header.magic, magic, sizeof magic);
  std::memcpy(header.key, key.bytes, sizeof key);
  header.size = size;
  header.digest =
      stepwell_sha256_two(&header, offsetof(Header, digest), bytes, size);

  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  std::string temporary = temporaryPrefix + std::to_string(getpid()) + '-' +
                          std::to_string(counter++) + '-' +
                          std::to_string(now.tv_nsec);
  {
    Descriptor file(openat(directory->fd, temporary.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                           0600));
    if (!file)
      return failed();
    // No fsync: after a power cut the digest tells, and a kernel is rebuilt.
    if (!writeAll(file.fd, &header, sizeof header) ||
        !writeAll(file.fd, bytes, size)) {
      failed();
      unlinkat(directory->fd, temporary.c_str(), 0);
      return false;
    }
  }
  if (renameat(directory->fd, temporary.c_str(), directory->fd,
               nameOf(key).c_str()) != 0) {
    // Gone: somebody took it for abandoned.
    if (errno != ENOENT)
      failed();
    unlinkat(directory->fd, temporary.c_str(), 0);
    return false;
  }
  std::optional<int64_t> sum =
      noteAdded(directory->fd, bytesOnDisk(int64_t(sizeof header + size)));
  if (!sum || *sum > limit)
    tidy(directory->fd, limit);
  return true;
}

stepwell_cache *stepwell_cache_open(const char *folder, int64_t limit_bytes) {
  auto *cache = new (std::nothrow) stepwell_cache;
  if (!cache)
    return nullptr;
  cache->open(folder ? std::string(folder) : defaultFolder(), limit_bytes);
  return cache;
}

void stepwell_cache_close(stepwell_cache *cache) { delete cache; }

const char *stepwell_cache_folder(const stepwell_cache *cache) {
  return cache->folder.c_str();
}

const char *stepwell_cache_problem(const stepwell_cache *cache) {
  return cache->hasProblem ? cache->problem.c_str() : "";
}

int stepwell_cache_get(stepwell_cache *cache, const stepwell_digest *key,
                       void **bytes, size_t *size) {
  return cache->get(*key, bytes, size);
}

int stepwell_cache_put(stepwell_cache *cache, const stepwell_digest *key,
                       const void *bytes, size_t size) {
  return cache->put(*key, bytes, size);
}

void stepwell_cache_free(void *bytes) { std::free(bytes); }
