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

/// What tells two calls apart, but for addresses and the values of numbers:
/// the operation, its attributes, the element types, sizes and strides.
class CallKey {
public:
  /// `what` is the OpRow or the Template that is called; its address stays
  /// taken as long as a plan has it in its key.
  CallKey(const void *what, int into) {
    add(reinterpret_cast<uintptr_t>(what));
    add(static_cast<uint64_t>(into));
  }
  static constexpr size_t kCapacity = 64;
  void add(uint64_t word) {
    if (uint64_t *at = claim(1))
      *at = word;
  }
  void add(double number) {
    uint64_t bits;
    std::memcpy(&bits, &number, sizeof bits);
    add(bits);
  }
  void add(std::span<const Argument> arguments, int into);
  void add(const Attributes &);
  /// Whether the key says everything; without that the call has no plan.
  bool complete() const { return usable; }
  /// So many bits.
  size_t hash(int bits) const;
  std::span<const uint64_t> bytes() const { return {words, count}; }

private:
  /// Room for so many more words, if there is some.
  uint64_t *claim(size_t wanted) {
    if (wanted > kCapacity - count) {
      usable = false;
      return nullptr;
    }
    uint64_t *at = words + count;
    count += wanted;
    return at;
  }
  size_t count = 0;
  bool usable = true;
  uint64_t words[kCapacity];
};

/// The words of one launch, with gaps where addresses and numbers go.
struct LaunchPlan {
  Kernel kernel;
  int64_t workspace = 0; // bytes
  int64_t work = 0;
  std::vector<stepwell_arg> words;
  struct Gap {
    uint32_t word;
    uint16_t index; // of the argument, or of the output
    bool output, scalar;
    DType dtype; // a number's
    /// The element type that a number must fit into, if it must.
    std::optional<DType> mustFit = std::nullopt;
  };
  std::vector<Gap> gaps;
  void run(const Template &, std::span<const Argument>,
           std::span<const Tensor> outputs) const;
};

struct CallPlan {
  int64_t references = 0;
  static void destroy(CallPlan *plan) { delete plan; }

  std::vector<uint64_t> key;
  Ref<Template> call; // null: kept by the Template itself
  struct Result {
    DType dtype;
    Geometry geometry;
    int64_t bytes;
  };
  std::vector<Result> results;
  bool differentiable = false;
  bool launches = false; // false: there is nothing to compute
  LaunchPlan launch;
};

/// The plan of an equal call, or null. `captured`: of such a Template, which
/// has its own.
CallPlan *findPlan(const CallKey &, const Template *captured = nullptr);
void keepPlan(const CallKey &, Ref<CallPlan>, Template *captured = nullptr);

} // namespace stepwell

#endif // STEPWELL_EAGER_PLAN_H
