# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The text of a Program, read and printed again, is the same text."""

import importlib.util
from pathlib import Path

import pytest
import stepwell as sw

ROOT = Path(__file__).resolve().parents[2]


def ordinary_programs():
    path = ROOT / "tools" / "stepwell-kernels" / "ordinary_use.py"
    spec = importlib.util.spec_from_file_location("ordinary_use", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = []
    for call in module.all_calls():
        found += sw._core._record_programs(call)
    return found


def other_programs():
    """Writes in place, views that overlap, derivatives of derivatives, functions with rules."""
    x = sw.ones(4, 6)
    square = sw.function(lambda x: x * x)

    def rule(x: sw.Tensor):
        return x * x

    ruled = sw.function(rule)
    ruled.vjp(lambda x, g: 2 * x * g)
    w = sw.ones(3, requires_grad=True)

    def twice():
        (first,) = sw.autograd.grad((ruled(w).sin()).sum(), [w], create_graph=True)
        first.sum().backward()

    calls = [
        lambda: x.T.add_(sw.ones(4)),
        lambda: x[:, 1:].add_(x[:, :-1]),
        lambda: x[:, ::2].copy_(x[:, 1::2]),
        lambda: sw.compile(lambda a: (a.sort(1)[0] * 2, a.max()))(x),
        lambda: square(x),
        twice,
    ]
    return [text for call in calls for text in sw._core._record_programs(call)]


@pytest.mark.parametrize("programs", [ordinary_programs, other_programs])
def test_reading_undoes_printing(programs):
    texts = set(programs())
    assert len(texts) > 5
    for text in texts:
        assert sw._core._reprint(text) == text
