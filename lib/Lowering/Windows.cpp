//===- Windows.cpp - What convolutions and pools share --------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Windows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace stepwell;

//===--- Sizes ------------------------------------------------------------===//

using Size = SizeBuilder::Size;

Value SizeBuilder::value(Size x) const {
  return getValueOrCreateConstantIndexOp(builder, loc, x);
}

Size SizeBuilder::of(Value tensor, int64_t dim) const {
  RankedTensorType type = tensorType(tensor);
  return type.isDynamicDim(dim) ? Size(dimOf(builder, loc, tensor, dim))
                                : constant(type.getDimSize(dim));
}

SmallVector<Size> SizeBuilder::of(Value tensor) const {
  SmallVector<Size> sizes;
  for (int64_t dim = 0; dim < tensorType(tensor).getRank(); ++dim)
    sizes.push_back(of(tensor, dim));
  return sizes;
}

Size SizeBuilder::add(Size a, Size b) const {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return constant(*x + *y);
  if (x == 0)
    return b;
  if (y == 0)
    return a;
  return arith::AddIOp::create(builder, loc, value(a), value(b)).getResult();
}

Size SizeBuilder::sub(Size a, Size b) const {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return constant(*x - *y);
  if (y == 0)
    return a;
  return arith::SubIOp::create(builder, loc, value(a), value(b)).getResult();
}

Size SizeBuilder::mul(Size a, Size b) const {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return constant(*x * *y);
  if (x == 1)
    return b;
  if (y == 1)
    return a;
  return arith::MulIOp::create(builder, loc, value(a), value(b)).getResult();
}

Size SizeBuilder::max(Size a, Size b) const {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return constant(std::max(*x, *y));
  return arith::MaxSIOp::create(builder, loc, value(a), value(b)).getResult();
}

Size SizeBuilder::min(Size a, Size b) const {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return constant(std::min(*x, *y));
  return arith::MinSIOp::create(builder, loc, value(a), value(b)).getResult();
}

Size SizeBuilder::div(Size a, Size b) const {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return constant(*x / *y);
  if (y == 1)
    return a;
  return arith::DivUIOp::create(builder, loc, value(a), value(b)).getResult();
}

Shape Shape::get(ArrayRef<OpFoldResult> sizes, Type element) {
  SmallVector<int64_t> dims;
  SmallVector<Value> values;
  for (OpFoldResult size : sizes) {
    auto known = getConstantIntValue(size);
    dims.push_back(known.value_or(ShapedType::kDynamic));
    values.push_back(known ? Value() : cast<Value>(size));
  }
  return {RankedTensorType::get(dims, element), values};
}

Shape Shape::get(const SizeBuilder &s, RankedTensorType result,
                 ArrayRef<OpFoldResult> sizes) {
  SmallVector<Value> values;
  for (auto [size, dim] : llvm::zip_equal(sizes, result.getShape()))
    values.push_back(ShapedType::isDynamic(dim) ? s.value(size) : Value());
  return {result, values};
}

//===--- Images -----------------------------------------------------------===//

Value stepwell::place(const SizeBuilder &s, Value source,
                      ArrayRef<OpFoldResult> sizes,
                      ArrayRef<OpFoldResult> offsets, ArrayRef<int64_t> steps,
                      TypedAttr fill) {
  SmallVector<OpFoldResult> strides;
  for (int64_t step : steps)
    strides.push_back(s.constant(step));
  Shape shape = Shape::get(sizes, elementOf(source));
  Value value = arith::ConstantOp::create(s.builder, s.loc, fill);
  Value whole = filled(s.builder, s.loc, shape.type, shape.sizes, value);
  return tensor::InsertSliceOp::create(s.builder, s.loc, source, whole, offsets,
                                       s.of(source), strides);
}

Value stepwell::padImage(const SizeBuilder &s, Value image, Value perWindow,
                         const Windows &windows, TypedAttr fill) {
  if (!windows.ceil &&
      llvm::all_of(windows.padding, [](int64_t pad) { return pad == 0; }))
    return image;
  SmallVector<OpFoldResult> sizes = s.of(image);
  SmallVector<OpFoldResult> offsets(4, s.constant(0));
  for (int i = 0; i < 2; ++i) {
    Size pad = s.constant(windows.padding[i]);
    Size &size = sizes[2 + i];
    size = s.add(size, pad);
    offsets[2 + i] = pad;
    if (!windows.ceil) {
      size = s.add(size, pad);
      continue;
    }
    Size last = s.mul(s.sub(s.of(perWindow, 2 + i), s.constant(1)),
                      s.constant(windows.stride[i]));
    Size reach = s.mul(s.sub(windows.kernel[i], s.constant(1)),
                       s.constant(windows.dilation[i]));
    size = s.max(size, s.add(s.add(last, reach), s.constant(1)));
  }
  return place(s, image, sizes, offsets, {1, 1, 1, 1}, fill);
}

Value stepwell::spreadWindows(const SizeBuilder &s, Value perWindow,
                              const Windows &windows,
                              ArrayRef<OpFoldResult> sizes, TypedAttr fill) {
  SmallVector<OpFoldResult> whole = s.of(perWindow), wanted = whole;
  SmallVector<OpFoldResult> offsets(4, s.constant(0)), cut = offsets;
  SmallVector<int64_t> steps{1, 1};
  bool cuts = false, moves = false;
  for (int i = 0; i < 2; ++i) {
    Size reach = s.mul(s.sub(windows.kernel[i], s.constant(1)),
                       s.constant(windows.dilation[i]));
    Size pad = s.constant(windows.padding[i]);
    // Padding beyond the kernel's reach has windows that hold no element.
    Size outside = s.max(s.sub(pad, reach), s.constant(0));
    wanted[2 + i] = s.add(sizes[i], reach);
    whole[2 + i] = s.add(wanted[2 + i], s.mul(outside, s.constant(2)));
    offsets[2 + i] = s.add(s.sub(reach, pad), outside);
    cut[2 + i] = outside;
    cuts |= !isConstantIntValue(outside, 0);
    steps.push_back(windows.stride[i]);
    moves |= windows.stride[i] != 1 || !isConstantIntValue(reach, 0) ||
             windows.padding[i] != 0;
  }
  if (!moves)
    return perWindow;
  Value spread = place(s, perWindow, whole, offsets, steps, fill);
  if (!cuts)
    return spread;
  SmallVector<OpFoldResult> ones(4, s.constant(1));
  return tensor::ExtractSliceOp::create(s.builder, s.loc, spread, cut, wanted,
                                        ones);
}

AffineMap stepwell::windowMap(MLIRContext *context, ArrayRef<int64_t> stride,
                              ArrayRef<int64_t> dilation) {
  SmallVector<AffineExpr> exprs{getAffineDimExpr(0, context),
                                getAffineDimExpr(1, context)};
  for (int i = 0; i < 2; ++i)
    exprs.push_back(getAffineDimExpr(2 + i, context) * stride[i] +
                    getAffineDimExpr(4 + i, context) * dilation[i]);
  return AffineMap::get(6, 0, exprs, context);
}
