//===- Pooling.td - Windows to one element each ---------------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_POOLING
#define STEPWELL_ARRAY_POOLING

include "ArrayBase.td"

class Array_PoolOp<string mnemonic, dag operands, dag options> : Array_Op<mnemonic> {
  let batch = "fold";
  let arguments = !con(operands, (ins
      DenseI64ArrayAttr:$kernel_size, DenseI64ArrayAttr:$stride,
      DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0}">:$padding), options);
}

//===--- The largest element ----------------------------------------------===//

class Array_MaxPoolOp<string mnemonic, dag operands>
    : Array_PoolOp<mnemonic, operands,
                   (ins DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilation,
                        DefaultValuedAttr<BoolAttr, "false">:$ceil_mode)>;

def Array_MaxPool2DOp : Array_MaxPoolOp<"max_pool2d", (ins Array_Tensor:$input)> {
  let summary = "The largest element of every window, and where it lies";
  let description = [{
    Windows of `kernel_size` over the last two of four dimensions, as in `torch.nn.functional.max_pool2d`; padding
    never is the largest. `indices` are positions in the plane, `y * width + x`: of several equal elements the first.
    A NaN is larger than everything. Where a window holds nothing but padding, the index is -1.
  }];
  let results = (outs Array_Tensor:$values, Array_Tensor:$indices);
  let inference = [Infer<"maxPool2d", "numbers">, Infer<"maxPool2d", "int64">];
  let vjp = ["max_pool2d_gradient(g, indices, input, kernel_size, stride, padding, dilation, ceil_mode)"];
}

def Array_MaxPool2DGradientOp
    : Array_MaxPoolOp<"max_pool2d_gradient",
                      (ins Array_Tensor:$gradient, Array_Tensor:$indices, Array_Tensor:$like)> {
  let summary = "The gradient of the input of a maximum pool";
  let description = [{
    Each element of `gradient` is added at its index, if its window reaches there. Of `like`, the pool's input,
    only the sizes are read.
  }];
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"maxPool2dGradient", "firstAtPositions">];
  let shapeOnly = ["like"];
  let vjp = ["max_pool2d_gather(g, indices, kernel_size, stride, padding, dilation, ceil_mode)", "", ""];
}

def Array_MaxPool2DGatherOp
    : Array_MaxPoolOp<"max_pool2d_gather", (ins Array_Tensor:$input, Array_Tensor:$indices)> {
  let summary = "The element of every window that an index names";
  let description = [{
    What `max_pool2d` takes when `indices` are already known; 0 where a window does not reach its index.
  }];
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"maxPool2dGather", "firstAtPositions">];
  let vjp = ["max_pool2d_gradient(g, indices, input, kernel_size, stride, padding, dilation, ceil_mode)", ""];
}

//===--- The mean ---------------------------------------------------------===//

class Array_AvgPoolOp<string mnemonic, dag operands, string shapeRule>
    : Array_PoolOp<mnemonic, operands,
                   (ins DefaultValuedAttr<BoolAttr, "false">:$ceil_mode,
                        DefaultValuedAttr<BoolAttr, "true">:$count_include_pad,
                        DefaultValuedAttr<I64Attr, "0">:$divisor)> {
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<shapeRule, "floats">];
}

def Array_AvgPool2DOp : Array_AvgPoolOp<"avg_pool2d", (ins Array_Tensor:$input), "avgPool2d"> {
  let summary = "The mean of every window";
  let description = [{
    Windows of `kernel_size` over the last two of four dimensions, as in `torch.nn.functional.avg_pool2d`. A window's
    sum is divided by `divisor`, or where that is 0 by the number of its elements, padding among them if
    `count_include_pad`.
  }];
  let vjp = ["avg_pool2d_gradient(g, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor)"];
}

def Array_AvgPool2DGradientOp
    : Array_AvgPoolOp<"avg_pool2d_gradient", (ins Array_Tensor:$gradient, Array_Tensor:$like),
                      "avgPool2dGradient"> {
  let summary = "The gradient of the input of a mean pool";
  let description = [{
    Of `like`, the pool's input, only the sizes are read.
  }];
  let shapeOnly = ["like"];
  let vjp = ["avg_pool2d(g, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor)", ""];
}
#endif // STEPWELL_ARRAY_POOLING
