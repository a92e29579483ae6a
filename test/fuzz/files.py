# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Damaged and hostile files: .stepwell, .safetensors, .mlir and .npy, to whatever reads them.

A case says which reader gets a file, and the edits that made the file out of a good one. A reader
may take the file or refuse it, as docs/shipping.md says: a ValueError in Python, one line and exit
status 1 from a program.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import struct
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("STEPWELL_BUILD_DIR", ROOT / "build"))
FOLDER = BUILD / "fuzz-files"
SECONDS = 60

SHAPES = {"w": (8, 3), "b": (1, 3), "m": (4,), "i": (2,), "s": ()}
DTYPES = {"w": "F32", "b": "F16", "m": "BOOL", "i": "I64", "s": "F64"}
BYTES = {"F32": 4, "F16": 2, "BOOL": 1, "I64": 8, "F64": 8}

# What stepwell-compile takes, in the custom form.
TEXT = """\
func.func @main(%x: tensor<?x8xf32> {stepwell.name = "x"},
                %w: tensor<8x3xf32> {stepwell.name = "w"},
                %i: tensor<2xi64> {stepwell.name = "i"})
    -> (tensor<3x2xf32> {stepwell.name = "y"}) {
  %0 = array.matmul %x, %w : (tensor<?x8xf32>, tensor<8x3xf32>) -> tensor<4x3xf32>
  %1 = array.exp %0 : (tensor<4x3xf32>) -> tensor<4x3xf32>
  %2 = array.pad %1 {low = array<i64: 0, -1>, high = array<i64: 1, 1>, value = 0.5 : f64}
      : (tensor<4x3xf32>) -> tensor<5x3xf32>
  %3 = array.index_select %2, %i {dim = 0 : i64}
      : (tensor<5x3xf32>, tensor<2xi64>) -> tensor<2x3xf32>
  %4 = array.transpose %3 {permutation = array<i64: 1, 0>}
      : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return %4 : tensor<3x2xf32>
}
"""
# What files hold: the canonical form, which Python reads, too.
PROGRAM = """\
"builtin.module"() ({
"func.func"() <{arg_attrs = [{stepwell.name = "x"}, {stepwell.name = "w"}, {stepwell.name = "s", stepwell.scalar}], \
function_type = (tensor<4x8xf32>, tensor<8x3xf32>, tensor<f64>) -> (tensor<4x3xf32>), \
res_attrs = [{stepwell.name = "y"}], sym_name = "main"}> ({
^bb0(%0: tensor<4x8xf32>, %1: tensor<8x3xf32>, %2: tensor<f64>):
%3 = "array.matmul"(%0, %1) : (tensor<4x8xf32>, tensor<8x3xf32>) -> (tensor<4x3xf32>)
%4 = "array.cast"(%2) <{dtype = f32}> : (tensor<f64>) -> (tensor<f32>)
%5 = "array.mul"(%3, %4) : (tensor<4x3xf32>, tensor<f32>) -> (tensor<4x3xf32>)
%6 = "array.reshape"(%5) <{sizes = array<i64: 12>}> : (tensor<4x3xf32>) -> (tensor<12xf32>)
%7 = "array.reshape"(%6) <{sizes = array<i64: 4, 3>}> : (tensor<12xf32>) -> (tensor<4x3xf32>)
"func.return"(%7) : (tensor<4x3xf32>) -> ()
}) : () -> ()
}) : () -> ()
"""
SIGNATURE = '{"arguments": [["x", "tensor"]], "results": "tensor"}'
NUMBERS = (
    "0 -1 1 2 3 15 16 17 255 65536 2147483647 2147483648 4294967295 4294967296 4611686018427387904 "
    "9223372036854775807 -9223372036854775808 9223372036854775808 18446744073709551615 "
    "18446744073709551616 1e9 1e999 NaN 0x7fffffffffffffff 99999999999999999999999999"
).split()
WORDS = [
    *"array.exp array.matmul array.sum array.pad array.full array.reshape array.concat".split(),
    *"tensor<?x?xf32> tensor<*xf32> tensor<f32> tensor<4xi7> tensor<-1xf32> index ui8 i1".split(),
    *"array<index: 4> array<i64: 4> array<f32: 1> dense<0> dense_resource<x> #a !a @main".split(),
    *'{ } [ ] ( ) < > : , = %0 %9 ^bb0 ? null true \\ " \\u0000 \\ud800'.split(),
]


def _safetensors(metadata: dict[str, str] | None, names: str) -> bytes:
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    data = b""
    for name in names:
        count = 1
        for size in SHAPES[name]:
            count *= size
        size = count * BYTES[DTYPES[name]]
        header[name] = {
            "dtype": DTYPES[name],
            "shape": list(SHAPES[name]),
            "data_offsets": [len(data), len(data) + size],
        }
        data += bytes(range(1, 1 + size)) if DTYPES[name] != "BOOL" else bytes(size)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def _npy(descr: str, shape: tuple[int, ...], data: bytes) -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (63 - (10 + len(text)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


def _package() -> bytes:
    metadata = {"stepwell": "1", "sha256": "0" * 64, "signature": SIGNATURE, "program": PROGRAM}
    return _signed(_safetensors(metadata, "ws"))


def _signed(content: bytes) -> bytes:
    found = re.search(rb'"sha256": ?"([0-9a-f]{64})"', content)
    if not found:
        return content
    zeros = content[: found.start(1)] + b"0" * 64 + content[found.end(1) :]
    digest = hashlib.sha256(zeros).hexdigest().encode()
    return zeros[: found.start(1)] + digest + zeros[found.end(1) :]


# The files that are spoilt.
GOOD = {
    "package": _package(),
    "weights": _safetensors(None, "wbmis"),
    "text": TEXT.encode(),
    "floats": _npy("<f4", (4, 8), struct.pack("<32f", *range(32))),
    "indices": _npy("<i8", (2,), struct.pack("<2q", 1, 4)),
}
# Who reads which, and how often: a process is dear.
READERS = {
    "load": ("package", 30),
    "call": ("package", 1),
    "safetensors": ("weights", 30),
    "compile text": ("text", 4),
    "compile package": ("package", 2),
    "compile weights": ("weights", 2),
    "run floats": ("floats", 8),
    "run indices": ("indices", 8),
}


def generate(random):
    names = list(READERS)
    reader = random.choices(names, [READERS[name][1] for name in names])[0]
    size = len(GOOD[READERS[reader][0]])
    edits = []
    for _ in range(random.choice((1, 1, 1, 2, 3, 5))):
        kind = random.choice(("flip", "flip", "byte", "number", "number", "word", "cut", "copy"))
        if kind == "flip":
            edits.append([kind, random.randrange(size), random.randrange(8)])
        elif kind == "byte":
            edits.append([kind, random.randrange(size), random.randrange(256)])
        elif kind == "number":
            edits.append([kind, random.randrange(100), random.choice(NUMBERS)])
        elif kind == "word":
            edits.append([kind, random.randrange(200), random.choice(WORDS)])
        elif kind == "cut":
            first = random.randrange(size)
            length = size if random.random() < 0.5 else random.randrange(1, 40)
            edits.append([kind, first, length])
        else:
            edits.append(
                [kind, random.randrange(size), random.randrange(1, 80), random.randrange(size)]
            )
    return {"reader": reader, "edits": edits, "sign": random.random() < 0.8}


def group(case):
    return case["reader"]


def smaller(case):
    edits = case["edits"]
    for i in range(len(edits)):
        if len(edits) > 1:
            yield {**case, "edits": edits[:i] + edits[i + 1 :]}


def _replaced(content: bytes, pattern: bytes, index: int, text: str) -> bytes:
    """The match of that index (they go round) becomes `text`."""
    matches = list(re.finditer(pattern, content))
    if not matches:
        return content
    found = matches[index % len(matches)]
    return content[: found.start()] + text.encode() + content[found.end() :]


def spoilt(case) -> bytes:
    content = GOOD[READERS[case["reader"]][0]]
    for kind, *values in case["edits"]:
        if kind == "number":
            content = _replaced(content, rb"-?\b\d+\b", *values)
        elif kind == "word":
            content = _replaced(content, rb"[A-Za-z_.]+", *values)
        elif kind == "cut":
            first, length = values
            content = content[:first] + content[first + length :]
        elif kind == "copy":
            first, length, to = values
            content = content[:to] + content[first : first + length] + content[to:]
        elif values[0] < len(content):
            at, value = values
            byte = content[at] ^ (1 << value) if kind == "flip" else value
            content = content[:at] + bytes([byte]) + content[at + 1 :]
    return _signed(content) if case["sign"] else content


@functools.cache
def _folder() -> Path:
    """This worker's files; the executable is shared by all, and made by whoever comes first."""
    FOLDER.mkdir(exist_ok=True)
    return Path(tempfile.mkdtemp(dir=FOLDER))


@functools.cache
def _program() -> Path:
    tool = BUILD / "bin" / "stepwell-compile"
    program = FOLDER / "program"
    newest = max(tool.stat().st_mtime, Path(__file__).stat().st_mtime)
    if not program.exists() or program.stat().st_mtime < newest:
        _write("good.mlir", GOOD["text"])
        subprocess.run([tool, "good.mlir", "-o", "program"], cwd=_folder(), check=True)
        os.replace(_folder() / "program", program)
    return program


def _write(name: str, content: bytes) -> str:
    (_folder() / name).write_bytes(content)
    return name


def _run(*command) -> str | None:
    """What is wrong with how a program took it."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=_folder(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"hang: {command[0]} does not end"
    message = done.stderr.decode(errors="replace")
    if done.returncode not in (0, 1):
        return f"crash: exit status {done.returncode}: {message[:300]}"
    if done.returncode == 1 and (message.count("\n") != 1 or ": error: " not in message):
        return f"not one line: {message[:300]}"
    if "internal error" in message:
        return f"internal error: {message[:300]}"
    return None


def check(case):
    content, reader = spoilt(case), case["reader"]
    tool = BUILD / "bin" / "stepwell-compile"
    if reader == "compile text":
        return _run(tool, _write("p.mlir", content), "--emit=asm", "-o", "out.s")
    if reader == "compile package":
        return _run(tool, _write("p.stepwell", content), "--emit=asm", "-o", "out.s")
    if reader == "compile weights":
        _write("p.mlir", GOOD["text"])
        weights = f"--weights={_write('p.safetensors', content)}"
        return _run(tool, "p.mlir", weights, "--emit=asm", "-o", "out.s")
    if reader.startswith("run"):
        import array

        files = [
            _write("x.npy", GOOD["floats"]),
            _write("w.npy", _npy("<f4", (8, 3), array.array("f", range(24)).tobytes())),
            _write("i.npy", GOOD["indices"]),
        ]
        _write("x.npy" if reader == "run floats" else "i.npy", content)
        return _run(_program(), *files, "--out-prefix=r_")
    import stepwell
    import stepwell.safetensors

    if reader == "safetensors":
        try:
            for tensor in stepwell.safetensors.load(content).values():
                repr(tensor), tensor.sum()
        except ValueError:
            pass
        return None
    path = _folder() / "p.stepwell"
    path.write_bytes(content)
    try:
        loaded = stepwell.load(path)
    except ValueError:
        return None
    if reader == "call":
        try:
            loaded(stepwell.ones(4, 8))
        except (ValueError, TypeError, IndexError):
            pass
        except RuntimeError as error:
            if "internal error" in str(error):
                return f"internal error: {error}"
    return None
