# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every operation, with sizes that its types leave open here and there, goes down to buffers."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "test"))

import array_instances  # noqa: E402
import descent  # noqa: E402

OPERATIONS = array_instances.mnemonics(
    json.loads((descent.BUILD / "records/records.json").read_text())
)


def programs(name, opened_operands, opened_results):
    for seed in range(3):
        r = random.Random(f"{name} {seed}")
        made = array_instances.instance(r, name)
        tensors = [*made.operands, *made.results]
        chosen = {}

        def is_open(i, d, made=made, tensors=tensors, chosen=chosen, r=r):
            if tensors[i].shape[d] == 1:  # a 1 may stretch, an open size does not
                return False
            which = opened_results if i >= len(made.operands) else opened_operands
            if which == "some":
                return chosen.setdefault((i, d), r.random() < 0.5)
            return which

        yield made.program(is_open)


@pytest.mark.parametrize(
    "operands, results",
    [(True, True), (True, False), (False, True), ("some", "some"), ("some", False)],
)
@pytest.mark.parametrize("passes", [["convert-array-to-linalg"], descent.PASSES])
def test_every_operation_lowers(operands, results, passes):
    texts = [text for name in OPERATIONS for text in programs(name, operands, results)]
    if passes == ["convert-array-to-linalg"]:
        passes = ["stepwell-decompose-composites", *passes]
    done = descent.run(passes, texts, 600)
    assert done.returncode == 0, done.stderr[-3000:]


# What has no elements is no slice of `tensor`, which wants to begin inside.
EMPTY = {
    "topk": "%r:2 = array.topk %x {dim = 0 : i64, k = 0 : i64} : (tensor<3x2xf32>) -> "
    "(tensor<0x2xf32>, tensor<0x2xi64>)\n  return %r#0 : tensor<0x2xf32>",
    "slice": "%r = array.slice %x {starts = array<i64: 3, 0>, sizes = array<i64: 0, 2>, "
    "steps = array<i64: 1, 1>} : (tensor<3x2xf32>) -> tensor<0x2xf32>\n"
    "  return %r : tensor<0x2xf32>",
    "pad": "%r = array.pad %x {low = array<i64: -3, 0>, high = array<i64: 0, 0>} : "
    "(tensor<3x2xf32>) -> tensor<0x2xf32>\n  return %r : tensor<0x2xf32>",
}


@pytest.mark.parametrize("name", EMPTY)
def test_slices_of_nothing(name):
    result = "tensor<0x2xf32>"
    text = f"func.func @main(%x: tensor<3x2xf32>) -> {result} {{\n  {EMPTY[name]}\n}}\n"
    done = subprocess.run(
        [descent.BUILD / "bin" / "stepwell-opt", "--convert-array-to-linalg"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_phase_of_a_convolution_without_elements():
    image, weight = "tensor<2x3x1x4xf32>", "tensor<2x3x3x2xf32>"
    attributes = "{stride = array<i64: 2, 3>, padding = array<i64: 1, 2>}"
    text = (
        f"func.func @main(%g: tensor<2x2x1x3xf32>, %w: {weight}, %x: {image}) -> {image} {{\n"
        f"  %r = array.conv2d_input_gradient %g, %w, %x {attributes} : "
        f"(tensor<2x2x1x3xf32>, {weight}, {image}) -> {image}\n  return %r : {image}\n}}\n"
    )
    done = subprocess.run(
        [descent.BUILD / "bin" / "stepwell-opt", "--convert-array-to-linalg"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
