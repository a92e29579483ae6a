//===- Elementwise.td - One result element from one element each -*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_ELEMENTWISE
#define STEPWELL_ARRAY_ELEMENTWISE

include "ArrayBase.td"

class Array_ElementwiseOp<string mnemonic, dag ins, string resultRule, list<Trait> traits = []>
    : Array_Op<mnemonic, traits> {
  let arguments = ins;
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"broadcast", resultRule>];
  let dispatch = !if(!eq(resultRule, "same"), ["InPlace"], []<string>);
}
class Array_UnaryOp<string mnemonic, list<Trait> traits = []>
    : Array_ElementwiseOp<mnemonic, (ins Array_Tensor:$input), "same", traits>;
class Array_BinaryOp<string mnemonic, list<Trait> traits = []>
    : Array_ElementwiseOp<mnemonic, (ins Array_Tensor:$input, Array_Tensor:$other), "same", traits> {
  let promotion = "Common";
}
/// Either operand may be a number, as with an operator.
class Array_ArithmeticOp<string mnemonic, list<Trait> traits = []> : Array_BinaryOp<mnemonic, traits> {
  let numbers = ["input", "other"];
}
/// Integers and bool are computed in float32.
class Array_FloatUnaryOp<string mnemonic, string body = "math." # mnemonic # "(input)">
    : Array_UnaryOp<mnemonic> {
  let promotion = "ToFloat";
  let scalar = Scalar<body>;
  let python = [mnemonic # "(input)"];
}
/// To whole numbers: piecewise constant, so the derivative is zero, at the jumps by convention.
class Array_RoundingOp<string mnemonic, string body> : Array_UnaryOp<mnemonic> {
  let scalar = Scalar<body, "input", "input">;
  let vjp = ["broadcast_like(0, g)"];
  let python = [mnemonic # "(input)"];
}

def Array_AddOp : Array_ArithmeticOp<"add", [Commutative]> {
  let summary = "Elementwise sum";
  let description = [{
    `input + other`, broadcast. Integers wrap around; on bool it is `or`.

    Example:
    ```python
    >>> stepwell.add(stepwell.tensor([1., 2.]), 10)
    tensor([11., 12.])
    ```
  }];
  let scalar = Scalar<"arith.addf(input, other)", "arith.addi(input, other)", "arith.addi(input, other)", "arith.ori(input, other)">;
  let vjp = ["g", "g"];
  let python = ["add(input, other)"];
  let slots = ["__add__"];
  let hasFolder = 1;
}

def Array_MulOp : Array_ArithmeticOp<"mul", [Commutative]> {
  let summary = "Elementwise product";
  let description = [{
    `input * other`, broadcast. Integers wrap around; on bool it is `and`.
  }];
  let scalar = Scalar<"arith.mulf(input, other)", "arith.muli(input, other)", "arith.muli(input, other)", "arith.andi(input, other)">;
  let vjp = ["g * other", "g * input"];
  let python = ["mul(input, other)"];
  let slots = ["__mul__"];
  let hasFolder = 1;
}


def Array_SubOp : Array_ArithmeticOp<"sub"> {
  let summary = "Elementwise difference";
  let description = [{
    `input - other`, broadcast. Integers wrap around; bool is refused, as in PyTorch.
  }];
  let scalar = Scalar<"arith.subf(input, other)", "arith.subi(input, other)">;
  let boolRefusal = "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a "
      "mask, use the `~` or `logical_not()` operator instead.";
  let vjp = ["g", "-g"];
  let python = ["sub(input, other)"];
  let slots = ["__sub__"];
  let hasFolder = 1;
}

def Array_DivOp : Array_ArithmeticOp<"div"> {
  let summary = "Elementwise true quotient";
  let description = [{
    `input / other`, broadcast. Integers and bool are divided in float32; division by zero gives an infinity or NaN.
  }];
  let promotion = "ToFloat";
  let scalar = Scalar<"arith.divf(input, other)">;
  // Neither rule reads the result: it may be written to.
  let vjp = ["g / other", "-g * (input / other / other)"];
  let python = ["div(input, other)"];
  let slots = ["__truediv__"];
  let hasFolder = 1;
}

/// The bodies of `floor_divide` and `remainder`.
def Division {
  // What Python's % and // add to the remainder that keeps the dividend's sign. Integers never see a
  // divisor of 0 or -1: those trap or overflow, and their results are known.
  string remF = "arith.remf(input, other)";
  string otherSideF = "arith.andi(arith.cmpf('one', " # remF # ", 0.0), arith.xori(arith.cmpf('olt', " # remF
    # ", 0.0), arith.cmpf('olt', other, 0.0)))";
  string safe = "arith.select(arith.ori(arith.cmpi('eq', other, 0), arith.cmpi('eq', other, -1)), 1, other)";
  string remI = "arith.remsi(input, " # safe # ")";
  string otherSideI = "arith.andi(arith.cmpi('ne', " # remI # ", 0), arith.xori(arith.cmpi('slt', " # remI
    # ", 0), arith.cmpi('slt', other, 0)))";
  string safeU = "arith.select(arith.cmpi('eq', other, 0), 1, other)";
  string quotientF = "arith.divf(arith.subf(input, " # remF # "), other)";
  string belowF = "arith.select(" # otherSideF # ", arith.subf(" # quotientF # ", 1.0), " # quotientF # ")";
  string flooredF = "math.floor(" # belowF # ")";

  string floorFloat = "arith.select(arith.cmpf('oeq', other, 0.0), arith.divf(input, other), arith.select(arith.cmpf('oeq', "
        # belowF # ", 0.0), math.copysign(0.0, arith.divf(input, other)), arith.select(arith.cmpf('ogt', arith.subf(" # belowF # ", " # flooredF # "), 0.5), arith.addf(" # flooredF # ", 1.0), " # flooredF # ")))";
  string floorInteger = "arith.select(arith.cmpi('eq', other, 0), 0, arith.select(arith.cmpi('eq', other, -1), arith.subi(0, input), "
        "arith.select(" # otherSideI # ", arith.subi(arith.divsi(input, " # safe # "), 1), arith.divsi(input, "
        # safe # "))))";
  string floorUnsigned = "arith.select(arith.cmpi('eq', other, 0), 0, arith.divui(input, " # safeU # "))";
  string remainderFloat = "arith.select(" # otherSideF # ", arith.addf(" # remF # ", other), " # remF # ")";
  string remainderInteger = "arith.select(arith.cmpi('eq', other, 0), 0, arith.select(" # otherSideI # ", arith.addi(" # remI
        # ", other), " # remI # "))";
  string remainderUnsigned = "arith.select(arith.cmpi('eq', other, 0), 0, arith.remui(input, " # safeU # "))";
}

def Array_FloorDivideOp : Array_ArithmeticOp<"floor_divide"> {
  let summary = "Elementwise quotient, rounded down";
  let description = [{
    `floor(input / other)`, from the exact remainder; by zero it is `input / other`. An integer divided by zero is an
    error (RuntimeError), and the least integer divided by -1 is itself (it wraps around).
  }];
  let scalar = Scalar<Division.floorFloat, Division.floorInteger, Division.floorUnsigned>;
  let nonzero = ["other"];
  let nonDifferentiable = 1;
  let python = ["floor_divide(input, other)"];
  let slots = ["__floordiv__"];
}

def Array_RemainderOp : Array_ArithmeticOp<"remainder"> {
  let summary = "Elementwise remainder with the divisor's sign";
  let description = [{
    `input - floor_divide(input, other) * other`, exactly: Python's `%`. An integer's remainder by zero is an error
    (RuntimeError), a float's is NaN.
  }];
  let scalar = Scalar<Division.remainderFloat, Division.remainderInteger, Division.remainderUnsigned>;
  let nonzero = ["other"];
  let vjp = ["g", "-g * floor_divide(input, other)"];
  let python = ["remainder(input, other)"];
  let slots = ["__mod__"];
}

def Array_PowOp : Array_ArithmeticOp<"pow"> {
  let summary = "Elementwise power";
  let description = [{
    `input ** other`. Integers wrap around; a negative integer exponent gives 0, except for the bases 1 and -1, and
    is refused where it is a number (RuntimeError). See
    docs/derivatives.md for the gradient at 0.
  }];
  let scalar = Scalar<"math.powf(input, other)", "power(input, other)">;
  let constants = ["-1", "1", "2", "3"];
  let heldNumbers = ["other"];
  let naturalNumbers = ["other"];
  // What is not chosen is harmless, too: its derivatives would be NaN at 0, or of NaN.
  let vjp = ["where(eq(other, 0), 0,"
             " g * (other * pow(where(eq(other, 0), 1, input), where(eq(other, 0), 1, other - 1))))",
             "g * where(logical_and(eq(input, 0), ge(other, 0)), 0,"
             " result * log(where(logical_and(eq(input, 0), ge(other, 0)), 1, input)))"];
  let python = ["pow(input, other)"];
  let slots = ["__pow__"];
}

def Array_NegOp : Array_UnaryOp<"neg"> {
  let summary = "Elementwise negation";
  let description = [{
    `-input`. Integers wrap around; bool is refused, as in PyTorch.
  }];
  let scalar = Scalar<"arith.negf(input)", "arith.subi(0, input)">;
  let boolRefusal = "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, "
      "use the `~` or `logical_not()` operator instead.";
  let vjp = ["-g"];
  let python = ["neg(input)"];
  let slots = ["__neg__"];
  let hasFolder = 1;
}

def Array_AbsOp : Array_UnaryOp<"abs"> {
  let summary = "Elementwise magnitude";
  let description = [{
    `|input|`. The least integer is its own magnitude. The gradient at 0 is 0.
  }];
  let scalar = Scalar<"math.absf(input)", "arith.select(arith.cmpi('slt', input, 0), arith.subi(0, input), input)", "input">;
  let vjp = ["g * sign(input)"];
  let python = ["abs(input)"];
  let slots = ["__abs__"];
  let hasFolder = 1;
}

def Array_SignOp : Array_UnaryOp<"sign"> {
  let summary = "Elementwise sign";
  let description = [{
    -1, 0 or 1; of NaN it is 0.
  }];
  let scalar = Scalar<
      "arith.subf(arith.select(arith.cmpf('ogt', input, 0.0), 1.0, 0.0), arith.select(arith.cmpf('olt', input, 0.0), 1.0, 0.0))",
      "arith.subi(arith.select(arith.cmpi('sgt', input, 0), 1, 0), arith.select(arith.cmpi('slt', input, 0), 1, 0))",
      "arith.select(arith.cmpi('eq', input, 0), 0, 1)", "input">;
  let vjp = ["broadcast_like(0, g)"];
  let python = ["sign(input)"];
}

def Array_MaximumOp : Array_BinaryOp<"maximum", [Commutative]> {
  let summary = "Elementwise larger value";
  let description = [{
    NaN where either is NaN. Where both are equal, each gets half of the gradient.
  }];
  let scalar = Scalar<"arith.maximumf(input, other)", "arith.maxsi(input, other)", "arith.maxui(input, other)", "arith.ori(input, other)">;
  let vjp = ["where(lt(input, other), 0, where(eq(input, other), g / 2, g))",
             "where(lt(other, input), 0, where(eq(input, other), g / 2, g))"];
  let python = ["maximum(input, other)"];
}

def Array_MinimumOp : Array_BinaryOp<"minimum", [Commutative]> {
  let summary = "Elementwise smaller value";
  let description = [{
    NaN where either is NaN. Where both are equal, each gets half of the gradient.
  }];
  let scalar = Scalar<"arith.minimumf(input, other)", "arith.minsi(input, other)", "arith.minui(input, other)", "arith.andi(input, other)">;
  let vjp = ["where(gt(input, other), 0, where(eq(input, other), g / 2, g))",
             "where(gt(other, input), 0, where(eq(input, other), g / 2, g))"];
  let python = ["minimum(input, other)"];
}

def Array_ClampOp
    : Array_ElementwiseOp<"clamp", (ins Array_Tensor:$input, Array_Tensor:$min, Array_Tensor:$max), "same"> {
  let summary = "Each element moved into a range";
  let description = [{
    `minimum(maximum(input, min), max)`: where `min > max` it is `max`. The gradient goes to `input` inside the range,
    its ends included. A bound that is `None` is none: what is left is `clamp_min` or `clamp_max`.
  }];
  let promotion = "Common";
  let scalar = Scalar<"arith.minimumf(arith.maximumf(input, min), max)", "arith.minsi(arith.maxsi(input, min), max)",
                      "arith.minui(arith.maxui(input, min), max)">;
  let vjp = ["where(logical_and(ge(input, min), le(input, max)), g, 0)",
             "where(logical_and(lt(input, min), lt(min, max)), g, 0)",
             "where(logical_or(gt(input, max), lt(max, min)), g, 0)"];
  let numbers = ["min", "max"];
  let heldNumbers = ["min", "max"];
  let python = ["clamp(input, min=None, max=None)"];
  let partial = ["clamp_min(input, min)", "clamp_max(input, max)"];
}

class Array_BoundOp<string mnemonic, string bound, string floating, string integer, string unsigned, string inside, string outside>
    : Array_ElementwiseOp<mnemonic, !dag(ins, [Array_Tensor, Array_Tensor], ["input", bound]), "same"> {
  let promotion = "Common";
  let scalar = Scalar<floating # "(input, " # bound # ")", integer # "(input, " # bound # ")", unsigned # "(input, " # bound # ")">;
  let vjp = ["where(" # inside # "(input, " # bound # "), g, 0)", "where(" # outside # "(input, " # bound # "), g, 0)"];
  let numbers = [bound];
  let heldNumbers = [bound];
  let python = [mnemonic # "(input, " # bound # ")"];
}
def Array_ClampMinOp : Array_BoundOp<"clamp_min", "min", "arith.maximumf", "arith.maxsi", "arith.maxui", "ge", "lt"> {
  let summary = "Each element moved up to a bound";
  let description = [{
    `maximum(input, min)`, but where both are equal the gradient goes to `input`.
  }];
}
def Array_ClampMaxOp : Array_BoundOp<"clamp_max", "max", "arith.minimumf", "arith.minsi", "arith.minui", "le", "gt"> {
  let summary = "Each element moved down to a bound";
  let description = [{
    `minimum(input, max)`, but where both are equal the gradient goes to `input`.
  }];
}

def Array_WhereOp
    : Array_ElementwiseOp<"where", (ins Array_Tensor:$condition, Array_Tensor:$input, Array_Tensor:$other), "select"> {
  let summary = "Elementwise choice between two values";
  let description = [{
    `input` where `condition` (bool) holds, `other` elsewhere. The value that is not chosen gets gradient 0; see
    docs/derivatives.md for NaN behind it.
  }];
  let promotion = "Common";
  let unpromoted = ["condition"];
  let scalar = Scalar<"arith.select(condition, input, other)", "arith.select(condition, input, other)",
                      "arith.select(condition, input, other)", "arith.select(condition, input, other)">;
  let vjp = ["", "where(condition, g, 0)", "where(condition, 0, g)"];
  let numbers = ["input", "other"];
  let heldNumbers = ["input", "other"];
  let python = ["where(condition, input, other)"];
}

def Array_ReluOp : Array_UnaryOp<"relu"> {
  let summary = "Elementwise positive part";
  let description = [{
    `input` where it is positive or NaN, 0 elsewhere. The gradient at 0 is 0, that at NaN passes.
  }];
  let scalar = Scalar<"arith.select(arith.cmpf('ole', input, 0.0), 0.0, input)", "arith.maxsi(input, 0)", "input", "">;
  let boolRefusal = "Boolean inputs not supported for relu";
  let vjp = ["where(le(result, 0), 0, g)"];
  let python = ["relu(input)"];
}

def Array_FloorOp : Array_RoundingOp<"floor", "math.floor(input)"> {
  let summary = "Elementwise rounding down";
}
def Array_CeilOp : Array_RoundingOp<"ceil", "math.ceil(input)"> {
  let summary = "Elementwise rounding up";
}
def Array_RoundOp : Array_RoundingOp<"round", "math.roundeven(input)"> {
  let summary = "Elementwise rounding to the nearest whole number, halves to even";
}
def Array_TruncOp : Array_RoundingOp<"trunc", "math.trunc(input)"> {
  let summary = "Elementwise rounding towards zero";
}

def Array_CastOp : Array_Op<"cast"> {
  let summary = "Each element converted to another element type";
  let description = [{
    Float to float rounds to nearest even. Float to integer truncates to int64, or to int32 where the integer is a
    shorter signed one; NaN and what that cannot hold become its least value. Integer to a narrower integer wraps
    around. To bool is `input != 0` (NaN is true); from bool is 0 or 1.
  }];
  let arguments = (ins Array_Tensor:$input, TypeAttr:$dtype);
  let results = (outs Array_Tensor:$result);
  let inference = [Infer<"broadcast", "fromAttribute">];
  let scalar = Scalar<"convert(input)", "convert(input)", "convert(input)", "convert(input)">;
  let vjp = ["cast(g, dtype=dtype(input))"];
  let hasFolder = 1;
  let hasVerifier = 1;
}
#endif // STEPWELL_ARRAY_ELEMENTWISE
