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
from stale_programs import CONFIG, PROGRAMS
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


# Changes of what is not read.
CALM = {
    "unrelated global": ("k = 2.0\nother = 1\ndef f(x): return x * k", "other += 1"),
    "unrelated global of a helper's module": (
        "exec('k = 2.0\\nn = 0\\ndef g(x): return x * k', vars(mod))\ndef f(x): return mod.g(x)",
        "mod.n += 1",
    ),
    "equal number": ("k = 2.5\ndef f(x): return x * k", "k = float('2.5')"),
    "equal text": ("k = 'ab'\ndef f(x): return x * float(len(k))", "k = ''.join(['a', 'b'])"),
    "equal tuple": ("k = (1.0, 'a')\ndef f(x): return x * k[0]", "k = (float('1.0'), 'a')"),
    "parameters' data": (
        "net = nn.Linear(2, 2)\ndef f(x): return net(x)",
        "with sw.no_grad(): net.weight.mul_(2.0)",
    ),
    "trainer's counter": (
        "class T:\n  def __init__(self): self.net = nn.Linear(2, 2); self.steps = 0; self.log = []\n"
        "  def step(self, x): return self.net(x)\n"
        "  def fit(self): self.steps += 1; self.log.append(self.steps)\n"
        "t = T()\nf = t.step",
        "t.fit()",
    ),
    "counter in another key": (
        "state = {'scale': 2.0, 'step': 0}\ndef f(x): return x * state['scale']",
        "state['step'] += 1",
    ),
    "counter in another key of an attribute": (
        "class T:\n  def __init__(self): self.state = {'scale': 2.0, 'step': 0}\n"
        "  def f(self, x): return x * self.state['scale']\nt = T()\nf = t.f",
        "t.state['step'] += 1",
    ),
    "counter beside a constant getattr": (
        "class T:\n  def __init__(self): self.steps = 0\n"
        "  def f(self, x): return x * getattr(self, 'scale', 2.0)\nt = T()\nf = t.f",
        "t.steps += 1",
    ),
    "dataclass's counter": (
        "@dataclasses.dataclass\nclass T:\n  scale: float = 2.0\n  steps: int = 0\n"
        "  def f(self, x): return x * self.scale\nt = T()\nf = t.f",
        "t.steps += 1",
    ),
    "module's counter": (
        "class N(nn.Module):\n  def __init__(self): super().__init__(); self.steps = 0\n"
        "  def forward(self, x): return x * 2.0\nnet = N()\nf = net",
        "net.steps += 1",
    ),
    "class's counter": (
        "class C:\n  made = 0\n  s = 2.0\nc = C()\ndef f(x): return x * c.s",
        "C.made += 1",
    ),
    "environment elsewhere": (
        "def f(x): return x * float(os.cpu_count() > 0)",
        "MP.setenv('STALE_K', '3')",
    ),
    "equal argument": (
        CONFIG.format("args = (x, config)\ndef f(x, c): return x * c.scale"),
        "args = (x, Config())",
    ),
    "equal set": (
        "args = (x, {1, 2})\ndef f(x, s): return x * float(len(s))",
        "args = (x, {1, 2})",
    ),
    "equal slice": ("args = (x, slice(0, 1))\ndef f(x, s): return x[s]", "args = (x, slice(0, 1))"),
    "equal array": (
        "args = (x, np.ones(3))\ndef f(x, s): return x * float(s[0])",
        "args = (x, np.ones(3))",
    ),
    "gradients": (
        "net = nn.Linear(2, 2)\ndef f(x): return net(x)",
        "net(x).sum().backward()",
    ),
    "appended to inside": ("k = []\ndef f(x):\n  k.append(x * 2.0)\n  return x", ""),
    "length appended inside": ("k = []\ndef f(x):\n  k.append(len(k))\n  return x", ""),
    "counted inside": ("k = 0\ndef f(x):\n  global k\n  k += 1\n  return x", ""),
    "counted inside and outside": (
        "k = 0\ndef f(x):\n  global k\n  k += 1\n  return x",
        "k += 1",
    ),
    "counted in a cell": (
        "def make():\n  k = 0\n  def f(x):\n    nonlocal k\n    k += 1\n    return x\n"
        "  return f\nf = make()",
        "",
    ),
    "counted in a dictionary": ("k = {'n': 0}\ndef f(x):\n  k['n'] += 1\n  return x", ""),
    "counted in an object": (
        "class C:\n  def __init__(self): self.n = 0; self.log = []\n"
        "  def f(self, x):\n    self.n += 1\n    self.log.append(len(self.log))\n"
        "    self.last = x\n    return x\n"
        "c = C()\nf = c.f",
        "c.n += 1",
    ),
    "counted by an iterator": (
        "import itertools\nk = itertools.count()\ndef f(x):\n  next(k)\n  return x",
        "",
    ),
    "kept in a dictionary": ("k = {}\ndef f(x):\n  k['last'] = x\n  return x", ""),
    "random draws": ("import random\ndef f(x): return x * 2.0", "random.random()"),
}

# What each call moves on.
MOVING = {
    "iterator": "it = iter([1.0, 2.0, 3.0])\ndef f(x): return x * next(it)",
    "generator": "g = (v for v in (1.0, 2.0, 3.0))\ndef f(x): return x * next(g)",
    "generator function": (
        "def make():\n  v = 0.0\n  while True:\n    v += 1.0\n    yield v\ng = make()\n"
        "def f(x): return x * next(g)"
    ),
    "count": "import itertools\nc = itertools.count(1)\ndef f(x): return x * float(next(c))",
    "random": "random.seed(0)\ndef f(x): return x * random.random()",
    "numpy's random": "np.random.seed(0)\ndef f(x): return x * np.random.rand()",
    "numpy's generator": "r = np.random.default_rng(0)\ndef f(x): return x * float(r.random())",
    "random generator": "r = random.Random(0)\ndef f(x): return x * r.random()",
    "counted and read": "k = 0\ndef f(x):\n  global k\n  k += 1\n  return x * float(k)",
    "length that is read": "k = []\ndef f(x):\n  k.append(1)\n  return x * float(len(k))",
    "result of next": "k = iter([1.0, 2.0, 3.0])\ndef f(x):\n  v = next(k)\n  return x * v",
    "popped": "k = [3.0, 2.0, 1.0]\ndef f(x): return x * k.pop()",
    "counter": "k = [0.0]\ndef f(x):\n  k[0] += 1.0\n  return x * k[0]",
}


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
