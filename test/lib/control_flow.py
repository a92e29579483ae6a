# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes Programs with branches and loops in their canonical text, and says what they compute."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass
class Value:
    name: str
    shape: tuple[int, ...]
    dtype: str
    open: frozenset[int] = frozenset()

    @property
    def type(self) -> str:
        sizes = "".join(f"{'?' if d in self.open else n}x" for d, n in enumerate(self.shape))
        return f"tensor<{sizes}{self.dtype}>"


def types(values: Sequence[Value]) -> str:
    return "(" + ", ".join(value.type for value in values) + ")"


Numbers = list[np.ndarray]
# Values, and what they are.
Body = tuple[list[Value], Callable[[Numbers], Numbers]]


class Writer:
    """Numbers values in the order in which they are defined, as the canonical text does."""

    def __init__(self) -> None:
        self.count = 0
        self.lines: list[str] = []
        self.indent = "    "

    def fresh(self, like: Value) -> Value:
        self.count += 1
        return Value(f"%{self.count - 1}", like.shape, like.dtype, like.open)

    def arguments(self, values: Sequence[Value]) -> list[Value]:
        made = [self.fresh(value) for value in values]
        if made:
            names = ", ".join(f"{value.name}: {value.type}" for value in made)
            self.lines.append(f"{self.indent[2:]}^bb0({names}):")
        return made

    def end(self, name: str, values: Sequence[Value]) -> None:
        names = ", ".join(value.name for value in values)
        self.lines.append(f'{self.indent}"{name}"({names}) : {types(values)} -> ()')

    def op(
        self,
        name: str,
        operands: Sequence[Value],
        results: Sequence[Value],
        attributes: str = "",
        blocks: Sequence[Callable[[], None]] = (),
    ) -> list[Value]:
        number = f"%{self.count}"
        self.count += 1
        many = len(results) > 1
        names = ", ".join(operand.name for operand in operands)
        head = f'{self.indent}{number}{f":{len(results)}" if many else ""} = "{name}"({names})'
        tail = f" : {types(operands)} -> {types(results)}"
        head += f" <{{{attributes}}}>" if attributes else ""
        if not blocks:
            self.lines.append(head + tail)
        for index, block in enumerate(blocks):
            self.lines.append(head + " ({" if index == 0 else f"{self.indent}}}, {{")
            self.indent += "  "
            block()
            self.indent = self.indent[:-2]
        if blocks:
            self.lines.append(f"{self.indent}}}){tail}")
        return [
            Value(f"{number}#{i}" if many else number, each.shape, each.dtype, each.open)
            for i, each in enumerate(results)
        ]

    def program(self, inputs: Sequence[Value], results: Sequence[Value]) -> str:
        attributes = [", ".join(["{}"] * len(each)) for each in (inputs, results)]
        return (
            '"builtin.module"() ({\n'
            f'  "func.func"() <{{arg_attrs = [{attributes[0]}], '
            f"function_type = {types(inputs)} -> {types(results)}, "
            f'res_attrs = [{attributes[1]}], sym_name = "main"}}> ({{\n'
            + "\n".join(self.lines)
            + "\n  }) : () -> ()\n}) : () -> ()\n"
        )


ELEMENTWISE: dict[str, Callable[..., np.ndarray]] = {
    "add": np.add,
    "sub": np.subtract,
    "maximum": np.maximum,
    "minimum": np.minimum,
}
NUMBER = Value("", (), "i64")
TRUTH = Value("", (), "i1")


class RandomProgram:
    """Branches and loops, one in another, over tensors of integers of one shape.

    The first arguments of the program, and of each block, are the numbers 0, 1 and how often a
    loop goes round.
    """

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.shape = self.random.choice([(), (3,), (2, 3), (1, 4)])
        dims = [d for d, n in enumerate(self.shape) if n != 1]
        self.open = frozenset(dims if self.random.random() < 0.5 else [])
        self.writer = Writer()
        self.value = Value("", self.shape, "i64", self.open)
        count = self.random.randint(1, 3)
        self.inputs = self.writer.arguments([NUMBER] * 3 + [self.value] * count)
        values, self.compute = self.block(self.inputs, depth=0)
        self.results = values[-2:]
        self.writer.end("func.return", self.results)
        self.text = self.writer.program(self.inputs, self.results)
        self.loops = self.random.randint(0, 3)
        self.numbers = [np.int64(n) for n in (0, 1, self.loops)] + [
            np.array(
                [self.random.randint(-9, 9) for _ in range(int(np.prod(self.shape)))], np.int64
            ).reshape(self.shape)
            for _ in range(count)
        ]

    def expected(self) -> Numbers:
        return self.compute(self.numbers)[-2:]

    def block(self, inputs: list[Value], depth: int) -> Body:
        """Some operations, and what they compute: all values, those of the block's first."""
        values, steps = list(inputs), []
        for _ in range(self.random.randint(1, 3)):
            kinds = [self.plain, self.plain, self.cond, self.loop, self.scan]
            made, step = self.random.choice(kinds if depth < 3 else kinds[:1])(values, depth)
            values += made
            steps.append(step)

        def run(numbers: Numbers) -> Numbers:
            known = list(numbers)
            for step in steps:
                known += step(known)
            return known

        return values, run

    def choose(self, values: list[Value], count: int) -> list[int]:
        return [self.random.randrange(3, len(values)) for _ in range(count)]

    def plain(self, values: list[Value], depth: int) -> Body:
        name = self.random.choice(list(ELEMENTWISE))
        a, b = self.choose(values, 2)
        made = self.writer.op(f"array.{name}", [values[a], values[b]], [self.value])
        return made, lambda known: [ELEMENTWISE[name](known[a], known[b])]

    def cond(self, values: list[Value], depth: int) -> Body:
        a, b = self.choose(values, 2)
        bools = Value("", self.shape, "i1", self.open)
        each = self.writer.op("array.le", [values[a], values[b]], [bools])
        dims = "".join(f"{':' if d == 0 else ','} {d}" for d in range(len(self.shape)))
        attributes = f"dims = array<i64{dims}>, keepdim = false"
        truth = self.writer.op("array.all", each, [TRUTH], attributes)
        chosen = [0, 1, 2, *self.choose(values, self.random.randint(1, 2))]
        inputs = [values[i] for i in chosen]
        runs = []

        def branch() -> None:
            made, compute = self.block(self.writer.arguments(inputs), depth + 1)
            self.writer.end("array.yield", made[-1:])
            runs.append(compute)

        made = self.writer.op("array.cond", truth + inputs, [self.value], blocks=[branch, branch])

        def run(known: Numbers) -> Numbers:
            taken = runs[0 if np.all(known[a] <= known[b]) else 1]
            return taken([known[i] for i in chosen])[-1:]

        return made, run

    def loop(self, values: list[Value], depth: int) -> Body:
        """A counter, which ends it, is carried along."""
        carried, reads = self.choose(values, self.random.randint(1, 2)), self.choose(values, 1)
        count = len(carried)
        operands = [values[0], *(values[i] for i in carried)]
        operands += [values[1], values[2], *(values[i] for i in reads)]
        runs = []

        def before() -> None:
            arguments = self.writer.arguments(operands)
            more = self.writer.op("array.lt", [arguments[0], arguments[count + 2]], [TRUTH])
            self.writer.end("array.yield", more)

        def body() -> None:
            now, *rest = self.writer.arguments(operands)
            one, last = rest[count], rest[count + 1]
            following = self.writer.op("array.add", [now, one], [NUMBER])
            made, compute = self.block(
                [now, one, last, *rest[:count], *rest[count + 2 :]], depth + 1
            )
            self.writer.end("array.yield", following + made[-count:])
            runs.append(compute)

        made = self.writer.op(
            "array.while",
            operands,
            [NUMBER, *[self.value] * count],
            f"operandSegmentSizes = array<i32: {1 + count}, 3>",
            [before, body],
        )

        def run(known: Numbers) -> Numbers:
            now = [known[i] for i in carried]
            for index in range(int(known[0]), int(known[2])):
                numbers = [np.int64(index), known[1], known[2], *now, *(known[i] for i in reads)]
                now = runs[0](numbers)[-count:]
            return now

        # A block calls its first argument 0: a loop in there begins where this one is.
        return made[1:], run

    def scan(self, values: list[Value], depth: int) -> Body:
        """Over some values, stacked; what it stacks is summed up again."""
        chosen, carried = self.choose(values, self.random.randint(1, 3)), self.choose(values, 1)[0]
        row = Value("", (1, *self.shape), "i64", frozenset(d + 1 for d in self.open))
        sizes = ", ".join(str(-1 - d if d in self.open else n) for d, n in enumerate(self.shape))
        attributes = f"sizes = array<i64: 1{', ' + sizes if sizes else ''}>"
        rows = [self.writer.op("array.reshape", [values[i]], [row], attributes)[0] for i in chosen]
        stack = Value("", (len(chosen), *self.shape), "i64", row.open)
        stacked = self.writer.op("array.concat", rows, [stack], "dim = 0 : i64")
        operands = [values[carried], *stacked, *values[:3]]
        reverse = self.random.random() < 0.5
        runs = []

        def body() -> None:
            now, piece, *numbers = self.writer.arguments(operands[:1] + [self.value] + operands[2:])
            made, compute = self.block([*numbers, now, piece], depth + 1)
            self.writer.end("array.yield", made[-2:])
            runs.append(compute)

        last, all_ = self.writer.op(
            "array.scan",
            operands,
            [self.value, stack],
            f"{'reverse, ' if reverse else ''}operandSegmentSizes = array<i32: 1, 1, 3>",
            [body],
        )
        total = self.writer.op(
            "array.sum", [all_], [self.value], "dims = array<i64: 0>, keepdim = false"
        )

        def run(known: Numbers) -> Numbers:
            now, pieces = known[carried], []
            for i in reversed(chosen) if reverse else chosen:
                now, piece = runs[0]([*known[:3], now, known[i]])[-2:]
                pieces.append(piece)
            return [now, sum(pieces, start=np.zeros(self.shape, np.int64))]

        return [last, *total], run
