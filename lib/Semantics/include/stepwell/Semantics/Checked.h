//===- Checked.h - Sizes that are multiplied and added ----------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every product and sum of sizes, strides, offsets and bytes that a user can
// choose goes through here.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_SEMANTICS_CHECKED_H
#define STEPWELL_SEMANTICS_CHECKED_H

#include "stepwell/Semantics/Types.h"

#include <optional>

namespace stepwell {

/// An integer that knows whether what it should be does not fit.
class Checked {
public:
  Checked(int64_t value) : value(value) {}
  friend Checked operator+(Checked a, Checked b) {
    a.fits &= b.fits & !__builtin_add_overflow(a.value, b.value, &a.value);
    return a;
  }
  friend Checked operator-(Checked a, Checked b) {
    a.fits &= b.fits & !__builtin_sub_overflow(a.value, b.value, &a.value);
    return a;
  }
  friend Checked operator*(Checked a, Checked b) {
    a.fits &= b.fits & !__builtin_mul_overflow(a.value, b.value, &a.value);
    return a;
  }
  Checked &operator+=(Checked other) { return *this = *this + other; }
  Checked &operator*=(Checked other) { return *this = *this * other; }
  explicit operator bool() const { return fits; }
  int64_t operator*() const {
    assert(fits && "this number does not fit");
    return value;
  }
  /// The number, or nothing.
  std::optional<int64_t> get() const {
    return fits ? std::optional(value) : std::nullopt;
  }

private:
  int64_t value;
  bool fits = true;
};

/// The number of elements. Nothing if it, or the number of those that have all
/// sizes but some zeros, does not fit; then strides fit as well. Nothing for
/// sizes that are negative or not known.
inline std::optional<int64_t> countOf(const Dims &sizes) {
  Checked whole = 1;
  bool none = false;
  for (int64_t size : sizes) {
    if (size < 0)
      return std::nullopt;
    none |= size == 0;
    whole *= size ? size : 1;
  }
  if (!whole)
    return std::nullopt;
  return none ? 0 : *whole;
}

/// The bytes that a row-major tensor takes, under the same conditions.
inline std::optional<int64_t> bytesOf(DType dtype, const Dims &sizes) {
  std::optional<int64_t> count = countOf(sizes);
  return count ? (Checked(*count) * byteWidth(dtype)).get() : std::nullopt;
}

/// What indices of these sizes reach by these strides: so many elements, in the
/// half-open range from `low` to `high`, which is empty if there are none.
struct Reach {
  int64_t count, low, high;
};
/// Nothing if a number does not fit, under the conditions of countOf.
inline std::optional<Reach> reachOf(const Dims &sizes, const Dims &strides,
                                    int64_t offset) {
  // Without the class: every view passes here.
  int64_t whole = 1, low = offset, high;
  bool far = __builtin_add_overflow(offset, 1, &high);
  bool none = false, uncountable = false;
  for (int i = 0; i < sizes.size(); ++i) {
    int64_t size = sizes[i], reach;
    if (size < 0)
      return std::nullopt;
    if (size == 0) {
      none = true;
      continue;
    }
    uncountable |= __builtin_mul_overflow(whole, size, &whole);
    far |= __builtin_mul_overflow(size - 1, strides[i], &reach);
    int64_t &end = strides[i] < 0 ? low : high;
    far |= __builtin_add_overflow(end, reach, &end);
  }
  if (uncountable)
    return std::nullopt;
  if (none)
    return Reach{0, 0, 0};
  if (far)
    return std::nullopt;
  return Reach{whole, low, high};
}

} // namespace stepwell

#endif // STEPWELL_SEMANTICS_CHECKED_H
