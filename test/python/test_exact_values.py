# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Values where a rule is easily got wrong: conversions, 16-bit sums, counts. What PyTorch 2.13 gives."""

import math

import numpy as np
import pytest
import stepwell
import stepwell.nn.functional as F
from stepwell import arange, full, linspace, ones, tensor, zeros

HALVES = ("float16", "bfloat16")
INF, NAN = math.inf, math.nan


def kind(name):
    return getattr(stepwell, name)


LEAST32, LEAST64 = -(2**31), -(2**63)
VALUES = [300.7, -1.5, -3e9, 3e9, 1e19, -1e19, 3e38, INF, -INF, NAN, 40000.0, -40000.0, 2.0**31,
          2.0**63, 255.5, 256.0, 65536.5, 5e9, -(2.0**31), -(2.0**63)]  # fmt: skip
CASTS = {
    "int8": [44, -1, 0, 0, 0, 0, 0, 0, 0, 0, 64, -64, 0, 0, -1, 0, 0, 0, 0, 0],
    "uint8": [44, 255, 0, 0, 0, 0, 0, 0, 0, 0, 64, 192, 0, 0, 255, 0, 0, 0, 0, 0],
    "int16": [300, -1, 0, 0, 0, 0, 0, 0, 0, 0, -25536, 25536, 0, 0, 255, 256, 0, 0, 0, 0],
    "int32": [300, -1, LEAST32, LEAST32, LEAST32, LEAST32, LEAST32, LEAST32, LEAST32, LEAST32,
              40000, -40000, LEAST32, LEAST32, 255, 256, 65536, LEAST32, LEAST32, LEAST32],
    "int64": [300, -1, -3000000000, 3000000000, LEAST64, LEAST64, LEAST64, LEAST64, LEAST64, LEAST64,
              40000, -40000, 2**31, LEAST64, 255, 256, 65536, 5000000000, -(2**31), LEAST64],
    "bool": [True] * 20,
}  # fmt: skip


@pytest.mark.parametrize("source", ["float32", "float64"])
@pytest.mark.parametrize("target", CASTS)
def test_floats_to_integers(source, target):
    x = tensor(VALUES, dtype=kind(source))
    right = CASTS[target]
    assert x.to(kind(target)).tolist() == right
    assert x.repeat(9).to(kind(target)).tolist() == 9 * right  # vectors and their rest
    assert [x[i].to(kind(target)).item() for i in range(len(right))] == right
    assert x.reshape(4, 5).t().to(kind(target)).t().reshape(-1).tolist() == right
    made = zeros(len(right), dtype=kind(target))
    assert made.copy_(x).tolist() == right
    assert stepwell.compile(lambda x: (x + 0).to(kind(target)))(x).tolist() == right


@pytest.mark.parametrize("source", HALVES)
def test_halves_to_integers(source):
    x = tensor([300.0, -1.5, INF, -INF, NAN], dtype=kind(source))
    assert x.to(stepwell.int8).tolist() == [44, -1, 0, 0, 0]
    assert x.to(stepwell.uint8).tolist() == [44, 255, 0, 0, 0]
    assert x.to(stepwell.int32).tolist() == [300, -1, LEAST32, LEAST32, LEAST32]
    assert x.to(stepwell.int64).tolist() == [300, -1, LEAST64, LEAST64, LEAST64]


def test_float64_to_uint8_goes_by_int64():
    x = tensor([-(2.0**31) - 1, 2.0**40 + 7], dtype=stepwell.float64)
    assert x.to(stepwell.uint8).tolist() == [255, 7]


@pytest.mark.parametrize("name", HALVES)
def test_norms_of_halves_are_rounded_once(name):
    x = full((100,), 200.0, dtype=kind(name))  # squares sum to 4e6: no float16
    assert x.norm().item() == 2000.0
    assert x.norm(1).item() == 20000.0 if name == "float16" else 19968.0
    assert x.norm(3).dtype is kind(name)
    assert abs(x.norm(3).item() - 200 * 100 ** (1 / 3)) < 4
    assert ones(70000, dtype=kind(name)).norm().item() == (264.5 if name == "float16" else 264.0)
    many = zeros(70000, dtype=kind(name))
    assert many.norm(0).item() == 0.0


@pytest.mark.parametrize("name", HALVES)
def test_deviations_of_halves_are_rounded_once(name):
    x = tensor([-400.0, 400.0] * 50000, dtype=kind(name))  # variance 160000
    assert x.std().item() == 400.0
    assert x.std(correction=0).item() == 400.0
    if name == "bfloat16":
        assert x.var().item() == 159744.0
    y = tensor([1.0, 2.0, 3.0, 5.0], dtype=kind(name))
    exact = np.std([1.0, 2.0, 3.0, 5.0], ddof=1)
    assert y.std().item() == tensor(exact, dtype=kind(name)).item()


@pytest.mark.parametrize("name", HALVES)
def test_means_of_many_halves(name):
    x = full((70000,), 3.0, dtype=kind(name))
    assert x.mean().item() == 3.0
    assert F.mse_loss(x, x - 1).item() == 1.0
    assert F.l1_loss(x, x + 2).item() == 2.0
    assert x.reshape(7, -1)[:, :9999].mean(1).tolist() == [3.0] * 7


def test_a_running_sum_goes_beyond_the_digits():
    count = 2**24 + 4000
    x = ones(count)
    assert x.cumsum(0)[-1].item() == count
    assert x.reshape(-1, 2).cumsum(0)[-1].tolist() == [count / 2] * 2
    tiny = full((2**20,), 0.1)
    right = np.cumsum(np.full(2**20, np.float32(0.1), dtype=np.float64))[-1]
    assert tiny.cumsum(0)[-1].item() == np.float32(right)
    assert tiny.reshape(2**19, 2).cumsum(0)[-1, 0].item() == np.float32(right / 2)


def test_what_is_multiplied_by_nothing_is_not_read():
    bad, good = full((2, 2), NAN), ones(2, 2)
    product = [[2.0, 2.0], [2.0, 2.0]]
    for call in (stepwell.addmm, stepwell.compile(stepwell.addmm)):
        assert call(bad, good, good, beta=0).tolist() == product
        assert call(full((2,), INF), good, good, beta=0).tolist() == product
        assert call(good, bad, good, alpha=0).tolist() == [[1.0, 1.0]] * 2
        assert call(bad, bad, bad, beta=0, alpha=0).tolist() == [[0.0, 0.0]] * 2
    i = arange(6).reshape(2, 3)
    assert stepwell.addmm(i[:, :2], i, i.t(), alpha=0.5).tolist() == [[0, 1], [3, 4]]
    assert stepwell.addmm(i[:, :2], i, i.t(), beta=0.5).tolist() == [[5, 14], [14, 50]]
    assert stepwell.addmm(i[:, :2], i, i.t(), beta=2).dtype is stepwell.int64


@pytest.mark.parametrize(
    ("args", "named", "right"),
    [
        ((2.5, 7, 4), {"dtype": "int64"}, [2, 3, 5, 7]),
        ((0, 10, 4), {"dtype": "int32"}, [0, 3, 6, 10]),
        ((-5, 5, 7), {"dtype": "int64"}, [-5, -3, -1, 0, 1, 3, 5]),
        ((3, 5, 1), {}, [3.0]),
        ((3, 5, 0), {}, []),
        ((0, 1, 5), {}, [0.0, 0.25, 0.5, 0.75, 1.0]),
        ((2, INF, 3), {}, [NAN, NAN, NAN]),
        ((5, 1, 3), {"dtype": "uint8"}, [5, 3, 1]),
    ],
)
def test_linspace(args, named, right):
    named = {name: kind(value) for name, value in named.items()}
    made = linspace(*args, **named)
    np.testing.assert_array_equal(made.tolist(), right)


@pytest.mark.parametrize(
    ("args", "named", "right"),
    [
        ((0.3,), {"dtype": "int64"}, []),
        ((0.3,), {"dtype": "int32"}, [0]),
        ((0.3, 4.7, 1.2), {"dtype": "int64"}, [0, 1, 2, 3]),
        ((0.3, 4.7, 1.2), {"dtype": "int32"}, [0, 1, 2, 3]),
        ((5, 0.5, -1.5), {}, [5.0, 3.5, 2.0]),
        ((1, 1), {}, []),
        ((5, 0, -2), {}, [5, 3, 1]),
        ((0, 1, 0.25), {}, [0.0, 0.25, 0.5, 0.75]),
        ((-3, 3, 2), {"dtype": "int8"}, [-3, -1, 1]),
        ((2.9,), {"dtype": "uint8"}, [0, 1, 2]),
    ],
)
def test_arange(args, named, right):
    named = {name: kind(value) for name, value in named.items()}
    assert arange(*args, **named).tolist() == right


@pytest.mark.parametrize("name", ["all", "any"])
def test_truth(name):
    call = getattr(stepwell, name)
    assert call(tensor([1, 2], dtype=stepwell.uint8)).dtype is stepwell.uint8
    assert call(tensor([[1, 2]], dtype=stepwell.uint8), 1).tolist() == [1]
    assert call(tensor([1, 2])).dtype is stepwell.bool
    # No dimensions: nothing is reduced, unlike a sum.
    assert call(tensor([[2.0, 0.0]]), dim=()).tolist() == [[True, False]]
    assert getattr(tensor([[2.0, 0.0]]), name)(dim=[]).tolist() == [[True, False]]
    assert tensor([[2.0, 1.0]]).sum(()).item() == 3.0


def test_squares_of_bool():
    assert stepwell.square(tensor([True, False])).tolist() == [1, 0]
    assert stepwell.square(tensor([True])).dtype is stepwell.int64


def test_medians_of_nothing():
    assert math.isnan(zeros(0).median().item())
    assert zeros(0, dtype=stepwell.int64).median().item() == LEAST64


def test_rows_that_one_number_names():
    weight = tensor([[1.0, 2.0], [3.0, 4.0]])
    assert F.embedding(tensor(1), weight).tolist() == [3.0, 4.0]
    assert F.embedding(tensor(1), weight, padding_idx=1).tolist() == [3.0, 4.0]


@pytest.mark.parametrize("loss", [F.nll_loss, F.cross_entropy])
def test_classes_of_uint8(loss):
    x = tensor([[1.0, 2.0, 4.0], [0.5, 0.25, 0.0], [1.0, 1.0, 3.0]])
    weight, target = tensor([1.0, 10.0, 100.0]), tensor([1, 2, 1])
    right = loss(x, target, weight).item()
    assert loss(x, target._cast(stepwell.uint8), weight).item() == right
    named = loss(x, target._cast(stepwell.uint8), weight, ignore_index=2)
    assert named.item() == loss(x, target, weight, ignore_index=2).item()


def test_fills_of_integers():
    mask = tensor([True, False])
    assert tensor([5, 6]).masked_fill(mask, 1.5).tolist() == [1, 6]


def test_dropout_that_does_nothing():
    x = tensor([1, 2])
    assert F.dropout(x, 0.0).tolist() == [1, 2]
    assert F.dropout(x, 0.5, training=False).tolist() == [1, 2]


def test_a_loaded_optimiser_has_the_parameters_types():
    def trained(dtype):
        w = stepwell.nn.Parameter(ones(2, dtype=dtype))
        optimiser = stepwell.optim.Adam([w], lr=0.1)
        w.sum().backward()
        optimiser.step()
        return w, optimiser

    _, saved = trained(stepwell.float32)
    w, optimiser = trained(stepwell.float64)
    optimiser.load_state_dict(saved.state_dict())
    kinds = {
        name: value.dtype
        for name, value in optimiser.state[w].items()
        if isinstance(value, stepwell.Tensor) and name != "step"
    }
    assert kinds and set(kinds.values()) == {stepwell.float64}
    w.grad = None
    w.sum().backward()
    optimiser.step()
    assert w.dtype is stepwell.float64


def test_the_type_of_nothing_counts_in_a_concatenation():
    made = stepwell.cat([zeros(0, dtype=stepwell.float64), ones(2, 3)])
    assert made.dtype is stepwell.float64 and made.shape == (2, 3)
    halves = [ones(2, dtype=stepwell.bfloat16), zeros(0, dtype=stepwell.float16)]
    assert stepwell.cat(halves).dtype is stepwell.float32
    assert stepwell.compile(lambda a, b: stepwell.cat([a, b]))(*halves).dtype is stepwell.float32


def test_a_squared_error_takes_bool():
    assert F.mse_loss(tensor([3.0, 1.0]), tensor([True, False])).item() == 2.5
