//===- Rules.h - Shape and element type rules, by name ----------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A record names one shape rule and one dtype rule per result; ODS type
// inference and the eager dispatcher both call the function of that name. Sizes
// may be kDynamic.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_SEMANTICS_RULES_H
#define STEPWELL_SEMANTICS_RULES_H

#include "stepwell/Semantics/Types.h"

#include <span>

namespace stepwell::rules {

using Operands = std::span<const TensorType>;
using ShapeRule = ErrorOr<Dims> (*)(Operands, const Attributes &);
using DTypeRule = ErrorOr<DType> (*)(Operands, const Attributes &);

//===--- Shape rules ------------------------------------------------------===//

/// NumPy broadcasting: aligned at the last dimension, 1 stretches, a dynamic
/// size equals every size but 1.
ErrorOr<Dims> broadcast(Operands, const Attributes &);
/// Attributes: dims, keepdim.
ErrorOr<Dims> reduce(Operands, const Attributes &);
/// (..., m, k) x (..., k, n), batch dimensions broadcast; both of rank 2 or
/// more.
ErrorOr<Dims> matmul(Operands, const Attributes &);
/// Attributes: permutation.
ErrorOr<Dims> permute(Operands, const Attributes &);
/// The shape of the last operand, to which the first must broadcast.
/// Attributes: dims, keepdim; with keepdim false the first operand lacks the
/// dimensions dims.
ErrorOr<Dims> broadcastLike(Operands, const Attributes &);

//===--- Element type rules -----------------------------------------------===//

/// All operands have one element type, and so has the result.
ErrorOr<DType> same(Operands, const Attributes &);
/// All operands have one element type; the result is bool.
ErrorOr<DType> boolean(Operands, const Attributes &);
/// The first operand is bool, all others have one element type, and so has the
/// result.
ErrorOr<DType> select(Operands, const Attributes &);
/// The element type of the first operand, whatever the others have.
ErrorOr<DType> first(Operands, const Attributes &);
/// The result has the element type of the attribute 0.
ErrorOr<DType> fromAttribute(Operands, const Attributes &);

} // namespace stepwell::rules

#endif // STEPWELL_SEMANTICS_RULES_H
