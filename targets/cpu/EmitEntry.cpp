//===- EmitEntry.cpp - The launch ABI around a typed entry ------------------
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Targets/CPU/Passes.h"
#include "stepwell/Targets/Target.h"
#include "stepwell/abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/StringSwitch.h"

#include <cstddef>

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_CPUEMITENTRYPASS
#include "stepwell/Targets/CPU/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

/// Reads arguments from the list of words, one after the other.
class ArgumentReader {
public:
  ArgumentReader(OpBuilder &builder, Location loc, Value words)
      : builder(builder), loc(loc), words(words),
        pointer(LLVM::LLVMPointerType::get(builder.getContext())),
        i64(builder.getI64Type()) {}

  /// Null where the type has no place in the ABI.
  Value read(Type type) {
    if (auto memref = dyn_cast<MemRefType>(type))
      return readTensor(memref);
    if (type.isIndex())
      return arith::IndexCastOp::create(builder, loc, type, load(i64, next++));
    if (type.isInteger(1)) {
      Value byte = load(builder.getI8Type(), next++);
      Value zero = LLVM::ConstantOp::create(builder, loc, byte.getType(), 0);
      return LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::ne, byte,
                                  zero);
    }
    if (isa<FloatType, IntegerType>(type) && type.getIntOrFloatBitWidth() <= 64)
      return load(type, next++);
    return {};
  }

private:
  Value load(Type type, unsigned word) {
    Value address = LLVM::GEPOp::create(builder, loc, pointer, i64, words,
                                        ArrayRef<LLVM::GEPArg>{int32_t(word)});
    return LLVM::LoadOp::create(builder, loc, type, address);
  }

  Value constant(int64_t value) {
    return LLVM::ConstantOp::create(builder, loc, i64, value);
  }

  /// The strides passed for a contiguous tensor need not be read: they follow
  /// from the sizes.
  Value readTensor(MemRefType type) {
    int64_t rank = type.getRank();
    unsigned first = next;
    next += 1 + 2 * rank;
    SmallVector<int64_t> strides;
    int64_t offset;
    if (failed(type.getStridesAndOffset(strides, offset)))
      return {};
    SmallVector<Type> fields{pointer, pointer, i64};
    if (rank)
      fields.append(2, LLVM::LLVMArrayType::get(i64, rank));
    auto structType =
        LLVM::LLVMStructType::getLiteral(builder.getContext(), fields);
    Value descriptor = LLVM::PoisonOp::create(builder, loc, structType);
    auto insert = [&](Value value, ArrayRef<int64_t> position) {
      descriptor = LLVM::InsertValueOp::create(builder, loc, descriptor, value,
                                               position);
    };
    Value data = load(pointer, first);
    insert(data, {0});
    insert(data, {1});
    insert(constant(0), {2});
    bool contiguous = type.getLayout().isIdentity();
    Value running;
    for (int64_t dim = rank - 1; dim >= 0; --dim) {
      Value size = type.isDynamicDim(dim) ? load(i64, first + 1 + dim)
                                          : constant(type.getDimSize(dim));
      Value stride;
      if (!ShapedType::isDynamic(strides[dim]))
        stride = constant(strides[dim]);
      else
        stride = contiguous ? running : load(i64, first + 1 + rank + dim);
      insert(size, {3, dim});
      insert(stride, {4, dim});
      if (contiguous && dim)
        running = LLVM::MulOp::create(builder, loc, stride, size);
    }
    return UnrealizedConversionCastOp::create(builder, loc, type, descriptor)
        .getResult(0);
  }

  OpBuilder &builder;
  Location loc;
  Value words;
  Type pointer, i64;
  unsigned next = 0;
};

/// Computes what `stepwell.requires` says from the words of a call.
class WordChecker {
public:
  WordChecker(OpBuilder &builder, Location loc, Value words)
      : builder(builder), loc(loc), words(words), i64(builder.getI64Type()) {}

  /// What the first requirement that is not fulfilled says; `status` is 0, and
  /// all fit, if there is none.
  struct Verdict {
    Value status, found, expected, dim, fits;
  };

  FailureOr<Verdict> check(ArrayAttr requirements) {
    Value none = constant(STEPWELL_OK);
    Verdict verdict{none, constant(0), constant(0), constant(0), {}};
    // Backwards: the first one has the last word.
    for (mlir::Attribute each : llvm::reverse(requirements)) {
      auto parts = dyn_cast<ArrayAttr>(each);
      if (!parts || parts.size() != 5 ||
          !llvm::all_of(parts.getValue().take_front(3),
                        [](mlir::Attribute a) { return isa<StringAttr>(a); }) ||
          !llvm::all_of(parts.getValue().take_back(2),
                        [](mlir::Attribute a) { return isa<IntegerAttr>(a); }))
        return failure();
      auto text = [&](unsigned i) {
        return cast<StringAttr>(parts[i]).getValue();
      };
      Value found = evaluate(text(0)), expected = evaluate(text(2));
      auto relation = predicate(text(1));
      if (!found || !expected || !relation)
        return failure();
      Value holds =
          LLVM::ICmpOp::create(builder, loc, *relation, found, expected);
      auto choose = [&](Value &kept, Value mine) {
        kept = LLVM::SelectOp::create(builder, loc, holds, kept, mine);
      };
      choose(verdict.status, constant(cast<IntegerAttr>(parts[4]).getInt()));
      choose(verdict.found, found);
      choose(verdict.expected, expected);
      choose(verdict.dim, constant(cast<IntegerAttr>(parts[3]).getInt()));
    }
    verdict.fits = LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::eq,
                                        verdict.status, none);
    return verdict;
  }

private:
  Value constant(int64_t value) {
    return LLVM::ConstantOp::create(builder, loc, i64, value);
  }

  Value word(int64_t index) {
    Value &known = loaded[index];
    if (!known) {
      Value address = LLVM::GEPOp::create(
          builder, loc, LLVM::LLVMPointerType::get(builder.getContext()), i64,
          words, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
      known = LLVM::LoadOp::create(builder, loc, i64, address);
    }
    return known;
  }

  static std::optional<LLVM::ICmpPredicate> predicate(StringRef relation) {
    using LLVM::ICmpPredicate;
    return llvm::StringSwitch<std::optional<ICmpPredicate>>(relation)
        .Case("==", ICmpPredicate::eq)
        .Case("!=", ICmpPredicate::ne)
        .Case("<", ICmpPredicate::slt)
        .Case("<=", ICmpPredicate::sle)
        .Case(">", ICmpPredicate::sgt)
        .Case(">=", ICmpPredicate::sge)
        .Default(std::nullopt);
  }

  /// Sizes that cannot be counted are the largest that can: they fit nothing.
  Value multiply(Value a, Value b) {
    auto pair = LLVM::LLVMStructType::getLiteral(builder.getContext(),
                                                 {i64, builder.getI1Type()});
    Value both = LLVM::SMulWithOverflowOp::create(builder, loc, pair, a, b);
    Value product = LLVM::ExtractValueOp::create(builder, loc, both, 0);
    Value over = LLVM::ExtractValueOp::create(builder, loc, both, 1);
    return LLVM::SelectOp::create(builder, loc, over, constant(INT64_MAX),
                                  product);
  }

  /// A size is required not to be 0 before one is divided by it: whatever
  /// comes out then is not read.
  Value divide(StringRef word, Value a, Value b) {
    auto isSet = [&](LLVM::ICmpPredicate relation, Value x, Value y) -> Value {
      return LLVM::ICmpOp::create(builder, loc, relation, x, y);
    };
    Value safe = LLVM::SelectOp::create(
        builder, loc, isSet(LLVM::ICmpPredicate::eq, b, constant(0)),
        constant(1), b);
    Value quotient = LLVM::SDivOp::create(builder, loc, a, safe);
    if (word == "/")
      return quotient;
    Value rest = LLVM::SubOp::create(
        builder, loc, a, LLVM::MulOp::create(builder, loc, quotient, safe));
    Value isBelow =
        isSet(LLVM::ICmpPredicate::slt,
              LLVM::MulOp::create(builder, loc, rest, safe), constant(0));
    Value whole = word == "//" ? quotient : rest;
    Value other =
        word == "//"
            ? LLVM::SubOp::create(builder, loc, quotient, constant(1))
                  .getResult()
            : LLVM::AddOp::create(builder, loc, rest, safe).getResult();
    return LLVM::SelectOp::create(builder, loc, isBelow, other, whole);
  }

  /// Postfix, as in docs/abi.md; null if it is none.
  Value evaluate(StringRef text) {
    SmallVector<Value> stack;
    SmallVector<StringRef> tokens;
    text.split(tokens, ' ', -1, /*KeepEmpty=*/false);
    for (StringRef token : tokens) {
      int64_t number;
      if (!token.getAsInteger(10, number)) {
        stack.push_back(constant(number));
        continue;
      }
      if (token.starts_with("w") &&
          !token.drop_front().getAsInteger(10, number)) {
        stack.push_back(word(number));
        continue;
      }
      size_t count = token == "?" ? 3 : 2;
      if (stack.size() < count)
        return {};
      Value b = stack.pop_back_val(), a = stack.pop_back_val(), result;
      if (token == "?") {
        Value set = LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::ne,
                                         stack.pop_back_val(), constant(0));
        result = LLVM::SelectOp::create(builder, loc, set, a, b);
      } else if (token == "*") {
        result = multiply(a, b);
      } else if (token == "+") {
        result = LLVM::SAddSat::create(builder, loc, a, b);
      } else if (token == "-") {
        result = LLVM::SSubSat::create(builder, loc, a, b);
      } else if (token == "/" || token == "//" || token == "%") {
        result = divide(token, a, b);
      } else if (auto relation = predicate(token)) {
        Value holds = LLVM::ICmpOp::create(builder, loc, *relation, a, b);
        result = LLVM::ZExtOp::create(builder, loc, i64, holds);
      } else {
        return {};
      }
      stack.push_back(result);
    }
    return stack.size() == 1 ? stack.front() : Value();
  }

  OpBuilder &builder;
  Location loc;
  Value words;
  Type i64;
  DenseMap<int64_t, Value> loaded;
};

/// Replaces every argument after the first `kept` by what is read from one
/// pointer.
LogicalResult rewriteSignature(func::FuncOp function, unsigned kept) {
  Block &block = function.getBody().front();
  Location loc = function.getLoc();
  auto pointer = LLVM::LLVMPointerType::get(function.getContext());
  unsigned count = block.getNumArguments() - kept;
  Value words = block.insertArgument(kept, pointer, loc);
  OpBuilder builder = OpBuilder::atBlockBegin(&block);
  ArgumentReader reader(builder, loc, words);
  for (unsigned i = 0; i < count; ++i) {
    BlockArgument argument = block.getArgument(kept + 1 + i);
    Value value = reader.read(argument.getType());
    if (!value)
      return function.emitError()
             << "argument " << kept + i << " of type " << argument.getType()
             << " has no place in the launch ABI";
    argument.replaceAllUsesWith(value);
  }
  block.eraseArguments(kept + 1, count);
  function.setType(builder.getFunctionType(block.getArgumentTypes(),
                                           function.getResultTypes()));
  function.removeArgAttrsAttr();
  return success();
}

/// Whether it returns 0 whatever it is asked.
bool returnsZero(func::FuncOp companion) {
  Operation *last = companion.getBody().front().getTerminator();
  return llvm::hasSingleElement(companion.getBody()) &&
         last->getNumOperands() == 1 &&
         isConstantIntValue(last->getOperand(0), 0);
}

struct CPUEmitEntry : stepwell::impl::CPUEmitEntryPassBase<CPUEmitEntry> {
  using CPUEmitEntryPassBase::CPUEmitEntryPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<func::FuncOp> entries, sizes;
    for (auto function : module.getOps<func::FuncOp>()) {
      if (function->hasAttr(kEntryAttr))
        entries.push_back(function);
      else if (function->hasAttr(kWorkspaceSizeOfAttr))
        sizes.push_back(function);
    }
    for (func::FuncOp entry : entries) {
      if (entry.getNumArguments() == 0 ||
          !isa<LLVM::LLVMPointerType>(entry.getArgumentTypes()[0]) ||
          entry.getNumResults() != 1 ||
          !entry.getResultTypes()[0].isInteger(32)) {
        entry.emitError("an entry takes a context first and returns an i32");
        return signalPassFailure();
      }
      std::string companion = (entry.getSymName() + "_workspace_size").str();
      if (companions && !module.lookupSymbol(companion))
        addEmptyCompanion(entry, companion);
      if (failed(rewriteSignature(entry, /*kept=*/1)))
        return signalPassFailure();
    }
    for (func::FuncOp entry : entries)
      if (auto required = entry->getAttrOfType<ArrayAttr>(kRequiresAttr))
        if (failed(guardEntry(entry, required))) {
          entry.emitError() << "'" << kRequiresAttr << "' is malformed";
          return signalPassFailure();
        }
    for (func::FuncOp size : sizes)
      if (!companions && returnsZero(size))
        size.erase();
      else if (failed(rewriteSignature(size, /*kept=*/0)))
        return signalPassFailure();
    for (func::FuncOp size : sizes)
      if (auto required = size->getAttrOfType<ArrayAttr>(kRequiresAttr))
        if (failed(guardSize(size, required)))
          return signalPassFailure();
    if (!entries.empty() && !module.lookupSymbol("stepwell_abi_version"))
      addVersion(module);
  }

  /// A function around the entry, which is only called with words that fit.
  LogicalResult guardEntry(func::FuncOp entry, ArrayAttr required) {
    std::string name = entry.getSymName().str();
    if (auto size =
            getOperation().lookupSymbol<func::FuncOp>(name + "_workspace_size"))
      size->setAttr(kRequiresAttr, required);
    entry->removeAttr(kRequiresAttr);
    entry.setSymName(name + "_body");
    entry.setPrivate();
    Location loc = entry.getLoc();
    OpBuilder builder(entry->getContext());
    builder.setInsertionPointAfter(entry);
    auto guard =
        func::FuncOp::create(builder, loc, name, entry.getFunctionType());
    builder.setInsertionPointToStart(guard.addEntryBlock());
    Value context = guard.getArgument(0), words = guard.getArgument(1);
    auto verdict = WordChecker(builder, loc, words).check(required);
    if (failed(verdict))
      return failure();
    auto branch = scf::IfOp::create(builder, loc, builder.getI32Type(),
                                    verdict->fits, /*withElseRegion=*/true);
    func::ReturnOp::create(builder, loc, branch.getResult(0));
    builder.setInsertionPointToStart(branch.thenBlock());
    auto call =
        func::CallOp::create(builder, loc, entry, ValueRange{context, words});
    scf::YieldOp::create(builder, loc, call.getResult(0));
    builder.setInsertionPointToStart(branch.elseBlock());
    auto store = [&](Value value, size_t offset) {
      auto at =
          static_cast<int32_t>(offsetof(stepwell_context, error) + offset);
      Value field = LLVM::GEPOp::create(builder, loc, context.getType(),
                                        builder.getI8Type(), context,
                                        ArrayRef<LLVM::GEPArg>{at});
      LLVM::StoreOp::create(builder, loc, value, field);
    };
    Value code = LLVM::TruncOp::create(builder, loc, builder.getI32Type(),
                                       verdict->status);
    store(code, offsetof(stepwell_error, code));
    size_t detail = offsetof(stepwell_error, detail);
    for (Value value : {verdict->found, verdict->expected, verdict->dim}) {
      store(value, detail);
      detail += sizeof(int64_t);
    }
    scf::YieldOp::create(builder, loc, code);
    return success();
  }

  /// A call that will be refused needs no memory.
  static LogicalResult guardSize(func::FuncOp size, ArrayAttr required) {
    size->removeAttr(kRequiresAttr);
    Operation *last = size.getBody().front().getTerminator();
    Location loc = size.getLoc();
    OpBuilder builder(last);
    auto verdict =
        WordChecker(builder, loc, size.getArgument(0)).check(required);
    if (failed(verdict))
      return failure();
    Value nothing =
        LLVM::ConstantOp::create(builder, loc, builder.getI64Type(), 0);
    last->setOperand(0, LLVM::SelectOp::create(builder, loc, verdict->fits,
                                               last->getOperand(0), nothing));
    return success();
  }

  void addEmptyCompanion(func::FuncOp entry, StringRef name) {
    OpBuilder builder(entry->getContext());
    builder.setInsertionPointAfter(entry);
    auto pointer = LLVM::LLVMPointerType::get(entry.getContext());
    Type i64 = builder.getI64Type();
    auto function =
        func::FuncOp::create(builder, entry.getLoc(), name,
                             builder.getFunctionType({pointer}, {i64}));
    builder.setInsertionPointToStart(function.addEntryBlock());
    Value none = arith::ConstantIntOp::create(builder, entry.getLoc(), i64, 0);
    func::ReturnOp::create(builder, entry.getLoc(), none);
  }

  /// Weak, because several kernels linked into one binary carry it each.
  void addVersion(ModuleOp module) {
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    LLVM::GlobalOp::create(builder, module.getLoc(), builder.getI32Type(),
                           /*isConstant=*/true, LLVM::Linkage::WeakODR,
                           "stepwell_abi_version",
                           builder.getI32IntegerAttr(STEPWELL_ABI_VERSION));
  }
};

} // namespace
