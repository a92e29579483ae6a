//===- GemmKernels.h - The functions a matrix product is made of -*- C++
//-*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_TARGETS_CPU_GEMMKERNELS_H
#define STEPWELL_LIB_TARGETS_CPU_GEMMKERNELS_H

#include "CodeBuilder.h"
#include "GemmSchedule.h"

namespace stepwell::cpu {

/// How an operand's elements become those of the sums.
enum class Widening {
  None,
  Float,
  Signed,
  Unsigned,
  SignedToFloat,
  UnsignedToFloat
};

/// What products have in common that share functions.
struct GemmTypes {
  Type a, b, sum;
  Widening widenA = Widening::None, widenB = Widening::None;
  bool fma = true;
  /// Products of pairs of bf16 in the tile registers of AMX.
  bool amx = false;
  /// What A and B are packed as.
  Type packed() const { return amx ? a : sum; }
  /// A short name for each combination.
  std::string name() const;
};

/// Emits the leaves of a product into a module, each function once. Pointers
/// and counts are the arguments; strides count elements.
class GemmKernels {
public:
  GemmKernels(CodeBuilder &code, ModuleOp module, const GemmSchedule &schedule,
              const GemmTypes &types)
      : code(code), module(module), schedule(schedule), types(types),
        prefix("stepwell.gemm." + types.name() + ".") {}

  /// (A, its row stride, its k stride, B, its row stride, k, C, its row stride,
  /// rows, accumulate): one tile of `height` rows of sums in registers, the
  /// last of which may be missing. A and B are packed or of the type of the
  /// sums.
  func::FuncOp tile(int64_t height);
  /// (B, row stride, N, A, row stride, k stride, K, C, row stride): adds to
  /// `height` rows of C, `steps` products to each element at a time; K is a
  /// multiple of them. B's columns and C's have stride 1.
  func::FuncOp stream(int64_t height, int64_t steps);
  /// Eight products for each element of B that is read.
  int64_t streamSteps(int64_t height) { return schedule.streamRows / height; }
  /// (A, row stride, B, column stride, columns, K, C, row stride, column
  /// stride, accumulate): rows of A times up to `kDots` columns of B; both run
  /// along k.
  func::FuncOp dot(int64_t height);
  static constexpr int64_t kDots = 4;

  enum Operand { A, B };
  /// (from, stride across, stride along k, lines, K, to): a tile of A or a
  /// panel of B, all rows or columns of one k side by side. May write beyond
  /// the end, but no more than `slack`.
  func::FuncOp pack(Operand operand, std::optional<int64_t> acrossStride,
                    std::optional<int64_t> alongStride);

  //===--- AMX (GemmAMX.cpp)
  //---------------------------------------------------------===//

  /// Eight registers of 16 rows of 64 bytes, for this thread until released.
  void configureTiles();
  void releaseTiles();
  /// (A, B, steps, C, its row stride, accumulate): `tiles` by two tiles of
  /// sums, which A and B were packed for.
  func::FuncOp amx(int64_t tiles);

  Type vectorType(int64_t lanes) { return VectorType::get({lanes}, types.sum); }
  Type vectorType() { return vectorType(schedule.lanes); }
  Value zero(Type type);

private:
  /// An element or a vector in the type of the sums.
  Value load(Operand operand, Value from, int64_t lanes = 0);
  Type element(Operand operand) { return operand == A ? types.a : types.b; }
  Value spread(Value scalar);
  Value multiplyAdd(Value a, Value b, Value sum);
  Value plus(Value a, Value b);
  Value shuffle(Value a, Value b, ArrayRef<int64_t> lanes);
  /// lanes x lanes elements, rows in and columns out.
  SmallVector<Value> transpose(SmallVector<Value> rows);
  /// The sums over the lanes of so many vectors, at most one per lane, side by
  /// side.
  Value sumLanes(ArrayRef<Value> vectors);
  func::FuncOp packPairs(Operand operand, std::optional<int64_t> acrossStride,
                         std::optional<int64_t> alongStride);
  /// The first `count` elements of a vector in memory, then zeros.
  Value loadFirst(VectorType type, Value from, Value count);
  void intrinsic(StringRef name, ValueRange arguments);
  Value registerNumber(int64_t tile);
  bool transposes() const { return types.sum.getIntOrFloatBitWidth() >= 32; }

  CodeBuilder &code;
  ModuleOp module;
  const GemmSchedule &schedule;
  const GemmTypes &types;
  std::string prefix;
};

} // namespace stepwell::cpu

#endif // STEPWELL_LIB_TARGETS_CPU_GEMMKERNELS_H
