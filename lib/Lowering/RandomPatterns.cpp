//===- RandomPatterns.cpp - Philox-4x32-10 in a body of linalg ------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Words of 32 bits are kept in the lower half of an i64: a product of two is
// one instruction on vectors, and its halves are a shift and a mask.
//===----------------------------------------------------------------------===//
#include "ArrayPatterns.h"
#include "PatternSupport.h"

#include "stepwell/Array/Array.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;
using namespace stepwell;

namespace {

/// i64 and float arithmetic as it is written.
struct Scalars {
  OpBuilder &b;
  Location loc;

  Value integer(uint64_t value) const {
    return arith::ConstantIntOp::create(b, loc, b.getI64Type(),
                                        static_cast<int64_t>(value));
  }
  Value real(Type type, double value) const {
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  }
  template <typename Op> Value make(Value lhs, Value rhs) const {
    return Op::create(b, loc, lhs, rhs);
  }
  Value add(Value x, Value y) const { return make<arith::AddIOp>(x, y); }
  Value sub(Value x, Value y) const { return make<arith::SubIOp>(x, y); }
  Value mul(Value x, Value y) const { return make<arith::MulIOp>(x, y); }
  Value bitXor(Value x, Value y) const { return make<arith::XOrIOp>(x, y); }
  Value bitOr(Value x, Value y) const { return make<arith::OrIOp>(x, y); }
  Value low(Value x) const {
    return make<arith::AndIOp>(x, integer(0xffffffffu));
  }
  Value shiftRight(Value x, unsigned by) const {
    return make<arith::ShRUIOp>(x, integer(by));
  }
  Value shiftLeft(Value x, unsigned by) const {
    return make<arith::ShLIOp>(x, integer(by));
  }
  Value high(Value x) const { return shiftRight(x, 32); }

  /// The upper `bits` bits of a word, plus `plus`, times 2^exponent: exact.
  Value fraction(Value word, unsigned bits, int exponent, Type type,
                 unsigned plus = 0) const {
    // Less than 2^31, so that the signed conversion, which vectors have, will
    // do.
    Value upper = shiftRight(word, 32 - bits);
    if (plus)
      upper = add(upper, integer(plus));
    Value narrow = arith::TruncIOp::create(b, loc, b.getI32Type(), upper);
    Value number = arith::SIToFPOp::create(b, loc, type, narrow);
    return make<arith::MulFOp>(number, real(type, std::ldexp(1.0, exponent)));
  }
};

/// The four words of a block. Salmon, Moraes, Dror and Shaw 2011, "Parallel
/// random numbers: as easy as 1, 2, 3".
struct Block {
  Value words[4];
};

Block philox(const Scalars &s, Value key, Value counter, uint64_t stream) {
  constexpr unsigned kRounds = 10;
  constexpr uint64_t kMultiplier0 = 0xd2511f53, kMultiplier1 = 0xcd9e8d57;
  constexpr uint64_t kWeyl0 = 0x9e3779b9, kWeyl1 = 0xbb67ae85;
  Value x0 = s.low(counter), x1 = s.high(counter),
        x2 = s.integer(stream & 0xffffffffu), x3 = s.integer(stream >> 32);
  Value key0 = s.low(key), key1 = s.high(key);
  for (unsigned round = 0; round < kRounds; ++round) {
    if (round) {
      key0 = s.low(s.add(key0, s.integer(kWeyl0)));
      key1 = s.low(s.add(key1, s.integer(kWeyl1)));
    }
    Value product0 = s.mul(x0, s.integer(kMultiplier0));
    Value product1 = s.mul(x2, s.integer(kMultiplier1));
    x0 = s.bitXor(s.bitXor(s.high(product1), x1), key0);
    x1 = s.low(product1);
    x2 = s.bitXor(s.bitXor(s.high(product0), x3), key1);
    x3 = s.low(product0);
  }
  return {{x0, x1, x2, x3}};
}

Value bits64(const Scalars &s, const Block &block) {
  return s.bitOr(block.words[0], s.shiftLeft(block.words[1], 32));
}

/// A multiple of 2^-24 or 2^-53 in [0, 1).
Value uniform(const Scalars &s, Value word0, Value word1, Type type) {
  if (type.isF64())
    return s.make<arith::AddFOp>(s.fraction(word1, 26, -26, type),
                                 s.fraction(word0, 27, -53, type));
  return s.fraction(word0, 24, -24, type);
}

/// The sum of c^(2n + odd) r^2n (-1)^n / (2n + odd)! over n, c = pi/2: cos(cr),
/// or sin(cr) / r.
Value series(const Scalars &s, Value square, bool odd, Type type) {
  constexpr double kHalfPi = 1.5707963267948966;
  SmallVector<double> terms{odd ? kHalfPi : 1.0};
  // cr is at most pi/4, so that the next term would be lost in rounding.
  for (int n = 1; n <= (type.isF64() ? 9 : 5); ++n)
    terms.push_back(-terms.back() * (kHalfPi * kHalfPi) /
                    ((2 * n + odd) * (2 * n + odd - 1)));
  Value sum = s.real(type, terms.back());
  for (double term : llvm::reverse(ArrayRef(terms).drop_back()))
    sum = s.make<arith::AddFOp>(s.make<arith::MulFOp>(sum, square),
                                s.real(type, term));
  return sum;
}

/// cos(2 pi v), where `top` is the word that v begins with. As v has its turns
/// already, this is far cheaper than math.cos, which reduces any angle.
Value cosineOfTurns(const Scalars &s, Value v, Value top, Type type) {
  // v is q quarters and a rest of at most an eighth.
  Value q = s.shiftRight(s.add(top, s.integer(1u << 29)), 30);
  Value narrow = arith::TruncIOp::create(s.b, s.loc, s.b.getI32Type(), q);
  Value quarters = arith::SIToFPOp::create(s.b, s.loc, type, narrow);
  Value rest = s.make<arith::SubFOp>(
      s.make<arith::MulFOp>(v, s.real(type, 4.0)), quarters);
  Value square = s.make<arith::MulFOp>(rest, rest);
  Value cosine = series(s, square, /*odd=*/false, type);
  Value sine =
      s.make<arith::MulFOp>(series(s, square, /*odd=*/true, type), rest);
  auto isSet = [&](Value number, unsigned bit) -> Value {
    Value masked = s.make<arith::AndIOp>(number, s.integer(bit));
    return arith::CmpIOp::create(s.b, s.loc, arith::CmpIPredicate::ne, masked,
                                 s.integer(0));
  };
  Value size = arith::SelectOp::create(s.b, s.loc, isSet(q, 1), sine, cosine);
  Value minus = arith::NegFOp::create(s.b, s.loc, size);
  return arith::SelectOp::create(s.b, s.loc, isSet(s.add(q, s.integer(1)), 2),
                                 minus, size);
}

Value normal(const Scalars &s, const Block &block, Type type) {
  auto [w0, w1, w2, w3] = block.words;
  // In (0, 1], and in f32 as near to 0 as 2^-48, for the sake of the tails.
  Value u = type.isF64()
                ? s.make<arith::AddFOp>(s.fraction(w1, 26, -26, type),
                                        s.fraction(w0, 27, -53, type, 1))
                : s.make<arith::AddFOp>(s.fraction(w0, 24, -24, type),
                                        s.fraction(w1, 24, -48, type, 1));
  Value v = uniform(s, w2, w3, type);
  Value log = math::LogOp::create(s.b, s.loc, u);
  Value square = s.make<arith::MulFOp>(log, s.real(type, -2.0));
  Value radius = math::SqrtOp::create(s.b, s.loc, square);
  return s.make<arith::MulFOp>(
      radius, cosineOfTurns(s, v, type.isF64() ? w3 : w2, type));
}

/// low + the upper half of (high - low) * bits, by halves.
Value integer(const Scalars &s, Value bits, Value low, Value high) {
  Value range = s.sub(high, low);
  Value x0 = s.low(bits), x1 = s.high(bits);
  Value r0 = s.low(range), r1 = s.high(range);
  Value middle = s.add(s.mul(x0, r1), s.high(s.mul(x0, r0)));
  Value other = s.add(s.mul(x1, r0), s.low(middle));
  Value upper = s.add(s.mul(x1, r1), s.add(s.high(middle), s.high(other)));
  return s.add(low, upper);
}

Value element(array::RandomBitsOp op, const Scalars &s, const Block &block,
              ValueRange) {
  if (op.getBits() == 64)
    return bits64(s, block);
  return arith::TruncIOp::create(s.b, s.loc, s.b.getI32Type(), block.words[0]);
}

Value element(array::RandomUniformOp op, const Scalars &s, const Block &block,
              ValueRange) {
  Type type = op.getDtype(), compute = computeType(type);
  if (compute == type)
    return uniform(s, block.words[0], block.words[1], type);
  // As many bits as f16 or bf16 has, so that nothing is rounded up to 1.
  int bits = cast<FloatType>(type).getFPMantissaWidth();
  return s.fraction(block.words[0], bits, -bits, compute);
}

Value element(array::RandomNormalOp op, const Scalars &s, const Block &block,
              ValueRange) {
  return normal(s, block, computeType(op.getDtype()));
}

Value element(array::RandomIntegersOp, const Scalars &s, const Block &block,
              ValueRange bounds) {
  return integer(s, bits64(s, block), bounds[0], bounds[1]);
}

template <typename Op> struct RandomPattern : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;

  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    RankedTensorType type = tensorType(op.getResult());
    int64_t rank = type.getRank();
    SmallVector<Value> sizes = sizesLike(b, loc, type, adaptor.getLike());
    Value init = emptyTensor(b, loc, type, sizes, type.getElementType());
    for (auto [i, size] : llvm::enumerate(sizes))
      if (!size)
        size = arith::ConstantIndexOp::create(b, loc, type.getDimSize(i));

    // `like` is the last operand; all others are words.
    ValueRange words = adaptor.getOperands().drop_back();
    SmallVector<AffineMap> maps(words.size(),
                                AffineMap::get(rank, 0, b.getContext()));
    maps.push_back(b.getMultiDimIdentityMap(rank));
    uint64_t stream = 0;
    if constexpr (std::is_same_v<Op, array::RandomBitsOp>)
      stream = op.getStream();
    auto generic = linalg::GenericOp::create(
        b, loc, init.getType(), words, init, maps, parallel(rank),
        [&](OpBuilder &b, Location loc, ValueRange args) {
          Scalars s{b, loc};
          Value counter = s.add(args[1], position(s, sizes));
          Block block = philox(s, args[0], counter, stream);
          Value result = element(op, s, block, args.slice(2, words.size() - 2));
          linalg::YieldOp::create(
              b, loc, storeElement(b, loc, result, type.getElementType()));
        });
    b.replaceOp(op, generic);
    return success();
  }

private:
  /// Where an element lies in row-major order, as an i64.
  static Value position(const Scalars &s, ArrayRef<Value> sizes) {
    Value place;
    for (auto [i, size] : llvm::enumerate(sizes)) {
      Value index = linalg::IndexOp::create(s.b, s.loc, i);
      place = place ? s.add(s.mul(place, size), index) : index;
    }
    if (!place)
      return s.integer(0);
    return arith::IndexCastOp::create(s.b, s.loc, s.b.getI64Type(), place);
  }
};

} // namespace

void stepwell::populateRandomPatterns(const TypeConverter &converter,
                                      RewritePatternSet &patterns) {
  patterns.add<RandomPattern<array::RandomBitsOp>,
               RandomPattern<array::RandomUniformOp>,
               RandomPattern<array::RandomNormalOp>,
               RandomPattern<array::RandomIntegersOp>>(converter,
                                                       patterns.getContext());
}
