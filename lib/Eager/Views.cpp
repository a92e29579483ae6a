//===- Views.cpp - Other geometries over the same memory ------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A view launches nothing. On the way back its gradient is viewed the other way
// round, or written into zeros.
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Capture.h"
#include "stepwell/Eager/OpAttributes.h"
#include "stepwell/Eager/Ops.h"
#include "stepwell/Semantics/Checked.h"

#include <algorithm>

using namespace stepwell;

namespace {

Dims inversePermutation(const Dims &permutation) {
  Dims inverse = permutation;
  for (int i = 0; i < permutation.size(); ++i)
    inverse[permutation[i]] = i;
  return inverse;
}

Tensor scatterView(const Tensor &gradient, const Geometry &view,
                   const Dims &sizes, const std::optional<SliceOf> &slice,
                   const Capture::OpenView &open);

struct ViewNode : Node {
  using Node::Node;
  ViewOp op;
  Dims inputSizes;
  Capture::OpenView open;
  std::string name() const override { return "view"; }
  std::vector<Tensor> apply(std::vector<Tensor> gradients) override {
    const Tensor &g = gradients[0];
    switch (op.kind) {
    case ViewOp::Kind::Permute:
      return {permute(g, inversePermutation(op.dims))};
    case ViewOp::Kind::Reshape: {
      Capture::GivenShape given(open.parent);
      return {reshape(g, inputSizes)};
    }
    case ViewOp::Kind::Expand:
      return {sumTo(g, inputSizes)};
    case ViewOp::Kind::Strided:
      return {scatterView(g, op.packed, inputSizes, op.slice, open)};
    }
    return {};
  }
};

/// The adjoint of a strided view: zeros, with the gradient where the view lies.
struct ScatterNode : Node {
  using Node::Node;
  Geometry view; // over a row-major tensor
  std::optional<SliceOf> slice;
  Capture::OpenView open;
  std::string name() const override { return "gradient of a view"; }
  std::vector<Tensor> apply(std::vector<Tensor> gradients) override {
    Capture::GivenShape given(open.shape, open.slice);
    return {viewOfPacked(gradients[0], view, slice)};
  }
};

/// `describe` makes the ViewOp, which only a tape or a capture asks for. A view
/// of all elements in another order lies where the tensor does.
template <typename F>
Tensor makeView(const Tensor &tensor, const Geometry &geometry, F describe,
                bool reorders = false) {
  if (!reorders)
    checkInside(*tensor->buffer, tensor->dtype, geometry);
  Tensor view = makeTensor(tensor->buffer, tensor->dtype, geometry);
  view->untracked = tensor->untracked;
  if (Capture *capture = Capture::current())
    capture->noteView(*view, tensor, describe());
  if (!isFloat(tensor->dtype))
    return view;
  if (gradEnabled())
    refreshHistory(*tensor);
  // A view that became a leaf is what writes through this one are checked by.
  bool isLeaf = tensor->requiresGrad && !tensor->node;
  view->base = tensor->base && !isLeaf ? tensor->base : tensor;
  view->baseHistory = view->base->history;
  view->made = gradEnabled() ? tensor->made : ViewMade::WithoutGrad;
  view->madeAt = view->buffer->version;
  if (gradEnabled() && requiresGrad(*tensor)) {
    Ref<ViewNode> node(new ViewNode({edgeOf(tensor)}));
    node->op = describe();
    node->inputSizes = tensor->sizes;
    node->open = Capture::openViewOf(*view);
    node->outputs = {view->type()};
    view->node = Ref<Node>(node.get());
  }
  return view;
}

/// Where the elements of a view lie in a row-major tensor of `count` elements.
Tensor placesOf(const Geometry &view, int64_t count) {
  Tensor places;
  {
    SuspendCapture eager;
    Tensor all = iota(DType::I64, count);
    places = packedCopy(makeTensor(all->buffer, DType::I64, view));
    places = reshape(places, {view.numel()}, true);
  }
  Capture *capture = Capture::current();
  return capture ? capture->alias(*places, packedStrides(places->sizes))
                 : places;
}

/// `view` is over a row-major tensor of `sizes`. What several indices of it
/// reach gets the sum.
Tensor scatterView(const Tensor &gradient, const Geometry &view,
                   const Dims &sizes, const std::optional<SliceOf> &slice,
                   const Capture::OpenView &open) {
  Tensor result;
  {
    GradModeGuard guard(false);
    Tensor given = gradient;
    Geometry once = view;
    for (int i = 0; i < view.sizes.size(); ++i)
      if (view.strides[i] == 0 && once.sizes[i] > 1)
        once.sizes[i] = 1;
    given = sumTo(given, once.sizes);
    {
      Capture::GivenShape shape(open.parent);
      result = full(gradient->dtype, sizes, int64_t{0});
    }
    if (slice || surelyDistinct(once)) {
      Tensor part;
      {
        Capture::GivenShape shape(open.shape, open.slice);
        part = stridedView(result, once, slice ? &*slice : nullptr);
      }
      copyInto(part, given);
    } else {
      int64_t count = result->numel();
      Tensor flat = callOp("index_add",
                           {{reshape(result, {count})},
                            {placesOf(once, count)},
                            {reshape(given, {once.numel()})}},
                           attributes::IndexAdd{.dim = 0});
      result = reshape(flat, sizes);
    }
  }
  // Nobody else sees the zeros that it was made of.
  result->base = {};
  result->made = ViewMade::Plainly;
  if (gradEnabled() && requiresGrad(*gradient)) {
    Ref<ScatterNode> node(new ScatterNode({edgeOf(gradient)}));
    node->view = view;
    node->slice = slice;
    node->open = open;
    node->outputs = {result->type()};
    result->node = Ref<Node>(node.get());
  }
  return result;
}

} // namespace

/// The base must reach every element by one index only.
Geometry stepwell::repack(const Geometry &view, const Geometry &base) {
  if (base.contiguous() && base.offset == 0)
    return view;
  Dims packed = packedStrides(base.sizes);
  // Coordinates of the view's first element and of each of its steps.
  std::vector<int> order;
  for (int i = 0; i < base.sizes.size(); ++i)
    if (base.sizes[i] > 1)
      order.push_back(i);
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    return std::abs(base.strides[a]) > std::abs(base.strides[b]);
  });
  int64_t low = base.offset; // the lowest address of the base
  for (int i : order)
    if (base.strides[i] < 0)
      low += (base.sizes[i] - 1) * base.strides[i];
  auto address = [&](int64_t at) {
    int64_t rest = at - low, result = 0;
    for (int i : order) {
      int64_t stride = std::abs(base.strides[i]);
      int64_t coordinate = rest / stride;
      rest -= coordinate * stride;
      result +=
          (base.strides[i] < 0 ? base.sizes[i] - 1 - coordinate : coordinate) *
          packed[i];
    }
    return result;
  };
  Geometry result{view.sizes, view.strides, address(view.offset)};
  for (int i = 0; i < view.sizes.size(); ++i)
    result.strides[i] =
        view.sizes[i] > 1
            ? address(view.offset + view.strides[i]) - result.offset
            : 1;
  return result;
}

int64_t stepwell::wrapDim(int64_t dim, int64_t rank) {
  int64_t range = std::max<int64_t>(rank, 1);
  if (dim < -range || dim >= range)
    fail(Error::Kind::Index,
         "Dimension out of range (expected to be in range of [" +
             std::to_string(-range) + ", " + std::to_string(range - 1) +
             "], but got " + std::to_string(dim) + ")");
  return dim < 0 ? dim + range : dim;
}

Tensor stepwell::permute(const Tensor &tensor, Dims permutation) {
  if (permutation.size() != tensor->rank())
    fail(Error::Kind::Runtime,
         "permute(sparse_coo): number of dimensions in the tensor input does "
         "not match the length of the desired ordering of dimensions i.e. "
         "input.dim() = " +
             std::to_string(tensor->rank()) + " is not equal to len(dims) = " +
             std::to_string(permutation.size()));
  uint32_t seen = 0;
  Geometry geometry = *tensor;
  for (int i = 0; i < permutation.size(); ++i) {
    permutation[i] = wrapDim(permutation[i], tensor->rank());
    if (seen >> permutation[i] & 1)
      fail(Error::Kind::Runtime, "permute(): duplicate dims are not allowed.");
    seen |= 1u << permutation[i];
    geometry.sizes[i] = tensor->sizes[permutation[i]];
    geometry.strides[i] = tensor->strides[permutation[i]];
  }
  return makeView(
      tensor, geometry,
      [&] { return ViewOp{ViewOp::Kind::Permute, permutation, {}}; },
      /*reorders=*/true);
}

Tensor stepwell::transpose(const Tensor &tensor, int64_t a, int64_t b) {
  a = wrapDim(a, tensor->rank());
  b = wrapDim(b, tensor->rank());
  if (tensor->rank() == 0)
    return permute(tensor, {});
  Dims permutation;
  for (int i = 0; i < tensor->rank(); ++i)
    permutation.push_back(i == a ? b : i == b ? a : i);
  return permute(tensor, permutation);
}

/// The strides of `sizes` over the tensor's elements, if there are any.
static std::optional<Dims> viewStrides(const Geometry &from,
                                       const Dims &sizes) {
  if (from.numel() == 0)
    return packedStrides(sizes);
  // Runs of old dimensions that are walked as one, from the last.
  Dims strides = Dims::filled(sizes.size(), 1);
  int view = sizes.size() - 1;
  int64_t base = 1;
  if (from.sizes.size())
    base = from.strides[from.sizes.size() - 1];
  int64_t tensorCount = 1, viewCount = 1;
  for (int d = from.sizes.size() - 1; d >= 0; --d) {
    tensorCount *= from.sizes[d];
    bool runEnds = d == 0 || (from.sizes[d - 1] != 1 &&
                              from.strides[d - 1] != tensorCount * base);
    if (!runEnds)
      continue;
    while (view >= 0 && (viewCount < tensorCount || sizes[view] == 1)) {
      strides[view] = viewCount * base;
      viewCount *= sizes[view];
      --view;
    }
    if (viewCount != tensorCount)
      return std::nullopt;
    if (d > 0) {
      base = from.strides[d - 1];
      tensorCount = viewCount = 1;
    }
  }
  for (; view >= 0; --view)
    strides[view] = 1;
  return strides;
}

Tensor stepwell::reshape(const Tensor &tensor, Dims sizes, bool mustView) {
  Checked known = 1;
  int free = -1;
  for (int i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == -1) {
      if (free >= 0)
        fail(Error::Kind::Runtime, "only one dimension can be inferred");
      free = i;
    } else if (sizes[i] < 0) {
      fail(Error::Kind::Runtime,
           "invalid shape dimension " + std::to_string(sizes[i]));
    } else {
      known *= sizes[i];
    }
  }
  int64_t count = tensor->numel();
  if (free >= 0 && known && *known != 0 && count % *known == 0)
    sizes[free] = count / *known;
  if (countOf(sizes) != count) {
    std::string shape = "[";
    for (int i = 0; i < sizes.size(); ++i)
      shape += (i ? ", " : "") + std::to_string(sizes[i]);
    fail(Error::Kind::Runtime, "shape '" + shape +
                                   "]' is invalid for input of size " +
                                   std::to_string(count));
  }
  if (std::optional<Dims> strides = viewStrides(*tensor, sizes))
    return makeView(
        tensor, {sizes, *strides, tensor->offset},
        [&] { return ViewOp{ViewOp::Kind::Reshape, sizes, {}}; },
        /*reorders=*/count != 0);
  if (mustView)
    fail(Error::Kind::Runtime,
         "view size is not compatible with input tensor's size and stride (at "
         "least one dimension spans across two contiguous subspaces). Use "
         ".reshape(...) instead.");
  return reshape(packedCopy(tensor), sizes, true);
}

Tensor stepwell::expand(const Tensor &tensor, Dims sizes) {
  if (tensor->sizes == sizes)
    return tensor;
  int extra = sizes.size() - tensor->rank();
  if (extra < 0)
    fail(Error::Kind::Runtime,
         "expand: the number of sizes provided (" +
             std::to_string(sizes.size()) +
             ") must be greater or equal to the number of dimensions in the "
             "tensor (" +
             std::to_string(tensor->rank()) + ")");
  Geometry geometry{sizes, Dims::filled(sizes.size(), 0), tensor->offset};
  for (int i = 0; i < sizes.size(); ++i) {
    int64_t own = i < extra ? 1 : tensor->sizes[i - extra];
    if (sizes[i] == -1 && i >= extra)
      geometry.sizes[i] = sizes[i] = own;
    if (own == sizes[i] && i >= extra)
      geometry.strides[i] = tensor->strides[i - extra];
    else if (own != 1 || sizes[i] < 0)
      fail(Error::Kind::Runtime,
           "The expanded size of the tensor (" + std::to_string(sizes[i]) +
               ") must match the existing size (" + std::to_string(own) +
               ") at non-singleton dimension " + std::to_string(i) +
               ".  Target sizes: " + toString(sizes) +
               ".  Tensor sizes: " + toString(tensor->sizes));
  }
  checkedBytes(tensor->dtype, sizes);
  return makeView(tensor, geometry,
                  [&] { return ViewOp{ViewOp::Kind::Expand, sizes, {}}; });
}

Tensor stepwell::viewOfPacked(const Tensor &tensor, Geometry packed,
                              std::optional<SliceOf> slice) {
  Tensor whole = contiguous(tensor);
  packed.offset += whole->offset;
  return stridedView(whole, packed, slice ? &*slice : nullptr);
}

/// Where a slice lies in a tensor, if it has the sizes `to`, which differ from
/// the slice's in dimensions of size 1 only.
static Geometry sliceIn(const SliceOf &slice, const Geometry &from,
                        const Dims &to) {
  Geometry packed{to, Dims::filled(to.size(), 1), from.offset};
  if (packed.numel() == 0)
    return packed;
  const Dims &strides = from.strides;
  int at = 0;
  for (int i = 0; i < from.sizes.size(); ++i) {
    packed.offset += slice.starts[i] * strides[i];
    if (slice.sizes[i] == 1)
      continue;
    while (to[at] == 1)
      ++at;
    packed.strides[at++] = strides[i] * slice.steps[i];
  }
  return packed;
}

static ViewOp viewOfSlice(const Geometry &base, const Geometry &view,
                          const SliceOf &slice) {
  return {
      ViewOp::Kind::Strided,
      {},
      sliceIn(slice, {base.sizes, packedStrides(base.sizes), 0}, view.sizes),
      slice};
}

Tensor stepwell::viewBySlice(const Tensor &tensor, const SliceOf &slice,
                             const Dims &shape) {
  return stridedView(tensor, sliceIn(slice, *tensor, shape), &slice);
}

Tensor stepwell::viewAgain(const Tensor &tensor, const Geometry &geometry,
                           const ViewOp &op) {
  return makeView(tensor, geometry, [&] { return op; });
}

Tensor stepwell::stridedView(const Tensor &tensor, const Geometry &geometry,
                             const SliceOf *slice) {
  return makeView(tensor, geometry, [&] {
    return slice ? viewOfSlice(*tensor, geometry, *slice)
                 : ViewOp{ViewOp::Kind::Strided, {}, repack(geometry, *tensor)};
  });
}

/// How the view of a part along one dimension is made.
static ViewOp viewAlong(const Geometry &base, const Geometry &view, int64_t dim,
                        int64_t start, int64_t count, int64_t step) {
  SliceOf slice{Dims::filled(base.sizes.size(), 0), base.sizes,
                Dims::filled(base.sizes.size(), 1)};
  slice.starts[dim] = start;
  slice.sizes[dim] = count;
  slice.steps[dim] = step;
  return viewOfSlice(base, view, slice);
}

Tensor stepwell::slice(const Tensor &tensor, int64_t dim, int64_t start,
                       int64_t count, int64_t step) {
  Geometry geometry = *tensor;
  // Nothing of what lies backwards would begin before its memory.
  if (count > 0 || geometry.strides[dim] > 0)
    geometry.offset += start * geometry.strides[dim];
  geometry.sizes[dim] = count;
  // A step beyond the end is never made.
  geometry.strides[dim] = (Checked(geometry.strides[dim]) * step)
                              .get()
                              .value_or(geometry.strides[dim]);
  return makeView(tensor, geometry, [&] {
    return viewAlong(*tensor, geometry, dim, start, count, step);
  });
}

Tensor stepwell::select(const Tensor &tensor, int64_t dim, int64_t index) {
  int64_t size = tensor->sizes[dim];
  if (index < -size || index >= size)
    fail(Error::Kind::Index,
         "index " + std::to_string(index) + " is out of bounds for dimension " +
             std::to_string(dim) + " with size " + std::to_string(size));
  index += index < 0 ? size : 0;
  Geometry geometry;
  geometry.offset = tensor->offset + index * tensor->strides[dim];
  for (int i = 0; i < tensor->rank(); ++i)
    if (i != dim) {
      geometry.sizes.push_back(tensor->sizes[i]);
      geometry.strides.push_back(tensor->strides[i]);
    }
  return makeView(tensor, geometry, [&] {
    return viewAlong(*tensor, geometry, dim, index, 1, 1);
  });
}

Tensor stepwell::unsqueeze(const Tensor &tensor, int64_t dim) {
  dim = wrapDim(dim, tensor->rank() + 1);
  Dims sizes;
  for (int i = 0; i <= tensor->rank(); ++i)
    if (i == dim)
      sizes.push_back(1);
    else
      sizes.push_back(tensor->sizes[i - (i > dim)]);
  return reshape(tensor, sizes, true);
}

Tensor stepwell::squeeze(const Tensor &tensor, std::optional<int64_t> dim) {
  if (dim)
    dim = wrapDim(*dim, tensor->rank());
  Dims sizes;
  Capture *capture = Capture::current();
  OpenTrace *open = capture ? capture->openTrace() : nullptr;
  for (int i = 0; i < tensor->rank(); ++i) {
    if (dim && i != *dim) {
      sizes.push_back(tensor->sizes[i]);
      continue;
    }
    if (open)
      open->isOne(capture->shapeOf(*tensor)[i]);
    if (tensor->sizes[i] != 1)
      sizes.push_back(tensor->sizes[i]);
  }
  return reshape(tensor, sizes, true);
}

Tensor stepwell::diagonal(const Tensor &tensor, int64_t offset, int64_t dim1,
                          int64_t dim2) {
  dim1 = wrapDim(dim1, tensor->rank());
  dim2 = wrapDim(dim2, tensor->rank());
  if (dim1 == dim2)
    fail(Error::Kind::Runtime, "diagonal dimensions cannot be identical " +
                                   std::to_string(dim1) + ", " +
                                   std::to_string(dim2));
  int64_t rows = tensor->sizes[dim1], columns = tensor->sizes[dim2];
  // A diagonal beyond the corners is empty, however far away it is.
  offset = std::clamp(offset, -rows, columns);
  int64_t length =
      std::max<int64_t>(0, offset >= 0 ? std::min(rows, columns - offset)
                                       : std::min(rows + offset, columns));
  auto of = [&](const Geometry &base) {
    Geometry geometry{{}, {}, base.offset};
    for (int i = 0; i < base.sizes.size(); ++i)
      if (i != dim1 && i != dim2) {
        geometry.sizes.push_back(base.sizes[i]);
        geometry.strides.push_back(base.strides[i]);
      }
    if (length > 0)
      geometry.offset += offset >= 0 ? offset * base.strides[dim2]
                                     : -offset * base.strides[dim1];
    geometry.sizes.push_back(length);
    geometry.strides.push_back(base.strides[dim1] + base.strides[dim2]);
    return geometry;
  };
  return makeView(tensor, of(*tensor), [&] {
    Geometry packed{tensor->sizes, packedStrides(tensor->sizes), 0};
    return ViewOp{ViewOp::Kind::Strided, {}, of(packed)};
  });
}

Tensor stepwell::oneOfSeveral(const Tensor &view) {
  if (view->base && gradEnabled())
    view->made = ViewMade::OneOfSeveral;
  return view;
}
