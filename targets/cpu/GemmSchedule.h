//===- GemmSchedule.h - How a matrix product is cut into pieces -*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_TARGETS_CPU_GEMMSCHEDULE_H
#define STEPWELL_LIB_TARGETS_CPU_GEMMSCHEDULE_H

#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace stepwell::cpu {

/// Every number that the code for C[m, n] = A[m, k] * B[k, n] is made from. B
/// is walked in panels of `columns`, A in tiles of `rows`; a panel's piece of
/// `depth` steps of k stays in the first-level cache while tiles go by, a block
/// of A in the second, and the packed part of B in the third.
struct GemmSchedule {
  GemmSchedule(unsigned vectorBits, unsigned registers, unsigned elementBits);
  /// For operands of 16 bits and the tile registers of AMX.
  void useTileRegisters();

  int64_t lanes;        // elements of a vector
  int64_t vectors;      // across a tile
  int64_t columns;      // of a tile, and of a panel of B
  int64_t rows;         // of the largest tile
  int64_t depth;        // of k, in packed pieces
  int64_t step = 1;     // of k: packed pieces are filled up to multiples of it
  int64_t blockRows;    // of A, packed in the second-level cache
  int64_t blockColumns; // of B, packed in the workspace

  /// Up to so many rows B is read once, in its own order, against rows of C in
  /// the first-level cache...
  int64_t streamRows;
  /// ...as long as it has more elements than this; else tiles read it in place.
  int64_t streamElements;
  /// Columns of C that such a pass takes at a time.
  int64_t streamColumns;
  /// Up to so many rows, operands that both run along k are multiplied as rows
  /// by rows: turning B round would cost more than it saves.
  int64_t dotRows;
  /// More than a few of them, if there are so many steps of k to a sum.
  int64_t dotDepth;
  /// B is packed from so many rows on, and where its rows are so far apart that
  /// they fall into the same sets of the caches.
  int64_t packRows;
  /// A is packed from so many rows on, if there are more than `packColumns`.
  int64_t packARows, packColumns;

  /// Elements of the result that an epilogue takes at once, at least a panel.
  int64_t finishElements;

  /// Multiply-adds that are worth a second thread.
  int64_t serialWork;
  /// What one costs in the units of `parallel_for`.
  static constexpr int64_t kCost = 4;
  /// A product of a batch with so many is shared by threads itself.
  int64_t wholeWork;

  /// Heights for which there is a micro-kernel, ascending: even ones, because
  /// each costs compile time; a last row may be missing.
  llvm::SmallVector<int64_t> heights() const;
  int64_t packedTile() const { return rows * depth + slack; }
  int64_t blockTiles() const { return blockRows / rows; }
  /// A transposing store writes whole vectors, beyond the end of a tile.
  int64_t slack;
};

} // namespace stepwell::cpu

#endif // STEPWELL_LIB_TARGETS_CPU_GEMMSCHEDULE_H
