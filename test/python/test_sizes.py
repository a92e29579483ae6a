# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sizes, strides and offsets whose products or sums overflow are refused, not computed with."""

import numpy as np
import pytest
import stepwell as sw
from stepwell.nn import functional as F

TOP = 2**63 - 1
# Their product is 1, or 4, modulo 2**64.
WRAPS_TO_ONE = (7, 0x6DB6DB6DB6DB6DB7)

OVERFLOWS = {
    "view": lambda: sw.ones(4).view(2**62 + 1, 4),
    "reshape": lambda: sw.ones(4).reshape(2**62 + 1, 4),
    "reshape to one": lambda: sw.ones(1).reshape(*WRAPS_TO_ONE),
    "reshape of a column": lambda: sw.ones(2, 2).T[:, :1].reshape(2**62, 2, 2, 2),
    "reshape of none": lambda: sw.zeros(0).reshape(2**32, 2**32),
    "reshape with a free size": lambda: sw.zeros(0).reshape(2**32, 2**32, -1),
    "reshape with zero": lambda: sw.zeros(0).reshape(0, TOP, TOP),
    "flatten": lambda: sw.ones(1).expand(2**61, 2).flatten(),
    "expand": lambda: sw.ones(1).expand(2**31, 2**31, 2**31),
    "expand, in bytes": lambda: sw.ones(1).double().expand(2**60),
    "zeros": lambda: sw.zeros(2**62, 4),
    "zeros and none": lambda: sw.zeros(2**62, 2**62, 0),
    "empty": lambda: sw.empty(TOP),
    "full": lambda: sw.full((2**33, 2**33), 1),
    "ones_like": lambda: sw.ones_like(sw.ones(1).expand(2**58), dtype=sw.float64),
    "new_zeros": lambda: sw.ones(1).new_zeros(2**62, 4),
    "new_full": lambda: sw.ones(1).new_full((2**62, 4), 1),
    "Tensor": lambda: sw.Tensor(2**62, 4),
    "rand": lambda: sw.rand(2**62),
    "randint": lambda: sw.randint(0, 2, (2**62, 2)),
    "arange": lambda: sw.arange(2**62),
    "arange beyond": lambda: sw.arange(0, 1e30),
    "arange of small steps": lambda: sw.arange(0.0, 1.0, 1e-300),
    "linspace": lambda: sw.linspace(0, 1, 2**62),
    "eye": lambda: sw.eye(2**40),
    "one_hot": lambda: F.one_hot(sw.tensor([0, 1]), 2**62),
    "pad": lambda: F.pad(sw.ones(3), (2**62, 2**62)),
    "pad in sum": lambda: F.pad(sw.ones(3), (TOP, TOP)),
    "repeat": lambda: sw.ones(1).repeat(2**62, 2),
    "repeat to one": lambda: sw.ones(1).repeat(*WRAPS_TO_ONE),
    "cat": lambda: sw.cat([sw.zeros(2**62, 0), sw.zeros(2**62, 0)]),
    "cat of rows": lambda: sw.cat([sw.zeros(0, 2**62), sw.zeros(0, 2**62)], 1),
    "stack": lambda: sw.stack([sw.zeros(2**62, 0)] * 4),
    "broadcast": lambda: sw.ones(1).expand(2**33, 1) + sw.ones(1).expand(1, 2**33),
    "where": lambda: sw.where(sw.ones(1).bool().expand(2**33, 1), sw.ones(1).expand(1, 2**33), 1.0),
    "matmul": lambda: sw.ones(1, 1).expand(2**33, 1) @ sw.ones(1, 1).expand(1, 2**33),
    "outer": lambda: sw.outer(sw.ones(1).expand(2**33), sw.ones(1).expand(2**33)),
    "einsum": lambda: sw.einsum("i,j->ij", sw.ones(1).expand(2**33), sw.ones(1).expand(2**33)),
    "index": lambda: sw.ones(1, 1).expand(1, 2**33)[sw.tensor(0).expand(2**33)],
    "conv2d": lambda: F.conv2d(sw.ones(1, 1, 4, 4), sw.ones(1, 1, 2, 2), padding=2**30),
    "avg_pool2d": lambda: F.avg_pool2d(sw.ones(1, 1, 4, 4), 2**62),
    "max_pool2d": lambda: F.max_pool2d(sw.ones(1, 1, 4, 4), 2, 1, 2**62),
    "adaptive_avg_pool2d": lambda: sw.adaptive_avg_pool2d(sw.ones(1, 1, 4, 4), 2**40),
    "adaptive_avg_pool2d, one side": lambda: sw.adaptive_avg_pool2d(
        sw.ones(1, 1, 4, 4), (2**40, 3)
    ),
    "nn.Linear": lambda: sw.nn.Linear(2**33, 2**33),
}


@pytest.mark.parametrize("name", OVERFLOWS)
def test_refuses(name):
    with pytest.raises(RuntimeError):
        OVERFLOWS[name]()


@pytest.mark.parametrize("name", ["view", "reshape to one", "cat", "broadcast", "expand"])
def test_refuses_while_capturing(name):
    with pytest.raises(RuntimeError):
        sw.compile(lambda x: OVERFLOWS[name]() + x)(sw.ones(1))


@pytest.mark.parametrize("start", [2**63 - 100000, TOP, -(2**63), -(2**63) + 1, 5, -5])
@pytest.mark.parametrize("length", [1, 100000, TOP])
def test_narrow(start, length):
    with pytest.raises((RuntimeError, IndexError)):
        sw.arange(4.0).narrow(0, start, length)


@pytest.mark.parametrize("cut", [
    lambda x: x.unbind(), lambda x: x.split(1), lambda x: x.chunk(2**40), lambda x: sw.unbind(x, -2),
])  # fmt: skip
def test_more_pieces_than_memory_has_room_for(cut):
    with pytest.raises(RuntimeError, match=f"{2**40} tensors were asked for"):
        cut(sw.zeros(2**40, 0))


def test_narrow_from_the_end():
    x = sw.arange(4.0)
    assert x.narrow(0, -3, 2).tolist() == [1, 2] and x.narrow(0, 4, 0).shape == (0,)
    for wrong in ((1, -1), (-1, 2), (5, 0)):
        with pytest.raises((RuntimeError, IndexError)):
            x.narrow(0, *wrong)
    with pytest.raises(RuntimeError, match="0-dim"):
        sw.tensor(1.0).narrow(0, 0, 1)


@pytest.mark.parametrize("offset", [3, -2, 2**62, -(2**62), TOP, -(2**63)])
def test_diagonals_beyond_the_corners(offset):
    x = sw.ones(2, 3)
    assert x.diagonal(offset).shape == (0,)
    kept = x if offset > 0 else x * 0
    assert x.tril(offset).tolist() == kept.tolist()
    assert x.triu(offset).tolist() == (x - kept).tolist()


@pytest.mark.parametrize("step", [2**61, 2**62, TOP])
def test_steps_beyond_the_end(step):
    assert sw.arange(6.0).reshape(2, 3)[::step].tolist() == [[0, 1, 2]]
    x = sw.arange(6.0).reshape(3, 2)[1:, ::step]
    assert x.tolist() == [[2], [4]]
    assert np.asarray(x).tolist() == memoryview(x).tolist() == [[2], [4]]
    assert x.double().tolist() == (x + 0).tolist() == [[2], [4]]


def test_rolls_by_any_number():
    x = sw.arange(3)
    assert x.roll(2**63 - 1).tolist() == [2, 0, 1] and x.roll(2**100).tolist() == [2, 0, 1]


WIDE = {
    "repr": (lambda x: repr(x), "tensor([], size=(1099511627776, 0))"),
    "sum": (lambda x: x.sum().item(), 0.0),
    "sum of one": (lambda x: x.sum(0).shape, (0,)),
    "prod": (lambda x: x.prod().item(), 1.0),
    "all": (lambda x: x.all().item(), True),
    "any": (lambda x: x.any().item(), False),
    "var": (lambda x: str(x.var().item()), "nan"),
    "mean": (lambda x: str(x.mean().item()), "nan"),
    "add": (lambda x: (x + 1).shape, (2**40, 0)),
    "log2": (lambda x: x.log2().shape, (2**40, 0)),
    "cumsum": (lambda x: x.cumsum(0).shape, (2**40, 0)),
    "softmax": (lambda x: x.softmax(1).shape, (2**40, 0)),
    "sort": (lambda x: x.sort(1)[0].shape, (2**40, 0)),
    "clone": (lambda x: x.clone().shape, (2**40, 0)),
    "transposed": (lambda x: x.T.contiguous().shape, (0, 2**40)),
    "cat": (lambda x: sw.cat([x, x]).shape, (2**41, 0)),
    "cat of columns": (lambda x: sw.cat([x, x], 1).shape, (2**40, 0)),
    "matmul": (lambda x: (x @ sw.zeros(0, 0)).shape, (2**40, 0)),
    "fill_": (lambda x: x.fill_(2).shape, (2**40, 0)),
    "nonzero": (lambda x: x.nonzero().shape, (0, 2)),
    "chosen by none": (lambda x: sw.ones(3, 2)[sw.zeros(2**40, 0).long()].shape, (2**40, 0, 2)),
    "max of one dimension": (lambda x: x.T.max(1)[0].shape, (0,)),
    "slice": (lambda x: x[::2].shape, (2**39, 0)),
    "flip": (lambda x: x.flip(0).shape, (2**40, 0)),
    "numpy": (lambda x: x.numpy().shape, (2**40, 0)),
    "half": (lambda x: x.half().shape, (2**40, 0)),
}


@pytest.mark.parametrize("name", WIDE)
def test_no_elements_in_many_rows(name):
    call, expected = WIDE[name]
    assert call(sw.zeros(2**40, 0)) == expected


def test_gradient_of_no_elements_in_many_rows():
    x = sw.zeros(2, 2**50, 0, 2, requires_grad=True)
    (x.log2() * 2).sum().backward()
    assert x.grad.shape == x.shape


BESIDE_NOTHING = {
    "vectors": (lambda x, rows: x.atan2(sw.zeros(rows, 0, 2)), (1, 1)),
    "columns": (lambda x, rows: x * sw.zeros(rows, 0, 3), (3,)),
    "strided": (lambda x, rows: x * sw.zeros(2, 0, rows).mT, (1,)),
    "two sides": (lambda x, rows: x + sw.zeros(2, rows, 0, 2), (2, 1, 1, 1)),
    "layer_norm": (
        lambda x, rows: sw.nn.functional.layer_norm(sw.zeros(rows, 0, 3), (3,), x, x),
        (3,),
    ),
    "linear": (lambda x, rows: sw.nn.functional.linear(sw.zeros(rows, 0, 3), x), (4, 3)),
    "embedding": (
        lambda x, rows: sw.nn.functional.embedding(sw.zeros(rows, 0, dtype=sw.int64), x),
        (5, 3),
    ),
    "half": (lambda x, rows: x.half() * sw.zeros(rows, 0, 2, dtype=sw.float16), (1, 2)),
}


@pytest.mark.parametrize("rows", [2**34, 2**40, 2**50])
@pytest.mark.parametrize("name", BESIDE_NOTHING)
def test_a_gradient_summed_over_many_rows_of_nothing_is_zero(name, rows):
    call, shape = BESIDE_NOTHING[name]
    x = sw.ones(shape, requires_grad=True)
    call(x, rows).sum().backward()
    assert x.grad.shape == shape and not x.grad.any()


def test_a_compiled_function_runs_over_many_rows_of_nothing():
    assert sw.compile(lambda x: (x * 2).exp().sum())(sw.zeros(2**40, 0)).item() == 0


def test_lists_of_many_rows_need_memory():
    with pytest.raises(MemoryError):
        sw.zeros(2**60, 0).tolist()
    assert sw.zeros(0, 2**40).tolist() == [] and sw.zeros(2, 0, 3).tolist() == [[], []]


def test_views_stay_inside_of_their_memory():
    """A view keeps the memory that it shows when its base is given other memory."""
    x = sw.ones(4, requires_grad=True)
    y = x * 1
    view = y[1:3]
    y.data = sw.ones(2)
    view.mul_(2)
    assert view.tolist() == [2, 2] and y.tolist() == [1, 1]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 8, 12])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 8, 12, 30])
def test_adaptive_windows(size, count):
    values = [float(i * i) for i in range(size)]
    image = sw.tensor(values, requires_grad=True)
    got = sw.adaptive_avg_pool2d(image.reshape(1, size, 1), (count, 1)).reshape(-1)
    windows = [(i * size // count, -((i + 1) * size // -count)) for i in range(count)]
    assert got.tolist() == pytest.approx([sum(values[a:b]) / (b - a) for a, b in windows])
    got.sum().backward()
    wanted = [sum((a <= i < b) / (b - a) for a, b in windows) for i in range(size)]
    assert image.grad.tolist() == pytest.approx(wanted)


@pytest.mark.parametrize("rank", [9, 12, 16])
def test_repeats_of_many_dimensions(rank):
    x = sw.arange(2.0).reshape(*[1] * (rank - 1), 2)
    ones = [1] * rank
    assert x.repeat(*ones).shape == x.shape
    assert x.repeat(*ones[:-1], 3).reshape(-1).tolist() == [0, 1] * 3
    twice = sw.ones([2] * 9).repeat(*[2] * 9)
    assert twice.shape == (4,) * 9 and twice.sum().item() == 4**9
    with pytest.raises(RuntimeError, match="at most 16 dimensions"):
        x.repeat(*[1] * 17)


def test_pieces_of_nothing():
    assert [p.shape for p in sw.ones(0, 2).chunk(3)] == [(0, 2)] * 3
    assert [p.shape for p in sw.ones(2, 0).chunk(2, 1)] == [(2, 0)] * 2
    assert [p.shape for p in sw.ones(0).split(0)] == [(0,)]
    for call in (lambda x: x.chunk(1), lambda x: x.split(1)):
        with pytest.raises(RuntimeError, match="at least a 1-dimensional"):
            call(sw.tensor(1.0))


def test_coordinates_of_a_number():
    for value, count in ((3, 1), (0, 0)):
        x = sw.tensor(value)
        assert [each.tolist() for each in x.nonzero(as_tuple=True)] == [[0] * count]
        assert x.nonzero().shape == (count, 0) and sw.where(x)[0].tolist() == [0] * count
