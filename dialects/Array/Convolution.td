//===- Convolution.td - Sums of products over windows ---------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_CONVOLUTION
#define STEPWELL_ARRAY_CONVOLUTION

include "ArrayBase.td"

/// A convolution is linear in the input and in the weight: it and its two
/// transposes are closed under differentiation.
class Array_ConvOp<string mnemonic, dag operands, string shapeRule> : Array_Op<mnemonic> {
  let arguments = !con(operands, (ins
      DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$stride,
      DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0}">:$padding,
      DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilation,
      DefaultValuedAttr<I64Attr, "1">:$groups));
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<shapeRule, "numbers">];
  let batch = "rule";
}

def Array_Conv2DOp
    : Array_ConvOp<"conv2d", (ins Array_Tensor:$input, Array_Tensor:$weight), "conv2d"> {
  let summary = "Convolution over the last two of four dimensions";
  let description = [{
    `(n, c, h, w)` with a weight of `(o, c / groups, kh, kw)` gives `(n, o, oh, ow)`, as `torch.nn.functional.conv2d`
    does: the input, with `padding` zeros on either side, times the weight at every `stride`-th position, the weight's
    elements `dilation` apart. f16 and bf16 accumulate in float32.
  }];
  let vjp = ["conv2d_input_gradient(g, weight, input, stride, padding, dilation, groups)",
             "conv2d_weight_gradient(input, g, weight, stride, padding, dilation, groups)"];
}

def Array_Conv2DInputGradientOp
    : Array_ConvOp<"conv2d_input_gradient",
                   (ins Array_Tensor:$gradient, Array_Tensor:$weight, Array_Tensor:$like),
                   "conv2dInputGradient"> {
  let summary = "The gradient of a convolution's input";
  let description = [{
    `gradient` is that of the result of `conv2d(like, weight)`; of `like` only the sizes are read.
  }];
  let shapeOnly = ["like"];
  let vjp = ["conv2d(g, weight, stride, padding, dilation, groups)",
             "conv2d_weight_gradient(g, gradient, weight, stride, padding, dilation, groups)", ""];
}

def Array_Conv2DWeightGradientOp
    : Array_ConvOp<"conv2d_weight_gradient",
                   (ins Array_Tensor:$input, Array_Tensor:$gradient, Array_Tensor:$like),
                   "conv2dWeightGradient"> {
  let summary = "The gradient of a convolution's weight";
  let description = [{
    `gradient` is that of the result of `conv2d(input, like)`; of `like` only the sizes are read.
  }];
  let shapeOnly = ["like"];
  let vjp = ["conv2d_input_gradient(gradient, g, input, stride, padding, dilation, groups)",
             "conv2d(input, g, stride, padding, dilation, groups)", ""];
}
#endif // STEPWELL_ARRAY_CONVOLUTION
