#!/bin/bash
# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# ruff, clang-format, mypy on the public package, the width of prose, licence headers; reports all, then fails.
#
#   lint.sh BIN
set -uo pipefail
bin=$1
failed=0

echo "ruff"
"$bin/ruff" check --quiet . || failed=1
"$bin/ruff" format --quiet --diff . || failed=1

echo "clang-format"
git ls-files -z '*.h' '*.c' '*.cpp' | xargs -0 -r clang-format-22 --dry-run -Werror || failed=1

if [ -f python/stepwell/__init__.py ]; then
  echo "mypy"
  "$bin/mypy" || failed=1
fi

echo "width of prose"
git ls-files -z '*.md' '*.h' '*.c' '*.cpp' '*.td' '*.mlir' '*.py' '*.sh' '*.cmake' '*CMakeLists.txt' Makefile .ci/run |
  xargs -0 -r "$bin/python" cmake/check_prose.py || failed=1

echo "licence headers"
missing=$(git ls-files -z '*.h' '*.c' '*.cpp' '*.td' '*.py' '*.sh' |
  xargs -0 -r grep -L 'SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception')
if [ -n "$missing" ]; then
  echo "No licence header in:"
  echo "$missing"
  failed=1
fi
exit $failed
