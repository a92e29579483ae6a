//===- GemmDriver.cpp - A whole matrix product as one function ------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sizes choose at run time. Few rows: B is read once, in its own order, or
// rows are multiplied by rows where both operands run along k. A moderate
// number of rows: panels of B, one after the other, are packed on the stack and
// used at once. Many rows: B is packed into the workspace, then blocks of A.
//===----------------------------------------------------------------------===//
#include "GemmDriver.h"

#include "stepwell/abi.h"

#include <cstddef>

using namespace mlir;
using namespace stepwell::cpu;

std::string ProductLayout::name() const {
  std::string text;
  for (auto stride : {aRow, aK, bK, bColumn, cColumn})
    text += stride == 1 ? '1' : 'x';
  return text;
}

GemmDriver::GemmDriver(CodeBuilder &code, ModuleOp module,
                       const GemmSchedule &schedule, const GemmTypes &types,
                       const ProductLayout &layout, bool threads,
                       bool epilogues, bool turned)
    : code(code), module(module), schedule(schedule), types(types),
      layout(layout), threads(threads), epilogues(epilogues), turned(turned),
      prefix("stepwell.gemm." + types.name() + "." + layout.name() +
             (turned ? ".turned." : ".")),
      kernels(code, module, schedule, types) {}

SmallVector<Type> GemmDriver::fieldTypes() {
  SmallVector<Type> fields(Product::kFields, code.i64);
  for (auto field : {Product::A, Product::B, Product::C, Product::Finish,
                     Product::FinishWith})
    fields[field] = code.pointer;
  fields[Product::Accumulate] = code.builder.getI1Type();
  return fields;
}

Product GemmDriver::productOf(ValueRange values) {
  Product product{SmallVector<Value>(values)};
  auto know = [&](Product::Field field, std::optional<int64_t> stride) {
    if (stride == 1)
      product[field] = code.number(1);
  };
  know(Product::ARow, layout.aRow);
  know(Product::AK, layout.aK);
  know(Product::BK, layout.bK);
  know(Product::BColumn, layout.bColumn);
  know(Product::CColumn, layout.cColumn);
  return product;
}

int64_t GemmDriver::scratchElements(const GemmSchedule &schedule, int64_t m,
                                    int64_t n, int64_t k) {
  auto up = [](int64_t x, int64_t step) {
    return (x + step - 1) / step * step;
  };
  int64_t a = 2 * schedule.blockTiles() * schedule.packedTile();
  int64_t b = schedule.blockColumns * schedule.depth;
  if (k >= 0 && n >= 0)
    b = std::min(b, up(std::min(k, schedule.depth), schedule.step) *
                        up(n, schedule.columns));
  if (m >= 0)
    a = std::min(a, (up(m, schedule.rows) / schedule.rows + 1) *
                        schedule.packedTile());
  if (m >= 0 && m <= 2 * schedule.blockRows)
    b = 0;
  return std::max(a, b);
}

func::FuncOp GemmDriver::function(const ProductSizes &sizes, bool inTask) {
  this->inTask = inTask;
  SmallVector<Type> arguments{code.pointer, code.builder.getI1Type(),
                              code.pointer};
  llvm::append_range(arguments, fieldTypes());
  const std::pair<Product::Field, std::optional<int64_t>> known[] = {
      {Product::M, sizes.m}, {Product::N, sizes.n}, {Product::K, sizes.k}};
  std::string name = prefix + (inTask ? "task_product" : "product");
  if (sizes.m || sizes.n || sizes.k)
    for (auto [field, size] : known)
      name += (field == Product::M ? "." : "x") +
              (size ? std::to_string(*size) : "n");
  return code.function(module, name, arguments, [&](ValueRange given) {
    Product product = productOf(given.drop_front(3));
    for (auto [field, size] : known)
      if (size)
        product[field] = code.number(*size);
    build(given[0], threads && !inTask ? given[1] : code.truth(false), given[2],
          product);
  });
}

/// C transposed is B transposed times A transposed.
static Product swapped(const Product &p) {
  Product result = p;
  for (auto [to, from] : {std::pair{Product::M, Product::N},
                          {Product::ARow, Product::BColumn},
                          {Product::AK, Product::BK},
                          {Product::A, Product::B},
                          {Product::CRow, Product::CColumn}}) {
    result[to] = p[from];
    result[from] = p[to];
  }
  return result;
}

void GemmDriver::build(Value context, Value parallel, Value scratch,
                       const Product &p) {
  Value one = code.number(1);
  auto isOne = [&](Product::Field field) { return code.equal(p[field], one); };
  Value few = code.most(p[Product::M], code.number(schedule.streamRows));
  // A stride that is another's 1 is some size: 1 only by chance.
  bool mayDot = layout.bK == 1 || layout.bColumn != 1;
  bool mayStream = layout.bColumn == 1 || layout.bK != 1;
  bool mayStreamA = layout.aRow == 1 || layout.aK != 1;

  auto tiles = [&] { buildTiles(context, parallel, scratch, p); };
  auto stream = [&] {
    if (!mayStream)
      return tiles();
    Value large = code.less(code.number(schedule.streamElements),
                            code.mul(p[Product::K], p[Product::N]));
    // A lone row has nothing to share a panel with.
    Value fits = code.both(few, code.either(large, isOne(Product::M)));
    fits = code.both(
        fits, code.both(isOne(Product::BColumn), isOne(Product::CColumn)));
    code.when(
        fits, [&] { buildStream(context, parallel, p, schedule.streamRows); },
        tiles);
  };
  auto dots = [&] {
    if (!mayDot)
      return stream();
    Value fits =
        code.both(code.both(isOne(Product::AK), isOne(Product::BK)),
                  code.most(p[Product::M], code.number(schedule.dotRows)));
    fits = code.both(fits, code.either(code.most(p[Product::M], code.number(4)),
                                       code.most(code.number(schedule.dotDepth),
                                                 p[Product::K])));
    code.when(fits, [&] { buildDots(context, parallel, p, kDotRows); }, stream);
  };
  // A matrix by a column is a row by the transposed matrix.
  ProductLayout turned{layout.bColumn, layout.bK, layout.aK, layout.aRow, {}};
  GemmTypes turnedTypes = types;
  std::swap(turnedTypes.a, turnedTypes.b);
  std::swap(turnedTypes.widenA, turnedTypes.widenB);
  GemmDriver other(code, module, schedule, turnedTypes, turned, threads,
                   epilogues, /*turned=*/true);
  Product column = other.productOf(swapped(p).values);
  auto streamColumn = [&] {
    if (!mayStreamA)
      return dots();
    code.when(
        code.both(code.both(isOne(Product::N), isOne(Product::ARow)),
                  isOne(Product::CRow)),
        [&] { other.buildStream(context, parallel, column, 1); }, dots);
  };
  code.when(
      code.both(isOne(Product::N),
                code.both(isOne(Product::AK), isOne(Product::BK))),
      [&] { other.buildDots(context, parallel, column, 1); }, streamColumn);
}

//===----------------------------------------------------------------------===//
// Few rows
//===----------------------------------------------------------------------===//

/// What so many multiply-adds cost.
static Value costOf(CodeBuilder &code, Value work) {
  return code.mul(work, GemmSchedule::kCost);
}

void GemmDriver::finish(const Product &p, Value m, Value mEnd, Value n,
                        Value nEnd) {
  if (!epilogues)
    return;
  if (turned) {
    std::swap(m, n);
    std::swap(mEnd, nEnd);
  }
  code.when(code.negate(code.isNull(p[Product::Finish])), [&] {
    code.callPointer(p[Product::Finish], {p[Product::FinishWith],
                                          p[Product::First], m, mEnd, n, nEnd});
  });
}

void GemmDriver::finishGroups(const Product &p, Value begin, Value end,
                              int64_t columns, Value rowBegin, Value rowEnd,
                              Value first, Value last,
                              llvm::function_ref<void(Value)> body) {
  if (!epilogues)
    return code.range(begin, end, 1, body);
  Value rows = code.max(code.sub(rowEnd, rowBegin), code.number(1));
  Value group =
      code.max(code.div(code.number(schedule.finishElements / columns), rows),
               code.number(1));
  code.range(begin, end, group, [&](Value from) {
    Value to = code.min(code.add(from, group), end);
    code.range(from, to, 1, body);
    code.when(last, [&] {
      Value n = code.add(first, code.mul(from, columns));
      Value nEnd =
          code.min(code.add(first, code.mul(to, columns)), p[Product::N]);
      finish(p, rowBegin, rowEnd, n, nEnd);
    });
  });
}

void GemmDriver::buildDots(Value context, Value parallel,
                           const Product &product, int64_t most) {
  auto task = code.task(
      module, prefix + "dots" + std::to_string(most), fieldTypes(),
      [&](ValueRange values, Value begin, Value end) {
        Product p = productOf(values);
        Value width = code.number(GemmKernels::kDots);
        Value none = code.number(0), all = code.truth(true);
        finishGroups(
            p, begin, end, GemmKernels::kDots, none, p[Product::M], none, all,
            [&](Value strip) {
              Value n = code.mul(strip, width);
              Value columns = code.min(width, code.sub(p[Product::N], n));
              Value b = code.at(p[Product::B], code.mul(n, p[Product::BColumn]),
                                types.b);
              auto rows = [&](Value m, int64_t height) {
                Value place = code.add(code.mul(m, p[Product::CRow]),
                                       code.mul(n, p[Product::CColumn]));
                code.call(kernels.dot(height),
                          {code.at(p[Product::A], code.mul(m, p[Product::ARow]),
                                   types.a),
                           p[Product::ARow], b, p[Product::BColumn], columns,
                           p[Product::K],
                           code.at(p[Product::C], place, types.sum),
                           p[Product::CRow], p[Product::CColumn],
                           p[Product::Accumulate]});
              };
              if (most == 1)
                return rows(code.number(0), 1);
              Value rest = code.rem(p[Product::M], code.number(3));
              Value whole = code.sub(p[Product::M], rest);
              code.range(code.number(0), whole, 3,
                         [&](Value m) { rows(m, 3); });
              code.when(code.equal(rest, code.number(1)),
                        [&] { rows(whole, 1); });
              code.when(code.equal(rest, code.number(2)),
                        [&] { rows(whole, 2); });
            });
      });
  Value width = code.number(GemmKernels::kDots);
  Value work =
      code.mul(code.mul(product[Product::M], product[Product::K]), width);
  code.run(task, code.environment(product.values), context, parallel,
           code.ceilDiv(product[Product::N], width), costOf(code, work));
}

void GemmDriver::buildStream(Value context, Value parallel,
                             const Product &product, int64_t most) {
  auto task = code.task(
      module, prefix + "streams" + std::to_string(most), fieldTypes(),
      [&](ValueRange values, Value begin, Value end) {
        Product p = productOf(values);
        code.range(begin, end, 1, [&](Value block) {
          Value width = code.number(schedule.streamColumns);
          Value n = code.mul(block, width);
          Value columns = code.min(width, code.sub(p[Product::N], n));
          Value b = code.at(p[Product::B], n, types.b);
          Value c = code.at(p[Product::C], n, types.sum);
          code.when(code.negate(p[Product::Accumulate]), [&] {
            code.range(code.number(0), p[Product::M], 1, [&](Value m) {
              Value row = code.at(c, code.mul(m, p[Product::CRow]), types.sum);
              code.range(code.number(0), columns, 1, [&](Value j) {
                code.store(kernels.zero(types.sum), code.at(row, j, types.sum));
              });
            });
          });
          // What one group of rows has read is still near for the next.
          int64_t piece = 64;
          code.range(code.number(0), p[Product::K], piece, [&](Value k) {
            Value depth =
                code.min(code.number(piece), code.sub(p[Product::K], k));
            // Rows [m, end) in groups; the last steps of k one by one.
            auto rows = [&](Value begin, Value end, int64_t height) {
              int64_t steps = kernels.streamSteps(height);
              Value rest = code.rem(depth, code.number(steps));
              Value whole = code.sub(depth, rest);
              auto go = [&](Value m, Value from, Value count, int64_t high,
                            int64_t deep) {
                Value at = code.add(k, from);
                Value place = code.add(code.mul(m, p[Product::ARow]),
                                       code.mul(at, p[Product::AK]));
                code.call(kernels.stream(high, deep),
                          {code.at(b, code.mul(at, p[Product::BK]), types.b),
                           p[Product::BK], columns,
                           code.at(p[Product::A], place, types.a),
                           p[Product::ARow], p[Product::AK], count,
                           code.at(c, code.mul(m, p[Product::CRow]), types.sum),
                           p[Product::CRow]});
              };
              code.range(begin, end, height, [&](Value m) {
                go(m, code.number(0), whole, height, steps);
              });
              code.when(code.less(code.number(0), rest), [&] {
                code.range(begin, end, 1,
                           [&](Value m) { go(m, whole, rest, 1, 1); });
              });
            };
            if (most == 1)
              return rows(code.number(0), code.number(1), 1);
            Value rest = code.rem(p[Product::M], code.number(4));
            Value m = code.sub(p[Product::M], rest);
            rows(code.number(0), m, 4);
            rows(m, p[Product::M], 1);
          });
          finish(p, code.number(0), p[Product::M], n, code.add(n, columns));
        });
      });
  Value width = code.number(schedule.streamColumns);
  Value work =
      code.mul(code.mul(product[Product::M], product[Product::K]), width);
  code.run(task, code.environment(product.values), context, parallel,
           code.ceilDiv(product[Product::N], width), costOf(code, work));
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

Value GemmDriver::padded(Value depth) {
  if (schedule.step == 1)
    return depth;
  return code.mul(code.ceilDiv(depth, code.number(schedule.step)),
                  schedule.step);
}

std::array<Value, 3> GemmDriver::tilesOf(Value m) {
  if (types.amx)
    return {code.ceilDiv(m, code.number(schedule.rows)),
            code.number(schedule.rows), code.number(0)};
  Value pairs = code.ceilDiv(m, code.number(2));
  // Without any rows there are no tiles: one would write its first row.
  Value tiles = code.ceilDiv(pairs, code.number(schedule.rows / 2));
  Value some = code.max(tiles, code.number(1));
  return {tiles, code.mul(code.div(pairs, some), 2), code.rem(pairs, some)};
}

/// (tile, C, its row stride, its column stride, rows, columns, accumulate): a
/// tile from the stack that has more columns than C, or other strides.
func::FuncOp GemmDriver::flush() {
  Type p = code.pointer, i = code.i64, flag = code.builder.getI1Type();
  std::string name = "stepwell.gemm." + types.name() + ".flush";
  return code.function(
      module, name, {p, p, i, i, i, i, flag}, [&](ValueRange given) {
        Value tile = given[0], c = given[1], cRow = given[2],
              cColumn = given[3];
        Value rows = given[4], columns = given[5], accumulate = given[6];
        code.range(code.number(0), rows, 1, [&](Value r) {
          Value from = code.at(tile, code.mul(r, schedule.columns), types.sum);
          Value to = code.at(c, code.mul(r, cRow), types.sum);
          code.range(code.number(0), columns, 1, [&](Value j) {
            Value sum = code.load(types.sum, code.at(from, j, types.sum));
            Value place = code.at(to, code.mul(j, cColumn), types.sum);
            code.when(
                accumulate,
                [&] {
                  Value old = code.load(types.sum, place);
                  Value total = isa<FloatType>(types.sum)
                                    ? Value(arith::AddFOp::create(
                                          code.builder, code.loc, old, sum))
                                    : Value(arith::AddIOp::create(
                                          code.builder, code.loc, old, sum));
                  code.store(total, place);
                },
                [&] { code.store(sum, place); });
          });
        });
      });
}

/// (A, row stride, k stride, step from tile to tile, step from row to row, the
/// smaller height, how many tiles are higher by 2, the first tile, the end, B,
/// its row stride, depth, C, row stride, column stride, all rows, columns,
/// accumulate): tiles of rows by one panel. C and an A in place begin at the
/// first row of all.
func::FuncOp GemmDriver::sweep() {
  Type p = code.pointer, i = code.i64, flag = code.builder.getI1Type();
  SmallVector<Type> arguments{p, i, i, i, i, i, i, i, i,
                              p, i, i, p, i, i, i, i, flag};
  std::string name = "stepwell.gemm." + types.name() + ".sweep";
  return code.function(module, name, arguments, [&](ValueRange given) {
    Value a = given[0], aRow = given[1], aK = given[2], tileStep = given[3],
          rowStep = given[4], low = given[5], higher = given[6],
          begin = given[7], end = given[8], b = given[9], bK = given[10],
          depth = given[11], c = given[12], cRow = given[13],
          cColumn = given[14], height = given[15], columns = given[16],
          accumulate = given[17];
    Value tile = code.stack(types.sum, schedule.rows * schedule.columns);
    Value direct = code.both(code.equal(columns, code.number(schedule.columns)),
                             code.equal(cColumn, code.number(1)));
    Value target = code.number(schedule.columns);
    code.range(begin, end, 1, [&](Value t) {
      Value m = code.add(code.mul(t, low), code.mul(code.min(t, higher), 2));
      Value rows = code.add(low, code.select(code.less(t, higher),
                                             code.number(2), code.number(0)));
      Value real = code.min(rows, code.sub(height, m));
      Value from = code.at(a,
                           code.add(code.mul(code.sub(t, begin), tileStep),
                                    code.mul(m, rowStep)),
                           types.sum);
      Value place = code.at(c, code.mul(m, cRow), types.sum);
      Value to = code.select(direct, place, tile);
      Value toRow = code.select(direct, cRow, target);
      Value add = code.both(accumulate, direct);
      SmallVector<int64_t> heights = schedule.heights();
      std::function<void(ArrayRef<int64_t>)> dispatch =
          [&](ArrayRef<int64_t> left) {
            auto multiply = [&] {
              code.call(kernels.tile(left.back()),
                        {from, aRow, aK, b, bK, depth, to, toRow, real, add});
            };
            if (left.size() == 1)
              return multiply();
            code.when(code.equal(rows, code.number(left.back())), multiply,
                      [&] { dispatch(left.drop_back()); });
          };
      dispatch(heights);
      code.when(code.negate(direct), [&] {
        code.call(flush(),
                  {tile, place, cRow, cColumn, real, columns, accumulate});
      });
    });
  });
}

namespace {

/// What the tasks below are given beside the product.
enum Extra {
  PackedA,    // tiles of A, or null
  PackedB,    // panels of B, or null
  PackPanels, // whether to pack a panel where it is used
  KBegin,
  Depth,
  NBegin,
  NWidth, // the piece of B
  Tiles,
  Low,
  Higher,
  BlockTiles, // in a block of A
  Group,      // steps of k that are packed together
  kExtras
};

} // namespace

void GemmDriver::buildTiles(Value context, Value parallel, Value scratch,
                            const Product &product) {
  int64_t columns = schedule.columns, rows = schedule.rows;
  Type i1 = code.builder.getI1Type();
  SmallVector<Type> environment = fieldTypes();
  SmallVector<Type> extras(kExtras, code.i64);
  extras[PackedA] = extras[PackedB] = code.pointer;
  extras[PackPanels] = i1;
  llvm::append_range(environment, extras);

  struct Given {
    Product p;
    SmallVector<Value> extra;
    Value begin, end;
  };
  auto makeTask = [&](StringRef name,
                      llvm::function_ref<void(const Given &)> body) {
    return code.task(
        module, prefix + name.str(), environment,
        [&](ValueRange values, Value begin, Value end) {
          body({productOf(values.take_front(Product::kFields)),
                SmallVector<Value>(values.drop_front(Product::kFields)), begin,
                end});
        });
  };
  // What a task within a task has no scratch for.
  auto makeShared = [&](StringRef name,
                        llvm::function_ref<void(const Given &)> body) {
    return inTask ? func::FuncOp() : makeTask(name, body);
  };
  Value none = code.null();
  auto tileRow = [&](const Given &g, Value t) {
    return code.add(code.mul(t, g.extra[Low]),
                    code.mul(code.min(t, g.extra[Higher]), 2));
  };
  auto packTile = [&](const Given &g, Value t, Value to) {
    Value m = tileRow(g, t);
    Value end =
        code.min(tileRow(g, code.add(t, code.number(1))), g.p[Product::M]);
    Value height = code.sub(end, m);
    Value place = code.add(code.mul(m, g.p[Product::ARow]),
                           code.mul(g.extra[KBegin], g.p[Product::AK]));
    code.call(kernels.pack(GemmKernels::A, layout.aRow, layout.aK),
              {code.at(g.p[Product::A], place, types.a), g.p[Product::ARow],
               g.p[Product::AK], height, g.extra[Depth], to});
  };
  auto again = [&](const Given &g) {
    return code.either(g.p[Product::Accumulate],
                       code.less(code.number(0), g.extra[KBegin]));
  };
  auto lastPiece = [&](const Given &g) {
    Value end = code.add(g.extra[KBegin], g.extra[Depth]);
    return code.most(g.p[Product::K], end);
  };
  Type packed = types.packed();
  // What a task sets up for its thread.
  auto begin = [&] {
    if (types.amx)
      kernels.configureTiles();
  };
  auto end = [&] {
    if (types.amx)
      kernels.releaseTiles();
  };
  // Tiles [first, last) by a panel; where A's tiles are: the first, strides,
  // steps from tile to tile and from row to row.
  auto multiply = [&](const Given &g, ArrayRef<Value> a, Value first,
                      Value last, Value b, Value bK, Value c, Value width) {
    const Product &p = g.p;
    if (types.amx)
      return code.call(amxSweep(), {a[0], first, last, b, g.extra[Depth], c,
                                    p[Product::CRow], p[Product::CColumn],
                                    p[Product::M], width, again(g)});
    SmallVector<Value> arguments(a);
    arguments.append({g.extra[Low], g.extra[Higher], first, last, b, bK,
                      g.extra[Depth], c, p[Product::CRow], p[Product::CColumn],
                      p[Product::M], width, again(g)});
    code.call(sweep(), arguments);
  };
  // Moderate: panels one after the other, packed on the stack.
  auto packTiles = makeShared("pack_tiles", [&](const Given &g) {
    code.range(g.begin, g.end, 1, [&](Value t) {
      packTile(g, t,
               code.at(g.extra[PackedA], code.mul(t, schedule.packedTile()),
                       packed));
    });
  });
  auto panels = makeTask("panels", [&](const Given &g) {
    Value store = code.stack(packed, schedule.depth * columns);
    begin();
    Value inPlaceA = code.isNull(g.extra[PackedA]);
    Value origin = code.at(
        g.p[Product::A], code.mul(g.extra[KBegin], g.p[Product::AK]), types.a);
    Value zero = code.number(0);
    Value a = code.select(inPlaceA, origin, g.extra[PackedA]);
    Value aRow = code.select(inPlaceA, g.p[Product::ARow], code.number(1));
    Value aK = code.select(inPlaceA, g.p[Product::AK], code.number(rows));
    Value tileStep =
        code.select(inPlaceA, zero, code.number(schedule.packedTile()));
    Value rowStep = code.select(inPlaceA, g.p[Product::ARow], zero);
    finishGroups(
        g.p, g.begin, g.end, columns, code.number(0), g.p[Product::M],
        code.number(0), lastPiece(g), [&](Value panel) {
          Value n = code.mul(panel, columns);
          Value width =
              code.min(code.number(columns), code.sub(g.p[Product::N], n));
          Value place = code.add(code.mul(g.extra[KBegin], g.p[Product::BK]),
                                 code.mul(n, g.p[Product::BColumn]));
          Value from = code.at(g.p[Product::B], place, types.b);
          Value pack = code.either(g.extra[PackPanels],
                                   code.less(width, code.number(columns)));
          code.when(pack, [&] {
            code.call(kernels.pack(GemmKernels::B, layout.bColumn, layout.bK),
                      {from, g.p[Product::BColumn], g.p[Product::BK], width,
                       g.extra[Depth], store});
          });
          Value b = code.select(pack, store, from);
          Value bK = code.select(pack, code.number(columns), g.p[Product::BK]);
          Value c = code.at(g.p[Product::C], code.mul(n, g.p[Product::CColumn]),
                            types.sum);
          multiply(g, {a, aRow, aK, tileStep, rowStep}, code.number(0),
                   g.extra[Tiles], b, bK, c, width);
        });
    end();
  });

  // Large: all of B's piece, then blocks of A by all panels.
  auto packPanels = makeShared("pack_panels", [&](const Given &g) {
    code.range(g.begin, g.end, 1, [&](Value group) {
      Value k = code.mul(group, g.extra[Group]);
      Value depth = code.min(g.extra[Group], code.sub(g.extra[Depth], k));
      Value panels = code.ceilDiv(g.extra[NWidth], code.number(columns));
      code.range(code.number(0), panels, 1, [&](Value panel) {
        Value n = code.mul(panel, columns);
        Value width =
            code.min(code.number(columns), code.sub(g.extra[NWidth], n));
        Value place = code.add(
            code.mul(code.add(g.extra[KBegin], k), g.p[Product::BK]),
            code.mul(code.add(g.extra[NBegin], n), g.p[Product::BColumn]));
        Value to = code.at(
            g.extra[PackedB],
            code.mul(code.add(code.mul(panel, padded(g.extra[Depth])), k),
                     columns),
            packed);
        code.call(kernels.pack(GemmKernels::B, layout.bColumn, layout.bK),
                  {code.at(g.p[Product::B], place, types.b),
                   g.p[Product::BColumn], g.p[Product::BK], width, depth, to});
      });
    });
  });
  auto blocks = makeShared("blocks", [&](const Given &g) {
    Value store =
        code.stack(packed, schedule.blockTiles() * schedule.packedTile());
    begin();
    code.range(g.begin, g.end, 1, [&](Value block) {
      Value first = code.mul(block, g.extra[BlockTiles]);
      Value last =
          code.min(code.add(first, g.extra[BlockTiles]), g.extra[Tiles]);
      code.range(first, last, 1, [&](Value t) {
        packTile(g, t,
                 code.at(store,
                         code.mul(code.sub(t, first), schedule.packedTile()),
                         packed));
      });
      Value panels = code.ceilDiv(g.extra[NWidth], code.number(columns));
      Value rowEnd = code.min(tileRow(g, last), g.p[Product::M]);
      finishGroups(
          g.p, code.number(0), panels, columns, tileRow(g, first), rowEnd,
          g.extra[NBegin], lastPiece(g), [&](Value panel) {
            Value n = code.mul(panel, columns);
            Value width =
                code.min(code.number(columns), code.sub(g.extra[NWidth], n));
            Value b = code.at(
                g.extra[PackedB],
                code.mul(code.mul(panel, padded(g.extra[Depth])), columns),
                packed);
            Value c = code.at(
                g.p[Product::C],
                code.mul(code.add(g.extra[NBegin], n), g.p[Product::CColumn]),
                types.sum);
            multiply(g,
                     {store, code.number(1), code.number(rows),
                      code.number(schedule.packedTile()), code.number(0)},
                     first, last, b, code.number(columns), c, width);
          });
    });
    end();
  });

  // How to go about it.
  const Product &p = product;
  Value m = p[Product::M], n = p[Product::N], k = p[Product::K];
  Value zero = code.number(0), one = code.number(1);
  // Each is worth a thread.
  Value costly = code.number(STEPWELL_SERIAL_COST);
  auto [tiles, low, higher] = tilesOf(m);
  Value pieces = code.max(code.ceilDiv(k, code.number(schedule.depth)), one);
  Value step = padded(code.max(code.ceilDiv(k, pieces), one));
  auto far = [&](Value stride) {
    Value bytes = code.mul(stride, elementBytes());
    return code.both(code.equal(code.rem(bytes, code.number(4096)), zero),
                     code.most(code.number(4096), bytes));
  };
  Value hasScratch =
      inTask ? code.truth(false) : code.negate(code.isNull(scratch));
  Value large =
      code.both(code.less(code.number(2 * schedule.blockRows), m), hasScratch);
  Value unit = code.equal(p[Product::BColumn], one);
  Value packPanel = code.either(
      code.either(code.most(code.number(schedule.packRows), m),
                  code.negate(unit)),
      code.both(far(p[Product::BK]), code.less(code.number(rows), m)));
  if (narrowB())
    packPanel = code.truth(true);
  Value packTileOfA =
      code.both(code.both(code.most(code.number(schedule.packARows), m),
                          code.less(code.number(schedule.packColumns), n)),
                hasScratch);
  if (narrowA())
    packTileOfA = code.truth(true);

  // One environment for all; each way sets what it needs.
  SmallVector<Value> values(p.values);
  SmallVector<Value> more(kExtras, zero);
  more[PackedA] = code.select(packTileOfA, scratch, none);
  more[PackedB] = scratch;
  more[PackPanels] = packPanel;
  more[Tiles] = tiles;
  more[Low] = low;
  more[Higher] = higher;
  llvm::append_range(values, more);
  Value store = code.environment(values);
  auto set = [&](Extra which, Value value) {
    code.set(store, environment, Product::kFields + which, value);
  };
  auto forPieces = [&](llvm::function_ref<void(Value)> body) {
    // Without any k the sums are zero all the same.
    Value count = code.max(code.ceilDiv(k, step), one);
    code.range(zero, count, 1, [&](Value piece) {
      Value begin = code.mul(piece, step);
      Value depth = code.min(step, code.sub(k, begin));
      set(KBegin, begin);
      set(Depth, depth);
      body(depth);
    });
  };
  code.when(
      large,
      [&] {
        Value width = code.number(schedule.blockColumns);
        Value threadsHere = LLVM::LoadOp::create(
            code.builder, code.loc, code.builder.getI32Type(),
            code.at(context, offsetof(stepwell_context, num_threads),
                    code.builder.getI8Type()));
        threadsHere = arith::ExtUIOp::create(code.builder, code.loc, code.i64,
                                             threadsHere);
        threadsHere = code.select(parallel, code.max(threadsHere, one), one);
        // Blocks of equal size, as many as threads can share evenly.
        Value count = code.ceilDiv(tiles, code.number(schedule.blockTiles()));
        count = code.mul(code.ceilDiv(count, threadsHere), threadsHere);
        Value blockTiles = code.ceilDiv(tiles, count);
        count = code.ceilDiv(tiles, blockTiles);
        // Rows of B in their order; turned round, longer pieces of them.
        Value group =
            code.select(unit, code.number(std::max<int64_t>(16, schedule.step)),
                        code.number(64));
        set(BlockTiles, blockTiles);
        set(Group, group);
        code.range(zero, n, schedule.blockColumns, [&](Value column) {
          set(NBegin, column);
          set(NWidth, code.min(width, code.sub(n, column)));
          forPieces([&](Value depth) {
            code.run(packPanels, store, context, parallel,
                     code.ceilDiv(depth, group), costly);
            code.run(blocks, store, context, parallel, count, costly);
          });
        });
      },
      [&] {
        Value panelCount = code.ceilDiv(n, code.number(columns));
        forPieces([&](Value depth) {
          code.when(packTileOfA, [&] {
            code.run(packTiles, store, context, parallel, tiles, costly);
          });
          code.run(
              panels, store, context, parallel, panelCount,
              costOf(code, code.mul(code.mul(m, depth), code.number(columns))));
        });
      });
}
