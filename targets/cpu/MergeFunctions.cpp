//===- MergeFunctions.cpp - One function for what is computed again ----------
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "MergeFunctions.h"

#include "mlir/IR/OperationSupport.h"

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
