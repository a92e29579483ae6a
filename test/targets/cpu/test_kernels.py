# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small linalg modules through the CPU passes, run and compared with NumPy."""

import ctypes
import hashlib
import os
import re
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kernel_call import ParallelFor, call_with

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("STEPWELL_BUILD_DIR", ROOT / "build"))
LIT = (BUILD / "test/lit.site.cfg.py").read_text()
LLVM = Path(re.search(r"^config\.llvm_tools = r?[\"'](.*)[\"']$", LIT, re.M).group(1))
FMA = " fma " in Path("/proc/cpuinfo").read_text()
USE_FMA = f"fma={'true' if FMA else 'false'}"
PASSES = (
    f"cpu-lower-products{{{USE_FMA}}},stepwell-plan-workspace,"
    "cpu-emit-entry,cpu-outline-parallel{serial-work=4096},"
    f"cpu-lower-contractions{{{USE_FMA}}},"
    "cpu-vectorize-linalg,cpu-lower-views,"
    "cpu-lower-loops,cpu-lower-to-llvm"
)
NAMES = {"f32": "f4", "f64": "f8", "i8": "i1", "i32": "i4", "i64": "i8"}
ranges = []


@ParallelFor
def parallel_for(_context, count, cost, body, environment):
    """Serial below 4096 operations, pieces of 1024: smaller than a real pool's, for small tests."""
    pieces = max(1, 1024 // max(1, cost)) if cost >= 0 else -(-count // 2)
    if count == 1 or count * abs(cost) < 4096:
        return body(environment, 0, count)
    for begin in range(0, count, pieces):
        ranges.append((begin, min(count, begin + pieces)))
        body(environment, *ranges[-1])
    return None


call = partial(call_with, parallel_for)


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kernels")
    made = {}

    def make(source):
        if source in made:
            return made[source]
        base = folder / hashlib.sha256(source.encode()).hexdigest()[:16]
        lowered = subprocess.run(
            [BUILD / "bin/stepwell-opt", f"--pass-pipeline=builtin.module({PASSES})"],
            input=source.encode(),
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        text = subprocess.run(
            [LLVM / "mlir-translate", "--mlir-to-llvmir"],
            input=lowered,
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        base.with_suffix(".ll").write_bytes(text)
        subprocess.run(
            [LLVM / "clang", "-O1", "-march=native", "-ffp-contract=off", "-shared", "-fPIC",
             "-Wno-override-module", base.with_suffix(".ll"), "-o", base.with_suffix(".so")],
            check=True,
        )  # fmt: skip
        made[source] = ctypes.CDLL(str(base.with_suffix(".so")))
        return made[source]

    return make


def entry(types, body):
    arguments = ", ".join(f"%m{i}: {t}" for i, t in enumerate(types))
    return (
        f"func.func @stepwell_kernel(%ctx: !llvm.ptr, {arguments}) -> i32"
        " attributes {stepwell.entry} {\n"
        f"{body}\n%ok = arith.constant 0 : i32\nreturn %ok : i32\n}}\n"
    )


def buffer(rank, element, layout=""):
    return f"memref<{'?x' * rank}{element}{layout}>"


def generic(types, elements, maps, iterators, body, fill=None):
    """One linalg.generic whose last operand is the result."""
    last = len(types) - 1
    dims = ", ".join(f"d{i}" for i in range(len(iterators)))
    maps = ", ".join(f"affine_map<({dims}) -> ({m})>" for m in maps)
    kinds = ", ".join(f'"{kind}"' for kind in iterators)
    ins = ", ".join(f"%m{i}" for i in range(last))
    values = ", ".join(f"%x{i}: {e}" for i, e in enumerate(elements))
    text = ""
    if fill is not None:
        text = (
            f"%init = arith.constant {fill} : {elements[-1]}\n"
            f"linalg.fill ins(%init : {elements[-1]}) outs(%m{last} : {types[-1]})\n"
        )
    text += (
        f"linalg.generic {{indexing_maps = [{maps}], iterator_types = [{kinds}]}}\n"
        f"ins({ins} : {', '.join(types[:-1])}) outs(%m{last} : {types[-1]}) {{\n"
        f"^bb0({values}):\n{body}\n}}"
    )
    return entry(types, text)


SHAPES = [(0, 3), (3, 0), (1, 1), (2, 7), (3, 8), (5, 33), (17, 64), (4, 257), (70, 1000)]
PARALLEL = ["parallel"] * 2
ADD = "%r = arith.addf %x0, %x1 : f32\nlinalg.yield %r : f32"


def normal(shape, element="f32"):
    return np.random.default_rng(7).standard_normal(shape).astype(NAMES[element])


@pytest.mark.parametrize("shape", SHAPES)
def test_contiguous(build, shape):
    types = [buffer(2, "f32")] * 3
    library = build(generic(types, ["f32"] * 3, ["d0, d1"] * 3, PARALLEL, ADD))
    x, y, z = normal(shape), normal(shape) + 1, np.full(shape, 9, "f4")
    call(library, x, y, z)
    np.testing.assert_array_equal(z, x + y)


@pytest.mark.parametrize("shape", SHAPES)
def test_strided_and_broadcast(build, shape):
    m, n = shape
    strided = buffer(2, "f32", ", strided<[?, ?]>")
    types = [strided, "memref<1x?xf32>", strided]
    library = build(generic(types, ["f32"] * 3, ["d0, d1", "0, d1", "d0, d1"], PARALLEL, ADD))
    row = normal((1, n))
    around = np.full((2 * m, 3 * n), 9, "f4")
    inside = around[::2, ::3]
    for x in (normal((2 * m, 3 * n))[::2, ::3], normal((n, m)).T, normal(shape)[::-1, ::-1]):
        call(library, x, row, inside)
        np.testing.assert_array_equal(inside, x + row)
    assert (around[1::2] == 9).all() and (around[:, 1::3] == 9).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_bool_and_mixed_widths(build, shape):
    types = [buffer(2, "f32"), buffer(2, "f64"), buffer(2, "i8")]
    body = (
        "%w = arith.extf %x0 : f32 to f64\n%r = arith.cmpf olt, %w, %x1 : f64\n"
        "%s = arith.extui %r : i1 to i8\nlinalg.yield %s : i8"
    )
    library = build(generic(types, ["f32", "f64", "i8"], ["d0, d1"] * 3, PARALLEL, body))
    x, y, z = normal(shape), normal(shape, "f64")[::-1].copy(), np.full(shape, 9, "i1")
    call(library, x, y, z)
    np.testing.assert_array_equal(z, (x < y).astype("i1"))


@pytest.mark.parametrize("axis", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize(
    "element, op, function, start",
    [
        ("f32", "arith.addf", np.add, "0.0"),
        ("f64", "arith.mulf", np.multiply, "1.0"),
        ("f32", "arith.maximumf", np.maximum, "0xFF800000"),
        ("i32", "arith.addi", np.add, "0"),
        ("i8", "arith.andi", np.bitwise_and, "1"),
    ],
)
def test_reductions(build, axis, element, op, function, start):
    kept = [i for i in range(2) if i not in axis]
    types = [buffer(2, element), buffer(len(kept), element)]
    kinds = ["reduction" if i in axis else "parallel" for i in range(2)]
    body = f"%r = {op} %x1, %x0 : {element}\nlinalg.yield %r : {element}"
    maps = ["d0, d1", ", ".join(f"d{i}" for i in kept)]
    library = build(generic(types, [element] * 2, maps, kinds, body, start))
    initial = {"maximum": -np.inf, "bitwise_and": 1, "multiply": 1, "add": 0}[function.__name__]
    for shape in SHAPES:
        x = normal(shape, element)
        if element[0] == "i":
            x = (np.arange(x.size).reshape(shape) % 97 != 96).astype(NAMES[element])
        wide = x.astype("f8") if element == "f32" else x
        expected = function.reduce(wide, axis=axis, initial=initial).astype(NAMES[element])
        found = np.full(expected.shape, 9, NAMES[element])
        call(library, x, found)
        if element[0] == "f":
            np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-5)
        else:
            np.testing.assert_array_equal(found, expected)


def test_long_sums_are_as_good_as_pairwise(build):
    types = [buffer(1, "f32"), buffer(0, "f32")]
    body = "%r = arith.addf %x1, %x0 : f32\nlinalg.yield %r : f32"
    library = build(generic(types, ["f32"] * 2, ["d0", ""], ["reduction"], body, "0.0"))
    x = np.random.default_rng(3).random(3_000_001).astype("f4")
    found = np.zeros((), "f4")
    call(library, x, found)
    exact = x.astype("f8").sum()
    assert abs(found - exact) <= np.spacing(np.float32(exact))
    x[5] = np.inf
    call(library, x, found)
    assert found == np.inf


MATMULS = [(0, 3, 4), (3, 4, 0), (1, 1, 1), (1, 17, 5), (6, 16, 7), (13, 31, 385), (64, 64, 64),
           (25, 100, 770), (130, 70, 33)]  # fmt: skip


@pytest.mark.parametrize("element", ["f32", "f64", "i32", "i64"])
def test_matmul(build, element):
    t = buffer(2, element)
    zero = "0.0" if element[0] == "f" else "0"
    library = build(
        entry(
            [t] * 3,
            f"%zero = arith.constant {zero} : {element}\n"
            f"linalg.fill ins(%zero : {element}) outs(%m2 : {t})\n"
            f"linalg.matmul ins(%m0, %m1 : {t}, {t}) outs(%m2 : {t})",
        )
    )
    for m, n, k in MATMULS:
        a, b = normal((m, k), "f64"), normal((k, n), "f64")
        if element[0] == "i":
            a, b = (100 * a).round(), (100 * b).round()
        c = np.full((m, n), 9, NAMES[element])
        call(library, a.astype(NAMES[element]), b.astype(NAMES[element]), c)
        tolerance = {"f32": 2e-4, "f64": 1e-11}.get(element, 0)
        np.testing.assert_allclose(c, a @ b, rtol=tolerance, atol=tolerance)


# Around the tiles (6, 16), the packed pieces of k (256) and the blocks of A (168).
EDGES = [1, 2, 5, 6, 7, 15, 16, 17, 31, 33, 97, 170, 255, 257, 340]


@pytest.mark.parametrize("element", ["f32", "f64"])
@pytest.mark.parametrize("layout", ["", "strided<[?, 1]>", "strided<[?, ?]>"])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    sizes=st.tuples(*[st.sampled_from(EDGES)] * 3),
    apart=st.tuples(*[st.integers(0, 3)] * 3),
    steps=st.tuples(*[st.sampled_from([1, 1, 2, -1])] * 3),
    turned=st.tuples(*[st.booleans()] * 3),
)
def test_matmul_of_any_layout(build, element, layout, sizes, apart, steps, turned):
    types = [buffer(2, element, layout and ", " + layout)] * 3
    library = build(
        entry(
            types,
            f"linalg.matmul ins(%m0, %m1 : {types[0]}, {types[1]}) outs(%m2 : {types[2]})",
        )
    )
    m, n, k = sizes
    arrays = []
    for i, (rows, columns) in enumerate([(m, k), (k, n), (m, n)]):
        swap = turned[i] and layout == "strided<[?, ?]>"
        step = steps[i] if layout == "strided<[?, ?]>" else 1
        if swap:
            rows, columns = columns, rows
        around = normal((rows, columns * abs(step) + (apart[i] if layout else 0)), element)
        inside = around[:, : columns * abs(step) : abs(step)][:, :: -1 if step < 0 else 1]
        arrays.append(inside.T if swap else inside)
    a, b, c = arrays
    expected = c.astype("f8") + a.astype("f8") @ b.astype("f8")
    outside = c.base.copy() if c.base is not None else None
    call(library, a, b, c)
    tolerance = {"f32": 1e-5, "f64": 1e-14}[element] * max(1, k) ** 0.5
    np.testing.assert_allclose(c, expected, rtol=0, atol=tolerance * 4)
    if outside is not None:  # nothing beside the result was written
        c[...] = outside_view(outside, c)
        np.testing.assert_array_equal(c.base, outside)


def outside_view(copy, view):
    """What `view` shows, of a copy of its base."""
    offset = view.ctypes.data - view.base.ctypes.data
    return np.ndarray(view.shape, view.dtype, copy.data, offset, view.strides)


def test_matmul_of_inf_and_nan_stays_in_its_row(build):
    t = buffer(2, "f32")
    library = build(entry([t] * 3, f"linalg.matmul ins(%m0, %m1 : {t}, {t}) outs(%m2 : {t})"))
    for m, n, k in [(1, 40, 9), (4, 600, 500), (7, 33, 19), (350, 20, 300)]:
        a, b = normal((m, k)), normal((k, n))
        b[3, n - 1] = np.inf
        b[4, n - 2] = np.nan
        c = np.zeros((m, n), "f4")
        call(library, a, b, c)
        np.testing.assert_allclose(c[:, :-2], a.astype("f8") @ b[:, :-2], atol=1e-3)
        assert np.isinf(c[:, -1]).all() and np.isnan(c[:, -2]).all()


@pytest.mark.parametrize("outer", [1, 3, 70])
def test_batches_with_and_without_threads(build, outer):
    t = buffer(3, "f32")
    library = build(entry([t] * 3, f"linalg.batch_matmul ins(%m0, %m1 : {t}, {t}) outs(%m2 : {t})"))
    for m, n, k in [(1, 1, 1), (20, 30, 40), (130, 70, 64), (0, 3, 2), (3, 2, 0)]:
        a, b = normal((outer, m, k)), normal((outer, k, n))
        c = np.ones((outer, m, n), "f4")
        call(library, a, b, c)
        np.testing.assert_allclose(c, 1 + a.astype("f8") @ b, atol=1e-4)


def test_matmul_transposed(build):
    s = buffer(2, "f32", ", strided<[?, ?]>")
    library = build(entry([s] * 3, f"linalg.matmul ins(%m0, %m1 : {s}, {s}) outs(%m2 : {s})"))
    for m, n, k in MATMULS:
        a, b = normal((k, m)).T, normal((n, k)).T
        c = np.ones((n, m), "f4").T
        call(library, a, b, c)
        np.testing.assert_allclose(c, 1 + a.astype("f8") @ b, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("shape", [(6, 16, 8), (32, 10, 128), (50, 30, 20), (3, 5, 7)])
def test_matmul_of_known_shape(build, shape):
    m, n, k = shape
    a, b, c = (f"memref<{r}x{s}xf32>" for r, s in ((m, k), (k, n), (m, n)))
    library = build(entry([a, b, c], f"linalg.matmul ins(%m0, %m1 : {a}, {b}) outs(%m2 : {c})"))
    x, y, z = normal((m, k)), normal((k, n)), np.ones((m, n), "f4")
    call(library, x, y, z)
    np.testing.assert_allclose(z, 1 + x.astype("f8") @ y, rtol=1e-4, atol=1e-4)


WINDOWS = [
    (0, 3, 4, 9, 13),
    (2, 3, 4, 9, 13),
    (1, 1, 1, 3, 3),
    (3, 50, 7, 5, 6),
    (9, 4, 16, 33, 35),
]


@pytest.mark.parametrize("layout", ["", ", strided<[?, ?, ?, 1]>", ", strided<[?, ?, ?, ?]>"])
def test_convolution(build, layout):
    t = buffer(4, "f32", layout)
    attributes = (
        "{dilations = dense<[1, 2]> : tensor<2xi64>, strides = dense<[2, 1]> : tensor<2xi64>}"
    )
    library = build(
        entry(
            [t] * 3,
            f"linalg.conv_2d_nchw_fchw {attributes} ins(%m0, %m1 : {t}, {t}) outs(%m2 : {t})",
        )
    )
    for n, c, o, height, width in WINDOWS:
        x, w = normal((n, c, height, width + 2)), normal((o, c, 3, 3))
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 5), axis=(2, 3))
        windows = windows[:, :, ::2, :, :, ::2].astype("f8")
        expected = 1 + np.einsum("ncijkl,fckl->nfij", windows, w)
        y = np.ones(expected.shape, "f4")
        if layout:
            x, w, y = (np.ascontiguousarray(a.swapaxes(0, 1)).swapaxes(0, 1) for a in (x, w, y))
        if layout.endswith("?]>"):
            x, w, y = (np.ascontiguousarray(a.swapaxes(2, 3)).swapaxes(2, 3) for a in (x, w, y))
        call(library, x, w, y)
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def test_parallel_ranges_cover_everything_once(build):
    types = [buffer(1, "f32")] * 3
    library = build(generic(types, ["f32"] * 3, ["d0"] * 3, ["parallel"], ADD))
    x = normal(100_001)
    z = np.empty_like(x)
    ranges.clear()
    call(library, x, x, z)
    np.testing.assert_array_equal(z, x + x)
    assert len(ranges) > 1
    assert [begin for begin, _ in ranges] == [0] + [end for _, end in ranges[:-1]]
    ranges.clear()
    call(library, x[:100], x[:100], z[:100])
    assert not ranges
