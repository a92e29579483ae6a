# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the math functions reach, in ULP, as kernels compute them: vectorised, cached, called.

float16 and bfloat16 are tried exhaustively. A sweep of float32 takes minutes and is made by hand:

    STEPWELL_BUILD_DIR=build python test/python/test_elementwise_accuracy.py [every Nth [function ...]]
"""

import sys

import conftest  # noqa: F401  (finds the package when this file is run by hand)
import elementwise_table as table
import numpy as np
import pytest
import stepwell as sw
from elementwise_table import FLOATS, RECORDS, ROUNDED, to_array, to_tensor


def arguments(dtype, rng, count):
    """All binades evenly, then ordinary magnitudes, then the neighbours of what is special."""
    word = {"float32": np.uint32, "float64": np.uint64}[dtype]
    patterns = rng.integers(0, np.iinfo(word).max, count, dtype=word, endpoint=True).view(dtype)
    near = np.array([0.5, 1, 2, np.pi / 2, np.pi, 88.7, 103.9, 709.7, 745.1, 1e5, 1e22], dtype)
    near = np.concatenate([near, -near])
    for _ in range(8):
        near = np.concatenate([near, np.nextafter(near, np.array(np.inf, dtype))])
    ordinary = np.concatenate([rng.normal(0, 3, count), rng.uniform(-1, 1, count)]).astype(dtype)
    return np.concatenate([patterns, ordinary, np.unique(near), table.values(dtype, rng)])


def everything(dtype):
    bits = np.arange(1 << 16, dtype=np.uint16)
    if dtype == "float16":
        return bits.view(np.float16)
    return (bits.astype(np.uint32) << 16).view(np.float32)


def worst(mnemonic, dtype, arrays):
    function = table.function(mnemonic)
    found = to_array(function(*(to_tensor(a, dtype) for a in arrays)))
    errors = table.ulps(found, table.exact(mnemonic, dtype, *arrays), dtype)
    at = int(np.argmax(errors))
    return errors[at], [a[at] for a in arrays], found[at]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("mnemonic", ROUNDED)
def test_accuracy(mnemonic, dtype):
    rng = np.random.default_rng(1)
    pairs = len(RECORDS[mnemonic]["operands"]) == 2
    if dtype in ("float16", "bfloat16"):
        x = everything(dtype)
    else:
        slow = mnemonic == "erf" and dtype == "float64"  # its reference is
        x = arguments(dtype, rng, 700 if slow else 15000)
    arrays = [x, rng.permutation(x)] if pairs else [x]
    if mnemonic == "pow":  # and where the result is not 0, 1 or infinite
        some = table.round_to(np.exp(rng.normal(0, 2, 20000)), dtype)
        arrays = [np.concatenate([x, some]), np.concatenate([arrays[1], rng.permutation(some)])]
    error, inputs, found = worst(mnemonic, dtype, arrays)
    print(f"{mnemonic} {dtype}: {error:.4f} ULP at {inputs} -> {found}")
    assert error <= table.bound(mnemonic, dtype), (inputs, found)


def sweep(every, only):
    for mnemonic in only or ROUNDED:
        if len(RECORDS[mnemonic]["operands"]) > 1:
            continue
        largest, unlike = (0.0, 0.0), 0
        for start in range(0, 1 << 32, every << 22):
            stop = min(start + (every << 22), 1 << 32)
            x = np.arange(start, stop, every, dtype=np.int64).astype(np.uint32).view(np.float32)
            exact = table.exact(mnemonic, "float32", x)
            found = to_array(getattr(sw, mnemonic)(sw.from_numpy(x)))
            with np.errstate(all="ignore"):
                rounded = exact.astype(np.float32)
            differ = (found.view(np.uint32) != rounded.view(np.uint32)) & (found == found)
            differ |= np.isnan(found) != np.isnan(rounded)
            if differ.any():
                unlike += int(differ.sum())
                errors = table.ulps(found[differ], exact[differ], "float32")
                largest = max(largest, (errors.max(), float(x[differ][errors.argmax()])))
        print(f"{mnemonic}: {unlike} not correctly rounded, worst {largest}", flush=True)


if __name__ == "__main__":
    sweep(int(sys.argv[1]) if len(sys.argv) > 1 else 1, sys.argv[2:])
