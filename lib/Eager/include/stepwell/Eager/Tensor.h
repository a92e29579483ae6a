//===- Tensor.h - What a user's tensor is -----------------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tensor is a geometry over a shared buffer, and its place on the tape.
// Counts are plain integers: every function of lib/Eager is called by one
// thread at a time (Python's lock).
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_EAGER_TENSOR_H
#define STEPWELL_EAGER_TENSOR_H

#include "stepwell/Semantics/Types.h"
#include "stepwell/storage.h"

#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

namespace stepwell {

/// What lib/Eager throws; the extension turns it into the Python class of
/// `kind`.
class EagerError : public std::runtime_error {
public:
  EagerError(Error::Kind kind, const std::string &message)
      : std::runtime_error(message), kind(kind) {}
  Error::Kind kind;
};
[[noreturn]] inline void fail(Error::Kind kind, const std::string &message) {
  throw EagerError(kind, message);
}
/// What was asked for, or else the error.
template <typename T> T orFail(ErrorOr<T> value) {
  if (!value)
    fail(value.error().kind, value.error().message);
  return std::move(*value);
}

/// Calls `destroy(object)`, unless something that owns others is being
/// destroyed right now: then afterwards, so that a long chain of owners is not
/// freed by recursion.
void destroyInTurn(void *object, void (*destroy)(void *));

/// An owner of something that counts its owners in `references`.
template <typename T> class Ref {
public:
  Ref() = default;
  Ref(T *pointer) : pointer(pointer) { retain(); }
  Ref(const Ref &other) : pointer(other.pointer) { retain(); }
  Ref(Ref &&other) noexcept : pointer(std::exchange(other.pointer, nullptr)) {}
  Ref &operator=(Ref other) noexcept {
    std::swap(pointer, other.pointer);
    return *this;
  }
  ~Ref() {
    if (pointer && --pointer->references == 0)
      T::destroy(pointer);
  }
  T *get() const { return pointer; }
  T *operator->() const { return pointer; }
  T &operator*() const { return *pointer; }
  explicit operator bool() const { return pointer; }
  bool operator==(const Ref &other) const { return pointer == other.pointer; }

private:
  void retain() {
    if (pointer)
      ++pointer->references;
  }
  T *pointer = nullptr;
};

/// Memory that tensors share, and how often it was written. Without memory it
/// is a value of a function that is being captured.
struct Buffer {
  int64_t references = 0;
  stepwell_storage *memory = nullptr;
  int64_t bytes = 0; // that were asked for; the memory may have more
  uint64_t version = 0;
  bool readOnly = false; // memory of others, which is not to be written
  int small = 0; // log2 of the bytes of memory that may be kept for others
  static Ref<Buffer> allocate(int64_t bytes);
  static Ref<Buffer> adopt(stepwell_storage *memory);
  static void destroy(Buffer *);
};

struct Node;
struct TensorImpl;
using Tensor = Ref<TensorImpl>;

struct Geometry {
  Dims sizes, strides; // strides in elements
  int64_t offset = 0;
  bool operator==(const Geometry &) const = default;
  /// A tensor's geometry was checked where it was made: no product of its
  /// sizes overflows.
  int64_t numel() const {
    int64_t count = 1;
    for (int64_t size : sizes)
      count *= size;
    return count;
  }
  bool contiguous() const {
    int64_t expected = 1;
    for (int i = sizes.size() - 1; i >= 0; --i) {
      if (sizes[i] == 0)
        return true;
      if (sizes[i] != 1 && strides[i] != expected)
        return false;
      expected *= sizes[i];
    }
    return true;
  }
};
/// Row-major strides.
Dims packedStrides(const Dims &sizes);

/// Which elements of a tensor a slice takes.
struct SliceOf {
  Dims starts, sizes, steps; // one per dimension of the base; steps may be < 0
};

/// How a view is made from its input.
struct ViewOp {
  enum class Kind { Permute, Reshape, Expand, Strided } kind;
  Dims dims;       // permutation, or sizes
  Geometry packed; // Strided: the view's, if its input were row-major
  /// Strided: the same as a slice, which is then reshaped to the view's sizes.
  /// None where indices cannot say it (a diagonal).
  std::optional<SliceOf> slice = std::nullopt;
};
struct TracedView;

/// What is called with a tensor's gradient, once it is complete.
struct GradientHooks {
  int64_t references = 0;
  virtual ~GradientHooks() = default;
  /// The gradient to go on with.
  virtual Tensor call(const Tensor &gradient) = 0;
  /// Whether all of them were removed again.
  virtual bool empty() const { return false; }
  static void destroy(GradientHooks *hooks) { delete hooks; }
};

/// How a view came to be, where that forbids to write into it on the tape.
enum class ViewMade : uint8_t { Plainly, WithoutGrad, OneOfSeveral };

struct TensorImpl : Geometry {
  TensorImpl(Ref<Buffer>, DType, const Geometry &);
  static void *operator new(size_t);
  static void operator delete(void *);

  int64_t references = 0;
  DType dtype = DType::F32;
  bool requiresGrad = false; // a leaf that collects a gradient
  /// Writes through this alias (`.data`) do not count as modifications.
  bool untracked = false;
  ViewMade made = ViewMade::Plainly;
  uint32_t output = 0; // which result of `node`
  Ref<Buffer> buffer;
  Ref<Node> node;
  Tensor grad;
  Ref<GradientHooks> hooks; // of a leaf; others have theirs in `node`
  /// The tensor that owns the memory that a differentiable view shows, and how
  /// often that tensor's history had changed when this view's was last read.
  Tensor base;
  uint64_t baseHistory = 0;
  uint64_t history = 0;
  /// The buffer's version when a view was made.
  uint64_t madeAt = 0;
  /// Under capture: the view that this tensor is of another.
  Ref<TracedView> traced;
  /// The Python object, while there is one; not owned.
  void *wrapper = nullptr;

  int rank() const { return sizes.size(); }
  TensorType type() const { return {dtype, sizes}; }
  /// The address of element (0, …, 0). Every use of memory passes here: a value
  /// of a captured function has none, and is refused.
  void *data() const {
    if (!hasMemory())
      refuseValueless();
    return static_cast<char *>(buffer->memory->data) +
           offset * byteWidth(dtype);
  }
  bool hasMemory() const { return buffer && buffer->memory; }
  [[noreturn]] static void refuseValueless();
  static void destroy(TensorImpl *);
};

/// Under capture a view is read by taking its steps from the current value of
/// its parent.
struct TracedView {
  int64_t references = 0;
  uint64_t capture = 0; // which capture it belongs to
  Tensor parent;
  std::optional<ViewOp> op; // none: the parent itself under another name
  /// Of a view that indices cannot say: the user's line that made it.
  std::string where = {};
  static void destroy(TracedView *);
};

/// Refuses more dimensions than a tensor has.
void checkRank(const Dims &sizes);
/// The bytes that so many elements take; refuses sizes that are negative or
/// cannot be multiplied.
int64_t checkedBytes(DType, const Dims &sizes);
/// Row-major and uninitialised.
Tensor empty(DType, const Dims &sizes);
Tensor makeTensor(Ref<Buffer>, DType, const Geometry &);
/// Over new memory of so many bytes, which are uninitialised.
Tensor makeTensor(int64_t bytes, DType, const Geometry &);
/// What every tensor over a buffer must hold to: its elements and their bytes
/// can be counted, and all lie inside the buffer.
void checkInside(const Buffer &, DType, const Geometry &);
/// Refuses to write to memory that is not to be written.
void checkNotReadOnly(const Buffer &);

/// Whether two tensors may share a byte.
bool mayOverlap(const TensorImpl &, const TensorImpl &);
/// Whether two indices reach one element, as in an expanded tensor.
bool selfOverlaps(const Geometry &);
/// Whether every index surely reaches an element of its own.
bool surelyDistinct(const Geometry &);

} // namespace stepwell

#endif // STEPWELL_EAGER_TENSOR_H
