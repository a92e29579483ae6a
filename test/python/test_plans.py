# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A call whose like was made before goes another way than the first: it must do the same."""

import gc

import numpy as np
import pytest
import stepwell


def twice(call):
    """The results of a first and of a repeated call."""
    return call(), call()


def test_numbers_are_no_part_of_a_plan():
    a = stepwell.tensor([1.0, 2.0])
    assert [(a + k).tolist() for k in (1, 2.5, True, 3, 0.5)] == [
        [2.0, 3.0],
        [3.5, 4.5],
        [2.0, 3.0],
        [4.0, 5.0],
        [1.5, 2.5],
    ]


def test_numbers_that_are_constants_of_a_program():
    x = np.linspace(-3, 3, 25)
    t = stepwell.tensor(x, dtype=stepwell.float64)
    for exponent in (2, 3, 2.0, 4, -1, 1, 2.5, 2, True, 0):
        with np.errstate(all="ignore"):
            expected = x**exponent
        np.testing.assert_allclose((t**exponent).numpy(), expected, rtol=1e-15)
        compiled = stepwell.compile(lambda a, exponent=exponent: a**exponent)
        np.testing.assert_allclose(compiled(t).numpy(), expected, rtol=1e-15)
    leaf = stepwell.tensor(x, dtype=stepwell.float64).requires_grad_()
    (first,) = stepwell.autograd.grad((leaf**3).sum(), leaf, create_graph=True)
    (second,) = stepwell.autograd.grad(first.sum(), leaf)
    np.testing.assert_allclose(first.detach().numpy(), 3 * x * x, rtol=1e-15)
    np.testing.assert_allclose(second.numpy(), 6 * x, rtol=1e-15)


def test_a_number_of_another_kind_is_another_call():
    a = stepwell.tensor([1, 2])
    for _ in range(2):
        assert (a + 1).dtype == stepwell.int64
        assert (a + 1.0).dtype == stepwell.float32
        assert (stepwell.tensor([True]) + True).dtype == stepwell.bool


@pytest.mark.parametrize(
    "attributes", [{}, {"dim": 0}, {"dim": 1}, {"dim": (0, 1)}, {"dim": 1, "keepdim": True}]
)
def test_attributes_are_part_of_a_plan(attributes):
    x = np.arange(6.0).reshape(2, 3)
    axis = attributes.get("dim")
    expected = x.sum(axis, keepdims=attributes.get("keepdim", False))
    for result in twice(lambda: stepwell.tensor(x).sum(**attributes)):
        assert result.shape == expected.shape
        np.testing.assert_array_equal(result.numpy(), expected)


def test_strides_are_part_of_a_plan():
    x = np.arange(16.0).reshape(4, 4)
    t = stepwell.tensor(x)
    for _ in range(2):
        np.testing.assert_array_equal((t + 1).numpy(), x + 1)
        np.testing.assert_array_equal((t.T + 1).numpy(), x.T + 1)
        np.testing.assert_array_equal((t.flip(1) + t.T).numpy(), x[:, ::-1] + x.T)
        np.testing.assert_array_equal((t[::2, 1:] * t[1::2, :3]).numpy(), x[::2, 1:] * x[1::2, :3])


def test_a_gradient_is_recorded_by_repeated_calls():
    a = stepwell.tensor([1.0, 2.0])
    b = stepwell.tensor([3.0, 4.0])
    a * b
    a.requires_grad_()
    for _ in range(2):
        product = a * b
        assert product.requires_grad
        (gradient,) = stepwell.autograd.grad(product.sum(), a)
        assert gradient.tolist() == [3.0, 4.0]
    with stepwell.no_grad():
        assert not (a * b).requires_grad


def test_writing_in_place_checks_every_time():
    a, b = stepwell.tensor([1.0, 2.0]), stepwell.tensor([1.0, 1.0])
    a.add_(b)
    a.add_(b)
    assert a.tolist() == [3.0, 4.0] and a._version == 2
    a.requires_grad_()
    with pytest.raises(RuntimeError, match="leaf Variable"):
        a.add_(b)


def test_writing_in_place_over_an_operand():
    for _ in range(2):
        x = stepwell.arange(100.0)
        x[1:].add_(stepwell.ones(99))
        assert x.tolist() == [0.0] + [i + 1.0 for i in range(1, 100)]
        x = stepwell.arange(100.0)
        x[1:].add_(x[:-1])
        assert x.tolist() == [0.0] + [2.0 * i - 1.0 for i in range(1, 100)]


def test_a_capture_writes_repeated_calls_down():
    a = stepwell.tensor([1.0, 2.0])
    a + a
    doubled = stepwell.compile(lambda x: x + x)
    assert doubled(a).tolist() == [2.0, 4.0]
    a[0] = 5.0
    assert doubled(a).tolist() == [10.0, 4.0]


def test_errors_come_back_after_a_good_call():
    table, index = stepwell.arange(4.0), stepwell.tensor([0, 3])
    assert table.index_select(0, index).tolist() == [0.0, 3.0]
    index[1] = 4
    with pytest.raises(IndexError):
        table.index_select(0, index)
    index[1] = 2
    assert table.index_select(0, index).tolist() == [0.0, 2.0]


def test_more_shapes_than_plans_are_kept():
    ones = stepwell.ones(6000)
    for n in [*range(1, 6000, 1), *range(1, 6000, 500)]:
        assert (ones[:n] + 1.0).shape == (n,)
    assert (ones[:77] + 1.0).tolist() == [2.0] * 77


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 255, 256, 257, 1023, 1024, 1025, 2048])
def test_memory_that_was_used_before(count):
    # Blocks are kept by powers of two: neighbours must not reach each other.
    for _ in range(3):
        many = [stepwell.full((count,), float(i)) for i in range(70)]
        sums = [tensor + 1.0 for tensor in many]
        for i, (tensor, total) in enumerate(zip(many, sums, strict=True)):
            assert tensor.tolist() == [float(i)] * count
            assert total.tolist() == [i + 1.0] * count


def test_memory_that_numpy_still_holds_is_not_reused():
    kept = (stepwell.ones(8) + 1.0).numpy()
    gc.collect()
    others = [stepwell.ones(8) * 9.0 for _ in range(100)]
    assert kept.tolist() == [2.0] * 8 and len(others) == 100


def test_objects_are_reused_without_their_past():
    first = stepwell.ones(3) + 1.0
    first.label = "first"
    del first
    second = stepwell.ones(3) + 1.0
    assert not hasattr(second, "label")
    objects = [stepwell.ones(3) + float(i) for i in range(1000)]
    assert len({id(each) for each in objects}) == 1000
    assert all(each.tolist() == [i + 1.0] * 3 for i, each in enumerate(objects))
