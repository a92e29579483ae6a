//===- Compile.cpp - From a program to an object --------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Trace.h"
#include "stepwell/Compiler/Compiler.h"
#include "stepwell/Compiler/Guard.h"
#include "stepwell/Registration.h"
#include "stepwell/Support/Pool.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>
#include <pthread.h>

using namespace mlir;
using namespace stepwell;

namespace {

constexpr StringRef kProgramName = "program";

//===--- Contexts ---------------------------------------------------------===//

/// Attributes, types and locations live as long as their context, and making a
/// context takes longer than a small kernel: each one serves this many
/// compiles.
constexpr unsigned kCompilesPerContext = 64;

/// A context with the descent to one target, whose passes keep the patterns
/// that they prepared.
struct CompilerContext {
  std::unique_ptr<MLIRContext> mlir;
  std::unique_ptr<PassManager> descent;
  unsigned compiles = 0;
};
struct ContextTag;
using ContextPool = Pool<CompilerContext, ContextTag>;

const DialectRegistry &descentDialects() {
  static DialectRegistry *registry = [] {
    registerAllPasses();
    auto *made = new DialectRegistry;
    registerDescentDialects(*made);
    return made;
  }();
  return *registry;
}

std::unique_ptr<MLIRContext> makeContext() {
  auto context = std::make_unique<MLIRContext>(
      descentDialects(), MLIRContext::Threading::DISABLED);
  context->printOpOnDiagnostic(false);
  return context;
}

/// What a descent depends on.
std::string descentKey(const CompileRequest &request) {
  const TargetOptions &options = request.options;
  std::string key;
  for (const std::string &piece :
       {request.targetName, options.chip, options.features, options.triple,
        options.entryName, std::to_string(options.threads),
        std::to_string(static_cast<int>(options.emission))})
    key += piece + "\n";
  SmallVector<std::string> rest;
  for (const auto &option : options.options)
    rest.push_back((option.getKey() + "=" + option.getValue()).str());
  llvm::sort(rest);
  for (const std::string &piece : rest)
    key += piece + "\n";
  return key;
}

CompilerContext takeContext(const CompileRequest &request,
                            const Target &target) {
  if (std::optional<CompilerContext> idle =
          ContextPool::get().take(descentKey(request)))
    return std::move(*idle);
  CompilerContext context;
  context.mlir = makeContext();
  context.descent = std::make_unique<PassManager>(context.mlir.get(),
                                                  ModuleOp::getOperationName());
  context.descent->enableVerifier(false);
  buildDescent(*context.descent, target, request.options);
  return context;
}

//===--- Errors -----------------------------------------------------------===//

/// "model.py:12" of "model.py:12:0", or the place in the program's text.
void printPlace(llvm::raw_ostream &out, Location location) {
  auto place = location->findInstanceOf<FileLineColLoc>();
  if (!place)
    return;
  out << place.getFilename().getValue() << ":" << place.getLine();
  if (place.getFilename() == kProgramName)
    out << ":" << place.getColumn();
  out << ": ";
}

/// Collects what passes report; the first error is the message, notes are its
/// lines.
class Errors {
public:
  explicit Errors(MLIRContext *context)
      : handler(context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
            add(diagnostic);
          return success();
        }) {}

  std::string text;

private:
  void add(Diagnostic &diagnostic) {
    llvm::raw_string_ostream out(text);
    if (!text.empty())
      out << "\n";
    printPlace(out, diagnostic.getLocation());
    out << diagnostic;
    for (Diagnostic &note : diagnostic.getNotes())
      out << "\n  " << note;
  }

  ScopedDiagnosticHandler handler;
};

//===--- One compile ------------------------------------------------------===//

/// Operation i of @main is on line i of `locations`; what lies in its regions
/// too.
void setLocations(ModuleOp module, StringRef locations) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isDeclaration())
    return;
  MLIRContext *context = module.getContext();
  for (Operation &op : main.getBody().front()) {
    StringRef line;
    std::tie(line, locations) = locations.split('\n');
    auto [file, number] = line.rsplit(':');
    unsigned row;
    if (number.getAsInteger(10, row))
      continue;
    Location location = FileLineColLoc::get(context, file, row, 0);
    op.walk([&](Operation *inner) { inner->setLoc(location); });
  }
}

/// In a context of its own: after a crash nobody else's may be touched.
std::string makeReproducer(const CompileRequest &request) {
  const Target *target = lookupTarget(request.targetName);
  if (!target)
    return "";
  std::unique_ptr<MLIRContext> context = makeContext();
  PassManager pm(context.get(), ModuleOp::getOperationName());
  buildDescent(pm, *target, request.options);
  std::string pipeline, text;
  llvm::raw_string_ostream names(pipeline);
  pm.printAsTextualPipeline(names);
  llvm::raw_string_ostream out(text);
  out << "// stepwell-opt --run-reproducer <this file>\n// target "
      << request.targetName << " " << request.options.chip << " "
      << request.options.features << "\n"
      << request.program
      << "\n{-#\n  external_resources: {\n    mlir_reproducer: {\n"
         "      pipeline: \"";
  out.write_escaped(pipeline);
  out << "\",\n      disable_threading: true,\n      verify_each: true\n"
         "    }\n  }\n#-}\n";
  return text;
}

/// The part that may crash: everything it owns is given up then.
class Compilation {
public:
  Compilation(const CompileRequest &request, const Target &target,
              CompileResult &result)
      : request(request), target(target), result(result),
        context(takeContext(request, target)), errors(context.mlir.get()) {}

  void run() {
    module = parseProgram();
    if (!module) {
      result.error =
          errors.text.empty() ? "the program is not valid MLIR" : errors.text;
      return;
    }
    setLocations(*module, request.locations);

    if (failed(request.options.dumpFolder.empty()
                   ? context.descent->run(*module)
                   : runTraced()))
      return fail("a pass failed");
    if (request.options.emission == TargetOptions::Emission::MLIRText) {
      llvm::raw_string_ostream(result.object) << *module;
      result.ok = true;
      return;
    }
    if (failed(target.emit(*module, request.options, object)))
      return fail("no object could be written");
    result.object.assign(object.begin(), object.end());
    result.ok = true;
  }

  /// Back for the next compile, which must not see anything of this one.
  CompilerContext release() {
    module = {};
    return std::move(context);
  }

private:
  /// The same passes, checked and written down one by one.
  LogicalResult runTraced() {
    PassManager pm(context.mlir.get(), ModuleOp::getOperationName());
    buildDescent(pm, target, request.options);
    pm.addInstrumentation(traceInto(request.options.dumpFolder, *module));
    return pm.run(*module);
  }

  /// From outside: checked in full, unlike what our passes make of it.
  OwningOpRef<ModuleOp> parseProgram() {
    ParserConfig config(context.mlir.get(), /*verifyAfterParse=*/true);
    return parseSourceString<ModuleOp>(request.program, config, kProgramName);
  }

  void fail(StringRef otherwise) {
    result.error = errors.text.empty() ? otherwise.str() : errors.text;
    result.reproducer = makeReproducer(request);
  }

  const CompileRequest &request;
  const Target &target;
  CompileResult &result;
  CompilerContext context;
  Errors errors;
  OwningOpRef<ModuleOp> module;
  SmallVector<char, 0> object;
};

//===--- Forks ------------------------------------------------------------===//

/// A child of a fork has one thread. What another one compiled at that moment
/// would stay half done there, with LLVM's locks and ours held for good: a fork
/// waits until nobody compiles.
class NoFork {
public:
  NoFork() {
    static std::once_flag installed;
    std::call_once(installed, [] {
      // The child's thread has another number than the one that locked.
      pthread_atfork([] { pthread_rwlock_wrlock(&lock); },
                     [] { pthread_rwlock_unlock(&lock); },
                     [] { pthread_rwlock_init(&lock, nullptr); });
    });
    pthread_rwlock_rdlock(&lock);
  }
  ~NoFork() { pthread_rwlock_unlock(&lock); }

private:
  static pthread_rwlock_t lock;
};
pthread_rwlock_t NoFork::lock = PTHREAD_RWLOCK_INITIALIZER;

} // namespace

CompileResult stepwell::compile(const CompileRequest &request) {
  NoFork whole;
  CompileResult result;
  const Target *target = lookupTarget(request.targetName);
  if (!target) {
    result.error = "there is no target '" + request.targetName + "'";
    return result;
  }
  std::string reason;
  // On the heap: after a crash it is in no state to be destroyed.
  Compilation *compilation = nullptr;
  bool finished = runGuarded(
      [&] {
        compilation = new Compilation(request, *target, result);
        compilation->run();
      },
      reason);
  if (!finished) {
    result.ok = false;
    result.object.clear();
    result.error = "internal error of the Stepwell compiler: " + reason;
    result.reproducer = makeReproducer(request);
    return result;
  }
  // Handlers before contexts: the collector of errors belongs to the compile.
  CompilerContext context = compilation->release();
  delete compilation;
  if (++context.compiles < kCompilesPerContext)
    ContextPool::get().giveBack(descentKey(request), std::move(context));
  return result;
}
