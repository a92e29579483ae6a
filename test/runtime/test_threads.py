# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The thread pool: every index once, from anywhere, after anything."""

import ctypes
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest
from runtime_library import BUILD, ROOT, Body, Context

THREADED = 1
SERIAL = 2**21  # in all, below which there is one range
GRAIN = 2**18
COSTLY = 2**30


def run(runtime, count, cost, context=None):
    """The ranges that the body was called with, sorted, and the threads it ran on."""
    ranges, idents = [], set()

    def body(environment, begin, end):
        ranges.append((begin, end))
        idents.add(threading.get_ident())

    runtime.stepwell_runtime_parallel_for(context, count, cost, Body(body), None)
    return sorted(ranges), idents


def covers(ranges, count):
    edges = [0] + [end for _, end in ranges]
    return [begin for begin, _ in ranges] == edges[:-1] and edges[-1] == count


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64, 1000, 1023, 1024, 100_003])
@pytest.mark.parametrize("cost", [0, 1, 300, 2**12, 2**18, 2**20, 2**21, 2**40])
def test_ranges_cover_and_are_worth_a_thread(threads, count, cost):
    ranges, _ = run(threads, count, cost)
    assert covers(ranges, count)
    assert all(end > begin for begin, end in ranges)
    if count == 1 or count * cost < SERIAL:
        assert ranges == [(0, count)]
    else:
        assert len(ranges) > 1
        assert all((end - begin + 1) * cost > GRAIN for begin, end in ranges[:-1])


@pytest.mark.parametrize("cost", [COSTLY, 2**63])
@pytest.mark.parametrize("count", [2, 3, 5, 1000])
def test_ranges_that_repeat_work_are_no_more_than_threads(threads, count, cost):
    ranges, _ = run(threads, count, -cost)
    assert covers(ranges, count) and 1 < len(ranges) <= 4
    assert len(run(threads, 1000, COSTLY)[0]) > 4


@pytest.mark.parametrize("count", [0, -5])
def test_nothing_to_do(threads, count):
    assert run(threads, count, COSTLY) == ([], set())


def test_huge_counts_do_not_overflow(threads):
    ranges, _ = run(threads, 2**63 - 1, 1)
    assert covers(ranges, 2**63 - 1)


def test_work_is_shared_between_threads(threads):
    # Two bodies that wait for each other can only end when two threads run them.
    barrier = threading.Barrier(2, timeout=60)
    first = threading.Event()

    def body(environment, begin, end):
        if begin < 2:
            barrier.wait()
        first.set()

    threads.stepwell_runtime_parallel_for(None, 4, COSTLY, Body(body), None)
    assert first.is_set() and not barrier.broken


def test_one_thread_is_serial(runtime, threads):
    threads.stepwell_runtime_set_num_threads(1)
    ranges, idents = run(threads, 1000, COSTLY)
    assert ranges == [(0, 1000)]
    assert idents == {threading.get_ident()}


def test_serial_context_stays_on_the_caller(threads):
    context = Context()
    threads.stepwell_context_init(context, 0)
    assert context.abi_version == 2 and context.num_threads == 1
    assert run(threads, 1000, COSTLY, ctypes.byref(context))[0] == [(0, 1000)]
    threads.stepwell_context_init(context, THREADED)
    assert context.num_threads == 4
    pool = ctypes.cast(threads.stepwell_runtime_parallel_for, ctypes.c_void_p).value
    assert context.parallel_for == pool


def test_nested_calls_run_serially_and_completely(threads):
    inner = Counter()
    nested_ranges = []

    def outer_body(environment, begin, end):
        for i in range(begin, end):
            ranges, idents = run(threads, 100, COSTLY)
            nested_ranges.append(ranges)
            inner[i] += sum(stop - start for start, stop in ranges)
            assert idents == {threading.get_ident()}

    threads.stepwell_runtime_parallel_for(None, 16, COSTLY, Body(outer_body), None)
    assert inner == Counter({i: 100 for i in range(16)})
    assert all(ranges == [(0, 100)] for ranges in nested_ranges)


def test_many_callers_at_once(threads):
    failures = []

    def caller():
        for count in range(1, 60):
            ranges, _ = run(threads, count, COSTLY)
            if not covers(ranges, count):
                failures.append((count, ranges))

    callers = [threading.Thread(target=caller) for _ in range(40)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    assert not failures


def test_a_long_chunk_on_a_worker_is_waited_for(threads):
    ended = []
    caller = threading.get_ident()

    def body(environment, begin, end):
        if threading.get_ident() != caller:
            time.sleep(0.05)  # past the caller's spinning: it sleeps until woken
        ended.append((begin, end))

    for _ in range(5):
        ended.clear()
        threads.stepwell_runtime_parallel_for(None, 16, COSTLY, Body(body), None)
        assert covers(sorted(ended), 16)


def test_idle_workers_wake_up(threads):
    run(threads, 100, COSTLY)
    time.sleep(0.02)  # long past the workers' spinning
    test_work_is_shared_between_threads(threads)


def test_a_forked_child_has_its_own_pool(threads):
    run(threads, 1000, COSTLY)
    child = os.fork()
    if child == 0:
        try:
            ranges, _ = run(threads, 1000, COSTLY)
            test_work_is_shared_between_threads(threads)
            os._exit(0 if covers(ranges, 1000) else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert covers(run(threads, 1000, COSTLY)[0], 1000)


def test_fork_while_other_threads_compute(threads):
    stop = threading.Event()

    def caller():
        while not stop.is_set():
            run(threads, 50, COSTLY)

    others = [threading.Thread(target=caller) for _ in range(3)]
    for thread in others:
        thread.start()
    try:
        for _ in range(10):
            child = os.fork()
            if child == 0:
                try:
                    ranges, _ = run(threads, 1000, COSTLY)
                    os._exit(0 if covers(ranges, 1000) else 1)
                finally:
                    os._exit(2)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        for thread in others:
            thread.join()


def python(code, **environment):
    """Runs code in a fresh interpreter with the library as `lib`."""
    prelude = f"import ctypes, os\nlib = ctypes.CDLL({str(BUILD / 'lib/libstepwell-runtime-test.so')!r})\n"
    return subprocess.run(
        [sys.executable, "-c", prelude + code],
        check=False,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("text", "expected"), [("3", 3), ("100000", 256), ("0", None), ("two", None), ("", None)]
)
def test_environment_variable(text, expected):
    done = python("print(lib.stepwell_runtime_get_num_threads())", STEPWELL_NUM_THREADS=text)
    assert int(done.stdout) == (expected or len(os.sched_getaffinity(0)))


def test_no_thread_starts_before_it_is_needed():
    code = """
tasks = lambda: len(os.listdir('/proc/self/task'))
Body = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
body = Body(lambda *_: None)
lib.stepwell_runtime_set_num_threads(3)
lib.stepwell_runtime_parallel_for(None, ctypes.c_int64(10), ctypes.c_int64(1), body, None)
print(tasks())
lib.stepwell_runtime_parallel_for(None, ctypes.c_int64(10), ctypes.c_int64(2**30), body, None)
print(tasks())
"""
    assert python(code).stdout.split() == ["1", "3"]


def test_the_library_can_be_closed_with_its_workers():
    code = """
import _ctypes, time
Body = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
body = Body(lambda *_: None)
lib.stepwell_runtime_set_num_threads(4)
lib.stepwell_runtime_parallel_for(None, ctypes.c_int64(10), ctypes.c_int64(2**30), body, None)
_ctypes.dlclose(lib._handle)
# The kernel lists a thread for a moment after it was joined.
while len(os.listdir('/proc/self/task')) > 1:
    time.sleep(0.001)
print(len(os.listdir('/proc/self/task')), 'runtime-test' in open('/proc/self/maps').read())
"""
    done = python(code)
    assert (done.returncode, done.stdout.split()) == (0, ["1", "False"]), done.stderr


def sanitizer():
    """What the runtime under test was built with: the same is right for a program that has it inside."""
    cache = (BUILD / "CMakeCache.txt").read_text(encoding="utf-8")
    return re.search(r"^STEPWELL_SANITIZE:\w+=(.*)$", cache, re.M)[1]


@pytest.mark.parametrize("how", ["join", "20", "leave"])
def test_callers_all_at_once_in_c(tmp_path, how):
    """`make test-tsan` runs this under the thread sanitizer, which sees what Python's lock hides."""
    sources = [ROOT / "runtime" / "lib" / name for name in RUNTIME_SOURCES]
    flags = ["-std=gnu11", "-O1", "-g", f"-I{ROOT / 'runtime' / 'include'}", "-pthread"]
    if sanitizer():
        flags.append(f"-fsanitize={sanitizer()}")
    program = tmp_path / "stress"
    here = ROOT / "test" / "runtime" / "threads_stress.c"
    subprocess.run(["clang-22", *flags, here, *sources, "-o", program], check=True)
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = subprocess.run(
        [program, how],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout) == (0, "right\n"), done.stderr[-3000:]


RUNTIME_SOURCES = [
    "Context.c",
    "Threads.c",
    "Storage.c",
    "CPUDevice.c",
    "GuardedMemory.c",
    "Loader.c",
]
