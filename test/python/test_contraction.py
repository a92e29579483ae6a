# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""tensordot and einsum: values and two derivatives against NumPy, eager and compiled."""

import numpy as np
import pytest
import stepwell as sw

EQUATIONS = [
    ("ij,jk", (2, 3), (3, 4)),
    ("ij,jk->ki", (2, 3), (3, 4)),
    ("ij->ji", (2, 3)),
    ("ji", (2, 3)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("iji->j", (3, 2, 3)),
    ("ijk->", (2, 3, 4)),
    ("i,i", (3,), (3,)),
    ("i,j->ji", (3,), (4,)),
    ("ij,ij->ij", (2, 3), (2, 3)),
    (",i->i", (), (3,)),
    ("ijk,kji->", (2, 3, 4), (4, 3, 2)),
    ("abcd,dcbe->ea", (2, 3, 4, 5), (5, 4, 3, 2)),
    ("bshd,bthd->bhst", (2, 3, 2, 4), (2, 5, 2, 4)),
    ("...ij,...jk->...ik", (5, 2, 3), (3, 2)),
    ("...,...->...", (2, 3), (3,)),
    ("bij,bjk,bkl->bil", (2, 3, 4), (2, 4, 2), (2, 2, 3)),
    ("ij,kj->ik", (2, 3), (1, 3)),
    ("aij,bij->ab", (0, 2, 3), (4, 2, 3)),
    ("ij,jk->ik", (2, 0), (0, 3)),
]


def drawn(*shapes):
    R = np.random.default_rng(len(shapes))
    return [R.normal(size=shape) for shape in shapes]


def leaf(array):
    return sw.tensor(array).requires_grad_()


def numeric(function, inputs, step=1e-6):
    gradients = [np.zeros(x.shape) for x in inputs]
    for gradient, x in zip(gradients, inputs, strict=True):
        for at in np.ndindex(x.shape):
            old = x[at]
            x[at] = old + step
            high = function(*inputs)
            x[at] = old - step
            gradient[at] = (high - function(*inputs)) / (2 * step)
            x[at] = old
    return gradients


@pytest.mark.parametrize("case", EQUATIONS, ids=lambda case: case[0])
def test_einsum(case):
    equation, *shapes = case
    arrays = drawn(*shapes)
    expected = np.einsum(equation, *arrays)
    tensors = [leaf(x) for x in arrays]
    result = sw.einsum(equation, *tensors)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result.detach().numpy(), expected, rtol=1e-12, atol=1e-13)
    compiled = sw.compile(lambda *x: sw.einsum(equation, *x))
    with sw.no_grad():
        np.testing.assert_allclose(compiled(*tensors).numpy(), expected, rtol=1e-12, atol=1e-13)
    (result * result).sum().backward()
    found = numeric(lambda *x: np.sum(np.einsum(equation, *x) ** 2), arrays)
    for tensor, gradient in zip(tensors, found, strict=True):
        np.testing.assert_allclose(tensor.grad.numpy(), gradient, rtol=1e-6, atol=1e-7)


def test_second_derivative():
    x, y = (leaf(a) for a in drawn((2, 3, 4), (4, 3, 5)))
    loss = (sw.einsum("bij,jik->kb", x, y) ** 3).sum()
    gradients = sw.autograd.grad(loss, (x, y), create_graph=True)
    (gradients[0].square().sum() + gradients[1].square().sum()).backward()

    def penalty(a, b):
        g = 3 * np.einsum("bij,jik->kb", a, b) ** 2
        of_a, of_b = np.einsum("kb,jik->bij", g, b), np.einsum("kb,bij->jik", g, a)
        return np.sum(of_a**2) + np.sum(of_b**2)

    expected = numeric(penalty, [x.detach().numpy().copy(), y.detach().numpy().copy()])
    np.testing.assert_allclose(x.grad.numpy(), expected[0], rtol=1e-5)
    np.testing.assert_allclose(y.grad.numpy(), expected[1], rtol=1e-5)


def test_einsum_by_lists():
    x, y = map(sw.tensor, drawn((2, 3, 4), (2, 4, 5)))
    expected = np.matmul(x.numpy(), y.numpy())
    found = sw.einsum(x, [0, 1, 2], y, [0, 2, 3], [0, 1, 3])
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    found = sw.einsum(x, [..., 1, 2], y, [..., 2, 3])
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("dims", "shapes"),
    [
        (1, [(2, 3), (3, 4)]),
        (2, [(5, 2, 3), (2, 3, 4)]),
        (0, [(2, 3), (4,)]),
        (([0, 2], [1, 0]), [(2, 3, 4), (4, 2, 5)]),
        (([-1], [-2]), [(2, 3), (4, 3, 2)]),
        ((1, 0), [(2, 3), (3, 4)]),
        (3, [(2, 3, 4), (2, 3, 4)]),
    ],
)
def test_tensordot(dims, shapes):
    arrays = drawn(*shapes)
    found = sw.tensordot(*map(sw.tensor, arrays), dims=dims)
    expected = np.tensordot(*arrays, axes=dims)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-13)
    # A transposed operand is read where it lies.
    turned = sw.tensor(np.ascontiguousarray(arrays[0].T)).permute(*range(arrays[0].ndim)[::-1])
    np.testing.assert_allclose(
        sw.tensordot(turned, sw.tensor(arrays[1]), dims=dims).numpy(),
        expected,
        rtol=1e-12,
        atol=1e-13,
    )


@pytest.mark.parametrize(
    "dtype", [sw.uint8, sw.int32, sw.int64, sw.float16, sw.bfloat16, sw.float32]
)
def test_element_types(dtype):
    x, y = sw.arange(6).reshape(2, 3)._cast(dtype), sw.arange(12).reshape(3, 4)._cast(dtype)
    found = sw.tensordot(x, y, 1)
    assert found.dtype is dtype
    expected = np.arange(6).reshape(2, 3) @ np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(found._cast(sw.int64).numpy(), expected)
    assert sw.einsum("ij->", x).dtype is sw.sum(x).dtype
    assert sw.einsum("ij,jk->", x, y).dtype is sw.sum(x).dtype


def test_broadcasting_against_one_element():
    x, y = drawn((2, 3), (1, 3))
    found = sw.tensordot(sw.tensor(x), sw.tensor(y), dims=([0, 1], [0, 1]))
    np.testing.assert_allclose(found.item(), np.einsum("ij,kj->", x, y), rtol=1e-12)


def test_only_what_the_gradient_reads_is_kept():
    x, w = sw.ones(2, 3), leaf(np.ones((3, 4), np.float32))
    y = sw.tensordot(x, w, 1)
    w.data.add_(1.0)  # the gradient of w reads x alone
    y.sum().backward()
    assert w.grad.tolist() == [[2.0] * 4] * 3
    z = sw.tensordot(x, w, 1)
    x.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


ERRORS = [
    (lambda x, y: sw.tensordot(x, y, 3), RuntimeError, "tensordot expects dims < ndim_a or ndim_b"),
    (lambda x, y: sw.tensordot(x, y, -1), RuntimeError, "tensordot expects dims >= 0"),
    (lambda x, y: sw.tensordot(x, y, ([0], [1, 0])), RuntimeError, "should have same length"),
    (lambda x, y: sw.tensordot(x, y, ([5], [0])), IndexError, "Dimension out of range"),
    (lambda x, y: sw.tensordot(x, y, ([0], [0])), RuntimeError, "first has size 2 in dim 0 and second has size 3"),
    (lambda x, y: sw.tensordot(x, y.double(), 1), RuntimeError, "both inputs should have same dtype"),
    (lambda x, y: sw.tensordot(x.bool(), y.bool(), 1), RuntimeError, "not defined for elements of type bool"),
    (lambda x, y: sw.tensordot(x, 2.0, 1), TypeError, "argument 'b' must be Tensor, not float"),
    (lambda x, y: sw.matmul(x.bool(), y.bool()), RuntimeError, "not defined for elements of type bool"),
    (lambda x, y: sw.einsum("ij,kj->ik", x, y), RuntimeError, "subscript j has size 2 for operand 1 which does not broadcast"),
    (lambda x, y: sw.einsum("ij,jk", x), RuntimeError, "fewer operands"),
    (lambda x, y: sw.einsum("ij", x, y), RuntimeError, "more operands"),
    (lambda x, y: sw.einsum("i1", x), RuntimeError, "invalid subscript given at index 1"),
    (lambda x, y: sw.einsum("ij,j1", x, y), RuntimeError, "invalid subscript given at index 4"),
    (lambda x, y: sw.einsum("i.j", x), RuntimeError, "not part of any ellipsis"),
    (lambda x, y: sw.einsum("ijk", x), RuntimeError, "does not match the number of dimensions"),
    (lambda x, y: sw.einsum("ijk...", x), RuntimeError, "is more than the number of dimensions"),
    (lambda x, y: sw.einsum("ij->il", x), RuntimeError, "output subscript l does not appear"),
    (lambda x, y: sw.einsum("ij->ii", x), RuntimeError, "appears more than once in the output"),
    (lambda x, y: sw.einsum("ii", x), RuntimeError, "sizes don't match, 3 != 2"),
    (lambda x, y: sw.einsum("ij,jk", x, y.double()), RuntimeError, "expected scalar type float32 but found float64"),
    (lambda x, y: sw.einsum("ij,jk", x, 3), TypeError, "operand 1 must be Tensor"),
    (lambda x, y: sw.einsum("i"), ValueError, "at least one operand"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "kind", "message"), ERRORS, ids=lambda e: e if isinstance(e, str) else ""
)
def test_wrong_input(call, kind, message):
    with pytest.raises(kind, match=message):
        call(sw.ones(2, 3), sw.ones(3, 2))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("even", [True, False])
def test_batch_by_one_matrix(compiled, even):
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((3, 7, 20)).astype("f4"), rng.standard_normal((20, 9)).astype("f4")
    g = rng.standard_normal((3, 7, 9)).astype("f4")
    # Turned round, rows of the second image do not follow those of the first.
    given = sw.tensor(x) if even else sw.tensor(x.swapaxes(0, 1).copy()).transpose(0, 1)
    weight = sw.tensor(w, requires_grad=True)
    product = sw.compile(lambda x, w: x @ w) if compiled else sw.matmul
    result = product(given, weight)
    result.backward(sw.tensor(g))
    np.testing.assert_allclose(result.detach().numpy(), x @ w, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        weight.grad.numpy(), np.einsum("bmk,bmn->kn", x, g), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("kind", ["int8", "uint8", "int32"])
@pytest.mark.parametrize(
    ("equation", "shapes", "wide"),
    [
        (",ji,->j", [(), (2, 2), ()], True),
        ("j,,->", [(2,), (), ()], True),
        ("ij->i", [(2, 1)], True),
        ("ij->ji", [(2, 3)], False),
        ("j,j,jk->", [(1,), (1,), (1, 2)], True),
        ("j,j->", [(3,), (3,)], False),
        ("i,j->ij", [(2,), (3,)], False),
        ("ij,k->ik", [(2, 1), (3,)], False),
    ],
)
def test_integers_that_one_operand_sums_are_int64(kind, equation, shapes, wide):
    dtype = getattr(sw, kind)
    made = sw.einsum(equation, *(sw.ones(shape, dtype=dtype) for shape in shapes))
    assert made.dtype is (sw.int64 if wide else dtype)


def test_products_of_bool_without_a_sum():
    a, b = sw.tensor([True, False]), sw.tensor([True, True, False])
    assert sw.einsum("i,j->ji", a, b).tolist() == [[True, False], [True, False], [False] * 2]
    assert sw.einsum("i,,->i", a, sw.tensor(True), b[0]).tolist() == [True, False]
