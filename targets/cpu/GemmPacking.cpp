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
  Type element = getElementTypeOrSelf(rows.front().getType());
  // First whatever stays inside 128 bits, by interleaving; then blocks of 128
  // bits change places. `where` follows what each vector holds.
  int64_t lanes = schedule.lanes;
  int64_t unit = 128 / element.getIntOrFloatBitWidth();
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

func::FuncOp GemmKernels::pack(Operand operand,
                               std::optional<int64_t> acrossStride,
                               std::optional<int64_t> alongStride) {
  if (types.amx)
    return packPairs(operand, acrossStride, alongStride);
  Type p = code.pointer, i = code.i64, from = element(operand);
  // A stride that is another's 1 is some size: 1 only by chance.
  bool mayStand = acrossStride ? *acrossStride == 1 : alongStride != 1;
  bool mayRun = alongStride ? *alongStride == 1 : acrossStride != 1;
  std::string name = prefix + (operand == A ? "packA" : "packB") +
                     (mayRun ? "r" : "") + (mayStand ? "s" : "");
  return code.function(module, name, {p, i, i, i, i, p}, [&](ValueRange given) {
    Value base = given[0], across = given[1], along = given[2];
    Value count = given[3], depth = given[4], to = given[5];
    int64_t size = operand == A ? schedule.rows : schedule.columns;
    int64_t lanes = schedule.lanes;
    auto startsOf = [&] {
      // Lines beyond the last are the last again: nobody looks.
      Value last = code.sub(count, code.number(1));
      SmallVector<Value> starts;
      for (int64_t j = 0; j < size; ++j)
        starts.push_back(code.at(
            base, code.mul(code.min(code.number(j), last), across), from));
      return starts;
    };
    auto byElement = [&](ArrayRef<Value> starts, Value begin) {
      code.range(begin, depth, 1, [&](Value k) {
        Value off = code.mul(k, along);
        Value line = code.at(to, code.mul(k, size), types.sum);
        for (int64_t j = 0; j < size; ++j)
          code.store(load(operand, code.at(starts[j], off, from)),
                     code.at(line, j, types.sum));
      });
    };
    // Lines run along k: blocks of `lanes` steps are turned round. The last
    // block across may reach into the next step's place, so that it goes first.
    auto running = [&] {
      Value whole = code.sub(depth, code.rem(depth, code.number(lanes)));
      SmallVector<Value> starts = startsOf();
      code.range(code.number(0), whole, lanes, [&](Value k) {
        for (int64_t first = (size - 1) / lanes * lanes; first >= 0;
             first -= lanes) {
          SmallVector<Value> block;
          for (int64_t j = 0; j < lanes; ++j)
            block.push_back(
                first + j < size
                    ? load(operand, code.at(starts[first + j], k, from), lanes)
                    : block.front());
          block = transpose(block);
          for (int64_t s = 0; s < lanes; ++s) {
            Value place = code.add(code.mul(code.add(k, code.number(s)), size),
                                   code.number(first));
            code.store(block[s], code.at(to, place, types.sum));
          }
        }
      });
      byElement(starts, whole);
    };
    // Elements of one step stand side by side.
    auto standing = [&] {
      SmallVector<Value> init{base, to};
      code.range(code.number(0), depth, 1, init, [&](Value, ValueRange state) {
        for (int64_t first = 0; first < size; first += lanes)
          code.store(load(operand, code.at(state[0], first, from),
                          std::min(lanes, size - first)),
                     code.at(state[1], first, types.sum));
        return SmallVector<Value>{code.at(state[0], along, from),
                                  code.at(state[1], size, types.sum)};
      });
    };
    auto slow = [&] { byElement(startsOf(), code.number(0)); };
    auto whatever = [&] {
      if (!transposes() || !mayRun)
        return slow();
      code.when(alongStride ? code.truth(true)
                            : code.equal(along, code.number(1)),
                running, slow);
    };
    if (!mayStand)
      return whatever();
    Value together =
        acrossStride ? code.truth(true) : code.equal(across, code.number(1));
    code.when(code.both(together, code.equal(count, code.number(size))),
              standing, whatever);
  });
}
