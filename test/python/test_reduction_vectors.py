# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reductions of rows as long as several vectors: ties, NaN and the rest of a vector, in every lane."""

import math

import numpy as np
import pytest
import stepwell as sw
from hypothesis import given, settings
from hypothesis import strategies as st

KINDS = ("float16", "float32", "float64", "uint8", "int8", "int32", "int64")
shapes = st.tuples(st.integers(1, 5), st.integers(1, 150))


@pytest.mark.parametrize("name", ["amax", "amin", "argmax", "argmin"])
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(shape=shapes, seed=st.integers(0, 99), nans=st.integers(0, 4), dim=st.integers(0, 1))
def test_extrema(name, kind, shape, seed, nans, dim):
    random = np.random.default_rng(seed)
    # Few different values, so that most are ties.
    values = random.integers(0, 4, shape[:: 1 if dim else -1]).astype(kind)
    if kind.startswith("float"):
        for _ in range(nans):
            values[tuple(random.integers(0, values.shape))] = np.nan
    with np.errstate(invalid="ignore"):
        want = getattr(np, name)(values, axis=dim)
    np.testing.assert_array_equal(getattr(sw, name)(sw.tensor(values), dim).numpy(), want)
    everything = getattr(sw, name)(sw.tensor(values)).numpy()
    np.testing.assert_array_equal(everything, getattr(np, name)(values))


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("shape, dim", [((100_003,), 0), ((3, 4096), 1), ((4097, 3), 0)])
def test_sums_are_no_worse_than_pairwise(kind, shape, dim):
    values = np.random.default_rng(5).lognormal(0, 4, shape).astype(kind)
    got = sw.sum(sw.tensor(values), dim).numpy()
    rows = np.moveaxis(values, dim, -1).reshape(-1, shape[dim])
    for ours, row in zip(np.atleast_1d(got), rows):
        exact = math.fsum(row.astype("f8"))
        # One rounding is unavoidable.
        allowed = max(abs(float(row.sum()) - exact), float(np.spacing(np.abs(ours))))
        assert abs(float(ours) - exact) <= allowed
