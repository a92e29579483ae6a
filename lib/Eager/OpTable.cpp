//===- OpTable.cpp - What the dispatcher knows of each operation ----------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "stepwell/Eager/OpTable.h"

#include <algorithm>

namespace stepwell {

std::span<const OpRow> opTable() {
  // Never destroyed: rows are read until the process ends.
  static const std::vector<OpRow> &rows = *[] {
    auto *made = new std::vector<OpRow>{
#include "stepwell/Array/OpTable.inc"
    };
    for (OpRow &row : *made)
      for (const AttributeRow &attribute : row.attributes)
        row.attributeNames.push_back(attribute.name);
    return made;
  }();
  return rows;
}

const OpRow *findOp(std::string_view mnemonic) {
  std::span<const OpRow> rows = opTable();
  auto it = std::lower_bound(
      rows.begin(), rows.end(), mnemonic,
      [](const OpRow &row, std::string_view m) { return row.mnemonic < m; });
  return it != rows.end() && it->mnemonic == mnemonic ? &*it : nullptr;
}

} // namespace stepwell
