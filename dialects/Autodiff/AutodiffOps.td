//===- AutodiffOps.td - Requests for derivatives --------------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_AUTODIFF_OPS
#define STEPWELL_AUTODIFF_OPS

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Autodiff_Dialect : Dialect {
  let name = "autodiff";
  let summary = "Derivatives and batches asked for, not yet built";
  let description = [{
    A request holds the function that is to be differentiated, or computed for a batch. The pass
    `autodiff-fulfil-requests` replaces it by what it asks for; nothing after that pass knows this dialect.
  }];
  let cppNamespace = "::stepwell::autodiff";
}

def Autodiff_VJPOp : Op<Autodiff_Dialect, "vjp", [IsolatedFromAbove, Pure, SingleBlock]> {
  let summary = "The vector-Jacobian product of its body";
  let description = [{
    The operands are the body's inputs, then the body's results, which the caller already has (they are not computed
    again where the derivative reads them), then one cotangent for each result that `cotangents` lists; every other
    result counts as unused. The results are the gradients of the inputs that `wrt` lists. The body may hold
    requests itself: the inner one is the function that the outer one differentiates.

    Example: the gradient of `exp` at `%x`, of which `%y` is the value:
    ```mlir
    %dx = "autodiff.vjp"(%x, %y, %dy) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
    ^bb0(%a: tensor<?xf32>):
      %b = array.exp %a : (tensor<?xf32>) -> tensor<?xf32>
      autodiff.yield %b : tensor<?xf32>
    }) : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    ```
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$values, DenseI64ArrayAttr:$cotangents,
                       DenseI64ArrayAttr:$wrt);
  let results = (outs Variadic<AnyRankedTensor>:$gradients);
  let regions = (region SizedRegion<1>:$body);
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The body's inputs, its results, and their cotangents, as the caller gives them.
    ::mlir::ValueRange getInputs();
    ::mlir::ValueRange getSaved();
    ::mlir::ValueRange getCotangentValues();
  }];
}

def Autodiff_VMapOp : Op<Autodiff_Dialect, "vmap", [IsolatedFromAbove, Pure, SingleBlock]> {
  let summary = "Its body, for every element of a batch";
  let description = [{
    The operands are the body's inputs. Those that `batched` lists have one more dimension in front, the batch; the
    others are the same for all elements. Every result has the batch in front, too.

    Example: the product of each of the matrices `%m` with one vector:
    ```mlir
    %y = "autodiff.vmap"(%m, %v) <{batched = array<i64: 0>}> ({
    ^bb0(%a: tensor<3x4xf32>, %b: tensor<4x1xf32>):
      %c = array.matmul %a, %b : (tensor<3x4xf32>, tensor<4x1xf32>) -> tensor<3x1xf32>
      autodiff.yield %c : tensor<3x1xf32>
    }) : (tensor<8x3x4xf32>, tensor<4x1xf32>) -> tensor<8x3x1xf32>
    ```
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, DenseI64ArrayAttr:$batched);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasVerifier = 1;
}

def Autodiff_YieldOp : Op<Autodiff_Dialect, "yield",
    [Terminator, Pure, ReturnLike, ParentOneOf<["VJPOp", "VMapOp"]>]> {
  let summary = "The results of a request's body";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}
#endif // STEPWELL_AUTODIFF_OPS
