//===- BindArguments.cpp - Storage buffers instead of parameters ----------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/GPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVAttributes.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/SPIRV/IR/TargetAndABI.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_BINDARGUMENTSPASS
#include "stepwell/Targets/GPU/Passes.h.inc"
} // namespace stepwell

namespace {

class Binder {
public:
  explicit Binder(gpu::GPUFuncOp function)
      : function(function), body(function.getBody().front()),
        builder(OpBuilder::atBlockBegin(&body)) {}

  LogicalResult run() {
    unsigned count = function.getNumArguments();
    if (count == 0 || !isBuffer(function.getArgument(count - 1)))
      return function.emitError(
          "expected the words of the launch ABI and the workspace");
    if (failed(moveWorkgroupMemory()))
      return failure();
    SmallVector<BlockArgument> old(body.getArguments());
    // New arguments follow the old ones until those are gone.
    words = bind(0, builder.getI64Type());
    // Sizes and strides first: what follows may put their users here.
    for (unsigned index = 0; index + 1 < old.size(); ++index)
      if (!isBuffer(old[index]) && !old[index].use_empty())
        old[index].replaceAllUsesWith(readWord(index, old[index].getType()));
    unsigned binding = 1;
    for (unsigned index = 0; index + 1 < old.size(); ++index) {
      BlockArgument argument = old[index];
      if (!isBuffer(argument))
        continue;
      Type element = cast<MemRefType>(argument.getType()).getElementType();
      unsigned place = binding++;
      if (argument.use_empty())
        continue;
      if (failed(checkElement(element)))
        return failure();
      Value first = readWord(index, builder.getIndexType());
      if (failed(redirect(argument, bind(place, element), first)))
        return failure();
    }
    if (failed(bindWorkspace(old.back(), binding)))
      return failure();
    body.eraseArguments(0, old.size());
    SmallVector<Type> types(body.getArgumentTypes());
    function.setFunctionType(builder.getFunctionType(types, {}));
    for (auto [index, abi] : llvm::enumerate(bindings))
      function.setArgAttr(index, spirv::getInterfaceVarABIAttrName(), abi);
    auto size = function.getKnownBlockSize();
    if (!size)
      return function.emitError("the size of a block is unknown");
    function->setAttr(
        spirv::getEntryPointABIAttrName(),
        spirv::getEntryPointABIAttr(function.getContext(), *size));
    return success();
  }

private:
  static bool isBuffer(Value value) { return isa<MemRefType>(value.getType()); }

  MemRefType bufferType(Type element, ArrayRef<int64_t> shape,
                        spirv::StorageClass storage) {
    return MemRefType::get(
        shape, element, AffineMap(),
        spirv::StorageClassAttr::get(builder.getContext(), storage));
  }

  Value bind(unsigned binding, Type element) {
    bindings.push_back(spirv::getInterfaceVarABIAttr(0, binding, std::nullopt,
                                                     builder.getContext()));
    return body.addArgument(bufferType(element, {ShapedType::kDynamic},
                                       spirv::StorageClass::StorageBuffer),
                            function.getLoc());
  }

  LogicalResult checkElement(Type element) {
    if (element.isBF16())
      return function.emitError("SPIR-V has no bf16 yet");
    return success();
  }

  Value readWord(unsigned index, Type type) {
    Location loc = function.getLoc();
    Value place = arith::ConstantIndexOp::create(builder, loc, index);
    Value word = memref::LoadOp::create(builder, loc, words, place);
    if (type.isIndex())
      word = arith::IndexCastOp::create(builder, loc, type, word);
    return word;
  }

  /// Loads and stores of `from` at i go to `to` at first + i.
  LogicalResult redirect(Value from, Value to, Value first) {
    for (OpOperand &use : llvm::make_early_inc_range(from.getUses())) {
      Operation *user = use.getOwner();
      OpBuilder at(user);
      auto shift = [&](Value index) -> Value {
        return at.createOrFold<arith::AddIOp>(user->getLoc(), index, first);
      };
      if (auto load = dyn_cast<memref::LoadOp>(user)) {
        load.getIndicesMutable().assign(shift(load.getIndices().front()));
        load.setMemRef(to);
      } else if (auto store = dyn_cast<memref::StoreOp>(user)) {
        store.getIndicesMutable().assign(shift(store.getIndices().front()));
        store.setMemRef(to);
      } else {
        return user->emitError("no use of a storage buffer");
      }
    }
    return success();
  }

  /// Bytes have no type of their own here, so the workspace is bound once for
  /// every element type, in this fixed order.
  LogicalResult bindWorkspace(Value workspace, unsigned firstBinding) {
    Type order[] = {builder.getI8Type(),  builder.getIntegerType(16),
                    builder.getI32Type(), builder.getI64Type(),
                    builder.getF16Type(), builder.getF32Type(),
                    builder.getF64Type()};
    DenseMap<Type, Value> bound;
    for (Operation *user : llvm::make_early_inc_range(workspace.getUsers())) {
      auto view = dyn_cast<memref::ViewOp>(user);
      if (!view)
        return user->emitError("the workspace is used through views only");
      Type element = view.getType().getElementType();
      if (failed(checkElement(element)))
        return failure();
      auto found = llvm::find(order, element);
      if (found == std::end(order))
        return user->emitError("no such workspace: ") << element;
      Value &buffer = bound[element];
      if (!buffer)
        buffer = bind(firstBinding + std::distance(order, found), element);
      OpBuilder at(view);
      Location loc = view.getLoc();
      Value bytes = arith::ConstantIndexOp::create(
          at, loc, element.getIntOrFloatBitWidth() / 8);
      Value first =
          at.createOrFold<arith::DivUIOp>(loc, view.getByteShift(), bytes);
      if (failed(redirect(view, buffer, first)))
        return failure();
      view.erase();
    }
    return success();
  }

  /// gpu.func's attributions do not lower to SPIR-V; an allocation does.
  LogicalResult moveWorkgroupMemory() {
    unsigned count = function.getNumWorkgroupAttributions();
    unsigned first = function.getFirstWorkgroupAttributionIndex();
    for (unsigned i = first; i < first + count; ++i) {
      BlockArgument shared = body.getArgument(i);
      auto type = cast<MemRefType>(shared.getType());
      if (failed(checkElement(type.getElementType())))
        return failure();
      shared.replaceAllUsesWith(memref::AllocOp::create(
          builder, function.getLoc(),
          bufferType(type.getElementType(), type.getShape(),
                     spirv::StorageClass::Workgroup)));
    }
    body.eraseArguments(first, count);
    function->removeAttr("workgroup_attributions");
    return success();
  }

  gpu::GPUFuncOp function;
  Block &body;
  OpBuilder builder;
  Value words;
  SmallVector<Attribute> bindings;
};

struct BindArguments : stepwell::impl::BindArgumentsPassBase<BindArguments> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<gpu::GPUFuncOp>())
      if (failed(Binder(function).run()))
        return signalPassFailure();
    // Where the conversion of math looks for it; by default there is no f64.
    ArrayAttr targets = getOperation().getTargetsAttr();
    if (targets && targets.size() == 1)
      getOperation()->setAttr(spirv::getTargetEnvAttrName(), targets[0]);
  }
};

} // namespace
