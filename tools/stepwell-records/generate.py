#!/usr/bin/env python3
# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes every file that is derived from dialects/Array/*.td (docs/record-schema.md).

    generate.py records.json --out FOLDER

`records.json` is the output of `llvm-tblgen -dump-json`.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import emit_dialect
import emit_docs
import emit_table
import records


def generate(text):
    """Relative path -> text of every generated file."""
    definitions = json.loads(text)
    try:
        return _generate(definitions)
    except records.RecordError as error:
        record = str(error).partition(":")[0]
        places = definitions.get(record, {}).get("!locs") or [""]
        place = ":".join(places[0].split(":")[:2])
        raise records.RecordError(f"{place}: {error}" if place else str(error)) from None


def _generate(definitions):
    ops = records.read(definitions)
    return {
        "stepwell/Array/OpTable.inc": emit_table.emit(ops),
        "stepwell/Eager/OpCounts.h": emit_table.counts(ops),
        "stepwell/Array/ArrayInference.inc": emit_dialect.inference(ops),
        "stepwell/Array/ArrayScalarBodies.inc": emit_dialect.scalar_bodies(ops),
        "stepwell/Array/ArrayVJP.inc": emit_dialect.vjps(ops),
        "stepwell/Array/ArrayBatching.inc": emit_dialect.batching(ops),
        "stepwell/Array/ArrayDecompositions.inc": emit_dialect.decompositions(ops),
    }, emit_docs.emit(ops)


def write(path, text):
    """Leaves an unchanged file untouched, so that nothing is rebuilt for it."""
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("records", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder of the C++ files")
    parser.add_argument("--docs", type=Path, required=True, help="folder of stub and pages")
    arguments = parser.parse_args(argv)
    try:
        code, docs = generate(arguments.records.read_text())
    except records.RecordError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for folder, files in ((arguments.out, code), (arguments.docs, docs)):
        for name, text in files.items():
            write(folder / name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
