# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles the kernels of ordinary use for each level of x86-64: what a wheel ships.

    make_packs.py FOLDER [--level x86-64-v3]... [--limit N]

Writes FOLDER/<level>.pack (runtime/include/stepwell/pack.h says what is in it). The calls run once on this machine,
so that the programs behind them are known; objects for other levels are compiled and not run.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import struct
import sys
import tempfile
from pathlib import Path

LEVELS = ("x86-64-v2", "x86-64-v3", "x86-64-v4", "x86-64-v4+amx")
MAGIC = b"SWPACK2\n"


def pack(objects: dict[bytes, bytes]) -> bytes:
    """The file: a header, a table in the order of the digests, the objects."""
    table, data = [], []
    offset = len(MAGIC) + 8 + 48 * len(objects)
    for digest, content in sorted(objects.items()):
        padding = -offset % 16
        sealed = digest + struct.pack("<Q24x", len(content)) + content
        data += [bytes(padding), hashlib.sha256(sealed).digest(), content]
        table.append(digest + struct.pack("<QQ", offset + padding, len(content)))
        offset += padding + 32 + len(content)
    return b"".join([MAGIC, struct.pack("<Q", len(objects)), *table, *data])


def programs(limit: int | None) -> list[str]:
    """The programs behind the calls of ordinary use, each once."""
    from ordinary_use import all_calls
    from stepwell import _core

    # Making the arguments is ordinary use too.
    found = _core._record_programs(lambda: [call() for call in all_calls()[:limit]])
    return list(dict.fromkeys(found))


def wanted_for(level: str, found: list[str]) -> list[str]:
    """Tile registers are for bf16: for all else the level without them is asked, and its pack."""
    return [text for text in found if not level.endswith("+amx") or "bf16" in text]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--level", action="append", choices=LEVELS, help="this level; default: all")
    parser.add_argument("--limit", type=int, help="so many calls only")
    options = parser.parse_args()
    # Nobody's cache is used or filled.
    with tempfile.TemporaryDirectory() as cache:
        os.environ.update(STEPWELL_CACHE_DIR=cache, STEPWELL_KERNEL_PACKS="")
        found = programs(options.limit)
    from stepwell import _core

    options.folder.mkdir(parents=True, exist_ok=True)
    for level in options.level or LEVELS:
        wanted = wanted_for(level, found)
        content = pack(dict(_core._compile_for(program, level) for program in wanted))
        path = options.folder / f"{level}.pack"
        temporary = path.with_suffix(".new")
        temporary.write_bytes(content)
        temporary.replace(path)
        print(f"{path}: {len(wanted)} kernels, {len(content) / 2**20:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
