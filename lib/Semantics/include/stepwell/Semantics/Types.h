//===- Types.h - Element types, dimensions, attributes ----------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The vocabulary that the dialect and the eager dispatcher share. No MLIR here.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_SEMANTICS_TYPES_H
#define STEPWELL_SEMANTICS_TYPES_H

#include <cassert>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace stepwell {

enum class DType : uint8_t {
#define STEPWELL_DTYPE(E, ...) E,
#include "stepwell/Semantics/DTypes.def"
};
inline constexpr DType kDTypes[] = {
#define STEPWELL_DTYPE(E, ...) DType::E,
#include "stepwell/Semantics/DTypes.def"
};

constexpr int64_t byteWidth(DType dtype) {
  constexpr uint8_t widths[] = {
#define STEPWELL_DTYPE(E, NAME, MLIR, C, ...) sizeof(C),
#include "stepwell/Semantics/DTypes.def"
  };
  return widths[static_cast<int>(dtype)];
}
/// The name a Python user sees: "float32".
std::string_view name(DType);
/// The element type's spelling in MLIR: "f32", "ui8", "i1".
std::string_view mlirName(DType);
/// What PyTorch's messages call it: "Float".
std::string_view titleName(DType);
/// What a safetensors file calls it: "F32".
std::string_view safetensorsName(DType);
/// As Python's buffer protocol has it: "f"; null for what that does not know.
const char *bufferFormat(DType);
/// The binary digits of a number: those of a float, or the bits of an integer
/// but for its sign.
int digits(DType);
/// Whether it has numbers below 0.
bool isSigned(DType);
constexpr bool isFloat(DType dtype) { return dtype >= DType::F16; }
/// Integers proper; bool is neither integer nor float here.
constexpr bool isInteger(DType dtype) {
  return dtype >= DType::U8 && dtype <= DType::I64;
}

/// A dimension whose size is not known; equals mlir::ShapedType::kDynamic.
inline constexpr int64_t kDynamic = INT64_MIN;
/// The most dimensions a tensor may have.
inline constexpr int kMaxRank = 16;

/// Sizes, strides or axes. A few numbers lie inside: every tensor has two
/// lists. A tensor has at most kMaxRank dimensions, which is checked where one
/// is made.
class Dims {
public:
  Dims() = default;
  Dims(const Dims &other) : count(other.count) {
    if (count > kInside)
      copyOutside(other);
    else
      std::memcpy(inside, other.items, sizeof inside);
  }
  Dims(Dims &&other) noexcept { take(other); }
  Dims &operator=(const Dims &other) {
    if (this != &other)
      assign(other);
    return *this;
  }
  Dims &operator=(Dims &&other) noexcept {
    if (this != &other) {
      release();
      take(other);
    }
    return *this;
  }
  ~Dims() { release(); }
  Dims(std::initializer_list<int64_t> values) {
    for (int64_t value : values)
      push_back(value);
  }
  template <typename It> Dims(It first, It last) {
    for (; first != last; ++first)
      push_back(*first);
  }
  static Dims filled(int count, int64_t value) {
    Dims dims;
    for (int i = 0; i < count; ++i)
      dims.push_back(value);
    return dims;
  }
  int size() const { return count; }
  bool empty() const { return count == 0; }
  void push_back(int64_t value) {
    if (count == capacity)
      reserve(2 * capacity);
    items[count++] = value;
  }
  int64_t &operator[](int i) { return items[i]; }
  int64_t operator[](int i) const { return items[i]; }
  int64_t *begin() { return items; }
  int64_t *end() { return items + count; }
  const int64_t *begin() const { return items; }
  const int64_t *end() const { return items + count; }
  bool operator==(const Dims &other) const {
    if (count != other.count)
      return false;
    for (int i = 0; i < count; ++i)
      if (items[i] != other.items[i])
        return false;
    return true;
  }

private:
  static constexpr int kInside = 4;
  bool isOutside() const { return items != inside; }
  void reserve(int32_t wanted) {
    auto *larger = new int64_t[wanted];
    for (int i = 0; i < count; ++i)
      larger[i] = items[i];
    release();
    items = larger;
    capacity = wanted;
  }
  void release() {
    if (isOutside())
      delete[] items;
  }
  /// Every call copies some: few at once and without a loop, as there is room
  /// for kInside everywhere.
  void assign(const Dims &other) {
    if (other.count > capacity) {
      count = 0;
      reserve(other.count);
    }
    count = other.count;
    if (count > kInside)
      std::memcpy(items, other.items, count * sizeof *items);
    else
      std::memcpy(items, other.items, sizeof inside);
  }
  void copyOutside(const Dims &other) {
    items = new int64_t[count];
    capacity = count;
    std::memcpy(items, other.items, count * sizeof *items);
  }
  /// Leaves `other` empty.
  void take(Dims &other) {
    count = other.count;
    capacity = other.capacity;
    items = other.isOutside() ? other.items : inside;
    if (!isOutside())
      std::memcpy(inside, other.inside, sizeof inside);
    other.items = other.inside;
    other.capacity = kInside;
    other.count = 0;
  }

  int64_t *items = inside;
  int32_t count = 0, capacity = kInside;
  int64_t inside[kInside];
};

/// "(2, 3)", with "?" for a dynamic size.
std::string toString(const Dims &);

struct TensorType {
  DType dtype = DType::F32;
  Dims dims;
  int rank() const { return dims.size(); }
  bool operator==(const TensorType &) const = default;
};

/// "float32 (2, 3)", as messages print it.
std::string toString(const TensorType &);

/// A Python number.
using Scalar = std::variant<bool, int64_t, double>;

/// The value of one attribute of an operation. Which alternative an attribute
/// has is fixed by its record (I64Attr, F64Attr, BoolAttr, DenseI64ArrayAttr,
/// TypeAttr, StrAttr). Dims have a bounded length; lists of operands or results
/// have any.
using Attribute = std::variant<std::monostate, int64_t, double, bool, Dims,
                               DType, std::string, std::vector<int64_t>>;
/// In the order of the record.
using Attributes = std::vector<Attribute>;

/// What went wrong, in words for the user: the rule that was broken and the
/// shapes. The caller puts the operation's name in front.
struct Error {
  /// `Unsupported`: of an element type that an operation has no kernel for.
  enum class Kind {
    Value,
    Type,
    Index,
    Runtime,
    Unsupported
  } kind = Kind::Runtime;
  std::string message;
};

template <typename T> class ErrorOr {
public:
  ErrorOr(T value) : state(std::move(value)) {}
  ErrorOr(Error error) : state(std::move(error)) {}
  explicit operator bool() const { return std::holds_alternative<T>(state); }
  T &operator*() { return std::get<T>(state); }
  const T &operator*() const { return std::get<T>(state); }
  T *operator->() { return &std::get<T>(state); }
  const T *operator->() const { return &std::get<T>(state); }
  const Error &error() const { return std::get<Error>(state); }

private:
  std::variant<T, Error> state;
};

} // namespace stepwell

#endif // STEPWELL_SEMANTICS_TYPES_H
