//===- CodeBuilder.h - Pointer code in few words ----------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packed panels, tiles and strips are addressed by pointers and 64-bit counts:
// a memref per row would be mostly descriptors.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_TARGETS_CPU_CODEBUILDER_H
#define STEPWELL_LIB_TARGETS_CPU_CODEBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace stepwell::cpu {

using namespace mlir;

class CodeBuilder {
public:
  CodeBuilder(OpBuilder &builder, Location loc)
      : builder(builder), loc(loc), i64(builder.getI64Type()),
        pointer(LLVM::LLVMPointerType::get(builder.getContext())) {}

  //===--- Counts, all i64, folding what is known
  //--------------------------===//

  Value number(int64_t x);
  Value truth(bool x);
  Value add(Value a, Value b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value mul(Value a, int64_t b) { return mul(a, number(b)); }
  Value div(Value a, Value b); // both not negative
  Value rem(Value a, Value b);
  Value ceilDiv(Value a, Value b);
  Value min(Value a, Value b);
  Value max(Value a, Value b);
  Value equal(Value a, Value b) {
    return compare(arith::CmpIPredicate::eq, a, b);
  }
  Value less(Value a, Value b) {
    return compare(arith::CmpIPredicate::slt, a, b);
  }
  Value most(Value a, Value b) {
    return compare(arith::CmpIPredicate::sle, a, b);
  }
  Value both(Value a, Value b);
  Value either(Value a, Value b);
  Value negate(Value a);
  Value select(Value condition, Value a, Value b);
  /// What is known of a count.
  static std::optional<int64_t> known(Value x) {
    return getConstantIntValue(x);
  }

  //===--- Memory
  //----------------------------------------------------------===//

  /// `base` moved on by some elements.
  Value at(Value base, Value index, Type element);
  Value at(Value base, int64_t index, Type element);
  /// A scalar or a vector; aligned as its elements are.
  Value load(Type type, Value from);
  void store(Value value, Value to);
  Value null();
  Value isNull(Value address);
  /// Room on the stack of the function that is being built.
  Value stack(Type element, int64_t count);

  //===--- Control
  //---------------------------------------------------------===//

  using Body = llvm::function_ref<void(Value)>;
  using CarryingBody =
      llvm::function_ref<SmallVector<Value>(Value, ValueRange)>;
  void range(Value begin, Value end, int64_t step, Body body);
  void range(Value begin, Value end, Value step, Body body);
  SmallVector<Value> range(Value begin, Value end, int64_t step,
                           ValueRange init, CarryingBody body);
  void when(Value condition, llvm::function_ref<void()> yes,
            llvm::function_ref<void()> no = nullptr);
  /// The same with values; no branch where the condition is known.
  SmallVector<Value> choose(Value condition, TypeRange types,
                            llvm::function_ref<SmallVector<Value>()> yes,
                            llvm::function_ref<SmallVector<Value>()> no);

  /// A private function of the module, made once under each name. The builder
  /// stands inside it while `body` runs.
  func::FuncOp function(ModuleOp module, StringRef name, TypeRange arguments,
                        llvm::function_ref<void(ValueRange)> body);
  void call(func::FuncOp function, ValueRange arguments);

  /// A function(environment, begin, end) that may run on any thread; `body`
  /// gets the values of the environment again, and its own range.
  func::FuncOp task(
      ModuleOp module, StringRef name, TypeRange environment,
      llvm::function_ref<void(ValueRange values, Value begin, Value end)> body);
  /// An environment on the stack; its values may be set again.
  Value environment(ValueRange values);
  SmallVector<Value> values(Value environment, TypeRange types);
  void set(Value environment, TypeRange types, unsigned field, Value value);
  /// Runs a task over [0, count): by ctx->parallel_for where `parallel` holds,
  /// which is told what an iteration costs; else at once.
  void run(func::FuncOp task, Value environment, Value context, Value parallel,
           Value count, Value cost);

  /// A function of void through a pointer.
  void callPointer(Value function, ValueRange arguments);
  Value pointerTo(func::FuncOp function);

  //===--- What the conversion to LLVM makes of buffers and indices
  //---------------------------------------------------------===//

  static Type storedType(Type type);
  Value asStored(Value value) {
    return cast(value, storedType(value.getType()));
  }
  Value asGiven(Value stored, Type type) { return cast(stored, type); }

  OpBuilder &builder;
  Location loc;
  Type i64, pointer;

private:
  Value cast(Value value, Type type);
  Value compare(arith::CmpIPredicate predicate, Value a, Value b);
};

} // namespace stepwell::cpu

#endif // STEPWELL_LIB_TARGETS_CPU_CODEBUILDER_H
