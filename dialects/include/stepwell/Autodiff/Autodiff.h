//===- Autodiff.h - Requests for derivatives --------------------*- C++ -*-===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef STEPWELL_AUTODIFF_AUTODIFF_H
#define STEPWELL_AUTODIFF_AUTODIFF_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "stepwell/Autodiff/AutodiffDialect.h.inc"

#define GET_OP_CLASSES
#include "stepwell/Autodiff/AutodiffOps.h.inc"

#endif // STEPWELL_AUTODIFF_AUTODIFF_H
