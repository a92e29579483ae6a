# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A .stepwell file to every kind of output; damaged and hostile ones get one line.

The files are written here byte by byte, so that the format is what docs/shipping.md says.
"""

import ctypes
import hashlib
import json
import os
import struct

import numpy as np
import pytest
from shipping import BUILD, MODEL, model_inputs, model_result

# exp(x @ w + b) summed, times a number that the program holds.
PROGRAM = MODEL.replace(
    '%b: tensor<1x3xf32> {stepwell.name = "layer.bias"}',
    '%b: tensor<1x3xf32> {stepwell.name = "layer.bias"},\n'
    '%s: tensor<f32> {stepwell.name = "number", stepwell.scalar}',
).replace(
    "return %3",
    "%4 = array.mul %3, %s : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>\n  return %4",
)


SYSTEM = {"linux-vdso.so.1", "libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}


def package(program=PROGRAM, version="1", sign=True, **changes):
    tensors = {**model_inputs(), "number": np.float32(0.5)}
    del tensors["x"]
    metadata = {"stepwell": version, "sha256": "0" * 64, "program": program}
    header, data = {"__metadata__": metadata}, b""
    for name, value in tensors.items():
        header[name] = {
            "dtype": "F32",
            "shape": list(value.shape),
            "data_offsets": [len(data), len(data) + value.nbytes],
        }
        data += value.tobytes()
    for name, value in changes.items():
        header[name] = {**header.get(name, {}), **value}
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + data
    if sign:
        digest = hashlib.sha256(content).hexdigest().encode()
        content = content.replace(b"0" * 64, digest, 1)
    return content


@pytest.fixture
def packaged(workshop):
    (workshop.folder / "m.stepwell").write_bytes(package())
    return workshop


def expected():
    return model_result(model_inputs()) * 0.5


@pytest.mark.parametrize("threading", ["--serial", "--threads"])
def test_executable(packaged, threading):
    packaged.compile("m.stepwell", threading, "-o", "m")
    (packaged.folder / "m.stepwell").unlink()  # the weights are inside
    np.save(packaged.folder / "x.npy", model_inputs()["x"])
    assert packaged.run("./m", "--help").stdout.startswith("usage: m x [--out-prefix=PREFIX]\n")
    packaged.run("./m", "x.npy")
    np.testing.assert_allclose(np.load(packaged.folder / "y.npy"), expected(), rtol=1e-5)


def test_shared(packaged):
    packaged.compile("m.stepwell", "--emit=shared", "-o", "libm.so")
    assert "int32_t m(const float *x, float *y);" in (packaged.folder / "libm.h").read_text()
    library = ctypes.CDLL(str(packaged.folder / "libm.so"))
    x, y = model_inputs()["x"], np.zeros(4, np.float32)
    assert library.m(ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(y.ctypes.data)) == 0
    np.testing.assert_allclose(y, expected(), rtol=1e-5)


def test_object(packaged):
    packaged.compile("m.stepwell", "--emit=object", "--serial", "--name=model", "-o", "m.o")
    packaged.write(
        "caller.c",
        """
#include "m.h"
#include <stdio.h>
int main(void) {
  float x[32], y[4];
  if (fread(x, sizeof x, 1, stdin) != 1 || model(x, y)) return 1;
  return fwrite(y, sizeof y, 1, stdout) != 1;
}
""",
    )
    packaged.run(
        "clang-22", "caller.c", "m.o", BUILD / "lib/libstepwell-runtime-serial.a", "-o", "c"
    )
    model_inputs()["x"].tofile(packaged.folder / "x.bin")
    packaged.run("sh", "-c", "./c < x.bin > y.bin")
    y = np.fromfile(packaged.folder / "y.bin", np.float32)
    np.testing.assert_allclose(y, expected(), rtol=1e-5)


@pytest.mark.parametrize(
    ("emit", "found"),
    [("asm", "\nmodel:"), ("llvm", "define i32 @model("), ("mlir", "llvm.func @model(")],
)
@pytest.mark.parametrize("target", ["x86-64-v3", "aarch64-linux-gnu"])
def test_text(packaged, emit, found, target):
    packaged.compile(
        *["m.stepwell", f"--emit={emit}", f"--target={target}", "--name=model", "-o", "m.txt"]
    )
    assert found in (packaged.folder / "m.txt").read_text()


def test_the_content_counts_not_the_name(packaged):
    (packaged.folder / "m.stepwell").rename(packaged.folder / "other.bin")
    packaged.compile("other.bin", "--emit=asm", "-o", "m.s")


def test_weights_of_its_own(packaged):
    found = packaged.refused("m.stepwell", "--weights=w.safetensors", "-o", "m")
    assert found == "m.stepwell carries its weights; --weights is for .mlir programs"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a safetensors file"),
        (b"module {}", "not a safetensors file, or cut short"),
        (package(version="2"), "format version '2'; this Stepwell reads 1"),
        (package(sign=False), "the file is damaged: its checksum is another"),
        (package(__metadata__={"program": 3}), "the program or the checksum is missing"),
        (package(__metadata__={"sha256": ""}), "the file is damaged: its checksum is another"),
        (package("module {}"), "the program has no function @main"),
        (package("func.func @main("), "1:16: expected"),
        (package("(" * 100_000), "1: this is nested too deeply"),
        (package(PROGRAM.replace('"number"', '"n"')), "the program and the tensors of this file"),
        (package(more={"dtype": "F32"}), "the program and the tensors of this file do not fit"),
        (package(number={"dtype": "F64"}), "tensor 'number' is F64, the program takes F32"),
        (package(number={"shape": [1]}), "tensor 'number' does not have the shape of f32"),
        (package(number={"shape": None}), "tensor 'number' is malformed or cut short"),
        (package(number={"data_offsets": [0, 1 << 60]}), "tensor 'number' is malformed or cut"),
        (package(number={"a": [[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}), "the header of this safetens"),
    ],
)
def test_malformed_files(workshop, content, message):
    (workshop.folder / "m.stepwell").write_bytes(content)
    found = workshop.refused("m.stepwell", "-o", "m")
    assert found.startswith("m.stepwell:") and message in found
    assert not (workshop.folder / "m").exists()


def test_truncated_files(workshop):
    content = package()
    for size in [1, 7, 8, 9, *range(100, len(content), 211), len(content) - 1]:
        (workshop.folder / "m.stepwell").write_bytes(content[:size])
        assert workshop.refused("m.stepwell", "--emit=asm", "-o", "m").startswith("m.stepwell: ")


def test_flipped_bits(workshop):
    content, generator = package(), np.random.default_rng(2)
    for at in generator.integers(0, len(content), size=25):
        damaged = bytearray(content)
        damaged[at] ^= 1 << generator.integers(8)
        (workshop.folder / "m.stepwell").write_bytes(damaged)
        assert workshop.refused("m.stepwell", "--emit=asm", "-o", "m").startswith("m.stepwell: ")


def test_changed_programs_never_crash(workshop):
    """Signed again: only the checks of the program itself are left."""
    generator = np.random.default_rng(3)
    letters = list('<>[](){}%#0123456789,:=x"-?f')
    for _ in range(40):
        at = generator.integers(len(PROGRAM))
        program = PROGRAM[:at] + generator.choice(letters) + PROGRAM[at + 1 :]
        (workshop.folder / "m.stepwell").write_bytes(package(program))
        done = workshop.compile("m.stepwell", "--emit=asm", "-o", "m.s", check=False)
        if done.returncode:
            assert workshop.one_line(done, "stepwell-compile").startswith("m.stepwell:")


def test_no_linker(packaged, monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(packaged.folder))
    assert packaged.refused("m.stepwell", "-o", "m") == (
        "no C compiler found to link with: install clang or gcc, or set CC; --emit=asm needs none"
    )
    packaged.compile("m.stepwell", "--emit=asm", "-o", "m.s")


def test_a_link_to_the_tool_is_the_tool(packaged):
    """As .venv/bin has it."""
    (packaged.folder / "tool").symlink_to(BUILD / "bin" / "stepwell-compile")
    packaged.run("./tool", "m.stepwell", "-o", "m")
    assert packaged.libraries("m") <= SYSTEM


def test_a_small_network_is_a_small_file(packaged):
    packaged.compile("m.stepwell", "-o", "m")
    assert os.path.getsize(packaged.folder / "m") < 100_000
