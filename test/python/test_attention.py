# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""scaled_dot_product_attention against NumPy in float64, and its gradients against differences."""

import subprocess
import sys

import numpy as np
import pytest
import stepwell as sw
from attention_reference import attention_weights
from hypothesis import given, settings
from hypothesis import strategies as st

attend = sw.nn.functional.scaled_dot_product_attention
random = np.random.default_rng(0)

# Largest difference, of results of about 1.
CLOSE = {"float64": 1e-13, "float32": 2e-6, "float16": 2e-3, "bfloat16": 2e-2}


def expected(query, key, value, mask=None, is_causal=False, scale=None):
    """In float64, whatever the arguments are; rows that see no key are 0."""
    query, key, value = (x.astype(np.float64) for x in (query, key, value))
    return attention_weights(query, key, mask, is_causal, scale) @ value


def inputs(*shape, keys=None, width=None, dtype="float32"):
    *batch, length, size = shape
    keys, width = length if keys is None else keys, size if width is None else width
    made = []
    for rows, columns in ((length, size), (keys, size), (keys, width)):
        x = random.normal(size=(*batch, rows, columns))
        made.append(sw.tensor(x).to(getattr(sw, dtype)))
    return made


def check(operands, dtype="float32", **arguments):
    got = attend(*operands, **arguments)
    assert got.dtype is operands[0].dtype
    wanted = expected(
        *(x.double().numpy() for x in operands),
        mask=arguments["attn_mask"].numpy() if "attn_mask" in arguments else None,
        is_causal=arguments.get("is_causal", False),
        scale=arguments.get("scale"),
    )
    assert tuple(got.shape) == wanted.shape
    np.testing.assert_allclose(got.double().numpy(), wanted, rtol=0, atol=CLOSE[dtype])


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("keys", [1, 5, 128, 300])
def test_values(dtype, is_causal, keys):
    check(inputs(2, 3, 70, 16, keys=keys, width=24, dtype=dtype), dtype, is_causal=is_causal)


@settings(max_examples=30, deadline=None)
@given(
    st.tuples(*[st.integers(0, 3)] * 2),
    st.integers(0, 140),
    st.integers(0, 270),
    st.sampled_from(["none", "causal", "bool", "float"]),
    st.booleans(),
)
def test_any_lengths(batch, length, keys, kind, turned):
    operands = inputs(*batch, length, 8, keys=keys, width=4)
    if turned:  # other strides, along the last dimension too
        operands = [x.permute(0, 1, 3, 2).contiguous().permute(0, 1, 3, 2) for x in operands]
    arguments = {}
    if kind == "causal":
        arguments["is_causal"] = True
    if kind == "bool":
        arguments["attn_mask"] = sw.tensor(random.uniform(size=(length, keys)) < 0.5)
    if kind == "float":
        arguments["attn_mask"] = sw.tensor(random.normal(size=(length, keys)).astype("float32"))
    check(operands, **arguments)


@pytest.mark.parametrize("shape", [(4,), (3, 1), (2, 3, 70, 4), (2, 1, 1, 4), (1, 3, 70, 1)])
def test_masks_broadcast(shape):
    operands = inputs(2, 3, 70, 8, keys=4)
    check(
        operands,
        attn_mask=sw.tensor(random.uniform(size=shape if len(shape) > 2 else (1, 4)) < 0.7),
    )
    bias = random.normal(size=shape if len(shape) > 2 else (1, 4)).astype("float32")
    check(operands, attn_mask=sw.tensor(bias))


def test_rows_without_keys_are_zero():
    operands = inputs(1, 2, 5, 8)
    mask = np.ones((5, 5), bool)
    mask[2] = False
    got = attend(*operands, attn_mask=sw.tensor(mask)).numpy()
    assert (got[:, :, 2] == 0).all() and (got[:, :, [0, 1, 3, 4]] != 0).all()
    never = sw.full((5, 5), -float("inf"))
    assert (attend(*operands, attn_mask=never).numpy() == 0).all()
    assert (attend(operands[0], *(x[:, :, :0] for x in operands[1:])).numpy() == 0).all()


def test_large_scores_do_not_overflow():
    query, key, value = inputs(1, 1, 3, 8)
    check((query * 100, key * 100, value))


def test_numbers_that_are_none():
    query, key, value = (x.numpy().copy() for x in inputs(1, 1, 40, 8))
    query[0, 0, 3, 1] = np.nan
    got = attend(*map(sw.tensor, (query, key, value))).numpy()
    assert np.isnan(got[0, 0, 3]).all() and not np.isnan(np.delete(got, 3, axis=2)).any()
    # The lowest number as a mask: what all of a row has changes nothing.
    bias = sw.full((40, 40), float(np.finfo(np.float32).min))
    uniform = attend(*map(sw.tensor, (key, key, value)), attn_mask=bias).numpy()
    np.testing.assert_allclose(uniform, value.mean(2, keepdims=True).repeat(40, 2), atol=1e-6)


def test_ranks_and_batches():
    for shape in ((5, 8), (3, 5, 8), (2, 3, 5, 8), (2, 1, 3, 5, 8)):
        check(inputs(*shape, keys=7))
    query, key, value = inputs(2, 3, 5, 8)
    got = attend(query, key[:1], value[:, :1]).numpy()
    wanted = expected(query.numpy(), key[:1].numpy(), value[:, :1].numpy())
    np.testing.assert_allclose(got, wanted, atol=2e-6)


@pytest.mark.parametrize(
    "shape", [(7,), (5, 1), (3, 5, 7), (1, 3, 1, 7), (4, 1, 1, 7), (2, 1, 1, 5, 7), (2, 4, 3, 1, 7)]
)
def test_masks_of_many_ranks(shape):
    operands = inputs(2, 4, 3, 5, 8, keys=7)
    mask = random.uniform(size=shape) < 0.7
    got = attend(*operands, attn_mask=sw.tensor(mask)).numpy()
    full = np.broadcast_to(mask, (2, 4, 3, 5, 7))
    wanted = expected(*(x.numpy() for x in operands), mask=full)
    np.testing.assert_allclose(got, wanted, atol=2e-6)


def test_scale_and_wide_heads():
    check(inputs(1, 2, 9, 8), scale=0.3)
    check(inputs(1, 1, 9, 600, width=900))
    check(inputs(1, 1, 9, 3000))  # no tiles: a block of queries would not fit


def test_shared_heads():
    query = inputs(2, 6, 5, 8)[0]
    key, value = inputs(2, 2, 7, 8)[1:]
    got = attend(query, key, value, enable_gqa=True).numpy()
    wanted = expected(query.numpy(), *(np.repeat(x.numpy(), 3, axis=1) for x in (key, value)))
    np.testing.assert_allclose(got, wanted, atol=2e-6)


def test_dropout():
    operands = inputs(1, 2, 40, 8)
    np.testing.assert_array_equal(attend(*operands, dropout_p=1.0).numpy(), 0)
    ones = sw.ones(1, 1, 200, 200)
    got = attend(ones[..., :4], ones[..., :4], ones, None, 0.25).numpy()
    # Every weight is 1/200: a row counts those that stayed.
    kept = np.rint(got[0, 0, :, 0] * 200 * 0.75)
    np.testing.assert_allclose(got[0, 0, :, 0], kept / 150, rtol=1e-5)
    assert 140 < kept.mean() < 160
    # Queries that see no key do not become NaN.
    masked = attend(*operands, attn_mask=sw.zeros(40, 40, dtype=sw.bool), dropout_p=0.5)
    np.testing.assert_array_equal(masked.numpy(), 0)


@pytest.mark.parametrize("kind", ["none", "causal", "bool", "float"])
def test_gradients(kind):
    operands = [x.requires_grad_() for x in inputs(1, 2, 5, 3, keys=4, width=2, dtype="float64")]
    arguments = {}
    if kind == "causal":
        arguments["is_causal"] = True
    if kind == "bool":
        mask = random.uniform(size=(5, 4)) < 0.6
        mask[1] = False
        arguments["attn_mask"] = sw.tensor(mask)
    if kind == "float":
        arguments["attn_mask"] = sw.tensor(random.normal(size=(2, 5, 4))).requires_grad_()
        operands.append(arguments["attn_mask"])
    weights = random.normal(size=(1, 2, 5, 2))
    (attend(*operands[:3], **arguments) * sw.tensor(weights)).sum().backward()
    arrays = [x.detach().numpy() for x in operands]

    def loss(changed):
        mask = changed[3] if kind == "float" else mask_of()
        return (expected(*changed[:3], mask=mask, is_causal=kind == "causal") * weights).sum()

    def mask_of():
        return arguments["attn_mask"].numpy() if kind == "bool" else None

    step = 1e-6
    for i, operand in enumerate(operands):
        for at in np.ndindex(arrays[i].shape):
            changed = [x.copy() for x in arrays]
            changed[i][at] += step
            high = loss(changed)
            changed[i][at] -= 2 * step
            wanted = (high - loss(changed)) / (2 * step)
            assert abs(operand.grad.numpy()[at] - wanted) < 1e-7, (i, at)


def test_compiled_and_differentiated():
    operands = inputs(2, 2, 100, 16)
    function = sw.compile(lambda q, k, v: attend(q, k, v, is_causal=True))
    wanted = expected(*(x.numpy() for x in operands), is_causal=True)
    np.testing.assert_allclose(function(*operands).numpy(), wanted, atol=2e-6)

    def loss(q, k, v):
        return attend(q, k, v).square().sum()

    eager = [x.clone().requires_grad_() for x in operands]
    loss(*eager).backward()
    traced = [x.clone().requires_grad_() for x in operands]
    sw.compile(loss)(*traced).backward()
    for x, y in zip(eager, traced, strict=True):
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), atol=1e-5)


MEMORY = """
import resource, stepwell as sw
attend = sw.nn.functional.scaled_dot_product_attention
q = sw.ones(1, 1, 6000, 32)
attend(q[:, :, :64], q, q, is_causal=CAUSAL)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
attend(q, q, q, is_causal=CAUSAL)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("causal", [False, True])
def test_no_buffer_for_the_scores(causal):
    """All scores would be 140 MB."""
    program = MEMORY.replace("CAUSAL", str(causal))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 16 * 1024


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (lambda x: (1, x, x), TypeError, "'query' must be Tensor"),
        (lambda x: (x, x, x.double()), RuntimeError, "the same dtype"),
        (lambda x: (x.long(), x.long(), x.long()), RuntimeError, "floating point"),
        (lambda x: (x[0, 0, 0], x, x), RuntimeError, "at least 2 dimensional"),
        (lambda x: (x, x[..., :3], x), RuntimeError, "are not"),
        (lambda x: (x, x, x[:, :, :3]), RuntimeError, "are not"),
        (lambda x: (x, sw.ones(2, 3, 5, 8), x), RuntimeError, "do not broadcast"),
        (lambda x: (x, x, x, sw.ones(5, 5).long()), RuntimeError, "attn_mask dtype"),
        (lambda x: (x, x, x, sw.ones(4, 5)), RuntimeError, "expand"),
        (lambda x: (x, x, x, sw.ones(5, 5), 0.0, True), RuntimeError, "is_causal"),
        (lambda x: (x, x, x, None, 1.5), RuntimeError, "between 0 and 1"),
        (lambda x: (x, x, x, 3), TypeError, "'attn_mask' must be Tensor"),
    ],
)
def test_errors(arguments, error, says):
    with pytest.raises(error, match=says):
        attend(*arguments(sw.ones(2, 2, 5, 8)))


def test_errors_of_options():
    x = sw.ones(1, 4, 5, 8)
    with pytest.raises(TypeError, match="'scale' must be float"):
        attend(x, x, x, scale="1")
    with pytest.raises(RuntimeError, match="must divide"):
        attend(x, x[:, :3], x[:, :3], enable_gqa=True)
