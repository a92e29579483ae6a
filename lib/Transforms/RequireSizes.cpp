//===- RequireSizes.cpp - What must hold of a call's arguments ------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Array/Array.h"
#include "stepwell/Array/OpenShapes.h"
#include "stepwell/Lowering/Entry.h"
#include "stepwell/Lowering/Passes.h"
#include "stepwell/Transforms/Passes.h"
#include "stepwell/abi.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_REQUIRESIZESPASS
#include "stepwell/Transforms/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;
using rules::OpenShape;
using rules::OpenSize;

namespace {

/// More bytes than a tensor has, and far from overflow.
constexpr int64_t kMostBytes = int64_t(1) << 60;

class Requirements {
public:
  explicit Requirements(func::FuncOp main) : main(main), builder(main) {}

  LogicalResult run() {
    Block &block = main.getBody().front();
    if (failed(array::refineTypes(block)))
      return failure();
    for (BlockArgument argument : block.getArguments())
      shapes.set(argument, readArgument(argument));
    if (failed(shapes.run(block)))
      return failure();
    auto ret = cast<func::ReturnOp>(block.getTerminator());
    for (auto [i, value] : llvm::enumerate(ret.getOperands()))
      checkResult(static_cast<unsigned>(i), value);
    // A null pointer is fine where there is nothing to read: known only when
    // the sizes are.
    for (auto &[pointer, elements] : pointers)
      require(rules::choose(elements, rules::compare(pointer, "!=", 0), 1),
              "==", 1, -1, STEPWELL_BAD_VALUE);
    main->setAttr(kRequiresAttr, builder.getArrayAttr(conditions));
    return success();
  }

private:
  OpenSize takeWord() {
    return OpenSize::open("w" + std::to_string(nextWord++));
  }

  void require(const OpenSize &found, const char *relation,
               const OpenSize &expected, int64_t dim,
               int64_t status = STEPWELL_SHAPE_MISMATCH) {
    std::string text =
        found.postfix() + " " + relation + " " + expected.postfix();
    if (!seen.insert(text).second)
      return;
    mlir::Attribute parts[] = {
        builder.getStringAttr(found.postfix()), builder.getStringAttr(relation),
        builder.getStringAttr(expected.postfix()),
        builder.getI64IntegerAttr(dim), builder.getI64IntegerAttr(status)};
    conditions.push_back(builder.getArrayAttr(parts));
  }

  /// The words of a tensor; its sizes.
  OpenShape readWords(RankedTensorType type, bool hasData) {
    OpenSize pointer = takeWord();
    OpenShape shape;
    OpenSize elements = 1, room = 1;
    for (auto [i, size] : llvm::enumerate(type.getShape())) {
      OpenSize word = takeWord();
      auto dim = static_cast<int64_t>(i);
      if (ShapedType::isDynamic(size)) {
        require(word, ">=", 0, dim, STEPWELL_BAD_VALUE);
        shape.push_back(word);
        room = room * rules::choose(word, word, 1);
      } else {
        require(word, "==", size, dim);
        shape.emplace_back(size);
        room = room * std::max<int64_t>(size, 1);
      }
      elements = elements * shape.back();
    }
    nextWord += type.getRank(); // the strides
    if (!type.hasStaticShape())
      require(room, "<=", kMostBytes / 8, -1, STEPWELL_BAD_VALUE);
    if (hasData)
      pointers.emplace_back(pointer, elements);
    return shape;
  }

  OpenShape readArgument(BlockArgument argument) {
    auto type = cast<RankedTensorType>(argument.getType());
    auto has = [&](StringRef name) {
      return main.getArgAttr(argument.getArgNumber(), name) != nullptr;
    };
    if (!has(kScalarAttr))
      return readWords(type, !has(kShapeOnlyAttr));
    ++nextWord;
    return {};
  }

  void checkResult(unsigned index, Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    OpenShape place;
    if (auto into = main.getResultAttrOfType<IntegerAttr>(index, kIntoAttr)) {
      if (into.getInt() < 0 || into.getInt() >= main.getNumArguments())
        return; // stepwell-lower-entry says so
      place = shapes.get(main.getArgument(into.getInt()));
    } else {
      if (!type.hasStaticShape())
        saySizes(index, shapes.get(value));
      place = readWords(type, /*hasData=*/true);
    }
    for (auto [i, size] : llvm::enumerate(shapes.get(value)))
      if (i < place.size() && place[i].postfix() != size.postfix())
        require(place[i], "==", size, static_cast<int64_t>(i));
  }

  /// How a caller that has the arguments finds the sizes of a result.
  void saySizes(unsigned index, const OpenShape &shape) {
    SmallVector<StringRef> sizes;
    for (const OpenSize &size : shape)
      sizes.push_back(size.postfix());
    main.setResultAttr(index, kSizesAttr, builder.getStrArrayAttr(sizes));
  }

  func::FuncOp main;
  Builder builder;
  int64_t nextWord = 0;
  array::OpenShapes shapes{[this](const rules::SizeCondition &condition) {
    require(condition.found, condition.relation, condition.expected,
            condition.dim);
  }};
  std::vector<std::pair<OpenSize, OpenSize>> pointers;
  llvm::StringSet<> seen;
  SmallVector<mlir::Attribute> conditions;
};

struct RequireSizes : stepwell::impl::RequireSizesPassBase<RequireSizes> {
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (main && main.getBody().hasOneBlock() &&
        failed(Requirements(main).run()))
      signalPassFailure();
  }
};

} // namespace
