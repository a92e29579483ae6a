#!/bin/bash
# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The Python tests once for each lower level of processor that this one runs, too: shorter vectors, no fused
# multiply-add.
#
#   test-levels.sh BUILD BIN JOBS
set -uo pipefail
build=$1 bin=$2 jobs=$3
export STEPWELL_BUILD_DIR=$(realpath "$build")
export PATH=$(realpath "$bin"):$PATH

# Asked for what there is not, the package names what there is, this processor's own level first.
answer=$(STEPWELL_CPU=none "$bin/python" -c "import stepwell; stepwell.ones(1)" 2>&1 | grep -o 'this machine runs .*')
if [ -z "$answer" ]; then
  echo "stepwell does not say which levels this machine runs" >&2
  exit 1
fi
read -ra levels <<<"$(tr -d , <<<"${answer#this machine runs }")"
failed=0
for level in "${levels[@]:1}"; do
  echo "$level:"
  STEPWELL_CPU=$level "$bin/python" -m pytest -q -n "$jobs" test/python || failed=1
done
exit $failed
