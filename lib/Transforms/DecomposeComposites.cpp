//===- DecomposeComposites.cpp - Composite operations give way ------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Transforms/Passes.h"

#include "stepwell/Array/Array.h"
#include "stepwell/Array/Decomposition.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_DECOMPOSECOMPOSITESPASS
#include "stepwell/Transforms/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

struct DecomposeComposites
    : stepwell::impl::DecomposeCompositesPassBase<DecomposeComposites> {
  using DecomposeCompositesPassBase::DecomposeCompositesPassBase;

  void runOnOperation() override {
    // What takes the place of a result has the type of inference.
    if (failed(array::refineTypes(getOperation())))
      return signalPassFailure();
    SmallVector<Operation *> work;
    auto collect = [&](Operation *op) {
      if (array::isComposite(op) && !(runsForall && array::hasTiles(op)))
        work.push_back(op);
    };
    getOperation()->walk(collect);
    while (!work.empty()) {
      Operation *op = work.pop_back_val();
      OpBuilder builder(op);
      Operation *before = op->getPrevNode();
      FailureOr<SmallVector<Value>> results =
          array::buildDecomposition(builder, op);
      if (failed(results))
        return signalPassFailure();
      Operation *first =
          before ? before->getNextNode() : &op->getBlock()->front();
      for (Operation *part = first; part != op; part = part->getNextNode())
        collect(part);
      op->replaceAllUsesWith(*results);
      op->erase();
    }
  }
};

} // namespace
