# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tape: first and second derivatives, in-place writes, modes, errors."""

import numpy as np
import pytest
import stepwell as sw


def numeric(function, arrays, index, step=1e-6):
    """Central differences of a function with one result, in float64."""
    gradient = np.zeros_like(arrays[index])
    for at in np.ndindex(gradient.shape):
        ends = []
        for sign in (1, -1):
            moved = [a.copy() for a in arrays]
            moved[index][at] += sign * step
            ends.append(function(*map(sw.from_numpy, moved)).item())
        gradient[at] = (ends[0] - ends[1]) / (2 * step)
    return gradient


RANDOM = np.random.default_rng(0)
FUNCTIONS = {
    "mul": (lambda x, y: (x * y * x).sum(), [(2, 3), (2, 3)]),
    "broadcast": (lambda x, y: (x * y + y).sum(), [(2, 3), (3,)]),
    "broadcast keepdim": (lambda x, y: (x * y * y).sum(), [(2, 3), (2, 1)]),
    "scalar": (lambda x, y: (x * 3.0 + y * x).sum(), [(2,), ()]),
    "sum": (lambda x, y: (x.sum(0) * y.sum(1, keepdim=True)).sum(), [(2, 3), (4, 2)]),
    "matmul": (lambda x, y: (x @ y @ x).sum(), [(2, 3), (3, 2)]),
    "batched": (lambda x, y: ((x @ y) * (x @ y)).sum(), [(2, 2, 3), (3, 4)]),
    "transpose": (lambda x, y: (x.T @ y.T * 2).sum(), [(3, 2), (2, 3)]),
    "slices": (lambda x, y: (x[::2, 1:] * y[1] * x[0, 0]).sum(), [(3, 3), (2, 2)]),
    "negative step": (lambda x, y: (x[::-1] * y * x).sum(), [(3,), (3,)]),
    "expand": (lambda x, y: (x.expand(3, 2) * y).sum(), [(1, 2), (3, 2)]),
    "reshape": (lambda x, y: (x.T.reshape(6) * y).sum(), [(2, 3), (6,)]),
    "diagonal": (lambda x, y: (x.diagonal() * y).sum(), [(2, 3), (2,)]),
    "exp": (lambda x, y: (x.exp() * y).sum(), [(2, 3), (3,)]),
    "composition": (lambda x, y: ((x @ y).tanh().exp() / (x.sum() + 2.0)).sum(), [(2, 3), (3, 2)]),
    "clone": (lambda x, y: (x.T.clone() * y).sum(), [(2, 3), (3, 2)]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_first_and_second_derivatives(name):
    function, shapes = FUNCTIONS[name]
    arrays = [RANDOM.random(shape) for shape in shapes]

    def leaves(*values):
        return [sw.from_numpy(np.array(v)).requires_grad_() for v in values]

    inputs = leaves(*arrays)
    function(*inputs).backward()
    for i, tensor in enumerate(inputs):
        np.testing.assert_allclose(
            tensor.grad.numpy(), numeric(function, arrays, i), rtol=1e-6, atol=1e-7
        )

    def penalty(x, y):
        with sw.enable_grad():
            x, y = x.detach().requires_grad_(), y.detach().requires_grad_()
            grads = sw.autograd.grad(function(x, y), [x, y], create_graph=True)
            total = (grads[0] * grads[0]).sum() + (grads[1] * grads[1]).sum()
        penalty.leaves = x, y
        return total

    total = penalty(*map(sw.from_numpy, arrays))
    x, y = penalty.leaves
    seconds = sw.autograd.grad(total, [x, y], allow_unused=True)
    for i, second in enumerate(seconds):
        expected = numeric(lambda *v: penalty(*v).detach(), arrays, i)
        found = np.zeros_like(expected) if second is None else second.numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_third_derivative():
    x = sw.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * x * x * x
    for _ in range(3):
        (y,) = sw.autograd.grad(y.sum(), x, create_graph=True)
    assert y.tolist() == [24.0, 48.0, 72.0]


def test_gradient_that_passes_through_launches_nothing():
    x = sw.zeros(3, requires_grad=True)
    y = x + sw.ones(3)
    g = sw.ones(3)
    before = sum(sw._core.kernel_stats().values())
    (found,) = sw.autograd.grad(y, x, g)
    assert sum(sw._core.kernel_stats().values()) == before
    assert found.data_ptr() == g.data_ptr()


def test_accumulation():
    x = sw.tensor([1.0, 2.0], requires_grad=True)
    (x * 2).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    assert x.grad is first and first.tolist() == [5.0, 5.0]


def test_in_place_on_a_view_rebases_its_base():
    x = sw.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = x * 1.0
    y[1:3].mul_(10.0)
    (y * y).sum().backward()
    assert x.grad.tolist() == [2.0, 400.0, 600.0, 8.0]


def test_view_follows_a_write_to_its_base():
    x = sw.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = x * 1.0
    view = y[1:3]
    y.mul_(10.0)
    (view * view).sum().backward()
    assert x.grad.tolist() == [0.0, 400.0, 600.0, 0.0]


def test_copy_into_a_slice():
    x = sw.tensor([1.0, 2.0], requires_grad=True)
    y = sw.zeros(2, 2)
    y[1] = x * 3
    (y * y).sum().backward()
    assert x.grad.tolist() == [18.0, 36.0]


def test_errors():
    x = sw.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used"):
        x.add_(1)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        x[0].add_(1)
    with pytest.raises(RuntimeError, match="implicitly created only for scalar outputs"):
        (x * x).backward()
    with pytest.raises(RuntimeError, match="does not require grad"):
        sw.zeros(()).backward()
    y = x * 2
    z = (y * y).sum()
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()
    z = (x * x).sum()
    z.backward()
    with pytest.raises(RuntimeError, match="a second time"):
        z.backward()
    with pytest.raises(RuntimeError, match="only Tensors of floating point"):
        sw.tensor([1]).requires_grad_()
    with pytest.raises(RuntimeError, match="detach"):
        x.numpy()


def test_modes():
    x = sw.tensor([1.0], requires_grad=True)
    with sw.no_grad():
        assert not (x * 2).requires_grad
        with sw.enable_grad():
            assert (x * 2).requires_grad
        x.add_(1)
    assert x.tolist() == [2.0] and x.is_leaf
    assert not (x * 2).detach().requires_grad
    assert not sw.no_grad()(lambda: x * 2)().requires_grad
    assert (x < 3).requires_grad is False
