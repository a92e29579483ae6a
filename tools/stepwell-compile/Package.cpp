//===- Package.cpp - From a kernel object to what people link -------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Package.h"

#include "stepwell-c/Compiler.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <dlfcn.h>

using namespace llvm;
using namespace stepwell;

static Error makeError(const Twine &message) {
  return createStringError(inconvertibleErrorCode(), message);
}

static Error writeFile(const Twine &path, StringRef content) {
  std::error_code failed;
  std::string name = path.str();
  raw_fd_ostream stream(name, failed);
  if (!failed) {
    stream << content;
    stream.close();
    failed = stream.error();
    stream.clear_error();
  }
  return failed ? makeError(name + ": " + failed.message()) : Error::success();
}

/// A compiler for this machine, or for Linux on another `arch`.
static Expected<std::string> findCCompiler(StringRef arch) {
  if (std::optional<std::string> chosen = sys::Process::GetEnv("CC"))
    if (auto path = sys::findProgramByName(*chosen))
      return *path;
  if (!arch.empty()) {
    std::string name = (arch + "-linux-gnu-gcc").str();
    if (auto path = sys::findProgramByName(name))
      return *path;
    return makeError("no C compiler for " + arch + " found to link with: " +
                     "install " + name + " (Debian: gcc-" + arch +
                     "-linux-gnu), or set CC; --emit=asm needs none");
  }
  for (StringRef name : {"clang-22", "clang", "cc", "gcc"})
    if (auto path = sys::findProgramByName(name))
      return *path;
  return makeError("no C compiler found to link with: install clang or gcc, or "
                   "set CC; --emit=asm needs none");
}

/// The folder that holds lib/, include/ and share/: that of the compiler
/// library (an installed package) or the one above it (a build folder).
static Expected<std::string> findPrefix() {
  Dl_info info;
  if (!dladdr(reinterpret_cast<void *>(&stepwellCompile), &info) ||
      !info.dli_fname)
    return makeError("the compiler library cannot be found");
  SmallString<256> library;
  if (sys::fs::real_path(info.dli_fname, library))
    library = info.dli_fname;
  StringRef beside = sys::path::parent_path(library);
  for (StringRef folder : {beside, sys::path::parent_path(beside)}) {
    std::string prefix = folder.str();
    if (sys::fs::exists(prefix + "/lib/libstepwell-runtime.a") &&
        sys::fs::exists(prefix + "/include/stepwell/runtime.h"))
      return prefix;
  }
  return makeError("the runtime is not installed beside " + library);
}

static Error runTool(ArrayRef<std::string> command, StringRef folder) {
  SmallVector<StringRef> arguments(command.begin(), command.end());
  std::string log = (folder + "/log").str();
  std::optional<StringRef> redirects[] = {StringRef(), StringRef(log),
                                          StringRef(log)};
  std::string error;
  int status = sys::ExecuteAndWait(command[0], arguments, std::nullopt,
                                   redirects, 0, 0, &error);
  if (status == 0)
    return Error::success();
  if (error.empty())
    if (auto text = MemoryBuffer::getFile(log))
      error = (*text)->getBuffer().split('\n').first.str();
  return makeError(command[0] + " failed: " + error);
}

Error stepwell::buildPackage(const Package &package, StringRef object) {
  Expected<std::string> compiler = findCCompiler(package.otherArch);
  if (!compiler)
    return compiler.takeError();
  Expected<std::string> prefix = findPrefix();
  if (!prefix)
    return prefix.takeError();
  SmallString<128> folder;
  if (std::error_code failed =
          sys::fs::createUniqueDirectory("stepwell-compile", folder))
    return makeError(failed.message());
  llvm::scope_exit cleanUp([&] { sys::fs::remove_directories(folder); });
  std::string at = std::string(folder) + "/";

  bool executable = package.kind == PackageKind::Executable;
  if (Error error = writeFile(at + "kernel.o", object))
    return error;
  if (Error error =
          writeFile(at + "glue.c", executable ? printProgramTable(package)
                                              : printTypedEntry(package)))
    return error;
  std::vector<std::string> command = {*compiler,
                                      "-O2",
                                      "-fPIC",
                                      "-std=gnu11",
                                      "-fvisibility=hidden",
                                      "-I" + *prefix + "/include"};
  std::vector<std::string> objects = {at + "kernel.o"};
  auto compile = [&](const std::string &source, const std::string &output) {
    std::vector<std::string> one = command;
    one.insert(one.end(), {"-c", source, "-o", at + output});
    objects.push_back(at + output);
    return runTool(one, folder);
  };
  if (Error error = compile(at + "glue.c", "glue.o"))
    return error;
  if (std::string weights = printWeights(package); !weights.empty()) {
    if (Error error = writeFile(at + "weights.s", weights))
      return error;
    if (Error error = compile(at + "weights.s", "weights.o"))
      return error;
  }
  if (executable)
    if (Error error = compile(*prefix + "/share/stepwell/Runner.c", "runner.o"))
      return error;

  // The runtime's library is for this machine; for another its sources are.
  bool linksRuntime = package.kind != PackageKind::Object;
  if (linksRuntime && !package.otherArch.empty())
    for (const char *source :
         {"Context", package.threads ? "Threads" : "Serial"})
      if (Error error = compile(*prefix + "/share/stepwell/" + source + ".c",
                                std::string(source) + ".o"))
        return error;

  std::vector<std::string> link = {*compiler};
  link.insert(link.end(), objects.begin(), objects.end());
  if (!linksRuntime) {
    link.insert(link.end(), {"-r", "-nostdlib"});
  } else {
    if (package.otherArch.empty())
      link.push_back(*prefix + "/lib/libstepwell-runtime" +
                     (package.threads ? "" : "-serial") + ".a");
    // The kernel's own names stay visible, the runtime's do not.
    link.insert(link.end(), {"-Wl,--gc-sections", "-Wl,-z,noexecstack",
                             "-Wl,-z,defs", "-Wl,--exclude-libs,ALL"});
    if (package.threads)
      link.push_back("-pthread");
    if (executable)
      link.push_back("-s");
    else
      link.insert(link.end(), {"-shared", "-Xlinker", "-soname", "-Xlinker",
                               sys::path::filename(package.output).str()});
  }
  link.insert(link.end(), {"-o", package.output});
  if (Error error = runTool(link, folder))
    return error;
  if (executable)
    return Error::success();
  SmallString<128> header(package.output);
  sys::path::replace_extension(header, ".h");
  return writeFile(header, printHeader(package));
}
