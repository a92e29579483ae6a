# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One benchmark: a program that both libraries run, and what its result must be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """A statement timed in PyTorch and in Stepwell.

    `setup` and `statement` are Python code in which `torch` names the library, and each array of `data` a
    tensor that holds a copy of it. `check` is the expression whose value both must agree on (the statement when
    it is an expression): a tensor, or a tuple of them.
    """

    name: str
    statement: str
    data: Callable[[np.random.Generator], Arrays] = field(default=lambda rng: {})
    setup: str = ""
    check: str | None = None
    tolerance: float | None = None
    """Largest difference allowed, in units of the largest magnitude of the result; None: the dtype's."""

    def namespace(self, library: Any) -> dict[str, Any]:
        """The names that the statement sees, made anew from the same seed."""
        names: dict[str, Any] = {"torch": library, "F": library.nn.functional}
        for name, array in self.data(np.random.default_rng(0)).items():
            names[name] = library.tensor(array)
        exec(compile(self.setup, f"<setup of {self.name}>", "exec"), names)
        return names

    def value(self, names: dict[str, Any]) -> Any:
        return eval(compile(self.check or self.statement, f"<{self.name}>", "eval"), names)


@dataclass(frozen=True)
class Row:
    """One line of the report. `ours` and `theirs` are in `unit`; ratio above 1: Stepwell is better."""

    group: str
    name: str
    threads: int
    ours: float
    theirs: float
    ratio: float
    unit: str = "s"


@dataclass(frozen=True)
class Group:
    """Cases that are judged together: the geometric mean of the ratios and the worst. Where both are 0 there is no
    target: the ratios are reported."""

    name: str
    mean: float
    worst: float
    cases: Callable[[], list[Case]] = field(default=list)
    """What is timed statement by statement…"""
    rows: Callable[[int], Iterator[Row]] | None = None
    """…or, given the number of threads, measured in a way of its own."""


def f32(*shape: int, low: float | None = None, high: float = 1.0) -> Callable[..., np.ndarray]:
    """An array of normal deviates, or uniform ones from [low, high)."""

    def make(rng: np.random.Generator) -> np.ndarray:
        if low is None:
            return rng.standard_normal(shape, dtype=np.float32)
        return rng.uniform(low, high, shape).astype(np.float32)

    return make


def arrays(**makers: Callable[[np.random.Generator], np.ndarray]) -> Callable[..., Arrays]:
    """`data` for a case: arrays(a=f32(8), b=f32(8))."""
    return lambda rng: {name: make(rng) for name, make in makers.items()}
