//===- WindowRules.cpp - Shapes of convolutions and pools -----------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RuleSupport.h"

#include <algorithm>

namespace stepwell::rules {

namespace {

/// Sizes and attributes stay so small that nothing below overflows.
constexpr int64_t kMost = int64_t(1) << 31;

/// An attribute of one number for each of the two dimensions, none below
/// `least`.
std::optional<Error> checkPair(const char *name, const Dims &values,
                               int64_t least) {
  if (values.size() != 2)
    return valueError(std::string(name) + " must be two numbers, not " +
                      toString(values));
  for (int64_t value : values)
    if (value < least || value >= kMost)
      return valueError(std::string(name) + " must be " +
                        (value < least ? number(least) + " or more"
                                       : "below " + number(kMost)) +
                        ", not " + toString(values));
  return std::nullopt;
}

std::optional<Error> checkImage(const char *name, const Dims &dims) {
  if (dims.size() != 4)
    return valueError("the " + std::string(name) +
                      " must have four dimensions, not the shape " +
                      toString(dims));
  for (int64_t size : dims)
    if (size >= kMost)
      return valueError("the " + std::string(name) + " of shape " +
                        toString(dims) + " is too large");
  return std::nullopt;
}

/// Whether so many elements can be counted, in bytes and with room to spare;
/// dynamic sizes are not known to be too many.
bool countable(std::initializer_list<int64_t> sizes) {
  constexpr int64_t most = int64_t(1) << 48;
  int64_t count = 1;
  for (int64_t size : sizes) {
    if (size == kDynamic || size == 0)
      continue;
    if (size > most / count)
      return false;
    count *= size;
  }
  return true;
}

bool differ(int64_t a, int64_t b) {
  return a != b && a != kDynamic && b != kDynamic;
}
bool differ(const Dims &a, const Dims &b) {
  for (int i = 0; i < a.size() && i < b.size(); ++i)
    if (differ(a[i], b[i]))
      return true;
  return a.size() != b.size();
}

/// From one window's first element to behind its last.
int64_t extent(int64_t kernel, int64_t dilation) {
  return kernel == kDynamic ? kDynamic : dilation * (kernel - 1) + 1;
}

ErrorOr<Dims> convolved(const Dims &input, const Dims &weight,
                        const NamedAttributes &attributes) {
  const Dims &stride = attributes.get<Dims>("stride"),
             &padding = attributes.get<Dims>("padding"),
             &dilation = attributes.get<Dims>("dilation");
  int64_t groups = attributes.get<int64_t>("groups");
  for (std::optional<Error> error :
       {checkImage("input", input), checkImage("weight", weight),
        checkPair("stride", stride, 1), checkPair("padding", padding, 0),
        checkPair("dilation", dilation, 1)})
    if (error)
      return *error;
  std::string shapes = "input " + toString(input) + " and weight " +
                       toString(weight) + " with groups=" + number(groups);
  if (groups < 1 || groups >= kMost)
    return valueError("groups must be 1 or more, not " + number(groups));
  if (weight[0] != kDynamic && weight[0] % groups != 0)
    return valueError(shapes + ": the groups do not divide the " +
                      number(weight[0]) + " output channels");
  if (input[1] != kDynamic && weight[1] != kDynamic &&
      input[1] != weight[1] * groups)
    return valueError(shapes + ": the weight expects " +
                      number(weight[1] * groups) + " input channels, not " +
                      number(input[1]));
  Dims result{input[0], weight[0]};
  for (int i = 0; i < 2; ++i) {
    int64_t size = input[2 + i], kernel = weight[2 + i];
    if (kernel != kDynamic && kernel < 1)
      return valueError(shapes + ": the weight has no elements");
    if (size == kDynamic || kernel == kDynamic) {
      result.push_back(kDynamic);
      continue;
    }
    int64_t room = size + 2 * padding[i] - extent(kernel, dilation[i]);
    if (room < 0)
      return valueError(shapes + ": the kernel, with its dilation " +
                        toString(dilation) +
                        ", is larger than the input with " + "its padding " +
                        toString(padding));
    result.push_back(room / stride[i] + 1);
  }
  auto padded = [&](int i) {
    return input[2 + i] == kDynamic ? 0 : input[2 + i] + 2 * padding[i];
  };
  if (!countable(
          {input[0], std::max(input[1], weight[0]), padded(0), padded(1)}))
    return valueError(shapes + ": with the padding " + toString(padding) +
                      " there are too many elements");
  return result;
}

/// `like` is the result's shape if the convolution of it fits the gradient.
ErrorOr<Dims> transposed(const Dims &input, const Dims &weight,
                         const Dims &gradient, const Dims &like,
                         const NamedAttributes &attributes) {
  ErrorOr<Dims> result = convolved(input, weight, attributes);
  if (!result)
    return result;
  if (differ(*result, gradient))
    return valueError("the gradient has shape " + toString(gradient) +
                      ", the convolution of " + toString(input) + " with " +
                      toString(weight) + " has " + toString(*result));
  return like;
}

struct Windows {
  const Dims &kernel, &stride, &padding;
  Dims dilation;
  bool ceil;
};

ErrorOr<Dims> pooled(const Dims &input, const Windows &windows) {
  for (std::optional<Error> error :
       {checkImage("input", input), checkPair("kernel_size", windows.kernel, 1),
        checkPair("stride", windows.stride, 1),
        checkPair("padding", windows.padding, 0),
        checkPair("dilation", windows.dilation, 1)})
    if (error)
      return *error;
  Dims result{input[0], input[1]};
  for (int i = 0; i < 2; ++i) {
    int64_t pad = windows.padding[i], stride = windows.stride[i];
    int64_t size = input[2 + i];
    int64_t reach = extent(windows.kernel[i], windows.dilation[i]);
    if (pad > reach / 2)
      return valueError("padding " + toString(windows.padding) +
                        " is more than half of kernel_size " +
                        toString(windows.kernel) + " with dilation " +
                        toString(windows.dilation));
    if (size == kDynamic) {
      result.push_back(kDynamic);
      continue;
    }
    int64_t room = size + 2 * pad - reach;
    int64_t count = room < 0 && !(windows.ceil && room > -stride)
                        ? 0
                        : (room + (windows.ceil ? stride - 1 : 0)) / stride + 1;
    // A window that starts beyond the input and its left padding is dropped.
    if (windows.ceil && count && (count - 1) * stride >= size + pad)
      --count;
    if (count < 1)
      return valueError("the input of shape " + toString(input) +
                        " is smaller than kernel_size " +
                        toString(windows.kernel) + " with padding " +
                        toString(windows.padding) + " and dilation " +
                        toString(windows.dilation));
    result.push_back(count);
  }
  auto reached = [&](int i) {
    int64_t size = input[2 + i] == kDynamic ? 0 : input[2 + i];
    return std::max(size + 2 * windows.padding[i],
                    extent(windows.kernel[i], windows.dilation[i]));
  };
  if (!countable({input[0], input[1], reached(0), reached(1)}))
    return valueError("the windows of kernel_size " + toString(windows.kernel) +
                      " with padding " + toString(windows.padding) +
                      " reach over too many elements");
  return result;
}

Windows maxWindows(const NamedAttributes &attributes) {
  return {attributes.get<Dims>("kernel_size"), attributes.get<Dims>("stride"),
          attributes.get<Dims>("padding"), attributes.get<Dims>("dilation"),
          attributes.get<bool>("ceil_mode")};
}
Windows avgWindows(const NamedAttributes &attributes) {
  return {attributes.get<Dims>("kernel_size"), attributes.get<Dims>("stride"),
          attributes.get<Dims>("padding"), Dims{1, 1},
          attributes.get<bool>("ceil_mode")};
}

/// `result` if `pooled` has the shape of a pool over `input`.
ErrorOr<Dims> matching(const char *what, const Dims &given, const Dims &input,
                       const Windows &windows, const Dims &result) {
  ErrorOr<Dims> expected = pooled(input, windows);
  if (!expected)
    return expected;
  if (differ(*expected, given))
    return valueError("the " + std::string(what) + " has shape " +
                      toString(given) + ", the pool of " + toString(input) +
                      " has " + toString(*expected));
  return result;
}

} // namespace

//===--- Shape rules ------------------------------------------------------===//

ErrorOr<Dims> conv2d(Operands operands, const NamedAttributes &attributes) {
  return convolved(operands[0].dims, operands[1].dims, attributes);
}

ErrorOr<Dims> conv2dInputGradient(Operands operands,
                                  const NamedAttributes &attributes) {
  return transposed(operands[2].dims, operands[1].dims, operands[0].dims,
                    operands[2].dims, attributes);
}

ErrorOr<Dims> conv2dWeightGradient(Operands operands,
                                   const NamedAttributes &attributes) {
  return transposed(operands[0].dims, operands[2].dims, operands[1].dims,
                    operands[2].dims, attributes);
}

ErrorOr<Dims> maxPool2d(Operands operands, const NamedAttributes &attributes) {
  return pooled(operands[0].dims, maxWindows(attributes));
}

ErrorOr<Dims> maxPool2dGradient(Operands operands,
                                const NamedAttributes &attributes) {
  const Dims &like = operands[2].dims;
  Windows windows = maxWindows(attributes);
  ErrorOr<Dims> checked =
      matching("indices", operands[1].dims, like, windows, like);
  return checked ? matching("gradient", operands[0].dims, like, windows, like)
                 : checked;
}

ErrorOr<Dims> maxPool2dGather(Operands operands,
                              const NamedAttributes &attributes) {
  return matching("indices", operands[1].dims, operands[0].dims,
                  maxWindows(attributes), operands[1].dims);
}

ErrorOr<Dims> avgPool2d(Operands operands, const NamedAttributes &attributes) {
  return pooled(operands[0].dims, avgWindows(attributes));
}

ErrorOr<Dims> avgPool2dGradient(Operands operands,
                                const NamedAttributes &attributes) {
  const Dims &like = operands[1].dims;
  return matching("gradient", operands[0].dims, like, avgWindows(attributes),
                  like);
}

//===--- Element type rules -----------------------------------------------===//

ErrorOr<DType> floats(Operands operands, const NamedAttributes &attributes) {
  ErrorOr<DType> dtype = same(operands, attributes);
  if (dtype && !isFloat(*dtype))
    return Error{Error::Kind::Unsupported, "not defined for elements of type " +
                                               std::string(name(*dtype))};
  return dtype;
}

ErrorOr<DType> floatsAndMask(Operands operands,
                             const NamedAttributes &attributes) {
  if (operands.back().dtype != DType::Bool)
    return typeError("the mask must be bool, not " +
                     std::string(name(operands.back().dtype)));
  return floats(operands.first(operands.size() - 1), attributes);
}

ErrorOr<DType> wideFirst(Operands operands, const NamedAttributes &) {
  DType dtype = operands[0].dtype;
  return dtype == DType::F16 || dtype == DType::BF16 ? DType::F32 : dtype;
}

ErrorOr<DType> attentionTypes(Operands operands,
                              const NamedAttributes &attributes) {
  ErrorOr<DType> sums = wideFirst(operands, attributes);
  bool fits = true;
  for (size_t i = 4; i < 7; ++i)
    fits = fits && operands[i].dtype == *sums;
  if (operands.size() > 7)
    fits = fits && (operands[7].dtype == DType::Bool ||
                    operands[7].dtype == operands[0].dtype);
  if (!fits)
    return typeError("the operands are not of one float type, with sums of " +
                     std::string(name(*sums)));
  return floats(operands.first(4), attributes);
}

ErrorOr<DType> firstAtPositions(Operands operands, const NamedAttributes &) {
  if (operands[1].dtype != DType::I64)
    return Error{Error::Kind::Type, "the indices must be int64, not " +
                                        std::string(name(operands[1].dtype))};
  return operands[0].dtype;
}

//===--- Classes of shapes ------------------------------------------------===//

Dims classSizes(ShapeRule rule, size_t operand, const Dims &sizes) {
  Dims result = Dims::filled(sizes.size(), kDynamic);
  // Networks have few weights: a kernel may know all there is of each, and with
  // it the images' channels.
  bool convolves = rule == conv2d || rule == conv2dInputGradient ||
                   rule == conv2dWeightGradient;
  if (convolves) {
    size_t weight = rule == conv2dWeightGradient ? 2 : 1;
    if (operand == weight)
      return sizes;
    if (sizes.size() > 1)
      result[1] = sizes[1];
    return result;
  }
  // Models have few sizes of heads, and tiles are made for them.
  if (rule == attention || rule == attentionQuery) {
    bool isMask = operand == (rule == attention ? 3 : 7);
    for (int i = 0; isMask && i < 3 && i < sizes.size(); ++i)
      if (sizes[i] == 1)
        result[i] = 1; // it may be the same for all queries
    if (operand < (rule == attention ? 3 : 4))
      result[3] = sizes[3];
    return result;
  }
  // A 1 may stretch in these, but not the rows and columns of a matrix.
  static constexpr ShapeRule stretching[] = {broadcast, broadcastLike,
                                             broadcastToFirst, matmul, scalar};
  // So does what a reduced input is compared with.
  bool besideReduced = rule == reduce && operand > 0;
  if (!besideReduced && std::find(std::begin(stretching), std::end(stretching),
                                  rule) == std::end(stretching))
    return result;
  int fixed = rule == matmul ? 2 : 0;
  for (int i = 0; i < sizes.size() - fixed; ++i)
    if (sizes[i] == 1)
      result[i] = 1;
  return result;
}

} // namespace stepwell::rules
