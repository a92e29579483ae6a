# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds lines of prose wider than 120 characters: in Markdown, in comments, in docstrings and in the
descriptions of TableGen records. Code, table rows, command output and the targets of links may be wider.

    check_prose.py FILE...
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

WIDTH = 120
# What introduces a comment that takes a whole line.
COMMENT = {
    **dict.fromkeys([".h", ".c", ".cpp"], re.compile(r"\s*(//|/\*|\*)")),
    ".td": re.compile(r"\s*//"),
    # Not what lit and FileCheck read.
    ".mlir": re.compile(r"\s*//(?!\s*([A-Z0-9_-]+:|expected-))"),
    **dict.fromkeys(["", ".py", ".sh", ".txt", ".cmake"], re.compile(r"\s*#")),
}
LINK_TARGET = re.compile(r"\]\([^)]*\)|<?https?://\S+")


def width(line: str) -> int:
    return len(LINK_TARGET.sub("]", line))


def outside_fences(lines: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The lines that are not between ``` and ```."""
    fenced = False
    for number, line in lines:
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def descriptions(lines: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The lines of `description = [{ ... }]`."""
    inside = False
    for number, line in lines:
        if re.search(r"\bdescription = \[\{", line):
            inside = True
        if inside:
            yield number, line
        if "}]" in line:
            inside = False


def docstrings(text: str) -> Iterator[tuple[int, str]]:
    """The lines of strings that are statements, without their examples."""
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        starts = before in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
        if token.type == tokenize.STRING and starts:
            lines = enumerate(token.string.splitlines(), token.start[0])
            yield from ((n, line) for n, line in lines if not re.match(r"\s*(>>>|\.\.\.) ", line))
        if token.type not in (tokenize.NL, tokenize.COMMENT, tokenize.ENCODING):
            before = token.type


def prose(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """The numbered lines of a file that are read by people only."""
    lines = list(enumerate(text.splitlines(), 1))
    if path.suffix == ".md":
        yield from (
            (n, line) for n, line in outside_fences(lines) if not line.lstrip().startswith("|")
        )
    if path.suffix == ".td":
        yield from outside_fences(list(descriptions(lines)))
    if path.suffix == ".py":
        yield from docstrings(text)
    if comment := COMMENT.get(path.suffix):
        yield from ((n, line) for n, line in lines if comment.match(line))


def main(names: list[str]) -> int:
    found = 0
    for name in names:
        for number, line in prose(Path(name), Path(name).read_text(encoding="utf-8")):
            if width(line) > WIDTH:
                found += 1
                print(f"{name}:{number}: {width(line)} characters wide, of {WIDTH}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
