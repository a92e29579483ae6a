# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which memory a compiled function reads, writes and returns: the same as eager, call after call."""

import numpy as np
import pytest
import stepwell as sw


def start(*shape):
    count = 1
    for size in shape:
        count *= size
    return sw.arange(float(count)).reshape(*shape)


# --- What comes back is a view where eager's is one --------------------------


@pytest.mark.parametrize("view", [
    lambda x: x[1:], lambda x: x.T, lambda x: x.reshape(-1), lambda x: x[::-1], lambda x: x[0],
    lambda x: x.detach(), lambda x: x[:, None], lambda x: x.diagonal(), lambda x: x.T[1:].T,
    lambda x: x.unsqueeze(-1), lambda x: x[1, 2], lambda x: x.flip(0),
])  # fmt: skip
def test_a_view_of_an_argument_is_one(view):
    compiled = sw.compile(view)
    for x in (start(3, 4), start(3, 4), start(6, 4)[::2], start(5, 4)[2:]):
        want, got = x.clone(), x.clone()
        a, b = view(want), compiled(got)
        assert b.shape == a.shape and b.stride() == a.stride() and b.tolist() == a.tolist()
        a.fill_(-1.0)
        b.fill_(-1.0)
        assert got.tolist() == want.tolist()


def test_the_argument_itself_and_one_result_twice():
    x = start(2, 3)
    same, twice, again, other = sw.compile(lambda x: (x, y := x + 1, y, y.detach()))(x)
    assert same is x and twice is again and other is not twice
    other.zero_()
    assert twice.tolist() == [[0.0] * 3] * 2


def test_results_are_views_of_each_other():
    whole, row, column, flat = sw.compile(lambda x: (y := x * 2, y[0], y.T[1], y.reshape(-1)))(
        start(2, 3)
    )
    row.fill_(7.0)
    column.fill_(8.0)
    flat[5] = 9.0
    assert whole.tolist() == [[7.0, 8.0, 7.0], [6.0, 8.0, 9.0]]
    a, b = sw.compile(lambda x: (x * 2).split(1))(start(2, 3))
    assert a.tolist() == [[0.0, 2.0, 4.0]] and b.storage_offset() == 3


def test_a_view_of_a_tensor_that_is_closed_over_is_one():
    w = start(3)
    sw.compile(lambda: w[1:])().zero_()
    assert w.tolist() == [0.0, 0.0, 0.0]


def test_views_that_come_back_have_gradients():
    w = start(2, 2).requires_grad_()
    whole, row = sw.compile(lambda w: (y := w * w, y[1]))(w)
    (whole.sum() + row.sum()).backward()
    assert w.grad.tolist() == [[0.0, 2.0], [8.0, 12.0]]
    w.grad = None
    sw.compile(lambda w: w.T[0])(w).sum().backward()
    assert w.grad.tolist() == [[1.0, 0.0], [1.0, 0.0]]


@pytest.mark.parametrize("function", [
    lambda x: x * 2, lambda x: x.relu() + x, lambda x: x.clone(), lambda x: (x * 2).T,
    lambda x: x[::2] * 2, lambda x: (x + 1)[:, ::2], lambda x: x.sum(0).expand(3, *x.shape[1:]),
])  # fmt: skip
def test_strides_of_results(function):
    compiled = sw.compile(function)
    for x in (start(4, 6), start(6, 4).T, start(4, 12)[:, ::2], start(2, 6, 4).permute(2, 1, 0)):
        assert compiled(x).stride() == function(x).stride()
        assert compiled(x).tolist() == function(x).tolist()


# --- Layouts and sharing are guarded -----------------------------------------


def write_contiguous(x):
    v = x.contiguous()
    v.zero_()
    return v


def write_reshaped(x):
    v = x.reshape(-1)
    v.mul_(2)
    return v


def write_flattened_temporary(x):
    y = x * 1
    y.reshape(-1).zero_()
    y.contiguous().add_(1)
    return y


@pytest.mark.parametrize("function", [
    write_contiguous, write_reshaped, write_flattened_temporary
])  # fmt: skip
@pytest.mark.parametrize("order", [(0, 1, 0, 2), (1, 0, 2, 1), (2, 0, 1)])
def test_a_copy_or_a_view_is_decided_by_each_argument(function, order):
    compiled = sw.compile(function)
    makers = (
        lambda: start(4, 6), lambda: start(6, 4).T, lambda: start(4, 12)[:, ::2],
    )  # fmt: skip
    for which in order:
        want, got = makers[which](), makers[which]()
        assert compiled(got).tolist() == function(want).tolist()
        assert got.tolist() == want.tolist()


def test_a_tensor_closed_over_may_be_passed():
    w = start(3)

    def function(x):
        x.add_(1)
        return w * 2

    compiled = sw.compile(function)
    other = start(3)
    assert compiled(other).tolist() == [0.0, 2.0, 4.0]
    assert compiled(w).tolist() == [2.0, 4.0, 6.0]
    assert compiled(other).tolist() == [2.0, 4.0, 6.0]
    assert compiled(w).tolist() == [4.0, 6.0, 8.0]


def test_tensors_closed_over_may_come_to_share_memory():
    a, b = start(3), start(3)

    def function():
        a.add_(1)
        return b + 0

    compiled = sw.compile(function)
    assert compiled().tolist() == [0.0, 1.0, 2.0]
    b.data = a
    assert compiled().tolist() == [2.0, 3.0, 4.0]


def test_arguments_that_overlap():
    def function(a, b):
        a.add_(1)
        return b + 0

    compiled = sw.compile(function)
    buffer = start(6)
    assert compiled(start(4), start(4)).tolist() == [0.0, 1.0, 2.0, 3.0]
    assert compiled(buffer[:2], buffer[2:4]).tolist() == [2.0, 3.0]  # beside each other
    assert compiled(buffer[:2], buffer[:2]).tolist() == [2.0, 3.0]
    with pytest.raises(RuntimeError, match="writes to memory that it also reads through another"):
        compiled(buffer[:4], buffer[2:])
    read = sw.compile(lambda a, b: a + b)
    assert read(buffer[:4], buffer[2:]).tolist() == (buffer[:4] + buffer[2:]).tolist()


# --- Writes through views ------------------------------------------------------


@pytest.mark.parametrize("write", [
    lambda x, i: x.T.scatter_(0, i, 5.0), lambda x, i: x.T.index_add_(0, i[0], x.T[:2] + 0),
    lambda x, i: x.T.index_copy_(0, i[0], x.T[1:3] + 0), lambda x, i: x[::-1].mul_(x),
    lambda x, i: x.diagonal().add_(1), lambda x, i: x.T.diagonal(1).copy_(x[0, :2] + 0),
    lambda x, i: x.reshape(2, 2, 3).permute(2, 0, 1)[1:].zero_(), lambda x, i: x.T[1:].T[::2].add_(3),
    lambda x, i: x.unsqueeze(0).squeeze(0)[1].fill_(2), lambda x, i: x.view(-1)[3:].relu_().neg_(),
    lambda x, i: x.T.scatter_add_(1, i, x.T[:1] + 0), lambda x, i: x[1:].copy_(x[:-1]),
    lambda x, i: x.T.masked_fill_(x.T > 4, -1.0), lambda x, i: x.expand(4, 3).sub_(1),
    lambda x, i: x.detach().mul_(2), lambda x, i: x.data.add_(1),
])  # fmt: skip
def test_writes_through_views(write):
    i = sw.tensor([[0, 1]])
    compiled = sw.compile(write)
    for make in (lambda: start(4, 3), lambda: start(3, 4).T):
        try:
            want = make()
            write(want, i)
        except RuntimeError:
            continue
        got = make()
        compiled(got, i)
        assert got.tolist() == want.tolist()


@pytest.mark.parametrize("index", [
    lambda x, i: x.T.__setitem__((i, i), 5.0), lambda x, i: x.T.__setitem__(i, 5.0),
    lambda x, i: x.T.__setitem__((slice(1, None), i), -1.0), lambda x, i: x.__setitem__((i, i), 5.0),
    lambda x, i: x[::2].T.__setitem__((i, 0), 7.0), lambda x, i: x.T[1:].__setitem__(0, 4.0),
])  # fmt: skip
def test_item_writes_through_views(index):
    i = sw.tensor([0, 1])
    want, got = start(4, 3), start(4, 3)
    index(want, i)
    sw.compile(index)(got, i)
    assert got.tolist() == want.tolist()


def test_a_view_of_an_expanded_argument():
    x = start(3, 4).requires_grad_()
    sw.compile(lambda x: x.diagonal())(x.expand(2, 3, 4)).sum().backward()
    assert x.grad.tolist() == [[1.0] * 4, [1.0] * 4, [0.0] * 4]


def test_writing_into_an_expanded_argument_is_refused():
    with pytest.raises(RuntimeError, match="expanded tensor cannot be captured"):
        sw.compile(lambda x: x[0].add_(1))(start(3).expand(2, 3))


# --- One memory, several tensors ----------------------------------------------


def _gradients_of(function, arguments):
    """What eager and compiled give for `w`, twice, and the values."""
    found = []
    compiled = sw.compile(function)
    for call in (function, compiled, compiled):
        w = sw.tensor([1.0, -2.0, 3.0], requires_grad=True)
        u = (w * 2).detach()
        given = arguments(w, u)
        result = call(*given)
        if result.requires_grad:
            result.sum().backward()
        grads = [None if t.grad is None else t.grad.tolist() for t in (w, *given) if t.is_leaf]
        found.append((result.tolist(), grads, u.tolist()))
    return found


@pytest.mark.parametrize("function", [
    lambda a, b: b * 3, lambda a, b: a.abs() + b * b, lambda a, b: b * b + a.abs(),
    lambda a, b: (a * b).exp() + a[1:].sum(), lambda a, b: a.relu() + b[1:].sum() * 2,
])  # fmt: skip
@pytest.mark.parametrize("arguments", [
    lambda w, u: (w.detach(), w), lambda w, u: (w, w.detach()), lambda w, u: (w, w),
    lambda w, u: (w.detach().requires_grad_(), w), lambda w, u: (w.view_as(w), w),
    lambda w, u: (w[:], w.detach().requires_grad_()), lambda w, u: (w.data, w[:]),
], ids=["detached", "detached2", "same", "two leaves", "a view", "a view and a leaf", "data"])  # fmt: skip
def test_each_tensor_over_one_memory_has_its_own_gradient(function, arguments):
    want, *got = _gradients_of(function, arguments)
    assert got == [want, want]


def test_a_tensor_closed_over_shows_an_argument():
    for closed, given in (("detach", "view_as"), ("view_as", "detach")):
        results = []
        for wrap in (lambda f: f, sw.compile):
            w = sw.tensor([1.0, 2.0], requires_grad=True)
            views = {"detach": w.detach(), "view_as": w.view_as(w)}
            other = views[closed]
            f = wrap(lambda x, other=other: (x * 2 + other * 5).sum())
            f(views[given]).backward()
            results.append(w.grad.tolist())
        assert results[1] == results[0]


@pytest.mark.parametrize("alias", [
    lambda w: w.detach(), lambda w: w[:], lambda w: w.view(3), lambda w: w.data,
])  # fmt: skip
def test_a_tensor_closed_over_that_shows_an_argument_once(alias):
    """It is written and read, also when the next call's argument is other memory."""
    found = []
    for wrap in (lambda f: f, sw.compile):
        w = sw.zeros(3)
        f = wrap(lambda x, w=w: (w.add_(1), x * 2 + w)[1])
        values = [f(given).tolist() for given in (alias(w), sw.ones(3), alias(w), sw.ones(3))]
        found.append((values, w.tolist()))
    assert found[0] == found[1]


def test_what_showed_an_argument_may_be_replaced():
    class Names:
        pass

    held, given = Names(), sw.ones(3)
    held.u = given[:3]
    f = sw.compile(lambda x: x * 2 + held.u)
    assert f(given).tolist() == [3, 3, 3]
    held.u = sw.zeros(3).double()
    assert f(given).tolist() == [2, 2, 2] and f(given).dtype is sw.float64


@pytest.mark.parametrize("function, arguments", [
    (lambda a, b: (b.mul_(2), a + b * 3)[1], lambda w, u: (u.detach(), u * 1 + w)),
    (lambda a, b: (b.mul_(2), a + b * 3)[1], lambda w, u: (w.detach()[:0].sum() + u, w * 2)),
    (lambda a, b: (a.add_(1), b * b)[1], lambda w, u: (w.detach(), w)),
])  # fmt: skip
def test_writes_beside_another_tensor_of_the_memory(function, arguments):
    want, *got = _gradients_of(function, arguments)
    assert got == [want, want]


def test_a_history_goes_to_the_tensor_that_was_written():
    found = []
    for wrap in (lambda f: f, sw.compile):
        w = sw.tensor([1.0, 2.0, 3.0], requires_grad=True)
        u = sw.ones(3)
        plain = u.detach()
        wrap(lambda a, b, w: (a.sum(), b.mul_(w))[0])(plain, u, w)
        u.sum().backward()
        found.append((u.tolist(), plain.requires_grad, u.requires_grad, w.grad.tolist()))
    assert found[1] == found[0] and found[0][3] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("views", [
    lambda b: (b[:, 0], b[:, 1]), lambda b: (b[:, ::2], b[:, 1::2]), lambda b: (b[:2, :2], b[:2, 2:]),
    lambda b: (b[::2, :3], b[1::2, 1:]), lambda b: (b.T[0], b[:, 3]), lambda b: (b[0:0], b),
    lambda b: (b.view(-1)[::3], b.view(-1)[1::3]), lambda b: (b.diagonal(), b.diagonal(1)),
    lambda b: (b.view(-1)[::-2], b.view(-1)[:0:-2][:0]), lambda b: (b[:, 3:4], b[:, :3]),
])  # fmt: skip
def test_disjoint_views_of_one_buffer_may_be_written(views):
    def function(x, y):
        x.add_(1)
        y.mul_(2)
        x.sub_(3)
        return x.sum() + y.sum()

    compiled = sw.compile(function)
    for _ in range(2):
        want, got = start(4, 4), start(4, 4)
        assert compiled(*views(got)).item() == function(*views(want)).item()
        assert got.tolist() == want.tolist()


@pytest.mark.parametrize("views", [
    lambda b: (b[:, :2], b[:, 1:]), lambda b: (b[::2], b[:, 0]), lambda b: (b.T, b),
    lambda b: (b.view(-1)[::3], b.view(-1)[::5]), lambda b: (b.diagonal(), b[0]),
])  # fmt: skip
def test_views_that_share_an_element_may_not(views):
    with pytest.raises(RuntimeError, match="through another view"):
        sw.compile(lambda x, y: (x.add_(1), y.mul_(2), x.sum() + y.sum())[2])(*views(start(4, 4)))


PIECES = [
    lambda b: b[0], lambda b: b[:, 1], lambda b: b[::2, ::2], lambda b: b[1::2, 1:], lambda b: b[:2, :2],
    lambda b: b.T[2:4], lambda b: b.diagonal(), lambda b: b.diagonal(-2), lambda b: b.reshape(-1)[::5],
    lambda b: b.reshape(-1)[1::3], lambda b: b.reshape(3, 2, 6)[:, 1], lambda b: b[3:3],
]  # fmt: skip


@pytest.mark.parametrize("first", range(len(PIECES)))
def test_views_are_refused_where_numpy_finds_a_shared_element(first):
    places = np.arange(36).reshape(6, 6)
    for second in range(first):
        b = sw.zeros(6, 6)
        x, y = PIECES[first](b), PIECES[second](b)
        compiled = sw.compile(lambda x, y: (x.add_(1), y.add_(2))[:0])
        numbers = [set(PIECES[n](sw.tensor(places)).reshape(-1).tolist()) for n in (first, second)]
        if numbers[0] & numbers[1]:
            with pytest.raises(RuntimeError, match="through another view"):
                compiled(x, y)
            continue
        compiled(x, y)
        want = np.zeros(36)
        want[list(numbers[0])] += 1
        want[list(numbers[1])] += 2
        assert b.reshape(-1).tolist() == want.tolist()


# --- Long chains ---------------------------------------------------------------


@pytest.mark.parametrize("step", [
    lambda x: x.detach(), lambda x: x.T, lambda x: x.view_as(x), lambda x: x[:], lambda x: x.data,
    lambda x: x.view(-1).view(3, 4), lambda x: x[None][0],
])  # fmt: skip
def test_long_chains_of_captured_views(step):
    def function(x):
        y = x
        for _ in range(100_000):
            y = step(y)
        return y + 1

    assert sw.compile(function)(sw.ones(3, 4)).sum().item() == 24.0
