# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The kernel cache as a program sees it: one warning where it cannot be used, right results always."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import warnings
import stepwell as sw
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    values = [(sw.arange(4.0) * 3 + 1).tolist(), (sw.ones(2, 3) @ sw.ones(3, 2)).tolist()]
    for k in range(6):
        (sw.ones(*[2] * (k + 1)).sum(-1) + k).exp()
assert values == [[1.0, 4.0, 7.0, 10.0], [[3.0, 3.0], [3.0, 3.0]]], values
stats = sw._core.kernel_stats()
print(len(seen), stats["disk_hits"], stats["compiles"])
for warning in seen:
    print(warning.category.__name__, warning.message)
"""


def run(folder, program=PROGRAM, flags=(), **environment):
    done = subprocess.run(
        [sys.executable, *flags, "-c", program],
        env={
            **os.environ,
            "STEPWELL_CACHE_DIR": str(folder),
            "STEPWELL_KERNEL_PACKS": "",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    return [int(number) for number in first.split()], rest


def entries(folder):
    return sorted(path for path in (folder / "objects-1").iterdir() if path.name[0] != ".")


def test_the_second_run_compiles_nothing_and_nobody_is_warned(tmp_path):
    (warnings, hits, compiles), _ = run(tmp_path)
    assert (warnings, hits) == (0, 0) and compiles == len(entries(tmp_path)) > 5
    assert run(tmp_path)[0] == [0, compiles, 0]


def unusable(kind, tmp_path):
    folder = tmp_path / "cache"
    if kind == "a file":
        folder.write_text("here first")
    elif kind == "writable by others":
        (folder / "objects-1").mkdir(parents=True)
        (folder / "objects-1").chmod(0o777)
    elif kind == "a link":
        (tmp_path / "elsewhere").mkdir()
        folder.mkdir()
        (folder / "objects-1").symlink_to(tmp_path / "elsewhere")
    elif kind == "a link that leads nowhere":
        folder.symlink_to(tmp_path / "nowhere")
    elif kind == "where nothing can be made":
        return Path("/proc/self/nowhere")
    return folder


@pytest.mark.parametrize(
    "kind",
    ["a file", "writable by others", "a link", "a link that leads nowhere"]
    + ["where nothing can be made"],
)
def test_a_folder_that_cannot_be_used_is_one_warning(tmp_path, kind):
    folder = unusable(kind, tmp_path)
    (warnings, hits, compiles), lines = run(folder)
    assert (warnings, hits) == (1, 0) and compiles > 5
    assert lines[0].startswith(
        f"RuntimeWarning compiled kernels may not be kept for the next run: {folder}"
    )


def test_files_that_may_not_grow_are_one_warning(tmp_path):
    # As on a full disk: nothing half written is left.
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))\n"
    (warnings, hits, compiles), lines = run(tmp_path, limit + PROGRAM)
    assert (warnings, hits) == (1, 0) and compiles > 5 and "File too large" in lines[0]
    assert not [name for name in os.listdir(tmp_path / "objects-1") if name != ".size"]


def test_a_size_that_is_none_is_one_warning(tmp_path):
    (warnings, _, compiles), lines = run(tmp_path, STEPWELL_CACHE_SIZE="lots")
    assert warnings == 1 and "STEPWELL_CACHE_SIZE=lots" in lines[0]
    assert len(entries(tmp_path)) == compiles


def test_the_size_bounds_the_folder_and_nothing_is_no_cache(tmp_path):
    assert run(tmp_path / "small", STEPWELL_CACHE_SIZE="12K")[0][0] == 0
    left = entries(tmp_path / "small")
    assert 0 < sum(-path.stat().st_size // 4096 * -4096 for path in left) <= 12 << 10
    assert run(tmp_path / "none", STEPWELL_CACHE_SIZE="0")[0][0] == 0
    assert not (tmp_path / "none").exists()


def test_a_warning_that_is_an_error_is_raised_once(tmp_path):
    program = """
import stepwell as sw
seen = 0
for k in range(3):
    for attempt in range(2):
        try:
            assert (sw.ones(2, 3).sum(0) + k).tolist() == [2.0 + k] * 3
        except RuntimeWarning as warning:
            assert "may not be kept" in str(warning)
            seen += 1
print(seen)
"""
    assert run("/proc/self/nowhere", program, ["-W", "error::RuntimeWarning"]) == ([1], [])


def replace_digest(content):
    """Right for what was changed, if the digest were of the code alone."""
    import hashlib

    return content[:64] + hashlib.sha256(content[96:]).digest() + content[96:]


TAMPER = {
    "a flipped bit in the code": lambda a, b: a[:200] + bytes([a[200] ^ 1]) + a[201:],
    "a cut": lambda a, b: a[:-1],
    "nothing": lambda a, b: b"",
    "another kernel": lambda a, b: b,
    "another kernel under this key": lambda a, b: b[:16] + a[16:48] + b[48:],
    "another kernel's code": lambda a, b: replace_digest(
        a[:48] + (len(b) - 96).to_bytes(8, "little") + a[56:96] + b[96:]
    ),
    "an older format": lambda a, b: b"stepwell-obj-1\n\0" + a[16:],
}


@pytest.mark.parametrize("kind", TAMPER)
def test_what_was_tampered_with_is_compiled_again(tmp_path, kind):
    (_, _, compiles), _ = run(tmp_path)
    paths = entries(tmp_path)
    contents = [path.read_bytes() for path in paths]
    for path, content, other in zip(paths, contents, contents[1:] + contents[:1]):
        path.write_bytes(TAMPER[kind](content, other))
    assert run(tmp_path)[0] == [0, 0, compiles]
    assert [path.read_bytes() for path in paths] == contents
