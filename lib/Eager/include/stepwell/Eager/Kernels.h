//===- Kernels.h - From a call to a compiled kernel -------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A Template is a call without its shapes: an operation on element types, or
// the derivative of another Template. With the classes of its arguments it
// becomes a Program, a key and a kernel: looked up in memory, then on disk,
// then compiled.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_EAGER_KERNELS_H
#define STEPWELL_EAGER_KERNELS_H

#include "stepwell/Eager/OpTable.h"
#include "stepwell/Eager/Program.h"
#include "stepwell/Eager/Tensor.h"
#include "stepwell/abi.h"
#include "stepwell/cache.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <unordered_map>

namespace stepwell {

struct Kernel {
  stepwell_kernel_fn run = nullptr;
  stepwell_workspace_fn workspaceSize = nullptr;
  /// Its code: unloaded when nobody has the kernel any more.
  std::shared_ptr<const void> code = nullptr;
};

struct CallPlan;

/// What a kernel reads of an argument.
enum class Need : uint8_t { Shape, Values };

struct TemplateInput {
  DType dtype;
  bool scalar = false; // passed by value
  Need need = Need::Values;
  /// Of a number: the value, when the kernel is made for it.
  std::optional<double> number = std::nullopt;
};

/// What is read of each input and each result.
struct Needs {
  std::vector<Need> inputs, results;
};

struct Template {
  /// Those of a derivative count as one of what it is the derivative of, which
  /// owns it: a captured function dies with all of its derivatives and kernels.
  int64_t references = 0;
  static void destroy(Template *);
  Template();
  ~Template();

  std::vector<TemplateInput> inputs;
  /// Every argument and result is a broadcast piece of one index space.
  bool elementwise = false;

  //===--- A call of an operation. `op` is null for a plain copy
  //--------------===//
  const OpRow *op = nullptr;
  Attributes attributes;
  /// What the operands are cast to first, and the results after, if they
  /// differ.
  DType compute = DType::F32;
  std::vector<DType> results;

  //===--- The derivative of `body`: its inputs, its results, the cotangents
  //---===//
  Template *body = nullptr;
  std::vector<int> wrt, cotangents;

  //===--- A captured function
  //-------------------------------------------------===//
  std::shared_ptr<const Program> program;
  std::string function; // its name, if it has one
  /// Its sizes are open: it has the plans of an operation.
  bool open = false;
  /// By result: which inputs its derivative reaches.
  std::vector<std::vector<bool>> reached;
  /// By result and input: an operation on the way that has no derivative.
  std::vector<std::vector<const OpRow *>> underivable;
  bool reaches(size_t input, std::span<const int> results) const {
    return !program || std::any_of(results.begin(), results.end(),
                                   [&](int r) { return reached[r][input]; });
  }

  /// How many of the results, the last ones, are there for the derivative
  /// alone.
  size_t residuals = 0;
  /// By the inputs that a derivative is taken by: what it reads, and the
  /// Template that keeps that; null: this one.
  struct Reverse {
    std::vector<int> wrt;
    std::optional<Needs> needs = std::nullopt;
    std::optional<Ref<Template>> keeping = std::nullopt;
  };
  std::vector<Reverse> reverses;

  /// Whether a result has a derivative by any input.
  bool leadsBack(size_t result) const {
    return !program || std::find(reached[result].begin(), reached[result].end(),
                                 true) != reached[result].end();
  }

  /// The memory tables: kernels by class, derivatives by request.
  std::unordered_map<std::string, Kernel> kernels;
  std::unordered_map<std::string, std::unique_ptr<Template>> derivatives;
  /// Of a captured function and its derivatives: the newest plans.
  std::vector<Ref<CallPlan>> plans;

  bool isDerivative() const { return body; }
  /// A captured function, or a derivative of one.
  bool isProgram() const { return body ? body->isProgram() : !!program; }
  /// One that knows its sizes.
  bool isCaptured() const {
    return body ? body->isCaptured() : program && !open;
  }
  std::string describe() const;
};

/// The Template of one operation: equal requests give the same object.
Ref<Template> opTemplate(const OpRow *, const Attributes &,
                         std::span<const TemplateInput>, DType compute,
                         std::span<const DType> results);
/// The Template of a captured function.
Ref<Template> programTemplate(Program);
/// The Template of its derivative.
Ref<Template> derivativeTemplate(Template &, std::vector<int> wrt,
                                 std::vector<int> cotangents);
/// What its derivative by some inputs reads.
Needs derivativeNeeds(Template &, const std::vector<int> &wrt);
/// The same captured function, which also returns its residuals for that
/// derivative; the Template itself if there are none.
Template &keepingTemplate(Template &, const std::vector<int> &wrt);

/// One argument of a launch: a tensor or a number.
struct Argument {
  Tensor tensor;
  Scalar scalar = int64_t{0};
  /// Under capture: which of the numbers that each call is given it is.
  int32_t number = -1;
};

/// The dimensions of `common`, the outermost first, in the order in which an
/// elementwise call walks them: by falling strides. The first operand that
/// tells two of them apart decides, and what none does stays as it is.
Dims walkingOrder(std::span<const Geometry *const> operands,
                  const Dims &common);
/// The strides of an elementwise result of sizes `common`: those of the
/// operands, when they are dense and alike, else dense in the walking order.
/// That is PyTorch's rule (TensorIterator, and preserve_format of copies).
Dims resultStrides(std::span<const Geometry *const> operands,
                   const Dims &common);

/// The types of all values of a Program whose inputs have these.
void inferTypes(Program &, std::span<const TensorType> inputs);
/// The shapes of the results for these argument shapes.
std::vector<TensorType> inferResults(const Template &,
                                     std::span<const TensorType> inputs);

/// The Program for arguments of these types; `inputs` has the layouts.
Program instantiate(const Template &, std::vector<ProgramInput> inputs);

struct LaunchPlan;
/// Runs the kernel, compiling it if need be. `outputs` are allocated; when
/// `into` is not negative the only output is that input, written in place.
/// Returns what repeats the launch on other addresses.
LaunchPlan launch(Template &, std::span<const Argument>,
                  std::span<const Tensor> outputs, int into = -1);

/// Looks a key up among the shipped objects and on disk, or compiles it.
Kernel obtainKernel(const Program &, const std::string &reason);
/// How many threads work on one call of a kernel, from now on.
void setNumThreads(int32_t count);
/// About how many elements a call touches that runs without Python's lock.
constexpr int64_t kUnlockedWork = 1 << 15;
/// Runs a kernel on words laid out as docs/abi.md says. `work` is about how
/// many elements are touched: large work runs without Python's lock. Meanwhile
/// other threads run; the caller holds on to whatever the kernel reads.
void runKernel(const Kernel &, int64_t workspace, const stepwell_arg *,
               int64_t work, const Template &);
stepwell_arg scalarWord(DType, const Scalar &);
/// Refuses a number that is to become an element and is none of that type, by
/// PyTorch's rule: integers and finite floats must lie in its range, negative
/// integers may wrap around in uint8, NaN and infinity are floats only.
void checkFits(DType, const Scalar &);
/// The element type in which a number travels to a computation in `compute`.
DType scalarCarrier(DType compute);

struct KernelStats {
  int64_t memoryHits = 0, shippedHits = 0, diskHits = 0, compiles = 0;
};
extern KernelStats kernelStatistics;
inline KernelStats &kernelStats() { return kernelStatistics; }

/// Set by the extension: give up Python's lock around big work, and take it
/// back.
struct LockHooks {
  void *(*release)() = nullptr;
  void (*acquire)(void *) = nullptr;
  /// Whether signals are handled on this thread, and handles them: throws if
  /// that raises.
  bool (*handlesSignals)() = nullptr;
  void (*checkSignals)() = nullptr;
};
extern LockHooks lockHooks;
/// While one is alive, this thread's kernels keep Python's lock: for what is
/// read, computed and written back as one step.
class KeepLock {
public:
  KeepLock();
  ~KeepLock();

private:
  bool before;
};
/// Says something to the user that is no error; set by the extension.
extern void (*warn)(const std::string &message);
/// Where libstepwell-compiler.so lies unless STEPWELL_COMPILER says so; set by
/// the extension.
extern std::string compilerPath;
/// Where the packs of shipped objects lie, one per chip, unless
/// STEPWELL_KERNEL_PACKS says so; set by the extension.
extern std::string packFolder;
/// Name=value pairs of the key's options line (tests plant failures with it).
extern std::string compilerOptions;

/// Whether STEPWELL_LOG names `topic`.
bool logs(std::string_view topic);

/// Collects the texts of the programs whose kernels are asked for, while set.
extern std::vector<std::string> *recordedPrograms;
/// The object of such a program for a chip that need not be this one, and the
/// digest that it is looked up by.
std::pair<stepwell_digest, std::string> compileFor(const std::string &program,
                                                   const std::string &level);

/// Compiles without caching; every step of the descent lands in `dumpFolder`.
void compileForDump(const Program &, const std::string &dumpFolder);

} // namespace stepwell

#endif // STEPWELL_EAGER_KERNELS_H
