//===- KernelBuilder.h - What kernels are made of ---------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel knows the words of the launch ABI and nothing of the host's values.
// Whatever the entry computed from sizes is computed again inside it, and a
// memref becomes a flat buffer with an explicit offset and explicit strides,
// which every GPU target can address.
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LIB_TARGETS_GPU_KERNELBUILDER_H
#define STEPWELL_LIB_TARGETS_GPU_KERNELBUILDER_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

namespace stepwell {

/// Elements of a flat buffer; offset and strides count elements.
struct FlatView {
  mlir::Value buffer, offset;
  llvm::SmallVector<mlir::Value> sizes, strides;
  /// Row-major without gaps: element i of the iteration is element i here.
  bool packed = false;
};

/// The words of the ABI as parameter types: a flat buffer, then index sizes and
/// strides, for a memref; i64 for a scalar; the workspace last.
llvm::SmallVector<mlir::Type> wordTypes(mlir::TypeRange arguments);

class KernelBuilder {
public:
  /// `arguments` are the host's (without the context), `words` the kernel's.
  KernelBuilder(mlir::OpBuilder &builder, mlir::Location loc,
                mlir::ValueRange arguments, mlir::ValueRange words);

  /// Both emit at the builder's place on first use, so ask at the kernel's
  /// start. A failure has been reported.
  mlir::FailureOr<FlatView> view(mlir::Value memref);
  mlir::FailureOr<mlir::Value> scalar(mlir::Value value);

  mlir::Value constant(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value product(mlir::ValueRange values);
  /// The indices of element `flat` in an iteration space of these sizes.
  llvm::SmallVector<mlir::Value> delinearize(mlir::Value flat,
                                             mlir::ValueRange sizes);
  mlir::Value load(const FlatView &view, mlir::ValueRange indices);
  void store(mlir::Value value, const FlatView &view, mlir::ValueRange indices);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  mlir::IRMapping mapping; // what scalar() has computed
private:
  mlir::FailureOr<FlatView> makeView(mlir::Value memref);
  mlir::Value position(const FlatView &view, mlir::ValueRange indices);
  /// Static sizes and strides as constants, the others from `words`.
  void fillFromType(FlatView &view, mlir::MemRefType type,
                    mlir::ValueRange words);
  /// Row-major strides for the sizes it has.
  void pack(FlatView &view);

  llvm::DenseMap<mlir::Value, FlatView> views;
  mlir::Value workspace;
};

/// The JSON of docs/abi.md, put together while kernels are formed.
struct KernelRecord {
  std::string name;
  unsigned block;
  std::string grid;
};
std::string makeManifest(llvm::StringRef entry, mlir::TypeRange arguments,
                         llvm::StringRef workspace,
                         llvm::ArrayRef<KernelRecord> kernels);
/// A value computed from words alone, in postfix: "w1 w2 * 255 + 256 /".
mlir::FailureOr<std::string> postfix(mlir::Value value, mlir::ValueRange words);

} // namespace stepwell

#endif // STEPWELL_LIB_TARGETS_GPU_KERNELBUILDER_H
