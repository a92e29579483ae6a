//===- CheckProgram.cpp - What the descent starts from --------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Array/Array.h"
#include "stepwell/Autodiff/Autodiff.h"
#include "stepwell/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CHECKPROGRAMPASS
#include "stepwell/Transforms/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

struct CheckProgram : stepwell::impl::CheckProgramPassBase<CheckProgram> {
  void runOnOperation() override {
    if (failed(check(getOperation())))
      signalPassFailure();
  }

private:
  static LogicalResult check(ModuleOp module) {
    auto main = module.lookupSymbol<func::FuncOp>("main");
    if (!main)
      return module.emitError("a program has one func.func @main");
    if (main.isDeclaration())
      return main.emitError("@main has no body");
    for (Operation &op : *module.getBody())
      if (&op != main)
        return op.emitError("a program is @main alone: '")
               << op.getName() << "' beside it is not supported; inline it";
    if (!main.getBody().hasOneBlock())
      return main.emitError("an entry has one block");
    for (TypeRange types :
         {TypeRange(main.getArgumentTypes()), TypeRange(main.getResultTypes())})
      for (Type type : types)
        if (!array::toTensorType(type))
          return main.emitError("@main takes and gives tensors of the array "
                                "dialect, not ")
                 << type;
    WalkResult result = main.getBody().walk([](Operation *op) -> WalkResult {
      if (isa_and_nonnull<array::ArrayDialect, autodiff::AutodiffDialect>(
              op->getDialect()) ||
          isa<func::ReturnOp>(op))
        return WalkResult::advance();
      return op->emitError("'")
             << op->getName()
             << "' is no operation of a program, which are those of the "
                "dialects array and autodiff";
    });
    return failure(result.wasInterrupted());
  }
};

} // namespace
