//===- CodeBuilder.cpp - Pointer code in few words ------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CodeBuilder.h"

#include "stepwell/abi.h"

#include <cstddef>

using namespace mlir;
using namespace stepwell::cpu;

//===----------------------------------------------------------------------===//
// Counts
//===----------------------------------------------------------------------===//

Value CodeBuilder::number(int64_t x) {
  return arith::ConstantIntOp::create(builder, loc, x, 64);
}

Value CodeBuilder::truth(bool x) {
  return arith::ConstantIntOp::create(builder, loc, x, 1);
}

Value CodeBuilder::add(Value a, Value b) {
  auto x = known(a), y = known(b);
  if (x && y)
    return number(*x + *y);
  if (x && *x == 0)
    return b;
  if (y && *y == 0)
    return a;
  return arith::AddIOp::create(builder, loc, a, b);
}

Value CodeBuilder::sub(Value a, Value b) {
  auto x = known(a), y = known(b);
  if (x && y)
    return number(*x - *y);
  if (y && *y == 0)
    return a;
  return arith::SubIOp::create(builder, loc, a, b);
}

Value CodeBuilder::mul(Value a, Value b) {
  auto x = known(a), y = known(b);
  if (x && y)
    return number(*x * *y);
  if (x && *x == 1)
    return b;
  if (y && *y == 1)
    return a;
  return arith::MulIOp::create(builder, loc, a, b);
}

Value CodeBuilder::div(Value a, Value b) {
  auto x = known(a), y = known(b);
  if (x && y && *y != 0)
    return number(*x / *y);
  if (y && *y == 1)
    return a;
  return arith::DivUIOp::create(builder, loc, a, b);
}

Value CodeBuilder::rem(Value a, Value b) {
  return arith::RemUIOp::create(builder, loc, a, b);
}

Value CodeBuilder::ceilDiv(Value a, Value b) {
  return div(add(a, sub(b, number(1))), b);
}

Value CodeBuilder::min(Value a, Value b) {
  auto x = known(a), y = known(b);
  if (x && y)
    return number(std::min(*x, *y));
  return arith::MinSIOp::create(builder, loc, a, b);
}

Value CodeBuilder::max(Value a, Value b) {
  auto x = known(a), y = known(b);
  if (x && y)
    return number(std::max(*x, *y));
  return arith::MaxSIOp::create(builder, loc, a, b);
}

Value CodeBuilder::compare(arith::CmpIPredicate predicate, Value a, Value b) {
  auto x = known(a), y = known(b);
  if (x && y)
    return truth(arith::applyCmpPredicate(predicate, APInt(64, *x, true),
                                          APInt(64, *y, true)));
  return arith::CmpIOp::create(builder, loc, predicate, a, b);
}

Value CodeBuilder::both(Value a, Value b) {
  auto x = known(a), y = known(b);
  if (x)
    return *x ? b : a;
  if (y)
    return *y ? a : b;
  return arith::AndIOp::create(builder, loc, a, b);
}

Value CodeBuilder::either(Value a, Value b) {
  auto x = known(a), y = known(b);
  if (x)
    return *x ? a : b;
  if (y)
    return *y ? b : a;
  return arith::OrIOp::create(builder, loc, a, b);
}

Value CodeBuilder::negate(Value a) {
  if (auto x = known(a))
    return truth(!*x);
  return arith::XOrIOp::create(builder, loc, a, truth(true));
}

Value CodeBuilder::select(Value condition, Value a, Value b) {
  if (auto x = known(condition))
    return *x ? a : b;
  return arith::SelectOp::create(builder, loc, condition, a, b);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// bf16 is 16 bits to LLVM: its own type would bring library calls along.
static Type storedAs(Type element) {
  if (element.isBF16())
    return IntegerType::get(element.getContext(), 16);
  return element;
}

Value CodeBuilder::at(Value base, Value index, Type element) {
  if (auto x = known(index))
    return at(base, *x, element);
  return LLVM::GEPOp::create(builder, loc, pointer, storedAs(element), base,
                             ArrayRef<LLVM::GEPArg>{index});
}

Value CodeBuilder::at(Value base, int64_t index, Type element) {
  if (index == 0)
    return base;
  return LLVM::GEPOp::create(builder, loc, pointer, storedAs(element), base,
                             ArrayRef<LLVM::GEPArg>{int32_t(index)});
}

Value CodeBuilder::load(Type type, Value from) {
  Type element = getElementTypeOrSelf(type);
  Type stored = storedAs(element);
  auto vector = dyn_cast<VectorType>(type);
  Type as = vector ? Type(vector.clone(stored)) : stored;
  unsigned alignment = element.getIntOrFloatBitWidth() / 8;
  Value value = LLVM::LoadOp::create(builder, loc, as, from, alignment);
  return as == type
             ? value
             : Value(arith::BitcastOp::create(builder, loc, type, value));
}

void CodeBuilder::store(Value value, Value to) {
  unsigned alignment =
      getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth() / 8;
  LLVM::StoreOp::create(builder, loc, value, to, alignment);
}

Value CodeBuilder::null() {
  return LLVM::ZeroOp::create(builder, loc, pointer);
}

Value CodeBuilder::isNull(Value address) {
  return LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::eq, address,
                              null());
}

Value CodeBuilder::stack(Type element, int64_t count) {
  auto function = builder.getInsertionBlock()->getParentOp();
  if (!isa<func::FuncOp>(function))
    function = function->getParentOfType<func::FuncOp>();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(
      &cast<func::FuncOp>(function).getBody().front());
  return LLVM::AllocaOp::create(builder, loc, pointer, element, number(count),
                                64);
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

void CodeBuilder::range(Value begin, Value end, int64_t step, Body body) {
  range(begin, end, step, ValueRange(), [&](Value i, ValueRange) {
    body(i);
    return SmallVector<Value>();
  });
}

void CodeBuilder::range(Value begin, Value end, Value step, Body body) {
  auto loop = scf::ForOp::create(builder, loc, begin, end, step);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

SmallVector<Value> CodeBuilder::range(Value begin, Value end, int64_t step,
                                      ValueRange init, CarryingBody body) {
  auto first = known(begin), last = known(end);
  if (first && last && *first >= *last)
    return SmallVector<Value>(init);
  if (first && last && *first + step >= *last)
    return body(begin, init);
  auto loop = scf::ForOp::create(builder, loc, begin, end, number(step), init);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> results =
      body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!init.empty())
    scf::YieldOp::create(builder, loc, results);
  return SmallVector<Value>(loop.getResults());
}

void CodeBuilder::when(Value condition, llvm::function_ref<void()> yes,
                       llvm::function_ref<void()> no) {
  if (auto x = known(condition)) {
    if (*x)
      yes();
    else if (no)
      no();
    return;
  }
  auto branch = scf::IfOp::create(builder, loc, TypeRange(), condition,
                                  /*withElseRegion=*/bool(no));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(branch.thenBlock());
  yes();
  if (no) {
    builder.setInsertionPointToStart(branch.elseBlock());
    no();
  }
}

SmallVector<Value>
CodeBuilder::choose(Value condition, TypeRange types,
                    llvm::function_ref<SmallVector<Value>()> yes,
                    llvm::function_ref<SmallVector<Value>()> no) {
  if (auto x = known(condition))
    return *x ? yes() : no();
  auto branch = scf::IfOp::create(builder, loc, types, condition,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(builder, loc, yes());
  builder.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(builder, loc, no());
  return SmallVector<Value>(branch.getResults());
}

func::FuncOp CodeBuilder::function(ModuleOp module, StringRef name,
                                   TypeRange arguments,
                                   llvm::function_ref<void(ValueRange)> body) {
  if (auto made = module.lookupSymbol<func::FuncOp>(name))
    return made;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
  auto function = func::FuncOp::create(builder, loc, name,
                                       builder.getFunctionType(arguments, {}));
  function.setPrivate();
  Block *block = function.addEntryBlock();
  builder.setInsertionPointToStart(block);
  body(block->getArguments());
  builder.setInsertionPointToEnd(block);
  func::ReturnOp::create(builder, loc);
  return function;
}

void CodeBuilder::call(func::FuncOp function, ValueRange arguments) {
  func::CallOp::create(builder, loc, function, arguments);
}

static LLVM::LLVMStructType environmentOf(MLIRContext *context,
                                          TypeRange types) {
  return LLVM::LLVMStructType::getLiteral(context, SmallVector<Type>(types));
}

func::FuncOp
CodeBuilder::task(ModuleOp module, StringRef name, TypeRange environment,
                  llvm::function_ref<void(ValueRange, Value, Value)> body) {
  return function(module, name, {pointer, i64, i64}, [&](ValueRange arguments) {
    body(values(arguments[0], environment), arguments[1], arguments[2]);
  });
}

SmallVector<Value> CodeBuilder::values(Value environment, TypeRange types) {
  auto type = environmentOf(builder.getContext(), types);
  SmallVector<Value> loaded;
  for (auto [i, field] : llvm::enumerate(types)) {
    Value from = LLVM::GEPOp::create(builder, loc, pointer, type, environment,
                                     ArrayRef<LLVM::GEPArg>{0, int32_t(i)});
    loaded.push_back(LLVM::LoadOp::create(builder, loc, field, from));
  }
  return loaded;
}

Value CodeBuilder::environment(ValueRange values) {
  Value store =
      stack(environmentOf(builder.getContext(), values.getTypes()), 1);
  for (auto [i, value] : llvm::enumerate(values))
    set(store, values.getTypes(), i, value);
  return store;
}

void CodeBuilder::set(Value environment, TypeRange types, unsigned field,
                      Value value) {
  Value to = LLVM::GEPOp::create(
      builder, loc, pointer, environmentOf(builder.getContext(), types),
      environment, ArrayRef<LLVM::GEPArg>{0, int32_t(field)});
  LLVM::StoreOp::create(builder, loc, value, to);
}

void CodeBuilder::run(func::FuncOp task, Value environment, Value context,
                      Value parallel, Value count, Value cost) {
  auto share = [&] {
    Value address =
        LLVM::GEPOp::create(builder, loc, pointer, builder.getI8Type(), context,
                            ArrayRef<LLVM::GEPArg>{int32_t(
                                offsetof(stepwell_context, parallel_for))});
    Value callee = LLVM::LoadOp::create(builder, loc, pointer, address);
    callPointer(callee, {context, count, cost, pointerTo(task), environment});
  };
  auto alone = [&] { call(task, {environment, number(0), count}); };
  when(parallel, share, alone);
}

void CodeBuilder::callPointer(Value function, ValueRange arguments) {
  auto signature =
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()),
                                  SmallVector<Type>(arguments.getTypes()));
  SmallVector<Value> operands{function};
  llvm::append_range(operands, arguments);
  LLVM::CallOp::create(builder, loc, signature, operands);
}

Value CodeBuilder::pointerTo(func::FuncOp function) {
  Value code = func::ConstantOp::create(
      builder, loc, function.getFunctionType(),
      FlatSymbolRefAttr::get(builder.getContext(), function.getSymName()));
  return cast(code, pointer);
}

//===----------------------------------------------------------------------===//
// What the conversion to LLVM makes of buffers and indices
//===----------------------------------------------------------------------===//

Type CodeBuilder::storedType(Type type) {
  auto memref = dyn_cast<MemRefType>(type);
  Type word = IntegerType::get(type.getContext(), 64);
  if (!memref)
    return type.isIndex() ? word : storedAs(type);
  Type place = LLVM::LLVMPointerType::get(type.getContext());
  SmallVector<Type> fields{place, place, word};
  if (memref.getRank())
    fields.append(2, LLVM::LLVMArrayType::get(word, memref.getRank()));
  return LLVM::LLVMStructType::getLiteral(type.getContext(), fields);
}

Value CodeBuilder::cast(Value value, Type type) {
  if (value.getType() == type)
    return value;
  return UnrealizedConversionCastOp::create(builder, loc, type, value)
      .getResult(0);
}
