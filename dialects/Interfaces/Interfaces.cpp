//===- Interfaces.cpp - What operations of any dialect may offer ----------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Interfaces/Batchable.h"

#include "stepwell/Interfaces/BatchableInterface.cpp.inc"
