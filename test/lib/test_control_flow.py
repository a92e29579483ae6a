# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Branches and loops of the array dialect: their text is read and printed, and they run."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import stepwell as sw
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from control_flow import NUMBER, TRUTH, RandomProgram, Value, Writer  # noqa: E402


def run(text: str, *arguments: np.ndarray) -> list[np.ndarray]:
    executable = sw._core._bind_program(text, {})
    results = executable.run([sw.tensor(np.asarray(each)) for each in arguments])
    return [result.numpy() for result in results]


@given(st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_reading_undoes_printing(seed: int) -> None:
    text = RandomProgram(seed).text
    assert sw._core._reprint(text) == text


@pytest.mark.parametrize("seed", range(24))
def test_random_programs_compute_what_they_say(seed: int) -> None:
    program = RandomProgram(seed)
    results = run(program.text, *program.numbers)
    for result, expected in zip(results, program.expected(), strict=True):
        np.testing.assert_array_equal(result, expected)


def write(inputs: list[Value], body: Callable[[Writer, list[Value]], list[Value]]) -> str:
    writer = Writer()
    arguments = writer.arguments(inputs)
    results = body(writer, arguments)
    writer.end("func.return", results)
    return writer.program(inputs, results)


def vector(dtype: str, count: int = 3, *, is_open: bool = False) -> Value:
    return Value("", (count,), dtype, frozenset([0] if is_open else []))


def swapping(dtype: str) -> str:
    """Two values that change places as often as a counter says, which goes down."""
    value = vector(dtype)

    def body(w: Writer, arguments: list[Value]) -> list[Value]:
        count, a, b, zero, one = arguments

        def before() -> None:
            now, _, _, last, _ = w.arguments([count, a, b, zero, one])
            w.end("array.yield", w.op("array.gt", [now, last], [TRUTH]))

        def step() -> None:
            now, x, y, _, less = w.arguments([count, a, b, zero, one])
            next_ = w.op("array.sub", [now, less], [NUMBER])
            w.end("array.yield", [*next_, y, x])

        sizes = "operandSegmentSizes = array<i32: 3, 2>"
        results = [NUMBER, value, value]
        return w.op("array.while", arguments, results, sizes, [before, step])[1:]

    return write([NUMBER, value, value, NUMBER, NUMBER], body)


@pytest.mark.parametrize("dtype", ["i1", "ui8", "i16", "f16", "bf16", "f64"])
@pytest.mark.parametrize("times", [0, 1, 2, 5])
def test_what_a_loop_carries_changes_places(dtype: str, times: int) -> None:
    kind = {"i1": sw.bool, "ui8": sw.uint8, "i16": sw.int16, "f16": sw.float16}
    kind |= {"bf16": sw.bfloat16, "f64": sw.float64}
    a, b = sw.tensor([1, 0, 1]).to(kind[dtype]), sw.tensor([0, 0, 1]).to(kind[dtype])
    numbers = [sw.tensor(n) for n in (times, 0, 1)]
    executable = sw._core._bind_program(swapping(dtype), {})
    results = executable.run([numbers[0], a, b, *numbers[1:]])
    expected = [a, b] if times % 2 == 0 else [b, a]
    assert [r.tolist() for r in results] == [e.tolist() for e in expected]
    assert [a.tolist(), b.tolist()] == [[1, 0, 1], [0, 0, 1]]  # nobody wrote to them


def running_sum(reverse: bool) -> str:
    row, rows = Value("", (2,), "f64"), Value("", (0, 2), "f64", frozenset([0]))

    def body(w: Writer, arguments: list[Value]) -> list[Value]:
        def step() -> None:
            s, x = w.arguments([row, row])
            total = w.op("array.add", [s, x], [row])
            w.end("array.yield", total * 2)

        flags = "reverse, " if reverse else ""
        sizes = f"{flags}operandSegmentSizes = array<i32: 1, 1, 0>"
        return w.op("array.scan", arguments, [row, rows], sizes, [step])

    return write([row, rows], body)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("count", [0, 1, 7, 1000])
def test_scan_sums_up(reverse: bool, count: int) -> None:
    x = np.arange(2.0 * count).reshape(count, 2)
    last, all_ = run(running_sum(reverse), np.array([0.5, -0.5]), x)
    ordered = x[::-1] if reverse else x
    sums = np.cumsum(np.concatenate([[[0.5, -0.5]], ordered]), 0)
    np.testing.assert_array_equal(last, sums[-1])
    np.testing.assert_array_equal(all_, sums[1:][::-1] if reverse else sums[1:])


def test_a_bad_index_in_a_branch_is_an_error_only_if_it_is_taken() -> None:
    x, index = vector("f32"), Value("", (1,), "i64")
    picked = Value("", (1,), "f32")

    def body(w: Writer, arguments: list[Value]) -> list[Value]:
        def take() -> None:
            a, i = w.arguments([x, index])
            w.end("array.yield", w.op("array.index_select", [a, i], [picked], "dim = 0 : i64"))

        def first() -> None:
            a, _ = w.arguments([x, index])
            slices = "starts = array<i64: 0>, sizes = array<i64: 1>, steps = array<i64: 1>"
            w.end("array.yield", w.op("array.slice", [a], [picked], slices))

        return w.op("array.cond", arguments, [picked], blocks=[take, first])

    text = write([TRUTH, x, index], body)
    x_, bad = np.arange(3, dtype="f"), np.array([5])
    assert run(text, np.array(False), x_, bad)[0].tolist() == [0]
    assert run(text, np.array(True), x_, np.array([2]))[0].tolist() == [2]
    with pytest.raises(IndexError, match="5"):
        run(text, np.array(True), x_, bad)


def test_a_derivative_through_a_branch_is_refused() -> None:
    x = vector("f32")

    def body(w: Writer, arguments: list[Value]) -> list[Value]:
        def branch(op: str) -> Callable[[], None]:
            def block() -> None:
                (a,) = w.arguments([x])
                w.end("array.yield", w.op(f"array.{op}", [a], [x]))

            return block

        return w.op("array.cond", arguments, [x], blocks=[branch("exp"), branch("neg")])

    executable = sw._core._bind_program(write([TRUTH, x], body), {})
    a = sw.ones(3, requires_grad=True)
    (y,) = executable.run([sw.tensor(True), a])
    np.testing.assert_allclose(y.tolist(), np.exp([1.0] * 3), rtol=1e-6)
    with pytest.raises(RuntimeError, match="'array.cond' op has no derivative"):
        y.sum().backward()


def test_a_derivative_inside_of_a_branch() -> None:
    """The gradient of exp, where it is asked for."""
    x = vector("f32")

    def body(w: Writer, arguments: list[Value]) -> list[Value]:
        def gradient() -> None:
            a, g = w.arguments([x, x])
            (y,) = w.op("array.exp", [a], [x])

            def function() -> None:
                (b,) = w.arguments([x])
                w.end("autodiff.yield", w.op("array.exp", [b], [x]))

            request = "cotangents = array<i64: 0>, wrt = array<i64: 0>"
            w.end("array.yield", w.op("autodiff.vjp", [a, y, g], [x], request, [function]))

        def nothing() -> None:
            _, g = w.arguments([x, x])
            w.end("array.yield", [g])

        return w.op("array.cond", arguments, [x], blocks=[gradient, nothing])

    text = write([TRUTH, x, x], body)
    assert sw._core._reprint(text) == text
    a, g = np.array([0, 1, 2], "f"), np.array([1, 2, 3], "f")
    np.testing.assert_allclose(run(text, np.array(True), a, g)[0], np.exp(a) * g, rtol=1e-6)
    assert run(text, np.array(False), a, g)[0].tolist() == g.tolist()


@pytest.mark.parametrize(
    "change, expected",
    [
        (("tensor<i1>, tensor<3xf32>", "tensor<3xf32>, tensor<3xf32>"), "types of the operands"),
        (('"array.yield"(%3)', '"array.yield"(%9)'), "a value that is defined above"),
        ((") ({\n", ") <{reverse}> ({\n"), "an attribute of 'array.cond'"),
        (('"array.cond"', '"array.switch"'), "an operation of this build"),
        (('"array.cond"', '"autodiff.cond"'), "an operation of this build"),
    ],
)
def test_what_does_not_fit_is_refused(change: tuple[str, str], expected: str) -> None:
    x = vector("f32")

    def body(w: Writer, arguments: list[Value]) -> list[Value]:
        def same() -> None:
            w.end("array.yield", w.arguments([x]))

        return w.op("array.cond", arguments, [x], blocks=[same, same])

    text = write([TRUTH, x], body)
    assert sw._core._reprint(text) == text
    before, after = change
    at = text.rindex(before)
    with pytest.raises(ValueError, match=expected):
        sw._core._reprint(text[:at] + after + text[at + len(before) :])


@given(st.integers(0, 2**32), st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_programs_are_refused_or_read(seed: int, data: st.DataObject) -> None:
    """Words that change places: a ValueError, or a Program that prints as it was read."""
    words = RandomProgram(seed % 50).text.split(" ")
    for _ in range(data.draw(st.integers(1, 3))):
        i = data.draw(st.integers(0, len(words) - 1))
        j = data.draw(st.integers(0, len(words) - 1))
        words[i] = words[j]
    text = " ".join(words)
    try:
        printed = sw._core._reprint(text)
    except ValueError:
        return
    assert sw._core._reprint(printed) == printed
