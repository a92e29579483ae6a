//===- OpenTrace.h - Sizes that stay open in a capture ----------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A capture computes with the sizes of one call. An open capture also keeps how
// other calls find theirs: for each size an expression over the sizes of the
// arguments. Where the size itself is needed (a branch, a loop), the capture
// records a guard; its Program serves the calls for which all guards hold.
// Sizes of 0 and 1 are always guarded, because they decide what broadcasts and
// where there is nothing to do; only export may leave them open, too.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_EAGER_OPENTRACE_H
#define STEPWELL_EAGER_OPENTRACE_H

#include "stepwell/Eager/OpTable.h"
#include "stepwell/Eager/Tensor.h"
#include "stepwell/Semantics/HostExpression.h"
#include "stepwell/Semantics/OpenSizes.h"

#include <unordered_map>
#include <unordered_set>

namespace stepwell {

using rules::OpenShape;
using rules::OpenSize;

/// What must hold of a call: an expression over its values has this one.
struct HostGuard {
  HostExpression expression;
  Scalar expected;
  bool ofNumbers;         // the sizes alone do not tell
  std::string where = {}; // the user's line that asked
};

class OpenTrace {
public:
  /// The values of a call are the sizes of its tensors, one after the other,
  /// then `numbers`.
  OpenTrace(std::span<const Tensor> arguments, std::span<const Scalar> numbers);
  /// Only these sizes are open, which may be 0 and 1, as may what is made of
  /// them: for each argument and dimension a number, which equal sizes share,
  /// or -1.
  OpenTrace(std::span<const Tensor> arguments,
            std::span<const std::vector<int>> open,
            std::span<const Scalar> numbers);
  /// Another capture of the same calls, of arguments of these shapes.
  OpenTrace(OpenTrace &&before, std::vector<OpenShape> arguments)
      : OpenTrace(std::move(before)) {
    this->arguments = std::move(arguments);
  }

  const OpenShape &argument(size_t index) const { return arguments[index]; }
  /// How many values of a call are sizes.
  size_t numSizes() const { return sizes; }
  /// The size in the call that is captured.
  int64_t hint(const OpenSize &) const;
  /// Whoever captured decided something by an expression that has this value.
  void require(const std::string &postfix, const Scalar &expected);
  /// From now on the sizes are constants of the Program.
  void fix(OpenShape &);
  /// The same, for all sizes that there are: something was computed from the
  /// sizes of this call in a way that is not followed.
  void fixAll();
  /// Whether a size is 1, in all calls.
  bool isOne(const OpenSize &);
  /// Fixes what depends on numbers, and not on sizes alone.
  void fixNumbers(OpenShape &);
  /// Which sizes of arguments these are made of, in order.
  std::vector<int64_t> valuesOf(const OpenShape &) const;
  /// An argument and a dimension of it that has this size.
  std::pair<int, int> place(int64_t value) const;
  /// What a call computes.
  HostExpression expression(const OpenSize &) const;
  /// Whether results lie as they do in the call that is captured.
  bool keepsLayouts() const { return exact; }
  void keepLayouts() { exact = true; }
  /// The same of other values.
  OpenSize rewritten(const OpenSize &, const OpenShape &values) const;
  /// What was computed in Python, as the rules here would have said it.
  OpenSize sizeOf(const std::string &postfix) const;
  /// Fixes sizes of 0 and 1, what numbers decide, and puts in what was fixed
  /// before.
  void settle(OpenShape &);
  /// The shape of a result; what must hold for it is required.
  OpenShape resultOf(const OpRow &, size_t result,
                     std::span<const OpenShape> operands, const Attributes &,
                     const Dims &hints);
  /// The sizes as a type has them.
  Dims dims(const OpenShape &) const;

  std::vector<HostGuard> takeGuards() { return std::move(guards); }

private:
  size_t sizes = 0;
  bool fewAreOpen = false; // sizes of 0 and 1
  bool exact = false;
  std::vector<Scalar> values;
  std::vector<OpenShape> arguments;
  std::vector<HostGuard> guards;
  std::unordered_set<std::string> required;
  std::unordered_map<std::string, int64_t> fixed;
};

/// How a shape that is given in Python reads: -1 as it is.
OpenShape fixedShape(const Dims &);
/// One text for each shape.
std::string shapeKey(const OpenShape &);

} // namespace stepwell

#endif // STEPWELL_EAGER_OPENTRACE_H
