# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""compile(): what it takes, returns and is: methods, modules, options, arguments of all kinds."""

import collections
import copy
import dataclasses
import gc
import weakref

import numpy as np
import pytest
import stepwell as sw
from stepwell import nn


def captures(compiled):
    compiled = getattr(compiled, "_compiled", compiled)
    return sum(len(entries) for entries in compiled._cache.values())


@pytest.fixture
def x():
    return sw.tensor([1.0, 2.0])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(2, 2)
        self.scale = 1.0

    def forward(self, x, twice=False):
        y = self.inner(x) * self.scale
        return y * 2.0 if twice else y


# --- Modules -------------------------------------------------------------------


def test_a_compiled_module_is_a_module(x):
    net = Net()
    compiled = sw.compile(net)
    assert isinstance(compiled, nn.Module) and isinstance(compiled, Net)
    assert compiled._orig_mod is net
    assert list(compiled.state_dict()) == ["inner.weight", "inner.bias"]
    assert repr(compiled) == repr(net)
    assert compiled(x).tolist() == net(x).tolist()
    assert compiled(x, twice=True).tolist() == net(x, twice=True).tolist()
    assert captures(compiled) == 2


def test_attributes_are_the_modules(x):
    net = Net()
    compiled = sw.compile(net)
    compiled(x)
    compiled.scale = 3.0
    assert net.scale == 3.0
    assert compiled(x).tolist() == net(x).tolist()
    compiled.inner = nn.Linear(2, 2)
    assert net.inner is compiled.inner
    assert compiled(x).tolist() == net(x).tolist()
    compiled.eval()
    assert not net.training and not net.inner.training
    del compiled.scale
    with pytest.raises(AttributeError, match="scale"):
        compiled(x)


def test_a_compiled_module_is_a_child(x):
    class Outer(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.child = inner

        def forward(self, x):
            return self.child(x) + 1.0

    net = Net()
    outer = Outer(sw.compile(net))
    assert list(outer.state_dict()) == ["child.inner.weight", "child.inner.bias"]
    assert len(list(outer.parameters())) == 2
    expected = (net(x) + 1.0).tolist()
    assert outer(x).tolist() == expected
    assert captures(outer.child) == 1
    whole = sw.compile(outer)
    assert whole(x).tolist() == expected
    net.scale = 2.0
    assert whole(x).tolist() == outer(x).tolist() == (net(x) + 1.0).tolist()
    outer.load_state_dict(Outer(Net()).state_dict())
    assert whole(x).tolist() == (net(x) + 1.0).tolist()


def test_a_compiled_module_trains(x):
    net, other = Net(), Net()
    other.load_state_dict(net.state_dict())
    compiled = sw.compile(net)
    for module in (compiled, other):
        optimizer = sw.optim.SGD(module.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            module(x).sum().backward()
            optimizer.step()
    np.testing.assert_allclose(
        net.inner.weight.detach().numpy(), other.inner.weight.detach().numpy(), rtol=1e-6
    )
    assert captures(compiled) <= 2


def test_a_copy_has_weights_of_its_own(x):
    compiled = sw.compile(Net())
    compiled(x)
    other = copy.deepcopy(compiled)
    assert other.inner.weight is not compiled.inner.weight
    with sw.no_grad():
        other.inner.weight.zero_()
        other.inner.bias.zero_()
    assert other(x).tolist() == [0.0, 0.0] != compiled(x).tolist()


def test_a_registry_of_classes_hears_nothing(x):
    known = []

    class Base(nn.Module):
        def __init_subclass__(cls, *, name):
            known.append(name)

    class Leaf(Base, name="leaf"):
        def forward(self, x):
            return x + x

    assert sw.compile(Leaf())(x).tolist() == [2.0, 4.0]
    assert known == ["leaf"]


def test_a_training_step_is_captured_twice_at_most(x):
    class Trainer:
        def __init__(self):
            self.net = nn.Linear(2, 2)
            self.optimizer = sw.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)
            self.steps, self.losses, self.history = 0, [], []

        def step(self, x):
            self.optimizer.zero_grad()
            loss = (self.net(x) ** 2).sum()
            loss.backward()
            self.optimizer.step()
            self.steps += 1
            self.losses.append(loss.detach())
            return loss.detach()

        def fit(self, step):
            for epoch in range(10):
                self.epoch = epoch
                self.history.append(step(x).item())

    plain, other = Trainer(), Trainer()
    other.net.load_state_dict(plain.net.state_dict())
    compiled = sw.compile(other.step)
    plain.fit(plain.step)
    other.fit(compiled)
    np.testing.assert_allclose(other.history, plain.history, rtol=1e-5)
    assert captures(compiled) <= 2


def test_compiling_twice_is_compiling_once(x):
    net = Net()
    assert sw.compile(sw.compile(net))._orig_mod is net


# --- Methods and functions --------------------------------------------------------


class Scaled:
    def __init__(self, scale):
        self.scale = scale

    @sw.compile
    def __call__(self, x):
        return x * self.scale

    @sw.compile(fullgraph=True)
    def more(self, x, by=1.0):
        return x * self.scale + by


def test_a_decorated_method_binds(x):
    a, b = Scaled(2.0), Scaled(3.0)
    assert a(x).tolist() == [2.0, 4.0]
    assert b(x).tolist() == [3.0, 6.0]
    a.scale = 5.0
    assert a(x).tolist() == [5.0, 10.0]
    assert b.more(x, by=2.0).tolist() == [5.0, 8.0]
    assert Scaled.more(a, x).tolist() == [6.0, 11.0]


def test_a_decorated_forward(x):
    class Inner(nn.Module):
        scale = 2.0

        @sw.compile
        def forward(self, x):
            return x * self.scale

    net = Inner()
    assert net(x).tolist() == [2.0, 4.0]
    net.scale = 3.0
    assert net(x).tolist() == [3.0, 6.0]


def test_a_compiled_function_looks_like_the_function():
    def f(x):
        "Doubles."
        return x + x

    compiled = sw.compile(f)
    assert compiled.__name__ == "f" and compiled.__doc__ == "Doubles." and compiled.__wrapped__ is f
    assert copy.copy(compiled)(sw.ones(1)).tolist() == [2.0]


def test_a_compiled_function_goes_with_its_captures(x):
    def make():
        weight = sw.ones(2)

        def f(x):
            return f.scale * x * weight

        f.scale = 2.0
        compiled = sw.compile(f)
        assert compiled(x).tolist() == [2.0, 4.0]
        assert compiled(x).tolist() == [2.0, 4.0]
        f.compiled = compiled  # a circle
        return weakref.ref(compiled)

    gone = make()
    gc.collect()
    assert gone() is None


# --- Options ------------------------------------------------------------------------


def test_pytorchs_options_are_taken(x):
    for options in (
        {"mode": "max-autotune"},
        {"mode": "default", "dynamic": False},
        {"backend": "inductor", "dynamic": True},
        {"options": {}},
        {"fullgraph": True, "dynamic": None},
    ):
        assert sw.compile(lambda x: x + x, **options)(x).tolist() == [2.0, 4.0]

    def f(x):
        return x

    assert sw.compile(f, disable=True) is f
    assert sw.compile(disable=True)(f) is f


@pytest.mark.parametrize(
    "options, error, match",
    [
        ({"mode": "quick"}, RuntimeError, "Unrecognized mode=quick"),
        ({"mode": "default", "options": {}}, RuntimeError, "Either mode or options"),
        ({"options": {"tiles": 1}}, RuntimeError, "Unexpected optimization option tiles"),
        ({"backend": "nobody"}, ValueError, "Invalid backend: 'nobody'"),
        ({"dynamic": "yes"}, TypeError, "'dynamic' must be bool, not str"),
        ({"fullgraph": 1}, TypeError, "'fullgraph' must be bool, not int"),
    ],
)
def test_wrong_options(options, error, match):
    with pytest.raises(error, match=match):
        sw.compile(lambda x: x, **options)


def test_what_cannot_be_called():
    with pytest.raises(TypeError, match="'model' must be callable, not int"):
        sw.compile(3)


# --- Arguments and results ----------------------------------------------------------


@dataclasses.dataclass
class Batch:
    images: sw.Tensor
    scale: float = 1.0


@dataclasses.dataclass(frozen=True)
class Pair:
    a: sw.Tensor
    b: sw.Tensor


def test_dataclasses_go_in_and_out(x):
    compiled = sw.compile(lambda batch: Pair(batch.images * batch.scale, batch.images))
    for scale in (1.0, 2.0, 1.0):
        pair = compiled(Batch(x, scale))
        assert type(pair) is Pair
        assert pair.a.tolist() == [scale, 2.0 * scale] and pair.b is x
    assert captures(compiled) == 2


@pytest.mark.parametrize(
    "result",
    [
        {1, 2},
        slice(1, None),
        collections.OrderedDict(a=1),
        collections.namedtuple("P", "q")(3),
        range(3),
        frozenset([1]),
    ],
)
def test_results_of_all_kinds(x, result):
    compiled = sw.compile(lambda x: (x + x, result))
    for _ in range(2):
        doubled, other = compiled(x)
        assert doubled.tolist() == [2.0, 4.0]
        assert type(other) is type(result) and other == result


def test_an_array_among_results(x):
    array = np.arange(3)
    compiled = sw.compile(lambda x: [x, array])
    for _ in range(2):
        assert compiled(x)[1] is array


def test_texts_and_keywords(x):
    compiled = sw.compile(lambda x, **options: x * float(len(options["name"])))
    for _ in range(2):
        assert compiled(x, name="a").tolist() == [1.0, 2.0]
        assert compiled(x, name="".join(["b", "c"])).tolist() == [2.0, 4.0]
        assert compiled(x, name="bc").tolist() == [2.0, 4.0]
    assert captures(compiled) == 2


def test_integers_of_any_size(x):
    compiled = sw.compile(lambda x, n: x * float(n % 3))
    assert compiled(x, 2**80).tolist() == (x * float(2**80 % 3)).tolist()
    assert compiled(x, 4).tolist() == [1.0, 2.0]
    assert compiled(x, 5).tolist() == [2.0, 4.0]


def test_gradients_and_modes_alternate():
    w = sw.tensor([1.0, 2.0], requires_grad=True)
    compiled = sw.compile(lambda w: w * w)
    for _ in range(3):
        with sw.no_grad():
            assert not compiled(w).requires_grad
        assert compiled(w).requires_grad
        assert not compiled(w.detach()).requires_grad
        compiled(w).sum().backward()
    assert w.grad.tolist() == [6.0, 12.0]
    assert captures(compiled) == 3


def test_layouts_and_shared_memory_alternate():
    compiled = sw.compile(lambda a, b: a - b)
    a = sw.tensor([[1.0, 2.0], [3.0, 4.0]])
    for _ in range(3):
        assert compiled(a, a.T).tolist() == [[0.0, -1.0], [1.0, 0.0]]
        assert compiled(a, a).tolist() == [[0.0, 0.0], [0.0, 0.0]]
        assert compiled(a, a.clone()).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_recompiles_name_the_path(x, capfd, monkeypatch):
    monkeypatch.setenv("STEPWELL_LOG", "recompiles")

    class Config:
        scales = {"a": [1.0]}

    def helper(x):
        return x * Config.scales["a"][0]

    compiled = sw.compile(lambda x: helper(x))
    compiled(x)
    Config.scales["a"][0] = 2.0
    compiled(x)
    Config.scales["a"].append(3.0)
    compiled(x)
    helper.__defaults__ = (x,)
    compiled(x)
    said = capfd.readouterr().err.splitlines()
    assert said == [
        "stepwell: recompiling <lambda>: 'Config.scales.a.0' was replaced",
        "stepwell: recompiling <lambda>: the length of 'Config.scales.a' changed",
        "stepwell: recompiling <lambda>: the defaults of 'helper' were replaced",
    ]
