//===- Regions.cpp - What the blocks of a Program take and give -----------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The verifiers of dialects/Array/RegionOps.cpp and of autodiff.vjp, without
// MLIR: a Program that was read fits together, and one with open sizes gets its
// types from those of its inputs.
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/OpAttributes.h"
#include "stepwell/Eager/OpTable.h"
#include "stepwell/Eager/Program.h"

#include <algorithm>

using namespace stepwell;

using Types = std::vector<TensorType>;

std::vector<TensorType> stepwell::inputTypes(const Program &program) {
  Types types;
  for (const ProgramInput &input : program.inputs)
    types.push_back(input.type);
  return types;
}

std::vector<TensorType> stepwell::resultTypes(const Program &program) {
  Types types;
  for (const ProgramOutput &output : program.outputs)
    types.push_back(program.type(output.value));
  return types;
}

bool stepwell::anyNode(const Program &program,
                       const std::function<bool(const ProgramNode &)> &test) {
  return std::any_of(
      program.nodes.begin(), program.nodes.end(), [&](const ProgramNode &node) {
        return test(node) ||
               std::any_of(node.regions.begin(), node.regions.end(),
                           [&](const auto &region) {
                             return region && anyNode(*region, test);
                           });
      });
}

static Error refuse(std::string what) {
  return {Error::Kind::Value, std::move(what)};
}

/// Ascending, and below `count`.
static bool areIndices(const std::vector<int64_t> &list, size_t count) {
  int64_t previous = -1;
  for (int64_t index : list) {
    if (index <= previous || index >= static_cast<int64_t>(count))
      return false;
    previous = index;
  }
  return true;
}

/// How many operands each name has.
static std::optional<std::vector<size_t>>
segmentsOf(const std::vector<int64_t> &sizes, size_t names, size_t operands) {
  std::vector<size_t> segments;
  size_t left = operands;
  for (int64_t size : sizes) {
    if (size < 0 || static_cast<size_t>(size) > left)
      return std::nullopt;
    segments.push_back(static_cast<size_t>(size));
    left -= segments.back();
  }
  if (left || segments.size() != names)
    return std::nullopt;
  return segments;
}

static ErrorOr<std::vector<size_t>> segmentsOf(const ProgramNode &node,
                                               size_t operands) {
  std::vector<int64_t> sizes =
      node.op->form == OpForm::While
          ? attributes::While::of(node.attributes).operandSegmentSizes
          : attributes::Scan::of(node.attributes).operandSegmentSizes;
  auto segments = segmentsOf(sizes, node.op->operands.size(), operands);
  if (!segments || (*segments)[0] > node.results.size())
    return refuse("as many operands and results as 'operandSegmentSizes' says");
  return *segments;
}

/// A piece along the first dimension.
static std::optional<TensorType> pieceOf(const TensorType &type) {
  if (type.dims.empty())
    return std::nullopt;
  return TensorType{type.dtype, Dims(type.dims.begin() + 1, type.dims.end())};
}

/// What a scan goes over: the size that all know, if one does.
static std::optional<int64_t> countOf(std::span<const TensorType> inputs) {
  int64_t count = kDynamic;
  for (const TensorType &input : inputs) {
    if (input.dims.empty())
      return std::nullopt;
    if (count == kDynamic)
      count = input.dims[0];
    else if (input.dims[0] != kDynamic && input.dims[0] != count)
      return std::nullopt;
  }
  return count;
}

/// From the index `first` on, with one more dimension in front.
static ErrorOr<Types> stacked(Types types, size_t first,
                              std::optional<int64_t> count) {
  if (!count)
    return refuse("inputs of one size along the first dimension");
  for (size_t i = first; i < types.size(); ++i) {
    Dims dims{*count};
    for (int64_t size : types[i].dims)
      dims.push_back(size);
    if (dims.size() > kMaxRank)
      return refuse("at most " + std::to_string(kMaxRank) + " dimensions");
    types[i].dims = std::move(dims);
  }
  return types;
}

ErrorOr<Types> stepwell::regionInputs(const ProgramNode &node, size_t region,
                                      std::span<const TensorType> operands) {
  Types types(operands.begin(), operands.end());
  switch (node.op->form) {
  case OpForm::Plain:
    break;
  case OpForm::Call:
    if (region == 0)
      return types;
    types.insert(types.end(), node.results.begin(), node.results.end());
    for (const TensorType &result : node.results)
      if (isFloat(result.dtype))
        types.push_back(result);
    return types;
  case OpForm::VJP: {
    size_t count = node.region(0)->inputs.size();
    if (count > operands.size())
      return refuse("as many operands as the body has inputs");
    types.resize(count);
    return types;
  }
  case OpForm::VMap:
    for (int64_t index : attributes::VMap::of(node.attributes).batched) {
      std::optional<TensorType> element;
      if (index >= 0 && index < static_cast<int64_t>(types.size()))
        element = pieceOf(types[index]);
      if (!element)
        return refuse("inputs with a batch in front in 'batched'");
      types[index] = *element;
    }
    return types;
  case OpForm::Cond:
    if (operands.empty() || operands[0] != TensorType{DType::Bool, {}})
      return refuse("a truth value to go by");
    types.erase(types.begin());
    return types;
  case OpForm::While: {
    if (auto segments = segmentsOf(node, operands.size()); !segments)
      return segments.error();
    return types;
  }
  case OpForm::Scan: {
    auto segments = segmentsOf(node, operands.size());
    if (!segments)
      return segments.error();
    for (size_t i = 0; i < (*segments)[1]; ++i) {
      TensorType &type = types[(*segments)[0] + i];
      std::optional<TensorType> piece = pieceOf(type);
      if (!piece)
        return refuse("tensors with a dimension to go over");
      type = *piece;
    }
    return types;
  }
  }
  return refuse("an operation with blocks");
}

ErrorOr<Types> stepwell::regionResults(const ProgramNode &node,
                                       std::span<const TensorType> operands) {
  switch (node.op->form) {
  case OpForm::Plain:
    break;
  case OpForm::Call:
  case OpForm::Cond: {
    Types types = resultTypes(*node.region(0));
    if (types.empty())
      return refuse("a result");
    if (node.op->form == OpForm::Cond && types != resultTypes(*node.region(1)))
      return refuse("branches that give the same types");
    return types;
  }
  case OpForm::VJP: {
    auto of = attributes::VJP::of(node.attributes);
    const Program &body = *node.region(0);
    Types types = inputTypes(body), results = resultTypes(body);
    if (!areIndices(of.wrt, types.size()) ||
        !areIndices(of.cotangents, results.size()))
      return refuse("inputs in 'wrt' and results in 'cotangents', each in "
                    "ascending order");
    if (operands.size() != types.size() + results.size() + of.cotangents.size())
      return refuse("the body's inputs, its results and their cotangents");
    Types gradients;
    for (int64_t index : of.wrt)
      gradients.push_back(operands[index]);
    return gradients;
  }
  case OpForm::VMap: {
    std::vector<int64_t> batched =
        attributes::VMap::of(node.attributes).batched;
    if (batched.empty() || !areIndices(batched, operands.size()))
      return refuse("inputs in 'batched', in ascending order");
    Types inputs;
    for (int64_t index : batched)
      inputs.push_back(operands[index]);
    return stacked(resultTypes(*node.region(0)), 0, countOf(inputs));
  }
  case OpForm::While: {
    auto segments = segmentsOf(node, operands.size());
    if (!segments)
      return segments.error();
    Types carried(operands.begin(), operands.begin() + (*segments)[0]);
    if (carried.empty() ||
        resultTypes(*node.region(0)) != Types{{DType::Bool, {}}} ||
        resultTypes(*node.region(1)) != carried)
      return refuse("a truth value, and the types that the loop carries");
    return carried;
  }
  case OpForm::Scan: {
    auto segments = segmentsOf(node, operands.size());
    if (!segments)
      return segments.error();
    size_t carried = (*segments)[0], inputs = (*segments)[1];
    std::optional<int64_t> count = countOf(operands.subspan(carried, inputs));
    Types types = resultTypes(*node.region(0));
    if (!inputs || !count || types.empty() || types.size() < carried ||
        !std::equal(operands.begin(), operands.begin() + carried,
                    types.begin()))
      return refuse("inputs of one size, and the types that the loop carries");
    return stacked(std::move(types), carried, count);
  }
  }
  return refuse("an operation with blocks");
}
