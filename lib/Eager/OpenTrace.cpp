//===- OpenTrace.cpp - Sizes that stay open in a capture ------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/OpenTrace.h"

#include "stepwell/Eager/Capture.h"

using namespace stepwell;

OpenShape stepwell::fixedShape(const Dims &dims) {
  return {dims.begin(), dims.end()};
}

std::string stepwell::shapeKey(const OpenShape &shape) {
  std::string key;
  for (const OpenSize &size : shape)
    key += size.postfix() + ",";
  return key;
}

OpenTrace::OpenTrace(std::span<const Tensor> tensors,
                     std::span<const Scalar> numbers) {
  for (const Tensor &tensor : tensors) {
    OpenShape &shape = arguments.emplace_back();
    for (int64_t size : tensor->sizes) {
      shape.push_back(
          size < 2 ? OpenSize(size)
                   : OpenSize::open("v" + std::to_string(values.size())));
      values.push_back(size);
    }
  }
  sizes = values.size();
  values.insert(values.end(), numbers.begin(), numbers.end());
}

OpenTrace::OpenTrace(std::span<const Tensor> tensors,
                     std::span<const std::vector<int>> open) {
  std::unordered_map<int, OpenSize> shared;
  for (size_t i = 0; i < tensors.size(); ++i) {
    OpenShape &shape = arguments.emplace_back();
    for (int d = 0; d < tensors[i]->rank(); ++d) {
      int which = open[i][d];
      OpenSize size = tensors[i]->sizes[d];
      if (which >= 0)
        size = shared
                   .try_emplace(which, OpenSize::open(
                                           "v" + std::to_string(values.size())))
                   .first->second;
      shape.push_back(size);
      values.push_back(tensors[i]->sizes[d]);
    }
  }
  sizes = values.size();
}

int64_t OpenTrace::hint(const OpenSize &size) const {
  if (size.known())
    return *size.known();
  std::optional<Scalar> value =
      HostExpression(size.postfix(), values.size()).evaluate(values);
  if (!value || value->index() == 2)
    fail(Error::Kind::Runtime, "a size of a captured function is no number of "
                               "64 bits");
  return std::get<int64_t>(*value);
}

void OpenTrace::require(const std::string &postfix, const Scalar &expected) {
  if (!required.insert(postfix).second)
    return;
  HostGuard guard{HostExpression(postfix, values.size()), expected, false};
  for (size_t at = 0; (at = postfix.find('v', at)) != std::string::npos; ++at)
    if (at == 0 || postfix[at - 1] == ' ')
      guard.ofNumbers |= std::stoull(postfix.substr(at + 1)) >= sizes;
  if (Capture::location)
    guard.where = Capture::location();
  guards.push_back(std::move(guard));
}

void OpenTrace::fix(OpenShape &shape) {
  for (OpenSize &size : shape) {
    if (size.known())
      continue;
    int64_t value = hint(size);
    require(size.postfix(), value);
    fixed.emplace(size.postfix(), value);
    size = value;
  }
}

void OpenTrace::fixAll() {
  for (OpenShape &shape : arguments)
    fix(shape);
}

void OpenTrace::settle(OpenShape &shape) {
  for (OpenSize &size : shape) {
    if (size.known())
      continue;
    if (auto found = fixed.find(size.postfix()); found != fixed.end()) {
      size = found->second;
      continue;
    }
    bool isArgument = size.postfix().find(' ') == std::string::npos;
    if (isArgument) // the class of the arguments says that it is more than 1
      continue;
    bool isFew = hint(size) < 2;
    require(size.postfix() + " 2 <", isFew);
    if (isFew) {
      OpenShape one{size};
      fix(one);
      size = one[0];
    }
  }
}

OpenShape OpenTrace::resultOf(const ResultRow &row,
                              std::span<const OpenShape> operands,
                              const Attributes &attributes, const Dims &hints) {
  rules::SizeConditions conditions;
  std::optional<OpenShape> shape =
      rules::openShape(row.shape, operands, attributes, conditions);
  if (!shape) {
    fixAll();
    return fixedShape(hints);
  }
  for (const rules::SizeCondition &condition : conditions)
    require(
        rules::compare(condition.found, condition.relation, condition.expected)
            .postfix(),
        true);
  settle(*shape);
  return *shape;
}

Dims OpenTrace::dims(const OpenShape &shape) const {
  Dims dims;
  for (const OpenSize &size : shape) {
    auto found = fixed.find(size.postfix());
    dims.push_back(size.known()           ? *size.known()
                   : found != fixed.end() ? found->second
                                          : kDynamic);
  }
  return dims;
}
