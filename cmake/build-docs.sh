#!/bin/bash
# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#   build-docs.sh BUILD BIN
set -euo pipefail
build=$1 bin=$2

mkdir -p docs/reference
for page in "$build"/records/reference/*.md; do
  [ -f "$page" ] && cp "$page" docs/reference/
done
"$bin/python" -m sphinx -q -W --keep-going -b html docs docs/_build/html
echo "docs/_build/html/index.html"
