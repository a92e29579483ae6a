//===- VectorizeTransposed.cpp - Operands that run along another loop -----===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "VectorizeTransposed.h"

using namespace mlir;
using namespace stepwell::cpu;

static constexpr unsigned kCacheLineBits = 512;

/// An input that has to be gathered along the vector loop: its stride there is
/// neither 0 nor 1, or is known at run time only.
static bool isGathered(const Access &access, unsigned loop) {
  std::optional<int64_t> stride = access.stride(loop);
  return access.base && (!stride || (*stride != 0 && *stride != 1));
}

SmallVector<unsigned> Transposition::candidates(const LoopNest &nest,
                                                unsigned loop, unsigned width) {
  unsigned inputs = nest.op.getNumDpsInputs();
  if (width < 2 || BodyEmitter::size(nest.op) > kLargestBody)
    return {};
  SmallVector<const Access *> gathered;
  for (auto [i, access] : llvm::enumerate(nest.accesses)) {
    if (i >= inputs) {
      if (access.stride(loop) != 1)
        return {};
    } else if (isGathered(access, loop) &&
               !nest.op.getBlock()->getArgument(i).use_empty()) {
      unsigned bits = access.element.getIntOrFloatBitWidth();
      // Narrow elements only beside wide ones, as masks are: as many as fill
      // 128 bits are rows that are turned in as many registers.
      if (bits != 32 && bits != 64 && (bits % 8 || bits * width > 128))
        return {};
      gathered.push_back(&access);
    }
  }
  SmallVector<unsigned> found;
  for (unsigned along = 0; along < nest.ranges.size(); ++along)
    if (!gathered.empty() && along != loop &&
        llvm::all_of(gathered, [&](const Access *access) {
          return access->stride(along).value_or(1) == 1;
        }))
      found.push_back(along);
  return found;
}

Value Transposition::condition() {
  Value all;
  for (auto [i, access] : llvm::enumerate(nest.accesses)) {
    if (i >= nest.op.getNumDpsInputs() || !isGathered(access, loop) ||
        access.stride(along))
      continue;
    Value unit =
        arith::CmpIOp::create(nest.builder, nest.loc, arith::CmpIPredicate::eq,
                              nest.index().value(access.strides[along]),
                              nest.index().value(nest.index().constant(1)));
    all = all ? arith::AndIOp::create(nest.builder, nest.loc, all, unit)
                    .getResult()
              : unit;
  }
  return all;
}

void Transposition::at(Value place, llvm::function_ref<void()> inner) {
  IndexBuilder index = nest.index();
  SmallVector<OpFoldResult> saved;
  for (Access &access : nest.accesses) {
    saved.push_back(access.offset);
    if (access.base)
      access.offset =
          index.add(access.offset, index.mul(place, access.strides[along]));
  }
  nest.counters[along] = place;
  inner();
  for (auto [access, offset] : llvm::zip(nest.accesses, saved))
    access.offset = offset;
}

void Transposition::build(llvm::function_ref<void(OpFoldResult)> restOfRow) {
  IndexBuilder index = nest.index();
  unsigned bits = 64;
  for (const Access &access : nest.accesses)
    if (isGathered(access, loop))
      bits = std::min(bits, access.element.getIntOrFloatBitWidth());
  // Whole cache lines of what is read and of what is written, unless that would
  // be too much code.
  bits = std::max(bits, 32u);
  unsigned tiles = std::max(1u, kCacheLineBits / (bits * width));
  int64_t step = int64_t(tiles) * width;
  OpFoldResult zero = index.constant(0), end = nest.ranges[along],
               whole = index.roundDown(end, step),
               wholeRow = index.roundDown(nest.ranges[loop], step);
  auto none = [] { return SmallVector<Value>(); };
  auto plus = [&](Value value, int64_t more) {
    return index.value(index.add(value, index.constant(more)));
  };
  nest.range(zero, whole, step, {}, [&](Value row, ValueRange) {
    nest.range(zero, wholeRow, step, {}, [&](Value column, ValueRange) {
      for (unsigned i = 0; i < tiles; ++i)
        for (unsigned j = 0; j < tiles; ++j)
          at(plus(row, i * width),
             [&] { tile(plus(row, i * width), plus(column, j * width)); });
      return none();
    });
    nest.range(row, index.add(row, index.constant(step)), 1, {},
               [&](Value one, ValueRange) {
                 at(one, [&] { restOfRow(wholeRow); });
                 return none();
               });
    return none();
  });
  nest.range(whole, end, 1, {}, [&](Value one, ValueRange) {
    at(one, [&] { restOfRow(zero); });
    return none();
  });
}

Value Transposition::place(const Access &access, OpFoldResult offset) {
  auto type =
      MemRefType::get({int64_t(width)}, access.element,
                      StridedLayoutAttr::get(nest.builder.getContext(),
                                             ShapedType::kDynamic, {1}),
                      cast<MemRefType>(access.base.getType()).getMemorySpace());
  IndexBuilder index = nest.index();
  return memref::ReinterpretCastOp::create(
      nest.builder, nest.loc, type, access.base,
      OpFoldResult(index.value(offset)),
      ArrayRef<OpFoldResult>{index.constant(width)},
      ArrayRef<OpFoldResult>{index.constant(1)});
}

void Transposition::tile(Value row, Value column) {
  IndexBuilder index = nest.index();
  OpBuilder &builder = nest.builder;
  unsigned inputs = nest.op.getNumDpsInputs();
  Value zero = index.value(index.constant(0));
  auto type = [&](const Access &access) {
    return cast<VectorType>(vectorOf(access.element, width));
  };
  auto offset = [&](const Access &access, OpFoldResult along, unsigned lane) {
    OpFoldResult there =
        index.add(access.offset, index.mul(column, access.strides[loop]));
    return index.add(there, index.mul(along, index.constant(lane)));
  };
  auto load = [&](const Access &access, OpFoldResult from) -> Value {
    return vector::LoadOp::create(builder, nest.loc, type(access),
                                  place(access, from), zero);
  };
  // Every operand as one vector per row of the result, whose old elements may
  // be wanted, too.
  SmallVector<SmallVector<Value>> rows(nest.accesses.size());
  for (unsigned i = 0; i < rows.size(); ++i) {
    const Access &access = nest.accesses[i];
    if (nest.op.getBlock()->getArgument(i).use_empty())
      continue;
    if (isGathered(access, loop)) {
      for (unsigned lane = 0; lane < width; ++lane)
        rows[i].push_back(
            load(access, offset(access, access.strides[loop], lane)));
      transpose(rows[i]);
      continue;
    }
    for (unsigned lane = 0; lane < width; ++lane) {
      Value value = access.scalar;
      if (access.base && access.stride(loop) == 1) {
        rows[i].push_back(
            load(access, offset(access, access.strides[along], lane)));
        continue;
      }
      if (access.base)
        value = memref::LoadOp::create(
            builder, nest.loc,
            place(access, offset(access, access.strides[along], lane)), zero);
      rows[i].push_back(
          vector::BroadcastOp::create(builder, nest.loc, type(access), value));
    }
  }
  for (unsigned lane = 0; lane < width; ++lane) {
    nest.counters[along] = index.value(index.add(row, index.constant(lane)));
    SmallVector<Value> arguments;
    for (const SmallVector<Value> &row : rows)
      arguments.push_back(row.empty() ? Value() : row[lane]);
    SmallVector<Value> results = body.emit(arguments, width, loop, column);
    for (auto [i, result] : llvm::enumerate(results)) {
      const Access &access = nest.accesses[inputs + i];
      vector::StoreOp::create(
          builder, nest.loc, result,
          place(access, offset(access, access.strides[along], lane)), zero);
    }
  }
}

/// In log2(width) rounds: round h exchanges the lanes whose number has the bit
/// h between vectors whose numbers differ in it. The rounds inside 128 bits
/// come in the form of the unpack instructions.
void Transposition::transpose(SmallVectorImpl<Value> &rows) {
  OpBuilder &builder = nest.builder;
  unsigned n = rows.size();
  unsigned bits =
      getElementTypeOrSelf(rows.front().getType()).getIntOrFloatBitWidth();
  unsigned inner = std::min(n, 128 / bits);
  auto shuffle = [&](Value a, Value b,
                     llvm::function_ref<int64_t(unsigned)> from) -> Value {
    SmallVector<int64_t> lanes;
    for (unsigned lane = 0; lane < n; ++lane)
      lanes.push_back(from(lane));
    return vector::ShuffleOp::create(builder, nest.loc, a, b, lanes);
  };
  // Groups of `inner` vectors become the columns of `inner` lanes each.
  for (unsigned group = 0; group < n; group += inner)
    for (unsigned pair = inner / 2; pair; pair /= 2) {
      // (a0 b0 a1 b1 …) of the lower halves, and of the upper ones.
      SmallVector<Value> next(inner);
      for (unsigned i = 0; i < inner / 2; ++i) {
        Value a = rows[group + i], b = rows[group + i + inner / 2];
        for (unsigned half = 0; half < 2; ++half)
          next[2 * i + half] = shuffle(a, b, [&](unsigned lane) -> int64_t {
            unsigned base = lane / inner * inner, at = lane % inner;
            unsigned source = base + half * inner / 2 + at / 2;
            return at % 2 ? n + source : source;
          });
      }
      llvm::copy(next, rows.begin() + group);
    }
  for (unsigned h = inner; h < n; h *= 2)
    for (unsigned i = 0; i < n; ++i) {
      if (i & h)
        continue;
      Value a = rows[i], b = rows[i + h];
      rows[i] = shuffle(a, b, [&](unsigned lane) -> int64_t {
        return lane & h ? n + (lane - h) : lane;
      });
      rows[i + h] = shuffle(a, b, [&](unsigned lane) -> int64_t {
        return lane & h ? n + lane : lane + h;
      });
    }
}
