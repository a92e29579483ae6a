# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""compile(dynamic=): one capture for calls of other sizes."""

from __future__ import annotations

import numpy as np
import pytest
import stepwell as sw
from hypothesis import given, settings
from hypothesis import strategies as st
from stepwell import nn
from stepwell.nn import functional as F
from test_function import same


def compiled(body, **options):
    """A compiled function, and how often it was captured."""
    runs = []

    def function(*args):
        runs.append(0)
        return body(*args)

    return sw.compile(function, **options), runs


def test_static_at_first_then_open():
    function, runs = compiled(lambda x, y: (x * 2).sum(0) + y)
    y = sw.ones(3)
    for n in (4, 5, 6, 7, 30, 4, 2):
        same(function(sw.ones(n, 3), y), sw.ones(3) * (2 * n + 1))
    assert len(runs) == 2
    # Only that dimension of that argument: others are as they were.
    for m in (5, 6, 7):
        same(function(sw.ones(4, m), sw.ones(m)), sw.ones(m) * 9)
    assert len(runs) == 3
    # A size of 1 decides what broadcasts.
    same(function(sw.ones(1, 3), y), sw.ones(3) * 3)
    assert len(runs) == 4


@pytest.mark.parametrize("dynamic, count", [(None, 2), (True, 1), (False, 5)])
def test_what_is_open(dynamic, count):
    function, runs = compiled(lambda x: x.exp(), dynamic=dynamic)
    for n in (4, 5, 6, 4, 7, 8):
        same(function(sw.ones(n)), sw.ones(n).exp())
    assert len(runs) == count


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.norm = nn.LayerNorm(8)
        self.second = nn.Linear(8, 3)

    def forward(self, x):
        return self.second(F.relu(self.norm(self.first(x))))


def training(model, optimizer):
    def step(x, target):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


@pytest.mark.parametrize("first", [1, 2, 40])
@pytest.mark.parametrize(
    "kind", [lambda p: sw.optim.SGD(p, lr=0.1, momentum=0.9), lambda p: sw.optim.Adam(p, lr=0.01)]
)
def test_a_training_step_over_batches(kind, first):
    models, steps = [], []
    for _ in range(2):
        sw.manual_seed(0)
        models.append(Network())
        steps.append(training(models[-1], kind(list(models[-1].parameters()))))
    step, runs = compiled(steps[1])
    rng = np.random.default_rng(0)
    for n in (first, *range(1, 41)):
        x = sw.tensor(rng.standard_normal((n, 6)).astype("float32"))
        target = sw.tensor(rng.integers(0, 3, n))
        np.testing.assert_allclose(step(x, target).item(), steps[0](x, target).item(), rtol=1e-4)
    for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-4, atol=1e-5)
    assert len(runs) <= 3


def image_loss(model, images, target):
    return F.cross_entropy(model(images), target)


def test_convolutions_over_batches():
    sw.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 3)
    )
    weights = list(model.parameters())

    def gradients(images, target):
        return sw.autograd.grad(image_loss(model, images, target), weights)

    function, runs = compiled(gradients)
    rng = np.random.default_rng(0)
    for n in (4, 3, 7, 2, 12):
        images = sw.tensor(rng.standard_normal((n, 1, 6, 6)).astype("float32"))
        target = sw.tensor(rng.integers(0, 3, n))
        for a, b in zip(function(images, target), gradients(images, target), strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-6)
    assert len(runs) <= 3


def test_gradients_outside():
    function, runs = compiled(lambda x, w: (x[1:] @ w).relu().sum())
    for n in (4, 5, 6, 9):
        found = []
        for call in (function, lambda x, w: (x[1:] @ w).relu().sum()):
            x, w = sw.arange(n * 3.0).reshape(n, 3) - 4, sw.ones(3, 2)
            x.requires_grad_(), w.requires_grad_()
            call(x, w).backward()
            found.append((x.grad, w.grad))
        for a, b in zip(*found, strict=True):
            same(a, b)
    assert len(runs) == 2


VIEWS = {
    "slice": lambda x: (x * 2)[1:, ::2],
    "reshape": lambda x: (x + 1).reshape(-1),
    "flatten": lambda x: (x + 1).flatten(),
    "transpose": lambda x: (x * 2).T,
    "transpose of a slice": lambda x: (x * 2)[:, 1:].T[1],
    "expand": lambda x: x.sum(1, keepdim=True).expand(-1, 5),
    "of the argument": lambda x: x[1:],
    "the argument": lambda x: x,
    "transposed argument": lambda x: x.T,
    "elementwise over a transpose": lambda x: x.T * 2,
    "two of one": lambda x: (lambda y: (y[1:], y[:-1], y))(x * 2),
    "column": lambda x: (x * 2)[:, -1].unsqueeze(0),
    "flipped": lambda x: (x * 2)._flip([0])[:, 1:],
    "one element": lambda x: (x * 2)[-1, 0],
    "diagonal": lambda x: (x * 2).diagonal(),
}


@pytest.mark.parametrize("name", VIEWS)
def test_results_that_are_views(name):
    body = VIEWS[name]
    function, _ = compiled(body)
    for n, m in ((4, 5), (6, 5), (6, 7), (3, 4), (9, 8)):
        x = sw.arange(n * m * 1.0).reshape(n, m)
        found, expected = function(x), body(x)
        if isinstance(found, sw.Tensor):
            found, expected = (found,), (expected,)
        for a, b in zip(found, expected, strict=True):
            same(a, b)
            assert a.stride() == b.stride()
            shares = [each._storage_key() == x._storage_key() for each in (a, b)]
            assert shares[0] == shares[1]
        if len(found) > 1:
            assert len({each._storage_key() for each in found}) == 1


def test_what_python_reads_of_a_size():
    def body(x, scale):
        n = x.shape[0]
        if n > 6:
            return x * (scale / n)
        return x[: n // 2] - n * scale

    function, runs = compiled(body)
    for n in (4, 5, 6, 7, 8, 20, 2, 5):
        for scale in (1.5, 2.5):
            same(function(sw.ones(n), scale), body(sw.ones(n), scale))
    assert len(runs) <= 6


def test_a_size_that_must_be_known():
    def body(x):
        total = x[0]
        for i in range(1, x.shape[0]):
            total = total + x[i] * i
        return total * len(x)

    function, runs = compiled(body)
    for _ in range(2):
        for n in range(2, 14):
            same(function(sw.arange(float(n))), body(sw.arange(float(n))))
    assert len(runs) == 12


def test_in_place():
    def body(x, y):
        x[1:] += y[:-1]
        x.mul_(2)
        return x.sum()

    function, runs = compiled(body)
    for n in (4, 5, 6, 8):
        pairs = [(sw.arange(n * 1.0), sw.ones(n)) for _ in range(2)]
        same(function(*pairs[0]), body(*pairs[1]))
        same(pairs[0][0], pairs[1][0])
    assert len(runs) <= 3


def test_arguments_that_are_not_row_major():
    function, runs = compiled(lambda x: x * 2 + 1)
    for n in (4, 5, 6, 5):
        x = sw.arange(n * 3.0).reshape(3, n).T
        found = function(x)
        same(found, x * 2 + 1)
        assert found.stride() == (x * 2 + 1).stride()
    assert len(runs) == 3


def test_why(monkeypatch, capsys):
    monkeypatch.setenv("STEPWELL_LOG", "recompiles")

    def body(x):
        return x * 2 if x.shape[0] < 8 else x * 3

    function = sw.compile(body)
    for n in (4, 5, 6):
        function(sw.ones(n))
    assert "argument 0, dimension 0 changed 4 -> 5" in capsys.readouterr().err
    function(sw.ones(9))
    line = body.__code__.co_firstlineno + 1
    assert f"decides something at {__file__}:{line}" in capsys.readouterr().err


def test_a_compiled_module():
    model = Network()
    fast = sw.compile(model, dynamic=True)
    for n in (2, 5, 9):
        x = sw.randn(n, 6)
        np.testing.assert_allclose(
            fast(x).detach().numpy(), model(x).detach().numpy(), rtol=1e-5, atol=1e-6
        )


BODIES = {
    "mixture": lambda x, y: (x[: x.shape[0] // 2].sum(0) * y.shape[0] + y[-1], x @ y.T),
    "made": lambda x, y: (sw.cat([x, sw.ones(y.shape[0], x.shape[1])]), sw.arange(x.numel())),
    "shaped": lambda x, y: (x.reshape(-1).roll(1).reshape(x.shape), y.chunk(2)[0] * 2),
    "reduced": lambda x, y: (F.softmax(x, 0), y.mean(0), x.max(1)),
}


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(BODIES)),
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=2, max_size=6),
    st.sampled_from([None, True]),
)
def test_at_any_sizes(name, sizes, dynamic):
    body = BODIES[name]
    function, _ = compiled(body, dynamic=dynamic)
    for n, m in sizes:
        x = sw.arange(n * 3.0).reshape(n, 3) - 2
        y = sw.arange(m * 3.0).reshape(m, 3) + 1
        for a, b in zip(function(x, y), body(x, y), strict=True):
            for found, expected in zip(a, b, strict=True) if isinstance(a, tuple) else ((a, b),):
                same(found, expected)
