//===- FuseElementwise.cpp - Producers inside their consumers -------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Lowering/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_FUSEELEMENTWISEPASS
#include "stepwell/Lowering/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

/// What a body may weigh: a longer one gains nothing and costs the code
/// generator more than two. A function is as many operations in the end.
constexpr unsigned kHeaviestBody = 128, kFunctionWeight = 8;

unsigned weightOf(linalg::GenericOp op) {
  unsigned weight = 0;
  for (Operation &inner : op.getBody()->without_terminator())
    weight += isa<math::MathDialect>(inner.getDialect()) ? kFunctionWeight : 1;
  return weight;
}

/// Whether computing this body again costs more than reading its result.
bool isCostly(linalg::GenericOp op) {
  unsigned count = 0;
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (isa<math::MathDialect>(inner.getDialect()) ||
        isa<arith::DivFOp, arith::DivSIOp, arith::DivUIOp, arith::RemFOp,
            arith::RemSIOp, arith::RemUIOp>(inner))
      return true;
    ++count;
  }
  return count > 4;
}

/// Whether the consumer reads the operand's elements more than once.
bool isBroadcast(linalg::GenericOp consumer, OpOperand *operand) {
  AffineMap map = consumer.getMatchingIndexingMap(operand);
  SmallVector<int64_t> ranges = consumer.getStaticLoopRanges();
  for (unsigned loop = 0; loop < ranges.size(); ++loop)
    if (ranges[loop] != 1 && !map.isFunctionOfDim(loop))
      return true;
  return false;
}

/// Whether at most one operand is as large as the result.
bool readsOneTensor(linalg::GenericOp producer) {
  return llvm::count_if(producer.getDpsInputOperands(), [&](OpOperand *input) {
           return !isBroadcast(producer, input);
         }) <= 1;
}

/// Whether each element is read once and none is repeated, as in a transpose.
bool permutes(linalg::GenericOp producer) {
  return producer.getNumDpsInputs() == 1 &&
         producer.getIndexingMapsArray().front().isPermutation();
}

/// Whether the body yields its only input.
bool isMove(linalg::GenericOp op) {
  return op.getNumDpsInputs() == 1 && op.getNumDpsInits() == 1 &&
         op.getBody()->getTerminator()->getOperand(0) ==
             op.getBody()->getArgument(0);
}

/// Whether it is a transpose that products alone read: it becomes an index of
/// theirs, if it stays alone.
bool transposesForProducts(linalg::GenericOp op) {
  return isMove(op) && permutes(op) && !op->use_empty() &&
         llvm::all_of(op->getUsers(), [](Operation *user) {
           auto product = dyn_cast<linalg::LinalgOp>(user);
           return product && linalg::isaContractionOpInterface(product);
         });
}

/// Whether it goes on from what is there: a consumer with more loops would do
/// so in each of them.
bool accumulates(linalg::GenericOp producer) {
  return llvm::any_of(producer.getDpsInitsMutable(), [&](OpOperand &init) {
    return producer.payloadUsesValueFromOperand(&init);
  });
}

bool shouldFuse(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
  auto consumer = dyn_cast<linalg::GenericOp>(operand->getOwner());
  if (!producer || !consumer || accumulates(producer))
    return false;
  // A window or a sum of products reads an element again and again: what is
  // fused would be computed as often.
  bool repeats = consumer.getNumReductionLoops() &&
                 producer.getNumLoops() < consumer.getNumLoops();
  bool movesOnly = llvm::hasSingleElement(producer.getBody()->getOperations());
  bool windowed =
      !consumer.getMatchingIndexingMap(operand).isProjectedPermutation(
          /*allowZeroInResults=*/true);
  if (repeats && (windowed || !movesOnly))
    return false;
  // An operand of a product without rows or columns would make it another
  // kind of sum.
  if (repeats && linalg::isaContractionOpInterface(consumer) &&
      !permutes(producer))
    return false;
  if (movesOnly)
    return true;
  if (transposesForProducts(consumer))
    return false;
  // Each operand that is fused takes a body of its own along.
  Value made = operand->get();
  AffineMap map = consumer.getMatchingIndexingMap(operand);
  bool elsewhere = false;
  for (OpOperand *other : consumer.getDpsInputOperands()) {
    if (other == operand || other->get() != made)
      continue;
    if (consumer.getMatchingIndexingMap(other) == map)
      return false; // they become one operand first
    elsewhere = true;
  }
  if (weightOf(producer) + weightOf(consumer) > kHeaviestBody)
    return false;
  if (isBroadcast(consumer, operand) && isCostly(producer))
    return false;
  // Several consumers may each compute what costs no more than reading it.
  bool again = !isCostly(producer) && readsOneTensor(producer);
  return (again || !elsewhere) &&
         llvm::all_of(producer->getUsers(), [&](Operation *user) {
           return user == consumer || isa<tensor::DimOp>(user) ||
                  (again && isa<linalg::GenericOp>(user));
         });
}

/// A rank-0 operand whose value is known as a scalar becomes that scalar.
struct InlineScalars : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    for (OpOperand *operand : op.getDpsInputOperands()) {
      auto scalar = operand->get().getDefiningOp<tensor::FromElementsOp>();
      if (!scalar || scalar.getType().getRank() != 0)
        continue;
      BlockArgument argument = op.getMatchingBlockArgument(operand);
      if (argument.use_empty())
        continue; // removed with the other dead operands
      rewriter.replaceAllUsesWith(argument, scalar.getElements().front());
      return success();
    }
    return failure();
  }
};

/// Whether the body adds its only input to the old result.
bool isSum(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1)
    return false;
  Operation *add = op.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  return isa_and_nonnull<arith::AddFOp, arith::AddIOp>(add) &&
         llvm::is_contained(add->getOperands(), op.getBody()->getArgument(0)) &&
         llvm::is_contained(add->getOperands(), op.getBody()->getArgument(1));
}

bool isZeroFill(Value value) {
  auto fill = value.getDefiningOp<linalg::FillOp>();
  return fill && (matchPattern(fill.value(), m_AnyZeroFloat()) ||
                  matchPattern(fill.value(), m_Zero()));
}

/// Whether a loop that goes over `own` and not over `other` leads to the
/// result.
bool keepsOwnLoop(AffineMap own, AffineMap other, AffineMap result) {
  for (unsigned loop = 0; loop < own.getNumDims(); ++loop)
    if (own.isFunctionOfDim(loop) && !other.isFunctionOfDim(loop) &&
        result.isFunctionOfDim(loop))
      return true;
  return false;
}

/// A sum over products of matrices, as in the gradient of what a batch shares,
/// is a product with more to sum over; a product that is transposed writes its
/// result so.
struct AbsorbIntoProduct : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    bool moves = isMove(op);
    if ((!isSum(op) && !moves) ||
        !llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) {
          return map.isProjectedPermutation();
        }))
      return failure();
    auto product = op.getInputs()[0].getDefiningOp<linalg::GenericOp>();
    if (!product || !linalg::isaContractionOpInterface(product) ||
        !product.getResult(0).hasOneUse() ||
        !isZeroFill(product.getDpsInits()[0]) ||
        !op.getIndexingMapsArray()[0].isPermutation())
      return failure();
    // From a loop of the sum, by the dimension that it reads, to the product's.
    AffineMap read = op.getIndexingMapsArray()[0];
    SmallVector<AffineMap> maps = product.getIndexingMapsArray();
    SmallVector<AffineExpr> results;
    for (AffineExpr loop : op.getIndexingMapsArray()[1].getResults())
      results.push_back(maps[2].getResult(*read.getResultPosition(loop)));
    maps[2] = AffineMap::get(product.getNumLoops(), 0, results, getContext());
    // Without its rows or columns it would be no product of matrices.
    if (!moves && (!keepsOwnLoop(maps[0], maps[1], maps[2]) ||
                   !keepsOwnLoop(maps[1], maps[0], maps[2])))
      return failure();
    SmallVector<utils::IteratorType> kinds = product.getIteratorTypesArray();
    for (auto [loop, kind] : llvm::enumerate(kinds))
      if (!maps[2].isFunctionOfDim(loop))
        kind = utils::IteratorType::reduction;
    Value init = op.getDpsInits()[0];
    if (moves) {
      auto zero = product.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
      init = linalg::FillOp::create(rewriter, op.getLoc(), zero.value(), init)
                 .getResult(0);
    }
    auto made =
        linalg::GenericOp::create(rewriter, op.getLoc(), op.getResultTypes(),
                                  product.getInputs(), init, maps, kinds);
    rewriter.cloneRegionBefore(product.getRegion(), made.getRegion(),
                               made.getRegion().end());
    rewriter.replaceOp(op, made);
    return success();
  }
};

struct FuseElementwise
    : stepwell::impl::FuseElementwisePassBase<FuseElementwise> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(patterns, shouldFuse);
    patterns.add<InlineScalars, AbsorbIntoProduct>(&getContext());
    // A producer must not stay because somebody asks for its sizes.
    memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
    linalg::GenericOp::getCanonicalizationPatterns(patterns, &getContext());
    GreedyRewriteConfig config;
    config.setUseTopDownTraversal(true);
    // The tiles of an scf.forall have their places, which fusion would forget.
    SmallVector<Operation *> ops;
    bool hasTiles = false;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isa<scf::ForallOp>(op)) {
        hasTiles = true;
        return WalkResult::skip();
      }
      if (op != getOperation())
        ops.push_back(op);
      return WalkResult::advance();
    });
    if (!hasTiles) {
      if (failed(applyPatternsGreedily(getOperation(), std::move(patterns),
                                       config)))
        signalPassFailure();
      return;
    }
    config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
    (void)applyOpPatternsGreedily(ops, std::move(patterns), config);
  }
};

} // namespace
