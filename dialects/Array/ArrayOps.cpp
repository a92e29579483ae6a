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

#include <array>

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
                                ArrayRef<std::string_view> names,
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
  rules::NamedAttributes named({names.data(), names.size()}, attributes);
  for (auto [shapeRule, dtypeRule] : llvm::zip_equal(shapeRules, dtypeRules)) {
    ErrorOr<DType> dtype = dtypeRule(span, named);
    if (!dtype)
      return emitOptionalError(location, "'", name, "' op ",
                               dtype.error().message);
    ErrorOr<Dims> dims = shapeRule(span, named);
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
/// How to read the shape rules of an operation.
struct InferenceRow {
  StringRef name;
  array::ShapeInference (*read)(Operation *);
};
} // namespace

#include "stepwell/Array/ArrayInference.inc"

array::ShapeInference array::shapeInference(Operation *op) {
  static const auto *rows = [] {
    auto *made = new llvm::StringMap<const InferenceRow *>;
    for (const InferenceRow &row : kInferenceRows)
      (*made)[row.name] = &row;
    return made;
  }();
  const InferenceRow *row = rows->lookup(op->getName().getStringRef());
  return row ? row->read(op) : ShapeInference();
}

//===--- Verifiers --------------------------------------------------------===//

LogicalResult CastOp::verify() {
  if (!toDType(getDtype()))
    return emitOpError("'dtype' is ") << getDtype() << ", which no tensor has";
  return success();
}

//===--- Folds ------------------------------------------------------------===//

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

/// Whether every element of a constant is `number`: of a float the very one, 0
/// is not -0.
static bool isAll(mlir::Attribute value, double number) {
  auto elements = dyn_cast_if_present<DenseElementsAttr>(value);
  if (!elements || !elements.isSplat())
    return false;
  if (auto type = dyn_cast<FloatType>(elements.getElementType()))
    return elements.getSplatValue<APFloat>().bitwiseIsEqual(
        FloatAttr::get(type, number).getValue());
  return elements.getSplatValue<APInt>() == static_cast<uint64_t>(number);
}

/// The operand that is left where the other one changes nothing.
static OpFoldResult foldNeutral(Value input, mlir::Attribute other,
                                double neutral, Type result) {
  return input.getType() == result && isAll(other, neutral)
             ? OpFoldResult(input)
             : OpFoldResult();
}

/// What added to x is x: 0 + -0 is 0, and so is not it.
static double zeroOf(Type type) {
  return isa<FloatType>(getElementTypeOrSelf(type)) ? -0.0 : 0.0;
}

OpFoldResult AddOp::fold(FoldAdaptor adaptor) {
  double zero = zeroOf(getType());
  if (OpFoldResult left =
          foldNeutral(getInput(), adaptor.getOther(), zero, getType()))
    return left;
  return foldNeutral(getOther(), adaptor.getInput(), zero, getType());
}

OpFoldResult SubOp::fold(FoldAdaptor adaptor) {
  return foldNeutral(getInput(), adaptor.getOther(), 0.0, getType());
}

OpFoldResult MulOp::fold(FoldAdaptor adaptor) {
  if (OpFoldResult left =
          foldNeutral(getInput(), adaptor.getOther(), 1.0, getType()))
    return left;
  return foldNeutral(getOther(), adaptor.getInput(), 1.0, getType());
}

OpFoldResult DivOp::fold(FoldAdaptor adaptor) {
  return foldNeutral(getInput(), adaptor.getOther(), 1.0, getType());
}

OpFoldResult NegOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<NegOp>();
  return inner && inner.getInput().getType() == getType()
             ? OpFoldResult(inner.getInput())
             : OpFoldResult();
}

OpFoldResult AbsOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<AbsOp>();
  return inner && getInput().getType() == getType() ? OpFoldResult(getInput())
                                                    : OpFoldResult();
}

/// Whether every number of one element type is one of the other.
static bool holdsAll(DType from, DType to) {
  if (from == DType::Bool || from == to)
    return true;
  if (isFloat(from))
    return isFloat(to) && byteWidth(to) > byteWidth(from);
  return to != DType::Bool && to != DType::U8 && digits(to) >= digits(from);
}

OpFoldResult CastOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType())
    return getInput();
  auto inner = getInput().getDefiningOp<CastOp>();
  if (!inner)
    return {};
  std::optional<stepwell::TensorType> first = toTensorType(
                                          inner.getInput().getType()),
                                      middle = toTensorType(inner.getType()),
                                      last = toTensorType(getType());
  // What a float that no integer holds becomes depends on where it comes from.
  if (!first || !middle || !last || !holdsAll(first->dtype, middle->dtype) ||
      (isFloat(first->dtype) && !isFloat(last->dtype) &&
       last->dtype != DType::Bool))
    return {};
  if (inner.getInput().getType() == getType())
    return inner.getInput();
  getInputMutable().assign(inner.getInput());
  return getResult();
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
  if (OpFoldResult same = foldToInput(getInput(), getType()))
    return same;
  auto inner = getInput().getDefiningOp<BroadcastOp>();
  if (!inner)
    return {};
  getInputMutable().assign(inner.getInput());
  return getResult();
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
