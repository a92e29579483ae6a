//===- Launch.cpp - Classes of arguments, and the call itself -------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel serves a class of shapes: dimensions that every argument walks
// alike are merged, those that broadcast are 1, the others unknown.
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Plan.h"
#include "stepwell/Semantics/Checked.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace stepwell;

namespace {
/// A tensor as the kernel sees it.
struct Seen : Geometry {
  Dims classSizes; // 1, or kDynamic, or a size
  Layout layout = Layout::Contiguous;
};

Layout layoutOf(const Seen &seen) {
  if (seen.contiguous())
    return Layout::Contiguous;
  int last = seen.sizes.size() - 1;
  return seen.strides[last] == 1 ? Layout::Rows : Layout::Strided;
}

/// Merges the dimensions of the pieces of one broadcast index space, in an
/// order in which what is written, `first`, is walked from one element to the
/// next.
void coalesce(std::vector<Seen> &all, const std::vector<bool> &shapeOnly,
              size_t first) {
  int rank = 0;
  for (const Seen &seen : all)
    rank = std::max(rank, seen.sizes.size());
  Dims common = Dims::filled(rank, 1);
  for (const Seen &seen : all)
    for (int i = 0; i < seen.sizes.size(); ++i) {
      int64_t &size = common[rank - seen.sizes.size() + i];
      if (seen.sizes[i] != 1)
        size = seen.sizes[i];
    }
  struct Run {
    std::vector<int64_t> strides;
    std::vector<bool> broadcast;
    int64_t size;
  };
  std::vector<const Geometry *> operands;
  for (size_t i = first; i < all.size(); ++i)
    operands.push_back(&all[i]);
  for (size_t i = 0; i < first; ++i)
    if (!shapeOnly[i])
      operands.push_back(&all[i]);
  std::vector<Run> runs;
  for (int64_t d : walkingOrder(operands, common)) {
    if (common[d] == 1)
      continue;
    Run run{{}, {}, common[d]};
    for (const Seen &seen : all) {
      int own = d - (rank - seen.sizes.size());
      bool broadcast = own < 0 || seen.sizes[own] == 1;
      run.broadcast.push_back(broadcast);
      run.strides.push_back(broadcast ? 0 : seen.strides[own]);
    }
    bool merge = !runs.empty();
    for (size_t i = 0; merge && i < all.size(); ++i)
      merge = runs.back().broadcast[i] == run.broadcast[i] &&
              (run.broadcast[i] || shapeOnly[i] ||
               runs.back().strides[i] == run.strides[i] * run.size);
    if (merge) {
      runs.back().size *= run.size;
      runs.back().strides = run.strides;
    } else {
      runs.push_back(std::move(run));
    }
  }
  if (runs.empty()) // One element everywhere.
    runs.push_back({std::vector<int64_t>(all.size(), 1),
                    std::vector<bool>(all.size(), false), 1});
  for (size_t i = 0; i < all.size(); ++i) {
    Seen &seen = all[i];
    seen.sizes = seen.strides = seen.classSizes = {};
    for (const Run &run : runs) {
      seen.sizes.push_back(run.broadcast[i] ? 1 : run.size);
      seen.strides.push_back(run.broadcast[i] ? 1 : run.strides[i]);
      seen.classSizes.push_back(run.broadcast[i] ? 1 : kDynamic);
    }
    if (shapeOnly[i])
      seen.strides = packedStrides(seen.sizes);
    seen.layout = layoutOf(seen);
  }
}

/// What goes by the row-major position alone needs one kernel for all ranks:
/// `like`, of which only the sizes are read, and a new result after it.
void flatten(std::vector<Seen> &all) {
  for (Seen &seen : std::span(all).last(2)) {
    seen.sizes = {Geometry{seen.sizes, {}, 0}.numel()};
    seen.strides = {1};
  }
}

/// Kernels multiply sizes, also those of tiles that reach beyond the end.
void checkComputable(const Dims &sizes) {
  constexpr int64_t kMost = int64_t(1) << 56;
  Checked whole = 1;
  for (int64_t size : sizes)
    whole *= std::max<int64_t>(size, 1);
  if (!whole || *whole > kMost)
    fail(Error::Kind::Runtime, "a tensor of shape " + toString(sizes) +
                                   " is too large to compute with");
}

/// Whether nothing of the operand is read in the dimensions of an empty one
/// that are reduced, however many there are.
void shrinkReduced(const Template &t, Seen &operand) {
  if (!t.op || operand.numel() != 0)
    return;
  if (t.op->is(OpTrait::Reduces))
    for (int64_t dim : t.op->named(t.attributes).get<Dims>("dims"))
      operand.sizes[dim] = 0;
}

/// The sizes that a structured kernel may know.
void classify(const Template &t, std::span<const Dims> sizes,
              std::vector<Dims> &classes) {
  if (t.body) {
    size_t own = t.body->inputs.size();
    classify(*t.body, sizes.first(own), classes);
    std::vector<TensorType> types;
    for (size_t i = 0; i < own; ++i)
      types.push_back({t.body->inputs[i].dtype, classes[i]});
    std::vector<TensorType> results = inferResults(*t.body, types);
    for (const TensorType &result : results)
      classes.push_back(result.dims);
    for (int cotangent : t.cotangents)
      classes.push_back(results[cotangent].dims);
    return;
  }
  if (t.program) {
    for (const ProgramInput &input : t.program->inputs)
      classes.push_back(input.type.dims);
    return;
  }
  for (size_t i = 0; i < sizes.size(); ++i)
    classes.push_back(rules::classSizes(t.op->results[0].shape, i, sizes[i]));
}
} // namespace

DType stepwell::scalarCarrier(DType compute) {
  return compute == DType::F16 || compute == DType::BF16 ? DType::F32 : compute;
}

/// A number that is no integer of 64 bits is the nearest one, NaN is 0.
static int64_t toInteger(double value) {
  if (value >= 0x1p63)
    return INT64_MAX;
  if (value <= -0x1p63)
    return INT64_MIN;
  return value == value ? static_cast<int64_t>(value) : 0;
}
static int64_t toInteger(int64_t value) { return value; }
static int64_t toInteger(bool value) { return value; }

/// What fits wherever it may go.
static bool isSmall(DType dtype, const Scalar &scalar) {
  if (const double *number = std::get_if<double>(&scalar))
    return dtype >= DType::F16 && std::abs(*number) <= 65504;
  const int64_t *number = std::get_if<int64_t>(&scalar);
  return !number || (*number >= 0 && *number <= 127);
}

void stepwell::checkFits(DType dtype, const Scalar &scalar) {
  if (isSmall(dtype, scalar))
    return;
  bool fits = true;
  if (const double *number = std::get_if<double>(&scalar)) {
    double most = dtype == DType::F16    ? 65504.0
                  : dtype == DType::BF16 ? 0x1.FEp127
                  : dtype == DType::F32  ? 0x1.FFFFFEp127
                                         : HUGE_VAL;
    if (isFloat(dtype)) {
      fits = !std::isfinite(*number) || std::abs(*number) <= most;
    } else if (dtype != DType::Bool) {
      auto bits = static_cast<int>(8 * byteWidth(dtype));
      bool isSigned = dtype != DType::U8;
      double end = std::ldexp(1.0, bits - isSigned); // behind the largest
      fits = *number >= (isSigned ? -end : 0.0) &&
             (dtype == DType::I64 ? *number < end : *number <= end - 1);
    }
  } else if (const int64_t *number = std::get_if<int64_t>(&scalar)) {
    if (dtype == DType::F16) {
      fits = *number <= 65504 && *number >= -65504;
    } else if (isInteger(dtype) && dtype != DType::I64) {
      auto bits = static_cast<int>(8 * byteWidth(dtype));
      bool isSigned = dtype != DType::U8;
      int64_t most = (int64_t(1) << (bits - isSigned)) - 1;
      // A negative number wraps around in unsigned ones.
      fits = *number <= most && *number >= (isSigned ? -most - 1 : -most);
    }
  }
  if (!fits)
    fail(Error::Kind::Runtime, "value cannot be converted to type " +
                                   std::string(name(dtype)) +
                                   " without overflow");
}

stepwell_arg stepwell::scalarWord(DType dtype, const Scalar &scalar) {
  stepwell_arg word;
  std::memset(&word, 0, sizeof word);
  std::visit(
      [&](auto value) {
        switch (dtype) {
        case DType::Bool:
          word.u8 = value != 0;
          break;
        case DType::F32:
          word.f32 = static_cast<float>(value);
          break;
        case DType::F64:
          word.f64 = static_cast<double>(value);
          break;
        default:
          word.i64 = toInteger(value);
        }
      },
      scalar);
  return word;
}

LaunchPlan stepwell::launch(Template &t, std::span<const Argument> arguments,
                            std::span<const Tensor> outputs, int into) {
  size_t numInputs = arguments.size();
  std::vector<Seen> seen; // tensors only: inputs, then outputs
  std::vector<bool> shapeOnly;
  std::vector<int> index(numInputs, -1);
  int64_t work = 0;
  for (size_t i = 0; i < numInputs; ++i) {
    if (t.inputs[i].scalar)
      continue;
    const TensorImpl &tensor = *arguments[i].tensor;
    index[i] = static_cast<int>(seen.size());
    seen.push_back({{tensor.sizes, tensor.strides}});
    shapeOnly.push_back(t.inputs[i].need == Need::Shape &&
                        static_cast<int>(i) != into);
    work = std::max(work, tensor.numel());
  }
  size_t firstOutput = seen.size();
  if (into < 0)
    for (const Tensor &output : outputs) {
      seen.push_back({{output->sizes, output->strides}});
      shapeOnly.push_back(false);
      work = std::max(work, output->numel());
    }

  if (t.elementwise) {
    coalesce(seen, shapeOnly, into < 0 ? firstOutput : index[into]);
    for (const Seen &each : seen)
      checkComputable(each.sizes);
  } else {
    if (t.op && into < 0 && t.op->is(OpTrait::ByPosition))
      flatten(seen);
    if (!seen.empty())
      shrinkReduced(t, seen[0]);
    for (const Seen &each : seen)
      checkComputable(each.sizes);
    std::vector<Dims> sizes, classes;
    for (size_t i = 0; i < numInputs; ++i)
      sizes.push_back(index[i] < 0 ? Dims() : seen[index[i]].sizes);
    classify(t, sizes, classes);
    for (size_t i = 0; i < numInputs; ++i)
      if (index[i] >= 0)
        seen[index[i]].classSizes = classes[i];
    for (size_t i = 0; i < seen.size(); ++i) {
      if (shapeOnly[i])
        seen[i].strides = packedStrides(seen[i].sizes);
      seen[i].layout = layoutOf(seen[i]);
    }
  }

  // Who shares memory with what is written.
  std::vector<bool> alias(numInputs, false);
  if (into >= 0)
    for (size_t i = 0; i < numInputs; ++i)
      alias[i] = index[i] >= 0 && static_cast<int>(i) != into &&
                 !shapeOnly[index[i]] &&
                 mayOverlap(*arguments[i].tensor, *arguments[into].tensor);

  std::string key;
  key.reserve(8 * seen.size() + 8);
  key.append(reinterpret_cast<const char *>(&into), sizeof into);
  for (size_t i = 0; i < seen.size(); ++i) {
    uint32_t ones = 0, known = 0; // known: and not 1
    for (int d = 0; d < seen[i].classSizes.size(); ++d) {
      ones |= static_cast<uint32_t>(seen[i].classSizes[d] == 1) << d;
      known |= static_cast<uint32_t>(seen[i].classSizes[d] != 1 &&
                                     seen[i].classSizes[d] != kDynamic)
               << d;
    }
    key += static_cast<char>(seen[i].sizes.size());
    for (uint32_t mask : {ones, known}) {
      key += static_cast<char>(mask);
      key += static_cast<char>(mask >> 8);
    }
    for (int64_t size : seen[i].classSizes)
      if (size != 1 && size != kDynamic)
        key.append(reinterpret_cast<const char *>(&size), sizeof size);
    key += static_cast<char>(seen[i].layout);
  }
  for (size_t i = 0; i < numInputs; ++i)
    key += alias[i] ? 'a' : '-';

  auto known = t.kernels.find(key);
  if (known == t.kernels.end()) {
    std::vector<ProgramInput> inputs;
    for (size_t i = 0; i < numInputs; ++i) {
      ProgramInput input;
      input.type.dtype = t.inputs[i].dtype;
      input.scalar = t.inputs[i].scalar;
      input.number = t.inputs[i].number;
      if (index[i] >= 0) {
        input.type.dims = seen[index[i]].classSizes;
        input.layout = seen[index[i]].layout;
        input.shapeOnly = shapeOnly[index[i]];
        input.mayAlias = alias[i];
      }
      inputs.push_back(input);
    }
    Program program = instantiate(t, std::move(inputs));
    if (into >= 0) {
      program.outputs[0].into = into;
      program.outputs[0].layout = seen[index[into]].layout;
    }
    // Other threads of Python run meanwhile, and may ask for the same.
    std::vector<Tensor> before;
    for (const Argument &argument : arguments)
      before.push_back(argument.tensor ? makeTensor(argument.tensor->buffer,
                                                    argument.tensor->dtype,
                                                    *argument.tensor)
                                       : Tensor());
    Kernel made = obtainKernel(program, "first " + t.describe() +
                                            " on arguments of this class");
    known = t.kernels.insert_or_assign(key, std::move(made)).first;
    for (size_t i = 0; i < numInputs; ++i)
      if (const Tensor &now = arguments[i].tensor;
          // Other memory of the same kind is as good, unless it decided above
          // about who shares it.
          now && !((into < 0 || now->buffer == before[i]->buffer) &&
                   now->dtype == before[i]->dtype &&
                   static_cast<const Geometry &>(*now) == *before[i]))
        fail(Error::Kind::Runtime,
             t.describe() + ": another thread changed an argument while the "
                            "kernel was compiled");
  } else {
    ++kernelStats().memoryHits;
  }
  const Kernel *kernel = &known->second;

  LaunchPlan plan;
  plan.kernel = *kernel;
  plan.work = work;
  auto gap = [&](size_t of, bool output, bool scalar, DType dtype) {
    plan.gaps.push_back({static_cast<uint32_t>(plan.words.size()),
                         static_cast<uint32_t>(of), output, scalar, dtype});
    plan.words.push_back({});
  };
  auto geometry = [&](const Seen &as) {
    stepwell_arg word;
    for (int64_t size : as.sizes)
      word.i64 = size, plan.words.push_back(word);
    for (int64_t stride : as.strides)
      word.i64 = stride, plan.words.push_back(word);
  };
  for (size_t i = 0; i < numInputs; ++i) {
    if (index[i] < 0) {
      gap(i, false, true, t.inputs[i].dtype);
      continue;
    }
    if (shapeOnly[index[i]])
      plan.words.push_back({});
    else
      gap(i, false, false, t.inputs[i].dtype);
    geometry(seen[index[i]]);
  }
  if (into < 0)
    for (size_t i = 0; i < outputs.size(); ++i) {
      gap(i, true, false, outputs[i]->dtype);
      geometry(seen[firstOutput + i]);
    }
  if (plan.kernel.workspaceSize)
    plan.workspace = plan.kernel.workspaceSize(plan.words.data());
  plan.run(t, arguments, outputs);
  return plan;
}
