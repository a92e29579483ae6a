//===- Functions.td - Elementary functions --------------------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integers and bool are computed in float32. The functions themselves are expanded into
// arithmetic further down.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_FUNCTIONS
#define STEPWELL_ARRAY_FUNCTIONS

include "Elementwise.td"

def Array_ExpOp : Array_FloatUnaryOp<"exp"> {
  let summary = "Elementwise natural exponential";
  let description = [{
    `e ** input`. Integers and bool are computed in float32.
  }];
  let vjp = ["g * result"];
}

def Array_Exp2Op : Array_FloatUnaryOp<"exp2"> {
  let summary = "Elementwise power of two";
  let vjp = ["g * (result * 0.6931471805599453)"];
}

def Array_Expm1Op : Array_FloatUnaryOp<"expm1"> {
  let summary = "Elementwise `exp(input) - 1`, accurate near 0";
  let vjp = ["g * (result + 1)"];
}

def Array_LogOp : Array_FloatUnaryOp<"log"> {
  let summary = "Elementwise natural logarithm";
  let description = [{
    Of 0 it is minus infinity, of a negative number NaN.
  }];
  let vjp = ["g / input"];
}

def Array_Log1pOp : Array_FloatUnaryOp<"log1p"> {
  let summary = "Elementwise `log(1 + input)`, accurate near 0";
  let vjp = ["g / (input + 1)"];
}

def Array_Log2Op : Array_FloatUnaryOp<"log2"> {
  let summary = "Elementwise logarithm to base 2";
  let vjp = ["g / (input * 0.6931471805599453)"];
}

def Array_Log10Op : Array_FloatUnaryOp<"log10"> {
  let summary = "Elementwise logarithm to base 10";
  let vjp = ["g / (input * 2.302585092994046)"];
}

def Array_SqrtOp : Array_FloatUnaryOp<"sqrt"> {
  let summary = "Elementwise square root";
  let description = [{
    Of a negative number it is NaN. The gradient at 0 is infinite.
  }];
  let vjp = ["g / (result * 2)"];
}

def Array_RsqrtOp : Array_FloatUnaryOp<"rsqrt"> {
  let summary = "Elementwise reciprocal of the square root";
  let vjp = ["g * (result * result * result * -0.5)"];
}

def Array_ReciprocalOp : Array_FloatUnaryOp<"reciprocal", "arith.divf(1.0, input)"> {
  let summary = "Elementwise reciprocal";
  let description = [{
    `1 / input`; infinite at zero, with the zero's sign.
  }];
  let vjp = ["-(g * (result * result))"];
}

def Array_SinOp : Array_FloatUnaryOp<"sin"> {
  let summary = "Elementwise sine";
  let vjp = ["g * cos(input)"];
}

def Array_CosOp : Array_FloatUnaryOp<"cos"> {
  let summary = "Elementwise cosine";
  let vjp = ["-(g * sin(input))"];
}

def Array_TanOp : Array_FloatUnaryOp<"tan"> {
  let summary = "Elementwise tangent";
  let vjp = ["g * (result * result + 1)"];
}

def Array_AsinOp : Array_FloatUnaryOp<"asin"> {
  let summary = "Elementwise inverse sine";
  let vjp = ["g * rsqrt(1 - input * input)"];
}

def Array_AcosOp : Array_FloatUnaryOp<"acos"> {
  let summary = "Elementwise inverse cosine";
  let vjp = ["-(g * rsqrt(1 - input * input))"];
}

def Array_AtanOp : Array_FloatUnaryOp<"atan"> {
  let summary = "Elementwise inverse tangent";
  let vjp = ["g / (input * input + 1)"];
}

def Array_SinhOp : Array_FloatUnaryOp<"sinh"> {
  let summary = "Elementwise hyperbolic sine";
  let vjp = ["g * cosh(input)"];
}

def Array_CoshOp : Array_FloatUnaryOp<"cosh"> {
  let summary = "Elementwise hyperbolic cosine";
  let vjp = ["g * sinh(input)"];
}

def Array_TanhOp : Array_FloatUnaryOp<"tanh"> {
  let summary = "Elementwise hyperbolic tangent";
  let vjp = ["g * (1 - result * result)"];
}

def Array_ErfOp : Array_FloatUnaryOp<"erf"> {
  let summary = "Elementwise error function";
  let vjp = ["g * (exp(-(input * input)) * 1.1283791670955126)"];
}

// The exponential of what is negative cannot overflow.
def SigmoidBody {
  string e = "math.exp(arith.negf(math.absf(widen(input))))";
  string body = "narrow(arith.divf(arith.select(arith.cmpf('olt', input, 0.0), " # e # ", widen(1.0)), "
      "arith.addf(widen(1.0), " # e # ")))";
}
def Array_SigmoidOp : Array_FloatUnaryOp<"sigmoid", SigmoidBody.body> {
  let summary = "Elementwise logistic function";
  let description = [{
    `1 / (1 + exp(-input))`.
  }];
  let vjp = ["g * ((1 - result) * result)"];
}

def Array_SiluOp : Array_FloatUnaryOp<"silu",
    "narrow(arith.divf(widen(input), arith.addf(widen(1.0), math.exp(arith.negf(widen(input))))))"> {
  let summary = "Elementwise input times its logistic function";
  let description = [{
    `input / (1 + exp(-input))`.
  }];
  let vjp = ["g * (sigmoid(input) * (1 + input * (1 - sigmoid(input))))"];
}

def Array_GeluOp : Array_FloatUnaryOp<"gelu",
    // A number is made in the input's type: sqrt(1/2) needs more digits, so that it is computed.
    "narrow(arith.mulf(arith.mulf(widen(input), widen(0.5)), "
    "math.erfc(arith.mulf(arith.negf(widen(input)), math.sqrt(widen(0.5))))))"> {
  let summary = "Elementwise input times the normal distribution function";
  let description = [{
    `input * erfc(-input / sqrt(2)) / 2`.
  }];
  let vjp = ["g * (0.5 + 0.5 * erf(input * 0.70710678118654752)"
             " + input * exp(input * input * -0.5) * 0.39894228040143268)"];
  let python = [];
  let dispatch = [];
}

def Array_GeluTanhOp : Array_FloatUnaryOp<"gelu_tanh",
    "arith.mulf(arith.mulf(input, 0.5), arith.addf(1.0, math.tanh(arith.mulf(input, "
    "arith.addf(0.79788456080286536, arith.mulf(0.035677408136300125, arith.mulf(input, input)))))))"> {
  let summary = "Elementwise approximation of gelu by a hyperbolic tangent";
  let description = [{
    `input * (1 + tanh(sqrt(2 / pi) * (input + 0.044715 * input ** 3))) / 2`.
  }];
  let vjp = [
    "g * (0.5 * (1 + tanh(input * (0.79788456080286536 + 0.035677408136300125 * (input * input))))"
    " + 0.5 * input * (1 - tanh(input * (0.79788456080286536 + 0.035677408136300125 * (input * input)))"
    " * tanh(input * (0.79788456080286536 + 0.035677408136300125 * (input * input))))"
    " * (0.79788456080286536 + 0.10703222440890037 * (input * input)))"];
  let python = [];
  let dispatch = [];
}

def Array_Atan2Op : Array_BinaryOp<"atan2"> {
  let summary = "Elementwise angle of a point";
  let description = [{
    The angle of the point (`other`, `input`), between -pi and pi.
  }];
  let promotion = "ToFloat";
  let scalar = Scalar<"math.atan2(input, other)">;
  // At the origin both are 0.
  let vjp = ["g * (other * where(logical_and(eq(input, 0), eq(other, 0)), 0,"
             " reciprocal(where(logical_and(eq(input, 0), eq(other, 0)), 1, input * input + other * other))))",
             "g * (-input * where(logical_and(eq(input, 0), eq(other, 0)), 0,"
             " reciprocal(where(logical_and(eq(input, 0), eq(other, 0)), 1, input * input + other * other))))"];
  let python = ["atan2(input, other)"];
}
#endif // STEPWELL_ARRAY_FUNCTIONS
