# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""stepwell-require-sizes against the shape rules: open sizes fit when the same sizes, written into
the types, verify."""

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("STEPWELL_BUILD_DIR", ROOT / "build"))
sys.path.insert(0, str(ROOT / "test"))

import array_instances  # noqa: E402

OPERATIONS = array_instances.mnemonics(json.loads((BUILD / "records/records.json").read_text()))
SPLIT = "// -----\n"


def stepwell_opt(texts, *passes):
    return subprocess.run(
        [BUILD / "bin" / "stepwell-opt", "--split-input-file", "--mlir-disable-threading", *passes],
        input=SPLIT.join(texts),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def evaluate(text, words):
    """The postfix language of docs/abi.md."""
    stack = []
    for token in text.split():
        if re.fullmatch(r"w\d+", token):
            stack.append(words[int(token[1:])])
        elif re.fullmatch(r"-?\d+", token):
            stack.append(int(token))
        else:
            b, a = stack.pop(), stack.pop()
            match token:
                case "?":
                    stack.append(a if stack.pop() else b)
                case "/":
                    stack.append(int(a / b) if b else a)
                case "//" | "%":
                    stack.append(eval(f"{a} {token} {b}") if b else 0)
                case "!=" | "==" | "<" | "<=" | ">" | ">=" | "+" | "-" | "*":
                    stack.append(int(eval(f"{a} {token} {b}")))
                case _:
                    raise AssertionError(token)
    (value,) = stack
    return value


def fulfilled(requirements, shapes):
    words = []
    for shape in shapes:
        words += [4096, *shape, *[1] * len(shape)]
    return all(
        eval(f"{evaluate(found, words)} {relation} {evaluate(expected, words)}")
        for found, relation, expected, _, _ in requirements
    )


def requirements_of(text):
    (listed,) = re.findall(r"stepwell\.requires = (\[.*?\]\])", text) or ["[]"]
    return json.loads(re.sub(r" : i64", "", listed))


@pytest.mark.parametrize("letter", sorted({name[0] for name in OPERATIONS}))
def test_requirements_are_the_shape_rules(letter):
    """For each operation: its sizes fit, and others fit exactly where the rule says so."""
    cases = []
    for name in (name for name in OPERATIONS if name[0] == letter):
        for seed in range(3):
            r = random.Random(f"{name} {seed}")
            made = array_instances.instance(r, name)
            tensors = [*made.operands, *made.results]
            # An open size is not a 1 that stretches.
            opened = lambda i, d, tensors=tensors: tensors[i].shape[d] != 1  # noqa: E731
            cases.append((name, r, made, tensors, opened))
    found = stepwell_opt(
        [made.program(opened) for *_, made, _, opened in cases], "--stepwell-require-sizes"
    )
    assert found.returncode == 0, found.stderr
    pieces = found.stdout.split(SPLIT)
    assert len(pieces) == len(cases)

    expected, texts, wrong = [], [], []
    for (name, r, made, tensors, opened), piece in zip(cases, pieces, strict=True):
        required = requirements_of(piece)
        shapes = [list(tensor.shape) for tensor in tensors]
        assert fulfilled(required, shapes), (name, required, shapes)
        places = [
            (i, d) for i, t in enumerate(tensors) for d in range(len(t.shape)) if opened(i, d)
        ]
        if name == "constant":
            places = []
        for i, d in r.sample(places, min(6, len(places))):
            changed = [list(shape) for shape in shapes]
            changed[i][d] = r.choice([n for n in (0, 2, 3, 4, 5, 6, 9) if n != changed[i][d]])
            if r.random() < 0.5:  # in several places at once: sizes that agree
                old = shapes[i][d]
                changed = [
                    [changed[i][d] if n == old and opened(j, e) else n for e, n in enumerate(shape)]
                    for j, shape in enumerate(shapes)
                ]
            other = array_instances.Instance(
                made.mnemonic,
                [
                    array_instances.Tensor(t.dtype, tuple(s))
                    for t, s in zip(made.operands, changed, strict=False)
                ],
                [
                    array_instances.Tensor(t.dtype, tuple(s))
                    for t, s in zip(made.results, changed[len(made.operands) :], strict=True)
                ],
                made.attributes,
            )
            texts.append(other.program())
            expected.append((fulfilled(required, changed), name, changed, required))
    # Which pieces do not verify, by the lines where their errors are.
    done = stepwell_opt(texts)
    lines = [0]
    for text in texts:
        lines.append(lines[-1] + text.count("\n") + 1)
    refused = set()
    for line in re.findall(r"<stdin>:(\d+):\d+: error", done.stderr):
        refused.add(max(i for i, first in enumerate(lines) if first < int(line)))
    for i, (fits, *what) in enumerate(expected):
        if fits == (i in refused):
            wrong.append((fits, *what))
    assert not wrong, wrong[0]
