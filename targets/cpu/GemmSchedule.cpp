//===- GemmSchedule.cpp - How a matrix product is cut into pieces ---------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "GemmSchedule.h"

#include "stepwell/abi.h"

#include <algorithm>

using namespace stepwell::cpu;

/// The caches of the machines of a level, as small as they are found there.
static constexpr int64_t kFirstLevel = 32 << 10, kSecondLevel = 512 << 10;

GemmSchedule::GemmSchedule(unsigned vectorBits, unsigned registers,
                           unsigned elementBits) {
  int64_t bytes = std::max<int64_t>(1, elementBits / 8);
  lanes = vectorBits / 8 / bytes;
  // Two vectors of B, one element of A spread out, one register to spare: the
  // rest are sums. 6 rows keep 12 chains of additions going, which hides the
  // latency of two units; 14 rows need fewer loads per addition.
  vectors = 2;
  columns = lanes * vectors;
  rows = (registers - vectors - 2) / vectors;
  // Half of the first-level cache for a panel; the rest is for A and C.
  depth = kFirstLevel / 2 / (columns * bytes);
  if (vectorBits == 512)
    depth *= 4; // panels come from the second level, which holds 1 MB or more
  depth = std::max<int64_t>(depth, 64);
  // A third of the second-level cache for a block of A; 16 tiles at least.
  blockRows = std::max<int64_t>(kSecondLevel / 3 / (depth * bytes) / rows, 16);
  blockRows *= rows;
  // 4 MB at most.
  blockColumns = (4 << 20) / (depth * bytes) / columns * columns;
  slack = lanes;

  streamRows = 8;
  streamElements = (kSecondLevel / 2) / bytes;
  streamColumns = kFirstLevel / 2 / bytes / streamRows;
  dotRows = 64;
  dotDepth = 256;
  packRows = 4 * rows;
  packARows = 96;
  packColumns = 16 * columns;

  // Still in the second-level cache, and rows long enough for vectors.
  finishElements = (kSecondLevel / 4) / bytes;

  // 10 us where multiply-adds are all there is, more where one row waits for B.
  serialWork = STEPWELL_SERIAL_COST / kCost;
  wholeWork = 1 << 23;
}

void GemmSchedule::useTileRegisters() {
  // Four registers for 2 x 2 tiles of 16 x 16 sums, two for the tiles of A and
  // two for those of B beside them: four loads for four products of 32 steps.
  rows = columns = 32;
  step = 32;
  // A panel in two thirds of the first-level cache, which is 48 KB wherever
  // there are such registers: A's tiles come from the second.
  depth = 512;
  blockRows = kSecondLevel / 3 / (depth * 2) / rows * rows;
  blockColumns = (4 << 20) / (depth * 2);
  slack = 0;
  // What streams and rows by rows do an element at a time is done at a rate
  // that is a fraction of theirs.
  dotRows = streamRows;
}

llvm::SmallVector<int64_t> GemmSchedule::heights() const {
  llvm::SmallVector<int64_t> all;
  for (int64_t i = 2; i <= rows; i += 2)
    all.push_back(i);
  return all;
}
