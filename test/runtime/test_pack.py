# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Objects that were made in advance: found by their digest, and nothing read outside of the file."""

import ctypes
import hashlib
import importlib.util
import struct

import pytest
from runtime_library import ROOT, Digest

spec = importlib.util.spec_from_file_location(
    "make_packs", ROOT / "tools/stepwell-kernels/make_packs.py"
)
make_packs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_packs)

OBJECTS = {hashlib.sha256(bytes([i])).digest(): bytes([i]) * (7 * i) for i in range(40)}


class Pack:
    def __init__(self, runtime, path):
        self.runtime = runtime
        self.handle = runtime.stepwell_pack_open(str(path).encode())

    def find(self, digest):
        content, size = ctypes.c_void_p(), ctypes.c_size_t()
        wanted = Digest((ctypes.c_uint8 * 32)(*digest))
        if not self.runtime.stepwell_pack_find(self.handle, wanted, content, size):
            return None
        return ctypes.string_at(content, size.value)


@pytest.fixture
def open_pack(runtime, tmp_path):
    opened = []

    def make(content):
        path = tmp_path / f"{len(opened)}.pack"
        path.write_bytes(content)
        opened.append(Pack(runtime, path))
        return opened[-1]

    yield make
    for pack in opened:
        runtime.stepwell_pack_close(pack.handle)


def test_every_object_is_found_and_no_other(open_pack):
    pack = open_pack(make_packs.pack(OBJECTS))
    assert pack.runtime.stepwell_pack_count(pack.handle) == len(OBJECTS)
    for digest, content in OBJECTS.items():
        assert pack.find(digest) == content
    for other in (bytes(32), bytes([255]) * 32, hashlib.sha256(b"other").digest()):
        assert pack.find(other) is None


def test_a_pack_of_nothing(open_pack):
    pack = open_pack(make_packs.pack({}))
    assert pack.runtime.stepwell_pack_count(pack.handle) == 0
    assert pack.find(bytes(32)) is None


GOOD = make_packs.pack(OBJECTS)
TABLE = 16


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"SWPACK2",
        b"SWPACK1\n" + GOOD[8:],
        GOOD[:15],
        GOOD[: TABLE + 48 * len(OBJECTS) - 1],
        GOOD[:-1],
        GOOD[:8] + struct.pack("<Q", 2**63) + GOOD[16:],
        GOOD[:8] + struct.pack("<Q", len(OBJECTS) * 1000) + GOOD[16:],
        GOOD[: TABLE + 32] + struct.pack("<QQ", len(GOOD) + 1, 0) + GOOD[TABLE + 48 :],
        GOOD[: TABLE + 32] + struct.pack("<QQ", len(GOOD) - 31, 0) + GOOD[TABLE + 48 :],
        GOOD[: TABLE + 32] + struct.pack("<QQ", 16, 2**64 - 8) + GOOD[TABLE + 48 :],
        GOOD[:TABLE]
        + GOOD[TABLE + 48 : TABLE + 96]
        + GOOD[TABLE : TABLE + 48]
        + GOOD[TABLE + 96 :],
    ],
    ids="empty magic other-version no-count short-table short-data huge-count many beyond no-digest overflow unsorted".split(),
)
def test_a_malformed_file_is_no_pack(open_pack, content):
    assert open_pack(content).handle is None


@pytest.mark.parametrize("part", ["digest", "code", "key", "size"])
def test_a_damaged_object_is_not_found_and_the_others_are(open_pack, part):
    entries = [GOOD[TABLE + 48 * i : TABLE + 48 * i + 48] for i in range(len(OBJECTS))]
    key = entries[17][:32]
    offset, size = struct.unpack("<QQ", entries[17][32:])
    assert size > 8
    content = bytearray(GOOD)
    if part == "size":
        struct.pack_into("<Q", content, TABLE + 48 * 17 + 40, size - 1)
    else:
        # A key of which one bit is another is still in order.
        at = {"digest": offset + 5, "code": offset + 32 + size - 1, "key": TABLE + 48 * 17 + 31}
        content[at[part]] ^= 1
        if part == "key":
            key = bytes(content[TABLE + 48 * 17 : TABLE + 48 * 17 + 32])
    pack = open_pack(bytes(content))
    assert pack.find(key) is None
    for digest, good in OBJECTS.items():
        if digest != entries[17][:32]:
            assert pack.find(digest) == good


def test_no_file_and_a_folder(runtime, tmp_path):
    assert runtime.stepwell_pack_open(str(tmp_path / "none").encode()) is None
    assert runtime.stepwell_pack_open(str(tmp_path).encode()) is None
    runtime.stepwell_pack_close(None)
