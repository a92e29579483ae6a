# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random numbers in captured functions: fresh in each call, and those that eager draws."""

import numpy as np
import pytest
import stepwell as sw


def both(function, *args, calls=3):
    """What three calls return eagerly and compiled, from the same seed, and the states after."""
    compiled = sw.compile(function)
    outcomes = []
    for run in (function, compiled):
        sw.manual_seed(21)
        results = [[t.tolist() for t in run(*args)] for _ in range(calls)]
        outcomes.append((results, sw.get_rng_state().tolist()))
    return outcomes


def test_draws_are_those_of_eager():
    def draw(x):
        y = sw.zeros(3)
        y.uniform_(1, 2)
        return (
            sw.rand(2, 3),
            sw.randn_like(x),
            sw.randint(-5, 5, (4,)),
            sw.bernoulli(x * 0.25),
            sw.dropout(x, 0.5),
            y,
        )

    eager, compiled = both(draw, sw.ones(3, 5))
    for one, other in zip(eager[0], compiled[0], strict=True):
        # What is fused rounds the same.
        assert one == other
    assert eager[1] == compiled[1]
    assert eager[0][0] != eager[0][1]


def test_a_new_seed_captures_and_compiles_nothing():
    traced = []

    @sw.compile
    def draw():
        traced.append(1)
        return sw.rand(5)

    first = draw().tolist()
    before = sw._core.kernel_stats()["compiles"]
    assert draw().tolist() != first
    sw.manual_seed(5)
    one = draw().tolist()
    sw.manual_seed(5)
    assert draw().tolist() == one == sw.rand(5, generator=sw.Generator().manual_seed(5)).tolist()
    assert len(traced) == 1 and sw._core.kernel_stats()["compiles"] == before


def test_generator_of_the_users_own():
    g = sw.Generator().manual_seed(4)
    draw = sw.compile(lambda: sw.randn(3, generator=g))
    made = draw().tolist(), draw().tolist()
    g.manual_seed(4)
    assert made == (sw.randn(3, generator=g).tolist(), sw.randn(3, generator=g).tolist())


def test_seeding_inside():
    def draw():
        sw.manual_seed(3)
        return sw.rand(4)

    assert sw.compile(draw)().tolist() == draw().tolist()
    assert sw.initial_seed() == 3


def test_training_step_with_dropout():
    x = sw.rand(64, 8, generator=sw.Generator().manual_seed(1))
    target = (x.numpy().sum(axis=1, keepdims=True) > 4).astype(np.float32)
    target = sw.from_numpy(target)

    def train(wrap):
        sw.manual_seed(7)
        first = (sw.randn(8, 16) * 0.3).requires_grad_()
        second = (sw.randn(16, 1) * 0.3).requires_grad_()

        def step():
            hidden = sw.dropout((x @ first).tanh(), 0.25)
            error = hidden @ second - target
            loss = (error * error).sum() / 64
            loss.backward()
            with sw.no_grad():
                for weight in (first, second):
                    weight.add_(weight.grad * -0.05)
                    weight.grad = None
            return loss

        run = wrap(step)
        return [run().item() for _ in range(30)], first.detach().numpy()

    losses, weights = train(lambda f: f)
    compiled_losses, compiled_weights = train(sw.compile)
    # Sums may be added in another order.
    np.testing.assert_allclose(compiled_losses, losses, rtol=1e-4)
    np.testing.assert_allclose(compiled_weights, weights, rtol=1e-3, atol=1e-5)
    assert sum(losses[-5:]) < sum(losses[:5]) and len(set(losses)) == 30


def test_gradient_through_a_compiled_forward_pass():
    """backward() outside: it drops what the forward pass dropped, although the offset moved on."""
    x = sw.ones(200)

    def forward(w):
        return sw.dropout(x * w, 0.5)

    gradients = []
    for run in (forward, sw.compile(forward)):
        sw.manual_seed(2)
        w = sw.ones(200, requires_grad=True)
        first, second = run(w), run(w)
        assert first.tolist() != second.tolist()
        (first + 10 * second).sum().backward()
        assert w.grad.tolist() == (first + 10 * second).tolist()
        gradients.append(w.grad.tolist())
    assert gradients[0] == gradients[1]


def test_a_counter_beside_a_differentiable_result():
    calls, mean = sw.tensor(0), sw.zeros(3)

    def forward(w):
        calls.add_(1)
        with sw.no_grad():
            mean.mul_(0.5).add_(w)
        return w * w * calls

    compiled = sw.compile(forward)
    w = sw.tensor([1.0, 2.0, 3.0], requires_grad=True)
    first, second = compiled(w), compiled(w)
    (first + second).sum().backward()
    assert w.grad.tolist() == [6.0, 12.0, 18.0]
    assert calls.item() == 2 and mean.tolist() == [1.5, 3.0, 4.5]
    with sw.no_grad():
        assert compiled(w).tolist() == [3.0, 12.0, 27.0]
    assert calls.item() == 3


def test_export_refuses_to_draw():
    w = sw.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="cannot export a function that writes to"):
        sw.export(lambda x: sw.dropout(x * w, 0.5), (sw.ones(3),))
