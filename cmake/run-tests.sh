#!/bin/bash
# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Runs lit and pytest; ends with their own summary lines, fails when either failed.
#
#   run-tests.sh BUILD BIN JOBS
set -uo pipefail
build=$1 bin=$2 jobs=$3
export STEPWELL_BUILD_DIR=$(realpath "$build")
export PATH=$(realpath "$bin"):$PATH
log=$build/test-logs
mkdir -p "$log"
failed=0

# `tee` must not hide the status.
if [ -f "$build/test/lit.site.cfg.py" ]; then
  "$bin/lit" -v -j "$jobs" "$build/test" 2>&1 | tee "$log/lit" || failed=1
fi
if [ ! -d "$build/python/stepwell/mlir" ]; then
  echo "WARNING: built without stepwell.mlir; test/python/test_mlir_bindings.py is left out."
fi
# pytest's own status 5 says that it found no test: a failure here, there are some.
"$bin/python" -m pytest -q -n "$jobs" test 2>&1 | tee "$log/pytest" || failed=1

echo
echo "lit:"
grep -E '^(Testing Time|Total Discovered|  [A-Z])' "$log/lit" 2>/dev/null
echo "pytest:"
tail -n 1 "$log/pytest"
exit $failed
