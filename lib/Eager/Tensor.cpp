//===- Tensor.cpp - Buffers, geometry -------------------------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Tensor.h"

#include "stepwell/Eager/Autograd.h"
#include "stepwell/Eager/Capture.h"
#include "stepwell/Semantics/Checked.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

using namespace stepwell;

namespace {
/// A bounded number of objects that are gone, for the next ones to be made in.
/// What is given back needs no memory.
template <typename T, size_t Most> class Spare {
public:
  T *take() { return count ? items[--count] : nullptr; }
  bool give(T *item) {
    if (count == Most)
      return false;
    items[count++] = item;
    return true;
  }

private:
  T *items[Most] = {};
  size_t count = 0;
};
} // namespace

// Small results come and go with every operation: their buffers are kept with
// their memory, by the power of two that it has room for.
static constexpr int kSmallest = 6, kLargest = 12;
static constinit Spare<Buffer, 64> spareBuffers[kLargest - kSmallest + 1];

Ref<Buffer> Buffer::allocate(int64_t bytes) {
  int log = 0;
  const int64_t wanted = bytes;
  if (bytes <= int64_t{1} << kLargest) {
    uint64_t room = std::max(bytes, int64_t{1} << kSmallest);
    log = std::bit_width(room - 1);
    if (Buffer *buffer = spareBuffers[log - kSmallest].take()) {
      buffer->bytes = wanted;
      return Ref<Buffer>(buffer);
    }
    // Memory under guard is of exactly the size that was asked for.
    if (stepwell_cpu_guards_memory())
      log = 0;
    else
      bytes = int64_t{1} << log;
  }
  stepwell_storage *memory =
      stepwell_storage_create(stepwell_device_cpu(), bytes, nullptr);
  if (!memory)
    fail(Error::Kind::Runtime, "not enough memory: tried to allocate " +
                                   std::to_string(bytes) + " bytes");
  Ref<Buffer> buffer = adopt(memory);
  buffer->small = log;
  buffer->bytes = wanted;
  return buffer;
}

Ref<Buffer> Buffer::adopt(stepwell_storage *memory) {
  Ref<Buffer> buffer(new Buffer);
  buffer->memory = memory;
  buffer->bytes = memory->bytes;
  return buffer;
}

void stepwell::destroyInTurn(void *object, void (*destroy)(void *)) {
  struct Pending {
    void *object;
    void (*destroy)(void *);
  };
  static auto &pending = *new std::vector<Pending>;
  static bool busy = false;
  try {
    pending.push_back({object, destroy});
  } catch (const std::bad_alloc &) {
    return; // a destructor cannot fail: this object stays
  }
  if (busy)
    return;
  busy = true;
  while (!pending.empty()) {
    Pending next = pending.back();
    pending.pop_back();
    next.destroy(next.object);
  }
  busy = false;
}

void TracedView::destroy(TracedView *view) {
  destroyInTurn(view,
                [](void *each) { delete static_cast<TracedView *>(each); });
}

void Buffer::destroy(Buffer *buffer) {
  // Memory that was handed out (DLPack, NumPy) is not ours alone.
  if (buffer->small && stepwell_storage_use_count(buffer->memory) == 1 &&
      spareBuffers[buffer->small - kSmallest].give(buffer)) {
    buffer->version = 0;
    return;
  }
  stepwell_storage_release(buffer->memory);
  delete buffer;
}

// Tensors come and go with every operation: keep their blocks.
static constinit Spare<void, 256> spareTensors;

void *TensorImpl::operator new(size_t bytes) {
  void *block = spareTensors.take();
  return block ? block : ::operator new(bytes);
}

void TensorImpl::operator delete(void *block) {
  if (!spareTensors.give(block))
    ::operator delete(block);
}

void TensorImpl::destroy(TensorImpl *tensor) {
  bool owns = tensor->node || tensor->grad || tensor->hooks || tensor->traced ||
              (tensor->base && tensor->base->references == 1);
  if (owns)
    destroyInTurn(tensor,
                  [](void *each) { delete static_cast<TensorImpl *>(each); });
  else
    delete tensor;
}

Dims stepwell::packedStrides(const Dims &sizes) {
  Dims strides = Dims::filled(sizes.size(), 1);
  for (int i = sizes.size() - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * std::max<int64_t>(sizes[i + 1], 1);
  return strides;
}

void TensorImpl::refuseValueless() {
  if (Capture::current())
    Capture::refuseHere(
        "this needs the value of a tensor, which is not known while a function "
        "is captured; compute it outside of the compiled function");
  fail(Error::Kind::Runtime,
       "a tensor that was made while a function was captured has no value "
       "outside of it; let the compiled function return it");
}

void stepwell::checkRank(const Dims &sizes) {
  if (sizes.size() > kMaxRank)
    fail(Error::Kind::Runtime, "a tensor has at most " +
                                   std::to_string(kMaxRank) +
                                   " dimensions; this one would have " +
                                   std::to_string(sizes.size()));
}

TensorImpl::TensorImpl(Ref<Buffer> buffer, DType dtype,
                       const Geometry &geometry)
    : Geometry(geometry), dtype(dtype), buffer(std::move(buffer)) {}

Tensor stepwell::makeTensor(Ref<Buffer> buffer, DType dtype,
                            const Geometry &geometry) {
  if (geometry.sizes.size() > kMaxRank)
    checkRank(geometry.sizes);
  return new TensorImpl(std::move(buffer), dtype, geometry);
}

Tensor stepwell::makeTensor(int64_t bytes, DType dtype,
                            const Geometry &geometry) {
  if (geometry.sizes.size() > kMaxRank)
    checkRank(geometry.sizes);
  return new TensorImpl(Buffer::allocate(bytes), dtype, geometry);
}

int64_t stepwell::checkedBytes(DType dtype, const Dims &sizes) {
  if (std::optional<int64_t> bytes = bytesOf(dtype, sizes))
    return *bytes;
  for (int64_t size : sizes)
    if (size < 0)
      fail(Error::Kind::Runtime,
           "Trying to create tensor with negative dimension " +
               std::to_string(size) + ": " + toString(sizes));
  fail(Error::Kind::Runtime,
       "Storage size calculation overflowed with sizes=" + toString(sizes));
}

Tensor stepwell::empty(DType dtype, const Dims &sizes) {
  int64_t bytes = checkedBytes(dtype, sizes);
  return makeTensor(bytes, dtype, {sizes, packedStrides(sizes), 0});
}

void stepwell::checkInside(const Buffer &buffer, DType dtype,
                           const Geometry &geometry) {
  if (geometry.sizes.size() > kMaxRank)
    checkRank(geometry.sizes);
  int64_t width = byteWidth(dtype);
  auto reach = reachOf(geometry.sizes, geometry.strides, geometry.offset);
  // What a capture computes has no memory; its strides are its own.
  if (reach && Checked(reach->count) * width && reach->low >= 0 &&
      geometry.offset >= 0 &&
      (!buffer.memory || reach->high <= buffer.bytes / width))
    return;
  checkedBytes(dtype, geometry.sizes);
  fail(Error::Kind::Runtime,
       "setStorage: sizes " + toString(geometry.sizes) + ", strides " +
           toString(geometry.strides) + " and storage offset " +
           std::to_string(geometry.offset) + " reach beyond the storage of " +
           std::to_string(buffer.bytes) + " bytes");
}

void stepwell::checkNotReadOnly(const Buffer &buffer) {
  if (buffer.readOnly)
    fail(Error::Kind::Runtime,
         "the tensor shows memory that is not to be written (a read-only "
         "array); clone() it, or make it with tensor(), which copies");
}

namespace {
/// A step that is made 0 to `count` times.
struct Step {
  int64_t stride, count;
  int64_t rest, divisor; // of this step and the smaller ones: reach, gcd
};
} // namespace

/// Whether steps, the largest first, lead `distance` far. After `patience`
/// trials the answer is yes.
static bool reaches(std::span<const Step> steps, int64_t distance,
                    int &patience) {
  if (distance == 0 || --patience < 0)
    return true;
  if (steps.empty() || distance < 0 || distance > steps[0].rest ||
      distance % steps[0].divisor)
    return false;
  const Step &step = steps[0];
  int64_t beyond = step.rest - step.stride * step.count; // of smaller steps
  int64_t most = std::min(step.count, distance / step.stride);
  int64_t least =
      distance > beyond ? (distance - beyond - 1) / step.stride + 1 : 0;
  for (int64_t n = most; n >= least; --n)
    if (reaches(steps.subspan(1), distance - n * step.stride, patience))
      return true;
  return false;
}

bool stepwell::mayOverlap(const TensorImpl &a, const TensorImpl &b) {
  if (!(a.buffer == b.buffer))
    return false;
  Reach ra = *reachOf(a.sizes, a.strides, a.offset);
  Reach rb = *reachOf(b.sizes, b.strides, b.offset);
  int64_t wa = byteWidth(a.dtype), wb = byteWidth(b.dtype);
  if (!ra.count || !rb.count || ra.low * wa >= rb.high * wb ||
      rb.low * wb >= ra.high * wa)
    return false;
  // From the first byte of `a` on, from the last one of `b` back: who gets from
  // one to the other by these steps has found a byte of both.
  std::vector<Step> steps;
  auto add = [&](int64_t stride, int64_t count) {
    stride = std::abs(stride);
    if (stride == 0 || count <= 0)
      return;
    for (Step &step : steps)
      if (step.stride == stride) {
        step.count += count;
        return;
      }
    steps.push_back({stride, count, 0, 0});
  };
  for (int i = 0; i < a.sizes.size(); ++i)
    add(a.strides[i] * wa, a.sizes[i] - 1);
  for (int i = 0; i < b.sizes.size(); ++i)
    add(b.strides[i] * wb, b.sizes[i] - 1);
  add(1, wa - 1);
  add(1, wb - 1);
  std::sort(steps.begin(), steps.end(),
            [](const Step &x, const Step &y) { return x.stride < y.stride; });
  int64_t rest = 0, divisor = 0;
  for (Step &step : steps) {
    step.rest = rest += step.stride * step.count;
    step.divisor = divisor = std::gcd(divisor, step.stride);
  }
  std::reverse(steps.begin(), steps.end());
  int patience = 2000;
  return reaches(steps, rb.high * wb - 1 - ra.low * wa, patience);
}

bool stepwell::selfOverlaps(const Geometry &geometry) {
  for (int i = 0; i < geometry.sizes.size(); ++i)
    if (geometry.sizes[i] > 1 && geometry.strides[i] == 0)
      return true;
  return false;
}

bool stepwell::surelyDistinct(const Geometry &geometry) {
  std::vector<std::pair<int64_t, int64_t>> steps; // and how many more
  for (int i = 0; i < geometry.sizes.size(); ++i) {
    if (geometry.sizes[i] == 0)
      return true;
    if (geometry.sizes[i] > 1)
      steps.emplace_back(std::abs(geometry.strides[i]), geometry.sizes[i] - 1);
  }
  std::sort(steps.begin(), steps.end());
  int64_t reach = 0;
  for (auto [stride, count] : steps) {
    if (stride <= reach)
      return false;
    reach += stride * count;
  }
  return true;
}
