//===- StructureRules.cpp - Shapes of moved and chosen elements -----------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RuleSupport.h"

#include "stepwell/Semantics/Checked.h"
#include "stepwell/Semantics/HostExpression.h"

#include <algorithm>

namespace stepwell::rules {

static std::optional<Error> checkSizes(const Dims &sizes) {
  for (int64_t size : sizes)
    if (size < 0)
      return valueError("sizes " + toString(sizes) + " must not be negative");
  return std::nullopt;
}

/// An attribute with one number per dimension.
static std::optional<Error> checkLength(const Dims &values, const char *what,
                                        const Dims &input) {
  if (values.size() == input.size())
    return std::nullopt;
  return valueError("'" + std::string(what) + "' has " + number(values.size()) +
                    " numbers, the input of shape " + toString(input) +
                    " has " + number(input.size()) + " dimensions");
}

ErrorOr<Dims> iota(Operands operands, const NamedAttributes &attributes) {
  const Dims &like = operands[0].dims;
  if (auto error = checkDim(attributes.get<int64_t>("dim"), like))
    return *error;
  return like;
}

ErrorOr<Dims> broadcastTo(Operands operands,
                          const NamedAttributes &attributes) {
  const Dims &input = operands[0].dims, &sizes = attributes.get<Dims>("sizes");
  if (auto error = checkSizes(sizes))
    return *error;
  int offset = sizes.size() - input.size();
  for (int i = 0; i < input.size(); ++i)
    if (offset < 0 || (input[i] != 1 && !mayEqual(input[i], sizes[i + offset])))
      return valueError("shape " + toString(input) + " does not broadcast to " +
                        toString(sizes));
  return sizes;
}

static ErrorOr<Dims> reshapeTo(const Dims &input, const Dims &sizes) {
  std::optional<int64_t> from = countOf(input), to = countOf(sizes);
  bool open = std::find(sizes.begin(), sizes.end(), kDynamic) != sizes.end();
  if (!to && !open)
    return valueError("the elements of shape " + toString(sizes) +
                      " cannot be counted");
  if (from && to && *from != *to)
    return valueError("shape " + toString(sizes) + " does not hold the " +
                      number(*from) + " elements of shape " + toString(input));
  return sizes;
}

std::vector<int> reshapedFrom(const Dims &input, const Dims &sizes) {
  std::vector<int> from(sizes.size(), -1);
  int at = 0;
  for (int i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 1)
      continue;
    while (at < input.size() && input[at] == 1)
      ++at;
    if (at == input.size() || !mayEqual(input[at], sizes[i]))
      return {};
    from[i] = at++;
  }
  while (at < input.size() && input[at] == 1)
    ++at;
  return at == input.size() ? from : std::vector<int>();
}

ErrorOr<Dims> reshape(Operands operands, const NamedAttributes &attributes) {
  const Dims &input = operands[0].dims;
  Dims sizes = attributes.get<Dims>("sizes");
  int left = -1;
  for (int i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == kDynamic) {
      if (left >= 0)
        return valueError("more than one of the sizes " + toString(sizes) +
                          " is left open");
      left = i;
    } else if (sizes[i] < 0) { // one of the input's
      if (-sizes[i] > input.size())
        return valueError("the input of shape " + toString(input) +
                          " has no dimension " + number(-sizes[i] - 1));
      sizes[i] = input[static_cast<int>(-sizes[i]) - 1];
    }
  }
  if (left >= 0) {
    sizes[left] = 1;
    std::optional<int64_t> count = countOf(input), rest = countOf(sizes);
    sizes[left] = kDynamic;
    if (count && rest) {
      if (*rest == 0 || *count % *rest != 0)
        return valueError("shape " + toString(sizes) + " does not hold the " +
                          number(*count) + " elements of shape " +
                          toString(input));
      sizes[left] = *count / *rest;
    }
  }
  return reshapeTo(input, sizes);
}

ErrorOr<Dims> reshapeLike(Operands operands, const NamedAttributes &) {
  return reshapeTo(operands[0].dims, operands[1].dims);
}

ErrorOr<Dims> flip(Operands operands, const NamedAttributes &attributes) {
  const Dims &input = operands[0].dims;
  ErrorOr<uint32_t> mask = dimMask(attributes.get<Dims>("dims"), input.size());
  if (!mask)
    return mask.error();
  return input;
}

ErrorOr<Dims> pad(Operands operands, const NamedAttributes &attributes) {
  const Dims &input = operands[0].dims;
  const Dims &low = attributes.get<Dims>("low"),
             &high = attributes.get<Dims>("high");
  if (auto error = checkLength(low, "low", input))
    return *error;
  if (auto error = checkLength(high, "high", input))
    return *error;
  Dims result;
  for (int i = 0; i < input.size(); ++i) {
    if (input[i] == kDynamic) {
      result.push_back(kDynamic);
      continue;
    }
    // Either side may cut off what is there, and no more.
    Checked left = Checked(input[i]) + low[i];
    Checked right = Checked(input[i]) + high[i], size = left + high[i];
    if (!left || !right || !size)
      return valueError("padding " + toString(low) + " and " + toString(high) +
                        " gives sizes that cannot be counted");
    if (*size < 0 || *left < 0 || *right < 0)
      return valueError("padding " + toString(low) + " and " + toString(high) +
                        " cuts off more than shape " + toString(input) +
                        " has");
    result.push_back(*size);
  }
  return result;
}

/// Whether `sizes` elements from `starts` by `steps` lie inside.
static std::optional<Error> checkSlice(const Dims &input, const Dims &starts,
                                       const Dims &sizes, const Dims &steps) {
  if (auto error = checkLength(starts, "starts", input))
    return error;
  if (auto error = checkLength(sizes, "sizes", input))
    return error;
  if (auto error = checkLength(steps, "steps", input))
    return error;
  for (int i = 0; i < input.size(); ++i) {
    if (steps[i] < 1)
      return valueError("step " + number(steps[i]) + " is not positive");
    if (starts[i] < 0 || (sizes[i] < 0 && sizes[i] != kDynamic))
      return valueError("starts " + toString(starts) + " and sizes " +
                        toString(sizes) + " must not be negative");
    if (input[i] == kDynamic || sizes[i] == kDynamic || sizes[i] == 0)
      continue;
    if (starts[i] >= input[i] ||
        sizes[i] - 1 > (input[i] - 1 - starts[i]) / steps[i])
      return indexError(number(sizes[i]) + " elements from " +
                        number(starts[i]) + " by steps of " + number(steps[i]) +
                        " do not lie in dimension " + number(i) + " of size " +
                        number(input[i]));
  }
  return std::nullopt;
}

ErrorOr<Dims> slice(Operands operands, const NamedAttributes &attributes) {
  const Dims &sizes = attributes.get<Dims>("sizes");
  if (auto error = checkSizes(sizes))
    return *error;
  if (auto error = checkSlice(operands[0].dims, attributes.get<Dims>("starts"),
                              sizes, attributes.get<Dims>("steps")))
    return *error;
  return sizes;
}

ErrorOr<Dims> insertSlice(Operands operands,
                          const NamedAttributes &attributes) {
  if (auto error = checkSlice(operands[0].dims, attributes.get<Dims>("starts"),
                              operands[1].dims, attributes.get<Dims>("steps")))
    return *error;
  return operands[0].dims;
}

ErrorOr<Dims> empty(Operands operands, const NamedAttributes &attributes) {
  std::vector<Scalar> values;
  std::vector<bool> isOpen;
  for (const TensorType &operand : operands)
    for (int64_t size : operand.dims) {
      values.push_back(size);
      isOpen.push_back(size == kDynamic);
    }
  const auto &text = attributes.get<std::string>("sizes");
  ErrorOr<std::vector<HostExpression>> sizes = parseSizes(text, values.size());
  if (!sizes)
    return sizes.error();
  if (sizes->size() > kMaxRank)
    return valueError("the result would have more than " + number(kMaxRank) +
                      " dimensions");
  Dims result;
  for (const HostExpression &size : *sizes) {
    bool open = false;
    for (const HostExpression::Step &step : size.words())
      open |= step.word == HostExpression::Word::Value &&
              isOpen[std::get<int64_t>(step.operand)];
    if (open) {
      result.push_back(kDynamic);
      continue;
    }
    std::optional<Scalar> value = size.evaluate(values);
    if (!value)
      return valueError("the sizes '" + text + "' cannot be computed");
    result.push_back(value->index() == 0 ? int64_t{std::get<bool>(*value)}
                                         : std::get<int64_t>(*value));
  }
  for (int64_t size : result)
    if (size < 0 && size != kDynamic)
      return valueError("sizes " + toString(result) + " must not be negative");
  return result;
}

/// The same for starts that are the sizes of an operand.
static std::optional<Error> checkSliceAt(const Dims &input, const Dims &starts,
                                         const Dims &sizes, const Dims &steps) {
  Dims known = starts, within = sizes;
  for (int i = 0; i < known.size() && i < within.size(); ++i)
    if (known[i] == kDynamic) {
      known[i] = 0;
      within[i] = kDynamic;
    }
  return checkSlice(input, known, within, steps);
}

ErrorOr<Dims> sliceLike(Operands operands, const NamedAttributes &attributes) {
  if (auto error =
          checkSliceAt(operands[0].dims, operands[1].dims, operands[2].dims,
                       attributes.get<Dims>("steps")))
    return *error;
  return operands[2].dims;
}

ErrorOr<Dims> insertSliceAt(Operands operands,
                            const NamedAttributes &attributes) {
  if (auto error =
          checkSliceAt(operands[0].dims, operands[2].dims, operands[1].dims,
                       attributes.get<Dims>("steps")))
    return *error;
  return operands[0].dims;
}

ErrorOr<Dims> concat(Operands operands, const NamedAttributes &attributes) {
  if (operands.empty())
    return valueError("expected at least one tensor");
  int64_t dim = attributes.get<int64_t>("dim");
  Dims result = operands[0].dims;
  if (auto error = checkDim(dim, result))
    return *error;
  for (const TensorType &operand : operands.subspan(1)) {
    bool fits = operand.dims.size() == result.size();
    for (int i = 0; fits && i < result.size(); ++i) {
      if (i == dim) {
        bool known = result[i] != kDynamic && operand.dims[i] != kDynamic;
        Checked sum =
            Checked(known ? result[i] : 0) + (known ? operand.dims[i] : 0);
        if (!sum)
          return valueError("the sizes of " + shapes(operands) +
                            " along dimension " + number(dim) +
                            " cannot be added");
        result[i] = known ? *sum : kDynamic;
      } else {
        fits = mayEqual(result[i], operand.dims[i]);
        if (result[i] == kDynamic)
          result[i] = operand.dims[i];
      }
    }
    if (!fits)
      return valueError("shapes " + shapes(operands) +
                        " differ in more than dimension " + number(dim));
  }
  return result;
}

//===--- Indexing ---------------------------------------------------------===//

/// Each size of `index` but the one along `dim` must be there in `dims`.
static std::optional<Error> checkIndex(const Dims &index, const Dims &dims,
                                       int64_t dim, Operands operands) {
  bool fits = index.size() == dims.size();
  for (int i = 0; fits && i < dims.size(); ++i)
    fits = i == dim || index[i] <= dims[i] || dims[i] == kDynamic;
  if (fits)
    return std::nullopt;
  return valueError("the index has more elements than the input has along a "
                    "dimension other than " +
                    number(dim) + ", or another rank: shapes " +
                    shapes(operands));
}

ErrorOr<Dims> gather(Operands operands, const NamedAttributes &attributes) {
  int64_t dim = attributes.get<int64_t>("dim");
  if (auto error = checkDim(dim, operands[0].dims))
    return *error;
  if (auto error =
          checkIndex(operands[1].dims, operands[0].dims, dim, operands))
    return *error;
  return operands[1].dims;
}

ErrorOr<Dims> scatter(Operands operands, const NamedAttributes &attributes) {
  int64_t dim = attributes.get<int64_t>("dim");
  const Dims &input = operands[0].dims;
  if (auto error = checkDim(dim, input))
    return *error;
  if (auto error = checkIndex(operands[1].dims, input, dim, operands))
    return *error;
  bool fits = operands[1].dims.size() == operands[2].dims.size();
  for (int i = 0; fits && i < operands[1].dims.size(); ++i)
    fits = mayEqual(operands[1].dims[i], operands[2].dims[i]);
  if (!fits)
    return valueError("the index and the source must have one shape, the "
                      "shapes are " +
                      shapes(operands));
  return input;
}

ErrorOr<Dims> indexSelect(Operands operands,
                          const NamedAttributes &attributes) {
  int64_t dim = attributes.get<int64_t>("dim");
  const Dims &input = operands[0].dims, &index = operands[1].dims;
  if (auto error = checkDim(dim, input))
    return *error;
  if (input.size() + index.size() - 1 > kMaxRank)
    return valueError("the result would have more than " + number(kMaxRank) +
                      " dimensions");
  Dims result;
  for (int i = 0; i < input.size(); ++i) {
    if (i != dim) {
      result.push_back(input[i]);
      continue;
    }
    for (int64_t size : index)
      result.push_back(size);
  }
  return result;
}

ErrorOr<Dims> indexWrite(Operands operands, const NamedAttributes &attributes) {
  ErrorOr<Dims> slices = indexSelect(operands.first(2), attributes);
  if (!slices)
    return slices;
  const Dims &source = operands[2].dims;
  bool fits = source.size() == slices->size();
  for (int i = 0; fits && i < source.size(); ++i)
    fits = mayEqual(source[i], (*slices)[i]);
  if (!fits)
    return valueError("expected a source of shape " + toString(*slices) +
                      ", the shapes are " + shapes(operands));
  return operands[0].dims;
}

/// `index` has the input's sizes but the one along `dim`.
static ErrorOr<Dims> withoutDim(Operands operands, int64_t dim) {
  const Dims &input = operands[0].dims, &index = operands[1].dims;
  if (auto error = checkDim(dim, input))
    return *error;
  bool fits = index.size() == input.size() - 1;
  for (int i = 0; fits && i < index.size(); ++i)
    fits = mayEqual(index[i], input[i < dim ? i : i + 1]);
  if (!fits)
    return valueError("expected an index with the input's sizes but the one "
                      "along dimension " +
                      number(dim) + ", the shapes are " + shapes(operands));
  return index;
}

ErrorOr<Dims> pick(Operands operands, const NamedAttributes &attributes) {
  return withoutDim(operands, attributes.get<int64_t>("dim"));
}

ErrorOr<Dims> classes(Operands operands, const NamedAttributes &) {
  return withoutDim(operands, 1);
}

ErrorOr<Dims> oneHot(Operands operands, const NamedAttributes &attributes) {
  Dims result = operands[0].dims;
  int64_t classes = attributes.get<int64_t>("num_classes");
  if (classes < 1)
    return valueError("the number of classes must be positive, not " +
                      number(classes));
  if (result.size() == kMaxRank)
    return valueError("the result would have too many dimensions");
  result.push_back(classes);
  return result;
}

ErrorOr<Dims> attention(Operands operands, const NamedAttributes &) {
  static constexpr const char *kRoles[] = {"query", "key", "value", "mask"};
  for (size_t i = 0; i < operands.size(); ++i)
    if (operands[i].rank() != 4)
      return valueError(std::string("the ") + kRoles[i] +
                        " has four dimensions, not " +
                        number(operands[i].rank()));
  const Dims &query = operands[0].dims, &key = operands[1].dims,
             &value = operands[2].dims;
  bool fits = mayEqual(query[3], key[3]) && mayEqual(key[2], value[2]);
  for (int i : {0, 1})
    fits = fits && mayEqual(query[i], key[i]) && mayEqual(query[i], value[i]);
  if (operands.size() > 3) {
    const Dims &mask = operands[3].dims;
    for (int i : {0, 1, 2})
      fits = fits && (mask[i] == 1 || mayEqual(mask[i], query[i]));
    fits = fits && mayEqual(mask[3], key[2]);
  }
  if (!fits)
    return valueError("the operands " + shapes(operands) +
                      " are not (b, h, l, e), (b, h, s, e), (b, h, s, v)" +
                      (operands.size() > 3 ? " and (b, h, l, s)" : ""));
  return Dims{query[0], query[1], query[2], value[3]};
}

ErrorOr<Dims> attentionRows(Operands operands, const NamedAttributes &) {
  const Dims &query = operands[0].dims;
  return Dims{query[0], query[1], query[2]};
}

ErrorOr<Dims> attentionQuery(Operands operands,
                             const NamedAttributes &attributes) {
  std::vector<TensorType> forward(operands.begin(), operands.begin() + 3);
  forward.insert(forward.end(), operands.begin() + 7, operands.end());
  ErrorOr<Dims> result = attention(forward, attributes);
  if (!result)
    return result;
  auto fits = [&](const Dims &given, int rank) {
    bool all = given.size() == rank;
    for (int i = 0; all && i < rank; ++i)
      all = mayEqual(given[i], (*result)[i]);
    return all;
  };
  bool all = fits(operands[3].dims, 4);
  for (int i : {4, 5, 6})
    all = all && fits(operands[i].dims, 3);
  if (!all)
    return valueError("the operands " + shapes(operands.subspan(3, 4)) +
                      " are not (b, h, l, v) and three of (b, h, l)");
  return operands[0].dims;
}

ErrorOr<Dims> attentionKey(Operands operands, const NamedAttributes &) {
  return operands[1].dims;
}

ErrorOr<Dims> attentionValue(Operands operands, const NamedAttributes &) {
  return operands[2].dims;
}

ErrorOr<Dims> attentionMask(Operands operands, const NamedAttributes &) {
  const Dims &query = operands[0].dims, &key = operands[1].dims;
  return Dims{query[0], query[1], query[2], key[2]};
}

ErrorOr<Dims> sorted(Operands operands, const NamedAttributes &attributes) {
  const Dims &input = operands[0].dims;
  int64_t dim = attributes.get<int64_t>("dim");
  if (auto error = checkDim(dim, input))
    return *error;
  // Kernels keep a position in 32 bits.
  if (input[dim] >= int64_t(1) << 32)
    return valueError("cannot sort " + number(input[dim]) + " elements");
  return input;
}

ErrorOr<Dims> topk(Operands operands, const NamedAttributes &attributes) {
  ErrorOr<Dims> result = sorted(operands, attributes);
  if (!result)
    return result;
  int64_t dim = attributes.get<int64_t>("dim"),
          k = attributes.get<int64_t>("k");
  if (k < 0 || ((*result)[dim] != kDynamic && k > (*result)[dim]))
    return valueError("selected index k out of range: " + number(k) + " of " +
                      number((*result)[dim]) + " elements");
  (*result)[dim] = k;
  return result;
}

} // namespace stepwell::rules
