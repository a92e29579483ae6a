# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Mutated objects, packs of objects and cache entries: refused or read, within the bytes there are.

What is loaded is not run: code does what it likes. The bytes end where a page that cannot be read
begins, so that reading one too many is a crash without a sanitizer, too.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import mmap
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "runtime"))
sys.path.insert(0, str(ROOT / "tools" / "stepwell-kernels"))
import make_packs  # noqa: E402
from runtime_library import BUILD, Digest, load_runtime  # noqa: E402

Case = dict[str, Any]

# Everything that a kernel's object may have: tables, data, pointers between them, zeroed memory.
SOURCE = """
#include <stepwell/abi.h>
const int32_t stepwell_abi_version = STEPWELL_ABI_VERSION;
static const float scale[4] = {1, 2, 3, 4};
static double zeroed[100];
float plain[2] = {10, 20};
static __attribute__((noinline)) float twice(float x) { return x + x; }
static float (*volatile pointer)(float) = twice;
int64_t stepwell_kernel_workspace_size(const stepwell_arg *args) { return 4 * args[1].i64; }
int32_t stepwell_kernel(stepwell_context *context, const stepwell_arg *args) {
  float *out = args[0].pointer;
  for (int64_t i = 0; i < args[1].i64; ++i) {
    zeroed[i % 100] += 1;
    out[i] = pointer(scale[i % 4]) + twice(plain[i % 2]) + (float)zeroed[i % 100];
  }
  return 0;
}
"""
FLAGS = {
    "pic": ["-fPIC"],
    "large": ["-fno-pic", "-mcmodel=large"],
    "split": ["-ffunction-sections"],
}
NAMES = (b"stepwell_kernel", b"stepwell_kernel_workspace_size", b"plain", b"stepwell_abi_version")
# Where tables of an object begin and how large their entries are is read from the good object.
WORDS = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}


@functools.cache
def runtime() -> Any:
    return load_runtime()


@functools.cache
def good_object(name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "kernel.c", Path(folder) / "kernel.o"
        source.write_text(SOURCE)
        include = f"-I{ROOT / 'runtime' / 'include'}"
        command = ["clang-22", "-c", "-O1", "-fno-builtin", "-fvisibility=hidden", include]
        subprocess.run([*command, *FLAGS[name], str(source), "-o", str(output)], check=True)
        return output.read_bytes()


@functools.cache
def good_objects() -> dict[bytes, bytes]:
    return {hashlib.sha256(bytes([i])).digest(): bytes([i]) * (7 * i) for i in range(12)}


@functools.cache
def good_pack() -> bytes:
    return make_packs.pack(good_objects())


@functools.cache
def folder() -> Path:
    """Of this process. Workers are killed: those of processes that are gone go first."""
    parent = BUILD / "fuzz-objects"
    parent.mkdir(mode=0o700, exist_ok=True)
    for each in parent.iterdir():
        if not Path(f"/proc/{each.name}").exists():
            shutil.rmtree(each, ignore_errors=True)
    made = parent / str(os.getpid())
    made.mkdir(mode=0o700, exist_ok=True)
    return made


KEY = hashlib.sha256(b"key").digest()


def digest(content: bytes) -> Digest:
    return Digest((ctypes.c_uint8 * 32)(*content))


@functools.cache
def cache() -> Any:
    return runtime().stepwell_cache_open(str(folder()).encode(), 1 << 20)


@functools.cache
def good_entry() -> bytes:
    content = good_object("pic")
    assert runtime().stepwell_cache_put(cache(), digest(KEY), content, len(content)) == 1
    return entry_path().read_bytes()


def entry_path() -> Path:
    return folder() / "objects-1" / KEY.hex()[:32]


def good(case: Case) -> bytes:
    if case["kind"] == "object":
        return good_object(case["base"])
    return good_pack() if case["kind"] == "pack" else good_entry()


# --- Cases ------------------------------------------------------------------------------------------


def value(random: Any) -> int:
    bits = random.choice([8, 16, 31, 32, 63, 64])
    return random.choice(
        [0, 1, 2, 8, 255, (1 << bits) - 1, 1 << (bits - 1), random.getrandbits(bits)]
        + [random.randrange(1 << 14), (1 << 64) - random.randrange(1, 1 << 14)]
    )


def edit(random: Any) -> list[Any]:
    """One change; places are taken modulo what there is."""
    return random.choice(
        [
            lambda: ["word", random.choice([1, 2, 4, 8]), random.getrandbits(20), value(random)],
            lambda: ["near", random.choice([1, 2, 4, 8]), random.getrandbits(20), value(random) % 9 - 4],
            lambda: ["section", random.getrandbits(8), random.randrange(10), value(random)],
            lambda: ["entry", random.getrandbits(8), random.getrandbits(10), random.randrange(3), value(random)],
            lambda: ["copy", random.getrandbits(20), random.getrandbits(20), random.randrange(1, 200)],
            lambda: ["cut", random.getrandbits(20)],
        ]
    )()  # fmt: skip


def generate(random: Any) -> Case:
    kind = random.choice(["object"] * 4 + ["pack", "entry"])
    case = {"kind": kind, "edits": [edit(random) for _ in range(random.choice([1, 1, 1, 2, 3, 8]))]}
    if kind == "object":
        case["base"] = random.choice(list(FLAGS))
    return case


def group(case: Case) -> str:
    return case["kind"]


def smaller(case: Case) -> Any:
    for i in range(len(case["edits"])):
        if len(case["edits"]) > 1:
            yield {**case, "edits": case["edits"][:i] + case["edits"][i + 1 :]}


# What is of a fixed size in an object's sections: symbols and relocations.
SYMBOL_FIELDS = [(0, 4), (6, 2), (8, 8)]  # name, section, value
RELOCATION_FIELDS = [(0, 8), (8, 8), (16, 8)]  # offset, symbol and type, addend
HEADER_FIELDS = [(40, 8), (60, 2), (62, 2)]  # where the sections are, how many, which has names
PACK_FIELDS = [(32, 8), (40, 8), (0, 8)]


def tables(image: bytes) -> list[tuple[int, int, int, list[tuple[int, int]]]]:
    """Begin, size, entry size and fields of each table in a good object or pack."""
    if image[:4] != b"\x7fELF":
        return [(16, len(image) - 16, 48, PACK_FIELDS), (8, 8, 8, [(0, 8)] * 3)]
    found = [(0, 64, 64, HEADER_FIELDS)]
    (headers,) = struct.unpack_from("<Q", image, 40)
    for at in range(headers, len(image) - 63, 64):
        (kind,) = struct.unpack_from("<I", image, at + 4)
        offset, size = struct.unpack_from("<QQ", image, at + 24)
        if kind in (2, 4):
            found.append((offset, size, 24, SYMBOL_FIELDS if kind == 2 else RELOCATION_FIELDS))
    return found


SECTION_FIELDS = [
    (0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 4), (44, 4), (48, 8), (56, 8),
]  # fmt: skip


def mutated(image: bytes, edits: list[list[Any]]) -> bytes:
    places, data = tables(image), bytearray(image)
    elf = image[:4] == b"\x7fELF"
    (headers,) = struct.unpack_from("<Q", image, 40) if elf else (0,)
    count = (len(image) - headers) // 64 or 1

    def put(at: int, size: int, new: int) -> None:
        if 0 <= at <= len(data) - size:
            struct.pack_into(WORDS[size], data, at, new % (1 << 8 * size))

    for what, *numbers in edits:
        if what == "word":
            size, at, new = numbers
            put(at % max(len(data), 1), size, new)
        elif what == "near":
            size, at, more = numbers
            at %= max(len(data), 1)
            if at <= len(data) - size:
                put(at, size, struct.unpack_from(WORDS[size], data, at)[0] + more)
        elif what == "section" and elf:
            index, field, new = numbers
            at, size = SECTION_FIELDS[field]
            put(headers + 64 * (index % count) + at, size, new)
        elif what == "entry" and places:
            table, index, field, new = numbers
            begin, size, each, fields = places[table % len(places)]
            at, width = fields[field]
            put(begin + index % max(size // each, 1) * each + at, width, new)
        elif what == "copy" and data:
            source, to, size = numbers
            source, to = source % len(data), to % len(data)
            piece = bytes(data[source : source + size])[: len(data) - to]
            data[to : to + len(piece)] = piece
        elif what == "cut":
            del data[numbers[0] % (len(data) + 1) :]
    return bytes(data)


# --- Checks -----------------------------------------------------------------------------------------


class Guarded:
    """Bytes whose end is the end of what may be read."""

    def __init__(self) -> None:
        self.room = 1 << 16
        self.memory = mmap.mmap(-1, self.room + mmap.PAGESIZE)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        assert protect(self.address + self.room, mmap.PAGESIZE, 0) == 0

    def place(self, content: bytes) -> ctypes.c_char_p:
        begin = self.room - len(content)
        self.memory[begin : self.room] = content
        return ctypes.cast(self.address + begin, ctypes.c_char_p)


guarded = functools.cache(Guarded)


def check_object(image: bytes) -> str | None:
    lib, error = runtime(), ctypes.create_string_buffer(b"\xaa" * 128, 128)
    handle = lib.stepwell_object_load(guarded().place(image), len(image), error, len(error))
    if handle is None:
        text = error.raw.partition(b"\0")
        return None if text[0] and text[1] else "refused without a message"
    size = lib.stepwell_object_size(handle)
    (base,) = struct.unpack("<Q", ctypes.string_at(handle, 8))
    for name in NAMES:
        for address in (
            lib.stepwell_object_function(handle, name),
            lib.stepwell_object_data(handle, name),
        ):
            if address is not None and not base <= address < base + size:
                return f"symbol outside: {name.decode()} is not within the object's memory"
    lib.stepwell_object_unload(handle)
    return None


def check_pack(image: bytes) -> str | None:
    lib, path = runtime(), folder() / "kernels.pack"
    path.write_bytes(image)
    handle = lib.stepwell_pack_open(str(path).encode())
    if handle is None:
        return None
    count = lib.stepwell_pack_count(handle)
    for i in range(20):
        wanted = hashlib.sha256(bytes([i])).digest()
        if i < count:
            wanted = image[16 + 48 * i : 48 + 48 * i]
        content, size = ctypes.c_void_p(), ctypes.c_size_t()
        if lib.stepwell_pack_find(handle, digest(wanted), content, size):
            if ctypes.string_at(content, size.value) != good_objects().get(wanted):
                return "accepted: an object that was changed"
    lib.stepwell_pack_close(handle)
    return None


def check_entry(image: bytes) -> str | None:
    good_entry()
    entry_path().write_bytes(image)
    content, size = ctypes.c_void_p(), ctypes.c_size_t()
    if not runtime().stepwell_cache_get(cache(), digest(KEY), content, size):
        return None
    found = ctypes.string_at(content, size.value)
    runtime().stepwell_cache_free(content)
    return None if found == good_object("pic") else "accepted: an entry that was changed"


def check(case: Case) -> str | None:
    image = mutated(good(case), case["edits"])
    return {"object": check_object, "pack": check_pack, "entry": check_entry}[case["kind"]](image)
