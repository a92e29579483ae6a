# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exported programs that leave sizes open."""

from __future__ import annotations

import numpy as np
import pytest
import stepwell as sw
from hypothesis import given, settings
from hypothesis import strategies as st
from stepwell import Dim, nn
from stepwell.nn import functional as F
from test_function import same


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3, padding=1)
        self.norm = nn.LayerNorm(10)
        self.linear = nn.Linear(3 * 3 * 3, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv(x)), 2)
        return F.softmax(self.norm(self.linear(x.flatten(1))), 1)


BATCH = Dim("batch", min=1, max=64)


@pytest.fixture(scope="module")
def network():
    sw.manual_seed(0)
    return Network().eval()


@pytest.fixture(scope="module")
def program(network):
    return sw.export(network, (sw.randn(4, 1, 6, 6),), dynamic_shapes={"x": {0: BATCH}})


def test_every_size(network, program, tmp_path):
    program.save(tmp_path / "network.stepwell")
    loaded = sw.load(tmp_path / "network.stepwell")
    for n in (1, 2, 4, 7, 64):
        x = sw.randn(n, 1, 6, 6)
        for each in (program, loaded):
            same(each(x).detach(), network(x).detach())
    assert program.arguments[0].shape == (None, 1, 6, 6)
    assert program.results[0].shape == (None, 10)
    for each in (program, loaded):
        with pytest.raises(RuntimeError, match=r"size 65 in dimension 0, 'batch'.*1 to 64"):
            each(sw.randn(65, 1, 6, 6))
        with pytest.raises(RuntimeError, match="exported for"):
            each(sw.randn(4, 1, 6, 7))


def test_gradients_go_through(program):
    x = sw.randn(3, 1, 6, 6).requires_grad_()
    program(x).max().backward()
    assert x.grad is not None and x.grad.shape == x.shape


def test_one_name_is_one_size():
    program = sw.export(
        lambda a, b: a @ b,
        (sw.ones(2, 3), sw.ones(3, 5)),
        dynamic_shapes=({1: Dim("k")}, {0: Dim("k")}),
    )
    same(program(sw.ones(2, 9), sw.ones(9, 5)), sw.ones(2, 5) * 9)
    with pytest.raises(RuntimeError, match="'k' is 9"):
        program(sw.ones(2, 9), sw.ones(8, 5))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9))
def test_any_sizes(n, m):
    def function(x, y):
        rows, columns = x.shape
        wide = x.reshape(rows * columns).reshape(rows, columns) + y.unsqueeze(0)
        return (
            wide.sum(0),
            wide.T @ x,
            sw.cat([x, wide], 1),
            x.unsqueeze(1).expand_as(x.unsqueeze(1)),
        )

    program = sw.export(
        function,
        (sw.ones(4, 5), sw.ones(5)),
        dynamic_shapes={"x": {0: Dim("n"), 1: Dim("m")}, "y": {0: Dim("m")}},
    )
    rng = np.random.default_rng(n * 10 + m)
    x, y = (sw.tensor(rng.standard_normal(s).astype("float32")) for s in ((n, m), (m,)))
    for found, expected in zip(program(x, y), function(x, y), strict=True):
        same(found, expected)


class Windows(nn.Module):
    """Cuts and makes tensors by the sizes of its argument."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 4)

    def forward(self, x):
        n, width = x.shape
        place = sw.arange(n).unsqueeze(1).float()
        around = sw.cat([x[:, 1:], sw.zeros(n, 1)], 1) + place
        last = self.linear(around)[-1]
        halves = around[: n // 2] * 2, around[n // 2 :]
        return sw.cat(halves) @ sw.eye(width), last.unsqueeze(0) + sw.ones(n, 4)


def test_slices_and_made_tensors(tmp_path):
    model = Windows().eval()
    program = sw.export(model, (sw.randn(5, 6),), dynamic_shapes={"x": {0: BATCH}})
    program.save(tmp_path / "windows.stepwell")
    for each in (program, sw.load(tmp_path / "windows.stepwell")):
        for n in (1, 2, 3, 8, 64):
            x = sw.randn(n, 6)
            for found, expected in zip(each(x), model(x), strict=True):
                same(found.detach(), expected.detach())


def test_containers():
    program = sw.export(
        lambda pair, scale: pair[0] * pair[1]["b"] + scale,
        ([sw.ones(2, 3), {"b": sw.ones(2, 1)}], sw.ones(3)),
        dynamic_shapes={"pair": [{0: BATCH}, {"b": {0: BATCH}}]},
    )
    same(program([sw.ones(7, 3), {"b": sw.ones(7, 1)}], sw.ones(3)), sw.ones(7, 3) * 2)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * 2 if x.shape[0] > 3 else x,
        lambda x: x / x.shape[0],
        lambda x: sum(x[i] for i in range(x.shape[0])),
        lambda x: x.reshape(4, -1),
        lambda x: x + sw.ones(4, 3),
        lambda x: x * float(len(x)),
        lambda x: x[: x.shape[0] // 2].squeeze(0) * 2,
    ],
)
def test_a_function_that_depends_on_the_size_is_refused(function):
    with pytest.raises(RuntimeError, match=r"test_export_dynamic.py:\d+: .*'batch' = "):
        sw.export(function, (sw.ones(4, 3),), dynamic_shapes={"x": {0: BATCH}})


def test_wrong_requests():
    x = sw.ones(4, 3)
    for given_shapes, error, message in (
        ({"y": {0: BATCH}}, ValueError, "'y', which is no argument"),
        ({"x": {0: 4}}, TypeError, "from dimensions to Dim"),
        ({"x": {5: BATCH}}, IndexError, "has none 5"),
        ({"x": {0: Dim("few", max=3)}}, RuntimeError, "size 4, which does not lie in"),
    ):
        with pytest.raises(error, match=message):
            sw.export(lambda x: x * 2, (x,), dynamic_shapes=given_shapes)
    with pytest.raises(ValueError, match="identifier"):
        Dim("1st")
    with pytest.raises(ValueError, match="no size"):
        Dim("n", min=3, max=2)
