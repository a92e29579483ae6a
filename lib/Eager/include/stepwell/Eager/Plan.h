//===- Plan.h - Calls that were made before ---------------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs call the same operations on the same shapes again and again. The
// first such call promotes, infers, classifies and finds the kernel; its plan
// remembers all of that but addresses and numbers.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_EAGER_PLAN_H
#define STEPWELL_EAGER_PLAN_H

#include "stepwell/Eager/Kernels.h"

#include <cstring>

namespace stepwell {

/// What tells two calls apart, but for addresses and the values of numbers: the
/// operation, its attributes, the element types, sizes and strides. `Words`
/// has places for them: claim() gives the next ones, put() says whether to go
/// on.
template <typename Words> class CallWords {
public:
  bool add(uint64_t word) {
    auto at = words().claim(1);
    return at && Words::put(*at, word);
  }
  bool add(double number) {
    uint64_t bits;
    std::memcpy(&bits, &number, sizeof bits);
    return add(bits);
  }
  /// `what` is the OpRow or the Template that is called; its address stays
  /// taken as long as a plan has it in its key.
  bool add(const void *what, std::span<const Argument> arguments, int into) {
    auto at = words().claim(2);
    if (!at || !Words::put(at[0], reinterpret_cast<uintptr_t>(what)) ||
        !Words::put(at[1], static_cast<uint64_t>(into)))
      return false;
    for (size_t i = 0; i < arguments.size(); ++i) {
      const TensorImpl *tensor = arguments[i].tensor.get();
      if (!tensor) {
        if (!add(uint64_t{arguments[i].scalar.index()}))
          return false;
        continue;
      }
      // Whether the two overlap depends on where they lie.
      if (into >= 0 && static_cast<int>(i) != into &&
          tensor->buffer == arguments[into].tensor->buffer)
        return words().giveUp();
      int rank = tensor->rank();
      auto at = words().claim(1 + 2 * rank);
      if (!at ||
          !Words::put(*at, 4 | static_cast<uint64_t>(tensor->dtype) << 8 |
                               static_cast<uint64_t>(rank) << 16))
        return false;
      const int64_t *sizes = tensor->sizes.begin();
      const int64_t *strides = tensor->strides.begin();
      for (int d = 0; d < rank; ++d, at += 2)
        if (!Words::put(at[1], static_cast<uint64_t>(sizes[d])) ||
            !Words::put(at[2], static_cast<uint64_t>(strides[d])))
          return false;
    }
    return true;
  }
  bool add(const Attributes &attributes) {
    for (const Attribute &attribute : attributes)
      if (!add(uint64_t{attribute.index()}) ||
          !std::visit([&](const auto &value) { return addValue(value); },
                      attribute))
        return false;
    return true;
  }

private:
  Words &words() { return static_cast<Words &>(*this); }
  bool addValue(std::monostate) { return true; }
  bool addValue(double value) { return add(value); }
  template <typename List> bool addList(const List &values) {
    if (!add(static_cast<uint64_t>(values.size())))
      return false;
    for (int64_t value : values)
      if (!add(static_cast<uint64_t>(value)))
        return false;
    return true;
  }
  bool addValue(const Dims &value) { return addList(value); }
  bool addValue(const std::vector<int64_t> &value) { return addList(value); }
  bool addValue(const std::string &value) {
    if (!add(uint64_t{value.size()}))
      return false;
    for (size_t at = 0; at < value.size(); at += 8) {
      uint64_t piece = 0;
      std::memcpy(&piece, value.data() + at,
                  std::min<size_t>(8, value.size() - at));
      if (!add(piece))
        return false;
    }
    return true;
  }
  template <typename T> bool addValue(T value) {
    return add(static_cast<uint64_t>(value));
  }
};

/// The words, to look a plan up by.
class CallKey : public CallWords<CallKey> {
public:
  static constexpr size_t kCapacity = 64;
  uint64_t *claim(size_t wanted) {
    if (wanted > kCapacity - count) {
      usable = false;
      return nullptr;
    }
    count += wanted;
    return words + count - wanted;
  }
  static bool put(uint64_t &place, uint64_t word) {
    place = word;
    return true;
  }
  bool giveUp() { return usable = false; }
  /// Whether the key says everything; without that the call has no plan.
  bool complete() const { return usable; }
  /// So many bits.
  size_t hash(int bits) const;
  std::span<const uint64_t> bytes() const { return {words, count}; }

private:
  size_t count = 0;
  bool usable = true;
  uint64_t words[kCapacity];
};

/// The words of a call of any length.
class LongKey : public CallWords<LongKey> {
public:
  uint64_t *claim(size_t wanted) {
    words.resize(words.size() + wanted);
    return words.data() + words.size() - wanted;
  }
  static bool put(uint64_t &place, uint64_t word) {
    place = word;
    return true;
  }
  bool giveUp() { return false; }
  std::vector<uint64_t> words;
};

/// Compares the words with those of a plan.
class CallMatch : public CallWords<CallMatch> {
public:
  explicit CallMatch(std::span<const uint64_t> key)
      : at(key.data()), end(key.data() + key.size()) {}
  const uint64_t *claim(ptrdiff_t wanted) {
    if (wanted > end - at)
      return nullptr;
    at += wanted;
    return at - wanted;
  }
  static bool put(uint64_t place, uint64_t word) { return place == word; }
  bool giveUp() { return false; }
  /// Whether all of them were there.
  bool complete() const { return at == end; }

private:
  const uint64_t *at, *end;
};

/// The words of one launch, with gaps where addresses and numbers go. They are
/// filled in place: this is what the last launch was called with.
struct LaunchPlan {
  Kernel kernel;
  int64_t workspace = 0; // bytes
  int64_t work = 0;
  std::vector<stepwell_arg> words;
  struct Gap {
    uint32_t word;
    uint32_t index; // of the argument, or of the output
    bool output, scalar;
    DType dtype; // a number's
    /// The element type that a number must fit into, if it must.
    std::optional<DType> mustFit = std::nullopt;
  };
  std::vector<Gap> gaps;
  void run(const Template &, std::span<const Argument>,
           std::span<const Tensor> outputs);
};

struct CallPlan {
  int64_t references = 0;
  static void destroy(CallPlan *plan) { delete plan; }

  std::vector<uint64_t> key;
  /// Of a library function: which of its traces is called.
  std::shared_ptr<const void> variant;
  Ref<Template> call; // null: kept by the Template itself
  struct Result {
    DType dtype;
    Geometry geometry;
    int64_t bytes;
  };
  std::vector<Result> results;
  bool differentiable = false;
  bool launches = false; // false: there is nothing to compute
  bool isNew = false;    // so far only recorded calls ran, of another Template
  LaunchPlan launch;
};

/// The plan of an equal call, or null.
CallPlan *findPlan(const CallKey &);
void keepPlan(const CallKey &, Ref<CallPlan>);
/// The same for a captured function or a derivative of one that has its own
/// plans: a call may have any number of arguments.
CallPlan *findPlan(const Template &captured, std::span<const Argument>);
void keepPlan(Template &captured, std::span<const Argument>, Ref<CallPlan>);

/// A call that has a plan. `outputs` has room for the results.
void callAgain(Template &, Ref<CallPlan>, std::span<const Argument>, int into,
               std::span<Tensor> outputs);
/// Whether a call that has a plan may write its results over these tensors:
/// they lie as the results would, in memory that nothing else here reads.
bool fitsOutputs(const CallPlan &, std::span<const Argument>,
                 std::span<const Tensor> outputs);
/// A call that has a plan and is not recorded, over tensors that fit.
void callOver(Template &, Ref<CallPlan>, std::span<const Argument>,
              std::span<const Tensor> outputs);
/// A call that has none: once done, `key` knows its plan, which is `variant`'s.
std::vector<Tensor> callNew(Template &, std::span<const Argument>, int into,
                            const CallKey &,
                            std::shared_ptr<const void> variant);

} // namespace stepwell

#endif // STEPWELL_EAGER_PLAN_H
