//===- Autograd.h - The tape ------------------------------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What happened to tensors that require a gradient, as a graph: a node for each
// call, view or write, with edges to where the gradients of its arguments go.
// No derivative is written here. A node asks for the derivative of the program
// of its call, which is a program, too, and compiled like any other
// (Kernels.h); a view's gradient is put where the view was taken.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_EAGER_AUTOGRAD_H
#define STEPWELL_EAGER_AUTOGRAD_H

#include "stepwell/Eager/Kernels.h"
#include "stepwell/Eager/Tensor.h"
#include "stepwell/Eager/ThreadState.h"

#include <functional>
#include <optional>

namespace stepwell {

/// Where the gradient of a value goes: to a node's result, to a leaf, or
/// nowhere.
struct Edge {
  Ref<Node> node;
  uint32_t index = 0;
  Tensor leaf;
  explicit operator bool() const { return node || leaf; }
  bool operator==(const Edge &) const = default;
};

struct Node {
  int64_t references = 0;
  uint64_t sequence; // later calls have larger numbers
  std::vector<Edge> edges;
  std::vector<TensorType> outputs;
  /// Why nobody may go back through it, if that is so.
  const char *refusal = nullptr;
  /// By the index of an output.
  std::vector<std::pair<uint32_t, Ref<GradientHooks>>> hooks;
  /// While it runs: edges whose gradients nobody asks for; empty: none.
  std::vector<bool> unwanted;
  /// Edge 0 is what a write replaced: its gradient is zero.
  bool replaces = false;

  /// Made once its edges are known: finding one may bring a view up to date,
  /// which makes a node, and edges lead to earlier nodes.
  explicit Node(std::vector<Edge> edges);
  virtual ~Node() = default;
  /// One gradient per edge; null where there is none.
  virtual std::vector<Tensor> apply(std::vector<Tensor> gradients) = 0;
  /// Forgets what was saved. A node that saved nothing can run again.
  virtual void release() {}
  virtual std::string name() const = 0;
  /// Whether what the way back reads is gone.
  virtual bool released() const { return false; }
  /// Whether a function of the user's sees the gradients that pass.
  virtual bool watched() const;
  /// The operation that has no derivative, if it is a call of one.
  virtual const OpRow *underivable() const { return nullptr; }
  bool wants(size_t edge) const {
    return edges[edge] && (unwanted.empty() || !unwanted[edge]);
  }
  static void destroy(Node *);
};

inline bool gradEnabled() { return threadState.gradMode; }
inline void setGradEnabled(bool enabled) { threadState.gradMode = enabled; }
struct GradModeGuard {
  explicit GradModeGuard(bool enabled) : before(gradEnabled()) {
    setGradEnabled(enabled);
  }
  ~GradModeGuard() { setGradEnabled(before); }
  bool before;
};

inline bool requiresGrad(const TensorImpl &tensor) {
  if (tensor.requiresGrad || tensor.node)
    return true;
  return tensor.base && (tensor.base->node || tensor.base->requiresGrad);
}
/// Whether it, or what it is a view of, has a history: it is no leaf.
bool isComputed(const TensorImpl &);
/// Brings a view's place on the tape up to date with the tensor that it shows.
void refreshHistory(TensorImpl &);
Edge edgeOf(const Tensor &);

/// Nodes that are made from now on have this number or a larger one.
uint64_t tapePosition();
/// What lies on the way back from a tensor, among the nodes from `since` on.
struct WayBack {
  bool released = false, watched = false;
  std::vector<Edge> leaves; // and older nodes
  /// Those of them that lie behind an operation that has no derivative.
  std::vector<std::pair<Edge, const OpRow *>> underivable;
};
WayBack wayBack(const Tensor &, uint64_t since);

/// Where the hooks of a tensor that requires a gradient are kept; null: it has
/// none so far.
Ref<GradientHooks> &hooksOf(const Tensor &);

/// The same tensors under other names. What reaches those is given to
/// `callback`, null where there is no gradient; what it returns goes on to the
/// tensors. With `views`, a write into one is a write into the tensor.
std::vector<Tensor>
watchGradients(std::span<const Tensor>,
               std::function<std::vector<Tensor>(std::vector<Tensor>)> callback,
               bool views);

/// Runs the tape from `roots` with `gradients`. Leaves collect into `.grad`,
/// or, when `targets` is given, only the gradients at those edges are returned.
std::vector<Tensor> runBackward(std::span<const Tensor> roots,
                                std::vector<Tensor> gradients, bool retainGraph,
                                bool createGraph,
                                std::optional<std::vector<Edge>> targets);

/// A tensor kept for the backward pass, without its place on the tape.
struct Saved {
  Ref<Buffer> buffer;
  DType dtype = DType::F32;
  Geometry geometry;
  uint64_t version = 0;
  bool checked = false;
  Ref<TracedView> traced;
  Saved() = default;
  Saved(const TensorImpl &, Need);
  /// `edge` is its place on the tape. What is read must not have been written.
  Tensor unpack(const Edge &edge, const Node &user, bool read) const;
};

/// Which edges lead somewhere.
std::vector<int> wantedOf(const std::vector<Edge> &);
/// A node for a call, made before the call runs: an in-place one destroys the
/// argument `into`.
Ref<Node> recordCall(Template &, std::span<const Argument>,
                     std::vector<Edge> edges, int into);
/// What the call made, once it ran.
void recordResults(const Ref<Node> &call, std::span<const Tensor> results);
/// Records that `target` was overwritten by a value whose history is `node`;
/// rebases the tensor that `target` is a view of.
void recordWrite(const Tensor &target, Ref<Node> node);
/// The checks of an in-place write that reads `read`: leaves that require a
/// gradient, views that the tape cannot follow, overlapping elements.
void checkWritable(const Tensor &target, std::span<const Argument> read);

} // namespace stepwell

#endif // STEPWELL_EAGER_AUTOGRAD_H
