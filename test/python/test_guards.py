# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""compile(): what a function closes over may be replaced between calls."""

import functools
import random
import types

import pytest
import stepwell as sw
from stepwell._compile import depend_on

w = sw.tensor([1.0, 2.0])
scale = 2.0
settings = types.SimpleNamespace(bias=1.0)


def captures(compiled):
    return sum(len(entries) for entries in compiled._cache.values())


@pytest.fixture
def x():
    return sw.tensor([1.0, 1.0])


def test_a_closure_cell(x):
    v = sw.tensor([1.0, 2.0])
    compiled = sw.compile(lambda x: x * v)
    assert compiled(x).tolist() == [1.0, 2.0]
    v = sw.tensor([3.0, 4.0])
    assert compiled(x).tolist() == [3.0, 4.0]
    v.mul_(2.0)  # the same tensor: no reason to trace again
    assert compiled(x).tolist() == [6.0, 8.0]
    assert captures(compiled) == 2


def test_a_deleted_name_is_the_functions_own_error(x, monkeypatch):
    compiled = sw.compile(lambda x: x * w)
    compiled(x)
    monkeypatch.delitem(globals(), "w")
    with pytest.raises(NameError, match="'w'"):
        compiled(x)


def test_globals(x, monkeypatch):
    compiled = sw.compile(lambda x: x * w * scale + settings.bias)
    assert compiled(x).tolist() == [3.0, 5.0]
    monkeypatch.setitem(globals(), "w", sw.tensor([10.0, 10.0]))
    assert compiled(x).tolist() == [21.0, 21.0]
    monkeypatch.setitem(globals(), "scale", 3.0)
    assert compiled(x).tolist() == [31.0, 31.0]
    monkeypatch.setattr(settings, "bias", 0.0)
    assert compiled(x).tolist() == [30.0, 30.0]
    before = captures(compiled)
    monkeypatch.setitem(globals(), "scale", 3.0 + 0.0)  # equal, though another object
    compiled(x)
    assert captures(compiled) == before


class Layer:
    def __init__(self, *sizes):
        self._parameters = {"weight": sw.ones(*sizes)}
        self.training = True

    def __call__(self, x):
        y = x @ self._parameters["weight"]
        return y * 2.0 if self.training else y


class Net:
    def __init__(self):
        self.layers = [Layer(2, 3), Layer(3, 1)]

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    __call__ = forward


@pytest.mark.parametrize("how", ["object", "method", "closure", "partial", "argument", "helper"])
def test_attributes(x, how):
    net = Net()

    def helper(x):
        return net(x)

    compiled = sw.compile(
        {
            "object": net,
            "method": net.forward,
            "closure": lambda x: net(x),
            "partial": functools.partial(Net.forward, net),
            "argument": lambda x, net=None: net(x),
            "helper": lambda x: helper(x),
        }[how]
    )

    x = sw.ones(1, 2)

    def call():
        return (compiled(x, net=net) if how == "argument" else compiled(x)).tolist()[0]

    assert call() == [24.0]
    assert call() == [24.0]
    assert captures(compiled) == 1
    net.layers[0]._parameters["weight"] = sw.zeros(2, 3)
    assert call() == [0.0]
    net.layers[0] = Layer(2, 3)
    assert call() == [24.0]
    net.layers[1].training = False
    assert call() == [12.0]
    net.layers.pop()
    assert call() == [4.0] * 3
    assert captures(compiled) == 5


def test_a_counter_is_counted(x):
    state = {"step": 0}

    def step(x):
        state["step"] += 1
        return x * float(state["step"])

    compiled = sw.compile(step)
    assert [compiled(x)[0].item() for _ in range(12)] == [float(i + 1) for i in range(12)]
    assert captures(compiled) <= 8


def test_what_is_not_mentioned_is_no_reason(x, monkeypatch):
    other = 1.0
    compiled = sw.compile(lambda x: x * w)
    compiled(x)
    monkeypatch.setitem(globals(), "scale", 5.0)
    other += 1.0
    compiled(x)
    assert captures(compiled) == 1


def test_arguments_that_are_one_tensor(x):
    compiled = sw.compile(lambda a, b: a - b)
    assert compiled(x, x).tolist() == [0.0, 0.0]
    assert compiled(x, x * 3.0).tolist() == [-2.0, -2.0]
    assert compiled(x, x).tolist() == [0.0, 0.0]
    assert captures(compiled) == 2
    halves = sw.tensor([1.0, 2.0, 3.0])
    assert compiled(halves[1:], halves[:2]).tolist() == [1.0, 1.0]


def test_an_argument_that_is_closed_over(x):
    v = sw.tensor([1.0, 2.0])
    compiled = sw.compile(lambda a: a - v)
    assert compiled(v).tolist() == [0.0, 0.0]
    assert compiled(x).tolist() == [0.0, -1.0]
    assert compiled(v).tolist() == [0.0, 0.0]


def test_depend_on(x):
    mode = ["double"]

    def scaled(x):
        depend_on("the mode changed", lambda: tuple(mode))
        return x + x if mode[0] == "double" else x

    depend_on("nothing is captured", lambda: ())
    namespace = {"f": scaled}  # an entry that the walk does not see: reached through eval
    compiled = sw.compile(eval("lambda x: f(x)", namespace))
    assert compiled(x).tolist() == [2.0, 2.0]
    mode[0] = "single"
    assert compiled(x).tolist() == [1.0, 1.0]


def test_recompiles_name_what_was_replaced(capfd, monkeypatch):
    monkeypatch.setenv("STEPWELL_LOG", "recompiles")
    net, x = Net(), sw.ones(1, 2)
    compiled = sw.compile(net.forward)
    compiled(x)
    net.layers[1]._parameters["weight"] = sw.zeros(3, 1)
    compiled(x)
    assert capfd.readouterr().err == (
        "stepwell: recompiling forward: 'layers.1.weight' was replaced\n"
    )


def test_a_source_of_random_numbers_without_a_state():
    source = random.SystemRandom()
    compiled = sw.compile(lambda x: x * 2 if source is not None else x)
    assert compiled(sw.ones(2)).tolist() == compiled(sw.ones(2)).tolist() == [2, 2]
