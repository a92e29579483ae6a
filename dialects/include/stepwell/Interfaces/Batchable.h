//===- Batchable.h - Over a batch at once -----------------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_INTERFACES_BATCHABLE_H
#define STEPWELL_INTERFACES_BATCHABLE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

#include "stepwell/Interfaces/BatchableInterface.h.inc"

#endif // STEPWELL_INTERFACES_BATCHABLE_H
