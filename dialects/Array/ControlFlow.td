//===- ControlFlow.td - Branches and loops --------------------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_CONTROLFLOW
#define STEPWELL_ARRAY_CONTROLFLOW

include "ArrayBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

/// One truth value.
def Array_Truth : Type<
    CPred<"$_self == ::mlir::RankedTensorType::get({}, ::mlir::IntegerType::get($_self.getContext(), 1))">,
    "a tensor of one truth value", "::mlir::RankedTensorType">,
    BuildableType<"::mlir::RankedTensorType::get({}, $_builder.getI1Type())">;

/// Blocks see nothing but their arguments: what they read is an operand.
class Array_ControlFlowOp<string mnemonic, list<Trait> traits = []>
    : Op<Array_Dialect, mnemonic, !listconcat([IsolatedFromAbove, Pure, Array_KnownAttributes], traits)> {
  let hasVerifier = 1;
}

def Array_CondOp : Array_ControlFlowOp<"cond"> {
  let summary = "One of two blocks, as a truth value says";
  let description = [{
    Both blocks take the inputs and yield the results. Only the one that is chosen is computed. Where a size of a result
    is open, both blocks give the same.

    Example:
    ```mlir
    %y = array.cond %p (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%a: tensor<4xf32>):
      %b = array.exp %a : (tensor<4xf32>) -> tensor<4xf32>
      array.yield %b : tensor<4xf32>
    } else {
    ^bb0(%a: tensor<4xf32>):
      array.yield %a : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins Array_Truth:$condition, Variadic<Array_Tensor>:$inputs);
  let results = (outs Variadic<Array_Tensor>:$results);
  let regions = (region SizedRegion<1>:$then, SizedRegion<1>:$otherwise);
  let assemblyFormat = [{
    $condition `(` $inputs `)` attr-dict `:` functional-type($inputs, results) $then `else` $otherwise
  }];
}

def Array_WhileOp : Array_ControlFlowOp<"while", [AttrSizedOperandSegments]> {
  let summary = "A block again and again, as long as another says so";
  let description = [{
    The loop carries values that begin as `inits`; `reads` are the same in every iteration. `before` takes both and
    yields whether there is another iteration, `body` takes both and yields the next carried values, of the same types
    and sizes. The results are the carried values in the end.

    Example: doubles `%x` until an element is larger than `%limit`.
    ```mlir
    %y = array.while (%x) reading (%limit) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32> {
    ^bb0(%a: tensor<4xf32>, %b: tensor<f32>):
      %most = array.amax %a {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
      %more = array.le %most, %b : (tensor<f32>, tensor<f32>) -> tensor<i1>
      array.yield %more : tensor<i1>
    } do {
    ^bb0(%a: tensor<4xf32>, %b: tensor<f32>):
      %next = array.add %a, %a : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      array.yield %next : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<Array_Tensor>:$inits, Variadic<Array_Tensor>:$reads);
  let results = (outs Variadic<Array_Tensor>:$results);
  let regions = (region SizedRegion<1>:$before, SizedRegion<1>:$body);
  let assemblyFormat = [{
    `(` $inits `)` (`reading` `(` $reads^ `)`)? attr-dict `:` functional-type(operands, results) $before `do` $body
  }];
}

def Array_ScanOp : Array_ControlFlowOp<"scan", [AttrSizedOperandSegments]> {
  let summary = "A block for each piece of a tensor, one after the other";
  let description = [{
    Goes along the first dimension of `inputs`, all of one size there, from the last piece to the first with `reverse`.
    `body` takes the carried values, which begin as `inits`, a piece of each input and `reads`; it yields the next
    carried values, of the same types and sizes, then pieces. The results are the carried values in the end, then the
    pieces, each stacked along a new first dimension.

    Example: sums up, and keeps every sum.
    ```mlir
    %sum, %sums = array.scan (%zero) over (%x) : (tensor<f32>, tensor<?xf32>) -> (tensor<f32>, tensor<?xf32>) {
    ^bb0(%s: tensor<f32>, %a: tensor<f32>):
      %t = array.add %s, %a : (tensor<f32>, tensor<f32>) -> tensor<f32>
      array.yield %t, %t : tensor<f32>, tensor<f32>
    }
    ```
  }];
  let arguments = (ins Variadic<Array_Tensor>:$inits, Variadic<Array_Tensor>:$inputs,
                       Variadic<Array_Tensor>:$reads, UnitAttr:$reverse);
  let results = (outs Variadic<Array_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    (`reverse` $reverse^)? `(` $inits `)` `over` `(` $inputs `)` (`reading` `(` $reads^ `)`)? attr-dict `:`
    functional-type(operands, results) $body
  }];
}
#endif // STEPWELL_ARRAY_CONTROLFLOW
