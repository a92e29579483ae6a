# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What cannot be compiled gets one clear line and exit code 1."""

import json
import struct

import numpy as np
import pytest
from shipping import MODEL, model_inputs, save_safetensors


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "p.mlir: the program has no function @main"),
        ("func.func @other() { return }", "p.mlir: the program has no function @main"),
        ("func.func private @main()", "p.mlir: the program has no function @main"),
        ("func.func @main(", "p.mlir:1:16: expected"),
        ("\n#a = " + "[" * 100_000, "p.mlir:2: this is nested too deeply"),
        ("module {" * 100_000, "p.mlir:1: this is nested too deeply"),
        ("\x00\xff\xfe garbage", "p.mlir:1:2: unexpected character"),
        # The parser is not ours, and has no check here.
        (
            MODEL.replace("array<i64: 1>", "array<index: 1>"),
            "p.mlir: the MLIR parser failed on this text: ",
        ),
        ("module {\n  frob.op\n}", "p.mlir:2:3: "),
        (
            "func.func @main(%x: f32) { return }",
            "p.mlir: argument 0 of @main is no ranked tensor",
        ),
        (
            "func.func @main(%x: tensor<3xi7>) { return }",
            "p.mlir: argument 0 of @main has elements of type i7, which programs do not have",
        ),
        (MODEL.replace("8x3xf32> {", "9x3xf32> {"), "p.mlir:6:25: use of value '%w' expects"),
        (
            MODEL.replace("8x3xf32>", "9x3xf32>"),
            "p.mlir:6:8: 'array.matmul' op ",
        ),
    ],
)
def test_malformed_programs(workshop, text, message):
    (workshop.folder / "p.mlir").write_bytes(text.encode("latin-1"))
    assert workshop.refused("p.mlir", "-o", "p").startswith(message)
    assert not (workshop.folder / "p").exists()


def test_every_truncation_is_one_line(workshop):
    for size in range(20, len(MODEL) - 4, 67):
        workshop.write("p.mlir", MODEL[:size])
        assert workshop.refused("p.mlir", "-o", "p").startswith("p.mlir")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "p"], "a program and -o FILE are needed; --help tells more"),
        (["model.mlir"], "a program and -o FILE are needed; --help tells more"),
        (["model.mlir", "-o"], "-o needs a file name"),
        (["gone.mlir", "-o", "p"], "gone.mlir: No such file or directory"),
        (["a.mlir", "b.mlir", "-o", "p"], "one program at a time, and 'b.mlir' is the second"),
        (
            ["model.mlir", "-o", "p", "--emit=frob"],
            "--emit=frob: choose one of exe, shared, object, asm, llvm, mlir",
        ),
        (["model.mlir", "-o", "p", "--target="], "--target needs a value: --target=..."),
        (["model.mlir", "-o", "p", "--name"], "--name needs a value: --name=..."),
        (["model.mlir", "-o", "p", "--frob"], "unknown option '--frob'; --help lists them"),
        (
            ["model.mlir", "-o", "p", "--serial", "--threads"],
            "--threads and --serial exclude each other",
        ),
        (["model.mlir", "-o", "p", "--unchecked"], "--unchecked is for asm, llvm and mlir"),
        (
            ["model.mlir", "-o", "p", "--name=a-b"],
            "--name: 'a-b' cannot name a C function",
        ),
        (
            ["model.mlir", "-o", "p", "--target=aarch64-apple-darwin"],
            "--target=aarch64-apple-darwin: --emit=exe is for Linux; --emit=asm can",
        ),
        (["model.mlir", "--emit=asm", "-o", "no/such/p"], "no/such/p: No such file or directory"),
    ],
)
def test_wrong_command_lines(workshop, arguments, message):
    assert workshop.refused(*arguments) == message


def test_a_missing_cross_compiler_is_named(workshop):
    message = workshop.refused("model.mlir", "-o", "p", "--target=loongarch64-linux-gnu")
    assert message == (
        "no C compiler for loongarch64 found to link with: install loongarch64-linux-gnu-gcc "
        "(Debian: gcc-loongarch64-linux-gnu), or set CC; --emit=asm needs none"
    )


def test_an_unknown_cpu_is_named(workshop):
    message = workshop.refused("model.mlir", "-o", "p", "--target=frobnicator")
    assert "unknown CPU 'frobnicator'" in message


def test_help(workshop):
    text = workshop.compile("--help").stdout
    for option in ("-o FILE", "--emit=exe", "--target=", "--serial", "--weights=", "--name="):
        assert option in text


def header_file(header, data=b""):
    return struct.pack("<Q", len(header)) + header + data


def entry(**changes):
    fields = {"dtype": "F32", "shape": [1, 3], "data_offsets": [0, 12], **changes}
    return header_file(json.dumps({"layer.bias": fields}).encode(), bytes(12))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a safetensors file"),
        (b"\xff" * 8, "not a safetensors file, or cut short"),
        (header_file(b"{nonsense"), "the header of this safetensors file is not JSON"),
        (header_file(b"[1]"), "the header of this safetensors file is no JSON object"),
        (entry(data_offsets=[0, 13]), "tensor 'layer.bias' is malformed or cut short"),
        (entry(data_offsets=[12, 0]), "tensor 'layer.bias' is malformed or cut short"),
        (entry(shape=[-1, 3]), "tensor 'layer.bias' is malformed or cut short"),
        (entry(data_offsets=[0, 8]), "tensor 'layer.bias' has the wrong number of bytes"),
        (entry(shape=[3]), "tensor 'layer.bias' does not have the shape of f32[1,3]"),
        (entry(dtype="F16"), "tensor 'layer.bias' is F16, the program takes F32"),
    ],
)
def test_malformed_weights(workshop, content, message):
    (workshop.folder / "w.safetensors").write_bytes(content)
    found = workshop.refused("model.mlir", "--weights=w.safetensors", "-o", "p")
    assert found == "w.safetensors: " + message


def test_a_written_argument_is_not_embedded(workshop):
    workshop.write(
        "p.mlir",
        MODEL.replace(
            "%x: tensor<4x8xf32>", '%s: tensor<4xf32> {stepwell.name = "s"},\n %x: tensor<4x8xf32>'
        ).replace('{stepwell.name = "y"}', "{stepwell.into = 0 : i64}"),
    )
    save_safetensors(
        workshop.folder / "w.safetensors", {"s": np.zeros(4, np.float32)} | model_inputs()
    )
    assert workshop.refused("p.mlir", "--weights=w.safetensors", "-o", "p") == (
        "w.safetensors: tensor 's' is written by the program: it cannot be embedded"
    )
