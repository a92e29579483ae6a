//===- Signature.cpp - What a program takes and gives ---------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Signature.h"

#include "stepwell/Registration.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/SourceMgr.h"

using namespace llvm;
using namespace stepwell;

static const ElementType elementTypes[] = {
    {"i1", "uint8_t", "|b1", "BOOL", 1, "u8"},
    {"ui8", "uint8_t", "|u1", "U8", 1, "u8"},
    {"i8", "int8_t", "|i1", "I8", 1, "i64"},
    {"i16", "int16_t", "<i2", "I16", 2, "i64"},
    {"i32", "int32_t", "<i4", "I32", 4, "i32"},
    {"i64", "int64_t", "<i8", "I64", 8, "i64"},
    {"f16", "uint16_t", "<f2", "F16", 2, "u16"},
    {"bf16", "uint16_t", "<u2", "BF16", 2, "u16"}, // NumPy has no bf16
    {"f32", "float", "<f4", "F32", 4, "f32"},
    {"f64", "double", "<f8", "F64", 8, "f64"},
};

const ElementType *stepwell::lookupElementType(StringRef mlir) {
  for (const ElementType &type : elementTypes)
    if (mlir == type.mlir)
      return &type;
  return nullptr;
}

bool Parameter::isStatic() const { return !is_contained(shape, -1); }

std::string Parameter::describe() const {
  std::string text = type->mlir;
  if (scalar)
    return text;
  text += "[";
  for (auto [i, size] : enumerate(shape))
    text += (i ? "," : "") + (size < 0 ? "?" : std::to_string(size));
  return text + "]";
}

static std::string makeIdentifier(StringRef label, StringRef fallback,
                                  StringSet<> &taken) {
  // Words that the generated code uses or that C keeps for itself.
  static const StringSet<> reserved{
      "auto",     "break",    "case",     "char",   "const",   "continue",
      "default",  "do",       "double",   "else",   "enum",    "extern",
      "float",    "for",      "goto",     "if",     "inline",  "int",
      "long",     "register", "restrict", "return", "short",   "signed",
      "sizeof",   "static",   "struct",   "switch", "typedef", "union",
      "unsigned", "void",     "volatile", "while",  "status",  "context",
      "words"};
  std::string name;
  for (char letter : label)
    name += isAlnum(letter) ? letter : '_';
  if (name.empty())
    name = fallback.str();
  if (isDigit(name[0]) || reserved.contains(name))
    name = "_" + name;
  std::string unique = name;
  for (unsigned i = 1; !taken.insert(unique).second; ++i)
    unique = name + "_" + std::to_string(i);
  return unique;
}

static Error makeError(const Twine &message) {
  return createStringError(inconvertibleErrorCode(), message);
}

static Error readParameter(mlir::Type type, mlir::DictionaryAttr attributes,
                           const Twine &what, StringRef fallback,
                           StringSet<> &taken, Parameter &parameter) {
  auto tensor = dyn_cast<mlir::RankedTensorType>(type);
  if (!tensor)
    return makeError(what + " of @main is no ranked tensor");
  std::string element;
  raw_string_ostream(element) << tensor.getElementType();
  parameter.type = lookupElementType(element);
  if (!parameter.type)
    return makeError(what + " of @main has elements of type " + element +
                     ", which programs do not have");
  for (int64_t size : tensor.getShape())
    parameter.shape.push_back(mlir::ShapedType::isDynamic(size) ? -1 : size);
  if (attributes) {
    parameter.scalar = attributes.contains("stepwell.scalar");
    parameter.shapeOnly = attributes.contains("stepwell.shape_only");
    if (auto name = attributes.getAs<mlir::StringAttr>("stepwell.name"))
      parameter.label = name.str();
  }
  parameter.name = makeIdentifier(parameter.label, fallback, taken);
  return Error::success();
}

/// MLIR's parser goes as deep as the text does; the line where that is deeper
/// than any program, or 0.
static unsigned findDeepNesting(StringRef text) {
  constexpr int deepest = 256;
  unsigned line = 1;
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
    case '\n':
      ++line;
      break;
    case '/': // a comment
      if (text.substr(i).starts_with("//"))
        i = std::min(text.find('\n', i), text.size()) - 1;
      break;
    case '"':
      while (++i < text.size() && text[i] != '"' && text[i] != '\n')
        i += text[i] == '\\';
      break;
    case '(':
    case '[':
    case '{':
    case '<':
      if (++depth > deepest)
        return line;
      break;
    case '>':
      if (i && text[i - 1] == '-')
        break;
      [[fallthrough]];
    case ')':
    case ']':
    case '}':
      depth = std::max(depth - 1, 0);
      break;
    default:
      break;
    }
  }
  return 0;
}

Expected<Signature> stepwell::readSignature(StringRef text,
                                            StringRef fileName) {
  if (unsigned line = findDeepNesting(text))
    return makeError(fileName + ":" + Twine(line) +
                     ": this is nested too deeply");
  mlir::DialectRegistry registry;
  registry.insert<mlir::func::FuncDialect>();
  registerAllDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);

  std::string first;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diag) {
    if (!first.empty() || diag.getSeverity() != mlir::DiagnosticSeverity::Error)
      return mlir::success();
    raw_string_ostream stream(first);
    if (auto at = dyn_cast<mlir::FileLineColLoc>(diag.getLocation()))
      stream << at.getFilename().getValue() << ':' << at.getLine() << ':'
             << at.getColumn() << ": ";
    else
      stream << fileName << ": ";
    stream << diag;
    return mlir::success();
  });
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceString<mlir::ModuleOp>(text, &context, fileName);
  if (!module)
    return makeError(first.empty() ? fileName + ": not an MLIR module" : first);
  auto main = module->lookupSymbol<mlir::func::FuncOp>("main");
  if (!main || main.isExternal())
    return makeError(fileName + ": the program has no function @main");

  Signature signature;
  StringSet<> taken;
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    Parameter parameter;
    if (Error error =
            readParameter(main.getArgumentTypes()[i], main.getArgAttrDict(i),
                          fileName + ": argument " + Twine(i),
                          "arg" + std::to_string(i), taken, parameter))
      return std::move(error);
    signature.inputs.push_back(std::move(parameter));
  }
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    if (auto into =
            main.getResultAttrOfType<mlir::IntegerAttr>(i, "stepwell.into")) {
      int64_t index = into.getInt();
      if (index < 0 || index >= int64_t(signature.inputs.size()))
        return makeError(fileName + ": result " + Twine(i) +
                         " is written into an input that does not exist");
      signature.inputs[index].written = true;
      continue;
    }
    Parameter parameter;
    if (Error error =
            readParameter(main.getResultTypes()[i], main.getResultAttrDict(i),
                          fileName + ": result " + Twine(i),
                          "out" + std::to_string(i), taken, parameter))
      return std::move(error);
    signature.outputs.push_back(std::move(parameter));
  }
  return signature;
}
