//===- GemmAMX.cpp - Products of bf16 in tile registers -------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// AMX multiplies 16 rows of A by 16 columns of B, 32 steps of k at a time: a
// row of A is 32 steps side by side, a row of B two steps of 16 columns, pair
// by pair. Packed, A is blocks of 32 rows x 32 steps, B of 16 pairs x 32
// columns; both are filled up with zeros along k, so that registers are always
// full. Rows and columns beyond the last hold whatever there was: nobody looks.
//
// These are LLVM's intrinsics that name registers, not the amx dialect. There a
// tile is a value: LLVM allocates registers, configures them anew in each
// function and after each call, and may spill them. Here the tasks configure
// once (configureTiles), and eight registers are all that the code ever needs.
//===----------------------------------------------------------------------===//
#include "GemmDriver.h"

using namespace mlir;
using namespace stepwell::cpu;

/// Of a register: rows, and elements of 16 bits and of 32 bits to a row.
static constexpr int64_t kRows = 16, kNarrow = 32, kWide = 16;
/// What the registers are for.
enum Register { kSums = 0, kTilesOfA = 4, kTilesOfB = 6 };

void GemmKernels::intrinsic(StringRef name, ValueRange arguments) {
  LLVM::CallIntrinsicOp::create(
      code.builder, code.loc,
      code.builder.getStringAttr("llvm.x86." + name.str()), arguments);
}

Value GemmKernels::registerNumber(int64_t tile) {
  return arith::ConstantOp::create(code.builder, code.loc,
                                   code.builder.getI8IntegerAttr(tile));
}

void GemmKernels::configureTiles() {
  // Byte 0: the palette; from 16 on, bytes to a row of each register; from 48
  // on, its rows.
  constexpr int64_t bytes = 0x0040004000400040, rows = 0x1010101010101010;
  constexpr int64_t words[8] = {1, 0, bytes, bytes, 0, 0, rows, 0};
  Value configuration = code.stack(code.i64, 8);
  for (auto [i, word] : llvm::enumerate(words))
    code.store(code.number(word), code.at(configuration, i, code.i64));
  intrinsic("ldtilecfg", {configuration});
}

void GemmKernels::releaseTiles() { intrinsic("tilerelease", {}); }

func::FuncOp GemmKernels::amx(int64_t tiles) {
  Type p = code.pointer, i = code.i64, flag = code.builder.getI1Type();
  std::string name = prefix + "amx" + std::to_string(tiles);
  return code.function(
      module, name, {p, p, i, p, i, flag}, [&](ValueRange given) {
        Value a = given[0], b = given[1], steps = given[2];
        Value c = given[3], cRow = code.mul(given[4], 4), add = given[5];
        auto tileOf = [&](Register first, int64_t index) {
          return registerNumber(first + index);
        };
        auto eachSum = [&](llvm::function_ref<void(Value, Value)> body) {
          for (int64_t r = 0; r < tiles; ++r)
            for (int64_t j = 0; j < 2; ++j)
              body(tileOf(kSums, 2 * r + j),
                   code.at(code.at(c, code.mul(given[4], r * kRows), types.sum),
                           j * kWide, types.sum));
        };
        code.when(
            add,
            [&] {
              eachSum([&](Value tile, Value place) {
                intrinsic("tileloadd64", {tile, place, cRow});
              });
            },
            [&] {
              eachSum(
                  [&](Value tile, Value) { intrinsic("tilezero", {tile}); });
            });
        int64_t columns = schedule.columns, rows = schedule.rows;
        auto load = [&](Register first, int64_t index, Value from,
                        int64_t distance, int64_t elements) {
          intrinsic("tileloadd64", {tileOf(first, index),
                                    code.at(from, index * distance, types.a),
                                    code.number(elements * 2)});
        };
        auto multiply = [&](int64_t r, int64_t j) {
          intrinsic("tdpbf16ps", {tileOf(kSums, 2 * r + j),
                                  tileOf(kTilesOfA, r), tileOf(kTilesOfB, j)});
        };
        SmallVector<Value> init{a, b};
        code.range(
            code.number(0), steps, 1, init, [&](Value, ValueRange state) {
              Value a = state[0], b = state[1];
              for (int64_t r = 0; r < tiles; ++r) {
                load(kTilesOfA, r, a, kRows * kNarrow, kNarrow);
                for (int64_t j = 0; j < 2; ++j) {
                  if (r == 0)
                    load(kTilesOfB, j, b, 2 * kWide, 2 * columns);
                  multiply(r, j);
                }
              }
              return SmallVector<Value>{code.at(a, rows * kNarrow, types.a),
                                        code.at(b, columns * kNarrow, types.a)};
            });
        eachSum([&](Value tile, Value place) {
          intrinsic("tilestored64", {tile, place, cRow});
        });
      });
}

/// (A, the first block of rows, the end, B, depth, C, row stride, column
/// stride, all rows, columns, accumulate): what sweep() does with registers of
/// vectors. A begins at the first block, C at the first row of all.
func::FuncOp GemmDriver::amxSweep() {
  Type p = code.pointer, i = code.i64, flag = code.builder.getI1Type();
  std::string name = "stepwell.gemm." + types.name() + ".amxSweep";
  return code.function(
      module, name, {p, i, i, p, i, p, i, i, i, i, flag},
      [&](ValueRange given) {
        Value a = given[0], begin = given[1], end = given[2], b = given[3];
        Value steps = code.ceilDiv(given[4], code.number(schedule.step));
        Value c = given[5], cRow = given[6], cColumn = given[7];
        Value height = given[8], columns = given[9], accumulate = given[10];
        Value block = code.stack(types.sum, schedule.rows * schedule.columns);
        Value width = code.number(schedule.columns);
        Value together = code.both(code.equal(columns, width),
                                   code.equal(cColumn, code.number(1)));
        code.range(begin, end, 1, [&](Value t) {
          Value m = code.mul(t, schedule.rows);
          Value rows =
              code.min(code.number(schedule.rows), code.sub(height, m));
          Value from = code.at(
              a, code.mul(code.sub(t, begin), schedule.packedTile()), types.a);
          Value place = code.at(c, code.mul(m, cRow), types.sum);
          auto multiply = [&](int64_t tiles) {
            Value direct = code.both(
                together, code.equal(rows, code.number(tiles * kRows)));
            code.call(kernels.amx(tiles),
                      {from, b, steps, code.select(direct, place, block),
                       code.select(direct, cRow, width),
                       code.both(accumulate, direct)});
            code.when(code.negate(direct), [&] {
              code.call(flush(), {block, place, cRow, cColumn, rows, columns,
                                  accumulate});
            });
          };
          code.when(
              code.less(code.number(kRows), rows), [&] { multiply(2); },
              [&] { multiply(1); });
        });
      });
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

Value GemmKernels::loadFirst(VectorType type, Value from, Value count) {
  OpBuilder &b = code.builder;
  int64_t lanes = type.getNumElements();
  auto narrow = VectorType::get({lanes}, b.getI16Type());
  SmallVector<Attribute> numbers;
  for (int64_t lane = 0; lane < lanes; ++lane)
    numbers.push_back(b.getI16IntegerAttr(lane));
  Value lane = arith::ConstantOp::create(
      b, code.loc, DenseElementsAttr::get(narrow, numbers));
  Value inside = code.max(code.min(count, code.number(lanes)), code.number(0));
  inside = arith::TruncIOp::create(b, code.loc, b.getI16Type(), inside);
  inside = vector::BroadcastOp::create(b, code.loc, narrow, inside);
  Value mask = arith::CmpIOp::create(b, code.loc, arith::CmpIPredicate::slt,
                                     lane, inside);
  return LLVM::MaskedLoadOp::create(b, code.loc, type, from, mask, zero(type),
                                    b.getI32IntegerAttr(2), UnitAttr());
}

func::FuncOp GemmKernels::packPairs(Operand operand,
                                    std::optional<int64_t> acrossStride,
                                    std::optional<int64_t> alongStride) {
  Type p = code.pointer, i = code.i64;
  // A stride that is another's 1 is some size: 1 only by chance.
  bool mayStand = acrossStride ? *acrossStride == 1 : alongStride != 1;
  bool mayRun = alongStride ? *alongStride == 1 : acrossStride != 1;
  std::string name = prefix + (operand == A ? "amxPackA" : "amxPackB") +
                     (mayRun ? "r" : "") + (mayStand ? "s" : "");
  return code.function(module, name, {p, i, i, i, i, p}, [&](ValueRange given) {
    Value base = given[0], across = given[1], along = given[2];
    Value count = given[3], depth = given[4], to = given[5];
    int64_t size = operand == A ? schedule.rows : schedule.columns;
    int64_t lanes = schedule.lanes; // of words of a pair
    Type element = code.builder.getI16Type();
    auto narrow = [&](int64_t n) { return VectorType::get({n}, element); };
    auto words = VectorType::get({lanes}, code.builder.getI32Type());
    auto asWords = [&](Value value) {
      return vector::BitCastOp::create(code.builder, code.loc, words, value);
    };
    // Without a limit all elements are there.
    auto load = [&](Value from, int64_t n, Value limit) {
      return limit ? loadFirst(narrow(n), from, limit)
                   : code.load(narrow(n), from);
    };
    Value last = code.sub(count, code.number(1));
    // One vector for each of `lanes` lines: as many pairs from step k on.
    auto running = [&](Value line, Value k, bool whole) {
      SmallVector<Value> lines;
      for (int64_t j = 0; j < lanes; ++j) {
        Value at = code.add(line, code.number(j));
        if (!whole) // lines beyond the last are the last again
          at = code.min(at, last);
        lines.push_back(asWords(
            load(code.at(base, code.add(code.mul(at, across), k), element),
                 2 * lanes, whole ? Value() : code.sub(depth, k))));
      }
      return lines;
    };
    // One vector for each of `lanes` pairs of steps: as many lines.
    auto standing = [&](Value line, Value k, bool whole) {
      SmallVector<int64_t> turns;
      for (int64_t j = 0; j < lanes; ++j)
        turns.append({j, lanes + j});
      auto step = [&](Value at) {
        Value limit;
        if (!whole)
          limit = code.select(code.less(at, depth), code.sub(count, line),
                              code.number(0));
        return load(code.at(base, code.add(code.mul(at, along), line), element),
                    lanes, limit);
      };
      SmallVector<Value> pairs;
      for (int64_t j = 0; j < lanes; ++j) {
        Value first = code.add(k, code.number(2 * j));
        Value even = step(first);
        Value odd = step(code.add(first, code.number(1)));
        pairs.push_back(asWords(shuffle(even, odd, turns)));
      }
      return pairs;
    };
    // Where step k of a line is, k the first of a block of steps or a pair in
    // it: the two orders.
    auto place = [&](Value k, int64_t within, Value line) {
      Value block = code.mul(k, size);
      Value rest =
          operand == A
              ? code.add(code.mul(line, kNarrow), code.number(within))
              : code.add(code.mul(line, 2), code.number(within * size));
      return code.at(to, code.add(block, rest), element);
    };
    auto blocks = [&](Value k, bool runs, bool whole) {
      code.range(code.number(0), count, lanes, [&](Value line) {
        for (int64_t within = 0; within < kNarrow; within += 2 * lanes) {
          Value from = code.add(k, code.number(within));
          SmallVector<Value> square =
              runs ? running(line, from, whole) : standing(line, from, whole);
          if (runs != (operand == A))
            square = transpose(square);
          for (int64_t j = 0; j < lanes; ++j)
            code.store(square[j],
                       operand == A
                           ? place(k, within, code.add(line, code.number(j)))
                           : place(k, within + 2 * j, line));
        }
      });
    };
    auto vectors = [&](bool runs) {
      code.range(code.number(0), depth, kNarrow, [&](Value k) {
        Value end = code.add(k, code.number(kNarrow));
        Value whole = code.both(code.most(end, depth),
                                code.equal(count, code.number(size)));
        code.when(
            whole, [&] { blocks(k, runs, true); },
            [&] { blocks(k, runs, false); });
      });
    };
    auto byElement = [&] {
      Value none = arith::ConstantOp::create(
          code.builder, code.loc, code.builder.getIntegerAttr(element, 0));
      Value end = code.sub(depth, code.number(1));
      code.range(code.number(0), depth, kNarrow, [&](Value k) {
        code.range(code.number(0), count, 1, [&](Value line) {
          code.range(code.number(0), code.number(kNarrow), 2, [&](Value s) {
            for (int64_t odd = 0; odd < 2; ++odd) {
              Value at = code.add(code.add(k, s), code.number(odd));
              Value from = code.add(code.mul(line, across),
                                    code.mul(code.min(at, end), along));
              Value value = code.load(element, code.at(base, from, element));
              value = code.select(code.less(at, depth), value, none);
              Value pair = operand == A ? s : code.mul(s, size);
              Value beside = code.add(pair, code.number(odd));
              code.store(value, code.at(place(k, 0, line), beside, element));
            }
          });
        });
      });
    };
    Value one = code.number(1);
    Value runs = mayRun
                     ? alongStride ? code.truth(true) : code.equal(along, one)
                     : code.truth(false);
    Value stands =
        mayStand ? acrossStride ? code.truth(true) : code.equal(across, one)
                 : code.truth(false);
    code.when(
        runs, [&] { vectors(true); },
        [&] { code.when(stands, [&] { vectors(false); }, byElement); });
  });
}
