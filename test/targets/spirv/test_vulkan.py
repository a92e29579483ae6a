# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Array programs on a Vulkan device against NumPy: the launch ABI is not a CPU's only."""

import pathlib
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import vulkan  # noqa: E402

DTYPES = {
    "f32": np.float32,
    "f64": np.float64,
    "f16": np.float16,
    "i8": np.int8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
    "i1": np.bool_,
}
random = np.random.default_rng(2)


def values(shape, name="f32"):
    if name == "i1":
        return random.integers(0, 2, shape).astype(np.bool_)
    if name[0] == "i":
        return random.integers(-100, 100, shape).astype(DTYPES[name])
    return random.standard_normal(shape).astype(DTYPES[name])


def tensor(rank_or_dims, name):
    dims = ["?"] * rank_or_dims if isinstance(rank_or_dims, int) else rank_or_dims
    return "tensor<" + "".join(f"{d}x" for d in dims) + name + ">"


def add_program(x, y, z, layouts=("strided", "strided")):
    arguments = ", ".join(
        f'%{i}: {t} {{stepwell.layout = "{layout}"}}'
        for i, (t, layout) in enumerate(zip((x, y), layouts, strict=True))
    )
    return (
        f"func.func @main({arguments}) -> {z} {{\n"
        f"  %2 = array.add %0, %1 : ({x}, {y}) -> {z}\n"
        f"  return %2 : {z}\n}}\n"
    )


def sum_program(x, z, dims, layout="contiguous"):
    listed = ", ".join(map(str, dims))
    return (
        f'func.func @main(%0: {x} {{stepwell.layout = "{layout}"}}) -> {z} {{\n'
        f"  %1 = array.sum %0 {{dims = array<i64: {listed}>}} : ({x}) -> {z}\n"
        f"  return %1 : {z}\n}}\n"
    )


def run(compile_program, program, *arguments):
    vulkan.device().launch(compile_program("spirv vulkan", program), list(arguments))


@pytest.mark.parametrize("name", DTYPES)
def test_add(compile_program, name):
    x, y = values((33, 65), name), values((33, 65), name)
    z = np.empty_like(x)
    t = tensor(2, name)
    run(compile_program, add_program(t, t, t, ("contiguous",) * 2), x, y, z)
    np.testing.assert_array_equal(z, x + y)


VIEWS = {
    "transposed": lambda x: x.T,
    "flipped": lambda x: x[::-1, ::-1].T,
    "every other": lambda x: np.repeat(x, 2, axis=1)[:, ::2].T,
    "one row": lambda x: np.broadcast_to(x[:, :1].T, x.T.shape),
    "one element": lambda x: np.broadcast_to(x[3, 5], x.T.shape),
}


@pytest.mark.parametrize("view", VIEWS)
def test_add_of_views(compile_program, view):
    x, y = values((65, 33)), VIEWS[view](values((65, 33)))
    z = np.empty((33, 65), np.float32)
    t = tensor(2, "f32")
    run(compile_program, add_program(t, t, t), x.T, y, z)
    np.testing.assert_array_equal(z, x.T + y)


def test_add_broadcasts_a_dimension_of_one(compile_program):
    x, y = values((33, 65)), values((1, 65))
    z = np.empty_like(x)
    program = add_program(tensor(2, "f32"), tensor([1, "?"], "f32"), tensor(2, "f32"))
    run(compile_program, program, x, y, z)
    np.testing.assert_array_equal(z, x + y)


def test_add_of_a_scalar(compile_program):
    x = values((100003,))
    z = np.empty_like(x)
    program = (
        "func.func @main(%0: tensor<?xf32>, %1: tensor<f32> {stepwell.scalar}) -> tensor<?xf32> {\n"
        "  %2 = array.add %0, %1 : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>\n"
        "  return %2 : tensor<?xf32>\n}\n"
    )
    run(compile_program, program, x, np.float32(2.5), z)
    np.testing.assert_array_equal(z, x + np.float32(2.5))


def test_add_writes_into_its_input(compile_program):
    x, y = values((33, 65)), values((33, 65))
    expected = x + y
    program = (
        "func.func @main(%0: tensor<?x?xf32>, %1: tensor<?x?xf32>)"
        " -> (tensor<?x?xf32> {stepwell.into = 0}) {\n"
        "  %2 = array.add %0, %1 : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>\n"
        "  return %2 : tensor<?x?xf32>\n}\n"
    )
    run(compile_program, program, x, y)
    np.testing.assert_array_equal(x, expected)


def test_nothing_is_written_for_no_element(compile_program):
    t = tensor(2, "f32")
    z = np.empty((0, 5), np.float32)
    program = add_program(t, t, t, ("contiguous",) * 2)
    run(compile_program, program, values((0, 5)), values((0, 5)), z)
    t1 = tensor(1, "f32")
    total = np.full(3, 7, np.float32)
    run(compile_program, sum_program(t, t1, [1]), values((3, 0)), total)
    np.testing.assert_array_equal(total, np.zeros(3))


@pytest.mark.parametrize("name", ["f32", "f64", "i64"])
@pytest.mark.parametrize("dims", [(1,), (0,), (0, 1)])
@pytest.mark.parametrize("shape", [(5, 1001), (1001, 5), (1, 1), (300, 300)])
def test_sum(compile_program, name, dims, shape):
    x = values(shape, name)
    expected = x.sum(axis=dims)
    z = np.empty_like(expected)
    program = sum_program(tensor(2, name), tensor(2 - len(dims), name), dims)
    run(compile_program, program, x, z)
    if name == "i64":
        np.testing.assert_array_equal(z, expected)
    else:
        # Each of n additions rounds once; a tree and NumPy's order differ by no more.
        size = np.abs(x.astype(np.float64)).sum(axis=dims)
        bound = size * x.size * np.finfo(x.dtype).eps
        assert np.all(np.abs(z - expected) <= bound)


def test_sum_of_a_view(compile_program):
    x = values((700, 9), "i64")[::-1].T
    z = np.empty(9, np.int64)
    program = sum_program(tensor(2, "i64"), tensor(1, "i64"), [1], "strided")
    run(compile_program, program, x, z)
    np.testing.assert_array_equal(z, x.sum(axis=1))


def test_kernels_share_the_workspace(compile_program):
    """The sum is needed twice, so it is kept between kernels."""
    x = values((40, 500), "i64")
    z = np.empty((40, 500), np.int64)
    program = (
        "func.func @main(%0: tensor<?x?xi64>) -> tensor<?x?xi64> {\n"
        "  %1 = array.sum %0 {dims = array<i64: 1>, keepdim = true}"
        " : (tensor<?x?xi64>) -> tensor<?x1xi64>\n"
        "  %2 = array.add %0, %1 : (tensor<?x?xi64>, tensor<?x1xi64>) -> tensor<?x?xi64>\n"
        "  return %2 : tensor<?x?xi64>\n}\n"
    )
    object_ = compile_program("spirv vulkan", program)
    plan = vulkan.manifest.from_spirv(object_)
    words = vulkan.manifest.pack_words([x, z], lambda array: 0)
    assert vulkan.manifest.evaluate(plan["workspace"], words) >= 40 * 8
    run(compile_program, program, x, z)
    np.testing.assert_array_equal(z, x + x.sum(axis=1, keepdims=True))


def test_bf16_is_refused(compile_program):
    t = tensor(2, "bf16")
    with pytest.raises(RuntimeError, match="SPIR-V has no bf16"):
        compile_program("spirv vulkan", add_program(t, t, t))
