//===- EmitEntry.cpp - The launch ABI around a typed entry ------------------
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/CPU/Passes.h"
#include "stepwell/Targets/Target.h"
#include "stepwell/abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CPUEMITENTRYPASS
#include "stepwell/Targets/CPU/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

/// Reads arguments from the list of words, one after the other.
class ArgumentReader {
public:
  ArgumentReader(OpBuilder &builder, Location loc, Value words)
      : builder(builder), loc(loc), words(words),
        pointer(LLVM::LLVMPointerType::get(builder.getContext())),
        i64(builder.getI64Type()) {}

  /// Null where the type has no place in the ABI.
  Value read(Type type) {
    if (auto memref = dyn_cast<MemRefType>(type))
      return readTensor(memref);
    if (type.isIndex())
      return arith::IndexCastOp::create(builder, loc, type, load(i64, next++));
    if (type.isInteger(1)) {
      Value byte = load(builder.getI8Type(), next++);
      Value zero = LLVM::ConstantOp::create(builder, loc, byte.getType(), 0);
      return LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::ne, byte,
                                  zero);
    }
    if (isa<FloatType, IntegerType>(type) && type.getIntOrFloatBitWidth() <= 64)
      return load(type, next++);
    return {};
  }

private:
  Value load(Type type, unsigned word) {
    Value address = LLVM::GEPOp::create(builder, loc, pointer, i64, words,
                                        ArrayRef<LLVM::GEPArg>{int32_t(word)});
    return LLVM::LoadOp::create(builder, loc, type, address);
  }

  Value constant(int64_t value) {
    return LLVM::ConstantOp::create(builder, loc, i64, value);
  }

  /// The strides passed for a contiguous tensor need not be read: they follow
  /// from the sizes.
  Value readTensor(MemRefType type) {
    int64_t rank = type.getRank();
    unsigned first = next;
    next += 1 + 2 * rank;
    SmallVector<int64_t> strides;
    int64_t offset;
    if (failed(type.getStridesAndOffset(strides, offset)))
      return {};
    SmallVector<Type> fields{pointer, pointer, i64};
    if (rank)
      fields.append(2, LLVM::LLVMArrayType::get(i64, rank));
    auto structType =
        LLVM::LLVMStructType::getLiteral(builder.getContext(), fields);
    Value descriptor = LLVM::PoisonOp::create(builder, loc, structType);
    auto insert = [&](Value value, ArrayRef<int64_t> position) {
      descriptor = LLVM::InsertValueOp::create(builder, loc, descriptor, value,
                                               position);
    };
    Value data = load(pointer, first);
    insert(data, {0});
    insert(data, {1});
    insert(constant(0), {2});
    bool contiguous = type.getLayout().isIdentity();
    Value running;
    for (int64_t dim = rank - 1; dim >= 0; --dim) {
      Value size = type.isDynamicDim(dim) ? load(i64, first + 1 + dim)
                                          : constant(type.getDimSize(dim));
      Value stride;
      if (!ShapedType::isDynamic(strides[dim]))
        stride = constant(strides[dim]);
      else
        stride = contiguous ? running : load(i64, first + 1 + rank + dim);
      insert(size, {3, dim});
      insert(stride, {4, dim});
      if (contiguous && dim)
        running = LLVM::MulOp::create(builder, loc, stride, size);
    }
    return UnrealizedConversionCastOp::create(builder, loc, type, descriptor)
        .getResult(0);
  }

  OpBuilder &builder;
  Location loc;
  Value words;
  Type pointer, i64;
  unsigned next = 0;
};

/// Replaces every argument after the first `kept` by what is read from one
/// pointer.
LogicalResult rewriteSignature(func::FuncOp function, unsigned kept) {
  Block &block = function.getBody().front();
  Location loc = function.getLoc();
  auto pointer = LLVM::LLVMPointerType::get(function.getContext());
  unsigned count = block.getNumArguments() - kept;
  Value words = block.insertArgument(kept, pointer, loc);
  OpBuilder builder = OpBuilder::atBlockBegin(&block);
  ArgumentReader reader(builder, loc, words);
  for (unsigned i = 0; i < count; ++i) {
    BlockArgument argument = block.getArgument(kept + 1 + i);
    Value value = reader.read(argument.getType());
    if (!value)
      return function.emitError()
             << "argument " << kept + i << " of type " << argument.getType()
             << " has no place in the launch ABI";
    argument.replaceAllUsesWith(value);
  }
  block.eraseArguments(kept + 1, count);
  function.setType(builder.getFunctionType(block.getArgumentTypes(),
                                           function.getResultTypes()));
  function.removeArgAttrsAttr();
  return success();
}

/// Whether it returns 0 whatever it is asked.
bool returnsZero(func::FuncOp companion) {
  Operation *last = companion.getBody().front().getTerminator();
  return llvm::hasSingleElement(companion.getBody()) &&
         last->getNumOperands() == 1 &&
         isConstantIntValue(last->getOperand(0), 0);
}

struct CPUEmitEntry : stepwell::impl::CPUEmitEntryPassBase<CPUEmitEntry> {
  using CPUEmitEntryPassBase::CPUEmitEntryPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<func::FuncOp> entries, sizes;
    for (auto function : module.getOps<func::FuncOp>()) {
      if (function->hasAttr(kEntryAttr))
        entries.push_back(function);
      else if (function->hasAttr(kWorkspaceSizeOfAttr))
        sizes.push_back(function);
    }
    for (func::FuncOp entry : entries) {
      if (entry.getNumArguments() == 0 ||
          !isa<LLVM::LLVMPointerType>(entry.getArgumentTypes()[0]) ||
          entry.getNumResults() != 1 ||
          !entry.getResultTypes()[0].isInteger(32)) {
        entry.emitError("an entry takes a context first and returns an i32");
        return signalPassFailure();
      }
      std::string companion = (entry.getSymName() + "_workspace_size").str();
      if (companions && !module.lookupSymbol(companion))
        addEmptyCompanion(entry, companion);
      if (failed(rewriteSignature(entry, /*kept=*/1)))
        return signalPassFailure();
    }
    for (func::FuncOp size : sizes)
      if (!companions && returnsZero(size))
        size.erase();
      else if (failed(rewriteSignature(size, /*kept=*/0)))
        return signalPassFailure();
    if (!entries.empty() && !module.lookupSymbol("stepwell_abi_version"))
      addVersion(module);
  }

  void addEmptyCompanion(func::FuncOp entry, StringRef name) {
    OpBuilder builder(entry->getContext());
    builder.setInsertionPointAfter(entry);
    auto pointer = LLVM::LLVMPointerType::get(entry.getContext());
    Type i64 = builder.getI64Type();
    auto function =
        func::FuncOp::create(builder, entry.getLoc(), name,
                             builder.getFunctionType({pointer}, {i64}));
    builder.setInsertionPointToStart(function.addEntryBlock());
    Value none = arith::ConstantIntOp::create(builder, entry.getLoc(), i64, 0);
    func::ReturnOp::create(builder, entry.getLoc(), none);
  }

  /// Weak, because several kernels linked into one binary carry it each.
  void addVersion(ModuleOp module) {
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    LLVM::GlobalOp::create(builder, module.getLoc(), builder.getI32Type(),
                           /*isConstant=*/true, LLVM::Linkage::WeakODR,
                           "stepwell_abi_version",
                           builder.getI32IntegerAttr(STEPWELL_ABI_VERSION));
  }
};

} // namespace
