//===- Logic.td - Comparisons, logic and bits -----------------*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_LOGIC
#define STEPWELL_ARRAY_LOGIC

include "Elementwise.td"

class Array_CompareOp<string mnemonic, string slot, string floating, string integer, string unsigned>
    : Array_ElementwiseOp<mnemonic, (ins Array_Tensor:$input, Array_Tensor:$other), "boolean"> {
  let promotion = "Common";
  let nonDifferentiable = 1;
  let scalar = Scalar<"arith.cmpf('" # floating # "', input, other)", "arith.cmpi('" # integer # "', input, other)",
                      "arith.cmpi('" # unsigned # "', input, other)", "arith.cmpi('" # unsigned # "', input, other)">;
  let numbers = ["other"];
  let python = [mnemonic # "(input, other)"];
  let slots = [slot];
}

def Array_EqOp : Array_CompareOp<"eq", "__eq__", "oeq", "eq", "eq"> {
  let summary = "Elementwise equality";
  let description = [{
    `input == other` as bool; false where either is NaN.
  }];
}

def Array_NeOp : Array_CompareOp<"ne", "__ne__", "une", "ne", "ne"> {
  let summary = "Elementwise inequality";
  let description = [{
    `input != other` as bool; true where either is NaN.
  }];
}

def Array_LtOp : Array_CompareOp<"lt", "__lt__", "olt", "slt", "ult"> {
  let summary = "Elementwise less-than";
  let description = [{
    `input < other` as bool; false where either is NaN.
  }];
}

def Array_LeOp : Array_CompareOp<"le", "__le__", "ole", "sle", "ule"> {
  let summary = "Elementwise less-or-equal";
  let description = [{
    `input <= other` as bool; false where either is NaN.
  }];
}

def Array_GtOp : Array_CompareOp<"gt", "__gt__", "ogt", "sgt", "ugt"> {
  let summary = "Elementwise greater-than";
  let description = [{
    `input > other` as bool; false where either is NaN.
  }];
}

def Array_GeOp : Array_CompareOp<"ge", "__ge__", "oge", "sge", "uge"> {
  let summary = "Elementwise greater-or-equal";
  let description = [{
    `input >= other` as bool; false where either is NaN.
  }];
}

// Truth of one element: everything but 0.
class Truth<string value> {
  string ofFloat = "arith.cmpf('une', " # value # ", 0.0)";
  string ofInteger = "arith.cmpi('ne', " # value # ", 0)";
}
class Array_LogicalOp<string mnemonic, string body>
    : Array_ElementwiseOp<"logical_" # mnemonic, (ins Array_Tensor:$input, Array_Tensor:$other), "boolean"> {
  let promotion = "Common";
  let nonDifferentiable = 1;
  let description = [{
    NaN counts as true.
  }];
  let scalar = Scalar<body # "(" # Truth<"input">.ofFloat # ", " # Truth<"other">.ofFloat # ")",
                      body # "(" # Truth<"input">.ofInteger # ", " # Truth<"other">.ofInteger # ")",
                      body # "(" # Truth<"input">.ofInteger # ", " # Truth<"other">.ofInteger # ")",
                      body # "(input, other)">;
  let python = ["logical_" # mnemonic # "(input, other)"];
}
def Array_LogicalAndOp : Array_LogicalOp<"and", "arith.andi"> { let summary = "Elementwise `and` of truth values"; }
def Array_LogicalOrOp : Array_LogicalOp<"or", "arith.ori"> { let summary = "Elementwise `or` of truth values"; }
def Array_LogicalXorOp : Array_LogicalOp<"xor", "arith.xori"> { let summary = "Elementwise exclusive `or` of truth values"; }

class Array_TestOp<string mnemonic> : Array_ElementwiseOp<mnemonic, (ins Array_Tensor:$input), "boolean"> {
  let nonDifferentiable = 1;
  let python = [mnemonic # "(input)"];
}
def Array_LogicalNotOp : Array_TestOp<"logical_not"> {
  let summary = "Elementwise `not` of truth values";
  let scalar = Scalar<"arith.cmpf('oeq', input, 0.0)", "arith.cmpi('eq', input, 0)", "arith.cmpi('eq', input, 0)",
                      "arith.cmpi('eq', input, 0)">;
}
// Infinity minus itself is NaN, every other number minus itself is 0.
def Array_IsNanOp : Array_TestOp<"isnan"> {
  let summary = "Whether each element is NaN";
  let scalar = Scalar<"arith.cmpf('uno', input, input)", "arith.cmpi('ne', input, input)",
                      "arith.cmpi('ne', input, input)", "arith.cmpi('ne', input, input)">;
}
def Array_IsInfOp : Array_TestOp<"isinf"> {
  let summary = "Whether each element is an infinity";
  let scalar = Scalar<"arith.andi(arith.cmpf('uno', arith.subf(input, input), arith.subf(input, input)), arith.cmpf('ord', input, input))",
                      "arith.cmpi('ne', input, input)", "arith.cmpi('ne', input, input)", "arith.cmpi('ne', input, input)">;
}
def Array_IsFiniteOp : Array_TestOp<"isfinite"> {
  let summary = "Whether each element is neither NaN nor an infinity";
  let scalar = Scalar<"arith.cmpf('ord', arith.subf(input, input), arith.subf(input, input))", "arith.cmpi('eq', input, input)",
                      "arith.cmpi('eq', input, input)", "arith.cmpi('eq', input, input)">;
}

class Array_BitwiseOp<string mnemonic, string body>
    : Array_ArithmeticOp<"bitwise_" # mnemonic, [Commutative]> {
  let scalar = Scalar<"", body # "(input, other)", body # "(input, other)", body # "(input, other)">;
  let nonDifferentiable = 1;
  let python = ["bitwise_" # mnemonic # "(input, other)"];
  let slots = ["__" # mnemonic # "__"];
}
def Array_BitwiseAndOp : Array_BitwiseOp<"and", "arith.andi"> { let summary = "Elementwise `and` of bits"; }
def Array_BitwiseOrOp : Array_BitwiseOp<"or", "arith.ori"> { let summary = "Elementwise `or` of bits"; }
def Array_BitwiseXorOp : Array_BitwiseOp<"xor", "arith.xori"> { let summary = "Elementwise exclusive `or` of bits"; }

def Array_BitwiseNotOp : Array_UnaryOp<"bitwise_not"> {
  let summary = "Elementwise complement of bits";
  let description = [{
    On bool it is `not`.
  }];
  let scalar = Scalar<"", "arith.xori(input, -1)", "arith.xori(input, -1)", "arith.cmpi('eq', input, 0)">;
  let nonDifferentiable = 1;
  let python = ["bitwise_not(input)"];
  let slots = ["__invert__"];
}

class Array_ShiftOp<string mnemonic> : Array_ArithmeticOp<mnemonic> {
  let nonDifferentiable = 1;
  let python = ["bitwise_" # mnemonic # "(input, other)"];
}
// A negative amount is, as an unsigned number, too large as well. Too large a shift has no value
// in arith, so it is not made.
class Shift<string operation> {
  string fits = "arith.cmpi('ult', other, bits())";
  string body = "arith.select(" # fits # ", " # operation # "(input, arith.select(" # fits # ", other, 0)), 0)";
}
def Array_LeftShiftOp : Array_ShiftOp<"left_shift"> {
  let summary = "Elementwise shift to the left";
  let description = [{
    `input << other`. A negative amount, or one of at least the element's width, gives 0.
  }];
  let scalar = Scalar<"", Shift<"arith.shli">.body>;
  let slots = ["__lshift__"];
}
def Array_RightShiftOp : Array_ShiftOp<"right_shift"> {
  let summary = "Elementwise shift to the right";
  let description = [{
    `input >> other`, which keeps the sign. A negative amount, or one of at least the element's width, gives -1 for
    negative elements and 0 for others.
  }];
  let scalar = Scalar<"", "arith.shrsi(input, arith.minui(other, arith.subi(bits(), 1)))",
                      Shift<"arith.shrui">.body>;
  let slots = ["__rshift__"];
}
#endif // STEPWELL_ARRAY_LOGIC
