//===- Manifest.cpp - What a launcher needs to know -----------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "stepwell/abi.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace stepwell;

static StringRef predicate(arith::CmpIPredicate predicate) {
  using P = arith::CmpIPredicate;
  switch (predicate) {
  case P::eq:
    return "=";
  case P::ne:
    return "!=";
  case P::slt:
    return "<";
  case P::sle:
    return "<=";
  case P::sgt:
    return ">";
  case P::sge:
    return ">=";
  default:
    return "";
  }
}

/// Empty for an operation that has no sign.
static StringRef sign(Operation *op) {
  return llvm::TypeSwitch<Operation *, StringRef>(op)
      .Case<arith::AddIOp>([](auto) { return "+"; })
      .Case<arith::SubIOp>([](auto) { return "-"; })
      .Case<arith::MulIOp>([](auto) { return "*"; })
      .Case<arith::DivSIOp, arith::DivUIOp>([](auto) { return "/"; })
      .Case<arith::AndIOp>([](auto) { return "&"; })
      .Case<arith::MaxSIOp>([](auto) { return "max"; })
      .Case<arith::MinSIOp>([](auto) { return "min"; })
      .Case<arith::SelectOp>([](auto) { return "?"; })
      .Case<arith::CmpIOp>(
          [](arith::CmpIOp cmp) { return predicate(cmp.getPredicate()); })
      .Default([](Operation *) { return ""; });
}

FailureOr<std::string> stepwell::postfix(Value value, ValueRange words) {
  auto word = llvm::find(words, value);
  if (word != words.end())
    return "w" + std::to_string(std::distance(words.begin(), word));
  llvm::APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return std::to_string(constant.getSExtValue());
  Operation *op = value.getDefiningOp();
  bool cast = isa_and_nonnull<arith::IndexCastOp>(op);
  StringRef name = op && !cast ? sign(op) : "";
  if (!cast && name.empty())
    return emitError(value.getLoc(), "a launcher cannot compute this number "
                                     "from the words of the launch ABI"),
           failure();
  std::string result;
  for (Value operand : op->getOperands()) {
    FailureOr<std::string> text = postfix(operand, words);
    if (failed(text))
      return failure();
    result += (result.empty() ? "" : " ") + *text;
  }
  return cast ? result : result + " " + name.str();
}

static std::string print(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

std::string stepwell::makeManifest(StringRef entry, TypeRange arguments,
                                   StringRef workspace,
                                   ArrayRef<KernelRecord> kernels) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream);
  json.object([&] {
    json.attribute("abi", STEPWELL_ABI_VERSION);
    json.attribute("entry", entry);
    json.attributeArray("arguments", [&] {
      for (Type type : arguments)
        json.object([&] {
          if (auto memref = dyn_cast<MemRefType>(type)) {
            json.attribute("tensor", print(memref.getElementType()));
            json.attribute("rank", memref.getRank());
          } else {
            json.attribute("scalar", print(type));
          }
        });
    });
    json.attribute("workspace", workspace);
    json.attributeArray("kernels", [&] {
      for (const KernelRecord &kernel : kernels)
        json.object([&] {
          json.attribute("name", kernel.name);
          json.attribute("block", (int64_t)kernel.block);
          json.attribute("grid", kernel.grid);
        });
    });
  });
  return text;
}
