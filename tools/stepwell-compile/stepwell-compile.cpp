//===- stepwell-compile.cpp - Ship a program ------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Package.h"
#include "TensorFile.h"

#include "stepwell-c/Compiler.h"
#include "stepwell/abi.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/TargetParser/X86TargetParser.h"

#include <dlfcn.h>

using namespace llvm;
using namespace stepwell;

namespace {

enum class Emit { Executable, Shared, Object, Assembly, LLVM, MLIR };
constexpr StringLiteral emitNames[] = {"exe", "shared", "object",
                                       "asm", "llvm",   "mlir"};

struct Options {
  std::string input, output, weights, name, dump;
  std::string target = "host";
  Emit emit = Emit::Executable;
  bool serial = false, unchecked = false;
};

constexpr StringLiteral usage =
    R"(usage: stepwell-compile PROGRAM -o FILE [options]

Compiles a program to a native binary that needs neither Python nor a compiler.
PROGRAM is a .stepwell file (stepwell.export), whose weights are embedded, or
the text of a program of the array dialect (.mlir).

  --emit=exe       an executable that reads .npy or raw files (default)
  --emit=shared    a shared object and, beside it, a C header
  --emit=object    an object file and a C header
  --emit=asm       the kernel's assembly
  --emit=llvm      the kernel's LLVM IR
  --emit=mlir      the kernel's MLIR just before it becomes LLVM IR
  --target=CPU     a CPU (x86-64-v3; with AMX: x86-64-v4+amx), a triple, or
                   host (default)
  --threads        use several threads (default)
  --serial         use no threads, link no thread pool
  --unchecked      of asm, llvm and mlir: the kernel as eager calls have it, which
                   does not check what it is called with
  --weights=FILE   embed the tensors of a safetensors file that arguments of a
                   .mlir program name with stepwell.name
  --name=NAME      the C function's name (default: from the output file)
  --dump=FOLDER    write the IR after each step there
)";

} // namespace

static Error makeError(const Twine &message) {
  return createStringError(inconvertibleErrorCode(), message);
}

/// Where the value of --flag=VALUE goes; null for other flags.
static std::string *textOption(Options &options, StringRef flag) {
  return StringSwitch<std::string *>(flag)
      .Case("--target", &options.target)
      .Case("--weights", &options.weights)
      .Case("--name", &options.name)
      .Case("--dump", &options.dump)
      .Default(nullptr);
}

// Not llvm::cl: libLLVM registers hundreds of options of its own there, with
// names that we want.
static Expected<Options> parseOptions(ArrayRef<const char *> arguments) {
  Options options;
  bool threads = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    StringRef argument = arguments[i], value = argument;
    auto [flag, setting] = argument.split('=');
    if (argument == "-o") {
      if (++i == arguments.size())
        return makeError("-o needs a file name");
      options.output = arguments[i];
    } else if (value.consume_front("--emit=")) {
      const auto *found = find(emitNames, value);
      if (found == std::end(emitNames))
        return makeError("--emit=" + value + ": choose one of " +
                         join(ArrayRef(emitNames), ", "));
      options.emit = Emit(found - emitNames);
    } else if (std::string *text = textOption(options, flag)) {
      if (setting.empty())
        return makeError(flag + " needs a value: " + flag + "=...");
      *text = setting.str();
    } else if (argument == "--threads") {
      threads = true;
    } else if (argument == "--unchecked") {
      options.unchecked = true;
    } else if (argument == "--serial") {
      options.serial = true;
    } else if (argument.starts_with("-")) {
      return makeError("unknown option '" + argument + "'; --help lists them");
    } else if (options.input.empty()) {
      options.input = argument.str();
    } else {
      return makeError("one program at a time, and '" + argument +
                       "' is the second");
    }
  }
  if (options.input.empty() || options.output.empty())
    return makeError("a program and -o FILE are needed; --help tells more");
  if (threads && options.serial)
    return makeError("--threads and --serial exclude each other");
  if (options.unchecked && options.emit <= Emit::Object)
    return makeError("--unchecked is for asm, llvm and mlir");
  return options;
}

/// Whether libraries that every program links have a function of that name,
/// which ours would replace.
static bool isLibraryFunction(const std::string &name) {
  return dlsym(RTLD_DEFAULT, name.c_str()) != nullptr;
}

/// The name of the C function: an identifier that is nobody else's.
static Expected<std::string> chooseName(const Options &options) {
  bool given = !options.name.empty();
  std::string name =
      given ? options.name : sys::path::stem(options.output).str();
  auto isTaken = [](const std::string &name) {
    return isReservedName(name) || isLibraryFunction(name);
  };
  if (!given) {
    if (StringRef(name).starts_with("lib"))
      name.erase(0, 3);
    for (char &letter : name)
      letter = isAlnum(letter) ? letter : '_';
    if (name == "main" || name.find_first_not_of('_') == std::string::npos)
      name = "program";
    if (isDigit(name[0]))
      name = "_" + name;
    if (isTaken(name))
      name = isTaken(name + "_") ? "program_" + name : name + "_";
  }
  if (isDigit(name[0]) || isTaken(name) ||
      !all_of(name, [](char c) { return isAlnum(c) || c == '_'; }))
    return makeError("--name: '" + name + "' cannot name a C function");
  return name;
}

//===--- Targets ----------------------------------------------------------===//

namespace {
/// What --target means: a CPU of this machine's kind, or a triple.
struct TargetChoice {
  bool isTriple = false;
  Triple triple;
  std::string chip;     // as the key says it
  std::string features; // of the chip, for the key
};
} // namespace

/// Programs are for 64-bit little-endian processors, whose words and files are
/// those of docs/abi.md; objects and what is linked from them are for Linux.
static Expected<TargetChoice> chooseTarget(const Options &options) {
  TargetChoice choice;
  Triple triple(Triple::normalize(options.target));
  if (options.target == "host" ||
      Triple(options.target).getArch() == Triple::UnknownArch) {
    choice.triple = Triple(sys::getProcessTriple());
    choice.chip = options.target;
    StringRef cpu = choice.chip;
    cpu.consume_back("+amx");
    if (choice.triple.getArch() == Triple::x86_64 && cpu != "host" &&
        cpu != "native" && cpu != "generic" &&
        X86::parseArchX86(cpu, /*Only64Bit=*/true) == X86::CK_None)
      return makeError("--target=" + options.target + ": unknown CPU '" + cpu +
                       "' for " + choice.triple.str());
    return choice;
  }
  choice.isTriple = true;
  choice.triple = triple;
  std::string emit = emitNames[int(options.emit)].str();
  switch (triple.getArch()) {
  case Triple::x86_64:
    choice.chip = "x86-64-v2";
    break;
  case Triple::riscv64: // as Linux distributions have it
    choice.chip = "generic-rv64";
    choice.features = "+a,+c,+d,+f,+m";
    break;
  case Triple::ppc64le:
    choice.chip = "ppc64le";
    break;
  case Triple::aarch64:
  case Triple::loongarch64:
    choice.chip = "generic";
    break;
  default:
    return makeError("--target=" + options.target +
                     ": programs are compiled for x86_64, aarch64, riscv64, "
                     "powerpc64le and loongarch64, not for " +
                     Triple::getArchTypeName(triple.getArch()));
  }
  if (triple.isX32() || triple.getEnvironment() == Triple::GNUILP32)
    return makeError("--target=" + options.target +
                     ": programs need 64-bit addresses");
  if (options.emit > Emit::Object)
    return choice;
  if (!triple.isOSLinux())
    return makeError("--target=" + options.target + ": --emit=" + emit +
                     " is for Linux; --emit=asm can");
  if (triple.getEnvironment() != Triple::GNU &&
      triple.getEnvironment() != Triple::UnknownEnvironment)
    return makeError("--target=" + options.target + ": --emit=" + emit +
                     " is for GNU's C library; --emit=asm can");
  return choice;
}

/// What the CPU has beyond every x86-64, for the question when a program
/// starts.
static std::string listFeatures(const TargetChoice &choice) {
  if (choice.triple.getArch() != Triple::x86_64)
    return "";
  SmallVector<std::string> names;
  StringRef chip = choice.chip;
  bool tiles = chip.consume_back("+amx");
  if (chip == "host" || chip == "native") {
    for (auto &feature : sys::getHostCPUFeatures())
      // What a process must ask for is not used.
      if (feature.getValue() && !feature.getKey().starts_with("amx-"))
        names.push_back(feature.getKey().str());
  } else if (X86::parseArchX86(chip, /*Only64Bit=*/true) != X86::CK_None) {
    SmallVector<StringRef> features;
    X86::getFeaturesForCPU(chip, features);
    for (StringRef feature : features)
      names.push_back(feature.str());
  }
  if (tiles)
    names.append({"amx-bf16", "amx-tile"});
  sort(names);
  return join(names, ",");
}

/// The key of docs/kernel-key.md that asks for this program.
static std::string makeKey(const Options &options, const TargetChoice &target,
                           StringRef program, const Twine &entry) {
  std::string key;
  raw_string_ostream out(key);
  out << "stepwell-key 1\nabi " << STEPWELL_ABI_VERSION << "\nbuild "
      << stepwellCompilerBuildId() << "\ntarget cpu " << target.chip;
  if (!target.features.empty())
    out << ' ' << target.features;
  static constexpr StringLiteral kinds[] = {"object", "object", "object",
                                            "asm",    "llvm",   "mlir"};
  out << "\noptions checks=" << (options.unchecked ? 0 : 1)
      << " emit=" << kinds[int(options.emit)] << " entry=" << entry
      << " threads=" << (options.serial ? 0 : 1);
  if (target.isTriple)
    out << " triple=" << target.triple.str();
  out << "\n\n" << program;
  return key;
}

static Expected<std::string> compileKernel(const Options &options,
                                           StringRef key) {
  StepwellCompilation *compilation =
      stepwellCompile({key.data(), key.size()}, {"", 0},
                      {options.dump.data(), options.dump.size()});
  auto text = [](StepwellBytes bytes) {
    return std::string(bytes.data, bytes.size);
  };
  bool ok = stepwellCompilationOk(compilation);
  std::string result = text(ok ? stepwellCompilationObject(compilation)
                               : stepwellCompilationError(compilation));
  stepwellCompilationDestroy(compilation);
  if (ok)
    return result;
  // One line, whatever the compiler had to say; it calls the file "program" and
  // the whole of it line 0.
  StringRef message = result;
  bool placed = message.consume_front("program:");
  message.consume_front("0:0: ");
  SmallVector<StringRef> lines;
  message.split(lines, '\n', -1, /*KeepEmpty=*/false);
  return makeError(
      options.input +
      (placed && !message.empty() && isDigit(message[0]) ? ":" : ": ") +
      join(lines, "; "));
}

static Error writeText(StringRef file, StringRef text) {
  std::error_code failed;
  raw_fd_ostream stream(file, failed);
  if (!failed) {
    stream << text;
    stream.close();
    failed = stream.error();
    stream.clear_error();
  }
  return failed ? makeError(file + ": " + failed.message()) : Error::success();
}

static Error run(const Options &options) {
  Expected<std::string> name = chooseName(options);
  if (!name)
    return name.takeError();
  Expected<TargetChoice> target = chooseTarget(options);
  if (!target)
    return target.takeError();
  if ((options.emit == Emit::Shared || options.emit == Emit::Object) &&
      sys::path::extension(options.output) == ".h")
    return makeError("-o " + options.output +
                     ": the header beside it would have that name");
  auto buffer = MemoryBuffer::getFile(options.input);
  if (!buffer)
    return makeError(options.input + ": " + buffer.getError().message());
  std::string program = (*buffer)->getBuffer().str();
  std::optional<TensorFile> tensors;
  bool package = looksLikePackage(options.input, program);
  if (package && !options.weights.empty())
    return makeError(options.input +
                     " carries its weights; --weights is for .mlir programs");
  if (package || !options.weights.empty()) {
    Expected<TensorFile> file =
        TensorFile::open(package ? options.input : options.weights);
    if (!file)
      return file.takeError();
    tensors = std::move(*file);
  }
  if (package) {
    Expected<std::string> inside = tensors->program();
    if (!inside)
      return inside.takeError();
    program = std::move(*inside);
  }
  Expected<Signature> signature = readSignature(program, options.input, *name);
  if (!signature)
    return signature.takeError();
  if (tensors)
    if (Error error = tensors->bind(*signature, /*all=*/package))
      return error;

  bool packaged = options.emit <= Emit::Object;
  if (options.emit == Emit::Executable)
    for (const Parameter &result : signature->outputs)
      if (!result.isStatic() && result.sizes.empty())
        return makeError(options.input + ": the sizes of the result '" +
                         result.name + "', which is " + result.describe() +
                         ", do not follow from the arguments; --emit=shared "
                         "lets the caller give them");

  Expected<std::string> object =
      compileKernel(options, makeKey(options, *target, program,
                                     packaged ? *name + "_kernel" : *name));
  if (!object)
    return object.takeError();
  if (!packaged)
    return writeText(options.output, *object);
  bool foreign =
      target->isTriple &&
      target->triple.getArch() != Triple(sys::getProcessTriple()).getArch();
  PackageKind kind = options.emit == Emit::Executable ? PackageKind::Executable
                     : options.emit == Emit::Shared   ? PackageKind::Shared
                                                      : PackageKind::Object;
  return buildPackage({kind, *name, !options.serial,
                       StringRef(options.target).ends_with("+amx"),
                       std::move(*signature), options.output,
                       foreign ? target->triple.getArchName().str() : "",
                       options.target, listFeatures(*target)},
                      *object);
}

int main(int argc, char **argv) {
  ArrayRef<const char *> arguments(argv + 1, argv + argc);
  if (is_contained(arguments, StringRef("--help")) ||
      is_contained(arguments, StringRef("-h"))) {
    outs() << usage;
    return 0;
  }
  Expected<Options> options = parseOptions(arguments);
  Error error = options ? run(*options) : options.takeError();
  if (!error)
    return 0;
  errs() << "stepwell-compile: error: " << toString(std::move(error)) << '\n';
  return 1;
}
