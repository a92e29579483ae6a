//===- Pack.cpp - Objects that were made in advance -----------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/pack.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "the file is read in place");

namespace {
struct Entry {
  stepwell_digest digest;
  uint64_t offset, size;
};
struct Header {
  char magic[8];
  uint64_t count;
};
static_assert(sizeof(Entry) == 48 && sizeof(Header) == 16);

/// What the digest before an object is of, with the object.
struct Sealed {
  stepwell_digest key;
  uint64_t size;
  char zeros[24];
};
static_assert(sizeof(Sealed) == 64);
constexpr uint64_t sealBytes = sizeof(stepwell_digest);

bool before(const stepwell_digest &a, const stepwell_digest &b) {
  return std::memcmp(a.bytes, b.bytes, sizeof a.bytes) < 0;
}
} // namespace

struct stepwell_pack {
  const char *data;
  size_t bytes;
  uint64_t count() const {
    return reinterpret_cast<const Header *>(data)->count;
  }
  const Entry *entries() const {
    return reinterpret_cast<const Entry *>(data + sizeof(Header));
  }
  /// Whatever the file says, nothing is read outside of it.
  bool valid() const {
    if (bytes < sizeof(Header) || std::memcmp(data, "SWPACK2\n", 8) != 0 ||
        count() > (bytes - sizeof(Header)) / sizeof(Entry))
      return false;
    for (uint64_t i = 0; i < count(); ++i) {
      const Entry &entry = entries()[i];
      if (entry.offset > bytes || bytes - entry.offset < sealBytes ||
          entry.size > bytes - entry.offset - sealBytes ||
          (i > 0 && !before(entries()[i - 1].digest, entry.digest)))
        return false;
    }
    return true;
  }
};

stepwell_pack *stepwell_pack_open(const char *path) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return nullptr;
  struct stat status;
  void *data = MAP_FAILED;
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
      status.st_size > 0)
    data = mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ,
                MAP_PRIVATE, file, 0);
  close(file);
  if (data == MAP_FAILED)
    return nullptr;
  auto *pack = new (std::nothrow) stepwell_pack{
      static_cast<const char *>(data), static_cast<size_t>(status.st_size)};
  if (pack && pack->valid())
    return pack;
  munmap(data, static_cast<size_t>(status.st_size));
  delete pack;
  return nullptr;
}

void stepwell_pack_close(stepwell_pack *pack) {
  if (!pack)
    return;
  munmap(const_cast<char *>(pack->data), pack->bytes);
  delete pack;
}

int64_t stepwell_pack_count(const stepwell_pack *pack) {
  return static_cast<int64_t>(pack->count());
}

int stepwell_pack_find(const stepwell_pack *pack, const stepwell_digest *digest,
                       const void **bytes, size_t *size) {
  const Entry *first = pack->entries(), *last = first + pack->count();
  const Entry *found =
      std::lower_bound(first, last, *digest,
                       [](const Entry &entry, const stepwell_digest &wanted) {
                         return before(entry.digest, wanted);
                       });
  if (found == last || before(*digest, found->digest))
    return 0;
  const char *object = pack->data + found->offset + sealBytes;
  Sealed sealed{found->digest, found->size, {}};
  stepwell_digest right =
      stepwell_sha256_two(&sealed, sizeof sealed, object, found->size);
  if (std::memcmp(&right, object - sealBytes, sealBytes) != 0)
    return 0;
  *bytes = object;
  *size = found->size;
  return 1;
}
