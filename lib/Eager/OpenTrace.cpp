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
                     std::span<const std::vector<int>> open,
                     std::span<const Scalar> numbers) {
  fewAreOpen = true;
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
  values.insert(values.end(), numbers.begin(), numbers.end());
}

int64_t OpenTrace::hint(const OpenSize &size) const {
  if (size.known())
    return *size.known();
  std::optional<Scalar> value =
      orFail(HostExpression::parse(size.postfix(), values.size()))
          .evaluate(values);
  if (!value || value->index() == 2)
    fail(Error::Kind::Runtime, "a size of a captured function is no number of "
                               "64 bits");
  return std::get<int64_t>(*value);
}

void OpenTrace::require(const std::string &postfix, const Scalar &expected) {
  if (!required.insert(postfix).second)
    return;
  HostGuard guard{orFail(HostExpression::parse(postfix, values.size())),
                  expected, false};
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

/// The expression of a size, of sizes alone.
static HostExpression parseSize(const OpenSize &size, size_t values) {
  auto sizes = orFail(parseSizes(size.postfix(), values));
  return std::move(sizes.at(0));
}

std::vector<int64_t> OpenTrace::valuesOf(const OpenShape &shape) const {
  std::vector<int64_t> found;
  for (const OpenSize &size : shape) {
    if (size.known())
      continue;
    HostExpression expression = parseSize(size, values.size());
    for (const HostExpression::Step &step : expression.words())
      if (step.word == HostExpression::Word::Value)
        found.push_back(std::get<int64_t>(step.operand));
  }
  return found;
}

std::pair<int, int> OpenTrace::place(int64_t value) const {
  std::string code = "v" + std::to_string(value);
  for (size_t i = 0; i < arguments.size(); ++i)
    for (size_t d = 0; d < arguments[i].size(); ++d)
      if (arguments[i][d].postfix() == code)
        return {static_cast<int>(i), static_cast<int>(d)};
  fail(Error::Kind::Runtime, "a size of a captured function is none of its "
                             "arguments'");
}

OpenSize OpenTrace::rewritten(const OpenSize &size,
                              const OpenShape &values) const {
  if (size.known())
    return size;
  return rules::evaluate(parseSize(size, this->values.size()), values);
}

HostExpression OpenTrace::expression(const OpenSize &size) const {
  return orFail(HostExpression::parse(size.postfix(), values.size()));
}

OpenSize OpenTrace::sizeOf(const std::string &postfix) const {
  HostExpression expression =
      orFail(HostExpression::parse(postfix, values.size()));
  ErrorOr<std::vector<HostExpression>> sizes =
      parseSizes(postfix, values.size());
  if (!sizes) // made of more than integers
    return OpenSize::open(postfix);
  OpenShape words;
  for (size_t i = 0; i < values.size(); ++i)
    words.push_back(OpenSize::open("v" + std::to_string(i)));
  return rules::evaluate(expression, words);
}

void OpenTrace::fixNumbers(OpenShape &shape) {
  for (OpenSize &size : shape) {
    if (size.known())
      continue;
    ErrorOr<std::vector<HostExpression>> expressions =
        parseSizes(size.postfix(), values.size());
    bool isFixed = !expressions;
    if (expressions)
      for (const HostExpression::Step &step : expressions->at(0).words())
        isFixed |=
            step.word == HostExpression::Word::Value &&
            std::get<int64_t>(step.operand) >= static_cast<int64_t>(sizes);
    if (!isFixed)
      continue;
    OpenShape one{size};
    fix(one);
    size = one[0];
  }
}

void OpenTrace::fixAll() {
  for (OpenShape &shape : arguments)
    fix(shape);
}

bool OpenTrace::isOne(const OpenSize &size) {
  if (size.known())
    return size.is(1);
  bool is = hint(size) == 1;
  if (fewAreOpen)
    require(rules::compare(size, "==", 1).postfix(), is);
  return is;
}

void OpenTrace::settle(OpenShape &shape) {
  fixNumbers(shape);
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
    if (fewAreOpen && !isFew)
      continue;
    require(size.postfix() + " 2 <", isFew);
    if (isFew) {
      OpenShape one{size};
      fix(one);
      size = one[0];
    }
  }
}

OpenShape OpenTrace::resultOf(const OpRow &op, size_t result,
                              std::span<const OpenShape> operands,
                              const Attributes &attributes, const Dims &hints) {
  rules::SizeConditions conditions;
  std::optional<OpenShape> shape = rules::openShape(
      op.results[result].shape, operands, op.named(attributes), conditions);
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
