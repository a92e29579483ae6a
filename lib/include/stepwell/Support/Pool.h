//===- Pool.h - Things that are costly to make ------------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_SUPPORT_POOL_H
#define STEPWELL_SUPPORT_POOL_H

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stepwell {

/// Lends things out to one user at a time and keeps what comes back for the
/// next who asks for the same. What does not come back, after a crash, is gone.
/// There is one pool of each Tag, which lives as long as the process; compiles
/// alone use it, which no fork interrupts.
template <typename T, typename Tag> class Pool {
public:
  static Pool &get() {
    static Pool *pool = new Pool;
    return *pool;
  }

  /// One that was made for `key`, if any is idle.
  std::optional<T> take(const std::string &key) {
    std::lock_guard<std::mutex> lock(mutex);
    for (auto it = idle.rbegin(); it != idle.rend(); ++it) {
      if (it->first != key)
        continue;
      std::optional<T> found(std::move(it->second));
      idle.erase(std::next(it).base());
      return found;
    }
    return std::nullopt;
  }

  /// At most `limit` are kept; the oldest goes.
  void giveBack(const std::string &key, T thing, size_t limit = 8) {
    std::optional<T> evicted; // destroyed after the lock is released
    std::lock_guard<std::mutex> lock(mutex);
    if (idle.size() >= limit) {
      evicted = std::move(idle.front().second);
      idle.erase(idle.begin());
    }
    idle.emplace_back(key, std::move(thing));
  }

private:
  Pool() = default;

  std::mutex mutex;
  std::vector<std::pair<std::string, T>> idle;
};

} // namespace stepwell

#endif // STEPWELL_SUPPORT_POOL_H
