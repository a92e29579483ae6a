# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls of compiled functions: by several threads, with numbers that change, interrupted, forgotten."""

import gc
import math
import os
import subprocess
import sys
import textwrap
import threading

import pytest
import stepwell as sw
from stepwell import nn

# --- Threads -------------------------------------------------------------------


def in_threads(*functions):
    """Runs them at once; their results."""
    results, errors = [None] * len(functions), []

    def run(i):
        try:
            results[i] = functions[i]()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors, errors
    return results


def test_two_threads_that_capture_at_once_keep_their_guards_apart():
    meet = threading.Barrier(2, timeout=30)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Dropout(0.5), nn.Dropout(0.5)
            self.traces = 0

        def forward(self, x):
            x = self.first(x)
            if self.traces == 0:
                meet.wait()
            self.traces += 1
            return self.last(x)

    models = [Model(), Model()]
    compiled = [sw.compile(model) for model in models]
    x = sw.ones(1000)
    in_threads(*(lambda c=c: c(x) for c in compiled))
    for model, each in zip(models, compiled, strict=True):
        model.eval()
        assert each(x).tolist() == x.tolist()
        model.train()
        assert each(x).tolist() != x.tolist()


def test_a_mode_that_another_thread_changes_meanwhile_is_not_kept():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.changed = False

        def forward(self, x):
            if not self.changed:
                self.changed = True
                in_threads(self.eval)
            return x * 2 if self.training else x * 3

    model = Model()
    compiled = sw.compile(model)
    compiled(sw.ones(1))
    model.train()
    assert compiled(sw.ones(1)).item() == 2.0
    model.eval()
    assert compiled(sw.ones(1)).item() == 3.0


def test_one_function_called_by_many_threads():
    w = sw.full((64,), 2.0)

    @sw.compile
    def function(x):
        return (x * w).cumsum(0) + x

    def calls(n):
        for size in (64, 1, 64):
            x = sw.full((size,), float(n))
            for _ in range(20):
                got = function(x)
                assert got.tolist() == [2.0 * n * (i + 1) + n for i in range(64)]
        return True

    assert all(in_threads(*(lambda n=n: calls(n) for n in range(8))))


def test_captures_of_threads_are_their_own():
    meet = threading.Barrier(2, timeout=30)

    def function(x):
        y = x * 2
        meet.wait()
        return y + x

    compiled = [sw.compile(function), sw.compile(function)]
    a, b = in_threads(*(lambda i=i: compiled[i](sw.full((3,), float(i))) for i in range(2)))
    assert a.tolist() == [0.0] * 3 and b.tolist() == [3.0] * 3


# --- Numbers -------------------------------------------------------------------


class Counted:
    """How often a function ran, which no guard sees."""

    def __init__(self, function):
        self.runs = []
        self.function = function

    def compiled(self):
        runs, function = self.runs, self.function

        def counted(*args):
            runs.append(len(runs))
            return function(*args)

        return sw.compile(counted)


@pytest.mark.parametrize("function, most", [
    (lambda x, s: x * s, 2),
    (lambda x, s: x + s * 2 - 1, 2),
    (lambda x, s: x * (1 - 0.9**s) / (s + 1), 2),
    (lambda x, s: (x**s).sum(), 2),
    (lambda x, s: sw.where(x > s, x, s), 2),
    (lambda x, s: x.clone().mul_(s).add_(-s), 2),
    (lambda x, s: x * abs(-s) + (s // 2) % 3, 2),
    (lambda x, s: x[: int(s)], 9),
    (lambda x, s: x * 2 if s > 3 else x * s, 9),
    (lambda x, s: x * math.sqrt(s), 9),
    (lambda x, s: x * (2 if isinstance(s, int) else s), 9),
    (lambda x, s: x.masked_fill(x > 2, s), 9),
    (lambda x, s: (x, s), 9),
    (lambda x, s: x + float(f"{s}"), 9),
])  # fmt: skip
@pytest.mark.parametrize("numbers", [(1, 2, 3, 4, 2, 5), (0.5, 1.0, 2.5, -0.0, 0.0)])
def test_numbers_that_change(function, most, numbers):
    counted = Counted(function)
    compiled = counted.compiled()
    x = sw.arange(6.0)
    for number in numbers:
        try:
            want = function(x, number)
        except Exception as error:
            with pytest.raises(type(error)):
                compiled(x, number)
            continue
        got = compiled(x, number)
        if isinstance(want, tuple):
            assert got[1] == want[1] and type(got[1]) is type(want[1])
            want, got = want[0], got[0]
        assert got.tolist() == pytest.approx(want.tolist(), rel=1e-6, nan_ok=True)
    assert len(counted.runs) <= most


def test_gradients_by_numbers_that_change():
    compiled = sw.compile(lambda x, s: (x**s * s).sum())
    for s in (2.0, 3.0, 0.5, 2.0, 1.0):
        x = sw.tensor([2.0, 4.0], requires_grad=True)
        compiled(x, s).backward()
        assert x.grad.tolist() == pytest.approx([s * s * v ** (s - 1) for v in (2.0, 4.0)])


def test_types_of_numbers_are_kept():
    compiled = sw.compile(lambda x, s: x * s)
    x = sw.tensor([1, 2])
    for s in (1, 2, 3, 1.5, 2.5, True):
        assert compiled(x, s).dtype is (x * s).dtype
        assert compiled(x, s).tolist() == (x * s).tolist()
    small = sw.tensor([1, 2], dtype=sw.uint8)
    for s in (1, 2, 3):
        assert compiled(small, s).tolist() == [s, 2 * s] and compiled(small, s).dtype is sw.uint8


# --- What is left ---------------------------------------------------------------


def test_nothing_is_left_of_a_function_that_is_gone():
    def memory():
        gc.collect()
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def capture(number):
        x = sw.ones(3, requires_grad=True)
        sw.compile(lambda x: x * number + x)(x).sum().backward()

    for number in range(50):
        capture(float(number))
    before = memory()
    for number in range(400):
        capture(float(number))
    assert memory() - before < 400 * 4096


def test_an_interrupt_ends_a_long_compile():
    program = """
        import os, signal, threading, time
        import stepwell as sw
        def function(x):
            for _ in range(6000):
                x = (x * 1.01).exp().cumsum(0)
            return x
        main = threading.main_thread().ident
        threading.Timer(4.0, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
        try:
            sw.compile(function)(sw.ones(8))
            print("compiled")
        except KeyboardInterrupt:
            print("interrupted")
        print((sw.ones(2) + 1).tolist())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "STEPWELL_CACHE_DIR": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.splitlines() == ["interrupted", "[2.0, 2.0]"], done.stderr[-2000:]
    assert done.returncode == 0


def test_slice_assignments_in_a_loop_compile():
    def function(x):
        y = x * 1.0
        for k in range(300):
            y[k] = y[k - 1] * 0.5 + 1
        return y

    x = sw.arange(300.0)
    assert sw.compile(function)(x).tolist() == pytest.approx(function(x).tolist())
