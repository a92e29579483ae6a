//===- BatchableInterface.td - Over a batch at once --------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_INTERFACES_BATCHABLE
#define STEPWELL_INTERFACES_BATCHABLE

include "mlir/IR/OpBase.td"

def BatchableOpInterface : OpInterface<"BatchableOpInterface"> {
  let cppNamespace = "::stepwell";
  let description = [{
    An operation that can be computed for every element of a batch at once. `autodiff.vmap` asks for it: each value
    inside of its body that depends on a batched input gets one more dimension, in front of the others.

    The operations of `array` have it by the `batch` field of their records. Other dialects implement it themselves, or
    attach an external model.
  }];
  let methods = [
    InterfaceMethod<[{
        Builds what the operation computes for a batch. `operands` stand for its own; those for which `batched` is set
        have one more dimension in front, the batch, and there is at least one. Every result is given with that
        dimension. Failure has been reported.
      }],
      "::mlir::FailureOr<::llvm::SmallVector<::mlir::Value>>", "buildBatched",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$operands, "::llvm::ArrayRef<bool>":$batched)>
  ];
}
#endif // STEPWELL_INTERFACES_BATCHABLE
