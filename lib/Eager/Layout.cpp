//===- Layout.cpp - In what order elementwise calls walk their elements ---===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Kernels.h"

#include <algorithm>
#include <numeric>

using namespace stepwell;

/// The stride along a dimension of the common index space; 0 where a tensor is
/// broadcast.
static int64_t strideAlong(const Geometry &geometry, const Dims &common,
                           int dim) {
  int own = dim - (common.size() - geometry.sizes.size());
  if (own < 0 || (geometry.sizes[own] == 1 && common[dim] != 1))
    return 0;
  return geometry.strides[own];
}

Dims stepwell::walkingOrder(std::span<const Geometry *const> operands,
                            const Dims &common) {
  // Innermost first. The first operand that tells two dimensions apart decides.
  auto comesAfter = [&](int a, int b) -> int {
    for (const Geometry *operand : operands) {
      int64_t s = std::abs(strideAlong(*operand, common, a));
      int64_t t = std::abs(strideAlong(*operand, common, b));
      if (s == 0 || t == 0)
        continue;
      if (s != t)
        return s < t ? -1 : 1;
      if (common[a] > common[b])
        return 1;
    }
    return 0;
  };
  int rank = common.size();
  std::vector<int> order(rank);
  std::iota(order.rbegin(), order.rend(), 0);
  // An insertion sort that leaves what cannot be told apart where it is.
  for (int i = 1; i < rank; ++i)
    for (int at = i, before = i - 1; before >= 0; --before) {
      int after = comesAfter(order[before], order[at]);
      if (after < 0)
        break;
      if (after > 0) {
        std::swap(order[before], order[at]);
        at = before;
      }
    }
  Dims outermostFirst;
  for (int i = rank - 1; i >= 0; --i)
    outermostFirst.push_back(order[i]);
  return outermostFirst;
}

/// Whether a geometry covers one block of memory, each element once.
static bool isDense(const Geometry &geometry) {
  std::vector<int> order;
  for (int i = 0; i < geometry.sizes.size(); ++i)
    if (geometry.sizes[i] != 1)
      order.push_back(i);
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    return geometry.strides[a] < geometry.strides[b];
  });
  int64_t expected = 1;
  for (int i : order) {
    if (geometry.strides[i] != expected)
      return false;
    expected *= geometry.sizes[i];
  }
  return true;
}

Dims stepwell::resultStrides(std::span<const Geometry *const> operands,
                             const Dims &common) {
  bool contiguous = true, alike = !operands.empty();
  for (const Geometry *operand : operands) {
    bool whole = operand->sizes == common;
    contiguous &= whole && operand->contiguous();
    alike &= whole && operand->strides == operands[0]->strides;
  }
  if (contiguous || std::find(common.begin(), common.end(), 0) != common.end())
    return packedStrides(common);
  if (alike && isDense(*operands[0]))
    return operands[0]->strides;
  Dims order = walkingOrder(operands, common);
  bool inOrder = true;
  for (int i = 0; i < order.size(); ++i)
    inOrder &= order[i] == i;
  if (inOrder)
    return packedStrides(common);
  Dims strides = Dims::filled(common.size(), 1);
  int64_t next = 1;
  for (int i = order.size() - 1; i >= 0; --i) {
    strides[order[i]] = next;
    next *= common[order[i]];
  }
  return strides;
}
