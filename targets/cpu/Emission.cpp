//===- Emission.cpp - From the LLVM dialect to an object ---------------------
//===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CodeGenerator.h"

#include "stepwell/Support/Pool.h"

#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/Transforms/Utils/Cloning.h"

#include <mutex>

using namespace mlir;
using namespace stepwell;

static void initializeLLVMTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
  });
}

/// LLVM names some servers after clients that lack their features, so the level
/// is told from the features.
static std::string hostLevel(const llvm::StringMap<bool> &features) {
  auto has = [&](std::initializer_list<llvm::StringRef> names) {
    return llvm::all_of(
        names, [&](llvm::StringRef name) { return features.lookup(name); });
  };
  if (!has({"sse4.2", "popcnt"}))
    return "x86-64";
  if (!has({"avx2", "fma", "bmi2", "f16c"}))
    return "x86-64-v2";
  if (!has({"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"}))
    return "x86-64-v3";
  return "x86-64-v4";
}

static std::string hostFeatures(const llvm::StringMap<bool> &features) {
  SmallVector<std::string> list;
  for (auto &feature : features)
    // A process has tile registers when it has asked Linux for them.
    if (feature.getValue() && !feature.getKey().starts_with("amx-"))
      list.push_back(("+" + feature.getKey()).str());
  llvm::sort(list);
  return llvm::join(list, ",");
}

std::optional<cpu::Machine> cpu::describeMachine(const TargetOptions &options,
                                                 std::string &error) {
  initializeLLVMTargets();
  Machine machine;
  machine.triple =
      options.triple.empty() ? llvm::sys::getProcessTriple() : options.triple;
  machine.cpu = options.chip;
  machine.features = options.features;
  llvm::Triple triple(machine.triple);
  if (machine.cpu.empty() || machine.cpu == "host" || machine.cpu == "native") {
    llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
    machine.cpu = triple.isX86() ? hostLevel(features)
                                 : llvm::sys::getHostCPUName().str();
    std::string own = hostFeatures(features);
    machine.features =
        machine.features.empty() ? own : own + "," + machine.features;
  }
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return std::nullopt;
  // Asked without the name first: LLVM prints about one that it does not know.
  std::unique_ptr<llvm::MCSubtargetInfo> info(
      target->createMCSubtargetInfo(triple, "", ""));
  if (!info || !info->isCPUStringValid(machine.cpu)) {
    error = "unknown CPU '" + machine.cpu + "' for " + machine.triple;
    return std::nullopt;
  }
  info.reset(
      target->createMCSubtargetInfo(triple, machine.cpu, machine.features));
  if (triple.isX86()) {
    if (info->checkFeatures("+avx512f,+avx512vl,+avx512bw,+avx512dq")) {
      machine.vectorBits = 512;
      machine.registers = 32;
      machine.narrowMasks = true;
      // Otherwise LLVM splits the vectors that we made on purpose.
      machine.features += machine.features.empty() ? "" : ",";
      machine.features += "-prefer-256-bit";
    } else if (info->checkFeatures("+avx2")) {
      machine.vectorBits = 256;
    }
    machine.fma = info->checkFeatures("+fma");
    machine.bf16Tiles = info->checkFeatures("+amx-tile,+amx-bf16");
  } else {
    machine.registers = 32;
    machine.fma = true;
  }
  return machine;
}

/// Only the entry and its companion can be seen; nothing unwinds, and nothing
/// is taken for a function of libc.
static void prepareFunctions(llvm::Module &module, llvm::StringRef entryName) {
  std::string companion = (entryName + "_workspace_size").str();
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    if (function.getName() != entryName && function.getName() != companion)
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
    function.setDoesNotThrow();
    function.addFnAttr("no-builtins");
    function.addFnAttr("no-jump-tables", "true");
  }
}

/// A kernel object stands alone: whoever loads it resolves no names.
static LogicalResult checkSymbols(ModuleOp module, ArrayRef<char> object) {
  auto file = llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef({object.data(), object.size()}, "kernel"));
  if (!file)
    return module.emitError("the emitted object cannot be read: ")
           << llvm::toString(file.takeError());
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    auto flags = symbol.getFlags();
    auto name = symbol.getName();
    if (!flags || !name) {
      llvm::consumeError(flags.takeError());
      llvm::consumeError(name.takeError());
      continue;
    }
    if ((*flags & llvm::object::SymbolRef::SF_Undefined) && !name->empty() &&
        // Linkers make these two.
        *name != "_GLOBAL_OFFSET_TABLE_" && *name != ".TOC.")
      return module.emitError("the kernel refers to the symbol '")
             << *name << "', and a kernel object has no undefined symbols";
  }
  return success();
}

static void dump(const TargetOptions &options, llvm::StringRef file,
                 llvm::function_ref<void(llvm::raw_pwrite_stream &)> print) {
  if (options.dumpFolder.empty())
    return;
  std::error_code error;
  llvm::raw_fd_ostream stream(options.dumpFolder + "/" + file.str(), error);
  if (!error)
    print(stream);
}

namespace {
struct GeneratorTag;
using GeneratorPool = Pool<std::unique_ptr<cpu::CodeGenerator>, GeneratorTag>;
} // namespace

static LogicalResult emitWith(cpu::CodeGenerator &generator, ModuleOp module,
                              const TargetOptions &options,
                              SmallVectorImpl<char> &object) {
  std::unique_ptr<llvm::Module> code =
      translateModuleToLLVMIR(module, generator.context(), options.entryName,
                              /*disableVerification=*/true);
  if (!code)
    return module.emitError("cannot be translated to LLVM IR");
  generator.prepare(*code);
  prepareFunctions(*code, options.entryName);
  auto print = [&](llvm::raw_ostream &stream) { code->print(stream, nullptr); };
  dump(options, "90-llvm.ll", print);
  generator.optimize(*code);
  dump(options, "91-llvm-optimised.ll", print);
  dump(options, "92-assembly.s", [&](llvm::raw_pwrite_stream &stream) {
    SmallVector<char, 0> text;
    generator.generate(*llvm::CloneModule(*code),
                       llvm::CodeGenFileType::AssemblyFile, text);
    stream << StringRef(text.data(), text.size());
  });

  if (options.emission == TargetOptions::Emission::LLVMText) {
    llvm::raw_svector_ostream stream(object);
    code->print(stream, nullptr);
    return success();
  }
  bool assembly = options.emission == TargetOptions::Emission::Assembly;
  if (!generator.generate(*code,
                          assembly ? llvm::CodeGenFileType::AssemblyFile
                                   : llvm::CodeGenFileType::ObjectFile,
                          object))
    return module.emitError("this CPU cannot emit an object");
  return assembly ? success() : checkSymbols(module, object);
}

LogicalResult cpu::emitObject(ModuleOp module, const TargetOptions &options,
                              SmallVectorImpl<char> &object) {
  std::string error,
      key = options.triple + "\n" + options.chip + "\n" + options.features;
  std::unique_ptr<CodeGenerator> generator;
  if (auto idle = GeneratorPool::get().take(key))
    generator = std::move(*idle);
  else if (std::optional<Machine> machine = describeMachine(options, error))
    generator = CodeGenerator::create(*machine, error);
  if (!generator)
    return module.emitError("no CPU to emit code for: ") << error;
  LogicalResult emitted = emitWith(*generator, module, options, object);
  if (succeeded(emitted) && !generator->isWorn())
    GeneratorPool::get().giveBack(key, std::move(generator));
  return emitted;
}
