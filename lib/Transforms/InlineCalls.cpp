//===- InlineCalls.cpp - Calls give way to what they compute --------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Transforms/Passes.h"

#include "stepwell/Array/Array.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_INLINECALLSPASS
#include "stepwell/Transforms/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

/// Clones a block before `op`; what its terminator returned.
SmallVector<Value> inlineBlock(Operation *op, Block &block, ValueRange inputs) {
  OpBuilder builder(op);
  IRMapping mapping;
  mapping.map(block.getArguments(), inputs);
  for (Operation &each : block.without_terminator())
    builder.clone(each, mapping);
  return llvm::map_to_vector(
      block.getTerminator()->getOperands(),
      [&](Value value) { return mapping.lookup(value); });
}

/// The results of a lowering, which may know more or less of their sizes than
/// the call.
void replaceBy(array::CallOp call, ArrayRef<Value> values) {
  OpBuilder builder(call);
  for (auto [result, value] : llvm::zip(call.getResults(), values)) {
    Value typed = value;
    if (value.getType() != result.getType())
      typed = tensor::CastOp::create(builder, call.getLoc(), result.getType(),
                                     value);
    result.replaceAllUsesWith(typed);
  }
  call.erase();
}

struct InlineCalls : stepwell::impl::InlineCallsPassBase<InlineCalls> {
  using InlineCallsPassBase::InlineCallsPassBase;

  void runOnOperation() override {
    // Once the calls that stand in no other one are gone, others do not.
    for (;;) {
      SmallVector<array::CallOp> calls;
      getOperation()->walk<WalkOrder::PreOrder>([&](array::CallOp call) {
        calls.push_back(call);
        return WalkResult::skip();
      });
      if (calls.empty())
        return;
      for (array::CallOp call : calls) {
        if (!call.getLowering())
          replaceBy(call, inlineBlock(call, call.getBody().front(),
                                      call.getInputs()));
        else if (failed(inlineLowering(call)))
          return signalPassFailure();
      }
    }
  }

private:
  LogicalResult inlineLowering(array::CallOp call) {
    auto refuse = [&](const Twine &what) {
      return call.emitError("the lowering of '")
             << call.getCallee() << "' " << what;
    };
    if (!lowerings)
      return refuse("is not compiled: a program from outside has none");
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(
        *call.getLowering(), ParserConfig(&getContext()));
    if (!module)
      return refuse("cannot be read");
    auto functions = llvm::to_vector(module->getOps<func::FuncOp>());
    if (functions.size() != 1 || !functions[0].getBody().hasOneBlock())
      return refuse("must be one func.func of one block");
    func::FuncOp function = functions[0];
    auto fits = [](TypeRange given, TypeRange wanted) {
      return given.size() == wanted.size() &&
             llvm::all_of(llvm::zip(given, wanted), [](auto pair) {
               auto a = dyn_cast<RankedTensorType>(std::get<0>(pair));
               auto b = cast<RankedTensorType>(std::get<1>(pair));
               return a && a.getElementType() == b.getElementType() &&
                      succeeded(verifyCompatibleShape(a, b));
             });
    };
    // Whatever else the body reads it may leave out.
    ValueRange taken = call.getInputs().take_front(function.getNumArguments());
    if (!fits(function.getArgumentTypes(), taken.getTypes()) ||
        !fits(function.getResultTypes(), call.getResultTypes())) {
      return call.emitError("the lowering of '")
             << call.getCallee() << "' has type " << function.getFunctionType()
             << ", expected "
             << FunctionType::get(&getContext(), taken.getTypes(),
                                  call.getResultTypes());
    }
    for (Type type : llvm::concat<const Type>(function.getArgumentTypes(),
                                              function.getResultTypes()))
      if (getElementTypeOrSelf(type).isInteger(1))
        return refuse("has a tensor of truth values, which it cannot");
    WalkResult known = function.walk([&](Operation *op) -> WalkResult {
      if (isa_and_nonnull<arith::ArithDialect, func::FuncDialect,
                          linalg::LinalgDialect, math::MathDialect,
                          scf::SCFDialect, tensor::TensorDialect,
                          array::ArrayDialect>(op->getDialect()) &&
          !isa<func::CallOp>(op))
        return WalkResult::advance();
      (void)refuse("has the operation '" + op->getName().getStringRef() +
                   "', which the descent does not take from there");
      return WalkResult::interrupt();
    });
    if (known.wasInterrupted())
      return failure();
    OpBuilder builder(call);
    SmallVector<Value> inputs;
    for (auto [value, type] : llvm::zip(taken, function.getArgumentTypes()))
      inputs.push_back(
          value.getType() == type
              ? value
              : tensor::CastOp::create(builder, call.getLoc(), type, value)
                    .getResult());
    replaceBy(call, inlineBlock(call, function.getBody().front(), inputs));
    return success();
  }
};

} // namespace
