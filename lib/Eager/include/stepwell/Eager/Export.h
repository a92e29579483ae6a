//===- Export.h - A captured function that stands alone ---------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An exported program is a Program with names: every argument of the function
// is an input, in order, then come the tensors and numbers that it closed over.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_EAGER_EXPORT_H
#define STEPWELL_EAGER_EXPORT_H

#include "stepwell/Eager/Capture.h"

#include <map>

namespace stepwell {

/// What an exported program needs beside its arguments.
struct ClosedOver {
  Tensor tensor;
  bool number = false; // passed by value; the tensor has no dimensions
};
std::vector<ClosedOver> closedOver(const Executable &);

struct ExportNames {
  std::vector<std::string> arguments, closedOver, results;
};

/// `arguments` are those of the capture. What a program that stands alone
/// cannot do, such as writing to a tensor from outside, is a RuntimeError.
Program exportProgram(const Executable &, std::span<const Tensor> arguments,
                      const ExportNames &);

/// The inverse: inputs whose names are in `bound` take those values, all others
/// are arguments in order. ValueError if they do not fit.
Executable bindProgram(Program, const std::map<std::string, Tensor> &bound);

} // namespace stepwell

#endif // STEPWELL_EAGER_EXPORT_H
