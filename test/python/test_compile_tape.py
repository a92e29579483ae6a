# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gradients of compiled functions that cut the tape: detach, no_grad, leaves, hooks."""

import pytest
import stepwell as sw
from stepwell import nn
from stepwell.nn import functional as F


def leaf(*values):
    return sw.tensor(list(values), requires_grad=True)


def both(function, *values):
    """Values and gradients of eager and compiled; the compiled one is called twice."""
    found = []
    compiled = sw.compile(function)
    for call in (function, compiled, compiled):
        w = leaf(*values)
        results = call(w)
        results = results if isinstance(results, tuple) else (results,)
        sum((r.double() * (n + 1)).sum() for n, r in enumerate(results)).backward()
        flags = [r.requires_grad for r in results]
        gradient = None if w.grad is None else w.grad.tolist()
        found.append((gradient, [r.tolist() for r in results], flags, w.tolist()))
    assert found[1] == found[0] and found[2] == found[0]
    return found[0][0]


def straight_through(w):
    return w + (w.sign() - w).detach()


def quantised(w):
    with sw.no_grad():
        q = w.round()
    return w + (q - w).detach(), q


def enabled_inside(w):
    with sw.no_grad():
        a = w * 2
        with sw.enable_grad():
            b = w * 3
        c = b * a
    return b + a + c, c


def written_without_grad(w):
    with sw.no_grad():
        w.mul_(3)
    return w * w


def temporary_written_without_grad(w):
    y = w * 2
    with sw.no_grad():
        y.mul_(3)
    return y + y * 1.0


def written_through_data(w):
    y = w * 2
    y.data.mul_(3)
    return y * w


def part_of_a_detached(w):
    y = w * 2
    y[0] = w.detach()[1]
    return y * w


def copied_from_a_detached(w):
    y = w * 2
    y.copy_(w.detach() * w)
    y.add_(w.data)
    return y


def another_leaf(w):
    inner = (w * 2).detach().requires_grad_()
    (g,) = sw.autograd.grad((inner * inner).sum(), inner)
    return w * g + inner.detach()


def view_of_another_leaf(w):
    inner = (w * 2).detach().requires_grad_()
    part = w.detach().requires_grad_().flip(0)
    return w * inner[:].flip(0).flip(0) + part * 3


def gradient_as_a_constant(w):
    (g,) = sw.autograd.grad((w * w * w).sum(), w)
    return w * g, g


def gradient_of_a_gradient(w):
    (g,) = sw.autograd.grad((w * w * w).sum(), w, create_graph=True)
    return w * g


@pytest.mark.parametrize("function, gradient", [
    (lambda w: w * w.detach(), [1.0, -2.0]),
    (lambda w: sw.cat([w, w.detach()]), [1.0, 1.0]),
    (straight_through, [1.0, 1.0]),
    (quantised, [1.0, 1.0]),
    (enabled_inside, [3.0, 3.0]),
    (written_without_grad, [6.0, -12.0]),
    (temporary_written_without_grad, [4.0, 4.0]),
    (written_through_data, [8.0, -16.0]),
    (part_of_a_detached, [-2.0, -8.0]),
    (copied_from_a_detached, [1.0, -2.0]),
    (another_leaf, [4.0, -8.0]),
    (view_of_another_leaf, [2.0, -4.0]),
    (gradient_as_a_constant, [3.0, 12.0]),
    (gradient_of_a_gradient, [9.0, 36.0]),
])  # fmt: skip
def test_what_the_function_cuts_is_cut(function, gradient):
    assert both(function, 1.0, -2.0) == gradient


def test_a_result_that_needs_no_gradient_gives_none():
    a, b = leaf(1.0), leaf(2.0)
    first, _ = sw.compile(lambda a, b: (a * 2, b * 3))(a, b)
    first.backward()
    assert a.grad.tolist() == [2.0] and b.grad is None


def test_padding_has_no_gradient():
    weight = sw.ones(3, 2, requires_grad=True)
    index = sw.tensor([0, 2, 2])
    sw.compile(lambda w: F.embedding(index, w, padding_idx=2))(weight).sum().backward()
    assert weight.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]


def test_a_written_argument_keeps_its_history():
    def scale(x, w):
        x.mul_(w)
        x[0].add_(w[1])

    x, w = sw.ones(2), leaf(3.0, 4.0)
    sw.compile(scale)(x, w)
    assert x.requires_grad and x.tolist() == [7.0, 4.0]
    x.sum().backward()
    assert w.grad.tolist() == [1.0, 2.0]


def test_a_written_view_of_something_keeps_its_history():
    w = sw.ones(2, 2, requires_grad=True)
    base = w * 1
    sw.compile(lambda t, w: t[0].sub_(w[0]))(base.T, w)
    base.sum().backward()
    assert w.grad.tolist() == [[0.0, 0.0], [1.0, 1.0]]


def test_exported_programs_cut_too():
    program = sw.export(lambda w: w * w.detach(), (sw.ones(2),))
    w = leaf(2.0, 3.0)
    program(w).sum().backward()
    assert w.grad.tolist() == [2.0, 3.0]


def test_cuts_cost_nothing_without_a_derivative():
    compiled = sw.compile(lambda x: x.detach() * 2 + x)
    compiled(sw.ones(3))
    (entries,) = compiled._cache.values()
    assert "detach" not in entries[0].executable.program


def hooked_tensor(x):
    y = x * 2
    y.register_hook(lambda g: g * 10)
    return y.sum()


def retained(x):
    y = x * 2
    y.retain_grad()
    return y.sum()


hooked_module = nn.Linear(2, 2)
hooked_module.register_full_backward_hook(lambda module, given, out: None)


@pytest.mark.parametrize("function", [
    hooked_tensor, retained, lambda x: hooked_module(x).sum(),
])  # fmt: skip
def test_hooks_inside_are_not_ignored_in_silence(function):
    with pytest.raises(RuntimeError, match="hook on a tensor"):
        sw.compile(function)(leaf(1.0, 2.0)).backward()


def test_hooks_on_tensors_from_outside_are_called():
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: g * 10)
    sw.compile(lambda x: (x * 2).sum())(x).backward()
    assert x.grad.tolist() == [20.0, 20.0]
    with pytest.raises(RuntimeError, match="from outside cannot be registered inside"):
        sw.compile(lambda x: x.register_hook(lambda g: g))(x)


# --- What has no derivative --------------------------------------------------


@pytest.mark.parametrize("function", [
    lambda a: a.floor_divide(2) * a, lambda a: a // 2, lambda a: 7 // a + a,
    lambda a: (a.sin() // a.cos()).exp(), lambda a: a.clone().floor_divide_(2),
    lambda a: sw.floor_divide(a, a), lambda a: (a * 2).view(-1)[1:] // 3,
])  # fmt: skip
def test_floor_divide_refuses_a_derivative_compiled_as_well(function):
    for call in (function, sw.compile(function)):
        for _ in range(2):
            result = call(leaf(1.0, 3.0, 5.0))
            assert result.requires_grad
            with pytest.raises(RuntimeError, match="derivative for aten::floor_divide"):
                result.sum().backward()


def test_floor_divide_on_another_way_is_no_hindrance():
    def function(a, b):
        return a // 2 + b * b, a * 3, (a.detach() // 2) * a

    for call in (function, sw.compile(function)):
        a, b = leaf(1.0, 3.0), leaf(2.0, 4.0)
        first, second, third = call(a, b)
        assert sw.autograd.grad(first.sum(), b, retain_graph=True)[0].tolist() == [4.0, 8.0]
        (second + third).sum().backward(retain_graph=True)
        assert a.grad.tolist() == [3.0, 4.0]
        with pytest.raises(RuntimeError, match="derivative for aten::floor_divide"):
            first.sum().backward()


@pytest.mark.parametrize("view", [
    lambda x: x.expand(2, 3), lambda x: x[1:], lambda x: x.view_as(x), lambda x: x[:, None].squeeze(),
])  # fmt: skip
def test_views_under_no_grad_lead_nowhere(view):
    def function(w):
        with sw.no_grad():
            seen = view(w)
        return seen

    for call in (function, sw.compile(function)):
        w = leaf(1.0, 2.0, 3.0)
        result = call(w)
        assert result.requires_grad  # as in PyTorch: what it shows does
        result.sum().backward()
        assert w.grad is None

    for call in (function, sw.compile(lambda w: function(w) * 2 + function(w * 3).sum())):
        w = leaf(1.0, 2.0, 3.0)
        call(w).sum().backward()
        assert w.grad is None


def test_a_detached_tensor_with_a_history_of_its_own_is_refused():
    def function(w):
        y = w * 2
        cut = y.detach()
        cut[1:] = y[:-1]
        return cut * 3

    w = leaf(1.0, 2.0, 3.0)
    function(w).sum().backward()
    assert w.grad.tolist() == [6.0, 6.0, 0.0]
    with pytest.raises(RuntimeError, match="detached tensor that was written to with a gradient"):
        sw.compile(function)(w)


def test_a_view_of_a_view_under_no_grad_leads_nowhere():
    def function(w):
        with sw.no_grad():
            seen = w[1:]
        return seen[:1], seen.view(-1) * 2

    for call in (function, sw.compile(function)):
        w = leaf(1.0, 2.0, 3.0)
        for result in call(w):
            result.sum().backward()
        assert w.grad is None


# An empty vector fits beside everything, adds nothing, and is on the tape.
@pytest.mark.parametrize("shapes", [[(0,), (0,)], [(0,), (2, 3)], [(2, 3), (0,)], [(0,), (3,)]])
@pytest.mark.parametrize("which", [0, 1])
def test_cat_of_nothing_keeps_its_history(shapes, which):
    for join in (sw.cat, sw.compile(lambda tensors: sw.cat(tensors))):
        tensors = [sw.ones(*shape) for shape in shapes]
        tensors[which].requires_grad_()
        joined = join(tensors)
        assert joined.requires_grad
        joined.sum().backward()
        assert tensors[which].grad.tolist() == sw.ones(*shapes[which]).tolist()


# A gradient stays at a leaf, and goes on from what was computed.
@pytest.mark.parametrize(
    "arguments",
    [
        ["b", "b * 1", "b", "b * 3", "c * 2"],
        ["b * 1", "b * 2", "c * 3", "b", "c", "c * 4"],
        ["b.T", "c.T", "b", "c[:]"],
    ],
)
def test_backward_inside_of_a_leaf_and_of_what_is_none(arguments):
    def function(a):
        a.sum().backward(retain_graph=True)
        return a.detach() * 2, a.is_leaf

    found = []
    for call in (function, sw.compile(function)):
        b, c = leaf(1.0, 2.0), leaf(3.0, 4.0)
        for text in arguments:
            result, is_leaf = call(eval(text, {"b": b, "c": c}))
            grads = [None if t.grad is None else t.grad.tolist() for t in (b, c)]
            found.append((result.tolist(), is_leaf, grads))
    half = len(found) // 2
    assert found[half:] == found[:half]


def rest_of_a_gradient(w):
    y = w * 2
    (g,) = sw.autograd.grad((y * y).sum(), y, retain_graph=True)
    g[:1].sub_(y[:1])
    return g, y


def rest_between_the_diagonal(w):
    d = w.detach().clone().reshape(2, 2)
    d.diagonal().add_(w[:2])
    return (d,)


# Around a part that gets a history there is none, though what is there was computed of `w`.
@pytest.mark.parametrize("function", [rest_of_a_gradient, rest_between_the_diagonal])
def test_a_part_of_what_has_no_history_is_written(function):
    found = []
    for call in (function, sw.compile(function)):
        w = leaf(1.0, 2.0, 3.0, 4.0)
        results = call(w)
        sum((r * (n + 1)).sum() for n, r in enumerate(results)).backward()
        found.append((w.grad.tolist(), [r.tolist() for r in results]))
    assert found[0] == found[1]


def test_a_part_of_an_argument_that_shares_memory_with_a_leaf_is_written():
    def function(a, b):
        b[::2] = a[::2]
        return b

    for call in (function, sw.compile(function)):
        w = leaf(1.0, 2.0, 3.0)
        call(w, w.detach()).sum().backward()
        assert w.grad.tolist() == [1, 0, 1]


@pytest.mark.parametrize("made", [lambda w: w * 1, lambda w: w])
@pytest.mark.parametrize("result", [lambda d: d, lambda d: d[:1], lambda d: d * 1])
def test_a_detached_alias_with_a_history_is_refused(made, result):
    def function(w):
        d = made(w).detach()
        d[::2] = (w * 3)[::2]
        return result(d)

    assert function(leaf(1.0, 2.0, 3.0)).requires_grad
    with pytest.raises(RuntimeError, match="detached tensor that was written to with a gradient"):
        sw.compile(function)(leaf(1.0, 2.0, 3.0))


def test_gradients_enabled_inside_of_a_call_without():
    def function(w):
        y = w.clone()
        with sw.enable_grad():
            y.mul_(w)
            view = w[:1]
        return y, y * 2, view, w[1:]

    for call in (function, sw.compile(function)):
        for _ in range(2):
            w = leaf(1.0, 2.0)
            with sw.no_grad():
                results = call(w)
            assert [r.requires_grad for r in results] == [True, False, True, True]
            (results[0].sum() + results[2].sum()).backward()
            assert w.grad.tolist() == [2, 2]


# `b` shows the memory of the leaf `a`, has no history, and is written to: `a` keeps its own.
@pytest.mark.parametrize(
    "read",
    [
        lambda a, v: sw.cat([v, a]),
        lambda a, v: sw.cat([a.double(), v.double()]),
        lambda a, v: v.copy_(a),
        lambda a, v: v.index_copy_(0, sw.tensor([0]), a[:1]),
        lambda a, v: sw.cat([v[:1].copy_(a[:1]), v]),
    ],
)
def test_a_leaf_is_read_after_a_write_through_another_tensor(read):
    def function(a, b):
        b.copy_(b * 2)
        return read(a, b + 1)

    found = []
    for call in (function, sw.compile(function)):
        w = leaf(1.0, 2.0)
        result = call(w, w.detach())
        result.sum().backward()
        found.append((result.tolist(), w.grad.tolist()))
    assert found[0] == found[1]
