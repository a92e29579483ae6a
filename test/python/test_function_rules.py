# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Derivatives and lowerings that a stepwell.function has of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import stepwell as sw
from stepwell import Number, Tensor
from test_function import same, values


def test_a_rule_takes_the_place_of_the_derivative():
    @sw.function
    def straight(x: Tensor):
        return (x * 4).round() / 4

    @straight.vjp
    def _(g):
        return g * 3

    for n in (3, 5):
        x = values(n).requires_grad_()
        y = straight(x)
        same(y.detach(), (x.detach() * 4).round() / 4)
        y.sum().backward()
        same(x.grad, sw.ones(n) * 3)


def test_a_rule_reads_parameters_and_the_result():
    @sw.function
    def root(x: Tensor, scale: Number = 1.0):
        return x.sqrt() * scale

    @root.vjp
    def _(result, g, scale):
        return g * 0.5 * scale * scale / result

    x = (values(4).abs() + 0.5).requires_grad_()
    root(x, 3.0).sum().backward()
    again = x.detach().clone().requires_grad_()
    (again.sqrt() * 3.0).sum().backward()
    same(x.grad, again.grad)


def test_what_a_rule_does_not_read_is_not_kept():
    @sw.function
    def scaled(x: Tensor, y: Tensor):
        return x * 2 + y * 0

    @scaled.vjp
    def _(g):
        return g * 2, None

    x, y = values(4).requires_grad_(), values(4)
    z = x * 1
    out = scaled(z, y)
    with sw.no_grad():
        z.add_(1)  # nobody reads it
    out.sum().backward()
    same(x.grad, sw.ones(4) * 2)


def test_second_derivatives_go_through_the_rule():
    @sw.function
    def cube(x: Tensor):
        return x * x * x

    @cube.vjp
    def _(x, g):
        return g * 3 * x * x

    x = values(5).requires_grad_()
    (first,) = sw.autograd.grad(cube(x).sum(), [x], create_graph=True)
    (second,) = sw.autograd.grad(first.sum(), [x], create_graph=True)
    (third,) = sw.autograd.grad(second.sum(), [x])
    same(second.detach(), 6 * x.detach())
    same(third, sw.ones(5) * 6)


def test_stretched_gradients_are_summed():
    @sw.function
    def shifted(x: Tensor, b: Tensor):
        return x + b

    @shifted.vjp
    def _(g):
        return g, g

    x, b = values(3, 4).requires_grad_(), values(4).requires_grad_()
    shifted(x, b).sum().backward()
    same(b.grad, sw.ones(4) * 3)


def test_several_results_and_lists():
    @sw.function
    def parts(xs: Sequence[Tensor], y: Tensor):
        return xs[0] * xs[1], (xs[0] > 0), y + xs[1]

    @parts.vjp
    def _(xs, result, g):
        first, _, last = g
        return [first * xs[1], first * xs[0] + last], last

    a, b, y = (values(3, seed=i).requires_grad_() for i in range(3))
    first, _, last = parts([a, b], y)
    (first * 2 + last).sum().backward()
    same(a.grad, 2 * b.detach())
    same(b.grad, 2 * a.detach() + 1)
    same(y.grad, sw.ones(3))
    c = values(3).requires_grad_()
    parts([c, b.detach()], y.detach())[0].sum().backward()  # one cotangent alone
    same(c.grad, b.detach())


def test_rules_inside_of_compiled_functions_and_of_each_other():
    @sw.function
    def inner(x: Tensor):
        return x * 1

    @inner.vjp
    def _(g):
        return g * 5

    @sw.function
    def outer(x: Tensor):
        return inner(x) + x

    x = values(4).requires_grad_()
    outer(x).sum().backward()
    same(x.grad, sw.ones(4) * 6)
    compiled = sw.compile(lambda v: inner(v * 2).sum())
    for n in (4, 6):
        x = values(n).requires_grad_()
        compiled(x).backward()
        same(x.grad, sw.ones(n) * 10)
    x = values(4).requires_grad_()

    @sw.compile
    def step(v):
        inner(v).sum().backward()

    step(x)
    same(x.grad, sw.ones(4) * 5)


def test_wrong_rules():
    @sw.function
    def f(x: Tensor, y: Tensor):
        return x * y

    with pytest.raises(TypeError, match=r"test_function_rules.py:\d+: .*there is no 'z'"):

        @f.vjp
        def _(z, g):
            return g, g

    x, y = values(3).requires_grad_(), values(3)
    for rule, message in (
        (lambda g: g, "one gradient for each of its 2 tensor parameters, but gave 1"),
        (lambda g: (g.sum(), None), r"gradient of shape \(\) for 'x', which has shape \(3,\)"),
        (lambda g: (g.to(sw.float64), None), "gradient of .*float64 for 'x'"),
        (lambda g: (1.0, None), "gave float for 'x'"),
    ):
        f.vjp(rule)
        with pytest.raises(RuntimeError, match=r"test_function_rules.py:\d+: .*" + message):
            f(x, y)


def test_a_lowering_as_text():
    @sw.function
    def clipped(x: Tensor, by: Number = 1.0):
        return sw.clamp(x, -by, by)

    @clipped.lowering
    def _(x, by, result):
        return f"""
        func.func @clipped(%x: {x}, %by: {by}) -> {result} {{
          %c0 = arith.constant 0 : index
          %wide = tensor.extract %by[] : {by}
          %b = arith.truncf %wide : f64 to f32
          %low = arith.negf %b : f32
          %n = tensor.dim %x, %c0 : {x}
          %init = tensor.empty(%n) : {result}
          %y = linalg.map ins(%x : {x}) outs(%init : {result})
            (%e: f32, %o: f32) {{
              %up = arith.maximumf %e, %low : f32
              %down = arith.minimumf %up, %b : f32
              linalg.yield %down : f32
            }}
          return %y : {result}
        }}
        """

    for n, by in ((4, 0.5), (9, 0.25)):
        x = values(n).requires_grad_()
        y = clipped(x, by)
        same(y.detach(), sw.clamp(x.detach(), -by, by))
        y.sum().backward()  # of the body
        again = values(n).requires_grad_()
        sw.clamp(again, -by, by).sum().backward()
        same(x.grad, again.grad)


def test_wrong_lowerings():
    @sw.function
    def f(x: Tensor):
        return x * 2

    for text, message in (
        ("no function", "must be a func.func"),
        (
            "func.func @f(%x: tensor<?xf64>) -> tensor<?xf64> { return %x : tensor<?xf64> }",
            "has type",
        ),
        ("func.func @f(%x: tensor<?xf32> { }", "cannot be read"),
        (
            "func.func @f(%x: tensor<?xf32>) -> tensor<?xf32> { %y = math.nothing %x return %y }",
            "cannot be read",
        ),
    ):
        chosen = text
        f.lowering(lambda x: chosen)
        with pytest.raises(RuntimeError, match=message):
            f(values(3))


def test_a_lowering_may_sort_what_the_body_cannot_say():
    @sw.function
    def reversed_sum(x: Tensor):
        return x.sum(0)

    @reversed_sum.lowering
    def _(x, result):
        return f"""
        func.func @f(%x: {x}) -> {result} {{
          %zero = arith.constant 0.0 : f32
          %c0 = arith.constant 0 : index
          %c1 = arith.constant 1 : index
          %n = tensor.dim %x, %c0 : {x}
          %sum = scf.for %i = %c0 to %n step %c1 iter_args(%s = %zero) -> f32 {{
            %e = tensor.extract %x[%i] : {x}
            %t = arith.addf %s, %e : f32
            scf.yield %t : f32
          }}
          %y = tensor.from_elements %sum : {result}
          return %y : {result}
        }}
        """

    x = values(7)
    np.testing.assert_allclose(reversed_sum(x).item(), x.sum().item(), rtol=1e-5)


def test_exported_programs_have_rules_and_no_lowerings(tmp_path):
    @sw.function
    def wrong(x: Tensor):
        return x * 2

    @wrong.vjp
    def _(g):
        return g * 7

    @wrong.lowering
    def _(x, result):
        return f"func.func @f(%x: {x}) -> {result} {{ return %x : {x} }}"

    same(wrong(values(3)), values(3))  # what the lowering says
    program = sw.export(lambda x: wrong(x) + 1, (values(3),))
    assert "array.call" in program.program and "lowering" not in program.program
    program.save(tmp_path / "p.stepwell")
    x = values(3).requires_grad_()
    y = sw.load(tmp_path / "p.stepwell")(x)
    same(y.detach(), x.detach() * 2 + 1)
    y.sum().backward()
    same(x.grad, sw.ones(3) * 7)
    text = program.program.replace(
        '<{callee = "wrong", ', '<{callee = "wrong", lowering = "func.func @f() { return }", '
    )
    assert text != program.program
    with pytest.raises(ValueError, match="brings a lowering"):
        sw._core._bind_program(text, program._tensors)


def test_a_function_with_a_rule_inside_of_another_at_other_sizes():
    traced = []

    @sw.function
    def mean_of(x: Tensor, scale: Number = 1.0):
        traced.append("inner")
        return x.sum() * scale / x.numel() if x.shape[0] > 3 else x.sum() * scale

    @mean_of.vjp
    def _(x, g, scale):
        return (g * scale / 2).expand_as(x)

    @sw.function
    def outer(x: Tensor, by: Number = 2.0):
        traced.append("outer")
        return mean_of(x * by, by + 1) + 1

    for size, by in [(5, 2.0), (7, 3.0), (64, 0.5)]:
        x = values(size, 2).requires_grad_()
        y = outer(x, by)
        same(y, (x * by).sum() * (by + 1) / (2 * size) + 1)
        y.backward()
        same(x.grad, sw.full((size, 2), by * (by + 1) / 2))
    assert traced.count("inner") == 1  # one trace of it serves all
    same(outer(values(2, 2), 2.0), (values(2, 2) * 2).sum() * 3 + 1)  # another branch inside
    assert traced.count("inner") == 2


def test_a_size_inside_of_another_function_is_a_number_of_each_call():
    @sw.function
    def spread(x: Tensor):
        return x / x.shape[0]

    @spread.vjp
    def _(x, g):
        return g / x.shape[0]

    @sw.function
    def tails(x: Tensor):
        return spread(x[1:]) + spread(x)[1:]

    for size in (4, 9, 30):
        x = values(size).requires_grad_()
        tails(x).sum().backward()
        tail = 1 / (size - 1) + 1 / size
        same(x.grad, sw.tensor([0.0] + [tail] * (size - 1)))
