# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""compile(): what the passes below the dialect make of a program is what eager gives."""

import numpy as np
import pytest
import stepwell as sw

RANDOM = np.random.default_rng(0)


def number(*shape, low=0.1, high=3.0):
    return sw.tensor(RANDOM.uniform(low, high, shape).astype(np.float32).tolist())


def check(function, *arguments):
    """Results and written arguments are those of the eager call."""
    mine = [a.clone() for a in arguments]
    theirs = [a.clone() for a in arguments]
    want, got = function(*mine), sw.compile(function)(*theirs)
    for a, b in zip(flat(want) + mine, flat(got) + theirs, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_array_equal(a.tolist(), b.tolist())


def flat(results):
    if results is None:
        return []
    return [results] if isinstance(results, sw.Tensor) else list(results)


# A function whose rare cases are branches, inside what looks for a position.
@pytest.mark.parametrize("name", ["sin", "cos", "tan", "log", "exp", "erf", "sigmoid", "tanh"])
@pytest.mark.parametrize("reduce", ["argmax", "argmin", "max", "min", "amax", "amin"])
@pytest.mark.parametrize("dim", [0, 1])
def test_function_then_reduction(name, reduce, dim):
    check(lambda x: getattr(getattr(x, name)(), reduce)(dim), number(19, 37))


ORDERS = {
    "sort": lambda x: x.sort(1)[0],
    "sort descending": lambda x: x.sort(1, descending=True)[0],
    "topk": lambda x: x.topk(2, 1)[0],
    "kthvalue": lambda x: x.kthvalue(2, 1)[0],
    "median": lambda x: x.median(1)[0],
    "max": lambda x: x.max(1)[0],
    "min": lambda x: x.min(1)[0],
}
USES = {
    "times two": lambda x: x * 2,
    "unsqueeze": lambda x: x.unsqueeze(0),
    "reshape": lambda x: x.reshape(-1),
    "as it is": lambda x: x,
}


# Two results of one type are two places in the workspace.
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "float64", "float32"])
def test_one_result_of_two(order, use, dtype):
    x = sw.tensor((RANDOM.permutation(60).reshape(4, 15) + 100).tolist(), dtype=getattr(sw, dtype))
    check(lambda x: USES[use](ORDERS[order](x)), x)


def test_both_results():
    x = sw.tensor(RANDOM.permutation(60).reshape(4, 15).tolist())
    check(lambda x: [r * 2 for r in x.sort(1)], x)


def exchange(x, y):
    t = x.clone()
    x[:] = y
    y[:] = t


def exchange_sums(x, y):
    a = x + 0
    x.copy_(y)
    y.copy_(a)


def exchange_transposed(x, y):
    t = x.T.clone()
    x.copy_(y.T)
    y.copy_(t)


def rotate(x, y):
    t = x.clone()
    x[1:] = t[:-1]
    x[0] = y[0]
    y[:] = t


def added_and_kept(x, y):
    z = x * 2
    return z.index_add(0, sw.tensor([0, 2, 2, 1]), z), z


def scattered_and_kept(x, y):
    z = x * 2
    i = sw.tensor([[0, 2, 2, 1]] * 4)
    return z.scatter_add(1, i, z), z, z.scatter(1, i, y)


def added_to_itself(x, y):
    x.add_(1)
    x.index_add_(0, sw.tensor([0, 2, 2, 1]), x)


def scattered_into_itself(x, y):
    x.mul_(y)
    x.scatter_add_(0, sw.tensor([[0, 2, 2, 1]] * 4), x)
    y.copy_(x)


def put_and_kept(x, y):
    z = x + y
    x[1] = z[0]
    return z, x * 2


def copied_to_itself(x, y):
    x.copy_(x)
    z = x.clone()
    z[1:] = z[:-1].clone()
    return z


# A value that is still wanted is copied before its place is written.
@pytest.mark.parametrize(
    "function",
    [exchange, exchange_sums, exchange_transposed, rotate, added_and_kept, scattered_and_kept]
    + [copied_to_itself, added_to_itself, scattered_into_itself, put_and_kept],
    ids=lambda function: function.__name__,
)
def test_a_place_that_is_still_read(function):
    check(function, number(4, 4), number(4, 4))


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "cumsum"])
@pytest.mark.parametrize("shape, dim", [((0, 4), 0), ((4, 0), 1), ((0, 4), 1), ((2, 0, 3), 1)])
def test_along_nothing(name, shape, dim):
    check(lambda x: getattr(x, name)(dim), sw.zeros(*shape))


def logistic(x):
    return x + 0.01 * (x * x - x)


def half_transposed(x):
    return (x + x.T) * 0.5


# The work doubled with each step when what is read twice was computed twice.
@pytest.mark.parametrize("step", [logistic, half_transposed], ids=lambda f: f.__name__)
def test_a_value_read_twice_over_and_over(step):
    def repeated(x):
        for _ in range(40):
            x = step(x)
        return x

    check(repeated, number(8, 8))


# A body is cut where it gets long; so is a loop over several operations.
@pytest.mark.parametrize("count", [1, 127, 300])
def test_long_chains(count):
    def chain(x):
        for i in range(count):
            x = x * 1.5 if i % 2 else x - 0.5 * i
            x = x.clamp(-2.0, 2.0)
        return x

    check(chain, number(5, 7))


def test_many_reductions():
    def chain(x):
        for _ in range(40):
            x = x - x.sum(1, keepdim=True) * 0.125
        return x

    check(chain, sw.tensor(RANDOM.integers(-8, 8, (4, 8)).tolist(), dtype=sw.float64))


# A chain of writes is cut into segments: each goes on in the place of the one before, unless that is still read.
@pytest.mark.parametrize("count", [3, 16, 17, 40])
@pytest.mark.parametrize("keep", [False, True])
def test_many_writes_to_one_tensor(count, keep):
    def writes(x, y):
        kept, z = [], x * 2
        for i in range(count):
            x[i % 4] = x[(i + 1) % 4] * 0.5 + y[i % 3]
            z[:, i % 4] = x[i % 4]
            if keep and i % 5 == 0:
                kept.append(x[1:])
        if keep:
            y.copy_(x.T)
        return [z] + [k + 1 for k in kept]

    check(writes, number(4, 4), number(4, 4))


# Of equal elements the first in the order of the result counts, however the input lies in memory.
@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "float32", "float16"])
def test_position_in_a_transposed_input(name, dtype):
    x = sw.tensor(RANDOM.integers(0, 3, (4, 37)).tolist(), dtype=getattr(sw, dtype))
    check(lambda x: getattr(x.T, name)(), x)
    check(lambda x: getattr(x.T, name)(1), x)
    check(lambda x: getattr(x.T * 1, name)(), x)


# One query: the largest of the scores is taken along a column of vectors.
@pytest.mark.parametrize("keys", [1, 5, 17, 33, 65])
def test_attention_of_one_query(keys):
    q, k, v = number(1, 3, 1, 2), number(1, 3, keys, 2), number(1, 3, keys, 2)
    attend = sw.nn.functional.scaled_dot_product_attention
    got, want = sw.compile(lambda *given: attend(*given))(q, k, v), attend(q, k, v)
    np.testing.assert_allclose(got.tolist(), want.tolist(), rtol=1e-5)


# Over no dimension, and then written everywhere: no element goes on from the one before it.
@pytest.mark.parametrize(
    "name", ["sum", "prod", "amax", "amin", "all", "any", "argmax", "argmin", "mean", "logsumexp"]
)
def test_reduction_of_one_number_written_everywhere(name):
    def write(u, w):
        return u.copy_(getattr(w.sum(), name)(-1))

    check(write, sw.zeros(3, 4), sw.ones(9))
