//===- PlanWorkspace.cpp - Temporaries in the caller's memory -------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Lowering/Entry.h"
#include "stepwell/Lowering/Passes.h"
#include "stepwell/abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <cstddef>

using namespace mlir;

namespace stepwell {
#define GEN_PASS_DEF_PLANWORKSPACEPASS
#include "stepwell/Lowering/Passes.h.inc"
} // namespace stepwell

using namespace stepwell;

namespace {

constexpr int64_t kAlignment = 64;

struct Buffer {
  memref::AllocOp op;
  /// Positions, in the entry's block, of the first and last operation that sees
  /// it.
  unsigned begin, end;
  unsigned slot = 0;
};

/// A place in the workspace, shared by buffers that are not alive together.
struct Slot {
  SmallVector<memref::AllocOp, 2> buffers; // all static, or all of one size
  unsigned end;
  int64_t bytes = 0; // of the largest, when static
};

bool isStatic(memref::AllocOp op) { return op.getType().hasStaticShape(); }

int64_t elementBytes(MemRefType type) {
  return (type.getElementTypeBitWidth() + 7) / 8;
}

int64_t roundUp(int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

class WorkspacePlanner {
public:
  explicit WorkspacePlanner(func::FuncOp entry)
      : entry(entry), block(entry.getBody().front()) {}

  LogicalResult run() {
    SmallVector<memref::DeallocOp> deallocs;
    entry.walk([&](memref::DeallocOp op) { deallocs.push_back(op); });
    for (memref::DeallocOp op : deallocs)
      op.erase();
    if (failed(collect()))
      return failure();
    assignSlots();
    if (failed(buildSizeFunction()))
      return failure();
    return buffers.empty() ? success() : placeBuffers();
  }

private:
  LogicalResult collect() {
    unsigned position = 0;
    for (Operation &op : block)
      positions[&op] = position++;
    auto result = entry.walk([&](memref::AllocOp op) -> WalkResult {
      if (!op.getType().getLayout().isIdentity() ||
          !op.getSymbolOperands().empty())
        return op.emitError("a temporary buffer is packed and row-major");
      // Iterations that run at the same time must not meet in one place: what
      // they need has a known size and lies on the stack.
      Operation *outermost = nullptr;
      for (Operation *parent = op->getParentOp(); parent != entry;
           parent = parent->getParentOp())
        if (parent->hasTrait<OpTrait::HasParallelRegion>())
          outermost = parent;
      if (outermost)
        return placeOnStack(op, outermost);
      Operation *first = block.findAncestorOpInBlock(*op);
      buffers.push_back({op, positions[first],
                         std::max(positions[first], lastUse(op.getResult()))});
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }

  WalkResult placeOnStack(memref::AllocOp op, Operation *loop) {
    if (!isStatic(op))
      return op.emitError(
          "a temporary buffer inside a parallel loop has a known size");
    OpBuilder builder(loop);
    auto place =
        memref::AllocaOp::create(builder, op.getLoc(), op.getType(),
                                 builder.getI64IntegerAttr(kAlignment));
    op.replaceAllUsesWith(place.getResult());
    op.erase();
    return WalkResult::skip();
  }

  /// Whether a result of `user` may lead to the buffer that is its operand, or
  /// to which the operand, an address, leads. Of a buffer's users, those that
  /// return a memref are taken to return a view of it, and those that take its
  /// address to return that; what is made of an address is an address.
  static bool leadsOn(Operation *user, Value operand, Value result) {
    if (isa<BaseMemRefType>(result.getType()))
      return true;
    if (isa<BaseMemRefType>(operand.getType()))
      return isa<memref::ExtractAlignedPointerAsIndexOp,
                 memref::ExtractStridedMetadataOp, UnrealizedConversionCastOp>(
          user);
    return isa<IndexType, LLVM::LLVMPointerType, LLVM::LLVMStructType>(
               result.getType()) ||
           result.getType().isInteger(64);
  }

  unsigned lastUse(Value buffer) {
    unsigned last = 0;
    SmallVector<Value> work{buffer};
    DenseSet<Value> seen{buffer};
    auto follow = [&](Value value) {
      if (seen.insert(value).second)
        work.push_back(value);
    };
    while (!work.empty()) {
      Value value = work.pop_back_val();
      for (OpOperand &use : value.getUses()) {
        Operation *user = use.getOwner();
        Operation *ancestor = block.findAncestorOpInBlock(*user);
        last = std::max(last, positions[ancestor]);
        for (Value result : user->getResults())
          if (leadsOn(user, value, result))
            follow(result);
        // Who can read the place where an address lies can read the buffer.
        if (auto store = dyn_cast<LLVM::StoreOp>(user);
            store && store.getValue() == value) {
          Value place = store.getAddr();
          while (auto within = place.getDefiningOp<LLVM::GEPOp>())
            place = within.getBase();
          follow(place);
        }
        // A loop carries it: alive as long as the loop's results are.
        if (auto loop = dyn_cast<LoopLikeOpInterface>(user))
          for (Value argument : loop.getRegionIterArgs())
            if (leadsOn(user, value, argument))
              follow(argument);
        if (user->hasTrait<OpTrait::IsTerminator>() &&
            user->getParentOp() != entry)
          for (Value result : user->getParentOp()->getResults())
            if (leadsOn(user, value, result))
              follow(result);
      }
    }
    return last;
  }

  static bool sameSize(memref::AllocOp a, memref::AllocOp b) {
    return a.getType().getShape() == b.getType().getShape() &&
           a.getDynamicSizes() == b.getDynamicSizes() &&
           elementBytes(a.getType()) == elementBytes(b.getType());
  }

  void assignSlots() {
    for (Buffer &buffer : buffers) {
      bool fixed = isStatic(buffer.op);
      int64_t bytes = fixed ? roundUp(buffer.op.getType().getNumElements() *
                                      elementBytes(buffer.op.getType()))
                            : 0;
      // The free slot whose size differs least.
      std::optional<unsigned> best;
      for (auto [i, slot] : llvm::enumerate(slots)) {
        if (slot.end >= buffer.begin || isStatic(slot.buffers.front()) != fixed)
          continue;
        if (!fixed && !sameSize(slot.buffers.front(), buffer.op))
          continue;
        if (!best ||
            std::abs(slot.bytes - bytes) < std::abs(slots[*best].bytes - bytes))
          best = i;
      }
      if (!best) {
        best = slots.size();
        slots.push_back({});
      }
      Slot &slot = slots[*best];
      slot.buffers.push_back(buffer.op);
      slot.end = buffer.end;
      slot.bytes = std::max(slot.bytes, bytes);
      buffer.slot = *best;
    }
  }

  /// Computes `value` again at the builder, from the entry's arguments (or what
  /// they are mapped to) alone; null after an error.
  Value recompute(Value value, OpBuilder &builder, IRMapping &mapping) {
    if (Value known = mapping.lookupOrNull(value))
      return known;
    Operation *op = value.getDefiningOp();
    auto dim = dyn_cast_or_null<memref::DimOp>(op);
    std::optional<int64_t> index = dim ? dim.getConstantIndex() : std::nullopt;
    if (index &&
        isa_and_nonnull<memref::AllocOp, memref::CastOp,
                        memref::CollapseShapeOp, memref::ExpandShapeOp>(
            dim.getSource().getDefiningOp())) {
      Value size = recomputeSize(dim.getSource(), *index, op->getLoc(), builder,
                                 mapping);
      if (size)
        mapping.map(value, size);
      return size;
    }
    if (!dim && (!op || !isMemoryEffectFree(op) || op->getNumRegions() ||
                 // What always runs cannot fail here if it does not there.
                 (!isSpeculatable(op) && op->getBlock() != &block))) {
      Operation *where = op ? op : value.getParentBlock()->getParentOp();
      where->emitError("the size of a temporary buffer depends on data");
      return {};
    }
    for (Value operand : op->getOperands())
      if (!recompute(operand, builder, mapping))
        return {};
    builder.clone(*op, mapping);
    return mapping.lookup(value);
  }

  /// A dimension of a buffer; of one made here, from what its size was made of.
  Value recomputeSize(Value buffer, int64_t index, Location loc,
                      OpBuilder &builder, IRMapping &mapping) {
    auto type = cast<MemRefType>(buffer.getType());
    if (!type.isDynamicDim(index))
      return arith::ConstantIndexOp::create(builder, loc,
                                            type.getDimSize(index));
    if (auto alloc = buffer.getDefiningOp<memref::AllocOp>())
      return recompute(alloc.getDynamicSizes()[type.getDynamicDimIndex(index)],
                       builder, mapping);
    if (auto cast = buffer.getDefiningOp<memref::CastOp>())
      return recomputeSize(cast.getSource(), index, loc, builder, mapping);
    if (auto expanded = buffer.getDefiningOp<memref::ExpandShapeOp>())
      return recompute(
          expanded.getOutputShape()[type.getDynamicDimIndex(index)], builder,
          mapping);
    if (auto collapsed = buffer.getDefiningOp<memref::CollapseShapeOp>()) {
      Value product;
      ReassociationIndices group = collapsed.getReassociationIndices()[index];
      for (int64_t from : group) {
        Value size =
            recomputeSize(collapsed.getSrc(), from, loc, builder, mapping);
        if (!size)
          return {};
        product =
            product ? arith::MulIOp::create(builder, loc, product, size) : size;
      }
      return product;
    }
    Value source = recompute(buffer, builder, mapping);
    return source ? memref::DimOp::create(builder, loc, source, index)
                  : Value();
  }

  /// Offsets of the slots, then the total, as index values at the builder.
  FailureOr<SmallVector<Value>> offsets(OpBuilder &builder,
                                        IRMapping &mapping) {
    Location loc = entry.getLoc();
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(builder, loc, value);
    };
    int64_t fixed = 0; // static slots lie first, at constant offsets
    SmallVector<Value> result(slots.size() + 1);
    for (auto [slot, offset] : llvm::zip(slots, result))
      if (isStatic(slot.buffers.front())) {
        offset = constant(fixed);
        fixed += slot.bytes;
      }
    Value total = constant(fixed);
    for (auto [slot, offset] : llvm::zip(slots, result)) {
      memref::AllocOp alloc = slot.buffers.front();
      if (isStatic(alloc))
        continue;
      MemRefType type = alloc.getType();
      int64_t factor = elementBytes(type);
      for (int64_t size : type.getShape())
        factor *= ShapedType::isDynamic(size) ? 1 : size;
      Value bytes = constant(factor);
      for (Value size : alloc.getDynamicSizes()) {
        Value known = recompute(size, builder, mapping);
        if (!known)
          return failure();
        bytes = arith::MulIOp::create(builder, loc, bytes, known);
      }
      bytes =
          arith::AddIOp::create(builder, loc, bytes, constant(kAlignment - 1));
      bytes = arith::AndIOp::create(builder, loc, bytes, constant(-kAlignment));
      offset = total;
      total = arith::AddIOp::create(builder, loc, total, bytes);
    }
    result.back() = total;
    return result;
  }

  LogicalResult buildSizeFunction() {
    OpBuilder builder(entry->getContext());
    builder.setInsertionPointAfter(entry);
    Location loc = entry.getLoc();
    ArrayRef<Type> types = entry.getArgumentTypes().drop_front(); // ctx
    auto size = func::FuncOp::create(
        builder, loc, (entry.getSymName() + "_workspace_size").str(),
        builder.getFunctionType(types, builder.getI64Type()));
    size->setAttr(kWorkspaceSizeOfAttr,
                  FlatSymbolRefAttr::get(entry.getSymNameAttr()));
    Block *body = size.addEntryBlock();
    builder.setInsertionPointToStart(body);
    IRMapping mapping;
    mapping.map(entry.getArguments().drop_front(), body->getArguments());
    FailureOr<SmallVector<Value>> places = offsets(builder, mapping);
    if (failed(places))
      return failure();
    Value total = builder.createOrFold<arith::IndexCastOp>(
        loc, builder.getI64Type(), places->back());
    func::ReturnOp::create(builder, loc, total);
    return success();
  }

  /// ctx->workspace as a memref of bytes.
  Value loadWorkspace(OpBuilder &builder, Value bytes) {
    Location loc = entry.getLoc();
    MLIRContext *context = entry.getContext();
    auto pointer = LLVM::LLVMPointerType::get(context);
    Type i64 = builder.getI64Type();
    Value field = LLVM::GEPOp::create(
        builder, loc, pointer, builder.getI8Type(), entry.getArgument(0),
        ArrayRef<LLVM::GEPArg>{int32_t(offsetof(stepwell_context, workspace))});
    Value base = LLVM::LoadOp::create(builder, loc, pointer, field);
    auto one = LLVM::LLVMArrayType::get(i64, 1);
    auto type = LLVM::LLVMStructType::getLiteral(
        context, {pointer, pointer, i64, one, one});
    Value descriptor = LLVM::PoisonOp::create(builder, loc, type);
    auto insert = [&](Value value, ArrayRef<int64_t> position) {
      descriptor = LLVM::InsertValueOp::create(builder, loc, descriptor, value,
                                               position);
    };
    auto constant = [&](int64_t value) -> Value {
      return LLVM::ConstantOp::create(builder, loc, i64, value);
    };
    insert(base, {0});
    insert(base, {1});
    insert(constant(0), {2});
    insert(arith::IndexCastOp::create(builder, loc, i64, bytes), {3, 0});
    insert(constant(1), {4, 0});
    auto memref = MemRefType::get({ShapedType::kDynamic}, builder.getI8Type());
    return UnrealizedConversionCastOp::create(builder, loc, memref, descriptor)
        .getResult(0);
  }

  LogicalResult placeBuffers() {
    OpBuilder builder = OpBuilder::atBlockBegin(&block);
    IRMapping mapping;
    mapping.map(entry.getArguments(), entry.getArguments());
    FailureOr<SmallVector<Value>> places = offsets(builder, mapping);
    if (failed(places))
      return failure();
    Value workspace = loadWorkspace(builder, places->back());
    for (Buffer &buffer : buffers) {
      OpBuilder at(buffer.op);
      Value view = memref::ViewOp::create(
          at, buffer.op.getLoc(), buffer.op.getType(), workspace,
          (*places)[buffer.slot], buffer.op.getDynamicSizes());
      buffer.op.getResult().replaceAllUsesWith(view);
    }
    for (Buffer &buffer : buffers)
      buffer.op.erase();
    return success();
  }

  func::FuncOp entry;
  Block &block;
  DenseMap<Operation *, unsigned> positions;
  SmallVector<Buffer> buffers;
  SmallVector<Slot> slots;
};

struct PlanWorkspace : stepwell::impl::PlanWorkspacePassBase<PlanWorkspace> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> entries;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(kEntryAttr))
        entries.push_back(function);
    for (func::FuncOp entry : entries) {
      if (!entry.getBody().hasOneBlock()) {
        entry.emitError("an entry has one block");
        return signalPassFailure();
      }
      if (failed(WorkspacePlanner(entry).run()))
        return signalPassFailure();
    }
  }
};

} // namespace
