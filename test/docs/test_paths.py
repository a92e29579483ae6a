# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The files that pages name are there."""

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("STEPWELL_BUILD_DIR", ROOT / "build"))
FOLDERS = "bench|cmake|dialects|docs|examples|lib|python|runtime|targets|test|tools"
# A file or folder from the root, or a header as it is included.
NAMED = re.compile(rf"`((?:{FOLDERS})/[\w./*+-]+|stepwell(?:-c)?/[\w/]+\.h)`")
GENERATED = ("docs/_build/", "docs/reference/")
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/notes").glob("*.md")]


def is_there(name: str) -> bool:
    if name.startswith("stepwell"):
        rooms = (ROOT / room for room in ("dialects", "lib", "runtime", "targets"))
        generated = BUILD / "dialects/include" / name
        return generated.exists() or any(
            next(room.glob(f"**/include/{name}"), None) for room in rooms
        )
    return next(ROOT.glob(name.rstrip("/")), None) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_exist(page):
    named = set(NAMED.findall(page.read_text(encoding="utf-8")))
    missing = [name for name in named if not name.startswith(GENERATED) and not is_there(name)]
    assert not missing
