# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What expand-math reaches, in ULP, against long double (x87: 64 bits of mantissa)."""

import ctypes
import math
import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest

LLVM = pathlib.Path(os.environ.get("STEPWELL_LLVM_BIN", "/usr/lib/llvm-22/bin"))
UNARY = {
    "exp": "exp", "exp2": "exp2", "expm1": "expm1", "log": "log", "log1p": "log1p", "log2": "log2", "log10": "log10",
    "sin": "sin", "cos": "cos", "tan": "tan", "asin": "asin", "acos": "acos", "atan": "atan", "sinh": "sinh",
    "cosh": "cosh", "tanh": "tanh", "asinh": "asinh", "acosh": "acosh", "atanh": "atanh", "erf": "erf",
    "erfc": "erfc", "cbrt": "cbrt", "rsqrt": None,
}  # fmt: skip
BINARY = {"powf": "pow", "atan2": "atan2", "remf": "fmod"}
BOUND = {"f32": 2.0, "f64": 4.0}


def functions():
    for kind in ("f32", "f64"):
        for name in [*UNARY, *BINARY]:
            yield name, kind


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("math")
    text = ""
    for name, kind in functions():
        op = "arith.remf" if name == "remf" else f"math.{name}"
        operands = "%x, %y" if name in BINARY else "%x"
        text += f"func.func @{name}_{kind}(%x: {kind}, %y: {kind}) -> {kind} {{\n"
        text += f"  %z = {op} {operands} : {kind}\n  return %z : {kind}\n}}\n"
    build = pathlib.Path(os.environ.get("STEPWELL_BUILD_DIR", "build"))
    opt = build / "bin/stepwell-opt"
    opt = str(opt if opt.exists() else shutil.which("stepwell-opt"))
    run = lambda *command, **more: subprocess.run(command, check=True, **more)  # noqa: E731
    out = run(opt, "-expand-math", input=text, stdout=subprocess.PIPE, text=True).stdout
    lower = (
        "-convert-scf-to-cf",
        "-convert-cf-to-llvm",
        "-convert-math-to-llvm",
        "-convert-arith-to-llvm",
        "-convert-func-to-llvm",
        "-reconcile-unrealized-casts",
    )
    out = run(LLVM / "mlir-opt", *lower, input=out, stdout=subprocess.PIPE, text=True).stdout
    out = run(
        LLVM / "mlir-translate", "-mlir-to-llvmir", input=out, stdout=subprocess.PIPE, text=True
    ).stdout
    (folder / "functions.ll").write_text(out)
    c = "#include <math.h>\nstatic long double rsqrtl(long double x) { return 1 / sqrtl(x); }\n"
    for name, kind in functions():
        t = {"f32": "float", "f64": "double"}[kind]
        own = {**UNARY, **BINARY}[name] or "rsqrt"
        arguments = "x[i], y[i]" if name in BINARY else "x[i]"
        c += f"{t} {name}_{kind}({t}, {t});\n"
        c += f"void all_{name}_{kind}(long n, const {t} *x, const {t} *y, {t} *z, long double *w) {{\n"
        c += f"  for (long i = 0; i < n; ++i) {{ z[i] = {name}_{kind}(x[i], y[i]); w[i] = {own}l({arguments}); }}\n}}\n"
    (folder / "loops.c").write_text(c)
    run(LLVM / "clang", "-O1", "-msse4.1", "-shared", "-fPIC", "-w", "-o", folder / "kernels.so",
        folder / "functions.ll", folder / "loops.c", "-lm")  # fmt: skip
    return ctypes.CDLL(str(folder / "kernels.so"))


def samples(kind, pairs):
    real, word, size = {"f32": (np.float32, np.uint32, 32), "f64": (np.float64, np.uint64, 64)}[
        kind
    ]
    special = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 2.0, -3.0, 0.5]
    rng = np.random.default_rng(1)
    n = 60000
    # All binades, evenly, then ordinary magnitudes.
    x = np.concatenate([rng.integers(0, 2**size, n, dtype=word).view(real),
                        rng.normal(0, 3, n).astype(real), rng.uniform(-1, 1, n).astype(real)])  # fmt: skip
    x = np.concatenate([np.array(special, real), x])
    y = rng.permutation(x)
    if pairs:
        a, b = np.meshgrid(np.array(special, real), np.array(special, real))
        x, y = np.concatenate([a.ravel(), x]), np.concatenate([b.ravel(), y])
    return np.ascontiguousarray(x), np.ascontiguousarray(y)


@pytest.mark.parametrize(("name", "kind"), list(functions()))
def test_accuracy(kernels, name, kind):
    x, y = samples(kind, name in BINARY)
    z, w = np.empty_like(x), np.empty(len(x), np.longdouble)
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in (x, y, z, w)]
    getattr(kernels, f"all_{name}_{kind}")(ctypes.c_long(len(x)), *pointers)
    with np.errstate(all="ignore"):
        rounded = w.astype(x.dtype)
        same = (rounded == z) & (np.signbit(rounded) == np.signbit(z)) | (
            np.isnan(rounded) & np.isnan(z)
        )
        ulp = np.spacing(np.abs(np.where(np.isfinite(rounded), rounded, 1))).astype(np.longdouble)
        error = np.where(same, 0, np.abs(z.astype(np.longdouble) - w) / ulp)
    error = np.where(np.isnan(error), np.inf, error).astype(float)
    worst = int(np.argmax(error))
    print(f"{name} {kind}: {error[worst]:.2f} ULP at {x[worst]!r}, {y[worst]!r}")
    bound = 0 if name == "remf" else BOUND[kind]
    assert error[worst] <= bound, (x[worst], y[worst], z[worst], w[worst])
