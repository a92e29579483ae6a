//===- FormKernels.cpp - One kernel for each linalg operation -------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelBuilder.h"
#include "stepwell/Targets/GPU/Passes.h"
#include "stepwell/Targets/Target.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_FORMKERNELSPASS
#include "stepwell/Targets/GPU/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

/// Has an instruction on every target; all other functions are expanded before.
bool isNativeMath(Operation *op) {
  return isa<math::FmaOp, math::AbsFOp, math::AbsIOp, math::SqrtOp,
             math::FloorOp, math::CeilOp, math::RoundEvenOp, math::CopySignOp>(
      op);
}

/// One linalg.generic as the body of one kernel.
class KernelBody {
public:
  KernelBody(linalg::GenericOp op, KernelBuilder &kernel, unsigned blockSize)
      : op(op), kernel(kernel), builder(kernel.builder), loc(op.getLoc()),
        blockSize(blockSize) {}

  /// The number of blocks that suffices, as a value of the kernel.
  FailureOr<Value> emit() {
    if (failed(check()) || failed(resolve()))
      return failure();
    for (auto [size, kind] :
         llvm::zip_equal(loopSizes, op.getIteratorTypesArray()))
      (kind == utils::IteratorType::parallel ? rowSizes : columnSizes)
          .push_back(size);
    Value rows = kernel.product(rowSizes);
    // The widest grid is emitted before the loops, where it is in sight of the
    // words.
    bool byBlock = isBlockReduction();
    Value blocks =
        byBlock ? rows
                : builder.createOrFold<arith::DivUIOp>(
                      loc, kernel.add(rows, kernel.constant(blockSize - 1)),
                      kernel.constant(blockSize));
    if (byBlock)
      emitBlockPerRow(rows);
    else
      emitThreadPerRow(rows);
    return blocks;
  }

private:
  LogicalResult check() {
    WalkResult result = op.getRegion().walk([&](Operation *inner) {
      if (isa<arith::ArithDialect>(inner->getDialect()) ||
          isNativeMath(inner) ||
          isa<linalg::YieldOp, linalg::IndexOp, memref::LoadOp, scf::IfOp,
              scf::ForOp, scf::YieldOp>(inner))
        return WalkResult::advance();
      inner->emitError("no GPU target has an instruction for this operation")
          << (isa<math::MathDialect>(inner->getDialect())
                  ? ": functions are expanded before"
                  : "");
      return WalkResult::interrupt();
    });
    return failure(result.wasInterrupted());
  }

  /// Everything the body needs, ahead of the loops.
  LogicalResult resolve() {
    SmallVector<Value> dims;
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<MemRefType>(operand.get().getType())) {
        FailureOr<Value> value = kernel.scalar(operand.get());
        if (failed(value))
          return failure();
        views.emplace_back();
        continue;
      }
      FailureOr<FlatView> view = kernel.view(operand.get());
      if (failed(view))
        return failure();
      views.push_back(*view);
      dims.append(view->sizes);
    }
    AffineMap shapes = op.getShapesToLoopsMap();
    if (!shapes)
      return op.emitError("the loops do not follow from the operands' sizes");
    for (AffineExpr size : shapes.getResults())
      loopSizes.push_back(
          affine::expandAffineExpr(builder, loc, size, dims, {}));
    SetVector<Value> captured;
    getUsedValuesDefinedAbove(op.getRegion(), captured);
    for (Value value : captured)
      if (isa<MemRefType>(value.getType()) ? failed(kernel.view(value))
                                           : failed(kernel.scalar(value)))
        return failure();
    return success();
  }

  /// Reading along the reduced dimension is only fast for threads side by side
  /// when it is the last one.
  bool isBlockReduction() {
    if (columnSizes.empty() || op.getNumDpsInputs() != 1 ||
        op.getNumDpsInits() != 1 ||
        op.getIteratorTypesArray().back() != utils::IteratorType::reduction)
      return false;
    SmallVector<Operation *> combiners;
    if (!matchReduction(op.getRegionOutputArgs(), 0, combiners) ||
        combiners.size() != 1)
      return false;
    neutral = arith::getNeutralElement(combiners.front());
    combiner = combiners.front();
    return neutral.has_value();
  }

  /// Loop indices in the order of the iterators, from those of the result and
  /// those of the reduction.
  SmallVector<Value> merge(ArrayRef<Value> row, ArrayRef<Value> column) {
    SmallVector<Value> indices;
    for (utils::IteratorType kind : op.getIteratorTypesArray()) {
      ArrayRef<Value> &from =
          kind == utils::IteratorType::parallel ? row : column;
      indices.push_back(from.front());
      from = from.drop_front();
    }
    return indices;
  }

  SmallVector<Value> operandIndices(OpOperand &operand,
                                    ArrayRef<Value> indices) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    SmallVector<Value> result;
    for (AffineExpr expr : map.getResults())
      result.push_back(
          affine::expandAffineExpr(builder, loc, expr, indices, {}));
    return result;
  }

  Value load(OpOperand &operand, ArrayRef<Value> indices) {
    if (!isa<MemRefType>(operand.get().getType()))
      return kernel.mapping.lookup(operand.get());
    const FlatView &view = views[operand.getOperandNumber()];
    if (flatIndex)
      return kernel.load(flatten(view), flatIndex);
    return kernel.load(view, operandIndices(operand, indices));
  }

  void store(Value value, OpOperand &operand, ArrayRef<Value> indices) {
    const FlatView &view = views[operand.getOperandNumber()];
    if (flatIndex)
      return kernel.store(value, flatten(view), flatIndex);
    kernel.store(value, view, operandIndices(operand, indices));
  }

  FlatView flatten(FlatView view) {
    view.strides.assign(1, kernel.constant(1));
    return view;
  }

  /// Every operand is walked in one line: no index arithmetic is needed.
  bool isLinear() {
    if (!columnSizes.empty())
      return false;
    for (OpOperand &operand : op->getOpOperands())
      if (isa<MemRefType>(operand.get().getType()) &&
          (!op.getMatchingIndexingMap(&operand).isIdentity() ||
           !views[operand.getOperandNumber()].packed))
        return false;
    return true;
  }

  /// What the body yields for these indices and these values of the results.
  SmallVector<Value> inlineBody(ArrayRef<Value> indices, ValueRange results) {
    IRMapping mapping = kernel.mapping;
    Block &body = *op.getBlock();
    for (OpOperand *operand : op.getDpsInputOperands()) {
      BlockArgument argument = op.getMatchingBlockArgument(operand);
      if (!argument.use_empty())
        mapping.map(argument, load(*operand, indices));
    }
    for (auto [argument, value] :
         llvm::zip_equal(op.getRegionOutputArgs(), results))
      mapping.map(argument, value);
    for (Operation &inner : body.without_terminator()) {
      if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
        mapping.map(index.getResult(), indices[index.getDim()]);
        continue;
      }
      builder.clone(inner, mapping);
    }
    SmallVector<Value> yielded;
    for (Value value : body.getTerminator()->getOperands())
      yielded.push_back(mapping.lookupOrDefault(value));
    return yielded;
  }

  SmallVector<Value> loadResults(ArrayRef<Value> indices) {
    SmallVector<Value> values;
    for (OpOperand &operand : op.getDpsInitsMutable()) {
      // A value that nobody reads may lie in memory that nobody has written.
      bool used = !op.getMatchingBlockArgument(&operand).use_empty();
      values.push_back(used ? load(operand, indices) : Value());
    }
    return values;
  }

  Value id(gpu::Dimension x, bool block) {
    return block ? gpu::BlockIdOp::create(builder, loc, x).getResult()
                 : gpu::ThreadIdOp::create(builder, loc, x).getResult();
  }

  void emitThreadPerRow(Value rows) {
    Value block = kernel.constant(blockSize);
    Value first = kernel.add(kernel.mul(id(gpu::Dimension::x, true), block),
                             id(gpu::Dimension::x, false));
    Value step = kernel.mul(
        gpu::GridDimOp::create(builder, loc, gpu::Dimension::x), block);
    OpBuilder::InsertionGuard guard(builder);
    auto loop = scf::ForOp::create(builder, loc, first, rows, step);
    builder.setInsertionPointToStart(loop.getBody());
    Value row = loop.getInductionVar();
    SmallVector<Value> rowIndices = kernel.delinearize(row, rowSizes);
    SmallVector<Value> columns(columnSizes.size(), kernel.constant(0));
    if (isLinear())
      flatIndex = row;
    SmallVector<Value> outer = merge(rowIndices, columns);
    SmallVector<Value> values = loadResults(outer);
    if (columnSizes.empty()) {
      values = inlineBody(outer, values);
    } else {
      values = emitColumns(rowIndices, values);
    }
    for (auto [value, operand] :
         llvm::zip_equal(values, op.getDpsInitsMutable()))
      store(value, operand, outer);
  }

  /// One thread walks every reduced element, in order.
  SmallVector<Value> emitColumns(ArrayRef<Value> rowIndices,
                                 SmallVector<Value> values) {
    SmallVector<Value> carried;
    for (Value value : values)
      if (value)
        carried.push_back(value);
    if (carried.size() != values.size())
      // Only the last iteration counts; a value to carry is needed all the
      // same.
      for (auto [value, operand] :
           llvm::zip_equal(values, op.getDpsInitsMutable()))
        if (!value) {
          Type type = getElementTypeOrSelf(operand.get().getType());
          value = arith::ConstantOp::create(builder, loc,
                                            builder.getZeroAttr(type));
        }
    OpBuilder::InsertionGuard guard(builder);
    auto loop = scf::ForOp::create(builder, loc, kernel.constant(0),
                                   kernel.product(columnSizes),
                                   kernel.constant(1), values);
    builder.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> columns =
        kernel.delinearize(loop.getInductionVar(), columnSizes);
    SmallVector<Value> next =
        inlineBody(merge(rowIndices, columns), loop.getRegionIterArgs());
    scf::YieldOp::create(builder, loc, next);
    return SmallVector<Value>(loop.getResults());
  }

  Value combine(Value a, Value b) {
    Operation *clone = builder.clone(*combiner);
    clone->setOperands({a, b});
    return clone->getResult(0);
  }

  /// Threads of a block walk a row side by side, then fold their sums in a
  /// tree: no subgroup size is assumed.
  void emitBlockPerRow(Value rows) {
    Type type = combiner->getResult(0).getType();
    auto function = cast<gpu::GPUFuncOp>(builder.getBlock()->getParentOp());
    auto space = gpu::AddressSpaceAttr::get(builder.getContext(),
                                            gpu::AddressSpace::Workgroup);
    Value shared = function.addWorkgroupAttribution(
        MemRefType::get({(int64_t)blockSize}, type, AffineMap(), space), loc);
    Value thread = id(gpu::Dimension::x, false);
    Value zero = kernel.constant(0);
    Value block = kernel.constant(blockSize);
    Value columns = kernel.product(columnSizes);
    Value start = arith::ConstantOp::create(builder, loc, *neutral);
    Value isFirst = arith::CmpIOp::create(
        builder, loc, arith::CmpIPredicate::eq, thread, zero);
    Value blocks = gpu::GridDimOp::create(builder, loc, gpu::Dimension::x);

    OpBuilder::InsertionGuard guard(builder);
    auto rowLoop = scf::ForOp::create(builder, loc, id(gpu::Dimension::x, true),
                                      rows, blocks);
    builder.setInsertionPointToStart(rowLoop.getBody());
    SmallVector<Value> rowIndices =
        kernel.delinearize(rowLoop.getInductionVar(), rowSizes);

    auto columnLoop = scf::ForOp::create(builder, loc, thread, columns, block,
                                         ValueRange{start});
    {
      OpBuilder::InsertionGuard inside(builder);
      builder.setInsertionPointToStart(columnLoop.getBody());
      SmallVector<Value> indices =
          kernel.delinearize(columnLoop.getInductionVar(), columnSizes);
      scf::YieldOp::create(builder, loc,
                           inlineBody(merge(rowIndices, indices),
                                      columnLoop.getRegionIterArgs()));
    }
    memref::StoreOp::create(builder, loc, columnLoop.getResult(0), shared,
                            thread);
    gpu::BarrierOp::create(builder, loc);
    for (unsigned half = blockSize / 2; half; half /= 2) {
      Value limit = kernel.constant(half);
      Value active = arith::CmpIOp::create(
          builder, loc, arith::CmpIPredicate::ult, thread, limit);
      auto fold = scf::IfOp::create(builder, loc, active);
      {
        OpBuilder::InsertionGuard inside(builder);
        builder.setInsertionPointToStart(fold.thenBlock());
        Value low = memref::LoadOp::create(builder, loc, shared, thread);
        Value high = memref::LoadOp::create(builder, loc, shared,
                                            kernel.add(thread, limit));
        memref::StoreOp::create(builder, loc, combine(low, high), shared,
                                thread);
      }
      gpu::BarrierOp::create(builder, loc);
    }
    auto last = scf::IfOp::create(builder, loc, isFirst);
    {
      OpBuilder::InsertionGuard inside(builder);
      builder.setInsertionPointToStart(last.thenBlock());
      SmallVector<Value> none(columnSizes.size(), zero);
      SmallVector<Value> indices = merge(rowIndices, none);
      OpOperand &result = *op.getDpsInitOperand(0);
      Value total = memref::LoadOp::create(builder, loc, shared, zero);
      store(combine(load(result, indices), total), result, indices);
    }
    // The next row writes where this one was read.
    gpu::BarrierOp::create(builder, loc);
  }

  linalg::GenericOp op;
  KernelBuilder &kernel;
  OpBuilder &builder;
  Location loc;
  unsigned blockSize;
  SmallVector<FlatView> views; // by operand; empty for a scalar
  SmallVector<Value> loopSizes, rowSizes, columnSizes;
  Value flatIndex; // set where no index arithmetic is needed
  std::optional<TypedAttr> neutral;
  Operation *combiner = nullptr;
};

class EntryKernels {
public:
  EntryKernels(func::FuncOp entry, unsigned blockSize)
      : entry(entry), blockSize(blockSize), builder(entry),
        arguments(entry.getArguments().drop_front()) {}

  LogicalResult run() {
    if (!entry.getBody().hasOneBlock())
      return entry.emitError("an entry has one block");
    module =
        gpu::GPUModuleOp::create(builder, entry.getLoc(), entry.getSymName());
    for (Operation &op : llvm::make_early_inc_range(entry.getBody().front()))
      if (failed(visit(&op)))
        return failure();
    FailureOr<std::string> workspace = workspaceSize();
    if (failed(workspace))
      return failure();
    auto parent = entry->getParentOfType<ModuleOp>();
    parent->setAttr(kManifestAttr, builder.getStringAttr(makeManifest(
                                       entry.getSymName(), arguments.getTypes(),
                                       *workspace, records)));
    // gpu.module has the entry's name.
    entry.erase();
    return success();
  }

private:
  LogicalResult visit(Operation *op) {
    if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
      auto generic = dyn_cast<linalg::GenericOp>(op);
      if (!generic) {
        IRRewriter rewriter(op);
        FailureOr<linalg::GenericOp> made =
            linalg::generalizeNamedOp(rewriter, linalgOp);
        if (failed(made))
          return op->emitError("no GPU kernel is formed from this operation");
        generic = *made;
      }
      return form(generic);
    }
    if (auto copy = dyn_cast<memref::CopyOp>(op)) {
      OpBuilder at(op);
      return form(linalg::makeMemRefCopyOp(at, op->getLoc(), copy.getSource(),
                                           copy.getTarget()));
    }
    // Pure as well, so it comes first.
    if (isa<func::ReturnOp>(op)) {
      if (matchPattern(op->getOperand(0), m_Zero()))
        return success();
      return op->emitError("a GPU kernel reports no errors yet");
    }
    // Numbers and views are computed where a kernel needs them; the address of
    // the workspace is a parameter.
    if (isPure(op) || isa<memref::ViewOp, LLVM::LoadOp, LLVM::GEPOp>(op))
      return success();
    return op->emitError("no GPU kernel is formed from this operation");
  }

  gpu::GPUFuncOp makeFunction(StringRef name) {
    builder.setInsertionPointToEnd(module.getBody());
    auto type = builder.getFunctionType(wordTypes(arguments.getTypes()), {});
    return gpu::GPUFuncOp::create(builder, entry.getLoc(), name, type);
  }

  LogicalResult form(linalg::GenericOp op) {
    std::string name = (entry.getSymName() + "_" + Twine(records.size())).str();
    gpu::GPUFuncOp function = makeFunction(name);
    function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(),
                      builder.getUnitAttr());
    function.setKnownBlockSize(ArrayRef<int32_t>{(int32_t)blockSize, 1, 1});
    builder.setInsertionPointToStart(&function.getBody().front());
    KernelBuilder kernel(builder, op.getLoc(), arguments,
                         function.getArguments());
    FailureOr<Value> blocks = KernelBody(op, kernel, blockSize).emit();
    if (failed(blocks))
      return failure();
    gpu::ReturnOp::create(builder, op.getLoc());
    if (failed(loadFlat(function, kernel)))
      return failure();
    FailureOr<std::string> grid = postfix(*blocks, function.getArguments());
    if (failed(grid))
      return failure();
    records.push_back({name, blockSize, *grid});
    return success();
  }

  /// A body may read other buffers by computed indices (gather); these loads
  /// were copied as they are.
  LogicalResult loadFlat(gpu::GPUFuncOp function, KernelBuilder &kernel) {
    WalkResult result = function.walk([&](memref::LoadOp load) -> WalkResult {
      Value memref = load.getMemRef();
      if (memref.getParentRegion()->getParentOp() != entry)
        return WalkResult::advance();
      FailureOr<FlatView> view = kernel.view(memref);
      if (failed(view))
        return WalkResult::interrupt();
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPoint(load);
      load.replaceAllUsesWith(kernel.load(*view, load.getIndices()));
      load.erase();
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }

  /// The companion's result in postfix, and the companion gone.
  FailureOr<std::string> workspaceSize() {
    auto parent = entry->getParentOfType<ModuleOp>();
    for (auto size : parent.getOps<func::FuncOp>()) {
      auto of = size->getAttrOfType<FlatSymbolRefAttr>(kWorkspaceSizeOfAttr);
      if (!of || of.getValue() != entry.getSymName())
        continue;
      gpu::GPUFuncOp scratch = makeFunction("workspace_size");
      builder.setInsertionPointToStart(&scratch.getBody().front());
      KernelBuilder kernel(builder, size.getLoc(), size.getArguments(),
                           scratch.getArguments());
      FailureOr<Value> bytes =
          kernel.scalar(size.getBody().front().getTerminator()->getOperand(0));
      FailureOr<std::string> text = failure();
      if (succeeded(bytes))
        text = postfix(*bytes, scratch.getArguments());
      scratch.erase();
      size.erase();
      return text;
    }
    return std::string("0");
  }

  func::FuncOp entry;
  unsigned blockSize;
  OpBuilder builder;
  ValueRange arguments; // without the context
  gpu::GPUModuleOp module;
  SmallVector<KernelRecord> records;
};

struct FormKernels : stepwell::impl::FormKernelsPassBase<FormKernels> {
  using FormKernelsPassBase::FormKernelsPassBase;
  void runOnOperation() override {
    if (!llvm::isPowerOf2_32(blockSize) || blockSize > 1024) {
      getOperation().emitError("a block has 1 to 1024 threads, a power of two");
      return signalPassFailure();
    }
    SmallVector<func::FuncOp> entries;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(kEntryAttr))
        entries.push_back(function);
    if (entries.size() != 1) {
      getOperation().emitError("a GPU object has one entry, found ")
          << entries.size();
      return signalPassFailure();
    }
    if (failed(EntryKernels(entries.front(), blockSize).run()))
      return signalPassFailure();
  }
};

} // namespace
