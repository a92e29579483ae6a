# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Losses against their formulas in NumPy float64, and their gradients against differences."""

import math

import numpy as np
import pytest
import stepwell as sw
from stepwell import nn
from stepwell.nn import functional as F

RANDOM = np.random.default_rng(0)


def log_softmax(x):
    x = x - x.max(1, keepdims=True)
    return x - np.log(np.exp(x).sum(1, keepdims=True))


def reduced(losses, reduction, count=None):
    if reduction == "none":
        return losses
    return (
        losses.sum()
        if reduction == "sum"
        else losses.sum() / (losses.size if count is None else count)
    )


def check(function, formula, *arrays):
    """Values of the function and the gradient of its first argument, both in float64."""
    tensors = [sw.tensor(a) for a in arrays]
    tensors[0].requires_grad_()
    result = function(*tensors)
    np.testing.assert_allclose(result.detach().numpy(), formula(*arrays), rtol=1e-9, atol=1e-12)
    result.sum().backward()
    expected = np.zeros_like(arrays[0])
    for at in np.ndindex(arrays[0].shape):
        ends = []
        for step in (1e-6, -1e-6):
            moved = arrays[0].copy()
            moved[at] += step
            ends.append(formula(moved, *arrays[1:]).sum())
        expected[at] = (ends[0] - ends[1]) / 2e-6
    np.testing.assert_allclose(tensors[0].grad.numpy(), expected, rtol=1e-6, atol=1e-8)


def classes_formula(x, target, weight, ignore, reduction, smoothing):
    count = x.shape[1]
    weight = np.ones(count) if weight is None else weight
    logs = log_softmax(x) * weight.reshape(-1, *[1] * (x.ndim - 2))
    kept = target != ignore
    safe = np.where(kept, target, 0)
    picked = np.take_along_axis(logs, np.expand_dims(safe, 1), 1).squeeze(1)
    losses = -((1 - smoothing) * picked + smoothing / count * logs.sum(1)) * kept
    return reduced(losses, reduction, (weight[safe] * kept).sum())


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2, 2)])
def test_cross_entropy_of_classes(shape, weighted, smoothing, reduction):
    x = RANDOM.normal(size=shape) * 3
    target = RANDOM.integers(0, 3, (shape[0], *shape[2:]))
    target.flat[1] = -100
    weight = np.array([0.5, 1.0, 2.5]) if weighted else None
    loss = nn.CrossEntropyLoss(
        None if weight is None else sw.tensor(weight),
        reduction=reduction,
        label_smoothing=smoothing,
    )
    labels = sw.tensor(target)
    check(
        lambda x: loss(x, labels),
        lambda x: classes_formula(x, target, weight, -100, reduction, smoothing),
        x,
    )


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_of_probabilities(weighted, reduction):
    x, target = RANDOM.normal(size=(4, 3, 2)), RANDOM.random((4, 3, 2))
    weight = np.array([0.5, 1.0, 2.5]) if weighted else np.ones(3)

    def formula(x, target):
        target = target * 0.8 + 0.2 / 3
        losses = -(log_softmax(x) * target * weight[:, None]).sum(1)
        return reduced(losses, reduction)

    given = sw.tensor(weight) if weighted else None
    check(
        lambda x, t: F.cross_entropy(x, t, given, reduction=reduction, label_smoothing=0.2),
        formula,
        x,
        target,
    )


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
def test_nll(weighted, reduction):
    x, target = RANDOM.normal(size=(5, 3)), np.array([0, 2, 1, 1, 2])
    weight = np.array([0.5, 1.0, 2.5])

    def formula(x):
        factors = (weight if weighted else np.ones(3))[target] * (target != 1)
        return reduced(-x[range(5), target] * factors, reduction, factors.sum())

    loss = nn.NLLLoss(sw.tensor(weight) if weighted else None, ignore_index=1, reduction=reduction)
    labels = sw.tensor(target)
    check(lambda x: loss(x, labels), formula, x)


@pytest.mark.parametrize("dtype, epsilon", [(sw.float16, 2**-10), (sw.bfloat16, 2**-7)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_sixteen_bits_are_rounded_once(reduction, dtype, epsilon):
    # Weights of both signs: the losses nearly cancel.
    x = sw.tensor(3 * RANDOM.normal(size=(50, 4))).to(dtype)
    weight = sw.tensor([1.0, -1.0, 0.5, -0.25], dtype=dtype)
    labels, likely = sw.tensor(RANDOM.integers(0, 4, 50)), F.softmax(x, 1)
    for target, loss in (
        (labels, F.nll_loss),
        (labels, lambda *args, **named: F.cross_entropy(*args, label_smoothing=0.25, **named)),
        (likely, lambda *args, **named: F.cross_entropy(*args, label_smoothing=0.25, **named)),
    ):
        made = loss(x, target, weight, reduction=reduction)
        wide = target.double() if target is likely else target
        exact = loss(x.double(), wide, weight.double(), reduction=reduction)
        assert made.dtype is dtype
        np.testing.assert_allclose(
            made.double().numpy(), exact.numpy(), rtol=epsilon / 2 * 1.01, atol=1e-5
        )


def test_single_sample():
    x = sw.tensor([1.0, 2.0, 3.0], dtype=sw.float64)
    expected = -log_softmax(x.numpy()[None])[0, 1]
    for reduction in ("mean", "none"):
        loss = F.cross_entropy(x, sw.tensor(1), reduction=reduction)
        assert loss.shape == () and math.isclose(loss.item(), expected, rel_tol=1e-12)
        loss = F.nll_loss(F.log_softmax(x, 0), sw.tensor(1), reduction=reduction)
        assert loss.shape == () and math.isclose(loss.item(), expected, rel_tol=1e-12)


def test_nothing_counts():
    target = sw.tensor([-100, -100])
    assert math.isnan(F.cross_entropy(sw.zeros(2, 3), target).item())
    assert F.cross_entropy(sw.zeros(2, 3), target, reduction="sum").item() == 0


def test_large_logits():
    x = sw.tensor([[1000.0, -1000.0], [-1000.0, 1000.0]])
    assert F.cross_entropy(x, sw.tensor([0, 0]), reduction="none").tolist() == [0.0, 2000.0]
    for big in (1000.0, 100.0, -100.0, -1000.0):
        x = sw.full((2,), big, requires_grad=True)
        loss = F.binary_cross_entropy_with_logits(x, sw.tensor([1.0, 0.0]), reduction="none")
        assert loss.tolist() == pytest.approx([max(-big, 0.0), max(big, 0.0)], abs=1e-40)
        loss.sum().backward()
        expected = [0.0, 1.0] if big > 0 else [-1.0, 0.0]
        assert x.grad.tolist() == pytest.approx(expected, abs=1e-40)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_elementwise_losses(reduction):
    x, y = RANDOM.normal(size=(3, 4)), RANDOM.random((3, 4))
    check(nn.MSELoss(reduction=reduction), lambda x, y: reduced((x - y) ** 2, reduction), x, y)
    check(nn.L1Loss(reduction=reduction), lambda x, y: reduced(abs(x - y), reduction), x, y)
    weight, positive = RANDOM.random(4), RANDOM.random(4) * 3
    x[0, 0] = 0.0  # the gradient at 0 is that of the formula, too

    def formula(x, y):
        p = 1 / (1 + np.exp(-x))
        return reduced(-weight * (positive * y * np.log(p) + (1 - y) * np.log(1 - p)), reduction)

    loss = nn.BCEWithLogitsLoss(
        sw.tensor(weight), reduction=reduction, pos_weight=sw.tensor(positive)
    )
    check(loss, formula, x, y)
    check(F.logsigmoid, lambda x: np.log(1 / (1 + np.exp(-x))), x)


def test_smoothing_over_no_classes():
    x, loss = sw.zeros(2, 0), nn.CrossEntropyLoss(label_smoothing=0.5, reduction="none")
    assert loss(x, x).tolist() == [0.0, 0.0]
    total = nn.CrossEntropyLoss(label_smoothing=0.5, reduction="sum")
    assert total(x, x).item() == 0.0
    # What is spread is 0 times infinity.
    assert math.isnan(total(sw.zeros(0, 0), sw.zeros(0, dtype=sw.int64)).item())


def test_what_does_not_fit():
    x = sw.zeros(4, 3)
    with pytest.raises(ValueError, match="to match target batch_size"):
        F.cross_entropy(x, sw.zeros(5, dtype=sw.int64))
    with pytest.raises(RuntimeError, match="expected target dtype to be Long or Byte"):
        F.cross_entropy(x, sw.zeros(4))
    with pytest.raises(RuntimeError, match="weight tensor"):
        F.cross_entropy(x, sw.zeros(4, dtype=sw.int64), sw.ones(2))
    with pytest.raises(RuntimeError, match="label_smoothing"):
        F.cross_entropy(x, sw.zeros(4, dtype=sw.int64), label_smoothing=2.0)
    with pytest.raises(RuntimeError, match="expected target dtype to be Long or Byte"):
        F.nll_loss(x, sw.zeros(4))
    with pytest.raises(IndexError):
        F.cross_entropy(x, sw.tensor([0, 1, 2, 3]))
    with pytest.raises(ValueError, match="not a valid value for reduction"):
        F.mse_loss(x, x, reduction="most")
    with pytest.raises(ValueError, match="Target size"):
        F.binary_cross_entropy_with_logits(x, sw.zeros(4))
    with pytest.warns(UserWarning, match="broadcasting"):
        F.l1_loss(x, sw.zeros(3))


def test_weights_are_state():
    loss = nn.CrossEntropyLoss(sw.ones(3))
    assert list(loss.state_dict()) == ["weight"]
    assert list(nn.BCEWithLogitsLoss(pos_weight=sw.ones(3)).state_dict()) == ["pos_weight"]
    assert repr(loss) == "CrossEntropyLoss()"
