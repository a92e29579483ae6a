//===- HostExpression.cpp - Numbers that each call computes ---------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "stepwell/Semantics/HostExpression.h"

#include <charconv>
#include <cmath>
#include <unordered_map>

using namespace stepwell;

namespace {
struct Operator {
  HostExpression::Word word;
  int operands;
};
} // namespace

static const std::unordered_map<std::string_view, Operator> &operators() {
  using Word = HostExpression::Word;
  static const auto &words =
      *new std::unordered_map<std::string_view, Operator>{
          {"+", {Word::Add, 2}},
          {"-", {Word::Subtract, 2}},
          {"*", {Word::Multiply, 2}},
          {"/", {Word::Divide, 2}},
          {"truediv", {Word::TrueDivide, 2}},
          {"//", {Word::FloorDivide, 2}},
          {"%", {Word::Modulo, 2}},
          {"**", {Word::Power, 2}},
          {"neg", {Word::Negate, 1}},
          {"abs", {Word::Absolute, 1}},
          {"==", {Word::Equal, 2}},
          {"!=", {Word::Unequal, 2}},
          {"<", {Word::Less, 2}},
          {"<=", {Word::LessEqual, 2}},
          {">", {Word::Greater, 2}},
          {">=", {Word::GreaterEqual, 2}},
          {"?", {Word::Choose, 3}}};
  return words;
}

std::string HostExpression::postfix(std::span<const std::string> values) const {
  std::string text;
  auto put = [&](std::string_view word) {
    text += text.empty() ? "" : " ";
    text += word;
  };
  for (const Step &step : steps) {
    if (step.word == Word::Value) {
      put(values[std::get<int64_t>(step.operand)]);
    } else if (step.word == Word::Constant) {
      put(numberText(step.operand));
    } else {
      for (const auto &[name, known] : operators())
        if (known.word == step.word)
          put(name);
    }
  }
  return text;
}

std::string stepwell::numberText(const Scalar &number) {
  if (const double *real = std::get_if<double>(&number)) {
    char digits[32]; // the shortest that is read as the same number
    char *end = std::to_chars(digits, std::end(digits) - 2, *real).ptr;
    std::string text(digits, end);
    // Without a point it would be an integer.
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
  }
  if (const bool *flag = std::get_if<bool>(&number))
    return *flag ? "1" : "0";
  return std::to_string(std::get<int64_t>(number));
}

ErrorOr<HostExpression> HostExpression::parse(std::string_view postfix,
                                              size_t numValues) {
  auto refusal = [&] {
    return Error{Error::Kind::Value,
                 "'" + std::string(postfix) + "' is no expression in postfix"};
  };
  HostExpression expression;
  std::vector<Step> &steps = expression.steps;
  int depth = 0;
  std::string_view rest = postfix;
  while (!rest.empty()) {
    size_t end = std::min(rest.find(' '), rest.size());
    std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (auto found = operators().find(word); found != operators().end()) {
      if (depth < found->second.operands)
        return refusal();
      depth -= found->second.operands - 1;
      steps.push_back({found->second.word});
      continue;
    }
    ++depth;
    bool isValue = word.starts_with('v');
    std::string_view digits = word.substr(isValue ? 1 : 0);
    const char *first = digits.data(), *last = first + digits.size();
    int64_t integer;
    if (auto [stop, error] = std::from_chars(first, last, integer);
        error == std::errc() && stop == last) {
      if (isValue &&
          (integer < 0 || integer >= static_cast<int64_t>(numValues)))
        return refusal();
      steps.push_back({isValue ? Word::Value : Word::Constant, integer});
      continue;
    }
    double number;
    auto [stop, error] = std::from_chars(first, last, number);
    if (isValue || error != std::errc() || stop != last)
      return refusal();
    steps.push_back({Word::Constant, number});
  }
  if (depth != 1)
    return refusal();
  return expression;
}

ErrorOr<std::vector<HostExpression>> stepwell::parseSizes(std::string_view text,
                                                          size_t numValues) {
  std::vector<HostExpression> sizes;
  while (!text.empty()) {
    size_t end = std::min(text.find(','), text.size());
    std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.starts_with(' '))
      one.remove_prefix(1);
    ErrorOr<HostExpression> size = HostExpression::parse(one, numValues);
    if (!size)
      return size.error();
    for (const HostExpression::Step &step : size->words())
      if (step.operand.index() == 2 ||
          step.word == HostExpression::Word::TrueDivide ||
          step.word == HostExpression::Word::Power ||
          step.word == HostExpression::Word::Absolute)
        return Error{Error::Kind::Value,
                     "'" + std::string(one) + "' is no expression of sizes"};
    sizes.push_back(std::move(*size));
  }
  return sizes;
}

static double asDouble(const Scalar &scalar) {
  return std::visit([](auto value) { return static_cast<double>(value); },
                    scalar);
}
static int64_t asInteger(const Scalar &scalar) {
  const bool *flag = std::get_if<bool>(&scalar);
  return flag ? *flag : std::get<int64_t>(scalar);
}

std::optional<Scalar> HostExpression::apply(Word word, const Scalar &a,
                                            const Scalar &b) {
  bool floats = a.index() == 2 || b.index() == 2;
  double x = asDouble(a), y = asDouble(b);
  int64_t i = floats ? 0 : asInteger(a), j = floats ? 0 : asInteger(b);
  int64_t whole = 0;
  // Python compares an integer with a float exactly.
  bool rounded =
      a.index() != b.index() && ((a.index() == 1 && std::abs(x) > 0x1p53) ||
                                 (b.index() == 1 && std::abs(y) > 0x1p53));
  auto compare = [&](auto relation) -> std::optional<Scalar> {
    if (rounded)
      return std::nullopt;
    return Scalar(floats ? relation(x, y) : relation(i, j));
  };
  switch (word) {
  case Word::Add:
    if (floats)
      return x + y;
    return __builtin_add_overflow(i, j, &whole) ? std::optional<Scalar>()
                                                : whole;
  case Word::Subtract:
    if (floats)
      return x - y;
    return __builtin_sub_overflow(i, j, &whole) ? std::optional<Scalar>()
                                                : whole;
  case Word::Multiply:
    if (floats)
      return x * y;
    return __builtin_mul_overflow(i, j, &whole) ? std::optional<Scalar>()
                                                : whole;
  case Word::TrueDivide:
    // Beyond 2^53 Python divides exactly what is rounded here.
    if (y == 0 || (!floats && (std::abs(x) > 0x1p53 || std::abs(y) > 0x1p53)))
      return std::nullopt;
    return x / y;
  case Word::Divide:
  case Word::FloorDivide:
  case Word::Modulo: {
    if (floats ? y == 0 : j == 0 || (j == -1 && i == INT64_MIN))
      return std::nullopt;
    if (floats) { // as CPython divides
      double rest = std::fmod(x, y), quotient = (x - rest) / y;
      if (rest == 0) {
        rest = std::copysign(0.0, y);
      } else if ((rest < 0) != (y < 0)) {
        rest += y;
        quotient -= 1;
      }
      if (word == Word::Modulo)
        return rest;
      if (quotient == 0)
        return std::copysign(0.0, x / y);
      double floor = std::floor(quotient);
      return quotient - floor > 0.5 ? floor + 1 : floor;
    }
    int64_t quotient = i / j, rest = i % j;
    if (word != Word::Divide && rest != 0 && (rest < 0) != (j < 0)) {
      --quotient;
      rest += j;
    }
    return word == Word::Modulo ? rest : quotient;
  }
  case Word::Power:
    if (floats) {
      if ((x == 0 && y < 0) || (x < 0 && y != std::floor(y)))
        return std::nullopt; // an error, a complex number
      double power = std::pow(x, y);
      return std::isinf(power) && std::isfinite(x) && std::isfinite(y)
                 ? std::optional<Scalar>() // OverflowError
                 : power;
    }
    if (j < 0)
      return std::nullopt;
    for (whole = 1; j > 0; --j)
      if (__builtin_mul_overflow(whole, i, &whole) || j > 4096)
        return std::nullopt;
    return whole;
  case Word::Negate:
    if (floats)
      return -y;
    return __builtin_sub_overflow(int64_t{0}, j, &whole)
               ? std::optional<Scalar>()
               : whole;
  case Word::Absolute:
    if (floats)
      return std::abs(y);
    return j == INT64_MIN ? std::optional<Scalar>() : std::abs(j);
  case Word::Equal:
    return compare([](auto a, auto b) { return a == b; });
  case Word::Unequal:
    return compare([](auto a, auto b) { return a != b; });
  case Word::Less:
    return compare([](auto a, auto b) { return a < b; });
  case Word::LessEqual:
    return compare([](auto a, auto b) { return a <= b; });
  case Word::Greater:
    return compare([](auto a, auto b) { return a > b; });
  case Word::GreaterEqual:
    return compare([](auto a, auto b) { return a >= b; });
  case Word::Value:
  case Word::Constant:
  case Word::Choose:
    break;
  }
  return std::nullopt;
}

std::optional<Scalar>
HostExpression::evaluate(std::span<const Scalar> values) const {
  if (int64_t value = asValue(); value >= 0)
    return values[value];
  // Most are short: a guard that is asked at each call.
  Scalar inside[8];
  std::vector<Scalar> outside(steps.size() > 8 ? steps.size() : 0);
  Scalar *top = steps.size() > 8 ? outside.data() : inside;
  auto push = [&](const Scalar &value) { *top++ = value; };
  auto pop = [&] { return *--top; };
  for (const Step &step : steps) {
    if (step.word == Word::Value) {
      push(values[std::get<int64_t>(step.operand)]);
      continue;
    }
    if (step.word == Word::Constant) {
      push(step.operand);
      continue;
    }
    Scalar last = pop();
    if (step.word == Word::Choose) {
      Scalar yes = pop(), condition = pop();
      push(asDouble(condition) != 0 ? yes : last);
      continue;
    }
    bool alone = step.word == Word::Negate || step.word == Word::Absolute;
    Scalar first = alone ? Scalar(int64_t{0}) : pop();
    if (alone && last.index() == 2)
      first = 0.0;
    std::optional<Scalar> result = apply(step.word, first, last);
    if (!result)
      return std::nullopt;
    push(*result);
  }
  return pop();
}
