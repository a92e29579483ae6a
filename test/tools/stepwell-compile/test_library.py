# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--emit=shared and object: a C header that a C compiler accepts, and the numbers."""

import ctypes
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from shipping import BUILD, model_inputs, model_result, save_safetensors

SYSTEM = {"linux-vdso.so.1", "libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


@pytest.mark.parametrize("threading", ["--serial", "--threads"])
def test_shared_object(workshop, threading):
    workshop.compile("model.mlir", "--emit=shared", threading, "-o", "libmodel.so")
    assert workshop.libraries("libmodel.so") <= SYSTEM
    library = ctypes.CDLL(str(workshop.folder / "libmodel.so"))
    inputs, result = model_inputs(), np.zeros(4, np.float32)
    assert library.model(*map(pointer, inputs.values()), pointer(result)) == 0
    np.testing.assert_allclose(result, model_result(inputs), rtol=1e-5)


def test_only_the_programs_names_are_visible(workshop):
    workshop.compile("model.mlir", "--emit=shared", "-o", "libmodel.so")
    listing = workshop.run("nm", "-D", "--defined-only", "libmodel.so").stdout
    names = {line.split()[-1] for line in listing.splitlines()}
    assert names - {"stepwell_abi_version"} == {
        "model",
        "model_kernel",
        "model_kernel_workspace_size",
    }


CALLER = """
#include "first.h"
#include "second.h"
#include <stdio.h>
int main(void) {
  float x[32], w[24], b[3], y[4], z[4];
  for (int i = 0; i < 32; ++i) x[i] = i / 32.0f;
  for (int i = 0; i < 24; ++i) w[i] = i / 24.0f;
  for (int i = 0; i < 3; ++i) b[i] = i;
  if (first(x, w, b, y) || second(x, w, b, z)) return 1;
  for (int i = 0; i < 4; ++i) {
    if (y[i] != z[i]) return 2;
    printf("%.9g\\n", y[i]);
  }
}
"""


@pytest.mark.parametrize("threading", ["--serial", "--threads"])
@pytest.mark.parametrize("language", ["c", "c++"])
def test_two_objects_in_one_program(workshop, threading, language):
    for name in ("first", "second"):
        workshop.compile("model.mlir", "--emit=object", threading, "-o", f"{name}.o")
    workshop.write("caller.c", CALLER)
    archive = "libstepwell-runtime-serial.a" if threading == "--serial" else "libstepwell-runtime.a"
    assert f"Link with {archive}." in (workshop.folder / "first.h").read_text()
    workshop.run(
        *["clang-22", "-Wall", "-Werror", "-Wno-deprecated", "-x", language, "caller.c"],
        *["-x", "none", "first.o", "second.o", BUILD / "lib" / archive, "-o", "caller"],
    )
    assert workshop.libraries("caller") <= SYSTEM
    numbers = [float(line) for line in workshop.run("./caller").stdout.split()]
    x = np.arange(32, dtype=np.float64).reshape(4, 8) / 32
    w = (np.arange(24) / 24).astype(np.float32).astype(np.float64).reshape(8, 3)
    np.testing.assert_allclose(numbers, np.exp(x @ w + np.arange(3)).sum(1), rtol=1e-5)


def test_embedded_weights_leave_the_signature(workshop):
    inputs = model_inputs()
    save_safetensors(workshop.folder / "w.safetensors", inputs | {"x": np.zeros(1, np.int32)})
    workshop.write(
        "other.mlir", (workshop.folder / "model.mlir").read_text().replace('"x"', '"in"')
    )
    workshop.compile(
        "other.mlir", "--emit=shared", "--weights=w.safetensors", "--name=embedded", "-o", "e.so"
    )
    header = (workshop.folder / "e.h").read_text()
    assert "int32_t embedded(const float *in, float *y);" in header
    library = ctypes.CDLL(str(workshop.folder / "e.so"))
    result = np.zeros(4, np.float32)
    assert library.embedded(pointer(inputs["x"]), pointer(result)) == 0
    np.testing.assert_allclose(result, model_result(inputs), rtol=1e-5)


def test_sizes_are_arguments(workshop):
    workshop.write(
        "add.mlir",
        """func.func @main(%x: tensor<?x2xf32>, %y: tensor<1x2xf32>) -> tensor<?x2xf32> {
  %0 = array.add %x, %y : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}""",
    )
    workshop.compile("add.mlir", "--emit=shared", "-o", "libadd.so")
    header = (workshop.folder / "libadd.h").read_text()
    assert (
        "int32_t add(const float *arg0, int64_t arg0_size0, const float *arg1, "
        "float *out0, int64_t out0_size0);" in header
    )
    library = ctypes.CDLL(str(workshop.folder / "libadd.so"))
    for rows in (0, 1, 5):
        x = np.arange(rows * 2, dtype=np.float32).reshape(rows, 2)
        y = np.array([[100, 200]], np.float32)
        out = np.zeros_like(x)
        size = ctypes.c_int64(rows)
        assert library.add(pointer(x), size, pointer(y), pointer(out), size) == 0
        assert (out == x + y).all()
    bad = ctypes.c_int64(-1)
    assert library.add(pointer(x), bad, pointer(y), pointer(out), size) == 3


def test_the_header_names_every_status(workshop):
    workshop.compile("model.mlir", "--emit=shared", "-o", "libmodel.so")
    header = (workshop.folder / "libmodel.h").read_text()
    said = header[header.index("Returns 0") : header.index("*/")]
    abi = Path(__file__).resolve().parents[3] / "runtime/include/stepwell/abi.h"
    statuses = re.findall(r"STEPWELL_\w+ = ([1-9]\d*)", abi.read_text())
    assert "6" in statuses and all(re.search(rf"\b{n} [a-z]", said) for n in statuses)


def test_the_raw_entry(workshop):
    """What the header calls the launch ABI is what docs/abi.md says."""
    workshop.compile("model.mlir", "--emit=shared", "--serial", "-o", "libmodel.so")
    workshop.write(
        "raw.c",
        """
#include "libmodel.h"
#include "stepwell/abi.h"
#include <stdlib.h>
static void serial(stepwell_context *c, int64_t n, int64_t g, stepwell_body body, void *e) {
  body(e, 0, n);
}
int run(float *x, float *w, float *b, float *y) {
  stepwell_arg words[] = {
      {.pointer = x}, {.i64 = 4}, {.i64 = 8}, {.i64 = 8}, {.i64 = 1},
      {.pointer = w}, {.i64 = 8}, {.i64 = 3}, {.i64 = 3}, {.i64 = 1},
      {.pointer = b}, {.i64 = 1}, {.i64 = 3}, {.i64 = 3}, {.i64 = 1},
      {.pointer = y}, {.i64 = 4}, {.i64 = 1}};
  int64_t bytes = model_kernel_workspace_size(words);
  stepwell_context context = {.abi_version = STEPWELL_ABI_VERSION, .num_threads = 1, .parallel_for = serial,
                              .workspace = aligned_alloc(64, (bytes + 64) & ~63),
                              .workspace_bytes = bytes};
  int status = model_kernel(&context, words);
  free(context.workspace);
  return status;
}
""",
    )
    include = BUILD / "include"
    workshop.run(
        *["clang-22", "-shared", "-fPIC", f"-I{include}", "raw.c", "./libmodel.so"],
        *["-Wl,-rpath,$ORIGIN", "-o", "raw.so"],
    )
    library = ctypes.CDLL(str(workshop.folder / "raw.so"))
    inputs, result = model_inputs(), np.zeros(4, np.float32)
    assert library.run(*map(pointer, inputs.values()), pointer(result)) == 0
    np.testing.assert_allclose(result, model_result(inputs), rtol=1e-5)


def test_many_threads_call_at_once(workshop):
    import threading

    workshop.compile("model.mlir", "--emit=shared", "-o", "libmodel.so")
    library = ctypes.CDLL(str(workshop.folder / "libmodel.so"))
    inputs = model_inputs()
    expected, wrong = model_result(inputs), []

    def caller():
        for _ in range(50):
            result = np.zeros(4, np.float32)
            library.model(*map(pointer, inputs.values()), pointer(result))
            if not np.allclose(result, expected, rtol=1e-5):
                wrong.append(result)

    callers = [threading.Thread(target=caller) for _ in range(6)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    ("emit", "expected"),
    [
        ("asm", "\nmodel:"),
        ("llvm", "define i32 @model(ptr"),
        ("mlir", "llvm.func @model("),
    ],
)
def test_text(workshop, emit, expected):
    workshop.compile("model.mlir", f"--emit={emit}", "-o", "model.txt")
    assert expected in (workshop.folder / "model.txt").read_text()


def test_the_target_is_obeyed(workshop):
    workshop.compile("model.mlir", "--emit=asm", "--target=x86-64-v3", "-o", "v3.s")
    text = (workshop.folder / "v3.s").read_text()
    assert "%ymm" in text and "%zmm" not in text
    workshop.compile("model.mlir", "--emit=asm", "--target=x86-64-v2", "-o", "v2.s")
    text = (workshop.folder / "v2.s").read_text()
    assert "%xmm" in text and "%ymm" not in text
    workshop.compile("model.mlir", "--emit=asm", "--target=aarch64-linux-gnu", "-o", "arm.s")
    assert "\tret\n" in (workshop.folder / "arm.s").read_text()
    subprocess.run(
        ["clang-22", "--target=aarch64-linux-gnu", "-c", "arm.s", "-o", "arm.o"],
        cwd=workshop.folder,
        check=True,
    )
