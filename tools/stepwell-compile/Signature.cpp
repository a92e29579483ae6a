//===- Signature.cpp - What a program takes and gives ---------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Signature.h"

#include "stepwell/Compiler/Guard.h"
#include "stepwell/Registration.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/SourceMgr.h"

using namespace llvm;
using namespace stepwell;

/// Where a number of this type lies in a stepwell_arg: small signed integers
/// are widened.
template <typename T> static constexpr const char *fieldOf() {
  if constexpr (std::is_same_v<T, float>)
    return "f32";
  else if constexpr (std::is_same_v<T, double>)
    return "f64";
  else if constexpr (std::is_same_v<T, int32_t>)
    return "i32";
  else if constexpr (std::is_signed_v<T>)
    return "i64";
  else
    return sizeof(T) == 1 ? "u8" : "u16";
}

static const ElementType elementTypes[] = {
#define STEPWELL_DTYPE(E, NAME, MLIR, C, NPY, FORMAT, SAFE, TITLE)             \
  {MLIR, #C, NPY, SAFE, sizeof(C), fieldOf<C>()},
#include "stepwell/Semantics/DTypes.def"
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

bool stepwell::isReservedName(StringRef name) {
  // C to C23, C++ to C++26, what compilers add or define, and what the headers
  // that nearly every program includes define as macros.
  static const StringSet<> reserved{"alignas",
                                    "alignof",
                                    "and",
                                    "and_eq",
                                    "asm",
                                    "assert",
                                    "atomic_cancel",
                                    "atomic_commit",
                                    "atomic_noexcept",
                                    "auto",
                                    "bitand",
                                    "bitor",
                                    "bool",
                                    "break",
                                    "case",
                                    "catch",
                                    "char",
                                    "char8_t",
                                    "char16_t",
                                    "char32_t",
                                    "class",
                                    "co_await",
                                    "co_return",
                                    "co_yield",
                                    "compl",
                                    "complex",
                                    "concept",
                                    "const",
                                    "const_cast",
                                    "consteval",
                                    "constexpr",
                                    "constinit",
                                    "continue",
                                    "contract_assert",
                                    "decltype",
                                    "default",
                                    "delete",
                                    "do",
                                    "double",
                                    "dynamic_cast",
                                    "else",
                                    "enum",
                                    "errno",
                                    "explicit",
                                    "export",
                                    "extern",
                                    "false",
                                    "float",
                                    "for",
                                    "fortran",
                                    "friend",
                                    "goto",
                                    "i386",
                                    "if",
                                    "imaginary",
                                    "inline",
                                    "int",
                                    "linux",
                                    "long",
                                    "mutable",
                                    "namespace",
                                    "near",
                                    "far",
                                    "new",
                                    "noexcept",
                                    "noreturn",
                                    "not",
                                    "not_eq",
                                    "nullptr",
                                    "offsetof",
                                    "operator",
                                    "or",
                                    "or_eq",
                                    "pascal",
                                    "private",
                                    "protected",
                                    "public",
                                    "reflexpr",
                                    "register",
                                    "reinterpret_cast",
                                    "requires",
                                    "restrict",
                                    "return",
                                    "setjmp",
                                    "short",
                                    "signed",
                                    "sizeof",
                                    "static",
                                    "static_assert",
                                    "static_cast",
                                    "stderr",
                                    "stdin",
                                    "stdout",
                                    "struct",
                                    "sun",
                                    "switch",
                                    "synchronized",
                                    "template",
                                    "this",
                                    "thread_local",
                                    "throw",
                                    "true",
                                    "try",
                                    "typedef",
                                    "typeid",
                                    "typename",
                                    "typeof",
                                    "typeof_unqual",
                                    "union",
                                    "unix",
                                    "unsigned",
                                    "using",
                                    "va_arg",
                                    "va_copy",
                                    "va_end",
                                    "va_start",
                                    "virtual",
                                    "void",
                                    "volatile",
                                    "wchar_t",
                                    "while",
                                    "xor",
                                    "xor_eq",
                                    "I",
                                    "EOF",
                                    "NULL",
                                    "NAN",
                                    "INFINITY",
                                    "WIN32",
                                    "guarded",
                                    "runs",
                                    "status",
                                    "context",
                                    "words",
                                    "main"};
  if (reserved.contains(name))
    return true;
  // Types and macros of <stdint.h>, and what POSIX keeps: int64_t, INT64_MAX,
  // UINT8_C, size_t; macros of the libraries are in capitals (SIGINT, E2BIG).
  if (name.ends_with("_t") || name.starts_with("stepwell"))
    return true;
  if (name.size() > 1 && name[0] == '_' && (name[1] == '_' || isUpper(name[1])))
    return true;
  return name.size() > 2 && all_of(name, [](char c) { return !isLower(c); }) &&
         any_of(name, [](char c) { return isUpper(c); });
}

/// A C identifier for a parameter: none of its names (of sizes, too) is another
/// parameter's, a word of C, or one of the function's own.
static std::string makeIdentifier(const Parameter &parameter,
                                  StringRef fallback, StringRef functionName,
                                  StringSet<> &taken) {
  std::string name;
  for (char letter : parameter.label)
    name += isAlnum(letter) ? letter : '_';
  if (name.find_first_not_of('_') == std::string::npos)
    name = fallback.str();
  if (isDigit(name[0]))
    name = "_" + name;
  bool isOurs = StringRef(name).starts_with((functionName + "_kernel").str()) ||
                StringRef(name).starts_with((functionName + "_weight").str());
  if (isOurs || isReservedName(name))
    name = isOurs || isReservedName(name + "_") ? "p_" + name : name + "_";
  auto namesOf = [&](const std::string &base) {
    std::vector<std::string> names{base};
    for (auto [i, size] : enumerate(parameter.shape))
      if (size < 0)
        names.push_back(base + "_size" + std::to_string(i));
    return names;
  };
  std::string unique = name;
  for (unsigned i = 1;
       any_of(namesOf(unique),
              [&](const std::string &each) { return taken.contains(each); });
       ++i)
    unique = name + "_" + std::to_string(i);
  for (const std::string &each : namesOf(unique))
    taken.insert(each);
  return unique;
}

static Error makeError(const Twine &message) {
  return createStringError(inconvertibleErrorCode(), message);
}

static Error readParameter(mlir::Type type, mlir::DictionaryAttr attributes,
                           const Twine &what, StringRef fallback,
                           StringRef functionName, StringSet<> &taken,
                           Parameter &parameter) {
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
  parameter.name = makeIdentifier(parameter, fallback, functionName, taken);
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

/// Asks the compiler how the open sizes of results follow from the arguments.
/// What it refuses it refuses again when the program is compiled.
static void findSizes(mlir::ModuleOp module, Signature &signature) {
  registerAllPasses();
  mlir::PassManager passes(module.getContext());
  for (const char *name : {"autodiff-fulfil-requests", "stepwell-inline-calls",
                           "stepwell-require-sizes"})
    if (const mlir::PassInfo *pass = mlir::PassInfo::lookup(name))
      (void)pass->addToPipeline(passes, "",
                                [](const Twine &) { return mlir::failure(); });
  if (failed(passes.run(module)))
    return;
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  size_t output = 0;
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    if (main.getResultAttr(i, "stepwell.into"))
      continue;
    if (auto sizes =
            main.getResultAttrOfType<mlir::ArrayAttr>(i, "stepwell.sizes"))
      for (auto size : sizes.getAsRange<mlir::StringAttr>())
        signature.outputs[output].sizes.push_back(size.str());
    ++output;
  }
}

static Expected<Signature> readGuarded(StringRef text, StringRef fileName,
                                       StringRef functionName) {
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
    if (Error error = readParameter(
            main.getArgumentTypes()[i], main.getArgAttrDict(i),
            fileName + ": argument " + Twine(i), "arg" + std::to_string(i),
            functionName, taken, parameter))
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
    if (Error error = readParameter(
            main.getResultTypes()[i], main.getResultAttrDict(i),
            fileName + ": result " + Twine(i), "out" + std::to_string(i),
            functionName, taken, parameter))
      return std::move(error);
    signature.outputs.push_back(std::move(parameter));
  }
  if (any_of(signature.outputs,
             [](const Parameter &output) { return !output.isStatic(); }))
    findSizes(*module, signature);
  return signature;
}

Expected<Signature> stepwell::readSignature(StringRef text, StringRef fileName,
                                            StringRef functionName) {
  if (unsigned line = findDeepNesting(text))
    return makeError(fileName + ":" + Twine(line) +
                     ": this is nested too deeply");
  // The parser is not ours, and it was not made for what files may hold.
  std::optional<Expected<Signature>> signature;
  std::string reason;
  if (!runGuarded(
          [&] { signature.emplace(readGuarded(text, fileName, functionName)); },
          reason))
    return makeError(fileName +
                     ": the MLIR parser failed on this text: " + reason);
  return std::move(*signature);
}
