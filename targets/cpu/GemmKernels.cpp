//===- GemmKernels.cpp - Where a matrix product multiplies ----------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "GemmKernels.h"

using namespace mlir;
using namespace stepwell::cpu;

std::string GemmTypes::name() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << sum;
  if (widenA != Widening::None)
    stream << ".a" << int(widenA) << a;
  if (widenB != Widening::None)
    stream << ".b" << int(widenB) << b;
  return text;
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

Value GemmKernels::zero(Type type) {
  return arith::ConstantOp::create(code.builder, code.loc, type,
                                   code.builder.getZeroAttr(type));
}

Value GemmKernels::load(Operand operand, Value from, int64_t lanes) {
  OpBuilder &b = code.builder;
  auto typeOf = [&](Type element) -> Type {
    return lanes ? Type(VectorType::get({lanes}, element)) : element;
  };
  Value value = code.load(typeOf(element(operand)), from);
  Type to = typeOf(types.sum);
  switch (operand == A ? types.widenA : types.widenB) {
  case Widening::None:
    return value;
  case Widening::Float:
    return arith::ExtFOp::create(b, code.loc, to, value);
  case Widening::Signed:
    return arith::ExtSIOp::create(b, code.loc, to, value);
  case Widening::Unsigned:
    return arith::ExtUIOp::create(b, code.loc, to, value);
  case Widening::SignedToFloat:
    return arith::SIToFPOp::create(b, code.loc, to, value);
  case Widening::UnsignedToFloat:
    return arith::UIToFPOp::create(b, code.loc, to, value);
  }
  llvm_unreachable("all cases return");
}

Value GemmKernels::spread(Value scalar) {
  return vector::BroadcastOp::create(code.builder, code.loc, vectorType(),
                                     scalar);
}

Value GemmKernels::plus(Value a, Value b) {
  if (isa<FloatType>(types.sum))
    return arith::AddFOp::create(code.builder, code.loc, a, b);
  return arith::AddIOp::create(code.builder, code.loc, a, b);
}

Value GemmKernels::multiplyAdd(Value a, Value b, Value sum) {
  OpBuilder &builder = code.builder;
  if (!isa<FloatType>(types.sum))
    return plus(arith::MulIOp::create(builder, code.loc, a, b), sum);
  if (!types.fma)
    return plus(arith::MulFOp::create(builder, code.loc, a, b), sum);
  if (isa<VectorType>(a.getType()))
    return vector::FMAOp::create(builder, code.loc, a, b, sum);
  return LLVM::FMAOp::create(builder, code.loc, a, b, sum);
}

Value GemmKernels::shuffle(Value a, Value b, ArrayRef<int64_t> lanes) {
  return vector::ShuffleOp::create(code.builder, code.loc, a, b, lanes);
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

func::FuncOp GemmKernels::tile(int64_t height) {
  Type p = code.pointer, i = code.i64, flag = code.builder.getI1Type();
  std::string name = prefix + "tile" + std::to_string(height);
  return code.function(
      module, name, {p, i, i, p, i, i, p, i, i, flag}, [&](ValueRange given) {
        Value a = given[0], rowStride = given[1], kStride = given[2];
        Value b = given[3], bStride = given[4], depth = given[5];
        Value c = given[6], cStride = given[7], real = given[8],
              accumulate = given[9];
        int64_t vectors = schedule.vectors, lanes = schedule.lanes;
        SmallVector<Value> rows;
        for (int64_t r = 0; r < height; ++r) {
          Value row = code.number(r);
          if (r + 1 == height) // else the one before again
            row = code.min(row, code.sub(real, code.number(1)));
          rows.push_back(code.at(a, code.mul(rowStride, row), types.sum));
        }
        SmallVector<Value> carried(height * vectors, zero(vectorType()));
        carried.append({code.number(0), b});
        auto done = code.range(
            code.number(0), depth, 1, carried, [&](Value, ValueRange state) {
              SmallVector<Value> next(state), across;
              Value &along = next[height * vectors];
              Value &from = next[height * vectors + 1];
              for (int64_t v = 0; v < vectors; ++v)
                across.push_back(code.load(
                    vectorType(), code.at(from, v * lanes, types.sum)));
              for (int64_t r = 0; r < height; ++r) {
                Value x = spread(
                    code.load(types.sum, code.at(rows[r], along, types.sum)));
                for (int64_t v = 0; v < vectors; ++v) {
                  Value &sum = next[r * vectors + v];
                  sum = multiplyAdd(x, across[v], sum);
                }
              }
              along = code.add(along, kStride);
              from = code.at(from, bStride, types.sum);
              return next;
            });
        auto put = [&](bool add) {
          auto putRow = [&](int64_t r) {
            Value row =
                code.at(c, code.mul(cStride, code.number(r)), types.sum);
            for (int64_t v = 0; v < vectors; ++v) {
              Value to = code.at(row, v * lanes, types.sum);
              Value sum = done[r * vectors + v];
              if (add)
                sum = plus(code.load(vectorType(), to), sum);
              code.store(sum, to);
            }
          };
          for (int64_t r = 0; r + 1 < height; ++r)
            putRow(r);
          code.when(code.equal(real, code.number(height)),
                    [&] { putRow(height - 1); });
        };
        code.when(accumulate, [&] { put(true); }, [&] { put(false); });
      });
}

//===----------------------------------------------------------------------===//
// Few rows
//===----------------------------------------------------------------------===//

func::FuncOp GemmKernels::stream(int64_t height, int64_t steps) {
  Type p = code.pointer, i = code.i64;
  std::string name =
      prefix + "stream" + std::to_string(height) + "x" + std::to_string(steps);
  return code.function(
      module, name, {p, i, i, p, i, i, i, p, i}, [&](ValueRange given) {
        Value b = given[0], bStride = given[1], columns = given[2];
        Value a = given[3], rowStride = given[4], kStride = given[5];
        Value depth = given[6], c = given[7], cStride = given[8];
        int64_t lanes = schedule.lanes;
        auto step = [&](Value k) {
          SmallVector<Value> scalars, spreads, rows;
          for (int64_t s = 0; s < steps; ++s) {
            Value at = code.add(k, code.number(s));
            rows.push_back(code.at(b, code.mul(at, bStride), types.b));
            for (int64_t r = 0; r < height; ++r) {
              Value place = code.add(code.mul(rowStride, code.number(r)),
                                     code.mul(at, kStride));
              scalars.push_back(load(A, code.at(a, place, types.a)));
              spreads.push_back(spread(scalars.back()));
            }
          }
          auto columnsAt = [&](Value j, int64_t width) {
            SmallVector<Value> sums, places;
            for (int64_t r = 0; r < height; ++r) {
              Value row =
                  code.at(c, code.mul(cStride, code.number(r)), types.sum);
              places.push_back(code.at(row, j, types.sum));
              sums.push_back(
                  code.load(width ? vectorType() : types.sum, places.back()));
            }
            for (int64_t s = 0; s < steps; ++s) {
              Value x = load(B, code.at(rows[s], j, types.b), width);
              for (int64_t r = 0; r < height; ++r)
                sums[r] = multiplyAdd(width ? spreads[s * height + r]
                                            : scalars[s * height + r],
                                      x, sums[r]);
            }
            for (int64_t r = 0; r < height; ++r)
              code.store(sums[r], places[r]);
          };
          Value whole =
              code.sub(columns, code.rem(columns, code.number(lanes)));
          code.range(code.number(0), whole, lanes,
                     [&](Value j) { columnsAt(j, lanes); });
          code.range(whole, columns, 1, [&](Value j) { columnsAt(j, 0); });
        };
        code.range(code.number(0), depth, steps, [&](Value k) { step(k); });
      });
}

Value GemmKernels::sumLanes(ArrayRef<Value> vectors) {
  // Halves of two vectors in one, until each has a lane of the result.
  SmallVector<Value> sums(vectors);
  int64_t lanes = schedule.lanes, parts = 1; // values side by side in a vector
  while (sums.size() > 1) {
    SmallVector<Value> next;
    int64_t piece = lanes / parts;
    for (size_t i = 0; i < sums.size(); i += 2) {
      SmallVector<int64_t> low, high;
      for (int64_t whose : {int64_t(0), lanes})
        for (int64_t part = 0; part < parts; ++part)
          for (int64_t lane = 0; lane < piece / 2; ++lane) {
            low.push_back(whose + part * piece + lane);
            high.push_back(whose + part * piece + piece / 2 + lane);
          }
      next.push_back(plus(shuffle(sums[i], sums[i + 1], low),
                          shuffle(sums[i], sums[i + 1], high)));
    }
    parts *= 2;
    sums = next;
  }
  Value sum = sums.front();
  while (lanes > parts) {
    SmallVector<int64_t> low, high;
    int64_t piece = lanes / parts;
    for (int64_t part = 0; part < parts; ++part)
      for (int64_t lane = 0; lane < piece / 2; ++lane) {
        low.push_back(part * piece + lane);
        high.push_back(part * piece + piece / 2 + lane);
      }
    sum = plus(shuffle(sum, sum, low), shuffle(sum, sum, high));
    lanes /= 2;
  }
  return sum;
}

func::FuncOp GemmKernels::dot(int64_t height) {
  Type p = code.pointer, i = code.i64, flag = code.builder.getI1Type();
  std::string name = prefix + "dot" + std::to_string(height);
  return code.function(
      module, name, {p, i, p, i, i, i, p, i, i, flag}, [&](ValueRange given) {
        Value a = given[0], rowStride = given[1];
        Value b = given[2], columnStride = given[3], columns = given[4];
        Value depth = given[5], c = given[6];
        Value cRow = given[7], cColumn = given[8], accumulate = given[9];
        int64_t lanes = schedule.lanes;
        SmallVector<Value> rows, across;
        for (int64_t r = 0; r < height; ++r)
          rows.push_back(
              code.at(a, code.mul(rowStride, code.number(r)), types.a));
        // Columns beyond the last are the last again.
        Value last = code.sub(columns, code.number(1));
        for (int64_t j = 0; j < kDots; ++j)
          across.push_back(
              code.at(b, code.mul(code.min(code.number(j), last), columnStride),
                      types.b));
        auto step = [&](SmallVector<Value> sums, Value k, int64_t width) {
          SmallVector<Value> xs;
          for (int64_t r = 0; r < height; ++r)
            xs.push_back(load(A, code.at(rows[r], k, types.a), width));
          for (int64_t j = 0; j < kDots; ++j) {
            Value y = load(B, code.at(across[j], k, types.b), width);
            for (int64_t r = 0; r < height; ++r)
              sums[r * kDots + j] = multiplyAdd(xs[r], y, sums[r * kDots + j]);
          }
          return sums;
        };
        // Enough chains of additions to hide their latency.
        int64_t chains = height == 1 ? 2 : 1;
        int64_t each = height * kDots;
        Value whole =
            code.sub(depth, code.rem(depth, code.number(lanes * chains)));
        SmallVector<Value> init(each * chains, zero(vectorType()));
        auto sums = code.range(
            code.number(0), whole, lanes * chains, init,
            [&](Value k, ValueRange state) {
              SmallVector<Value> next;
              for (int64_t chain = 0; chain < chains; ++chain)
                next.append(
                    step(SmallVector<Value>(state.slice(chain * each, each)),
                         code.add(k, code.number(chain * lanes)), lanes));
              return next;
            });
        for (int64_t chain = 1; chain < chains; ++chain)
          for (int64_t s = 0; s < each; ++s)
            sums[s] = plus(sums[s], sums[chain * each + s]);
        SmallVector<Value> totals;
        for (int64_t r = 0; r < height; ++r) {
          // A vector has room for as many sums as it has lanes.
          int64_t few = std::min(kDots, lanes);
          for (int64_t first = 0; first < kDots; first += few) {
            Value side = sumLanes(ArrayRef(sums).slice(r * kDots + first, few));
            for (int64_t j = 0; j < few; ++j)
              totals.push_back(
                  vector::ExtractOp::create(code.builder, code.loc, side, j));
          }
        }
        totals =
            code.range(whole, depth, 1, totals, [&](Value k, ValueRange state) {
              return step(SmallVector<Value>(state), k, 0);
            });
        for (int64_t j = 0; j < kDots; ++j)
          code.when(code.less(code.number(j), columns), [&] {
            for (int64_t r = 0; r < height; ++r) {
              Value place = code.add(code.mul(cRow, code.number(r)),
                                     code.mul(cColumn, code.number(j)));
              Value to = code.at(c, place, types.sum);
              Value sum = totals[r * kDots + j];
              sum = code.choose(
                  accumulate, types.sum,
                  [&] {
                    return SmallVector<Value>{
                        plus(code.load(types.sum, to), sum)};
                  },
                  [&] { return SmallVector<Value>{sum}; })[0];
              code.store(sum, to);
            }
          });
      });
}
