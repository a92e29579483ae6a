//===- KernelKey.cpp - Reading docs/kernel-key.md -------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell-c/Compiler.h"
#include "stepwell/Compiler/Compiler.h"
#include "stepwell/abi.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

#include <optional>

using namespace stepwell;
using llvm::StringRef;

namespace {

/// Takes the key apart line by line; the first thing that does not fit is the
/// error.
class KeyReader {
public:
  KeyReader(StringRef key, std::string &error) : rest(key), error(error) {}

  /// The rest of a line that starts with `word`.
  bool line(StringRef word, StringRef &value) {
    ++number;
    auto [text, after] = rest.split('\n');
    value = text;
    if (rest.find('\n') == StringRef::npos || !value.consume_front(word) ||
        !(value.empty() || value.consume_front(" ")))
      return fail("expected '" + word.str() + "'");
    rest = after;
    return true;
  }
  bool blank() {
    ++number;
    return rest.consume_front("\n") || fail("expected an empty line");
  }
  bool fail(const std::string &what) {
    error =
        "malformed kernel key, line " + std::to_string(number) + ": " + what;
    return false;
  }

  StringRef rest;

private:
  std::string &error;
  int number = 0;
};

bool isEntryName(StringRef name) {
  return !name.empty() && !llvm::isDigit(name.front()) &&
         llvm::all_of(name,
                      [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

} // namespace

bool stepwell::parseKernelKey(StringRef key, CompileRequest &request,
                              std::string &error) {
  KeyReader reader(key, error);
  StringRef value;
  if (!reader.line("stepwell-key", value))
    return false;
  if (value != "1")
    return reader.fail("version '" + value.str() + "', expected 1");
  if (!reader.line("abi", value))
    return false;
  if (value != std::to_string(STEPWELL_ABI_VERSION))
    return reader.fail("ABI '" + value.str() + "', this compiler makes " +
                       std::to_string(STEPWELL_ABI_VERSION));
  if (!reader.line("build", value))
    return false;
  if (value != stepwellCompilerBuildId())
    return reader.fail("for build '" + value.str() + "', this compiler is " +
                       stepwellCompilerBuildId());

  if (!reader.line("target", value))
    return false;
  llvm::SmallVector<StringRef> words;
  value.split(words, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  if (words.empty() || words.size() > 3)
    return reader.fail("expected 'target <name> <chip> <features>'");
  request.targetName = words[0].str();
  if (words.size() > 1)
    request.options.chip = words[1].str();
  if (words.size() > 2)
    request.options.features = words[2].str();
  // A level that tile registers were added to.
  if (StringRef chip = request.options.chip; chip.consume_back("+amx")) {
    std::string &features = request.options.features;
    features = "+amx-bf16,+amx-tile" + (features.empty() ? "" : "," + features);
    request.options.chip = chip.str();
  }

  if (!reader.line("options", value))
    return false;
  words.clear();
  value.split(words, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef word : words) {
    auto [name, setting] = word.split('=');
    if (name.empty() || !word.contains('='))
      return reader.fail("option '" + word.str() + "' is not name=value");
    if (name == "entry") {
      if (!isEntryName(setting))
        return reader.fail("'" + setting.str() + "' is no C identifier");
      request.options.entryName = setting.str();
    } else if (name == "threads") {
      if (setting != "0" && setting != "1")
        return reader.fail("threads is 0 or 1");
      request.options.threads = setting == "1";
    } else if (name == "emit") {
      auto kind =
          llvm::StringSwitch<std::optional<TargetOptions::Emission>>(setting)
              .Case("object", TargetOptions::Emission::Object)
              .Case("asm", TargetOptions::Emission::Assembly)
              .Case("llvm", TargetOptions::Emission::LLVMText)
              .Case("mlir", TargetOptions::Emission::MLIRText)
              .Default(std::nullopt);
      if (!kind)
        return reader.fail("emit is object, asm, llvm or mlir");
      request.options.emission = *kind;
    } else if (name == "companion") {
      if (setting != "always" && setting != "needed")
        return reader.fail("companion is always or needed");
    } else if (name == "checks") {
      if (setting != "0" && setting != "1")
        return reader.fail("checks is 0 or 1");
    } else if (name == "triple") {
      request.options.triple = setting.str();
    }
    request.options.options[name] = setting.str();
  }
  if (!reader.blank())
    return false;
  request.program = reader.rest.str();
  return true;
}
