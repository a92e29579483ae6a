# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""compile(): equal to eager, with written-back mutation; recompiles; refusals."""

import numpy as np
import pytest
import stepwell as sw

RANDOM = np.random.default_rng(0)


def weights():
    return sw.from_numpy(RANDOM.random((4, 5)).astype(np.float32) * 0.1)


def test_training_step_in_one_executable():
    x, w = weights().T.contiguous(), weights()
    plain, traced = w.clone().requires_grad_(), w.clone().requires_grad_()

    def step(x, w):
        y = x @ w
        loss = (y * y * 0.5).sum()
        loss.backward()
        with sw.no_grad():
            w.add_(w.grad * -0.1)
        w.grad = None
        return loss

    compiled = sw.compile(step)
    for _ in range(3):
        np.testing.assert_allclose(compiled(x, traced).item(), step(x, plain).item(), rtol=1e-5)
    np.testing.assert_allclose(traced.detach().numpy(), plain.detach().numpy(), rtol=1e-5)
    assert traced.grad is None and traced.is_leaf and traced._version == 3
    (program,) = [e.program for e, *_ in next(iter(compiled._cache.values()))]
    assert "autodiff.vjp" in program and "stepwell.into" in program


def test_gradients_accumulate_as_eager():
    w = sw.ones(3, requires_grad=True)
    compiled = sw.compile(lambda: (w * w).sum().backward())
    for total in (2.0, 4.0, 6.0):
        compiled()
        assert w.grad.tolist() == [total] * 3
    w.grad = None
    compiled()
    assert w.grad.tolist() == [2.0] * 3


def test_gradient_through_an_executable():
    x = sw.tensor([1.0, 2.0], requires_grad=True)
    (sw.compile(lambda t: t * t * t)(x) * 2.0).sum().backward()
    assert x.grad.tolist() == [6.0, 24.0]


def test_second_derivative_inside():
    def curvature(x):
        (g,) = sw.autograd.grad((x * x * x).sum(), x, create_graph=True)
        (h,) = sw.autograd.grad(g.sum(), x)
        return h

    x = sw.tensor([1.0, 2.0], requires_grad=True)
    assert sw.compile(curvature)(x).tolist() == [6.0, 12.0]


def test_recompiles_say_why(capfd, monkeypatch):
    monkeypatch.setenv("STEPWELL_LOG", "recompiles")
    double = sw.compile(lambda x: x + x)
    double(sw.zeros(32, 2))
    double(sw.zeros(33, 2))
    double(sw.zeros(33, 2))
    double(sw.zeros(33, 2, dtype=sw.float64))
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "argument 0, dimension 0 changed 32 -> 33" in lines[0]
    assert "argument 0, dtype changed float32 -> float64" in lines[1]


def test_values_are_not_known_while_capturing():
    def branch(x):
        if x.sum() < 0:  # this line is named
            return x
        return x + x

    line = branch.__code__.co_firstlineno + 1
    with pytest.raises(RuntimeError, match=rf"test_compile.py:{line}: .*where\(\).*cond\(\)"):
        sw.compile(branch)(sw.ones(2))
    assert (sw.ones(2) + 1).tolist() == [2.0, 2.0]  # the capture has ended


def test_structure_of_results():
    pair = sw.compile(lambda a, flag: {"sum": a + a, "same": a, "list": [flag, (a * a,)]})
    a = sw.tensor([3.0, 0.0])
    result = pair(a, "on")
    assert result["sum"].tolist() == [6.0, 0.0]
    assert result["same"] is a
    assert result["list"][0] == "on" and result["list"][1][0].tolist() == [9.0, 0.0]


def test_explain(tmp_path):
    steps = sw.explain(lambda x: (x * 2.0).sum(), sw.ones(4))
    assert "array.mul" in repr(steps)
    assert len(steps.steps) > 3
    steps.save(str(tmp_path))
    assert {p.name for p in tmp_path.iterdir()} == set(steps.steps)


def test_results_of_one_element():
    x = sw.tensor([3.0])
    total, product = sw.compile(lambda a: (a + a, a * a))(x)
    assert (total.tolist(), product.tolist()) == ([6.0], [9.0])


def test_tensors_closed_over_may_change():
    w = sw.tensor([1.0, 2.0])
    compiled = sw.compile(lambda: (w * w).sum())
    assert compiled().item() == 5.0
    w.requires_grad_()
    compiled().backward()
    assert w.grad.tolist() == [2.0, 4.0]
    w.requires_grad_(False)
    w.data = sw.tensor([1.0, 2.0, 3.0], dtype=sw.float64)
    assert compiled().item() == 14.0 and compiled().dtype is sw.float64


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: (a @ b, b @ a),
        lambda a, b: (a @ b, a @ b @ b),
        lambda a, b: (a @ b @ a, a @ b, b @ b),
        lambda a, b: (a.sum(1, keepdim=True) + b, a @ b, a.sum(1, keepdim=True) + a @ b),
    ],
)
def test_results_of_one_shape_do_not_meet(function):
    # What they start from is one value of the program.
    random = np.random.default_rng(0)
    a, b = (sw.tensor(random.normal(size=(4, 4)).astype("f")) for _ in range(2))
    for got, want in zip(sw.compile(function)(a, b), function(a, b), strict=True):
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-5)
