# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels keep to the memory they are given: every block lies between pages that nobody may touch."""

import os
import subprocess
import sys

import pytest

PRODUCTS = """
import stepwell as sw
for dtype in (sw.float32, sw.bfloat16, sw.int64):
    for m in (0, 1, 2):
        for k in (0, 1, 3):
            for n in (0, 17, 300):
                a, b = sw.ones(m, k).to(dtype), sw.ones(k, n).to(dtype)
                made = [a @ b, (b.T @ a.T).T, a @ b.T.contiguous().T]
                made += [(a.reshape(1, m, k) @ b.reshape(1, k, n))[0]]
                if dtype.is_floating_point:
                    made.append(sw.nn.functional.linear(a, b.T.contiguous(), sw.zeros(n).to(dtype)))
                for product in made:
                    assert product.tolist() == [[k] * n] * m, (dtype, m, k, n)
"""
ROWS = """
import stepwell as sw
for n in (0, 1, 2, 3, 15, 16, 17, 33):
    for m in (0, 1, 3):
        x = sw.ones(m, n)
        for y in (x.softmax(1), x.cumsum(1), x.sort(1)[0], x.sum(0), x.sum(1), x.flip(1), x.T + 1):
            assert y.numel() in (m, n, m * n)
        if n:
            assert x.argmax(1).tolist() == [0] * m
        assert sw.cat([x, x], 1).tolist() == [[1.0] * (2 * n)] * m
        padded = sw.nn.functional.pad(x, [1, 2])
        assert padded.sum().item() == m * n
"""
# A tail of one lane, narrowed on its way to memory, in rows whose length is known.
TAILS = """
import stepwell as sw
for dtype in (sw.bfloat16, sw.float16, sw.int8, sw.uint8, sw.int16):
    for n in (1, 9, 17, 33, 65):
        x = sw.ones(3, n)
        for wide in (x, x.to(sw.int32), x.to(sw.float64)):
            narrow = sw.compile(lambda x: (x + 1).to(dtype))(wide)
            assert narrow.tolist() == [[2] * n] * 3, (dtype, n)
    ones = lambda *shape: sw.ones(*shape).to(dtype)
    if dtype.is_floating_point:
        sw.nn.functional.scaled_dot_product_attention(ones(2, 3, 32, 17), ones(2, 3, 1, 17), ones(2, 3, 1, 17))
"""
OVERRUN = """
import ctypes
import stepwell as sw
x = sw.ones(5)
at = x.data_ptr()
print("inside", ctypes.c_float.from_address(at + 16).value, flush=True)
place = {"end": at + 20, "start": at - 4}[__import__("os").environ["STEPWELL_GUARD_MEMORY"]]
print(ctypes.c_float.from_address(place).value)
"""


def run(program, where):
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "STEPWELL_GUARD_MEMORY": where},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("where", ["start", "end"])
@pytest.mark.parametrize("program", [PRODUCTS, ROWS, TAILS], ids=["products", "rows", "tails"])
def test_nothing_outside_is_touched(program, where):
    done = run(program, where)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("where", ["start", "end"])
def test_a_guard_is_there(where):
    done = run(OVERRUN, where)
    assert done.stdout == "inside 1.0\n" and done.returncode < 0
