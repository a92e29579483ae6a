//===- GemmDriver.h - A whole matrix product as one function ----*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_TARGETS_CPU_GEMMDRIVER_H
#define STEPWELL_LIB_TARGETS_CPU_GEMMDRIVER_H

#include "GemmKernels.h"

namespace stepwell::cpu {

/// C[m, n] (+)= A[m, k] * B[k, n] with any strides, counted in elements.
struct Product {
  enum Field {
    M,
    N,
    K,
    A,
    ARow,
    AK,
    B,
    BK,
    BColumn,
    C,
    CRow,
    CColumn,
    Accumulate,
    Finish,     // an epilogue's function, or null
    FinishWith, // its environment
    First       // its first argument
  };
  static constexpr unsigned kFields = First + 1;
  SmallVector<Value> values; // one per field

  Value operator[](Field field) const { return values[field]; }
  Value &operator[](Field field) { return values[field]; }
};

/// What is known of the strides when the code is made; it names the functions.
struct ProductLayout {
  std::optional<int64_t> aRow, aK, bK, bColumn, cColumn;
  std::string name() const;
};

/// What is known of the sizes.
struct ProductSizes {
  std::optional<int64_t> m, n, k;
};

class GemmDriver {
public:
  GemmDriver(CodeBuilder &code, ModuleOp module, const GemmSchedule &schedule,
             const GemmTypes &types, const ProductLayout &layout, bool threads,
             bool epilogues, bool turned = false);

  /// (context, parallel, scratch, the fields of the product). `parallel`:
  /// threads may share the work; scratch: at least scratchBytes, or null in a
  /// task.
  /// Sizes that are known choose the way now, and leave out the code of the
  /// others; what the ways are made of, products of all sizes share.
  /// `inTask`: without scratch, by one thread.
  func::FuncOp function(const ProductSizes &sizes, bool inTask);
  /// Packed elements; sizes are negative where unknown.
  static int64_t scratchElements(const GemmSchedule &schedule, int64_t m,
                                 int64_t n, int64_t k);

private:
  static constexpr int64_t kDotRows = 3;

  void build(Value context, Value parallel, Value scratch,
             const Product &product);
  /// `most`: rows; 1 needs less code.
  void buildDots(Value context, Value parallel, const Product &product,
                 int64_t most);
  void buildStream(Value context, Value parallel, const Product &product,
                   int64_t most);
  void buildTiles(Value context, Value parallel, Value scratch,
                  const Product &product);
  /// Runs `body` over [begin, end) in groups of as many strips of `columns` as
  /// an epilogue takes, and the epilogue after each group where `last` holds.
  void finishGroups(const Product &product, Value begin, Value end,
                    int64_t columns, Value rowBegin, Value rowEnd, Value first,
                    Value last, llvm::function_ref<void(Value)> body);
  void finish(const Product &product, Value m, Value mEnd, Value n, Value nEnd);

  /// (tiles to multiply, one panel): see there.
  func::FuncOp sweep();
  func::FuncOp flush();
  func::FuncOp amxSweep();
  /// A piece's steps of k as they are packed.
  Value padded(Value depth);
  SmallVector<Type> fieldTypes();
  Product productOf(ValueRange values);
  /// Tiles of nearly equal, even height that cover m: how many, the smaller
  /// height, and how many are higher by 2. One row of the last may be missing.
  std::array<Value, 3> tilesOf(Value m);
  bool narrowA() const { return types.widenA != Widening::None; }
  bool narrowB() const { return types.widenB != Widening::None; }
  int64_t elementBytes() const { return types.sum.getIntOrFloatBitWidth() / 8; }

  CodeBuilder &code;
  ModuleOp module;
  const GemmSchedule &schedule;
  GemmTypes types;
  ProductLayout layout;
  bool threads, epilogues, turned;
  bool inTask = false;
  std::string prefix;
  GemmKernels kernels;
};

} // namespace stepwell::cpu

#endif // STEPWELL_LIB_TARGETS_CPU_GEMMDRIVER_H
