//===- ArrayDialect.cpp - The array dialect and its types -----------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Array/Array.h"
#include "stepwell/Array/Batching.h"
#include "stepwell/Interfaces/Batchable.h"
#include "stepwell/Registration.h"

#include "mlir/IR/Builders.h"
#include "mlir/Transforms/InliningUtils.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace stepwell;
using namespace stepwell::array;

#include "stepwell/Array/ArrayDialect.cpp.inc"

namespace {
/// Tensor values have no identity: everything may be inlined.
struct ArrayInliner : DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;
  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final {
    return true;
  }
};
} // namespace

namespace stepwell::array::detail {

/// Says so if `name`, which stands on an operation, means nothing: a misspelt
/// attribute that has a default would be ignored. Other dialects' may be there.
template <typename Names>
static LogicalResult
checkAttributeName(StringRef name, const Names &known,
                   function_ref<InFlightDiagnostic()> emitError) {
  if (name.contains('.') ||
      llvm::any_of(known, [&](StringRef each) { return each == name; }))
    return success();
  InFlightDiagnostic diagnostic = emitError()
                                  << "has no attribute '" << name << "'";
  if (known.empty())
    return diagnostic;
  diagnostic << "; there are ";
  llvm::interleave(
      known, diagnostic, [&](StringRef each) { diagnostic << each; }, ", ");
  return diagnostic;
}

/// An operation as it is registered: what ODS generates, but that properties
/// which it does not have are errors. They are lost before a verifier runs.
template <typename ConcreteOp> struct Strict : ConcreteOp {
  using ConcreteOp::ConcreteOp;

  template <typename Properties>
  static LogicalResult
  setPropertiesFromAttr(Properties &properties, mlir::Attribute attribute,
                        function_ref<InFlightDiagnostic()> emitError) {
    if (auto given = dyn_cast_or_null<DictionaryAttr>(attribute))
      for (NamedAttribute each : given)
        if (failed(checkAttributeName(
                each.getName(), ConcreteOp::getAttributeNames(), [&] {
                  return emitError()
                         << "'" << ConcreteOp::getOperationName() << "' op ";
                })))
          return failure();
    return ConcreteOp::setPropertiesFromAttr(properties, attribute, emitError);
  }

  struct Model : RegisteredOperationName::Model<Strict> {
    explicit Model(Dialect *dialect)
        : RegisteredOperationName::Model<Strict>(dialect) {
      this->typeID = TypeID::get<ConcreteOp>();
    }
  };
};

template <typename... Ops> static void registerOps(Dialect *dialect) {
  (RegisteredOperationName::insert(
       std::make_unique<typename Strict<Ops>::Model>(dialect),
       Ops::getAttributeNames()),
   ...);
}

} // namespace stepwell::array::detail

LogicalResult array::verifyAttributeNames(Operation *op) {
  for (NamedAttribute each : op->getDiscardableAttrs())
    if (failed(detail::checkAttributeName(
            each.getName(),
            op->getName().getRegisteredInfo()->getAttributeNames(),
            [&] { return op->emitOpError(); })))
      return failure();
  return success();
}

void ArrayDialect::initialize() {
  detail::registerOps<
#define GET_OP_LIST
#include "stepwell/Array/ArrayOps.cpp.inc"
      >(this);
  addInterfaces<ArrayInliner>();
}

namespace {
struct BatchableModel : BatchableOpInterface::FallbackModel<BatchableModel> {
  FailureOr<SmallVector<Value>> buildBatched(Operation *op, OpBuilder &builder,
                                             ValueRange operands,
                                             ArrayRef<bool> batched) const {
    return array::buildBatched(op, builder, operands, batched);
  }
};
} // namespace

void *ArrayDialect::getRegisteredInterfaceForOp(TypeID interface,
                                                OperationName name) {
  static BatchableModel batchable;
  if (interface == BatchableOpInterface::getInterfaceID() && isBatchable(name))
    return &batchable;
  return nullptr;
}

Operation *ArrayDialect::materializeConstant(OpBuilder &builder,
                                             mlir::Attribute value, Type type,
                                             Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getShapedType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, elements);
}

std::optional<DType> array::toDType(Type element) {
  auto integer = dyn_cast<IntegerType>(element);
#define STEPWELL_INTEGER(E, NAME, MLIR, C, NPY, FORMAT, SAFE, TITLE, BITS,     \
                         SIGNEDNESS)                                           \
  if (integer && integer.getWidth() == BITS &&                                 \
      integer.getSignedness() == IntegerType::SIGNEDNESS)                      \
    return DType::E;
#define STEPWELL_FLOAT(E, NAME, MLIR, C, NPY, FORMAT, SAFE, TITLE, DIGITS,     \
                       CLASS)                                                  \
  if (isa<CLASS>(element))                                                     \
    return DType::E;
#include "stepwell/Semantics/DTypes.def"
  return std::nullopt;
}

Type array::fromDType(MLIRContext *context, DType dtype) {
  switch (dtype) {
#define STEPWELL_INTEGER(E, NAME, MLIR, C, NPY, FORMAT, SAFE, TITLE, BITS,     \
                         SIGNEDNESS)                                           \
  case DType::E:                                                               \
    return IntegerType::get(context, BITS, IntegerType::SIGNEDNESS);
#define STEPWELL_FLOAT(E, NAME, MLIR, C, NPY, FORMAT, SAFE, TITLE, DIGITS,     \
                       CLASS)                                                  \
  case DType::E:                                                               \
    return CLASS::get(context);
#include "stepwell/Semantics/DTypes.def"
  }
  llvm_unreachable("no element type");
}

std::optional<stepwell::TensorType> array::toTensorType(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getRank() > kMaxRank || tensor.getEncoding())
    return std::nullopt;
  std::optional<DType> dtype = toDType(tensor.getElementType());
  if (!dtype)
    return std::nullopt;
  return stepwell::TensorType{
      *dtype, Dims(tensor.getShape().begin(), tensor.getShape().end())};
}

RankedTensorType array::fromTensorType(MLIRContext *context,
                                       const stepwell::TensorType &type) {
  static_assert(kDynamic == ShapedType::kDynamic);
  return RankedTensorType::get(
      ArrayRef<int64_t>(type.dims.begin(), type.dims.end()),
      fromDType(context, type.dtype));
}

Operation *array::createInferred(OpBuilder &builder, Location loc,
                                 StringRef name, ValueRange operands,
                                 ArrayRef<NamedAttribute> attributes) {
  OperationState state(loc, name, operands, TypeRange(), attributes);
  auto *infer = state.name.getInterface<InferTypeOpInterface>();
  if (!infer) {
    emitError(loc) << "'" << name
                   << "' is not loaded or does not infer its type";
    return nullptr;
  }
  // Inference reads attributes that are properties: only an operation has
  // those, so a draft without results lends its own.
  Operation *draft = Operation::create(state);
  LogicalResult inferred =
      infer->inferReturnTypes(builder.getContext(), loc, operands,
                              draft->getDiscardableAttrDictionary(),
                              draft->getPropertiesStorage(), {}, state.types);
  draft->destroy();
  if (failed(inferred))
    return nullptr;
  return builder.create(state);
}

Value array::createNumber(OpBuilder &builder, Location loc, double value,
                          Type element) {
  auto type = RankedTensorType::get({}, element);
  TypedAttr number;
  if (auto floating = dyn_cast<FloatType>(element))
    number = FloatAttr::get(floating, value);
  else
    number = IntegerAttr::get(element, static_cast<int64_t>(value));
  return ConstantOp::create(
      builder, loc,
      DenseElementsAttr::get(type, ArrayRef<mlir::Attribute>(number)));
}

static RegisterPieces registration([](DialectRegistry &registry) {
  registry.insert<ArrayDialect>();
});
