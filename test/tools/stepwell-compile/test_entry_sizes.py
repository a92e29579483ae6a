# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sizes that a program leaves open are checked by every entry, before anything is written."""

import ctypes

import numpy as np
import pytest
from shipping import BUILD

SHAPES, VALUE = 2, 3  # of stepwell_status
UNTOUCHED = 123.0


def program(signature, body):
    return f"func.func @main({signature} {{\n{body}\n}}"


MATMUL = program(
    "%a: tensor<?x?xf32>, %b: tensor<?x?xf32>) -> tensor<?x?xf32>",
    """%0 = array.matmul %a, %b : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
       return %0 : tensor<?x?xf32>""",
)
ADD = program(
    "%a: tensor<?x8xf32>, %b: tensor<4x8xf32>) -> tensor<4x8xf32>",
    """%0 = array.add %a, %b : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
       return %0 : tensor<4x8xf32>""",
)
CONCAT = program(
    "%a: tensor<?x?xf32>, %b: tensor<?x?xf32>) -> tensor<?x?xf32>",
    """%0 = array.concat %a, %b {dim = 0 : i64} : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
       return %0 : tensor<?x?xf32>""",
)
# A condition that follows from three operations.
CHAIN = program(
    "%a: tensor<?x?xf32>, %b: tensor<?x4xf32>) -> tensor<?xf32>",
    """%0 = array.transpose %a {permutation = array<i64: 1, 0>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
       %1 = array.matmul %0, %b : (tensor<?x?xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
       %2 = array.reshape %1 {sizes = array<i64: 3, 8>} : (tensor<?x4xf32>) -> tensor<3x8xf32>
       %3 = array.sum %2 {dims = array<i64: 1>} : (tensor<3x8xf32>) -> tensor<?xf32>
       return %3 : tensor<?xf32>""",
)
SLICE = program(
    "%a: tensor<?xf32>, %b: tensor<2xf32>) -> tensor<2xf32>",
    """%0 = array.slice %a {starts = array<i64: 3>, sizes = array<i64: 2>, steps = array<i64: 2>}
         : (tensor<?xf32>) -> tensor<2xf32>
       %1 = array.add %0, %b : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
       return %1 : tensor<2xf32>""",
)
CONV = program(
    "%a: tensor<?x?x?x?xf32>, %b: tensor<?x?x3x3xf32>) -> tensor<?x?x?x?xf32>",
    """%0 = array.conv2d %a, %b {stride = array<i64: 2, 2>} :
         (tensor<?x?x?x?xf32>, tensor<?x?x3x3xf32>) -> tensor<?x?x?x?xf32>
       return %0 : tensor<?x?x?x?xf32>""",
)


def chained(a, b):
    return (a.T @ b).reshape(3, 8).sum(1)


# Program, what it computes (or None), shapes of a, b and the result that fit, and ones that do not.
CASES = {
    "matmul": (
        MATMUL,
        np.matmul,
        [((4, 8), (8, 3), (4, 3)), ((1, 1), (1, 1), (1, 1)), ((0, 2), (2, 3), (0, 3))],
        [
            ((4, 8), (4, 8), (4, 8)),
            ((4, 8), (8, 3), (5, 3)),
            ((4, 8), (8, 3), (4, 4)),
            ((4, 8), (1, 3), (4, 3)),
            ((4, 8), (0, 3), (4, 3)),
        ],
    ),
    "add": (
        ADD,
        np.add,
        [((4, 8), (4, 8), (4, 8))],
        [((n, 8), (4, 8), (4, 8)) for n in (3, 1, 0, 5)],
    ),
    "concat": (
        CONCAT,
        lambda a, b: np.concatenate([a, b]),
        [((2, 3), (4, 3), (6, 3)), ((0, 3), (4, 3), (4, 3))],
        [((2, 3), (4, 2), (6, 3)), ((2, 3), (4, 3), (7, 3)), ((2, 3), (4, 3), (5, 3))],
    ),
    "chain": (
        CHAIN,
        chained,
        [((5, 6), (5, 4), (3,))],
        [((5, 6), (6, 4), (3,)), ((5, 7), (5, 4), (3,)), ((5, 6), (5, 4), (4,))],
    ),
    "slice": (
        SLICE,
        lambda a, b: a[3:6:2] + b,
        [((6,), (2,), (2,)), ((9,), (2,), (2,))],
        [((n,), (2,), (2,)) for n in (5, 3, 0)],
    ),
    "conv": (
        CONV,
        None,
        [((2, 3, 7, 8), (4, 3, 3, 3), (2, 4, 3, 3))],
        [
            ((2, 3, 7, 8), (4, 2, 3, 3), (2, 4, 3, 3)),
            ((2, 3, 2, 8), (4, 3, 3, 3), (2, 4, 1, 3)),
            ((2, 3, 7, 8), (4, 3, 3, 3), (2, 4, 4, 3)),
            ((2, 3, 7, 8), (4, 3, 3, 3), (2, 5, 3, 3)),
        ],
    ),
}


def open_sizes(text):
    """For a, b and the result: which of their sizes are arguments."""
    import re

    types = re.findall(r"tensor<([^>]*)xf32>", text.split("{")[0])
    return [[d for d, size in enumerate(t.split("x")) if size == "?"] for t in types]


def call(function, text, shapes, pointers=True):
    """The status, and the result, of arrays with those shapes."""
    generator = np.random.default_rng(0)
    arrays = [generator.normal(size=shape).astype(np.float32) for shape in shapes[:2]]
    arrays.append(np.full(shapes[2], UNTOUCHED, np.float32))
    arguments = []
    for array, dims in zip(arrays, open_sizes(text), strict=True):
        arguments.append(array.ctypes.data_as(ctypes.c_void_p) if pointers else None)
        arguments += [ctypes.c_int64(array.shape[d]) for d in dims]
    return function(*arguments), arrays


@pytest.mark.parametrize("threading", ["--serial", "--threads"])
@pytest.mark.parametrize("name", CASES)
def test_a_shared_object_checks(workshop, name, threading):
    text, compute, fitting, others = CASES[name]
    workshop.write("p.mlir", text)
    workshop.compile("p.mlir", "--emit=shared", threading, "-o", "libp.so")
    function = ctypes.CDLL(str(workshop.folder / "libp.so")).p
    for shapes in fitting:
        status, (a, b, result) = call(function, text, shapes)
        assert status == 0
        if compute:
            np.testing.assert_allclose(result, compute(a, b), rtol=1e-4, atol=1e-4)
    for shapes in others:
        status, arrays = call(function, text, shapes)
        assert status == SHAPES, shapes
        assert (arrays[2] == UNTOUCHED).all()
    if open_sizes(text)[0]:
        assert call(function, text, fitting[0], pointers=False)[0] == VALUE


def test_sizes_that_no_memory_has(workshop):
    workshop.write("p.mlir", MATMUL)
    workshop.compile("p.mlir", "--emit=shared", "-o", "libp.so")
    function = ctypes.CDLL(str(workshop.folder / "libp.so")).p
    data = np.zeros(8, np.float32).ctypes.data_as(ctypes.c_void_p)

    def status(m, k, k2, n, m2, n2):
        sizes = [ctypes.c_int64(size) for size in (m, k, k2, n, m2, n2)]
        return function(data, *sizes[:2], data, *sizes[2:4], data, *sizes[4:])

    assert status(2, 2, 2, 2, 2, 2) == 0
    for huge in (1 << 62, 1 << 61, (1 << 63) - 1):
        assert status(huge, 2, 2, 2, huge, 2) == VALUE
        assert status(huge, huge, huge, huge, huge, huge) == VALUE
        assert status(0, huge, huge, 0, 0, 0) == VALUE
    for negative in (-1, -(1 << 63)):
        assert status(negative, 2, 2, 2, negative, 2) == VALUE
        assert status(2, negative, negative, 2, 2, 2) == VALUE


CALLER = """
#include "p.h"
#include <stdio.h>
int main(void) {
  float a[32] = {0}, b[32] = {0}, c[64] = {0};
  printf("%d %d %d %d\\n", p(a, 4, 8, b, 8, 4, c, 4, 4), p(a, 4, 8, b, 4, 8, c, 4, 8),
         p(a, -4, 8, b, 8, 4, c, 4, 4), p(0, 4, 8, b, 8, 4, c, 4, 4));
}
"""


@pytest.mark.parametrize("threading", ["--serial", "--threads"])
def test_an_object_checks(workshop, threading):
    workshop.write("p.mlir", MATMUL)
    workshop.compile("p.mlir", "--emit=object", threading, "-o", "p.o")
    workshop.write("caller.c", CALLER)
    archive = "libstepwell-runtime-serial.a" if threading == "--serial" else "libstepwell-runtime.a"
    workshop.run("clang-22", "caller.c", "p.o", BUILD / "lib" / archive, "-o", "caller")
    assert workshop.run("./caller").stdout == "0 2 3 3\n"


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int32), ("site", ctypes.c_int32), ("detail", ctypes.c_int64 * 4)]


class Context(ctypes.Structure):
    _fields_ = [
        ("abi_version", ctypes.c_uint32),
        ("num_threads", ctypes.c_uint32),
        ("workspace", ctypes.c_void_p),
        ("workspace_bytes", ctypes.c_int64),
        ("stream", ctypes.c_void_p),
        ("parallel_for", ctypes.c_void_p),
        ("error", Error),
    ]


def test_the_raw_entry_checks_and_says_what(workshop):
    workshop.write("p.mlir", ADD)
    workshop.compile("p.mlir", "--emit=shared", "--serial", "-o", "libp.so")
    library = ctypes.CDLL(str(workshop.folder / "libp.so"))
    library.p_kernel_workspace_size.restype = ctypes.c_int64
    arrays = [np.ones((4, 8), np.float32) for _ in range(3)]

    def words(rows=4, columns=8, other=4, result=4):
        sizes = [(rows, columns), (other, 8), (result, 8)]
        listed = []
        for array, (m, n) in zip(arrays, sizes, strict=True):
            listed += [array.ctypes.data, m, n, n, 1]
        return (ctypes.c_int64 * len(listed))(*listed)

    context = Context(abi_version=2, num_threads=1)
    assert library.p_kernel(ctypes.byref(context), words()) == 0
    for changed, detail in (
        ({"rows": 3}, (3, 4, 0)),
        ({"columns": 7}, (7, 8, 1)),
        ({"other": 5}, (5, 4, 0)),
        ({"result": 3}, (3, 4, 0)),
    ):
        assert library.p_kernel(ctypes.byref(context), words(**changed)) == SHAPES
        assert context.error.code == SHAPES
        assert tuple(context.error.detail[:3]) == detail
        assert library.p_kernel_workspace_size(words(**changed)) == 0


@pytest.mark.parametrize("threading", ["--serial", "--threads"])
def test_an_executable_checks(workshop, threading):
    workshop.write("p.mlir", ADD)
    workshop.compile("p.mlir", threading, "-o", "p")
    b = np.full((4, 8), 2, np.float32)
    np.save(workshop.folder / "b.npy", b)
    for rows in (3, 1, 0, 5):
        np.save(workshop.folder / "a.npy", np.ones((rows, 8), np.float32))
        done = workshop.run("./p", "a.npy", "b.npy", check=False)
        message = workshop.one_line(done, "p")
        assert message == f"shapes do not match: a size is {rows} where 4 is needed"
        assert not (workshop.folder / "out0.npy").exists()
    np.save(workshop.folder / "a.npy", np.ones((4, 8), np.float32))
    workshop.run("./p", "a.npy", "b.npy")
    np.testing.assert_array_equal(np.load(workshop.folder / "out0.npy"), b + 1)


@pytest.mark.parametrize("emit", ["asm", "llvm", "mlir"])
def test_text_has_the_check(workshop, emit):
    """The entry that a caller sees is the one that checks, in every form."""
    workshop.write("p.mlir", ADD)
    workshop.compile("p.mlir", f"--emit={emit}", "-o", "out")
    text = (workshop.folder / "out").read_text()
    workshop.compile("model.mlir", f"--emit={emit}", "-o", "static")
    if emit == "mlir":
        assert "llvm.func @out" in text and "_body" in text
    if emit == "llvm":
        entry = text[text.index("define i32 @out(") :].split("\n}")[0]
        assert "icmp" in entry and "ret i32" in entry


# Results that know fewer sizes than their operation, and more.
LOOSE = [
    ("array.full %s {sizes = array<i64: 2, 3>}", "tensor<f32>", "tensor<?x3xf32>"),
    ("array.broadcast %s {sizes = array<i64: 2, 3>}", "tensor<3xf32>", "tensor<2x?xf32>"),
    ("array.reshape %s {sizes = array<i64: 6>}", "tensor<2x3xf32>", "tensor<?xf32>"),
    ("array.reshape %s {sizes = array<i64: 6>}", "tensor<?x3xf32>", "tensor<?xf32>"),
    ("array.pad %s {low = array<i64: 1>, high = array<i64: 2>}", "tensor<3xf32>", "tensor<?xf32>"),
    ("array.slice %s {starts = array<i64: 1>, sizes = array<i64: 2>, steps = array<i64: 1>}",
     "tensor<4xf32>", "tensor<?xf32>"),
    ("array.sum %s {dims = array<i64: 0>}", "tensor<?x4xf32>", "tensor<?xf32>"),
    ("array.sum %s {dims = array<i64: 0>}", "tensor<?x?xf32>", "tensor<4xf32>"),
    ("array.softmax %s {dim = 0 : i64}", "tensor<4xf32>", "tensor<?xf32>"),
    ("array.softmax %s {dim = 0 : i64}", "tensor<?xf32>", "tensor<4xf32>"),
]  # fmt: skip


@pytest.mark.parametrize("operation, given, result", LOOSE)
def test_types_that_know_more_or_fewer_sizes(workshop, operation, given, result):
    operation = operation.replace("%s", "%x")
    workshop.write(
        "p.mlir",
        f"func.func @main(%x: {given}) -> {result} {{\n"
        f"  %0 = {operation} : ({given}) -> {result}\n  return %0 : {result}\n}}",
    )
    workshop.compile("p.mlir", "--emit=asm", "-o", "p.s")
