//===- PointerArguments.cpp - Bare pointers for buffers -------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/GPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_POINTERARGUMENTSPASS
#include "stepwell/Targets/GPU/Passes.h.inc"
} // namespace stepwell

namespace {

/// A descriptor as the LLVM lowering knows it. Its size is read by nobody.
Value describe(OpBuilder &builder, Location loc, Value pointer) {
  MLIRContext *context = builder.getContext();
  Type i64 = builder.getI64Type();
  auto array = LLVM::LLVMArrayType::get(i64, 1);
  auto type = LLVM::LLVMStructType::getLiteral(
      context, {pointer.getType(), pointer.getType(), i64, array, array});
  Value descriptor = LLVM::PoisonOp::create(builder, loc, type);
  auto insert = [&](Value value, ArrayRef<int64_t> position) {
    descriptor =
        LLVM::InsertValueOp::create(builder, loc, descriptor, value, position);
  };
  Value zero = LLVM::ConstantOp::create(builder, loc, i64, 0);
  Value one = LLVM::ConstantOp::create(builder, loc, i64, 1);
  insert(pointer, {0});
  insert(pointer, {1});
  insert(zero, {2});
  insert(zero, {3, 0});
  insert(one, {4, 0});
  return descriptor;
}

struct PointerArguments
    : stepwell::impl::PointerArgumentsPassBase<PointerArguments> {
  void runOnOperation() override {
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    for (auto function : getOperation().getOps<gpu::GPUFuncOp>()) {
      OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
      SmallVector<Type> types;
      // Workgroup memory follows the parameters in the block.
      for (BlockArgument argument :
           function.getArguments().take_front(function.getNumArguments())) {
        Type type = argument.getType();
        if (isa<MemRefType>(type)) {
          argument.setType(pointer);
          Value descriptor = describe(builder, argument.getLoc(), argument);
          Value memref = UnrealizedConversionCastOp::create(
                             builder, argument.getLoc(), type, descriptor)
                             .getResult(0);
          argument.replaceUsesWithIf(memref, [](OpOperand &use) {
            return !isa<LLVM::InsertValueOp>(use.getOwner());
          });
        }
        types.push_back(argument.getType());
      }
      function.setFunctionType(builder.getFunctionType(types, {}));
    }
  }
};

} // namespace
