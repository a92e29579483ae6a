//===- ArrayBase.td - The array dialect and its record schema --*- tablegen -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// docs/record-schema.md is the prose.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_ARRAY_BASE
#define STEPWELL_ARRAY_BASE

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Array_Dialect : Dialect {
  let name = "array";
  let summary = "Tensor programs as their author means them";
  let description = [{
    Value semantics, NumPy broadcasting along dimensions of static size 1, one element type per operation
    (promotion happens before, as explicit `array.cast`). Signless integers are signed, `ui8` is unsigned,
    `i1` is bool.
  }];
  let cppNamespace = "::stepwell::array";
  let hasConstantMaterializer = 1;
  let hasOperationInterfaceFallback = 1; // BatchableOpInterface, by the records
}

/// One of those in stepwell/Semantics/DTypes.def.
def Array_Element
    : Type<CPred<"::stepwell::array::toDType($_self).has_value()">, "element that a tensor may have">;
def Array_Tensor : RankedTensorOf<[Array_Element]>;

//===--- The record schema ------------------------------------------------===//

/// How one result's type follows from the operands: names of functions in
/// lib/Semantics/Rules.h.
class Infer<string shape, string dtype> {
  string shapeRule = shape;
  string dtypeRule = dtype;
}

/// What an elementwise operation does to one element, by kind of element type. Each is one expression over the
/// operands' names, read by the kind of the last operand: calls of arith and math operations (`arith.addf(lhs, rhs)`,
/// `arith.cmpf('olt', lhs, rhs)`), numbers, `convert(x)` to the result's element type, `power(x, n)` of integers,
/// `bits()`, the number of an element's bits, and `widen(x)`, floats as f64, which `narrow(x)` takes back to what
/// they were computed in. An empty one means that the operation does not accept that kind. `unsigned` and `boolean`
/// default to `integer`.
class Scalar<string floating, string integer = "", string unsigned = integer,
             string boolean = ""> {
  string onFloat = floating;
  string onInteger = integer;
  string onUnsigned = unsigned;
  string onBool = boolean;
}
def NoScalar : Scalar<"">;

/// A misspelt attribute is an error.
def Array_KnownAttributes : NativeOpTrait<"KnownAttributes"> {
  let cppNamespace = "::stepwell::array";
}

/// Every operation of the dialect. A concrete one states every field marked ?.
class Array_Op<string mnemonic, list<Trait> traits = [],
               list<Trait> inferTraits = [InferTypeOpAdaptorWithIsCompatible]>
    : Op<Array_Dialect, mnemonic, !listconcat([Pure, Array_KnownAttributes], inferTraits, traits)> {
  let assemblyFormat =
      "operands attr-dict `:` functional-type(operands, results)";

  /// One Infer per result. An operation whose type is in its attributes passes no
  /// inferTraits and states [].
  list<Infer> inference = ?;
  /// "None", "Common", "ToFloat", "ToBool" or "SumToInt64": lib/Semantics/Promotion.h.
  string promotion = "None";
  /// Operands that the promotion leaves alone (a condition, an index).
  list<string> unpromoted = [];
  /// Values of a number operand that are worth kernels of their own: a power by 2 is a product. The dispatcher makes
  /// such a number a constant of the program.
  list<string> constants = [];
  /// Operands that a Python caller may give as a number.
  list<string> numbers = [];
  /// Of those, numbers that an integer type must be able to hold (a bound); and those that must not be negative where
  /// the result is an integer (an exponent).
  list<string> heldNumbers = [];
  list<string> naturalNumbers = [];
  /// Integer operands that must not be 0 anywhere: a program on the CPU fails with "ZeroDivisionError" where one is.
  list<string> nonzero = [];
  /// Operands whose elements are looked at even where the result has none: a program fails where an index is out of
  /// range.
  list<string> checked = [];
  /// What is said of elements of type bool that are refused for their meaning, and not for want of a kernel.
  string boolRefusal = "";
  /// Elementwise operations only.
  Scalar scalar = NoScalar;
  /// The vector-Jacobian product: one expression per operand over operand names, result
  /// names, attribute names and `g` (the cotangent of the result). Calls name operations
  /// of this dialect, operands first, then attributes; + - * / and unary - are add sub mul
  /// div neg; numbers are constants (`number(attribute, value)`: of the value's element type). An attribute may be
  /// computed: see ATTRIBUTE_FUNCTIONS in tools/stepwell-records/expressions.py. Of an operation with several results
  /// one is named, `sort(x, 0).values`; else it is the first.
  /// A gradient is summed back to its operand's shape by the shared mechanism, never here.
  /// "" says that an operand has no gradient (an index, say).
  list<string> vjp = [];
  /// What the operation is in terms of others: lines "name = expression" over operands, earlier names and attributes
  /// (the language of `vjp`), then one expression per result. Without `vjp`, its derivative is the derivative of this.
  list<string> decomposition = [];
  /// True where a derivative does not exist (comparisons, rounding): explicit, never by omission.
  bit nonDifferentiable = 0;
  /// A C++ hook instead of `vjp`: buildVJP in VJP.cpp. `saves` lists what it reads: "x", "shape(x)", or, where the
  /// gradient of y alone reads it, "x for y".
  bit hasVJPHook = 0;
  list<string> saves = [];
  /// How the operation is computed for a batch, an extra dimension in front (autodiff.vmap). Elementwise operations
  /// broadcast, and composites do as their parts do; others state one of
  ///   "shift": every operand has the batch; "shift(dims)": and the attribute `dims` numbers dimensions, which move up;
  ///   "fold": the batch becomes a part of dimension 0, of every operand;
  ///   "rule": C++, in Batching.cpp.
  string batch = "";
  /// Operands of which only the shape is used.
  list<string> shapeOnly = [];
  /// Results that are there for the derivative to read. They have none themselves.
  list<string> auxiliary = [];
  /// To compute the results again costs about what reading them does: a derivative of a whole program that reads them
  /// need not keep them. Elementwise operations are cheap without saying so.
  bit cheap = 0;

  /// The functions and methods a Python user calls, in PyTorch's schema language:
  /// "add(input, other)". Empty: not exposed.
  list<string> python = [];
  /// Python operator slots: "__add__".
  list<string> slots = [];
  /// What the dispatcher must know beside that, and never guesses from a name or a rule:
  ///   Reduces: along `dims`, of which an empty operand has nothing to read.
  ///   NeedsElements: there is no result where a reduced dimension is empty.
  ///   GivesPosition: of an element along one dimension, or of all.
  ///   RankOfIndex: the result has the dimensions of the operand `index`.
  ///   Permutes: it is a view, with the dimensions in another order.
  ///   MultipliesMatrices: a vector is a matrix of one row or one column.
  ///   ByPosition: an element depends on its row-major position, not on the shape.
  ///   InPlace: it has a method that writes over its first operand.
  list<string> dispatch = [];
  /// Operations for a call that is given some of the operands that may be None: "clamp_min(input, min)".
  list<string> partial = [];

  assert !or(nonDifferentiable, hasVJPHook, !not(!empty(vjp)), !not(!empty(decomposition))),
      "operation " # mnemonic # " has neither a derivative nor nonDifferentiable";
}
#endif // STEPWELL_ARRAY_BASE
