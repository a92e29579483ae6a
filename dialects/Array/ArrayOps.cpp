//===- ArrayOps.cpp - Inference, verification and folds -------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Array/Array.h"
#include "stepwell/Semantics/Rules.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace stepwell;
using namespace stepwell::array;

using RuleAttribute = stepwell::Attribute;
namespace rules = stepwell::rules;

//===--- Inference: the rules of lib/Semantics ----------------------------===//

[[maybe_unused]] static RuleAttribute toAttribute(uint64_t value) {
  return static_cast<int64_t>(value);
}
[[maybe_unused]] static RuleAttribute toAttribute(bool value) { return value; }
[[maybe_unused]] static RuleAttribute toAttribute(const APFloat &value) {
  return value.convertToDouble();
}
[[maybe_unused]] static RuleAttribute toAttribute(StringRef value) {
  return value.str();
}
[[maybe_unused]] static RuleAttribute toAttribute(ArrayRef<int64_t> value) {
  return Dims(value.begin(), value.end());
}
[[maybe_unused]] static RuleAttribute toAttribute(Type type) {
  std::optional<DType> dtype = toDType(type);
  return dtype ? RuleAttribute(*dtype) : RuleAttribute();
}

static StringRef kindName(DType dtype) {
  return isFloat(dtype) ? "floats" : isInteger(dtype) ? "integers" : "bool";
}

/// The result types of an operation with one shape and one dtype rule per
/// result. `kinds` is the mask of elements an elementwise operation accepts
/// (ArrayBase.td), or 0.
static LogicalResult inferTypes(MLIRContext *context,
                                std::optional<Location> location,
                                StringRef name, ValueRange operands,
                                const Attributes &attributes,
                                ArrayRef<rules::ShapeRule> shapeRules,
                                ArrayRef<rules::DTypeRule> dtypeRules,
                                unsigned kinds, SmallVectorImpl<Type> &types) {
  SmallVector<stepwell::TensorType> operandTypes;
  for (Value operand : operands) {
    std::optional<stepwell::TensorType> type = toTensorType(operand.getType());
    if (!type)
      return emitOptionalError(
          location, "'", name, "' op operand type ", operand.getType(),
          " is no tensor of the array dialect, of at most ", kMaxRank,
          " dimensions");
    operandTypes.push_back(*type);
  }
  for (const RuleAttribute &attribute : attributes)
    if (std::holds_alternative<std::monostate>(attribute))
      return emitOptionalError(
          location, "'", name,
          "' op attribute names a type that no tensor has");
  if (kinds && !operandTypes.empty()) {
    DType dtype = operandTypes.back().dtype;
    unsigned kind = isFloat(dtype)       ? 1
                    : dtype == DType::U8 ? 4
                    : isInteger(dtype)   ? 2
                                         : 8;
    if (!(kinds & kind))
      return emitOptionalError(location, "'", name, "' op does not accept ",
                               kindName(dtype), ", got ",
                               std::string(stepwell::name(dtype)));
  }
  rules::Operands span(operandTypes.data(), operandTypes.size());
  for (auto [shapeRule, dtypeRule] : llvm::zip_equal(shapeRules, dtypeRules)) {
    ErrorOr<DType> dtype = dtypeRule(span, attributes);
    if (!dtype)
      return emitOptionalError(location, "'", name, "' op ",
                               dtype.error().message);
    ErrorOr<Dims> dims = shapeRule(span, attributes);
    if (!dims)
      return emitOptionalError(location, "'", name, "' op ",
                               dims.error().message);
    types.push_back(fromTensorType(context, {*dtype, *dims}));
  }
  return success();
}

/// A result may know more or fewer of the sizes than its operands tell.
static bool areCompatible(TypeRange inferred, TypeRange actual) {
  return inferred.size() == actual.size() &&
         llvm::all_of(llvm::zip(inferred, actual), [](auto types) {
           auto [a, b] = types;
           return getElementTypeOrSelf(a) == getElementTypeOrSelf(b) &&
                  succeeded(verifyCompatibleShape(a, b));
         });
}

namespace {
/// The shape rules of an operation, and the attributes that they read.
struct InferenceRow {
  StringRef name;
  SmallVector<rules::ShapeRule> (*read)(Operation *, Attributes &);
};
} // namespace

#include "stepwell/Array/ArrayInference.inc"

SmallVector<rules::ShapeRule> array::shapeRules(Operation *op,
                                                Attributes &attributes) {
  static const auto *rows = [] {
    auto *made = new llvm::StringMap<const InferenceRow *>;
    for (const InferenceRow &row : kInferenceRows)
      (*made)[row.name] = &row;
    return made;
  }();
  const InferenceRow *row = rows->lookup(op->getName().getStringRef());
  return row ? row->read(op, attributes) : SmallVector<rules::ShapeRule>();
}

//===--- Verifiers --------------------------------------------------------===//

LogicalResult CastOp::verify() {
  if (!toDType(getDtype()))
    return emitOpError("'dtype' is ") << getDtype() << ", which no tensor has";
  return success();
}

//===--- Folds ------------------------------------------------------------===//

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

OpFoldResult CastOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? getInput() : OpFoldResult();
}

/// What combines elements is the one element where nothing is reduced. Types
/// that the lowering refuses it refuses here, too.
template <typename Op> static OpFoldResult foldOverNothing(Op op) {
  bool isBool = getElementTypeOrSelf(op.getType()).isInteger(1);
  bool refused = isa<SumOp, ProdOp>(op)  ? isBool
                 : isa<AllOp, AnyOp>(op) ? !isBool
                                         : false;
  bool nothing =
      op.getDims().empty() && op.getInput().getType() == op.getType();
  return nothing && !refused ? OpFoldResult(op.getInput()) : OpFoldResult();
}

OpFoldResult SumOp::fold(FoldAdaptor) { return foldOverNothing(*this); }
OpFoldResult ProdOp::fold(FoldAdaptor) { return foldOverNothing(*this); }
OpFoldResult AmaxOp::fold(FoldAdaptor) { return foldOverNothing(*this); }
OpFoldResult AminOp::fold(FoldAdaptor) { return foldOverNothing(*this); }
OpFoldResult AllOp::fold(FoldAdaptor) { return foldOverNothing(*this); }
OpFoldResult AnyOp::fold(FoldAdaptor) { return foldOverNothing(*this); }

/// The only element lies at place 0.
template <typename Op> static OpFoldResult foldToFirstPlace(Op op) {
  auto type = cast<RankedTensorType>(op.getType());
  if (!op.getDims().empty() || !type.hasStaticShape())
    return {};
  return DenseElementsAttr::get(type, int64_t{0});
}

OpFoldResult ArgmaxOp::fold(FoldAdaptor) { return foldToFirstPlace(*this); }
OpFoldResult ArgminOp::fold(FoldAdaptor) { return foldToFirstPlace(*this); }

OpFoldResult BroadcastLikeOp::fold(FoldAdaptor) {
  // Equal types have equal sizes: a dynamic size is never a 1 that stretches.
  bool inserts = !getKeepdim() && !getDims().empty();
  return !inserts && getInput().getType() == getType() ? getInput()
                                                       : OpFoldResult();
}

/// Equal types that are all known: nothing moves.
static OpFoldResult foldToInput(Value input, Type result) {
  bool known = cast<RankedTensorType>(result).hasStaticShape();
  return known && input.getType() == result ? OpFoldResult(input)
                                            : OpFoldResult();
}

OpFoldResult BroadcastOp::fold(FoldAdaptor) {
  return foldToInput(getInput(), getType());
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (OpFoldResult same = foldToInput(getInput(), getType()))
    return same;
  auto inner = getInput().getDefiningOp<ReshapeOp>();
  // Such sizes are those of this very input.
  if (!inner || llvm::any_of(getSizes(), [](int64_t size) {
        return size < 0 && size != ShapedType::kDynamic;
      }))
    return {};
  getInputMutable().assign(inner.getInput());
  return getResult();
}

OpFoldResult ReshapeLikeOp::fold(FoldAdaptor) {
  return foldToInput(getInput(), getType());
}

/// The sizes of a tensor, if they are all known.
static std::optional<SmallVector<int64_t>> knownSizes(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (!type.hasStaticShape())
    return std::nullopt;
  return llvm::to_vector(type.getShape());
}

LogicalResult SliceLikeOp::canonicalize(SliceLikeOp op,
                                        PatternRewriter &rewriter) {
  auto starts = knownSizes(op.getStarts()), sizes = knownSizes(op.getLike());
  if (!starts || !sizes)
    return failure();
  Value slice = SliceOp::create(rewriter, op.getLoc(), op.getInput(), *starts,
                                *sizes, op.getSteps());
  if (slice.getType() != op.getType())
    return failure();
  rewriter.replaceOp(op, slice);
  return success();
}

LogicalResult InsertSliceAtOp::canonicalize(InsertSliceAtOp op,
                                            PatternRewriter &rewriter) {
  auto starts = knownSizes(op.getStarts());
  if (!starts || op.getInput().getType() != op.getType())
    return failure();
  rewriter.replaceOpWithNewOp<InsertSliceOp>(op, op.getInput(), op.getPart(),
                                             *starts, op.getSteps());
  return success();
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  ArrayRef<int64_t> permutation = getPermutation();
  if (llvm::equal(permutation, llvm::seq<int64_t>(permutation.size())) &&
      getInput().getType() == getType())
    return getInput();
  auto inner = getInput().getDefiningOp<TransposeOp>();
  if (!inner)
    return {};
  SmallVector<int64_t> composed;
  for (int64_t dim : permutation)
    composed.push_back(inner.getPermutation()[dim]);
  setPermutation(composed);
  getInputMutable().assign(inner.getInput());
  return getResult();
}

#define GET_OP_CLASSES
#include "stepwell/Array/ArrayOps.cpp.inc"
