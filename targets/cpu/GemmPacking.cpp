//===- GemmPacking.cpp - Tiles and panels side by side --------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "GemmKernels.h"

using namespace mlir;
using namespace stepwell::cpu;

SmallVector<Value> GemmKernels::transpose(SmallVector<Value> rows) {
  // First whatever stays inside 128 bits, by interleaving; then blocks of 128
  // bits change places. `where` follows what each vector holds.
  int64_t lanes = schedule.lanes;
  int64_t unit = 128 / types.sum.getIntOrFloatBitWidth();
  using Labels = SmallVector<std::pair<int64_t, int64_t>>; // row, column
  SmallVector<Labels> where(lanes);
  for (int64_t r = 0; r < lanes; ++r)
    for (int64_t j = 0; j < lanes; ++j)
      where[r].push_back({r, j});
  auto pair = [&](int64_t x, int64_t y, ArrayRef<int64_t> first,
                  ArrayRef<int64_t> second) {
    auto pick = [&](ArrayRef<int64_t> mask) {
      Labels labels;
      for (int64_t m : mask)
        labels.push_back(m < lanes ? where[x][m] : where[y][m - lanes]);
      return labels;
    };
    Value low = shuffle(rows[x], rows[y], first);
    Value high = shuffle(rows[x], rows[y], second);
    Labels lowLabels = pick(first), highLabels = pick(second);
    rows[x] = low;
    rows[y] = high;
    where[x] = lowLabels;
    where[y] = highLabels;
  };
  for (int64_t width = 1; width < unit; width *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t block = 0; block < lanes; block += unit)
      for (int64_t half : {0, 1})
        for (int64_t i = 0; i < unit / 2; i += width)
          for (int64_t from : {int64_t(0), lanes})
            for (int64_t lane = 0; lane < width; ++lane)
              (half ? high : low)
                  .push_back(from + block + half * unit / 2 + i + lane);
    for (int64_t r = 0; r < lanes; ++r)
      if (!(r & width))
        pair(r, r + width, low, high);
  }
  for (int64_t width = unit; width < lanes; width *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      bool second = lane & width;
      low.push_back(second ? lanes + lane - width : lane);
      high.push_back(second ? lanes + lane : lane + width);
    }
    for (int64_t r = 0; r < lanes; ++r)
      if (!(r & width))
        pair(r, r + width, low, high);
  }
  SmallVector<Value> columns(lanes);
  for (int64_t i = 0; i < lanes; ++i) {
    for (int64_t j = 0; j < lanes; ++j) {
      assert(where[i][j].first == j && "not transposed");
      assert(where[i][j].second == where[i][0].second && "not transposed");
    }
    columns[where[i][0].second] = rows[i];
  }
  return columns;
}

func::FuncOp GemmKernels::packA(std::optional<int64_t> rowStride,
                                std::optional<int64_t> kStride) {
  Type p = code.pointer, i = code.i64;
  // Rows that lie along k, or elements of one k side by side.
  bool mayRun = kStride ? *kStride == 1 : rowStride != 1;
  bool mayStand = rowStride ? *rowStride == 1 : kStride != 1;
  std::string name =
      prefix + "packA" + (mayRun ? "r" : "") + (mayStand ? "s" : "");
  return code.function(module, name, {p, i, i, i, i, p}, [&](ValueRange given) {
    Value a = given[0], across = given[1], along = given[2];
    Value height = given[3], depth = given[4], to = given[5];
    int64_t rows = schedule.rows, lanes = schedule.lanes;
    Value last = code.sub(height, code.number(1));
    auto rowStart = [&](int64_t r) {
      return code.at(a, code.mul(code.min(code.number(r), last), across),
                     types.a);
    };
    auto byElement = [&](Value begin) {
      SmallVector<Value> starts;
      for (int64_t r = 0; r < rows; ++r)
        starts.push_back(rowStart(r));
      code.range(begin, depth, 1, [&](Value k) {
        Value column = code.at(to, code.mul(k, rows), types.sum);
        Value off = code.mul(k, along);
        for (int64_t r = 0; r < rows; ++r)
          code.store(load(A, code.at(starts[r], off, types.a)),
                     code.at(column, r, types.sum));
      });
    };
    auto running = [&] {
      // A block of `lanes` steps of k at a time; stores reach into the next
      // step's place, which is written after.
      Value whole = code.sub(depth, code.rem(depth, code.number(lanes)));
      SmallVector<Value> starts;
      for (int64_t r = 0; r < rows; ++r)
        starts.push_back(rowStart(r));
      code.range(code.number(0), whole, lanes, [&](Value k) {
        SmallVector<std::pair<int64_t, SmallVector<Value>>> groups;
        for (int64_t first = 0; first < rows; first += lanes) {
          SmallVector<Value> block;
          for (int64_t r = 0; r < lanes; ++r)
            block.push_back(
                first + r < rows
                    ? load(A, code.at(starts[first + r], k, types.a), lanes)
                    : block.front());
          groups.push_back({first, transpose(block)});
        }
        for (int64_t s = 0; s < lanes; ++s)
          for (auto &[first, columns] : groups) {
            Value place = code.add(code.mul(code.add(k, code.number(s)), rows),
                                   code.number(first));
            code.store(columns[s], code.at(to, place, types.sum));
          }
      });
      byElement(whole);
    };
    auto standing = [&] {
      code.range(code.number(0), depth, 1, [&](Value k) {
        Value from = code.at(a, code.mul(k, along), types.a);
        Value column = code.at(to, code.mul(k, rows), types.sum);
        code.store(load(A, from, rows), column);
      });
    };
    auto whatever = [&] {
      if (transposes() && mayRun)
        code.when(kStride ? code.truth(true)
                          : code.equal(along, code.number(1)),
                  running, [&] { byElement(code.number(0)); });
      else
        byElement(code.number(0));
    };
    if (!mayStand)
      return whatever();
    Value together =
        rowStride ? code.truth(true) : code.equal(across, code.number(1));
    code.when(code.both(together, code.equal(height, code.number(rows))),
              standing, whatever);
  });
}

func::FuncOp GemmKernels::packB(std::optional<int64_t> kStride,
                                std::optional<int64_t> columnStride) {
  Type p = code.pointer, i = code.i64;
  bool mayStand = columnStride ? *columnStride == 1 : kStride != 1;
  bool mayRun = kStride ? *kStride == 1 : columnStride != 1;
  std::string name =
      prefix + "packB" + (mayRun ? "r" : "") + (mayStand ? "s" : "");
  return code.function(module, name, {p, i, i, i, i, p}, [&](ValueRange given) {
    Value b = given[0], along = given[1], across = given[2];
    Value depth = given[3], width = given[4], to = given[5];
    int64_t columns = schedule.columns, lanes = schedule.lanes;
    Value full = code.equal(width, code.number(columns));
    auto byElement = [&](Value begin) {
      code.range(begin, depth, 1, [&](Value k) {
        Value from = code.at(b, code.mul(k, along), types.b);
        Value row = code.at(to, code.mul(k, columns), types.sum);
        code.range(code.number(0), width, 1, [&](Value j) {
          code.store(load(B, code.at(from, code.mul(j, across), types.b)),
                     code.at(row, j, types.sum));
        });
        code.range(width, code.number(columns), 1, [&](Value j) {
          code.store(zero(types.sum), code.at(row, j, types.sum));
        });
      });
    };
    auto standing = [&] {
      SmallVector<Value> init{b, to};
      code.range(code.number(0), depth, 1, init, [&](Value, ValueRange state) {
        for (int64_t v = 0; v < schedule.vectors; ++v)
          code.store(load(B, code.at(state[0], v * lanes, types.b), lanes),
                     code.at(state[1], v * lanes, types.sum));
        return SmallVector<Value>{code.at(state[0], along, types.b),
                                  code.at(state[1], columns, types.sum)};
      });
    };
    auto running = [&] {
      Value last = code.sub(width, code.number(1));
      Value whole = code.sub(depth, code.rem(depth, code.number(lanes)));
      code.range(code.number(0), whole, lanes, [&](Value k) {
        for (int64_t v = 0; v < schedule.vectors; ++v) {
          SmallVector<Value> block;
          for (int64_t j = 0; j < lanes; ++j) {
            // Columns beyond the last are the last again: nobody looks.
            Value column = code.min(code.number(v * lanes + j), last);
            Value place = code.add(code.mul(column, across), k);
            block.push_back(load(B, code.at(b, place, types.b), lanes));
          }
          block = transpose(block);
          for (int64_t s = 0; s < lanes; ++s)
            code.store(
                block[s],
                code.at(to,
                        code.add(code.mul(code.add(k, code.number(s)), columns),
                                 code.number(v * lanes)),
                        types.sum));
        }
      });
      byElement(whole);
    };
    auto whatever = [&] {
      if (transposes() && mayRun)
        code.when(kStride ? code.truth(true)
                          : code.equal(along, code.number(1)),
                  running, [&] { byElement(code.number(0)); });
      else
        byElement(code.number(0));
    };
    if (!mayStand)
      return whatever();
    Value together =
        columnStride ? code.truth(true) : code.equal(across, code.number(1));
    code.when(code.both(together, full), standing, whatever);
  });
}
