//===- Capture.h - A function run once to become one Program ----*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A capture runs a function of the user's once, on tensors without elements.
// Each call is checked, inferred and recorded on the tape as in eager mode, but
// nothing is computed: the call is appended to a Program. A write to memory
// gives that memory another value in the Program, which later reads see; the
// Program ends by writing back to all memory that existed before.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_EAGER_CAPTURE_H
#define STEPWELL_EAGER_CAPTURE_H

#include "stepwell/Eager/Autograd.h"
#include "stepwell/Eager/OpenTrace.h"
#include "stepwell/Eager/Plan.h"
#include "stepwell/Eager/Tensor.h"
#include "stepwell/Eager/ThreadState.h"

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace stepwell {

/// A captured function: what one Program needs and what it changes.
struct Executable {
  struct Input {
    int argument = -1;     // index of the call's argument, or
    bool gradient = false; // its .grad
    Tensor captured; // a tensor the function closed over (or its .grad), or a
                     // number
    Scalar scalar = int64_t{0};
    int number = -1;           // of those that each call is given
    bool requiresGrad = false; // when it was captured
    Dims strides;              // of a captured tensor
  };
  /// A value or a tensor from outside, or a view of it: `steps` lead there.
  struct Result {
    int output = -1; // of the Program, or
    int argument = -1;
    Tensor existing; // a tensor from outside
    struct Step {
      ViewOp op;
      Geometry view; // its offset counts from that of what it is a view of
      /// With open sizes, instead: of the view and of the slice, by expressions
      /// over the values of a call.
      bool isOpen = false;
      std::vector<HostExpression> shape = {}, starts = {}, sizes = {};
    };
    std::vector<Step> steps;
    Dims order;        // the output's dimensions as the Program has them
    bool self = false; // nothing else: the tensor itself
    bool requiresGrad = false;
    int same = -1; // an earlier result, which is the same tensor
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
  std::vector<int> mutated;  // inputs
  std::vector<bool> counted; // by the same
  /// Of a differentiable function, instead: results that replace inputs after
  /// the call. The tape keeps what they were.
  struct Update {
    int input, output;
    bool recorded; // it has a history
    bool counted;  // as a modification: not one through `.data`
  };
  std::vector<Update> updates;
  /// Whether these had a gradient when the function was captured, and a
  /// history: a backward() ends at a leaf and goes on from what was computed.
  struct GradGuard {
    int argument = -1;
    Tensor leaf;
    bool present, computed;
  };
  std::vector<GradGuard> guards;
  /// Arguments of which the function changed requires_grad, and to what.
  std::vector<std::pair<int, bool>> flags;
  /// The strides of the arguments: they decide what is a view. Those that have
  /// open sizes are row-major (none is listed where none has).
  std::vector<Dims> layouts;
  std::vector<bool> isPacked;
  /// Tensors from outside, and their memory when the function was captured.
  std::vector<Tensor> watched;
  std::vector<const Buffer *> memory;
  /// Which arguments and watched tensors shared memory, and how; and which
  /// watched ones did among themselves.
  std::vector<int64_t> sharing, sharingOutside;
  /// With open sizes: what must hold of a call that it serves, and the types of
  /// the arguments.
  std::vector<HostGuard> hostGuards;
  std::vector<TensorType> argumentTypes;
  /// Whether they hold of the sizes of these arguments and these numbers.
  bool serves(std::span<const Tensor> arguments,
              std::span<const Scalar> numbers) const;
  bool differentiable = false;
  /// The last launch, where nothing is recorded on the tape.
  Ref<CallPlan> plan;
  /// It was captured under no_grad: what has a gradient enabled that itself.
  bool enablesGrad = false;
  /// The function hooked gradients inside of it, which one derivative of the
  /// whole does not make.
  bool hooked = false;
  /// A backward() inside went on along the tape outside, which is another one
  /// in the next call.
  bool onceOnly = false;
  /// Whether it makes new tensors of its arguments, and does nothing else.
  bool isPure() const;
};

class Capture {
public:
  /// The capture that runs on this thread, if any.
  static Capture *current() { return threadState.capture; }

  /// With `open`, for calls of other sizes, too.
  explicit Capture(std::vector<Tensor> arguments,
                   std::unique_ptr<OpenTrace> open = nullptr);
  ~Capture();

  /// Null unless sizes are open.
  OpenTrace *openTrace() { return open.get(); }
  /// That of the capture that runs. Asked in each call, where most often no
  /// capture runs anywhere.
  static OpenTrace *currentTrace() {
    return running && current() ? current()->openTrace() : nullptr;
  }
  std::unique_ptr<OpenTrace> takeOpenTrace() { return std::move(open); }
  /// The shape of a tensor of this capture, for an open one.
  OpenShape shapeOf(const TensorImpl &);
  /// The same of the capture that runs; nothing unless its sizes are open.
  static OpenShape openShapeOf(const TensorImpl &);
  /// What a view is, where sizes are open: its parent's shape and its own, and
  /// which slice it takes, by the parent's dimensions.
  struct OpenView {
    OpenShape parent, shape;
    struct Slice {
      OpenShape starts, sizes;
    };
    std::optional<Slice> slice = std::nullopt;
  };
  /// Of a view; nothing unless sizes are open.
  static OpenView openViewOf(const TensorImpl &);
  /// While one is alive, views and what is made with sizes get this shape; -1
  /// is what is left. Slices are taken like this one.
  class GivenShape {
  public:
    explicit GivenShape(OpenShape,
                        std::optional<OpenView::Slice> slice = std::nullopt);
    ~GivenShape();

  private:
    Capture *capture;
    std::optional<OpenView> before;
  };
  /// Of a slice along one dimension.
  struct GivenSlice : GivenShape {
    GivenSlice(const TensorImpl &, int64_t dim, OpenSize start, OpenSize count);
  };

  /// Ends the capture. `results` are what the function returned.
  Executable finish(std::span<const Tensor> results);

  std::vector<Tensor> append(const Template &, std::span<const Argument>,
                             std::span<const TensorType> results);
  /// Gives `target` the value of `value`. Unless the tape records that, the
  /// gradient of what is written into stays as it was.
  void write(TensorImpl &target, const Tensor &value, bool recorded);
  /// A fresh tensor with the value of `source`, and its derivative.
  Tensor alias(const TensorImpl &source, const Dims &strides);
  /// Whether the derivative of the Program goes where the tape goes from here:
  /// not from what was detached, and not beyond a leaf that the function made.
  static bool followsTape(const TensorImpl &);
  Tensor constant(DType, const Dims &sizes, const Scalar &);
  /// 0, 1, 2...
  Tensor iota(DType, int64_t count);
  bool madeInside(const TensorImpl &) const;
  void noteView(TensorImpl &view, const Tensor &parent, std::optional<ViewOp>);
  /// `leaf.grad`, or whether it is a leaf, is about to be read or changed.
  void noteGrad(const Tensor &leaf);
  /// The way back goes through a node.
  void noteStep(const Node &node) { onceOnly |= node.sequence < since; }

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
    bool counted = false; // the writes
    Edge bears =
        {}; // where the value's gradient goes, if that is an older place
    int target = -1; // the input that has the history of writes
  };

  Tensor fresh(Id value, const TensorType &, const Dims &strides);
  Id read(const TensorImpl &);
  /// Its value in a call that the tape may record.
  Id readInCall(const TensorImpl &);
  const TensorType &typeOf(Id) const;
  bool isActive(Id) const;
  Id detach(Id);
  Id appendOp(const char *name, std::vector<Id> operands, Attributes,
              const TensorType &result, const OpenShape *shape = nullptr);
  const OpenShape &shapeOf(Id) const;
  OpenShape resultShape(const ProgramNode &, size_t result);
  /// Of one with blocks, for operands of these shapes.
  OpenShape regionShape(const ProgramNode &, std::vector<OpenShape> operands,
                        size_t result);
  /// The same for a function's body, of values of these shapes.
  OpenShape resultShape(const Program &, std::vector<OpenShape> values,
                        size_t result);
  /// Of a view that is being made.
  OpenView viewOf(const TensorImpl &view, const Tensor &parent,
                  const std::optional<ViewOp> &);
  /// The shape that was given for something of this rank.
  OpenShape givenShape(int rank);
  /// A value that has this shape.
  Id valueLike(const OpenShape &);
  /// A reshape, a broadcast or a slice whose sizes are not all known.
  Id openReshape(Id from, OpenShape to, const TensorType &result);
  Id openBroadcast(Id from, OpenShape to, const TensorType &result);
  Id openSlice(Id from, const TracedView &, const TensorType &result);
  Id openInsert(const std::function<Id()> &around, Id part, const TracedView &);
  /// How a view of a result is taken again, of other sizes.
  void openStep(const TracedView &, Executable::Result::Step &);
  static bool areKnown(const OpenShape &);
  /// What a slice takes of what is flipped first.
  OpenView::Slice forwardSlice(const TracedView &, const Dims &flipped);
  /// The types, for all calls that the guards allow.
  void openTypes();
  /// What a view is taken of, with `part` in the view's place, by a write that
  /// the tape records.
  Id insert(const TracedView &, Id part, bool recorded);
  /// The positions of such a view's elements in a row-major base.
  Id positions(const ViewOp &);
  /// The tensor that it is a view of, and the steps from there.
  Tensor rootOf(const Tensor &, std::vector<const TracedView *> *steps);
  void addResult(Executable &, std::span<const Tensor> results, size_t which,
                 std::vector<ProgramOutput> &);
  void dropCuts();
  Known &find(const TensorImpl &);
  /// A tensor that the function closed over was read or written: it may share
  /// memory with another one in this call and not in the next.
  void noteOutside(const TensorImpl &);
  /// What is in memory, with this tensor's place on the tape: others over the
  /// same memory have their own.
  Id readPlace(const TensorImpl &);
  Id inputOf(const TensorImpl &);
  Id placeOf(const TensorImpl &);
  /// A write through this tensor that the tape follows.
  void noteHistory(Known &, const Tensor &);
  Id addInput(ProgramInput, Executable::Input);
  /// With `shape`, that of its only result.
  Id addNode(ProgramNode, const OpenShape *shape = nullptr);
  Id view(Id parent, const TracedView &, DType, const Dims &sizes);
  /// A slice with positive steps, of what is flipped first.
  static SliceOf forward(SliceOf slice, const Dims &sizes, Dims &flipped);
  /// A slice that takes everything.
  static bool isWhole(const SliceOf &slice, const Dims &sizes);
  /// `itself`: and no other tensor of the same memory.
  int argumentIndex(const TensorImpl &, bool itself = false) const;
  int32_t here();
  /// Before the capture.
  bool wasComputed(const TensorImpl &) const;

  uint64_t id;
  std::vector<Tensor> arguments;
  /// With open sizes: the shapes of inputs, of node results and of views.
  std::unique_ptr<OpenTrace> open;
  std::vector<OpenShape> inputShapes, shapes;
  std::unordered_map<const TracedView *, std::pair<Ref<TracedView>, OpenView>>
      openViews;
  std::unordered_map<std::string, Id> likes;
  std::optional<OpenView> given;
  Program program;
  std::vector<Executable::Input> inputs;
  std::vector<TensorType> types; // of node results
  std::vector<bool> active;      // they have a derivative, as the Program says
  std::unordered_map<Id, Id> cuts;
  struct Taken {
    Ref<TracedView> view;
    Id parent = 0, value = 0;
  };
  std::unordered_map<const TracedView *, Taken> taken;
  std::unordered_map<const Buffer *, int> baseOutputs;
  std::vector<Edge> origins; // of the inputs, on the tape
  /// Detached tensors that have a history of their own, over memory that has
  /// another one.
  std::unordered_set<const TracedView *> diverged;
  /// Inputs that stand for a place on the tape only.
  std::unordered_map<const TensorImpl *, Id> places;
  /// Refuses a tensor with such a history, where a step to it is one of them.
  void checkHistory(const TensorImpl &, const TracedView &step);
  /// By output: which inputs the tape leads to.
  std::vector<std::vector<bool>> reached;
  std::vector<std::vector<const OpRow *>> underivable;
  void noteWay(size_t output, const WayBack &);
  std::unordered_map<Buffer *, std::vector<Known>> known;
  struct OldGrad {
    Tensor leaf, grad;
  };
  std::vector<OldGrad> oldGrads;
  std::vector<Tensor> outside;
  struct OldHistory {
    Tensor tensor;
    Ref<Node> node;
    uint32_t output;
  };
  std::vector<OldHistory> oldHistories;
  std::vector<bool> flags; // requires_grad of the arguments
  bool onceOnly = false;
  uint64_t since; // on the tape
  Capture *outer;
  inline static int running = 0; // captures, in all threads
};

/// Computes something for real while a capture runs.
class SuspendCapture {
public:
  SuspendCapture();
  ~SuspendCapture();

private:
  Capture *suspended;
};

/// A traced derivative rule of a function: of its `arguments` tensors, of its
/// results, and of the cotangents of those of a float type.
struct Rule {
  Executable executable;
  size_t arguments;
  std::vector<TensorType> types; // of the arguments
  std::vector<int> of; // which argument each of the rule's results is for
};
/// A lowering of a function, of the inputs that it takes.
struct LoweredCall {
  std::string text;
  std::vector<Executable::Input> inputs;
  std::vector<ProgramInput> types;
};
/// Makes a traced function one call of `callee`, with what it has of its own.
void makeCall(Executable &, const std::string &callee, const Rule *,
              const LoweredCall *);

/// The same bits of one type: -0.0 is not 0.0, and NaN is itself.
bool isSameNumber(const Scalar &, const Scalar &);

/// Whether gradients exist where they did when the function was captured, and
/// the tensors that it closes over have the types that they had.
bool accepts(const Executable &, std::span<const Tensor> arguments);
/// How arguments and watched tensors lie over each other.
std::vector<int64_t> sharing(std::span<const Tensor> arguments,
                             std::span<const Tensor> watched);
/// Runs a captured function.
std::vector<Tensor> run(Executable &, std::span<const Tensor> arguments,
                        std::span<const Scalar> numbers = {});
/// Compiles it into `dumpFolder`, one file per step of the descent.
void dump(const Executable &, const std::string &dumpFolder);

} // namespace stepwell

#endif // STEPWELL_EAGER_CAPTURE_H
