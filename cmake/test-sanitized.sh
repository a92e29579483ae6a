#!/bin/bash
# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Builds the runtime and the eager side (dispatcher, tape, extension) with sanitizers and runs their
# tests against that build. The compiler and what it makes stay as they are in BUILD: LLVM's libraries
# are not instrumented, and half of a library is worse than none. STEPWELL_SANITIZE=thread runs what has
# several threads under that sanitizer. TESTS="test/python -k hooks" for a part, FUZZ="calls --minutes 2"
# to fuzz instead.
#
#   test-sanitized.sh SANITIZED_BUILD BIN BUILD JOBS
set -euo pipefail
build=$1 bin=$2 plain=$3 jobs=$4
sanitize=${STEPWELL_SANITIZE:-address,undefined}

cmake/install-packages.sh libclang-rt-22-dev
CC=clang-22 CXX=clang++-22 cmake -G Ninja -S . -B "$build" -DCMAKE_PREFIX_PATH="$(llvm-config-22 --prefix)" \
  -DPython_EXECUTABLE="$(realpath -s "$bin")/python" -DSTEPWELL_SANITIZE="$sanitize" -DSTEPWELL_MLIR_PYTHON=OFF >/dev/null
ninja -C "$build" stepwell-runtime-test stepwell-runtime stepwell-runtime-serial _core
for file in libstepwell-compiler.so libstepwell-compiler.buildid; do
  ln -sf "$(realpath "$plain/lib/$file")" "$build/lib/$file"
done
mkdir -p "$build/bin"
ln -sf "$(realpath "$plain/bin")"/* "$build/bin/"

export STEPWELL_BUILD_DIR=$(realpath "$build")
# For the processes that a test starts, too.
export PYTHONPATH=$STEPWELL_BUILD_DIR/python
library=asan
[ "$sanitize" = thread ] && library=tsan
# Python's own leaks are not ours to report; a test asks for more memory than there is.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:allocator_may_return_null=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
# A fork while other threads run is what a test is about.
export TSAN_OPTIONS=halt_on_error=1:die_after_fork=0:allocator_may_return_null=1:suppressions=$(realpath cmake/tsan-suppressions.txt)
export OPENBLAS_NUM_THREADS=1
# Python itself is not instrumented: the sanitizer's library has to be there before it.
preload=$(clang-22 -print-file-name="libclang_rt.$library-$(uname -m).so")
# The thread sanitizer's shadow wants addresses that are not drawn at random.
run=(setarch -R env LD_PRELOAD="$preload" "$bin/python")
if [ -n "${FUZZ:-}" ]; then
  export ASAN_OPTIONS=$ASAN_OPTIONS:max_allocation_size_mb=4096
  exec "${run[@]}" test/fuzz/run.py $FUZZ
fi
if [ -n "${TESTS:-}" ]; then
  exec "${run[@]}" -m pytest -q -n "$jobs" $TESTS
fi
if [ "$sanitize" = thread ]; then
  # It has a thread of its own, which two tests would count.
  exec "${run[@]}" -m pytest -q test/runtime/test_threads.py test/runtime/test_storage.py test/runtime/test_device.py \
    test/python/test_reliability.py test/python/test_processes.py \
    -k "not keep_their_memory and not keeps_its_memory and not before_it_is_needed and not closed_with_its_workers"
fi
"${run[@]}" -m pytest -q test/runtime --deselect test/runtime/test_shipped_symbols.py
# What is freed stays a while with the sanitizer: resident memory says nothing here. Its `new` ends the process where
# another throws.
exec "${run[@]}" -m pytest -q -n "$jobs" test/python -k "not keep_their_memory and not keeps_its_memory and not no_buffer_for_the_scores and not nothing_is_left and not without_an_end"
