# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random `array` programs, with open sizes and nearly valid ones, through the passes.

A case is a list of programs and the passes that all of them go through, one stepwell-opt for the
case. A program that verifies comes through every pass, or is refused by a diagnostic that says
what is not supported; one that does not verify gets a diagnostic. No crash, no hang, and what
comes out verifies.
"""

from __future__ import annotations

import random as random_module
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

import array_instances  # noqa: E402
import descent  # noqa: E402

SECONDS = 60
PROGRAMS = 8
SINGLE = [
    *(name for name in descent.PASSES if name not in ("canonicalize", "cse")),
    *"stepwell-signed-offsets stepwell-gpu-form-kernels stepwell-gpu-pointer-arguments".split(),
    *"stepwell-spirv-bind-arguments stepwell-spirv-forbid-contraction".split(),
    *"cpu-lower-products cpu-fuse-loops cpu-check-while-reading cpu-split-reductions".split(),
    *"cpu-emit-entry cpu-outline-parallel cpu-lower-contractions cpu-expand-shapes".split(),
    *"cpu-vectorize-linalg cpu-lower-views cpu-lower-to-llvm".split(),
]
# What a pass may say about a program that verifies.
REFUSALS = re.compile(
    "|".join(
        (
            "bool is (reduced|summed) as i64",
            "reduces bool: cast",
            "not defined for elements",
            "has no buffer: bool and ui8",
            "class numbers are integers",
            "have no derivative",
            # of a pass for kernels, by itself, on a program that is none
            "a GPU object has one entry, found 0",
        )
    )
)


def _records():
    import json

    return json.loads((descent.BUILD / "records" / "records.json").read_text())


_MNEMONICS: list[str] = []


def mnemonics() -> list[str]:
    if not _MNEMONICS:
        _MNEMONICS.extend(array_instances.mnemonics(_records()))
    return _MNEMONICS


def generate(random):
    passes = random.choice(
        ([random.choice(SINGLE)], descent.PASSES[: random.randint(2, len(descent.PASSES))])
    )
    if random.random() < 0.4:
        passes = descent.PASSES
    names = mnemonics()
    programs = []
    for _ in range(PROGRAMS):
        programs.append(
            {
                "ops": random.choices(names, k=random.choice((1, 1, 2, 3, 5))),
                "seed": random.randrange(1 << 30),
                "open": random.choice(("none", "all", "some")),
                "spoilt": random.random() < 0.25,
            }
        )
    return {"passes": passes, "programs": programs}


def group(case):
    return " ".join([case["passes"][-1], *case["programs"][0]["ops"][-1:]])


def smaller(case):
    programs = case["programs"]
    for program in programs:
        if len(programs) > 1:
            yield {**case, "programs": [program]}
        ops = program["ops"]
        for i in range(len(ops) if len(ops) > 1 and len(programs) == 1 else 0):
            yield {**case, "programs": [{**program, "ops": ops[:i] + ops[i + 1 :]}]}
    for last in range(1, len(case["passes"])):
        yield {**case, "passes": case["passes"][:last]}


def _spoil(r, text: str) -> str:
    kind = r.choice(("number", "dtype", "size", "attribute", "swap"))
    if kind == "number":
        pattern, new = r"(?<=[ :])-?\d+(?=[,> ])", r.choice(("-1", "0", "7", "9223372036854775807"))
    elif kind == "dtype":
        pattern, new = r"(?<=x)(f32|i64|f64|i1|f16)(?=>)", r.choice(array_instances.ALL)
    elif kind == "size":
        pattern, new = (
            r"(?<=[<x])(\d+|\?)(?=x)",
            r.choice(("0", "1", "?", "6", "4611686018427387904")),
        )
    elif kind == "attribute":
        pattern, new = r"(?<=[{ ])[a-z_]+(?= = )", "nosuch"
    else:
        pattern, new = r"%a\d(?=[, ])(?!:)", "%a0"
    found = list(re.finditer(pattern, text))
    if not found:
        return text
    at = r.choice(found)
    return text[: at.start()] + new + text[at.end() :]


def program_text(program) -> str:
    r = random_module.Random(program["seed"])
    made = [array_instances.instance(r, name) for name in program["ops"]]

    def opened(r, size):
        if size == 1:  # an open size is not one that stretches
            return False
        return {"none": 0.0, "some": 0.5, "all": 1.0}[program["open"]] > r.random()

    text = array_instances.chain(r, made, opened)
    return _spoil(r, text) if program["spoilt"] else text


def check(case):
    texts = [program_text(program) for program in case["programs"]]
    try:
        done = descent.run(case["passes"], texts, SECONDS)
    except subprocess.TimeoutExpired:
        return "hang: stepwell-opt does not end"
    if done.returncode not in (0, 1) or "Stack dump" in done.stderr:
        return f"crash: exit status {done.returncode}: {done.stderr[:400]}"
    spoilt = any(program["spoilt"] for program in case["programs"])
    errors = re.findall(r"error: (.*)", done.stderr)
    if done.returncode == 1 and not errors:
        return f"no diagnostic: {done.stderr[:400]}"
    refused = [error for error in errors if not REFUSALS.search(error)]
    if "convert-array-to-linalg" not in case["passes"]:
        refused = [error for error in refused if error != "op was not bufferized"]
    if refused and not spoilt:
        return f"a valid program is refused: {refused[0][:300]}"
    return None
