# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whether both libraries computed the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from case import Case

# In units of the largest magnitude: what two right orders of summation may differ by.
TOLERANCE = {"float64": 1e-12, "float32": 2e-5, "float16": 4e-3, "bfloat16": 3e-2}


class Wrong(Exception):
    """The two libraries disagree, or one of them raised."""


def _parts(value: Any) -> list[Any]:
    return (
        [part for v in value for part in _parts(v)] if isinstance(value, (tuple, list)) else [value]
    )


def _array(value: Any) -> tuple[np.ndarray, str]:
    if not hasattr(value, "detach"):
        return np.asarray(value), str(np.asarray(value).dtype)
    value = value.detach()
    dtype = str(value.dtype).split(".")[-1]
    if dtype == "bfloat16":
        value = value.float()
    return np.asarray(value.numpy()), dtype


def verify(case: Case, ours: Any, theirs: Any) -> None:
    """Raises Wrong unless the two values agree in shape, dtype and, within the tolerance, elements."""
    mine, other = _parts(ours), _parts(theirs)
    if len(mine) != len(other):
        raise Wrong(f"{case.name}: {len(mine)} results instead of {len(other)}")
    for a, b in zip(mine, other, strict=True):
        (x, dtype), (y, expected) = _array(a), _array(b)
        if x.shape != y.shape or dtype != expected:
            raise Wrong(f"{case.name}: {dtype} {x.shape} instead of {expected} {y.shape}")
        tolerance = case.tolerance if case.tolerance is not None else TOLERANCE.get(dtype, 0.0)
        if dtype not in TOLERANCE:
            if not np.array_equal(x, y):
                raise Wrong(f"{case.name}: {np.count_nonzero(x != y)} of {x.size} {dtype} differ")
            continue
        x, y = x.astype(np.float64), y.astype(np.float64)
        if not np.array_equal(np.isnan(x), np.isnan(y)):
            raise Wrong(f"{case.name}: NaNs in other places")
        finite = np.isfinite(y)
        if not np.array_equal(x[~finite & ~np.isnan(y)], y[~finite & ~np.isnan(y)]):
            raise Wrong(f"{case.name}: infinities in other places")
        scale = max(1.0, float(np.max(np.abs(y[finite]), initial=0.0)))
        error = float(np.max(np.abs(x[finite] - y[finite]), initial=0.0)) / scale
        if not error <= tolerance:
            raise Wrong(
                f"{case.name}: differs by {error:.2g} of the largest magnitude, allowed {tolerance:.2g}"
            )
