//===- LowerChecks.cpp - What fails when a program runs -------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "PatternSupport.h"
#include "stepwell/Lowering/Passes.h"
#include "stepwell/Targets/Target.h"
#include "stepwell/abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <cstddef>

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_LOWERCHECKSPASS
#include "stepwell/Lowering/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

/// Between the passes a check is a call of a function that nobody defines.
static constexpr StringLiteral kIndexCheck = "stepwell.check_index";

void stepwell::createIndexCheck(OpBuilder &b, Location loc, Value bad,
                                Value index, Value size, Value dim) {
  auto module =
      b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  Value operands[] = {bad, index, size, dim};
  if (!module.lookupSymbol(kIndexCheck)) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    auto type = b.getFunctionType(ValueRange(operands).getTypes(), {});
    func::FuncOp::create(b, loc, kIndexCheck, type).setPrivate();
  }
  func::CallOp::create(b, loc, TypeRange(), kIndexCheck, operands);
}

namespace {

struct LowerChecks : stepwell::impl::LowerChecksPassBase<LowerChecks> {
  void runOnOperation() override {
    auto declaration = getOperation().lookupSymbol<func::FuncOp>(kIndexCheck);
    if (!declaration)
      return;
    for (auto entry : getOperation().getOps<func::FuncOp>())
      if (entry->hasAttr(kEntryAttr))
        lower(entry);
    declaration.erase();
  }

  /// The address of a field of the context's error.
  static Value field(OpBuilder &b, Location loc, Value context, size_t offset) {
    auto at = static_cast<int32_t>(offsetof(stepwell_context, error) + offset);
    return LLVM::GEPOp::create(
        b, loc, LLVM::LLVMPointerType::get(b.getContext()), b.getI8Type(),
        context, ArrayRef<LLVM::GEPArg>{at});
  }

  static void lower(func::FuncOp entry) {
    SmallVector<func::CallOp> checks;
    entry.walk([&](func::CallOp call) {
      if (call.getCallee() == kIndexCheck)
        checks.push_back(call);
    });
    if (checks.empty())
      return;
    Value context = entry.getArgument(0);
    for (func::CallOp check : checks) {
      OpBuilder b(check);
      Location loc = check.getLoc();
      auto branch = scf::IfOp::create(b, loc, check.getOperand(0));
      b.setInsertionPointToStart(branch.thenBlock());
      // The first error counts: what follows may come of it.
      Value now = LLVM::LoadOp::create(
          b, loc, b.getI32Type(),
          field(b, loc, context, offsetof(stepwell_error, code)));
      Value none = arith::ConstantIntOp::create(b, loc, STEPWELL_OK, 32);
      Value first =
          arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, now, none);
      auto report = scf::IfOp::create(b, loc, first);
      b.setInsertionPointToStart(report.thenBlock());
      Value code =
          arith::ConstantIntOp::create(b, loc, STEPWELL_INDEX_OUT_OF_RANGE, 32);
      LLVM::StoreOp::create(
          b, loc, code, field(b, loc, context, offsetof(stepwell_error, code)));
      for (unsigned i = 0; i < 3; ++i)
        LLVM::StoreOp::create(
            b, loc, check.getOperand(1 + i),
            field(b, loc, context,
                  offsetof(stepwell_error, detail) + i * sizeof(int64_t)));
      check.erase();
    }
    OpBuilder b = OpBuilder::atBlockBegin(&entry.getBody().front());
    Location loc = entry.getLoc();
    Value ok = arith::ConstantIntOp::create(b, loc, STEPWELL_OK, 32);
    LLVM::StoreOp::create(
        b, loc, ok, field(b, loc, context, offsetof(stepwell_error, code)));
    Operation *ret = entry.getBody().front().getTerminator();
    b.setInsertionPoint(ret);
    Value code = LLVM::LoadOp::create(
        b, loc, b.getI32Type(),
        field(b, loc, context, offsetof(stepwell_error, code)));
    ret->setOperand(0, code);
  }
};

} // namespace
