# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The derivative of scaled_dot_product_attention in tiles, against NumPy in float64."""

import subprocess
import sys

import numpy as np
import pytest
import stepwell as sw
from attention_reference import attention_weights

attend = sw.nn.functional.scaled_dot_product_attention
random = np.random.default_rng(0)

# Largest difference, of gradients of about 1.
CLOSE = {"float64": 1e-12, "float32": 1e-5, "float16": 4e-3, "bfloat16": 3e-2}


def expected(query, key, value, g, mask=None, is_causal=False, scale=None):
    """The gradients of query, key, value and scores."""
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    turn = lambda x: np.swapaxes(x, -2, -1)  # noqa: E731
    p = attention_weights(query, key, mask, is_causal, scale)
    toward = g @ turn(value)
    d = p * (toward - (toward * p).sum(-1, keepdims=True))
    return d @ key * scale, turn(d) @ query * scale, turn(p) @ g, d


def inputs(batch, length, size, keys=None, width=None, dtype="float32"):
    keys, width = length if keys is None else keys, size if width is None else width
    shapes = (*batch, length, size), (*batch, keys, size), (*batch, keys, width)
    made = [sw.tensor(random.normal(size=shape)) for shape in shapes]
    g = sw.tensor(random.normal(size=(*batch, length, width)))
    return [x.to(getattr(sw, dtype)) for x in (*made, g)]


def masks(kind, length, keys, dtype="float32"):
    if kind == "causal":
        return {"is_causal": True}
    if kind == "bool":
        allowed = random.uniform(size=(length, keys)) < 0.6
        allowed[length // 2 : length // 2 + 1] = False  # sees nothing
        return {"attn_mask": sw.tensor(allowed)}
    if kind == "padding":
        return {
            "attn_mask": sw.tensor(
                np.arange(keys) < np.array([keys // 2, keys])[:, None, None, None]
            )
        }
    if kind == "float":
        return {"attn_mask": sw.tensor(random.normal(size=(length, keys))).to(getattr(sw, dtype))}
    return {}


def gradients(operands, **arguments):
    *leaves, g = operands
    leaves = [x.detach().requires_grad_() for x in leaves]
    return sw.autograd.grad(attend(*leaves, **arguments), leaves, g)


def check(operands, dtype="float32", **arguments):
    got = gradients(operands, **arguments)
    reference = {k: v.double().numpy() if v.dtype is not sw.bool else v.numpy()
                 for k, v in arguments.items() if k == "attn_mask"}  # fmt: skip
    wanted = expected(
        *(x.double().numpy() for x in operands),
        mask=reference.get("attn_mask"),
        is_causal=arguments.get("is_causal", False),
        scale=arguments.get("scale"),
    )
    for found, like, want in zip(got, operands, wanted, strict=False):
        assert found.dtype is like.dtype and found.shape == like.shape
        np.testing.assert_allclose(
            found.double().numpy(),
            want,
            rtol=0,
            atol=CLOSE[dtype] * max(1, abs(want).max(initial=0)),
        )


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("kind", ["none", "causal", "bool", "padding", "float"])
def test_values(dtype, kind):
    # Whole blocks and parts of them; more keys than queries.
    operands = inputs((2, 3), 70, 16, keys=300, width=24, dtype=dtype)
    check(operands, dtype, **masks(kind, 70, 300, dtype))


@pytest.mark.parametrize("kind", ["none", "causal", "bool", "float"])
@pytest.mark.parametrize(
    ("length", "keys"), [(1, 1), (1, 200), (300, 1), (129, 64), (64, 128), (0, 5), (5, 0)]
)
def test_lengths(kind, length, keys):
    check(inputs((1, 2), length, 8, keys=keys, width=4), **masks(kind, length, keys))


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("keys", [5, 200])
def test_a_scale_of_one(dtype, keys):
    # What multiplies with it is not there; a head of one number has it.
    check(inputs((2, 1), 3, 1, keys=keys, width=4, dtype=dtype), dtype)
    check(inputs((2, 1), 3, 4, keys=keys, width=1, dtype=dtype), dtype, scale=1.0)


def test_other_strides():
    operands = [
        x.permute(0, 1, 3, 2).contiguous().permute(0, 1, 3, 2) for x in inputs((1, 2), 70, 8)
    ]
    check(operands, is_causal=True)
    check([x.transpose(1, 2).contiguous().transpose(1, 2) for x in inputs((2, 3), 70, 8)])


def test_wide_heads():
    check(inputs((1, 2), 40, 300, width=200))
    check(inputs((1, 1), 9, 600, width=900))
    check(inputs((1, 1), 9, 3000))  # no tiles


def test_scores_that_are_all_low():
    """Sums relative to the largest score, not their logarithm: -3e38 + log(40) is -3e38."""
    operands = inputs((1, 1), 40, 8)
    check(operands, attn_mask=sw.full((40, 40), float(np.finfo(np.float32).min)))
    # A single low row among others, as of a padded query.
    bias = np.zeros((40, 40), "float32")
    bias[3] = np.finfo(np.float32).min
    check(operands, attn_mask=sw.tensor(bias))


@pytest.mark.parametrize("shape", [(70, 4), (2, 3, 70, 4), (2, 1, 1, 4), (1, 3, 70, 1), (4,)])
def test_gradient_of_a_bias(shape):
    *operands, g = inputs((2, 3), 70, 8, keys=4, dtype="float64")
    bias = sw.tensor(random.normal(size=shape)).requires_grad_()
    leaves = [x.requires_grad_() for x in operands]
    found = sw.autograd.grad(attend(*leaves, attn_mask=bias), [*leaves, bias], g)
    arrays = [x.detach().numpy() for x in (*leaves, g)]
    wanted = list(expected(*arrays, mask=bias.detach().numpy()))
    d = wanted[3]
    for axis in range(4):
        if axis < 4 - len(shape) or shape[axis - 4] == 1:
            d = d.sum(axis, keepdims=True)
    wanted[3] = d.reshape(shape)
    for got, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(got.numpy(), want, rtol=0, atol=1e-11)


@pytest.mark.parametrize("wanted", [(0,), (1,), (2,), (0, 2)])
def test_some_gradients(wanted):
    *operands, g = inputs((1, 2), 70, 8)
    for i in wanted:
        operands[i].requires_grad_()
    found = sw.autograd.grad(attend(*operands), [operands[i] for i in wanted], g)
    arrays = [x.detach().double().numpy() for x in (*operands, g)]
    for i, got in zip(wanted, found, strict=True):
        np.testing.assert_allclose(got.numpy(), expected(*arrays)[i], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["none", "causal", "bool", "float"])
def test_second_derivative(kind):
    """Of the sum of the squared gradients, against differences of the first ones."""
    *operands, g = inputs((1, 1), 4, 3, keys=5, width=2, dtype="float64")
    arguments = masks(kind, 4, 5, "float64")
    leaves = [x.requires_grad_() for x in (*operands, g)]
    result = attend(*leaves[:3], **arguments)
    first = sw.autograd.grad(result, leaves[:3], leaves[3], create_graph=True)
    sum((x * x).sum() for x in first).backward()
    arrays = [x.detach().numpy() for x in leaves]
    mask = arguments["attn_mask"].numpy() if "attn_mask" in arguments else None

    def loss(changed):
        made = expected(*changed, mask=mask, is_causal=kind == "causal")
        return sum((x * x).sum() for x in made[:3])

    for i, leaf in enumerate(leaves):
        for at in np.ndindex(arrays[i].shape):
            changed = [x.copy() for x in arrays]
            changed[i][at] += 1e-6
            high = loss(changed)
            changed[i][at] -= 2e-6
            wanted = (high - loss(changed)) / 2e-6
            assert abs(leaf.grad.numpy()[at] - wanted) < 1e-7 * max(1, abs(wanted)), (i, at)


@pytest.mark.parametrize("kind", ["none", "causal"])
def test_compiled(kind):
    operands = inputs((2, 2), 100, 16)

    def step(q, k, v, g):
        leaves = [x.detach().requires_grad_() for x in (q, k, v)]
        return sw.autograd.grad(attend(*leaves, **masks(kind, 100, 100)), leaves, g)

    for eager, compiled in zip(step(*operands), sw.compile(step)(*operands), strict=True):
        np.testing.assert_allclose(compiled.numpy(), eager.numpy(), rtol=0, atol=1e-5)


def test_threads_change_nothing():
    operands = inputs((2, 5), 200, 32)
    before = sw.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 3):
            sw.set_num_threads(threads)
            found.append([x.numpy() for x in gradients(operands, is_causal=True)])
    finally:
        sw.set_num_threads(before)
    for other in found[1:]:
        for x, y in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(x, y)


MEMORY = """
import resource, stepwell as sw
attend = sw.nn.functional.scaled_dot_product_attention
q, k, v = (sw.ones(1, 1, 4096, 32).requires_grad_() for _ in range(3))
def step(length):
    operands = [x[:, :, :length].detach().requires_grad_() for x in (q, k, v)]
    mask = sw.ones(length, dtype=sw.bool) if MASKED else None
    attend(*operands, mask, is_causal=CAUSAL).sum().backward()
step(64)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
step(4096)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("kind", ["none", "causal", "masked"])
def test_no_buffer_for_the_scores(kind):
    """All scores would be 64 MB."""
    program = MEMORY.replace("CAUSAL", str(kind == "causal")).replace(
        "MASKED", str(kind == "masked")
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 16 * 1024


@pytest.mark.parametrize("kind", ["none", "causal", "bool"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_equal_keys_leave_nothing_to_the_query_in_halves(dtype, kind):
    # All scores of a query move alike. The result is rounded; its rounding is no gradient.
    query, key, value, g = inputs((2, 3), 70, 16, dtype=dtype)
    key = key[..., :1, :].expand(2, 3, 70, 16).clone() * 8
    value = value * 16
    found = gradients((query, key, value, g), **masks(kind, 70, 70))
    assert float(abs(found[0].float()).max()) < 2e-3
