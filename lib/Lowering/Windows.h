//===- Windows.h - What convolutions and pools share ------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LOWERING_WINDOWS_H
#define STEPWELL_LOWERING_WINDOWS_H

#include "PatternSupport.h"

namespace stepwell {

/// Arithmetic on sizes, folded where they are known.
class SizeBuilder {
public:
  SizeBuilder(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc) {}
  using Size = mlir::OpFoldResult;
  Size constant(int64_t x) const { return builder.getIndexAttr(x); }
  Size of(mlir::Value tensor, int64_t dim) const;
  mlir::SmallVector<Size> of(mlir::Value tensor) const;
  Size add(Size a, Size b) const;
  Size sub(Size a, Size b) const;
  Size mul(Size a, Size b) const;
  Size max(Size a, Size b) const;
  Size min(Size a, Size b) const;
  /// Both are positive.
  Size div(Size a, Size b) const;
  mlir::Value value(Size x) const;

  mlir::OpBuilder &builder;
  mlir::Location loc;
};

/// A type and the values of its dynamic sizes, as emptyTensor wants them.
struct Shape {
  mlir::RankedTensorType type;
  mlir::SmallVector<mlir::Value> sizes;
  static Shape get(mlir::ArrayRef<mlir::OpFoldResult> sizes,
                   mlir::Type element);
  /// Of an operation's result: its type may know more or less than `sizes`.
  static Shape get(const SizeBuilder &, mlir::RankedTensorType result,
                   mlir::ArrayRef<mlir::OpFoldResult> sizes);
};

/// A tensor of `sizes` with `source` in it, element (0, ...) at `offsets` and
/// the others `steps` apart, and `fill` everywhere else.
mlir::Value place(const SizeBuilder &, mlir::Value source,
                  mlir::ArrayRef<mlir::OpFoldResult> sizes,
                  mlir::ArrayRef<mlir::OpFoldResult> offsets,
                  mlir::ArrayRef<int64_t> steps, mlir::TypedAttr fill);

/// Windows over the last two of four dimensions.
struct Windows {
  mlir::SmallVector<mlir::OpFoldResult, 2> kernel;
  mlir::ArrayRef<int64_t> stride, padding, dilation;
  /// The last window may reach beyond the padding.
  bool ceil = false;
};

/// `image` with `fill` around it, so far as the windows reach, of which there
/// are as many as `perWindow` has elements.
mlir::Value padImage(const SizeBuilder &, mlir::Value image,
                     mlir::Value perWindow, const Windows &,
                     mlir::TypedAttr fill);

/// The elements of `perWindow` on an image of `sizes` (two) plus the kernel's
/// reach: with stride 1 and the same dilation, the window at an element holds
/// what belongs to the windows in which that element lies, the first of them
/// last.
mlir::Value spreadWindows(const SizeBuilder &, mlir::Value perWindow,
                          const Windows &,
                          mlir::ArrayRef<mlir::OpFoldResult> sizes,
                          mlir::TypedAttr fill);

/// How loops (n, c, oh, ow, kh, kw) read an image of windows.
mlir::AffineMap windowMap(mlir::MLIRContext *, mlir::ArrayRef<int64_t> stride,
                          mlir::ArrayRef<int64_t> dilation);

} // namespace stepwell

#endif // STEPWELL_LOWERING_WINDOWS_H
