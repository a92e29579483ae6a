# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""stepwell-compile on small programs, as a user runs it."""

import json
import os
import struct
import subprocess
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("STEPWELL_BUILD_DIR", ROOT / "build"))

# exp(x @ w + b), summed along its rows.
MODEL = """
func.func @main(%x: tensor<4x8xf32> {stepwell.name = "x"},
                %w: tensor<8x3xf32> {stepwell.name = "layer.weight"},
                %b: tensor<1x3xf32> {stepwell.name = "layer.bias"})
    -> (tensor<4xf32> {stepwell.name = "y"}) {
  %0 = array.matmul %x, %w : (tensor<4x8xf32>, tensor<8x3xf32>) -> tensor<4x3xf32>
  %1 = array.add %0, %b : (tensor<4x3xf32>, tensor<1x3xf32>) -> tensor<4x3xf32>
  %2 = array.exp %1 : (tensor<4x3xf32>) -> tensor<4x3xf32>
  %3 = array.sum %2 {dims = array<i64: 1>, keepdim = false} : (tensor<4x3xf32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}
"""


def model_inputs():
    generator = np.random.default_rng(0)
    shapes = {"x": (4, 8), "layer.weight": (8, 3), "layer.bias": (1, 3)}
    return {k: generator.normal(size=s).astype(np.float32) for k, s in shapes.items()}


def model_result(inputs):
    x, w, b = (v.astype(np.float64) for v in inputs.values())
    return np.exp(x @ w + b).sum(1)


def save_safetensors(path, tensors):
    names = {"float32": "F32", "float64": "F64", "int32": "I32"}
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, value in tensors.items():
        header[name] = {
            "dtype": names[str(value.dtype)],
            "shape": list(value.shape),
            "data_offsets": [len(data), len(data) + value.nbytes],
        }
        data += value.tobytes()
    text = json.dumps(header).encode()
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)


class Workshop:
    """A folder with programs, and the tool."""

    def __init__(self, folder):
        self.folder = folder

    def write(self, name, text):
        (self.folder / name).write_text(text)
        return name

    def run(self, *command, check=True):
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done

    def compile(self, *arguments, **options):
        return self.run(BUILD / "bin" / "stepwell-compile", *arguments, **options)

    def refused(self, *arguments):
        """The one line that the tool had to say."""
        done = self.compile(*arguments, check=False)
        return self.one_line(done, "stepwell-compile")

    @staticmethod
    def one_line(done, program):
        assert done.returncode == 1, done.stderr
        assert done.stderr.endswith("\n") and done.stderr.count("\n") == 1, done.stderr
        assert done.stderr.startswith(f"{program}: error: ")
        return done.stderr[len(program) + 9 : -1]

    def libraries(self, file):
        lines = self.run("ldd", file).stdout.splitlines()
        return {line.split()[0].split("/")[-1] for line in lines}
