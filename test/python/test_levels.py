# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Vectors are shorter on older processors: products of matrices for each level that this one runs."""

import os
import subprocess
import sys

import pytest

PRODUCTS = """
import numpy as np
import stepwell
rng = np.random.default_rng(0)
for dtype, bound in (("float64", 1e-12), ("float32", 1e-4)):
    for m, k, n in ((3, 4, 5), (1, 9, 7), (2, 33, 6), (17, 40, 33), (70, 130, 90), (3, 17, 5)):
        a = rng.standard_normal((m, k)).astype(dtype)
        b = rng.standard_normal((k, n)).astype(dtype)
        columns = stepwell.tensor(np.ascontiguousarray(b.T)).T
        exact = a.astype("float64") @ b
        for right in (stepwell.tensor(b), columns):
            error = abs((stepwell.tensor(a) @ right).numpy() - exact).max()
            assert error < bound, (dtype, m, k, n, error)
"""


@pytest.mark.parametrize("level", ["x86-64-v2", ""])
def test_products_of_matrices(level):
    environment = {
        **os.environ,
        "STEPWELL_CPU": level,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    done = subprocess.run(
        [sys.executable, "-c", PRODUCTS], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
