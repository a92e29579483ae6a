//===- TargetInfo.h - What lowering asks of a target ------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the shared descent has to know of where a program arrives. Each target
// answers (Target::info); passes are told by their options, whose defaults are
// these.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LOWERING_TARGETINFO_H
#define STEPWELL_LOWERING_TARGETINFO_H

#include <cstdint>

namespace stepwell {

struct TargetInfo {
  /// f16 and f32 are converted by an instruction.
  bool convertsF16 = true;
  /// A multiply-add rounds once, by an instruction.
  bool fusesMultiplyAdd = true;
  /// The iterations of an scf.forall are shared by threads. Else it is not
  /// used: no GPU kernel is formed from one.
  bool runsForall = false;
  /// A kernel can say what is wrong with the values that it reads.
  bool reportsErrors = false;

  /// Attention in tiles: queries and keys in a block, and the elements that a
  /// block and its results have at most, because they lie on the stack.
  int64_t queryBlock = 64, keyBlock = 128, blockElements = int64_t{1} << 15;
  /// How many groups of rows are sorted at the same time; each has memory of
  /// its own.
  int64_t sortGroups = 8;
  /// Rows up to this length are sorted by comparing all elements with all; if a
  /// key and its position take two words, the second.
  int64_t rankedRow = 256, rankedRowOfPairs = 160;
};

} // namespace stepwell

#endif // STEPWELL_LOWERING_TARGETINFO_H
