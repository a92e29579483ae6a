//===- CodeGenerator.cpp - LLVM for one chip, kept ready ------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CodeGenerator.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Analysis/CGSCCPassManager.h"
#include "llvm/Analysis/LoopAnalysisManager.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/PassInfo.h"
#include "llvm/PassRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;
using stepwell::cpu::CodeGenerator;

/// What explicit vector code needs of LLVM's optimiser and no more: -O3 costs
/// ten times as much and finds nothing. No loop-idiom: kernels call no memset.
static constexpr StringLiteral kPipeline =
    "always-inline,function(sroa,early-cse<memssa>,simplifycfg,loop-simplify,"
    "lcssa,loop-mssa(licm,loop-rotate),instcombine<no-verify-fixpoint>,gvn,"
    "adce,"
    "simplifycfg),globaldce";

namespace {

/// Passes for what no kernel has: exceptions, garbage collection, other
/// languages, profiles, debug information.
constexpr StringLiteral kNeedless[] = {
    "callbrprepare",
    "cfi-instr-inserter",
    "dwarf-eh-prepare",
    "expand-memcmp",
    "fentry-insert",
    "fixup-statepoint-caller-saved",
    "funclet-layout",
    "gc-analysis",
    "gc-lowering",
    "indirectbr-expand",
    "kcfi",
    "livedebugvalues",
    "machine-sanmd",
    "mergeicmps",
    "objc-arc-contract",
    "partially-inline-libcalls",
    "patchable-function",
    "post-inline-ee-instrument",
    "pseudo-probe-inserter",
    "remove-loads-into-fake-uses",
    "removeredundantdebugvalues",
    "safe-stack",
    "shadow-stack-gc-lowering",
    "stack-frame-layout",
    "stackmap-liveness",
    "xray-instrumentation",
};

/// What takes a quarter of the code generator's time on a small kernel, and
/// does nothing for loops that address memory by their counter alone.
constexpr StringLiteral kStrengthReduction[] = {"canon-freeze", "loop-reduce"};

/// What looks at every pair of accesses to memory that lie in one block: there
/// are programs whose loops have one step each, and a hundred thousand of them
/// are one block.
constexpr StringLiteral kScheduler = "machine-scheduler";
constexpr size_t kLongestScheduled = 10'000;

/// Which of the passes a module needs that most do not, or does not.
struct Needs {
  bool strengthReduction, scheduler;
  bool operator==(const Needs &) const = default;
};

/// Leaves passes out on their way into a pass manager: LLVM can leave some of
/// them out only for the whole process.
class FilteredPasses : public legacy::PassManagerBase {
public:
  FilteredPasses(legacy::PassManagerBase &passes, Needs needs)
      : passes(passes) {
    for (StringRef name : kNeedless)
      unwanted.insert(name);
    if (!needs.strengthReduction)
      for (StringRef name : kStrengthReduction)
        unwanted.insert(name);
    if (!needs.scheduler)
      unwanted.insert(kScheduler);
  }

  void add(Pass *pass) override {
    const PassInfo *info =
        PassRegistry::getPassRegistry()->getPassInfo(pass->getPassID());
    if (info && unwanted.contains(info->getPassArgument()))
      delete pass;
    else
      passes.add(pass);
  }

private:
  legacy::PassManagerBase &passes;
  StringSet<> unwanted;
};

/// The passes down to one kind of file.
struct Emitter {
  Emitter(TargetMachine &machine, CodeGenFileType type, Needs needs)
      : type(type), needs(needs), stream(file) {
    FilteredPasses filtered(passes, needs);
    usable = !machine.addPassesToEmitFile(filtered, stream, nullptr, type);
  }

  CodeGenFileType type;
  Needs needs;
  bool usable;
  SmallVector<char, 0> file;
  raw_svector_ostream stream;
  legacy::PassManager passes;
};

/// Whether an innermost loop multiplies by what is not known.
bool wantsStrengthReduction(const LoopInfo &loops) {
  for (const Loop *top : loops)
    for (const Loop *loop : depth_first(top)) {
      if (!loop->isInnermost())
        continue;
      for (const BasicBlock *block : loop->blocks())
        for (const Instruction &instruction : *block)
          if (instruction.getOpcode() == Instruction::Mul &&
              !isa<Constant>(instruction.getOperand(1)))
            return true;
    }
  return false;
}

} // namespace

struct CodeGenerator::Parts {
  std::unique_ptr<TargetMachine> machine;
  LLVMContext context;
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager components;
  ModuleAnalysisManager modules;
  ModulePassManager pipeline;
  // After the context and the machine: they go first.
  SmallVector<std::unique_ptr<Emitter>, 4> emitters;

  Emitter &emitterFor(CodeGenFileType type, Needs needs) {
    for (auto &emitter : emitters)
      if (emitter->type == type && emitter->needs == needs)
        return *emitter;
    return *emitters.emplace_back(
        std::make_unique<Emitter>(*machine, type, needs));
  }
};

CodeGenerator::CodeGenerator() : parts(std::make_unique<Parts>()) {}
CodeGenerator::~CodeGenerator() = default;

std::unique_ptr<CodeGenerator> CodeGenerator::create(const Machine &machine,
                                                     std::string &error) {
  Triple triple(machine.triple);
  const llvm::Target *target = TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = FPOpFusion::Strict;
  options.UseInitArray = true;
  std::unique_ptr<CodeGenerator> made(new CodeGenerator);
  Parts &parts = *made->parts;
  parts.machine.reset(target->createTargetMachine(
      triple, machine.cpu, machine.features, options, Reloc::PIC_,
      CodeModel::Small, CodeGenOptLevel::Default));
  if (!parts.machine) {
    error = "LLVM has no code generator for " + machine.triple;
    return nullptr;
  }
  PassBuilder builder(parts.machine.get());
  builder.registerModuleAnalyses(parts.modules);
  builder.registerCGSCCAnalyses(parts.components);
  builder.registerFunctionAnalyses(parts.functions);
  builder.registerLoopAnalyses(parts.loops);
  builder.crossRegisterProxies(parts.loops, parts.functions, parts.components,
                               parts.modules);
  if (Error failed = builder.parsePassPipeline(parts.pipeline, kPipeline)) {
    error = toString(std::move(failed));
    return nullptr;
  }
  return made;
}

LLVMContext &CodeGenerator::context() { return parts->context; }

void CodeGenerator::prepare(Module &module) {
  module.setTargetTriple(parts->machine->getTargetTriple());
  module.setDataLayout(parts->machine->createDataLayout());
}

/// LLVM 22 for AVX-512 makes of a masked store of narrowed numbers, one lane of
/// which is set, a store of the wide number: it writes over what lies behind.
static void storeLoneLanes(Module &module) {
  for (Function &function : module)
    for (BasicBlock &block : function)
      for (Instruction &instruction : make_early_inc_range(block)) {
        auto *call = dyn_cast<IntrinsicInst>(&instruction);
        if (!call || call->getIntrinsicID() != Intrinsic::masked_store)
          continue;
        auto *mask =
            dyn_cast<Constant>(call->getArgOperand(call->arg_size() - 1));
        auto *type = cast<FixedVectorType>(call->getArgOperand(0)->getType());
        std::optional<unsigned> lane;
        unsigned set = 0;
        for (unsigned i = 0; mask && i < type->getNumElements(); ++i) {
          Constant *bit = mask->getAggregateElement(i);
          if (!bit || bit->isNullValue())
            continue;
          lane = i;
          ++set;
        }
        if (set != 1)
          continue;
        IRBuilder<> builder(call);
        Value *number =
            builder.CreateExtractElement(call->getArgOperand(0), *lane);
        Value *place = builder.CreateConstInBoundsGEP1_64(
            type->getElementType(), call->getArgOperand(1), *lane);
        builder.CreateAlignedStore(
            number, place,
            commonAlignment(
                call->getParamAlign(1).valueOrOne(),
                *lane * type->getElementType()->getScalarSizeInBits() / 8));
        call->eraseFromParent();
      }
}

void CodeGenerator::optimize(Module &module) {
  parts->pipeline.run(module, parts->modules);
  storeLoneLanes(module);
  // What is known of this module must not be taken for knowledge of the next,
  // which may lie in the same place.
  parts->loops.clear();
  parts->functions.clear();
  parts->components.clear();
  parts->modules.clear();
}

bool CodeGenerator::generate(Module &module, CodeGenFileType type,
                             SmallVectorImpl<char> &out) {
  ++kernels;
  Needs needs{false, true};
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    needs.strengthReduction |=
        wantsStrengthReduction(LoopInfo(DominatorTree(function)));
    for (BasicBlock &block : function)
      needs.scheduler &= block.size() <= kLongestScheduled;
  }
  Emitter &emitter = parts->emitterFor(type, needs);
  if (!emitter.usable)
    return false;
  emitter.file.clear();
  emitter.passes.run(module);
  out.append(emitter.file.begin(), emitter.file.end());
  return true;
}
