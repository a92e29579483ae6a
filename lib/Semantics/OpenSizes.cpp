//===- OpenSizes.cpp - What sizes must be when a program runs -------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// test/lib/Semantics compares each function here with the rule that it goes
// with.
//===----------------------------------------------------------------------===//
#include "stepwell/Semantics/OpenSizes.h"

#include <algorithm>
#include <charconv>

namespace stepwell::rules {

//===--- Sizes ------------------------------------------------------------===//

static OpenSize apply(const OpenSize &a, const char *word, const OpenSize &b) {
  return OpenSize::open(a.postfix() + " " + b.postfix() + " " + word);
}

namespace {
/// What is added to a number; nothing: the number alone. Equal sums are to be
/// equal texts.
struct Sum {
  std::string rest;
  int64_t number = 0;

  explicit Sum(const OpenSize &size) : rest(size.postfix()) {
    if (size.known()) {
      rest.clear();
      number = *size.known();
      return;
    }
    // "... 3 +"
    size_t length = rest.size();
    if (length < 4 || rest[length - 2] != ' ' ||
        (rest[length - 1] != '+' && rest[length - 1] != '-'))
      return;
    size_t start = rest.rfind(' ', length - 3);
    int64_t found;
    const char *last = rest.data() + length - 2;
    auto [stop, error] = std::from_chars(rest.data() + start + 1, last, found);
    if (start == std::string::npos || error != std::errc() || stop != last ||
        found < 0)
      return;
    number = rest[length - 1] == '+' ? found : -found;
    rest.resize(start);
  }
  static OpenSize make(const std::string &rest, int64_t number) {
    if (rest.empty())
      return number;
    if (number == 0)
      return OpenSize::open(rest);
    return OpenSize::open(rest + " " + std::to_string(std::abs(number)) +
                          (number > 0 ? " +" : " -"));
  }
};
} // namespace

OpenSize operator+(const OpenSize &a, const OpenSize &b) {
  Sum x(a), y(b);
  int64_t number;
  if (__builtin_add_overflow(x.number, y.number, &number) ||
      number == INT64_MIN)
    return apply(a, "+", b);
  return Sum::make(x.rest.empty()   ? y.rest
                   : y.rest.empty() ? x.rest
                                    : x.rest + " " + y.rest + " +",
                   number);
}

OpenSize operator-(const OpenSize &a, const OpenSize &b) {
  Sum x(a), y(b);
  int64_t number;
  if (__builtin_sub_overflow(x.number, y.number, &number) ||
      number == INT64_MIN)
    return apply(a, "-", b);
  if (x.rest == y.rest)
    return number;
  if (y.rest.empty())
    return Sum::make(x.rest, number);
  if (x.rest.empty())
    return apply(number, "-", OpenSize::open(y.rest));
  return Sum::make(x.rest + " " + y.rest + " -", number);
}

OpenSize operator*(const OpenSize &a, const OpenSize &b) {
  int64_t product;
  if (a.known() && b.known() &&
      !__builtin_mul_overflow(*a.known(), *b.known(), &product))
    return product;
  return a.is(1) ? b : b.is(1) ? a : apply(a, "*", b);
}

OpenSize operator/(const OpenSize &a, const OpenSize &b) {
  if (a.known() && b.known() && !b.is(0))
    return *a.known() / *b.known();
  return b.is(1) ? a : apply(a, "/", b);
}

OpenSize floorDivide(const OpenSize &a, const OpenSize &b) {
  if (a.known() && b.known() && *a.known() >= 0 && *b.known() > 0)
    return *a.known() / *b.known();
  return b.is(1) ? a : apply(a, "//", b);
}

OpenSize modulo(const OpenSize &a, const OpenSize &b) {
  if (a.known() && b.known() && *a.known() >= 0 && *b.known() > 0)
    return *a.known() % *b.known();
  return apply(a, "%", b);
}

OpenSize choose(const OpenSize &condition, const OpenSize &yes,
                const OpenSize &no) {
  if (condition.known())
    return *condition.known() ? yes : no;
  return OpenSize::open(condition.postfix() + " " + yes.postfix() + " " +
                        no.postfix() + " ?");
}

OpenSize compare(const OpenSize &a, const char *relation, const OpenSize &b) {
  return apply(a, relation, b);
}

OpenSize evaluate(const HostExpression &expression, const OpenShape &values,
                  std::vector<OpenSize> *divisors) {
  using Word = HostExpression::Word;
  std::vector<OpenSize> stack;
  auto pop = [&] {
    OpenSize top = stack.back();
    stack.pop_back();
    return top;
  };
  for (const HostExpression::Step &step : expression.words()) {
    if (step.word == Word::Value || step.word == Word::Constant) {
      int64_t number = std::get<int64_t>(step.operand);
      stack.push_back(step.word == Word::Value ? values[number]
                                               : OpenSize(number));
      continue;
    }
    OpenSize b = pop();
    if (step.word == Word::Negate) {
      stack.push_back(OpenSize(0) - b);
      continue;
    }
    OpenSize a = pop();
    bool divides = step.word == Word::Divide ||
                   step.word == Word::FloorDivide || step.word == Word::Modulo;
    if (divides && divisors)
      divisors->push_back(b);
    switch (step.word) {
    case Word::Add:
      stack.push_back(a + b);
      break;
    case Word::Subtract:
      stack.push_back(a - b);
      break;
    case Word::Multiply:
      stack.push_back(a * b);
      break;
    case Word::Divide:
      stack.push_back(a / b);
      break;
    case Word::FloorDivide:
      stack.push_back(floorDivide(a, b));
      break;
    case Word::Modulo:
      stack.push_back(modulo(a, b));
      break;
    case Word::Equal:
      stack.push_back(compare(a, "==", b));
      break;
    case Word::Unequal:
      stack.push_back(compare(a, "!=", b));
      break;
    case Word::Less:
      stack.push_back(compare(a, "<", b));
      break;
    case Word::LessEqual:
      stack.push_back(compare(a, "<=", b));
      break;
    case Word::Greater:
      stack.push_back(compare(a, ">", b));
      break;
    case Word::GreaterEqual:
      stack.push_back(compare(a, ">=", b));
      break;
    default: // Choose: parseSizes refuses what is left
      stack.back() = choose(stack.back(), a, b);
    }
  }
  return stack.back();
}

//===--- Rules ------------------------------------------------------------===//

namespace {

/// One use of a rule: its operands, and what it finds out.
class Use {
public:
  Use(std::span<const OpenShape> operands, const NamedAttributes &attributes,
      SizeConditions &conditions)
      : operands(operands), attributes(attributes), conditions(conditions) {}

  std::span<const OpenShape> operands;

  const Dims &dims(std::string_view name) const {
    return attributes.get<Dims>(name);
  }
  int64_t number(std::string_view name) const {
    return attributes.get<int64_t>(name);
  }
  bool flag(std::string_view name) const { return attributes.get<bool>(name); }
  /// False if the operation has no such flag.
  bool isSet(std::string_view name) const {
    const bool *flag = attributes.find<bool>(name);
    return flag && *flag;
  }
  const std::string &text(std::string_view name) const {
    return attributes.get<std::string>(name);
  }

  void require(const OpenSize &found, const char *relation,
               const OpenSize &expected, int64_t dim) {
    if (found.postfix() != expected.postfix())
      conditions.push_back({found, relation, expected, dim});
  }
  void equal(const OpenSize &found, const OpenSize &expected, int64_t dim) {
    require(found, "==", expected, dim);
  }
  void equal(const OpenShape &found, const OpenShape &expected) {
    for (size_t i = 0; i < found.size() && i < expected.size(); ++i)
      equal(found[i], expected[i], static_cast<int64_t>(i));
  }

  /// A size that types know if one of the two does.
  OpenSize unite(const OpenSize &a, const OpenSize &b, int64_t dim) {
    equal(a, b, dim);
    return a.known() ? a : b;
  }

  OpenShape broadcast(const OpenShape &a, const OpenShape &b) {
    OpenShape result = a.size() >= b.size() ? a : b;
    const OpenShape &other = a.size() >= b.size() ? b : a;
    size_t offset = result.size() - other.size();
    for (size_t i = 0; i < other.size(); ++i) {
      OpenSize &size = result[offset + i];
      if (size.is(1))
        size = other[i];
      else if (!other[i].is(1))
        size = unite(size, other[i], static_cast<int64_t>(offset + i));
    }
    return result;
  }

  /// `from`, aligned at the last dimension, stretches to `to`.
  void stretches(const OpenShape &from, const OpenShape &to) {
    size_t offset = to.size() - from.size();
    for (size_t i = 0; i < from.size(); ++i)
      if (!from[i].is(1))
        equal(from[i], to[offset + i], static_cast<int64_t>(offset + i));
  }

  /// As many elements: sizes of nothing count as 0.
  void holds(const OpenShape &found, const OpenShape &expected) {
    OpenSize a = 1, b = 1;
    for (const OpenSize &size : found)
      a = a * size;
    for (const OpenSize &size : expected)
      b = b * size;
    equal(a, b, -1);
  }

private:
  NamedAttributes attributes;
  SizeConditions &conditions;
};

bool contains(const Dims &dims, int64_t dim) {
  return std::find(dims.begin(), dims.end(), dim) != dims.end();
}
OpenShape fixed(const Dims &dims) { return {dims.begin(), dims.end()}; }

OpenShape openBroadcast(Use &use) {
  OpenShape result;
  for (const OpenShape &operand : use.operands)
    result = use.broadcast(result, operand);
  return result;
}

OpenShape openBroadcastToFirst(Use &use) {
  for (const OpenShape &operand : use.operands.subspan(1))
    use.stretches(operand, use.operands[0]);
  return use.operands[0];
}

OpenShape openFirst(Use &use) { return use.operands.front(); }
OpenShape openSecond(Use &use) { return use.operands[1]; }
OpenShape openThird(Use &use) { return use.operands[2]; }
OpenShape openLast(Use &use) { return use.operands.back(); }

OpenShape openReduce(Use &use) {
  const OpenShape &input = use.operands[0];
  OpenShape result;
  for (size_t i = 0; i < input.size(); ++i)
    if (!contains(use.dims("dims"), static_cast<int64_t>(i)))
      result.push_back(input[i]);
    else if (use.flag("keepdim"))
      result.push_back(1);
  return result;
}

OpenShape openReduceSome(Use &use) {
  if (!use.isSet("empty"))
    for (int64_t dim : use.dims("dims"))
      use.require(use.operands[0][dim], ">=", 1, dim);
  return openReduce(use);
}

OpenShape openReduceKeeping(Use &use) {
  const OpenShape &input = use.operands[0];
  for (const OpenShape &other : use.operands.subspan(1))
    use.equal(other,
              {input.end() - static_cast<int64_t>(other.size()), input.end()});
  return input;
}

OpenShape openScalar(Use &use) {
  openBroadcast(use);
  return {};
}

OpenShape openMatmul(Use &use) {
  const OpenShape &a = use.operands[0], &b = use.operands[1];
  use.equal(b[b.size() - 2], a[a.size() - 1],
            static_cast<int64_t>(b.size() - 2));
  OpenShape result =
      use.broadcast({a.begin(), a.end() - 2}, {b.begin(), b.end() - 2});
  result.push_back(a[a.size() - 2]);
  result.push_back(b[b.size() - 1]);
  return result;
}

OpenShape openLinear(Use &use) {
  const OpenShape &input = use.operands[0], &weight = use.operands[1];
  use.equal(weight[1], input.back(), 1);
  use.equal(use.operands[2][0], weight[0], 0);
  OpenShape result(input.begin(), input.end() - 1);
  result.push_back(weight[0]);
  return result;
}

OpenShape openDotGeneral(Use &use) {
  const Dims *batch[] = {&use.dims("input_batch"), &use.dims("other_batch")};
  const Dims *contract[] = {&use.dims("input_contract"),
                            &use.dims("other_contract")};
  OpenShape result;
  for (auto &pairs : {batch, contract})
    for (int i = 0; i < pairs[0]->size(); ++i) {
      int64_t there = (*pairs[1])[i];
      OpenSize size = use.unite(use.operands[1][there],
                                use.operands[0][(*pairs[0])[i]], there);
      if (pairs == batch)
        result.push_back(size);
    }
  for (size_t side : {0, 1})
    for (size_t i = 0; i < use.operands[side].size(); ++i)
      if (!contains(*batch[side], static_cast<int64_t>(i)) &&
          !contains(*contract[side], static_cast<int64_t>(i)))
        result.push_back(use.operands[side][i]);
  return result;
}

OpenShape openPermute(Use &use) {
  OpenShape result;
  for (int64_t dim : use.dims("permutation"))
    result.push_back(use.operands[0][dim]);
  return result;
}

OpenShape openBroadcastLike(Use &use) {
  OpenShape aligned = use.operands.front();
  OpenShape result = use.operands.back();
  if (!use.flag("keepdim") && !use.dims("dims").empty()) {
    const OpenShape &input = use.operands.front();
    aligned.clear();
    for (size_t i = 0, next = 0; i < result.size(); ++i)
      aligned.push_back(contains(use.dims("dims"), static_cast<int64_t>(i))
                            ? OpenSize(1)
                            : input[next++]);
  }
  size_t offset = result.size() - aligned.size();
  for (size_t i = 0; i < aligned.size(); ++i)
    if (!aligned[i].is(1))
      result[offset + i] = use.unite(aligned[i], result[offset + i],
                                     static_cast<int64_t>(offset + i));
  return result;
}

OpenShape openBroadcastTo(Use &use) {
  OpenShape result = fixed(use.dims("sizes"));
  use.stretches(use.operands[0], result);
  return result;
}

OpenShape openReshape(Use &use) {
  const OpenShape &input = use.operands[0];
  OpenSize count = 1, rest = 1;
  for (const OpenSize &size : input)
    count = count * size;
  OpenShape result;
  int left = -1;
  for (int64_t size : use.dims("sizes")) {
    result.push_back(size >= 0 || size == kDynamic ? OpenSize(size)
                                                   : input[-1 - size]);
    if (size == kDynamic)
      left = static_cast<int>(result.size()) - 1;
    else
      rest = rest * result.back();
  }
  if (left >= 0)
    result[left] = rest.is(1) ? count : count / rest;
  use.holds(input, result);
  return result;
}

OpenShape openReshapeLike(Use &use) {
  use.holds(use.operands[0], use.operands[1]);
  return use.operands[1];
}

OpenShape openPad(Use &use) {
  const OpenShape &input = use.operands[0];
  OpenShape result;
  for (size_t i = 0; i < input.size(); ++i) {
    auto dim = static_cast<int>(i);
    int64_t low = use.dims("low")[dim], high = use.dims("high")[dim];
    OpenSize size = input[i] + low + high;
    for (int64_t edge : {low, high})
      if (edge < 0)
        use.require(input[i] + edge, ">=", 0, dim);
    if (low < 0 || high < 0)
      use.require(size, ">=", 0, dim);
    result.push_back(size);
  }
  return result;
}

OpenShape openEmpty(Use &use) {
  OpenShape values, shape;
  for (const OpenShape &operand : use.operands)
    values.insert(values.end(), operand.begin(), operand.end());
  std::vector<OpenSize> divisors;
  ErrorOr<std::vector<HostExpression>> sizes =
      parseSizes(use.text("sizes"), values.size());
  for (const HostExpression &size : *sizes)
    shape.push_back(evaluate(size, values, &divisors));
  for (const OpenSize &divisor : divisors)
    if (!divisor.known())
      use.require(divisor, "!=", 0, -1);
  for (size_t i = 0; i < shape.size(); ++i)
    if (!shape[i].known())
      use.require(shape[i], ">=", 0, static_cast<int64_t>(i));
  return shape;
}

/// `sizes` elements from `starts` by `steps` lie in `input`.
void checkSlice(Use &use, const OpenShape &input, const OpenShape &starts,
                const OpenShape &sizes, const Dims &steps) {
  for (size_t i = 0; i < input.size(); ++i) {
    auto dim = static_cast<int>(i);
    OpenSize end = (sizes[i] - 1) * steps[dim] + starts[i] + 1;
    if (sizes[i].known() && !sizes[i].is(0))
      use.require(input[i], ">=", end, dim);
    else if (!sizes[i].known())
      use.require(input[i], ">=", choose(sizes[i], end, 0), dim);
  }
}

OpenShape openSlice(Use &use) {
  OpenShape sizes = fixed(use.dims("sizes"));
  checkSlice(use, use.operands[0], fixed(use.dims("starts")), sizes,
             use.dims("steps"));
  return sizes;
}

OpenShape openSliceLike(Use &use) {
  checkSlice(use, use.operands[0], use.operands[1], use.operands[2],
             use.dims("steps"));
  return use.operands[2];
}

OpenShape openInsertSliceAt(Use &use) {
  checkSlice(use, use.operands[0], use.operands[2], use.operands[1],
             use.dims("steps"));
  return use.operands[0];
}

OpenShape openInsertSlice(Use &use) {
  checkSlice(use, use.operands[0], fixed(use.dims("starts")), use.operands[1],
             use.dims("steps"));
  return use.operands[0];
}

OpenShape openConcat(Use &use) {
  OpenShape result = use.operands[0];
  auto along = static_cast<size_t>(use.number("dim"));
  for (const OpenShape &operand : use.operands.subspan(1))
    for (size_t i = 0; i < result.size(); ++i)
      result[i] = i == along ? result[i] + operand[i]
                             : use.unite(operand[i], result[i],
                                         static_cast<int64_t>(i));
  return result;
}

//===--- Indexing ---------------------------------------------------------===//

/// Every size of the index but one is there in the input.
void checkIndex(Use &use) {
  const OpenShape &input = use.operands[0], &index = use.operands[1];
  for (size_t i = 0; i < index.size(); ++i)
    if (auto dim = static_cast<int64_t>(i); dim != use.number("dim"))
      use.require(index[i], "<=", input[i], dim);
}

OpenShape openGather(Use &use) {
  checkIndex(use);
  return use.operands[1];
}

OpenShape openScatter(Use &use) {
  checkIndex(use);
  use.equal(use.operands[2], use.operands[1]);
  return use.operands[0];
}

OpenShape openIndexSelect(Use &use) {
  const OpenShape &input = use.operands[0], &index = use.operands[1];
  OpenShape result(input.begin(), input.begin() + use.number("dim"));
  result.insert(result.end(), index.begin(), index.end());
  result.insert(result.end(), input.begin() + use.number("dim") + 1,
                input.end());
  return result;
}

OpenShape openIndexWrite(Use &use) {
  use.equal(use.operands[2], openIndexSelect(use));
  return use.operands[0];
}

OpenShape withoutDim(Use &use, int64_t dim) {
  OpenShape input = use.operands[0];
  input.erase(input.begin() + dim);
  use.equal(use.operands[1], input);
  return use.operands[1];
}

OpenShape openPick(Use &use) { return withoutDim(use, use.number("dim")); }
OpenShape openClasses(Use &use) { return withoutDim(use, 1); }

OpenShape openOneHot(Use &use) {
  OpenShape result = use.operands[0];
  result.emplace_back(use.number("num_classes"));
  return result;
}

OpenShape openSorted(Use &use) {
  use.require(use.operands[0][use.number("dim")], "<=", (int64_t(1) << 32) - 1,
              use.number("dim"));
  return use.operands[0];
}

OpenShape openTopk(Use &use) {
  OpenShape result = openSorted(use);
  OpenSize &size = result[use.number("dim")];
  use.require(size, ">=", use.number("k"), use.number("dim"));
  size = use.number("k");
  return result;
}

//===--- Attention --------------------------------------------------------===//

void checkAttention(Use &use, const OpenShape *mask) {
  const OpenShape &query = use.operands[0], &key = use.operands[1],
                  &value = use.operands[2];
  use.equal(key[3], query[3], 3);
  use.equal(value[2], key[2], 2);
  for (int i : {0, 1}) {
    use.equal(key[i], query[i], i);
    use.equal(value[i], query[i], i);
  }
  if (!mask)
    return;
  for (int i : {0, 1, 2})
    if (!(*mask)[i].is(1))
      use.equal((*mask)[i], query[i], i);
  use.equal((*mask)[3], key[2], 3);
}

OpenShape attended(Use &use) {
  const OpenShape &query = use.operands[0];
  return {query[0], query[1], query[2], use.operands[2][3]};
}

OpenShape openAttention(Use &use) {
  checkAttention(use, use.operands.size() > 3 ? &use.operands[3] : nullptr);
  return attended(use);
}

OpenShape openAttentionRows(Use &use) {
  const OpenShape &query = use.operands[0];
  return {query[0], query[1], query[2]};
}

OpenShape openAttentionQuery(Use &use) {
  checkAttention(use, use.operands.size() > 7 ? &use.operands[7] : nullptr);
  OpenShape result = attended(use);
  for (int i : {3, 4, 5, 6})
    use.equal(use.operands[i], result);
  return use.operands[0];
}

OpenShape openAttentionMask(Use &use) {
  const OpenShape &query = use.operands[0];
  return {query[0], query[1], query[2], use.operands[1][2]};
}

//===--- Windows ----------------------------------------------------------===//

void checkImage(Use &use, const OpenShape &image) {
  for (int i = 0; i < 4; ++i)
    if (!image[i].known())
      use.require(image[i], "<=", (int64_t(1) << 31) - 1, i);
}

OpenShape convolved(Use &use, const OpenShape &input, const OpenShape &weight) {
  const Dims &stride = use.dims("stride"), &padding = use.dims("padding"),
             &dilation = use.dims("dilation");
  int64_t groups = use.number("groups");
  checkImage(use, input);
  checkImage(use, weight);
  use.equal(input[1], weight[1] * groups, 1);
  if (!weight[0].known())
    use.equal(weight[0], weight[0] / groups * groups, 0);
  OpenShape result{input[0], weight[0]};
  for (int i : {0, 1}) {
    OpenSize size = input[2 + i], kernel = weight[2 + i];
    if (!kernel.known())
      use.require(kernel, ">=", 1, 2 + i);
    OpenSize reach = (kernel - 1) * dilation[i] + 1;
    OpenSize padded = size + 2 * padding[i];
    use.require(padded, ">=", reach, 2 + i);
    result.push_back((padded - reach) / stride[i] + 1);
  }
  return result;
}

OpenShape openConv2d(Use &use) {
  return convolved(use, use.operands[0], use.operands[1]);
}

OpenShape openConv2dInputGradient(Use &use) {
  use.equal(use.operands[0], convolved(use, use.operands[2], use.operands[1]));
  return use.operands[2];
}

OpenShape openConv2dWeightGradient(Use &use) {
  use.equal(use.operands[1], convolved(use, use.operands[0], use.operands[2]));
  return use.operands[2];
}

OpenShape pooled(Use &use, const OpenShape &input, bool isMax) {
  const Dims &kernel = use.dims("kernel_size"), &strides = use.dims("stride"),
             &padding = use.dims("padding");
  bool ceil = use.flag("ceil_mode");
  checkImage(use, input);
  OpenShape result{input[0], input[1]};
  for (int i : {0, 1}) {
    int64_t stride = strides[i], pad = padding[i];
    int64_t reach = (isMax ? use.dims("dilation")[i] : 1) * (kernel[i] - 1) + 1;
    const OpenSize &size = input[2 + i];
    OpenSize room = size + (2 * pad - reach);
    if (size.known()) { // the rule has checked it
      int64_t count = (*room.known() + (ceil ? stride - 1 : 0)) / stride + 1;
      if (ceil && (count - 1) * stride >= *size.known() + pad)
        --count;
      result.emplace_back(count);
      continue;
    }
    use.require(room, ">=", ceil ? 1 - stride : 0, 2 + i);
    OpenSize count = (room + (ceil ? stride - 1 : 0)) / stride + 1;
    if (ceil) // a window that starts beyond the input is dropped
      count = choose(compare((count - 1) * stride, ">=", size + pad), count - 1,
                     count);
    use.require(count, ">=", 1, 2 + i);
    result.push_back(count);
  }
  return result;
}

OpenShape openMaxPool2d(Use &use) {
  return pooled(use, use.operands[0], /*isMax=*/true);
}

OpenShape openMaxPool2dGradient(Use &use) {
  OpenShape expected = pooled(use, use.operands[2], /*isMax=*/true);
  use.equal(use.operands[0], expected);
  use.equal(use.operands[1], expected);
  return use.operands[2];
}

OpenShape openMaxPool2dGather(Use &use) {
  use.equal(use.operands[1], pooled(use, use.operands[0], /*isMax=*/true));
  return use.operands[1];
}

OpenShape openAvgPool2d(Use &use) {
  return pooled(use, use.operands[0], /*isMax=*/false);
}

OpenShape openAvgPool2dGradient(Use &use) {
  use.equal(use.operands[0], pooled(use, use.operands[1], /*isMax=*/false));
  return use.operands[1];
}

struct Row {
  ShapeRule rule;
  OpenShape (*open)(Use &);
};
constexpr Row kRows[] = {
    {along, openFirst},
    {attention, openAttention},
    {attentionKey, openSecond},
    {attentionMask, openAttentionMask},
    {attentionQuery, openAttentionQuery},
    {attentionRows, openAttentionRows},
    {attentionValue, openThird},
    {avgPool2d, openAvgPool2d},
    {avgPool2dGradient, openAvgPool2dGradient},
    {broadcast, openBroadcast},
    {broadcastLike, openBroadcastLike},
    {broadcastTo, openBroadcastTo},
    {broadcastToFirst, openBroadcastToFirst},
    {classes, openClasses},
    {concat, openConcat},
    {conv2d, openConv2d},
    {conv2dInputGradient, openConv2dInputGradient},
    {conv2dWeightGradient, openConv2dWeightGradient},
    {dotGeneral, openDotGeneral},
    {empty, openEmpty},
    {flip, openFirst},
    {gather, openGather},
    {indexSelect, openIndexSelect},
    {indexWrite, openIndexWrite},
    {insertSlice, openInsertSlice},
    {insertSliceAt, openInsertSliceAt},
    {iota, openFirst},
    {like, openLast},
    {linear, openLinear},
    {matmul, openMatmul},
    {maxPool2d, openMaxPool2d},
    {maxPool2dGather, openMaxPool2dGather},
    {maxPool2dGradient, openMaxPool2dGradient},
    {oneHot, openOneHot},
    {pad, openPad},
    {permute, openPermute},
    {pick, openPick},
    {reduce, openReduce},
    {reduceSome, openReduceSome},
    {reduceKeeping, openReduceKeeping},
    {reshape, openReshape},
    {reshapeLike, openReshapeLike},
    {scalar, openScalar},
    {scatter, openScatter},
    {slice, openSlice},
    {sliceLike, openSliceLike},
    {sorted, openSorted},
    {topk, openTopk},
    {withNumbers, openFirst},
};

} // namespace

std::optional<OpenShape> openShape(ShapeRule rule,
                                   std::span<const OpenShape> operands,
                                   const NamedAttributes &attributes,
                                   SizeConditions &conditions) {
  Use use(operands, attributes, conditions);
  for (const Row &row : kRows)
    if (row.rule == rule)
      return row.open(use);
  return std::nullopt;
}

} // namespace stepwell::rules
