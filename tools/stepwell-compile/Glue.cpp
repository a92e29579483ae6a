//===- Glue.cpp - The C around a kernel -----------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The typed entry takes plain pointers and sizes and builds the words of
// docs/abi.md.
//===----------------------------------------------------------------------===//
#include "Package.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace stepwell;

static std::string sizeName(const Parameter &parameter, size_t dimension) {
  return parameter.name + "_size" + std::to_string(dimension);
}

static void declare(const Parameter &parameter, bool writable,
                    SmallVectorImpl<std::string> &arguments) {
  if (parameter.weight)
    return;
  if (parameter.scalar) {
    arguments.push_back(std::string(parameter.type->c) + " " + parameter.name);
    return;
  }
  if (!parameter.shapeOnly)
    arguments.push_back(std::string(writable ? "" : "const ") +
                        parameter.type->c + " *" + parameter.name);
  for (auto [i, size] : enumerate(parameter.shape))
    if (size < 0)
      arguments.push_back("int64_t " + sizeName(parameter, i));
}

static std::string prototype(const Package &package) {
  SmallVector<std::string> arguments;
  for (const Parameter &input : package.signature.inputs)
    declare(input, input.written, arguments);
  for (const Parameter &output : package.signature.outputs)
    declare(output, true, arguments);
  return "int32_t " + package.name + "(" +
         (arguments.empty() ? "void" : join(arguments, ", ")) + ")";
}

static std::string kernelPrototypes(const Package &package) {
  return "int32_t " + package.name +
         "_kernel(struct stepwell_context *context,\n                "
         "const union stepwell_arg *words);\nint64_t " +
         package.name +
         "_kernel_workspace_size(const union stepwell_arg *words);\n";
}

std::string stepwell::printHeader(const Package &package) {
  std::string guard = StringRef(package.name).upper() + "_STEPWELL_H";
  std::string text;
  raw_string_ostream out(text);
  out << "/* Made by stepwell-compile.\n *\n";
  auto list = [&](const Parameter &parameter, StringRef role) {
    out << " *   " << parameter.name << ": " << parameter.describe() << ", "
        << role << "\n";
  };
  for (const Parameter &input : package.signature.inputs)
    list(input, input.weight      ? "embedded"
                : input.scalar    ? "by value"
                : input.shapeOnly ? "sizes only"
                : input.written   ? "read, then overwritten"
                                  : "read");
  for (const Parameter &output : package.signature.outputs)
    list(output, "written");
  out << " *\n"
         " * Tensors are contiguous, the last dimension varying fastest; bool "
         "is\n"
         " * one byte, f16 and bf16 are their bits in uint16_t. Buffers do "
         "not\n"
         " * overlap. May be called from several threads at once.\n"
         " * Returns 0, or: 1 index out of range, 2 shapes do not match,\n"
         " * 3 bad value (a negative size, a null pointer), 4 out of memory,\n"
         " * 5 device error (the processor lacks what the program was "
         "compiled\n"
         " * for), 6 an integer was divided by 0. Nothing is written with 2,\n"
         " * 3, 4 and 5; with 1 and 6 the outputs are unspecified.\n";
  if (package.kind == PackageKind::Object)
    out << " * Link with libstepwell-runtime"
        << (package.threads ? "" : "-serial") << ".a.\n";
  out << " */\n#ifndef " << guard << "\n#define " << guard
      << "\n\n#include <stdint.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n"
         "#endif\n\n"
      << prototype(package)
      << ";\n\n/* The same program through the launch ABI (stepwell/abi.h). "
         "Embedded tensors\n * are arguments here. */\n"
         "struct stepwell_context;\nunion stepwell_arg;\n"
      << kernelPrototypes(package)
      << "\n#ifdef __cplusplus\n}\n#endif\n#endif /* " << guard << " */\n";
  return text;
}

/// A C string.
static std::string quote(StringRef text) {
  std::string quoted;
  raw_string_ostream out(quoted);
  out << '"';
  out.write_escaped(text, /*UseHexEscapes=*/false) << '"';
  return quoted;
}

/// The function that is called as the kernel. One with tile registers is
/// guarded by the question for them.
static std::string calledKernel(const Package &package, raw_ostream &out) {
  std::string kernel = package.name + "_kernel";
  if (!package.tiles)
    return kernel;
  out << "static int32_t guarded(stepwell_context *context,\n"
         "                       const stepwell_arg *words) {\n"
         "  return stepwell_runtime_has_tiles() ? "
      << kernel << "(context, words)\n"
      << "                                      : STEPWELL_DEVICE_ERROR;\n}\n";
  return "guarded";
}

static std::string weightSymbol(const Package &package, size_t index) {
  return package.name + "_weight" + std::to_string(index);
}

static void declareWeights(const Package &package, raw_ostream &out) {
  for (auto [i, input] : enumerate(package.signature.inputs))
    if (input.weight)
      out << "extern const char " << weightSymbol(package, i)
          << "[] __attribute__((visibility(\"hidden\")));\n";
}

static std::string sizeOf(const Parameter &parameter, size_t dimension) {
  int64_t size = parameter.shape[dimension];
  return size < 0 ? sizeName(parameter, dimension)
                  : "INT64_C(" + std::to_string(size) + ")";
}

/// Appends the words of one tensor: pointer, sizes, contiguous strides.
static void printWords(const Parameter &parameter, const std::string &pointer,
                       size_t &word, raw_ostream &out) {
  if (parameter.scalar && parameter.weight) {
    out << "  words[" << word << "].i64 = 0;\n  __builtin_memcpy(&words["
        << word << "], " << pointer << ", " << parameter.type->bytes << ");\n";
    ++word;
    return;
  }
  if (parameter.scalar) {
    out << "  words[" << word++ << "]." << parameter.type->field << " = "
        << parameter.name << ";\n";
    return;
  }
  out << "  words[" << word++ << "].pointer = " << pointer << ";\n";
  size_t rank = parameter.shape.size();
  for (size_t i = 0; i < rank; ++i)
    out << "  words[" << word + i << "].i64 = " << sizeOf(parameter, i)
        << ";\n";
  for (size_t i = rank; i-- > 0;) {
    // Without a sign: sizes have not been checked yet.
    out << "  words[" << word + rank + i << "].u64 = ";
    if (i + 1 == rank)
      out << "1;\n";
    else
      out << "words[" << word + rank + i + 1 << "].u64 * words[" << word + i + 1
          << "].u64;\n";
  }
  word += 2 * rank;
}

static size_t countWords(const Signature &signature) {
  size_t words = 0;
  for (const auto *list : {&signature.inputs, &signature.outputs})
    for (const Parameter &parameter : *list)
      words += parameter.scalar ? 1 : 1 + 2 * parameter.shape.size();
  return words;
}

std::string stepwell::printTypedEntry(const Package &package) {
  std::string text;
  raw_string_ostream out(text);
  const Signature &signature = package.signature;
  out << "#include \"stepwell/runtime.h\"\n\n" << kernelPrototypes(package);
  declareWeights(package, out);
  std::string kernel = calledKernel(package, out);
  out << "\n__attribute__((visibility(\"default\")))\n"
      << prototype(package) << " {\n  stepwell_arg words["
      << std::max<size_t>(countWords(signature), 1) << "];\n";
  if (!package.features.empty())
    out << "  static _Atomic int runs; /* 0: not asked; then 1 or 2 */\n"
           "  if (!runs)\n    runs = stepwell_runtime_missing_feature("
        << quote(package.features)
        << ") ? 1 : 2;\n  if (runs == 1)\n    return STEPWELL_DEVICE_ERROR;\n";
  size_t word = 0;
  for (auto [i, input] : enumerate(signature.inputs))
    printWords(input,
               input.weight      ? "(void *)" + weightSymbol(package, i)
               : input.shapeOnly ? "0"
                                 : "(void *)" + input.name,
               word, out);
  for (const Parameter &output : signature.outputs)
    printWords(output, output.name, word, out);
  out << "  stepwell_context context;\n  stepwell_context_init(&context, "
      << (package.threads ? "STEPWELL_THREADED" : "STEPWELL_SERIAL")
      << ");\n  int32_t status = stepwell_context_call(&context, " << kernel
      << ",\n      " << package.name
      << "_kernel_workspace_size, words);\n"
         "  stepwell_context_release(&context);\n  return status;\n}\n";
  return text;
}

std::string stepwell::printProgramTable(const Package &package) {
  std::string text;
  raw_string_ostream out(text);
  out << "#include \"stepwell/Runner.h\"\n\n" << kernelPrototypes(package);
  declareWeights(package, out);
  std::string kernel = calledKernel(package, out);
  const Signature &signature = package.signature;
  auto print = [&](const std::vector<Parameter> &list, StringRef array) {
    for (auto [i, parameter] : enumerate(list)) {
      out << "static const int64_t " << array << i << "[] = {";
      for (int64_t size : parameter.shape)
        out << size << ", ";
      out << "0};\n";
      if (parameter.sizes.empty())
        continue;
      out << "static const char *const " << array << i << "_sizes[] = {";
      for (const std::string &size : parameter.sizes)
        out << quote(size) << ", ";
      out << "0};\n";
    }
    out << "static const stepwell_parameter " << array << "[] = {\n";
    for (auto [i, parameter] : enumerate(list)) {
      out << "  {\"" << parameter.name << "\", \"" << parameter.describe()
          << "\", \"" << parameter.type->npy << "\", " << parameter.type->bytes
          << ", " << parameter.shape.size() << ", " << array << i << ", "
          << parameter.scalar << ", " << parameter.shapeOnly << ", "
          << parameter.written << ", ";
      if (parameter.weight)
        out << weightSymbol(package, i);
      else
        out << "0";
      out << ", ";
      if (parameter.sizes.empty())
        out << "0";
      else
        out << array << i << "_sizes";
      out << "},\n";
    }
    out << "  {0}};\n";
  };
  print(signature.inputs, "inputs");
  print(signature.outputs, "outputs");
  out << "const stepwell_program stepwell_shipped_program = {\n  \""
      << package.name << "\", " << signature.inputs.size() << ", inputs, "
      << signature.outputs.size() << ", outputs,\n  " << kernel << ", "
      << package.name << "_kernel_workspace_size, "
      << (package.threads ? "STEPWELL_THREADED" : "STEPWELL_SERIAL") << ",\n  "
      << quote(package.cpu) << ", " << quote(package.features) << "};\n";
  return text;
}

std::string stepwell::printWeights(const Package &package) {
  std::string text;
  raw_string_ostream out(text);
  for (auto [i, input] : enumerate(package.signature.inputs)) {
    if (!input.weight)
      continue;
    std::string symbol = weightSymbol(package, i), path;
    for (char letter : input.weight->file)
      path += letter == '\n'                      ? "\\n"
              : (letter == '"' || letter == '\\') ? std::string("\\") + letter
                                                  : std::string(1, letter);
    out << "  .section .rodata." << symbol << ",\"a\",@progbits\n"
        << "  .balign 64\n  .globl " << symbol << "\n  .hidden " << symbol
        << "\n"
        << symbol << ":\n";
    if (input.weight->size)
      out << "  .incbin \"" << path << "\", " << input.weight->offset << ", "
          << input.weight->size << "\n";
    out << "  .size " << symbol << ", " << input.weight->size << "\n";
  }
  if (!text.empty())
    out << "  .section .note.GNU-stack,\"\",@progbits\n";
  return text;
}
