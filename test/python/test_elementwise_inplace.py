# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`add_` and its kin: each record whose result has its operands' type has one."""

import elementwise_table as table
import numpy as np
import pytest
import stepwell as sw
from elementwise_table import FLOATS, RECORDS, to_array, to_tensor

NAMES = sorted(
    name
    for record in RECORDS.values()
    for name in record["functions"]
    if hasattr(sw.Tensor, name + "_")
)
MNEMONIC = {
    name: mnemonic
    for mnemonic, record in RECORDS.items()
    for name in record["functions"]
    if not name.startswith("_")
}
# Their results are of another type, or no operand is what would be overwritten.
WITHOUT = {"eq", "ne", "lt", "le", "gt", "ge", "isnan", "isinf", "isfinite", "where"} | {
    "logical_" + name for name in ("and", "or", "xor", "not")
}


def operands(name, dtype):
    rng = np.random.default_rng(4)
    record = RECORDS[MNEMONIC[name]]
    arrays = [np.roll(table.values(dtype, rng), 3 * i) for i in range(len(record["operands"]))]
    return [to_tensor(a, dtype) for a in table.divisible(MNEMONIC[name], arrays)]


def equal(found, expected):
    found, expected = to_array(found), to_array(expected)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_which_functions_have_one():
    assert set(NAMES) == set(MNEMONIC) - WITHOUT
    for name in WITHOUT:
        assert not hasattr(sw.Tensor, name + "_")
    assert not any(hasattr(sw, name + "_") for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_value_identity_and_version(name):
    record = RECORDS[MNEMONIC[name]]
    for dtype in (d.name for d in record["dtypes"]):
        x, *others = operands(name, dtype)
        if record["toFloat"] and dtype not in FLOATS:
            with pytest.raises(RuntimeError, match="result type Float can't be cast"):
                getattr(x, name + "_")(*others)
            continue
        expected = getattr(sw, name)(x, *others)
        target = x.clone()
        version, address = target._version, target.data_ptr()
        assert getattr(target, name + "_")(*others) is target
        assert target._version == version + 1 and target.data_ptr() == address
        equal(target, expected)
        # Along a stride, in the middle of other elements.
        wide = sw.zeros(2 * len(x), dtype=x.dtype)
        wide[::2].copy_(x)
        getattr(wide[::2], name + "_")(*others)
        equal(wide[::2], expected)
        assert not to_array(wide[1::2]).any()
        assert wide._version == 2


@pytest.mark.parametrize("name", [n for n in NAMES if len(RECORDS[MNEMONIC[n]]["operands"]) == 2])
def test_pairs_compute_in_the_common_type_and_store_in_the_targets(name):
    record = RECORDS[MNEMONIC[name]]
    accepted = {d.name for d in record["dtypes"]}
    if "float32" in accepted:
        x, y = sw.tensor([1.5, -2.25, 9.0]), sw.tensor([2, 3, 4])
        expected = getattr(sw, name)(x, y)
        assert getattr(x, name + "_")(y) is x
        equal(x, expected)
        half, other = sw.tensor([1.5, 2.0]).half(), sw.tensor([0.1, 3.0], dtype=sw.float64)
        expected = getattr(sw, name)(half, other).half()
        assert expected.dtype is sw.float16
        equal(getattr(half, name + "_")(other), expected)
        with pytest.raises(
            RuntimeError, match="Float can't be cast to the desired output type Long"
        ):
            getattr(y, name + "_")(sw.tensor([1.5]))
        assert y.tolist() == [2, 3, 4] and y._version == 0
    if "int8" in accepted and not record["toFloat"]:
        small = sw.tensor([100, 7], dtype=sw.int8)
        other = sw.tensor([3, 2], dtype=sw.int32)
        expected = getattr(sw, name)(small, other).to(sw.int8)
        equal(getattr(small, name + "_")(other), expected)
    flag = sw.tensor([True, False])
    with pytest.raises(
        RuntimeError,
        match="can't be cast to the desired output type Bool|not defined|not supported",
    ):
        getattr(flag, name + "_")(sw.tensor([2, 3]))


def test_shapes():
    x = sw.ones(2, 3)
    x.add_(sw.tensor([1.0, 2.0, 3.0]))
    assert x.tolist() == [[2.0, 3.0, 4.0]] * 2
    with pytest.raises(RuntimeError, match=r"output with shape \(3,\) doesn't match the broadcast"):
        sw.ones(3).add_(sw.ones(2, 3))
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        sw.ones(2, 1).clamp_(sw.zeros(3), 1.0)
    nothing = sw.zeros(0)
    assert nothing.exp_() is nothing and nothing._version == 1


def test_a_tensor_that_repeats_elements_is_refused():
    for target in (sw.ones(1).expand(3), sw.ones(3, 1).expand(3, 2)):
        for write in (lambda t: t.add_(1), lambda t: t.relu_(), lambda t: t.clamp_(0, 1)):
            with pytest.raises(RuntimeError, match="more than one element of the written-to"):
                write(target)
    sw.ones(3).expand(3).add_(1)


def test_an_operand_that_overlaps_is_read_first():
    x = np.arange(40, dtype=np.float32)
    for write, read in (
        (np.s_[1:], np.s_[:-1]),
        (np.s_[:-1], np.s_[1:]),
        (np.s_[::-1], np.s_[:]),
        (np.s_[:20], np.s_[::2]),
    ):
        tensor, array = sw.from_numpy(x).clone(), x.copy()
        expected = array[write] * 2 + array[read].copy()
        tensor[write].mul_(2).add_(sw.from_numpy(x)[read])
        np.testing.assert_array_equal(tensor[write].numpy(), expected)
        tensor = sw.from_numpy(x).clone()
        tensor[write].add_(tensor[read])
        np.testing.assert_array_equal(tensor[write].numpy(), x[write] + x[read])
    tensor = sw.from_numpy(x).clone()
    assert tensor.mul_(tensor).tolist() == (x * x).tolist()


def test_operators():
    x = kept = sw.tensor([5.0, -7.0])
    x += 1
    x -= sw.tensor([0.5, 0.5])
    x *= 2
    x /= 4
    x **= 2
    x %= 3
    assert x is kept and x._version == 6
    assert x.tolist() == [((2.75) ** 2) % 3, ((-3.25) ** 2) % 3]
    n = kept = sw.tensor([13, 6])
    n //= 2
    n <<= 3
    n >>= 1
    n &= 28
    n |= 1
    n ^= 2
    assert n is kept and n.tolist() == [((6 << 3 >> 1) & 28 | 1) ^ 2, ((3 << 3 >> 1) & 28 | 1) ^ 2]
    with pytest.raises(RuntimeError, match="Float can't be cast to the desired output type Long"):
        n /= 2


def test_derivatives_of_what_was_overwritten():
    arrays = np.array([0.3, 0.9]), np.array([0.7, 0.4])
    for name in NAMES:
        record = RECORDS[MNEMONIC[name]]
        if not record["differentiable"]:
            continue
        results = []
        for suffix in ("", "_"):
            x, *others = (
                sw.from_numpy(arrays[i % 2] + i // 2).clone().requires_grad_()
                for i in range(len(record["operands"]))
            )
            y = x * 1.0
            z = getattr(y, name + suffix)(*others)
            assert (z is y) == (suffix == "_")
            first = sw.autograd.grad((z * z).sum(), [x, *others], create_graph=True)
            # The gradient of a sign is zero and depends on nothing.
            depending = sum((g * g).sum() for g in first)
            second = ()
            if depending.requires_grad:
                second = sw.autograd.grad(depending, [x, *others])
            results.append([t.tolist() for t in [*first, *second]])
        assert results[0] == results[1], name


def test_captured_writes_have_the_same_derivatives():
    def step(x):
        y = x * 1.0
        y.sin_()
        y.mul_(y.exp())
        y **= 2
        return sw.autograd.grad(y.sum(), x)[0]

    x = sw.tensor([1.0, 2.0], requires_grad=True)
    np.testing.assert_allclose(sw.compile(step)(x).numpy(), step(x).numpy(), rtol=1e-6)


def test_written_tensors_that_the_tape_kept_are_noticed():
    x = sw.tensor([1.0, 2.0], requires_grad=True)
    z = x.exp()
    z.add_(1)  # the rule of exp reads its result
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()
    y = x * 1.0
    y.mul_(y)  # the other operand is gone
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.exp_()
