# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random numbers on a Vulkan device: the same as on the CPU, bit for bit."""

import pathlib
import sys

import numpy as np
import pytest
import stepwell as sw

sys.path[:0] = map(str, (pathlib.Path(__file__).parent, pathlib.Path(__file__).parents[2]))
import philox  # noqa: E402
import vulkan  # noqa: E402

SHAPE, COUNT = (37, 1001), 37 * 1001


def draw(compile_program, operation, attributes, words, element, dtype):
    """One operation on a Vulkan device; `words` are its operands before `like`."""
    names = ", ".join(f"%{i}: tensor<i64>" for i in range(len(words)))
    values = ", ".join(f"%{i}" for i in range(len(words)))
    types = ", ".join(["tensor<i64>"] * len(words))
    program = (
        f"func.func @main({names}, %like: tensor<?x?xi8> {{stepwell.shape_only}})"
        f" -> tensor<?x?x{element}> {{\n"
        f"  %r = array.{operation} {values}, %like {attributes} : ({types}, tensor<?x?xi8>)"
        f" -> tensor<?x?x{element}>\n"
        f"  return %r : tensor<?x?x{element}>\n}}\n"
    )
    result = np.empty(SHAPE, dtype)
    arguments = [np.array(word, np.int64) for word in words]
    like = np.empty(SHAPE, np.int8)
    vulkan.device().launch(compile_program("spirv vulkan", program), [*arguments, like, result])
    return result


def test_bits(compile_program):
    got = draw(
        compile_program, "random_bits", "{bits = 64 : i64}", [-3, 2**40 - 5], "i64", np.int64
    )
    expected = philox.bits64(-3, 2**40 - 5, COUNT)
    np.testing.assert_array_equal(got.reshape(-1).view(np.uint64), expected)


DTYPES = {
    "f16": (sw.float16, np.float16),
    "f32": (sw.float32, np.float32),
    "f64": (sw.float64, np.float64),
}


@pytest.mark.parametrize("kind", ["uniform", "normal"])
@pytest.mark.parametrize("element", DTYPES)
def test_floats(compile_program, kind, element):
    ours, dtype = DTYPES[element]
    got = draw(compile_program, f"random_{kind}", f"{{dtype = {element}}}", [5, 0], element, dtype)
    factory = sw.rand if kind == "uniform" else sw.randn
    generator = sw.Generator().manual_seed(5)
    on_cpu = factory(SHAPE, dtype=ours, generator=generator).numpy()
    np.testing.assert_array_equal(got, on_cpu)


def test_integers(compile_program):
    got = draw(compile_program, "random_integers", "", [8, 0, -7, 2**60], "i64", np.int64)
    assert got.reshape(-1).tolist() == philox.integers(8, 0, COUNT, -7, 2**60)
