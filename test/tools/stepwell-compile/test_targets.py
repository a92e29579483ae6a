# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table of targets in docs/shipping.md: each is right, or refused in one line."""

import ctypes
import shutil
from pathlib import Path

import numpy as np
import pytest
from shipping import model_inputs, model_result

PACKAGED = ("exe", "shared", "object")
TEXT = ("asm", "llvm", "mlir")
PROCESSORS = "programs are compiled for x86_64, aarch64, riscv64, powerpc64le and loongarch64"

HERE = ("host", "x86-64", "x86-64-v4+amx", "znver4", "x86_64-linux-gnu", "x86_64-unknown-linux")
CROSS = ("aarch64-linux-gnu", "riscv64-linux-gnu", "powerpc64le-linux-gnu", "loongarch64-linux-gnu")
OTHER_SYSTEM = ("x86_64-w64-mingw32", "x86_64-apple-darwin", "x86_64-linux-musl",
                "x86_64-unknown-freebsd", "aarch64-apple-darwin", "aarch64-linux-android",
                "aarch64", "x86_64-pc-windows-msvc")  # fmt: skip
REFUSED = ("armv7-linux-gnueabihf", "i686-linux-gnu", "riscv32-linux-gnu", "s390x-linux-gnu",
           "powerpc64-linux-gnu", "aarch64_be-linux-gnu", "mips64el-linux-gnuabi64",
           "nvptx64-nvidia-cuda", "amdgcn-amd-amdhsa", "spirv64-unknown-vulkan", "spirv",
           "wasm32-wasi", "wasm64", "bpfel", "avr", "hexagon-linux-musl", "x86_64-linux-gnux32",
           "dxil-pc-shadermodel6.0", "sparcv9-linux-gnu")  # fmt: skip


@pytest.mark.parametrize("target", HERE)
def test_cpus_of_this_kind(workshop, target):
    for emit in PACKAGED:
        workshop.compile("model.mlir", f"--emit={emit}", f"--target={target}", "-o", f"out-{emit}")
        assert (workshop.folder / f"out-{emit}").read_bytes()[:4] == b"\x7fELF"


@pytest.mark.parametrize("target", [*HERE[2:5], *CROSS, *OTHER_SYSTEM])
def test_text_for_every_processor(workshop, target):
    for emit in TEXT:
        workshop.compile("model.mlir", f"--emit={emit}", f"--target={target}", "-o", "out")
        assert (workshop.folder / "out").stat().st_size > 1000


@pytest.mark.parametrize("target", CROSS)
def test_another_processor_needs_its_compiler(workshop, target):
    arch = target.split("-")[0]
    for emit in PACKAGED:
        arguments = ("model.mlir", f"--emit={emit}", f"--target={target}", "-o", "out")
        if shutil.which(f"{arch}-linux-gnu-gcc"):
            workshop.compile(*arguments)
            machine = {"aarch64": 183, "riscv64": 243, "powerpc64le": 21, "loongarch64": 258}[arch]
            assert (workshop.folder / "out").read_bytes()[18] == machine & 255
        else:
            message = workshop.refused(*arguments)
            assert message.startswith(
                f"no C compiler for {arch} found to link with: install {arch}-"
            )
            assert not (workshop.folder / "out").exists()


@pytest.mark.parametrize("target", OTHER_SYSTEM)
@pytest.mark.parametrize("emit", PACKAGED)
def test_other_systems_get_no_linux_binary(workshop, target, emit):
    message = workshop.refused("model.mlir", f"--emit={emit}", f"--target={target}", "-o", "out")
    assert message.startswith(f"--target={target}: --emit={emit} is for ")
    assert not (workshop.folder / "out").exists()


@pytest.mark.parametrize("target", REFUSED)
def test_other_processors_are_refused(workshop, target):
    for emit in ("exe", "object", "asm"):
        message = workshop.refused(
            "model.mlir", f"--emit={emit}", f"--target={target}", "-o", "out"
        )
        assert message.startswith(f"--target={target}: ")
        assert PROCESSORS in message or "64-bit addresses" in message
        assert not (workshop.folder / "out").exists()


@pytest.mark.parametrize("target", ["sm_90", "gfx942", "frobnicator", "cortex-a72", "x86-64-v9"])
def test_unknown_cpus_are_named(workshop, target):
    for emit in ("exe", "llvm", "mlir"):
        message = workshop.refused(
            "model.mlir", f"--emit={emit}", f"--target={target}", "-o", "out"
        )
        assert f"unknown CPU '{target}'" in message
        assert not (workshop.folder / "out").exists()


@pytest.fixture
def inputs(workshop):
    for i, value in enumerate(model_inputs().values()):
        np.save(workshop.folder / f"{i}.npy", value)
    return [f"{i}.npy" for i in range(3)]


def has_features(names):
    flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    return all(name in flags for name in names)


# Two families' own, so that no machine has both: AMD's XOP, and Intel's tiles of f16.
@pytest.mark.parametrize(
    "target, features", [("bdver4", ["xop", "fma4"]), ("graniterapids", ["amx_fp16"])]
)
def test_an_executable_says_what_the_processor_lacks(workshop, inputs, target, features):
    workshop.compile("model.mlir", f"--target={target}", "-o", "model")
    done = workshop.run("./model", *inputs, check=False)
    if has_features(features):
        np.testing.assert_allclose(
            np.load(workshop.folder / "y.npy"), model_result(model_inputs()), rtol=1e-5
        )
    else:
        message = workshop.one_line(done, "model")
        assert message.startswith(f"this program was compiled for {target}; this processor lacks ")


def test_a_library_for_a_newer_processor_returns_device_error(workshop, inputs):
    workshop.compile("model.mlir", "--emit=shared", "--target=bdver4", "-o", "libm.so")
    function = ctypes.CDLL(str(workshop.folder / "libm.so")).m
    arrays = [*model_inputs().values(), np.zeros(4, np.float32)]
    expected = 0 if has_features(["xop", "fma4"]) else 5
    assert function(*(a.ctypes.data_as(ctypes.c_void_p) for a in arrays)) == expected
