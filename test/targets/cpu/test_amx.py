# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products of bf16 in tile registers: the processor's own, or else those of amx_emulator.c.

Run as a program, with a folder, it multiplies what the pickled list of cases there names and prints what it found.
"""

import ctypes
import json
import os
import pickle
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from kernel_call import ParallelFor, call_with

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BUILD = Path(os.environ.get("STEPWELL_BUILD_DIR", ROOT / "build"))
LIT = (BUILD / "test/lit.site.cfg.py").read_text()
CLANG = Path(re.search(r"^config\.llvm_tools = r?[\"'](.*)[\"']$", LIT, re.M).group(1)) / "clang"
# Vectors of this machine, tile registers beside them: what no processor has alone.
TARGET = "cpu x86-64-v3+amx"
SIZES = (1, 15, 16, 17, 31, 33, 64, 100)


def matrix(*sizes, layout="contiguous"):
    shape = "x".join("?" if size is None else str(size) for size in sizes)
    return f"tensor<{shape}xbf16>", f' {{stepwell.layout = "{layout}"}}'


def program(a, b, result, epilogue=""):
    bias = ", %bias: tensor<1x?xbf16>" if epilogue else ""
    return (
        f"func.func @main(%a: {a[0]}{a[1]}, %b: {b[0]}{b[1]}{bias}) -> {result} {{\n"
        f"%0 = array.matmul %a, %b : ({a[0]}, {b[0]}) -> {result}\n"
        f"{epilogue or f'return %0 : {result}'}\n}}\n"
    )


ANY = "tensor<?x?xbf16>"
BATCH = "tensor<?x?x?xbf16>"
EPILOGUE = f"""%1 = array.add %0, %bias : ({ANY}, tensor<1x?xbf16>) -> {ANY}
%2 = array.relu %1 : ({ANY}) -> {ANY}
return %2 : {ANY}"""
PROGRAMS = {
    "contiguous": program(matrix(None, None), matrix(None, None), ANY),
    "strided": program(
        matrix(None, None, layout="strided"), matrix(None, None, layout="strided"), ANY
    ),
    "batch": program(
        matrix(None, None, None, layout="strided"),
        matrix(None, None, None, layout="strided"),
        BATCH,
    ),
    "bias and relu": program(matrix(None, None), matrix(None, None), ANY, EPILOGUE),
    "known": program(matrix(50, 70), matrix(70, 90), "tensor<50x90xbf16>"),
}


# === In the process that multiplies ===


@ParallelFor
def parallel_for(_context, count, _cost, body, environment):
    third = max(1, -(-count // 3))
    for begin in range(0, count, third):
        body(environment, begin, min(count, begin + third))


call = partial(call_with, parallel_for)


def narrowed(wide):
    """float32 to the bits of bf16, ties to even; no NaN."""
    bits = np.ascontiguousarray(wide, "f4").view("u4")
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("u2")


def widened(bits):
    return (bits.astype("u4") << 16).view("f4")


def laid_out(values, order):
    """The same values in another order in memory, with something else between and around them."""
    if order == "rows":
        return values
    if order == "columns":
        return np.ascontiguousarray(values.swapaxes(-1, -2)).swapaxes(-1, -2)
    apart = np.full([2 * size + 1 for size in values.shape], 0x7FC0, "u2")  # NaN
    view = apart[tuple(slice(1, 2 * size + 1, 2) for size in values.shape)]
    view[:] = values
    return view


def multiply(libraries, case):
    name, kind, a_shape, b_shape, a_order, b_order = case
    rng = np.random.default_rng(0)
    if kind == "whole":  # sums that bf16 has: every product and every sum is exact
        a, b = (rng.integers(-1, 2, shape).astype("f4") for shape in (a_shape, b_shape))
    else:
        a, b = (widened(narrowed(rng.standard_normal(s))) for s in (a_shape, b_shape))
    bits = laid_out(narrowed(a), a_order), laid_out(narrowed(b), b_order)
    shape = (*np.broadcast_shapes(a_shape[:-2], b_shape[:-2]), a_shape[-2], b_shape[-1])
    result = np.full(shape, 0x7FC0, "u2")
    exact = a.astype("f8") @ b.astype("f8")
    if name == "bias and relu":
        bias = rng.integers(-3, 4, (1, shape[-1])).astype("f4")
        exact = np.maximum(exact + bias, 0)
        bits += (narrowed(bias),)
    call(libraries[name], *bits, result)
    found = widened(result)
    if kind == "whole":
        return int((found != exact).sum())
    # A rounding to 8 bits, and what the sum in f32 lost.
    bound = abs(exact) * 2**-8 + (abs(a) @ abs(b)) * 2**-20
    return int((abs(found - exact) > bound).sum() + np.isnan(found).sum())


def main(folder):
    emulator = ctypes.CDLL(str(folder / "emulator.so"))
    native = emulator.amx_prepare()
    emulator.amx_count.restype = ctypes.c_int64
    libraries = {name: ctypes.CDLL(str(folder / f"{i}.so")) for i, name in enumerate(PROGRAMS)}
    found = []
    for case in pickle.loads((folder / "cases").read_bytes()):
        before = emulator.amx_count(4)
        wrong = multiply(libraries, case)
        found.append([wrong, emulator.amx_count(4) - before])
    print(json.dumps({"native": native, "found": found}))


# === The tests ===


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("amx")


@pytest.fixture
def built(folder, compile_program):
    if (folder / "emulator.so").exists():
        return folder
    for i, text in enumerate(PROGRAMS.values()):
        (folder / f"{i}.o").write_bytes(compile_program(TARGET, text))
        subprocess.run([CLANG, "-shared", folder / f"{i}.o", "-o", folder / f"{i}.so"], check=True)
    subprocess.run(
        [CLANG, "-O2", "-shared", "-fPIC", "-Wall", "-Werror", HERE / "amx_emulator.c",
         "-o", folder / "emulator.so", "-lm"],
        check=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def run(built):
    def go(cases):
        (built / "cases").write_bytes(pickle.dumps(cases))
        done = subprocess.run([sys.executable, __file__, built], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        wrong = [(case, count) for case, (count, _) in zip(cases, answer["found"]) if count]
        assert not wrong
        return [None if answer["native"] else times for _, times in answer["found"]]

    return go


def plain(m, k, n, name="contiguous", kind="whole", orders=("rows", "rows")):
    return (name, kind, (m, k), (k, n), *orders)


def test_all_sizes(run):
    cases = [plain(m, k, n) for m in SIZES for k in SIZES for n in SIZES]
    times = run(cases)
    for (_, _, (m, k), (_, n), _, _), count in zip(cases, times):
        # Rows in pairs of registers, the last pair perhaps without its second one. Few rows go other ways.
        if m > 8 and n > 1 and count is not None:
            assert count == -(-m // 16) * -(-n // 32) * 2 * -(-k // 32), (m, k, n)


@pytest.mark.parametrize("a_order", ["rows", "columns", "apart"])
@pytest.mark.parametrize("b_order", ["rows", "columns", "apart"])
def test_orders_in_memory(run, a_order, b_order):
    run([
        plain(m, k, n, "strided", orders=(a_order, b_order))
        for m, k, n in ((32, 32, 32), (33, 31, 65), (50, 77, 20), (64, 1, 33), (100, 65, 1))
    ])  # fmt: skip


def test_more_than_a_piece_of_k_and_more_than_a_block(run):
    run([
        plain(40, 1100, 70),
        plain(40, 1025, 33, "strided", orders=("columns", "columns")),
        plain(400, 70, 100),
        plain(700, 530, 90, kind="normal"),
        plain(350, 1030, 65, "strided", orders=("columns", "apart")),
    ])  # fmt: skip


def test_rounding(run):
    run([plain(m, k, n, kind="normal") for m, k, n in ((33, 100, 47), (64, 512, 64), (16, 3, 16))])


def test_batches(run):
    run([
        ("batch", "whole", (3, 20, 40), (3, 40, 50), "rows", "rows"),
        ("batch", "whole", (2, 33, 70), (2, 70, 17), "columns", "columns"),
        ("batch", "whole", (5, 9, 31), (5, 31, 33), "apart", "rows"),
    ])  # fmt: skip


def test_an_epilogue(run):
    run([plain(m, k, n, "bias and relu") for m, k, n in ((33, 40, 65), (400, 600, 40), (12, 5, 3))])


def test_sizes_that_are_known(run):
    run([plain(50, 70, 90, "known")])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
