# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a function that is one kernel keeps for the way back, and what that computes again."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import stepwell as sw
import stepwell.nn.functional as F
from stepwell import _core

BUILD = Path(os.environ.get("STEPWELL_BUILD_DIR", Path(__file__).resolve().parents[2] / "build"))
EXPENSIVE = (
    "matmul",
    "linear",
    "conv2d",
    "attention",
    "sort",
    "topk",
    "max_pool2d",
    "sum",
    "softmax",
    "random_uniform",
)


def leaf(*sizes, scale=0.4, seed=0):
    numbers = np.random.default_rng(seed).standard_normal(sizes) * scale
    return sw.tensor(numbers.astype(np.float32)).requires_grad_()


def programs(function):
    """The programs of the kernels that a call asks for: the way forward, and those of the way back."""
    texts = _core._record_programs(function)
    return (
        [text for text in texts if "autodiff.vjp" not in text],
        [text for text in texts if "autodiff.vjp" in text],
    )


def computed(program):
    """How often what a way back runs computes each of the expensive operations."""
    done = subprocess.run(
        [BUILD / "bin" / "stepwell-opt", "-autodiff-fulfil-requests", "-canonicalize", "-cse"],
        input=program,
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        name: count
        for name in EXPENSIVE
        if (count := len(re.findall(rf"array\.{name}\b", done.stdout)))
    }


def results(program):
    """The types of what a program returns."""
    return (
        re.search(r"function_type = \(.*?\) -> \((.*?)\), res_attrs", program).group(1).split(", ")
    )


def gradients(function, arguments, leaves):
    return [g.numpy() for g in sw.autograd.grad(function(*arguments), leaves)]


def check_gradients(function, arguments, leaves=None):
    """A compiled function has eager's value and gradients, first and second ones."""
    leaves = leaves or [a for a in arguments if a.requires_grad]
    compiled = sw.compile(function)
    np.testing.assert_allclose(compiled(*arguments).item(), function(*arguments).item(), rtol=2e-5)
    for ours, theirs in zip(
        gradients(compiled, arguments, leaves), gradients(function, arguments, leaves), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)

    def second(f):
        first = sw.autograd.grad(f(*arguments), leaves, create_graph=True)
        total = sum((g * g).sum() for g in first)
        return [
            None if g is None else g.numpy()
            for g in sw.autograd.grad(total, leaves, allow_unused=True)
        ]

    for ours, theirs in zip(second(compiled), second(function), strict=True):
        if ours is not None and theirs is not None:
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
        else:
            assert ours is None or not np.any(ours)
            assert theirs is None or not np.any(theirs)


def chain(x, *weights):
    for weight in weights:
        x = x @ weight
    return (x * x).sum()


def perceptron(x, *weights):
    for weight in weights:
        x = F.gelu(x @ weight)
    return (x * x).sum()


def network(x, *weights):
    for weight in weights:
        x = F.max_pool2d(F.relu(F.conv2d(x, weight, padding=1)), 2)
    return (x * x).sum()


def attend(x, q, k, v):
    one = x.unsqueeze(1)
    y = F.scaled_dot_product_attention(one @ q, one @ k, one @ v)
    return (y * y).sum()


def ranked(x, w):
    values, indices = (x @ w).sort(dim=1)
    best, _ = values.exp().topk(3, dim=1)
    return (best * best).sum() + (values * indices).sum()


def normed(x, w, scale, shift):
    return (F.layer_norm(x @ w, (6,), scale, shift).softmax(-1) * x[:, :6]).sum()


CASES = {
    "chain": (chain, lambda: [leaf(5, 8), leaf(8, 8, seed=1), leaf(8, 8, seed=2), leaf(8, 3)]),
    "perceptron": (perceptron, lambda: [leaf(5, 8), leaf(8, 8, seed=1), leaf(8, 8, seed=2)]),
    "network": (network, lambda: [leaf(2, 3, 8, 8), leaf(4, 3, 3, 3), leaf(4, 4, 3, 3)]),
    "attend": (attend, lambda: [leaf(2, 6, 8), leaf(8, 8, seed=1), leaf(8, 8), leaf(8, 8)]),
    "ranked": (ranked, lambda: [leaf(4, 7), leaf(7, 6)]),
    "normed": (normed, lambda: [leaf(4, 8), leaf(8, 6), leaf(6), leaf(6)]),
}


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_eager(case):
    function, arguments = CASES[case]
    check_gradients(function, arguments())


@pytest.mark.parametrize(
    ("case", "back"),
    [
        # Each product has two gradients.
        ("chain", {"matmul": 6}),
        ("perceptron", {"matmul": 4}),
        ("network", {}),
        ("ranked", {"matmul": 2}),
    ],
)
def test_the_way_back_computes_nothing_expensive_again(case, back):
    function, arguments = CASES[case]
    given = arguments()
    compiled = sw.compile(function)
    forward, backward = programs(lambda: compiled(*given).backward())
    assert len(forward) == len(backward) == 1
    assert computed(backward[0]) == back


def test_attention_is_not_computed_again():
    given = CASES["attend"][1]()
    compiled = sw.compile(attend)
    _, (backward,) = programs(lambda: compiled(*given).backward())
    counts = computed(backward)
    assert "attention" not in counts  # but its derivative, attention_gradient
    assert counts["matmul"] == 6  # two for each of q, k and v


def test_elementwise_runs_are_not_kept():
    x, w, v = leaf(64, 8), leaf(8, 8), leaf(8, 8, seed=1)

    def function(x, w, v):
        y = x @ w
        for _ in range(5):
            y = (y.sin() * 0.5 + y.cos()).exp()
        return (y @ v).sum()

    compiled = sw.compile(function)
    (forward,), _ = programs(lambda: compiled(x, w, v).backward())
    assert results(forward) == ["tensor<f32>", "tensor<64x8xf32>"]
    check_gradients(function, [x, w, v])


def test_truth_values_are_kept_rather_than_numbers():
    x, w = leaf(64, 8), leaf(8, 8)

    def function(x, w):
        y = x @ w
        return sw.where(y.sort(dim=1).values > 0, x, 0.5 * x).sum()

    compiled = sw.compile(function)
    (forward,), _ = programs(lambda: compiled(x, w).backward())
    assert results(forward) == ["tensor<f32>", "tensor<64x8xi1>"]


def test_without_a_gradient_nothing_is_kept():
    arguments = CASES["perceptron"][1]()
    compiled = sw.compile(perceptron)

    def call():
        with sw.no_grad():
            compiled(*arguments)
        compiled(*[a.detach() for a in arguments])

    forward, backward = programs(call)
    assert not backward
    assert {tuple(results(text)) for text in forward} == {("tensor<f32>",)}


def test_the_kept_follows_from_what_requires_a_gradient():
    x, w, v = leaf(16, 8), leaf(8, 8), leaf(8, 8, seed=1)
    counts = []
    for last, first in [(True, True), (True, False), (False, True)]:
        w.requires_grad_(first)
        v.requires_grad_(last)
        compiled = sw.compile(chain)
        leaves = [each for each in (w, v) if each.requires_grad]
        (forward,), _ = programs(lambda: gradients(compiled, [x.detach(), w, v], leaves))
        counts.append(len(results(forward)) - 1)
        check_gradients(chain, [x.detach(), w, v], leaves)
    # x @ w and the product that is squared; both; the product alone.
    assert counts == [2, 2, 1]


def test_one_compiled_function_with_and_without():
    arguments = CASES["perceptron"][1]()
    compiled = sw.compile(perceptron)
    expected = gradients(perceptron, arguments, arguments)
    value = perceptron(*arguments).item()
    for _ in range(3):
        with sw.no_grad():
            assert compiled(*arguments).item() == pytest.approx(value, rel=1e-5)
        for ours, theirs in zip(gradients(compiled, arguments, arguments), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_graph_is_walked_twice_only_if_it_is_retained():
    arguments = CASES["network"][1]()
    loss = sw.compile(network)(*arguments)
    first = sw.autograd.grad(loss, arguments, retain_graph=True)
    second = sw.autograd.grad(loss, arguments)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    with pytest.raises(RuntimeError, match="a second time"):
        sw.autograd.grad(loss, arguments)


def test_an_argument_that_the_way_back_does_not_read_may_be_written():
    x, w = leaf(4, 8).detach(), leaf(8, 8)

    def function(x, w):
        return ((x * 2).sum() * w.exp()).sum()

    compiled = sw.compile(function)
    expected = sw.autograd.grad(compiled(x, w), [w])[0].numpy()
    loss = compiled(x, w)
    with sw.no_grad():
        x.zero_()  # its sum was kept
    np.testing.assert_array_equal(sw.autograd.grad(loss, [w])[0].numpy(), expected)


def test_what_the_way_back_reads_may_not_be_written():
    x, w = leaf(4, 8).detach(), leaf(8, 8)
    compiled = sw.compile(lambda x, w: F.relu(x @ w))
    result = compiled(x, w)
    with sw.no_grad():
        x.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.sum().backward()
    result = compiled(x, w)
    result += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.sum().backward()


def test_a_result_that_is_read_is_not_kept_twice():
    x, w = leaf(4, 8), leaf(8, 8)

    def function(x, w):
        hidden = x @ w
        return hidden, hidden.tanh().sum()

    compiled = sw.compile(function)

    def step():
        hidden, loss = compiled(x, w)
        (loss + hidden.sum()).backward()

    (forward, *_), _ = programs(step)
    assert results(forward) == ["tensor<4x8xf32>", "tensor<f32>"]


def test_dropout_drops_the_same_on_the_way_back():
    x, w = leaf(64, 32), leaf(32, 32)

    def function(x, w):
        return F.dropout(x @ w, 0.5)

    compiled = sw.compile(function)
    for _ in range(2):
        product = (x @ w).detach()
        product.requires_grad_()
        y = compiled(x, w)
        (of_x,) = sw.autograd.grad(y, [x], sw.ones(64, 32))
        kept = (y.detach() != 0).float() * 2
        np.testing.assert_allclose(
            of_x.numpy(), (kept @ w.detach().t()).numpy(), rtol=1e-4, atol=1e-5
        )


@sw.function
def open_layer(x: sw.Tensor, w: sw.Tensor, b: sw.Tensor) -> sw.Tensor:
    hidden = F.gelu(x @ w + b)
    return (hidden.softmax(-1) @ w.t()).sum(0)


@pytest.mark.parametrize("rows", [3, 17, 64])
def test_functions_of_open_sizes_keep_too(rows):
    x, w, b = leaf(rows, 6), leaf(6, 9), leaf(9)

    def plain(x, w, b):
        hidden = F.gelu(x @ w + b)
        return (hidden.softmax(-1) @ w.t()).sum(0)

    for function in (open_layer, plain):
        (function(x, w, b) ** 2).sum().backward()
    sw.autograd.grad(open_layer(x, w, b).sum(), [x, w, b])
    ours = sw.autograd.grad((open_layer(x, w, b) ** 2).sum(), [x, w, b])
    theirs = sw.autograd.grad((plain(x, w, b) ** 2).sum(), [x, w, b])
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-5)
    _, backward = programs(lambda: sw.autograd.grad(open_layer(x, w, b).sum(), [x, w, b]))
    for text in backward:
        if "array.gelu" in text:
            assert computed(text).get("softmax", 0) == 0
            assert computed(text)["matmul"] == 4


def test_functions_of_open_sizes_without_a_gradient():
    x, w, b = leaf(5, 6), leaf(6, 9), leaf(9)
    recorded = open_layer(x, w, b).detach().numpy()
    with sw.no_grad():
        for _ in range(2):  # after calls that were recorded, on the same class
            np.testing.assert_array_equal(open_layer(x, w, b).numpy(), recorded)
            assert not open_layer(x, w, b).requires_grad
    assert open_layer(x, w, b).requires_grad


def test_a_number_that_kernels_are_made_for_is_one_on_the_way_back():
    x = leaf(4, 8)
    compiled = sw.compile(lambda x: (x**2).sum())
    forward, backward = programs(lambda: compiled(x).backward())
    number = "stepwell.number = 0x4000000000000000"  # a power by 2 is a product
    assert [text.count(number) for text in (*forward, *backward)] == [1, 1]
