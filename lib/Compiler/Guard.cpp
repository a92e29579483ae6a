//===- Guard.cpp - Surviving a compiler bug -------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Compiler/Guard.h"

#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <cstring>
#include <mutex>

using namespace stepwell;
using llvm::CrashRecoveryContext;

namespace {

constexpr int kFatalError = 70;
/// Not on the heap: the frame that reads it is reached by longjmp.
thread_local char fatalReason[512];

/// Outside a guarded compile it returns, and LLVM goes on to abort as it always
/// does.
void onFatalError(void *, const char *reason, bool) {
  CrashRecoveryContext *context = CrashRecoveryContext::GetCurrent();
  if (!context)
    return;
  std::strncpy(fatalReason, reason, sizeof(fatalReason) - 1);
  context->HandleExit(kFatalError);
}

/// Signal handlers are in place only while someone compiles: the process is our
/// host's.
class SignalHandlers {
public:
  SignalHandlers() {
    std::lock_guard<std::mutex> lock(mutex());
    if (users()++ == 0)
      CrashRecoveryContext::Enable();
  }
  ~SignalHandlers() {
    std::lock_guard<std::mutex> lock(mutex());
    if (--users() == 0)
      CrashRecoveryContext::Disable();
  }

private:
  static std::mutex &mutex() {
    static std::mutex instance;
    return instance;
  }
  static int &users() {
    static int count = 0;
    return count;
  }
};

} // namespace

static bool runGuarded(llvm::function_ref<void()> work, std::string &reason,
                       bool printStack) {
  static std::once_flag installed;
  std::call_once(installed,
                 [] { llvm::install_fatal_error_handler(onFatalError); });
  SignalHandlers handlers;
  std::memset(fatalReason, 0, sizeof(fatalReason));
  CrashRecoveryContext context;
  context.DumpStackAndCleanupOnFailure = printStack;
  if (context.RunSafely(work))
    return true;
  if (fatalReason[0])
    reason = fatalReason;
  else
    reason = "it crashed with signal " +
             std::to_string(context.RetCode > 128 ? context.RetCode - 128
                                                  : context.RetCode);
  return false;
}

bool stepwell::runGuarded(llvm::function_ref<void()> work,
                          std::string &reason) {
  return ::runGuarded(work, reason, /*printStack=*/false);
}

int stepwell::runTool(llvm::StringRef name, llvm::function_ref<int()> tool) {
  int status = 0;
  std::string reason;
  if (::runGuarded([&] { status = tool(); }, reason, /*printStack=*/true))
    return status;
  llvm::outs().flush();
  llvm::errs() << name << ": internal error: " << reason << '\n';
  // Nothing is in a state to be destroyed.
  std::_Exit(kFatalError);
}
