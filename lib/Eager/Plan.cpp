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

void CallKey::add(std::span<const Argument> arguments, int into) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const TensorImpl *tensor = arguments[i].tensor.get();
    if (!tensor) {
      add(arguments[i].scalar.index());
      continue;
    }
    // Whether the two overlap depends on where they lie.
    if (into >= 0 && static_cast<int>(i) != into &&
        tensor->buffer == arguments[into].tensor->buffer)
      usable = false;
    int rank = tensor->rank();
    add(4 | static_cast<uint64_t>(tensor->dtype) << 8 |
        static_cast<uint64_t>(rank) << 16);
    for (int d = 0; d < rank; ++d) {
      add(static_cast<uint64_t>(tensor->sizes[d]));
      add(static_cast<uint64_t>(tensor->strides[d]));
    }
  }
}

void CallKey::add(const Attributes &attributes) {
  for (const Attribute &attribute : attributes) {
    add(attribute.index());
    std::visit(
        [&](const auto &value) {
          using T = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<T, Dims>) {
            add(static_cast<uint64_t>(value.size()));
            for (int64_t size : value)
              add(static_cast<uint64_t>(size));
          } else if constexpr (std::is_same_v<T, double>) {
            add(value);
          } else if constexpr (std::is_same_v<T, std::string>) {
            add(value.size());
            for (size_t at = 0; at < value.size(); at += 8) {
              uint64_t piece = 0;
              std::memcpy(&piece, value.data() + at,
                          std::min<size_t>(8, value.size() - at));
              add(piece);
            }
          } else if constexpr (!std::is_same_v<T, std::monostate>) {
            add(static_cast<uint64_t>(value));
          }
        },
        attribute);
  }
}

uint64_t CallKey::hash() const {
  uint64_t hash = count;
  for (size_t i = 0; i < count; ++i) {
    hash = (hash ^ words[i]) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 29;
  }
  return hash;
}

// A fixed number of places, two for each key: whatever shapes a program goes
// through, this does not grow.
static constexpr size_t kPlaces = 4096;
static std::array<Ref<CallPlan>, kPlaces> &plans() {
  static auto &table = *new std::array<Ref<CallPlan>, kPlaces>;
  return table;
}

static bool has(const Ref<CallPlan> &plan, const CallKey &key) {
  return plan && std::ranges::equal(plan->key, key.bytes());
}

CallPlan *stepwell::findPlan(const CallKey &key, const Template *captured) {
  if (captured) {
    for (const Ref<CallPlan> &plan : captured->plans)
      if (has(plan, key)) {
        ++kernelStats().memoryHits;
        return plan.get();
      }
    return nullptr;
  }
  size_t place = key.hash() % kPlaces;
  for (size_t each : {place, place ^ 1})
    if (Ref<CallPlan> &plan = plans()[each]; has(plan, key)) {
      ++kernelStats().memoryHits;
      return plan.get();
    }
  return nullptr;
}

void stepwell::keepPlan(const CallKey &key, Ref<CallPlan> plan,
                        Template *captured) {
  std::span<const uint64_t> bytes = key.bytes();
  plan->key.assign(bytes.begin(), bytes.end());
  if (captured) {
    constexpr size_t kMost = 4; // a captured function knows its shapes
    if (captured->plans.size() == kMost)
      captured->plans.erase(captured->plans.begin());
    captured->plans.push_back(std::move(plan));
    return;
  }
  size_t place = key.hash() % kPlaces;
  // The newest is where it is found first.
  std::swap(plans()[place], plans()[place ^ 1]);
  plans()[place] = std::move(plan);
}

void LaunchPlan::run(const Template &call, std::span<const Argument> arguments,
                     std::span<const Tensor> outputs) const {
  constexpr size_t kInline = 64;
  stepwell_arg local[kInline];
  std::vector<stepwell_arg> many;
  stepwell_arg *filled = local;
  if (words.size() > kInline) {
    many.resize(words.size());
    filled = many.data();
  }
  std::copy(words.begin(), words.end(), filled);
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
  // While the lock is let go of, another thread may give these tensors other
  // memory (`.data =`): the kernel's stays.
  std::vector<Ref<Buffer>> kept;
  if (work >= kUnlockedWork) {
    for (const Argument &argument : arguments)
      if (argument.tensor)
        kept.push_back(argument.tensor->buffer);
    for (const Tensor &output : outputs)
      kept.push_back(output->buffer);
  }
  runKernel(kernel, workspace, filled, work, call);
}
