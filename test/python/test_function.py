# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""stepwell.function: definitions in Python that are traced once for each class of arguments."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import pydoc
import weakref
from collections.abc import Sequence

import numpy as np
import pytest
import stepwell as sw
from hypothesis import given, settings
from hypothesis import strategies as st
from stepwell import Number, Tensor


def compiled() -> int:
    stats = sw._core.kernel_stats()
    return stats["compiles"] + stats["disk_hits"] + stats["shipped_hits"]


def values(*shape: int, seed: int = 0, dtype: str = "float32") -> Tensor:
    rng = np.random.default_rng(seed)
    return sw.tensor(rng.standard_normal(shape).astype(dtype))


def same(a: Tensor, b: Tensor) -> None:
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-6, atol=1e-6)


def traces(body):
    """A function that counts how often its body runs."""

    def counted(*args, **named):
        counted.count += 1
        return body(*args, **named)

    counted.count = 0
    counted.__name__ = body.__name__
    counted.__annotations__ = body.__annotations__
    counted.__signature__ = inspect.signature(body)
    made = sw.function(counted)
    made.counted = counted
    return made


def test_one_kernel_and_one_trace_serve_other_sizes():
    @traces
    def lopsided(x: Tensor, y: Tensor):
        return (x * 3.25 - y) * (x + y)

    for shape in [(5,), (7,), (64,)]:
        x, y = values(*shape), values(*shape, seed=1)
        same(lopsided(x, y), (x * 3.25 - y) * (x + y))
    assert lopsided.counted.count == 1
    before = compiled()
    lopsided(values(9), values(9))
    assert compiled() == before


def test_another_number_needs_no_other_kernel():
    @traces
    def scaled(x: Tensor, factor: Number = 2.0):
        return x * factor + 0.5 * factor

    x = values(6)
    same(scaled(x), x * 2.0 + 1.0)
    before = compiled()
    for factor in (3.0, -0.0, 1e-30, float("inf")):
        same(scaled(x, factor), x * factor + 0.5 * factor)
    assert (scaled.counted.count, compiled()) == (1, before)
    same(scaled(x, factor=7), x * 7 + 3.5)  # an int is another class
    assert scaled.counted.count == 2


def test_a_branch_on_a_number_is_a_condition_of_the_trace():
    @traces
    def signed(x: Tensor, by: Number):
        return x * by if by > 0 else x - by

    x = values(4)
    for by in (1.0, -1.0, 5.0, -5.0):
        same(signed(x, by), x * by if by > 0 else x - by)
    assert signed.counted.count == 2


def test_constants_are_parts_of_the_class():
    @traces
    def reduced(x: Tensor, *, how: str = "mean", dims: tuple = (0,)):
        return x.mean(dims) if how == "mean" else x.sum(dims)

    x = values(3, 4)
    same(reduced(x), x.mean((0,)))
    same(reduced(x, how="sum", dims=(0, 1)), x.sum())
    same(reduced(x, how="".join(["s", "um"]), dims=tuple([0, 1])), x.sum())
    assert reduced.counted.count == 2


def test_constants_that_compare_equal_and_differ():
    @sw.function
    def filled(x: Tensor, value):
        return sw.where(x, value, value)

    x = sw.tensor([True, False])
    assert np.signbit(filled(x, -0.0).numpy()).all()
    assert not np.signbit(filled(x, 0.0).numpy()).any()
    assert {filled(x, each).dtype for each in (True, 1, 1.0)} == {sw.bool, sw.int64, sw.float32}


def test_lists_and_optional_tensors():
    @traces
    def total(xs: Sequence[Tensor], bias: Tensor | None = None):
        sum = xs[0]
        for x in xs[1:]:
            sum = sum + x
        return sum if bias is None else sum + bias

    a, b, c = values(3), values(3, seed=1), values(3, seed=2)
    same(total([a, b]), a + b)
    same(total((a, b, c), c), a + b + c + c)
    assert total.counted.count == 2
    many = [values(2, seed=i) for i in range(100)]
    same(total(many), sum(many[1:], many[0]))


def test_which_optional_tensors_are_given():
    @sw.function
    def scaled(x: sw.Tensor, factor: sw.Tensor | None = None, summand: sw.Tensor | None = None):
        x = x if factor is None else x * factor
        return x if summand is None else x + summand

    x, y = sw.tensor([1.0, 2.0]), sw.tensor([3.0, 5.0])
    for _ in range(2):  # the second time by plans
        assert scaled(x, y).tolist() == [3.0, 10.0]
        assert scaled(x, None, y).tolist() == [4.0, 7.0]
        assert scaled(x, summand=y).tolist() == [4.0, 7.0]


def test_results_in_tuples_and_lists():
    @sw.function
    def both(x: Tensor):
        return x + 1, x * 2

    @sw.function
    def listed(x: Tensor):
        return [x + 1, x * 2, x.sum()]

    x = values(3)
    plus, twice = both(x)
    same(plus, x + 1)
    same(twice, x * 2)
    assert type(both(x)) is tuple and type(listed(x)) is list and len(listed(x)) == 3


def test_what_broadcasts_is_decided_once():
    @traces
    def weighted(x: Tensor, w: Tensor):
        return (x * w).sum(-1)

    for n in (2, 3, 9):
        same(weighted(values(n, 4), values(n, 1)), (values(n, 4) * values(n, 1)).sum(-1))
    assert weighted.counted.count == 1
    for n in (2, 3, 9):
        same(weighted(values(n, 4), values(n, 4)), (values(n, 4) * values(n, 4)).sum(-1))
    assert weighted.counted.count == 2
    with pytest.raises(RuntimeError, match="broadcast"):
        weighted(values(2, 4), values(3, 4))


def test_strides_are_the_calls():
    @sw.function
    def doubled(x: Tensor):
        return x * 2 + 1

    x = values(4, 6)
    same(doubled(x.T), x.T * 2 + 1)
    assert doubled(x.T).stride() == (x.T * 2 + 1).stride()
    same(doubled(x[:, ::2]), x[:, ::2] * 2 + 1)


@sw.function
def _centered(x: Tensor, w: Tensor):
    n, c = x.shape
    shaped = w.reshape(1, c).expand(n, c) if n > 2 else w.unsqueeze(0)
    mean = x.sum(0) / n
    return (x - mean) * shaped + x.numel() * 0.5


@sw.function
def _reshaped(x: Tensor):
    n, c, h = x.shape
    flat = x.reshape(n, c * h).mean(1, keepdim=True)
    return x.view(n, -1) - flat, x.unsqueeze(1).squeeze(1) + flat.reshape(n, 1, 1)


@sw.function
def _sliced(x: Tensor):
    return x[..., 1:] - x[..., :-1], x[-1]


sizes = st.integers(0, 7)


@settings(max_examples=60, deadline=None)
@given(sizes, sizes, sizes)
def test_any_sizes_after_any_others(a: int, b: int, c: int):
    for made, arguments in (
        (_centered, (values(a, b), values(b))),
        (_reshaped, (values(a, b, c),)),
        (_sliced, (values(a + 1, b + 1, c + 1),)),
    ):
        try:
            expected = made.__wrapped__(*arguments)
        except (RuntimeError, ZeroDivisionError) as error:
            with pytest.raises(type(error)):
                made(*arguments)
            continue
        found = made(*arguments)
        for x, y in zip(
            *([v] if isinstance(v, Tensor) else v for v in (found, expected)), strict=True
        ):
            same(x, y)


def test_a_hint_that_leaks_is_seen():
    @sw.function
    def leaks(x: Tensor):
        return x * x.shape[0]._value  # the size of the call that was traced

    first, other = values(3), values(5)
    same(leaks(first), first * 3)
    with pytest.raises(AssertionError):
        same(leaks(other), other * 5)


def test_a_size_used_as_a_constant_is_a_condition():
    @traces
    def powers(x: Tensor):
        return sum([x**i for i in range(x.shape[0])], x * 0)

    for n in (2, 4, 2, 4):
        x = values(n)
        same(powers(x), sum([x**i for i in range(n)], x * 0))
    assert powers.counted.count == 2


def test_gradients_first_and_second():
    @sw.function
    def energy(x: Tensor, y: Tensor, scale: Number = 1.5):
        return ((x * y).sin() * scale).sum()

    for n in (3, 8):
        x, y = values(n, 2), values(n, 2, seed=1)
        found, expected = [], []
        for made, into in ((energy, found), (energy.__wrapped__, expected)):
            a, b = x.clone().requires_grad_(), y.clone().requires_grad_()
            into += sw.autograd.grad(made(a, b, 2.5), [a, b], create_graph=True)
            into += sw.autograd.grad(into[0].sum(), [a, b])
        for one, other in zip(found, expected, strict=True):
            same(one, other)


def test_detach_and_no_grad_inside():
    @sw.function
    def straight(x: Tensor):
        with sw.no_grad():
            steps = (x * 4).round() / 4
        return x + (steps - x).detach()

    x = values(5).requires_grad_()
    straight(x).sum().backward()
    same(x.grad, sw.ones(5))
    assert not straight(values(5)).requires_grad


def test_in_place():
    @sw.function(inplace=True)
    def softened(x: Tensor, y: Tensor):
        return x / (1 + (x * y).abs())

    x, y = values(4), values(4, seed=1)
    expected = softened(x, y)
    version = x._version
    assert softened.inplace(x, y) is x
    same(x, expected)
    assert x._version == version + 1
    leaf = values(4).requires_grad_()
    other = leaf * 1
    softened.inplace(other, y).sum().backward()
    again = values(4).requires_grad_()
    softened(again, y).sum().backward()
    same(leaf.grad, again.grad)
    with pytest.raises(RuntimeError, match="leaf"):
        softened.inplace(leaf, y)
    with pytest.raises(RuntimeError, match="shape"):
        softened.inplace(values(4, 1), values(4))


@pytest.mark.parametrize("view", [
    lambda x: x, lambda x: x.T, lambda x: x[1:], lambda x: x.unsqueeze(0), lambda x: x[:, 1],
])  # fmt: skip
def test_in_place_inside_of_a_compiled_function(view):
    @sw.function(inplace=True)
    def raised(input: Tensor, least: sw.Number) -> Tensor:
        return sw.where(input > least, input + 1, input)

    def write(x, other):
        part = view(x)
        assert raised.inplace(part, 4) is part
        # Of a class whose body runs as it is.
        raised.inplace(input=part, least=other)
        return x * 2

    def start():
        return sw.arange(12.0).reshape(3, 4) + 0

    eager, compiled = start(), start()
    results = [write(eager, 6.5).tolist(), sw.compile(write)(compiled, 6.5).tolist()]
    assert results[0] == results[1] and eager.tolist() == compiled.tolist() != start().tolist()


def test_in_place_where_the_body_runs_as_it_is():
    @sw.function(inplace=True)
    def chosen(input: Tensor, which) -> Tensor:
        return input + 1 if which == [1] else input

    x = sw.zeros(3)
    assert chosen.inplace(x, [1]) is x and x.tolist() == [1, 1, 1]
    assert chosen.inplace(x, {"no": {1}.__iter__()}) is x and x.tolist() == [1, 1, 1]


def test_methods_of_tensors():
    @sw.function(method="_twice_plus", inplace=True)
    def twice_plus(input: Tensor, more: Number = 0.0):
        return input * 2 + more

    x = values(3)
    same(x._twice_plus(1.0), x * 2 + 1)
    same(x.clone()._twice_plus_(more=1.0), x * 2 + 1)


def test_what_it_cannot_trace_runs_as_it_is():
    @traces
    def maybe(x: Tensor, training: bool):
        return x * 2 if training else x

    x = values(3)
    assert maybe(x, False) is x
    assert maybe(x, False) is x
    same(maybe(x, True), x * 2)

    @sw.function
    def writes(x: Tensor):
        x.add_(1)
        return x * 1

    same(writes(x), x)
    y = x.clone()
    writes(x)
    same(x, y + 1)


def test_data_has_no_value_while_it_is_traced():
    @sw.function
    def branches(x: Tensor):
        return x * 2 if x.sum() > 0 else x

    with pytest.raises(RuntimeError, match="test_function.py"):
        branches(values(3))


def test_bad_arguments():
    @sw.function
    def scaled(input: Tensor, weight: Tensor | None = None, *, by: Number = 1.0):
        return input * by if weight is None else input * weight * by

    x = values(3)
    for call, message in (
        (lambda: scaled(), "missing 1 required positional argument: 'input'"),
        (lambda: scaled(x, None, 2.0), "positional"),
        (lambda: scaled(x, wieght=x), "unexpected keyword argument 'wieght'"),
        (lambda: scaled(x, input=x), "multiple values"),
        (lambda: scaled([1.0]), r"scaled\(\): argument 'input' must be Tensor, not list"),
        (lambda: scaled(x, 3), r"scaled\(\): argument 'weight' must be Tensor, not int"),
    ):
        with pytest.raises(TypeError, match=message):
            call()
    with pytest.raises(TypeError, match=r"no '\*xs'"):
        sw.function(lambda *xs: xs[0])


def test_inside_of_a_compiled_function():
    @sw.function
    def gated(x: Tensor, by: Number = 2.0):
        return x * x.sigmoid() * by

    x = values(4).requires_grad_()
    y = sw.compile(lambda v: gated(v, 3.0) + 1)(x)
    same(y, gated.__wrapped__(x, 3.0) + 1)
    y.sum().backward()
    again = values(4).requires_grad_()
    gated.__wrapped__(again, 3.0).sum().backward()
    same(x.grad, again.grad)


def test_the_same_tensor_twice_is_two_arguments():
    @sw.function
    def product(x: Tensor, y: Tensor):
        return x * y

    x, y = values(3), values(3, seed=1)
    same(product(x, x), x * x)
    same(product(x, y), x * y)


def test_help_and_signature():
    @sw.function
    def documented(input: Tensor, *, p: Number = 2.0) -> Tensor:
        """What it does."""
        return input * p

    assert documented.__doc__ == "What it does."
    assert documented.__name__ == "documented"
    assert list(inspect.signature(documented).parameters) == ["input", "p"]


def test_copies_and_pickles_are_the_function():
    for made in (_centered, sw.nn.functional.gelu):
        assert copy.deepcopy([made])[0] is made
        assert pickle.loads(pickle.dumps(made)) is made


def test_help_shows_the_definition():
    text = pydoc.plain(pydoc.render_doc(sw.nn.functional.gelu))
    assert "gelu(input: 'Tensor', *, approximate: 'str' = 'none')" in text
    assert "normal distribution" in text


def test_constants_that_change_for_ever_are_forgotten():
    @sw.function
    def shifted(x: Tensor, by):
        return x + len(by)

    x = values(2)
    for i in range(1500):
        by = str(i)
        if i % 100 == 0:
            same(shifted(x, by), x + len(by))
        else:
            shifted(x, by)


def test_a_tensor_that_it_closes_over_may_get_other_memory():
    weight = values(4)

    @sw.function
    def weighted(x: Tensor):
        return x * weight

    x = values(4)
    for shape in ((4,), (1,), (3, 4), (4,)):
        weight.data = values(*shape, seed=len(shape))
        for _ in range(2):
            same(weighted(x), x * weight)
    weight.data = values(4, 4).T[:, 1]
    same(weighted(x), x * weight)
    weight.fill_(3.0)
    same(weighted(x), x * 3)


def test_a_function_that_names_itself_is_collected():
    def make():
        @sw.function
        def recursive(x: Tensor, n):
            return x if n == 0 else recursive.__wrapped__(x + 1, n - 1) * 1

        same(recursive(values(3), 2), values(3) + 2)
        return weakref.ref(recursive)

    gone = make()
    gc.collect()
    assert gone() is None


def test_a_function_that_is_gone_leaves_nothing_behind():
    def make():
        @sw.function
        def local(x: Tensor):
            return x + 1

        local(values(3))
        return weakref.ref(local)

    gone = make()
    gc.collect()
    assert gone() is None


def test_a_view_of_what_it_made_is_no_reason_to_run_each_time():
    @traces
    def turned(x: Tensor):
        made = x * 2
        return made.t(), (x + 1).reshape(-1)

    for shape in [(2, 3), (4, 3), (5, 7)]:
        x = values(*shape).requires_grad_()
        a, b = turned(x)
        same(a, (x * 2).t())
        same(b, (x + 1).reshape(-1))
        (a.sum() + b.sum()).backward()
        same(x.grad, sw.full(shape, 3.0))
    assert turned.counted.count == 1


def test_results_that_share_memory_share_it():
    @sw.function
    def two(x: Tensor):
        made = x * 2
        return made, made[0]

    for _ in range(2):
        whole, first = two(values(3, 2))
        first.zero_()
        assert whole[0].tolist() == [0.0, 0.0]


def test_a_tensor_or_a_number():
    @traces
    def filled(x: Tensor, mask: Tensor, value: Tensor | Number):
        return sw.where(mask, value, x)

    x, mask = values(4), sw.tensor([True, False, True, False])
    for value in (2.0, 3.0, -1.0, sw.tensor(4.0), sw.tensor(5.0)):
        same(filled(x, mask, value), sw.where(mask, value, x))
    assert filled.counted.count == 2
    with pytest.raises(TypeError):
        filled(x, mask, "1")


def test_whether_a_number_is_0_is_all_that_a_branch_asks():
    @traces
    def tail(x: Tensor, by: Number):
        return x * by if by and x.shape[0] else x + 1

    for by, size in [(2.0, 3), (3.0, 4), (0.0, 5), (-0.0, 6), (4.0, 7)]:
        x = values(size)
        same(tail(x, by), x * by if by else x + 1)
    assert tail.counted.count == 2
