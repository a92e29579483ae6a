//===- ArrayPatterns.h - Array operations to linalg, by family --*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LOWERING_ARRAYPATTERNS_H
#define STEPWELL_LOWERING_ARRAYPATTERNS_H

#include "stepwell/Lowering/TargetInfo.h"

#include "mlir/Transforms/DialectConversion.h"

namespace stepwell {

void populateAttentionPatterns(const mlir::TypeConverter &,
                               mlir::RewritePatternSet &, const TargetInfo &);
void populateAttentionGradientPatterns(const mlir::TypeConverter &,
                                       mlir::RewritePatternSet &,
                                       const TargetInfo &);
void populateContractionPatterns(const mlir::TypeConverter &,
                                 mlir::RewritePatternSet &);
void populateConvolutionPatterns(const mlir::TypeConverter &,
                                 mlir::RewritePatternSet &);
void populateElementwisePatterns(const mlir::TypeConverter &,
                                 mlir::RewritePatternSet &, const TargetInfo &);
void populateIndexingPatterns(const mlir::TypeConverter &,
                              mlir::RewritePatternSet &);
void populatePoolingPatterns(const mlir::TypeConverter &,
                             mlir::RewritePatternSet &);
void populateRandomPatterns(const mlir::TypeConverter &,
                            mlir::RewritePatternSet &);
void populateReductionPatterns(const mlir::TypeConverter &,
                               mlir::RewritePatternSet &);
void populateScanPatterns(const mlir::TypeConverter &,
                          mlir::RewritePatternSet &);
void populateSortPatterns(const mlir::TypeConverter &,
                          mlir::RewritePatternSet &, const TargetInfo &);
void populateStructurePatterns(const mlir::TypeConverter &,
                               mlir::RewritePatternSet &, const TargetInfo &);

} // namespace stepwell

#endif // STEPWELL_LOWERING_ARRAYPATTERNS_H
