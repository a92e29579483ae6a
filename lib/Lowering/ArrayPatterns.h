//===- ArrayPatterns.h - Array operations to linalg, by family --*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_LOWERING_ARRAYPATTERNS_H
#define STEPWELL_LOWERING_ARRAYPATTERNS_H

#include "mlir/Transforms/DialectConversion.h"

namespace stepwell {

void populateAttentionPatterns(const mlir::TypeConverter &,
                               mlir::RewritePatternSet &);
void populateAttentionGradientPatterns(const mlir::TypeConverter &,
                                       mlir::RewritePatternSet &);
void populateContractionPatterns(const mlir::TypeConverter &,
                                 mlir::RewritePatternSet &);
void populateConvolutionPatterns(const mlir::TypeConverter &,
                                 mlir::RewritePatternSet &);
/// `divisors`: integers that are divided by are checked.
void populateElementwisePatterns(const mlir::TypeConverter &,
                                 mlir::RewritePatternSet &, bool divisors);
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
                          mlir::RewritePatternSet &);
void populateStructurePatterns(const mlir::TypeConverter &,
                               mlir::RewritePatternSet &);
/// Goes before the concatenation of the former.
void populateConcatRowsPattern(const mlir::TypeConverter &,
                               mlir::RewritePatternSet &);

} // namespace stepwell

#endif // STEPWELL_LOWERING_ARRAYPATTERNS_H
