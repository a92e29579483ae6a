# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Optimisers against their formulas in NumPy float64, their state, and what they refuse."""

import numpy as np
import pytest
import stepwell as sw


def sgd(p, g, state, lr=0.1, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    g = g + weight_decay * p
    if momentum:
        state["v"] = momentum * state["v"] + (1 - dampening) * g if "v" in state else g
        g = g + momentum * state["v"] if nesterov else state["v"]
    return p - lr * g


def adam(
    p,
    g,
    state,
    lr=0.1,
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=0.0,
    decoupled=False,
    amsgrad=False,
):
    t = state["t"] = state.get("t", 0) + 1
    if decoupled:
        p = p * (1 - lr * weight_decay)
    else:
        g = g + weight_decay * p
    state["m"] = betas[0] * state.get("m", 0) + (1 - betas[0]) * g
    state["s"] = betas[1] * state.get("s", 0) + (1 - betas[1]) * g * g
    second = state["s"]
    if amsgrad:
        second = state["largest"] = np.maximum(state.get("largest", 0), second)
    root = np.sqrt(second / (1 - betas[1] ** t))
    return p - lr * state["m"] / (1 - betas[0] ** t) / (root + eps)


CASES = {
    "sgd": (sw.optim.SGD, sgd, {}),
    "momentum": (sw.optim.SGD, sgd, {"momentum": 0.9, "dampening": 0.25}),
    "nesterov": (sw.optim.SGD, sgd, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "adam": (sw.optim.Adam, adam, {"weight_decay": 0.1}),
    "amsgrad": (sw.optim.Adam, adam, {"amsgrad": True, "betas": (0.5, 0.7)}),
    "adamw": (sw.optim.AdamW, lambda *a, **o: adam(*a, decoupled=True, **o), {"weight_decay": 0.3}),
}


def loss(p, target):
    difference = p - target
    return (difference * difference * difference * difference).sum()


@pytest.mark.parametrize("name", CASES)
def test_steps_follow_the_formula(name):
    kind, formula, options = CASES[name]
    start = np.random.default_rng(0).normal(size=(3, 2))
    target = np.random.default_rng(1).normal(size=(3, 2))
    p = sw.from_numpy(start.copy()).requires_grad_()
    optimizer = kind([p], lr=0.1, **options)
    expected, state = start, {}
    for _ in range(5):
        optimizer.zero_grad()
        value = loss(p, sw.from_numpy(target))
        value.backward()
        optimizer.step()
        expected = formula(expected, 4 * (expected - target) ** 3, state, lr=0.1, **options)
        np.testing.assert_allclose(p.detach().numpy(), expected, rtol=1e-10)


def test_state_survives_a_round_trip():
    def train(optimizer, p, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            loss(p, 1.0).backward()
            optimizer.step()

    p = sw.tensor([3.0, -1.0], requires_grad=True)
    optimizer = sw.optim.SGD([p], lr=0.01, momentum=0.9)
    train(optimizer, p, 3)
    q = p.detach().clone().requires_grad_()
    other = sw.optim.SGD([q], lr=0.5, momentum=0.1)
    other.load_state_dict(optimizer.state_dict())
    train(optimizer, p, 3)
    train(other, q, 3)
    assert p.tolist() == q.tolist()


def test_closure_and_groups():
    a, b = (sw.tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = sw.optim.SGD([{"params": a}, {"params": [b], "lr": 0.5}], lr=0.25)

    def closure():
        total = (a + b).sum()
        total.backward()
        return total

    assert optimizer.step(closure).item() == 2.0
    assert (a.item(), b.item()) == (0.75, 0.5)


def test_what_is_refused():
    p = sw.tensor([1.0], requires_grad=True)
    with pytest.raises(ValueError, match="empty parameter list"):
        sw.optim.SGD([])
    with pytest.raises(TypeError, match="iterable of Tensors"):
        sw.optim.SGD(p)
    with pytest.raises(ValueError, match="more than one parameter group"):
        sw.optim.SGD([{"params": [p]}, {"params": [p]}])
    with pytest.raises(ValueError, match="non-leaf"):
        sw.optim.SGD([p * 2.0])
    with pytest.raises(ValueError, match="Nesterov"):
        sw.optim.SGD([p], nesterov=True)
    with pytest.raises(ValueError, match="beta parameter at index 1"):
        sw.optim.Adam([p], betas=(0.9, 1.0))


def test_state_starts_at_zero():
    p = sw.tensor([1.0, 1.0], requires_grad=True)
    optimizer = sw.optim.Adam([p], lr=0.5, betas=(0.5, 0.5))
    p.grad = sw.tensor([float("inf"), 1.0])
    optimizer.step()
    assert optimizer.state[p]["exp_avg"].tolist() == [float("inf"), 0.5]


@pytest.mark.parametrize("name", CASES)
def test_compiled_steps_are_the_eager_ones(name):
    kind, _, options = CASES[name]

    def train(compiled):
        p = sw.tensor([3.0, -1.0, 0.5], dtype=sw.float64, requires_grad=True)
        optimizer = kind([p], lr=0.02, **options)

        def step():
            optimizer.zero_grad()
            loss(p, 1.0).backward()
            optimizer.step()

        step = sw.compile(step) if compiled else step
        for number in range(6):
            optimizer.param_groups[0]["lr"] = 0.02 if number < 3 else 0.01
            step()
        return p.tolist()

    np.testing.assert_allclose(train(True), train(False), rtol=1e-12)
