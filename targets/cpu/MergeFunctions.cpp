//===- MergeFunctions.cpp - One function for what is computed again ----------
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "MergeFunctions.h"

#include "BodyEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OperationSupport.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace {

/// What functions have in common that do the same, whatever they are called.
llvm::hash_code hashOf(func::FuncOp function) {
  llvm::hash_code hash = hash_value(function.getFunctionType());
  function.getBody().walk([&](Operation *op) {
    hash =
        llvm::hash_combine(hash, OperationEquivalence::computeHash(
                                     op, OperationEquivalence::ignoreHashValue,
                                     OperationEquivalence::ignoreHashValue,
                                     OperationEquivalence::IgnoreLocations));
  });
  return hash;
}

bool areEqual(func::FuncOp a, func::FuncOp b) {
  return a.getFunctionType() == b.getFunctionType() &&
         a->getDiscardableAttrDictionary() ==
             b->getDiscardableAttrDictionary() &&
         OperationEquivalence::isRegionEquivalentTo(
             &a.getBody(), &b.getBody(), OperationEquivalence::IgnoreLocations);
}

} // namespace

void stepwell::cpu::mergeEqualFunctions(ModuleOp module) {
  // Those that refer to merged functions may become equal, too.
  while (true) {
    DenseMap<size_t, SmallVector<func::FuncOp, 1>> kept;
    DenseMap<StringAttr, FlatSymbolRefAttr> merged;
    for (auto function :
         llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
      if (!function.isPrivate() || function.isDeclaration())
        continue;
      SmallVector<func::FuncOp, 1> &same = kept[hashOf(function)];
      auto *equal = llvm::find_if(
          same, [&](func::FuncOp other) { return areEqual(function, other); });
      if (equal == same.end()) {
        same.push_back(function);
        continue;
      }
      merged[function.getSymNameAttr()] =
          FlatSymbolRefAttr::get(equal->getSymNameAttr());
      function.erase();
    }
    if (merged.empty())
      return;
    module.walk([&](Operation *op) {
      for (NamedAttribute attribute : op->getAttrs())
        if (auto symbol = dyn_cast<FlatSymbolRefAttr>(attribute.getValue()))
          if (auto other = merged.lookup(symbol.getAttr()))
            op->setAttr(attribute.getName(), other);
    });
  }
}

/// A shorter rare case is not worth a call.
static constexpr unsigned kShortCase = 32;

static void outline(scf::IfOp branch, ModuleOp module, unsigned number) {
  Block *block = branch.thenBlock();
  llvm::SetVector<Value> captured;
  block->walk([&](Operation *inside) {
    for (Value operand : inside->getOperands()) {
      if (branch->isAncestor(operand.getParentBlock()->getParentOp()))
        continue;
      captured.insert(operand);
    }
  });
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Location loc = branch.getLoc();
  auto name = ("rare_case_" + llvm::Twine(number)).str();
  SmallVector<Value> arguments, repeated;
  for (Value value : captured)
    (value.getDefiningOp<arith::ConstantOp>() ? repeated : arguments)
        .push_back(value);
  auto function = func::FuncOp::create(
      builder, loc, name,
      builder.getFunctionType(ValueRange(arguments).getTypes(),
                              branch.getResultTypes()));
  function.setPrivate();
  function->setAttr("passthrough",
                    builder.getStrArrayAttr({"cold", "noinline"}));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  IRMapping mapping;
  mapping.map(arguments, body->getArguments());
  for (Value value : repeated)
    builder.clone(*value.getDefiningOp(), mapping);
  SmallVector<Value> results;
  for (Operation &inside : block->without_terminator())
    builder.clone(inside, mapping);
  for (Value value : branch.thenYield().getOperands())
    results.push_back(mapping.lookupOrDefault(value));
  func::ReturnOp::create(builder, loc, results);

  builder.setInsertionPointToStart(block);
  auto call = func::CallOp::create(builder, loc, function, arguments);
  branch.thenYield()->setOperands(call.getResults());
  for (Operation &inside : llvm::make_early_inc_range(llvm::reverse(*block)))
    if (&inside != call && !inside.hasTrait<OpTrait::IsTerminator>())
      inside.erase();
}

void stepwell::cpu::outlineRareCases(ModuleOp module) {
  SmallVector<scf::IfOp> cases;
  module.walk<WalkOrder::PreOrder>([&](scf::IfOp branch) {
    if (!branch->hasAttr(kRareCaseAttr))
      return WalkResult::advance();
    unsigned size = 0;
    branch.thenBlock()->walk([&](Operation *) { ++size; });
    if (size > kShortCase)
      cases.push_back(branch);
    return WalkResult::skip();
  });
  for (auto [i, branch] : llvm::enumerate(cases))
    outline(branch, module, i);
  if (!cases.empty())
    mergeEqualFunctions(module);
}
