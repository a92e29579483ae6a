# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Views, writes through them and indices inside captured functions: equal to eager, or refused."""

import numpy as np
import pytest
import stepwell as sw


def start():
    return sw.arange(24, dtype=sw.float32).reshape(4, 6)


def agree(function, *args):
    """Compiled and eager give the same, twice, and leave the same in their arguments."""
    compiled = sw.compile(function)
    left = [a.clone() if isinstance(a, sw.Tensor) else a for a in args]
    right = [a.clone() if isinstance(a, sw.Tensor) else a for a in args]
    for _ in range(2):
        got, want = compiled(*left), function(*right)
        assert got.shape == want.shape and got.dtype is want.dtype
        np.testing.assert_array_equal(got.numpy(), want.numpy())
        for a, b in zip(left, right, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


VIEWS = {
    "rows": lambda t: t[1:3],
    "steps": lambda t: t[::2, 1:5:2],
    "rows backwards": lambda t: t[::-1],
    "columns backwards by two": lambda t: t[1:, ::-2],
    "no elements": lambda t: t[3:1],
    "select": lambda t: t.select(1, -2),
    "a number": lambda t: t[2, 3],
    "new dimensions": lambda t: t[None, :, None, 1:],
    "reshape": lambda t: t.reshape(2, -1),
    "view": lambda t: t.view(3, 8),
    "reshape that copies": lambda t: t.T.reshape(8, 3),
    "expand": lambda t: t[:1].expand(3, 6),
    "expand by a dimension": lambda t: t.expand(2, 4, 6),
    "transpose": lambda t: t.transpose(0, 1),
    "permute": lambda t: t.reshape(2, 3, 4).permute(2, 0, 1),
    "flip": lambda t: t.flip(0),
    "roll": lambda t: sw.roll(t, 2, 1),
    "split": lambda t: t.split([2, 4], 1)[1],
    "many": lambda t: t[1:3].T.reshape(3, 4).transpose(0, 1)[None].expand(2, 4, 3),
    "cat": lambda t: sw.cat([t, t.T.reshape(4, 6), t[:, ::2]], 1),
    "stack": lambda t: sw.stack([t[0], t[3]], 1),
    "list": lambda t: t[[0, 2, 0]],
    "list of columns": lambda t: t[1:, [5, -1]],
    "two lists": lambda t: t[[0, 3], [1, 2]],
    "tril": sw.tril,
    "diagonal": lambda t: t.diagonal(),
    "diagonal beside": lambda t: t.reshape(2, 3, 4).diagonal(1, 0, 2),
    "part of a diagonal": lambda t: t.T.diagonal(-1)[1:],
}


@pytest.mark.parametrize("name", VIEWS)
def test_views(name):
    view = VIEWS[name]
    agree(lambda t: view(t) * 2.0 + 1.0, start())
    agree(lambda t: view(t + 1.0), start())


@pytest.mark.parametrize("name", VIEWS)
def test_gradients_of_views(name):
    view = VIEWS[name]

    def function(t):
        y = view(t * t)
        (y * y).sum().backward()
        return y

    left, right = start().requires_grad_(), start().requires_grad_()
    sw.compile(function)(left)
    function(right)
    np.testing.assert_allclose(left.grad.numpy(), right.grad.numpy(), rtol=1e-6)
    assert tuple(left.grad.shape) == (4, 6)


def write_slices(t):
    u = t.clone()
    u[1:3, ::2] = -1.0
    u[0].mul_(2.0)
    u[:, -1] = t[:, 0]
    return u


def write_backwards(t):
    u = t * 1.0
    u[::-1] = t
    u[0, ::-2].add_(100.0)
    return u


def write_into_the_argument(t):
    t[:, 1].add_(1.0)
    t.T[2] = 0.0
    return t.sum(0)


def write_through_two_views(t):
    u = t.clone()
    a, b = u[1:], u.view(-1)
    b[8:10] = -5.0
    a[0] += 1.0
    return a * b[6:24].reshape(3, 6)


def write_lists(t):
    u = t.clone()
    u[[0, 2]] = 3.0
    u[[1, 1], [2, 3]] = t[3, :2]
    return u


def write_then_read_the_view(t):
    u = t.clone()
    row = u[1]
    u.mul_(3.0)
    return row + u[0]


@pytest.mark.parametrize("function", [
    write_slices, write_backwards, write_into_the_argument, write_through_two_views, write_lists,
    write_then_read_the_view,
])  # fmt: skip
def test_writes(function):
    agree(function, start())


def test_indices_are_arguments():
    agree(lambda t, i: t[i, 1:3], start(), sw.tensor([0, -1, 3]))
    agree(lambda t, i: sw.index_select(t, 1, i), start(), sw.tensor([5, 0]))
    agree(lambda t, i: sw.gather(t, 1, i), start(), sw.tensor([[1, 0], [2, 2]]))
    agree(lambda t, i: sw.scatter_add(t, 0, i, t), start(), sw.tensor([[1, 1, 0]]))
    agree(lambda t, i: sw.index_add(t, 0, i, t[:2]), start(), sw.tensor([2, 2]))
    take = sw.compile(lambda t, i: t[i])
    assert take(start(), sw.tensor([3, 1])).shape == (2, 6)
    with pytest.raises(IndexError, match="is out of bounds for dimension 0 with size 4"):
        take(start(), sw.tensor([0, 4]))
    assert take(start(), sw.tensor([0, 2]))[1, 0].item() == 12.0


def test_masks_by_where():
    agree(lambda t: sw.where(t > 5, t, 0.0), start())
    agree(lambda t: sw.masked_fill(t, t[0] > 3, -1.0), start())


def test_made_inside_is_fresh():
    def made():
        count, zeros = sw.arange(3), sw.zeros(3)
        count.add_(1)
        zeros[1:].add_(count[1:])
        return count, zeros

    compiled = sw.compile(made)
    results = [compiled() for _ in range(3)]
    for count, zeros in results:
        assert count.tolist() == [1, 2, 3] and zeros.tolist() == [0.0, 2.0, 3.0]
    results[0][0].fill_(9)
    assert results[1][0].tolist() == [1, 2, 3] and compiled()[0].tolist() == [1, 2, 3]


def mask(t):
    return t[t > 3]


def mask_written(t):
    t[t > 3] = 0.0


def count(t):
    return sw.nonzero(t)


def select(t):
    return sw.masked_select(t, t > 1)


@pytest.mark.parametrize("function, message", [
    (mask, "not known while a function is captured; use where"),
    (mask_written, "not known while a function is captured; use where"),
    (count, "not known while a function is captured"),
    (select, "not known while a function is captured"),
])  # fmt: skip
def test_refusals_name_the_line(function, message):
    line = function.__code__.co_firstlineno + 1
    t = start()
    with pytest.raises(RuntimeError, match=rf"test_compile_views\.py:{line}: .*{message}"):
        sw.compile(function)(t)
    assert t.tolist() == start().tolist()
    assert (t[1:] + 1).shape == (3, 6)  # the capture has ended
