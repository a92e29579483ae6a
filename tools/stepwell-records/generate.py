#!/usr/bin/env python3
# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes every file that is derived from dialects/Array/*.td (docs/record-schema.md).

    generate.py array.json autodiff.json --out FOLDER --docs FOLDER

Each is the output of `llvm-tblgen -dump-json` for a dialect.
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


def generate(text, *others):
    """Relative path -> text of every generated file, from the array dialect's records and others'."""
    definitions = json.loads(text)
    try:
        return _generate(definitions, [json.loads(other) for other in others])
    except records.RecordError as error:
        record = str(error).partition(":")[0]
        places = definitions.get(record, {}).get("!locs") or [""]
        place = ":".join(places[0].split(":")[:2])
        raise records.RecordError(f"{place}: {error}" if place else str(error)) from None


def _generate(definitions, others):
    ops = records.read(definitions)
    block_ops = [op for each in (definitions, *others) for op in records.read_block_ops(each)]
    return {
        "stepwell/Array/OpTable.inc": emit_table.emit(ops, block_ops),
        "stepwell/Eager/OpAttributes.h": emit_table.attributes(ops, block_ops),
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
    parser.add_argument("records", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True, help="folder of the C++ files")
    parser.add_argument("--docs", type=Path, required=True, help="folder of stub and pages")
    arguments = parser.parse_args(argv)
    try:
        code, docs = generate(*(path.read_text() for path in arguments.records))
    except records.RecordError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for folder, files in ((arguments.out, code), (arguments.docs, docs)):
        for name, text in files.items():
            write(folder / name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
