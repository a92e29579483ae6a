//===- ScanPatterns.cpp - Running sums ------------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ArrayPatterns.h"
#include "PatternSupport.h"

#include "stepwell/Array/Array.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;
using namespace stepwell;

namespace {

/// The running sum of one tensor: one number goes along the last dimension;
/// along another a whole row of them does, element by element.
class RunningSum {
public:
  RunningSum(OpBuilder &b, Location loc, Value input, array::CumsumOp op)
      : b(b), loc(loc), input(input), type(tensorType(op.getResult())),
        element(type.getElementType()), compute(accumulator(element)),
        rank(type.getRank()), dim(op.getDim()), reverse(op.getReverse()) {
    for (int64_t i = 0; i < rank; ++i)
      extents.push_back(dimOf(b, loc, input, i));
    zero = arith::ConstantIndexOp::create(b, loc, 0);
    one = arith::ConstantIndexOp::create(b, loc, 1);
    start = arith::ConstantOp::create(b, loc, b.getZeroAttr(compute));
  }

  Value run() {
    Value result = emptyTensor(b, loc, type, sizesLike(b, loc, type, input),
                               storageType(element));
    if (dim != rank - 1)
      return addRows(result);
    return rank == 1 ? addAlong(result, {}, {}) : addEachRow(result);
  }

private:
  /// A float sum of many numbers needs more digits than its result.
  static Type accumulator(Type element) {
    Type type = computeType(element);
    return element.isF32() ? Float64Type::get(type.getContext()) : type;
  }

  /// The sum so far and what is stored of one element.
  Value sum(OpBuilder &b, Location loc, Value sum, Value stored) {
    Value next = loadElement(b, loc, stored, element);
    if (next.getType() != compute)
      next = arith::ExtFOp::create(b, loc, compute, next);
    if (isa<FloatType>(compute))
      return arith::AddFOp::create(b, loc, sum, next);
    return arith::AddIOp::create(b, loc, sum, next);
  }

  /// Which step of the loop over the dimension is where.
  Value place(Value step) {
    if (!reverse)
      return step;
    Value last = arith::SubIOp::create(b, loc, extents[dim], one);
    return arith::SubIOp::create(b, loc, last, step);
  }

  /// Rows share nothing.
  Value addEachRow(Value result) {
    auto forall = scf::ForallOp::create(
        b, loc, ArrayRef<OpFoldResult>{extents[0]}, result, /*mapping=*/{});
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(forall.getBody());
    Value row = forall.getInductionVars()[0];
    Value whole = forall.getRegionIterArgs()[0];
    SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0)),
        sizes = tensor::getMixedSizes(b, loc, result),
        strides(rank, b.getIndexAttr(1));
    offsets[0] = row;
    sizes[0] = b.getIndexAttr(1);
    Value part =
        tensor::ExtractSliceOp::create(b, loc, whole, offsets, sizes, strides);
    part = carryLoops(b, loc, ArrayRef(extents).slice(1, rank - 2), part,
                      [&](OpBuilder &, Location, ValueRange others, Value out) {
                        SmallVector<Value> from{row}, to{zero};
                        llvm::append_range(from, others);
                        llvm::append_range(to, others);
                        return addAlong(out, from, to);
                      });
    b.setInsertionPointToStart(forall.getTerminator().getBody());
    tensor::ParallelInsertSliceOp::create(b, loc, part, whole, offsets, sizes,
                                          strides);
    return forall.getResult(0);
  }

  Value addAlong(Value out, ValueRange from, ValueRange to) {
    auto loop = scf::ForOp::create(b, loc, zero, extents[dim], one,
                                   ValueRange{out, start});
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value at = place(loop.getInductionVar());
    auto with = [&](ValueRange others) {
      SmallVector<Value> all(others);
      all.push_back(at);
      return all;
    };
    Value stored = tensor::ExtractOp::create(b, loc, input, with(from));
    Value next = sum(b, loc, loop.getRegionIterArg(1), stored);
    Value written =
        tensor::InsertOp::create(b, loc, storeElement(b, loc, next, element),
                                 loop.getRegionIterArg(0), with(to));
    scf::YieldOp::create(b, loc, ValueRange{written, next});
    return loop.getResult(0);
  }

  /// The sums so far are a row of their own: they are wider than what is stored
  /// of f16, and in the first cache.
  Value addRows(Value result) {
    ArrayRef<int64_t> shape = type.getShape().drop_front(dim + 1);
    SmallVector<Value> sizes;
    for (auto [i, size] : llvm::enumerate(shape))
      sizes.push_back(ShapedType::isDynamic(size) ? extents[dim + 1 + i]
                                                  : Value());
    Value sums = emptyTensor(b, loc, RankedTensorType::get(shape, compute),
                             sizes, compute);
    return carryLoops(
        b, loc, ArrayRef(extents).take_front(dim), result,
        [&](OpBuilder &, Location, ValueRange others, Value out) {
          Value none = linalg::FillOp::create(b, loc, start, sums).getResult(0);
          auto loop = scf::ForOp::create(b, loc, zero, extents[dim], one,
                                         ValueRange{out, none});
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(loop.getBody());
          SmallVector<Value> at(others);
          at.push_back(place(loop.getInductionVar()));
          ValueRange carried = loop.getRegionIterArgs();
          auto [rows, next] =
              addRow(rowOf(input, at), rowOf(carried[0], at), carried[1]);
          Value written = tensor::InsertSliceOp::create(
              b, loc, rows, carried[0], offsets(at), extentsOf(carried[0]),
              SmallVector<OpFoldResult>(rank, b.getIndexAttr(1)));
          scf::YieldOp::create(b, loc, ValueRange{written, next});
          return loop.getResult(0);
        });
  }

  SmallVector<OpFoldResult> offsets(ValueRange at) {
    SmallVector<OpFoldResult> offsets(at.begin(), at.end());
    offsets.append(rank - at.size(), b.getIndexAttr(0));
    return offsets;
  }
  SmallVector<OpFoldResult> extentsOf(Value tensor) {
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, tensor);
    std::fill_n(sizes.begin(), dim + 1, b.getIndexAttr(1));
    return sizes;
  }
  Value rowOf(Value tensor, ValueRange at) {
    auto row = RankedTensorType::get(type.getShape().drop_front(dim + 1),
                                     elementOf(tensor));
    return tensor::ExtractSliceOp::create(
        b, loc, row, tensor, offsets(at), extentsOf(tensor),
        SmallVector<OpFoldResult>(rank, b.getIndexAttr(1)));
  }

  std::pair<Value, Value> addRow(Value from, Value to, Value sums) {
    int64_t dims = rank - dim - 1;
    SmallVector<AffineMap> maps(3, b.getMultiDimIdentityMap(dims));
    auto made = linalg::GenericOp::create(
        b, loc, TypeRange{to.getType(), sums.getType()}, from,
        ValueRange{to, sums}, maps, parallel(dims),
        [&](OpBuilder &b, Location loc, ValueRange args) {
          Value next = sum(b, loc, args[2], args[0]);
          linalg::YieldOp::create(
              b, loc, ValueRange{storeElement(b, loc, next, element), next});
        });
    return {made.getResult(0), made.getResult(1)};
  }

  OpBuilder &b;
  Location loc;
  Value input;
  RankedTensorType type;
  Type element, compute;
  int64_t rank, dim;
  bool reverse;
  SmallVector<Value> extents;
  Value zero, one, start;
};

struct CumsumPattern : OpConversionPattern<array::CumsumOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(array::CumsumOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    if (op.getResult().getType().getElementType().isInteger(1))
      return op.emitError("bool is summed as i64: cast it before");
    b.replaceOp(op, RunningSum(b, op.getLoc(), adaptor.getInput(), op).run());
    return success();
  }
};

} // namespace

void stepwell::populateScanPatterns(const TypeConverter &converter,
                                    RewritePatternSet &patterns) {
  patterns.add<CumsumPattern>(converter, patterns.getContext());
}
