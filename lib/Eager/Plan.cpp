//===- Plan.cpp - Calls that were made before -----------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Plan.h"

#include <algorithm>
#include <array>
#include <cstring>

using namespace stepwell;

/// A factor for each word: odd numbers without a pattern (splitmix64).
static constexpr auto kFactors = [] {
  std::array<uint64_t, CallKey::kCapacity> factors{};
  uint64_t state = 0;
  for (uint64_t &factor : factors) {
    uint64_t word = state += 0x9E3779B97F4A7C15u;
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9u;
    word = (word ^ word >> 27) * 0x94D049BB133111EBu;
    factor = (word ^ word >> 31) | 1;
  }
  return factors;
}();

size_t CallKey::hash(int bits) const {
  // The upper bits of a sum of products depend on every bit of every word, and
  // no product waits for another.
  uint64_t sum = count;
  for (size_t i = 0; i < count; ++i)
    sum += words[i] * kFactors[i];
  return sum >> (64 - bits);
}

// A fixed number of places, two for each key: whatever shapes a program goes
// through, this does not grow.
static constexpr int kPlaceBits = 12;
namespace {
union Places { // which nobody destroys
  Ref<CallPlan> plans[size_t{1} << kPlaceBits];
  constexpr Places() : plans{} {}
  ~Places() {}
};
} // namespace
static constinit Places places;

static bool has(const Ref<CallPlan> &plan, const CallKey &key) {
  std::span<const uint64_t> words = key.bytes();
  return plan && plan->key.size() == words.size() &&
         std::memcmp(plan->key.data(), words.data(), words.size_bytes()) == 0;
}

CallPlan *stepwell::findPlan(const CallKey &key) {
  size_t place = key.hash(kPlaceBits);
  for (size_t each : {place, place ^ 1})
    if (Ref<CallPlan> &plan = places.plans[each]; has(plan, key)) {
      ++kernelStats().memoryHits;
      return plan.get();
    }
  return nullptr;
}

void stepwell::keepPlan(const CallKey &key, Ref<CallPlan> plan) {
  std::span<const uint64_t> bytes = key.bytes();
  plan->key.assign(bytes.begin(), bytes.end());
  size_t place = key.hash(kPlaceBits);
  // The newest is where it is found first.
  std::swap(places.plans[place], places.plans[place ^ 1]);
  places.plans[place] = std::move(plan);
}

CallPlan *stepwell::findPlan(const Template &captured,
                             std::span<const Argument> arguments) {
  for (const Ref<CallPlan> &plan : captured.plans) {
    CallMatch match(plan->key);
    if (match.add(&captured, arguments, -1) && match.complete()) {
      ++kernelStats().memoryHits;
      return plan.get();
    }
  }
  return nullptr;
}

void stepwell::keepPlan(Template &captured, std::span<const Argument> arguments,
                        Ref<CallPlan> plan) {
  constexpr size_t kMost = 8; // a captured function meets few shapes
  LongKey key;
  key.add(&captured, arguments, -1);
  plan->key = std::move(key.words);
  if (captured.plans.size() == kMost)
    captured.plans.erase(captured.plans.begin());
  captured.plans.push_back(std::move(plan));
}

void LaunchPlan::run(const Template &call, std::span<const Argument> arguments,
                     std::span<const Tensor> outputs) {
  // Nobody else gets here before the kernel returns, unless the lock is let go
  // of.
  bool unlocks = work >= kUnlockedWork;
  std::vector<stepwell_arg> own;
  if (unlocks)
    own = words;
  stepwell_arg *filled = unlocks ? own.data() : words.data();
  for (const Gap &gap : gaps)
    if (gap.scalar) {
      const Scalar &number = arguments[gap.index].scalar;
      if (gap.mustFit)
        checkFits(*gap.mustFit, number);
      filled[gap.word] = scalarWord(gap.dtype, number);
    } else {
      filled[gap.word].pointer = gap.output
                                     ? outputs[gap.index]->data()
                                     : arguments[gap.index].tensor->data();
    }
  if (!unlocks)
    return runKernel(kernel, workspace, filled, work, call);
  // While the lock is let go of, another thread may give these tensors other
  // memory (`.data =`): the kernel's stays.
  std::vector<Ref<Buffer>> kept;
  for (const Argument &argument : arguments)
    if (argument.tensor)
      kept.push_back(argument.tensor->buffer);
  for (const Tensor &output : outputs)
    kept.push_back(output->buffer);
  runKernel(kernel, workspace, filled, work, call);
}
