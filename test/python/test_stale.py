# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""compile(): what the function read was changed, and the next call knows it.

Each program is a text that defines `f` (and `args`, if it takes more than `x`), and one that changes
something. The compiled function must then give what the plain one gives.
"""

import sys
import types
from itertools import count

import numpy as np
import pytest
import stepwell as sw
from stale_programs import CALM, MOVING, PROGRAMS
from stepwell import nn

MODULES = (
    "abc array collections contextlib contextvars dataclasses enum fractions functools math operator "
    "io os queue random sys threading types weakref"
).split()


def namespace(monkeypatch):
    """Where a program runs: like a module that a user wrote."""
    names = {name: __import__(name) for name in MODULES}
    mod = types.ModuleType("stale_mod")
    monkeypatch.setitem(sys.modules, "stale_mod", mod)
    user = types.ModuleType("stale_user")
    monkeypatch.setitem(sys.modules, "stale_user", user)
    x = sw.tensor([1.0, 2.0])
    vars(user).update(names, sw=sw, nn=nn, np=np, mod=mod, x=x, args=(x,), MP=monkeypatch)
    return vars(user)


def values(result):
    return (type(result), getattr(result, "dtype", None), result.detach().numpy())


def same(a, b):
    return a[:2] == b[:2] and np.array_equal(a[2], b[2], equal_nan=True)


def captures(compiled):
    compiled = getattr(compiled, "_compiled", compiled)  # of a module
    return sum(len(entries) for entries in compiled._cache.values())


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_change_is_seen(name, monkeypatch):
    before, change = PROGRAMS[name]
    names = namespace(monkeypatch)
    sw.manual_seed(0)
    exec(before, names)
    compiled = sw.compile(names["f"])
    first = values(compiled(*names["args"]))
    exec(change, names)
    expected = values(names["f"](*names["args"]))
    assert not same(first, expected), "the program does not depend on what changes"
    assert same(values(compiled(*names["args"])), expected)
    # And what did not change is no reason to trace again.
    made = captures(compiled)
    assert same(values(compiled(*names["args"])), expected)
    assert captures(compiled) == made


@pytest.mark.parametrize("name", CALM)
def test_what_was_not_read_is_no_reason(name, monkeypatch):
    before, change = CALM[name]
    names = namespace(monkeypatch)
    exec(before, names)
    compiled = sw.compile(names["f"])
    compiled(*names["args"])
    for _ in range(3):
        exec(change, names)
        expected = values(names["f"](*names["args"]))
        assert same(values(compiled(*names["args"])), expected)
    assert captures(compiled) == 1


@pytest.mark.parametrize("name", MOVING)
def test_what_each_call_moves_on(name, monkeypatch):
    results = []
    for compiled in (False, True):
        names = namespace(monkeypatch)
        exec(MOVING[name], names)
        f = sw.compile(names["f"]) if compiled else names["f"]
        results.append([f(names["x"]).tolist() for _ in range(3)])
    assert results[0] == results[1]
    assert results[0][0] != results[0][1] != results[0][2]


def test_a_tensor_that_constants_are_added_to(monkeypatch):
    names = namespace(monkeypatch)
    exec("w = sw.zeros(2)\ndef f(x):\n  global w\n  w += 1.0\n  return x", names)
    compiled = sw.compile(names["f"])
    compiled(names["x"])
    compiled(names["x"])
    assert names["w"].tolist() == [2.0, 2.0]
    names["w"] = sw.tensor([5.0, 5.0])
    compiled(names["x"])
    assert names["w"].tolist() == [6.0, 6.0]


def test_what_changes_in_each_call_is_said():
    numbers = count()

    class Counter:
        calls = 0

        def __call__(self, x):
            self.calls += 1
            return x * float(self.calls)

    counter = Counter()
    compiled = sw.compile(counter)
    with pytest.warns(RuntimeWarning, match="traced in each call.*'calls'"):
        for _ in range(12):
            assert compiled(sw.ones(1)).item() == next(numbers) + 1.0
