//===- KernelBuilder.cpp - Sizes, views and elements inside a kernel ------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace stepwell;

static MemRefType flat(Type element) {
  return MemRefType::get({ShapedType::kDynamic}, element);
}

SmallVector<Type> stepwell::wordTypes(TypeRange arguments) {
  SmallVector<Type> words;
  for (Type type : arguments) {
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref) {
      words.push_back(IntegerType::get(type.getContext(), 64));
      continue;
    }
    words.push_back(flat(memref.getElementType()));
    words.append(2 * memref.getRank(), IndexType::get(type.getContext()));
  }
  if (!arguments.empty())
    words.push_back(flat(IntegerType::get(arguments[0].getContext(), 8)));
  return words;
}

KernelBuilder::KernelBuilder(OpBuilder &builder, Location loc,
                             ValueRange arguments, ValueRange words)
    : builder(builder), loc(loc) {
  for (Value argument : arguments) {
    auto type = dyn_cast<MemRefType>(argument.getType());
    if (!type) {
      // The low bytes of the word.
      Value word = words.front();
      Type scalar = argument.getType();
      if (scalar.isIndex()) {
        word = arith::IndexCastOp::create(builder, loc, scalar, word);
      } else {
        unsigned width = scalar.getIntOrFloatBitWidth();
        Type bits = builder.getIntegerType(width);
        if (width < 64)
          word = arith::TruncIOp::create(builder, loc, bits, word);
        if (isa<FloatType>(scalar))
          word = arith::BitcastOp::create(builder, loc, scalar, word);
      }
      mapping.map(argument, word);
      words = words.drop_front();
      continue;
    }
    FlatView view;
    view.buffer = words.front();
    view.offset = constant(0);
    fillFromType(view, type, words.slice(1, 2 * type.getRank()));
    views[argument] = view;
    words = words.drop_front(1 + 2 * type.getRank());
  }
  workspace = words.empty() ? Value() : words.front();
}

Value KernelBuilder::constant(int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}
Value KernelBuilder::add(Value a, Value b) {
  return builder.createOrFold<arith::AddIOp>(loc, a, b);
}
Value KernelBuilder::mul(Value a, Value b) {
  return builder.createOrFold<arith::MulIOp>(loc, a, b);
}
Value KernelBuilder::product(ValueRange values) {
  Value result = constant(1);
  for (Value value : values)
    result = mul(result, value);
  return result;
}

void KernelBuilder::fillFromType(FlatView &view, MemRefType type,
                                 ValueRange words) {
  int64_t rank = type.getRank();
  for (int64_t i = 0; i < rank; ++i)
    view.sizes.push_back(type.isDynamicDim(i) ? words[i]
                                              : constant(type.getDimSize(i)));
  view.packed = type.getLayout().isIdentity();
  auto [strides, offset] = type.getStridesAndOffset();
  for (int64_t i = 0; i < rank; ++i)
    view.strides.push_back(ShapedType::isDynamic(strides[i])
                               ? words[rank + i]
                               : constant(strides[i]));
}

void KernelBuilder::pack(FlatView &view) {
  view.packed = true;
  view.strides.assign(view.sizes.size(), {});
  Value stride = constant(1);
  for (size_t i = view.sizes.size(); i-- > 0;) {
    view.strides[i] = stride;
    stride = mul(stride, view.sizes[i]);
  }
}

FailureOr<FlatView> KernelBuilder::view(Value memref) {
  auto found = views.find(memref);
  if (found != views.end())
    return found->second;
  FailureOr<FlatView> made = makeView(memref);
  if (succeeded(made))
    views[memref] = *made;
  return made;
}

FailureOr<FlatView> KernelBuilder::makeView(Value memref) {
  Operation *op = memref.getDefiningOp();
  if (!op)
    return emitError(memref.getLoc(), "a kernel takes buffers of the entry, "
                                      "not those a block is given"),
           failure();
  FlatView result;
  auto read = [&](OpFoldResult value) -> FailureOr<Value> {
    if (auto attribute = dyn_cast<Attribute>(value))
      return constant(cast<IntegerAttr>(attribute).getInt());
    return scalar(cast<Value>(value));
  };
  auto readAll = [&](ArrayRef<OpFoldResult> values,
                     SmallVector<Value> &to) -> LogicalResult {
    for (OpFoldResult value : values) {
      FailureOr<Value> known = read(value);
      if (failed(known))
        return failure();
      to.push_back(*known);
    }
    return success();
  };

  if (auto cast = dyn_cast<memref::CastOp>(op)) {
    FailureOr<FlatView> source = view(cast.getSource());
    return source;
  }
  if (auto place = dyn_cast<memref::ViewOp>(op)) {
    // The only bytes there are: the workspace.
    if (!place.getSource().getDefiningOp<UnrealizedConversionCastOp>() ||
        !workspace)
      return op->emitError("a view of bytes that are not the workspace"),
             failure();
    FailureOr<Value> shift = scalar(place.getByteShift());
    MemRefType type = place.getType();
    SmallVector<Value> sizes;
    for (Value size : place.getSizes()) {
      FailureOr<Value> known = scalar(size);
      if (failed(known))
        return failure();
      sizes.push_back(*known);
    }
    if (failed(shift))
      return failure();
    result.offset = constant(0);
    size_t next = 0;
    for (int64_t i = 0; i < type.getRank(); ++i)
      result.sizes.push_back(
          type.isDynamicDim(i) ? sizes[next++] : constant(type.getDimSize(i)));
    pack(result);
    result.buffer = memref::ViewOp::create(
        builder, loc, flat(type.getElementType()), workspace, *shift,
        ValueRange{product(result.sizes)});
    return result;
  }
  if (auto sub = dyn_cast<memref::SubViewOp>(op)) {
    FailureOr<FlatView> source = view(sub.getSource());
    SmallVector<Value> offsets, sizes, strides;
    if (failed(source) || failed(readAll(sub.getMixedOffsets(), offsets)) ||
        failed(readAll(sub.getMixedSizes(), sizes)) ||
        failed(readAll(sub.getMixedStrides(), strides)))
      return failure();
    result.buffer = source->buffer;
    result.offset = source->offset;
    llvm::SmallBitVector dropped = sub.getDroppedDims();
    for (size_t i = 0; i < offsets.size(); ++i) {
      result.offset = add(result.offset, mul(offsets[i], source->strides[i]));
      if (dropped.test(i))
        continue;
      result.sizes.push_back(sizes[i]);
      result.strides.push_back(mul(strides[i], source->strides[i]));
    }
    return result;
  }
  if (auto turn = dyn_cast<memref::TransposeOp>(op)) {
    FailureOr<FlatView> source = view(turn.getIn());
    if (failed(source))
      return failure();
    result.buffer = source->buffer;
    result.offset = source->offset;
    for (AffineExpr dim : turn.getPermutation().getResults()) {
      unsigned i = cast<AffineDimExpr>(dim).getPosition();
      result.sizes.push_back(source->sizes[i]);
      result.strides.push_back(source->strides[i]);
    }
    return result;
  }
  if (isa<memref::CollapseShapeOp, memref::ExpandShapeOp>(op)) {
    FailureOr<FlatView> source = view(op->getOperand(0));
    if (failed(source))
      return failure();
    if (!source->packed)
      return op->emitError("a GPU kernel reshapes packed buffers only"),
             failure();
    result.buffer = source->buffer;
    result.offset = source->offset;
    if (auto collapse = dyn_cast<memref::CollapseShapeOp>(op)) {
      for (ArrayRef<int64_t> group : collapse.getReassociationIndices()) {
        SmallVector<Value> sizes;
        for (int64_t i : group)
          sizes.push_back(source->sizes[i]);
        result.sizes.push_back(product(sizes));
      }
    } else if (failed(readAll(
                   cast<memref::ExpandShapeOp>(op).getMixedOutputShape(),
                   result.sizes))) {
      return failure();
    }
    pack(result);
    return result;
  }
  return op->emitError("no GPU kernel can take the result of this operation "
                       "as a buffer"),
         failure();
}

FailureOr<Value> KernelBuilder::scalar(Value value) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  if (auto dim = dyn_cast_or_null<memref::DimOp>(op)) {
    FailureOr<FlatView> source = view(dim.getSource());
    std::optional<int64_t> index = dim.getConstantIndex();
    if (failed(source))
      return failure();
    if (!index || *index < 0 || *index >= (int64_t)source->sizes.size())
      return op->emitError("a kernel needs to know which dimension"), failure();
    mapping.map(value, source->sizes[*index]);
    return source->sizes[*index];
  }
  if (!op || !isPure(op) || op->getNumRegions())
    return emitError(value.getLoc(),
                     "a kernel cannot compute this value from the words of the "
                     "launch ABI"),
           failure();
  for (Value operand : op->getOperands())
    if (failed(scalar(operand)))
      return failure();
  builder.clone(*op, mapping);
  return mapping.lookup(value);
}

SmallVector<Value> KernelBuilder::delinearize(Value flatIndex,
                                              ValueRange sizes) {
  SmallVector<Value> indices(sizes.size());
  for (size_t i = sizes.size(); i-- > 1;) {
    indices[i] = arith::RemUIOp::create(builder, loc, flatIndex, sizes[i]);
    flatIndex = arith::DivUIOp::create(builder, loc, flatIndex, sizes[i]);
  }
  if (!sizes.empty())
    indices[0] = flatIndex;
  return indices;
}

Value KernelBuilder::position(const FlatView &view, ValueRange indices) {
  Value result = view.offset;
  for (auto [index, stride] : llvm::zip_equal(indices, view.strides))
    result = add(mul(index, stride), result);
  return result;
}

Value KernelBuilder::load(const FlatView &view, ValueRange indices) {
  return memref::LoadOp::create(builder, loc, view.buffer,
                                position(view, indices));
}

void KernelBuilder::store(Value value, const FlatView &view,
                          ValueRange indices) {
  memref::StoreOp::create(builder, loc, value, view.buffer,
                          position(view, indices));
}
