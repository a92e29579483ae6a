# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions that cut and make tensors by their arguments' sizes: traced at some, run at others."""

from __future__ import annotations

import pytest
import stepwell as sw
from hypothesis import given, settings
from hypothesis import strategies as st
from stepwell import Tensor
from test_function import same


def written(x):
    made = sw.zeros(x.shape)
    made[1:, : x.shape[1] // 2] = x[1:, : x.shape[1] // 2] * 2
    made[0] = 1
    return made * x


def gradient_inside(x):
    weight = sw.ones(3, requires_grad=True)
    loss = (x[:, :3] * weight)[1:].flip(0).square().mean()
    return sw.autograd.grad(loss, weight)[0]


# Of a tensor of two dimensions, each of 4 or more.
BODIES = {
    "first half": lambda x: x[: x.shape[0] // 2],
    "second half": lambda x: x[x.shape[0] // 2 :] * 2,
    "all but the first": lambda x: x[1:],
    "last column": lambda x: x[:, -1],
    "last but two": lambda x: x[-3],
    "inside": lambda x: x[1:-1, 1:-2],
    "every other": lambda x: x[::2, 1::3],
    "from the end": lambda x: x[-3:, -2:],
    "few": lambda x: x[:3, None, :2],
    "beyond": lambda x: x[:3, 1000:],
    "middle row": lambda x: x[x.shape[0] // 2],
    "differences": lambda x: x[1:] - x[:-1],
    "halves": lambda x: sum(x[:, : x.shape[1] // 2 * 2].chunk(2, 1)),
    "pieces": lambda x: sw.cat([piece * 2 for piece in x.chunk(3)], 0),
    "narrow": lambda x: x.narrow(0, 1, x.shape[0] - 2).narrow(1, -2, 1),
    "select": lambda x: x.select(1, x.shape[1] - 2) + x.select(0, 1)[0],
    "flip": lambda x: x.flip(0, 1)[:, 1:],
    "roll": lambda x: x.roll(1, 0).roll((-2, 3), (0, 1)),
    "roll all": lambda x: x.roll(3),
    "cat": lambda x: sw.cat([x[2:], x, x[:1]]),
    "stack": lambda x: sw.stack([x[1:], x[:-1]], 1),
    "zeros": lambda x: sw.zeros(x.shape[1], x.shape[0]) + x.T,
    "full": lambda x: sw.full((x.shape[0] + 1, 2), 3.0),
    "ones": lambda x: sw.cat([x, sw.ones(x.shape[0], 1)], 1),
    "ones_like": lambda x: sw.ones_like(x[1:]) * x[:-1],
    "arange": lambda x: sw.arange(x.shape[0]).unsqueeze(1) * x,
    "arange by": lambda x: sw.arange(1, x.numel(), 3),
    "eye": lambda x: x @ sw.eye(x.shape[1]),
    "tril": lambda x: x.tril(-1),
    "mask": lambda x: sw.where(sw.arange(x.shape[1]) < x.shape[1] // 2, x, 0.0),
    "padding": lambda x: sw.cat([sw.zeros(x.shape[0], 2), x, sw.zeros(x.shape[0], 1)], 1),
    "reshape": lambda x: x.reshape(x.shape[1], x.shape[0]),
    "flat": lambda x: x.reshape(x.shape[0] * x.shape[1])[: x.shape[0]],
    "expand": lambda x: x[:1].expand(x.shape[0] - 1, -1),
    "written": written,
    "gradient inside": gradient_inside,
}  # fmt: skip


def traced(body):
    """The body as a function, and how often it was traced."""
    runs = []

    @sw.function
    def function(x: Tensor):
        runs.append(0)
        return body(x) + 0  # a view is none of a trace

    return function, runs


def values(n, m):
    return (sw.arange(n * m).reshape(n, m) * 7 % 13).float() - 5


@pytest.mark.parametrize("name", BODIES)
def test_one_trace_serves_other_sizes(name):
    body = BODIES[name]
    function, runs = traced(body)
    for n, m in ((6, 7), (6, 12), (9, 7), (31, 30), (8, 8), (12, 5), (101, 9)):
        x = values(n, m)
        same(function(x), body(x))
    assert len(runs) == 1


@pytest.mark.parametrize("name", BODIES)
def test_gradients(name):
    body = BODIES[name]
    function, _ = traced(body)
    for n, m in ((6, 7), (9, 12), (5, 5)):
        grads = []
        for call in (body, function):
            x = values(n, m).requires_grad_()
            made = call(x)
            if not made.requires_grad:
                return
            (made * values(made.numel(), 1).reshape(made.shape)).sum().backward()
            grads.append(x.grad)
        same(grads[1], grads[0])


SIZES = st.integers(1, 12)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(BODIES)), st.lists(st.tuples(SIZES, SIZES), min_size=2, max_size=5))
def test_at_any_sizes(name, sizes):
    """Also where a slice takes nothing, or a piece is one element: then another trace is made."""
    body = BODIES[name]
    function, _ = traced(body)
    for n, m in sizes:
        x = values(n, m)
        try:
            expected = body(x)
        except (RuntimeError, IndexError) as error:
            with pytest.raises(type(error)):
                function(x)
            continue
        same(function(x), expected)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(4, 9),
    st.lists(st.tuples(*[st.integers(-9, 9) | st.none()] * 2, st.sampled_from([1, 2, 3, -1, -2])), max_size=3),
    st.lists(st.integers(4, 20), min_size=1, max_size=4),
)  # fmt: skip
def test_any_slices(first, slices, others):
    def body(x):
        half = x.shape[0] // 2
        for start, stop, step in slices:
            x = x.flip(0)[start : x.shape[0] if stop is None else stop : step]
            x = sw.cat([x, x])[:half]
        return x

    function, _ = traced(body)
    for n in (first, *others):
        same(function(sw.arange(n)), body(sw.arange(n)))


def test_a_leak_is_seen():
    """The comparison above sees a size that was taken from the trace."""

    @sw.function
    def leaks(x: Tensor):
        size = x.shape[0]
        return x[: size._value - 1] + 0  # what no body can do by itself

    same(leaks(sw.arange(6)), sw.arange(5))
    with pytest.raises(AssertionError):
        same(leaks(sw.arange(8)), sw.arange(7))
