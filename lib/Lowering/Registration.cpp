//===- Registration.cpp - The passes of this folder -----------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Registration.h"
#include "stepwell/Lowering/Passes.h"

static stepwell::RegisterPieces passes(stepwell::registerLoweringPasses);
