# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--emit=exe: files in, files out, nothing but libc."""

from pathlib import Path

import numpy as np
import pytest
from shipping import model_inputs, model_result, save_safetensors

SYSTEM = {"linux-vdso.so.1", "libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}


@pytest.fixture
def model(workshop):
    workshop.compile("model.mlir", "--serial", "-o", "model")
    for name, value in model_inputs().items():
        np.save(workshop.folder / f"{name}.npy", value)
    return workshop


FILES = ["x.npy", "layer.weight.npy", "layer.bias.npy"]


@pytest.mark.parametrize("threading", ["--serial", "--threads"])
def test_numbers_equal_numpys(model, threading):
    model.compile("model.mlir", "--emit=exe", threading, "-o", "model")
    assert model.libraries("model") <= SYSTEM
    done = model.run("./model", *FILES, "--out-prefix=result_")
    assert done.stdout == "y f32[4] -> result_y.npy\n"
    result = np.load(model.folder / "result_y.npy")
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, model_result(model_inputs()), rtol=1e-5)


def test_raw_files(model):
    for name, value in model_inputs().items():
        value.tofile(model.folder / f"{name}.bin")
    model.run("./model", *(name.replace(".npy", ".bin") for name in FILES))
    result = np.load(model.folder / "y.npy")
    np.testing.assert_allclose(result, model_result(model_inputs()), rtol=1e-5)


def test_embedded_weights(model):
    inputs = model_inputs()
    weights = {name: inputs[name] for name in ("layer.bias", "layer.weight")}
    save_safetensors(model.folder / 'odd "name".safetensors', {"unused": inputs["x"], **weights})
    model.compile("model.mlir", '--weights=odd "name".safetensors', "-o", "model")
    (model.folder / 'odd "name".safetensors').unlink()
    usage = model.run("./model", "--help").stdout
    assert usage.startswith("usage: model x [--out-prefix=PREFIX]\n")
    assert "layer_weight     f32[8,3] (embedded)" in usage
    model.run("./model", "x.npy")
    np.testing.assert_allclose(np.load(model.folder / "y.npy"), model_result(inputs), rtol=1e-5)


def test_help_is_the_signature(model):
    usage = model.run("./model", "--help").stdout
    assert "usage: model x layer_weight layer_bias [--out-prefix=PREFIX]" in usage
    assert "inputs:\n  x                f32[4,8]\n" in usage
    assert "results:\n  y                f32[4]\n" in usage


def test_dynamic_inputs_and_a_scalar(workshop):
    workshop.write(
        "total.mlir",
        """func.func @main(%x: tensor<?x3xf32> {stepwell.name = "x"},
                 %s: tensor<f32> {stepwell.name = "s", stepwell.scalar}) -> tensor<f32> {
  %0 = array.sum %x {dims = array<i64: 0, 1>, keepdim = false} : (tensor<?x3xf32>) -> tensor<f32>
  %1 = array.add %0, %s : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %1 : tensor<f32>
}""",
    )
    workshop.compile("total.mlir", "-o", "total")
    for rows in (0, 1, 7):
        x = np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)
        np.save(workshop.folder / "x.npy", x)
        x.tofile(workshop.folder / "x.bin")
        for file in ("x.npy", "x.bin"):
            workshop.run("./total", file, "-0.5")
            result = np.load(workshop.folder / "out0.npy")
            assert result.shape == () and result == x.sum() - 0.5


def test_an_input_that_is_written(workshop):
    workshop.write(
        "step.mlir",
        """func.func @main(%w: tensor<4xf32> {stepwell.name = "w"}, %g: tensor<4xf32>)
    -> (tensor<4xf32> {stepwell.into = 0 : i64}) {
  %0 = array.add %w, %g : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}""",
    )
    workshop.compile("step.mlir", "-o", "step")
    np.save(workshop.folder / "a.npy", np.arange(4, dtype=np.float32))
    np.save(workshop.folder / "b.npy", np.full(4, 10, np.float32))
    workshop.run("./step", "a.npy", "b.npy", "--out-prefix=new_")
    assert np.load(workshop.folder / "new_w.npy").tolist() == [10, 11, 12, 13]
    assert np.load(workshop.folder / "a.npy").tolist() == [0, 1, 2, 3]


def spoil(kind, folder):
    x = model_inputs()["x"]
    good = (folder / "x.npy").read_bytes()
    if kind == "dtype":
        np.save(folder / "x.npy", x.astype(np.float64))
    elif kind == "shape":
        np.save(folder / "x.npy", x.T.copy())
    elif kind == "rank":
        np.save(folder / "x.npy", x[None])
    elif kind == "order":
        np.save(folder / "x.npy", np.asfortranarray(x))
    elif kind == "short":
        (folder / "x.npy").write_bytes(good[:-1])
    elif kind == "long":
        (folder / "x.npy").write_bytes(good + b"!")
    elif kind == "header":
        (folder / "x.npy").write_bytes(good[:6] + b"\xff" * 60)
    elif kind == "gone":
        (folder / "x.npy").unlink()
    elif kind == "raw":
        (folder / "x.npy").write_bytes(b"hello")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("dtype", "x.npy: 'x' takes f32[4,8] (NumPy <f4), the file holds <f8"),
        ("shape", "x.npy: 'x' takes f32[4,8], the file's shape is (8, 4)"),
        ("rank", "x.npy: 'x' takes f32[4,8], the file's shape is (1, 4, 8)"),
        ("order", "x.npy: stored in Fortran order; save numpy.ascontiguousarray(x)"),
        ("short", "x.npy: 'x' takes f32[4,8], which is 128 bytes; the file has 127"),
        ("long", "x.npy: 'x' takes f32[4,8], which is 128 bytes; the file has 129"),
        ("header", "x.npy: this .npy file is cut short"),
        ("gone", "x.npy: No such file or directory"),
        ("raw", "x.npy: 'x' takes f32[4,8], which is 128 bytes; the file has 5"),
    ],
)
def test_bad_files(model, kind, message):
    spoil(kind, model.folder)
    done = model.run("./model", *FILES, check=False)
    assert model.one_line(done, "model") == message


def test_damaged_npy_files_never_crash(model):
    good = (model.folder / "x.npy").read_bytes()
    generator = np.random.default_rng(1)
    for _ in range(150):
        bad = bytearray(good)
        for at in generator.integers(6, 128, size=3):
            bad[at] = generator.integers(256)
        (model.folder / "x.npy").write_bytes(bytes(bad))
        assert model.run("./model", *FILES, check=False).returncode in (0, 1)


def test_wrong_command_lines(model):
    assert model.one_line(model.run("./model", "x.npy", check=False), "model") == (
        "3 inputs are needed, 1 given; --help lists them"
    )
    done = model.run("./model", *FILES, "--frob", check=False)
    assert model.one_line(done, "model") == "unknown option '--frob'; --help lists them"
    done = model.run("./model", *FILES, "--out-prefix=no/such/", check=False)
    assert model.one_line(done, "model") == "no/such/y.npy: No such file or directory"


# f32 in, f32 out, so that NumPy can read it.
NARROW = """
func.func @main(%x: tensor<20x40xf32>) -> (tensor<20x20xf32> {stepwell.name = "y"}) {
  %0 = array.cast %x {dtype = bf16} : (tensor<20x40xf32>) -> tensor<20x40xbf16>
  %1 = array.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<20x40xbf16>) -> tensor<40x20xbf16>
  %2 = array.matmul %0, %1 : (tensor<20x40xbf16>, tensor<40x20xbf16>) -> tensor<20x20xbf16>
  %3 = array.cast %2 {dtype = f32} : (tensor<20x20xbf16>) -> tensor<20x20xf32>
  return %3 : tensor<20x20xf32>
}
"""


def test_tile_registers_are_asked_for(workshop):
    x = np.random.default_rng(0).integers(-2, 3, (20, 40)).astype(np.float32)
    np.save(workshop.folder / "x.npy", x)
    workshop.write("narrow.mlir", NARROW)
    workshop.compile("narrow.mlir", "--target=x86-64-v4+amx", "-o", "narrow")
    done = workshop.run("./narrow", "x.npy", check=False)
    if "amx_bf16" in Path("/proc/cpuinfo").read_text().split():
        np.testing.assert_array_equal(np.load(workshop.folder / "y.npy"), x @ x.T)
    else:  # and not a crash
        assert workshop.one_line(done, "narrow").startswith(
            "this program was compiled for x86-64-v4+amx; this processor lacks "
        )
