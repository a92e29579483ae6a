//===- LowerChecks.cpp - What fails when a program runs -------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "PatternSupport.h"
#include "stepwell/Lowering/Entry.h"
#include "stepwell/Lowering/Passes.h"
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

namespace {
/// Between the passes a check is a call of a function that nobody defines: of
/// whether it failed, then the error's details.
struct Check {
  StringLiteral name;
  stepwell_status status;
};
} // namespace

static constexpr Check kIndexCheck = {"stepwell.check_index",
                                      STEPWELL_INDEX_OUT_OF_RANGE};
static constexpr Check kDivisorCheck = {"stepwell.check_divisor",
                                        STEPWELL_DIVISION_BY_ZERO};
static constexpr Check kChecks[] = {kIndexCheck, kDivisorCheck};

static void createCheck(OpBuilder &b, Location loc, const Check &check,
                        ValueRange operands) {
  auto module =
      b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  if (!module.lookupSymbol(check.name)) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    auto type = b.getFunctionType(operands.getTypes(), {});
    func::FuncOp::create(b, loc, check.name, type).setPrivate();
  }
  func::CallOp::create(b, loc, TypeRange(), check.name, operands);
}

void stepwell::createIndexCheck(OpBuilder &b, Location loc, Value bad,
                                Value index, Value size, Value dim) {
  createCheck(b, loc, kIndexCheck, {bad, index, size, dim});
}

void stepwell::createDivisorCheck(OpBuilder &b, Location loc, Value bad) {
  createCheck(b, loc, kDivisorCheck, bad);
}

namespace {

struct LowerChecks : stepwell::impl::LowerChecksPassBase<LowerChecks> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> declarations;
    for (const Check &check : kChecks)
      if (auto made = getOperation().lookupSymbol<func::FuncOp>(check.name))
        declarations.push_back(made);
    if (declarations.empty())
      return;
    for (auto entry : getOperation().getOps<func::FuncOp>())
      if (entry->hasAttr(kEntryAttr))
        lower(entry);
    for (func::FuncOp declaration : declarations)
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
    SmallVector<std::pair<func::CallOp, stepwell_status>> checks;
    entry.walk([&](func::CallOp call) {
      for (const Check &check : kChecks)
        if (call.getCallee() == check.name)
          checks.emplace_back(call, check.status);
    });
    if (checks.empty())
      return;
    Value context = entry.getArgument(0);
    for (auto [check, status] : checks) {
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
      Value code = arith::ConstantIntOp::create(b, loc, status, 32);
      LLVM::StoreOp::create(
          b, loc, code, field(b, loc, context, offsetof(stepwell_error, code)));
      for (auto [i, detail] : llvm::enumerate(check.getOperands().drop_front()))
        LLVM::StoreOp::create(
            b, loc, detail,
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
