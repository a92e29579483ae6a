//===- Autograd.cpp - Nodes of the tape, and the way back -----------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Autograd.h"

#include "stepwell/Eager/Capture.h"
#include "stepwell/Eager/Ops.h"

#include <algorithm>
#include <map>
#include <queue>
#include <set>
#include <unordered_map>

using namespace stepwell;

constinit thread_local ThreadState stepwell::threadState;

static uint64_t nextSequence = 0;
Node::Node(std::vector<Edge> edges)
    : sequence(nextSequence++), edges(std::move(edges)) {}
uint64_t stepwell::tapePosition() { return nextSequence; }

bool Node::watched() const {
  return std::any_of(hooks.begin(), hooks.end(), [](const auto &entry) {
    return entry.second && !entry.second->empty();
  });
}

void Node::destroy(Node *node) {
  destroyInTurn(node, [](void *each) { delete static_cast<Node *>(each); });
}

bool stepwell::isComputed(const TensorImpl &tensor) {
  return tensor.node || (tensor.base && tensor.base->node);
}

//===--- Saved tensors ----------------------------------------------------===//

Saved::Saved(const TensorImpl &tensor, Need need)
    : dtype(tensor.dtype), geometry(static_cast<const Geometry &>(tensor)) {
  // A captured value has no cost, and its shape is part of the Program.
  if (tensor.buffer && (need == Need::Values || Capture::current())) {
    buffer = tensor.buffer;
    traced = tensor.traced;
    version = buffer->version;
    // Nobody minds a write to what is read for its shape alone.
    checked = need == Need::Values;
  }
}

Tensor Saved::unpack(const Edge &edge, const Node &user, bool read) const {
  if (read && checked && buffer->version != version) {
    std::string type(stepwell::name(dtype));
    fail(Error::Kind::Runtime,
         "one of the variables needed for gradient computation has been "
         "modified by an inplace operation: [" +
             type + " " + toString(geometry.sizes) + "], used by " +
             user.name() + ", is at version " +
             std::to_string(buffer->version) + "; expected version " +
             std::to_string(version) + " instead.");
  }
  Tensor tensor = makeTensor(buffer, dtype, geometry);
  tensor->traced = traced;
  if (edge.leaf && gradEnabled() && edge.leaf->buffer == buffer &&
      static_cast<const Geometry &>(*edge.leaf) == geometry)
    return edge.leaf;
  if (edge.node && gradEnabled()) {
    tensor->node = edge.node;
    tensor->output = edge.index;
  }
  return tensor;
}

//===--- Calls ------------------------------------------------------------===//

[[noreturn]] static void refuseDerivative(const OpRow &op) {
  fail(Error::Kind::Runtime,
       "derivative for aten::" + std::string(op.mnemonic) +
           " is not implemented");
}

namespace {
struct CallNode : Node {
  using Node::Node;
  Ref<Template> call;
  std::vector<Saved> inputs, results;
  std::vector<Argument> numbers; // in the places of tensors: nothing
  Needs needs;
  bool saves = false, gone = false;

  std::string name() const override { return call->describe(); }
  bool released() const override { return gone; }
  const OpRow *underivable() const override {
    return call->op && call->op->nonDifferentiable ? call->op : nullptr;
  }
  void release() override {
    if (!saves)
      return;
    inputs.clear();
    results.clear();
    gone = true;
  }

  /// The gradient of an input that is the cotangent itself launches nothing.
  bool passesThrough(size_t input, const Tensor &gradient) const {
    if (!call->op || input >= call->op->gradients.size() || !gradient)
      return false;
    return call->op->gradients[input].isCotangent &&
           call->inputs[input].dtype == gradient->dtype &&
           inputs[input].geometry.sizes == gradient->sizes;
  }

  std::vector<Tensor> apply(std::vector<Tensor> gradients) override {
    if (const OpRow *op = underivable())
      refuseDerivative(*op);
    if (gone)
      fail(Error::Kind::Runtime,
           "Trying to backward through the graph a second time (or directly "
           "access saved tensors after they have already been freed). Saved "
           "intermediate values of the graph are freed when you call "
           ".backward() or autograd.grad(). Specify retain_graph=True if you "
           "need to backward through the graph a second time or if you need "
           "to access saved tensors after calling backward.");
    std::vector<Tensor> out(edges.size());
    std::vector<int> wrt, cotangents;
    for (size_t i = 0; i < edges.size(); ++i) {
      if (!wants(i))
        continue;
      if (passesThrough(i, gradients[0]))
        out[i] = gradients[0];
      else
        wrt.push_back(static_cast<int>(i));
    }
    for (size_t i = 0; i < gradients.size(); ++i)
      if (gradients[i])
        cotangents.push_back(static_cast<int>(i));
    if (!call->underivable.empty())
      for (int result : cotangents)
        for (int input : wrt)
          if (const OpRow *op = call->underivable[result][input])
            refuseDerivative(*op);
    // What no result depends on has no gradient, as on a tape of its parts.
    std::erase_if(wrt,
                  [&](int input) { return !call->reaches(input, cotangents); });
    if (wrt.empty() || cotangents.empty())
      return out;
    Ref<Template> derivative = derivativeTemplate(*call, wrt, cotangents);
    auto reads = [&](size_t input) {
      return derivative->inputs[input].need == Need::Values;
    };
    std::vector<Argument> arguments;
    arguments.reserve(inputs.size() + results.size() + cotangents.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (call->inputs[i].scalar)
        arguments.push_back(numbers[i]);
      else
        arguments.push_back({inputs[i].unpack(edges[i], *this, reads(i))});
    }
    uint32_t auxiliary = call->op ? call->op->auxiliary : 0;
    for (size_t i = 0; i < results.size(); ++i) {
      Edge self;
      if (!(auxiliary >> i & 1) && call->leadsBack(i)) {
        self.node = Ref<Node>(this);
        self.index = static_cast<uint32_t>(i);
      }
      arguments.push_back(
          {results[i].unpack(self, *this, reads(inputs.size() + i))});
    }
    for (int result : cotangents)
      arguments.push_back({gradients[result]});
    std::vector<Tensor> computed = callTemplate(*derivative, arguments);
    for (size_t i = 0; i < wrt.size(); ++i)
      out[wrt[i]] = computed[i];
    return out;
  }
};

/// What follows `base` after a part of it was overwritten: the gradient of the
/// part goes to the write's node, the rest to the old history.
struct WriteIntoView : Node {
  using Node::Node;
  Geometry base, view;
  Ref<Node> write; // its edge 0 belongs to the old value of the view

  std::string name() const override { return "write into a view"; }
  /// The derivative of the write may read its result: then the way back comes
  /// to the write by itself, later than to this node.
  void release() override {
    if (write->references == 1)
      write->release();
  }
  bool released() const override { return write->released(); }

  std::vector<Tensor> apply(std::vector<Tensor> gradients) override {
    std::vector<Tensor> out(edges.size());
    Tensor whole = packedCopy(gradients[0]);
    Geometry part = repack(view, base);
    write->unwanted = unwanted;
    write->unwanted.resize(edges.size());
    if (write->replaces)
      write->unwanted[0] = true;
    Tensor gradient = viewOfPacked(gradients[0], part);
    std::vector<Tensor> inner = write->apply({contiguous(gradient)});
    for (size_t i = 1; i < inner.size() && i < edges.size(); ++i)
      out[i] = inner[i];
    write->unwanted.clear();
    if (wants(0)) {
      Tensor target = stridedView(whole, part);
      if (!inner.empty() && inner[0])
        copyInto(target, inner[0]);
      else
        fillInto(target, int64_t{0});
      out[0] = whole;
    }
    return out;
  }
};
} // namespace

std::vector<int> stepwell::wantedOf(const std::vector<Edge> &edges) {
  std::vector<int> wanted;
  for (size_t i = 0; i < edges.size(); ++i)
    if (edges[i])
      wanted.push_back(static_cast<int>(i));
  return wanted;
}

Ref<Node> stepwell::recordCall(Template &call,
                               std::span<const Argument> arguments,
                               std::vector<Edge> edges, int into) {
  std::vector<int> wrt = wantedOf(edges);
  Ref<CallNode> node(new CallNode(std::move(edges)));
  node->call = Ref<Template>(&call);
  node->needs = derivativeNeeds(call, wrt);
  for (Need need : node->needs.inputs)
    node->saves |= need == Need::Values;
  for (Need need : node->needs.results)
    node->saves |= need == Need::Values;
  node->numbers.reserve(arguments.size());
  node->inputs.reserve(arguments.size());
  for (size_t i = 0; i < arguments.size(); ++i) {
    node->numbers.push_back({{}, arguments[i].scalar, arguments[i].number});
    Tensor tensor = arguments[i].tensor;
    // What the call overwrites is kept as it was.
    if (static_cast<int>(i) == into && node->needs.inputs[i] == Need::Values) {
      GradModeGuard guard(false);
      tensor = clone(tensor);
    }
    node->inputs.push_back(tensor ? Saved(*tensor, node->needs.inputs[i])
                                  : Saved());
  }
  return Ref<Node>(node.get());
}

void stepwell::recordResults(const Ref<Node> &node,
                             std::span<const Tensor> results) {
  auto &call = static_cast<CallNode &>(*node);
  call.results.reserve(results.size());
  call.outputs.reserve(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    call.results.push_back(Saved(*results[i], call.needs.results[i]));
    call.outputs.push_back(results[i]->type());
  }
}

//===--- Places on the tape -----------------------------------------------===//

/// PyTorch's words about a view that cannot be followed. `what` was written to.
[[noreturn]] static void refuseView(const TensorImpl &view,
                                    const std::string &what) {
  bool withoutGrad = view.made == ViewMade::WithoutGrad || !view.node;
  std::string message = "A view was created in";
  if (view.node)
    message = "Output " + std::to_string(view.output) + " of " +
              view.node->name() + " is a view" +
              (withoutGrad ? " of a view which was created in" : "");
  message += withoutGrad ? " no_grad mode and " + what +
                               " modified inplace with grad mode enabled."
                         : " and " + what + " modified inplace.";
  message +=
      view.made == ViewMade::OneOfSeveral
          ? " This view is the output of a function that returns multiple "
            "views. Such functions do not allow the output views to be "
            "modified inplace. You should replace the inplace operation by an "
            "out-of-place one."
          : " Given that this use case is ambiguous and error-prone, it is "
            "forbidden. You can clarify your code by moving both the view and "
            "the inplace either both inside the no_grad block (if you don't "
            "want the inplace to be tracked) or both outside (if you want the "
            "inplace to be tracked).";
  fail(Error::Kind::Runtime, message);
}

void stepwell::refreshHistory(TensorImpl &view) {
  if (!view.base)
    return;
  // `.data` was assigned to one of them.
  if (!(view.buffer == view.base->buffer))
    return;
  if (view.made != ViewMade::Plainly && view.madeAt != view.buffer->version &&
      requiresGrad(*view.base))
    refuseView(view, "its base or another view of its base has been");
  if (view.baseHistory == view.base->history)
    return;
  view.baseHistory = view.base->history;
  GradModeGuard guard(true);
  Tensor base = view.base;
  // The view as a piece of its base, whatever views lay between.
  Tensor fresh = stridedView(base, static_cast<const Geometry &>(view));
  view.node = fresh->node;
  view.output = fresh->output;
}

Edge stepwell::edgeOf(const Tensor &tensor) {
  Edge edge;
  if (!tensor)
    return edge;
  refreshHistory(*tensor);
  if (tensor->node) {
    edge.node = tensor->node;
    edge.index = tensor->output;
  } else if (tensor->requiresGrad) {
    edge.leaf = tensor;
  }
  return edge;
}

/// The checks of a write that the tape is to follow.
static void checkFollowed(const Tensor &target) {
  // The base was an intermediate result: nobody else sees it.
  if (target->made == ViewMade::WithoutGrad && target->base->references == 1 &&
      !requiresGrad(*target->base)) {
    target->base = {};
    target->made = ViewMade::Plainly;
  }
  const TensorImpl *base = target->base.get();
  if (base && target->made != ViewMade::Plainly)
    refuseView(*target, "is being");
  if (target->requiresGrad && !target->node)
    fail(Error::Kind::Runtime, "a leaf Variable that requires grad is being "
                               "used in an in-place operation.");
  if (base && base->requiresGrad && !base->node)
    fail(Error::Kind::Runtime,
         "a view of a leaf Variable that requires grad is being used in an "
         "in-place operation.");
}

void stepwell::checkWritable(const Tensor &target,
                             std::span<const Argument> read) {
  checkNotReadOnly(*target->buffer);
  bool overlaps = selfOverlaps(*target);
  if (gradEnabled()) {
    bool followed = requiresGrad(*target);
    for (const Argument &argument : read)
      followed |= argument.tensor && requiresGrad(*argument.tensor);
    if (followed && isFloat(target->dtype)) {
      checkFollowed(target);
      // What several indices of the base reach has no gradient of its own.
      const TensorImpl &owner = target->base ? *target->base : *target;
      overlaps |= !surelyDistinct(owner);
    }
  }
  if (overlaps)
    fail(Error::Kind::Runtime,
         "unsupported operation: more than one element of the written-to "
         "tensor refers to a single memory location. Please clone() the "
         "tensor before performing the operation.");
}

void stepwell::recordWrite(const Tensor &target, Ref<Node> node) {
  if (!target->base || !(target->base->buffer == target->buffer)) {
    target->node = node;
    target->output = 0;
    ++target->history;
    return;
  }
  TensorImpl &base = *target->base;
  std::vector<Edge> edges = node->edges;
  if (edges.empty())
    edges.resize(1);
  edges[0] = edgeOf(target->base);
  Ref<WriteIntoView> rebased(new WriteIntoView(std::move(edges)));
  rebased->base = base;
  rebased->view = *target;
  rebased->write = node;
  rebased->outputs = {base.type()};
  base.node = Ref<Node>(rebased.get());
  base.output = 0;
  ++base.history;
}

//===--- Hooks ------------------------------------------------------------===//

Ref<GradientHooks> &stepwell::hooksOf(const Tensor &tensor) {
  Edge edge = edgeOf(tensor);
  if (!edge.node)
    return tensor->hooks;
  for (auto &[index, hooks] : edge.node->hooks)
    if (index == edge.index)
      return hooks;
  return edge.node->hooks.emplace_back(edge.index, nullptr).second;
}

namespace {
struct WatchNode : Node {
  using Node::Node;
  std::function<std::vector<Tensor>(std::vector<Tensor>)> callback;
  std::string name() const override { return "module hooks"; }
  bool watched() const override { return true; }
  std::vector<Tensor> apply(std::vector<Tensor> gradients) override {
    return callback(std::move(gradients));
  }
};
} // namespace

std::vector<Tensor> stepwell::watchGradients(
    std::span<const Tensor> tensors,
    std::function<std::vector<Tensor>(std::vector<Tensor>)> callback,
    bool views) {
  std::vector<Tensor> named(tensors.begin(), tensors.end());
  std::vector<Edge> edges;
  for (const Tensor &tensor : named)
    edges.push_back(edgeOf(tensor));
  Ref<WatchNode> node(new WatchNode(std::move(edges)));
  node->callback = std::move(callback);
  for (const Tensor &tensor : named)
    node->outputs.push_back(tensor->type());
  for (size_t i = 0; i < named.size(); ++i) {
    if (!node->edges[i])
      continue;
    Tensor tensor = std::exchange(named[i], detach(named[i]));
    if (views) {
      named[i]->base = tensor->base ? tensor->base : tensor;
      named[i]->baseHistory = named[i]->base->history;
    }
    named[i]->node = Ref<Node>(node.get());
    named[i]->output = static_cast<uint32_t>(i);
  }
  return named;
}

/// Hooks may change the hooks.
static void callHooks(const Node &node, std::vector<Tensor> &gradients) {
  if (node.hooks.empty())
    return;
  auto all = node.hooks;
  for (auto &[index, hooks] : all)
    if (hooks && gradients[index])
      gradients[index] = hooks->call(gradients[index]);
}

/// `underivable`: where nodes are put whose operations have no derivative.
static WayBack walkBack(const Node *start, uint64_t since,
                        std::vector<const Node *> *underivable) {
  WayBack found;
  std::set<const Node *> seen;
  std::vector<const Node *> waiting{start};
  while (!waiting.empty()) {
    const Node *node = waiting.back();
    waiting.pop_back();
    if (!node || node->sequence < since || !seen.insert(node).second)
      continue;
    found.released |= node->released();
    found.watched |= node->watched();
    if (underivable && node->underivable())
      underivable->push_back(node);
    for (const Edge &edge : node->edges)
      if (edge.node && edge.node->sequence >= since)
        waiting.push_back(edge.node.get());
      else if (edge)
        found.leaves.push_back(edge);
  }
  return found;
}

WayBack stepwell::wayBack(const Tensor &tensor, uint64_t since) {
  std::vector<const Node *> underivable;
  WayBack found = walkBack(edgeOf(tensor).node.get(), since, &underivable);
  for (const Node *node : underivable)
    for (const Edge &edge : walkBack(node, since, nullptr).leaves)
      found.underivable.emplace_back(edge, node->underivable());
  return found;
}

//===--- The way back -----------------------------------------------------===//

static void accumulate(Tensor &sum, const Tensor &gradient) {
  sum = sum ? callOp("add", {{sum}, {gradient}}) : gradient;
}

static void collectIntoLeaf(const Tensor &leaf, const Tensor &gradient,
                            bool createGraph) {
  if (Capture *capture = Capture::current())
    capture->noteGrad(leaf);
  KeepLock oneStep; // another thread may add to the same gradient
  if (!createGraph && leaf->grad) {
    // In place, so that whoever holds `.grad` sees the sum.
    Argument arguments[] = {{leaf->grad}, {gradient}};
    static const OpRow *const add = findOp("add");
    callSingle(*add, arguments, {}, true);
    return;
  }
  Tensor value;
  if (leaf->grad)
    value = callOp("add", {{leaf->grad}, {gradient}});
  else if (createGraph)
    value = gradient;
  else // Nobody else may see later sums.
    value = gradient->references > 1 || gradient->buffer->references > 1 ||
                    !gradient->contiguous()
                ? packedCopy(gradient)
                : detach(gradient);
  leaf->grad = value;
}

namespace {
/// Which nodes lead to what is asked for.
class Wanted {
public:
  Wanted(std::span<const Tensor> roots,
         const std::optional<std::vector<Edge>> &targets)
      : targets(targets) {
    if (!targets)
      return;
    std::vector<Node *> all, pending;
    auto visit = [&](Node *node) {
      if (node && leads.try_emplace(node, false).second) {
        all.push_back(node);
        pending.push_back(node);
      }
    };
    for (const Tensor &root : roots)
      visit(edgeOf(root).node.get());
    while (!pending.empty()) {
      Node *node = pending.back();
      pending.pop_back();
      for (const Edge &edge : node->edges)
        visit(edge.node.get());
    }
    // A node's edges lead to earlier ones.
    std::sort(all.begin(), all.end(), [](const Node *a, const Node *b) {
      return a->sequence < b->sequence;
    });
    for (Node *node : all)
      leads[node] =
          std::any_of(node->edges.begin(), node->edges.end(),
                      [&](const Edge &edge) { return reaches(edge); });
  }
  /// Whether a gradient that is sent there is of use.
  bool reaches(const Edge &edge) const {
    if (!targets)
      return true;
    if (edge.node && runs(*edge.node))
      return true;
    return std::any_of(targets->begin(), targets->end(), [&](const Edge &each) {
      return edge.node ? each.node == edge.node
                       : edge.leaf && each.leaf == edge.leaf;
    });
  }
  bool runs(const Node &node) const {
    auto found = leads.find(&node);
    return !targets || (found != leads.end() && found->second);
  }

private:
  const std::optional<std::vector<Edge>> &targets;
  std::unordered_map<const Node *, bool> leads;
};
} // namespace

std::vector<Tensor>
stepwell::runBackward(std::span<const Tensor> roots,
                      std::vector<Tensor> gradients, bool retainGraph,
                      bool createGraph,
                      std::optional<std::vector<Edge>> targets) {
  for (const Tensor &root : roots)
    if (!Capture::current() && !root->hasMemory())
      TensorImpl::refuseValueless();
  GradModeGuard guard(createGraph);
  std::vector<Tensor> collected(targets ? targets->size() : 0);
  struct Later {
    bool operator()(const Ref<Node> &a, const Ref<Node> &b) const {
      return a->sequence < b->sequence;
    }
  };
  Wanted wanted(roots, targets);
  // Whoever uses a value comes later in sequence: the largest number is always
  // complete.
  std::priority_queue<Ref<Node>, std::vector<Ref<Node>>, Later> ready;
  std::map<Node *, std::vector<Tensor>> pending;
  // The hooks of a leaf see the sum of what it gets.
  std::vector<std::pair<Tensor, Tensor>> hooked;
  auto reachLeaf = [&](const Tensor &leaf, const Tensor &gradient) {
    if (!targets)
      return collectIntoLeaf(leaf, gradient, createGraph);
    for (size_t i = 0; i < targets->size(); ++i)
      if ((*targets)[i].leaf == leaf)
        accumulate(collected[i], gradient);
  };
  auto send = [&](const Edge &edge, const Tensor &gradient) {
    if (!wanted.reaches(edge))
      return;
    if (edge.node) {
      auto [entry, isNew] = pending.try_emplace(edge.node.get());
      if (isNew) {
        entry->second.resize(edge.node->outputs.size());
        ready.push(edge.node);
      }
      accumulate(entry->second[edge.index], gradient);
    } else if (edge.leaf && edge.leaf->hooks) {
      auto known =
          std::find_if(hooked.begin(), hooked.end(), [&](const auto &entry) {
            return entry.first == edge.leaf;
          });
      if (known == hooked.end())
        hooked.emplace_back(edge.leaf, gradient);
      else
        accumulate(known->second, gradient);
    } else if (edge.leaf) {
      reachLeaf(edge.leaf, gradient);
    }
  };
  for (size_t i = 0; i < roots.size(); ++i)
    send(edgeOf(roots[i]), gradients[i]);
  gradients.clear();
  while (!ready.empty()) {
    Ref<Node> node = ready.top();
    ready.pop();
    std::vector<Tensor> incoming = std::move(pending[node.get()]);
    pending.erase(node.get());
    if (node->refusal)
      fail(Error::Kind::Runtime, node->refusal);
    callHooks(*node, incoming);
    if (targets)
      for (size_t i = 0; i < targets->size(); ++i)
        if ((*targets)[i].node == node && incoming[(*targets)[i].index])
          collected[i] = incoming[(*targets)[i].index];
    // What lies below the targets alone is neither run nor freed.
    if (!wanted.runs(*node))
      continue;
    if (Capture *capture = Capture::current())
      capture->noteStep(*node);
    for (size_t i = 0; targets && i < node->edges.size(); ++i)
      node->unwanted.push_back(!wanted.reaches(node->edges[i]));
    std::vector<Tensor> outgoing;
    try {
      outgoing = node->apply(std::move(incoming));
    } catch (...) {
      node->unwanted.clear();
      throw;
    }
    node->unwanted.clear();
    if (!retainGraph)
      node->release();
    for (size_t i = 0; i < outgoing.size(); ++i)
      if (outgoing[i]) {
        send(node->edges[i], outgoing[i]);
        outgoing[i] = {};
      }
  }
  for (auto &[leaf, gradient] : hooked) {
    bool wanted = !targets;
    for (size_t i = 0; targets && i < targets->size(); ++i)
      wanted |= (*targets)[i].leaf == leaf;
    if (wanted)
      reachLeaf(leaf, leaf->hooks->call(gradient));
  }
  return collected;
}
