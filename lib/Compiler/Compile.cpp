//===- Compile.cpp - From a program to an object --------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Guard.h"
#include "Trace.h"
#include "stepwell/Compiler/Compiler.h"
#include "stepwell/Registration.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

#include <pthread.h>

#include <mutex>

using namespace mlir;
using namespace stepwell;

namespace {

constexpr StringRef kProgramName = "program";

//===--- Contexts ---------------------------------------------------------===//

/// Attributes, types and locations live as long as their context, and making a
/// context takes longer than a small kernel: each one serves this many
/// compiles.
constexpr unsigned kCompilesPerContext = 64;

struct CompilerContext {
  std::unique_ptr<MLIRContext> mlir;
  unsigned compiles = 0;
};

class ContextPool {
public:
  static ContextPool &get() {
    static ContextPool pool;
    return pool;
  }

  CompilerContext take() {
    {
      std::lock_guard<std::mutex> lock(mutex);
      if (!idle.empty()) {
        CompilerContext context = std::move(idle.back());
        idle.pop_back();
        return context;
      }
    }
    CompilerContext context;
    context.mlir = std::make_unique<MLIRContext>(
        registry, MLIRContext::Threading::DISABLED);
    context.mlir->printOpOnDiagnostic(false);
    return context;
  }

  void giveBack(CompilerContext context) {
    if (++context.compiles >= kCompilesPerContext)
      return;
    std::lock_guard<std::mutex> lock(mutex);
    idle.push_back(std::move(context));
  }

private:
  ContextPool() {
    registerAllPasses();
    registerDescentDialects(registry);
    // A child that was forked while another thread held the lock must find it
    // free.
    pthread_atfork([] { get().mutex.lock(); }, [] { get().mutex.unlock(); },
                   [] { get().mutex.unlock(); });
  }

  DialectRegistry registry;
  std::mutex mutex;
  std::vector<CompilerContext> idle;
};

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

std::string makeReproducer(const CompileRequest &request,
                           const std::string &pipeline) {
  std::string text;
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
  Compilation(const CompileRequest &request, CompileResult &result)
      : request(request), result(result), context(ContextPool::get().take()),
        errors(context.mlir.get()) {}

  void run() {
    const Target *target = lookupTarget(request.targetName);
    if (!target) {
      result.error = "there is no target '" + request.targetName + "'";
      return;
    }
    module = parseProgram();
    if (!module) {
      result.error =
          errors.text.empty() ? "the program is not valid MLIR" : errors.text;
      return;
    }
    setLocations(*module, request.locations);

    PassManager pm(context.mlir.get(), ModuleOp::getOperationName());
    bool traced = !request.options.dumpFolder.empty();
    pm.enableVerifier(traced);
    buildDescent(pm, *target, request.options);
    llvm::raw_string_ostream stream(pipeline);
    pm.printAsTextualPipeline(stream);
    if (traced)
      pm.addInstrumentation(traceInto(request.options.dumpFolder, *module));
    if (failed(pm.run(*module)))
      return fail("a pass failed");
    if (request.options.emission == TargetOptions::Emission::MLIRText) {
      llvm::raw_string_ostream(result.object) << *module;
      result.ok = true;
      return;
    }
    if (failed(target->emit(*module, request.options, object)))
      return fail("no object could be written");
    result.object.assign(object.begin(), object.end());
    result.ok = true;
  }

  /// Back for the next compile, which must not see anything of this one.
  CompilerContext release() {
    module = {};
    return std::move(context);
  }

  std::string pipeline;

private:
  /// From outside: checked in full, unlike what our passes make of it.
  OwningOpRef<ModuleOp> parseProgram() {
    ParserConfig config(context.mlir.get(), /*verifyAfterParse=*/true);
    return parseSourceString<ModuleOp>(request.program, config, kProgramName);
  }

  void fail(StringRef otherwise) {
    result.error = errors.text.empty() ? otherwise.str() : errors.text;
    result.reproducer = makeReproducer(request, pipeline);
  }

  const CompileRequest &request;
  CompileResult &result;
  CompilerContext context;
  Errors errors;
  OwningOpRef<ModuleOp> module;
  SmallVector<char, 0> object;
};

} // namespace

CompileResult stepwell::compile(const CompileRequest &request) {
  CompileResult result;
  std::string reason;
  // On the heap: after a crash it is in no state to be destroyed.
  Compilation *compilation = nullptr;
  bool finished = runGuarded(
      [&] {
        compilation = new Compilation(request, result);
        compilation->run();
      },
      reason);
  if (!finished) {
    result.ok = false;
    result.object.clear();
    result.error = "internal error of the Stepwell compiler: " + reason;
    if (compilation)
      result.reproducer = makeReproducer(request, compilation->pipeline);
    return result;
  }
  // Handlers before contexts: the collector of errors belongs to the compile.
  CompilerContext context = compilation->release();
  delete compilation;
  ContextPool::get().giveBack(std::move(context));
  return result;
}
