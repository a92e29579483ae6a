//===- LowerEntry.cpp - Typed buffers instead of tensors ------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Lowering/Entry.h"
#include "stepwell/Lowering/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_LOWERENTRYPASS
#include "stepwell/Lowering/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

/// The buffer of a tensor with a layout class, or null after an error.
MemRefType bufferType(RankedTensorType tensor, StringRef layout,
                      function_ref<InFlightDiagnostic()> emitError) {
  Type element = tensor.getElementType();
  if (element.isInteger(1) || element.isUnsignedInteger()) {
    emitError() << "element type " << element
                << " has no buffer: bool and ui8 are i8 in memory";
    return {};
  }
  int64_t rank = tensor.getRank();
  // One dimension with stride 1, or none at all, is contiguous.
  if (layout == "contiguous" || rank == 0 || (layout == "rows" && rank == 1))
    return MemRefType::get(tensor.getShape(), element);
  SmallVector<int64_t> strides(rank, ShapedType::kDynamic);
  if (layout == "rows") {
    strides.back() = 1;
  } else if (layout != "strided") {
    emitError() << "unknown layout '" << layout
                << "': contiguous, rows or strided";
    return {};
  }
  auto map = StridedLayoutAttr::get(tensor.getContext(), 0, strides);
  return MemRefType::get(tensor.getShape(), element, map);
}

/// The input in whose buffer the value lies, wholly or in part; null for none.
Value viewedInput(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<bufferization::ToTensorOp>(op))
      return value;
    if (!isa<tensor::CastOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp,
             tensor::ExtractSliceOp, tensor::ReshapeOp>(op))
      return {};
    value = op->getOperand(0);
  }
  return {};
}

/// A result that only gained dimensions of size 1 is materialised without them,
/// in a view of the destination that lost them: no temporary is needed then.
void dropUnitDims(OpBuilder &builder, Value &value, Value &buffer) {
  auto expand = value.getDefiningOp<tensor::ExpandShapeOp>();
  if (!expand)
    return;
  auto type = cast<MemRefType>(buffer.getType());
  for (const ReassociationIndices &group : expand.getReassociationIndices())
    if (llvm::count_if(
            group, [&](int64_t dim) { return type.getDimSize(dim) != 1; }) > 1)
      return;
  Location loc = expand.getLoc();
  SmallVector<OpFoldResult> sizes;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    sizes.push_back(
        type.isDynamicDim(dim)
            ? OpFoldResult(
                  memref::DimOp::create(builder, loc, buffer, dim).getResult())
            : builder.getIndexAttr(type.getDimSize(dim)));
  SmallVector<OpFoldResult> zeros(type.getRank(), builder.getIndexAttr(0));
  SmallVector<OpFoldResult> ones(type.getRank(), builder.getIndexAttr(1));
  MemRefType view = memref::SubViewOp::inferRankReducedResultType(
      expand.getSrcType().getShape(), type, zeros, sizes, ones);
  buffer =
      memref::SubViewOp::create(builder, loc, view, buffer, zeros, sizes, ones);
  value = expand.getSrc();
}

struct Input {
  RankedTensorType type;
  MemRefType buffer; // null for a scalar
  bool shapeOnly = false, mayAlias = false, into = false;
  FloatAttr number; // a scalar's value, if it is always the same
};

struct Output {
  MemRefType buffer; // null when written into an input
  int64_t into = -1;
};

class EntryLowering {
public:
  EntryLowering(func::FuncOp main, StringRef entryName)
      : main(main), entryName(entryName) {}

  LogicalResult run() {
    if (failed(readSignature()))
      return failure();
    // What was read for its sizes alone, which are known, reads no data now.
    for (Operation &op :
         llvm::make_early_inc_range(llvm::reverse(main.getBody().front())))
      if (isOpTriviallyDead(&op))
        op.erase();
    buildEntry();
    if (failed(replaceInputs()))
      return failure();
    replaceOutputs();
    main.erase();
    return success();
  }

private:
  LogicalResult readSignature() {
    if (!main.getBody().hasOneBlock())
      return main.emitError("an entry has one block");
    for (auto [i, type] : llvm::enumerate(main.getArgumentTypes())) {
      Input input;
      auto emitError = [&, i = i] {
        return main.emitError() << "input " << i << ": ";
      };
      input.type = dyn_cast<RankedTensorType>(type);
      if (!input.type)
        return emitError() << "expected a ranked tensor, found " << type;
      auto has = [&, i = i](StringRef name) {
        return main.getArgAttr(i, name) != nullptr;
      };
      input.shapeOnly = has(kShapeOnlyAttr);
      input.mayAlias = has(kMayAliasAttr);
      if (has(kScalarAttr)) {
        if (input.type.getRank() != 0)
          return emitError()
                 << "a scalar has no dimensions, found " << input.type;
        if (auto number = main.getArgAttrOfType<FloatAttr>(i, kNumberAttr))
          if (auto type = dyn_cast<FloatType>(input.type.getElementType()))
            input.number = FloatAttr::get(type, number.getValueAsDouble());
      } else {
        auto layout = main.getArgAttrOfType<StringAttr>(i, kLayoutAttr);
        input.buffer = bufferType(
            input.type, layout ? layout.getValue() : "contiguous", emitError);
        if (!input.buffer)
          return failure();
      }
      inputs.push_back(input);
    }
    for (auto [i, type] : llvm::enumerate(main.getResultTypes())) {
      Output output;
      auto emitError = [&, i = i] {
        return main.emitError() << "result " << i << ": ";
      };
      auto tensor = dyn_cast<RankedTensorType>(type);
      if (!tensor)
        return emitError() << "expected a ranked tensor, found " << type;
      if (auto into = main.getResultAttrOfType<IntegerAttr>(i, kIntoAttr)) {
        output.into = into.getInt();
        if (output.into < 0 || output.into >= (int64_t)inputs.size())
          return emitError()
                 << "there is no input " << output.into << " to write into";
        Input &input = inputs[output.into];
        if (!input.buffer || input.shapeOnly || input.type != tensor)
          return emitError() << "cannot write " << tensor << " into input "
                             << output.into << " of type " << input.type;
        if (input.into)
          return emitError() << "input " << output.into << " is written twice";
        input.into = true;
      } else {
        auto layout = main.getResultAttrOfType<StringAttr>(i, kLayoutAttr);
        output.buffer = bufferType(
            tensor, layout ? layout.getValue() : "contiguous", emitError);
        if (!output.buffer)
          return failure();
      }
      outputs.push_back(output);
    }
    // An input that becomes itself is only read: nothing may be made in its
    // place.
    auto ret = cast<func::ReturnOp>(main.getBody().front().getTerminator());
    for (auto [value, output] : llvm::zip_equal(ret.getOperands(), outputs))
      if (output.into >= 0 && value == main.getArgument(output.into))
        inputs[output.into].into = false;
    return success();
  }

  /// The entry with its arguments; the body of main moves into it.
  void buildEntry() {
    OpBuilder builder(main);
    SmallVector<Type> types{LLVM::LLVMPointerType::get(main.getContext())};
    for (const Input &input : inputs)
      types.push_back(input.buffer ? Type(input.buffer)
                                   : input.type.getElementType());
    for (const Output &output : outputs)
      if (output.buffer)
        types.push_back(output.buffer);
    entry = func::FuncOp::create(
        builder, main.getLoc(), entryName,
        builder.getFunctionType(types, builder.getI32Type()));
    entry->setAttr(kEntryAttr, builder.getUnitAttr());
    if (mlir::Attribute required = main->getAttr(kRequiresAttr))
      entry->setAttr(kRequiresAttr, required);
    entry.getBody().takeBody(main.getBody());
    Block &block = entry.getBody().front();
    for (auto [i, type] : llvm::enumerate(types))
      block.insertArgument(i, type, main.getLoc());
  }

  LogicalResult replaceInputs() {
    Block &block = entry.getBody().front();
    OpBuilder builder = OpBuilder::atBlockBegin(&block);
    unsigned first = entry.getNumArguments();
    for (auto [i, input] : llvm::enumerate(inputs)) {
      Value buffer = entry.getArgument(1 + i);
      Value old = block.getArgument(first + i);
      Location loc = old.getLoc();
      if (input.shapeOnly) {
        if (failed(replaceSizes(i, old, buffer)))
          return failure();
        continue;
      }
      Value tensor;
      if (!input.buffer) {
        Value number = buffer;
        if (input.number)
          number = arith::ConstantOp::create(builder, loc, input.number);
        tensor = tensor::FromElementsOp::create(builder, loc, input.type,
                                                ValueRange{number});
      } else if (input.mayAlias) {
        SmallVector<Value> sizes;
        for (int64_t dim = 0; dim < input.buffer.getRank(); ++dim)
          if (input.buffer.isDynamicDim(dim))
            sizes.push_back(memref::DimOp::create(builder, loc, buffer, dim));
        auto packed = MemRefType::get(input.buffer.getShape(),
                                      input.buffer.getElementType());
        Value copy = memref::AllocOp::create(builder, loc, packed, sizes);
        memref::CopyOp::create(builder, loc, buffer, copy);
        tensor = bufferization::ToTensorOp::create(builder, loc, input.type,
                                                   copy, /*restrict=*/true);
      } else {
        tensor = bufferization::ToTensorOp::create(builder, loc, input.type,
                                                   buffer, /*restrict=*/true,
                                                   /*writable=*/input.into);
      }
      old.replaceAllUsesWith(tensor);
      tensors.resize(i + 1);
      tensors[i] = tensor;
    }
    tensors.resize(inputs.size());
    block.eraseArguments(first, inputs.size());
    return success();
  }

  /// A null pointer stands behind this input: its sizes may be read, nothing
  /// else.
  LogicalResult replaceSizes(size_t index, Value old, Value buffer) {
    for (Operation *user : llvm::make_early_inc_range(old.getUsers())) {
      auto dim = dyn_cast<tensor::DimOp>(user);
      if (!dim)
        return user->emitError()
               << "input " << index << " has sizes but no data here ("
               << kShapeOnlyAttr << "), and this operation reads its data";
      OpBuilder builder(dim);
      Value size =
          memref::DimOp::create(builder, dim.getLoc(), buffer, dim.getIndex());
      dim.replaceAllUsesWith(size);
      dim.erase();
    }
    return success();
  }

  void replaceOutputs() {
    auto ret = cast<func::ReturnOp>(entry.getBody().front().getTerminator());
    OpBuilder builder(ret);
    Location loc = ret.getLoc();
    SmallVector<Value> values(ret.getOperands());

    // A destination is a tensor until the end: only so does the bufferization
    // see what else lives in its memory meanwhile.
    OpBuilder first = OpBuilder::atBlockBegin(&entry.getBody().front());
    SmallVector<std::pair<Value, Value>> written;
    unsigned next = 1 + inputs.size();
    for (auto [value, output] : llvm::zip_equal(values, outputs)) {
      if (!output.buffer)
        continue;
      Value result = value, buffer = entry.getArgument(next++);
      dropUnitDims(first, result, buffer);
      Value place = bufferization::ToTensorOp::create(
          first, loc, result.getType(), buffer, /*restrict=*/true,
          /*writable=*/true);
      Value made = bufferization::MaterializeInDestinationOp::create(
                       builder, loc, result, place)
                       .getResult();
      written.push_back({made, buffer});
    }
    // Inputs are overwritten last, when every other result is in its place, and
    // a result that is a view of one that is overwritten is taken out of the
    // way before the first of them is.
    auto overwritten = [&](Value viewed) {
      auto at = llvm::find(tensors, viewed);
      return at == tensors.end() || inputs[at - tensors.begin()].into;
    };
    for (auto [value, output] : llvm::zip_equal(values, outputs)) {
      if (output.buffer || value == tensors[output.into])
        continue;
      Value viewed = viewedInput(value);
      if (!viewed || !overwritten(viewed))
        continue;
      auto type = cast<RankedTensorType>(value.getType());
      value = bufferization::AllocTensorOp::create(builder, loc, type,
                                                   ValueRange{}, value);
    }
    for (auto [value, output] : llvm::zip_equal(values, outputs)) {
      if (output.buffer || value == tensors[output.into])
        continue;
      Value tensor = tensors[output.into];
      // A copy of the input stands for it when the input may alias another.
      if (!inputs[output.into].mayAlias)
        value = bufferization::MaterializeInDestinationOp::create(builder, loc,
                                                                  value, tensor)
                    .getResult();
      written.push_back({value, entry.getArgument(1 + output.into)});
    }
    for (auto [value, buffer] : written)
      bufferization::MaterializeInDestinationOp::create(
          builder, loc, TypeRange{}, value, buffer, /*restrict=*/false,
          /*writable=*/true);
    Value ok = arith::ConstantIntOp::create(builder, loc, 0, 32);
    func::ReturnOp::create(builder, loc, ok);
    ret.erase();
  }

  func::FuncOp main, entry;
  StringRef entryName;
  SmallVector<Input> inputs;
  SmallVector<Output> outputs;
  SmallVector<Value> tensors; // of the inputs; null where there is no data
};

struct LowerEntry : stepwell::impl::LowerEntryPassBase<LowerEntry> {
  using LowerEntryPassBase::LowerEntryPassBase;
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main) {
      getOperation().emitError("a program has one func.func @main");
      return signalPassFailure();
    }
    if (main.isDeclaration()) {
      main.emitError("@main has no body");
      return signalPassFailure();
    }
    if (failed(EntryLowering(main, entryName).run()))
      signalPassFailure();
  }
};

} // namespace
