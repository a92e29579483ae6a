//===- AttentionTiles.h - What attention in tiles is made of ----*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LOWERING_ATTENTIONTILES_H
#define STEPWELL_LOWERING_ATTENTIONTILES_H

#include "Windows.h"

namespace stepwell {

/// Which scores count.
struct AttentionMask {
  mlir::Value tensor; // (b or 1, h or 1, l or 1, s), or null
  mlir::Type element; // of the tensor before it was lowered
  bool causal = false;
};

/// Builds the code for one (batch, head) at a time, on matrices: tiles of its
/// operands, and buffers that lie on the stack.
class AttentionTiles {
protected:
  using Size = mlir::OpFoldResult;
  using Body = llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location,
                                              mlir::ValueRange)>;
  enum class Order { KeyQuery, QueryKey };

  AttentionTiles(mlir::OpBuilder &b, mlir::Location loc, mlir::Type element,
                 AttentionMask mask);

  Size divide(Size x, Size by);
  Size remainder(Size x, Size by);
  /// How many of `total` lie in the block of `size` that begins at `begin`.
  Size piece(Size total, Size begin, int64_t size);

  /// Rows [begin, begin + count) of this head, as a matrix; of a tensor without
  /// columns, as a vector.
  mlir::Value window(mlir::Value tensor, Size begin, Size count);
  /// What `window` takes, back to its place at the end of an scf.forall.
  void insertWindow(mlir::Value rows, mlir::Value into, Size begin, Size count);

  /// Memory of its own: equal empty tensors would become one.
  mlir::Value buffer(mlir::ArrayRef<int64_t> sizes);
  /// The first elements of a buffer of known size.
  mlir::Value scratch(mlir::ArrayRef<int64_t> most, mlir::ArrayRef<Size> sizes);
  mlir::Value part(mlir::Value whole, mlir::ArrayRef<Size> sizes);
  mlir::Value part(mlir::Value whole, mlir::ArrayRef<Size> offsets,
                   mlir::ArrayRef<Size> sizes);

  mlir::Value constant(mlir::TypedAttr value);
  mlir::Value number(double value);
  mlir::Value fill(mlir::TypedAttr with, mlir::Value to);
  mlir::Value fillZero(mlir::Value to);

  /// One result, read through `maps`, the last of which is the result's.
  mlir::Value generic(mlir::ValueRange inputs, mlir::Value to,
                      mlir::ArrayRef<mlir::AffineMap> maps,
                      mlir::ArrayRef<mlir::utils::IteratorType> iterators,
                      Body body);
  mlir::AffineMap map(unsigned loops, mlir::ArrayRef<unsigned> dims);
  mlir::Value load(mlir::OpBuilder &b, mlir::Location loc, mlir::Value stored);
  /// f16 and bf16 are widened block by block.
  mlir::Value widened(mlir::Value matrix, mlir::Value to);
  /// to += a * b, or a transposed * b.
  mlir::Value addProduct(mlir::Value a, mlir::Value b, mlir::Value to,
                         bool transposed = false);

  /// exp(score - largest), in the body of loops.
  mlir::Value weight(mlir::OpBuilder &b, mlir::Location loc, mlir::Value score,
                     mlir::Value largest);
  /// `score`, or -inf, in the body of loops over a tile, of which `given` is
  /// the mask's element.
  mlir::Value maskedScore(mlir::OpBuilder &b, mlir::Location loc,
                          mlir::Value score, mlir::Value given);
  /// The mask's part for a tile of scores, and how it is read there.
  std::pair<mlir::Value, mlir::AffineMap> maskWindow(Order order,
                                                     Size firstQuery,
                                                     Size queries,
                                                     Size firstKey, Size keys);
  /// Leaves keys after the query out of a tile, if it has any.
  mlir::Value cutCausal(mlir::Value scores, Order order, Size firstQuery,
                        Size firstKey, Size keys);

  mlir::OpBuilder &b;
  mlir::Location loc;
  SizeBuilder s;
  mlir::Type element, wide;
  AttentionMask mask;
  mlir::SmallVector<Size, 2> place; // batch and head
};

} // namespace stepwell

#endif // STEPWELL_LOWERING_ATTENTIONTILES_H
