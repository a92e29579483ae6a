# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A multiply-add for chips that have none, against the C library's: the same bits."""

import ctypes
import os
import pathlib
import subprocess

import numpy as np
import pytest

LLVM = pathlib.Path(os.environ.get("STEPWELL_LLVM_BIN", "/usr/lib/llvm-22/bin"))
BUILD = pathlib.Path(os.environ.get("STEPWELL_BUILD_DIR", "build"))
KINDS = {"f32": (np.float32, np.uint32, "float"), "f64": (np.float64, np.uint64, "double")}


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fma")
    text = c = ""
    for kind, (_, _, real) in KINDS.items():
        text += f"func.func @own_{kind}(%x: {kind}, %y: {kind}, %z: {kind}) -> {kind} {{\n"
        text += f"  %r = math.fma %x, %y, %z : {kind}\n  return %r : {kind}\n}}\n"
        c += f"{real} own_{kind}({real}, {real}, {real});\n"
        c += f"void all_{kind}(long n, const {real} *x, const {real} *y, const {real} *z,\n"
        c += f"                {real} *own, {real} *right) {{\n  for (long i = 0; i < n; ++i) {{\n"
        c += f"    own[i] = own_{kind}(x[i], y[i], z[i]);\n"
        c += f"    right[i] = __builtin_fma{'f' if kind == 'f32' else ''}(x[i], y[i], z[i]);\n  }}\n}}\n"

    def run(*command, text=None):
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    out = run(BUILD / "bin/stepwell-opt", "-expand-math=fma=false", text=text)
    assert "math.fma" not in out
    lower = (
        "-convert-scf-to-cf",
        "-convert-math-to-llvm",
        "-convert-arith-to-llvm",
        "-convert-cf-to-llvm",
        "-convert-func-to-llvm",
    )
    out = run(LLVM / "mlir-opt", *lower, "-reconcile-unrealized-casts", text=out)
    (folder / "own.ll").write_text(run(LLVM / "mlir-translate", "-mlir-to-llvmir", text=out))
    (folder / "all.c").write_text(c)
    run(LLVM / "clang", "-O1", "-ffp-contract=off", "-msse4.1", "-shared", "-fPIC", "-w",
        "-o", folder / "all.so", folder / "own.ll", folder / "all.c", "-lm")  # fmt: skip
    return ctypes.CDLL(str(folder / "all.so"))


def triples(real, word):
    """Any bits; products that the summand nearly cancels; results about the least normal number."""
    rng = np.random.default_rng(1)
    n = 100000
    any_bits = [rng.integers(0, np.iinfo(word).max, n, word, True).view(real) for _ in range(3)]
    x, y = rng.normal(size=(2, n)).astype(real)
    info = np.finfo(real)
    half = float(2.0 ** (info.minexp // 2))
    shift = 2.0 ** rng.integers(-8, 8, n) * rng.choice([-1, 1, 0.5], n)
    special = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, info.max, info.tiny, -info.tiny]
    special = np.array([*special, info.smallest_subnormal, 1.5, 3.0, info.eps], real)
    grid = np.meshgrid(special, special, special)
    half_unit, root = info.eps / 2, 2.0 ** -(info.nmant * 2 // 3)
    tiny, signs = np.full(n, half_unit**0.5), rng.choice([-1, 1], n)
    groups = [
        any_bits,
        [x, y, -(x * y) * (1 + info.eps * rng.integers(-2, 3, n)).astype(real)],
        [x * real(half), y * real(half), (x * half * half * shift).astype(real)],
        [
            x * real(half),
            y * real(half) / 64,
            np.round(rng.normal(size=n) * 9) * info.smallest_subnormal,
        ],
        [
            x,
            y,
            (x * shift * 2.0 ** rng.integers(-info.nmant - 3, info.nmant * 2 + 9, n)).astype(real),
        ],
        [np.round(x * 8), np.round(y * 8), (2.0 ** rng.integers(-120, 120, n) * 3).astype(real)],
        [v.ravel() for v in grid],
        # Half a unit of the summand, and a bit more or less: a sum that is rounded to f64 in between loses that bit.
        [
            tiny + tiny * signs * root,
            tiny - tiny * signs * root * rng.choice([1, 1 + info.eps], n),
            1 + 2 * half_unit * rng.integers(0, 99, n),
        ],
    ]
    return [np.ascontiguousarray(np.concatenate(v).astype(real)) for v in zip(*groups, strict=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bits(kernels, kind):
    real, word, _ = KINDS[kind]
    with np.errstate(all="ignore"):
        arrays = triples(real, word)
    own, right = np.empty_like(arrays[0]), np.empty_like(arrays[0])
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in (*arrays, own, right)]
    getattr(kernels, f"all_{kind}")(ctypes.c_long(len(own)), *pointers)
    wrong = (own.view(word) != right.view(word)) & ~(np.isnan(own) & np.isnan(right))
    at = int(np.argmax(wrong))
    assert not wrong.any(), (wrong.sum(), [a[at] for a in arrays], own[at], right[at])
    subnormal = np.abs(right) < np.finfo(real).tiny
    assert (subnormal & (right != 0)).sum() > 1000
