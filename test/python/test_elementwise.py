# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every elementwise record with every element type that it accepts, through its kernels."""

import elementwise_table as table
import numpy as np
import pytest
import stepwell as sw
from elementwise_table import ALL, EXACT, FLOATS, INTEGERS, RECORDS, ROUNDED, to_array, to_tensor
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

NAMES = sorted(set(RECORDS) - {"cast"} - table.ACTIVATIONS)
# Of two zeros either may be the larger.
UNSIGNED_ZEROS = {"maximum", "minimum", "clamp", "clamp_min", "clamp_max"}


def check(mnemonic, dtype, arrays):
    tensors = [to_tensor(a, "bool" if a.dtype == bool else dtype) for a in arrays]
    result = table.function(mnemonic)(*tensors)
    found = to_array(result)
    if mnemonic in ROUNDED and not (mnemonic == "pow" and dtype in INTEGERS):
        inner = dtype if dtype in FLOATS else "float32"
        assert result.dtype is getattr(sw, inner)
        exact = table.exact(mnemonic, inner, *arrays)
        assert found.shape == exact.shape
        errors = table.ulps(found, exact, inner)
        assert np.max(errors, initial=0) <= table.bound(mnemonic, inner), (mnemonic, dtype)
        return
    expected = table.expected(mnemonic, dtype, *arrays)
    assert found.dtype == expected.dtype, (mnemonic, dtype)
    assert found.shape == expected.shape
    equal = (found == expected) | (found != found) & (expected != expected)
    if found.dtype.kind == "f" and mnemonic not in UNSIGNED_ZEROS:
        equal &= (np.signbit(found) == np.signbit(expected)) | (found != found)
    if not equal.all():
        wrong = np.argwhere(~equal)[0]
        inputs = [np.broadcast_to(a, found.shape)[tuple(wrong)] for a in arrays]
        raise AssertionError((mnemonic, dtype, inputs, found[tuple(wrong)], expected[tuple(wrong)]))


def operands(mnemonic, dtype, rng):
    """One array per operand, all of one length."""
    arrays = [table.values(dtype, rng) for _ in RECORDS[mnemonic]["operands"]]
    for i, array in enumerate(arrays):
        arrays[i] = np.roll(array, 3 * i)
    if mnemonic == "where":
        arrays[0] = arrays[0] > 0
    return table.divisible(mnemonic, arrays)


def test_the_tables_name_every_record():
    assert set(NAMES) == {*EXACT, *ROUNDED}
    assert "cast" in RECORDS
    accepted = {tuple(d.name for d in record["dtypes"]) for record in RECORDS.values()}
    assert {name for names in accepted for name in names} == set(ALL)


@pytest.mark.parametrize("mnemonic", NAMES)
def test_values(mnemonic):
    for dtype in RECORDS[mnemonic]["dtypes"]:
        arrays = operands(mnemonic, dtype.name, np.random.default_rng(1))
        check(mnemonic, dtype.name, arrays)
        # Every value with every other one: broadcast, and along a negative stride.
        if len(arrays) == 1:
            check(mnemonic, dtype.name, [arrays[0][::-2]])
        else:
            x, y, *rest = arrays
            check(mnemonic, dtype.name, [x[:, None], y[None, ::-1], *rest])


@pytest.mark.parametrize("mnemonic", NAMES)
def test_types_without_a_formula_are_refused(mnemonic):
    record = RECORDS[mnemonic]
    accepted = {dtype.name for dtype in record["dtypes"]}
    assert accepted == set(ALL) or not record["toFloat"]
    for dtype in set(ALL) - accepted:
        arrays = operands(mnemonic, dtype, np.random.default_rng(1))
        tensors = [to_tensor(a, dtype) for a in arrays]
        with pytest.raises(RuntimeError, match=r"not defined for elements of type|ool.* supported"):
            table.function(mnemonic)(*tensors)


@pytest.mark.parametrize("mnemonic", NAMES)
def test_shapes_and_strides(mnemonic):
    dtype = "int32" if "float32" not in {d.name for d in RECORDS[mnemonic]["dtypes"]} else "float32"
    arrays = operands(mnemonic, dtype, np.random.default_rng(2))
    for shape in ((), (0,), (1,), (3, 0, 2), (1, 5), (3, 1, 4)):
        check(mnemonic, dtype, [np.resize(a, shape) for a in arrays])
    blocks = [np.resize(a, (4, 6, 3)) for a in arrays]
    for view in (
        lambda a: a.transpose(2, 0, 1),  # no row is contiguous
        lambda a: a[:, ::2, :2],
        lambda a: a[::-1, 1:4, ::-1],
    ):
        check(mnemonic, dtype, [view(a) for a in blocks])
        check(mnemonic, dtype, [*(view(a) for a in blocks[:-1]), view(blocks[-1]).copy()])


@st.composite
def strided(draw, count):
    """Broadcastable arrays that are slices of larger ones, forwards and backwards."""
    shapes = draw(mutually_broadcastable_shapes(num_shapes=count, max_dims=4, max_side=5))
    arrays = []
    for shape in shapes.input_shapes:
        steps = [draw(st.sampled_from([1, 1, -1, 2, -3])) for _ in shape]
        whole = np.arange(int(np.prod([n * abs(s) for n, s in zip(shape, steps, strict=True)])))
        whole = whole.reshape([n * abs(s) for n, s in zip(shape, steps, strict=True)])
        arrays.append(whole[tuple(slice(None, None, s) for s in steps)])
    return arrays


@settings(max_examples=40, derandomize=True, deadline=None, database=None)
@given(strided(3))
def test_any_shapes_and_strides(arrays):
    condition, x, y = arrays[0] % 2 == 0, arrays[1].astype(np.float32), arrays[2].astype(np.float32)
    found = sw.where(*(sw.from_numpy(a) for a in (condition, x, y))).numpy()
    np.testing.assert_array_equal(found, np.where(condition, x, y))
    found = (sw.from_numpy(x) - sw.from_numpy(y) * sw.from_numpy(condition)).numpy()
    np.testing.assert_array_equal(found, x - y * condition)


# --- Conversions ---------------------------------------------------------------


def converted(array, source, target):
    """What the record of `cast` says."""
    if target == "bool":
        return array != 0
    if target in FLOATS:
        return table.round_to(array.astype(np.longdouble), target)  # holds every int64 and f64
    if source not in FLOATS:
        return array.astype(target)
    # By int32 to the shorter signed ones, else by int64; what that does not hold is its least value.
    bits = 64 if target in ("int64", "uint8") else 32
    least = -(2 ** (bits - 1))
    whole = [int(v) if v == v and abs(v) != np.inf else least for v in array.tolist()]
    whole = [v if least <= v < -least else least for v in whole]
    return np.array(whole, "int64").astype(target)


@pytest.mark.parametrize("source", ALL)
def test_every_conversion(source):
    rng = np.random.default_rng(3)
    array = table.values(source, rng)
    if source in FLOATS:
        edges = [2.0**n + d for n in (7, 8, 15, 16, 31, 32, 63, 64) for d in (-1, -0.5, 0, 0.5, 1)]
        edges += [65504.0, 65519.0, 65520.0, 3.3e38, 3.4e38, 3.40282357e38, 1e-40, 2.0**-25]
        # Just beside halves of float16 and bfloat16, where rounding twice would show.
        edges += [1 + 2.0**-11 + 2.0**-40, 1 + 2.0**-8 + 2.0**-40, 1 + 2.0**-24 + 2.0**-50]
        edges = table.round_to(np.array([*edges, *(-e for e in edges)]), source)
        array = np.concatenate([array, edges, table.round_to(rng.normal(size=400) * 1e3, source)])
    elif source in INTEGERS and source != "uint8":
        info = np.iinfo(source)
        array = np.concatenate([array, rng.integers(info.min, info.max, 400, dtype=source)])
        close = [
            n for n in (2049, 2051, 65519, 65520, 2**24 + 1, 2**33 + 2**25 + 1) if n <= info.max
        ]
        array = np.concatenate([array, np.array(close, source)])
    tensor = to_tensor(array, source)
    for target in ALL:
        with np.errstate(all="ignore"):
            expected = converted(array, source, target)
        result = tensor.to(getattr(sw, target))
        assert result.dtype is getattr(sw, target)
        found = to_array(result)
        wrong = ~((found == expected) | (found != found) & (expected != expected))
        assert not wrong.any(), (target, array[wrong][:3], found[wrong][:3], expected[wrong][:3])
        # A view, and along a negative stride.
        found = to_array(tensor[::-3].to(getattr(sw, target)))
        np.testing.assert_array_equal(found, expected[::-3])


# --- What the records promise of their own -------------------------------------


def test_the_least_integer_divided_by_minus_one():
    for dtype in INTEGERS:
        info = np.iinfo(dtype)
        x = to_tensor(np.array([info.min, info.max, 5, 0], dtype), dtype)
        if info.min:
            assert sw.floor_divide(x, x * 0 - 1).tolist() == [info.min, -info.max, -5, 0]
            assert sw.remainder(x, x * 0 - 1).tolist() == [0, 0, 0, 0]
            assert sw.neg(x)[0].item() == sw.abs(x)[0].item() == info.min


def test_shifts_beyond_the_width():
    for dtype in INTEGERS:
        bits = np.iinfo(dtype).bits
        x = sw.tensor([1, 5, 100], dtype=getattr(sw, dtype))
        for amount in (bits, bits + 1, 127, *(() if dtype == "uint8" else (-1, -128))):
            assert (x << amount).tolist() == (x >> amount).tolist() == [0, 0, 0]
            if dtype != "uint8":
                assert (-x >> amount).tolist() == [-1, -1, -1]


def test_bfloat16_rounds_each_operation():
    x = table.round_to(np.random.default_rng(5).normal(size=101), "bfloat16")
    half = to_tensor(x, "bfloat16")
    once = table.round_to(x * x, "bfloat16")
    np.testing.assert_array_equal(
        to_array(half * half + half), table.round_to(once + x, "bfloat16")
    )


def test_numbers_in_place_of_tensors():
    x = table.values("float32", np.random.default_rng(7))
    clamped = sw.clamp(sw.from_numpy(x), -1.0, 2).numpy()
    np.testing.assert_array_equal(clamped, np.clip(x, np.float32(-1), np.float32(2)))
    chosen = sw.where(sw.from_numpy(x > 0), sw.from_numpy(x.astype(np.float64)), 2).numpy()
    np.testing.assert_array_equal(chosen, np.where(x > 0, x.astype(np.float64), 2.0))
