//===- Call.td - Functions that are called by name ------------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_CALL
#define STEPWELL_ARRAY_CALL

include "ArrayBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Array_CallOp : Op<Array_Dialect, "call", [IsolatedFromAbove, Pure]> {
  let summary = "A function that is called by its name";
  let description = [{
    The function travels with the call. `body` is what it computes: a block of its inputs that yields its results.
    `vjp`, where there is one, is its derivative, in place of that of the body: a block of the inputs, then the
    results, then one cotangent for each result of a float type, that yields the gradients of the inputs that `wrt`
    lists. A gradient may have sizes that its input was stretched to; it is summed back. `lowering`, where there is
    one, is compiled in place of the body: the text of a module with one `func.func`, from tensors of the types of the
    first inputs to tensors of the results', in dialects that the descent knows (`linalg`, `arith`, `math`, `tensor`,
    `scf`, ...).

    `stepwell-inline-calls` puts the lowering or the body in the place of the call, after derivatives were taken.

    Example: a square that says what its derivative is.
    ```mlir
    %y = array.call "square" (%x) {wrt = array<i64: 0>} : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%a: tensor<4xf32>):
      %b = array.mul %a, %a : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      array.yield %b : tensor<4xf32>
    } vjp {
    ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>, %g: tensor<4xf32>):
      %c = array.add %a, %a : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      %d = array.mul %c, %g : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      array.yield %d : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins StrAttr:$callee, Variadic<Array_Tensor>:$inputs,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$wrt, OptionalAttr<StrAttr>:$lowering);
  let results = (outs Variadic<Array_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body, AnyRegion:$vjp);
  let assemblyFormat = [{
    $callee `(` $inputs `)` attr-dict `:` functional-type($inputs, results) $body (`vjp` $vjp^)?
  }];
  let hasVerifier = 1;
}

/// Ends the blocks of calls, branches and loops.
def Array_YieldOp : Op<Array_Dialect, "yield", [Terminator, Pure, ReturnLike, ParentOneOf<["CallOp", "CondOp", "WhileOp", "ScanOp"]>]> {
  let summary = "What a block gives back";
  let description = [{
    Ends a block of an `array.call`, `array.cond`, `array.while` or `array.scan`, with what the operation says of that
    block.
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}
#endif // STEPWELL_ARRAY_CALL
