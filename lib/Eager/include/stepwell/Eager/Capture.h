//===- Capture.h - A function run once to become one Program ----*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// While a capture runs, the same calls are inferred and recorded on the same
// tape, but appended to a Program. Writes become new values of their memory; at
// the end whatever memory existed before is written back.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_EAGER_CAPTURE_H
#define STEPWELL_EAGER_CAPTURE_H

#include "stepwell/Eager/Kernels.h"
#include "stepwell/Eager/Tensor.h"

#include <optional>
#include <unordered_map>

namespace stepwell {

/// A captured function: what one Program needs and what it changes.
struct Executable {
  struct Input {
    int argument = -1;     // index of the call's argument, or
    bool gradient = false; // its .grad
    Tensor captured; // a tensor the function closed over (or its .grad), or a
                     // number
    Scalar scalar = int64_t{0};
    bool requiresGrad = false; // when it was captured
  };
  struct Result {
    int output = -1; // of the Program, or
    int argument = -1;
    Tensor existing; // a tensor from outside that is handed back
  };
  struct GradEffect {
    int argument = -1;
    Tensor leaf;
    int output = -1; // -1: the gradient becomes None
  };
  Ref<Template> call;
  std::vector<Input> inputs;
  std::vector<Result> results;
  std::vector<GradEffect> gradients;
  std::vector<int> mutated; // inputs
  /// Of a differentiable function, instead: results that replace inputs after
  /// the call. The tape keeps what they were.
  struct Update {
    int input, output;
  };
  std::vector<Update> updates;
  /// Whether these had a gradient when the function was captured.
  struct GradGuard {
    int argument = -1;
    Tensor leaf;
    bool present;
  };
  std::vector<GradGuard> guards;
  /// Which arguments shared memory: triples (i, j, whether they were one).
  std::vector<int> sharing;
  bool differentiable = false;
};

class Capture {
public:
  /// The capture that runs on this thread, if any.
  static Capture *current();

  explicit Capture(std::vector<Tensor> arguments);
  ~Capture();

  /// Ends the capture. `results` are what the function returned.
  Executable finish(std::span<const Tensor> results);

  std::vector<Tensor> append(const Template &, std::span<const Argument>,
                             std::span<const TensorType> results);
  /// Gives `target` the value of `value`.
  void write(TensorImpl &target, const Tensor &value);
  /// A fresh tensor with the value of `source`.
  Tensor alias(const TensorImpl &source);
  Tensor constant(DType, const Dims &sizes, const Scalar &);
  void noteView(TensorImpl &view, const Tensor &parent, std::optional<ViewOp>);
  /// `leaf.grad` is about to be read or changed.
  void noteGrad(const Tensor &leaf);

  /// An error that begins with the user's line; `where`, unless it is empty.
  [[noreturn]] static void refuseHere(const std::string &what,
                                      std::string where = {});

  /// "file:line" of the user's code; set by the extension.
  static std::string (*location)();

private:
  /// Inputs are counted from -1 down until all are known.
  using Id = int32_t;
  struct Known {
    Geometry geometry;
    Id value;
    int input = -1;
    bool mutated = false;
    Ref<Buffer> keep;
    uint64_t version = 0; // before the capture
  };

  Tensor fresh(Id value, const TensorType &);
  Id read(const TensorImpl &);
  Known &find(const TensorImpl &);
  Id addInput(ProgramInput, Executable::Input);
  Id addNode(ProgramNode);
  Id view(Id parent, const TracedView &, DType, const Dims &sizes);
  int argumentIndex(const TensorImpl &) const;
  int32_t here();

  uint64_t id;
  std::vector<Tensor> arguments;
  Program program;
  std::vector<Executable::Input> inputs;
  std::vector<TensorType> types; // of node results
  std::unordered_map<Buffer *, std::vector<Known>> known;
  struct OldGrad {
    Tensor leaf, grad;
  };
  std::vector<OldGrad> oldGrads;
  struct OldHistory {
    Tensor tensor;
    Ref<Node> node;
    uint32_t output;
  };
  std::vector<OldHistory> oldHistories;
  Capture *outer;
};

/// Computes something for real while a capture runs.
class SuspendCapture {
public:
  SuspendCapture();
  ~SuspendCapture();

private:
  Capture *suspended;
};

/// Whether gradients exist where they did when the function was captured, and
/// the tensors that it closes over have the types that they had.
bool accepts(const Executable &, std::span<const Tensor> arguments);
/// Runs a captured function.
std::vector<Tensor> run(Executable &, std::span<const Tensor> arguments);
/// Compiles it into `dumpFolder`, one file per step of the descent.
void dump(const Executable &, const std::string &dumpFolder);

} // namespace stepwell

#endif // STEPWELL_EAGER_CAPTURE_H
